package meteor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// TestWhoMayDoWhat calls methods at random, as users of all kinds, and compares
// each answer and each change of the catalog with a model of who may do what.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	seeds, steps := 8, 1200
	if testing.Short() || raceDetector {
		seeds, steps = 3, 500
	}
	var mu sync.Mutex
	outcomes := map[string]int{}
	t.Cleanup(func() {
		if testing.Short() || raceDetector {
			return
		}
		for _, method := range []string{
			"amIAuthorizedPackage", "amIAuthorizedRelease", "createPackage", "createPackageVersion", "publishPackageVersion", "createPackageBuild", "publishPackageBuild",
			"changeVersionMetadata", "createReadme", "publishReadme", "addMaintainer", "removeMaintainer", "addReleaseMaintainer", "removeReleaseMaintainer", "createReleaseTrack",
			"createReleaseVersion", "createPatchReleaseVersion", "recommendVersion", "unrecommendVersion", "setBannersOnReleases", "_changePackageHomepage", "_changeVersionMigrationStatus",
		} {
			if outcomes[method+" 0"] == 0 || outcomes[method+" 401"] == 0 {
				t.Errorf("%s was tried too seldom: allowed %d times, refused %d times", method, outcomes[method+" 0"], outcomes[method+" 401"])
			}
		}
		if t.Failed() {
			t.Log(outcomes)
		}
	})
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, uint64(seed))
			for range steps {
				w.step()
			}
			w.compare()
			mu.Lock()
			defer mu.Unlock()
			for outcome, n := range w.outcomes {
				outcomes[outcome] += n
			}
		})
	}
}

// The model knows everything that there may be, and nothing of how it is done.
type (
	world struct {
		*registry
		rnd     *rand.Rand
		callers map[string]*caller
		members map[string]bool // of acme
		pkgs    map[string]*modelPackage
		tracks  map[string]*modelTrack
		pending []*modelPending
		texts   int
		// outcomes counts calls by method and code.
		outcomes map[string]int
		history  []string
	}
	modelPackage struct {
		maintainers []string
		homepage    string
		versions    map[string]*modelVersion
	}
	modelVersion struct {
		description string
		unmigrated  bool
		readme      string // "": none
		builds      map[string]string
	}
	modelTrack struct {
		maintainers []string
		releases    map[string]*modelRelease
	}
	modelRelease struct {
		ordered, recommended bool
		patch, banner        string
	}
	modelPending struct {
		kind, pkg, version, arch string
		token, url, readmeURL    string
		source, readme, about    string // "": not uploaded
		replaced, published      bool
	}
)

// people are all kinds: an administrator, maintainers, a stranger who is
// a publisher, one who may only look, and nobody.
var people = []string{"root", "alice", "bob", "carol", "eve", "vic", ""}

func isStranger(name string) bool { return name == "eve" || name == "vic" || name == "" }

var (
	somePackages = []string{"alice:a", "bob:b", "acme:c", "top"}
	someTracks   = []string{"METEOR", "alice:T", "acme:T", "alice:a"}
	someVersions = []string{"1.0.0", "1.1.0", "2.0.0-rc.1"}
	someReleases = []string{"1.0", "1.1", "2.0", "3.0", "4.0"}
	someArchs    = []string{"os", "os+web.browser"}
	someUsers    = []string{"root", "alice", "bob", "carol", "acme", "nosuch"}
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		registry: openRegistry(t), rnd: rand.New(rand.NewPCG(seed, 5)), callers: map[string]*caller{"": nil},
		members: map[string]bool{"carol": true}, pkgs: map[string]*modelPackage{}, tracks: map[string]*modelTrack{},
		outcomes: map[string]int{},
	}
	for name, role := range map[string]pkgmeter.Role{
		"root": pkgmeter.Admin, "vic": pkgmeter.Viewer, "alice": pkgmeter.Publisher, "bob": pkgmeter.Publisher, "carol": pkgmeter.Publisher, "eve": pkgmeter.Publisher,
	} {
		w.callers[name] = w.as(name, w.user(name, role))
	}
	w.callers[""] = w.anybody()
	w.join("carol")
	return w
}

func (w *world) pick(from []string) string { return from[w.rnd.IntN(len(from))] }

func (w *world) text() string {
	w.texts++
	return fmt.Sprint("text ", w.texts)
}

// An expectation is what a call is answered, and what it changes.
type expectation struct {
	code    int // 0: allowed
	changes pkgmeter.Positions
	then    func() // what becomes of the model
}

func refused(code int) expectation { return expectation{code: code} }

func allowed(c pkgmeter.Collection, n int, then func()) expectation {
	e := expectation{then: then}
	e.changes[c] = int64(n)
	return e
}

func count(changed bool) int {
	if changed {
		return 1
	}
	return 0
}

// step makes one call.
func (w *world) step() {
	w.Helper()
	if w.rnd.IntN(25) == 0 {
		w.changeMembers()
	}
	if len(w.pending) > 0 && w.rnd.IntN(2) == 0 {
		w.uploadSome()
	}
	who := w.pick(people)
	if w.rnd.IntN(2) == 0 {
		who = w.pick([]string{"root", "root", "alice", "carol"})
	}
	calls := []func(who string) (string, []any, expectation){
		w.createPackage, w.beginVersion, w.beginVersion, w.publishVersion, w.publishVersion, w.publishVersion, w.beginBuild, w.publishBuild, w.publishBuild,
		w.metadata, w.migration, w.homepage, w.beginReadme, w.publishReadme, w.maintainer, w.maintainer, w.createTrack, w.createRelease, w.createRelease,
		w.patch, w.recommend, w.banners, w.authorized,
	}
	method, args, want := calls[w.rnd.IntN(len(calls))](who)
	if who == "" || who == "vic" {
		want = refused(401)
	}
	w.check(who, method, args, want)
}

