package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// useView is what the page of the downloads of a package shows.
type useView struct {
	page
	Purl, Name, Type string
	Chips            []chip
	Bare             string
	Range            spanView
	Tiles            []tile
	First, Last      pkgmeter.Day // with any, 0 for none
	Rank             int          // among the packages of the range, 0 for not among the first
	Days             *days        // nil where there are none
	Columns          [][]box
	LeftOut          []leftOut
	MoreVersions     bool
	Overview         string // URL of the overview, narrowed to the package
	Compare          string // URL of the comparison, with the package as its first
	Badge            string // URL of the builder
	ShareURL         string // of the form that makes a link to the view, "" for who may make none
	Catalog          string // URL of its page in the catalog, "" for none
	Rules            int
	Now              time.Time
	Script           string
	Data             data
}

// useURL returns the URL of the page of a package, with the days and filters of
// another page. A link opens one page only, which is narrowed then.
func (w *Web) useURL(purl string, wanted wish) string {
	if wanted.Share != nil {
		return wanted.linkTo(pkgmeter.ByPackage, purl)
	}
	for i, f := range filters {
		if f.by == pkgmeter.ByPackage {
			wanted.Narrow[i] = []string{purl}
		}
	}
	wanted.Extra = nil
	return w.Base + "/stats/package" + wanted.link()
}

// packageName returns the namespace and name of a canonical purl as plain text,
// and its type.
func purlParts(purl string) (typ, name string) {
	typ, name, _ = strings.Cut(strings.TrimPrefix(purl, "pkg:"), "/")
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	return typ, name
}

func packageName(purl string) string {
	_, name := purlParts(purl)
	return name
}

// Parameters of the page beside those of all pages, and what is shown by which.
const (
	groupParam = "group"
	byMajor    = "major"
	olderParam = "older"
)

// alikeRows is the most packages that are offered for a name.
const alikeRows = 50

// ServeUse shows the downloads of the package that the parameter package names,
// by its purl, or by a name that only one package has.
func (w *Web) ServeUse(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	values := r.URL.Query()
	said := values["package"]
	rw.Header().Set("Cache-Control", "no-store")
	if len(said) != 1 || strings.TrimSpace(said[0]) == "" {
		return w.alike(rw, r, p, "", nil)
	}
	name := strings.TrimSpace(said[0])
	purl, err := rule.CanonicalPackage(name)
	if err != nil && p.Shared == nil {
		return w.named(rw, r, p, name)
	}
	values.Set("package", purl)
	now := w.Now().UTC()
	wanted, err := parseWish(values, pkgmeter.DayOf(now))
	if err != nil {
		return err
	}
	wanted.About, wanted.Share = true, p.Shared
	if values.Get(groupParam) == byMajor {
		wanted.Extra = append(wanted.Extra, param{groupParam, byMajor})
	}
	if major := pkgmeter.Cut(values.Get(olderParam), 40); major != "" {
		wanted.Extra = append(wanted.Extra, param{olderParam, major})
	}
	view := &useView{page: w.page(r, packageName(purl), p), Purl: purl, Now: now}
	view.Type, view.Name = purlParts(purl)
	view.ShareURL = w.shareURL(p, "/stats/package", wanted)
	known := false
	err = inTime(r.Context(), func(ctx context.Context) (err error) {
		known, err = w.use(ctx, view, wanted)
		return err
	})
	if err != nil {
		return err
	}
	if !known && p.Shared != nil { // it tells of no other package
		return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such package any more")
	}
	if !known {
		return w.named(rw, r, p, purl)
	}
	return w.render(rw, "use", view)
}

// named goes to the page of the only package of a name, and offers all of them
// where there are several.
func (w *Web) named(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, said string) error {
	name, isPurl := said, strings.HasPrefix(said, "pkg:")
	if isPurl { // what it ends in
		name = lastName(said)
	}
	purls, err := w.Stats.PackagesNamed(r.Context(), pkgmeter.Cut(name, pkgmeter.MaxName), alikeRows)
	if err != nil {
		return err
	}
	if len(purls) == 1 && !isPurl {
		http.Redirect(rw, r, w.Base+"/stats/package?"+url.Values{"package": purls}.Encode(), http.StatusSeeOther)
		return nil
	}
	return w.alike(rw, r, p, said, purls)
}

// alikeView is the page of a package that there is not, or not only once.
type alikeView struct {
	page
	Said  string
	Rows  []choice
	Title string
}

func (w *Web) alike(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, said string, purls []string) error {
	view := alikeView{page: w.page(r, "No such package", p), Said: pkgmeter.Cut(said, maxText), Title: "There is no such package"}
	switch n := len(purls); {
	case said == "":
		view.Title = "Which package?"
	case n > 1 && !strings.HasPrefix(said, "pkg:"):
		view.Title = fmt.Sprintf("%d packages have this name", n)
		if n == alikeRows {
			view.Title = "Many packages have this name"
		}
	}
	for _, purl := range purls {
		view.Rows = append(view.Rows, choice{Title: purl, URL: w.Base + "/stats/package?" + url.Values{"package": {purl}}.Encode()})
	}
	return w.renderStatus(rw, http.StatusNotFound, "alike", view)
}
