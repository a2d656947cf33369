package web_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

var shots = flag.String("shots", "", "folder for pictures of the page")

// agents are of clients of every class, the most frequent first.
var agents = []string{
	"Apache-Maven/3.9.6 (Java 17.0.9; Linux 6.1)", "pip/24.0 {\"ci\":true}", "npm/10.2.4 node/v20.11.0 linux x64 workspaces/false ci/github-actions", "",
	"Gradle/8.5 (Mac OS X;14.2;aarch64)", "curl/8.5.0", "Artifactory/7.77", "pip/24.0 {\"ci\":null}", "docker/25.0 go/go1.21", "Renovate/37.0",
	"bandersnatch/6.5", "acme-fetch/1.0", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/122.0", "yarn/4.0", "poetry/1.7", "uv/0.1",
}

// fillYear writes a year of fetches of the named files: more on working days,
// more as time goes by, and none at all for a few days.
func fillYear(t *testing.T, s *sqlite.Store, repositories, paths []string) {
	t.Helper()
	d := &pkgmeter.Delivery{Received: noon}
	for day := -364; day <= 0; day++ {
		if day >= -20 && day <= -18 || day >= -200 && day <= -185 {
			continue
		}
		at := noon.AddDate(0, 0, day)
		for i, path := range paths {
			n := (3 + float64(day+365)/40) / math.Sqrt(float64(i+1)) * (1 + 0.4*math.Sin(float64(day*7+i*13)))
			if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
				n *= 0.3
			}
			if day == 0 {
				n *= 0.5
			}
			for k := range int(math.Ceil(n)) {
				agent := agents[(i*i+k*(1+i%5)+day*day%7)%len(agents)]
				e := pkgmeter.Event{Source: "s", Status: 200, Time: at, Path: path, Agent: agent, Bytes: 40_000 * int64(i+1), Repository: repositories[i%len(repositories)]}
				if err := e.Settle(noon); err != nil {
					t.Fatal(err)
				}
				d.Entries = append(d.Entries, rule.Default().Apply(e))
			}
		}
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
}

// usualNames are what a company might keep in its registry.
func usualNames() (repositories, paths []string) {
	repositories = []string{"releases", "libs-release", "npm-internal", "pypi", "snapshots", "containers", "gems", "helm-charts", "mobile", "archive", "sandbox", "partner-drop", "mirror"}
	for i, app := range []string{"billing", "ledger", "gateway", "identity", "search", "reports", "mailer", "audit"} {
		v := fmt.Sprintf("%d.%d.0", 1+i%3, i)
		base := "com/acme/" + app + "/" + v + "/" + app + "-" + v
		paths = append(paths, base+".jar", app+"/-/"+app+"-"+v+".tgz", base+".pom", base+".jar.sha1", "acme_"+app+"-"+v+"-py3-none-any.whl")
	}
	return repositories, paths
}

