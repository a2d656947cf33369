package web_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
	"golang.org/x/net/html"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*web.Web, *sqlite.Store) {
	t.Helper()
	now := func() time.Time { return noon }
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Now: now, Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &web.Web{Stats: s, Searcher: s, Public: true, Now: now, Base: "/base", Version: "test"}
	if err := w.Init(); err != nil {
		t.Fatal(err)
	}
	return w, s
}

func write(t *testing.T, s *sqlite.Store, events ...pkgmeter.Event) {
	t.Helper()
	d := &pkgmeter.Delivery{Received: noon}
	for _, e := range events {
		e.Source, e.Status = "s", 200
		if err := e.Settle(noon); err != nil {
			t.Fatal(err)
		}
		d.Entries = append(d.Entries, rule.Default().Apply(e))
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
}

func stats(t *testing.T, w *web.Web, user string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := w.ServeStats(rec, httptest.NewRequest("GET", "/stats", nil), pkgmeter.Principal{User: user}); err != nil {
		t.Fatal(err)
	}
	return rec.Body.String()
}

// tree lists the elements and attribute names of a page.
func tree(t *testing.T, page string) (elements []string, text string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			e := n.Data
			for _, a := range n.Attr {
				e += " " + a.Key
			}
			elements = append(elements, e)
		case html.TextNode:
			b.WriteString(n.Data)
		}
	}
	return elements, b.String()
}

func TestNamesFromOutsideAddNoElementToThePage(t *testing.T) {
	t.Parallel()
	for _, name := range browsertest.EvilNames(t) {
		if strings.Trim(name, "./") == "" {
			continue // it names no file: a listing has no bars
		}
		w, s := open(t)
		plain, plainStore := open(t)
		write(t, s, pkgmeter.Event{Repository: name, Path: "x/" + name}, pkgmeter.Event{Repository: name, Path: name})
		harmless := "name"
		if strings.HasSuffix(name, ".jar") { // another type of file is another row
			harmless = "name.jar"
		}
		write(t, plainStore, pkgmeter.Event{Repository: "r", Path: "x/" + harmless}, pkgmeter.Event{Repository: "r", Path: harmless})
		got, text := tree(t, stats(t, w, name))
		want, _ := tree(t, stats(t, plain, "user"))
		// Two files may be of one package or of two: that is rows more, and no other
		// elements.
		if foreign := without(got, want); len(got) == len(want) && !slices.Equal(got, want) || len(foreign) > 0 {
			t.Errorf("%q changes the page: %s, %q", name, diff(got, want), foreign)
		}
		// HTML has no way to say a NUL or a carriage return; all else is shown as it came.
		if shown := strings.NewReplacer("\x00", "\uFFFD", "\r\n", "\n", "\r", "\n"); strings.TrimLeft(name, "/") != "" && !strings.Contains(shown.Replace(text), shown.Replace(strings.TrimLeft(name, "/"))) {
			t.Errorf("%q is not shown", name)
		}
	}
}

// without returns those of a that b does not have.
func without(a, b []string) (rest []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

func diff(got, want []string) string {
	for i := range got {
		if i >= len(want) || got[i] != want[i] {
			return "element " + strconv.Itoa(i) + " is <" + got[i] + ">"
		}
	}
	return "fewer elements"
}

func TestThePageShowsWhatWasCounted(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	var events []pkgmeter.Event
	for range 1234 {
		events = append(events, pkgmeter.Event{Repository: "releases", Path: "com/acme/app/1.0/app-1.0.jar", Bytes: 1 << 20})
	}
	events = append(events, pkgmeter.Event{Repository: "releases", Path: "com/acme/app/1.0/app-1.0.pom", Time: noon.AddDate(0, 0, -3)})
	write(t, s, events...)
	_, text := tree(t, stats(t, w, "ann"))
	for _, want := range []string{
		"1\u202f234", "1\u202f235", "1.2 GiB", "com/acme/app/1.0/app-1.0.jar", "releases", "maven", "jar", "pom", "ann",
		"From 2026-02-09 to 2026-03-10", "since 2026-03-07", "2026-03-10: 1\u202f234 downloads, 1\u202f234 hits, not over yet", "2026-03-08: no source reported", fmt.Sprintf("Rule set %d", rule.Number),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestAnEmptyStoreSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	if _, text := tree(t, stats(t, w, "")); !strings.Contains(text, "Nothing has been counted yet") || !strings.Contains(text, "/base/callback") {
		t.Errorf("page: %s", text)
	}
}

// The policy of the pages forbids anything inline: the browser would drop it
// without a word. A block of JSON is data, and never run.
func TestTemplatesHaveNothingInline(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`(?i)\s(on\w+|style)\s*=|<script[^>]*>[^<]|<style|javascript:|https?://`)
	allowed := strings.NewReplacer("http://127.0.0.1", "", `<script type="application/json" id="data">{{.Data}}</script>`, "")
	err := fs.WalkDir(os.DirFS("templates"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile("templates/" + path)
		if err != nil {
			return err
		}
		for _, found := range inline.FindAllString(allowed.Replace(string(text)), -1) {
			t.Errorf("%s has %q", path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTemplatesFitTheirViewModels(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	if err := w.Check(); err != nil {
		t.Error(err)
	}
}

func TestTheIconIsWellFormed(t *testing.T) {
	t.Parallel()
	f, err := os.Open("static/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := xml.NewDecoder(f)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestStaticFilesAreServedAndFoldersAreNot(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	for path, want := range map[string]int{"pkgmeter.css": 200, "icon.svg": 200, "": 404, "../web.go": 404, "nothing": 404} {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		w.Static().ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("%q: %d, want %d", path, rec.Code, want)
		}
	}
}

func TestNumbersAreReadable(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1000: "-1\u202f000"} {
		if got := web.Count(n); got != want {
			t.Errorf("count(%d) = %q", n, got)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 40: "1.0 TiB", 1 << 62: "4.0 EiB"} {
		if got := web.Size(n); got != want {
			t.Errorf("size(%d) = %q", n, got)
		}
	}
}

func TestTheScaleOfTheChartIsRound(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{0: 1, 1: 1, 2: 2, 3: 4, 5: 6, 7: 8, 9: 10, 10: 10, 11: 20, 39: 40, 51: 60, 228: 400, 1000: 1000, 1001: 2000, 9999: 10000} {
		if got := web.Ceiling(n); got != want {
			t.Errorf("ceiling(%d) = %d, want %d", n, got, want)
		}
	}
}

// The old program's page had a slice for each file: 7.8 MB for 100,000 names.
func TestThePageStaysSmallHoweverManyFilesThereAre(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	events := make([]pkgmeter.Event, 20_000)
	for i := range events {
		events[i] = pkgmeter.Event{Repository: "r" + strconv.Itoa(i%500), Path: "com/acme/app/1.0/app-1.0-" + strconv.Itoa(i) + ".jar"}
	}
	write(t, s, events...)
	if body := stats(t, w, "ann"); len(body) > 100<<10 {
		t.Errorf("the page has %d bytes", len(body))
	}
}
