package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

type publishStatsCmd struct{}

// useCalls are about what apps contain.
func useCalls(store *sqlite.Store, now func() time.Time) map[string]control.Handler {
	return map[string]control.Handler{
		"publish-stats": func(ctx context.Context, _ json.RawMessage) (any, error) { return daily.Publish(ctx, store, now()) },
		"import-use": call(func(ctx context.Context, days []sqlite.ForeignUse) (any, error) {
			return store.ImportUse(ctx, days)
		}),
	}
}

// Run publishes the days that are over.
func (c *publishStatsCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	var n int
	if err := a.call("publish-stats", struct{}{}, &n); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%d days published\n", n)
	return err
}

// importStats takes in the days that another server published. They are one
// change: once they are in, there is no room before them.
func (c *importCmd) importStats(a *app) error {
	var days []sqlite.ForeignUse
	for _, name := range c.Files {
		day, err := readStats(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		days = append(days, day)
	}
	var sum sqlite.ImportedUse
	if err := a.call("import-use", days, &sum); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%d new, %d known, 0 rejected\n", sum.New, sum.Known)
	return err
}

// readStats reads the file of a day, which is its name.
func readStats(name string) (d sqlite.ForeignUse, err error) {
	base := filepath.Base(name)
	if len(base) >= len(time.DateOnly) {
		d.Day, err = pkgmeter.ParseDay(base[:len(time.DateOnly)])
	}
	if err != nil || d.Day == 0 {
		return d, errors.New("the name of the file has to begin with its day, such as 2016-05-31")
	}
	f, err := os.Open(name)
	if err != nil {
		return d, err
	}
	defer f.Close()
	in, err := intake.Open(f, intake.MeteorStats)
	if err != nil {
		return d, err
	}
	defer in.Close()
	given, err := in.All()
	if err != nil {
		return d, err
	}
	d.Given = sha256.Sum256(given)
	d.Uses, d.Body, err = daily.Parse(given)
	return d, err
}
