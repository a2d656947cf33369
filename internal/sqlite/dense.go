package sqlite

import "github.com/pkgmeter/pkgmeter"

// dense is a line with a point for every grain of a span.
type dense struct {
	key    string
	span   pkgmeter.Span
	grain  pkgmeter.Grain
	points []pkgmeter.Point
	index  []int // of the point, by day since span.From
}

func newDense(span pkgmeter.Span, grain pkgmeter.Grain) *dense {
	d := &dense{span: span, grain: grain}
	if span.Empty() {
		return d
	}
	for day := span.From; day <= span.To; day++ {
		name := grain.Of(day)
		if n := len(d.points); n == 0 || d.points[n-1].Day != name {
			d.points = append(d.points, pkgmeter.Point{Day: name})
		}
		d.index = append(d.index, len(d.points)-1)
	}
	return d
}

// at returns the counts of the point in which a day of the span lies.
func (d *dense) at(day pkgmeter.Day) *pkgmeter.Measures {
	return &d.points[d.index[day-d.span.From]].Measures
}

func (d *dense) empty() bool {
	for _, p := range d.points {
		if p.Hits > 0 {
			return false
		}
	}
	return true
}

// markGaps marks the points of which no day was heard of. Today is never a
// gap: its events may be on their way.
func (d *dense) markGaps(heard map[pkgmeter.Day]bool, today pkgmeter.Day) {
	for i := range d.points {
		d.points[i].Gap = true
	}
	for i, point := range d.index {
		if day := d.span.From + pkgmeter.Day(i); heard[day] || day == today {
			d.points[point].Gap = false
		}
	}
}
