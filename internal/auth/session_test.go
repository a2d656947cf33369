package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

// session is one of the fake store.
type session struct {
	user          pkgmeter.User
	created, used time.Time
}

func (a *accounts) AddSession(_ context.Context, u pkgmeter.User, sum [32]byte, at time.Time, keep int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users[u.Name] != u {
		return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such user")
	}
	if a.sessions == nil {
		a.sessions = map[[32]byte]*session{}
	}
	if len(a.sessions) >= keep {
		return errors.New("this fake ends none")
	}
	a.sessions[sum] = &session{u, at, at}
	return nil
}

func (a *accounts) Session(_ context.Context, sum [32]byte) (u pkgmeter.User, created, used time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[sum]
	if !ok {
		return u, created, used, pkgmeter.Errorf(pkgmeter.NotFound, "there is no such session")
	}
	return a.users[s.user.Name], s.created, s.used, a.fail
}

func (a *accounts) UseSession(_ context.Context, sum [32]byte, at, since time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writes++
	if s, ok := a.sessions[sum]; ok && !s.used.After(since) {
		s.used = at
	}
	return a.failUse
}

func (a *accounts) EndSession(_ context.Context, sum [32]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, sum)
	return a.fail
}

func (a *accounts) DropSessions(_ context.Context, begun, used time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for sum, s := range a.sessions {
		if !s.created.After(begun) || !s.used.After(used) {
			delete(a.sessions, sum)
		}
	}
	return nil
}

// browser is a client with a cookie, on a hand-moved clock.
type browser struct {
	*auth.Auth
	store  *accounts
	now    time.Time
	cookie *http.Cookie
}

func newBrowser() *browser {
	b := &browser{now: noon, store: &accounts{users: map[string]pkgmeter.User{}}}
	hash := auth.CheapHash("secret")
	for i := range 30 {
		b.store.set(pkgmeter.User{ID: int64(i), Name: fmt.Sprint("user", i), Role: pkgmeter.Viewer, Hash: hash})
	}
	b.store.set(pkgmeter.User{ID: 31, Name: "ann", Role: pkgmeter.Viewer, Hash: hash})
	b.store.set(pkgmeter.User{ID: 32, Name: "off", Role: pkgmeter.Viewer, Hash: hash, Disabled: true})
	b.Auth = auth.New(b.store, func() time.Time { return b.now })
	return b
}

func (b *browser) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	return r
}

func (b *browser) logIn(name, password string) error {
	rec := httptest.NewRecorder()
	err := b.LogIn(rec, b.request(), name, password)
	for _, c := range rec.Result().Cookies() {
		b.cookie = c
	}
	return err
}

func (b *browser) code() pkgmeter.Code {
	p, err := b.Reader(b.request())
	if err == nil && (p != pkgmeter.Principal{User: "ann", Role: pkgmeter.Viewer}) {
		return "wrong principal"
	}
	return pkgmeter.CodeOf(err)
}

func TestASessionEndsWhenIdleForTwelveHoursOrAfterSevenDays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		every time.Duration // between two uses
		lives time.Duration // the last use that works
	}{
		"idle":           {12 * time.Hour, 0},
		"hardly used":    {12*time.Hour - time.Second, 14 * (12*time.Hour - time.Second)},
		"used each hour": {time.Hour, 7*24*time.Hour - time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser()
			if err := b.logIn("ann", "secret"); err != nil {
				t.Fatal(err)
			}
			var lived time.Duration
			for age := tt.every; age <= 8*24*time.Hour; age += tt.every {
				b.now = noon.Add(age)
				if b.code() != "" {
					break
				}
				lived = age
			}
			if lived != tt.lives {
				t.Errorf("lived %v, want %v", lived, tt.lives)
			}
			b.now = noon
			if b.code() != pkgmeter.Unauthenticated {
				t.Error("a clock that is set back brings it to life again")
			}
		})
	}
}

func TestTheUseOfASessionIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.logIn("ann", "secret")
	for range 60 * 10 {
		if b.code() != "" {
			t.Fatal("the session does not work")
		}
		b.now = b.now.Add(time.Second)
	}
	if b.store.writes != 9 {
		t.Errorf("%d writes in ten minutes, want 9", b.store.writes)
	}
	b.store.failUse = errors.New("the disk is full")
	b.now = b.now.Add(time.Hour)
	if got := b.code(); got != "" {
		t.Errorf("reading fails with a full disk: %s", got)
	}
}

