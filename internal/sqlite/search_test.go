package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

func find(t testing.TB, s *sqlite.Store, text string, repositories ...string) pkgmeter.Found {
	t.Helper()
	found, err := s.Search(t.Context(), pkgmeter.Search{Text: text, Limit: pkgmeter.MaxHits, Now: noon, Repositories: repositories})
	if err != nil {
		t.Fatalf("search %q: %v", text, err)
	}
	return found
}

// keysOf lists what was found of a kind.
func keysOf(found pkgmeter.Found, by pkgmeter.Key) (keys []string) {
	for _, g := range found.Groups {
		if g.By != by {
			continue
		}
		for _, h := range g.Hits {
			keys = append(keys, h.Key)
		}
	}
	return keys
}

// fetched stores n downloads of a path in a repository.
func fetched(t testing.TB, s *sqlite.Store, repository, path string, n int) {
	t.Helper()
	var entries []pkgmeter.Entry
	for range n {
		e := pkgmeter.Event{Source: "s", Repository: repository, Path: path, Time: noon, Status: 200, Agent: "curl/8.5.0"}
		entries = append(entries, rule.Default().Apply(e))
	}
	write(t, s, noon, entries...)
}

func TestASearchRanksWholeNamesThenBeginningsThenWordsThenTheRest(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for path, n := range map[string]int{
		"core": 1, "core-api.bin": 2, "core-io.bin": 3, "acme-core.bin": 9, "x/core.y/z.bin": 5, "encore.bin": 30, "score.bin": 40, "other.bin": 50,
	} {
		fetched(t, s, "files", path, n)
	}
	fetched(t, s, "m", "com/acme/app/1.0/app-1.0.jar", 4)
	fetched(t, s, "m", "com/acme/app-core/1.0/app-core-1.0.jar", 8)
	fetched(t, s, "n", "@scope/app/-/app-1.0.0.tgz", 6)
	fetched(t, s, "n", "happy/-/happy-1.0.0.tgz", 60)
	for text, want := range map[string]struct {
		by   pkgmeter.Key
		keys []string
	}{
		"core":                                {pkgmeter.ByFile, []string{"core", "core-io.bin", "core-api.bin", "acme-core.bin", "com/acme/app-core/1.0/app-core-1.0.jar", "x/core.y/z.bin", "score.bin", "encore.bin"}},
		"  CORE  bin ":                        {pkgmeter.ByFile, []string{"core-io.bin", "core-api.bin", "acme-core.bin", "x/core.y/z.bin", "score.bin", "encore.bin"}},
		"app":                                 {pkgmeter.ByPackage, []string{"pkg:npm/%40scope/app", "pkg:maven/com.acme/app", "pkg:maven/com.acme/app-core", "pkg:npm/happy"}},
		"@scope/app":                          {pkgmeter.ByPackage, []string{"pkg:npm/%40scope/app"}},
		"%40scope/app":                        {pkgmeter.ByPackage, []string{"pkg:npm/%40scope/app"}},
		"com.acme:app":                        {pkgmeter.ByPackage, []string{"pkg:maven/com.acme/app", "pkg:maven/com.acme/app-core"}},
		"com.acme:app:1.0":                    {pkgmeter.ByPackage, []string{"pkg:maven/com.acme/app", "pkg:maven/com.acme/app-core"}},
		"pkg:npm/@scope/app":                  {pkgmeter.ByPackage, []string{"pkg:npm/%40scope/app"}},
		"PKG:npm/%40scope/app@1.0.0?arch=x#y": {pkgmeter.ByPackage, []string{"pkg:npm/%40scope/app"}},
		"maven app":                           {pkgmeter.ByPackage, []string{"pkg:maven/com.acme/app", "pkg:maven/com.acme/app-core"}},
		"curl":                                {pkgmeter.ByClient, []string{"curl"}},
		"iles":                                {pkgmeter.ByRepository, []string{"files"}},
		"nothing like this":                   {pkgmeter.ByFile, nil},
		"%zz":                                 {pkgmeter.ByPackage, nil},
		"pkg:":                                {pkgmeter.ByPackage, nil},
		":":                                   {pkgmeter.ByClient, nil},
	} {
		if got := keysOf(find(t, s, text), want.by); !slices.Equal(got, want.keys) {
			t.Errorf("%q finds %q,\nwant %q", text, got, want.keys)
		}
	}
}

