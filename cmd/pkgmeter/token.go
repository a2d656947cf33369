package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type tokenCmd struct {
	New    tokenNewCmd    `cmd:"" help:"Make a token; it is printed this once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token."`
}

type tokenNewCmd struct {
	User  string `required:"" placeholder:"NAME" help:"User for whom the token acts."`
	Scope string `required:"" placeholder:"SCOPE" help:"ingest (send events), read (ask for numbers) or publish."`
}

// Run prints the token alone on standard output.
func (c *tokenNewCmd) Run(a *app) error {
	scope, err := pkgmeter.ParseScope(c.Scope)
	if err != nil {
		return usage("%s", pkgmeter.PublicMessage(err))
	}
	if err := a.needData(); err != nil {
		return err
	}
	var text string
	if err := a.call("token-new", tokenArgs{User: c.User, Scope: scope}, &text); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, text)
	return err
}

type tokenListCmd struct{}

// Run lists the tokens, without their secrets.
func (c *tokenListCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	var rows []tokenRow
	if err := a.call("token-list", struct{}{}, &rows); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSER\tSCOPE\tBEGINS\tCREATED")
	for _, r := range rows {
		fmt.Fprintf(w, "%d\t%s\t%s\tpkgm_%s\t%s\n", r.ID, terminal.Clean(r.User), r.Scope, r.Prefix, r.Created.UTC().Format("2006-01-02"))
	}
	return w.Flush()
}

type tokenRevokeCmd struct {
	ID int64 `arg:"" help:"Number of the token, as in the list."`
}

// Run revokes the token; it fails from the next request on.
func (c *tokenRevokeCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	return a.call("token-revoke", tokenArgs{ID: c.ID}, nil)
}
