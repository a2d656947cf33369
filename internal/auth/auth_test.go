package auth_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

var home = netip.MustParseAddr("192.0.2.1")

// accounts is a strict fake of the store.
type accounts struct {
	mu        sync.Mutex
	users     map[string]pkgmeter.User
	tokens    map[string]pkgmeter.Token
	sessions  map[[32]byte]*session
	links     map[[32]byte]pkgmeter.ShareLink
	writes    int // of sessions
	tokenUses int
	fail      error
	failUse   error

	afterUser func() // called once
}

func (a *accounts) User(_ context.Context, name string) (pkgmeter.User, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.afterUser != nil {
		defer a.afterUser()
		defer func() { a.afterUser = nil }()
	}
	u, ok := a.users[name]
	if !ok {
		return u, errors.Join(a.fail, pkgmeter.Errorf(pkgmeter.NotFound, "there is no user %q", name))
	}
	return u, a.fail
}

func (a *accounts) Token(_ context.Context, prefix string) (pkgmeter.Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.tokens[prefix]
	if !ok {
		return t, pkgmeter.Errorf(pkgmeter.NotFound, "there is no such token")
	}
	return t, nil
}

func (a *accounts) UseToken(_ context.Context, id int64, at, since time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for prefix, t := range a.tokens {
		if t.ID == id && !t.Used.After(since) {
			t.Used = at
			a.tokens[prefix] = t
			a.tokenUses++
		}
	}
	return a.failUse
}

func (a *accounts) SetPassword(_ context.Context, name, hash string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, ok := a.users[name]
	if !ok {
		return pkgmeter.Errorf(pkgmeter.NotFound, "there is no user %q", name)
	}
	u.Hash = hash
	a.users[name] = u
	clear(a.sessions) // of the only user who has any
	return nil
}

func (a *accounts) ChangePassword(ctx context.Context, was pkgmeter.User, hash string) error {
	if u, err := a.User(ctx, was.Name); err != nil || u.Hash != was.Hash || u.Disabled {
		return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such user any more")
	}
	return a.SetPassword(ctx, was.Name, hash)
}

func (a *accounts) Link(_ context.Context, sum [32]byte) (pkgmeter.ShareLink, error) {
	l, ok := a.links[sum]
	if !ok && a.fail == nil {
		return l, pkgmeter.Errorf(pkgmeter.NotFound, "there is no such link")
	}
	return l, a.fail
}

func (a *accounts) set(u pkgmeter.User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[u.Name] = u
}

func TestAPasswordIsStoredAsArgon2idOfItsDigest(t *testing.T) {
	t.Parallel()
	a, b := auth.Hash("secret"), auth.Hash("secret")
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(a) {
		t.Errorf("hash %s", a)
	}
	if a == b {
		t.Error("two hashes of a password are equal: there is no salt")
	}
	// A DDP client sends the digest; SHA-256 of "secret" is well known.
	if got := auth.Digest("secret"); got != "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" {
		t.Errorf("digest %s", got)
	}
}

