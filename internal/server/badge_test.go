package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

const badgeCSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

func TestABadgeIsAPictureOfItsOwn(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, func(s *server.Server) { s.PublicStats = true })
	for address, want := range map[string]string{
		"/badge/maven/com.acme/app.svg":                                    "downloads: 9",
		"/badge/maven/com.acme/app.svg?period=day":                         "downloads: 3/day",
		"/badge/maven/com.acme/app.svg?period=week&version=1.1":            "downloads: 2/week",
		"/badge/maven/com.acme/app.svg?repository=closed&label=%3Cb%3E":    "&lt;b&gt;: 3",
		"/badge/npm/@scope/x.svg":                                          "downloads: 3",
		"/badge/npm/%40scope%2Fx.svg?measure=hits&color=f80":               "hits: 3",
		"/badge/npm/%40scope%2fx%2Esvg?style=flat-square&label=a%22onload": "a&#34;onload: 3",
	} {
		got := s.ask(t, "GET", address, "")
		if got.status != 200 || !strings.Contains(got.body, "<title>"+want+"</title>") {
			t.Errorf("%s: %d %s, want %s", address, got.status, got.body, want)
		}
		for name, want := range map[string]string{
			"Content-Type": "image/svg+xml", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": badgeCSP,
			"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*",
			"Cache-Control": "public, max-age=300", "Set-Cookie": "",
		} {
			if have := got.header.Get(name); have != want {
				t.Errorf("%s: %s %q, want %q", address, name, have, want)
			}
		}
	}
	got := s.ask(t, "GET", "/badge/maven/com.acme/app.json?period=week", "")
	if want := `{"schemaVersion":1,"label":"downloads","message":"6/week","color":"1f6fb2"}` + "\n"; got.status != 200 || got.body != want {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("Content-Security-Policy") == badgeCSP {
		t.Errorf("headers %v", got.header)
	}
}

func TestABadgeOfNothingSaysSo(t *testing.T) {
	t.Parallel()
	public := startRepositories(t, func(s *server.Server) { s.PublicStats = true })
	private := startRepositories(t, nil)
	for _, tt := range []struct {
		site    *site
		address string
		option  func(*http.Request)
		keep    string
	}{
		{public, "/badge/npm/nothing.svg", func(*http.Request) {}, "public, max-age=60"},
		{private, "/badge/npm/nothing.svg", as("vera"), "private, max-age=60"},
		{private, "/badge/npm/nothing.svg?repository=open", func(*http.Request) {}, "public, max-age=60"},
	} {
		got := tt.site.ask(t, "GET", tt.address, "", tt.option)
		if got.status != 404 || got.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.body, "<title>downloads: not found</title>") {
			t.Errorf("%d %s %s", got.status, got.header.Get("Content-Type"), got.body)
		}
		if got.header.Get("Cache-Control") != tt.keep || got.header.Get("Content-Security-Policy") != badgeCSP {
			t.Errorf("headers %v", got.header)
		}
	}
	if got := public.ask(t, "GET", "/badge/npm/nothing.json", ""); got.status != 404 || !strings.Contains(got.body, `"code":"not_found"`) || got.header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("JSON: %d %s %v", got.status, got.body, got.header)
	}
	for _, address := range []string{"/badge", "/badge/", "/badge/npm/", "/badge/npm/x", "/badge/npm/x.png", "/badge/n%2Fpm/x.svg", "/badge/npm/.svg"} {
		got := public.ask(t, "GET", address, "")
		if got.status != 404 || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", address, got.status, got.body)
		}
	}
}

func TestAWrongBadgeIsAskedForInWords(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	for query, want := range map[string]string{
		"period=hour":                      "period",
		"style=plastic":                    "style",
		"color=red":                        "color",
		"label=" + strings.Repeat("x", 65): "at most 64",
		"nonsense=1":                       "nonsense",
		"period=day&period=day":            "period",
		"period=%zz":                       "malformed",
		"measure=bytes":                    "measure",
		"repository=open&from=2026-03-01":  "from",
	} {
		for _, form := range []string{".svg", ".json"} {
			got := s.ask(t, "GET", "/badge/npm/@scope/x"+form+"?"+query, "", as("vera"))
			if got.status != 400 || !strings.Contains(got.body, want) || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s %s", query, got.status, got.body, got.header.Get("Cache-Control"))
			}
		}
	}
	if got := s.ask(t, "POST", "/badge/npm/@scope/x.svg", ""); got.status != 405 || got.header.Get("Allow") != "GET" {
		t.Errorf("POST: %d", got.status)
	}
}

func TestABadgeThatACacheHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	for _, address := range []string{"/badge/npm/@scope/x.svg?repository=open", "/badge/npm/@scope/x.json?repository=open"} {
		first := s.ask(t, "GET", address, "")
		tag := first.header.Get("ETag")
		if len(tag) != 34 || first.status != 200 {
			t.Fatalf("%s: %d, ETag %q", address, first.status, tag)
		}
		again := s.ask(t, "GET", address, "", header("If-None-Match", `"x", W/`+tag))
		if again.status != 304 || again.body != "" || again.header.Get("Cache-Control") != "public, max-age=300" || again.header.Get("ETag") != tag || again.header.Get("Vary") == "" {
			t.Errorf("%s again: %d %q %v", address, again.status, again.body, again.header)
		}
		head := s.ask(t, "HEAD", address, "")
		if head.status != 200 || head.body != "" || head.header.Get("Content-Length") != fmt.Sprint(len(first.body)) || head.header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %q %v", address, head.status, head.body, head.header)
		}
		s.ask(t, "POST", "/callback", `{"repository-id":"open","path":"@scope/x/-/x-1.0.0.tgz"}`)
		if changed := s.ask(t, "GET", address, "", header("If-None-Match", tag)); changed.status != 200 || changed.header.Get("ETag") == tag {
			t.Errorf("%s with another number: %d", address, changed.status)
		}
	}
	if head := s.ask(t, "HEAD", "/badge/npm/nothing.svg?repository=open", ""); head.status != 404 || head.body != "" {
		t.Errorf("HEAD of nothing: %d %q", head.status, head.body)
	}
}

func TestASignedAddressShowsOneBadge(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, func(s *server.Server) { s.Base = "/base" })
	const plain = "/badge/maven/com.acme/app.svg?period=week&repository=closed&repository=open"
	signed := s.sign(t, plain)
	for name, tt := range map[string]struct {
		address string
		option  func(*http.Request)
		status  int
	}{
		"signed":              {signed, func(*http.Request) {}, 200},
		"below the base path": {"/base" + signed, func(*http.Request) {}, 200},
		"in another order":    {strings.Replace(signed, "repository=closed&repository=open", "repository=open&repository=closed", 1), func(*http.Request) {}, 200},
		"escaped otherwise":   {strings.Replace(signed, "com.acme/app", "com%2Eacme%2Fapp", 1), func(*http.Request) {}, 200},
		"not signed":          {plain, func(*http.Request) {}, 401},
		"another period":      {strings.Replace(signed, "week", "year", 1), func(*http.Request) {}, 401},
		"another package":     {strings.Replace(signed, "app", "secret", 1), func(*http.Request) {}, 401},
		"another form":        {strings.Replace(signed, ".svg", ".json", 1), func(*http.Request) {}, 401},
		"a label more":        {signed + "&label=x", func(*http.Request) {}, 401},
		"two signatures":      {signed + "&sig=x", func(*http.Request) {}, 400},
		"a wrong password":    {signed, func(r *http.Request) { r.SetBasicAuth("vera", "wrong") }, 401},
		"a user":              {signed, as("vera"), 200},
		"as a question":       {strings.Replace(signed, plain[:strings.Index(plain, "?")], "/api/v1/totals", 1), func(*http.Request) {}, 401},
	} {
		got := s.ask(t, "GET", tt.address, "", tt.option)
		if got.status != tt.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, tt.status)
		}
		if tt.status == 200 && (got.header.Get("Cache-Control") != "private, max-age=300" || got.header.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("%s: %v", name, got.header)
		}
	}
}

// Names from outside reach a badge by its label and by the package.
func TestNoBadgeRunsWhatSendersSend(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.PublicStats = true })
	for _, name := range browsertest.EvilNames(t) {
		body, err := json.Marshal(map[string]string{"file-name": name, "repository-id": name})
		if err != nil {
			t.Fatal(err)
		}
		s.ask(t, "POST", "/callback", string(body))
		for _, form := range []string{".svg", ".json"} {
			got := s.ask(t, "GET", "/badge/generic/"+url.PathEscape(name)+form+"?label="+url.QueryEscape(name), "")
			switch got.status {
			case 200, 301, 400, 404: // 301: not a clean path
			default:
				t.Errorf("%q: %d %s", name, got.status, got.body)
			}
			if form == ".svg" && strings.HasPrefix(got.header.Get("Content-Type"), "image/") && strings.Count(got.body, "<") != 12 {
				t.Errorf("%q: %s", name, got.body)
			}
			if form == ".json" && got.status == 200 && !json.Valid([]byte(got.body)) {
				t.Errorf("%q: %s", name, got.body)
			}
		}
	}
}
