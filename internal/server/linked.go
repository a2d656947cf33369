package server

import (
	"net/http"
	"net/url"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
)

// binding returns what is asked through a link: what the link shows, or less.
type binding func(link pkgmeter.ShareLink, asked url.Values, today pkgmeter.Day) (url.Values, error)

// linked serves who brings a link. The query is bound to the link before anybody
// reads it, and whoever the request acts for beside does not count: a user sees
// by a link what all others see by it. Who brings none goes on to next.
func (s *Server) linked(l login, bind binding, serve pageFunc, next http.Handler) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		asked, malformed := url.ParseQuery(r.URL.RawQuery)
		if !asked.Has(sharelink.Param) {
			next.ServeHTTP(w, r)
			return nil
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer") // the address is the secret
		h.Set("X-Robots-Tag", "noindex")
		if malformed != nil {
			return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the query string is malformed", Err: malformed}
		}
		view, err := s.Auth.Link(r.Context(), auth.Client(r), asked.Get(sharelink.Param))
		switch {
		case pkgmeter.CodeOf(err) == pkgmeter.Unauthenticated && httpx.PrefersHTML(r):
			return l.pages.ServeLogin(w, http.StatusUnauthorized, l.next(""), "This link has expired, or was ended. Who has a user can log in.")
		case err != nil:
			setRetryAfter(w, err)
			return err
		}
		if sharelink.IsView(r.URL.Path) && r.URL.Path != view.Path {
			return pkgmeter.Errorf(pkgmeter.Forbidden, "this link opens another page")
		}
		params, err := bind(view.ShareLink, asked, pkgmeter.DayOf(s.Now().UTC()))
		if err != nil {
			return err
		}
		bound := r.Clone(r.Context())
		bound.URL.RawQuery = params.Encode()
		return serve(w, bound, pkgmeter.Principal{Shared: view})
	})
}
