package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

// So many cells that two goroutines add them up, of files that share names.
func TestManyCellsAreAddedUpOnce(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	const files, days = 30_000, 8
	template := entry("app-1.0.jar", noon)
	for day := range days {
		var all []pkgmeter.Entry
		for i := range files {
			e := template
			e.Event.Repository = fmt.Sprint("r", i%3)
			e.Event.Path = fmt.Sprintf("app-1.%d.jar", i/3)
			e.File.Name, e.File.Repository = e.Event.Path, e.Event.Repository
			e.Event.Time = noon.AddDate(0, 0, -day-1)
			all = append(all, e)
		}
		write(t, s, noon, all...)
	}
	if err := s.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // read, and kept
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByFile, pkgmeter.Page{Limit: 100_000})
		if err != nil || len(list.Items) != files/3 || list.Total.Hits != files*days {
			t.Fatalf("%d files, %+v, %v", len(list.Items), list.Total, err)
		}
		for _, it := range list.Items {
			if it.Hits != 3*days {
				t.Fatalf("%s has %d hits, want %d", it.Key, it.Hits, 3*days)
			}
		}
	}
}
