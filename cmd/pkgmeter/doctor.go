package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"golang.org/x/term"
)

// work is how far a long call is, for whoever wants to show it.
type work struct{ done, total atomic.Int64 }

func (w *work) set(done, total int64) {
	w.done.Store(done)
	w.total.Store(total)
}

// workState is a work as it is told to another process.
type workState struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

func (w *work) state() workState { return workState{w.done.Load(), w.total.Load()} }

// longCalls are those that read the whole ledger.
func longCalls(store *sqlite.Store, w *work) map[string]control.Handler {
	return map[string]control.Handler{
		"work": func(context.Context, json.RawMessage) (any, error) { return w.state(), nil },
		"doctor": call(func(ctx context.Context, _ struct{}) (any, error) {
			rules, err := rule.Parse(store.Own())
			if err != nil {
				return nil, err
			}
			return store.Doctor(ctx, rules, w.set)
		}),
		"files": call(func(ctx context.Context, f filesArgs) (any, error) {
			return store.Needed(ctx, f.From, f.Limit)
		}),
		"recount": call(func(ctx context.Context, _ struct{}) (any, error) {
			// Formats of repositories are found anew, in the order of the ledger.
			rules, err := rule.Parse(store.Own())
			if err != nil {
				return nil, err
			}
			began := time.Now()
			if err := store.Rebuild(ctx, rules, w.set); err != nil {
				return nil, err
			}
			return recountDone{store.Rule(), w.done.Load(), time.Since(began).Seconds()}, nil
		}),
	}
}

type recountDone struct {
	Rules   int     `json:"rules"`
	Events  int64   `json:"events"`
	Seconds float64 `json:"seconds"`
}

type doctorCmd struct {
	blobsFlag
	JSON bool `name:"json" help:"Print the report as JSON."`
}

// diagnosis is what the doctor found in the database, and in the bytes of
// packages that it refers to.
type diagnosis struct {
	sqlite.Report
	Files int `json:"files"` // of packages, that were looked at
}

var (
	errProblems = errors.New("the data folder is not as it should be: restore a backup, or run recount if only counts are wrong")
	errNoFiles  = errors.New("no file of a package is there: is --blobs that of the server?")
)

// Run checks the data folder.
func (c *doctorCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	blobs, err := c.reader(a)
	if err != nil {
		return err
	}
	defer blobs.Close()
	var r diagnosis
	if err := a.long("doctor", &r.Report); err != nil {
		return err
	}
	f := &files{app: a, blobs: blobs, found: &r}
	if err := f.check(); err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(a.out).Encode(r); err != nil {
			return err
		}
	} else if err := a.report(&r); err != nil {
		return err
	}
	switch {
	case f.missing > 0 && f.missing == r.Files:
		return errNoFiles
	case len(r.Problems) > 0:
		return errProblems
	default:
		return nil
	}
}

func (a *app) report(r *diagnosis) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintf(a.out, "problem: %s\n", terminal.Clean(p)); err != nil {
			return err
		}
	}
	if r.More > 0 {
		fmt.Fprintf(a.out, "and %d more\n", r.More)
	}
	verdict := "every count equals the ledger"
	if n := len(r.Problems) + r.More; n > 0 {
		verdict = fmt.Sprintf("%d problems", n)
	}
	records := ""
	if r.Records > 0 {
		records = fmt.Sprintf(", %d records of the catalog", r.Records)
	}
	_, err := fmt.Fprintf(a.out, "schema %d, %d events in %d commits, %d days, %d counts%s%s: %s\n",
		r.Schema, r.Events, r.Rows, r.Days, r.Counts, records, filesSaid(r.Files), verdict)
	return err
}

type recountCmd struct{}

// Run derives all counts anew.
func (c *recountCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	var done recountDone
	if err := a.long("recount", &done); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%d events counted anew under rules %d\n", done.Events, done.Rules)
	return err
}

// long does a call that takes a while, and shows on a terminal how far it is.
func (a *app) long(name string, result any) error {
	ctx, stop := context.WithCancel(a.ctx)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			a.show(ctx, name)
		}
	}()
	err := a.call(name, struct{}{}, result)
	stop()
	<-shown
	return err
}

func (a *app) show(ctx context.Context, name string) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	defer fmt.Fprint(a.err, "\r\x1b[K")
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := a.work.state()
		if s.Total == 0 { // it runs in the server, perhaps
			if raw, err := control.Call(ctx, a.data, "work", struct{}{}); err != nil || json.Unmarshal(raw, &s) != nil {
				continue
			}
		}
		if s.Total > 0 {
			fmt.Fprintf(a.err, "\r\x1b[K%s: %d of %d events, %d %%", name, s.Done, s.Total, 100*s.Done/s.Total)
		}
	}
}
