package web_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

const app = "pkg:maven/com.acme/app"

// use asks for the page of a package.
func use(t *testing.T, w *web.Web, query url.Values) (status int, html, text string) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := w.ServeUse(rec, httptest.NewRequest("GET", "/stats/package?"+query.Encode(), nil), pkgmeter.Principal{}); err != nil {
		return 0, "", pkgmeter.PublicMessage(err)
	}
	if rec.Code == 303 {
		return rec.Code, "", rec.Header().Get("Location")
	}
	return rec.Code, rec.Body.String(), textOf(t, rec.Body.String())
}

// versionsOf writes n downloads yesterday of each version.
func versionsOf(t *testing.T, s *sqlite.Store, n int, versions ...string) {
	t.Helper()
	var events []pkgmeter.Event
	for _, v := range versions {
		for range n {
			events = append(events, pkgmeter.Event{
				Repository: "releases", Path: "com/acme/app/" + v + "/app-" + v + ".jar", Time: noon.AddDate(0, 0, -1), Agent: "Apache-Maven/3.9.6 (Java 17.0.9; Linux 6.1)",
			})
		}
	}
	write(t, s, events...)
}

func TestThePageOfAPackageSaysHowMuchAndWhat(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	versionsOf(t, s, 3, "1.1", "2.0", "2.0-rc1", "2.10", "2.9", "3.0-SNAPSHOT")
	status, html, text := use(t, w, url.Values{"package": {app}})
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	for _, want := range []string{
		"com.acme/app", app, "Last day 20 downloads on 2026-03-09", "Last 30 days 24", "Total 33 downloads, the first on 2025-11-30, the last on 2026-03-10",
		"No. 1 of all packages", "releases 25 25", "maven 18 18", "java 17 18 18", "linux 18 18", "(unknown) 7 7", "1.0 7 7",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.3000s", want, text)
		}
	}
	at := -1
	for _, v := range []string{"other", "2.0", "2.9", "2.10", "3.0-SNAPSHOT"} { // a pre-release of 3.0 is later than 2.10
		next := strings.Index(html, `data-layer="`+v+`"`)
		if next <= at {
			t.Errorf("the layer of %s is not where it should be", v)
		}
		at = next
	}
	if _, _, text := use(t, w, url.Values{"package": {app}, "group": {"major"}}); !strings.Contains(text, "1.x 2.x") && !strings.Contains(text, "1.x") {
		t.Errorf("major versions: %.2000s", text)
	}
}

func TestThePageOfAPackageTellsWhoUsesAMajorVersion(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	versionsOf(t, s, 3, "1.1", "2.0")
	late := day(0)
	late.Consumer = "team payments"
	write(t, s, late)
	_, html, text := use(t, w, url.Values{"package": {app}, "older": {"1"}})
	if !strings.Contains(text, "Who is still on 1.x?") || !strings.Contains(text, "people 3 3") || !strings.Contains(text, "unknown 8 8") || !strings.Contains(text, "By consumer CSV JSON Consumer Downloads Hits (none) 10 10 team payments 1 1") {
		t.Errorf("page: %.4000s", text)
	}
	if !strings.Contains(html, "by=class&amp;") || !strings.Contains(html, "version=1.0&amp;version=1.1") {
		t.Error("there is no table to take along")
	}
	for _, major := range []string{"7", "", "<b>", strings.Repeat("9", 500)} {
		if status, _, text := use(t, w, url.Values{"package": {app}, "older": {major}}); status != 200 || !strings.Contains(text, "Pick a major version") {
			t.Errorf("%.20s: %d", major, status)
		}
	}
}

func TestAPackageThatThereIsNotOffersThoseThatAreSpelledAlike(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	write(t, s, pkgmeter.Event{Repository: "npm", Path: "app/-/app-1.0.0.tgz"}, pkgmeter.Event{Repository: "npm", Path: "only/-/only-1.0.0.tgz"})
	for said, want := range map[string]struct {
		status int
		text   string
	}{
		"app":                  {404, "2 packages have this name app " + app},
		"only":                 {303, "/base/stats/package?package=pkg%3Anpm%2Fonly"},
		"com.acme/app":         {303, "/base/stats/package?package=pkg%3Amaven%2Fcom.acme%2Fapp"},
		"pkg:pypi/app":         {404, "There is no such package pkg:pypi/app " + app},
		"pkg:npm/nothing":      {404, "No package is spelled like this one."},
		"nothing":              {404, "No package is spelled like this one."},
		"pkg:maven/com.acme/x": {404, "There is no such package"},
		"":                     {404, "Which package?"},
		" ":                    {404, "Which package?"},
		"%ff\x00<b>":           {404, "There is no such package"},
	} {
		if status, _, text := use(t, w, url.Values{"package": {said}}); status != want.status || !strings.Contains(text, want.text) {
			t.Errorf("%q: %d %.600s, want %d %s", said, status, text, want.status, want.text)
		}
	}
	if status, _, _ := use(t, w, url.Values{}); status != 404 {
		t.Errorf("without a package: %d", status)
	}
	if _, _, text := use(t, w, url.Values{"package": {app}, "from": {"never"}}); !strings.Contains(text, "is not a day") {
		t.Errorf("a wrong day: %s", text)
	}
}

