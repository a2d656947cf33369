package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/live"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// openLive is open with a hub, which ends with the test.
func openLive(t *testing.T) (*web.Web, *sqlite.Store, *live.Hub) {
	t.Helper()
	w, s := open(t)
	hub := live.New(s, rule.Default(), []byte("secret"), live.Options{Rate: 1000})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { hub.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	w.Live = hub
	return w, s, hub
}

// serveLive runs the page and its stream below a base path.
func serveLive(t *testing.T, w *web.Web, hub *live.Hub) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /base/stats/live", httpx.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) error { return w.ServeLive(rw, r, admin) }))
	mux.Handle("GET /base/api/v1/live", httpx.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) error {
		return hub.Serve(rw, r, live.Question{After: r.URL.Query().Get("after"), People: true}, func() error { return nil })
	}))
	mux.Handle("GET /base/static/", http.StripPrefix("/base/static/", w.Static()))
	server := httptest.NewServer(httpx.Secure(mux))
	t.Cleanup(func() {
		hub.Close()
		server.Close()
	})
	return server.URL + "/base"
}

func livePage(t *testing.T, w *web.Web, query string) (status int, html string) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := w.ServeLive(rec, httptest.NewRequest("GET", "/stats/live"+query, nil), pkgmeter.Principal{User: "vera"}); err != nil {
		t.Fatal(err)
	}
	return rec.Code, rec.Body.String()
}

func TestWithoutScriptThePageShowsTheLastEvents(t *testing.T) {
	t.Parallel()
	w, s, hub := openLive(t)
	if status, html := livePage(t, w, ""); status != 200 || !strings.Contains(html, "None of the last events") || strings.Contains(html, `data-live-none hidden`) {
		t.Errorf("an empty store: %d %s", status, html)
	}
	for n := range 60 {
		write(t, s, pkgmeter.Event{Repository: "releases", Path: fmt.Sprintf("com/acme/app/1.%d/app-1.%d.jar", n, n), Agent: "curl/8.5.0", Country: "DE", Time: noon.Add(time.Duration(n) * time.Second)})
	}
	write(t, s, pkgmeter.Event{Repository: "releases", Path: "com/acme/app/2.0/app-2.0.jar.sha1"})
	_, html := livePage(t, w, "")
	rows := strings.Split(html, "<tr><td")[1:]
	if len(rows) != 50 || !strings.Contains(rows[0], `title="com/acme/app/2.0/app-2.0.jar.sha1">com.acme/app</a> <span class="label">maven, checksum</span>`) {
		t.Fatalf("%d rows, the first is %s", len(rows), rows[0])
	}
	for _, want := range []string{
		`href="/base/stats/package?days=30&amp;package=pkg%3Amaven%2Fcom.acme%2Fapp"`, `href="/base/stats?days=30&amp;package=pkg%3Amaven%2Fcom.acme%2Fapp&amp;version=1.59">1.59</a>`,
		`href="/base/stats?client=curl&amp;days=30">curl</a>`, `href="/base/stats?class=human&amp;days=30">people</a>`, `href="/base/stats?country=DE&amp;days=30">DE</a>`, `href="/base/stats?days=30&amp;repository=releases">releases</a>`,
	} {
		if !strings.Contains(rows[1], want) {
			t.Errorf("no %s in %s", want, rows[1])
		}
	}
	for _, want := range []string{`<a class="button" href="/base/stats/live">Reload</a>`, `data-live="/base/api/v1/live?"`, `data-base="/base"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	_, after, _ := strings.Cut(html, `data-after="`)
	after, _, _ = strings.Cut(after, `"`)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	rec := httptest.NewRecorder()
	if err := hub.Serve(rec, httptest.NewRequestWithContext(ctx, "GET", "/api/v1/live", nil), live.Question{After: after}, func() error { return nil }); err != nil {
		t.Fatalf("the page has the id %q: %v", after, err)
	}
	if said := rec.Body.String(); strings.Contains(said, "reset") || strings.Contains(said, "app-1.") {
		t.Errorf("the stream does not go on after the page: %s", said)
	}
}

func TestTheLiveViewIsNarrowedByItsURL(t *testing.T) {
	t.Parallel()
	w, s, _ := openLive(t)
	write(t, s, pkgmeter.Event{Repository: "releases", Path: "com/acme/app/1.0/app-1.0.jar"}, pkgmeter.Event{Repository: "npm", Path: "left-pad/-/left-pad-1.3.0.tgz", Country: "DE", Agent: "npm/10.8.1 node/v20"})
	// Country and client: no counts are kept of both, and here none are needed.
	status, html := livePage(t, w, "?country=DE&client=npm&client=yarn&class=&kind=primary")
	if status != 200 || strings.Count(html, "<tr><td") != 1 || !strings.Contains(html, ">left-pad</a>") {
		t.Errorf("%d %s", status, html)
	}
	for _, want := range []string{
		`href="/base/stats/live?client=npm&amp;client=yarn&amp;country=DE&amp;kind=primary">Reload`, `data-live="/base/api/v1/live?client=npm&amp;client=yarn&amp;country=DE&amp;kind=primary"`,
		`<a class="chip" href="?client=yarn&amp;country=DE&amp;kind=primary"`, `<a href="/base/stats/live">Show everything</a>`,
		`name="client" value="npm"`, `<input type="hidden" name="client" value="yarn">`, `<input type="hidden" name="country" value="DE">`, `<option selected>primary</option>`, `<option value="">all</option>`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in %s", want, html)
		}
	}
	for query, want := range map[string]string{"?kind=x": "kind", "?package=x": "package", "?class=" + url.QueryEscape("<b>"): "class"} {
		if status, html := livePage(t, w, query); status != 400 || !strings.Contains(html, `role="alert"`) || !strings.Contains(html, want) || strings.Count(html, "<tr><td") != 2 {
			t.Errorf("%s: %d %s", query, status, html)
		}
	}
}