func (w *world) check(who, method string, args []any, want expectation) {
	w.Helper()
	w.history = append(w.history, fmt.Sprintf("%s: %s %v", who, method, args))
	before, _ := w.store.CatalogState()
	var result map[string]any
	var err error
	if strings.HasPrefix(method, "create") && method != "createReleaseTrack" {
		err = w.callers[who].call(method, &result, args...)
	} else {
		err = w.callers[who].call(method, nil, args...)
	}
	after, _ := w.store.CatalogState()
	code := 0
	if e, ok := errors.AsType[*ddp.Error](err); ok {
		code, _ = e.Code.(int)
	}
	var changes pkgmeter.Positions
	for c := range changes {
		changes[c] = after.Changes[c] - before.Changes[c]
	}
	if problem := misbehaved(err); problem != "" || code != want.code || changes != want.changes || isStranger(who) && (err == nil || before != after) {
		w.Fatalf("after %s\ngot %v with changes %v, want code %d with %v; %s", strings.Join(w.history[max(0, len(w.history)-15):], "\n"), err, changes, want.code, want.changes, problem)
	}
	w.outcomes[fmt.Sprint(method, " ", code)]++
	if code != 0 {
		return
	}
	if want.then != nil {
		want.then()
	}
	if result["uploadToken"] != nil {
		p := w.pending[len(w.pending)-1]
		p.token, _ = result["uploadToken"].(string)
		p.url, _ = result["uploadUrl"].(string)
		p.readmeURL, _ = result["readmeUrl"].(string)
		if p.kind == "readme" {
			p.readmeURL, _ = result["url"].(string)
		}
	}
}

func (w *world) changeMembers() {
	name := w.pick([]string{"bob", "carol"})
	if w.members[name] {
		if err := w.store.RemoveMember(w.Context(), "acme", name); err != nil {
			w.Fatal(err)
		}
	} else {
		w.join(name)
	}
	w.members[name] = !w.members[name]
}

func (w *world) uploadSome() {
	p := w.lately()
	url, into := p.url, &p.source
	if p.readmeURL != "" && (p.kind == "readme" || w.rnd.IntN(2) == 0) {
		url, into = p.readmeURL, &p.readme
	}
	text := w.text()
	want := http.StatusOK
	switch {
	case p.published:
		want = http.StatusConflict
	case p.replaced:
		want = http.StatusNotFound
	default:
		*into = text
	}
	if got := w.upload(url, text); got != want {
		w.Fatalf("upload for %+v: %d, want %d", p, got, want)
	}
}

// compare compares what clients get with the model.
func (w *world) compare() {
	w.Helper()
	got, want := map[string]string{}, map[string]string{}
	ids := map[any]string{}
	for name, p := range w.catalog(pkgmeter.Packages) {
		homepage, _ := p["homepage"].(string)
		got[name] = names(p["maintainers"]) + homepage
	}
	for key, v := range w.catalog(pkgmeter.Versions) {
		ids[v["_id"]] = key
		readme, hash := "", ""
		if m, ok := v["readme"].(obj); ok {
			readme, hash = w.fetch(m["url"].(string)), m["hash"].(string)
			if hash != hashOf(readme) {
				w.Errorf("%s: the hash of its readme is wrong", key)
			}
		}
		got[key] = fmt.Sprint(v["description"], v["unmigrated"] == true, readme)
	}
	for _, b := range w.catalog(pkgmeter.Builds) {
		got[fmt.Sprint(ids[b["versionId"]], "@", b["buildArchitectures"])] = w.fetch(b["build"].(obj)["url"].(string))
	}
	for name, t := range w.catalog(pkgmeter.ReleaseTracks) {
		got["track "+name] = names(t["maintainers"])
	}
	for key, r := range w.catalog(pkgmeter.ReleaseVersions) {
		banner, _ := r["banner"].(obj)
		_, ordered := r["orderKey"]
		patch, _ := r["patchReleaseVersion"].(string)
		text, _ := banner["text"].(string)
		got["release "+key] = fmt.Sprint(modelRelease{ordered, r["recommended"] == true, patch, text})
	}
	for name, p := range w.pkgs {
		want[name] = strings.Join(p.maintainers, " ") + p.homepage
		for version, v := range p.versions {
			want[name+"@"+version] = fmt.Sprint(v.description, v.unmigrated, v.readme)
			for arch, text := range v.builds {
				want[name+"@"+version+"@"+arch] = text
			}
		}
	}
	for name, t := range w.tracks {
		want["track "+name] = strings.Join(t.maintainers, " ")
		for version, r := range t.releases {
			want["release "+name+"@"+version] = fmt.Sprint(*r)
		}
	}
	if !reflect.DeepEqual(got, want) {
		w.Errorf("clients get %v\nwant %v", got, want)
	}
}
