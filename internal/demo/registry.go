package demo

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// A file is one file of the registry.
type file struct {
	repository, path string
	facts            pkgmeter.File
	bytes            int64
}

// A release is a version of a package: its files, in the order of the parts of
// its layout. Files such as maven-metadata.xml are of several releases.
type release struct {
	day   int // of the upload, counted from the first day of the year; negative before it
	files []int32
}

// A line is all that was ever released of a product.
type line struct {
	product
	releases []release // oldest first
}

type registry struct {
	rules *rule.Set
	files []file
	lines []line // in the order of their popularity
}

// filesFor is how many files the registry has, about, when it sees so many
// events a year: twice the traffic comes with half as many files again.
func filesFor(events int) float64 {
	const most, at = 20_000, 5_000_000
	return most * math.Pow(float64(events)/at, 0.6)
}

// newRegistry invents the registry. The first day of the year is needed for
// the names of snapshots.
func newRegistry(rng *rand.Rand, events int, first pkgmeter.Day) *registry {
	b := registryBuilder{rng: rng, first: first, known: map[string]int32{}}
	b.rules = rule.Default()
	var shares float64
	for rank := range products {
		shares += shareOfFiles(rank)
	}
	for rank, p := range products {
		files := filesFor(events) * shareOfFiles(rank) / shares
		b.line(p, max(1, int(files/float64(layouts[p.layout].newFiles()))))
	}
	return &b.registry
}

// shareOfFiles favours what many use, as that is what is worked on.
func shareOfFiles(rank int) float64 { return 1 / math.Sqrt(float64(rank+3)) }

type registryBuilder struct {
	registry
	rng   *rand.Rand
	first pkgmeter.Day
	known map[string]int32 // by repository and path
}

// line invents n releases of a product. A product that is older than the year
// brings some of them along.
func (b *registryBuilder) line(p product, n int) {
	l := line{product: p}
	days := b.days(p, n)
	v := newVersions(b.rng, p, b.first)
	for _, day := range days {
		version, name := v.next(day)
		l.releases = append(l.releases, b.release(p, day, version, name))
	}
	b.lines = append(b.lines, l)
}

// days returns the days of n releases, in order. Nothing is released on
// weekends and while the registry is down.
func (b *registryBuilder) days(p product, n int) []int {
	const spanBefore = 400 // days
	days := make([]int, 0, n)
	old := 0
	if p.launch == 0 {
		old = 1 + n/6
	}
	for i := range old {
		days = append(days, -spanBefore+spanBefore*i/old)
	}
	span := Days - p.launch
	for i := old; i < n; i++ {
		at := (float64(i-old) + b.rng.Float64()) / float64(n-old)
		if i == old && p.launch > 0 {
			at = 0
		}
		days = append(days, b.workday(p.launch+int(at*float64(span))))
	}
	slices.Sort(days)
	return days
}

func (b *registryBuilder) workday(day int) int {
	for isOut(day) || weekday(b.first, day) == 0 || weekday(b.first, day) == 6 {
		day++
	}
	return day
}

func (b *registryBuilder) release(p product, day int, version, name string) release {
	r := release{day: day}
	layout := layouts[p.layout]
	growth := 1 + 0.3*float64(day)/Days // software gets no smaller
	spell := strings.NewReplacer(
		"{dir}", p.dir, "{name}", p.name, "{module}", strings.ReplaceAll(p.name, "-", "_"), "{version}", version, "{file}", name)
	for _, part := range layout.parts {
		size := part.bytes
		if size == 0 {
			size = int64(part.share * float64(p.bytes) * growth * (0.97 + 0.06*b.rng.Float64()))
		}
		r.files = append(r.files, b.file(layout.repository, spell.Replace(part.path), size))
	}
	return r
}

func (b *registryBuilder) file(repository, path string, size int64) int32 {
	key := repository + "\n" + path
	id, ok := b.known[key]
	if !ok {
		id = int32(len(b.files))
		b.known[key] = id
		b.files = append(b.files, file{repository, path, b.rules.File(repository, path, ""), size})
	}
	return id
}

// adoption gives each release of the line the share of those who fetch it on
// a day, as running sums, and reports whether there is any release yet. Who
// uses a package moves to a new release over days or weeks; some never do.
func (l *line) adoption(day int, sums []float64) ([]float64, bool) {
	layout := layouts[l.layout]
	sums = sums[:0]
	for range l.releases {
		sums = append(sums, 0)
	}
	newer := 0.0
	for i, r := range slices.Backward(l.releases) {
		if r.day >= day {
			continue
		}
		ramp := 1 - math.Exp(-float64(day-r.day)/layout.adoptionDays)
		stay := layout.stay
		if i%7 == 3 {
			stay *= 12 // a release that many settled on
		}
		sums[i] = ramp * (math.Exp(-1.6*newer) + stay)
		newer += ramp
	}
	total := 0.0
	for i := range sums {
		total += sums[i]
		sums[i] = total
	}
	return sums, total > 0
}

// popularity is the weight of the line among all on a day.
func (l *line) popularity(rank, day int) float64 {
	age := float64(day - l.releases[0].day)
	known := min(1, age/45) // days until the word is out
	trend := math.Exp(l.trend * (float64(day)/Days - 0.5))
	return known * trend / math.Pow(float64(rank+1), 0.9)
}

// pick returns the index of the running sum in which a drawn share falls.
func pick(rng *rand.Rand, sums []float64) int {
	u := rng.Float64() * sums[len(sums)-1]
	i, _ := slices.BinarySearchFunc(sums, u, func(sum, u float64) int {
		if sum <= u {
			return -1
		}
		return cmp.Compare(sum, u)
	})
	return min(i, len(sums)-1)
}
