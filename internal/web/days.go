package web

import (
	"strconv"

	"github.com/pkgmeter/pkgmeter"
)

// classes are how the page names the classes of clients, and the colours that
// they have wherever they are drawn. The order is that of their numbers, and
// of the layers from the bottom.
var classes = [...]struct {
	title string
	color int
}{{"people", 1}, {"CI", 2}, {"mirrors", 3}, {"bots", 5}, {"unknown", 0}}

// days is the chart of a page over days, weeks or months: plain bars, or bars
// that are cut into layers.
type days struct {
	Name     string // of the panel, and key of its drawing
	Title    string
	Group    string // of what the layers are, "" for plain bars
	Measure  string
	Switches []choices
	Tools    tools
	What     string // ID of the rule
	Chart    chart
	Gaps     string // path of the bars of days that are not known
	Layers   []layer
	Note     string
}

// choices is a group of links of which one is where the reader is.
type choices struct {
	Label string
	Links []choice
}

// layer is what one key has of all bars.
type layer struct {
	Title string // made harmless for drawing
	URL   string // of the page narrowed to it, "" for none
	Color int
	Path  string // of its parts of the bars

	values []int64 // of the measure that is drawn, one a bar
}

// A line is a layer before it is drawn.
type line struct {
	title, url string
	color      int
	points     []pkgmeter.Point
}

// classLines returns the layers of classes. Classes without any hit have none.
func classLines(lines []pkgmeter.Line, wanted wish) (all []line) {
	byName := map[string][]pkgmeter.Point{}
	for _, l := range lines {
		byName[l.Key] = l.Points
	}
	for i, name := range pkgmeter.ClassNames() {
		if points, ok := byName[name]; ok {
			all = append(all, line{classes[i].title, wanted.linkTo(pkgmeter.ByClass, name), classes[i].color, points})
		}
	}
	return all
}

// cut cuts the bars into layers, the first at the bottom.
func (d *days) cut(group string, lines []line, measure pkgmeter.Measure) {
	below := make([]int64, len(d.Chart.Bars))
	for _, from := range lines {
		if len(from.points) != len(below) {
			continue
		}
		l := layer{Title: label(from.title), URL: from.url, Color: from.color}
		var path []byte
		for j, p := range from.points {
			v := measure.Of(p.Measures)
			l.values = append(l.values, v)
			path = d.Chart.appendPart(path, j, below[j], v)
			below[j] += v
		}
		l.Path = string(path)
		d.Layers = append(d.Layers, l)
	}
	if len(d.Layers) == 0 {
		return
	}
	d.Group = group
	var gaps []byte
	for j, b := range d.Chart.Bars {
		if b.Gap {
			gaps = d.Chart.appendPart(gaps, j, 0, d.Chart.scale)
		}
	}
	d.Gaps = string(gaps)
}

// appendPart appends the rectangle that bar i has from value from upwards. One
// path of all of them is a fraction of as many elements.
func (c chart) appendPart(path []byte, i int, from, value int64) []byte {
	if value <= 0 {
		return path
	}
	unit := float64(c.Base-c.Top) / float64(c.scale)
	number := func(command byte, v float64) {
		path = strconv.AppendFloat(append(path, command), v, 'f', 1, 64)
	}
	b := c.Bars[i]
	number('M', b.X)
	number(' ', float64(c.Base)-unit*float64(from))
	number('h', b.Width)
	number('v', -unit*float64(value))
	number('h', -b.Width)
	return append(path, 'z')
}

// A dayRow is a row of the table that says what the chart draws.
type dayRow struct {
	bar
	Values []int64 // one a layer
}

// Rows lists the bars with the value of each layer.
func (d *days) Rows() []dayRow {
	rows := make([]dayRow, len(d.Chart.Bars))
	for i, b := range d.Chart.Bars {
		rows[i] = dayRow{bar: b}
		for _, l := range d.Layers {
			rows[i].Values = append(rows[i].Values, l.values[i])
		}
	}
	return rows
}

// Span is how many columns the measures and layers have.
func (d *days) Span() int { return 3 + len(d.Layers) }

// High is how high a bar of full height is.
func (c chart) High() int { return c.Base - c.Top }
