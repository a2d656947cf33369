package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

// startRepositories starts a server with a public repository, a private one, and
// the same package in both: downloads of noon and of the two days before it.
func startRepositories(t *testing.T, change func(*server.Server)) *site {
	t.Helper()
	s := start(t, change)
	events := []string{}
	for repo, files := range map[string][]string{
		"open":   {"com/acme/app/1.0/app-1.0.jar", "com/acme/app/1.1/app-1.1.jar", "@scope/x/-/x-1.0.0.tgz"},
		"closed": {"com/acme/app/1.0/app-1.0.jar", "com/acme/secret/1.0/secret-1.0.jar"},
	} {
		for _, file := range files {
			for _, day := range []string{"2026-03-08", "2026-03-09", "2026-03-10"} {
				events = append(events, fmt.Sprintf(`{"repository-id":%q,"path":%q,"timestamp":"%sT10:00:00Z"}`, repo, file, day))
			}
		}
	}
	if got := s.ask(t, "POST", "/callback", "["+strings.Join(events, ",")+"]"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for _, name := range []string{"open", "ahead"} {
		if _, err := s.store.SetPublic(t.Context(), name, true); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// sign returns a badge's address with its signature.
func (s *site) sign(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := s.store.Secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(secret, api.SignatureOf)
	if err != nil {
		t.Fatal(err)
	}
	q := r.URL.Query()
	q.Set(api.Signature, signer.Sign(r.URL.Path, api.Signed(q)))
	r.URL.RawQuery = q.Encode()
	return r.URL.String()
}

// What a request may be: everyone's, its asker's own, refused.
const (
	everyone = "200 for everyone"
	own      = "200 for the asker"
	refused  = "401"
	wrongUse = "403"
)

// got says which of these an answer is.
func (a answer) access() string {
	cors, vary := a.header.Get("Access-Control-Allow-Origin"), a.header.Get("Vary")
	switch {
	case vary != "Authorization, Cookie":
		return "Vary: " + vary
	case a.status == 200 && cors == "*":
		return everyone
	case a.status == 200 && cors == "":
		return own
	case cors != "" || a.header.Get("Cache-Control") != "no-store":
		return fmt.Sprintf("%d with CORS %q and Cache-Control %q", a.status, cors, a.header.Get("Cache-Control"))
	}
	return fmt.Sprint(a.status)
}

func TestPublicRepositoriesOpenQuestionsAboutThemAlone(t *testing.T) {
	t.Parallel()
	questions := map[string]bool{ // whether everyone may ask
		"totals?repository=open":                          true,
		"top?by=package&repository=open":                  true,
		"series?repository=open&split=version":            true,
		"totals?repository=open&repository=ahead":         true,
		"totals?repository=open&package=pkg:npm/left-pad": true,
		"top?by=client&repository=open":                   true,
		"totals":                                          false,
		"totals?repository=closed":                        false,
		"totals?repository=open&repository=closed":        false,
		"totals?repository=nowhere":                       false,
		"totals?repository=":                              false,
		"totals?repository=OPEN":                          false,
		"totals?package=pkg:maven/com.acme/app":           false,
		"top?by=repository":                               false,
		"top?by=source&repository=open":                   false,
		"series?split=consumer&repository=open":           false,
		"totals?repository=open&source=cloudrepo":         false,
		"totals?repository=open&consumer=ann":             false,
	}
	badges := map[string]bool{
		"/badge/maven/com.acme/app.svg?repository=open":                         true,
		"/badge/maven/com.acme/app.json?repository=open&period=day":             true,
		"/badge/npm/@scope/x.svg?repository=open&repository=ahead":              true,
		"/badge/maven/com.acme/app.svg":                                         false,
		"/badge/maven/com.acme/app.svg?repository=closed":                       false,
		"/badge/maven/com.acme/app.json?repository=open&repository=closed":      false,
		"/badge/maven/com.acme/app.svg?repository=nowhere":                      false,
		"/badge/maven/com.acme/app.svg?sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA": false,
	}
	for question, open := range questions {
		badges["/api/v1/"+question] = open
	}
	type asker struct {
		option       func(*http.Request)
		open, closed string
	}
	for name, tt := range map[string]struct {
		public bool
		asker  func(*site, *testing.T) asker
	}{
		"nobody": {false, func(*site, *testing.T) asker { return asker{func(*http.Request) {}, everyone, refused} }},
		"a stale session": {false, func(*site, *testing.T) asker {
			return asker{header("Cookie", "pkgmeter="+strings.Repeat("x", 32)), own, refused}
		}},
		"a foreign cookie": {false, func(*site, *testing.T) asker { return asker{header("Cookie", "theme=dark"), everyone, refused} }},
		"an admin":         {false, func(*site, *testing.T) asker { return asker{as("admin"), own, own} }},
		"a viewer":         {false, func(*site, *testing.T) asker { return asker{as("vera"), own, own} }},
		"a session":        {false, func(s *site, t *testing.T) asker { return asker{s.logIn(t), own, own} }},
		"a read token": {false, func(s *site, t *testing.T) asker {
			return asker{bearer(s.token(t, "vera", pkgmeter.ScopeRead)), own, own}
		}},
		"an ingest token": {false, func(s *site, t *testing.T) asker {
			return asker{bearer(s.token(t, "vera", pkgmeter.ScopeIngest)), wrongUse, wrongUse}
		}},
		"a disabled user":    {false, func(*site, *testing.T) asker { return asker{as("gone"), refused, refused} }},
		"a wrong token":      {false, func(*site, *testing.T) asker { return asker{header("Authorization", "Bearer x"), refused, refused} }},
		"a scheme of others": {false, func(*site, *testing.T) asker { return asker{header("Authorization", "Digest x"), refused, refused} }},

		"public: nobody":    {true, func(*site, *testing.T) asker { return asker{func(*http.Request) {}, everyone, everyone} }},
		"public: a session": {true, func(s *site, t *testing.T) asker { return asker{s.logIn(t), own, own} }},
		"public: a viewer":  {true, func(*site, *testing.T) asker { return asker{as("vera"), own, own} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRepositories(t, func(srv *server.Server) { srv.PublicStats = tt.public })
			who := tt.asker(s, t)
			asked := 0
			for address, open := range badges {
				// Wrong credentials are counted: a few are enough.
				if asked++; asked > 4 && who.open == refused {
					break
				}
				want := who.closed
				if open {
					want = who.open
				}
				got := s.ask(t, "GET", address, "", who.option)
				if got.status == 404 { // a package or repository that is not there, to who may know it
					got.status = 200
				}
				if a := got.access(); a != want {
					t.Errorf("%s: %s, want %s: %s", address, a, want, got.body)
				}
				if challenged := got.header.Get("WWW-Authenticate") != ""; challenged != (got.status == 401 && strings.HasPrefix(address, "/api/")) {
					t.Errorf("%s: %d, challenged: %v", address, got.status, challenged)
				}
			}
			if who.open == everyone && !tt.public {
				for _, page := range []string{"/stats", "/stats?repository=open", "/stats/rules", "/save.json?repository=open"} {
					if got := s.ask(t, "GET", page, "", who.option); got.status != 401 {
						t.Errorf("%s: %d", page, got.status)
					}
				}
			}
		})
	}
}

func TestAPublicRepositoryTellsNothingOfOthers(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	for address, want := range map[string]string{
		"/api/v1/totals?repository=open":                         `{"downloads":9,"hits":9,`,
		"/api/v1/top?by=repository&repository=open":              `{"items":[{"key":"open","downloads":9,`,
		"/badge/maven/com.acme/app.json?repository=open":         `{"schemaVersion":1,"label":"downloads","message":"6","color":"1f6fb2"}`,
		"/badge/maven/com.acme/secret.json?repository=open":      `{"error":{"code":"not_found","message":"there is no such package"}}`,
		"/badge/maven/com.acme/nothing.json?repository=open":     `{"error":{"code":"not_found","message":"there is no such package"}}`,
		"/badge/maven/com.acme/nothing.json":                     `{"error":{"code":"unauthenticated","message":"log in, or send a token"}}`,
		"/badge/maven/com.acme/secret.json":                      `{"error":{"code":"unauthenticated","message":"log in, or send a token"}}`,
		"/api/v1/totals?repository=open&repository=closed":       `{"error":{"code":"unauthenticated","message":"log in, or send a token"}}`,
		"/api/v1/totals?repository=open&repository=not+there":    `{"error":{"code":"unauthenticated","message":"log in, or send a token"}}`,
		"/api/v1/totals?repository=open&measure=adds":            `{"error":{"code":"invalid",`,
		"/api/v1/totals?repository=open&repository=closed;x=%zz": `{"error":{"code":"unauthenticated",`,
	} {
		if got := s.ask(t, "GET", address, ""); !strings.HasPrefix(got.body, want) {
			t.Errorf("%s: %d %s, want %s", address, got.status, got.body, want)
		}
	}
	if got := s.ask(t, "GET", "/api/v1/top?by=file&repository=open", ""); strings.Contains(got.body, "secret") || strings.Contains(got.body, "closed") {
		t.Errorf("of others: %s", got.body)
	}
}

func TestARepositoryIsClosedAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	const question, picture = "/api/v1/totals?repository=open", "/badge/npm/@scope/x.svg?repository=open"
	for _, public := range []bool{true, false, true} {
		if _, err := s.store.SetPublic(t.Context(), "open", public); err != nil {
			t.Fatal(err)
		}
		want := 401
		if public {
			want = 200
		}
		for _, address := range []string{question, picture} {
			if got := s.ask(t, "GET", address, ""); got.status != want {
				t.Errorf("public %v: %s: %d", public, address, got.status)
			}
		}
	}
}
