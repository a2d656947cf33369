// Package auth says who a request acts for: passwords, tokens and sessions, how
// they are hashed, who may use them for what, and how fast they may be guessed.
//
// It does not know how accounts are stored, nor any route.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Store looks accounts up, and keeps sessions by the digest of their cookie.
// User, Token and Session answer [pkgmeter.NotFound] for what there is not.
type Store interface {
	User(ctx context.Context, name string) (pkgmeter.User, error)
	Token(ctx context.Context, prefix string) (pkgmeter.Token, error)

	// AddSession begins a session if the user still is as given, else it
	// answers [pkgmeter.NotFound]. The oldest ones of the user beyond keep end.
	AddSession(ctx context.Context, u pkgmeter.User, sum [32]byte, at time.Time, keep int) error
	Session(ctx context.Context, sum [32]byte) (u pkgmeter.User, created, used time.Time, err error)
	// UseSession notes a use, unless one after since is noted already.
	UseSession(ctx context.Context, sum [32]byte, at, since time.Time) error
	// EndSession is no error where there is none.
	EndSession(ctx context.Context, sum [32]byte) error
	// ChangePassword replaces the hash of a user's password, and ends all sessions,
	// if the user still is as given, else it answers [pkgmeter.NotFound].
	ChangePassword(ctx context.Context, was pkgmeter.User, hash string) error
	// UseToken notes a use, unless one after since is noted already.
	UseToken(ctx context.Context, id int64, at, since time.Time) error
	// Link returns a shared link of a user who is not disabled by the digest of
	// its secret, or [pkgmeter.NotFound].
	Link(ctx context.Context, sum [32]byte) (pkgmeter.ShareLink, error)
	// DropSessions ends what was begun, or last used, at or before a time.
	DropSessions(ctx context.Context, begun, used time.Time) error
}

const (
	// verifiedFor is how long a verified password is not hashed again.
	verifiedFor = 5 * time.Minute
	maxVerified = 4096
	// maxHashing bounds the memory of concurrent logins: 19 MiB each.
	maxHashing = 4
)

// An Auth verifies credentials. It may be used concurrently.
type Auth struct {
	// Secure is whether browsers reach the server by https only: the cookie is
	// then for https alone. It is set before the first request.
	Secure bool

	store   Store
	now     func() time.Time
	limits  *limits
	hashing chan struct{}
	hashes  atomic.Int64 // so far
	secret  []byte       // of this process: keys the verified credentials

	mu       sync.Mutex
	verified map[[32]byte]time.Time // → until when
}

// New returns an Auth over a store. now is the clock.
func New(store Store, now func() time.Time) *Auth {
	return &Auth{
		store: store, now: now, limits: newLimits(now), hashing: make(chan struct{}, maxHashing),
		secret: []byte(rand.Text()), verified: map[[32]byte]time.Time{},
	}
}

var errWrong = pkgmeter.Errorf(pkgmeter.Unauthenticated, "wrong user name, password or token")

// Password returns the principal of a user who knows the password, as a program
// sends it with each request. An unknown user, a disabled one and a wrong
// password cannot be told apart. What was verified is remembered for the
// address that it came from, and not hindered by the guesses of others.
func (a *Auth) Password(ctx context.Context, from netip.Addr, name, password string) (pkgmeter.Principal, error) {
	u, err := a.user(ctx, name)
	if err != nil {
		return pkgmeter.Principal{}, err
	}
	digest := Digest(password)
	key := a.key(from, u, digest)
	if u.Disabled || !a.isVerified(key) || a.limits.guessed(from, account(name)) {
		if err := a.guess(ctx, from, name, u, digest); err != nil {
			return pkgmeter.Principal{}, err
		}
		a.remember(key)
	}
	return pkgmeter.Principal{User: u.Name, Role: u.Role}, nil
}

// user is the store's, with a zero User for an unknown one.
func (a *Auth) user(ctx context.Context, name string) (pkgmeter.User, error) {
	u, err := a.store.User(ctx, name)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return pkgmeter.User{}, nil
	}
	return u, err
}

// guess verifies that digest is that of u's password. name is what the client
// called the user.
func (a *Auth) guess(ctx context.Context, from netip.Addr, name string, u pkgmeter.User, digest string) error {
	if err := a.limits.check(from, account(name)); err != nil {
		return err
	}
	select {
	case a.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-a.hashing }()
	// A thousand guesses at once have all passed the first check; of those that
	// waited here, at most maxHashing-1 go beyond the limit.
	if err := a.limits.check(from, account(name)); err != nil {
		return err
	}
	a.hashes.Add(1)
	if !matches(u.Hash, digest) || u.Disabled {
		a.limits.fail(from, account(name))
		return errWrong
	}
	return nil
}

// key of what was verified. The stored hash is a part of it, so that a changed
// password counts at once.
func (a *Auth) key(from netip.Addr, u pkgmeter.User, digest string) [32]byte {
	mac := hmac.New(sha256.New, a.secret)
	for _, s := range []string{from.String(), u.Name, u.Hash, digest} {
		mac.Write(append([]byte(s), 0))
	}
	return [32]byte(mac.Sum(nil))
}

