package web

import (
	"math"

	"github.com/pkgmeter/pkgmeter"
)

// Geometry of the bars, in units of the drawing.
const (
	chartWidth  = 720
	chartHeight = 200
	chartLeft   = 48 // room for the scale
	chartTop    = 10
	chartBottom = 24 // room for the days
	chartTicks  = 5  // most days that are written out
	markRoom    = 20 // above the bars, where marks have labels
	labelRoom   = 90 // that the label of a mark needs
)

// Longest ranges, in days, that are shown day by day and week by week. Beyond
// them bars would be too thin to be read.
const (
	dailyUpTo  = 186
	weeklyUpTo = 3 * 365
)

func grainFor(days pkgmeter.Day) pkgmeter.Grain {
	switch {
	case days <= dailyUpTo:
		return pkgmeter.Daily
	case days <= weeklyUpTo:
		return pkgmeter.Weekly
	default:
		return pkgmeter.Monthly
	}
}

// chart is a bar for each day, week or month, drawn as SVG without any script
// or style.
type chart struct {
	Grain         string // "day", "week" or "month"
	Width, Height int
	Left, Base    int // of the axis
	Top           int // of a bar of full height
	Bars          []bar
	Lines         []gridLine
	Days          []tick
	Marks         []mark            // where the rules changed, at most one a bar
	Changes       []pkgmeter.Marker // what they stand for, the last of each day
	Uploads       []uploadMark      // below the bars, at most one a bar
	Deletions     []uploadMark      // likewise
	FewUploads    bool              // there are more, of earlier days
	FewDeletions  bool

	HasGap, HasOpen bool // what the legend has to explain

	scale int64 // value of a bar of full height
}

type bar struct {
	X, Y, Width, Height float64
	Name                string // of the day, week or month
	From, To            pkgmeter.Day
	Value               int64 // of the measure that is drawn
	pkgmeter.Measures
	Gap  bool
	Open bool // today is in it
	Cut  bool // the range covers only a part of it
}

// Text tells what the bar stands for.
func (b bar) Text() string {
	switch {
	case b.Gap:
		return "no source reported"
	case b.Open:
		return count(b.Downloads) + " downloads, " + count(b.Hits) + " hits, not over yet"
	case b.Cut:
		return count(b.Downloads) + " downloads, " + count(b.Hits) + " hits, only in part in this range"
	default:
		return count(b.Downloads) + " downloads, " + count(b.Hits) + " hits"
	}
}

type gridLine struct {
	Y     float64
	Value int64
}

type tick struct {
	X    float64
	Name string
	Last bool // written to the left of its place, where there is room
}

func newChart(series pkgmeter.Series, grain pkgmeter.Grain, measure pkgmeter.Measure, span pkgmeter.Span, today pkgmeter.Day) chart {
	c := chart{
		Grain: []string{"day", "week", "month"}[grain],
		Width: chartWidth, Height: chartHeight, Left: chartLeft, Base: chartHeight - chartBottom, Top: chartTop,
	}
	if len(series.Markers) > 0 {
		c.Top += markRoom
	}
	points := series.Lines[0].Points
	var most int64
	for _, p := range points {
		most = max(most, measure.Of(p.Measures))
	}
	scale := ceiling(most)
	c.scale = scale
	high := float64(c.Base - c.Top)
	for i := range int64(3) {
		v := scale * i / 2
		if i > 0 && scale < 2 && i != 2 {
			continue // no line between 0 and 1
		}
		c.Lines = append(c.Lines, gridLine{float64(c.Base) - high*float64(v)/float64(scale), v})
	}
	step := float64(chartWidth-chartLeft) / float64(max(1, len(points)))
	for i, p := range points {
		b := newBar(p, grain, span, today)
		b.X, b.Width = chartLeft+step*(float64(i)+0.1), step*0.8
		b.Value = measure.Of(p.Measures)
		if b.Height = high * float64(b.Value) / float64(scale); p.Gap {
			b.Height = high
		}
		b.Y = float64(c.Base) - b.Height
		c.Bars = append(c.Bars, b)
		c.HasGap, c.HasOpen = c.HasGap || b.Gap, c.HasOpen || b.Open
	}
	c.Days = ticks(c.Bars, grain)
	c.mark(series.Markers, points, grain)
	return c
}

func newBar(p pkgmeter.Point, grain pkgmeter.Grain, span pkgmeter.Span, today pkgmeter.Day) bar {
	b := bar{Name: p.Day.String(), Measures: p.Measures, Gap: p.Gap}
	last := p.Day
	switch grain {
	case pkgmeter.Weekly:
		b.Name, last = "week of "+b.Name, p.Day+6
	case pkgmeter.Monthly:
		b.Name, last = p.Day.Start().Format("2006-01"), p.Day.NextMonth()-1
	}
	b.Open = p.Day <= today && today <= last
	b.Cut = p.Day < span.From || !b.Open && span.To < last
	b.From, b.To = max(p.Day, span.From), min(last, max(span.To, span.From))
	return b
}

// ticks names some bars, counted from the last one; days of a short range a
// week apart.
func ticks(bars []bar, grain pkgmeter.Grain) (ts []tick) {
	every := (len(bars) + chartTicks - 1) / chartTicks
	if grain == pkgmeter.Daily && len(bars) <= 7*chartTicks {
		every = 7
	}
	for i, b := range bars {
		if (len(bars)-1-i)%every != 0 {
			continue
		}
		name := b.Name
		if grain == pkgmeter.Weekly {
			name = name[len("week of "):]
		}
		t := tick{b.X + b.Width/2, name, i == len(bars)-1}
		if t.Last {
			t.X = b.X + b.Width
		}
		ts = append(ts, t)
	}
	return ts
}

// ceiling returns the smallest of 1, 2, 4, 6, 8, 10, 20, 40, … that is at least n:
// the half of it is a round number too.
func ceiling(n int64) int64 {
	if n < 1 {
		return 1
	}
	unit := int64(math.Pow10(int(math.Log10(float64(n)))))
	for _, m := range []int64{1, 2, 4, 6, 8, 10} {
		if m*unit >= n {
			return m * unit
		}
	}
	return n
}
