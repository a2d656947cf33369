package demo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/demo"
)

func TestACatalogHasWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	for _, want := range [][3]int{{1, 1, 0}, {1, 1, 2}, {40, 300, 400}, {500, 4000, 3000}} {
		var count [pkgmeter.Collections]int
		ids, keys := map[string]bool{}, map[string]bool{}
		first := ""
		for range 2 { // the same one each time
			all := ""
			count = [pkgmeter.Collections]int{}
			clear(ids)
			clear(keys)
			for batch, err := range demo.NewCatalog(want[0], want[1], want[2], time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)).Batches(100) {
				if err != nil || len(batch) > 100 {
					t.Fatal(len(batch), err)
				}
				for _, d := range batch {
					count[d.Collection]++
					ids[d.ID] = true
					keys[fmt.Sprint(d.Collection, d.Key)] = true
					all += d.ID
				}
			}
			if first == "" {
				first = all
			} else if all != first {
				t.Error("another catalog the second time")
			}
		}
		if got := [3]int(count[:3]); got != want || count[pkgmeter.ReleaseTracks] != 1 || count[pkgmeter.ReleaseVersions] == 0 {
			t.Errorf("%v, want %v", count, want)
		}
		if n := count[0] + count[1] + count[2] + count[3] + count[4]; len(ids) != n || len(keys) != n {
			t.Errorf("%d records have %d ids and %d keys", n, len(ids), len(keys))
		}
	}
}

func BenchmarkCatalog(b *testing.B) {
	var records, bytes int
	for b.Loop() {
		for batch, err := range demo.NewCatalog(1500, 15000, 20000, time.Now()).Batches(1000) {
			if err != nil {
				b.Fatal(err)
			}
			for _, d := range batch {
				records++
				bytes += len(d.Body)
			}
		}
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(bytes)/float64(records), "bytes/record")
}
