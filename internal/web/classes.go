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

// classChart is the chart of days with each bar cut into classes of clients.
type classChart struct {
	chart
	Measure string
	Gaps    string // path of the bars of days that are not known
	Layers  []layer
	What    string // ID of the rule
}

// layer is what one class has of all bars.
type layer struct {
	Title string
	URL   string // of the page narrowed to it, "" for none
	Color int
	Path  string // of its parts of the bars
	Total pkgmeter.Measures
	Share int // of the largest layer, percent

	values []int64 // of the measure that is drawn, one a bar
}

// newClassChart cuts the bars of a chart. Classes without any hit have no layer.
func newClassChart(whole chart, lines []pkgmeter.Line, measure pkgmeter.Measure, wanted wish) *classChart {
	c := &classChart{chart: whole, Measure: wanted.measureName(), What: classesPanel.what}
	byName := map[string][]pkgmeter.Point{}
	for _, line := range lines {
		byName[line.Key] = line.Points
	}
	below := make([]int64, len(whole.Bars))
	for i, name := range pkgmeter.ClassNames() {
		points, ok := byName[name]
		if !ok || len(points) != len(whole.Bars) {
			continue
		}
		l := layer{Title: classes[i].title, Color: classes[i].color, URL: wanted.linkTo(pkgmeter.ByClass, name)}
		var path []byte
		for j, p := range points {
			v := measure.Of(p.Measures)
			l.Total.Add(p.Measures)
			l.values = append(l.values, v)
			path = whole.appendPart(path, j, below[j], v)
			below[j] += v
		}
		l.Path = string(path)
		c.Layers = append(c.Layers, l)
	}
	c.shares(measure)
	var gaps []byte
	for j, b := range whole.Bars {
		if b.Gap {
			gaps = whole.appendPart(gaps, j, 0, whole.scale)
		}
	}
	c.Gaps = string(gaps)
	return c
}

func (c *classChart) shares(measure pkgmeter.Measure) {
	var most int64 = 1
	for _, l := range c.Layers {
		most = max(most, measure.Of(l.Total))
	}
	for i := range c.Layers {
		c.Layers[i].Share = int(measure.Of(c.Layers[i].Total) * 100 / most)
	}
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

// A dayOfClasses is a row of the table that says what the chart draws.
type dayOfClasses struct {
	Name   string
	Gap    bool
	Values []int64
}

// Rows lists the bars with the value of each layer.
func (c *classChart) Rows() []dayOfClasses {
	rows := make([]dayOfClasses, len(c.Bars))
	for i, b := range c.Bars {
		rows[i] = dayOfClasses{Name: b.Name, Gap: b.Gap}
		for _, l := range c.Layers {
			rows[i].Values = append(rows[i].Values, l.values[i])
		}
	}
	return rows
}
