package terminal

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Sizes of a chart.
const (
	chartRows = 8
	mostWide  = 4 // columns a point
)

// A chart is a bar a value over a labelled axis. Marks are values under which
// something happened; the last value may be of days that are not over.
type chart struct {
	values  []Value
	labels  []string // a name for each value
	marks   map[int]bool
	partial bool
}

// Glyphs of a chart.
const (
	partialGlyph = "░"
	markGlyph    = "▲"
)

// draw draws the chart, and returns how many values a column is the mean of.
func (c *chart) draw(w io.Writer, s Screen) (each int, err error) {
	axis := len(axisLabel(evenTop(c.values)))
	room := max(s.Columns-axis-5, leastBar)
	values, each := squeeze(c.values, room)
	top := evenTop(values)
	wide := min(max(room/max(len(values), 1), 1), mostWide)
	var b strings.Builder
	for row := chartRows - 1; row >= 0; row-- {
		label, tick := "", "│"
		switch row {
		case chartRows - 1:
			label, tick = axisLabel(top), "┤"
		case chartRows/2 - 1:
			label, tick = axisLabel(top/2), "┤"
		}
		b.WriteString("  " + s.paint(dim, fmt.Sprintf("%*s %s", axis, label, tick)))
		if bars := c.row(s, values, top, row, wide); bars != "" {
			b.WriteString(" " + bars)
		}
		b.WriteByte('\n')
	}
	b.WriteString("  " + s.paint(dim, fmt.Sprintf("%*s └%s", axis, "0", strings.Repeat("─", 1+wide*len(values)))) + "\n")
	indent := strings.Repeat(" ", axis+5)
	if len(c.marks) > 0 {
		b.WriteString(indent + s.paint(yellow, c.markRow(len(values), each, wide)) + "\n")
	}
	b.WriteString(indent + s.paint(dim, c.axisDays(wide*len(values), room)) + "\n")
	_, err = io.WriteString(w, b.String())
	return each, err
}

// evenTop is the end of the axis: its half is a whole number too.
func evenTop(values []Value) float64 { return 2 * math.Ceil(max(highest(values), 1)/2) }

// row draws one row of cells of all bars, 0 for the lowest.
func (c *chart) row(s Screen, values []Value, top float64, row, wide int) string {
	bars := wide
	if wide > 2 { // bars of some width stand apart
		bars--
	}
	var line, run strings.Builder // a run is of one colour
	end, runs := 0, cyan
	for i, v := range values {
		glyph, col := c.glyph(v, top, row, i == len(values)-1), cyan
		switch glyph {
		case "":
			continue
		case gapGlyph:
			col = dim
		}
		if col != runs {
			line.WriteString(s.paint(runs, run.String()))
			run.Reset()
			runs = col
		}
		run.WriteString(spaces(i*wide-end) + strings.Repeat(glyph, bars))
		end = i*wide + bars
	}
	return line.String() + s.paint(runs, run.String())
}

// glyph is what a value is made of in a row, "" where the row is above it.
func (c *chart) glyph(v Value, top float64, row int, last bool) string {
	if v.Gap && row == 0 {
		return gapGlyph
	}
	if v.N <= 0 {
		return ""
	}
	switch eighths := step(v.N, top, 8*chartRows) - 8*row; {
	case eighths <= 0:
		return ""
	case last && c.partial:
		return partialGlyph
	default:
		return string(uppers[min(eighths, 8)-1])
	}
}

// markRow points at the columns in which something happened. Columns are filled
// from the end.
func (c *chart) markRow(columns, each, wide int) string {
	row := []rune(strings.Repeat(" ", columns*wide))
	for i := range c.marks {
		column := columns - 1 - (len(c.values)-1-i)/each
		row[column*wide] = []rune(markGlyph)[0]
	}
	return strings.TrimRight(string(row), " ")
}

// axisDays names the first, the middle and the last value, as far as there is
// room.
func (c *chart) axisDays(plot, columns int) string {
	n := len(c.labels)
	if n == 0 {
		return ""
	}
	first, last := c.labels[0], c.labels[n-1]
	middle := c.labels[n/2]
	switch between := plot - len(first) - len(last); {
	case n == 1:
		return first
	case between >= len(middle)+4:
		left := plot/2 - len(first) - len(middle)/2
		return first + strings.Repeat(" ", left) + middle + strings.Repeat(" ", between-left-len(middle)) + last
	case between >= 2:
		return first + strings.Repeat(" ", between) + last
	case len(first)+len(last)+4 <= columns:
		return first + " to " + last
	}
	return first
}

func axisLabel(v float64) string { return Grouped(int64(math.Round(v))) }
