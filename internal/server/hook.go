package server

import (
	"net/http"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// senders serves the webhooks of known kinds of senders.
func (s *Server) senders() http.Handler {
	h := &hook.Senders{
		Queue: s.queue, Rules: s.Ruled, Now: s.Now, Large: s.callback.Large, Mapping: &s.callback.Mapping, People: s.People,
		Done: s.metrics.delivered, Refused: s.metrics.refusedItems,
	}
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		kind := r.PathValue("kind")
		if !hook.HasSender(kind) {
			return notFound(w, r)
		}
		p, err := s.sender(r)
		if err != nil {
			challenge(w, err)
			return err
		}
		return h.Serve(w, r, kind, p)
	})
}

// sender returns the principal of a request that brings an ingest token: in the
// path, in the query, as a Bearer token or as a Basic password. Senders differ
// in what they can be told to send, and some add credentials of their own, so
// the first token that is right counts.
func (s *Server) sender(r *http.Request) (pkgmeter.Principal, error) {
	bearer, _ := auth.Bearer(r)
	_, password, _ := r.BasicAuth()
	refused := error(pkgmeter.Errorf(pkgmeter.Unauthenticated, "send a token: pkgmeter token new --user NAME --scope ingest"))
	for _, token := range []string{r.PathValue("token"), r.URL.Query().Get("token"), bearer, password} {
		if token == "" {
			continue
		}
		p, err := s.Auth.Token(r.Context(), auth.Client(r), token)
		switch code := pkgmeter.CodeOf(err); {
		case err == nil && p.Scope == pkgmeter.ScopeIngest:
			return p, nil
		case err == nil:
			refused = pkgmeter.Errorf(pkgmeter.Unauthenticated, "this token is for %s, not for sending events", p.Scope)
		case code == pkgmeter.Unauthenticated, code == pkgmeter.RateLimited:
			refused = err
		default:
			return p, err
		}
	}
	return pkgmeter.Principal{}, refused
}
