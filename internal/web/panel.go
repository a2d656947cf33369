package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// Panels remembers which panels of the page an operator has hidden. Names
// that no panel has are to be kept, and are ignored here.
type Panels interface {
	Hidden(ctx context.Context) (map[string]bool, error)
	SetHidden(ctx context.Context, panel string, hidden bool) error
}

// panel is a top list of the page.
type panel struct {
	Name  string // as [Panels] has it; "" cannot be hidden
	Title string
	head  string // of the first column
	note  string
	what  string // ID of the rule
	by    pkgmeter.Key
	rows  int  // [topRows] if it is 0
	pie   bool // has a ring
	side  bool // stands beside the long lists, as those that have a ring do
	hits  bool // ranked by hits whatever the reader chose
}

// classesPanel is the one that is drawn over days, and is no list.
var classesPanel = panel{Name: "classes", Title: "Classes of clients", what: "classes"}

// panels lists the top lists of the page.
var panels = []panel{
	{Name: "files", Title: "Top files", head: "File", what: "file", by: pkgmeter.ByFile},
	{Name: "repositories", Title: "Repositories", head: "Repository", what: "repository", by: pkgmeter.ByRepository, pie: true},
	{
		Name: "clients", Title: "Clients", head: "Client", what: "client", by: pkgmeter.ByClient, rows: clientRows,
		note: fmt.Sprintf("By the table of clients %d of %s.", rule.ClientsNumber, rule.ClientsDated),
	},
	{
		Name: "countries", Title: "Countries", head: "Country", what: "country", by: pkgmeter.ByCountry, rows: countryRows,
		note: "ZZ is all of which no country is known. Only the filter by class narrows this list: others hide it.",
	},
	{
		Name: "kinds", Title: "Kinds of files", head: "Kind", what: "kinds", by: pkgmeter.ByKind, side: true, hits: true,
		note: "By hits: only primary files can be downloads.",
	},
	{
		Name: "types", Title: "File types", head: "Type", what: "legacy_type", by: pkgmeter.ByLegacyType, pie: true, hits: true,
		note: "The ring is of hits, as poms and checksums are no downloads.",
	},
	{Title: "Package types", head: "Type", what: "type", by: pkgmeter.ByType},
}

// choosable lists the panels that can be hidden.
func choosable() []panel {
	named := slices.DeleteFunc(slices.Clone(panels), func(p panel) bool { return p.Name == "" })
	return append([]panel{classesPanel}, named...)
}

// hidden returns the panels that are not to be shown.
func (w *Web) hidden(ctx context.Context) (map[string]bool, error) {
	if w.Panels == nil {
		return map[string]bool{}, nil
	}
	return w.Panels.Hidden(ctx)
}

// settingsView is what the page of settings shows.
type settingsView struct {
	page
	Saved  bool
	Panels []panelChoice
}

type panelChoice struct {
	Name, Title string
	Shown       bool
}

// ServeSettings shows which panels are shown. It is for admins.
func (w *Web) ServeSettings(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.mayChange(p); err != nil {
		return err
	}
	hidden, err := w.hidden(r.Context())
	if err != nil {
		return err
	}
	view := &settingsView{page: w.page(r, "Settings", p), Saved: r.URL.Query().Has("saved")}
	for _, l := range choosable() {
		view.Panels = append(view.Panels, panelChoice{l.Name, l.Title, !hidden[l.Name]})
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "settings", view)
}

// maxForm is the largest body of a form, in bytes.
const maxForm = 64 << 10

// SaveSettings takes the form of [Web.ServeSettings]: the panels that are not
// ticked are hidden. A form of another site is refused.
func (w *Web) SaveSettings(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.forms.Check(r); err != nil {
		return &pkgmeter.Error{Code: pkgmeter.Forbidden, Msg: "the form was sent from another site", Err: err}
	}
	if err := w.mayChange(p); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the form cannot be read", Err: err}
	}
	shown := map[string]bool{}
	for _, name := range r.PostForm["show"] {
		shown[name] = true
	}
	for _, l := range choosable() {
		if err := w.Panels.SetHidden(r.Context(), l.Name, !shown[l.Name]); err != nil {
			return err
		}
	}
	http.Redirect(rw, r, w.Base+"/stats/settings?saved", http.StatusSeeOther)
	return nil
}

// mayChange reports whether p may change settings: a person who is an admin.
// Tokens are for reading and sending.
func (w *Web) mayChange(p pkgmeter.Principal) error {
	switch {
	case p.User == "":
		return pkgmeter.Errorf(pkgmeter.Unauthenticated, "log in to change settings")
	case p.Role != pkgmeter.Admin || p.Scope != "":
		return pkgmeter.Errorf(pkgmeter.Forbidden, "only admins change settings")
	case w.Panels == nil:
		return pkgmeter.Errorf(pkgmeter.NotFound, "this server keeps no settings")
	}
	return nil
}
