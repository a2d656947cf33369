package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

type documenter interface {
	Document() (pkgmeter.Document, error)
}

// shelve puts records into the catalog that w shows.
func shelve(t *testing.T, w *web.Web, s *sqlite.Store, records ...documenter) {
	t.Helper()
	var edit pkgmeter.CatalogEdit
	for _, r := range records {
		d, err := r.Document()
		if err != nil {
			t.Fatal(err)
		}
		edit.Put = append(edit.Put, d)
	}
	if err := s.EditCatalog(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	w.Catalog.Directory, w.Catalog.Records = catalog.NewDirectory(s), s
}

// published returns a version of today.
func published(name, version string) catalog.Version {
	return catalog.Version{ID: name + "@" + version, PackageName: name, Version: version, Description: "About " + name, PublishedBy: catalog.User{Username: "ann"}, Published: catalog.DateOf(noon)}
}

// visit asks for a page of the catalog below the base path, as a browser does.
func visit(t *testing.T, w *web.Web, path string) (status int, html, text string) {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request, pkgmeter.Principal) error{
		"/base/catalog": w.ServeCatalog, "/base/catalog/{package}": w.ServePackage, "/base/catalog/tracks": w.ServeTracks, "/base/catalog/tracks/{track}": w.ServeTrack,
	} {
		mux.Handle("GET "+pattern, httpx.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) error {
			return serve(rw, r, pkgmeter.Principal{})
		}))
	}
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec.Code, rec.Body.String(), textOf(t, rec.Body.String())
}

// wants holds a page to texts, and to parts of its HTML.
func wants(t *testing.T, w *web.Web, path string, status int, want ...string) {
	t.Helper()
	got, html, text := visit(t, w, path)
	if got != status {
		t.Errorf("%s: %d, want %d", path, got, status)
	}
	for _, s := range want {
		if !strings.Contains(text, s) && !strings.Contains(html, s) {
			t.Errorf("%s: the page lacks %q:\n%.1500s", path, s, text)
		}
	}
}

func lacks(t *testing.T, w *web.Web, path string, unwanted ...string) {
	t.Helper()
	_, html, text := visit(t, w, path)
	for _, s := range unwanted {
		if strings.Contains(text, s) || strings.Contains(html, s) {
			t.Errorf("%s: the page has %q", path, s)
		}
	}
}

var constraint = "1.0.0 || 2.0.0"

// aCatalog has a few packages, versions and releases.
func aCatalog(t *testing.T) *web.Web {
	t.Helper()
	w, s := open(t)
	router := published("iron:router", "1.1.0")
	router.Description, router.LongDescription = "Routing", catalog.Text("# Iron\n\nSee [there](https://iron.example/).")
	router.Git, router.ReleaseName, router.DebugOnly = catalog.Text("https://git.example/iron.git"), catalog.Text("METEOR@3.0.4"), true
	router.Readme = &catalog.Readme{URL: "https://files.example/r.md"}
	router.Dependencies = map[string]catalog.Dependency{
		"tracker": {Constraint: &constraint, References: []catalog.Reference{{Arch: "os"}, {Arch: "web.browser", Weak: true}}}, "isobuild:isopack-2": {},
	}
	router.Published = catalog.DateOf(noon.AddDate(0, 0, -1))
	old := published("iron:router", "1.0.0")
	old.Published, old.Deprecated, old.DeprecatedMessage = catalog.DateOf(noon.AddDate(-1, 0, 0)), new(true), catalog.Text("use 1.1.0")
	pre := published("iron:router", "2.0.0-rc.1")
	pre.Unmigrated, pre.PublishedBy.Username = true, "bob"
	shelve(t, w, s,
		catalog.Package{ID: "p1", Name: "iron:router", Homepage: "https://iron.example", Maintainers: []catalog.Maintainer{{Username: "ann"}, {Username: "bob"}}}, router, old, pre,
		catalog.Build{ID: "b1", VersionID: router.ID, BuildArchitectures: "os+web.browser", Build: catalog.Tarball{URL: "https://files.example/b.tgz"}, BuildPublished: catalog.DateOf(noon)},
		catalog.Build{ID: "b2", VersionID: router.ID, BuildArchitectures: "os.linux.x86_64", Build: catalog.Tarball{URL: "ftp://files.example/b.tgz"}},
		catalog.Package{ID: "p2", Name: "tracker", Homepage: "www.tracker.example"}, published("tracker", "1.0.0"), catalog.Package{ID: "p3", Name: "empty"},
		catalog.Package{ID: "p4", Name: "tracks"}, published("tracks", "1.0.0"),
		catalog.ReleaseTrack{ID: "t1", Name: "METEOR", Maintainers: []catalog.Maintainer{{Username: "ann"}}}, catalog.ReleaseTrack{ID: "t2", Name: "ann:x"},
		catalog.ReleaseVersion{ID: "r1", Track: "METEOR", Version: "3.0.4", Description: "Three", Recommended: true, Tool: "meteor-tool@3.0.4", OrderKey: "0003.0000.0004$", Packages: map[string]string{"a": "1.0.0", "b": "1.0.0"}, Published: catalog.DateOf(noon)},
		catalog.ReleaseVersion{ID: "r2", Track: "METEOR", Version: "2.16", Description: "Two", Tool: "meteor-tool@2.16.0", OrderKey: "0002.0016$", Packages: map[string]string{"a": "1.0.0"}},
		catalog.ReleaseVersion{ID: "r3", Track: "METEOR", Version: "odd"},
	)
	return w
}

