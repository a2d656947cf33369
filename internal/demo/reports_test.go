package demo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/demo"
)

var reportsEnd = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// publishedOn says when each version of a catalog was published.
func publishedOn(t *testing.T, c *demo.Catalog) map[[2]string]time.Time {
	t.Helper()
	at := map[[2]string]time.Time{}
	for batch, err := range c.Batches(1000) {
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range batch {
			var v catalog.Version
			if d.Collection != pkgmeter.Versions {
				continue
			}
			if err := catalog.Decode(d.Body, &v); err != nil {
				t.Fatal(err)
			}
			at[[2]string{catalog.PackageURL(v.PackageName), v.Version}] = v.Published.Time()
		}
	}
	return at
}

func TestInventedAppsUseWhatThereIs(t *testing.T) {
	t.Parallel()
	const apps, size = 600, 50
	c := demo.NewCatalog(300, 2000, 0, reportsEnd)
	at := publishedOn(t, c)
	today := pkgmeter.DayOf(reportsEnd)
	has := map[string]map[string]string{} // app, package: version
	uses := map[string]int{}              // package: apps
	var direct, adds, upgrades, reports, weekend, week int
	last := today - 89
	for day, batch := range c.Reports(apps, size) {
		if day < last || day > today || len(batch) == 0 || len(batch) > size {
			t.Fatalf("%d reports on %s, after %s", len(batch), day, last)
		}
		last = day
		for _, r := range batch {
			reports++
			known := has[r.App]
			if known == nil {
				known = map[string]string{}
				has[r.App] = known
				if d := day.Start().Weekday(); d == time.Saturday || d == time.Sunday {
					weekend++
				} else {
					week++
				}
			}
			twice := map[string]bool{}
			for _, p := range r.Packages {
				if when, ok := at[[2]string{p.Package, p.Version}]; !ok || when.After(day.End()) || when.After(reportsEnd) || twice[p.Package] {
					t.Fatalf("%s: %+v, which is of %s", day, p, when)
				}
				twice[p.Package] = true
				switch before := known[p.Package]; {
				case before == "":
					adds++
					uses[p.Package]++
					if p.Direct {
						direct++
					}
				case before != p.Version:
					upgrades++
				}
				known[p.Package] = p.Version
			}
			if len(twice) != len(known) {
				t.Fatalf("%s has lost packages", r.App)
			}
		}
	}
	if len(has) != apps || last != today || reports < 3*apps {
		t.Errorf("%d apps, %d reports until %s", len(has), reports, last)
	}
	if share := float64(direct) / float64(adds); share < .3 || share > .4 || upgrades < apps || adds < 12*apps {
		t.Errorf("%d adds, %.2f of them direct, and %d upgrades", adds, share, upgrades)
	}
	if most, least := uses["pkg:meteor/accounts"], uses["pkg:meteor/grace/accounts-core"]; most < apps/2 || least == 0 || most < 2*least {
		t.Errorf("the first package is in %d apps, a later one in %d", most, least)
	}
	if weekend*3 > week {
		t.Errorf("%d apps begin at weekends, %d on other days", weekend, week)
	}
}

func TestInventedReportsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1, 0}, {3, 1}, {40, 7}} {
		c := demo.NewCatalog(size[0], 60, 10, reportsEnd)
		said := func() (all string) {
			for day, batch := range c.Reports(20, size[1]) {
				for _, r := range batch {
					all += fmt.Sprintln(day, *r)
				}
			}
			return all
		}
		if first := said(); first == "" || first != said() {
			t.Errorf("%v: other reports the second time", size)
		}
	}
	n := 0
	for range demo.NewCatalog(10, 10, 0, reportsEnd).Reports(50, 1) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d batches", n)
	}
	for range demo.NewCatalog(10, 10, 0, reportsEnd).Reports(0, 10) {
		t.Error("a report of no app")
	}
}

func BenchmarkReports(b *testing.B) {
	reports := 0
	for b.Loop() {
		for _, batch := range demo.NewCatalog(400, 3000, 3600, reportsEnd).Reports(2000, 500) {
			reports += len(batch)
		}
	}
	b.ReportMetric(float64(reports)/float64(b.N), "reports/op")
}