func TestNamesFromOutsideAddNoElementToThePageOfAPackage(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	evil := browsertest.EvilNames(t)
	var entries []pkgmeter.Event
	for _, name := range evil {
		entries = append(entries, pkgmeter.Event{Repository: name, Path: "x/y/" + name, Agent: name, Consumer: name})
	}
	write(t, s, entries...)
	top, err := s.Top(t.Context(), pkgmeter.Query{Now: noon, Measure: pkgmeter.ByHits}, pkgmeter.ByPackage, pkgmeter.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	_, plain, _ := use(t, w, url.Values{"package": {"pkg:generic/x/y"}, "client": {"pip"}, "older": {"1"}})
	elements, _ := tree(t, plain)
	for _, e := range elements {
		allowed[e] = true
	}
	for _, it := range top.Items {
		_, html, _ := use(t, w, url.Values{"package": {it.Key}, "measure": {"hits"}, "older": {"1"}})
		got, _ := tree(t, html)
		for _, e := range got {
			if name, _, _ := strings.Cut(e, " "); !allowed[e] && slices.Contains([]string{"script", "img", "iframe", "style", "base", "meta", "object", "embed", "link"}, name) {
				t.Errorf("%q adds <%s>", it.Key, e)
			}
		}
	}
	for _, name := range evil {
		status, html, _ := use(t, w, url.Values{"package": {name}})
		got, _ := tree(t, html)
		for _, e := range got {
			if name, _, _ := strings.Cut(e, " "); name == "img" && !strings.Contains(e, "src alt") || name == "iframe" || name == "script" && e != "script src defer" && e != "script type id" {
				t.Errorf("%q (%d) adds <%s>", name, status, e)
			}
		}
	}
}

func TestVersionsAreInTheOrderOfTheirReleases(t *testing.T) {
	t.Parallel()
	order := []string{
		"", "latest", "main", "0.0.0-20200101", "0.9", "1.0.dev1", "1.0a1", "1.0-alpha.2", "1.0-beta", "1.0-RC1", "1.0rc2", "1.0", "1.0.post1", "1.0.1",
		"v1.1.0", "1:1.2", "1.9", "1.10", "1.10.0.1", "2.0-SNAPSHOT", "2.0", "10", "99999999999999999999999.0",
	}
	for i, a := range order {
		for j, b := range order {
			got, want := web.CompareVersions(a, b), 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got != want {
				t.Errorf("%q and %q: %d, want %d", a, b, got, want)
			}
		}
	}
	for version, want := range map[string]string{"1.2.3": "1", "v2": "2", "0.5": "0", "01.2": "1", "latest": "other", "": "other", "2:3.4-1": "3", "r5": "other"} {
		if got := web.MajorOf(version); got != want {
			t.Errorf("the major version of %q is %q, want %q", version, got, want)
		}
	}
}

func TestAPackageOfManyVersionsHasASmallPage(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	d := &pkgmeter.Delivery{Received: noon}
	for i := range 3000 {
		v := fmt.Sprintf("%d.%d.0", i%40, i)
		e := pkgmeter.Event{Source: "s", Status: 200, Repository: "r", Path: "com/acme/app/" + v + "/app-" + v + ".jar"}
		if err := e.Settle(noon); err != nil {
			t.Fatal(err)
		}
		d.Entries = append(d.Entries, rule.Default().Apply(e))
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	status, html, text := use(t, w, url.Values{"package": {app}, "group": {"major"}, "older": {"3"}})
	for link := range links(html) {
		if len(link) > 1000 {
			t.Errorf("a link of %d bytes", len(link))
		}
	}
	if status != 200 || len(html) > 120<<10 || !strings.Contains(text, "more versions than this page looks at") {
		t.Errorf("%d, %d bytes: %.300s", status, len(html), text)
	}
}