func TestASessionIsNewAtEachLogin(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.logIn("ann", "secret")
	first := b.cookie
	b.logIn("ann", "secret")
	if b.cookie.Value == first.Value || b.code() != "" {
		t.Error("the second login has the first one's cookie")
	}
	b.cookie = first
	if b.code() != pkgmeter.Unauthenticated {
		t.Error("the session that the login came with goes on")
	}
	// Fixation: a cookie that somebody else chose does not become a session.
	b.logIn("ann", "secret")
	if b.cookie.Value == first.Value || len(b.cookie.Value) < 27 {
		t.Errorf("cookie %q", b.cookie.Value)
	}
}

func TestALoginDropsWhatHasEnded(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	for _, wait := range []time.Duration{0, 11 * time.Hour, 2 * time.Hour} {
		b.now, b.cookie = b.now.Add(wait), nil
		b.logIn("ann", "secret")
	}
	if len(b.store.sessions) != 2 {
		t.Errorf("%d sessions are kept, want the two that go on", len(b.store.sessions))
	}
}

func TestTheCookieIsForThisSiteAlone(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		b := newBrowser()
		b.Secure = secure
		b.logIn("ann", "secret")
		c, name := b.cookie, "pkgmeter"
		if secure {
			name = "__Host-pkgmeter"
		}
		if c.Name != name || c.Secure != secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 {
			t.Errorf("secure %t: %s", secure, c)
		}
		rec := httptest.NewRecorder()
		if err := b.LogOut(rec, b.request()); err != nil {
			t.Fatal(err)
		}
		if gone := rec.Result().Cookies()[0]; gone.MaxAge >= 0 || gone.Name != name || gone.Value != "" || gone.Path != "/" || gone.Secure != secure {
			t.Errorf("secure %t: cleared by %s", secure, gone)
		}
		if b.code() != pkgmeter.Unauthenticated {
			t.Error("after the logout the old cookie still works")
		}
		b.logIn("ann", "secret")
		b.Secure = !secure
		if b.code() != pkgmeter.Unauthenticated {
			t.Error("the cookie of the other scheme is taken")
		}
	}
}

func TestASessionIsRefusedAtOnceWhenItsUserIs(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.logIn("ann", "secret")
	u := b.store.users["ann"]
	u.Disabled = true
	b.store.set(u)
	if b.code() != pkgmeter.Unauthenticated {
		t.Error("a disabled user reads on")
	}
	b.store.fail = errors.New("boom")
	if got := b.code(); got != pkgmeter.Internal {
		t.Errorf("a failing store is code %q", got)
	}
}

func TestAPasswordThatChangesDuringTheLoginBeginsNoSession(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.store.afterUser = func() {
		b.store.users["ann"] = pkgmeter.User{ID: 31, Name: "ann", Hash: "changed"}
	}
	if err := b.logIn("ann", "secret"); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated || b.cookie != nil {
		t.Errorf("%v, cookie %v", err, b.cookie)
	}
}

func TestWrongLoginsBeginNoSession(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, who := range [][2]string{{"ann", "Secret"}, {"nobody", "secret"}, {"off", "secret"}, {"", ""}, {"ann", ""}} {
		b := newBrowser()
		err := b.logIn(who[0], who[1])
		if pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated || b.cookie != nil || b.Hashed() != 1 {
			t.Errorf("%q: %v, cookie %v, %d hashes", who, err, b.cookie, b.Hashed())
			continue
		}
		texts = append(texts, err.Error())
	}
	for _, text := range texts {
		if text != texts[0] {
			t.Errorf("%q and %q tell which users exist", text, texts[0])
		}
	}
}

func TestCredentialsOfTheRequestCountBeforeItsSession(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.logIn("ann", "secret")
	for _, header := range []string{"Bearer x", "Basic !", "Digest x"} {
		r := b.request()
		r.Header.Set("Authorization", header)
		if _, err := b.Reader(r); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
			t.Errorf("%s beside a session: %v", header, err)
		}
	}
	for _, value := range []string{"", "x", b.cookie.Value + "x", b.cookie.Value[1:], "A" + b.cookie.Value[1:]} {
		if value == b.cookie.Value {
			continue
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "pkgmeter", Value: value})
		if _, err := b.Reader(r); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
			t.Errorf("cookie %q: %v", value, err)
		}
	}
}

func TestAPageThatStaysOpenIsNoUseOfItsSession(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.logIn("ann", "secret")
	var lived time.Duration
	for ; ; lived += time.Minute {
		b.now = noon.Add(lived)
		if _, err := b.Reader(auth.Again(b.request())); err != nil {
			break
		}
	}
	if lived != 12*time.Hour || b.store.writes != 0 {
		t.Errorf("it ended after %v, with %d uses written", lived, b.store.writes)
	}
}
