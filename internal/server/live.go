package server

import (
	"net/http"
	"net/url"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/live"
)

// stream answers GET /api/v1/live. Who may read is asked again while the stream
// goes on, as sessions end, tokens expire and repositories become private.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the query string is malformed", Err: err}
	}
	var q live.Question
	if q.Filter, q.After, err = api.LiveFilter(params); err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		q.After = last
	}
	_, known := s.Auth.Reader(r)
	q.Stranger = known != nil
	// That a repository is public does not make it known who fetched from it, nor
	// from where.
	q.People = s.PublicStats || known == nil
	if !q.People && q.Filter.Countries != nil {
		return pkgmeter.Errorf(pkgmeter.Unauthenticated, "country: which events came from where is for those who have logged in")
	}
	again := auth.Again(r)
	return s.live.Serve(w, r, q, func() error {
		if !q.Stranger {
			_, err := s.Auth.Reader(again)
			return err
		}
		_, err := s.mayRead(again, params)
		return err
	})
}
