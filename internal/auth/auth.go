// Package auth says who a request acts for: passwords and tokens, how they are
// hashed, and who may use them for what.
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
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Store looks accounts up. Both methods answer [pkgmeter.NotFound] for what
// there is not.
type Store interface {
	User(ctx context.Context, name string) (pkgmeter.User, error)
	Token(ctx context.Context, prefix string) (pkgmeter.Token, error)
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
	store   Store
	now     func() time.Time
	hashing chan struct{}
	hashes  atomic.Int64 // so far
	secret  []byte       // of this process: keys the verified credentials

	mu       sync.Mutex
	verified map[[32]byte]time.Time // → until when
}

// New returns an Auth over a store. now is the clock.
func New(store Store, now func() time.Time) *Auth {
	return &Auth{
		store: store, now: now, hashing: make(chan struct{}, maxHashing),
		secret: []byte(rand.Text()), verified: map[[32]byte]time.Time{},
	}
}

var errWrong = pkgmeter.Errorf(pkgmeter.Unauthenticated, "wrong user name, password or token")

// Password returns the principal of a user who knows the password. An unknown
// user, a disabled one and a wrong password cannot be told apart.
func (a *Auth) Password(ctx context.Context, name, password string) (pkgmeter.Principal, error) {
	u, err := a.store.User(ctx, name)
	if err != nil && pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		return pkgmeter.Principal{}, err
	}
	ok, err := a.verify(ctx, u, password)
	if err != nil {
		return pkgmeter.Principal{}, err
	}
	if !ok || u.Disabled {
		return pkgmeter.Principal{}, errWrong
	}
	return pkgmeter.Principal{User: u.Name, Role: u.Role}, nil
}

// verify reports whether password is u's. The stored hash is a part of the
// key of what was verified, so that a changed password counts at once.
func (a *Auth) verify(ctx context.Context, u pkgmeter.User, password string) (bool, error) {
	digest := Digest(password)
	mac := hmac.New(sha256.New, a.secret)
	for _, s := range []string{u.Name, u.Hash, digest} {
		mac.Write(append([]byte(s), 0))
	}
	key := [32]byte(mac.Sum(nil))
	now := a.now()
	a.mu.Lock()
	until, known := a.verified[key]
	a.mu.Unlock()
	if known && now.Before(until) {
		return true, nil
	}
	select {
	case a.hashing <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-a.hashing }()
	a.hashes.Add(1)
	if !matches(u.Hash, digest) {
		return false, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.verified) >= maxVerified {
		clear(a.verified)
	}
	a.verified[key] = now.Add(verifiedFor)
	return true, nil
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

// Token returns the principal for whom a token acts.
func (a *Auth) Token(ctx context.Context, text string) (pkgmeter.Principal, error) {
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
	u, err := a.store.User(ctx, t.User)
	if err != nil {
		return pkgmeter.Principal{}, err
	}
	if u.Disabled {
		return pkgmeter.Principal{}, errWrong
	}
	return pkgmeter.Principal{User: u.Name, Role: u.Role, Scope: t.Scope}, nil
}

// Request returns the principal of a request: a Bearer token, a Basic user and
// password, or a token as the Basic password.
func (a *Auth) Request(r *http.Request) (pkgmeter.Principal, error) {
	if bearer, ok := Bearer(r); ok {
		return a.Token(r.Context(), bearer)
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return pkgmeter.Principal{}, pkgmeter.Errorf(pkgmeter.Unauthenticated, "log in, or send a token")
	}
	if strings.HasPrefix(password, tokenMark) {
		return a.Token(r.Context(), password)
	}
	return a.Password(r.Context(), name, password)
}

// Reader returns the principal of a request that may read numbers.
func (a *Auth) Reader(r *http.Request) (pkgmeter.Principal, error) {
	p, err := a.Request(r)
	if err == nil && p.Scope != "" && p.Scope != pkgmeter.ScopeRead {
		err = pkgmeter.Errorf(pkgmeter.Forbidden, "this token is for %s, not for reading", p.Scope)
	}
	return p, err
}

// Bearer returns the token of an Authorization: Bearer header.
func Bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}
