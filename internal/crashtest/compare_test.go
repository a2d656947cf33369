//go:build unix

package crashtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/load"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A verdict is what the comparison of a store with an oracle found.
type verdict struct {
	acked, stored, lost, double int
	unanswered                  int // ids that are stored without an acknowledgement
	wrong                       []string
}

func (v *verdict) complain(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

// ledger is a plain recomputation of a store from its events.
type ledger struct {
	ids    map[string]int
	plain  int
	events int
	total  pkgmeter.Measures
	files  map[string]pkgmeter.Measures
}

// compare judges the store in a data folder, on which no server runs. What the
// oracle says may be older than the store's end, but not younger.
func compare(t *testing.T, data, oracle string) verdict {
	t.Helper()
	sent, err := load.ReadOracle(oracle)
	if err != nil {
		t.Fatal(err)
	}
	return judge(t, data, sent)
}

// judge is compare with what an oracle said.
func judge(t *testing.T, data string, sent load.Outcomes) (v verdict) {
	t.Helper()
	ctx := t.Context()
	store, err := sqlite.Open(ctx, data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	l := v.read(ctx, t, store)
	v.stored = l.events
	v.ids(l, sent)
	v.plain(l, sent)
	v.counts(ctx, t, store, l)
	if got := integrity(ctx, t, data); got != "ok" {
		v.complain("integrity check: %s", got)
	}
	return v
}

// read gathers the ledger and looks for gaps in its positions.
func (v *verdict) read(ctx context.Context, t *testing.T, store *sqlite.Store) ledger {
	l := ledger{ids: map[string]int{}, files: map[string]pkgmeter.Measures{}}
	var last int64
	err := store.Events(ctx, 0, func(pos int64, e pkgmeter.Event) error {
		if pos != last && pos != last+1 {
			v.complain("ledger position %d follows %d", pos, last)
		}
		last = pos
		l.events++
		if e.ID == "" {
			l.plain++
		} else {
			l.ids[e.ID]++
		}
		entry := rule.Default().Apply(e)
		if entry.Counts.Hits > 0 {
			sum := l.files[entry.File.Name]
			sum.Add(entry.Counts)
			l.files[entry.File.Name] = sum
			l.total.Add(entry.Counts)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (v *verdict) ids(l ledger, sent load.Outcomes) {
	for id, outcome := range sent.IDs {
		n := l.ids[id]
		switch outcome {
		case load.Acked:
			v.acked++
			if n == 0 {
				v.lost++
			}
		case load.Refused:
			if n > 0 {
				v.complain("id %s was refused, and is stored", id)
			}
		case load.Unknown:
			v.unanswered += min(n, 1)
		}
		v.double += max(n-1, 0)
	}
	for id := range l.ids {
		if _, ok := sent.IDs[id]; !ok {
			v.complain("id %s is stored, and was never sent", id)
		}
	}
	if v.lost > 0 {
		v.complain("%d acknowledged ids are lost", v.lost)
	}
	if v.double > 0 {
		v.complain("%d events are stored again", v.double)
	}
}

// plain judges events without an id, which can only be counted.
func (v *verdict) plain(l ledger, sent load.Outcomes) {
	acked, unknown := sent.Plain[load.Acked], sent.Plain[load.Unknown]
	v.acked += acked
	if l.plain < acked {
		v.lost += acked - l.plain
		v.complain("%d events without id are stored, %d were acknowledged", l.plain, acked)
	}
	if most := acked + unknown; l.plain > most {
		v.double += l.plain - most
		v.complain("%d events without id are stored, at most %d can be", l.plain, most)
	}
}

func (v *verdict) counts(ctx context.Context, t *testing.T, store *sqlite.Store, l ledger) {
	q := pkgmeter.Query{Now: time.Now()}
	total, err := store.Totals(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	if total.Measures != l.total {
		v.complain("totals are %+v, the ledger has %+v", total.Measures, l.total)
	}
	top, err := store.Top(ctx, q, pkgmeter.ByFile, pkgmeter.Page{Limit: len(l.files) + 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Items) != len(l.files) {
		v.complain("%d files have hits, the ledger has %d", len(top.Items), len(l.files))
	}
	for _, item := range top.Items {
		if want := l.files[item.Key]; item.Measures != want {
			v.complain("file %s has %+v, the ledger has %+v", item.Key, item.Measures, want)
		}
	}
}

// integrity asks SQLite itself, past the store.
func integrity(ctx context.Context, t *testing.T, data string) (answer string) {
	db, err := sql.Open("sqlite", filepath.Join(data, "pkgmeter.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
