package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// addsOn are adds of a package so many days ago, at least two.
func addsOn(ago int, name, version string, direct, total int64) sqlite.ForeignUse {
	return sqlite.ForeignUse{Day: today - pkgmeter.Day(ago), Body: fmt.Append(nil, ago), Uses: []pkgmeter.DailyUse{
		{Package: catalog.PackageURL(name), Version: version, Direct: direct, Total: total},
	}}
}

// withAdds has a package with adds of two years.
func withAdds(t *testing.T) *web.Web {
	t.Helper()
	w, s := open(t)
	shelve(t, w, s, catalog.Package{ID: "p1", Name: "iron:router"}, published("iron:router", "1.0.0"), published("iron:router", "1.1.0"),
		catalog.Package{ID: "p2", Name: "old"}, published("old", "1.0.0"), catalog.Package{ID: "p3", Name: "none"}, published("none", "1.0.0"))
	_, err := s.ImportUse(t.Context(), []sqlite.ForeignUse{
		addsOn(500, "iron:router", "0.9.0", 100, 1000), addsOn(499, "old", "1.0.0", 3, 4), addsOn(90, "iron:router", "1.0.0", 7, 70), addsOn(89, "iron:router", "1.0.0", 2, 5),
		addsOn(30, "iron:router", "1.1.0", 1, 3), addsOn(29, "iron:router", "1.1.0", 0, 12), addsOn(2, "iron:router", "<b>2.0.0</b>", 1, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	report := &pkgmeter.AppReport{App: "a", Packages: []pkgmeter.AppPackage{{Package: "pkg:meteor/iron/router", Version: "1.0.0", Direct: true}}}
	if err := (sqlite.UseWriter{Store: s}).Write(t.Context(), []*pkgmeter.AppReport{report}); err != nil {
		t.Fatal(err)
	}
	w.Catalog.Adds = s
	return w
}

func TestThePageOfAPackageShowsItsAdds(t *testing.T) {
	t.Parallel()
	w := withAdds(t)
	const page = "/base/catalog/iron:router"
	wants(t, w, page, 200, "all time 112 1\u202f092", "last 90 days 5 22", "last 30 days 2 14",
		"Adds per day, from 2025-12-11 to 2026-03-10", "22 in all, 5 of them direct; most on 2026-02-09: 12. A table follows.",
		"Day with adds Direct Total 2025-12-11 2 5 2026-02-08 1 3 2026-02-09 0 12 2026-03-08 1 1 2026-03-10 (not over) 1 1",
		"Version Direct Total 1.1.0 1 15 1.0.0 3 6 <b>2.0.0</b> 1 1", "&lt;b&gt;2.0.0&lt;/b&gt;</th>",
		`<a href="/base/catalog/iron:router?version=1.1.0">1.1.0</a></th>`, `role="img" aria-labelledby="adds-title adds-about"`, "Apps in which the package was seen for the first time", `href="/base/stats/rules"`)
	_, html, _ := visit(t, w, page)
	if got := strings.Count(html, `<rect class="bar today"`); got != 5 {
		t.Errorf("%d bars, want 5", got)
	}
	if got := strings.Count(html, `<rect class="bar" `); got != 4 {
		t.Errorf("%d direct bars, want 4: one day has none", got)
	}
	// The highest bar has all of the height, and the first day is at the left.
	if !strings.Contains(html, `<g><title>2025-12-11: 5, 2 direct</title><rect class="bar today" x="40.4" `) || !strings.Contains(html, `y1="10" y2="10"/><text class="scale" x="40" y="10" dx="-6" dy="4">20</text>`) {
		t.Errorf("the chart: %.3000s", html[strings.Index(html, "<svg"):])
	}
}

func TestAddsOfLongAgoAreSumsOnly(t *testing.T) {
	t.Parallel()
	w := withAdds(t)
	wants(t, w, "/base/catalog/old", 200, "all time 3 4", "last 90 days 0 0", "last 30 days 0 0")
	lacks(t, w, "/base/catalog/old", "<svg class", "Versions adopted", "The days as a table")
}

func TestWithoutAddsThePageSaysNothingOfThem(t *testing.T) {
	t.Parallel()
	w := withAdds(t)
	lacks(t, w, "/base/catalog/none", `id="adds"`, "What is counted")
	w.Catalog.Adds = nil
	lacks(t, w, "/base/catalog/iron:router", `id="adds"`)
}

// A package has more versions than are listed, and adds on every day.
func TestAddsOfAPopularPackageStaySmall(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	shelve(t, w, s, catalog.Package{ID: "p", Name: "a"}, published("a", "1.0.0"))
	var days []sqlite.ForeignUse
	for i := 2; i < 400; i++ {
		days = append(days, addsOn(i, "a", fmt.Sprintf("1.0.%d", i%12), 1_000_000, int64(i)*1_000_000))
	}
	if _, err := s.ImportUse(t.Context(), days); err != nil {
		t.Fatal(err)
	}
	w.Catalog.Adds = s
	wants(t, w, "/base/catalog/a", 200, "The first 10.", "2026-03-08 1\u202f000\u202f000 2\u202f000\u202f000")
	if _, html, _ := visit(t, w, "/base/catalog/a"); len(html) > 64<<10 {
		t.Errorf("the page has %d bytes", len(html))
	}
}

type noAdds struct{ err error }

func (n noAdds) Adds(context.Context, pkgmeter.AddsQuery, pkgmeter.AddsKey) (pkgmeter.AddsList, error) {
	return pkgmeter.AddsList{}, n.err
}

func TestAddsThatCannotBeReadFailThePage(t *testing.T) {
	t.Parallel()
	w := withAdds(t)
	w.Catalog.Adds = noAdds{errors.New("the disk is away")}
	wants(t, w, "/base/catalog/iron:router", http.StatusInternalServerError)
}

func TestAddsFitAPhone(t *testing.T) {
	t.Parallel()
	w := withAdds(t)
	base := serve(t, w, admin)
	ctx := browsertest.New(t)
	for _, width := range []int64{390, 768, 1280} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
			t.Fatal(err)
		}
		browsertest.Visit(ctx, t, base+"/catalog/iron:router")
		const open = `document.querySelectorAll("details").forEach(d => d.open = true), document.documentElement.scrollWidth`
		if got := number(ctx, t, open); got > int(width) {
			t.Errorf("the page is %d wide on a screen of %d", got, width)
		}
		// Text of the chart is read, not guessed: at least nine pixels high.
		if got := number(ctx, t, `Math.round(document.querySelector("svg.small text").getBoundingClientRect().height)`); got < 9 {
			t.Errorf("the text of the chart is %d high on a screen of %d", got, width)
		}
	}
}

// Pictures are for people, see [TestPictures].
func TestPicturesOfAdds(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	w, s := open(t)
	shelve(t, w, s, catalog.Package{ID: "p", Name: "iron:router"}, published("iron:router", "1.0.0"), published("iron:router", "1.1.0"))
	var days []sqlite.ForeignUse
	for i := 2; i < 400; i++ {
		n := int64(60 + i*37%23 - i/8)
		if d := (today - pkgmeter.Day(i)).Start().Weekday(); d == 0 || d == 6 {
			n /= 3
		}
		days = append(days, addsOn(i, "iron:router", fmt.Sprintf("1.%d.0", i*7%12/5), n*2/5, n))
	}
	if _, err := s.ImportUse(t.Context(), days); err != nil {
		t.Fatal(err)
	}
	w.Catalog.Adds = s
	takePictures(t, serve(t, w, admin), map[string]string{"adds": "/catalog/iron:router"})
	takePictures(t, serve(t, withAdds(t), admin), map[string]string{"adds-few": "/catalog/iron:router", "adds-old": "/catalog/old"})
}
