package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// Publicity says whose numbers everyone may read.
type Publicity interface {
	// AllPublic reports whether there is a name at all, and each is that of a
	// public repository.
	AllPublic(ctx context.Context, names []string) (bool, error)
	// SetPublic makes a repository public, or private again.
	SetPublic(ctx context.Context, name string, public bool) (known bool, err error)
}

// maxRepositories is the most repositories that the settings list, and maxForm
// the largest body of a form, in bytes. The latter has room for the former with
// usual names; the command line has room for all.
const (
	maxRepositories = 200
	maxForm         = 64 << 10
)

// settingsView is what the page of settings shows.
type settingsView struct {
	page
	Saved  bool
	Tabs   []Tab
	Panels []panelChoice
	Own    []rule.ClientRule

	Repositories     []repositoryChoice // nil where there are none to choose from
	MoreRepositories bool
}

// A Tab leads to one of the pages of settings.
type Tab = choice

// Tabs are the pages of settings that p may see, of which one is shown here.
func (w *Web) Tabs(p pkgmeter.Principal, here string) (tabs []Tab) {
	if !w.Settings {
		return nil
	}
	for _, t := range []struct {
		title, path string
		may         bool
	}{
		{"My account", "/stats/settings/account", p.User != "" && p.Scope == ""},
		{"Shared links", "/stats/settings/links", MayShare(p)},
		{"Panels and repositories", "/stats/settings", w.mayChange(p) == nil},
		{"Users", "/stats/settings/users", mayInspect(p) == nil},
		{"Tokens", "/stats/settings/tokens", mayInspect(p) == nil},
		{"Sessions", "/stats/settings/sessions", mayInspect(p) == nil},
		{"Audit log", "/stats/settings/audit", mayInspect(p) == nil},
	} {
		if t.may {
			tabs = append(tabs, Tab{Title: t.title, URL: w.Base + t.path, Here: t.path == here})
		}
	}
	return tabs
}

type repositoryChoice struct {
	Name   string
	Public bool
}

type panelChoice struct {
	Name, Title string
	Shown       bool
}

// ServeSettings shows which panels are shown, and which repositories are public. It is for admins.
func (w *Web) ServeSettings(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.mayChange(p); err != nil {
		return err
	}
	hidden, err := w.hidden(r.Context())
	if err != nil {
		return err
	}
	view := &settingsView{page: w.page(r, "Settings", p), Saved: r.URL.Query().Has("saved"), Tabs: w.Tabs(p, "/stats/settings"), Own: w.Own}
	for _, l := range choosable() {
		view.Panels = append(view.Panels, panelChoice{l.Name, l.Title, !hidden[l.Name]})
	}
	if err := w.addRepositories(r.Context(), view); err != nil {
		return err
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "settings", view)
}

func (w *Web) addRepositories(ctx context.Context, view *settingsView) error {
	if w.Publicity == nil {
		return nil
	}
	top, err := w.Stats.Top(ctx, pkgmeter.Query{Now: w.Now().UTC(), Measure: pkgmeter.ByHits}, pkgmeter.ByRepository, pkgmeter.Page{Limit: maxRepositories})
	if err != nil {
		return err
	}
	view.MoreRepositories = top.Next != nil
	for _, it := range top.Items {
		if it.Key == "" {
			continue
		}
		public, err := w.Publicity.AllPublic(ctx, []string{it.Key})
		if err != nil {
			return err
		}
		view.Repositories = append(view.Repositories, repositoryChoice{it.Key, public})
	}
	return nil
}

// SaveSettings takes the form of [Web.ServeSettings]: the panels that are not
// ticked are hidden; or that of repositories, of which those that are ticked are
// public. A form of another site is refused.
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
	if r.PostForm.Get("form") == "repositories" {
		return w.saveRepositories(rw, r)
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

// saveRepositories changes those that the form showed, and no others.
func (w *Web) saveRepositories(rw http.ResponseWriter, r *http.Request) error {
	if w.Publicity == nil {
		return pkgmeter.Errorf(pkgmeter.NotFound, "this server has no repositories to choose from")
	}
	for _, name := range r.PostForm["repository"] {
		public, err := w.Publicity.AllPublic(r.Context(), []string{name})
		if err != nil {
			return err
		}
		if wanted := slices.Contains(r.PostForm["public"], name); wanted != public {
			if _, err := w.Publicity.SetPublic(r.Context(), name, wanted); err != nil {
				return err
			}
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
