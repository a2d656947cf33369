package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

// Publicity knows what everyone may read.
type Publicity interface {
	// AllPublic reports whether there is a name at all, and each is that of a
	// public repository.
	AllPublic(ctx context.Context, names []string) (bool, error)

	// SetPublic makes a repository public, or private again.
	SetPublic(ctx context.Context, name string, public bool) (known bool, err error)

	// Secret returns the installation's own random bytes.
	Secret(ctx context.Context) ([]byte, error)
}

// varyByAsker are the headers by which the same question has several answers.
const varyByAsker = "Authorization, Cookie"

// anyOrigin lets pages of other sites read an answer that everyone may have.
func anyOrigin(h http.Header) { h.Set("Access-Control-Allow-Origin", "*") }

// mayRead reports whether a request may read what it asks for, with nil, and
// whether everyone may. Where the numbers are not public, those of public
// repositories are, to whoever brings no credentials; wrong ones are refused.
func (s *Server) mayRead(r *http.Request, params url.Values) (everyone bool, err error) {
	if s.PublicStats {
		return s.Auth.Anonymous(r), nil
	}
	_, err = s.Auth.Reader(r)
	if err == nil || auth.HasCredentials(r) || pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated || aboutPeople(params) {
		return false, err
	}
	public, failed := s.Store.AllPublic(r.Context(), params["repository"])
	switch {
	case failed != nil:
		return false, failed
	case public:
		return s.Auth.Anonymous(r), nil
	}
	return false, err
}

// aboutPeople reports whether a question could tell of who fetched or who sent:
// sources have names of users in them. That a repository is public does not make
// these so.
func aboutPeople(params url.Values) bool {
	for _, key := range []string{"consumer", "source"} {
		if params.Has(key) || slices.Contains(params["by"], key) || slices.Contains(params["split"], key) {
			return true
		}
	}
	return false
}

// maySee is mayRead for a badge, which may have a signed address.
func (s *Server) maySee(r *http.Request, path api.BadgePath, params url.Values) (everyone bool, err error) {
	everyone, err = s.mayRead(r, params)
	sig := params.Get(api.Signature)
	if pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated || auth.HasCredentials(r) || sig == "" {
		return everyone, err
	}
	secret, failed := s.Store.Secret(r.Context())
	if failed != nil {
		return false, failed
	}
	signer, failed := auth.NewSigner(secret, api.SignatureOf)
	if failed != nil {
		return false, failed
	}
	if signer.Verify(sig, path.String(), api.Signed(params)) {
		err = nil
	}
	return false, err
}
