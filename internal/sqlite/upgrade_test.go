package sqlite_test

import (
	"flag"
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

var update = flag.Bool("update", false, "write the fixture of schema 1 anew; only right before a schema lands")

// undo takes a file of the newest schema back to an older one: the other way
// of the migrations since then. A fixture is made once, with the schema that
// it is of, and then stays as it is.
const undo = `
	DROP TABLE import; DROP TABLE opening; DROP TABLE session; DROP TABLE sample;
	ALTER TABLE source DROP COLUMN mapping;
	PRAGMA user_version = 1; VACUUM;`

func fixture(schema int) string { return fmt.Sprintf("testdata/schema-%d.db.zst", schema) }

func makeFixture(t *testing.T) {
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	for month := range 4 {
		for i := range 40 {
			at := noon.AddDate(0, -month, -i%9)
			e := entry(fmt.Sprintf("com/acme/app%d/1.%d/app%d-1.%d.%s", i%7, i%3, i%7, i%3, []string{"jar", "pom", "jar.sha1"}[i%3]), at)
			e.Event.ID = fmt.Sprintf("id-%d-%d", month, i)
			write(t, s, noon, e)
		}
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, s, noon, entry("late.jar", noon.AddDate(0, -2, 0)))
	d := &pkgmeter.Delivery{Received: noon, Rejects: []pkgmeter.Reject{{Source: "cloudrepo", Kind: "callback", Reason: "no file is named", Body: []byte("{}")}}}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUser(t.Context(), pkgmeter.User{Name: "ann", Role: pkgmeter.Admin, Hash: "x"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db := raw(t, dir)
	if _, err := db.Exec(undo); err != nil {
		t.Fatal(err)
	}
	db.Close()
	file, err := os.ReadFile(filepath.Join(dir, "pkgmeter.db"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fixture(1), z.EncodeAll(file, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A data file of every schema that was ever released opens, and has its
// numbers.
func TestOlderSchemasAreUpgraded(t *testing.T) {
	t.Parallel()
	if *update {
		makeFixture(t)
	}
	for schema := 1; schema < sqlite.Schema(); schema++ {
		packed, err := os.ReadFile(fixture(schema))
		if err != nil {
			t.Fatal(err)
		}
		if len(packed) > 200<<10 {
			t.Errorf("%s has %d bytes", fixture(schema), len(packed))
		}
		z, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		file, err := z.DecodeAll(packed, nil)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pkgmeter.db"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		checkUpgraded(t, dir)
	}
}

func checkUpgraded(t *testing.T, dir string) {
	c := &clock{noon.Add(time.Hour)}
	s := open(t, dir, c)
	check := func(when string) {
		t.Helper()
		total, err := s.Totals(t.Context(), pkgmeter.Query{Now: c.at})
		list, err2 := s.Top(t.Context(), pkgmeter.Query{Now: c.at}, pkgmeter.ByPackage, pkgmeter.Page{Limit: 2})
		users, err3 := s.Users(t.Context())
		held, err4 := s.Quarantined(t.Context())
		got := fmt.Sprint(total.Hits, total.Downloads, total.Span.From, list.Items, len(users), held, err, err2, err3, err4)
		if want := "161 57 2025-12-02 [{pkg:maven/com.acme/app0 {8 24 0}} {pkg:maven/com.acme/app1 {8 24 0}}] 1 1 <nil> <nil> <nil> <nil>"; got != want {
			t.Errorf("%s\n got %s\nwant %s", when, got, want)
		}
	}
	check("as it was")
	known := withID(entry("late.jar", noon), "id-0-0")
	known.Event.Source = "cloudrepo"
	if d := write(t, s, noon, known); d.Known != 1 {
		t.Error("an id from before the upgrade is new")
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after packing the late event")
	n := 0
	if err := s.Events(t.Context(), 0, func(int64, pkgmeter.Event) error { n++; return nil }); err != nil || n != 161 {
		t.Errorf("%d events in the ledger, %v", n, err)
	}
	// What the newer schema brings works.
	_, err := s.MoveIn(t.Context(), pkgmeter.Opening{
		Source: "savejson", Counters: pkgmeter.Counters{All: 5, Files: map[string]int64{"x.jar": 5}},
		Derive: func(name string) pkgmeter.File { return rule.FileOf("", name, "") },
	})
	if total, err2 := s.Totals(t.Context(), pkgmeter.Query{Now: c.at}); err != nil || err2 != nil || total.Opening != 5 || total.Hits != 166 {
		t.Errorf("%+v, %v, %v", total, err, err2)
	}
	s.Close()
	var integrity string
	if err := raw(t, dir).QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || !strings.EqualFold(integrity, "ok") {
		t.Errorf("integrity: %s, %v", integrity, err)
	}
}
