package web

import (
	"math"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// lineColors are the colours of lines, in their order: those that are dark
// enough for something so thin.
var lineColors = [pkgmeter.MaxCompared]int{1, 2, 3, 5, 6, 7, 9, 10}

// lines is the chart of a comparison.
type lines struct {
	Chart chart
	Grid  []scaleTick
	Gaps  []bar // columns of which nothing is known
	Open  *bar  // the column that is not over yet
	Lines []compareLine
	Over  []overBar
	Scale int
}

type scaleTick struct {
	Y    float64
	Text string
}

// A compareLine is one package as it is drawn. Lines have dashes of their own,
// by their place.
type compareLine struct {
	Title string // made harmless for drawing, and of one line only
	Place int    // from 1 on
	Color int
	Path  string

	counts []int64
	values []float64
}

// An overBar is a column that says what all lines have there.
type overBar struct {
	bar
	Said string
}

// newLines draws a comparison.
func newLines(c pkgmeter.Comparison, at int, grain pkgmeter.Grain, wanted wish, today pkgmeter.Day) *lines {
	whole := pkgmeter.Series{Lines: []pkgmeter.Line{{Points: c.Total}}, Markers: c.Markers, Span: c.Span}
	l := &lines{Chart: newChart(whole, grain, wanted.Measure, c.Span, today), Scale: at}
	titles := titlesOf(c.Packages)
	var all [][]float64
	for i, p := range c.Packages {
		one := compareLine{Title: titles[i], Place: i + 1, Color: lineColors[i], values: scaled(at, p.Points, c.Total, wanted.Measure)}
		for _, point := range p.Points {
			one.counts = append(one.counts, wanted.Measure.Of(point.Measures))
		}
		l.Lines, all = append(l.Lines, one), append(all, one.values)
	}
	axis := newAxis(at, all)
	for _, v := range axis.ticks() {
		l.Grid = append(l.Grid, scaleTick{l.y(axis, v), scaleText(at, v)})
	}
	for i := range l.Lines {
		l.Lines[i].Path = l.path(axis, l.Lines[i].values)
	}
	l.columns()
	return l
}

func (l *lines) y(a axis, v float64) float64 {
	return float64(l.Chart.Base) - a.height(v)*float64(l.Chart.High())
}

// path draws a line, which is broken where there is nothing: a point between two
// breaks is a dot.
func (l *lines) path(a axis, values []float64) string {
	var path []byte
	number := func(v float64) { path = strconv.AppendFloat(path, v, 'f', 1, 64) }
	drawn := false
	for i, v := range values {
		if math.IsNaN(v) {
			drawn = false
			continue
		}
		b := l.Chart.Bars[i]
		x, y := b.X+b.Width/2, l.y(a, v)
		alone := !drawn && (i+1 == len(values) || math.IsNaN(values[i+1]))
		path = append(path, map[bool]byte{true: 'L', false: 'M'}[drawn])
		number(x)
		path = append(path, ' ')
		number(y)
		if alone {
			path = append(path, 'h', '0')
		}
		drawn = true
	}
	return string(path)
}

// columns finds what stands behind the lines, and what a column says.
func (l *lines) columns() {
	step := float64(chartWidth-chartLeft) / float64(max(1, len(l.Chart.Bars)))
	for i, b := range l.Chart.Bars {
		b.X, b.Width = chartLeft+step*float64(i), step
		switch {
		case b.Gap:
			l.Gaps = append(l.Gaps, b)
		case b.Open:
			l.Open = &b
		}
		l.Over = append(l.Over, overBar{b, b.Name + ": " + l.said(i)})
	}
}

// said tells what all lines have at a point.
func (l *lines) said(i int) string {
	if l.Chart.Bars[i].Gap {
		return "no source reported"
	}
	var all []string
	for j := range l.Lines {
		all = append(all, l.Lines[j].Title+" "+l.text(j, i))
	}
	return strings.Join(all, ", ")
}

// text is what a line has at a point: its count, and what the scale makes of it.
func (l *lines) text(line, i int) string {
	one := l.Lines[line]
	text := count(one.counts[i])
	if l.Scale == indexed || l.Scale == shared {
		if v := one.values[i]; !math.IsNaN(v) {
			text += " (" + scaleText(l.Scale, v) + ")"
		}
	}
	return text
}

// A linesRow is a row of the table that says what the chart draws.
type linesRow struct {
	bar
	Texts []string
}

// Rows lists the points with what each line has there.
func (l *lines) Rows() []linesRow {
	rows := make([]linesRow, len(l.Chart.Bars))
	for i, b := range l.Chart.Bars {
		rows[i] = linesRow{bar: b}
		for j := range l.Lines {
			rows[i].Texts = append(rows[i].Texts, l.text(j, i))
		}
	}
	return rows
}

// titlesOf returns what packages are called in a drawing. What its bounds make
// equal gets a number.
func titlesOf(packages []pkgmeter.Compared) []string {
	titles, seen := make([]string, len(packages)), map[string]int{}
	for i, p := range packages {
		title := label(longName(p.Package))
		if seen[title]++; seen[title] > 1 {
			title += " " + strconv.Itoa(seen[title])
		}
		titles[i] = title
	}
	return titles
}

// longName is a purl as a reader wants it.
func longName(purl string) string {
	typ, name := purlParts(purl)
	return typ + "/" + name
}

// data is what the script draws.
func (l *lines) data() dataChart {
	d := days{Chart: l.Chart}
	c := d.data()
	c.Kind, c.Scale = "lines", scales[l.Scale].name
	for i := range c.Points {
		c.Points[i].Value, c.Points[i].Text = nil, ""
	}
	for _, one := range l.Lines {
		line := dataLine{Name: one.Title, Color: one.Color, Counts: one.counts}
		for _, v := range one.values {
			if math.IsNaN(v) {
				line.Values = append(line.Values, nil)
			} else {
				line.Values = append(line.Values, &v)
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}
