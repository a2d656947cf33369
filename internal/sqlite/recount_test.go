package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// ambiguous are paths that mean something else in a repository of a known
// format, beside those that make its format known.
var ambiguous = []string{
	"left-pad", "left-pad/-/left-pad-1.0.0.tgz", "@acme/x", "foo-1.0.0.tgz", "foo-1.0.zip", "foo/1.0/foo-1.0.tar.gz", "index.yaml",
	"simple/foo/", "packages/foo/1.0/foo-1.0.tar.gz", "pool/main/f/foo/foo_1.0-1_amd64.deb", "Packages.gz", "info/rack", "gems/rack-3.0.0.gem",
	"com/acme/app/1.0/app-1.0.jar", "com/acme/app/1.0/app-1.0.pom", "tool/1.0/tool.bin", "/repository/npm-proxy/left-pad", "/repository/npm-proxy/x/-/x-1.0.0.tgz",
}

func randomEvent(rng *rand.Rand, i int) pkgmeter.Event {
	return pkgmeter.Event{
		Source: "s", ID: fmt.Sprint(i), Repository: []string{"", "a", "b", "c", "d", "e"}[rng.IntN(6)], Path: ambiguous[rng.IntN(len(ambiguous))],
		Agent: userAgents[rng.IntN(len(userAgents))], Flags: []pkgmeter.Flags{0, 0, 0, 0, pkgmeter.Robot}[rng.IntN(5)],
		Time: noon.Add(-time.Duration(rng.IntN(24*100)) * time.Hour), Status: []int{200, 200, 200, 304, 404}[rng.IntN(5)], Bytes: rng.Int64N(1 << 20),
		Country: []string{"", "DE", "US"}[rng.IntN(3)], Consumer: []string{"", "", "team-a", "team-b"}[rng.IntN(4)],
	}
}

// answersOf asks a store everything that has no filter, and some with one.
func answersOf(t *testing.T, s *sqlite.Store) (all []any) {
	t.Helper()
	for _, f := range []pkgmeter.Filter{{}, {Classes: []pkgmeter.Class{pkgmeter.CI}}, {Clients: []string{"acme-fetch"}}, {Types: []string{"npm"}}, {Kinds: []pkgmeter.Kind{pkgmeter.Index}}, {Packages: []string{"pkg:npm/left-pad"}}, {Runtimes: []string{"python 3.12"}}, {Sources: []string{"s"}}, {Consumers: []string{"team-a"}}} {
		q := pkgmeter.Query{Now: noon, Filter: f}
		for by := range pkgmeter.KeyNames() {
			key := pkgmeter.Key(by)
			if _, err := pkgmeter.BasisOf(f, &key); err != nil {
				continue
			}
			list, err := s.Top(t.Context(), q, key, pkgmeter.Page{Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			list.Total.Rules = 0 // another number of the same rules
			all = append(all, list)
		}
		series, err := s.Split(t.Context(), q, pkgmeter.Daily, pkgmeter.ByClass)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, series.Lines)
	}
	return all
}

func TestARecountUnderChangedRulesEqualsAFreshImportUnderThem(t *testing.T) {
	t.Parallel()
	seeds := uint64(4)
	if raced {
		seeds = 1
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		changed := func() *rule.Set {
			rules, err := rule.New([]rule.ClientRule{{Agent: "curl/*", Name: "acme-fetch", Class: "ci"}, {Agent: "*maven*", Class: "mirror"}})
			if err != nil {
				t.Fatal(err)
			}
			return rules
		}
		recounted, fresh := open(t, t.TempDir(), &clock{noon}), open(t, t.TempDir(), &clock{noon})
		before, after := rule.Default(), changed()
		var events []pkgmeter.Event
		for i := range 1200 {
			events = append(events, randomEvent(rng, i))
		}
		for part := range slices.Chunk(events, 60) {
			write(t, recounted, noon, before.ApplyAll(part)...)
		}
		if err := recounted.Pack(t.Context()); err != nil {
			t.Fatal(err)
		}
		write(t, fresh, noon, after.ApplyAll(events)...)
		rules := changed()
		if _, err := recounted.SetRules(t.Context(), rules, rule.Number, rules.Own()); err != nil {
			t.Fatal(err)
		}
		if err := recounted.Rebuild(t.Context(), rules, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		got, want := answersOf(t, recounted), answersOf(t, fresh)
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("seed %d, answer %d\n got %+v\nwant %+v", seed, i, got[i], want[i])
			}
		}
	}
}

// A recount goes on beside commits and answers: no answer sees less than was
// there before it, and nothing that comes meanwhile is lost or counted twice.
func TestARecountWhileServing(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	rng := rand.New(rand.NewPCG(7, 7))
	rules := rule.Default()
	put := func(i int) {
		e := randomEvent(rng, i)
		e.Status = 200
		write(t, s, noon, rules.Apply(e))
	}
	const first = 200
	for i := range first {
		put(i)
	}
	var written atomic.Int64
	written.Store(first)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := first; i < first+3000; i++ {
			select {
			case <-done:
				return
			default:
				put(i)
				written.Add(1)
			}
		}
	})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			least := written.Load()
			if got := hits(t, s, noon); got < least || got > written.Load()+1 {
				t.Errorf("%d hits while %d to %d events were written", got, least, written.Load())
				return
			}
		}
	})
	rebuilds := 3
	if raced {
		rebuilds = 1
	}
	for range rebuilds {
		if err := s.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
	if got := hits(t, s, noon); got != written.Load() {
		t.Errorf("%d hits of %d events", got, written.Load())
	}
	r, err := s.Doctor(t.Context(), rules, func(int64, int64) {})
	healthy(t, r, err)
}
