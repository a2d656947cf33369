package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	_ "modernc.org/sqlite" // sizes are asked of the file itself
)

const (
	questions = 41
	starts    = 5
	topSize   = 20
)

// year measures questions, sizes and starts of a store that holds a year, which
// is made unless there is one in the folder made.
func (b *bench) year(ctx context.Context, v volume, made string) error {
	dir := made
	if dir == "" {
		dir = filepath.Join(b.dir, "year"+v.suffix)
		began := time.Now()
		c, err := fill(ctx, dir, v.events)
		if err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		b.comment("%d events over %d days in %s", v.events, days, time.Since(began).Round(time.Second))
		c.print(b, v.suffix)
	}
	if err := b.sizes(ctx, dir, v); err != nil {
		return fmt.Errorf("sizes: %w", err)
	}
	ms, err := topInProcess(ctx, dir, v.events)
	if err != nil {
		return fmt.Errorf("top in the process: %w", err)
	}
	b.print("top20_365d_store_ms"+v.suffix, ms, "-")
	if err := b.served(ctx, dir, v); err != nil {
		return err
	}
	if err := b.search(ctx, dir, v); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	if err := b.doctor(ctx, dir, v); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	if err := b.filters(ctx, dir, v); err != nil {
		return fmt.Errorf("filters: %w", err)
	}
	return nil
}

// sizes measures what is stored. Of a cell of a closed day the bodies of all
// four columns count, checks included: file ids, downloads, hits, bytes. So
// bytes_per_cell is body bytes / cells / 4. Of an event it is the body of its
// ledger row.
func (b *bench) sizes(ctx context.Context, dir string, v volume) error {
	db, err := sql.Open("sqlite", filepath.Join(dir, "pkgmeter.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var cells, cellBytes, events, eventBytes, fileBytes float64
	for _, q := range []struct {
		query string
		into  []any
	}{
		{`SELECT sum(n), sum(length(ids) + length(downloads) + length(hits) + length(bytes)) FROM pack WHERE grain = 0 AND dim = 0`, []any{&cells, &cellBytes}},
		{`SELECT sum(n), sum(length(body)) FROM ledger`, []any{&events, &eventBytes}},
		{`SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`, []any{&fileBytes}},
	} {
		if err := db.QueryRowContext(ctx, q.query).Scan(q.into...); err != nil {
			return err
		}
	}
	if int(events) != v.events {
		return fmt.Errorf("the ledger has %.0f events", events)
	}
	const columns = 4
	b.comment("%.0f (day, file) cells, file of %.0f MB", cells, fileBytes/1e6)
	b.print("bytes_per_cell"+v.suffix, cellBytes/cells/columns, "<=2.5")
	b.print("bytes_per_event"+v.suffix, eventBytes/events, "<=10")
	return nil
}

// topInProcess returns the median time of a question to the store, ms.
func topInProcess(ctx context.Context, dir string, events int) (ms float64, err error) {
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	q := pkgmeter.Query{From: firstDay, To: lastDay, Now: after}
	return timed(func() error {
		top, err := store.Top(ctx, q, pkgmeter.ByFile, pkgmeter.Page{Limit: topSize})
		if err == nil && (len(top.Items) != topSize || top.Total.Hits != int64(events)) {
			err = fmt.Errorf("%d items, %d hits in all", len(top.Items), top.Total.Hits)
		}
		return err
	})
}

// timed returns the median time of f after a warm-up, ms.
func timed(f func() error) (float64, error) {
	var ms []float64
	for i := range questions + 5 {
		began := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		if i >= 5 {
			ms = append(ms, time.Since(began).Seconds()*1e3)
		}
	}
	return median(ms), nil
}

// served measures the program on the store.
func (b *bench) served(ctx context.Context, dir string, v volume) (err error) {
	var ms []float64
	for range starts {
		began := time.Now()
		p, err := b.serve(ctx, dir, after)
		if err != nil {
			return err
		}
		if err = p.ready(ctx); err == nil {
			ms = append(ms, time.Since(began).Seconds()*1e3)
		}
		if err := errors.Join(err, p.stop()); err != nil {
			return err
		}
	}
	b.print("start_ms"+v.suffix, median(ms), v.start)

	p, err := b.serve(ctx, dir, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	took, err := timed(func() error { return askTop(ctx, p, v.events) })
	if err != nil {
		return err
	}
	b.print("top20_365d_ms"+v.suffix, took, v.top)
	b.print("rss_mb"+v.suffix, p.memory(), v.rss)
	if err := b.duck(ctx, dir, v, took); err != nil {
		return fmt.Errorf("duckdb: %w", err)
	}
	return nil
}

// askTop asks over HTTP, and checks that the answer is whole.
func askTop(ctx context.Context, p *process, events int) error {
	q := url.Values{"by": {"file"}, "from": {firstDay.String()}, "to": {lastDay.String()}, "limit": {fmt.Sprint(topSize)}}
	body, err := p.get(ctx, "/api/v1/top?"+q.Encode())
	if err != nil {
		return err
	}
	var top struct {
		Items []json.RawMessage `json:"items"`
		Total struct {
			Hits int `json:"hits"`
		} `json:"total"`
	}
	if err := json.Unmarshal(body, &top); err != nil {
		return err
	}
	if len(top.Items) != topSize || top.Total.Hits != events {
		return fmt.Errorf("%d items, %d hits in all", len(top.Items), top.Total.Hits)
	}
	return nil
}
