package httpx

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Methods routes by method. GET serves HEAD as well; what is not listed is
// answered 405 with the list.
type Methods map[string]http.Handler

// ServeHTTP implements [http.Handler].
func (m Methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := m[r.Method]
	if !ok && r.Method == http.MethodHead {
		h, ok = m[http.MethodGet]
	}
	if !ok {
		allowed := slices.Sorted(maps.Keys(m))
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		WriteError(w, r, pkgmeter.Errorf(pkgmeter.MethodNotAllowed, "the method is %s, want %s", r.Method, strings.Join(allowed, " or ")))
		return
	}
	h.ServeHTTP(w, r)
}
