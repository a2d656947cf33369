package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// fixture is a data file as the program of that schema wrote it. It was made
// once, by that program, and stays as it is.
func fixture(schema int) string { return fmt.Sprintf("testdata/schema-%d.db.zst", schema) }

// unpacked returns a data folder with the file of a fixture.
func unpacked(t *testing.T, name string) (dir string) {
	t.Helper()
	packed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(packed) > 200<<10 {
		t.Errorf("%s has %d bytes", name, len(packed))
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	file, err := z.DecodeAll(packed, nil)
	dir = t.TempDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "pkgmeter.db"), file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A data file of every schema that was ever released opens, and has its
// numbers.
func TestOlderSchemasAreUpgraded(t *testing.T) {
	t.Parallel()
	for schema := 1; schema < sqlite.Schema(); schema++ {
		checkUpgraded(t, unpacked(t, fixture(schema)), schema)
	}
}

// upgraded is what a fixture has to say once it is of the newest schema.
var upgraded = map[int]struct {
	numbers string // hits, downloads, first day, the two first packages, users, quarantine
	classes string
	events  int
	opening int64
}{
	1: {
		"161 57 2025-12-02 [{pkg:maven/com.acme/app0 {8 24 0}} {pkg:maven/com.acme/app1 {8 24 0}}] 1 1",
		"[{unknown {57 161 0}}]", 161, 0,
	},
	3: {
		"241 113 2025-12-02 [{pkg:npm/left-pad {48 48 4800}} {pkg:maven/com.acme/app0 {12 28 2800}}] 1 1",
		"[{mirror {48 48 4800}} {ci {24 72 7200}} {human {24 72 7200}} {unknown {17 49 4800}}]", 241, 0,
	},
	4: {
		"277 149 2025-12-02 [{pkg:npm/left-pad {84 84 22800}} {pkg:maven/com.acme/app0 {12 28 2800}}] 1 2",
		"[{mirror {48 48 4800}} {ci {42 90 16200}} {human {42 90 16200}} {unknown {17 49 4800}}]", 277, 0,
	},
	5: {
		"307 179 2025-12-02 [{pkg:npm/left-pad {84 84 22800}} {pkg:docker/acme/api {30 30 15000}}] 1 3",
		"[{human {57 105 23700}} {mirror {48 48 4800}} {ci {42 90 16200}} {unknown {17 49 4800}} {bot {15 15 7500}}]", 307, 0,
	},
	6: {
		"549 421 2025-12-02 [{pkg:pypi/simple {120 120 12000}} {pkg:npm/left-pad {84 84 22800}}] 1 3",
		"[{human {237 285 41700}} {ci {102 150 22200}} {mirror {48 48 4800}} {unknown {19 51 4800}} {bot {15 15 7500}}]", 553, 0,
	},
	7: {
		"573 445 2025-12-02 [{pkg:pypi/simple {120 120 12000}} {pkg:npm/left-pad {84 84 22800}}] 1 3",
		"[{human {229 261 39300}} {ci {134 198 24840}} {mirror {48 48 4800}} {unknown {19 51 4800}} {bot {15 15 7500}}]", 577, 0,
	},
	8: {
		"573 445 2025-12-02 [{pkg:pypi/simple {120 120 12000}} {pkg:npm/left-pad {84 84 22800}}] 1 3",
		"[{human {229 261 39300}} {ci {134 198 24840}} {mirror {48 48 4800}} {unknown {19 51 4800}} {bot {15 15 7500}}]", 583, 0,
	},
	2: {
		"253 125 2025-12-02 [{pkg:npm/left-pad {48 48 4800}} {pkg:maven/com.acme/app0 {12 28 2800}}] 1 1",
		"[{mirror {48 48 4800}} {human {32 96 9600}} {unknown {17 49 4800}} {ci {16 48 4800}}]", 241, 12,
	},
}

func checkUpgraded(t *testing.T, dir string, schema int) {
	c := &clock{noon.Add(time.Hour)}
	s := open(t, dir, c)
	want := upgraded[schema]
	rules, err := rule.Parse(s.Own())
	if err != nil {
		t.Fatal(err)
	}
	if schema < 3 {
		rebuildUpgraded(t, s, rules, want.events)
	}
	if s.NeedsRebuild() || s.LacksDetails() != (schema >= 3 && schema < 7) {
		t.Errorf("schema %d: %t, %t", schema, s.NeedsRebuild(), s.LacksDetails())
	}
	if r, err := s.Doctor(t.Context(), rules, func(int64, int64) {}); err != nil || len(r.Problems) > 0 {
		t.Errorf("schema %d: %v, %+v", schema, err, r)
	}
	check := func(when string) {
		t.Helper()
		total, err := s.Totals(t.Context(), pkgmeter.Query{Now: c.at})
		list, err2 := s.Top(t.Context(), pkgmeter.Query{Now: c.at}, pkgmeter.ByPackage, pkgmeter.Page{Limit: 2})
		users, err3 := s.Users(t.Context())
		held, err4 := s.Quarantined(t.Context())
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(total.Hits, total.Downloads, total.Span.From, list.Items, len(users), held); got != want.numbers {
			t.Errorf("schema %d %s\n got %s\nwant %s", schema, when, got, want.numbers)
		}
		classes, err := s.Top(t.Context(), pkgmeter.Query{Now: c.at}, pkgmeter.ByClass, pkgmeter.Page{Limit: 5})
		if got := fmt.Sprint(classes.Items); err != nil || want.classes != "" && got != want.classes {
			t.Errorf("schema %d %s: %s, %v, want %s", schema, when, got, err, want.classes)
		}
	}
	check("rebuilt")
	known := withID(entry("late.jar", noon), "id-0-0")
	known.Event.Source = "cloudrepo"
	if d := write(t, s, noon, known); d.Known != 1 {
		t.Error("an id from before the upgrade is new")
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after packing the late event")
	addDetails(t, s, rules, c.at)
	want.classes = "" // they are under the present rules now
	check("with details")
	if schema >= 6 {
		checkDetails(t, s, c.at, schema)
	}
	if schema >= 5 {
		docs, err := s.Documents(t.Context(), pkgmeter.Packages, "alice:", 100)
		if err != nil || len(docs) != 20 {
			t.Errorf("schema %d: %d packages, %v", schema, len(docs), err)
		}
		if got := fmt.Sprint(useOf(t, s, pkgmeter.DayOf(noon))); got != "[{pkg:meteor/alice:pkg0 1.0.0 8 8} {pkg:meteor/alice:pkg1 1.0.0 3 6} {pkg:meteor/alice:pkg1 1.0.1 0 1} {pkg:meteor/alice:pkg1 1.0.2 0 1}]" {
			t.Errorf("schema %d: use %s", schema, got)
		}
	}
	n := 0
	if err := s.Events(t.Context(), 0, func(int64, pkgmeter.Event) error { n++; return nil }); err != nil || n != want.events {
		t.Errorf("%d events in the ledger, %v", n, err)
	}
	before, err := s.Totals(t.Context(), pkgmeter.Query{Now: c.at})
	if err != nil || before.Opening != want.opening {
		t.Errorf("%+v, %v", before, err)
	}
	// What the newer schemas bring works.
	_, err = s.MoveIn(t.Context(), pkgmeter.Opening{
		Source: "another", SHA256: [32]byte{9}, Counters: pkgmeter.Counters{All: 5, Files: map[string]int64{"x.jar": 5}},
		Derive: func(name string) pkgmeter.File { return rules.File("", name, "") },
	})
	if total, err2 := s.Totals(t.Context(), pkgmeter.Query{Now: c.at}); err != nil || err2 != nil || total.Opening != before.Opening+5 || total.Hits != before.Hits+5 {
		t.Errorf("%+v, %v, %v", total, err, err2)
	}
	s.Close()
	var integrity string
	if err := raw(t, dir).QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || !strings.EqualFold(integrity, "ok") {
		t.Errorf("integrity: %s, %v", integrity, err)
	}
}

// addDetails has what schema 7 brought counted of the past.
func addDetails(t *testing.T, s *sqlite.Store, rules *rule.Set, now time.Time) {
	t.Helper()
	if !s.LacksDetails() {
		return
	}
	for _, q := range []struct {
		f  pkgmeter.Filter
		by pkgmeter.Key
	}{
		{pkgmeter.Filter{}, pkgmeter.ByRuntime},
		{pkgmeter.Filter{}, pkgmeter.BySource},
		{pkgmeter.Filter{}, pkgmeter.ByConsumer},
		{pkgmeter.Filter{Systems: []string{"linux"}}, pkgmeter.ByPackage},
	} {
		if _, err := s.Top(t.Context(), pkgmeter.Query{Now: now, Filter: q.f}, q.by, pkgmeter.Page{Limit: 1}); pkgmeter.CodeOf(err) != pkgmeter.Unavailable {
			t.Errorf("by %s before it is counted: %v", q.by, err)
		}
	}
	if err := s.Rebuild(t.Context(), rules, func(int64, int64) {}); err != nil || s.LacksDetails() {
		t.Fatal(err, s.LacksDetails())
	}
	if r, err := s.Doctor(t.Context(), rules, func(int64, int64) {}); err != nil || len(r.Problems) > 0 {
		t.Errorf("%v, %+v", err, r)
	}
}

func checkDetails(t *testing.T, s *sqlite.Store, now time.Time, schema int) {
	t.Helper()
	schema = min(schema, 7) // the fixture of the next one has the same hits
	for by, want := range map[int]map[pkgmeter.Key]string{
		6: {
			pkgmeter.ByRuntime:  "[{ {173 237 35400}} {node 20 {96 96 24000}} {java 17 {76 108 10800}} {python 3.12 {76 108 10800}}]",
			pkgmeter.ByOS:       "[{linux {232 264 40800}} { {129 225 34200}} {windows {60 60 6000}}]",
			pkgmeter.BySource:   "[{cloudrepo {235 363 36000}} {log:web {120 120 12000}} {ndjson {36 36 18000}} {harbor:ci {30 30 15000}}]",
			pkgmeter.ByConsumer: "[{ {381 509 77000}} {team-0 {14 14 1400}} {team-1 {13 13 1300}} {team-2 {13 13 1300}}]",
		},
		7: {
			pkgmeter.ByRuntime:  "[{ {173 237 35400}} {node 20 {120 120 24240}} {java 17 {76 108 10800}} {python 3.12 {76 108 10800}}]",
			pkgmeter.ByOS:       "[{linux {256 288 41040}} { {129 225 34200}} {windows {60 60 6000}}]",
			pkgmeter.BySource:   "[{cloudrepo {235 363 36000}} {log:web {120 120 12000}} {ndjson {36 36 18000}} {harbor:ci {30 30 15000}} {hook:0 {12 12 120}} {hook:1 {12 12 120}}]",
			pkgmeter.ByConsumer: "[{ {381 509 77000}} {team-1 {37 37 1540}} {team-0 {14 14 1400}} {team-2 {13 13 1300}}]",
		},
	}[schema] {
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: now}, by, pkgmeter.Page{Limit: 9})
		if got := fmt.Sprint(list.Items); err != nil || got != want {
			t.Errorf("schema %d by %s: %s, %v, want %s", schema, by, got, err, want)
		}
	}
}

