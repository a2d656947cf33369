package main

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type badgeCmd struct {
	Package    string   `arg:"" name:"package" help:"TYPE/NAME, such as npm/@scope/x or maven/group/artifact, or a purl."`
	Period     string   `placeholder:"PERIOD" help:"day, week, month, year or total: the last 1, 7, 30 or 365 complete days, or all time (default total)."`
	Version    string   `placeholder:"VERSION" help:"Only this version."`
	Label      string   `placeholder:"TEXT" help:"What stands before the number (default the measure)."`
	Style      string   `placeholder:"STYLE" help:"flat or flat-square (default flat)."`
	Color      string   `placeholder:"HEX" help:"Behind the number, such as 1f6fb2."`
	Measure    string   `placeholder:"NAME" help:"downloads or hits (default downloads)."`
	Repository []string `sep:"none" placeholder:"NAME" help:"Only this repository; may be given several times."`
	Sign       bool     `help:"Sign the address: who has it sees this badge without a login, for good."`
	PublicURL  string   `name:"public-url" placeholder:"URL" help:"The address under which others reach the server (default: the running server's)."`
}

type (
	badgeArgs struct {
		Path   api.BadgePath `json:"path"`
		Params url.Values    `json:"params"`
		Sign   bool          `json:"sign"`
	}
	badgeReply struct {
		Known     bool   `json:"known"`
		Label     string `json:"label"`
		Signature string `json:"signature"`
		PublicURL string `json:"public_url"` // "" where no server runs
	}
)

// badgeCalls tell whether a badge can be shown, and sign its address.
func badgeCalls(store *sqlite.Store, answers *api.API, public string) map[string]control.Handler {
	return map[string]control.Handler{"badge": call(func(ctx context.Context, args badgeArgs) (any, error) {
		b, known, err := answers.Badge(ctx, args.Path, args.Params)
		if err != nil {
			return nil, err
		}
		reply := badgeReply{Known: known, Label: b.Label, PublicURL: public}
		if args.Sign {
			reply.Signature, err = signBadge(ctx, store, args)
		}
		return reply, err
	})}
}

func signBadge(ctx context.Context, store *sqlite.Store, args badgeArgs) (string, error) {
	secret, err := store.Secret(ctx)
	if err != nil {
		return "", err
	}
	signer, err := auth.NewSigner(secret, api.SignatureOf)
	if err != nil {
		return "", err
	}
	return signer.Sign(args.Path.String(), api.Signed(args.Params)), nil
}

// Run prints the address of the badge, and the Markdown and HTML that show it.
func (c *badgeCmd) Run(a *app) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	if _, err := (&serveCmd{PublicURL: c.PublicURL}).base(); err != nil {
		return err
	}
	if err := a.needData(); err != nil {
		return err
	}
	params := c.params()
	var reply badgeReply
	err = a.call("badge", badgeArgs{path, params, c.Sign}, &reply)
	if pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		return usage("%s", pkgmeter.PublicMessage(err))
	}
	if err != nil {
		return err
	}
	if !reply.Known {
		fmt.Fprintf(a.err, "there is no such package yet: the badge says so until %s/%s is named by an event\n", path.Type, terminal.Clean(path.Name))
	}
	if reply.Signature != "" {
		params.Set(api.Signature, reply.Signature)
	}
	return a.printBadge(c.where(a, reply.PublicURL), path, params, reply.Label)
}

// path returns what the user typed, as the path of the SVG.
func (c *badgeCmd) path() (api.BadgePath, error) {
	purl, err := asPurl(c.Package)
	if err != nil {
		return api.BadgePath{}, err
	}
	if purl != "" {
		return api.BadgePathOf(purl, api.SVG)
	}
	typ, name, _ := strings.Cut(c.Package, "/")
	path, err := api.ParseBadgePath(typ, name+api.SVG)
	if err != nil {
		return path, usage("%s: want TYPE/NAME, such as npm/@scope/x, or a purl", terminal.Clean(c.Package))
	}
	return path, nil
}

func (c *badgeCmd) params() url.Values {
	p := url.Values{}
	for name, v := range map[string]string{
		"period": c.Period, "version": c.Version, "label": c.Label, "style": c.Style, "color": c.Color, "measure": c.Measure,
	} {
		if v != "" {
			p.Set(name, v)
		}
	}
	if len(c.Repository) > 0 {
		p["repository"] = c.Repository
	}
	return p
}

// where returns what the address begins with.
func (c *badgeCmd) where(a *app, served string) string {
	switch {
	case c.PublicURL != "":
		return strings.TrimRight(c.PublicURL, "/")
	case served != "":
		return served
	}
	const local = "http://127.0.0.1:8080"
	fmt.Fprintf(a.err, "no server runs that would know its address: %s is a guess, --public-url says it\n", local)
	return local
}

// printBadge prints a line each. Nothing of the label ends the text that it is
// in, as it has no control characters.
func (a *app) printBadge(where string, path api.BadgePath, params url.Values, label string) error {
	address := where + path.Escaped()
	if len(params) > 0 {
		address += "?" + params.Encode()
	}
	_, err := fmt.Fprintf(a.out, "%s\n![%s](%s)\n<img alt=\"%s\" src=\"%s\">\n",
		address, markdownText(label), address, html.EscapeString(label), html.EscapeString(address))
	return err
}

// markdownText escapes what Markdown would read as anything but text.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]<>()#+-.!|&~\"'", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
