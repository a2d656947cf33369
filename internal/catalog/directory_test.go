package catalog_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// shelf is a store in memory.
type shelf struct {
	mu    sync.Mutex
	docs  [pkgmeter.Collections]map[string]pkgmeter.Document // by key
	state pkgmeter.CatalogState
	fails error
	reads int // of everything
}

func newShelf() *shelf {
	s := &shelf{state: pkgmeter.CatalogState{LastDeletion: 1}}
	for c := range s.docs {
		s.docs[c] = map[string]pkgmeter.Document{}
	}
	return s
}

func (s *shelf) CatalogState() (pkgmeter.CatalogState, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, nil
}

func (s *shelf) Briefs(_ context.Context, c pkgmeter.Collection, visit func(key, id, brief string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	for _, key := range slices.Sorted(maps.Keys(s.docs[c])) {
		if err := errors.Join(s.fails, visit(key, s.docs[c][key].ID, s.docs[c][key].Brief)); err != nil {
			return err
		}
	}
	return s.fails
}

func (s *shelf) BriefsSince(_ context.Context, c pkgmeter.Collection, after int64, visit func(at int64, key, id, brief string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	docs := slices.SortedFunc(maps.Values(s.docs[c]), func(a, b pkgmeter.Document) int { return cmp.Compare(a.At, b.At) })
	for _, d := range docs {
		if d.At > after {
			if err := visit(d.At, d.Key, d.ID, d.Brief); err != nil {
				return err
			}
		}
	}
	return s.fails
}

type documenter interface {
	Document() (pkgmeter.Document, error)
}

func (s *shelf) put(t testing.TB, record documenter) {
	t.Helper()
	d, err := record.Document()
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Last++
	d.At, s.state.At[d.Collection] = s.state.Last, s.state.Last
	s.docs[d.Collection][d.Key] = d
}

func (s *shelf) remove(c pkgmeter.Collection, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.docs[c], key)
	s.state.Last++
	s.state.LastDeletion = s.state.Last
}

func (s *shelf) pkg(t testing.TB, name string) { s.put(t, catalog.Package{ID: "p" + name, Name: name}) }

func (s *shelf) version(t testing.TB, name, version, description string, published catalog.Date) {
	s.put(t, catalog.Version{ID: name + version, PackageName: name, Version: version, Description: description, Published: published, PublishedBy: catalog.User{Username: "ann"}})
}

// names returns what a search finds, as NAME@LATEST.
func names(t *testing.T, d *catalog.Directory, words string) string {
	t.Helper()
	total, found, err := d.Search(t.Context(), words, 0, 1000)
	if err != nil || total != len(found) {
		t.Fatalf("%q: %d, %d, %v", words, total, len(found), err)
	}
	var all []string
	for _, e := range found {
		all = append(all, e.Name+"@"+e.Latest.Version)
	}
	return strings.Join(all, " ")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := newShelf()
	for i, p := range [][3]string{
		{"iron:router", "1.0.0", "Routing for Meteor"},
		{"router", "2.0.0", "Another"},
		{"router-layer", "0.1.0", "Thin"},
		{"accounts", "1.1.0", "Who may use the ROUTER"},
		{"zebra", "1.0.0", "Stripes, no routing"},
		{"ärger", "1.0.0", "ÜBER <b>"},
	} {
		s.pkg(t, p[0])
		s.version(t, p[0], p[1], p[2], catalog.Date(1000-i))
	}
	s.pkg(t, "empty")
	s.version(t, "gone", "1.0.0", "Has a version and no record", 5000)
	d := catalog.NewDirectory(s)
	for words, want := range map[string]string{
		"router": "router@2.0.0 router-layer@0.1.0 accounts@1.1.0 iron:router@1.0.0", "ROUTER": "router@2.0.0 router-layer@0.1.0 accounts@1.1.0 iron:router@1.0.0",
		"rout":         "router@2.0.0 router-layer@0.1.0 accounts@1.1.0 iron:router@1.0.0 zebra@1.0.0",
		"meteor  rout": "iron:router@1.0.0", "router another": "router@2.0.0", "another router": "router@2.0.0", "über": "ärger@1.0.0", "<B>": "ärger@1.0.0", "router nothing": "", "1.0.0": "",
		"": "iron:router@1.0.0 router@2.0.0 router-layer@0.1.0 accounts@1.1.0 zebra@1.0.0 ärger@1.0.0 empty@", " \t": "iron:router@1.0.0 router@2.0.0 router-layer@0.1.0 accounts@1.1.0 zebra@1.0.0 ärger@1.0.0 empty@",
		"empty": "empty@", "gone": "", "\xff": "", strings.Repeat("router ", 1000): "router@2.0.0 router-layer@0.1.0 accounts@1.1.0 iron:router@1.0.0", "r": "router@2.0.0 router-layer@0.1.0 accounts@1.1.0 iron:router@1.0.0 zebra@1.0.0 ärger@1.0.0",
	} {
		if got := names(t, d, words); got != want {
			t.Errorf("%.40q:\n got %s\nwant %s", words, got, want)
		}
	}
	for _, part := range []struct{ offset, limit, found int }{{0, 2, 2}, {6, 2, 1}, {7, 2, 0}, {99, 2, 0}, {-5, 2, 2}, {0, 0, 0}, {0, -1, 0}} {
		if total, found, err := d.Search(t.Context(), "", part.offset, part.limit); total != 7 || len(found) != part.found || err != nil {
			t.Errorf("%+v: %d of %d, %v", part, len(found), total, err)
		}
	}
	_, found, _ := d.Search(t.Context(), "layer", 0, 1)
	if want := (catalog.Entry{Name: "router-layer", Latest: catalog.Publication{Version: "0.1.0", Description: "Thin", Published: 998, Publisher: "ann"}, Versions: 1}); found[0] != want {
		t.Errorf("%+v", found[0])
	}
}

func TestTheLatestVersion(t *testing.T) {
	t.Parallel()
	for versions, want := range map[string]string{
		"1.0.0": "1.0.0", "1.2.0 1.10.0 1.9.0": "1.10.0", "1.0.0 2.0.0-rc.1": "1.0.0", "2.0.0-rc.1 2.0.0-rc.2": "2.0.0-rc.2", "1.0.0 1.0.0_1": "1.0.0_1",
		"1.0.0 2.0.0u": "1.0.0", "1.0.0u 2.0.0u": "2.0.0", "1.0.0-rc.1 2.0.0u": "1.0.0-rc.1", "1.0.0-rc.1 x": "1.0.0-rc.1", "x y": "y", "x 1.0.0u": "x",
	} {
		s := newShelf()
		s.pkg(t, "a")
		for v := range strings.FieldsSeq(versions) {
			text, unmigrated := strings.CutSuffix(v, "u")
			// EarliestCompatibleVersion keeps Document from reading the version.
			s.put(t, catalog.Version{ID: "v" + v, PackageName: "a", Version: text, Unmigrated: unmigrated, EarliestCompatibleVersion: "0.0.0"})
		}
		d := catalog.NewDirectory(s)
		if got := names(t, d, "a"); got != "a@"+want {
			t.Errorf("%s: %s, want %s", versions, got, want)
		}
	}
}

func TestADirectoryFollowsWhatChanges(t *testing.T) {
	t.Parallel()
	s := newShelf()
	d := catalog.NewDirectory(s)
	if got := names(t, d, ""); got != "" {
		t.Errorf("nothing is %s", got)
	}
	step := func(want string, totals catalog.Totals) {
		t.Helper()
		if got := names(t, d, ""); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
		if got, err := d.Totals(t.Context()); got != totals || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, totals)
		}
	}
	s.pkg(t, "a")
	step("a@", catalog.Totals{Packages: 1})
	s.version(t, "a", "1.0.0", "old", 10)
	s.version(t, "b", "0.1.0", "early", 20) // its package comes later
	step("a@1.0.0", catalog.Totals{Packages: 1, Versions: 2})
	s.pkg(t, "b")
	step("b@0.1.0 a@1.0.0", catalog.Totals{Packages: 2, Versions: 2})
	s.version(t, "a", "1.1.0", "new", 30)
	step("a@1.1.0 b@0.1.0", catalog.Totals{Packages: 2, Versions: 3})
	s.version(t, "a", "1.1.0", "changed", 30)
	step("a@1.1.0 b@0.1.0", catalog.Totals{Packages: 2, Versions: 3})
	if got := names(t, d, "changed") + names(t, d, "new"); got != "a@1.1.0" {
		t.Errorf("found %s", got)
	}
	s.put(t, catalog.Version{ID: "x", PackageName: "a", Version: "1.1.0", Description: "changed", Published: 30, Unmigrated: true})
	step("b@0.1.0 a@1.0.0", catalog.Totals{Packages: 2, Versions: 3})
	reads := s.reads
	s.remove(pkgmeter.Versions, "a\x001.0.0")
	step("a@1.1.0 b@0.1.0", catalog.Totals{Packages: 2, Versions: 2})
	if s.reads != reads+2 || reads != 2 {
		t.Errorf("everything was read %d and %d times", reads/2, s.reads/2)
	}
	versions, latest, err := d.Versions(t.Context(), "a")
	if err != nil || latest != "1.1.0" || len(versions) != 1 || !versions[0].Unmigrated {
		t.Errorf("%+v, %s, %v", versions, latest, err)
	}
	if versions, latest, err := d.Versions(t.Context(), "none"); versions != nil || latest != "" || err != nil {
		t.Errorf("%+v, %s, %v", versions, latest, err)
	}
}

func TestVersionsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	s := newShelf()
	s.pkg(t, "a")
	for version, at := range map[string]catalog.Date{"1.10.0": 5, "1.9.0": 5, "1.0.0": 1, "1.0.1": 9, "2.0.0-rc.1": 5} {
		s.version(t, "a", version, "", at)
	}
	var got []string
	versions, _, _ := catalog.NewDirectory(s).Versions(t.Context(), "a")
	for _, v := range versions {
		got = append(got, v.Version)
	}
	if want := "1.0.1 2.0.0-rc.1 1.10.0 1.9.0 1.0.0"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestASourceThatFailsIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newShelf()
	s.pkg(t, "a")
	d := catalog.NewDirectory(s)
	for _, fails := range []error{errors.New("away"), nil, errors.New("away"), nil} {
		s.fails = fails
		if _, found, err := d.Search(t.Context(), "", 0, 9); !errors.Is(err, fails) || fails == nil && len(found) != 1 {
			t.Errorf("%v: %v, %v", fails, found, err)
		}
		if fails == nil {
			s.put(t, catalog.Package{ID: "pa", Name: "a"}) // something changes
		}
	}
}

// After any changes, what was followed is what is read anew.
func TestFollowingIsReading(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 8))
	s := newShelf()
	d := catalog.NewDirectory(s)
	versions := []string{"1.0.0", "1.0.0-rc.1", "1.2.0", "1.10.0", "1.2.0_1", "0.1.0"}
	for range 3000 {
		name := string(rune('a' + rnd.IntN(8)))
		version := versions[rnd.IntN(len(versions))]
		switch rnd.IntN(20) {
		case 0:
			s.remove(pkgmeter.Packages, name)
		case 1:
			s.remove(pkgmeter.Versions, name+"\x00"+version)
		case 2, 3:
			s.pkg(t, name)
		default:
			s.put(t, catalog.Version{
				ID: "v", PackageName: name, Version: version, Description: versions[rnd.IntN(3)], Published: catalog.Date(rnd.IntN(50)), Unmigrated: rnd.IntN(4) == 0,
			})
		}
		if rnd.IntN(3) > 0 {
			continue
		}
		anew := catalog.NewDirectory(s)
		for _, words := range []string{"", "a", "1.2", "rc 1"} {
			if got, want := names(t, d, words), names(t, anew, words); got != want {
				t.Fatalf("%q: followed %s, read %s", words, got, want)
			}
		}
		got, latest, _ := d.Versions(t.Context(), name)
		want, anewLatest, _ := anew.Versions(t.Context(), name)
		if !slices.Equal(got, want) || latest != anewLatest {
			t.Fatalf("%s: followed %v, read %v", name, got, want)
		}
	}
}