func TestPasswordsAreVerified(t *testing.T) {
	t.Parallel()
	good := auth.Hash("secret")
	tests := map[string]struct {
		user     pkgmeter.User
		password string
		ok       bool
	}{
		"right":                {pkgmeter.User{Hash: good}, "secret", true},
		"wrong":                {pkgmeter.User{Hash: good}, "Secret", false},
		"the digest itself":    {pkgmeter.User{Hash: good}, auth.Digest("secret"), false},
		"the hash itself":      {pkgmeter.User{Hash: good}, good, false},
		"empty":                {pkgmeter.User{Hash: good}, "", false},
		"disabled":             {pkgmeter.User{Hash: good, Disabled: true}, "secret", false},
		"no hash":              {pkgmeter.User{}, "", false},
		"a damaged hash":       {pkgmeter.User{Hash: good[:len(good)-10]}, "secret", false},
		"an empty key":         {pkgmeter.User{Hash: good[:strings.LastIndex(good, "$")+1]}, "secret", false},
		"parameters of zero":   {pkgmeter.User{Hash: strings.Replace(good, "t=2,p=1", "t=0,p=0", 1)}, "secret", false},
		"a memory of terabyte": {pkgmeter.User{Hash: strings.Replace(good, "m=19456", "m=999999999", 1)}, "secret", false},
		"another algorithm":    {pkgmeter.User{Hash: strings.Replace(good, "argon2id", "argon2i", 1)}, "secret", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.user.Name = "ann"
			store := &accounts{users: map[string]pkgmeter.User{"ann": tt.user}}
			a := auth.New(store, func() time.Time { return noon })
			for range 2 { // the second time a verified one is remembered
				p, err := a.Password(t.Context(), home, "ann", tt.password)
				if (err == nil) != tt.ok || err != nil && pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated || tt.ok && p.User != "ann" {
					t.Errorf("%+v, %v", p, err)
				}
			}
		})
	}
}

func TestAnUnknownUserCannotBeToldFromAWrongPassword(t *testing.T) {
	t.Parallel()
	a := auth.New(&accounts{users: map[string]pkgmeter.User{"ann": {Name: "ann", Hash: auth.Hash("x")}}}, time.Now)
	_, unknown := a.Password(t.Context(), home, "bob", "y")
	_, wrong := a.Password(t.Context(), home, "ann", "y")
	if unknown == nil || wrong == nil || unknown.Error() != wrong.Error() {
		t.Errorf("%v and %v", unknown, wrong)
	}
}

func TestAFailingStoreIsNoWrongPassword(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	a := auth.New(&accounts{fail: boom, users: map[string]pkgmeter.User{"ann": {Name: "ann", Hash: auth.Hash("x")}}}, time.Now)
	if _, err := a.Password(t.Context(), home, "ann", "x"); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
}

func TestAVerifiedPasswordIsRememberedForFiveMinutes(t *testing.T) {
	t.Parallel()
	now := noon
	user := pkgmeter.User{Name: "ann", Hash: auth.Hash("secret")}
	store := &accounts{users: map[string]pkgmeter.User{"ann": user}}
	a := auth.New(store, func() time.Time { return now })
	login := func() {
		if _, err := a.Password(t.Context(), home, "ann", "secret"); err != nil {
			t.Fatal(err)
		}
	}
	login()
	if a.Hashed() != 1 {
		t.Fatalf("%d hashes", a.Hashed())
	}
	now = noon.Add(5*time.Minute - 1)
	login()
	if a.Hashed() != 1 {
		t.Errorf("hashed again before five minutes")
	}
	now = noon.Add(5 * time.Minute)
	login()
	if a.Hashed() != 2 {
		t.Errorf("not hashed again after five minutes")
	}
	user.Disabled = true
	store.set(user)
	if _, err := a.Password(t.Context(), home, "ann", "secret"); err == nil {
		t.Error("a disabled user is still taken from memory")
	}
	user.Disabled, user.Hash = false, auth.Hash("other")
	store.set(user)
	if _, err := a.Password(t.Context(), home, "ann", "secret"); err == nil {
		t.Error("a changed password is still taken from memory")
	}
}

func TestATokenHas200RandomBitsAndIsKeptAsADigest(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		text, tok := auth.NewToken("ann", pkgmeter.ScopeRead)
		if !regexp.MustCompile(`^pkgm_[a-z2-7]{8}_[a-z2-7]{40}$`).MatchString(text) || !strings.HasPrefix(text, "pkgm_"+tok.Prefix+"_") {
			t.Fatalf("token %s, prefix %s", text, tok.Prefix)
		}
		if seen[text] {
			t.Fatal("the same token twice")
		}
		seen[text] = true
	}
}

