package web_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// get asks for the page with a query, and returns its status, its HTML and its
// text without rules, in which every run of white space is one space.
func get(t *testing.T, w *web.Web, query string) (status int, html, text string) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := w.ServeStats(rec, httptest.NewRequest("GET", "/stats"+query, nil), pkgmeter.Principal{}); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return rec.Code, rec.Body.String(), textOf(t, rec.Body.String())
}

// what is the rule behind a number, which stands at every number.
var what = regexp.MustCompile(`(?s)<details class="what">.*?</details>`)

func textOf(t *testing.T, html string) string {
	t.Helper()
	_, text := tree(t, strings.ReplaceAll(what.ReplaceAllString(html, ""), "<", " <"))
	return words(text)
}

func words(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' }), " ")
	return strings.NewReplacer(" .", ".", " ,", ",").Replace(text)
}

func day(n int) pkgmeter.Event {
	return pkgmeter.Event{Repository: "releases", Path: "com/acme/app/1.0/app-1.0.jar", Time: noon.AddDate(0, 0, n)}
}

// fewDays has 1 download today, 2 yesterday, 4 ten days ago and 8 a hundred
// days ago.
func fewDays(t *testing.T, s *sqlite.Store) {
	t.Helper()
	var events []pkgmeter.Event
	for n, ago := range map[int]int{1: 0, 2: -1, 4: -10, 8: -100} {
		for range n {
			events = append(events, day(ago))
		}
	}
	write(t, s, events...)
}

func TestEveryNumberButTheFirstIsOfTheRange(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	for query, want := range map[string][]string{
		"":                               {"Downloads in all 15", "Downloads 7 in the last 30 days", "Hits 7 in the last 30 days", "releases 7 7", "app-1.0.jar 7 7", "jar 7 7"},
		"?days=7":                        {"Downloads in all 15", "Downloads 3 in the last 7 days", "releases 3 3"},
		"?days=90":                       {"Downloads 7 in the last 90 days"},
		"?days=365":                      {"Downloads 15 in the last 365 days", "releases 15 15"},
		"?days=all":                      {"Downloads in all 15", "Hits 15 in all", "Everything, from 2025-11-30 to 2026-03-10", "releases 15 15"},
		"?from=2026-02-28&to=2026-03-09": {"Downloads in all 15", "Downloads 6 from 2026-02-28 to 2026-03-09", "releases 6 6"},
		"?from=2026-02-28&to=2026-02-28": {"Downloads 4 from 2026-02-28 to 2026-02-28"},
		"?from=2026-03-09":               {"Downloads 3 from 2026-03-09 to 2026-03-10"},
		"?to=2025-12-01":                 {"Downloads 8 from 2025-11-30 to 2025-12-01"},
		"?from=&to=":                     {"Downloads 7 in the last 30 days"},
		"?from=0001-01-01&to=9999-12-31": {"Downloads 15 from 2000-01-01 to 2026-03-10"},
		"?from=2025-12-20&to=2025-12-24": {"Downloads 0 from 2025-12-20 to 2025-12-24", "Nothing in this range."}, "?to=2025-01-01": {"Downloads 0 from 2025-01-01 to 2025-01-01"},
		"?days=7&measure=hits": {"Hits by day", "Downloads 3 in the last 7 days"},
		"?days=7&utm_source=x": {"Downloads 3 in the last 7 days"},
	} {
		status, _, text := get(t, w, query)
		if status != http.StatusOK {
			t.Errorf("%s: %d", query, status)
		}
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s: the page lacks %q:\n%.700s", query, s, text)
			}
		}
	}
}

