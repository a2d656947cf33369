package sqlite_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

func healthy(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *sqlite.Report, err error,
) {
	t.Helper()
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("%v, %+v", err, r)
	}
}

// sick fills a store, closes it, spoils it by a statement, and returns what the
// doctor says of it.
func sick(t *testing.T, spoil string) *sqlite.Report {
	t.Helper()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	for day := range 80 {
		at := noon.AddDate(0, 0, -day)
		e := entry("com/acme/app/1.0/app-1.0.jar", at)
		e.Event.Agent, e.Event.Country = userAgents[day%len(userAgents)], "DE"
		e = rule.Default().Apply(e.Event)
		write(t, s, noon, e, entry("com/acme/app/1.0/app-1.0.pom", at))
	}
	for _, op := range []pkgmeter.Op{pkgmeter.Upload, pkgmeter.Delete} {
		write(t, s, noon, rule.Default().Apply(pkgmeter.Event{Source: "s", Path: "com/acme/app/1.0/app-1.0.jar", Time: noon, Status: 200, Op: op}))
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, s, noon, entry("late.jar", noon.AddDate(0, 0, -75)), entry("today.jar", noon))
	edit(t, s, pkgmeter.CatalogEdit{Put: []pkgmeter.Document{doc(pkgmeter.Packages, "p1", "a"), doc(pkgmeter.Builds, "b1", "b")}})
	for _, app := range []string{"a", "b"} {
		r := &pkgmeter.AppReport{App: app, Packages: []pkgmeter.AppPackage{used("x", "1.0.0", true), used("y", "1.0.0", false)}}
		if err := (sqlite.UseWriter{Store: s}).Write(t.Context(), []*pkgmeter.AppReport{r}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	db := raw(t, dir)
	if _, err := db.Exec(spoil); err != nil {
		t.Fatal(err)
	}
	db.Close()
	s = open(t, dir, c)
	r, err := s.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	if raced {
		t.Skip("thirty stores, and nothing of it concurrent: the run without the race detector has it")
	}
	for name, tt := range map[string]struct{ spoil, says string }{
		"nothing":                       {`SELECT 1`, ""},
		"fresh counts twice":            {`INSERT INTO fresh SELECT seq + 1, gen, first_day, last_day, n, body FROM fresh ORDER BY seq DESC LIMIT 1`, "by the ledger"},
		"facets":                        {`DELETE FROM pack WHERE dim = 8 AND grain = 0 AND period = (SELECT max(period) FROM pack WHERE grain = 0)`, "facets"},
		"fresh counts that are lost":    {`DELETE FROM fresh`, "by the ledger"},
		"countries of a day":            {`DELETE FROM pack WHERE dim = 10 AND grain = 0 AND period = (SELECT max(period) FROM pack WHERE grain = 0)`, "by country"},
		"countries of a month":          {`DELETE FROM pack WHERE dim = 10 AND grain = 1`, "by country"},
		"a place of another's":          {`UPDATE place SET country = country + 1`, "place that is not there"},
		"a day that is lost":            {`DELETE FROM pack WHERE dim = 0 AND grain = 0 AND period = (SELECT min(period) FROM pack WHERE grain = 0)`, "in all"},
		"a class of a day":              {`DELETE FROM pack WHERE dim = 2 AND grain = 0 AND period = (SELECT max(period) FROM pack WHERE grain = 0)`, "by the ledger"},
		"a month":                       {`DELETE FROM pack WHERE dim = 0 AND grain = 1`, "by their days"},
		"days by file":                  {`DELETE FROM pack WHERE dim = 9`, "by file"},
		"a pack with other bytes":       {`UPDATE pack SET hits = zeroblob(length(hits)) WHERE dim = 1 AND grain = 0`, "damaged"},
		"fresh counts with other bytes": {`UPDATE fresh SET body = zeroblob(length(body))`, "fresh counts, row"},
		"a file of another's":           {`UPDATE file_rule SET kind = 1 WHERE file_id = 1`, "facet that is not there"},
		"a file that is not there":      {`DELETE FROM file_rule WHERE file_id = 1`, "is not there"},
		"a client of another":           {`UPDATE agent_rule SET client_id = 1 WHERE agent_id = 2`, "by the ledger"},
		"counts of another day":         {`UPDATE pack SET period = period - 1 WHERE dim = 0 AND grain = 0 AND period = (SELECT min(period) FROM pack WHERE grain = 0)`, "in all"},
		"what was heard":                {`UPDATE heard SET events = events + 1`, "brought"},
		"a row of the ledger":           {`DELETE FROM ledger WHERE pos = 5`, "follows row 4"},
		"a byte of the ledger":          {`UPDATE ledger SET body = zeroblob(length(body)) WHERE pos = 5`, "row 5 is damaged"},
		"a record":                      {`UPDATE doc SET body = x'7b' WHERE id = 'p1'`, "cannot be read"},
		"a record of another's":         {`UPDATE doc SET body = (SELECT body FROM doc WHERE id = 'b1') WHERE id = 'p1'`, "says that it is"},
		"a key that is lost":            {`DELETE FROM doc_key WHERE key = 'b'`, "by its key"},
		"a record that is lost":         {`DELETE FROM doc WHERE id = 'p1'`, "1 records and 2 keys"},
		"a position":                    {`UPDATE catalog SET last = last - 1`, "the newest is"},
		"changes":                       {`UPDATE catalog SET builds = 0`, "changed 0 times"},
		"an add":                        {`UPDATE use_day SET total = total + 1 WHERE package_id = (SELECT max(package_id) FROM use_day)`, "the reports say 2"},
		"an add that is lost":           {`DELETE FROM use_day WHERE package_id = (SELECT max(package_id) FROM use_day)`, "are not there"},
		"an app that is lost":           {`DELETE FROM app_use WHERE app = (SELECT max(app) FROM app_use)`, "the reports say 1"},
		"what an app contains":          {`UPDATE app_use SET facts = x'80'`, "is damaged"},
		"a published file":              {`UPDATE day_file SET body = x'7b'`, "is damaged"},
		"the chain":                     {`UPDATE day_file SET chain = zeroblob(32)`, "the chain of published days breaks"},
		"an upload that is lost":        {`DELETE FROM upload`, "1 uploads of package 1 are not counted"},
		"deletions":                     {`UPDATE deletion SET n = n + 1`, "2 deletions of package 1, by the ledger 1"},
		"a deletion that is lost":       {`DELETE FROM deletion`, "1 deletions of package 1 are not counted"},
		"an event twice":                {`INSERT INTO ledger SELECT pos + 1, first_event + n, n, received_ms, codec, crc, body FROM ledger ORDER BY pos DESC LIMIT 1`, "by the ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sick(t, tt.spoil)
			if text := strings.Join(r.Problems, "\n"); (tt.says == "") != (text == "") || !strings.Contains(text, tt.says) {
				t.Errorf("it says %q, want %q", text, tt.says)
			}
			if r.Events < 160 || r.Counts < 160 || r.Days < 79 {
				t.Errorf("it saw little: %+v", r)
			}
		})
	}
}

// Events count by the rules that were in force when they came, and the doctor
// knows which those were; a recount brings them all under those of now.
func TestAChangeOfRulesCountsFromThenOnUntilARecount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	const ua = "acme-fetch/1.0"
	apply := func(rules *rule.Set, agent string) pkgmeter.Entry {
		return rules.Apply(pkgmeter.Event{Source: "s", Repository: "r", Path: "a.jar", Time: noon, Status: 200, Agent: agent})
	}
	before := rule.Default()
	write(t, s, noon, apply(before, ua), apply(before, ""))
	after, err := rule.New([]rule.ClientRule{{Agent: "acme-fetch/*", Name: "acme-fetch", Class: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	number, err := s.SetRules(t.Context(), after, rule.Number, after.Own())
	if err != nil || number != rule.Number+1 || s.Rule() != number {
		t.Fatalf("rule set %d, %v", number, err)
	}
	again, err := s.SetRules(t.Context(), after, rule.Number, after.Own())
	if err != nil || again != number {
		t.Fatalf("the same rules are set %d, %v", again, err)
	}
	write(t, s, noon, apply(after, ua), apply(after, ua), apply(after, ""))
	clients := func() string {
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon, Measure: pkgmeter.ByHits}, pkgmeter.ByClient, pkgmeter.Page{Limit: 9})
		if err != nil || list.Total.Rules != number {
			t.Fatalf("rules %d, %v", list.Total.Rules, err)
		}
		var b strings.Builder
		for _, it := range list.Items {
			b.WriteString(it.Key + strings.Repeat("+", int(it.Hits)) + " ")
		}
		return b.String()
	}
	if got := clients(); got != "(none)++ acme-fetch++ (other)+ " {
		t.Errorf("before the recount: %s", got)
	}
	r, err := s.Doctor(t.Context(), after, func(int64, int64) {})
	healthy(t, r, err)
	if err := s.Rebuild(t.Context(), after, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if got := clients(); got != "acme-fetch+++ (none)++ " {
		t.Errorf("after the recount: %s", got)
	}
	r, err = s.Doctor(t.Context(), after, func(int64, int64) {})
	healthy(t, r, err)
	s.Close()
	s = open(t, dir, c)
	if s.Rule() != number || s.Own() != after.Own() {
		t.Errorf("after a restart: rule set %d, %s", s.Rule(), s.Own())
	}
	write(t, s, noon, apply(after, ua))
	r, err = s.Doctor(t.Context(), after, func(int64, int64) {})
	healthy(t, r, err)
}
