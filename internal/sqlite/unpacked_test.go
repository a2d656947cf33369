package sqlite_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// What is kept unpacked is of a snapshot: late counts, which change a day and a
// month that are packed, are in the very next answer.
func TestLateCountsAreInTheNextAnswer(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	for i := range 5 {
		write(t, s, noon, entry(fmt.Sprintf("app-1.%d.jar", i), noon.AddDate(0, -2, i)))
	}
	ask := func() string {
		t.Helper()
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByFile, pkgmeter.Page{Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(list.Items)
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	const before = "[{app-1.0.jar {1 1 0}} {app-1.1.jar {1 1 0}} {app-1.2.jar {1 1 0}}]"
	for range 2 {
		if got := ask(); got != before {
			t.Fatal(got)
		}
	}
	if n, _ := s.Unpacked(); n == 0 {
		t.Fatal("nothing is kept: this test proves nothing")
	}
	for n := range 3 {
		write(t, s, noon, entry("app-1.2.jar", noon.AddDate(0, -2, 2)))
		if n == 1 {
			if err := s.Pack(t.Context()); err != nil { // into the packed month
				t.Fatal(err)
			}
		}
		if got, want := ask(), fmt.Sprintf("[{app-1.2.jar {%d %[1]d 0}} {app-1.0.jar {1 1 0}} {app-1.1.jar {1 1 0}}]", n+2); got != want {
			t.Fatalf("after %d late ones: %s, want %s", n+1, got, want)
		}
	}
}

// An answer that was broken off keeps no part of a period for the next one.
func TestABrokenOffAnswerLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	var all []pkgmeter.Entry
	for i := range 40_000 {
		all = append(all, entry(fmt.Sprintf("app-1.%d.jar", i), noon.AddDate(0, -2, i%20)))
	}
	write(t, s, noon, all...)
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	tries := 60
	if raced {
		tries = 15
	}
	for i := range tries {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*3*time.Millisecond/time.Duration(tries))
		_, _ = s.Top(ctx, pkgmeter.Query{Now: noon}, pkgmeter.ByPackage, pkgmeter.Page{Limit: 1})
		cancel()
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByFile, pkgmeter.Page{Limit: 1})
		if err != nil || list.Total.Hits != int64(len(all)) {
			t.Fatal(list.Total, err)
		}
		s.ForgetUnpacked()
	}
}

// What is kept is bounded, and what was just read makes no room for more.
func TestUnpackedPacksAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for i := range 100 {
		s.KeepUnpacked(int64(i), 1_000_000/8)
		if _, bytes := s.Unpacked(); bytes > 64<<20 {
			t.Fatalf("%d bytes after %d runs", bytes, i+1)
		}
	}
	if n, bytes := s.Unpacked(); n < 15 || bytes < 50<<20 || !s.IsUnpacked(0) {
		t.Errorf("%d runs of %d bytes, the first one there: %t", n, bytes, s.IsUnpacked(0))
	}
}
