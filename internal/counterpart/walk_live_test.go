package counterpart_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/browsertest"
)

// fetch tells the program of downloads, one commit each.
func (m *meter) fetch(t *testing.T, files ...string) {
	t.Helper()
	for _, f := range files {
		res, err := http.Post(m.url("/callback"), "application/json", strings.NewReader(fmt.Sprintf(`{"repository-id":"releases","path":%q}`, f)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", f, res.Status)
		}
	}
}

// jars returns names of files that were not used before.
func jars(from, to int) (files []string) {
	for n := from; n <= to; n++ {
		files = append(files, fmt.Sprintf("com/acme/app/1.%d/app-1.%d.jar", n, n))
	}
	return files
}

// ticker returns the files on the page, the oldest first.
func (r *visitor) ticker() []string {
	r.t.Helper()
	files := evaluate[[]string](r, `[...document.querySelectorAll("[data-live-rows] th a")].map(a => a.title)`)
	slices.Reverse(files)
	return files
}

// ticks waits until the page has these files, and no others.
func (r *visitor) ticks(want []string) {
	r.t.Helper()
	var got []string
	eventually(r.t, fmt.Sprintf("%d events", len(want)), func() bool {
		got = r.ticker()
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		r.t.Fatalf("the page shows\n%v, want\n%v", got, want)
	}
}

func (r *visitor) connected() {
	r.t.Helper()
	r.shows("a connection", `document.querySelector("[data-live-state]").innerText === "Connected: events appear by themselves."`)
}

func TestAReaderSeesEventsAsTheyCome(t *testing.T) {
	m := startMeter(t)
	r := newVisitor(t, m)
	r.logIn()
	m.fetch(t, jars(1, 2)...)
	r.click(`nav a[href="/stats/live"]`, "/stats/live")
	r.connected()
	r.ticks(jars(1, 2))
	m.fetch(t, jars(3, 5)...)
	r.ticks(jars(1, 5))
	r.sound("the live view")

	r.press("[data-live-tools] button")
	m.fetch(t, jars(6, 8)...)
	r.shows("three events wait", `document.querySelector("[data-live-tools] .label").innerText === "3 wait"`)
	if got := r.ticker(); len(got) != 5 || r.text("[data-live-state]") != "Paused: what comes waits." {
		t.Errorf("while it is paused it shows %v", got)
	}
	r.press("[data-live-tools] button")
	r.ticks(jars(1, 8))

	// The server dies, and comes back: the page says so, and misses nothing.
	m.kill()
	r.shows("the page says that it is not connected", `document.querySelector("[data-live-state]").innerText.startsWith("Not connected.")`)
	m.start(t)
	m.fetch(t, jars(9, 25)...)
	r.connected()
	m.fetch(t, jars(26, 28)...)
	r.ticks(jars(1, 28))
	r.Take() // the browser tells that the connection failed

	r.press(".ticker-filter summary")
	r.fill(".ticker-filter [name=type]", "npm")
	r.click(".ticker-filter button", "type=npm")
	r.connected()
	m.fetch(t, "com/acme/app/2.0/app-2.0.jar", "left-pad/-/left-pad-1.3.0.tgz")
	r.ticks([]string{"left-pad/-/left-pad-1.3.0.tgz"})
	r.sound("the live view of a filter")
	r.click("[data-live-rows] th a", "/stats/package?")
	if got := r.text("h1"); got != "left-pad" {
		t.Errorf("the link of a package leads to %q", got)
	}
	browsertest.Visit(r.ctx, t, m.url("/stats/live"))
	r.connected()
	m.stop(t) // streams do not hold it up
}
