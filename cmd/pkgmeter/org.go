package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

type orgCmd struct {
	Add    orgAddCmd    `cmd:"" help:"Make an organisation, or add a user to it. It owns the package names below its own."`
	Remove orgRemoveCmd `cmd:"" help:"Take a user out of an organisation, or remove the organisation."`
	List   orgListCmd   `cmd:"" help:"List the organisations and their members."`
}

type orgArgs struct {
	Org  string `json:"org"`
	User string `json:"user,omitempty"`
}

type orgAddCmd struct {
	Org  string `arg:"" help:"Name of the organisation, of a-z 0-9 . -"`
	User string `arg:"" optional:"" help:"User who becomes a member."`
}

type orgRemoveCmd struct {
	Org  string `arg:"" help:"Name of the organisation."`
	User string `arg:"" optional:"" help:"User who is no member any more. Without: the whole organisation."`
}

type orgListCmd struct {
	Org string `arg:"" optional:"" help:"This one only."`
}

// orgCalls administer organisations.
func orgCalls(store *sqlite.Store) map[string]control.Handler {
	return map[string]control.Handler{
		"org-add":    call(func(ctx context.Context, o orgArgs) (any, error) { return nil, store.AddMember(ctx, o.Org, o.User) }),
		"org-remove": call(func(ctx context.Context, o orgArgs) (any, error) { return nil, store.RemoveMember(ctx, o.Org, o.User) }),
		"org-list":   func(ctx context.Context, _ json.RawMessage) (any, error) { return store.Orgs(ctx) },
	}
}

// Run adds.
func (c *orgAddCmd) Run(a *app) error { return a.org("org-add", c.Org, c.User) }

// Run removes.
func (c *orgRemoveCmd) Run(a *app) error { return a.org("org-remove", c.Org, c.User) }

func (a *app) org(name, org, user string) error {
	if err := a.needData(); err != nil {
		return err
	}
	return a.call(name, orgArgs{org, user}, nil)
}

// Run lists.
func (c *orgListCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	var orgs []sqlite.Org
	if err := a.call("org-list", struct{}{}, &orgs); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ORGANISATION\tMEMBERS")
	for _, o := range orgs {
		if c.Org == "" || c.Org == o.Name {
			fmt.Fprintf(w, "%s\t%s\n", o.Name, strings.Join(o.Members, " "))
		}
	}
	return w.Flush()
}