func TestALimitKeepsTheBestAndSaysThatThereAreMore(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for i := range 20 {
		fetched(t, s, "r", fmt.Sprintf("app-%02d.bin", i), 1+i%7)
	}
	all := keysOf(find(t, s, "app"), pkgmeter.ByFile)
	for limit := 1; limit <= 21; limit++ {
		found, err := s.Search(t.Context(), pkgmeter.Search{Text: "app", Limit: limit, Now: noon})
		if err != nil {
			t.Fatal(err)
		}
		group := found.Groups[1]
		if got := keysOf(found, pkgmeter.ByFile); !slices.Equal(got, all[:min(limit, 20)]) || group.More != (limit < 20) {
			t.Errorf("limit %d: %q, more %v", limit, got, group.More)
		}
	}
	for text, limit := range map[string]int{"": 1, "a": 0, "b": 51, strings.Repeat("x", 201): 1} {
		_, err := s.Search(t.Context(), pkgmeter.Search{Text: text, Limit: limit, Now: noon})
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%.10q with limit %d: %v", text, limit, err)
		}
	}
	if got := find(t, s, strings.Repeat("ä", 200)); keysOf(got, pkgmeter.ByFile) != nil {
		t.Error("200 characters find something")
	}
}

func TestWhatFitsBetterIsKeptHoweverFewItsCounts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	order := []string{"app", "app.bin", "x-app.bin", "happy.bin", "snappy.bin", "trappy.bin"}
	var stored []string
	for i, name := range []string{"happy.bin", "snappy.bin", "trappy.bin", "x-app.bin", "app.bin", "app"} {
		fetched(t, s, "r", name, 60-10*i)
		stored = append(stored, name)
		want := slices.DeleteFunc(slices.Clone(order), func(n string) bool { return !slices.Contains(stored, n) })
		for limit := 1; limit <= len(want); limit++ {
			found, err := s.Search(t.Context(), pkgmeter.Search{Text: "app", Limit: limit, Now: noon})
			if got := keysOf(found, pkgmeter.ByFile); err != nil || !slices.Equal(got, want[:limit]) {
				t.Errorf("limit %d: %q, want %q, %v", limit, got, want[:limit], err)
			}
		}
	}
}

func TestCaseIsFoldedInEveryScript(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	names := []string{"Größe.bin", "ÖLFARBE.bin", "Ελληνικά.bin", "КНИГА.bin", "東京.bin", "İstanbul.bin", "e\u0301te\u0301.bin"}
	for _, name := range names {
		fetched(t, s, "r", name, 1)
	}
	for text, want := range map[string]string{
		"GRÖSSE": "", "größe": names[0], "GRÖßE": names[0], "ölfarbe": names[1], "ΕΛΛΗΝΙΚΆ": names[2], "книга": names[3], "京": names[4], "istanbul": names[5], "E\u0301TE": names[6],
	} {
		got := strings.Join(keysOf(find(t, s, text), pkgmeter.ByFile), " ")
		if got != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
}

// assertCounts checks that what is found has the counts that lists and series
// have, and that everything that a list has is found.
func assertCounts(t *testing.T, s *sqlite.Store, text string, repositories ...string) {
	t.Helper()
	found := find(t, s, text, repositories...)
	for _, g := range found.Groups {
		q := pkgmeter.Query{Now: noon, Filter: pkgmeter.Filter{Repositories: repositories}}
		list, err := s.Top(t.Context(), q, g.By, pkgmeter.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		counted := map[string]pkgmeter.Measures{}
		for _, it := range list.Items {
			counted[it.Key] = it.Measures
		}
		for _, h := range g.Hits {
			if want := counted[h.Key]; want.Hits != h.Hits || want.Downloads != h.Downloads || h.Hits == 0 {
				t.Errorf("%s %q: %d downloads and %d hits, want %d and %d", g.By, h.Key, h.Downloads, h.Hits, want.Downloads, want.Hits)
			}
			assertDays(t, s, g.By, h, found, repositories)
			delete(counted, h.Key)
		}
		for key := range counted {
			plain := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, "pkg:"), "%40", "@"))
			if strings.Contains(plain, text) && !g.More {
				t.Errorf("%s %q is not found by %q", g.By, key, text)
			}
		}
	}
}

