package web_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// reported is what a store says of its sources.
type reported []pkgmeter.SourceReport

func (r reported) Sources(_ context.Context, from, to pkgmeter.Day) ([]pkgmeter.SourceReport, error) {
	for i := range r {
		r[i].ByDay = append(make([]int64, max(0, int(to-from)+1-len(r[i].ByDay))), r[i].ByDay...)
	}
	return r, nil
}

func sourcesPage(t *testing.T, r reported) (html, text string) {
	t.Helper()
	w := &web.Web{Now: func() time.Time { return noon }, Base: "/base", Sources: r, Inspector: struct{ web.Inspector }{}}
	if err := w.Init(); err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	if err := w.ServeSources(rec, httptest.NewRequest("GET", "/stats/sources", nil), admin); err != nil {
		t.Fatal(err)
	}
	return rec.Body.String(), strings.Join(strings.Fields(textOf(t, rec.Body.String())), " ")
}

func TestTheSourcesPageTellsHowEachDoes(t *testing.T) {
	t.Parallel()
	html, text := sourcesPage(t, reported{
		{
			Name: "harbor:ci", Last: noon.Add(-3 * time.Minute), Events: 60, Duplicates: 20, Unparsed: 20, MaxLag: 90 * time.Minute,
			ByDay: []int64{10, 0, 0, 20, 30, 0}, Held: 1234, Dropped: 2,
		},
		{Name: "nginx", Last: noon.Add(-49 * time.Hour), Events: 4, ByDay: []int64{1, 1, 1, 1, 0, 0}},
		{Name: "once", Last: noon.Add(-20 * 24 * time.Hour), Events: 1, ByDay: append([]int64{1}, make([]int64, 20)...)},
		{Name: "older", Events: 4, ByDay: []int64{1, 1, 1, 1, 0, 0, 0}},
		{Name: "quiet", Last: noon, Duplicates: 1, Unparsed: 1, Events: 10_000, ByDay: []int64{10_000}},
	})
	for _, want := range []string{
		"2 sources are silent that used to report.",
		"older Heard last on 2026-03-07.",
		"harbor:ci Heard 3 minutes ago, 2026-03-10 11:57:00 UTC.",
		"Events 60 Days without any 2 Known already 25 % Unreadable 20 % Longest delay 1 hour In quarantine 1 234 (and 2 dropped)",
		"nginx Heard last 2 days ago, 2026-03-08 11:00:00 UTC.",
		"Days without any 1 Known already none Unreadable none Longest delay none In quarantine 0",
		"once Heard 20 days ago,",
		"Days without any 19",
		"quiet Heard just now,",
		"Known already < 0.1 % Unreadable < 0.1 %",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	if !strings.Contains(html, `<a href="/base/stats/quarantine">`) || strings.Count(html, "<rect") != 5*30 {
		t.Error("quarantine is not linked, or days are missing")
	}
}

func TestTheSourcesPageIsForPeople(t *testing.T) {
	t.Parallel()
	w := &web.Web{Now: func() time.Time { return noon }, Sources: reported{}}
	if err := w.Init(); err != nil {
		t.Fatal(err)
	}
	err := w.ServeSources(httptest.NewRecorder(), httptest.NewRequest("GET", "/stats/sources", nil), pkgmeter.Principal{})
	if pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
		t.Errorf("nobody: %v", err)
	}
	err = w.ServeSources(httptest.NewRecorder(), httptest.NewRequest("GET", "/stats/sources", nil), pkgmeter.Principal{User: "ann", Scope: pkgmeter.ScopeRead})
	if pkgmeter.CodeOf(err) != pkgmeter.Forbidden {
		t.Errorf("a token: %v", err)
	}
	if _, text := sourcesPage(t, nil); !strings.Contains(text, "Nothing has come in yet") {
		t.Error("an empty page says nothing")
	}
}