func TestTheListOfPackages(t *testing.T) {
	t.Parallel()
	w := aCatalog(t)
	wants(t, w, "/base/catalog", 200, "4 packages, 5 versions", "iron:router 1.1.0 Routing 2026-03-09 · 3 versions", "empty nothing published yet", "tracker 1.0.0 About tracker 2026-03-10 · one version",
		`href="/base/catalog/iron:router"`, `href="/base/catalog?package=tracks"`, `href="/base/catalog/tracks"`)
	_, _, text := visit(t, w, "/base/catalog")
	if strings.Index(text, "tracker 1.0.0") > strings.Index(text, "iron:router") || strings.Index(text, "iron:router") > strings.Index(text, "empty") {
		t.Error("the packages are not sorted by date")
	}
	wants(t, w, "/base/catalog?q=+ROUT+", 200, "One package has ROUT in the name", "iron:router 1.1.0", `value="ROUT"`)
	lacks(t, w, "/base/catalog?q=+ROUT+", ">tracker<")
	wants(t, w, "/base/catalog?q=nothing", 200, "0 packages have nothing in the name")
	wants(t, w, "/base/catalog?page=2", 200, "There are no more", "page 2 of 1", `rel="prev" href="?"`)
	wants(t, w, "/base/catalog?page=99999999999999999999&q=%ff%00", 200, "0 packages")
	wants(t, w, "/base/catalog?page=-1", 200, "iron:router")
	wants(t, w, "/base/catalog?package=tracks", 200, "About tracks", "meteor add tracks")
}

