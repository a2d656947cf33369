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
	if err := chromedp.Do(r.ctx, chromedp.KeyEvent(text)); err != nil {
		r.t.Fatal(err)
	}
}

// searches goes to a package and to a client by keys alone, from pages of every
// kind.
func (r *visitor) searches() {
	const option = "dialog.palette [role=option]"
	for _, from := range []string{"/stats", "/stats/rules", "/catalog"} {
		browsertest.Visit(r.ctx, r.t, r.meter.url(from))
		r.key("/", 0)
		eventually(r.t, "the search", func() bool { return r.count("dialog.palette[open]") == 1 })
		r.types("acme")
		eventually(r.t, "suggestions", func() bool {
			return r.count(option) > 4 && r.count(option+" mark") >= r.count(option) && r.count(option+` .spark path[d^="M"]`) == r.count(option)
		})
		r.sound("the search on " + from)
	}
	r.types(kb.ArrowDown + kb.ArrowUp + kb.Enter)
	r.arrives("/stats/package?package=")
	r.key("k", chromedp.ModifierCtrl)
	eventually(r.t, "the search again", func() bool { return r.count("dialog.palette[open]") == 1 })
	r.types("gradle")
	eventually(r.t, "the answer", func() bool { return r.count(option+" mark") > 0 && r.text(option+" mark") == "gradle" })
	r.types(kb.ArrowUp) // to the last one: clients are the last group
	if got := r.text(option + "[aria-selected=true] .name"); got != "gradle" {
		r.t.Errorf("the last option is %q", got)
	}
	r.types(kb.Enter)
	r.arrives("client=gradle")
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
		r.click("#add", "package=")
		r.types("acme")
		eventually(r.t, "suggestions of packages", func() bool { return r.count("form[data-add] [role=option]") > 2 })
		if i == 0 {
			r.sound("suggestions of packages")
			r.click("#add", "package=")
		}
		before := r.count("[data-panel=compared] tbody tr")
		r.types(strings.Repeat(kb.ArrowDown, 1+i) + kb.Enter)
		eventually(r.t, "one more package", func() bool { return r.count("[data-panel=compared] tbody tr") == before+1 })
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
	eventually(r.t, "two packages", func() bool { return r.count("[data-panel=compared] tbody tr") == 2 })
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