// serve runs the pages as the program does, below a base path.
func serve(t *testing.T, w *web.Web, p pkgmeter.Principal) string {
	t.Helper()
	mux := http.NewServeMux()
	page := func(f func(http.ResponseWriter, *http.Request, pkgmeter.Principal) error) http.Handler {
		return httpx.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) error { return f(rw, r, p) })
	}
	mux.Handle("GET /base/{$}", httpx.HandlerFunc(w.Landing))
	mux.Handle("GET /base/stats", page(w.ServeStats))
	mux.Handle("GET /base/stats/package", page(w.ServeUse))
	mux.Handle("GET /base/stats/compare", page(w.ServeCompare))
	mux.Handle("GET /base/stats/search", page(w.ServeSearch))
	mux.Handle("GET /base/api/v1/search", (&api.API{Searcher: w.Searcher, Now: w.Now}).Handler("search"))
	mux.Handle("GET /base/stats/badges", page(w.ServeBadges))
	mux.Handle("GET /base/badge/", httpx.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) error {
		httpx.Write(rw, 200, "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"/>`))
		return nil
	}))
	mux.Handle("GET /base/stats/rules", page(w.ServeRules(rule.Default())))
	mux.Handle("GET /base/stats/settings", page(w.ServeSettings))
	mux.Handle("POST /base/stats/settings", page(w.SaveSettings))
	mux.Handle("GET /base/stats/alerts", page(w.ServeAlerts))
	mux.Handle("POST /base/stats/alerts", page(w.ChangeAlerts))
	mux.Handle("GET /base/stats/alerts/edit", page(w.ServeWatch))
	mux.Handle("POST /base/stats/alerts/edit", page(w.SaveWatch))
	mux.Handle("GET /base/stats/alerts/told", page(w.ServeTold))
	mux.Handle("GET /base/catalog", page(w.ServeCatalog))
	mux.Handle("GET /base/catalog/{package}", page(w.ServePackage))
	mux.Handle("GET /base/catalog/tracks", page(w.ServeTracks))
	mux.Handle("GET /base/catalog/tracks/{track}", page(w.ServeTrack))
	mux.Handle("GET /base/static/", http.StripPrefix("/base/static/", w.Static()))
	server := httptest.NewServer(httpx.Secure(mux))
	t.Cleanup(server.Close)
	return server.URL + "/base"
}

func number(ctx context.Context, t *testing.T, script string) int {
	t.Helper()
	return browsertest.Evaluate[int](ctx, t, script)
}

func TestNamesFromOutsideDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	w.Panels = panels{}
	evil := browsertest.EvilNames(t)
	fillYear(t, s, evil, evil)
	base := serve(t, w, pkgmeter.Principal{User: evil[0], Role: pkgmeter.Admin})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	bundled := w.HasScript()
	for _, path := range []string{
		"/", "/stats", "/stats?days=365&measure=hits", "/stats?days=all", "/stats/settings",
		"/stats?from=" + url.QueryEscape(evil[0]), "/stats?days=" + url.QueryEscape(evil[5]), "/stats?class=" + url.QueryEscape(evil[0]),
		"/stats?" + url.Values{"client": evil[:min(len(evil), 20)]}.Encode(), "/stats/rules",
	} {
		browsertest.Visit(ctx, t, base+path)
		if bundled && strings.HasPrefix(path, "/stats") && !strings.HasPrefix(path, "/stats/") && !strings.Contains(path, "client=") {
			if drawn, want := number(ctx, t, `document.querySelectorAll(".drawn .live svg").length`), 3; drawn != want {
				t.Errorf("%s: %d charts are drawn, want %d", path, drawn, want)
			}
		}
		if bundled && path == "/stats" {
			shown := browsertest.Evaluate[string](ctx, t, hover)
			for _, want := range []string{"not over yet", "no source reported", "%"} {
				if !strings.Contains(shown, want) {
					t.Errorf("no tooltip says %q, but: %s", want, shown)
				}
			}
		}
		for _, complaint := range c.Take() {
			if strings.Contains(complaint, "400 (Bad Request)") && strings.Contains(path, "%3C") {
				continue // the browser tells that the answer to a wrong range says so
			}
			t.Errorf("%s: %s", path, complaint)
		}
	}
}

func TestTriedNamesDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	for _, name := range browsertest.EvilNames(t) {
		browsertest.Visit(ctx, t, base+"/stats/rules?"+url.Values{"path": {name}, "agent": {name}}.Encode())
		for _, complaint := range c.Take() {
			if !strings.Contains(complaint, "400 (Bad Request)") {
				t.Errorf("%q: %s", name, complaint)
			}
		}
	}
}

// hover moves the mouse over all that is drawn, and gathers what tooltips say:
// they show names from outside.
const hover = `(async () => {
	let said = "";
	for (const box of document.querySelectorAll(".live")) {
		const r = box.getBoundingClientRect();
		const n = box.closest(".ring") ? 6 : 40, m = box.closest(".ring") ? 6 : 1;
		for (let x = 0; x < n; x++) for (let y = 0; y < m; y++) {
			const at = {clientX: r.left + (x + 0.9) / n * r.width, clientY: r.top + (y + 0.5) / m * r.height, bubbles: true};
			box.querySelector("svg").dispatchEvent(new MouseEvent("mousemove", at));
			for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
			said += box.textContent + "\n";
		}
	}
	return said;
})()`

func TestThePageNeedsNoScript(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	browsertest.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	browsertest.Do(ctx, t, chromedp.Navigate(base+"/stats?days=90"))
	for selector, want := range map[string]int{
		"svg.chart": 1, "svg.pie": 2, ".stack path.c1": 1, "button.toggle": 0, ".live": 0,
		".lists table": 12,
	} {
		if got := number(ctx, t, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector)); got != want {
			t.Errorf("%d %s, want %d", got, selector, want)
		}
	}
}

func TestThePageFitsAPhone(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	evil := browsertest.EvilNames(t)
	fillYear(t, s, evil, evil)
	w.Panels, w.Inspector, w.Badges = panels{}, struct{ web.Inspector }{}, maker{} // all links of an admin
	base := serve(t, w, admin)
	ctx := browsertest.New(t)
	for _, width := range []int64{390, 768, 1280} {
		browsertest.Do(ctx, t, chromedp.EmulateViewport(width, 800))
		for _, path := range []string{
			"/stats?days=365", "/stats?" + url.Values{"client": evil[:10], "class": {"ci", "bot"}}.Encode(),
			"/stats/package?" + url.Values{"package": {"pkg:generic/x"}}.Encode(), "/stats/package?package=pkg:maven/" + strings.Repeat("x", 300),
			"/stats/badges?" + url.Values{"package": {"pkg:generic/" + strings.Repeat("x", 300)}, "label": {strings.Repeat("y", 100)}}.Encode(),
			"/stats/rules?" + url.Values{"path": {strings.Repeat("long", 100) + ".jar"}, "agent": {strings.Repeat("x", 500)}}.Encode(),
		} {
			browsertest.Visit(ctx, t, base+path)
			const open = `document.querySelectorAll("details").forEach(d => d.open = true), document.documentElement.scrollWidth`
			if got := number(ctx, t, open); got > int(width) {
				t.Errorf("%.20s is %d wide on a screen of %d", path, got, width)
			}
		}
	}
}

func TestALegendHidesAClassAndALinkShowsItAlone(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	fewClients(t, s)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	browsertest.Visit(ctx, t, base+"/stats?days=7&measure=hits")
	const people = `[...document.querySelectorAll("#days .live path")].filter(p => p.getAttribute("fill") === getComputedStyle(document.documentElement).getPropertyValue("--c1").trim()).length`
	const pressed = `document.querySelectorAll("#days [data-layer] > button[aria-pressed=true]").length`
	if n, on := number(ctx, t, people), number(ctx, t, pressed); n != 2 || on != 4 {
		t.Errorf("%d days of people are drawn and %d classes are on, want 2 and 4", n, on)
	}
	for _, want := range []int{0, 2} {
		browsertest.Do(ctx, t, chromedp.Click(chromedp.CSS(`[data-layer="people"] button`)))
		const settled = `(async () => { for (let frame = 0; frame < 60; frame++) await new Promise(requestAnimationFrame); return ` + people + `; })()`
		if n, on := number(ctx, t, settled), number(ctx, t, pressed); n != want || on != 3+want/2 {
			t.Errorf("%d days of people are drawn and %d classes are on, want %d and %d", n, on, want, 3+want/2)
		}
	}
	follow(ctx, t, `[data-panel=classes] tbody a[href*="class=ci"]`, "?class=ci&days=7&measure=hits")
	if text := textAt(ctx, t, ".chips"); !strings.Contains(text, "class ci") {
		t.Errorf("filters: %s", text)
	}
	follow(ctx, t, `a.chip`, "?days=7&measure=hits")
	follow(ctx, t, `.tile a[href*="#hits"]`, "")
	if at := textAt(ctx, t, ":target"); !strings.Contains(at, "Finished requests") {
		t.Errorf("the rule of hits is %q", at)
	}
	for _, complaint := range c.Take() {
		t.Error(complaint)
	}
}

func TestAReaderWalksFromTheOverviewToABadge(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	w.Badges = maker{}
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	browsertest.Visit(ctx, t, base+"/stats?days=90")
	follow(ctx, t, `[data-panel=runtimes] tbody a[href*="java"]`, "?days=90&runtime=java+17")
	if text := textAt(ctx, t, "h1"); text != "Runtime java 17" {
		t.Errorf("heading: %s", text)
	}
	follow(ctx, t, `[data-panel=packages] tbody a[href*="maven%2Fcom.acme%2Fbilling"]`, "?days=90&package=pkg%3Amaven%2Fcom.acme%2Fbilling&runtime=java+17")
	if text := textAt(ctx, t, "h1"); text != "com.acme/billing" {
		t.Errorf("heading: %s", text)
	}
	follow(ctx, t, `a.chip`, "?days=90&package=pkg%3Amaven%2Fcom.acme%2Fbilling")
	if number(ctx, t, `document.querySelectorAll("svg.chart path.c1, .live svg").length`) == 0 {
		t.Error("versions are not drawn")
	}
	follow(ctx, t, `.about-package a[href*="badges"]`, "?package=pkg%3Amaven%2Fcom.acme%2Fbilling")
	const loaded = `document.querySelector("[data-badge-image]").naturalWidth`
	if n := number(ctx, t, loaded); n == 0 {
		t.Error("the badge is not shown")
	}
	for _, complaint := range c.Take() {
		t.Error(complaint)
	}
}

func TestTheBoxExplainsAPath(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	ctx := browsertest.New(t)
	browsertest.Visit(ctx, t, serve(t, w, pkgmeter.Principal{})+"/stats/rules")
	browsertest.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#path"), "@scope/x/-/x-1.3.0.tgz"), chromedp.SendKeys(chromedp.CSS("#agent"), "npm/10.2.4"))
	browsertest.Leave(ctx, t, "/stats/rules?path=", chromedp.Submit(chromedp.CSS("#path")))
	if text := textAt(ctx, t, ".facts"); !strings.Contains(text, "pkg:npm/%40scope/x") || !strings.Contains(text, "10.2.4") {
		t.Errorf("the box says %s", text)
	}
}

// follow opens what hides a link, clicks it, and waits for the page with the
// wanted query.
func follow(ctx context.Context, t *testing.T, link, query string) {
	t.Helper()
	click := fmt.Sprintf(`(() => { const a = document.querySelector(%q), d = a.closest("details"); if (d) d.querySelector("summary").click(); setTimeout(() => a.click()); return 1; })()`, link)
	number(ctx, t, click)
	arrived(ctx, t, query)
}

func textAt(ctx context.Context, t *testing.T, selector string) string {
	t.Helper()
	return browsertest.Evaluate[string](ctx, t, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// arrived waits for the page with the wanted query.
func arrived(ctx context.Context, t *testing.T, query string) {
	t.Helper()
	browsertest.Until(ctx, t, "the page of "+query, fmt.Sprintf(`document.readyState === "complete" && location.search === %q`, query))
}

func TestTheScriptDrawsChangesOfRules(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	fewClients(t, s)
	w.Stats = marked{s, []pkgmeter.Marker{{Day: today - 5, Rules: 3}, {Day: today, Rules: 4}}}
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	for query, want := range map[string]int{"?days=7": 2, "?days=30&measure=hits": 2, "?from=2026-03-06&to=2026-03-10": 1} {
		browsertest.Visit(ctx, t, base+"/stats"+query)
		for _, chart := range []string{"days"} {
			labels := fmt.Sprintf(`[...document.querySelectorAll("[data-draw=%s] .live text")].filter(e => /^rules [34]$/.test(e.textContent)).length`, chart)
			lines := fmt.Sprintf(`[...document.querySelectorAll("[data-draw=%s] .live [stroke-dasharray='4,3']")].filter(e => e.getBoundingClientRect().height > 100).length`, chart)
			if l, n := number(ctx, t, labels), number(ctx, t, lines); l == 0 || l > want || n != want {
				t.Errorf("%s: %s has %d labels and %d lines, want %d", query, chart, l, n, want)
			}
		}
	}
	for _, complaint := range c.Take() {
		t.Error(complaint)
	}
}

func TestArrowKeysGoToTheNeighbouringRange(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	fewDays(t, s)
	ctx := browsertest.New(t)
	browsertest.Visit(ctx, t, serve(t, w, pkgmeter.Principal{})+"/stats?days=7")
	for _, step := range []struct{ key, want string }{
		{kb.ArrowLeft, "?from=2026-02-25&to=2026-03-03"},
		{kb.ArrowRight, "?from=2026-03-04&to=2026-03-10"},
	} {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(step.key)); err != nil {
			t.Fatal(err)
		}
		arrived(ctx, t, step.want)
	}
}

func TestAPrintedPageShowsWhatTheServerDrew(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browsertest.New(t)
	browsertest.Visit(ctx, t, base+"/stats")
	browsertest.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	const shown = `[...document.querySelectorAll(%q)].filter(e => e.getClientRects().length > 0).length`
	for selector, want := range map[string]int{"svg.chart": 1, "svg.pie": 2, ".live": 0, ".range": 0, ".what": 0} {
		if got := number(ctx, t, fmt.Sprintf(shown, selector)); got != want {
			t.Errorf("%d %s are printed, want %d", got, selector, want)
		}
	}
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, "print.png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Pictures are for people: go test -run Pictures -shots DIR.
func TestPictures(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	w, s := open(t)
	w.Panels, w.Inspector, w.Settings = panels{}, struct{ web.Inspector }{}, true
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	for i, op := range []pkgmeter.Op{pkgmeter.Upload, pkgmeter.Delete, pkgmeter.Upload, pkgmeter.Delete} {
		write(t, s, pkgmeter.Event{Path: fmt.Sprintf("com/acme/app/1.%d/app-1.%d.jar", i, i), Time: noon.AddDate(0, 0, -[]int{20, 12, 5, 5}[i]), Op: op})
	}
	shared := &pkgmeter.SharedView{ShareLink: pkgmeter.ShareLink{Path: "/stats", Query: "days=30&repository=releases", Expires: noon}, Secret: "secret"}
	takePictures(t, serve(t, w, pkgmeter.Principal{Shared: shared}), map[string]string{"shared": "/stats?days=30&repository=releases&class=ci"})
	w.Stats = marked{s, []pkgmeter.Marker{{Day: today - 180, Rules: 3}, {Day: today - 65, Rules: 4}, {Day: today - 24, Rules: 5}, {Day: today, Rules: 6}}}
	base := serve(t, w, admin)
	takePictures(t, base, map[string]string{
		"stats": "/stats", "year": "/stats?days=365&measure=hits", "all": "/stats?days=all", "half": "/stats?from=2025-09-10&to=2026-02-20", "settings": "/stats/settings?saved", "filter": "/stats?class=ci&client=pip&client=npm&days=90",
		"rules": "/stats/rules", "try": "/stats/rules?path=https://repo.example/repositories/libs/com/acme/app/1.0/app-1.0.jar.asc&agent=pip/24.0+%7B%22ci%22:true%7D", "wrong": "/stats/rules?path=https://repo.example", "problem": "/stats?from=2026-99-99", "week": "/stats?days=7", "compare": "/stats/compare?package=pkg:maven/com.acme/app", "plain": "/stats?chart=bars",
	})
}

// takePictures visits pages at two widths, in light and in dark.
func takePictures(t *testing.T, base string, pages map[string]string) {
	t.Helper()
	ctx := browsertest.New(t)
	for name, path := range pages {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
					t.Fatal(err)
				}
				browsertest.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
				}})
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
