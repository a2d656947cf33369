package terminal

import (
	"math"
	"strings"
)

// A Value is one column of a sparkline.
type Value struct {
	N   float64
	Gap bool // nothing is known: no source reported
}

// Glyphs of sparklines and charts. A gap looks like none of the numbers, and
// none but zero looks like zero.
const (
	gapGlyph  = "·"
	zeroGlyph = "▁"
)

var (
	risers = []rune("▂▃▄▅▆▇█")  // of numbers above zero in a sparkline
	uppers = []rune("▁▂▃▄▅▆▇█") // eighths of a cell, from below
	lefts  = []rune("▏▎▍▌▋▊▉█") // and from the left
)

// spark draws a column a value; top is the value of the highest.
func spark(values []Value, top float64) string {
	var b strings.Builder
	for _, v := range values {
		switch {
		case v.Gap:
			b.WriteString(gapGlyph)
		case v.N <= 0:
			b.WriteString(zeroGlyph)
		default:
			b.WriteRune(risers[step(v.N, top, len(risers))-1])
		}
	}
	return b.String()
}

// step returns which of n steps a value above zero is on, 1 for the lowest.
func step(v, top float64, n int) int {
	if top <= 0 {
		return 1
	}
	return min(max(int(math.Ceil(v/top*float64(n))), 1), n)
}

// highest returns the largest of some values.
func highest(values []Value) (top float64) {
	for _, v := range values {
		top = max(top, v.N)
	}
	return top
}

// squeeze makes at most n columns of values, from the end: the last one always
// stands for as many as the others. A column is the mean of what is known of it,
// which neither a gap nor a first column of fewer days lowers.
func squeeze(values []Value, n int) (columns []Value, each int) {
	if len(values) <= n {
		return values, 1
	}
	each = (len(values) + n - 1) / n
	columns = make([]Value, squeezed(len(values), n))
	for i := range columns {
		end := len(values) - (len(columns)-1-i)*each
		columns[i] = mean(values[max(end-each, 0):end])
	}
	return columns, each
}

// squeezed returns how many columns squeeze makes.
func squeezed(values, n int) int {
	each := max((values+n-1)/n, 1)
	return (values + each - 1) / each
}

func mean(values []Value) Value {
	sum, known := 0.0, 0
	for _, v := range values {
		if !v.Gap {
			sum += v.N
			known++
		}
	}
	if known == 0 {
		return Value{Gap: true}
	}
	return Value{N: sum / float64(known)}
}

// bar draws a number as a bar of at most some columns.
func bar(n, top int64, columns int) string {
	if n <= 0 || top <= 0 {
		return ""
	}
	eighths := step(float64(n), float64(top), 8*columns)
	s := strings.Repeat(string(lefts[7]), eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string(lefts[rest-1])
	}
	return s
}

// painted draws a sparkline of which the last column may be of days that are
// not over.
func (s Screen) painted(c color, values []Value, top float64, partial bool) string {
	if n := len(values); partial && n > 0 {
		return s.paint(c, spark(values[:n-1], top)) + s.paint(dim, spark(values[n-1:], top))
	}
	return s.paint(c, spark(values, top))
}
