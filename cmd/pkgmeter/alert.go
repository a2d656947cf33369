package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type alertCmd struct {
	List alertListCmd `cmd:"" help:"List what is watched, and what was told last."`
	Test alertTestCmd `cmd:"" help:"Send a test to all who are told by a watch."`
}

type alertListCmd struct {
	JSON bool `name:"json" help:"Print an array of objects."`
}

type alertTestCmd struct {
	Name string `arg:"" help:"Name of the watch, as the list has it."`
}

// alertRow is a watch. Receivers are not in it.
type alertRow struct {
	Name    string     `json:"name"`
	Kind    alert.Kind `json:"kind"`
	Paused  bool       `json:"paused"`
	Done    bool       `json:"done,omitempty"` // it tells once only, and has
	Problem string     `json:"problem,omitempty"`
	Last    string     `json:"last,omitempty"` // what it told
	At      time.Time  `json:"at,omitzero"`
}

// alertCalls list watches, and have them tell a test.
func alertCalls(store *sqlite.Store, a *app) map[string]control.Handler {
	alerts := func() *alert.Alerts { return alert.New(store, store, alert.Options{PublicURL: a.public, Now: a.now}) }
	return map[string]control.Handler{
		"alert-list": call(func(ctx context.Context, _ struct{}) (any, error) {
			all, err := alerts().Watches(ctx)
			rows := make([]alertRow, len(all))
			for i, w := range all {
				rows[i] = alertRow{Name: w.Name, Kind: w.Kind, Paused: w.Paused, Done: w.Done, Problem: w.Problem}
				if w.Last != nil {
					rows[i].Last, rows[i].At = w.Last.News.Title, w.Last.At
				}
			}
			return rows, err
		}),
		"alert-test": call(func(ctx context.Context, name string) (any, error) {
			if a.public == "" {
				return nil, pkgmeter.Errorf(pkgmeter.Unavailable, "tests are sent by the server: start it")
			}
			all, err := store.Watches(ctx)
			if err != nil {
				return nil, err
			}
			for _, w := range all {
				if w.Name == name {
					return nil, alerts().Test(ctx, w.ID)
				}
			}
			return nil, pkgmeter.Errorf(pkgmeter.NotFound, "there is no watch %q", name)
		}),
	}
}

// Run lists.
func (c *alertListCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	rows := []alertRow{}
	if err := a.call("alert-list", struct{}{}, &rows); err != nil {
		return err
	}
	if c.JSON {
		raw, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		return a.print(raw)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tSTATE\tLAST\tNAME")
	for _, r := range rows {
		state, last := "looks", "-"
		switch {
		case r.Paused:
			state = "paused"
		case r.Done:
			state = "done"
		case r.Problem != "":
			state = "fails"
		}
		if !r.At.IsZero() {
			last = r.At.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Kind, state, last, terminal.Clean(r.Name))
	}
	return w.Flush()
}

// Run has a test told, which the server sends within a minute.
func (c *alertTestCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	if err := a.call("alert-test", c.Name, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.err, "it is sent within a minute; the page of alerts says how that goes")
	return err
}
