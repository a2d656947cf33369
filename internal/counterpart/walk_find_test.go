package counterpart_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
)

func TestAReaderComparesAndSearchesAnInventedYear(t *testing.T) {
	m := invented(t)
	r := newVisitor(t, m)
	r.logIn()
	r.searches()
	r.compares()
}

// key presses a key that the page takes: a browser types nothing of it then.
func (r *visitor) key(key string, modifiers chromedp.Modifier) {
	r.t.Helper()
	browsertest.Call(r.ctx, r.t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: key, Modifiers: int64(modifiers)})
}

func (r *visitor) types(text string) {
	r.t.Helper()
	browsertest.Do(r.ctx, r.t, chromedp.KeyEvent(text))
}

// searches goes to a package and to a client by keys alone, from pages of every
// kind.
func (r *visitor) searches() {
	const (
		opened = `document.querySelector("dialog.palette[open]") !== null`
		option = "dialog.palette [role=option]"
	)
	for _, from := range []string{"/stats", "/stats/rules", "/catalog"} {
		browsertest.Visit(r.ctx, r.t, r.meter.url(from))
		r.key("/", 0)
		r.shows("the search", opened)
		r.types("acme")
		eventually(r.t, "suggestions", func() bool {
			return r.count(option) > 4 && r.count(option+" mark") >= r.count(option) && r.count(option+` .spark path[d^="M"]`) == r.count(option)
		})
		r.sound("the search on " + from)
	}
	r.enters(kb.ArrowDown+kb.ArrowUp+kb.Enter, "/stats/package?package=")
	r.key("k", chromedp.ModifierCtrl)
	r.shows("the search again", opened)
	r.types("gradle")
	r.shows("the answer", `document.querySelector("`+option+` mark").innerText === "gradle"`)
	r.types(kb.ArrowUp) // to the last one: clients are the last group
	if got := r.text(option + "[aria-selected=true] .name"); got != "gradle" {
		r.t.Errorf("the last option is %q", got)
	}
	r.enters(kb.Enter, "client=gradle")
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/search?q=acme"))
	if r.count("[data-hits=package] tbody tr") == 0 || r.count("[data-hits=file] tbody tr") == 0 {
		r.t.Error("the page of a search shows nothing")
	}
	r.sound("the page of a search")
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/search?q=no+such+thing+anywhere"))
	r.sound("a search that finds nothing")
}

// compares adds packages one by one, and looks at them on each scale.
func (r *visitor) compares() {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/compare?days=90"))
	r.sound("an empty comparison")
	r.click(".offers a", "package=")
	for i := range 2 {
		r.press("#add")
		r.types("acme")
		eventually(r.t, "suggestions of packages", func() bool { return r.count("form[data-add] [role=option]") > 2 })
		if i == 0 {
			r.sound("suggestions of packages")
			r.press("#add")
		}
		before := r.count("[data-panel=compared] tbody tr")
		r.enters(strings.Repeat(kb.ArrowDown, 1+i)+kb.Enter, "package=")
		if n := r.count("[data-panel=compared] tbody tr"); n != before+1 {
			r.t.Errorf("%d packages are compared, want one more than %d", n, before)
		}
	}
	for i, scale := range []string{"log", "index", "share", "linear"} {
		if i < 3 {
			r.click(`a[href*="scale=`+scale+`"]`, "scale="+scale)
		} else {
			r.click(`[aria-label=Scale] li:first-child a`, "days=90")
		}
		if r.count("#compare .live svg") != 1 || r.count("#compare [data-layer] button") != 3 {
			r.t.Errorf("%s: %d charts of %d packages", scale, r.count("#compare .live svg"), r.count("#compare [data-layer] button"))
		}
		r.sound("a comparison, " + scale)
	}
	r.comparedCalls()
	r.click("[data-panel=compared] tbody tr:first-child td:last-child a", "days=90")
	if n := r.count("[data-panel=compared] tbody tr"); n != 2 {
		r.t.Errorf("%d packages are compared, want 2", n)
	}
	nine := url.Values{}
	for i := range 9 {
		nine.Add("package", fmt.Sprintf("pkg:npm/x%d", i))
	}
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/compare?"+nine.Encode()))
	r.Take() // the browser tells of the 400
	if got := r.text(".problem"); !strings.Contains(got, "too many to compare") {
		r.t.Errorf("nine packages: %q", got)
	}
}

// comparedCalls takes along what the comparison shows.
func (r *visitor) comparedCalls() {
	r.t.Helper()
	link := func(kind string) string {
		return evaluate[string](r, fmt.Sprintf(`document.querySelector(%q).getAttribute("href")`, "#compare [data-"+kind+"]"))
	}
	var body struct {
		Packages []struct{ Downloads, Share float64 }
		Total    []struct{}
	}
	if err := json.Unmarshal([]byte(r.content(link("json"))), &body); err != nil || len(body.Packages) != 3 || len(body.Total) != 90 {
		r.t.Errorf("the call of the comparison: %+v, %v", body, err)
	}
	rows, err := csv.NewReader(strings.NewReader(r.content(link("csv")))).ReadAll()
	if err != nil || len(rows) != 1+3*90 {
		r.t.Errorf("the comparison has %d rows, %v", len(rows), err)
	}
}
