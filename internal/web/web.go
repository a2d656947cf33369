// Package web renders the pages: one file a page, with its view model, and a
// template beside it. Pages need no script, and load nothing from elsewhere:
// the script, where it was built, only draws what the page already says.
//
// It does not know how counts are kept, nor who may see a page.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

//go:embed templates static
var files embed.FS

// Web renders pages. Who may see them is decided before.
type Web struct {
	Stats     pkgmeter.Stats
	Searcher  pkgmeter.Searcher // nil: there is no search
	Public    bool              // everyone may read numbers
	Now       func() time.Time
	Base      string // base path of all links, without the slash at its end
	Version   string
	Sources   Sources           // nil: there is no page of sources
	Inspector Inspector         // nil: there are no pages of quarantine and payloads
	Panels    Panels            // nil: every panel is shown, and there are no settings
	Catalog   Catalog           // without a directory there are no pages of packages
	Badges    Badges            // nil: there is no page that builds them
	Alerts    *alert.Alerts     // nil: there are no pages of alerts
	Live      Live              // nil: there is no live view
	Publicity Publicity         // nil: the settings do not say which repositories are public
	Settings  bool              // there are pages of users, tokens and links
	Own       []rule.ClientRule // the operator's, which the settings show

	pages  map[string]*template.Template
	assets *assets
	script string // URL of the page script, "" where it was not built
	forms  *http.CrossOriginProtection

	markdown *markdown
}

// Init parses the templates. A broken one is a mistake of the program.
func (w *Web) Init() error {
	assets, err := newAssets(files)
	if err != nil {
		return err
	}
	w.assets, w.forms, w.markdown = assets, http.NewCrossOriginProtection(), newMarkdown()
	w.script = w.assetURL(scriptFile)
	w.pages = map[string]*template.Template{}
	return w.Parse(files, "landing", "login", "stats", "settings", "rules", "sources", "quarantine", "payloads", "catalog", "package", "tracks", "track", "absent", "use", "alike", "badges", "compare", "search", "live", "alerts", "watch", "told")
}

// Parse adds pages to those of this package: templates/NAME.html of fsys, in the
// same layout.
func (w *Web) Parse(fsys fs.FS, names ...string) error {
	for _, name := range names {
		t, err := template.New("layout.html").Funcs(template.FuncMap{
			"count": count, "size": size, "bytes": func(n int) int64 { return int64(n) }, "base": func() string { return w.Base }, "asset": w.assetURL,
			"what": what, "pieces": pieces, "number": func(n int) string { return count(int64(n)) },
		}).ParseFS(files, "templates/layout.html", "templates/parts.html")
		if err == nil {
			t, err = t.ParseFS(fsys, "templates/"+name+".html")
		}
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		w.pages[name] = t
	}
	return nil
}

// Template returns a page that was parsed.
func (w *Web) Template(name string) *template.Template { return w.pages[name] }

// A Page is what the layout asks of every view model, for pages of other packages.
type Page = page

// NewPage returns what the layout shows a reader.
func (w *Web) NewPage(r *http.Request, title string, reader pkgmeter.Principal) Page {
	return w.page(r, title, reader)
}

// Render writes a page that was parsed, with a status.
func (w *Web) Render(rw http.ResponseWriter, status int, name string, view any) error {
	return w.renderStatus(rw, status, name, view)
}

// page is what the layout asks of every view model.
type page struct {
	Title   string
	User    string
	Session bool // the user can log out
	Inspect bool // the user may see payloads
	Sources bool // and the sources
	Catalog bool // there are packages
	Badges  bool // there is a page that builds badges
	Search  bool // the user may search
	Live    bool // there is one of events as they come
	Alerts  bool // the user may see the alerts
	Account bool // the user has a page of their own
	Version string

	Shared time.Time // until when the link shows the page by which it is seen; zero for none
}

// render writes a page that answers with 200.
func (w *Web) render(rw http.ResponseWriter, name string, view any) error {
	return w.renderStatus(rw, http.StatusOK, name, view)
}

// renderStatus writes a page. It is rendered in full first, so that an error is
// still an error to the client.
func (w *Web) renderStatus(rw http.ResponseWriter, status int, name string, view any) error {
	var buf bytes.Buffer
	if err := w.Template(name).Execute(&buf, view); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	httpx.Write(rw, status, "text/html; charset=utf-8", buf.Bytes())
	return nil
}

// count writes a number with thin spaces between thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	digits := strings.TrimPrefix(s, "-")
	var b strings.Builder
	b.WriteString(s[:len(s)-len(digits)])
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// size writes bytes in binary units.
func size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), -1
	for v >= 1024 && unit < 5 {
		v, unit = v/1024, unit+1
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + string("KMGTPE"[unit]) + "iB"
}