func TestARangeThatCannotBeIsSaidAndTheUsualOneShown(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	empty, _ := open(t)
	for query, want := range map[string]string{
		"?from=2026-02-30":               `from: "2026-02-30" is not a day: want YYYY-MM-DD.`,
		"?to=2026-1-1":                   `to: "2026-1-1" is not a day`,
		"?from=2026-03-02&to=2026-03-01": "from 2026-03-02 is after to 2026-03-01.",
		"?from=2026-03-11":               "from 2026-03-11 has not come yet: today is 2026-03-10",
		"?from=2027-01-01&to=2027-02-01": "from 2027-01-01 has not come yet",
		"?days=12":                       `days "12": want 1, 7, 30, 90, 365 or all.`,
		"?measure=bytes":                 `measure "bytes": want downloads or hits.`,
		"?from=%3Cscript%3E":             `from: "<script>" is not a day`,
		"?from=%ff%00":                   `is not a day`,
	} {
		status, _, text := get(t, w, query)
		if status != http.StatusBadRequest || !strings.Contains(text, want) || !strings.Contains(text, "Downloads 7 in the last 30 days") {
			t.Errorf("%s: %d, want 400 and %q:\n%s", query, status, want, text)
		}
		if status, _, text := get(t, empty, query); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("an empty store, %s: %d, want 400 and %q:\n%s", query, status, want, text)
		}
	}
}

var href = regexp.MustCompile(`href="(\?[^"]*)"`)

// links returns the queries to which a page links.
func links(html string) map[string]bool {
	all := map[string]bool{}
	for _, m := range href.FindAllStringSubmatch(html, -1) {
		all[strings.ReplaceAll(m[1], "&amp;", "&")] = true
	}
	return all
}

func TestLinksGoToNeighbouringRangesThatExist(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	for query, want := range map[string]string{
		"?days=7":                        "?from=2026-02-25&to=2026-03-03",
		"?from=2026-02-25&to=2026-03-03": "?from=2026-03-04&to=2026-03-10 ?from=2026-02-18&to=2026-02-24",
		"?from=2026-03-02&to=2026-03-08": "?from=2026-03-09&to=2026-03-10 ?from=2026-02-23&to=2026-03-01",
		"?days=all":                      "",
		"?days=365":                      "",
		"?from=2026-03-09&measure=hits":  "?from=2026-03-07&measure=hits&to=2026-03-08",
	} {
		_, html, _ := get(t, w, query)
		all := links(html)
		for l := range strings.FieldsSeq(want) {
			if !all[l] {
				t.Errorf("%s: there is no link to %s", query, l)
			}
		}
		n := 0
		for l := range all {
			values, err := url.ParseQuery(l[1:])
			if err != nil {
				t.Fatal(err)
			}
			for _, kept := range []string{"from", "to"} {
				values.Del(kept)
			}
			if len(values) == 0 && l != "?" && l != query {
				n++
			}
		}
		if strings.Contains(query, "measure") {
			continue
		}
		if got := len(strings.Fields(want)); n != got {
			t.Errorf("%s: %d links to ranges, want %d: %v", query, n, got, all)
		}
	}
}

func TestEveryLinkOfThePageKeepsWhatItDoesNotChange(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	_, html, _ := get(t, w, "?days=90&measure=hits")
	all := links(html)
	for _, want := range []string{"?days=7&measure=hits", "?days=all&measure=hits", "?days=90"} {
		if !all[want] {
			t.Errorf("there is no link to %s: %v", want, all)
		}
	}
	for l := range all {
		if status, _, _ := get(t, w, l); status != http.StatusOK {
			t.Errorf("%s: %d", l, status)
		}
	}
}

func TestTheRangeIsComparedWithTheDaysBeforeItOnlyIfAllOfThemWereCounted(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	for query, want := range map[string]string{
		"?from=2026-03-01&to=2026-03-10": "▼ 25 % fewer than in the 10 days before",
		"?from=2026-03-10&to=2026-03-10": "▼ 50 % fewer than in the day before",
		"?days=30":                       "",
		"?days=90":                       "",
		"?days=all":                      "",
	} {
		_, _, text := get(t, w, query)
		if !strings.Contains(text, want) || want == "" && strings.Contains(text, "before") {
			t.Errorf("%s: want %q in\n%.700s", query, want, text)
		}
	}
}

