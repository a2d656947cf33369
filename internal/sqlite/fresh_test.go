package sqlite_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

func formats(t *testing.T, s interface {
	Formats(ctx context.Context, visit func(repository, typ string)) error
},
) (all []string) {
	t.Helper()
	if err := s.Formats(t.Context(), func(repository, typ string) { all = append(all, repository+"="+typ) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// A recount that was broken off leaves nothing behind that the next one would
// take for done.
func TestARecountAfterOneThatWasBrokenOffKnowsTheFormats(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	rules := rule.Default()
	for i := range 50 {
		write(t, s, noon, rules.Apply(pkgmeter.Event{Source: "s", Repository: "r", Path: fmt.Sprintf("left-pad/-/left-pad-1.0.%d.tgz", i), Time: noon, Status: 200}))
	}
	want := fmt.Sprint(formats(t, s))
	if want != "[r=npm]" {
		t.Fatal(want)
	}
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Rebuild(ctx, rule.Default(), func(int64, int64) { cancel() }); err == nil {
			t.Fatal("it was not broken off")
		}
		if err := s.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(formats(t, s)); got != want {
			t.Errorf("the formats are %s, want %s", got, want)
		}
	}
}

// What is folded and what a recount leaves behind is not waited for any more.
func TestFreshCountsAreCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	check := func(when string, rows, cells int64) {
		t.Helper()
		if r, n := s.FreshCounts(); r != rows || n != cells {
			t.Errorf("%s: %d rows of %d cells, want %d of %d", when, r, n, rows, cells)
		}
	}
	for range 3 { // a file by client, by source, and its facet
		write(t, s, noon, entry("com/acme/app/1.0/app-1.0.jar", noon))
	}
	check("after three commits", 3, 9)
	s.Close()
	s = open(t, dir, c)
	check("opened again", 3, 9)
	if err := s.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	check("after a recount", 0, 0)
	write(t, s, noon, entry("com/acme/app/1.0/app-1.0.jar", noon))
	check("and a commit", 1, 3)
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("folded", 0, 0)
}

// Counts of many days are folded in many steps, and commits come in between.
func TestAStepFoldsAFewDays(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	const days = 1000
	var entries []pkgmeter.Entry
	for day := range days {
		entries = append(entries, entry("a.jar", noon.AddDate(0, 0, -day)), entry("b.jar", noon.AddDate(0, 0, -day)))
	}
	write(t, s, noon, entries...)
	steps := s.Commits()
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A day has a run of its client and one of facets, and 34 months are packed.
	if n := s.Commits() - steps; n < 2*days/200 {
		t.Errorf("%d days were folded in %d steps", days, n)
	}
	r, err := s.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
	if err != nil || len(r.Problems) > 0 || r.Days != days {
		t.Errorf("%+v, %v", r, err)
	}
	if total, err := s.Totals(t.Context(), pkgmeter.Query{Now: noon.Add(time.Hour)}); err != nil || total.Hits != 2*days {
		t.Errorf("%+v, %v", total, err)
	}
}
