package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

func bearer(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }

// token stores a token and returns its text.
func (s *site) token(t *testing.T, user string, scope pkgmeter.Scope) string {
	t.Helper()
	text, token := auth.NewToken(user, scope)
	if _, err := s.store.AddToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhoMaySendEvents(t *testing.T) {
	t.Parallel()
	const event = `{"path":"a.jar"}`
	for name, tt := range map[string]struct {
		option func(s *site) func(*http.Request)
		status int
	}{
		"nobody":                  {func(*site) func(*http.Request) { return func(*http.Request) {} }, 401},
		"an ingest token":         {func(s *site) func(*http.Request) { return bearer(s.token(t, "vera", pkgmeter.ScopeIngest)) }, 200},
		"an admin's ingest token": {func(s *site) func(*http.Request) { return bearer(s.token(t, "admin", pkgmeter.ScopeIngest)) }, 200},
		"an ingest token, Basic": {func(s *site) func(*http.Request) {
			text := s.token(t, "vera", pkgmeter.ScopeIngest)
			return func(r *http.Request) { r.SetBasicAuth("whoever", text) }
		}, 200},
		"an ingest token as the user": {func(s *site) func(*http.Request) {
			text := s.token(t, "vera", pkgmeter.ScopeIngest)
			return func(r *http.Request) { r.SetBasicAuth(text, "") }
		}, 401},
		"a read token":    {func(s *site) func(*http.Request) { return bearer(s.token(t, "vera", pkgmeter.ScopeRead)) }, 403},
		"a publish token": {func(s *site) func(*http.Request) { return bearer(s.token(t, "vera", pkgmeter.ScopePublish)) }, 403},
		"a forged token":  {func(s *site) func(*http.Request) { return bearer(s.token(t, "vera", pkgmeter.ScopeIngest) + "x") }, 401},
		"a disabled user": {func(s *site) func(*http.Request) { return bearer(s.token(t, "gone", pkgmeter.ScopeIngest)) }, 401},
		"an admin":        {func(*site) func(*http.Request) { return as("admin") }, 403},
		"a viewer":        {func(*site) func(*http.Request) { return as("vera") }, 403},
		"a wrong password": {func(*site) func(*http.Request) {
			return func(r *http.Request) { r.SetBasicAuth("vera", "wrong") }
		}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			got := s.ask(t, "POST", "/api/v1/events", event, tt.option(s))
			if got.status != tt.status || (got.header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
				t.Errorf("%d %s, WWW-Authenticate %q, want %d", got.status, got.body, got.header.Get("WWW-Authenticate"), tt.status)
			}
			want := int64(0)
			if tt.status == 200 {
				want = 1
			}
			if hits, _ := s.counts(t); hits != want {
				t.Errorf("%d hits, want %d", hits, want)
			}
		})
	}
}

func TestASessionSendsNoEvents(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	login := s.ask(t, "POST", "/login", "username=admin&password=secret+of+admin", header("Content-Type", "application/x-www-form-urlencoded"))
	cookie := login.header.Get("Set-Cookie")
	if login.status != 303 || cookie == "" {
		t.Fatalf("%d %s", login.status, login.body)
	}
	if got := s.ask(t, "POST", "/api/v1/events", `{"path":"a"}`, header("Cookie", cookie)); got.status != 403 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestWrongTokensForEventsAreLimitedAndRightOnesNot(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	right := s.token(t, "vera", pkgmeter.ScopeIngest)
	var got answer
	for range 6 {
		got = s.ask(t, "POST", "/api/v1/events", `{"path":"a"}`, bearer("pkgm_wrong_token"))
	}
	if got.status != 429 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, `"code":"rate_limited"`) {
		t.Errorf("%d %s, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"))
	}
	if got := s.ask(t, "POST", "/api/v1/events", `{"path":"a"}`, bearer(right)); got.status != 200 {
		t.Errorf("the right one: %d %s", got.status, got.body)
	}
}

func TestEventsAreCountedAndRejectsAreNotKept(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	sender := bearer(s.token(t, "vera", pkgmeter.ScopeIngest))
	lines := header("Content-Type", "application/x-ndjson")
	body := `{"id":"1","path":"com/acme/app/1.0/app-1.0.jar","repository":"releases","time":"2026-03-09T10:00:00Z","client":"Apache-Maven/3.9.6 (Java 17)","bytes":100}
{"id":2,"package":"pkg:npm/left-pad","version":"1.3.0","client":"npm/10.2.4 node/v20.11.0 linux x64"}
{"id":3,"path":"app-1.0.jar","event":"upload"}
{"id":4}
`
	for i, want := range []string{
		`{"accepted":3,"duplicates":0,"rejected":[{"index":3,"error":"path or package is required, and has to name a file"}]}`,
		`{"accepted":0,"duplicates":3,"rejected":[{"index":3,"error":"path or package is required, and has to name a file"}]}`,
	} {
		if got := s.ask(t, "POST", "/api/v1/events", body, sender, lines); got.status != 200 || strings.TrimSpace(got.body) != want {
			t.Errorf("round %d: %d %s, want %s", i, got.status, got.body, want)
		}
	}
	if hits, quarantined := s.counts(t); hits != 2 || quarantined != 0 {
		t.Errorf("%d hits and %d in quarantine", hits, quarantined)
	}
	for path, want := range map[string]string{
		"/api/v1/totals": `"bytes":100`,
		"/api/v1/top?by=client&from=2026-03-09&to=2026-03-09": `"key":"maven"`,
		"/api/v1/top?by=client&from=2026-03-10":               `"key":"npm"`,
		"/api/v1/top?by=file":                                 `"key":"pkg:npm/left-pad@1.3.0"`,
		"/api/v1/top?by=package":                              `"key":"pkg:maven/com.acme/app"`,
		"/api/v1/top?by=version":                              `"key":"1.3.0"`,
	} {
		if got := s.ask(t, "GET", path, "", as("admin")); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s in it", path, got.status, got.body, want)
		}
	}
	admin := &site{url: s.admin}
	metrics := admin.ask(t, "GET", "/metrics", "").body
	for _, want := range []string{
		`pkgmeter_events_total{outcome="stored"} 3`, `pkgmeter_events_total{outcome="known"} 3`, `pkgmeter_events_total{outcome="rejected"} 2`,
		`pkgmeter_http_requests_total{route="/api/v1/events",status="200"} 2`, "pkgmeter_ack_seconds_count 2",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestTheIDsOfTwoUsersAreTheirOwn(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, user := range []string{"vera", "admin"} {
		token := s.token(t, user, pkgmeter.ScopeIngest)
		second := s.token(t, user, pkgmeter.ScopeIngest)
		for i, token := range []string{token, second} {
			want := []string{`{"accepted":1,"duplicates":0,"rejected":[]}`, `{"accepted":0,"duplicates":1,"rejected":[]}`}[i]
			if got := s.ask(t, "POST", "/api/v1/events", `{"path":"a","id":"x"}`, bearer(token)); strings.TrimSpace(got.body) != want {
				t.Errorf("%s, token %d: %s, want %s", user, i, got.body, want)
			}
		}
	}
}

func TestEventsArePosted(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.Base = "/pm" })
	token := s.token(t, "vera", pkgmeter.ScopeIngest)
	if got := s.ask(t, "POST", "/pm/api/v1/events", `{"path":"a"}`, bearer(token)); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if got := s.ask(t, method, "/api/v1/events", "", bearer(token)); got.status != 405 || got.header.Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
	}
}