func TestThePageOfAPackage(t *testing.T) {
	t.Parallel()
	w := aCatalog(t)
	wants(t, w, "/base/catalog/iron:router", 200, "<title>iron:router · pkgmeter</title>", "Routing", "meteor add iron:router ", "Published 2026-03-09 by ann", "Maintainers ann bob", "METEOR@3.0.4", "Only for development",
		`<a href="https://iron.example" rel="nofollow noopener noreferrer">https://iron.example</a>`, `<a href="https://git.example/iron.git" rel="nofollow noopener noreferrer">`,
		"tracker 1.0.0 || 2.0.0 os, web.browser (weak)", "isobuild:isopack-2 any", `href="/base/catalog/tracker"`, "os+web.browser 2026-03-10 Download", `href="https://files.example/b.tgz"`, "os.linux.x86_64 – –",
		"3 versions", "2.0.0-rc.1 hidden 2026-03-10 bob 1.1.0 2026-03-09 ann 1.0.0 2025-03-10 ann", `href="/base/catalog/iron:router?version=2.0.0-rc.1"`, `<a href="/base/catalog/iron:router" aria-current="true">1.1.0</a>`,
		"<h3>Iron</h3>", `<a href="https://iron.example/" rel="nofollow noopener noreferrer">there</a>`, `href="https://files.example/r.md"`)
	lacks(t, w, "/base/catalog/iron:router", "ftp:", "deprecated", "latest:")
	wants(t, w, "/base/catalog/iron:router?version=1.0.0", 200, "This version is deprecated: use 1.1.0", "latest: 1.1.0", "meteor add iron:router@=1.0.0", "About iron:router", "Dependencies None.", "Builds None.")
	wants(t, w, "/base/catalog/iron:router?version=2.0.0-rc.1", 200, "hidden from searches")
	wants(t, w, "/base/catalog/tracker", 200, "Homepage www.tracker.example", "One version")
	lacks(t, w, "/base/catalog/tracker", `href="www`, "Readme")
	wants(t, w, "/base/catalog/empty", 200, "Nothing of this package has been published yet")
	lacks(t, w, "/base/catalog/empty", "meteor add", "Dependencies")
}

func TestThePagesOfReleases(t *testing.T) {
	t.Parallel()
	w := aCatalog(t)
	wants(t, w, "/base/catalog/tracks", 200, "METEOR ann ann:x", `href="/base/catalog/tracks/METEOR"`, `href="/base/catalog/tracks/ann:x"`)
	wants(t, w, "/base/catalog/tracks/METEOR", 200, "3.0.4 recommended Three 2026-03-10 · tool meteor-tool@3.0.4 · 2 packages 2.16 Two – · tool meteor-tool@2.16.0 · one package odd experimental – · 0 packages", `href="/base/catalog/meteor-tool?version=3.0.4"`)
	wants(t, w, "/base/catalog/tracks?track=METEOR", 200, "3.0.4 recommended")
	wants(t, w, "/base/catalog/tracks/ann:x", 200, "Nothing has been released yet")
	wants(t, w, "/base/catalog/tracks/METEOR?page=2", 200, "There are no more")
}

func TestWhatIsNotInTheCatalogIsNotFound(t *testing.T) {
	t.Parallel()
	w := aCatalog(t)
	wants(t, w, "/base/catalog/nothing", 404, "There is no such package", "nothing", `href="/base/catalog?q=nothing"`)
	wants(t, w, "/base/catalog/tracker?version=9.9.9", 404, "There is no such version 9.9.9", `href="/base/catalog/tracker"`)
	wants(t, w, "/base/catalog/empty?version=9.9.9", 404, "There is no such version")
	wants(t, w, "/base/catalog/tracks/NOTHING", 404, "There is no such release track")
	wants(t, w, "/base/catalog/iron:router%00"+"1.0.0", 404, "There is no such package")
	wants(t, w, "/base/catalog?package=%ff%3Cscript%3E", 404, "There is no such package")
	wants(t, w, "/base/catalog/"+strings.Repeat("x", 5000), 404, "There is no such package")
	if _, html, _ := visit(t, w, "/base/catalog/"+strings.Repeat("x", 5000)); len(html) > 4000 {
		t.Errorf("the page has %d bytes", len(html))
	}
	none, _ := open(t)
	for _, path := range []string{"/base/catalog", "/base/catalog/x", "/base/catalog/tracks", "/base/catalog/tracks/x"} {
		wants(t, none, path, 404, "this server keeps no packages")
	}
}

func TestAnEmptyCatalogSaysHowPackagesComeThere(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	shelve(t, w, s)
	wants(t, w, "/base/catalog", 200, "There are no packages yet", "meteor publish", "pkgmeter mirror URL", `href="/base/catalog/tracks"`)
	wants(t, w, "/base/catalog?q=x&page=3", 200, "There are no packages yet")
	wants(t, w, "/base/catalog/tracks", 200, "There are no releases yet")
}