func (a *Auth) isVerified(key [32]byte) bool {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.verified[key]
	return known && now.Before(until)
}

func (a *Auth) remember(key [32]byte) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.verified) >= maxVerified {
		clear(a.verified)
	}
	a.verified[key] = now.Add(verifiedFor)
}

// tokenMark begins every token, so that a leaked one is recognised.
const tokenMark = "pkgm_"

// NewToken makes a token of 200 random bits. The text is shown once; only its
// digest is stored.
func NewToken(user string, scope pkgmeter.Scope) (text string, t pkgmeter.Token) {
	random := make([]byte, 30) // 40 bits find it, 200 prove it
	rand.Read(random)          // never fails: it would end the process first
	enc := strings.ToLower(base32.StdEncoding.EncodeToString(random))
	t = pkgmeter.Token{User: user, Scope: scope, Prefix: enc[:8]}
	text = tokenMark + enc[:8] + "_" + enc[8:]
	t.SHA256 = sha256.Sum256([]byte(text))
	return text, t
}

// Token returns the principal for whom a token acts. Right tokens are never
// limited: nobody guesses 200 bits, so a limit could only hinder their owners.
func (a *Auth) Token(ctx context.Context, from netip.Addr, text string) (pkgmeter.Principal, error) {
	p, err := a.token(ctx, text)
	if !errors.Is(err, errWrong) {
		return p, err
	}
	if err := a.limits.check(from, anyToken); err != nil {
		return p, err
	}
	a.limits.fail(from, anyToken)
	return p, err
}

func (a *Auth) token(ctx context.Context, text string) (pkgmeter.Principal, error) {
	prefix, _, ok := strings.Cut(strings.TrimPrefix(text, tokenMark), "_")
	if !ok {
		return pkgmeter.Principal{}, errWrong
	}
	t, err := a.store.Token(ctx, prefix)
	if err != nil {
		if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
			err = errWrong
		}
		return pkgmeter.Principal{}, err
	}
	sum := sha256.Sum256([]byte(text))
	if subtle.ConstantTimeCompare(sum[:], t.SHA256[:]) != 1 || !t.Expires.IsZero() && !a.now().Before(t.Expires) {
		return pkgmeter.Principal{}, errWrong
	}
	u, err := a.user(ctx, t.User)
	if err != nil {
		return pkgmeter.Principal{}, err
	}
	if u.Disabled || u.Name == "" { // it may be removed just now
		return pkgmeter.Principal{}, errWrong
	}
	if now := a.now(); now.Sub(t.Used) >= tokenUsedEvery {
		if err := a.store.UseToken(ctx, t.ID, now, now.Add(-tokenUsedEvery)); err != nil {
			// A full disk must not stop who only reads.
			slog.WarnContext(ctx, "note the use of a token", "err", err)
		}
	}
	return pkgmeter.Principal{User: u.Name, Role: u.Role, Scope: t.Scope, Expires: t.Expires}, nil
}

// tokenUsedEvery is how exact the last use of a token is.
const tokenUsedEvery = time.Hour

// Request returns the principal of a request: a Bearer token, a Basic user and
// password, a token as the Basic password, or else a session.
func (a *Auth) Request(r *http.Request) (pkgmeter.Principal, error) {
	if bearer, ok := Bearer(r); ok {
		return a.Token(r.Context(), Client(r), bearer)
	}
	if name, password, ok := r.BasicAuth(); ok {
		if strings.HasPrefix(password, tokenMark) {
			return a.Token(r.Context(), Client(r), password)
		}
		return a.Password(r.Context(), Client(r), name, password)
	}
	if sum, ok := a.sessionSum(r); ok && !HasCredentials(r) {
		return a.session(r.Context(), sum)
	}
	return pkgmeter.Principal{}, pkgmeter.Errorf(pkgmeter.Unauthenticated, "log in, or send a token")
}

// HasCredentials reports whether a request brings a password or a token, right
// or wrong. A session does not count then.
func HasCredentials(r *http.Request) bool { return r.Header.Get("Authorization") != "" }

// Reader returns the principal of a request that may read numbers.
func (a *Auth) Reader(r *http.Request) (pkgmeter.Principal, error) {
	p, err := a.Request(r)
	if err == nil && p.Scope != "" && p.Scope != pkgmeter.ScopeRead {
		err = pkgmeter.Errorf(pkgmeter.Forbidden, "this token is for %s, not for reading", p.Scope)
	}
	return p, err
}

// Ingester returns the principal of a request that may send events: a token of
// that scope. A person may not, as a browser could be made to send the session.
func (a *Auth) Ingester(r *http.Request) (pkgmeter.Principal, error) {
	p, err := a.Request(r)
	switch {
	case err != nil || p.Scope == pkgmeter.ScopeIngest:
	case p.Scope == "":
		err = pkgmeter.Errorf(pkgmeter.Forbidden, "sending events wants a token: pkgmeter token new --user NAME --scope ingest")
	default:
		err = pkgmeter.Errorf(pkgmeter.Forbidden, "this token is for %s, not for sending events", p.Scope)
	}
	return p, err
}

// Bearer returns the token of an Authorization: Bearer header.
func Bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}