func assertDays(t *testing.T, s *sqlite.Store, by pkgmeter.Key, h pkgmeter.Hit, found pkgmeter.Found, repositories []string) {
	t.Helper()
	q := pkgmeter.Query{Now: noon, From: pkgmeter.DayOf(noon) - pkgmeter.SparkDays + 1, Filter: pkgmeter.Filter{Repositories: repositories}}
	names := map[pkgmeter.Key]*[]string{pkgmeter.ByPackage: &q.Filter.Packages, pkgmeter.ByFile: &q.Filter.Files, pkgmeter.ByClient: &q.Filter.Clients, pkgmeter.ByRepository: &q.Filter.Repositories}
	*names[by] = []string{h.Key}
	series, err := s.Series(t.Context(), q, pkgmeter.Daily)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range series.Lines[0].Points {
		if h.Days[i] != p.Downloads || found.Gaps[i] != p.Gap {
			t.Errorf("%s %q on %s: %d, gap %v, want %d, %v", by, h.Key, p.Day, h.Days[i], found.Gaps[i], p.Downloads, p.Gap)
		}
	}
}

func TestFoundCountsAreThoseOfListsWhateverHappens(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), &clock{noon}
	s := open(t, dir, c)
	rng := rand.New(rand.NewPCG(7, 7))
	n := 0
	more := func(rules *rule.Set) {
		for range 5 {
			var events []pkgmeter.Event
			for range 60 {
				events = append(events, randomEvent(rng, n))
				n++
			}
			write(t, s, noon, rules.ApplyAll(events)...)
		}
	}
	check := func(when string) {
		t.Helper()
		t.Run(when, func(t *testing.T) {
			for _, text := range []string{"a", "o", "left", "foo", "1.0", "npm"} {
				assertCounts(t, s, text)
			}
			assertCounts(t, s, "a", "a", "b")
		})
	}
	more(rule.Default())
	check("at first")
	more(rule.Default())
	check("after more")
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after packing")
	more(rule.Default())
	for n := range int64(2) {
		_, err := s.MoveIn(t.Context(), pkgmeter.Opening{
			Source: "old", SHA256: [32]byte{byte(n)}, Derive: func(name string) pkgmeter.File { return rule.Default().File("", name, "") },
			Counters: pkgmeter.Counters{All: 12 + n, Files: map[string]int64{"foo-9.bin": 7 + n, "left.jar": 5}, Repositories: map[string]int64{"a": 3, "apart": 9 + n}},
		})
		if err != nil {
			t.Fatal(err)
		}
		assertCounts(t, s, "a")
	}
	check("after moving in")
	s.Close()
	s = open(t, dir, c)
	check("after a restart")
	changed, err := rule.New([]rule.ClientRule{{Agent: "curl/*", Name: "acme-foo", Class: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetRules(t.Context(), changed, rule.Number, changed.Own()); err != nil {
		t.Fatal(err)
	}
	if err := s.Rebuild(t.Context(), changed, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	check("after a recount")
	more(changed)
	check("after a recount and more")
	if got := keysOf(find(t, s, "acme-foo"), pkgmeter.ByClient); !slices.Equal(got, []string{"acme-foo"}) {
		t.Errorf("a client of the new rules: %q", got)
	}
}

func TestANameIsFoundOnceItsEventIsAcknowledgedAndNotBefore(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for i := range 50 {
		name := fmt.Sprintf("fresh-%d-x.bin", i)
		if got := keysOf(find(t, s, name), pkgmeter.ByFile); got != nil {
			t.Fatalf("%q is found before it was said", got)
		}
		fetched(t, s, "r", name, 1)
		if got := keysOf(find(t, s, name), pkgmeter.ByFile); !slices.Equal(got, []string{name}) {
			t.Fatalf("%q finds %q", name, got)
		}
	}
	missing := entry("never-there.bin", noon)
	missing.Event.Status = 404
	missing.Counts = pkgmeter.Measures{}
	write(t, s, noon, missing)
	if got := keysOf(find(t, s, "never-there"), pkgmeter.ByFile); got != nil {
		t.Errorf("%q is found, and was never fetched", got)
	}
}

func TestASearchWaitsForNamesNoLongerThanForAnAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	fetched(t, s, "r", "app.bin", 1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.SumSearchAfter(t.Context(), func() {
		_, err := s.Search(ended, pkgmeter.Search{Text: "app", Limit: 1, Now: noon})
		if pkgmeter.CodeOf(err) != pkgmeter.Unavailable {
			t.Errorf("while names are counted: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Between its look for news and its look into the index others may have begun to
// count names anew.
func TestASearchWaitsForTheIndexNoLongerThanForAnAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	find(t, s, "app")
	search := pkgmeter.Search{Text: "app", Limit: 1, Now: noon}
	release := s.HoldIndex()
	ended, cancel := context.WithCancel(t.Context())
	refused, waited := make(chan error, 1), make(chan error, 1)
	go func() { refused <- s.Find(ended, search) }()
	go func() { waited <- s.Find(t.Context(), search) }()
	cancel()
	select {
	case err := <-refused:
		if pkgmeter.CodeOf(err) != pkgmeter.Unavailable {
			t.Errorf("while names are counted: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for as long as names are counted")
	}
	release()
	if err := <-waited; err != nil {
		t.Errorf("after they were counted: %v", err)
	}
}

func TestWhatACommitToldAndTheSnapshotHasCountsOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	fetched(t, s, "r", "app.bin", 1)
	if err := s.SumSearchAfter(t.Context(), func() { fetched(t, s, "r", "app.bin", 2) }); err != nil {
		t.Fatal(err)
	}
	assertCounts(t, s, "app")
	fetched(t, s, "r", "app.bin", 4)
	assertCounts(t, s, "app")
}

// A commit is seen by others before it tells: a search may sum it up in between.
func TestWhatACommitTellsAfterItWasSummedUpCountsOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	fetched(t, s, "r", "app.bin", 3)
	fetched(t, s, "r", "app.bin", 4)
	assertCounts(t, s, "app")
	if err := s.TellLate(t.Context()); err != nil {
		t.Fatal(err)
	}
	assertCounts(t, s, "app")
	fetched(t, s, "r", "app.bin", 5)
	assertCounts(t, s, "app")
}

func TestASearchWhoseAskerLeavesLosesNoCounts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	fetched(t, s, "r", "app.bin", 3)
	find(t, s, "app")
	fetched(t, s, "r", "app.bin", 4)
	if err := s.CatchUpAndLeave(t.Context()); err == nil {
		t.Error("it was brought to its end nevertheless")
	}
	if h := find(t, s, "app").Groups[1].Hits[0]; h.Hits != 7 {
		t.Errorf("%d hits, want 7", h.Hits)
	}
	assertCounts(t, s, "app")
}

func TestMaintenanceGoesOnWhileNamesAreCounted(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	find(t, s, "app")
	release := s.HoldSearch() // as a first count of many names does, or one after a recount
	defer release()
	ctx, stop := context.WithCancel(t.Context())
	var maintained sync.WaitGroup
	maintained.Go(func() {
		if err := s.Maintain(ctx, func(err error) { t.Error(err) }); err != nil {
			t.Error(err)
		}
	})
	defer maintained.Wait()
	defer stop()
	for n := range 3 { // a second each
		fetched(t, s, "r", fmt.Sprintf("app-%d.bin", n), 1)
		for end := time.Now().Add(10 * time.Second); !s.Copied(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("commit %d is not copied out of the WAL", n)
			}
		}
	}
}

func TestSearchesWhileEventsComeCountEachOnce(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]int{"with what commits tell": 1 << 20, "summed up anew all the time": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir(), &clock{noon})
			s.LimitSearch(1<<20, late)
			const writers, names, each = 3, 10, 40
			var wg, others sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						name := fmt.Sprintf("app-%d-%d.bin", w, i%names)
						fetched(t, s, "r", name, 1)
						if g := find(t, s, name).Groups[1]; len(g.Hits) != 1 || g.Hits[0].Hits != int64(1+i/names) {
							t.Errorf("found %+v, want %d hits", g.Hits, 1+i/names)
						}
					}
				})
			}
			stop := make(chan struct{})
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if err := s.Tend(t.Context()); err != nil {
							t.Error(err)
						}
						find(t, s, "app")
					}
				}
			})
			wg.Wait()
			close(stop)
			others.Wait()
			assertCounts(t, s, "app")
			assertCounts(t, s, "r")
		})
	}
}

