package counterpart_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
)

// axe is the checker of accessibility. It is there once the page script was
// built, and never a part of the program.
const axe = "../web/ui/node_modules/axe-core/axe.min.js"

// visitor is somebody with a browser.
type visitor struct {
	t     *testing.T
	ctx   context.Context //nolint:containedctx // it is the browser
	meter *meter
	axe   string
	saved string // folder of downloads
	*browsertest.Complaints
}

// invented returns the program on an invented year: of 200,000 events, or as many
// as EVENTS says.
func invented(t *testing.T) *meter {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	events := 200_000
	if s := os.Getenv("EVENTS"); s != "" {
		if events, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	m := &meter{bin: bin, data: t.TempDir(), addr: freeAddress(t)}
	run(t, "", nil, bin, "demo", "--data", m.data, "--events", strconv.Itoa(events), "--catalog", "--packages", "20", "--versions", "60", "--builds", "80")
	m.start(t)
	return m
}

func newVisitor(t *testing.T, m *meter) *visitor {
	t.Helper()
	script, err := os.ReadFile(axe)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no axe-core: make build installs it")
	}
	r := &visitor{t: t, ctx: browsertest.New(t), meter: m, axe: string(script), saved: t.TempDir()}
	r.Complaints = browsertest.Listen(r.ctx, t, m.url("/"))
	browsertest.Call(r.ctx, t, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: "allow", DownloadPath: r.saved})
	return r
}

func evaluate[T any](r *visitor, script string) T {
	r.t.Helper()
	return browsertest.Evaluate[T](r.ctx, r.t, script)
}

