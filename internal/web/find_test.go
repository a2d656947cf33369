package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

type serveFunc func(http.ResponseWriter, *http.Request, pkgmeter.Principal) error

// ask returns the status of a page, where it leads, its HTML and its text.
func ask(t *testing.T, serve serveFunc, query url.Values) (status int, to, html, text string) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := serve(rec, httptest.NewRequest("GET", "/stats/x?"+query.Encode(), nil), pkgmeter.Principal{}); err != nil {
		t.Fatalf("%v: %v", query, err)
	}
	return rec.Code, rec.Header().Get("Location"), rec.Body.String(), textOf(t, rec.Body.String())
}

// twoPackages has app with 1, 0 and 4 downloads on the last three days, lib with 2,
// 3 and 0, and in all as many of a third one.
func twoPackages(t *testing.T, s *sqlite.Store) {
	t.Helper()
	var events []pkgmeter.Event
	add := func(name string, counts ...int) {
		for i, n := range counts {
			for range n {
				events = append(events, pkgmeter.Event{Repository: "r", Path: fmt.Sprintf("com/acme/%s/1.0/%s-1.0.jar", name, name), Time: noon.AddDate(0, 0, i-2)})
			}
		}
	}
	add("app", 1, 0, 4)
	add("lib", 2, 3, 0)
	add("other", 3, 3, 4)
	for range 5 {
		events = append(events, pkgmeter.Event{Repository: "r", Path: "com/acme/lib/1.0/lib-1.0.jar", Time: noon.AddDate(0, 0, -4)})
	}
	write(t, s, events...)
}

const appPurl, libPurl = "pkg:maven/com.acme/app", "pkg:maven/com.acme/lib"

func TestAComparisonHasWhatEachScaleMakesOfCounts(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	twoPackages(t, s)
	three := url.Values{"package": {appPurl, libPurl}, "from": {"2026-03-08"}, "to": {"2026-03-10"}}
	for name, want := range map[string][]string{
		"":       {"maven/com.acme/app 5 – 25\u202f% 2026-03-08", "maven/com.acme/lib 5 – 25\u202f% 2026-03-06", "of 20 downloads", "2026-03-09 0 3", "2026-03-10 (not over) 4 0"},
		"linear": {"2026-03-09 0 3"},
		"log":    {"2026-03-09 0 3", "no zero on this scale"},
		"index":  {"2026-03-08 1 (100) 2 (100)", "2026-03-09 0 (0) 3 (150)", "2026-03-10 (not over) 4 (400) 0 (0)", "not zero is 100"},
		"share":  {"2026-03-08 1 (16.7\u202f%) 2 (33.3\u202f%)", "2026-03-09 0 (0\u202f%) 3 (50\u202f%)", "2026-03-10 (not over) 4 (50\u202f%) 0 (0\u202f%)", "everything that the same filters let pass"},
	} {
		query := url.Values{}
		for k, v := range three {
			query[k] = v
		}
		if name != "" {
			query.Set("scale", name)
		}
		status, _, html, text := ask(t, w.ServeCompare, query)
		for _, part := range want {
			if status != 200 || !strings.Contains(text, part) {
				t.Errorf("%s: %d, the page lacks %q:\n%s", name, status, part, text)
			}
		}
		if strings.Contains(html, "NaN") || strings.Contains(html, "Inf") {
			t.Errorf("%s: what is no number is drawn", name)
		}
	}
	_, _, html, _ := ask(t, w.ServeCompare, url.Values{"package": {appPurl}, "days": {"7"}, "scale": {"log"}})
	if n := strings.Count(pathOf(html), "M"); n != 2 {
		t.Errorf("a zero between two days leaves %d parts of a line on a logarithmic scale, want 2: %s", n, pathOf(html))
	}
	_, _, html, _ = ask(t, w.ServeCompare, url.Values{"package": {appPurl}, "from": {"2026-03-06"}, "to": {"2026-03-10"}})
	if n := strings.Count(pathOf(html), "M"); n != 2 || !strings.Contains(html, "no source reported") {
		t.Errorf("a day without a source leaves %d parts of a line, want 2: %s", n, pathOf(html))
	}
}

