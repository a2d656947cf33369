package web_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

func TestTheHeadingSaysToWhatOneThingThePageIsNarrowed(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	for query, want := range map[string]string{
		"repository=releases": "Repository releases", "client=pip": "Client pip", "class=human": "Class people", "runtime=java 17": "Runtime java 17", "os=linux": "System linux",
		"file=com/acme/app/1.0/app-1.0.jar": "File com/acme/app/1.0/app-1.0.jar", "version=1.0": "Version 1.0", "country=DE": "Country DE", "type=maven": "Package type maven",
		"package=" + app: "Package " + app, "source=s": "Source s", "consumer=team": "Consumer team", "legacy_type=jar": "File type jar", "kind=primary": "Kind primary",
		"client=pip&class=ci": "Downloads", "client=pip&client=npm": "Downloads", "": "Downloads",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		status, html, _ := get(t, w, "?"+values.Encode())
		_, heading, _ := strings.Cut(html, "<h1>")
		heading, _, _ = strings.Cut(heading, "</h1>")
		if got := textOf(t, heading); status != 200 || strings.TrimSpace(got) != want {
			t.Errorf("%s: %d %q, want %q", query, status, got, want)
		}
	}
}

func TestFiltersThatDoNotGoTogetherAreSaid(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	for query, want := range map[string]string{
		"?country=DE&client=pip": "counts by country are kept by repository, type, package and class only, not by client.",
		"?country=ZZ":            `country "ZZ": want a code of two letters that is not ZZ.`,
		"?package=app":           `package "app" is not a purl: want pkg:type/name`,
		"?legacy_type=x":         `legacy_type "x": want one of jar, pom, crypto, other.`,
	} {
		if status, _, text := get(t, w, query); status != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %.600s", query, status, text)
		}
	}
}

func TestPanelsWithoutCountsAreNamedOnce(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	_, html, text := get(t, w, "?country=DE")
	for _, want := range []string{"Left out: Top files, Clients, Versions", "; counts by country are kept by repository, type, package and class only.", "Left out: Uploads and deletions; uploads and deletions are kept by package only."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.3000s", want, text)
		}
	}
	if strings.Contains(html, ">Clients</h2>") || strings.Contains(html, ">Top files</h2>") || strings.Count(text, "are kept by repository") != 1 {
		t.Error("a panel without counts is shown, or the reason is said twice")
	}
	if _, _, text := get(t, w, ""); strings.Contains(text, "Left out") {
		t.Error("without filters a panel is left out")
	}
}

func TestEveryRowNarrowsThePageOrGoesToThePackage(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	versionsOf(t, s, 3, "1.1")
	_, html, _ := get(t, w, "?days=7")
	all := links(html)
	for _, want := range []string{
		"?client=maven&days=7", "?days=7&repository=releases", "?days=7&version=1.1", "?days=7&runtime=java+17", "?days=7&os=linux", "?days=7&source=s",
		"?days=7&type=maven", "?days=7&legacy_type=jar", "?days=7&kind=primary", "?class=human&days=7",
		"?days=7&file=" + url.QueryEscape("com/acme/app/1.1/app-1.1.jar"),
	} {
		if !all[strings.ReplaceAll(want, "+", "&#43;")] {
			t.Errorf("there is no link to %s: %v", want, all)
		}
	}
	if !strings.Contains(html, `href="/base/stats/package?days=7&amp;package=pkg%3Amaven%2Fcom.acme%2Fapp"`) {
		t.Error("there is no link to the package")
	}
	if !strings.Contains(html, `href="/base/api/v1/top?by=client&amp;from=2026-03-04&amp;to=2026-03-10&amp;format=csv"`) {
		t.Error("there is no table to take along")
	}
}

// changed adds movers and uploads.
type changed struct{ pkgmeter.Stats }

