package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// Of the apps that report.
const (
	ReportDays  = 90   // that end today
	directShare = 0.35 // of the packages that an app begins to use
	usualApp    = 12   // packages that most apps have at least
	largestApp  = 60   // packages that no new app exceeds
	everyDay    = 0.15 // chance that an app reports on a day after its first
)

// app is what an app contains, by package.
type app struct {
	id       string
	packages []appPackage
	has      map[int]bool
}

type appPackage struct {
	pkg     int
	version string
	direct  bool
}

// fashion draws packages: few are in most apps.
type fashion struct {
	rng     *rand.Rand
	m       *meteor
	weights []float64 // sums of them, up to each package
}

// Reports yields what so many apps report on the last 90 days, in order, in
// batches of one day with the given number at most: an app begins on one of
// them, and later says what it has then. A day may have several batches, or
// none. Each call begins the same apps anew.
func (c *Catalog) Reports(apps, size int) iter.Seq2[pkgmeter.Day, []*pkgmeter.AppReport] {
	return func(yield func(pkgmeter.Day, []*pkgmeter.AppReport) bool) {
		m := c.invent(func(pkgmeter.Document, error) bool { return true })
		f := newFashion(m, rand.New(rand.NewPCG(meteorSeed, uint64(apps))))
		today := pkgmeter.DayOf(c.now)
		begin := f.beginnings(apps, today)
		var known []*app
		for day := today - ReportDays + 1; day <= today; day++ {
			at := day.End()
			var reports []*pkgmeter.AppReport
			for _, a := range known {
				if f.rng.Float64() < everyDay {
					f.change(a, at)
					reports = append(reports, f.report(a))
				}
			}
			for range begin[day] {
				a := &app{id: fmt.Sprintf("demo%016x", f.rng.Uint64()), has: map[int]bool{}}
				f.add(a, usualApp+min(int(f.rng.ExpFloat64()*10), largestApp-usualApp), at)
				known = append(known, a)
				reports = append(reports, f.report(a))
			}
			for batch := range slices.Chunk(reports, max(1, size)) {
				if !yield(day, batch) {
					return
				}
			}
		}
	}
}

func newFashion(m *meteor, rng *rand.Rand) *fashion {
	f := &fashion{rng: rng, m: m, weights: make([]float64, len(m.names))}
	sum := 0.0
	for i := range f.weights {
		sum += 1 / float64(i+4)
		f.weights[i] = sum
	}
	return f
}

// beginnings deals apps out among the days: a little more as time goes on, and
// few at weekends.
func (f *fashion) beginnings(apps int, today pkgmeter.Day) map[pkgmeter.Day]int {
	sums := make([]float64, ReportDays)
	sum := 0.0
	for i := range sums {
		share := 1 + 0.5*float64(i)/ReportDays
		if d := (today - ReportDays + 1 + pkgmeter.Day(i)).Start().Weekday(); d == time.Saturday || d == time.Sunday {
			share /= 3
		}
		sum += share
		sums[i] = sum
	}
	days := map[pkgmeter.Day]int{}
	for range apps {
		i, _ := slices.BinarySearch(sums, f.rng.Float64()*sum)
		days[today-ReportDays+1+pkgmeter.Day(i)]++
	}
	return days
}

// add puts about n more packages into an app, in the version of the moment.
func (f *fashion) add(a *app, n int, at time.Time) {
	for range 3 * n { // some are drawn that it has, or that are not published yet
		pkg, _ := slices.BinarySearch(f.weights, f.rng.Float64()*f.weights[len(f.weights)-1])
		version := f.m.latest(pkg, at)
		if a.has[pkg] || version == "" {
			continue
		}
		a.has[pkg] = true
		a.packages = append(a.packages, appPackage{pkg, version, f.rng.Float64() < directShare})
		if n--; n <= 0 {
			return
		}
	}
}

// latest returns the version of a package that was the last at a moment, "" for
// none.
func (m *meteor) latest(pkg int, at time.Time) string {
	versions := m.published[pkg]
	i, _ := slices.BinarySearchFunc(versions, at, func(p publication, at time.Time) int {
		if p.at.After(at) {
			return 1
		}
		return -1
	})
	if i == 0 {
		return ""
	}
	return versions[i-1].version
}

// change upgrades some packages of an app, and adds one now and then.
func (f *fashion) change(a *app, at time.Time) {
	for i := range a.packages {
		if f.rng.IntN(4) == 0 {
			a.packages[i].version = f.m.latest(a.packages[i].pkg, at)
		}
	}
	if f.rng.IntN(5) == 0 {
		f.add(a, 1, at)
	}
}

// report says what an app has now.
func (f *fashion) report(a *app) *pkgmeter.AppReport {
	r := &pkgmeter.AppReport{App: a.id, Packages: make([]pkgmeter.AppPackage, len(a.packages))}
	for i, p := range a.packages {
		r.Packages[i] = pkgmeter.AppPackage{Package: catalog.PackageURL(f.m.names[p.pkg]), Version: p.version, Direct: p.direct}
	}
	return r
}