func TestASearchInARepositoryFindsNothingOfOthers(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	fetched(t, s, "open", "com/acme/app/1.0/app-1.0.jar", 2)
	fetched(t, s, "secret", "com/acme/app/1.0/app-1.0.jar", 5)
	fetched(t, s, "secret", "com/acme/app-secret/1.0/app-secret-1.0.jar", 5)
	found := find(t, s, "app", "open")
	if got := keysOf(found, pkgmeter.ByFile); !slices.Equal(got, []string{"com/acme/app/1.0/app-1.0.jar"}) || found.Groups[1].Hits[0].Hits != 2 {
		t.Errorf("files %+v", found.Groups[1])
	}
	if got := keysOf(found, pkgmeter.ByPackage); !slices.Equal(got, []string{"pkg:maven/com.acme/app"}) {
		t.Errorf("packages %q", got)
	}
	if got := keysOf(find(t, s, "e", "open"), pkgmeter.ByRepository); !slices.Equal(got, []string{"open"}) {
		t.Errorf("repositories %q", got)
	}
	if got := keysOf(find(t, s, "app", "none"), pkgmeter.ByFile); got != nil {
		t.Errorf("in no repository %q", got)
	}
}

func TestShortNamesTakeRoomForTheirCountsToo(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	s.LimitSearch(1000, 1<<20)
	var found pkgmeter.Found
	for i := range 30 {
		fetched(t, s, "r", fmt.Sprintf("app-%02d", i), 1)
		found = find(t, s, "app")
	}
	// A file has 6 characters, its package 14; with the rest that is 62 bytes.
	if n := len(found.Groups[1].Hits); n < 10 || n > 1000/62 || !found.Groups[1].Part {
		t.Errorf("%d names are found, part %v", n, found.Groups[1].Part)
	}
}

