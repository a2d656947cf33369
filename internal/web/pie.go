package web

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
)

// pieSlices is how many keys a pie shows; the rest is "other", with colour 0.
const pieSlices = 10

// pie is a ring of shares, which the rows of a table beside it explain.
type pie struct {
	Slices []slice
	Other  *slice // what is left over; nil if nothing is
}

type slice struct {
	Label   string // made harmless for drawing: see [label]
	Value   int64
	Percent float64
	Start   float64 // where the slice begins, in percent of the ring
	Color   int
}

// Share returns the percentage as a reader wants it.
func (s slice) Share() string {
	if s.Percent < 0.1 {
		return "< 0.1 %"
	}
	return strconv.FormatFloat(s.Percent, 'f', 1, 64) + " %"
}

// Text tells how much the slice is, but not of what.
func (s slice) Text() string { return s.Share() + ", " + count(s.Value) }

// newPie makes a pie of the largest items by measure, which are sorted. whole
// is reported if there are no items but these; else total says what all have.
func newPie(items []pkgmeter.Item, measure pkgmeter.Measure, whole bool, total int64) *pie {
	p := &pie{}
	var sum, shown int64
	for i, it := range items {
		v := measure.Of(it.Measures)
		sum += v
		if i < pieSlices && v > 0 {
			shown += v
			p.Slices = append(p.Slices, slice{Label: label(it.Key), Value: v, Color: i + 1})
		}
	}
	if whole {
		// Balances of an import need not add up: the ring is of what is listed.
		total = sum
	}
	if rest := total - shown; rest > 0 {
		p.Slices = append(p.Slices, slice{Label: "other", Value: rest})
	} else {
		total = shown
	}
	start := 0.0
	for i := range p.Slices {
		s := &p.Slices[i]
		s.Percent = 100 * float64(s.Value) / float64(total)
		s.Start = start
		start += s.Percent
		if s.Color == 0 {
			p.Other = s
		}
	}
	return p
}

// maxLabel is the longest label of a drawing, in characters.
const maxLabel = 60

// label makes a name from outside fit for one line of a drawing. Tables show
// names as they came; a drawing knows no isolation of writing directions, and
// gives braces a meaning. The result keeps neither controls nor marks of
// direction, and no "{name|": a joiner that cannot be seen breaks it.
func label(name string) string {
	if name == "" {
		return "(none)"
	}
	var b strings.Builder
	n := 0
	for _, r := range name {
		if n++; n > maxLabel {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '{':
			b.WriteString("{\u2060")
		case r == '\u200d': // joins emoji
			b.WriteRune(r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			b.WriteRune(unicode.ReplacementChar)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
