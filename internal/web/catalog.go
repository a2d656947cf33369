package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// Catalog is where the pages of Meteor packages come from. Without a directory
// there are none.
type Catalog struct {
	Directory Directory
	Records   Records

	// Readme reads the readme of a version; code not_found says that this server
	// does not have it. nil stands for a server that has none.
	Readme func(ctx context.Context, version catalog.Version) ([]byte, error)

	// Adds are shown on the page of a package that has any. nil: they are not.
	Adds Adds

	// Shown reports whether pages link to the catalog. nil: they do not.
	Shown func() bool
}

// Directory is the list of all packages, see [catalog.Directory].
type Directory interface {
	Search(ctx context.Context, words string, offset, limit int) (total int, found []catalog.Entry, err error)
	Totals(ctx context.Context) (catalog.Totals, error)
	Versions(ctx context.Context, name string) (versions []catalog.Publication, latest string, err error)
}

// Records are the records of the catalog.
type Records interface {
	// Document returns a record by its key; code not_found says that there is none.
	Document(ctx context.Context, c pkgmeter.Collection, key string) (pkgmeter.Document, error)

	// Documents returns the records whose keys begin with the prefix, sorted by key.
	Documents(ctx context.Context, c pkgmeter.Collection, prefix string, limit int) ([]pkgmeter.Document, error)
}

// packageRows is how many packages a page lists.
const packageRows = 50

// catalogView is what the page of all packages shows.
type catalogView struct {
	page
	Query   string
	Totals  catalog.Totals
	Found   int
	Rows    []packageRow
	Steps   steps
	Tracks  string // URL
	MaxText int    // bytes of the query
}

type packageRow struct {
	Name, URL   string
	Version     string // "" if nothing is published yet
	Description string
	Published   string
	Versions    int
}

// steps are the URLs of the neighbouring pages of a list, "" for none.
type steps struct {
	Page, Pages int
	Back, On    string
}

// ServeCatalog lists the packages that there are, or those that a reader looks
// for. A package whose name makes no path is shown by the parameter package.
func (w *Web) ServeCatalog(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if w.Catalog.Directory == nil {
		return errNoCatalog()
	}
	query := r.URL.Query()
	if name := query.Get("package"); name != "" {
		return w.servePackage(rw, r, p, name)
	}
	view := &catalogView{page: w.page(r, "Packages", p), Query: strings.TrimSpace(pkgmeter.Cut(query.Get("q"), maxQuery)), Tracks: w.trackURL(""), MaxText: maxQuery}
	var err error
	if view.Totals, err = w.Catalog.Directory.Totals(r.Context()); err != nil {
		return err
	}
	at := pageNumber(query)
	var found []catalog.Entry
	if view.Found, found, err = w.Catalog.Directory.Search(r.Context(), view.Query, (at-1)*packageRows, packageRows); err != nil {
		return err
	}
	for _, e := range found {
		view.Rows = append(view.Rows, packageRow{
			Name: e.Name, URL: w.packageURL(e.Name), Version: e.Latest.Version, Description: e.Latest.Description,
			Published: date(e.Latest.Published), Versions: e.Versions,
		})
	}
	kept := url.Values{}
	if view.Query != "" {
		kept.Set("q", view.Query)
	}
	view.Steps = newSteps(at, view.Found, packageRows, kept)
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "catalog", view)
}

// maxQuery is the longest search, in bytes.
const maxQuery = 200

func errNoCatalog() error {
	return pkgmeter.Errorf(pkgmeter.NotFound, "this server keeps no packages")
}

// hasCatalog reports whether pages link to the catalog.
func (w *Web) hasCatalog() bool { return w.Catalog.Shown != nil && w.Catalog.Shown() }

// pageNumber returns the page of a list that a URL asks for, from 1 on. What is
// no number is the first page.
func pageNumber(query url.Values) int {
	n, err := strconv.Atoi(query.Get("page"))
	if err != nil {
		return 1
	}
	return min(max(n, 1), 1_000_000)
}

func newSteps(at, total, rows int, kept url.Values) steps {
	s := steps{Page: at, Pages: max((total+rows-1)/rows, 1)}
	link := func(n int) string {
		kept.Del("page")
		if n > 1 {
			kept.Set("page", strconv.Itoa(n))
		}
		return "?" + kept.Encode()
	}
	if at > 1 {
		s.Back = link(min(at-1, s.Pages))
	}
	if at < s.Pages {
		s.On = link(at + 1)
	}
	return s
}

// date writes the day of a date, "–" for none.
func date(d catalog.Date) string {
	if d == 0 {
		return "–"
	}
	return d.Time().Format("2006-01-02")
}

// packageURL returns the page of a package. Names of strangers may have what
// means something in a path, and one package may be called as a page is.
func (w *Web) packageURL(name string) string {
	if catalog.ValidName(name) != nil || name == "tracks" {
		return w.Base + "/catalog?" + url.Values{"package": {name}}.Encode()
	}
	return w.Base + "/catalog/" + url.PathEscape(name)
}

// trackURL returns the page of a track, that of all tracks for "".
func (w *Web) trackURL(name string) string {
	switch {
	case name == "":
		return w.Base + "/catalog/tracks"
	case catalog.ValidTrack(name) != nil:
		return w.Base + "/catalog/tracks?" + url.Values{"track": {name}}.Encode()
	}
	return w.Base + "/catalog/tracks/" + url.PathEscape(name)
}

// absentView says that there is no such thing in the catalog.
type absentView struct {
	page
	Kind, Name string
	URL        string // of where to look instead
	Text       string // of the link there
}

// absent answers that there is no such thing.
func (w *Web) absent(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, kind, name, to, text string) error {
	view := &absentView{page: w.page(r, "Not found", p), Kind: kind, Name: pkgmeter.Cut(name, maxQuery), URL: to, Text: text}
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, httpx.Status(pkgmeter.NotFound), "absent", view)
}