func TestNamesBeyondTheRoomAreNotFoundWhichIsSaid(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	s.LimitSearch(100, 1<<20)
	fetched(t, s, "r", "early-app.bin", 1)
	if found := find(t, s, "app"); found.Groups[1].Part {
		t.Error("there is room for one")
	}
	fetched(t, s, "r", strings.Repeat("x", 100)+"-app.bin", 2)
	fetched(t, s, "r", "late-app.bin", 2)
	found := find(t, s, "app")
	if got := keysOf(found, pkgmeter.ByFile); !slices.Equal(got, []string{"early-app.bin"}) || !found.Groups[1].Part {
		t.Errorf("found %q, part %v", got, found.Groups[1].Part)
	}
	fetched(t, s, "r", "early-app.bin", 1)
	if h := find(t, s, "early").Groups[1].Hits[0]; h.Hits != 2 {
		t.Errorf("%d hits, want 2", h.Hits)
	}
}

func TestCountsThatWaitedTooLongAreSummedUpAnew(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	s.LimitSearch(1<<20, 3)
	find(t, s, "app")
	for i := range 10 {
		fetched(t, s, "r", fmt.Sprintf("app-%d.bin", i), 1+i)
	}
	assertCounts(t, s, "app")
	if got := keysOf(find(t, s, "app"), pkgmeter.ByFile); len(got) != 10 {
		t.Errorf("found %q", got)
	}
}

func FuzzASearchFindsOnlyWhatHasItsWords(f *testing.F) {
	for _, text := range []string{"app", "a b", "@scope/x", "com.acme:app", "pkg:npm/%40scope/app@1.0.0", "\xff", "\x00", "%", "pkg:", ":", "İ", "ß", "a\u0301"} {
		f.Add(text)
	}
	s, err := sqlite.Open(f.Context(), f.TempDir(), sqlite.Options{Now: func() time.Time { return noon }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	for i, path := range []string{"com/acme/app/1.0/app-1.0.jar", "@scope/app/-/app-1.0.0.tgz", "Größe.bin", "a b.bin", "%40.bin", "İ.bin", "pkg:npm.bin", "x/y/z.bin", "\u202Eevil.bin"} {
		fetched(f, s, "r", path, i+1)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := s.Search(t.Context(), pkgmeter.Search{Text: text, Limit: 5, Now: noon})
		if err != nil {
			if pkgmeter.CodeOf(err) != pkgmeter.Invalid || text != "" && utf8.RuneCountInString(text) <= pkgmeter.MaxSearch {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, g := range found.Groups {
			for _, h := range g.Hits {
				if g.By == pkgmeter.ByPackage {
					continue // compared in another spelling
				}
				for _, word := range strings.Fields(text) {
					if !strings.Contains(strings.ToLower(h.Key), strings.ToLower(word)) {
						t.Fatalf("%q finds %s %q", text, g.By, h.Key)
					}
				}
			}
		}
	})
}
