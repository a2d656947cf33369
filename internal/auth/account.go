package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// Bounds of a password that is chosen in a page.
const (
	MinPassword = 8    // characters
	MaxPassword = 1000 // bytes
)

// NewPassword returns what is stored of a password that somebody chose, typed
// twice.
func NewPassword(password, again string) (hash string, err error) {
	switch {
	case password != again:
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "the two passwords differ")
	case utf8.RuneCountInString(password) < MinPassword:
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "a password has %d characters at least", MinPassword)
	case len(password) > MaxPassword:
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "a password has %d bytes at most", MaxPassword)
	}
	return Hash(password), nil
}

// ChangePassword gives a user who knows the present password another one. All
// sessions end, and this browser gets a new one. The present password can be
// guessed here as slowly as in a login.
func (a *Auth) ChangePassword(w http.ResponseWriter, r *http.Request, name, present, password, again string) error {
	another := pkgmeter.Errorf(pkgmeter.Invalid, "the present password is another one")
	u, err := a.Digest(r.Context(), Client(r), name, Digest(present))
	if pkgmeter.CodeOf(err) == pkgmeter.Unauthenticated {
		return another
	}
	if err != nil {
		return err
	}
	hash, err := NewPassword(password, again)
	if err != nil {
		return err
	}
	err = a.store.ChangePassword(r.Context(), u, hash)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return another // since it was verified
	}
	if err != nil {
		return err
	}
	if HasCredentials(r) {
		return nil // no browser with a session
	}
	return a.LogIn(w, r, name, password)
}

// SessionOf returns the digest of the session that a request came with.
func (a *Auth) SessionOf(r *http.Request) (sum [32]byte, ok bool) { return a.sessionSum(r) }

// NewLink makes the secret of a link to a shared view, of 200 random bits. It is
// shown once; only its digest is stored.
func NewLink() (secret string, sum [32]byte) {
	random := make([]byte, 25)
	rand.Read(random) // never fails: it would end the process first
	secret = strings.ToLower(base32.StdEncoding.EncodeToString(random))
	return secret, sha256.Sum256([]byte(secret))
}

// maxLinkSecret bounds what is looked up.
const maxLinkSecret = 100

// Link returns the view that the secret of a link opens. Wrong ones are limited
// as wrong tokens are; right ones never.
func (a *Auth) Link(ctx context.Context, from netip.Addr, secret string) (*pkgmeter.SharedView, error) {
	over := pkgmeter.Errorf(pkgmeter.Unauthenticated, "this link has expired, or was ended")
	var l pkgmeter.ShareLink
	err := error(over)
	if len(secret) <= maxLinkSecret {
		l, err = a.store.Link(ctx, sha256.Sum256([]byte(secret)))
	}
	switch code := pkgmeter.CodeOf(err); {
	case err == nil && a.now().Before(l.Expires):
		return &pkgmeter.SharedView{ShareLink: l, Secret: secret}, nil
	case err == nil:
		return nil, over // it was right once, and is no guess
	case code != pkgmeter.NotFound && code != pkgmeter.Unauthenticated:
		return nil, err
	}
	if err := a.limits.check(from, anyToken); err != nil {
		return nil, err
	}
	a.limits.fail(from, anyToken)
	return nil, over
}