func (r *visitor) text(selector string) string {
	r.t.Helper()
	return evaluate[string](r, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

func (r *visitor) count(selector string) int {
	r.t.Helper()
	return evaluate[int](r, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
}

// click clicks and waits for the page that it leads to, under the address that
// is wanted.
func (r *visitor) click(selector, want string) {
	r.t.Helper()
	browsertest.Leave(r.ctx, r.t, want, chromedp.Click(chromedp.CSS(selector)))
}

// press clicks what stays on the page.
func (r *visitor) press(selector string) {
	r.t.Helper()
	browsertest.Do(r.ctx, r.t, chromedp.Click(chromedp.CSS(selector)))
}

// enters types what leads to another page.
func (r *visitor) enters(keys, want string) {
	r.t.Helper()
	browsertest.Leave(r.ctx, r.t, want, chromedp.KeyEvent(keys))
}

// fill types into a field.
func (r *visitor) fill(selector, text string) {
	r.t.Helper()
	browsertest.Do(r.ctx, r.t, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// shows waits until a condition holds in the page.
func (r *visitor) shows(what, condition string) {
	r.t.Helper()
	browsertest.Until(r.ctx, r.t, what, condition)
}

// content fetches an address with the session of the page.
func (r *visitor) content(address string) string {
	r.t.Helper()
	return evaluate[string](r, fmt.Sprintf(`fetch(%q).then(r => r.ok ? r.text() : r.status + "")`, address))
}

// sound checks what has to hold of every page: it breaks no rule of
// accessibility, in light and dark, is no wider than a phone, and complains of
// nothing.
func (r *visitor) sound(page string) {
	r.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		browsertest.Call(r.ctx, r.t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		evaluate[bool](r, r.axe+"; true")
		found := evaluate[string](r, `axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(
			v => v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map(n => n.target + " " + (n.any[0]?.message ?? "")).join("; ")).join("\n"))`)
		if found != "" {
			r.t.Errorf("%s, %s:\n%s", page, theme, found)
		}
	}
	browsertest.Do(r.ctx, r.t, chromedp.EmulateViewport(390, 800))
	// Charts follow the window in their next frame.
	const settled = `new Promise(done => setTimeout(() => done(document.documentElement.scrollWidth), 300))`
	if w := evaluate[int](r, settled); w > 390 {
		r.t.Errorf("%s: %d pixels wide on a phone", page, w)
	}
	browsertest.Do(r.ctx, r.t, chromedp.EmulateViewport(1280, 900))
	for _, complaint := range r.Take() {
		r.t.Errorf("%s: %s", page, complaint)
	}
}

// logIn goes where one is asked to log in, and does. The browser says in its log
// that the page was answered with 401.
func (r *visitor) logIn() {
	r.t.Helper()
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats"))
	r.Take()
	r.sound("the login")
	r.fill("[name=username]", "admin")
	r.fill("[name=password]", password)
	r.enters(kb.Enter, "/stats")
	if got := r.text("h1"); got != "Downloads" {
		r.t.Fatalf("after the login the page is %q", got)
	}
}

func TestAReaderWalksThroughAnInventedYear(t *testing.T) {
	m := invented(t)
	r := newVisitor(t, m)
	r.logIn()
	r.overview()
	r.takesAlong()
	r.onePackage()
	r.badge()
	for _, page := range []string{
		"/stats?days=all", "/stats?days=365&measure=hits", "/stats?country=DE", "/stats?consumer=payments", "/stats?source=demo-log", "/stats?days=1", "/stats?chart=bars",
		"/stats/rules", "/stats/sources", "/stats/settings", "/stats/quarantine", "/stats/payloads", "/catalog", "/catalog/tracks", "/",
	} {
		browsertest.Visit(r.ctx, t, m.url(page))
		if strings.HasPrefix(page, "/stats?") && r.count(".live svg") == 0 {
			t.Errorf("%s: nothing is drawn", page)
		}
		r.sound(page)
	}
}

// overview walks through the page that is opened every day.
func (r *visitor) overview() {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats"))
	for _, panel := range []string{"packages", "files", "repositories", "versions", "clients", "runtimes", "systems", "sources", "consumers", "countries", "new", "uploads"} {
		if r.count("[data-panel="+panel+"] tbody tr") == 0 {
			r.t.Errorf("the panel %s has no row", panel)
		}
	}
	if n := r.count(".live svg"); n < 3 {
		r.t.Errorf("%d charts are drawn", n)
	}
	r.sound("the overview")
	r.calls("the overview")
	r.click(`a[data-key="y"]`, "days=365")
	r.click(`[data-panel=clients] tbody a`, "client=")
	if got := r.text("h1"); !strings.HasPrefix(got, "Client ") {
		r.t.Errorf("the heading of a client: %s", got)
	}
	r.sound("a client")
	r.click(".chip", "days=365")
	if n := r.count(".chip"); n != 0 {
		r.t.Errorf("%d filters are left", n)
	}
	r.click(`[data-panel=repositories] tbody a`, "repository=")
	r.click(`[data-panel=files] tbody a`, "file=")
	r.sound("a file in a repository")
}

// calls has every panel's calls of the API answered: what a panel shows can be
// taken along.
func (r *visitor) calls(page string) {
	r.t.Helper()
	hrefs := evaluate[[]string](r, `[...document.querySelectorAll("[data-csv], [data-json]")].map(a => a.getAttribute("href"))`)
	if panels := r.count("[data-panel]"); len(hrefs) < 2*panels-4 {
		r.t.Errorf("%s: %d calls of %d panels", page, len(hrefs), panels)
	}
	for _, href := range hrefs {
		body := r.content(href)
		if !strings.Contains(href, "format=csv") {
			if !json.Valid([]byte(body)) || len(body) < 20 {
				r.t.Errorf("%s: %s answers %.100s", page, href, body)
			}
			continue
		}
		if rows, err := csv.NewReader(strings.NewReader(body)).ReadAll(); err != nil || len(rows) < 2 {
			r.t.Errorf("%s: %s has %d rows, %v: %.100s", page, href, len(rows), err, body)
		}
	}
}

// takesAlong exports a panel in every form.
func (r *visitor) takesAlong() {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats?days=90&type=maven"))
	const panel = "[data-panel=repositories] "
	link := func(kind string) string {
		return evaluate[string](r, fmt.Sprintf(`document.querySelector(%q).getAttribute("href")`, panel+"[data-"+kind+"]"))
	}
	rows, err := csv.NewReader(strings.NewReader(r.content(link("csv")))).ReadAll()
	if err != nil || len(rows) < 2 || strings.Join(rows[0], " ") != "key downloads hits bytes" {
		r.t.Errorf("as CSV: %v, %v", rows, err)
	}
	var top struct{ Items []struct{ Key string } }
	if err := json.Unmarshal([]byte(r.content(link("json"))), &top); err != nil || len(top.Items) != len(rows)-1 || top.Items[0].Key != rows[1][0] {
		r.t.Errorf("as JSON: %+v, %v", top, err)
	}
	for _, form := range []string{"SVG", "PNG"} {
		evaluate[bool](r, fmt.Sprintf(`[...document.querySelectorAll(%q)].find(b => b.textContent === %q).click(), true`, panel+"button", form))
		eventually(r.t, "the "+form, func() bool {
			files, err := filepath.Glob(filepath.Join(r.saved, "*."+strings.ToLower(form)))
			if err != nil || len(files) != 1 {
				return false
			}
			b, err := os.ReadFile(files[0])
			return err == nil && len(b) > 1000 && (strings.HasPrefix(string(b), "<svg") || strings.HasPrefix(string(b), "<?xml") || strings.HasPrefix(string(b), "\x89PNG"))
		})
	}
	r.Take() // a picture is a blob of the page's own, which counts as another host
}

func (r *visitor) onePackage() {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats"))
	r.click(`[data-panel=packages] tbody a`, "/stats/package?")
	for _, panel := range []string{"versions", "files", "clients", "runtimes", "systems", "sources", "repositories"} {
		if r.count("[data-panel="+panel+"] tbody tr") == 0 {
			r.t.Errorf("the panel %s of a package has no row", panel)
		}
	}
	if r.count(".live svg") == 0 {
		r.t.Error("the versions are not drawn")
	}
	r.sound("a package")
	r.calls("a package")
	browsertest.Visit(r.ctx, r.t, evaluate[string](r, `location.href + "&group=major&older=10"`))
	r.sound("who is on an old version")
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/package?package=acme"))
	r.Take() // the browser tells of the 404
	if r.count("main a") == 0 {
		r.t.Error("a name that is none offers no other")
	}
}

func (r *visitor) badge() {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/package?package=pkg%3Amaven%2Fcom.acme%2Facme-core"))
	r.click(`.about-package a[href*="badges"]`, "/stats/badges?")
	before := r.text("[data-badge-markdown]") + evaluate[string](r, `document.querySelector("[data-badge-url]").value`)
	evaluate[bool](r, `(f => { f.value = "year"; f.dispatchEvent(new Event("input", {bubbles: true})); f.dispatchEvent(new Event("change", {bubbles: true})); return true })(document.querySelector("[data-badge] [name=period]"))`)
	eventually(r.t, "another badge", func() bool {
		now := evaluate[string](r, `document.querySelector("[data-badge-url]").value`)
		return now != before && strings.Contains(now, "period=year") && evaluate[int](r, `document.querySelector("[data-badge-image]").naturalWidth`) > 0
	})
	r.sound("the badges")
}
