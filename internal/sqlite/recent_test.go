package sqlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// recorded returns the events of a range.
func recorded(t *testing.T, s *sqlite.Store, after, upTo int64) (all []pkgmeter.Recorded) {
	t.Helper()
	if err := s.Recorded(t.Context(), after, upTo, func(r pkgmeter.Recorded) error {
		all = append(all, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func numbers(all []pkgmeter.Recorded) (n []int64) {
	for _, r := range all {
		n = append(n, r.Number)
	}
	return n
}

func TestEventsKeepTheirNumbersOverARestart(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	for n := range 5 {
		write(t, s, noon, group(n)...)
	}
	end, _ := s.LedgerEnd()
	before, name := recorded(t, s, 0, end), s.LedgerName()
	if len(before) == 0 || int64(len(before)) != end {
		t.Fatalf("%d events up to %d", len(before), end)
	}
	for after := range end + 2 {
		for _, upTo := range []int64{after, after + 3, end} {
			if got, want := numbers(recorded(t, s, after, upTo)), numbers(before[min(after, end):max(min(after, end), min(upTo, end))]); !slices.Equal(got, want) {
				t.Fatalf("after %d up to %d: %v, want %v", after, upTo, got, want)
			}
		}
	}
	s.Close()
	s = open(t, dir, c)
	write(t, s, noon, entry("com/acme/app/2.0/app-2.0.jar", noon))
	again, _ := s.LedgerEnd()
	if got := recorded(t, s, end, again); again != end+1 || s.LedgerName() != name || len(got) != 1 || got[0].File.Version != "2.0" {
		t.Errorf("after the restart %d, %s: %+v", again, s.LedgerName(), got)
	}
}

func TestARecordedEventIsWhatItCountsAs(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	e := pkgmeter.Event{
		Source: "s", ID: "1", Repository: "releases", Path: "com/acme/app/1.0/app-1.0.jar.sha1", Agent: "curl/8.5.0", Consumer: "team", Country: "DE",
		Op: pkgmeter.Head, Time: noon.Add(-time.Hour), Status: 304, Bytes: 7, Flags: pkgmeter.Robot,
	}
	write(t, s, noon, rule.Default().Apply(e))
	got := recorded(t, s, 0, 1)[0]
	e.ID, e.Repository, e.Path = "", "", ""
	want := pkgmeter.File{
		Repository: "releases", Name: "com/acme/app/1.0/app-1.0.jar.sha1", Type: "maven", Package: "pkg:maven/com.acme/app", Version: "1.0", Kind: pkgmeter.Checksum,
		SidecarOf: got.File.SidecarOf, Legacy: pkgmeter.LegacyCrypto, Confidence: pkgmeter.Certain,
	}
	if got.Event != e || *got.File != want || got.Number != 1 {
		t.Errorf("%+v\n%+v", got, got.File)
	}
}

func TestOnlyACommitOfEventsIsMoreOfTheLedger(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	more := func(changed <-chan struct{}) bool {
		select {
		case <-changed:
			return true
		default:
			return false
		}
	}
	end, changed := s.LedgerEnd()
	write(t, s, noon)
	if err := s.SetHidden(t.Context(), "files", true); err != nil {
		t.Fatal(err)
	}
	bad := entry("a-1.0.jar", noon)
	bad.File.Kind = 99 // breaks a rule of the table
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{{Received: noon, Entries: []pkgmeter.Entry{entry("b-1.0.jar", noon), bad}}}); err == nil {
		t.Fatal("it was stored")
	}
	if end != 0 || more(changed) {
		t.Errorf("the ledger ends at %d, and goes on", end)
	}
	write(t, s, noon, entry("a-1.0.jar", noon), entry("b-1.0.jar", noon))
	if end, next := s.LedgerEnd(); end != 2 || !more(changed) || more(next) {
		t.Errorf("the ledger ends at %d", end)
	}
}

func TestARestoredLedgerHasAnotherName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := map[string]bool{}
	for n := range 3 {
		s := open(t, dir, &clock{noon})
		names[s.LedgerName()] = true
		s.Close()
		if err := sqlite.Renew(t.Context(), filepath.Join(dir, sqlite.FileName), noon.Add(time.Duration(n)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if len(names) != 3 {
		t.Errorf("names: %v", names)
	}
}

func TestAfterARecountFilesAreShownAsTheyCountNow(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	write(t, s, noon, entry("a-1.0.jar", noon))
	if got := recorded(t, s, 0, 1)[0].File.Package; got != "pkg:maven/a" {
		t.Fatal(got)
	}
	if err := s.Rebuild(t.Context(), renamed{rule.Default()}, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if got := recorded(t, s, 0, 1)[0].File.Package; got != "pkg:maven/renamed-a" {
		t.Error(got)
	}
}

// renamed are rules by which packages are called otherwise.
type renamed struct{ pkgmeter.Rules }

func (r renamed) File(repository, path, hint string) pkgmeter.File {
	f := r.Rules.File(repository, path, hint)
	f.Package = fmt.Sprintf("pkg:%s/renamed-a", f.Type)
	return f
}
