package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// The events of one contest: batches as a sender that collects them posts them.
const (
	batchEvents  = 1000
	batches      = 300
	batchSenders = 8
	batchRounds  = 3
	sealedKeys   = 2_300_000 // two segments, and what is in the log
)

// ledger measures the intake of batches with ids, and what ids take.
func (b *bench) ledger(ctx context.Context) error {
	bodies := batchBodies()
	rates := map[string][]float64{}
	for range batchRounds {
		for _, v := range []string{ours, decodeOnly} {
			r, err := b.batchRound(ctx, v, bodies)
			if err != nil {
				return fmt.Errorf("%s: %w", v, err)
			}
			rates[v] = append(rates[v], r)
		}
	}
	b.comment("%d batches of %d new events with ids over %d connections, %d rounds", batches, batchEvents, batchSenders, batchRounds)
	b.print("batch_events_per_s", median(rates[ours]), ">=250000")
	b.print("batch_decode_per_s", median(rates[decodeOnly]), "-")
	b.print("batch_vs_decode", median(rates[ours])/median(rates[decodeOnly]), ">=0.5")
	return b.keys(ctx)
}

// batchBodies writes the batches as lines of JSON.
func batchBodies() [][]byte {
	f := newFilling()
	var bodies [][]byte
	n := 0
	for range batches {
		var body bytes.Buffer
		for range batchEvents {
			n++
			e := f.entries[f.zipf.Uint64()].Event
			fmt.Fprintf(&body, `{"id":"0192f0c2-7a3e-7%07x","time":"%s","repository":"%s","path":"%s","bytes":%d,"client":%q}`+"\n",
				n, lastDay.Start().Add(time.Duration(n)*time.Millisecond).Format(time.RFC3339Nano), e.Repository, e.Path, e.Bytes,
				f.agents[f.rng.IntN(len(f.agents))].text)
		}
		bodies = append(bodies, body.Bytes())
	}
	return bodies
}

// batchRound returns the events a second that a fresh server takes.
func (b *bench) batchRound(ctx context.Context, name string, bodies [][]byte) (perSecond float64, err error) {
	dir, err := os.MkdirTemp(b.dir, "batch")
	if err != nil {
		return 0, err
	}
	token := "none"
	var p *process
	if name == ours {
		if p, err = b.serve(ctx, dir, after); err != nil {
			return 0, err
		}
		if token, err = b.token(ctx, dir); err != nil {
			return 0, errors.Join(err, p.stop())
		}
	} else if p, err = launch(ctx, []string{peerEnv + "=" + name, peerDir + "=" + dir}, b.self); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop(), os.RemoveAll(dir)) }()
	began := time.Now()
	if err := postAll(ctx, p, token, bodies); err != nil {
		return 0, err
	}
	return float64(batches*batchEvents) / time.Since(began).Seconds(), nil
}

func (b *bench) token(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, b.bin, "--data", dir, "token", "new", "--user", "admin", "--scope", "ingest").Output()
	return strings.TrimSpace(string(out)), err
}

// postAll sends every batch once, from several connections.
func postAll(ctx context.Context, p *process, token string, bodies [][]byte) error {
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: batchSenders}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	errs := make([]error, batchSenders)
	var wg sync.WaitGroup
	for i := range batchSenders {
		wg.Go(func() {
			for errs[i] == nil {
				n := int(next.Add(1)) - 1
				if n >= len(bodies) {
					return
				}
				errs[i] = post(ctx, &client, p, token, bodies[n])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func post(ctx context.Context, client *http.Client, p *process, token string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/api/v1/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if want := fmt.Sprintf(`{"accepted":%d,"duplicates":0,"rejected":[]}`, batchEvents); strings.TrimSpace(string(answer)) != want {
		return fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return nil
}

// keys measures what sealed ids take in the file and in memory.
func (b *bench) keys(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(b.dir, "keys")
	if err != nil {
		return err
	}
	f := newFilling()
	f.set(firstDay.Start())
	if f.store, err = sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number, Now: f.now}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.store.Close(), os.RemoveAll(dir)) }()
	began := time.Now()
	if err := f.withIDs(ctx, 0, sealedKeys); err != nil {
		return err
	}
	b.comment("%d new ids in %s", sealedKeys, time.Since(began).Round(time.Second))
	db, err := sql.Open("sqlite", filepath.Join(dir, "pkgmeter.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var stored, n float64
	err = db.QueryRowContext(ctx, `
		SELECT (SELECT sum(length(keys)) FROM key_seg) + (SELECT sum(length(bits)) FROM key_filter), (SELECT sum(n) FROM key_filter)`).Scan(&stored, &n)
	if err != nil {
		return err
	}
	b.print("bytes_per_key", stored/n, "<=11")
	return nil
}

// withIDs stores events with ids number from to number to, a day for each
// million.
func (f *filling) withIDs(ctx context.Context, from, to int) error {
	for at := from; at < to; at += batch {
		d := &pkgmeter.Delivery{Received: f.now()}
		for i := at; i < min(at+batch, to); i++ {
			e := f.entries[f.zipf.Uint64()]
			e.Event.ID, e.Event.Time = fmt.Sprintf("0192f0c2-7a3e-7%09x", i), d.Received
			d.Entries = append(d.Entries, e)
		}
		if err := f.store.Write(ctx, []*pkgmeter.Delivery{d}); err != nil {
			return err
		}
		if d.New != len(d.Entries) {
			return fmt.Errorf("%d of %d events are new", d.New, len(d.Entries))
		}
		if at/1_000_000 != (at+batch)/1_000_000 {
			f.set(f.now().Add(24 * time.Hour))
			if err := errors.Join(f.store.Seal(ctx), f.tidy(ctx)); err != nil {
				return err
			}
		}
		if at/batch%50 == 0 {
			if err := f.store.Checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// flat measures how much more an event costs at the end of many than after the
// first million. What is done beside commits counts too.
func (b *bench) flat(ctx context.Context, millions int) (err error) {
	dir, err := os.MkdirTemp(b.dir, "flat")
	if err != nil {
		return err
	}
	f := newFilling()
	f.set(firstDay.Start())
	if f.store, err = sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number, Now: f.now}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.store.Close(), os.RemoveAll(dir)) }()
	var seconds []float64
	for m := range millions {
		began := time.Now()
		if err := f.withIDs(ctx, m*1_000_000, (m+1)*1_000_000); err != nil {
			return err
		}
		seconds = append(seconds, time.Since(began).Seconds())
	}
	b.comment("seconds for each million events with ids: %.1f", seconds)
	b.print(fmt.Sprintf("flat_1_to_%dM", millions), median(seconds[millions-2:])/median(seconds[1:3]), "<=1.15")
	return nil
}

// doctor measures how fast all counts of a store are recomputed and compared.
func (b *bench) doctor(ctx context.Context, dir string, v volume) (err error) {
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	began := time.Now()
	r, err := store.Doctor(ctx, rule.Default(), func(int64, int64) {})
	if err != nil {
		return err
	}
	if len(r.Problems) > 0 || r.Events != int64(v.events) {
		return fmt.Errorf("the doctor says of %d events: %q", r.Events, r.Problems)
	}
	b.print("doctor_events_per_s"+v.suffix, float64(r.Events)/time.Since(began).Seconds(), ">=500000")
	return nil
}
