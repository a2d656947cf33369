package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

// Names from outside go through the webhook and a save.json; then an
// administrator looks at every page.
func TestNoPageRunsWhatSendersSend(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.Base = "/base" })
	o := pkgmeter.Opening{
		Source: "savejson", Counters: pkgmeter.Counters{All: 1, Files: map[string]int64{}, Repositories: map[string]int64{}},
		Derive: func(name string) pkgmeter.File { return rule.Default().File("", name, "") },
	}
	refused := 0
	for i, name := range browsertest.EvilNames(t) {
		body, err := json.Marshal(map[string]string{"file-name": name, "repository-id": name, "event-id": fmt.Sprint(i), "user-agent": name})
		if err != nil {
			t.Fatal(err)
		}
		switch got := s.ask(t, "POST", "/base/callback", string(body)); got.status {
		case 200:
		case 400:
			refused++ // and is in quarantine
		default:
			t.Errorf("%q: %d %s", name, got.status, got.body)
		}
		// What names no file is shown in quarantine and among the payloads.
		s.ask(t, "POST", "/base/callback", fmt.Sprintf(`{"note": %q, %q: 1}`, name, name))
		o.Counters.Files[name], o.Counters.Repositories[name] = 3, 2
	}
	if refused > 20 {
		t.Errorf("%d names were refused", refused)
	}
	if _, err := s.store.MoveIn(t.Context(), o); err != nil {
		t.Fatal(err)
	}

	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, s.url)
	browsertest.Visit(ctx, t, s.url+"/base/stats")
	// The form is the page of a 401, which the console notes.
	c.Take()
	browsertest.Do(ctx, t, chromedp.SendKeys(chromedp.CSS(`input[name="username"]`), "admin"), chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), "secret of admin"))
	browsertest.Leave(ctx, t, "/base/stats", chromedp.Submit(chromedp.CSS(`input[name="password"]`)))
	pages := []string{"/", "/login", "/stats", "/stats?days=all", "/stats?days=all&measure=hits", "/stats?days=7", "/stats?class=unknown", "/stats/rules?path=x.jar", "/stats/sources", "/stats/settings", "/stats/payloads", "/stats/quarantine"}
	for id := range 20 { // one name could hide those that follow it
		pages = append(pages, fmt.Sprintf("/stats/quarantine?before=%d", 5+id*5))
	}
	for _, path := range pages {
		browsertest.Visit(ctx, t, s.url+"/base"+path)
		const inside = `[...document.querySelectorAll("pre")].filter(e => e.childNodes.length > 1 || e.children.length > 0).length`
		if n := browsertest.Evaluate[int](ctx, t, inside); n > 0 {
			t.Errorf("%s: %d payloads became elements", path, n)
		}
		for _, complaint := range c.Take() {
			t.Errorf("%s: %s", path, complaint)
		}
	}
	for _, name := range browsertest.EvilNames(t) {
		browsertest.Visit(ctx, t, s.url+"/base/login?next="+url.QueryEscape(name))
		for _, complaint := range c.Take() {
			t.Errorf("next=%q: %s", name, complaint)
		}
	}
}
