package settings_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

var shots = flag.String("shots", "", "folder for pictures of the pages")

// serve runs the pages as the program does, below a base path, as ann.
func (o *office) serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, f := range map[string]pageFunc{
		"GET /base/stats/settings": o.Web.ServeSettings, "GET /base/stats": o.Web.ServeStats,
		"GET /base/stats/settings/account": o.ServeAccount, "GET /base/stats/settings/links": o.ServeLinks, "POST /base/stats/settings/links": o.TakeLinks,
		"GET /base/stats/settings/users": o.ServeUsers, "POST /base/stats/settings/users": o.TakeUsers,
		"GET /base/stats/settings/tokens": o.ServeTokens, "POST /base/stats/settings/tokens": o.TakeTokens,
		"GET /base/stats/settings/sessions": o.ServeSessions, "GET /base/stats/settings/audit": o.ServeAudit,
	} {
		mux.Handle(path, httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return f(w, r.WithContext(pkgmeter.WithActor(r.Context(), "ann")), ann)
		}))
	}
	mux.Handle("GET /base/static/", http.StripPrefix("/base/static/", o.Web.Static()))
	server := httptest.NewServer(httpx.Secure(mux))
	t.Cleanup(server.Close)
	return server.URL + "/base"
}

// people fills the pages: a user, a token, a session and a link of each name.
func (o *office) people(t *testing.T, names []string) {
	t.Helper()
	hash := auth.Hash("secret")
	for i, name := range names {
		u := pkgmeter.User{Name: pkgmeter.Cut(name, pkgmeter.MaxName), Role: pkgmeter.Viewer, Hash: hash, Disabled: i%5 == 4}
		if i%7 == 6 {
			u.Hash, u.Disabled = "", true
		}
		if u.Validate() != nil {
			continue
		}
		if err := o.store.AddUser(t.Context(), u); err != nil {
			continue // the name of another one, cut
		}
		_, token := auth.NewToken(u.Name, pkgmeter.ScopeRead)
		if i%3 == 0 {
			token.Expires = noon.AddDate(0, 1, 0)
		}
		if _, err := o.store.AddToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		if !u.Disabled {
			if err := o.store.AddSession(t.Context(), o.user(t, u.Name), [32]byte{1, byte(i)}, noon.Add(-time.Hour), 20); err != nil {
				t.Fatal(err)
			}
		}
		if i < 40 {
			send(t, o.TakeLinks, ann, "POST", "", form("do", "new", "view", "/stats?"+url.Values{"repository": {name}}.Encode(), "days", "30"))
		}
	}
	_, token := auth.NewToken("ann", pkgmeter.ScopeIngest)
	if _, err := o.store.AddToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
}

var paths = map[string]string{
	"settings": "/stats/settings", "account": "/stats/settings/account", "users": "/stats/settings/users?done=added", "user": "/stats/settings/users?user=carol", "tokens": "/stats/settings/tokens",
	"sessions": "/stats/settings/sessions", "links": "/stats/settings/links?view=%2Fstats%3Frepository%3Dopen%26class%3Dci", "audit": "/stats/settings/audit?action=user",
}

func TestNamesFromOutsideDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	o := open(t)
	evil := browsertest.EvilNames(t)
	o.people(t, append(evil, "carol"))
	for _, name := range evil {
		o.Web.Own = append(o.Web.Own, rule.ClientRule{Agent: name, Name: name, Class: name})
	}
	base := o.serve(t)
	ctx := browsertest.New(t)
	complaints := browsertest.Listen(ctx, t, base)
	for _, path := range paths {
		browsertest.Visit(ctx, t, base+path)
		for _, c := range complaints.Take() {
			t.Errorf("%s: %s", path, c)
		}
		browsertest.Do(ctx, t, chromedp.EmulateViewport(390, 800))
		if wide := browsertest.Evaluate[int](ctx, t, `document.documentElement.scrollWidth`); wide > 390 {
			t.Errorf("%s: %d pixels wide on a phone", path, wide)
		}
	}
}

// Pictures are for people: go test -run Pictures -shots DIR.
func TestPictures(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	o := open(t)
	o.people(t, []string{"carol", "dave.miller@example.com", "ci-releases", "erin", "frank", "grace", "heidi"})
	o.Web.Own = []rule.ClientRule{{Agent: "acme-fetch/*", Name: "acme-fetch", Class: "ci"}}
	base := o.serve(t)
	ctx := browsertest.New(t)
	for name, path := range paths {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				browsertest.Do(ctx, t, chromedp.EmulateViewport(width, 800))
				browsertest.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
				browsertest.Visit(ctx, t, base+path)
				png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), png, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
