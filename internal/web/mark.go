package web

import (
	"fmt"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// mark is a line over the bar in which the rules of counting changed.
type mark struct {
	At    int // the bar
	X     float64
	Label string // "" where that of the next mark needs the room
	Last  bool   // the label ends at the right edge, where there is room
	Rules int
	Day   pkgmeter.Day
}

// mark adds the changes of rules. Of several in one bar the last is drawn, and
// of several on one day the last is told.
func (c *chart) mark(markers []pkgmeter.Marker, points []pkgmeter.Point, grain pkgmeter.Grain) {
	bars := make(map[pkgmeter.Day]int, len(points))
	for i, p := range points {
		bars[p.Day] = i
	}
	for i, m := range markers {
		at, ok := bars[grain.Of(m.Day)]
		if !ok {
			continue
		}
		if i+1 == len(markers) || markers[i+1].Day != m.Day {
			c.Changes = append(c.Changes, m)
		}
		x := c.Bars[at].X + c.Bars[at].Width/2
		next := mark{At: at, X: x, Label: fmt.Sprintf("rules %d", m.Rules), Last: x > chartWidth-labelRoom/2, Rules: m.Rules, Day: m.Day}
		if n := len(c.Marks); n > 0 && c.Marks[n-1].At == at {
			c.Marks[n-1] = next
			continue
		} else if n > 0 && x-c.Marks[n-1].X < labelRoom {
			c.Marks[n-1].Label = ""
		}
		c.Marks = append(c.Marks, next)
	}
}

// Told says what the marks stand for, "" where there are none.
func (c chart) Told() string {
	if len(c.Changes) == 0 {
		return ""
	}
	var b strings.Builder
	for i, m := range c.Changes {
		if i == 0 {
			fmt.Fprintf(&b, "From %s on counted by rules %d", m.Day, m.Rules)
		} else {
			fmt.Fprintf(&b, ", from %s on by rules %d", m.Day, m.Rules)
		}
	}
	b.WriteString("; what came earlier by older ones, until `pkgmeter recount`.")
	return b.String()
}
