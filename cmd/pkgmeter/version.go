package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// Set at build time by the Makefile.
var (
	version = "dev"
	commit  = "unknown"
)

type versionCmd struct{}

// Run prints what a report of a fault should name.
func (c *versionCmd) Run(a *app) error {
	_, err := fmt.Fprintf(a.out, "pkgmeter %s\ncommit %s\ngo %s\nschema %d\n", version, commit, strings.TrimPrefix(runtime.Version(), "go"), sqlite.Schema())
	return err
}