// pathOf returns the first line that a page draws.
func pathOf(html string) string {
	_, rest, _ := strings.Cut(html, `<svg class="chart lines"`)
	_, rest, _ = strings.Cut(rest, `class="line p1 s1" d="`)
	path, _, _ := strings.Cut(rest, `"`)
	return path
}

func TestAComparisonTellsTheChangeAgainstTheDaysBefore(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	twoPackages(t, s)
	_, _, _, text := ask(t, w.ServeCompare, url.Values{"package": {libPurl, appPurl}, "from": {"2026-03-09"}, "to": {"2026-03-10"}})
	for _, want := range []string{"maven/com.acme/lib 3 +50 %", "maven/com.acme/app 4 +300 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func TestEightPackagesAreComparedAndANinthIsRefused(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	twoPackages(t, s)
	query := url.Values{"package": {appPurl}}
	for i := range 7 {
		query.Add("package", fmt.Sprintf("pkg:npm/x%d", i))
	}
	query.Add("package", appPurl) // once more
	status, _, html, text := ask(t, w.ServeCompare, query)
	if status != 200 || strings.Count(html, `class="name" dir="auto"><svg class="line-key`) != 8 || !strings.Contains(text, "never fetched") || strings.Contains(html, `name="add"`) {
		t.Errorf("eight: %d\n%s", status, text)
	}
	query.Add("package", "pkg:npm/x9")
	status, _, _, text = ask(t, w.ServeCompare, query)
	if status != 400 || !strings.Contains(text, "9 packages are too many to compare: name 1 to 8") {
		t.Errorf("nine: %d\n%s", status, text)
	}
}

func TestAPackageIsAddedByItsNameWithoutAScript(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	twoPackages(t, s)
	write(t, s, pkgmeter.Event{Repository: "n", Path: "app/-/app-1.0.0.tgz", Time: noon})
	for said, want := range map[string]struct {
		to, text string
	}{
		"com.acme/lib": {"/base/stats/compare?days=7&package=pkg%3Amaven%2Fcom.acme%2Fapp&package=pkg%3Amaven%2Fcom.acme%2Flib&scale=log", ""},
		libPurl:        {"/base/stats/compare?days=7&package=pkg%3Amaven%2Fcom.acme%2Fapp&package=pkg%3Amaven%2Fcom.acme%2Flib&scale=log", ""},
		appPurl:        {"/base/stats/compare?days=7&package=pkg%3Amaven%2Fcom.acme%2Fapp&scale=log", ""},
		"app":          {"", "is not the name of one package only. These have it in their names: npm/app"},
		"acme:oth":     {"", "maven/com.acme/other 10 downloads"},
		"<script>":     {"", "There is no such package"},
	} {
		status, to, _, text := ask(t, w.ServeCompare, url.Values{"package": {appPurl}, "days": {"7"}, "scale": {"log"}, "add": {said}})
		if to != want.to || (want.to != "") != (status == 303) || !strings.Contains(text, want.text) {
			t.Errorf("%q: %d %s\n%s", said, status, to, text)
		}
	}
	_, _, html, text := ask(t, w.ServeCompare, url.Values{})
	if !strings.Contains(text, "Compare up to 8 packages") || !strings.Contains(html, `href="?days=30&amp;package=pkg%3Amaven%2Fcom.acme%2Fother"`) {
		t.Errorf("an empty comparison offers nothing:\n%s", text)
	}
	status, _, _, text := ask(t, w.ServeCompare, url.Values{"package": {appPurl}, "scale": {"cubic"}})
	if status != 400 || !strings.Contains(text, `scale "cubic": want linear, log, index or share`) {
		t.Errorf("an unknown scale: %d %s", status, text)
	}
	for _, query := range []url.Values{{"from": {"2020-01-01"}, "to": {"2020-01-05"}}, {"days": {"1"}}, {"days": {"all"}, "measure": {"hits"}}, {"class": {"ci"}, "country": {"DE"}}} {
		query["package"] = []string{appPurl, "pkg:npm/app"}
		if status, _, html, _ := ask(t, w.ServeCompare, query); status != 200 || strings.Contains(html, "NaN") {
			t.Errorf("%v: %d", query, status)
		}
	}
	status, _, _, text = ask(t, w.ServeCompare, url.Values{"package": {appPurl}, "country": {"DE"}, "os": {"linux"}})
	if status != 400 || !strings.Contains(text, "counts by country are kept by") {
		t.Errorf("filters that do not go together: %d %s", status, text)
	}
	empty, _ := open(t)
	if status, _, _, _ := ask(t, empty.ServeCompare, url.Values{"package": {appPurl}}); status != 200 {
		t.Errorf("an empty store: %d", status)
	}
}

func TestTheScalesOfAnAxisHaveNoHolesForTheirExtremes(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	var events []pkgmeter.Event
	for range 3 {
		events = append(events, pkgmeter.Event{Repository: "r", Path: "com/acme/pom/1.0/pom-1.0.pom", Time: noon}) // no download
	}
	write(t, s, events...)
	for _, scale := range []string{"linear", "log", "index", "share"} {
		for _, measure := range []string{"downloads", "hits"} {
			status, _, html, _ := ask(t, w.ServeCompare, url.Values{"package": {"pkg:maven/com.acme/pom", "pkg:npm/none"}, "scale": {scale}, "measure": {measure}, "days": {"all"}})
			if status != 200 || strings.Contains(html, "NaN") || strings.Contains(html, "Inf") {
				t.Errorf("%s of %s: %d, or what is no number", scale, measure, status)
			}
		}
	}
}

func TestASearchShowsWhatItMarksAndWhereItLeads(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	twoPackages(t, s)
	write(t, s, pkgmeter.Event{Repository: "n", Path: "@scope/App/-/App-1.0.0.tgz", Time: noon, Agent: "curl/8"}, pkgmeter.Event{Repository: "apples", Path: "com/acme/pom/1.0/pom-1.0.pom", Time: noon})
	_, _, html, text := ask(t, w.ServeSearch, url.Values{"q": {"APP"}})
	for _, want := range []string{
		`<a href="/base/stats/package?package=pkg%3Amaven%2Fcom.acme%2Fapp">maven/com.acme/<mark>app</mark></a>`,
		`<a href="/base/stats?measure=hits&amp;repository=apples"><mark>app</mark>les</a>`, // hits only
		`<path d="M86.2 `,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q:\n%s", want, html)
		}
	}
	if strings.Index(text, "Packages") > strings.Index(text, "Repositories") {
		t.Errorf("groups are in another order: %s", text)
	}
	for q, want := range map[string]string{
		"":                       "Search",
		"zzz":                    "Nothing that was fetched has zzz in its name.",
		strings.Repeat("x", 201): "201 characters to search for are too many: want 1 to 200.",
		"<b>":                    "has <b> in its name",
	} {
		status, _, _, text := ask(t, w.ServeSearch, url.Values{"q": {q}})
		if !strings.Contains(strings.ReplaceAll(text, " .", "."), want) && q != "<b>" || (len(q) > 200) != (status == 400) {
			t.Errorf("%.20q: %d %s", q, status, text)
		}
	}
	w.Public = false
	if _, _, html, _ := ask(t, w.ServeStats, url.Values{}); strings.Contains(html, "data-seek") {
		t.Error("somebody who may not read numbers gets a field that searches them")
	}
}

