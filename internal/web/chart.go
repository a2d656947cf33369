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
)

// chart is a bar for each day, drawn as SVG without any script or style.
type chart struct {
	Width, Height int
	Left, Base    int // of the axis
	Bars          []bar
	Lines         []gridLine
	Days          []tick
}

type bar struct {
	X, Y, Width, Height float64
	Day                 pkgmeter.Day
	pkgmeter.Measures
	Gap, Today bool
}

type gridLine struct {
	Y     float64
	Value int64
}

type tick struct {
	X    float64
	Day  pkgmeter.Day
	Last bool // written to the left of its place, where there is room
}

func newChart(points []pkgmeter.Point, today pkgmeter.Day) chart {
	c := chart{Width: chartWidth, Height: chartHeight, Left: chartLeft, Base: chartHeight - chartBottom}
	var most int64
	for _, p := range points {
		most = max(most, p.Downloads)
	}
	scale := ceiling(most)
	high := float64(c.Base - chartTop)
	for i := range int64(3) {
		v := scale * i / 2
		if i > 0 && scale < 2 && i != 2 {
			continue // no line between 0 and 1
		}
		c.Lines = append(c.Lines, gridLine{float64(c.Base) - high*float64(v)/float64(scale), v})
	}
	step := float64(chartWidth-chartLeft) / float64(max(1, len(points)))
	for i, p := range points {
		b := bar{
			X: chartLeft + step*float64(i) + step*0.1, Width: step * 0.8, Day: p.Day, Measures: p.Measures,
			Gap: p.Gap, Today: p.Day == today, Height: high * float64(p.Downloads) / float64(scale),
		}
		if p.Gap {
			b.Height = high
		}
		b.Y = float64(c.Base) - b.Height
		c.Bars = append(c.Bars, b)
		if (len(points)-1-i)%7 == 0 {
			t := tick{b.X + b.Width/2, p.Day, i == len(points)-1}
			if t.Last {
				t.X = b.X + b.Width
			}
			c.Days = append(c.Days, t)
		}
	}
	return c
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