func (c changed) Movers(context.Context, pkgmeter.Query, int) (pkgmeter.Movers, error) {
	return pkgmeter.Movers{
		Rising: []pkgmeter.Mover{{Key: "pkg:npm/up", Now: pkgmeter.Measures{Downloads: 90}, Before: pkgmeter.Measures{Downloads: 30}}},
		New:    []pkgmeter.Mover{{Key: "pkg:npm/new", Now: pkgmeter.Measures{Downloads: 5}}},
		Span:   pkgmeter.Span{From: today - 29, To: today},
	}, nil
}

func (c changed) Uploads(context.Context, pkgmeter.Query, int) (all pkgmeter.Uploads, err error) {
	for i := range 12 {
		all.Uploaded = append(all.Uploaded, pkgmeter.DayFiles{Day: today - pkgmeter.Day(11-i)/4, Package: fmt.Sprintf("pkg:npm/p%d", i), Version: "1.0", Files: 1})
	}
	for i := range 2 {
		all.Deleted = append(all.Deleted, pkgmeter.DayFiles{Day: today - pkgmeter.Day(5-i*5), Package: "pkg:npm/p0", Version: fmt.Sprintf("0.%d", i), Files: 2})
	}
	return all, nil
}

func TestMoversUploadsAndDeletionsAreListedAndMarked(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	w.Stats = changed{s}
	_, html, text := get(t, w, "")
	for _, want := range []string{
		"Rising CSV JSON At least 20 downloads in the 30 days from 2026-02-09 to 2026-03-10, and 1.5 times as many as in as many days before.", "pkg:npm/up 90 30 +200 %",
		"New CSV JSON With their first hit in the 90 days up to 2026-03-10.", "pkg:npm/new 5 0 –", "Version What Files Day pkg:npm/p0 0.1 deleted 2 2026-03-10 pkg:npm/p11 1.0 uploaded 1 2026-03-10", "uploaded: 4 uploads: p8 1.0, p9 1.0, p10 1.0, …",
		"deleted: p0 0.0", "deleted: p0 0.1", "▲ upload", "✕ deletion",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.4000s", want, text)
		}
	}
	if strings.Contains(text, "Going stale") || strings.Contains(text, "pkg:npm/p1 1.0") || strings.Count(html, `class="upload"`) != 3 || strings.Count(html, `class="upload deletion"`) != 2 || strings.Count(html, `"kind":"deletion"`) != 2 {
		t.Error("an empty list is shown, or more uploads than there is room for")
	}
	w.Panels = panels{"rising": true, "new": true, "uploads": true}
	if _, _, text := get(t, w, ""); strings.Contains(text, "Rising") || strings.Contains(text, "uploaded") || strings.Contains(text, "deleted") {
		t.Error("hidden lists are shown")
	}
}

// public is a store of public repositories.
type public map[string]bool

func (p public) AllPublic(_ context.Context, names []string) (bool, error) { return p[names[0]], nil }

func (p public) SetPublic(_ context.Context, name string, open bool) (bool, error) {
	p[name] = open
	return true, nil
}

func TestAnAdminMakesRepositoriesPublicAndPrivate(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	store := public{"releases": true, "elsewhere": true}
	w.Panels, w.Publicity = panels{}, store
	rec := httptest.NewRecorder()
	if err := w.ServeSettings(rec, httptest.NewRequest("GET", "/stats/settings", nil), admin); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(rec.Body.String(), `name="public" value="releases" checked`) {
		t.Errorf("page: %s", rec.Body)
	}
	save := func(p pkgmeter.Principal, site string, form url.Values) error {
		r := httptest.NewRequest("POST", "http://stats.example/base/stats/settings", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		return w.SaveSettings(httptest.NewRecorder(), r, p)
	}
	form := url.Values{"form": {"repositories"}, "repository": {"releases", "npm"}, "public": {"npm"}}
	if save(pkgmeter.Principal{User: "vic", Role: pkgmeter.Viewer}, "same-origin", form) == nil || save(admin, "cross-site", form) == nil || !store["releases"] {
		t.Fatal("somebody else changed what is public")
	}
	if err := save(admin, "same-origin", form); err != nil || store["releases"] || !store["npm"] || !store["elsewhere"] {
		t.Errorf("%v: %v", err, store)
	}
	var _ web.Publicity = store
}
