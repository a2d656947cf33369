package server_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/server"
)

func TestAStrangerFindsOnlyWhatIsInAPublicRepositoryThatIsNamed(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	for question, want := range map[string]string{
		"/api/v1/search?q=app":                                                      refused,
		"/api/v1/search?q=app&repository=closed":                                    refused,
		"/api/v1/search?q=app&repository=open&repository=closed":                    refused,
		"/api/v1/search?q=app&repository=open":                                      everyone,
		"/api/v1/compare?package=pkg:maven/com.acme/app":                            refused,
		"/api/v1/compare?package=pkg:maven/com.acme/app&repository=open":            everyone,
		"/api/v1/compare?package=pkg:maven/com.acme/app&repository=open&consumer=x": refused,
	} {
		if got := s.ask(t, "GET", question, ""); got.access() != want {
			t.Errorf("%s: %s, want %s: %s", question, got.access(), want, got.body)
		}
	}
	for _, q := range []string{"secret", "closed"} {
		if got := s.ask(t, "GET", "/api/v1/search?repository=open&q="+q, ""); strings.Contains(got.body, `"key"`) {
			t.Errorf("%q is found in another repository: %s", q, got.body)
		}
	}
	if got := s.ask(t, "GET", "/api/v1/search?repository=open&q=app-1.0.jar", ""); !strings.Contains(got.body, `"downloads":3,`) {
		t.Errorf("counts are not those of the repository: %s", got.body)
	}
	for _, page := range []string{"/stats/search?q=app&repository=open", "/stats/compare?package=pkg:maven/com.acme/app&repository=open"} {
		if got := s.ask(t, "GET", page, ""); got.status != 401 {
			t.Errorf("%s: %d, want 401", page, got.status)
		}
	}
}

func TestWhereNumbersArePublicEveryoneSearchesAndCompares(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, func(s *server.Server) { s.PublicStats = true })
	for page, want := range map[string]string{"/stats/search?q=secret": "com.acme/<mark>secret</mark>", "/stats/compare?package=pkg:maven/com.acme/secret": "maven/com.acme/secret", "/stats": "data-seek"} {
		if got := s.ask(t, "GET", page, ""); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d, without %q", page, got.status, want)
		}
	}
	if got := s.ask(t, "GET", "/catalog", ""); !strings.Contains(got.body, "data-seek") {
		t.Error("the catalog has no search for who may read numbers")
	}
}