func TestPagesLinkToACatalogThatHasSomething(t *testing.T) {
	t.Parallel()
	w := aCatalog(t)
	const link = `<a href="/base/catalog">Packages</a>`
	if page := stats(t, w, ""); strings.Contains(page, link) {
		t.Error("there is a link that nobody asked for")
	}
	shown := false
	w.Catalog.Shown = func() bool { return shown }
	for _, shown = range []bool{false, true} {
		if page := stats(t, w, ""); strings.Contains(page, link) != shown {
			t.Errorf("shown %v: %v", shown, !shown)
		}
	}
	wants(t, w, "/base/catalog/nothing", 404, link)
}

func TestReadmesComeFromWhereverTheyAre(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	with := published("a", "1.0.0")
	with.LongDescription, with.Readme = catalog.Text("the *record*"), &catalog.Readme{URL: "javascript:alert(1)"}
	without := published("b", "1.0.0")
	without.LongDescription = catalog.Text("the *record*")
	shelve(t, w, s, catalog.Package{ID: "a", Name: "a"}, with, catalog.Package{ID: "b", Name: "b"}, without)
	answer, fail := "the *file*", error(nil)
	asked := 0
	w.Catalog.Readme = func(_ context.Context, v catalog.Version) ([]byte, error) {
		if asked++; v.PackageName != "a" {
			t.Errorf("asked for %+v", v)
		}
		return []byte(answer), fail
	}
	wants(t, w, "/base/catalog/a", 200, "<p>the <em>file</em></p>")
	lacks(t, w, "/base/catalog/a", "javascript:")
	wants(t, w, "/base/catalog/b", 200, "<p>the <em>record</em></p>")
	answer = ""
	wants(t, w, "/base/catalog/a", 200, "<p>the <em>record</em></p>")
	for _, fail = range []error{pkgmeter.Errorf(pkgmeter.NotFound, "none"), errors.New("the disk is away")} {
		wants(t, w, "/base/catalog/a", 200, "<p>the <em>record</em></p>")
	}
	answer, fail = strings.Repeat("word ", 100_000), nil
	wants(t, w, "/base/catalog/a", 200, "It is too long to be shown with its formatting. This is its beginning.")
	if asked != 6 {
		t.Errorf("asked %d times", asked)
	}
}

// strange has a name of a stranger in all places that texts have, but for keys
// that no client could store.
func strange(t *testing.T, name string) *web.Web {
	t.Helper()
	w, s := open(t)
	key := name
	if strings.Contains(key, "\x00") || len(key) > catalog.MaxName {
		key = "x y"
	}
	v := published(key, "1.0.0")
	v.ID = "v"
	v.Description, v.Git, v.PublishedBy.Username, v.ReleaseName, v.DeprecatedMessage = name, catalog.Text(name), name, catalog.Text(name), catalog.Text(name)
	v.Dependencies = map[string]catalog.Dependency{strings.TrimPrefix(key, "$"): {Constraint: &name, References: []catalog.Reference{{Arch: name}}}}
	shelve(t, w, s, catalog.Package{ID: "p", Name: key, Homepage: name, Maintainers: []catalog.Maintainer{{Username: name}}}, v,
		catalog.Build{ID: "b", VersionID: v.ID, BuildArchitectures: key, Build: catalog.Tarball{URL: name}},
		catalog.ReleaseTrack{ID: "t", Name: key, Maintainers: []catalog.Maintainer{{Username: name}}},
		catalog.ReleaseVersion{ID: "r", Track: key, Version: key, Description: name, Tool: name, OrderKey: name})
	return w
}

// strangePages are the pages that show the names of strange.
func strangePages(name string) []string {
	if strings.Contains(name, "\x00") || len(name) > catalog.MaxName {
		name = "x y"
	}
	return []string{
		"/base/catalog", "/base/catalog?" + url.Values{"q": {name}}.Encode(), "/base/catalog?" + url.Values{"package": {name}}.Encode(), "/base/catalog?" + url.Values{"package": {name + "x"}}.Encode(),
		"/base/catalog?" + url.Values{"package": {name}, "version": {name}}.Encode(), "/base/catalog/tracks", "/base/catalog/tracks?" + url.Values{"track": {name}}.Encode(),
	}
}

