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
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

var shots = flag.String("shots", "", "folder for pictures of the page")

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
			for range int(math.Ceil(n)) {
				e := pkgmeter.Event{Source: "s", Status: 200, Time: at, Path: path, Bytes: 40_000 * int64(i+1), Repository: repositories[i%len(repositories)]}
				if err := e.Settle(noon); err != nil {
					t.Fatal(err)
				}
				d.Entries = append(d.Entries, rule.Apply(e))
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
	mux.Handle("GET /base/stats/settings", page(w.ServeSettings))
	mux.Handle("POST /base/stats/settings", page(w.SaveSettings))
	mux.Handle("GET /base/static/", http.StripPrefix("/base/static/", w.Static()))
	server := httptest.NewServer(httpx.Secure(mux))
	t.Cleanup(server.Close)
	return server.URL + "/base"
}

// browser starts a new one. It is not there on every developer's machine, but
// the CI has to have it.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: make test installs it")
		}
		t.Skip("no chromium: make test installs it")
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // it lives as long as the context of its first call
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// complaints gathers what must never happen on a page.
type complaints struct {
	mu   sync.Mutex
	host string
	all  []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

// listen watches a browser that may talk to one host only.
func listen(ctx context.Context, t *testing.T, base string) *complaints {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c := &complaints{host: u.Host}
	err = chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *page.EventJavascriptDialogOpening:
			c.add("a dialog opened: %s", ev.Message)
			go chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		case *log.EventEntryAdded:
			c.add("log, %s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		case *runtime.EventConsoleAPICalled:
			for _, arg := range ev.Args {
				c.add("console.%s: %s", ev.Type, arg.Value)
			}
		case *runtime.EventExceptionThrown:
			c.add("exception: %s", exception(ev.ExceptionDetails))
		case *network.EventRequestWillBeSent:
			to, err := url.Parse(ev.Request.URL)
			if err != nil || to.Host != c.host && to.Scheme != "data" {
				c.add("request to %s", ev.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	call(ctx, t, network.Enable, network.EnableParams{})
	call(ctx, t, log.Enable, cdp.Empty{})
	call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `document.addEventListener("securitypolicyviolation", e => console.error("policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample))`,
	})
	return c
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception != nil {
		return d.Exception.Description
	}
	return d.Text
}

func call[P, R any](ctx context.Context, t *testing.T, cmd cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, cmd, params); err != nil {
		t.Fatal(err)
	}
}

// visit opens a page and waits until it is at rest.
func visit(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS("main"))); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.readyState === "complete"`)); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}

func number(ctx context.Context, t *testing.T, script string) int {
	t.Helper()
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return n
}

func TestNamesFromOutsideDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	w.Panels = panels{}
	evil := evilNames(t)
	fillYear(t, s, evil, evil)
	base := serve(t, w, pkgmeter.Principal{User: evil[0], Role: pkgmeter.Admin})
	ctx := browser(t)
	c := listen(ctx, t, base)
	bundled := w.HasScript()
	for _, path := range []string{
		"/", "/stats", "/stats?days=365&measure=hits", "/stats?days=all", "/stats/settings",
		"/stats?from=" + url.QueryEscape(evil[0]), "/stats?days=" + url.QueryEscape(evil[5]),
	} {
		visit(ctx, t, base+path)
		if bundled && strings.HasPrefix(path, "/stats") && path != "/stats/settings" {
			if drawn, want := number(ctx, t, `document.querySelectorAll(".drawn .live svg").length`), 3; drawn != want {
				t.Errorf("%s: %d charts are drawn, want %d", path, drawn, want)
			}
		}
		if bundled && path == "/stats" {
			shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](hover, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"not over yet", "no source reported", "%"} {
				if !strings.Contains(shown, want) {
					t.Errorf("no tooltip says %q, but: %s", want, shown)
				}
			}
		}
		for _, complaint := range c.take() {
			if strings.Contains(complaint, "400 (Bad Request)") && strings.Contains(path, "%3C") {
				continue // the browser tells that the answer to a wrong range says so
			}
			t.Errorf("%s: %s", path, complaint)
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
	ctx := browser(t)
	call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	if err := chromedp.Do(ctx, chromedp.Navigate(base+"/stats?days=90")); err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int{"svg.chart": 1, "svg.pie": 2, ".lists table": 4, ".lists tbody tr": 20 + 13 + 4 + 3, ".live": 0} {
		if got := number(ctx, t, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector)); got != want {
			t.Errorf("%d %s, want %d", got, selector, want)
		}
	}
}

func TestThePageFitsAPhone(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	evil := evilNames(t)
	fillYear(t, s, evil, evil)
	base := serve(t, w, pkgmeter.Principal{User: "ann"})
	ctx := browser(t)
	for _, width := range []int64{390, 768, 1280} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
			t.Fatal(err)
		}
		visit(ctx, t, base+"/stats?days=365")
		if got := number(ctx, t, `document.documentElement.scrollWidth`); got > int(width) {
			t.Errorf("the page is %d wide on a screen of %d", got, width)
		}
	}
}

func TestArrowKeysGoToTheNeighbouringRange(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	fewDays(t, s)
	ctx := browser(t)
	visit(ctx, t, serve(t, w, pkgmeter.Principal{})+"/stats?days=7")
	for _, step := range []struct{ key, want string }{
		{kb.ArrowLeft, "?from=2026-02-25&to=2026-03-03"},
		{kb.ArrowRight, "?from=2026-03-04&to=2026-03-10"},
	} {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(step.key)); err != nil {
			t.Fatal(err)
		}
		arrived := func() bool {
			at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? location.search : ""`))
			return err == nil && at == step.want // an error: the page is just being replaced
		}
		for !arrived() {
			select {
			case <-ctx.Done():
				t.Fatalf("the key did not lead to %s", step.want)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

func TestAPrintedPageShowsWhatTheServerDrew(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	base := serve(t, w, pkgmeter.Principal{})
	ctx := browser(t)
	visit(ctx, t, base+"/stats")
	call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	const shown = `[...document.querySelectorAll(%q)].filter(e => e.getClientRects().length > 0).length`
	for selector, want := range map[string]int{"svg.chart": 1, "svg.pie": 2, ".live": 0, ".range": 0} {
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
	w.Panels = panels{}
	repositories, paths := usualNames()
	fillYear(t, s, repositories, paths)
	base := serve(t, w, pkgmeter.Principal{User: "admin", Role: pkgmeter.Admin})
	ctx := browser(t)
	for name, path := range map[string]string{
		"stats": "/stats", "year": "/stats?days=365&measure=hits", "all": "/stats?days=all", "half": "/stats?from=2025-09-10&to=2026-02-20", "settings": "/stats/settings?saved", "problem": "/stats?from=2026-99-99", "week": "/stats?days=7",
	} {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
					t.Fatal(err)
				}
				call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
				}})
				visit(ctx, t, base+path)
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