func TestALongRangeIsShownByWeekOrMonth(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	write(t, s, day(0), day(-403), day(-1500))
	for query, want := range map[string]string{
		"?days=30":         "Downloads by day",
		"?from=2025-09-06": "Downloads by day",
		"?from=2025-09-05": "Downloads by week",
		"?days=all":        "Downloads by month",
	} {
		if _, _, text := get(t, w, query); !strings.Contains(text, want) {
			t.Errorf("%s: the page lacks %q", query, want)
		}
	}
	_, _, text := get(t, w, "?from=2025-01-31&to=2026-02-18")
	for _, want := range []string{
		"week of 2025-01-27: 1 downloads, 1 hits, only in part in this range", "week of 2026-02-16: no source reported",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.2000s", want, text)
		}
	}
}

func TestALongRangeBeginsWithTheFirstDayThatWasCounted(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	_, _, text := get(t, w, "?days=365")
	if !strings.Contains(text, "2025-11-30: 8 downloads") || strings.Contains(text, "2025-11-29: no source") {
		t.Errorf("page: %s", text)
	}
}

func TestARingShowsTenAndTheRest(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	var events []pkgmeter.Event
	for i := range 13 {
		for range 13 - i {
			events = append(events, pkgmeter.Event{Repository: "r" + string(rune('a'+i)), Path: "x.jar"})
		}
	}
	write(t, s, events...)
	_, html, text := get(t, w, "")
	for _, want := range []string{"ra: 14.3 %, 13 downloads", "rj: 4.4 %, 4 downloads", "other: 6.6 %, 6 downloads", "all others, 6.6 %, 6 downloads", "jar: 100.0 %, 91 hits"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.2000s", want, text)
		}
	}
	if strings.Contains(text, "rk: ") {
		t.Error("the eleventh repository has a slice")
	}
	if n := strings.Count(html, "<circle"); n != 11+1 {
		t.Errorf("%d slices, want 12", n)
	}
}

// imported adds what an import brings along to answers for all time.
type imported struct{ pkgmeter.Stats }

func (i imported) Totals(ctx context.Context, q pkgmeter.Query) (pkgmeter.Totals, error) {
	t, err := i.Stats.Totals(ctx, q)
	if q.From == 0 && q.To == 0 && q.Filter.Empty() {
		t.Opening, t.Hits, t.Downloads = 1000, t.Hits+1000, t.Downloads+900
	}
	return t, err
}

func (i imported) Top(ctx context.Context, q pkgmeter.Query, by pkgmeter.Key, page pkgmeter.Page) (pkgmeter.TopList, error) {
	l, err := i.Stats.Top(ctx, q, by, page)
	if q.From == 0 && q.To == 0 && by == pkgmeter.ByRepository {
		old := pkgmeter.Item{Key: "old", Measures: pkgmeter.Measures{Hits: 990}}
		if l.Items = append(l.Items, old); q.Measure == pkgmeter.ByHits {
			l.Items = append([]pkgmeter.Item{old}, l.Items[:len(l.Items)-1]...)
		}
	}
	return l, err
}

func TestWhatAnImportBroughtAlongIsSaid(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	w.Stats = imported{s}
	_, _, text := get(t, w, "?days=all")
	for _, want := range []string{
		"Downloads in all 915 since 2025-11-30; of 1\u202f015 hits, 1\u202f000 are from before, without a date", "Hits 1\u202f015 in all, 1\u202f000 without a date",
		"old: 98.5 %, 990 hits", "releases: 1.5 %, 15 hits", "old 0 990 releases 15 15",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.2000s", want, text)
		}
	}
	if _, _, text := get(t, w, ""); !strings.Contains(text, "of 1\u202f015 hits, 1\u202f000 are from before") || strings.Contains(text, "old") || !strings.Contains(text, "releases: 100.0 %, 7 downloads") {
		t.Errorf("page of 30 days: %s", text)
	}
}