func TestNamesOfStrangersAddNoElementToThePagesOfPackages(t *testing.T) {
	t.Parallel()
	plainPages := map[string]*web.Web{}
	for _, name := range browsertest.EvilNames(t) {
		harmless := "two words"
		if catalog.ValidName(name) == nil {
			harmless = "name" // there is a line to install it
		}
		if strings.Contains(name, "@") {
			harmless = "two@words" // its tool has a link
		}
		if plainPages[harmless] == nil {
			plainPages[harmless] = strange(t, harmless)
		}
		got, plain := strange(t, name), plainPages[harmless]
		others := strangePages(harmless)
		for i, path := range strangePages(name) {
			status, page, _ := visit(t, got, path)
			wantStatus, want, _ := visit(t, plain, others[i])
			elements, text := tree(t, page)
			wantElements, _ := tree(t, want)
			if i == 1 { // not every name is a text that is found: none has words without white space
				continue
			}
			if strings.Join(elements, "\n") != strings.Join(wantElements, "\n") || status != wantStatus {
				t.Errorf("%q changes %s (%d): %s", name, path, status, diff(elements, wantElements))
			}
			shown := strings.NewReplacer("\x00", "\uFFFD", "\r\n", "\n", "\r", "\n")
			if i == 2 && !strings.Contains(shown.Replace(text), shown.Replace(pkgmeter.Cut(name, 2000))) {
				t.Errorf("%q is not shown", name)
			}
		}
	}
}

// A package may have any number of versions, and a version any number of
// dependencies, builds and maintainers.
func TestPagesOfPackagesStaySmall(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	records := []documenter{catalog.ReleaseTrack{ID: "t", Name: "METEOR"}}
	p := catalog.Package{ID: "p", Name: "large", Homepage: strings.Repeat("h", 10_000)}
	last := published("large", "1.0.4999")
	last.Dependencies = map[string]catalog.Dependency{}
	last.DeprecatedMessage, last.ReleaseName = catalog.Text(strings.Repeat("m", 10_000)), catalog.Text(strings.Repeat("r", 10_000))
	for i := range 5000 {
		p.Maintainers = append(p.Maintainers, catalog.Maintainer{Username: fmt.Sprintf("maintainer-%d", i)})
		last.Dependencies[fmt.Sprintf("dependency-%d", i)] = catalog.Dependency{References: make([]catalog.Reference, 100)}
		if i < 4999 {
			v := published("large", fmt.Sprintf("1.0.%d", i))
			v.Published = catalog.DateOf(noon.Add(time.Duration(i-5000) * time.Hour))
			records = append(records, v)
		}
		if i < 1500 {
			records = append(records, catalog.Build{ID: fmt.Sprintf("b%d", i), VersionID: last.ID, BuildArchitectures: fmt.Sprintf("arch-%d", i)}, catalog.Package{ID: fmt.Sprintf("p%d", i), Name: fmt.Sprintf("small-%d", i)},
				catalog.ReleaseVersion{ID: fmt.Sprintf("r%d", i), Track: "METEOR", Version: fmt.Sprint(i), OrderKey: fmt.Sprintf("%04d", i)}, catalog.ReleaseTrack{ID: fmt.Sprintf("t%d", i), Name: fmt.Sprintf("t%d", i)})
		}
	}
	shelve(t, w, s, append(records, p, last)...)
	for path, rows := range map[string]int{"/base/catalog": 50, "/base/catalog?page=7&q=small": 50, "/base/catalog/large": 100 + 200 + 100, "/base/catalog/large?page=50": 100 + 200 + 100, "/base/catalog/tracks/METEOR": 100, "/base/catalog/tracks": 200} {
		status, html, _ := visit(t, w, path)
		if status != 200 || len(html) > 128<<10 {
			t.Errorf("%s: %d, %d bytes", path, status, len(html))
		}
		if got := strings.Count(html, "<tr><th scope=\"row\"") + strings.Count(html, "<li><p>"); got != rows {
			t.Errorf("%s: %d rows, want %d", path, got, rows)
		}
	}
	wants(t, w, "/base/catalog/large", 200, "5\u202f000 versions", "page 1 of 50", `href="?page=2"`, "And 4\u202f800 more.", "And more.", ">1.0.4900<")
	wants(t, w, "/base/catalog/large?version=1.0.7&page=2", 200, `href="?page=3&amp;version=1.0.7"`, `href="?version=1.0.7"`, ">1.0.4800<")
	wants(t, w, "/base/catalog?package=large&page=2", 200, ">1.0.4800<")
	wants(t, w, "/base/catalog/large?page=99", 200, `href="?page=50"`)
	wants(t, w, "/base/catalog/tracks/METEOR", 200, "There are more releases than the 1\u202f000", "page 1 of 10")
	wants(t, w, "/base/catalog?q=small&page=2", 200, `href="?page=3&amp;q=small"`, `href="?q=small"`)
	wants(t, w, "/base/catalog/tracks", 200, "The first 200.")
}

func TestPackagesOfStrangersDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browsertest.New(t)
	look := func(w *web.Web, paths ...string) {
		t.Helper()
		base := strings.TrimSuffix(serve(t, w, pkgmeter.Principal{}), "/base")
		c := browsertest.Listen(ctx, t, base)
		for _, path := range paths {
			browsertest.Visit(ctx, t, base+path)
			for _, complaint := range c.Take() {
				if !strings.Contains(complaint, "404 (Not Found)") {
					t.Errorf("%s: %s", path, complaint)
				}
			}
		}
	}
	for i, name := range browsertest.EvilNames(t) {
		if i%8 == 0 { // all of them are tried without a browser
			look(strange(t, name), strangePages(name)...)
		}
	}
	w, s := open(t)
	v := published("a", "1.0.0")
	v.LongDescription = catalog.Text(strings.Join(hostile[:len(hostile)-8], "\n\nword\n\n"))
	shelve(t, w, s, catalog.Package{ID: "p", Name: "a"}, v)
	look(w, "/base/catalog/a")
}

// Pictures are for people, see [TestPictures].
func TestPicturesOfPackages(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	w := aCatalog(t)
	w.Catalog.Shown = func() bool { return true }
	w.Catalog.Readme = func(context.Context, catalog.Version) ([]byte, error) {
		return []byte("# Iron.Router [![Build](https://ci.example/b.svg)](https://ci.example)\n\nA router that works on the *server* and the **browser**, for [Meteor](https://www.meteor.example).\n\n" +
			"## Installation\n\n```sh\nmeteor add iron:router\n```\n\n- [x] routes\n- [ ] `Router.configure({ layoutTemplate: 'main' })`\n\n> Since 1.0 it is stable.\n\n|Option|Type|What\n|-|:-:|-:\n|`path`|text|where it is\n|`name`|text|what it is called\n\n" +
			"### A long line\n\n    Router.route('/items/:_id', function () { this.render('Item', { data: function () { return Items.findOne(this.params._id); } }); });\n"), nil
	}
	empty, s := open(t)
	shelve(t, empty, s)
	takePictures(t, serve(t, empty, pkgmeter.Principal{}), map[string]string{"catalog-empty": "/catalog"})
	takePictures(t, serve(t, w, admin), map[string]string{
		"catalog": "/catalog", "search": "/catalog?q=rout", "package": "/catalog/iron:router", "old": "/catalog/iron:router?version=1.0.0", "tracks": "/catalog/tracks", "track": "/catalog/tracks/METEOR", "absent": "/catalog/nothing",
	})
	takePictures(t, serve(t, strange(t, "<script>"+strings.Repeat("x", 190)), pkgmeter.Principal{}), map[string]string{"strange": "/catalog?package=" + url.QueryEscape("<script>"+strings.Repeat("x", 190)), "strange-list": "/catalog"})
}
