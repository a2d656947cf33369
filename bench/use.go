package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// Apps as they are reported.
const (
	appPackages  = 80     // of one app
	usedPackages = 15_000 // that there are
	useFacts     = 20_000_000
	useFactsFull = 50_000_000
	useBatch     = 100 // reports of one commit
	useReports   = 2_000
)

// apps invents what apps contain.
type apps struct {
	rng  *rand.Rand
	zipf *rand.Zipf
}

func newApps() *apps {
	rng := rand.New(rand.NewPCG(3, 4))
	return &apps{rng, rand.NewZipf(rng, 1.1, 40, usedPackages-1)}
}

// of returns names and versions of an app's packages.
func (a *apps) of() (names, versions []string) {
	seen := map[uint64]bool{}
	for len(names) < appPackages {
		p := a.zipf.Uint64()
		if seen[p] {
			continue
		}
		seen[p] = true
		names = append(names, fmt.Sprintf("user%d:package-%d", p%997, p))
		versions = append(versions, fmt.Sprintf("1.%d.%d", p%7, a.rng.IntN(6)))
	}
	return names, versions
}

func (a *apps) report(n int) *pkgmeter.AppReport {
	r := &pkgmeter.AppReport{App: fmt.Sprintf("app%d.bench", n)}
	names, versions := a.of()
	for i, name := range names {
		r.Packages = append(r.Packages, pkgmeter.AppPackage{Package: catalog.PackageURL(name), Version: versions[i], Direct: i%3 == 0})
	}
	return r
}

// use measures the intake of reports, and what a fact takes.
func (b *bench) use(ctx context.Context, facts int) (err error) {
	dir, err := os.MkdirTemp(b.dir, "use")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := b.fillFacts(ctx, dir, facts); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "pkgmeter.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var bytes float64
	if err := db.QueryRowContext(ctx, `SELECT sum(length(app) + length(facts)) FROM app_use`).Scan(&bytes); err != nil {
		return err
	}
	b.print("bytes_per_fact", bytes/float64(facts), "-")
	return b.reports(ctx, dir, facts)
}

func (b *bench) fillFacts(ctx context.Context, dir string, facts int) (err error) {
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	a := newApps()
	w := sqlite.UseWriter{Store: store}
	var spent time.Duration
	for n := 0; n < facts/appPackages; {
		var batch []*pkgmeter.AppReport
		for ; len(batch) < useBatch; n++ {
			batch = append(batch, a.report(n))
		}
		began := time.Now()
		if err := w.Write(ctx, batch); err != nil {
			return err
		}
		if n%(20*useBatch) == 0 {
			if err := store.Checkpoint(ctx); err != nil {
				return err
			}
		}
		spent += time.Since(began)
	}
	b.comment("%d facts in %s", facts, spent.Round(time.Second))
	b.print("facts_per_s", float64(facts)/spent.Seconds(), ">=300000")
	return nil
}

// reports measures how long a client waits for its report, of a new app and of a
// known one in turn.
func (b *bench) reports(ctx context.Context, dir string, facts int) (err error) {
	p, err := b.serve(ctx, dir, time.Time{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c, err := ddp.Dial(ctx, "http://"+p.addr, ddp.DialOptions{})
	if err != nil {
		return err
	}
	defer c.Close()
	a := newApps()
	var took []float64
	for n := range useReports {
		app := facts/appPackages + n
		if n%2 == 1 {
			app = n * 7919 % (facts / appPackages)
		}
		names, versions := a.of()
		var packages []map[string]any
		for i, name := range names {
			packages = append(packages, map[string]any{"name": name, "version": versions[i], "direct": i%3 == 0})
		}
		began := time.Now()
		err := c.Call(ctx, "recordAppPackages", nil, fmt.Sprintf("app%d.bench", app), packages, map[string]any{"what": "sdk.run", "sessionId": "s"})
		if err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds()*1000)
	}
	slices.Sort(took)
	b.print("report_p50_ms", took[len(took)/2], "-")
	b.print("report_p99_ms", took[len(took)*99/100], "<=20")
	return nil
}