func TestEvilNamesDoNothingInASearchOrAComparison(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	evil := browsertest.EvilNames(t)
	fillYear(t, s, evil, evil)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	packages := url.Values{"scale": {"index"}}
	found, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByPackage, pkgmeter.Page{Limit: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range found.Items {
		packages.Add("package", it.Key)
	}
	browsertest.Visit(ctx, t, base+"/stats/compare?"+packages.Encode())
	if w.HasScript() && number(ctx, t, `document.querySelectorAll("#compare .live svg").length`) != 1 {
		t.Error("the comparison is not drawn")
	}
	for _, q := range []string{"e", "<", "script", "\u202e", "{"} {
		browsertest.Visit(ctx, t, base+"/stats/search?"+url.Values{"q": {q}}.Encode())
		if w.HasScript() {
			openPalette(ctx, t, "/")
			typed(ctx, t, q)
		}
	}
	for _, complaint := range c.Take() {
		t.Error(complaint)
	}
}

// openPalette presses a key. A browser types nothing of one that the page has
// taken; the driver would.
func openPalette(ctx context.Context, t *testing.T, key string, modifiers ...chromedp.Modifier) {
	t.Helper()
	params := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: key}
	for _, m := range modifiers {
		params.Modifiers |= int64(m)
	}
	browsertest.Call(ctx, t, input.DispatchKeyEvent, params)
	until(ctx, t, `document.querySelector("dialog.palette[open]") !== null && document.activeElement.getAttribute("role") === "combobox"`)
}

