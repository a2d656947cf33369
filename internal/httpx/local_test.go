package httpx_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

func TestARedirectStaysBelowTheBasePath(t *testing.T) {
	t.Parallel()
	const fallback = "/pm/stats"
	tricks := []string{
		"", " ", "x", "stats", "pm/stats", "?x", "#x", "/", "/pm", "/pmx/stats", "/stats", "/PM/stats",
		"//evil.example", "///evil.example", "////evil.example", "//evil.example/pm/", "/pm//evil.example", "/pm///evil.example",
		`/\evil.example`, `\\evil.example`, `\/evil.example`, `/pm/\evil.example`, `/pm\stats`, `/pm/..\..\x`,
		"%2f%2fevil.example", "/%2fevil.example", "/%2f%2fevil.example", "/pm/%2fevil.example", "/pm/%2F%2Fevil.example", "/pm/%5cevil.example", "/pm/%255cevil.example", "/pm/%252f%252fevil.example",
		"https:evil.example", "https:/evil.example", "https://evil.example", "HTTPS://evil.example", "http:///evil.example", "https://evil.example/pm/stats", "https:/pm/stats",
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "mailto:a@b", "//user@evil.example", "//user:pw@evil.example/pm/", "@evil.example", "/@evil.example",
		"/\tevil.example", "/\t/evil.example", "\t//evil.example", " //evil.example", "/\n/evil.example", "\n//evil.example", "/pm/\r\nSet-Cookie: a=b", "/pm/stats\x00", "/pm/\x7f", "/pm/stats ", "/pm/st ats",
		"/pm/%0d%0aSet-Cookie:a=b", "/pm/%00", "/pm/%09/evil.example", "/pm/%250a",
		"/pm/../x", "/pm/..", "/pm/./x", "/pm/%2e%2e/x", "/pm/.%2e/x", "/pm/%252e%252e/x", "/pm/x/../../evil.example", "/pm/..%2fx", "/pm/..%5cx",
		"/pm/%zz", "/pm/%", "/pm/%2", "/pm/stats#frag", "/pm/stats#",
		"/pm/\u2028", "/pm/\u3002evil", "／／evil.example", "/pm/／evil", "\u202e/pm/stats", "\ufeff/pm/stats", "/pm/\xff",
		"/pm/" + strings.Repeat("a", 2048),
	}
	if len(tricks) < 40 {
		t.Fatalf("only %d tricks", len(tricks))
	}
	for _, trick := range tricks {
		if got := httpx.LocalTarget("/pm", trick, fallback); got != fallback {
			t.Errorf("%q leads to %q", trick, got)
		}
		if got := httpx.LocalTarget("", trick, "/f"); got != "/f" {
			// Without a base path some of them are local; none may leave.
			here := &url.URL{Scheme: "https", Host: "stats.example.com", Path: "/login"}
			u, err := here.Parse(strings.ReplaceAll(got, `\`, "/"))
			if err != nil || u.Host != "stats.example.com" || u.Scheme != "https" || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(got, "//") {
				t.Errorf("%q leads to %q", trick, got)
			}
		}
	}
	for _, good := range []string{
		"/pm/", "/pm/stats", "/pm/stats/", "/pm/stats?from=2026-01-01&to=2026-02-01", "/pm/stats?file=a%0Ab%2F%2Fc&x=//y", "/pm/catalog/acme:pkg",
		"/pm/catalog/%40acme%2Fpkg", "/pm/caf%C3%A9", "/pm/a%20b", "/pm/100%25", "/pm/...", "/pm/.well-known", "/pm/a..b", "/pm/?", "/pm/" + strings.Repeat("a", 2000),
	} {
		if got := httpx.LocalTarget("/pm", good, fallback+"x"); got != good {
			t.Errorf("%q is not taken: %q", good, got)
		}
	}
}

func FuzzARedirectStaysOnThisHost(f *testing.F) {
	for _, s := range []string{"/pm/stats", "//x", `/pm/\x`, "/pm/%2f%2fx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := httpx.LocalTarget("/pm", target, "/pm/stats")
		if !strings.HasPrefix(got, "/pm/") || strings.ContainsAny(got, "\\\r\n\t\x00 #") {
			t.Fatalf("%q leads to %q", target, got)
		}
		here := &url.URL{Scheme: "https", Host: "stats.example.com"}
		u, err := here.Parse(got)
		if err != nil || u.Host != here.Host || u.Scheme != here.Scheme || !strings.HasPrefix(u.Path, "/pm/") {
			t.Fatalf("%q leads to %v, %v", target, u, err)
		}
	})
}
