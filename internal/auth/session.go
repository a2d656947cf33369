package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of sessions.
const (
	idleLimit   = 12 * time.Hour
	lifeLimit   = 7 * 24 * time.Hour
	maxSessions = 20 // per user
	usedEvery   = time.Minute
	cookieBytes = 24 // 192 random bits
)

// Ended reports whether a session is over, though it is kept still.
func Ended(created, used, now time.Time) bool {
	return now.Sub(created) >= lifeLimit || now.Sub(used) >= idleLimit
}

var errNoSession = pkgmeter.Errorf(pkgmeter.Unauthenticated, "the session has ended: log in again")

// CookieName returns the name of the session's cookie. The prefix makes
// browsers refuse one that another host or an unencrypted page has set.
func (a *Auth) CookieName() string {
	if a.Secure {
		return "__Host-pkgmeter"
	}
	return "pkgmeter"
}

func (a *Auth) cookie(text string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // not Secure only where there is no https
		Name: a.CookieName(), Value: text, Path: "/",
		Secure: a.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// LogIn begins a session for a user who knows the password, ends the one that
// the request came with, and sets the cookie. An unknown user, a disabled one
// and a wrong password cannot be told apart.
func (a *Auth) LogIn(w http.ResponseWriter, r *http.Request, name, password string) error {
	u, err := a.Digest(r.Context(), Client(r), name, Digest(password))
	if err != nil {
		return err
	}
	if err := a.endSession(r); err != nil {
		return err
	}
	now := a.now()
	if err := a.store.DropSessions(r.Context(), now.Add(-lifeLimit), now.Add(-idleLimit)); err != nil {
		return err
	}
	random := make([]byte, cookieBytes)
	rand.Read(random) // never fails: it would end the process first
	text := base64.RawURLEncoding.EncodeToString(random)
	err = a.store.AddSession(r.Context(), u, sha256.Sum256([]byte(text)), now, maxSessions)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return errWrong // the password was changed while it was verified
	}
	if err != nil {
		return err
	}
	http.SetCookie(w, a.cookie(text))
	return nil
}

// LogOut ends the session of a request, if it has one, and clears the cookie.
func (a *Auth) LogOut(w http.ResponseWriter, r *http.Request) error {
	if err := a.endSession(r); err != nil {
		return err
	}
	c := a.cookie("") //nolint:gosec // the same
	c.MaxAge = -1
	http.SetCookie(w, c)
	return nil
}

func (a *Auth) endSession(r *http.Request) error {
	sum, ok := a.sessionSum(r)
	if !ok {
		return nil
	}
	return a.store.EndSession(r.Context(), sum)
}

// sessionSum returns the digest of a request's cookie.
func (a *Auth) sessionSum(r *http.Request) (sum [32]byte, ok bool) {
	c, err := r.Cookie(a.CookieName())
	if err != nil || len(c.Value) != base64.RawURLEncoding.EncodedLen(cookieBytes) {
		return sum, false
	}
	return sha256.Sum256([]byte(c.Value)), true
}

// Anonymous reports whether a request brings nothing that says who it acts for,
// right or wrong.
func (a *Auth) Anonymous(r *http.Request) bool {
	_, session := a.sessionSum(r)
	return !session && !HasCredentials(r)
}

// session returns the principal of a session that has not ended.
func (a *Auth) session(ctx context.Context, sum [32]byte) (pkgmeter.Principal, error) {
	u, created, used, err := a.store.Session(ctx, sum)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound || err == nil && u.Disabled {
		return pkgmeter.Principal{}, errNoSession
	}
	if err != nil {
		return pkgmeter.Principal{}, err
	}
	now := a.now()
	if Ended(created, used, now) {
		// For good, even if the clock is set back.
		if err := a.store.EndSession(ctx, sum); err != nil {
			return pkgmeter.Principal{}, err
		}
		return pkgmeter.Principal{}, errNoSession
	}
	if now.Sub(used) >= usedEvery && ctx.Value(looking{}) == nil {
		if err := a.store.UseSession(ctx, sum, now, now.Add(-usedEvery)); err != nil {
			// A full disk must not stop who only reads.
			slog.WarnContext(ctx, "note the use of a session", "err", err)
		}
	}
	return pkgmeter.Principal{User: u.Name, Role: u.Role}, nil
}

// looking marks a request that is looked at again.
type looking struct{}

// Again returns a request that is under way, to look at who it acts for once
// more: a page that stays open is no use of its session, which ends as if it
// were closed.
func Again(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), looking{}, true))
}

// Digest returns the user whose password has the given hex SHA-256, within the
// limits of guessing. It is what every login by name comes down to: the form
// here, and clients that send the digest themselves.
func (a *Auth) Digest(ctx context.Context, from netip.Addr, name, digest string) (pkgmeter.User, error) {
	u, err := a.user(ctx, name)
	if err != nil {
		return u, err
	}
	return u, a.guess(ctx, from, name, u, digest)
}
