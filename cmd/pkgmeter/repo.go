package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type repoCmd struct {
	Set  repoSetCmd  `cmd:"" help:"Say who may read a repository's numbers."`
	List repoListCmd `cmd:"" help:"List the repositories, and who may read their numbers."`
}

type repoSetCmd struct {
	Name    string `arg:"" help:"Name of the repository, as the list has it."`
	Public  bool   `help:"Everyone may read its numbers, and see badges of them."`
	Private bool   `help:"Only users and tokens may."`
}

type repoListCmd struct {
	JSON bool `name:"json" help:"Print an array of objects."`
}

type repoArgs struct {
	Name   string `json:"name"`
	Public bool   `json:"public"`
}

// repoCalls say who may read the numbers of repositories.
func repoCalls(store *sqlite.Store) map[string]control.Handler {
	return map[string]control.Handler{
		"repo-set":  call(func(ctx context.Context, r repoArgs) (any, error) { return store.SetPublic(ctx, r.Name, r.Public) }),
		"repo-list": func(ctx context.Context, _ json.RawMessage) (any, error) { return store.Repositories(ctx) },
	}
}

// Run sets. It holds from the next request on.
func (c *repoSetCmd) Run(a *app) error {
	switch {
	case c.Public && c.Private:
		return usage("--public and --private exclude each other")
	case !c.Public && !c.Private:
		return usage("who may read the numbers of %s? Want --public or --private", terminal.Clean(c.Name))
	}
	if err := a.needData(); err != nil {
		return err
	}
	var known bool
	err := a.call("repo-set", repoArgs{c.Name, c.Public}, &known)
	if pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		return usage("%s", pkgmeter.PublicMessage(err))
	}
	if err == nil && !known {
		_, err = fmt.Fprintf(a.err, "no event has named the repository %s yet\n", terminal.Clean(c.Name))
	}
	return err
}

// Run lists.
func (c *repoListCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	repos := []sqlite.Repository{}
	if err := a.call("repo-list", struct{}{}, &repos); err != nil {
		return err
	}
	if c.JSON {
		raw, err := json.Marshal(repos)
		if err != nil {
			return err
		}
		return a.print(raw)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ACCESS\tREPOSITORY")
	for _, r := range repos {
		access := "private"
		if r.Public {
			access = "public"
		}
		fmt.Fprintf(w, "%s\t%s\n", access, terminal.Clean(r.Name))
	}
	return w.Flush()
}
