package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// ctx is for helpers that a rapid test calls.
var ctx = context.Background()

// clock is a hand-moved one.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t testing.TB, dir string, c *clock) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{Now: c.now, Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func entry(path string, at time.Time) pkgmeter.Entry {
	e := pkgmeter.Event{Source: "cloudrepo", Repository: "r", Path: path, Time: at, Status: 200}
	return rule.Default().Apply(e)
}

func withID(e pkgmeter.Entry, id string) pkgmeter.Entry {
	e.Event.ID = id
	return e
}

func write(t testing.TB, s *sqlite.Store, received time.Time, entries ...pkgmeter.Entry) *pkgmeter.Delivery {
	t.Helper()
	d := &pkgmeter.Delivery{Received: received, Entries: entries}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	return d
}

func hits(t testing.TB, s *sqlite.Store, now time.Time) int64 {
	t.Helper()
	total, err := s.Totals(t.Context(), pkgmeter.Query{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return total.Hits
}

func TestAnIDCountsOnce(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	e := withID(entry("app-1.0.jar", noon), "a")
	if d := write(t, s, noon, e, e); d.New != 1 || d.Known != 1 {
		t.Errorf("twice in a delivery: %d new, %d known", d.New, d.Known)
	}
	if d := write(t, s, noon, e); d.New != 0 || d.Known != 1 {
		t.Errorf("again: %d new, %d known", d.New, d.Known)
	}
	other := e
	other.Event.Source = "api:alice"
	if d := write(t, s, noon, other); d.New != 1 {
		t.Errorf("the same id of another source: %d new", d.New)
	}
	plain := entry("app-1.0.jar", noon)
	if d := write(t, s, noon, plain, plain); d.New != 2 {
		t.Errorf("events without an id: %d new, want 2", d.New)
	}
	s.Close()
	s = open(t, dir, c)
	if d := write(t, s, noon, e); d.Known != 1 {
		t.Error("after a restart the id is new again")
	}
	if got := hits(t, s, noon); got != 4 {
		t.Errorf("%d hits, want 4", got)
	}
}

func TestAKeyIsForgottenAfter400Days(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	e := withID(entry("app-1.0.jar", noon), "a")
	write(t, s, noon, e)
	for _, step := range []struct {
		days  int
		known int
	}{{400, 1}, {401, 0}} {
		s.Close()
		c.at = noon.Add(-6*time.Hour).AddDate(0, 0, step.days)
		s = open(t, dir, c)
		if d := write(t, s, c.at, e); d.Known != step.known {
			t.Errorf("after %d days: %d known, want %d", step.days, d.Known, step.known)
		}
	}
}

func TestAFailedBatchLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	good := withID(entry("com/acme/app/1.0/app-1.0.jar", noon), "good")
	bad := entry("bad", noon)
	bad.Event.Source = "" // the schema refuses it
	d := &pkgmeter.Delivery{Received: noon, Entries: []pkgmeter.Entry{good, bad}, Rejects: []pkgmeter.Reject{{Source: "x", Kind: "callback", Reason: "no", Body: []byte("b")}}}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err == nil {
		t.Fatal("an event without a source was stored")
	}
	// Dictionaries, keys and counters in memory must have gone back too.
	if d := write(t, s, noon, good); d.New != 1 {
		t.Errorf("after the failure: %d new, want 1", d.New)
	}
	if got := hits(t, s, noon); got != 1 {
		t.Errorf("%d hits, want 1", got)
	}
	list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByRepository, pkgmeter.Page{Limit: 10})
	if err != nil || len(list.Items) != 1 || list.Items[0].Key != "r" {
		t.Errorf("top %+v, %v", list, err)
	}
}

