package web

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// Adds says in how many apps a package was seen for the first time, see
// [pkgmeter.UseStats].
type Adds interface {
	Adds(ctx context.Context, q pkgmeter.AddsQuery, by pkgmeter.AddsKey) (pkgmeter.AddsList, error)
}

// Ranges of the adds of a package, in days that end today, and how many of its
// versions are listed.
const (
	addsDays    = 90
	addsMonth   = 30
	addsVersion = 10
)

// Geometry of the small chart, which stands in a narrow column.
const (
	smallWidth  = 360
	smallHeight = 130
	smallLeft   = 40
	smallTick   = 40 // days between those that are written out
)

// addsView is what the page of a package shows of its adds.
type addsView struct {
	Sums     []addsSum // of all days and of the last ones
	Chart    *addsChart
	Versions []addsVersionRow
	More     bool // there are more versions
}

type addsSum struct {
	Name string
	pkgmeter.Adds
}

type addsVersionRow struct {
	Version string
	URL     string // "" for one that is not in the catalog
	pkgmeter.Adds
}

// addsChart is a bar for each day with adds, the direct ones in front.
type addsChart struct {
	Width, Height int
	Left, Base    int
	Bars          []addsBar
	Lines         []gridLine
	Days          []tick

	From, To pkgmeter.Day
	Sum      pkgmeter.Adds
	Most     addsBar // the highest one, the first of several
}

type addsBar struct {
	Day pkgmeter.Day
	pkgmeter.Adds
	X, Width              float64
	Y, Height             float64 // of all of them
	DirectY, DirectHeight float64
}

// addAdds adds the adds of the package, if it has any.
func (w *Web) addAdds(ctx context.Context, view *packageView, versions []catalog.Publication) error {
	// No report counts of other names, and they might not be those of purls.
	if w.Catalog.Adds == nil || catalog.ValidName(view.Name) != nil {
		return nil
	}
	now := w.Now().UTC()
	today := pkgmeter.DayOf(now)
	query := pkgmeter.AddsQuery{Packages: []string{catalog.PackageURL(view.Name)}, Now: now}
	days, err := w.Catalog.Adds.Adds(ctx, query, pkgmeter.AddsByDay)
	if err != nil || len(days.Rows) == 0 {
		return err
	}
	a := &addsView{Chart: newAddsChart(days.Rows, today)}
	for _, s := range []struct {
		name string
		from pkgmeter.Day
	}{{"all time", 0}, {"last 90 days", today - addsDays + 1}, {"last 30 days", today - addsMonth + 1}} {
		a.Sums = append(a.Sums, addsSum{s.name, sumSince(days.Rows, s.from)})
	}
	view.Adds = a
	if a.Chart == nil {
		return nil
	}
	query.From = today - addsDays + 1
	top, err := w.Catalog.Adds.Adds(ctx, query, pkgmeter.AddsByVersion)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, v := range versions {
		known[v.Version] = true
	}
	a.More = len(top.Rows) > addsVersion
	for _, r := range top.Rows[:min(len(top.Rows), addsVersion)] {
		row := addsVersionRow{Version: pkgmeter.Cut(r.Key, maxText), Adds: r.Adds}
		if known[r.Key] {
			row.URL = withVersion(w.packageURL(view.Name), r.Key)
		}
		a.Versions = append(a.Versions, row)
	}
	return nil
}

func sumSince(rows []pkgmeter.AddsRow, from pkgmeter.Day) (sum pkgmeter.Adds) {
	for _, r := range rows {
		if r.Day >= from {
			sum.Add(r.Adds)
		}
	}
	return sum
}

// newAddsChart draws the last days, nil if there are no adds in them.
func newAddsChart(rows []pkgmeter.AddsRow, today pkgmeter.Day) *addsChart {
	c := &addsChart{
		Width: smallWidth, Height: smallHeight, Left: smallLeft, Base: smallHeight - chartBottom,
		From: today - addsDays + 1, To: today,
	}
	for _, r := range rows {
		if r.Day < c.From {
			continue
		}
		b := addsBar{Day: r.Day, Adds: r.Adds}
		c.Bars = append(c.Bars, b)
		c.Sum.Add(r.Adds)
		if b.Total > c.Most.Total {
			c.Most = b
		}
	}
	if len(c.Bars) == 0 {
		return nil
	}
	scale := ceiling(c.Most.Total)
	high, base := float64(c.Base-chartTop), float64(c.Base)
	height := func(n int64) float64 { return high * float64(n) / float64(scale) }
	for _, v := range []int64{0, scale / 2, scale} {
		if v > 0 || len(c.Lines) == 0 { // none between 0 and 1
			c.Lines = append(c.Lines, gridLine{base - height(v), v})
		}
	}
	step := float64(smallWidth-smallLeft) / addsDays
	for i := range c.Bars {
		b := &c.Bars[i]
		b.X, b.Width = smallLeft+step*(float64(b.Day-c.From)+0.1), step*0.8
		b.Height, b.DirectHeight = height(b.Total), height(b.Direct)
		b.Y, b.DirectY = base-b.Height, base-b.DirectHeight
	}
	for day := today - 2*smallTick; day <= today; day += smallTick {
		t := tick{X: smallLeft + step*(float64(day-c.From)+0.5), Name: day.String(), Last: day == today}
		if t.Last {
			t.X = smallWidth
		}
		c.Days = append(c.Days, t)
	}
	return c
}