// typed types into the palette, and waits for the answer.
func typed(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	fill := fmt.Sprintf(`(i => { i.value = %q; i.dispatchEvent(new Event("input", {bubbles: true})); return 1 })(document.querySelector("dialog.palette input"))`, text)
	number(ctx, t, fill)
	until(ctx, t, `document.querySelector("dialog.palette [role=status]").textContent !== ""`)
}

// until waits until a condition holds in the page.
func until(ctx context.Context, t *testing.T, condition string) {
	t.Helper()
	browsertest.Until(ctx, t, condition, condition)
}

func press(ctx context.Context, t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		browsertest.Do(ctx, t, chromedp.KeyEvent(key))
	}
}

func TestThePaletteIsWalkedByKeysAlone(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	twoPackages(t, s)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	browsertest.Visit(ctx, t, base+"/stats/rules")
	openPalette(ctx, t, "/")
	press(ctx, t, "a", "c", "m", "e")
	until(ctx, t, `document.querySelectorAll("dialog.palette [role=option]").length === 6`)
	const active = `document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))`
	for _, step := range []struct{ key, want string }{
		{"", "maven/com.acme/lib"}, {kb.ArrowDown, "maven/com.acme/other"}, {kb.ArrowUp, "maven/com.acme/lib"}, {kb.ArrowUp, "com/acme/app/1.0/app-1.0.jar"},
	} {
		if step.key != "" {
			press(ctx, t, step.key)
		}
		if text := browsertest.Evaluate[string](ctx, t, active+`.querySelector(".name").textContent`); text != step.want {
			t.Errorf("after %q the active option is %q, want %q", step.key, text, step.want)
		}
		if n := number(ctx, t, `document.querySelectorAll("[role=option][aria-selected=true]").length`); n != 1 {
			t.Errorf("%d options are selected", n)
		}
	}
	if n := number(ctx, t, `document.querySelectorAll("dialog.palette mark").length`); n < 6 {
		t.Errorf("%d passages are marked", n)
	}
	if n := number(ctx, t, `document.querySelectorAll("dialog.palette .spark path[d^=M]").length`); n != 6 {
		t.Errorf("%d series are drawn", n)
	}
	press(ctx, t, kb.Escape)
	until(ctx, t, `document.querySelector("dialog[open]") === null`)
	openPalette(ctx, t, "k", chromedp.ModifierCtrl)
	typed(ctx, t, "zzz")
	if text := textAt(ctx, t, "dialog.palette [role=status]"); !strings.Contains(text, "Nothing that was fetched") {
		t.Errorf("nothing is told as %q", text)
	}
	typed(ctx, t, "com.acme:lib")
	until(ctx, t, active+`?.textContent.startsWith("maven/com.acme/lib") === true`)
	press(ctx, t, kb.Enter)
	arrived(ctx, t, "?package=pkg%3Amaven%2Fcom.acme%2Flib")
	for _, complaint := range c.Take() {
		t.Error(complaint)
	}
}