func TestTheLedgerGivesBackWhatWasSaid(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	want := []pkgmeter.Event{
		{Source: "cloudrepo", Path: "/repositories/r/a%20b.jar", Status: 200, Time: noon},
		{
			Source: "api:bob", ID: "x-1", Op: pkgmeter.Head, Repository: "r", Path: "a.jar", Hint: "text/plain", Agent: "curl/8",
			Country: "DE", Consumer: "ann", Time: noon.Add(-48*time.Hour + 5*time.Millisecond), Status: 304, Bytes: 1 << 39, Flags: pkgmeter.Clamped | pkgmeter.Robot,
		},
		{Source: "cloudrepo", Op: pkgmeter.Upload, Repository: "r", Path: "a.jar", Status: 0, Time: noon.Add(-time.Hour)},
	}
	for _, e := range want {
		write(t, s, noon, rule.Default().Apply(e))
	}
	var got []pkgmeter.Event
	var positions []int64
	err := s.Events(t.Context(), 0, func(pos int64, e pkgmeter.Event) error {
		got, positions = append(got, e), append(positions, pos)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("ledger\n got %+v\nwant %+v", got, want)
	}
	if fmt.Sprint(positions) != "[1 2 3]" {
		t.Errorf("positions %v", positions)
	}
}

func TestUploadsAndFailuresAreKeptAndNotCounted(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	up := rule.Default().Apply(pkgmeter.Event{Source: "s", Op: pkgmeter.Upload, Path: "a.jar", Status: 200, Time: noon})
	missing := rule.Default().Apply(pkgmeter.Event{Source: "s", Path: "a.jar", Status: 404, Time: noon})
	if d := write(t, s, noon, up, missing); d.New != 2 {
		t.Fatalf("%d new, want 2", d.New)
	}
	total, err := s.Totals(t.Context(), pkgmeter.Query{Now: noon})
	if err != nil || total.Hits != 0 || total.Span.From != 0 || !total.Span.Complete {
		t.Errorf("totals %+v, %v: want those of an empty store", total, err)
	}
	list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByFile, pkgmeter.Page{Limit: 10})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("top %+v, %v: a key without hits is listed", list.Items, err)
	}
}

func TestADayOfWhichNobodyReportedIsAGap(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	write(t, s, noon, entry("a.jar", noon.AddDate(0, 0, -4)),
		rule.Default().Apply(pkgmeter.Event{Source: "s", Op: pkgmeter.Upload, Path: "a.jar", Status: 200, Time: noon.AddDate(0, 0, -2)}))
	series, err := s.Series(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.Daily)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range series.Lines[0].Points {
		got = append(got, fmt.Sprintf("%s %d %t", p.Day, p.Hits, p.Gap))
	}
	want := "2026-03-06 1 false; 2026-03-07 0 true; 2026-03-08 0 false; 2026-03-09 0 true; 2026-03-10 0 false"
	if strings.Join(got, "; ") != want {
		t.Errorf("series\n got %s\nwant %s", strings.Join(got, "; "), want)
	}
}

func TestQuarantineKeepsTheNewestOfEachSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, &clock{noon})
	d := &pkgmeter.Delivery{Received: noon}
	for i := range 10_005 {
		d.Rejects = append(d.Rejects, pkgmeter.Reject{Source: "loud", Kind: "callback", Reason: "broken", Body: fmt.Append(nil, i)})
	}
	d.Rejects = append(d.Rejects, pkgmeter.Reject{Source: "quiet", Kind: "callback", Reason: "broken", Body: []byte("q")})
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db := raw(t, dir)
	var loud, quiet, first, dropped int
	err := db.QueryRow(`SELECT (SELECT count(*) FROM quarantine q JOIN source s ON s.id = q.source_id WHERE s.name = 'loud'),
		(SELECT count(*) FROM quarantine q JOIN source s ON s.id = q.source_id WHERE s.name = 'quiet'),
		(SELECT min(id) FROM quarantine), (SELECT dropped FROM source WHERE name = 'loud')`).Scan(&loud, &quiet, &first, &dropped)
	if err != nil || loud != 10_000 || quiet != 1 || first != 6 || dropped != 5 {
		t.Errorf("loud %d, quiet %d, first %d, dropped %d, %v", loud, quiet, first, dropped, err)
	}
}

