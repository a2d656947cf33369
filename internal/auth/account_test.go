package auth_test

import (
	"crypto/sha256"
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

func TestAPasswordIsChosenTwiceAndIsNotShort(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		password, again string
		ok              bool
	}{
		"good":                      {"eight ch", "eight ch", true},
		"eight characters of bytes": {"ääääääää", "ääääääää", true},
		"differs":                   {"eight ch", "eight cH", false},
		"short":                     {"seven c", "seven c", false},
		"empty":                     {"", "", false},
		"the longest":               {strings.Repeat("x", 1000), strings.Repeat("x", 1000), true},
		"too long":                  {strings.Repeat("x", 1001), strings.Repeat("x", 1001), false},
	} {
		hash, err := auth.NewPassword(tt.password, tt.again)
		if tt.ok != (err == nil) || tt.ok != strings.HasPrefix(hash, "$argon2id$") || err != nil && pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%s: %q, %v", name, hash, err)
		}
	}
}

func TestWhoChangesThePasswordKnowsThePresentOneAndKeepsThisSessionOnly(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	change := func(present, next string) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		return w, b.ChangePassword(w, b.request(), "ann", present, next, next)
	}
	if _, err := change("wrong", "the new password"); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("a wrong present one: %v", err)
	}
	if _, err := change("secret", "short"); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("a short new one: %v", err)
	}
	if got := b.try(t, "192.0.2.9", "ann", "secret"); got != "" {
		t.Fatalf("the password was changed all the same: %s", got)
	}
	if err := b.logIn("ann", "secret"); err != nil {
		t.Fatal(err)
	}
	w, err := change("secret", "the new password")
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Result().Cookies()) != 1 || len(b.store.sessions) != 1 {
		t.Errorf("cookies %v, %d sessions", w.Result().Cookies(), len(b.store.sessions))
	}
	if got := b.try(t, "192.0.2.9", "ann", "secret"); got != pkgmeter.Unauthenticated {
		t.Errorf("the old password: %q", got)
	}
	if got := b.try(t, "192.0.2.9", "ann", "the new password"); got != "" {
		t.Errorf("the new password: %q", got)
	}
}

// An administrator keeps a user out, or sets a password, while that user changes it.
func TestWhoIsKeptOutBetweenTheCheckAndTheChangeOfAPasswordStaysOut(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(u *pkgmeter.User){
		"disabled": func(u *pkgmeter.User) { u.Disabled = true },
		"reset":    func(u *pkgmeter.User) { u.Hash = auth.CheapHash("set by an admin") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser()
			b.store.afterUser = func() {
				u := b.store.users["ann"]
				between(&u)
				b.store.users["ann"] = u
			}
			w := httptest.NewRecorder()
			err := b.ChangePassword(w, b.request(), "ann", "secret", "the new password", "the new password")
			if pkgmeter.CodeOf(err) != pkgmeter.Invalid || pkgmeter.PublicMessage(err) != "the present password is another one" {
				t.Errorf("%v", err)
			}
			if len(w.Result().Cookies()) > 0 || len(b.store.sessions) > 0 {
				t.Error("a session began")
			}
			for _, password := range []string{"secret", "the new password"} {
				if got := b.try(t, "192.0.2.9", "ann", password); got != pkgmeter.Unauthenticated {
					t.Errorf("%s logs in: %q", password, got)
				}
			}
		})
	}
}

func TestThePresentPasswordIsGuessedAsSlowlyAsInALogin(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	var err error
	for range 6 {
		err = b.ChangePassword(httptest.NewRecorder(), b.request(), "ann", "wrong", "the new password", "the new password")
	}
	if pkgmeter.CodeOf(err) != pkgmeter.RateLimited {
		t.Errorf("the sixth guess: %v", err)
	}
}

func TestALinkHas200RandomBitsAndOpensUntilItExpires(t *testing.T) {
	t.Parallel()
	now := noon
	secret, sum := auth.NewLink()
	if other, _ := auth.NewLink(); other == secret || !regexp.MustCompile(`^[a-z2-7]{40}$`).MatchString(secret) || sum != sha256.Sum256([]byte(secret)) {
		t.Errorf("%q and %q", secret, other)
	}
	store := &accounts{links: map[[32]byte]pkgmeter.ShareLink{sum: {Path: "/stats", User: "ann", Expires: noon.Add(time.Hour)}}}
	a := auth.New(store, func() time.Time { return now })
	for at, code := range map[time.Duration]pkgmeter.Code{0: "", time.Hour - 1: "", time.Hour: pkgmeter.Unauthenticated} {
		now = noon.Add(at)
		v, err := a.Link(t.Context(), home, secret)
		if pkgmeter.CodeOf(err) != code || code == "" && (v.Path != "/stats" || v.Secret != secret) {
			t.Errorf("after %v: %+v, %v", at, v, err)
		}
	}
	now = noon
	for range 4 {
		for _, wrong := range []string{secret + "x", "", strings.Repeat("x", 101)} {
			if _, err := a.Link(t.Context(), home, wrong); err == nil {
				t.Errorf("%q opens", wrong)
			}
		}
	}
	if _, err := a.Link(t.Context(), home, "wrong"); pkgmeter.CodeOf(err) != pkgmeter.RateLimited {
		t.Errorf("the 13th guess: %v", err)
	}
	if _, err := a.Link(t.Context(), home, secret); err != nil {
		t.Errorf("guesses of others hinder who has the link: %v", err)
	}
	boom := errors.New("boom")
	store.fail = boom
	if _, err := a.Link(t.Context(), home, "wrong"); !errors.Is(err, boom) {
		t.Errorf("a store that fails: %v", err)
	}
}

func TestATokensUseIsNotedOnceAnHour(t *testing.T) {
	t.Parallel()
	now := noon
	text, tok := auth.NewToken("ann", pkgmeter.ScopeRead)
	tok.ID = 7
	store := &accounts{users: map[string]pkgmeter.User{"ann": {Name: "ann"}}, tokens: map[string]pkgmeter.Token{tok.Prefix: tok}}
	a := auth.New(store, func() time.Time { return now })
	for _, step := range []struct {
		at   time.Duration
		uses int
	}{{0, 1}, {time.Hour - 1, 1}, {time.Hour, 2}} {
		now = noon.Add(step.at)
		if _, err := a.Token(t.Context(), home, text); err != nil || store.tokenUses != step.uses {
			t.Errorf("after %v: %d uses, %v", step.at, store.tokenUses, err)
		}
	}
	store.failUse = errors.New("disk full")
	now = noon.Add(5 * time.Hour)
	if _, err := a.Token(t.Context(), home, text); err != nil {
		t.Errorf("a token does not work on a full disk: %v", err)
	}
}
