package main

import (
	"context"
	"fmt"

	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

type meteorCmd struct {
	Remove meteorRemoveCmd `cmd:"" help:"Remove a package, or one of its versions, from the catalog."`
}

type meteorRemoveCmd struct {
	Package string `arg:"" name:"name" help:"NAME or NAME@VERSION."`
}

// catalogCalls change the catalog of packages.
func catalogCalls(store *sqlite.Store) map[string]control.Handler {
	return map[string]control.Handler{
		"meteor-remove": call(func(ctx context.Context, name string) (any, error) { return meteor.Remove(ctx, store, name) }),
	}
}

// Run removes. Clients get everything anew, since they cannot be told what is
// gone.
func (c *meteorRemoveCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	var sum meteor.Removed
	if err := a.call("meteor-remove", c.Package, &sum); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "removed: %d packages, %d versions, %d builds\n", sum.Packages, sum.Versions, sum.Builds)
	return err
}