func raw(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "pkgmeter.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestStartIsRefusedInDoubt(t *testing.T) {
	t.Parallel()
	make := func(t *testing.T, change string) string {
		dir := t.TempDir()
		s := open(t, dir, &clock{noon})
		write(t, s, noon, entry("a.jar", noon))
		s.Close()
		if change != "" {
			db := raw(t, dir)
			if _, err := db.Exec(change); err != nil {
				t.Fatal(err)
			}
			db.Close()
		}
		return dir
	}
	tests := map[string]struct {
		dir  func(t *testing.T) string
		want string
	}{
		"a newer schema": {func(t *testing.T) string {
			return make(t, fmt.Sprintf(`PRAGMA user_version = %d`, sqlite.Schema()+1))
		}, "use the newer program"},
		"another program's database": {func(t *testing.T) string {
			return make(t, `PRAGMA application_id = 7`)
		}, "not a database of pkgmeter"},
		"no database": {func(t *testing.T) string {
			dir := t.TempDir()
			os.WriteFile(filepath.Join(dir, "pkgmeter.db"), []byte(strings.Repeat("hello ", 100)), 0o600)
			return dir
		}, "no SQLite database"},
		"a damaged file": {func(t *testing.T) string {
			dir := make(t, "")
			os.Truncate(filepath.Join(dir, "pkgmeter.db"), 20_000)
			return dir
		}, "damaged: restore a backup"},
		"a few bytes": {func(t *testing.T) string {
			dir := t.TempDir()
			os.WriteFile(filepath.Join(dir, "pkgmeter.db"), []byte("hello"), 0o600)
			return dir
		}, "no database"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tt.dir(t)
			before, err := os.ReadFile(filepath.Join(dir, "pkgmeter.db"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, sqlite.ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a refusal that says %q", err, tt.want)
			}
			after, err := os.ReadFile(filepath.Join(dir, "pkgmeter.db"))
			if err != nil || string(after) != string(before) {
				t.Errorf("the refused file was changed (%v)", err)
			}
		})
	}
}

func TestPragmasHoldOnEveryConnection(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	if err := s.EachConnection(t.Context(), func(conn *sql.Conn) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "page_size": "8192"} {
			var got string
			if err := conn.QueryRowContext(context.Background(), "PRAGMA "+pragma).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("PRAGMA %s = %s, want %s", pragma, got, want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSumsOfBytesThatAreTooLargeStayAtTheLargest(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	huge := entry("a.jar", noon)
	huge.Counts.Bytes = 1 << 53
	for i := range 1800 { // the sum of each of two days fits, that of both does not
		huge.Event.Time = noon.AddDate(0, 0, -i%2)
		write(t, s, noon, huge)
	}
	want := func(when string) {
		t.Helper()
		total, err := s.Totals(t.Context(), pkgmeter.Query{Now: c.at, Filter: pkgmeter.Filter{Types: []string{"maven"}, Versions: []string{""}}})
		list, err2 := s.Top(t.Context(), pkgmeter.Query{Now: c.at}, pkgmeter.ByFile, pkgmeter.Page{Limit: 1})
		if err != nil || err2 != nil || total.Bytes != math.MaxInt64 || list.Items[0].Bytes != math.MaxInt64 || list.Total.Hits != 1800 {
			t.Errorf("%s: %+v, %+v, %v, %v", when, total, list, err, err2)
		}
	}
	want("as rows")
	c.at = noon.AddDate(0, 2, 0)
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("as packs")
	write(t, s, noon, huge)
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestACleanStopLeavesOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, &clock{noon})
	write(t, s, noon, entry("a.jar", noon))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestAFullDiskIsToldAndPasses(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	write(t, s, noon, entry("a.jar", noon))
	if err := s.LimitPages(t.Context(), 1); err != nil { // no page more than there are
		t.Fatal(err)
	}
	stored := int64(1)
	failed := false
	for i := range 200 {
		d := &pkgmeter.Delivery{Received: noon, Entries: []pkgmeter.Entry{withID(entry(strings.Repeat("x", 900)+fmt.Sprint(i), noon), fmt.Sprint(i))}}
		err := s.Write(t.Context(), []*pkgmeter.Delivery{d})
		switch {
		case err == nil:
			stored++
		case pkgmeter.CodeOf(err) == pkgmeter.Unavailable && !sqlite.Fatal(err):
			failed = true
		default:
			t.Fatalf("a full disk is %v", err)
		}
	}
	if !failed {
		t.Fatal("the disk never was full: the limit does not work")
	}
	if got := hits(t, s, noon); got != stored {
		t.Errorf("%d hits, %d were stored", got, stored)
	}
	if err := s.LimitPages(t.Context(), 1<<30); err != nil {
		t.Fatal(err)
	}
	write(t, s, noon, withID(entry(strings.Repeat("x", 900)+"199", noon), "199"))
	if got := hits(t, s, noon); got != stored+1 {
		t.Errorf("after there is room again: %d hits, want %d", got, stored+1)
	}
}
