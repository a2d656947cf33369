package web_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// panels is a store of hidden panels that knows which there are.
type panels map[string]bool

func (p panels) Hidden(context.Context) (map[string]bool, error) { return maps.Clone(p), nil }

func (p panels) SetHidden(_ context.Context, panel string, hidden bool) error {
	switch panel {
	case "files", "repositories", "types", "classes", "clients", "countries", "kinds", "packages", "versions", "package-types",
		"runtimes", "systems", "sources", "consumers", "rising", "new", "stale", "uploads":
		p[panel] = hidden
		return nil
	}
	return pkgmeter.Errorf(pkgmeter.Invalid, "there is no panel %q", panel)
}

var admin = pkgmeter.Principal{User: "ann", Role: pkgmeter.Admin}

// post sends the form of the settings.
func post(w *web.Web, p pkgmeter.Principal, header map[string]string, shown ...string) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest("POST", "http://stats.example/base/stats/settings", strings.NewReader(url.Values{"show": shown}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	return rec, w.SaveSettings(rec, r, p)
}

func TestAHiddenPanelStaysHiddenUntilItIsShownAgain(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	store := panels{"repositories": true, "by-file-name": true}
	w.Panels = store
	fewDays(t, s)
	has := func(want map[string]bool) {
		t.Helper()
		_, html, _ := get(t, w, "")
		for title, shown := range want {
			if strings.Contains(html, ">"+title+"</h2>") != shown {
				t.Errorf("%s: shown is %t, want %t", title, !shown, shown)
			}
		}
	}
	has(map[string]bool{"Top files": true, "Repositories": false, "File types": true, "Package types": true})
	rec, err := post(w, admin, nil, "repositories")
	if err != nil || rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/base/stats/settings?saved" {
		t.Fatalf("%d %v", rec.Code, err)
	}
	has(map[string]bool{"Top files": false, "Repositories": true, "File types": false, "Package types": false})
	if !store["files"] || store["repositories"] || !store["types"] || !store["by-file-name"] {
		t.Errorf("stored: %v", store)
	}
	if _, err := post(w, admin, nil, "files", "types", "repositories", "nonsense", "by-file-name"); err != nil {
		t.Fatal(err)
	}
	has(map[string]bool{"Top files": true, "Repositories": true, "File types": true})
	if !store["by-file-name"] {
		t.Error("a name that is no panel was changed")
	}
}

func TestSettingsAreForAdminsOnly(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	w.Panels = panels{"files": true}
	fewDays(t, s)
	for name, c := range map[string]struct {
		who  pkgmeter.Principal
		want pkgmeter.Code
	}{
		"an admin":            {admin, ""},
		"a viewer":            {pkgmeter.Principal{User: "vic", Role: pkgmeter.Viewer}, pkgmeter.Forbidden},
		"a publisher":         {pkgmeter.Principal{User: "pub", Role: pkgmeter.Publisher}, pkgmeter.Forbidden},
		"a token of an admin": {pkgmeter.Principal{User: "ann", Role: pkgmeter.Admin, Scope: pkgmeter.ScopeRead}, pkgmeter.Forbidden},
		"nobody":              {pkgmeter.Principal{}, pkgmeter.Unauthenticated},
	} {
		rec := httptest.NewRecorder()
		err := w.ServeSettings(rec, httptest.NewRequest("GET", "/stats/settings", nil), c.who)
		if pkgmeter.CodeOf(err) != c.want {
			t.Errorf("%s reads: %v", name, err)
		}
		if _, err := post(w, c.who, nil, "files"); pkgmeter.CodeOf(err) != c.want {
			t.Errorf("%s writes: %v", name, err)
		}
		page := httptest.NewRecorder()
		if err := w.ServeStats(page, httptest.NewRequest("GET", "/stats", nil), c.who); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(page.Body.String(), "/base/stats/settings"); got != (c.want == "") {
			t.Errorf("%s: the page links to the settings: %t", name, got)
		}
	}
}

func TestAFormOfAnotherSiteChangesNothing(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	store := panels{}
	w.Panels = store
	for name, c := range map[string]struct {
		header map[string]string
		ok     bool
	}{
		"cross-site":                 {map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		"same-site":                  {map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		"an old browser, elsewhere":  {map[string]string{"Origin": "https://evil.example"}, false},
		"a sandbox":                  {map[string]string{"Origin": "null"}, false},
		"the page itself":            {map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		"an old browser, from here":  {map[string]string{"Origin": "http://stats.example"}, true},
		"a program without a origin": {nil, true},
	} {
		clear(store)
		_, err := post(w, admin, c.header)
		if c.ok != (err == nil) || c.ok != store["files"] {
			t.Errorf("%s: %v, stored %v", name, err, store)
		}
		if !c.ok && pkgmeter.CodeOf(err) != pkgmeter.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALargeFormIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	store := panels{}
	w.Panels = store
	if _, err := post(w, admin, nil, strings.Repeat("x", 1<<20)); pkgmeter.CodeOf(err) != pkgmeter.Invalid || len(store) > 0 {
		t.Errorf("%v, stored %v", err, store)
	}
}

func TestWithoutAStoreForThemThereAreNoSettings(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	if err := w.ServeSettings(httptest.NewRecorder(), httptest.NewRequest("GET", "/stats/settings", nil), admin); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Error(err)
	}
	if _, err := post(w, admin, nil, "files"); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Error(err)
	}
}