func TestADirectoryIsUsedByMany(t *testing.T) {
	t.Parallel()
	s := newShelf()
	d := catalog.NewDirectory(s)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for last := 0; last < 200; {
				total, found, err := d.Search(t.Context(), "", 0, 300)
				if err != nil || total != len(found) || total < last {
					t.Errorf("%d after %d, %v", total, last, err)
					return
				}
				last = total
				if _, _, err := d.Versions(t.Context(), "p7"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 200 {
		s.version(t, fmt.Sprintf("p%d", i), "1.0.0", "x", catalog.Date(i))
		s.pkg(t, fmt.Sprintf("p%d", i))
	}
	wg.Wait()
}

// large is as many packages and versions as the public catalog has.
type large struct {
	keys, briefs [pkgmeter.Collections][]string
}

func newLarge(b *testing.B) *large {
	b.Helper()
	l := &large{}
	words := strings.Fields("routing layout accounts template reactive mongo collection helper auth simple wrapper for meteor a the with bootstrap publish method server client build mobile chart")
	rnd := rand.New(rand.NewPCG(1, 1))
	var packages []string
	for i := range 15_000 {
		packages = append(packages, fmt.Sprintf("%s%d:%s-%s", words[rnd.IntN(len(words))], i%3000, words[rnd.IntN(len(words))], words[i%len(words)]))
	}
	slices.Sort(packages)
	packages = slices.Compact(packages)
	for _, name := range packages {
		l.keys[pkgmeter.Packages] = append(l.keys[pkgmeter.Packages], name)
		l.briefs[pkgmeter.Packages] = append(l.briefs[pkgmeter.Packages], "")
		description := ""
		for range 10 {
			description += words[rnd.IntN(len(words))] + " "
		}
		for v := range 1 + rnd.IntN(20) {
			d, err := catalog.Version{ID: "v", PackageName: name, Version: fmt.Sprintf("1.%d.%d", v/3, v), Description: description, Published: catalog.Date(rnd.IntN(1e12)), PublishedBy: catalog.User{Username: "someone"}}.Document()
			if err != nil {
				b.Fatal(err)
			}
			l.keys[pkgmeter.Versions] = append(l.keys[pkgmeter.Versions], d.Key)
			l.briefs[pkgmeter.Versions] = append(l.briefs[pkgmeter.Versions], d.Brief)
		}
	}
	return l
}

func (l *large) CatalogState() (pkgmeter.CatalogState, <-chan struct{}) {
	return pkgmeter.CatalogState{LastDeletion: 1}, nil
}

func (l *large) Briefs(_ context.Context, c pkgmeter.Collection, visit func(key, id, brief string) error) error {
	for i, key := range l.keys[c] {
		if err := visit(strings.Clone(key), "", strings.Clone(l.briefs[c][i])); err != nil {
			return err
		}
	}
	return nil
}

func (l *large) BriefsSince(context.Context, pkgmeter.Collection, int64, func(at int64, key, id, brief string) error) error {
	return nil
}

func BenchmarkLoad(b *testing.B) {
	l := newLarge(b)
	b.ReportMetric(float64(len(l.keys[pkgmeter.Versions])), "versions")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var d *catalog.Directory
	for b.Loop() {
		d = catalog.NewDirectory(l)
		if _, err := d.Totals(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(d)
}

func BenchmarkSearch(b *testing.B) {
	d := catalog.NewDirectory(newLarge(b))
	for _, words := range []string{"", "router", "meteor", "e", "meteor simple wrapper", "nothing at all"} {
		b.Run(words, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := d.Search(b.Context(), words, 0, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
