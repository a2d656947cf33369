package terminal

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
)

// A Comparison is several packages over the same days.
type Comparison struct {
	Measure string
	Scale   Scale
	Grain   pkgmeter.Grain
	Days    []pkgmeter.Day // names of the points
	Lines   []Line
	All     []Value // everything that the filters let pass, of whatever package
	Total   int64   // their sum
	Span    pkgmeter.Span
}

// A Line is one package of a comparison.
type Line struct {
	Name   string
	Values []Value // one for each of the days
	Total  int64
	Before *int64 // in the equal period before; nil where not all of it was counted
}

// A Scale says how numbers of very different size are drawn beside each other.
type Scale string

// The scales.
const (
	Linear Scale = "linear"
	Log    Scale = "log"
	Index  Scale = "index" // 100 is the first of a package that is not zero
	Share  Scale = "share" // of all, in percent
)

// apply puts the values of a line on the scale.
func (sc Scale) apply(values, all []Value) []Value {
	scaled := make([]Value, len(values))
	base := 0.0
	for i, v := range values {
		if base == 0 && !v.Gap {
			base = v.N
		}
		scaled[i] = v
		switch {
		case v.N <= 0:
		case sc == Log:
			scaled[i].N = math.Log1p(v.N)
		case sc == Index:
			scaled[i].N = 100 * v.N / base
		case sc == Share:
			scaled[i].N = 100 * v.N / max(all[i].N, v.N)
		}
	}
	return scaled
}

// sums returns what all that is drawn has in columns: totals, growth and shares.
func (c *Comparison) sums(text func(int64) string) (total, grown, share *column) {
	total, grown, share = &column{head: "TOTAL"}, &column{head: "CHANGE"}, &column{head: "SHARE"}
	for _, l := range c.Lines {
		total.add(text(l.Total))
		grown.paint(change(l.Total, l.Before))
		share.add(percent(l.Total, c.Total))
	}
	return total, grown, share
}

func (c *Comparison) names(head string, text func(string) string) *column {
	col := &column{head: head, left: true}
	for _, l := range c.Lines {
		col.add(text(l.Name))
	}
	return col
}

// WritePlain writes the totals, and below them a row a day with a column a
// package, on the scale; of it log is only a way to draw.
func (c *Comparison) WritePlain(w io.Writer) error {
	var s Screen
	total, grown, share := c.sums(decimal)
	if err := s.write(w, []*column{total, grown, share, c.names("PACKAGE", Clean)}); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	day := &column{head: "DAY"}
	for _, d := range c.Days {
		day.add(d.String())
	}
	columns := []*column{day}
	for _, l := range c.Lines {
		columns = append(columns, c.daily(l))
	}
	return s.write(w, columns)
}

// daily is a column of the days of a package.
func (c *Comparison) daily(l Line) *column {
	col := &column{head: Clean(l.Name)}
	values, digits := l.Values, 0
	if c.Scale == Index || c.Scale == Share {
		values, digits = c.Scale.apply(l.Values, c.All), 1
	}
	for _, v := range values {
		if v.Gap {
			col.add(minus)
		} else {
			col.add(strconv.FormatFloat(v.N, 'f', digits, 64))
		}
	}
	return col
}

// WriteMarkdown writes the totals.
func (c *Comparison) WriteMarkdown(w io.Writer) error {
	total, grown, share := c.sums(Grouped)
	total.head, grown.head, share.head = c.Measure, "change", "share of all"
	return writeMarkdown(w, []*column{c.names("package", Clean), total, grown, share})
}

// Draw draws a sparkline a package, all on one scale, beside its totals.
func (c *Comparison) Draw(w io.Writer, s Screen) error {
	if len(c.Days) == 0 {
		return s.note(w, noDays(c.Span))
	}
	nameWidth := 0
	for _, l := range c.Lines {
		nameWidth = max(nameWidth, textWidth(Clean(l.Name)))
	}
	r := &room{left: s.Columns}
	name := r.need(min(nameWidth, leastName))
	total, grown, share := c.sums(Grouped)
	r.need(total.width())
	columns := []*column{total}
	sparks := 0
	if r.fits(leastSpark) {
		sparks = leastSpark
	}
	for _, col := range []*column{grown, share} {
		if r.fits(col.width()) {
			columns = append(columns, col)
		}
	}
	name = r.grow(name, min(nameWidth, goodName))
	notes := []string{days(c.Span), c.Measure + " a " + grainWord(c.Grain)}
	if sparks > 0 {
		sparks = r.grow(sparks, squeezed(len(c.Days), sparks+r.left))
		name = r.grow(name, min(nameWidth, mostName))
		col, about := c.sparks(s, sparks)
		columns, notes = append(columns, col), append(notes, about...)
	}
	names := c.names("PACKAGE", func(text string) string { return Fit(text, name) })
	for i := range names.cells {
		names.cells[i].color = lineColor(i)
	}
	if err := s.write(w, append(columns, names)); err != nil {
		return err
	}
	if slices.Contains(columns, grown) && slices.ContainsFunc(c.Lines, func(l Line) bool { return l.Before != nil }) {
		notes = append(notes, "change "+daysBefore(c.Span))
	}
	return s.note(w, append(notes, unfinished(c.Span, c.Grain))...)
}

// sparks returns a sparkline a package, and what is to be said about them.
func (c *Comparison) sparks(s Screen, columns int) (*column, []string) {
	all, each := squeeze(c.All, columns)
	lines := make([][]Value, len(c.Lines))
	top := 0.0
	for i, l := range c.Lines {
		values, _ := squeeze(l.Values, columns)
		lines[i] = c.Scale.apply(values, all)
		top = max(top, highest(lines[i]))
	}
	first, last := c.Days[0].String(), c.Days[len(c.Days)-1].String()
	col := &column{head: first, left: true}
	if n := len(all) - len(first) - len(last); n >= 1 {
		col.head = first + spaces(n) + last
	} else if len(all) < len(first) {
		col.head = ""
	}
	for i, values := range lines {
		col.cells = append(col.cells, cell{text: spark(values, top), drawn: s.painted(lineColor(i), values, top, unfinished(c.Span, c.Grain) != "")})
	}
	return col, append(c.scaleSaid(top), everyColumn(each, c.Grain), gapsIn(all))
}

// scaleSaid says what the height of a sparkline means.
func (c *Comparison) scaleSaid(top float64) []string {
	switch c.Scale {
	case Log:
		return []string{"one logarithmic scale", "up to " + axisLabel(math.Expm1(top))}
	case Index:
		return []string{"100 is the first of each", "one scale, up to " + axisLabel(top)}
	case Share:
		return []string{"share of all", fmt.Sprintf("one scale, up to %.1f %%", top)}
	default:
		return []string{"one scale, up to " + axisLabel(top)}
	}
}

// lineColor tells lines from each other.
func lineColor(i int) color {
	colors := []color{cyan, yellow, "35", green, "34", red, "96", "93"}
	return colors[i%len(colors)]
}
