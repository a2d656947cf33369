package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

func TestSourcesSayWhatTheyBrought(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	from := func(e pkgmeter.Entry, source string) pkgmeter.Entry {
		e.Event.Source = source
		return e
	}
	today := pkgmeter.DayOf(noon)
	write(t, s, noon.Add(-time.Hour), from(withID(entry("a.jar", noon.Add(-50*time.Hour)), "1"), "log"), from(entry("a.jar", noon.Add(-2*time.Hour)), "log"))
	write(t, s, noon, from(withID(entry("a.jar", noon.Add(-50*time.Hour)), "1"), "log"), from(entry("b.jar", noon), "cloudrepo"))
	held := &pkgmeter.Delivery{Received: noon.Add(-time.Minute), Rejects: []pkgmeter.Reject{{Source: "bad", Kind: "hook", Reason: "no", Body: []byte("{")}, {Source: "bad", Kind: "hook", Reason: "no", Body: []byte("{")}}}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{held}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Sources(t.Context(), today-2, today)
	if err != nil {
		t.Fatal(err)
	}
	want := []pkgmeter.SourceReport{
		{Name: "bad", Last: noon.Add(-time.Minute), Unparsed: 2, ByDay: []int64{0, 0, 0}, Held: 2},
		{Name: "cloudrepo", Last: noon, Events: 1, ByDay: []int64{0, 0, 1}},
		{Name: "log", Last: noon, Events: 2, Duplicates: 1, MaxLag: 49 * time.Hour, ByDay: []int64{1, 0, 1}},
	}
	if got := fmt.Sprintf("%+v", all); got != fmt.Sprintf("%+v", want) {
		t.Errorf("\n got %s\nwant %+v", got, want)
	}
	// A range without events still says when each was heard last.
	all, err = s.Sources(t.Context(), today-20, today-10)
	if err != nil || len(all) != 3 || !all[1].Last.Equal(noon) || all[1].Events != 0 || len(all[1].ByDay) != 11 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := s.Sources(t.Context(), today, today-1); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("a range that ends before it begins: %v", err)
	}
}