// rebuildUpgraded derives counts that were not kept by client anew.
func rebuildUpgraded(t *testing.T, s *sqlite.Store, rules *rule.Set, events int) {
	t.Helper()
	if !s.NeedsRebuild() {
		t.Error("counts without clients are not rebuilt")
	}
	if n, err := s.SetRules(t.Context(), rules, rule.Number, ""); err != nil || n != rule.Number {
		t.Fatal(n, err)
	}
	var counted int64
	if err := s.Rebuild(t.Context(), rules, func(done, _ int64) { counted = done }); err != nil || counted != int64(events) {
		t.Fatal(counted, err)
	}
}

// Before places were counted, only invented events had countries. They are in no
// count until a recount.
func TestCountriesFromBeforePlacesAreCountedByARecount(t *testing.T) {
	t.Parallel()
	c := &clock{noon.Add(2 * time.Hour)}
	s := open(t, unpacked(t, "testdata/schema-5-countries.db.zst"), c)
	rules := rule.Default()
	german := rules.Apply(pkgmeter.Event{Source: "s", Path: "a.jar", Time: noon, Status: 200, Country: "DE"})
	write(t, s, noon, german)
	check := func(want int64) {
		t.Helper()
		r, err := s.Doctor(t.Context(), rules, func(int64, int64) {})
		if err != nil || len(r.Problems) > 0 {
			t.Errorf("%v, %+v", err, r)
		}
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: c.at, Measure: pkgmeter.ByHits}, pkgmeter.ByCountry, pkgmeter.Page{Limit: 300})
		n := int64(0)
		for _, it := range list.Items {
			if it.Key == "DE" {
				n = it.Hits
			}
		}
		if err != nil || (want == 1) != (n == 1) || (want > 1) != (n > 1) || list.Total.Hits < 290 {
			t.Errorf("%d hits in DE of %d, %v", n, list.Total.Hits, err)
		}
	}
	check(1)
	if _, err := s.SetRules(t.Context(), rules, rule.Number, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Rebuild(t.Context(), rules, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	check(2)
}

// Before schema 9 deletions were kept and in no table. They are told after a
// recount; those that come in the meantime are told at once.
func TestDeletionsFromBeforeTheyWereCountedAreToldAfterARecount(t *testing.T) {
	t.Parallel()
	c := &clock{noon.Add(2 * time.Hour)}
	s := open(t, unpacked(t, fixture(8)), c)
	rules := rule.Default()
	write(t, s, noon, rules.Apply(pkgmeter.Event{Source: "s", Path: "com/acme/marked/1.1/marked-1.1.jar", Time: noon, Status: 204, Op: pkgmeter.Delete}))
	check := func(want string) {
		t.Helper()
		r, err := s.Doctor(t.Context(), rules, func(int64, int64) {})
		if err != nil || len(r.Problems) > 0 {
			t.Errorf("%v, %+v", err, r)
		}
		all, err := s.Uploads(t.Context(), pkgmeter.Query{Now: c.at}, 10)
		if got := fmt.Sprint(all.Deleted); err != nil || got != want || len(all.Uploaded) != 6 {
			t.Errorf("%s, %v, want %s; uploads %v", got, err, want, all.Uploaded)
		}
	}
	const today = "{2026-03-10 pkg:maven/com.acme/marked 1.1 1}]"
	check("[" + today)
	if err := s.Rebuild(t.Context(), rules, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	check("[{2026-03-07 pkg:maven/com.acme/marked 1.0 1} {2026-03-08 pkg:maven/com.acme/never-seen 2.0 1} " + today)
}
