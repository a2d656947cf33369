package web

import (
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// Badges makes addresses of badges.
type Badges interface {
	// Badge returns the badge of a package, which is given by its canonical purl,
	// with parameters as its address has them. sign is for an address that shows
	// it to everybody, where it would not be. [pkgmeter.Invalid]: there is no such
	// badge.
	Badge(ctx context.Context, purl string, params url.Values, sign bool) (Badge, error)
}

// A Badge is where a badge is.
type Badge struct {
	URL      string // for others, with scheme and host
	Image    string // the same below the base path of this server
	Label    string
	Known    bool // there is such a package
	Everyone bool // sees it, without a signature
	Signed   bool
}

// badgesView is the page that builds badges.
type badgesView struct {
	page
	Form     url.Values
	Periods  []badgeChoice
	Styles   []badgeChoice
	Measures []badgeChoice
	MaySign  bool
	badgeTexts
	Known, Everyone, Signed bool
	Script                  string
}

type badgeChoice struct {
	Value, Title string
	Here         bool
}

// badgeTexts is what there is to paste, and the answer to the page script.
type badgeTexts struct {
	URL      string `json:"url"`
	Markdown string `json:"markdown"`
	HTML     string `json:"html"`
	Image    string `json:"image"`
	Error    string `json:"error,omitempty"`
}

// badgeFields are the fields of the form that are parameters of a badge too.
var badgeFields = []string{"period", "version", "label", "style", "color", "measure", "repository"}

// badgesURL returns the URL of the builder for a package.
func (w *Web) badgesURL(purl string) string {
	if w.Badges == nil {
		return ""
	}
	return w.Base + "/stats/badges?" + url.Values{"package": {purl}}.Encode()
}

// ServeBadges shows the form that makes a badge, and what it makes; to the page
// script, which asks for JSON, only the latter.
func (w *Web) ServeBadges(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if w.Badges == nil {
		return pkgmeter.Errorf(pkgmeter.NotFound, "this server has no badges")
	}
	values := r.URL.Query()
	view := &badgesView{page: w.page(r, "Badges", p), Form: values, MaySign: maySign(r, p), Script: w.script}
	problem := w.badge(r.Context(), view)
	if code := pkgmeter.CodeOf(problem); code != "" && code != pkgmeter.Invalid && code != pkgmeter.NotFound {
		return problem
	} else if code != "" {
		view.Error = pkgmeter.PublicMessage(problem)
	}
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		body, err := json.Marshal(view.badgeTexts)
		if err != nil {
			return err
		}
		httpx.Write(rw, http.StatusOK, "application/json", append(body, '\n'))
		return nil
	}
	view.Periods = badgeChoices(values.Get("period"), []badgeChoice{
		{Value: "total", Title: "all time"},
		{Value: "year", Title: "last 365 days"},
		{Value: "month", Title: "last 30 days"},
		{Value: "week", Title: "last 7 days"},
		{Value: "day", Title: "last day"},
	})
	view.Styles = badgeChoices(values.Get("style"), []badgeChoice{{Value: "flat", Title: "flat"}, {Value: "flat-square", Title: "flat, square"}})
	view.Measures = badgeChoices(values.Get("measure"), []badgeChoice{{Value: "downloads", Title: "downloads"}, {Value: "hits", Title: "hits"}})
	return w.render(rw, "badges", view)
}

// badgeChoices marks the one that the form has; else the browser shows the first.
func badgeChoices(here string, all []badgeChoice) []badgeChoice {
	for i := range all {
		all[i].Here = all[i].Value == here
	}
	return all
}

// maySign reports whether p may make addresses that show a badge to everybody:
// a person with a session who reads the numbers.
func maySign(r *http.Request, p pkgmeter.Principal) bool {
	return p.User != "" && p.Scope == "" && !auth.HasCredentials(r) && (p.Role == pkgmeter.Admin || p.Role == pkgmeter.Viewer)
}

// badge fills in what the form makes; without a package that is nothing.
func (w *Web) badge(ctx context.Context, view *badgesView) error {
	said := strings.TrimSpace(view.Form.Get("package"))
	if said == "" {
		return nil
	}
	purl, err := rule.CanonicalPackage(said)
	if err != nil {
		found, failed := w.Stats.PackagesNamed(ctx, pkgmeter.Cut(said, pkgmeter.MaxName), 2)
		switch {
		case failed != nil:
			return failed
		case len(found) == 0:
			return pkgmeter.Errorf(pkgmeter.Invalid, "there is no package %q: want its name, or a purl such as pkg:npm/app", said)
		case len(found) > 1:
			return pkgmeter.Errorf(pkgmeter.Invalid, "several packages are named %q: want a purl such as %s", said, found[0])
		}
		purl = found[0]
	}
	params := url.Values{}
	for _, name := range badgeFields {
		// A form sends empty fields too, and what is usual need not be said.
		if v := strings.TrimSpace(view.Form.Get(name)); v != "" && v != map[string]string{"period": "total", "style": "flat", "measure": "downloads"}[name] {
			params.Set(name, strings.TrimPrefix(v, map[string]string{"color": "#"}[name]))
		}
	}
	b, err := w.Badges.Badge(ctx, purl, params, view.MaySign && view.Form.Get("sign") != "")
	if err != nil {
		return err
	}
	view.Known, view.Everyone, view.Signed = b.Known, b.Everyone, b.Signed
	view.badgeTexts = badgeTexts{
		URL: b.URL, Image: b.Image,
		Markdown: "![" + markdownText(b.Label) + "](" + b.URL + ")",
		HTML:     `<img alt="` + html.EscapeString(b.Label) + `" src="` + html.EscapeString(b.URL) + `">`,
	}
	return nil
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
