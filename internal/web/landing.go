package web

import (
	"net/http"

	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// Landing greets: programs in plain text, browsers with a page.
func (w *Web) Landing(rw http.ResponseWriter, r *http.Request) error {
	rw.Header().Set("Vary", "Accept")
	if httpx.PrefersHTML(r) {
		return w.render(rw, "landing", page{Title: "pkgmeter", Version: w.Version, Catalog: w.hasCatalog()})
	}
	httpx.Write(rw, http.StatusOK, "text/plain; charset=utf-8",
		[]byte("pkgmeter counts the downloads of your packages.\nThe numbers are at "+w.Base+"/stats\n"))
	return nil
}