func TestASlashIsTypedWhereSomebodyTypes(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	twoPackages(t, s)
	ctx := browsertest.New(t)
	browsertest.Visit(ctx, t, serve(t, w, pkgmeter.Principal{})+"/stats/rules")
	browsertest.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#path"), "a/b"))
	if n := number(ctx, t, `document.querySelector("#path").value === "a/b" && document.querySelector("dialog[open]") === null ? 1 : 0`); n != 1 {
		t.Error("a slash in a field opens the search")
	}
}

func TestAFailedSearchIsTold(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	twoPackages(t, s)
	w.Searcher = failing{}
	ctx := browsertest.New(t)
	browsertest.Visit(ctx, t, serve(t, w, pkgmeter.Principal{})+"/stats/rules")
	openPalette(ctx, t, "/")
	typed(ctx, t, "app")
	if text := textAt(ctx, t, "dialog.palette [role=status]"); !strings.Contains(text, "The search failed") {
		t.Errorf("a failure is told as %q", text)
	}
}

type failing struct{}

func (failing) Search(context.Context, pkgmeter.Search) (pkgmeter.Found, error) {
	return pkgmeter.Found{}, pkgmeter.Errorf(pkgmeter.Unavailable, "not now")
}

func TestAPackageIsAddedBySuggestion(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	twoPackages(t, s)
	ctx := browsertest.New(t)
	browsertest.Visit(ctx, t, serve(t, w, pkgmeter.Principal{})+"/stats/compare?days=7&scale=share&package="+url.QueryEscape(appPurl))
	browsertest.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#add"), "acme li"))
	until(ctx, t, `document.querySelectorAll("form[data-add] [role=option]").length === 1`)
	press(ctx, t, kb.Enter)
	arrived(ctx, t, "?days=7&package=pkg%3Amaven%2Fcom.acme%2Fapp&package=pkg%3Amaven%2Fcom.acme%2Flib&scale=share")
	if n := number(ctx, t, `document.querySelectorAll("#compare [data-layer]").length`); n != 2 {
		t.Errorf("%d packages are in the chart", n)
	}
}

// Pictures are for people: go test -run Pictures -shots DIR.
func TestPicturesOfFinding(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	w, s := open(t)
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	w.Stats = marked{s, []pkgmeter.Marker{{Day: today - 24, Rules: 5}}}
	base := serve(t, w, admin)
	packages := url.Values{"package": {}}
	for _, app := range []string{"billing", "ledger", "gateway", "identity", "search", "reports", "mailer", "audit"} {
		packages.Add("package", "pkg:maven/com.acme/"+app)
	}
	w.Inspector, w.Badges, w.Sources = struct{ web.Inspector }{}, maker{}, reported{} // all links of an admin
	pages := map[string]string{"compare-none": "/stats/compare", "search": "/stats/search?q=bill", "search-none": "/stats/search?q=zzz", "compare-which": "/stats/compare?add=acme&package=pkg:npm/billing"}
	for _, scale := range []string{"linear", "log", "index", "share"} {
		pages["compare-"+scale] = "/stats/compare?scale=" + scale + "&days=90&" + packages.Encode()
	}
	takePictures(t, base, pages)
	paletteShots(t, base)
}

func paletteShots(t *testing.T, base string) {
	t.Helper()
	ctx := browsertest.New(t)
	for i, width := range []int64{1280, 390, 900} {
		browsertest.Do(ctx, t, chromedp.EmulateViewport(width, 800))
		scheme := []string{"light", "dark", "light"}[i]
		browsertest.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		browsertest.Visit(ctx, t, base+"/stats")
		openPalette(ctx, t, "/")
		typed(ctx, t, "bil")
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, fmt.Sprintf("palette-%d.png", width)), png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