func TestTokensAreVerified(t *testing.T) {
	t.Parallel()
	text, tok := auth.NewToken("ann", pkgmeter.ScopeRead)
	ingest, ingestTok := auth.NewToken("ann", pkgmeter.ScopeIngest)
	old, oldTok := auth.NewToken("ann", pkgmeter.ScopeRead)
	oldTok.Expires = noon
	orphan, orphanTok := auth.NewToken("off", pkgmeter.ScopeRead)
	store := &accounts{
		users:  map[string]pkgmeter.User{"ann": {Name: "ann", Hash: auth.Hash("secret"), Role: pkgmeter.Viewer}, "off": {Name: "off", Disabled: true}},
		tokens: map[string]pkgmeter.Token{tok.Prefix: tok, ingestTok.Prefix: ingestTok, oldTok.Prefix: oldTok, orphanTok.Prefix: orphanTok},
	}
	tests := map[string]struct {
		header string
		basic  [2]string
		code   pkgmeter.Code
	}{
		"a Bearer token":              {"Bearer " + text, [2]string{}, ""},
		"bearer in lower case":        {"bearer " + text, [2]string{}, ""},
		"as Basic password":           {"", [2]string{"whoever", text}, ""},
		"a password":                  {"", [2]string{"ann", "secret"}, ""},
		"for another scope":           {"Bearer " + ingest, [2]string{}, pkgmeter.Forbidden},
		"expired":                     {"Bearer " + old, [2]string{}, pkgmeter.Unauthenticated},
		"of a disabled user":          {"Bearer " + orphan, [2]string{}, pkgmeter.Unauthenticated},
		"cut":                         {"Bearer " + text[:len(text)-1], [2]string{}, pkgmeter.Unauthenticated},
		"another secret":              {"Bearer pkgm_" + tok.Prefix + "_" + strings.Repeat("a", 40), [2]string{}, pkgmeter.Unauthenticated},
		"unknown":                     {"Bearer pkgm_aaaaaaaa_" + strings.Repeat("a", 40), [2]string{}, pkgmeter.Unauthenticated},
		"no token":                    {"Bearer x", [2]string{}, pkgmeter.Unauthenticated},
		"an empty one":                {"Bearer ", [2]string{}, pkgmeter.Unauthenticated},
		"another scheme":              {"Digest x", [2]string{}, pkgmeter.Unauthenticated},
		"nothing":                     {"", [2]string{}, pkgmeter.Unauthenticated},
		"a wrong password":            {"", [2]string{"ann", "x"}, pkgmeter.Unauthenticated},
		"a password of nobody at all": {"", [2]string{"", "x"}, pkgmeter.Unauthenticated},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := auth.New(store, func() time.Time { return noon })
			r := httptest.NewRequest("GET", "/", nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			if tt.basic != [2]string{} {
				r.SetBasicAuth(tt.basic[0], tt.basic[1])
			}
			p, err := a.Reader(r)
			if pkgmeter.CodeOf(err) != tt.code {
				t.Errorf("%v, want code %q", err, tt.code)
			}
			if tt.code == "" && (p.User != "ann" || p.Role != pkgmeter.Viewer) {
				t.Errorf("principal %+v", p)
			}
		})
	}
}

// A token that is found a moment before its user is removed is a wrong one, and
// nothing that is missing.
func TestTheTokenOfAUserWhoIsGoneIsWrong(t *testing.T) {
	t.Parallel()
	text, tok := auth.NewToken("ann", pkgmeter.ScopePublish)
	a := auth.New(&accounts{tokens: map[string]pkgmeter.Token{tok.Prefix: tok}}, time.Now)
	if p, err := a.Token(t.Context(), home, text); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAtMostFourPasswordsAreHashedAtOnce(t *testing.T) {
	t.Parallel()
	a := auth.New(&accounts{users: map[string]pkgmeter.User{}}, time.Now)
	release := a.HoldHashing()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Password(ctx, home, "ann", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a fifth one got %v", err)
	}
	release()
	if _, err := a.Password(t.Context(), home, "ann", "x"); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
		t.Errorf("after a place is free: %v", err)
	}
}