// cells lists what the rows of the page say and where they lead, in an order of
// parameters that is the same for all.
const cells = `[...document.querySelectorAll("[data-live-rows] tr")].map(row => [...row.cells].map(c => {
	const links = [...c.querySelectorAll("a")].map(a => {
		const to = new URL(a.href);
		to.searchParams.sort();
		return [to.pathname + to.search, a.dir, a.title, a.className].join(" ");
	});
	return [c.tagName, c.scope, c.className, c.textContent, ...links].join("|");
}).join("\n")).join("\n\n")`

func TestTheScriptWritesTheRowsThatTheServerWrites(t *testing.T) {
	t.Parallel()
	w, s, hub := openLive(t)
	if !w.HasScript() {
		t.Skip("the page script was not built: make build")
	}
	base := serveLive(t, w, hub)
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	browsertest.Visit(ctx, t, base+"/stats/live")
	evil := browsertest.EvilNames(t)
	events := []pkgmeter.Event{
		{Path: "com/acme/app/1.0/app-1.0.jar.sha1", Country: "DE", Agent: "curl/8.5.0"},
		{Path: "app-1.0.jar", Op: pkgmeter.Upload},
		{Path: "app-1.0.jar", Op: pkgmeter.Delete},
		{Path: "app-1.0.jar", Op: pkgmeter.Head},
		{Path: "@scope/x/-/x-1.0.0.tgz", Agent: "npm/10.2.4 node/v20.11.0 linux x64 workspaces/false ci/github-actions"},
		{Hint: "pkg:npm/%40a/b@1.0"},
	}
	for i, name := range evil[:min(len(evil), 40)] {
		events = append(events, pkgmeter.Event{Repository: pkgmeter.Cut(name, pkgmeter.MaxName), Path: pkgmeter.Cut(name, pkgmeter.MaxPath), Agent: evil[len(evil)-1-i]})
	}
	for _, e := range events {
		write(t, s, e)
	}
	shown := func(want int) string {
		t.Helper()
		browsertest.Until(ctx, t, fmt.Sprintf("%d rows", want), fmt.Sprintf(`document.querySelectorAll("[data-live-rows] tr").length === %d`, want))
		return browsertest.Evaluate[string](ctx, t, cells)
	}
	scripted := shown(len(events))
	browsertest.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	browsertest.Do(ctx, t, chromedp.Navigate(base+"/stats/live"))
	browsertest.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	written := shown(len(events))
	a, b := strings.Split(scripted, "\n"), strings.Split(written, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("the script writes\n%q\nand the server\n%q", a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d cells and %d", len(a), len(b))
	}
	for _, complaint := range c.Take() {
		t.Error(complaint)
	}
}

func TestLivePictures(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	w, s, hub := openLive(t)
	base := serveLive(t, w, hub)
	_, paths := usualNames()
	for i, p := range paths {
		write(t, s, pkgmeter.Event{Repository: "releases", Path: p, Agent: agents[i%len(agents)], Country: []string{"DE", "", "JP"}[i%3], Time: noon.Add(time.Duration(i) * time.Second)})
	}
	evil := browsertest.EvilNames(t)
	write(t, s, pkgmeter.Event{Repository: evil[0], Path: strings.Repeat("long/", 30) + "name-1.0.jar", Agent: evil[1]})
	if err := os.MkdirAll(*shots, 0o750); err != nil {
		t.Fatal(err)
	}
	takePictures(t, base, map[string]string{"live": "/stats/live", "live-filter": "/stats/live?class=ci&client=pip", "live-wrong": "/stats/live?kind=x"})
}
