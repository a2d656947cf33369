package web

import (
	"net/http"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

// page returns what the layout shows a reader. Who sends a password with every
// request has nothing to log out of.
func (w *Web) page(r *http.Request, title string, reader pkgmeter.Principal) page {
	if reader.Shared != nil {
		return page{Title: title, Version: w.Version, Shared: reader.Shared.Expires}
	}
	return page{
		Title: title, User: reader.User, Session: reader.User != "" && !auth.HasCredentials(r), Version: w.Version,
		Inspect: w.Inspector != nil && mayInspect(reader) == nil, Catalog: w.hasCatalog(),
		Sources: w.Sources != nil && reader.User != "", Badges: w.Badges != nil, Live: w.Live != nil, Alerts: w.maySeeAlerts(reader) == nil,
		Search:  w.Searcher != nil && (w.Public || reader.User != ""),
		Account: w.Settings && reader.User != "" && reader.Scope == "",
	}
}

// loginView is the form that asks for a name and a password. It never repeats
// what was typed: answers to a wrong name and to a wrong password are equal.
type loginView struct {
	page
	Next  string // where to go afterwards, a path of this server
	Alert string // what was wrong; empty at first
}

// ServeLogin renders the login form.
func (w *Web) ServeLogin(rw http.ResponseWriter, status int, next, alert string) error {
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "login", loginView{page{Title: "Log in", Version: w.Version, Catalog: w.hasCatalog()}, next, alert})
}
