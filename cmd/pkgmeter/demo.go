package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/demo"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// maxDemo is the most events of a demo; they take some minutes.
const maxDemo = 100_000_000

// maxDemoRecords is the most versions, or builds, of a demo's catalog.
const maxDemoRecords = 10_000_000

type demoCmd struct {
	Events   int  `placeholder:"N" default:"200000" help:"How many events to invent (default ${default})."`
	Catalog  bool `help:"Add a catalog of Meteor packages."`
	Packages int  `placeholder:"N" default:"400" help:"With --catalog: how many packages it has (default ${default})."`
	Versions int  `placeholder:"N" default:"3000" help:"With --catalog: how many versions (default ${default})."`
	Builds   int  `placeholder:"N" default:"3600" help:"With --catalog: how many builds, at most two a version (default ${default})."`
}

func (c *demoCmd) check() error {
	if c.Events < 1 || c.Events > maxDemo {
		return usage("--events %d: want 1 to %d", c.Events, maxDemo)
	}
	for _, f := range []struct {
		name     string
		n, least int
	}{{"packages", c.Packages, 1}, {"versions", c.Versions, c.Packages}, {"builds", c.Builds, 0}} {
		if f.n < f.least || f.n > maxDemoRecords {
			return usage("--%s %d: want %d to %d", f.name, f.n, f.least, maxDemoRecords)
		}
	}
	return nil
}

// Run fills an empty data folder with an invented year that ends now.
func (c *demoCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := a.makeData(); err != nil {
		return err
	}
	lock, err := control.TryLock(a.data)
	if errors.Is(err, control.ErrLocked) {
		return fmt.Errorf("another pkgmeter works on %s: demo needs an empty folder of its own (--data DIR)", a.data)
	}
	if err != nil {
		return err
	}
	// The days of use begin the day before the folder is made: where apps are to
	// report, it has to be made before they do.
	real, back := a.now, time.Duration(0)
	a.now = func() time.Time { return real().Add(-back) }
	if c.Catalog {
		back = (demo.ReportDays + 1) * 24 * time.Hour
	}
	store, err := a.openStore()
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	back = 0
	var sum demoSum
	err = a.needNoEvents(store)
	if err == nil {
		sum, err = a.fill(store, demo.New(c.Events, a.now()))
	}
	records := 0
	if err == nil && c.Catalog {
		invented := demo.NewCatalog(c.Packages, c.Versions, c.Builds, a.now())
		if records, err = a.fillCatalog(store, invented); err == nil {
			err = a.fillUse(store, invented, func(day pkgmeter.Day) { back = real().Sub(day.Start().Add(12 * time.Hour)) })
			back = 0
		}
		if err == nil {
			_, err = daily.Publish(a.ctx, store, a.now())
		}
	}
	if err := errors.Join(err, store.Close(), lock.Close()); err != nil {
		return err
	}
	serve := "pkgmeter serve"
	if a.data != "./pkgmeter-data" {
		serve += " --data " + a.data
	}
	fmt.Fprintf(a.err, "to look at it: %s, then open http://127.0.0.1:8080/stats\n", serve)
	also := ""
	if records > 0 {
		also = fmt.Sprintf(", %d records of a catalog", records)
	}
	_, err = fmt.Fprintf(a.out, "%d events, %d files, from %s to %s%s\n", sum.events, len(sum.files), sum.from, sum.to, also)
	return err
}

// fillCatalog publishes the packages of a catalog.
func (a *app) fillCatalog(store *sqlite.Store, c *demo.Catalog) (records int, err error) {
	for batch, err := range c.Batches(10_000) {
		if a.ctx.Err() != nil {
			return records, fmt.Errorf("interrupted: %s holds a part of the demo and can be removed", a.data)
		}
		if err == nil {
			err = store.EditCatalog(a.ctx, pkgmeter.CatalogEdit{Put: batch})
		}
		if err == nil {
			err = store.Checkpoint(a.ctx)
		}
		if err != nil {
			return records, err
		}
		records += len(batch)
	}
	return records, nil
}

// fillUse has apps report, each day under a clock of that day, and publishes the
// days that are over.
func (a *app) fillUse(store *sqlite.Store, c *demo.Catalog, at func(pkgmeter.Day)) error {
	const apps, together = 2000, 500
	for day, batch := range c.Reports(apps, together) {
		if a.ctx.Err() != nil {
			return fmt.Errorf("interrupted: %s holds a part of the demo and can be removed", a.data)
		}
		at(day)
		if _, err := daily.Publish(a.ctx, store, a.now()); err != nil {
			return err
		}
		if err := (sqlite.UseWriter{Store: store}).Write(a.ctx, batch); err != nil {
			return err
		}
	}
	return store.Checkpoint(a.ctx)
}

// needNoEvents fails where invented events would be mixed with others.
func (a *app) needNoEvents(store *sqlite.Store) error {
	found := errors.New("found")
	err := store.Events(a.ctx, 0, func(int64, pkgmeter.Event) error { return found })
	if err == nil { // counts that an import brought along have no events
		var t pkgmeter.Totals
		if t, err = store.Totals(a.ctx, pkgmeter.Query{Now: a.now()}); t.Opening != 0 {
			err = found
		}
	}
	if errors.Is(err, found) {
		return fmt.Errorf("%s has events already: demo needs an empty folder (--data DIR)", a.data)
	}
	return err
}

type demoSum struct {
	events   int
	files    map[demoFile]struct{}
	from, to pkgmeter.Day
}

type demoFile struct{ repository, path string }

func (s *demoSum) add(batch []*pkgmeter.Delivery) {
	for _, d := range batch {
		for i := range d.Entries {
			e := &d.Entries[i].Event
			s.to = pkgmeter.DayOf(e.Time)
			if s.events == 0 {
				s.from = s.to
			}
			s.events++
			s.files[demoFile{e.Repository, e.Path}] = struct{}{}
		}
	}
}

// fill writes the year and packs its counts.
func (a *app) fill(store *sqlite.Store, year *demo.Year) (demoSum, error) {
	const inCommit, inWAL = 16384, 8 // events, commits
	sum := demoSum{files: map[demoFile]struct{}{}}
	commits := 0
	for batch := range year.Batches(inCommit) {
		if a.ctx.Err() != nil {
			return sum, fmt.Errorf("interrupted: %s holds a part of the demo and can be removed", a.data)
		}
		if err := store.Write(a.ctx, batch); err != nil {
			return sum, err
		}
		sum.add(batch)
		if commits++; commits%inWAL == 0 {
			if err := store.Checkpoint(a.ctx); err != nil {
				return sum, err
			}
		}
	}
	if err := store.Pack(a.ctx); err != nil {
		if errors.Is(err, context.Canceled) {
			return sum, fmt.Errorf("interrupted: the counts in %s are not packed yet, serve does it", a.data)
		}
		return sum, fmt.Errorf("pack counts: %w", err)
	}
	return sum, store.Checkpoint(a.ctx)
}