func TestAnImportWithoutAnyDayIsShownAsAllThereIs(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	w.Stats = imported{s}
	_, _, text := get(t, w, "")
	for _, want := range []string{"Downloads in all 900 brought along; of 1\u202f000 hits, 1\u202f000 are from before", "No day has been counted yet", "old 0 990"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.2000s", want, text)
		}
	}
	if strings.Contains(text, "1970") {
		t.Error("the page shows a day that is none")
	}
	for _, query := range []string{"?days=7", "?from=2026-03-01", "?measure=hits"} {
		if status, _, text := get(t, w, query); status != 200 || strings.Contains(text, "1970") {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
}

func TestLabelsOfDrawingsAreHarmless(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                       "(none)",
		"app-1.0.jar":            "app-1.0.jar",
		"{a|b}":                  "{\u2060a|b}",
		"a\nb\tc\x00d\x7f":       "a\uFFFDb\uFFFDc\uFFFDd\uFFFD",
		"\u202egpj.exe":          "\uFFFDgpj.exe",
		"a\u2028b\u200b\ufeff":   "a\uFFFDb\uFFFD\uFFFD",
		"👩\u200d👧.jar":           "👩\u200d👧.jar",
		"\xff":                   "\uFFFD",
		"שלום":                   "שלום",
		strings.Repeat("日", 60):  strings.Repeat("日", 60),
		strings.Repeat("日", 300): strings.Repeat("日", 60) + "…",
	} {
		if got := web.Label(name); got != want {
			t.Errorf("label(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestTheBlockOfDataEndsWhereItShould(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	for _, name := range browsertest.EvilNames(t) {
		write(t, s, pkgmeter.Event{Repository: name, Path: name})
	}
	_, html, _ := get(t, w, "")
	_, block, _ := strings.Cut(html, `id="data">`)
	block, _, _ = strings.Cut(block, "</script>")
	if strings.ContainsAny(block, "<>&'\u2028\u2029") {
		t.Errorf("block: %s", block)
	}
	if !strings.HasSuffix(block, "}}") {
		t.Errorf("the block ends in %q", block[max(0, len(block)-40):])
	}
}

func TestAFormOfOwnDaysKeepsTheMeasure(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	_, html, _ := get(t, w, "?measure=hits&days=7")
	if !strings.Contains(html, `<input type="hidden" name="measure" value="hits">`) || !strings.Contains(html, `name="from" value="2026-03-04"`) {
		t.Error("the form lacks the measure or the day")
	}
	form := url.Values{"from": {"2026-03-04"}, "to": {"2026-03-10"}, "measure": {"hits"}}
	if status, _, text := get(t, w, "?"+form.Encode()); status != 200 || !strings.Contains(text, "Hits by day") {
		t.Errorf("%d: %s", status, text)
	}
}

func TestFilesOfThePageAreKeptByNameAndPacked(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	_, html, _ := get(t, w, "")
	found := regexp.MustCompile(`(?:href|src)="/base/static/([^"?]+)\?v=([0-9a-f]{12})"`).FindAllStringSubmatch(html, -1)
	if want := 1; len(found) < want || w.HasScript() && len(found) != 3 {
		t.Fatalf("found %q", found)
	}
	for _, m := range found {
		for query, want := range map[string]string{"?v=" + m[2]: "immutable", "": "max-age=3600", "?v=000000000000": "max-age=3600"} {
			r := httptest.NewRequest("GET", "/"+query, nil)
			r.URL.Path = m[1]
			plain := httptest.NewRecorder()
			w.Static().ServeHTTP(plain, r)
			if got := plain.Header().Get("Cache-Control"); plain.Code != 200 || !strings.Contains(got, want) {
				t.Errorf("%s%s: %d, Cache-Control %q", m[1], query, plain.Code, got)
			}
			r.Header.Set("Accept-Encoding", "gzip, br")
			packed := httptest.NewRecorder()
			w.Static().ServeHTTP(packed, r)
			if packed.Header().Get("Content-Encoding") != "gzip" {
				continue
			}
			z, err := gzip.NewReader(packed.Body)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(z)
			if err != nil || string(body) != plain.Body.String() {
				t.Errorf("%s is another file when it is packed: %v", m[1], err)
			}
			if got, want := packed.Header().Get("Content-Type"), plain.Header().Get("Content-Type"); got != want {
				t.Errorf("%s: Content-Type %q when it is packed, else %q", m[1], got, want)
			}
		}
	}
}
