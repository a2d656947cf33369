package server_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

const (
	composerPost = `{"downloads":[{"name":"acme/web","version":"1.0.0.0"}]}`
	takenOne     = `{"accepted":1,"duplicates":0,"rejected":[]}`
)

func TestWhoMayPostToAHook(t *testing.T) {
	t.Parallel()
	nothing := func(*http.Request) {}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for name, tt := range map[string]struct {
		request func(s *site) (path string, option func(*http.Request))
		status  int
	}{
		"nobody": {func(*site) (string, func(*http.Request)) { return "", nothing }, 401},
		"in the path": {func(s *site) (string, func(*http.Request)) {
			return "/" + s.token(t, "vera", pkgmeter.ScopeIngest), nothing
		}, 200},
		"in the query": {func(s *site) (string, func(*http.Request)) {
			return "?token=" + s.token(t, "vera", pkgmeter.ScopeIngest), nothing
		}, 200},
		"Bearer": {func(s *site) (string, func(*http.Request)) {
			return "", bearer(s.token(t, "vera", pkgmeter.ScopeIngest))
		}, 200},
		"Basic": {func(s *site) (string, func(*http.Request)) {
			return "", basic("x", s.token(t, "vera", pkgmeter.ScopeIngest))
		}, 200},
		"as the user": {func(s *site) (string, func(*http.Request)) {
			return "", basic(s.token(t, "vera", pkgmeter.ScopeIngest), "")
		}, 401},
		"another token": {func(s *site) (string, func(*http.Request)) {
			return "/" + s.token(t, "vera", pkgmeter.ScopeRead), nothing
		}, 401},
		"to publish": {func(s *site) (string, func(*http.Request)) {
			return "", bearer(s.token(t, "vera", pkgmeter.ScopePublish))
		}, 401},
		"a forged one": {func(s *site) (string, func(*http.Request)) {
			return "/" + s.token(t, "vera", pkgmeter.ScopeIngest) + "x", nothing
		}, 401},
		"a disabled user": {func(s *site) (string, func(*http.Request)) {
			return "/" + s.token(t, "gone", pkgmeter.ScopeIngest), nothing
		}, 401},
		"an admin": {func(*site) (string, func(*http.Request)) { return "", as("admin") }, 401},
		"beside the sender's own credentials": {func(s *site) (string, func(*http.Request)) {
			return "/" + s.token(t, "vera", pkgmeter.ScopeIngest), basic("ada", "the password of another server")
		}, 200},
		"the second of two": {func(s *site) (string, func(*http.Request)) {
			return "/old", bearer(s.token(t, "vera", pkgmeter.ScopeIngest))
		}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			path, option := tt.request(s)
			got := s.ask(t, "POST", "/hook/composer"+path, composerPost, option)
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

func TestASessionPostsToNoHook(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	login := s.ask(t, "POST", "/login", "username=admin&password=secret+of+admin", form)
	if got := s.ask(t, "POST", "/hook/composer", composerPost, header("Cookie", login.header.Get("Set-Cookie"))); login.status != 303 || got.status != 401 {
		t.Errorf("%d, %d %s", login.status, got.status, got.body)
	}
}

func TestWrongTokensForHooksAreLimitedAndRightOnesNot(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var got answer
	for range 6 {
		got = s.ask(t, "POST", "/hook/composer/pkgm_wrong_token", composerPost)
	}
	if got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.ask(t, "POST", "/hook/composer/"+s.token(t, "vera", pkgmeter.ScopeIngest), composerPost); got.status != 200 {
		t.Errorf("the right one: %d %s", got.status, got.body)
	}
}

func TestOnlyKnownSendersHaveAHook(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.Base = "/pm" })
	token := s.token(t, "vera", pkgmeter.ScopeIngest)
	for path, want := range map[string]int{
		"/hook/composer": 200, "/pm/hook/composer": 200, "/hook/composer/" + token: 200, "/hook/cloudrepo": 202, "/hook/Composer": 404, "/hook/nexus": 404, "/hook": 404, "/hook/": 404,
		"/hook/composer/" + token + "/x": 404,
	} {
		if got := s.ask(t, "POST", path, composerPost, bearer(token)); got.status != want {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.body, want)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if got := s.ask(t, method, "/hook/composer/"+token, "", bearer(token)); got.status != 405 || got.header.Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
	}
}

// payload is one of a sender, as it is sent.
func payload(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../source/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatSendersSendIsCounted(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	token := s.token(t, "vera", pkgmeter.ScopeIngest)
	for i, step := range []struct{ kind, file, want string }{
		{"distribution", "distribution/pull-by-tag.json", takenOne},
		{"distribution", "distribution/pull-by-tag.json", `{"accepted":0,"duplicates":1,"rejected":[]}`}, // it is sent again
		{"distribution", "distribution/multi-arch.json", `{"accepted":2,"duplicates":0,"rejected":[]}`},
		{"distribution", "distribution/head.json", takenOne},
		{"distribution", "distribution/layer.json", takenOne},
		{"distribution", "distribution/push.json", `{"accepted":3,"duplicates":0,"rejected":[]}`},
		{"distribution", "distribution/delete.json", `{"accepted":3,"duplicates":0,"rejected":[]}`},
		{"harbor", "harbor/pull.json", takenOne},
		{"harbor", "harbor/pull.json", `{"accepted":0,"duplicates":1,"rejected":[]}`},
		{"harbor", "harbor/robot.json", takenOne},
		{"harbor", "harbor/cloudevent-pull.json", takenOne},
		{"composer", "composer/install.json", `{"accepted":3,"duplicates":0,"rejected":[]}`},
		{"composer", "composer/install.json", `{"accepted":3,"duplicates":0,"rejected":[]}`}, // no ids: two installs
		{"cloudevents", "cloudevents/batch.json", `{"accepted":2,"duplicates":1,"rejected":[]}`},
		{"cloudrepo", "cloudrepo/usual.json", takenOne},
	} {
		got := s.ask(t, "POST", "/hook/"+step.kind+"/"+token, payload(t, step.file), header("User-Agent", "Composer/2.7.1 (Linux; PHP 8.3; CI)"))
		if got.status != 200 || strings.TrimSpace(got.body) != step.want {
			t.Errorf("step %d, %s: %d %s, want %s", i, step.file, got.status, got.body, step.want)
		}
	}
	for path, want := range map[string]string{
		// Of acme/app: one by tag, one for two platforms, of which the child counts no more.
		"/api/v1/totals?type=docker&repository=acme":          `"downloads":2,"hits":4,`,
		"/api/v1/top?by=file&kind=primary&repository=acme":    `{"key":"acme/app:1.4.0","downloads":2,"hits":2,`,
		"/api/v1/totals?kind=layer":                           `"downloads":0,"hits":1,"bytes":27091819`,
		"/api/v1/totals?repository=library":                   `"downloads":0,"hits":1,"bytes":0`, // HEAD
		"/api/v1/totals?package=pkg:docker/test/debian":       `"downloads":3,"hits":3,`,
		"/api/v1/totals?repository=test&class=bot":            `"downloads":1,`,
		"/api/v1/totals?package=pkg:composer/monolog/monolog": `"downloads":2,"hits":2,`,
		"/api/v1/totals?client=composer&class=ci":             `"downloads":6,`,
	} {
		if got := s.ask(t, "GET", path, "", as("admin")); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s in it", path, got.status, got.body, want)
		}
	}
}

func TestWhatAHookCannotReadIsInQuarantineAndNamesNobody(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	token := s.token(t, "vera", pkgmeter.ScopeIngest)
	bad := strings.ReplaceAll(payload(t, "distribution/pull-by-tag.json"), `"pull"`, `"<script>"`)
	got := s.ask(t, "POST", "/hook/distribution/"+token, bad)
	if got.status != 202 || !strings.Contains(got.body, "the action is none of") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if hits, quarantined := s.counts(t); hits != 0 || quarantined != 1 {
		t.Errorf("%d hits, %d in quarantine", hits, quarantined)
	}
	for _, path := range []string{"/stats/quarantine", "/stats/payloads"} {
		page := s.ask(t, "GET", path, "", as("admin"))
		for _, leak := range []string{"192.0.2.7", "ada.lovelace", "<script>", token} {
			if strings.Contains(page.body, leak) {
				t.Errorf("%s shows %s", path, leak)
			}
		}
		if !strings.Contains(page.body, "distribution:vera") || !strings.Contains(page.body, "acme/app") {
			t.Errorf("%s does not show the payload: %s", path, page.body)
		}
	}
	admin := &site{url: s.admin}
	metrics := admin.ask(t, "GET", "/metrics", "").body
	for _, want := range []string{`pkgmeter_events_total{outcome="rejected"} 1`, fmt.Sprintf(`pkgmeter_http_requests_total{route="%s",status="202"} 1`, "/hook/{kind}/{token}")} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(metrics, token) {
		t.Error("/metrics shows the token")
	}
}
