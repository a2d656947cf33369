package rule_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// anyEvent draws an event of few files and agents: of repositories whose formats
// are not known, are learnt, and turn out to be mixed, and of files that go by
// them.
func anyEvent(rnd *rand.Rand) pkgmeter.Event {
	one := func(of ...string) string { return of[rnd.IntN(len(of))] }
	version := fmt.Sprintf("1.%d", rnd.IntN(3))
	e := pkgmeter.Event{
		Repository: one("", "", "a", "b", "c"),
		Path: one(
			"app-"+version+".tgz", "x/app-"+version+".zip", "app-"+version+".tar.gz", "/",
			"com/acme/app/"+version+"/app-"+version+".jar", "@acme/app/-/app-"+version+".tgz",
			"repository/d/app-"+version+".tgz", "repository/d/@acme/app/-/app-"+version+".tgz",
			"simple/app/", "charts/app-"+version+".tgz", "",
		),
		Agent:  one("", "-", "pip/24.0", "npm/10.9.0 node/v22.12.0 linux x64", "no-such-program/1", "Mozilla/5.0 (X11; Linux x86_64)"),
		Op:     pkgmeter.Op(rnd.IntN(5)),
		Status: []int{0, 200, 200, 206, 304, 404}[rnd.IntN(6)],
		Bytes:  rnd.Int64N(10),
		Flags:  pkgmeter.Flags(rnd.IntN(16)),
	}
	if rnd.IntN(5) == 0 || e.Path == "" {
		e.Hint = one("pkg:npm/app@"+version, "pkg:meteor/acme:app@"+version, "text/plain")
	}
	return e
}

func TestACacheSaysWhatItsSetSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		plain, set := rule.Default(), rule.Default()
		c := rule.NewCache(set, rule.ServerCache)
		for range 30 {
			events := make([]pkgmeter.Event, rnd.IntN(20))
			entries := make([]pkgmeter.Entry, len(events))
			for i := range events {
				events[i] = anyEvent(rnd)
				entries[i].Event = events[i]
			}
			if rnd.IntN(10) == 0 {
				plain.Remember("b", "helm")
				set.Remember("b", "helm")
			}
			c.ApplyAll(entries)
			if want := plain.ApplyAll(events); !slices.Equal(entries, want) {
				for i := range want {
					if entries[i] != want[i] {
						t.Fatalf("seed %d: got\n%+v, want\n%+v", seed, entries[i], want[i])
					}
				}
			}
		}
	}
}

func TestWhatACacheRemembersIsBounded(t *testing.T) {
	t.Parallel()
	c := rule.NewCache(rule.Default(), rule.ServerCache)
	for n := 0; n < 120_000; n += 1000 {
		entries := make([]pkgmeter.Entry, 1000)
		for i := range entries {
			entries[i].Event = pkgmeter.Event{Path: fmt.Sprint("tools/", n+i), Agent: fmt.Sprint("agent/", n+i)}
		}
		c.ApplyAll(entries)
		if files, clients := c.Weight(); files > rule.ServerCache || clients > rule.ServerCache/8 {
			t.Fatalf("%d and %d bytes", files, clients)
		}
	}
}
