package web

import (
	"net/url"

	"github.com/pkgmeter/pkgmeter"
)

// MayShare reports whether p may make links to views: a person who reads the
// numbers.
func MayShare(p pkgmeter.Principal) bool {
	return p.User != "" && p.Scope == "" && (p.Role == pkgmeter.Admin || p.Role == pkgmeter.Viewer)
}

// shareURL returns the URL of the form that makes a link to a view, "" for who
// may make none.
func (w *Web) shareURL(p pkgmeter.Principal, path string, wanted wish) string {
	if !w.Settings || !MayShare(p) {
		return ""
	}
	return w.Base + "/stats/settings/links?" + url.Values{"view": {path + wanted.link()}}.Encode()
}
