package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// A History is the answer to "how did it go".
type History struct {
	Name     string
	Grain    pkgmeter.Grain
	Measures []string
	Chosen   int // the measure that is drawn
	Points   []Point
	Markers  []pkgmeter.Marker
	Span     pkgmeter.Span
	Before   *int64 // of the chosen measure in the equal period before; nil where not all of it was counted
}

// A Point is a day, a week or a month.
type Point struct {
	Day pkgmeter.Day
	N   []int64 // by measure
	Gap bool
}

// Sum adds up a measure.
func Sum(points []Point, measure int) (sum int64) {
	for _, p := range points {
		sum = plus(sum, p.N[measure])
	}
	return sum
}

// WritePlain writes a row a point, and below them the changes of rules.
func (h *History) WritePlain(w io.Writer) error {
	if err := (Screen{}).write(w, h.table("DAY", decimal)); err != nil {
		return err
	}
	for _, m := range h.changes() {
		if _, err := fmt.Fprintf(w, "rules %d from %s\n", m.Rules, m.Day); err != nil {
			return err
		}
	}
	return nil
}

// WriteMarkdown writes a row a point.
func (h *History) WriteMarkdown(w io.Writer) error {
	columns := h.table(strings.ToUpper(grainWord(h.Grain)), Grouped)
	for _, c := range columns {
		c.head = strings.ToLower(c.head)
	}
	return writeMarkdown(w, columns)
}

func (h *History) table(point string, text func(int64) string) []*column {
	day := &column{head: point}
	columns := []*column{day}
	for _, m := range h.Measures {
		columns = append(columns, &column{head: strings.ToUpper(m)})
	}
	for _, p := range h.Points {
		day.add(p.Day.String())
		for i, c := range columns[1:] {
			if p.Gap {
				c.add(minus)
			} else {
				c.add(text(p.N[i]))
			}
		}
	}
	return columns
}

// changes are the markers without those that another one replaced on the same
// day.
func (h *History) changes() (last []pkgmeter.Marker) {
	for i, m := range h.Markers {
		if i+1 == len(h.Markers) || h.Markers[i+1].Day != m.Day {
			last = append(last, m)
		}
	}
	return last
}

func (h *History) values() []Value {
	values := make([]Value, len(h.Points))
	for i, p := range h.Points {
		values[i] = Value{float64(p.N[h.Chosen]), p.Gap}
	}
	return values
}

// listed is how many points are listed below their chart.
const listed = 14

// Draw draws the totals, a chart over the days, and the days where they are few.
func (h *History) Draw(w io.Writer, s Screen) error {
	if len(h.Points) == 0 {
		return s.note(w, noDays(h.Span))
	}
	if _, err := fmt.Fprintf(w, "%s\n", s.paint(bold, Fit(h.Name, s.Columns))); err != nil {
		return err
	}
	if err := h.drawTotals(w, s); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	c := chart{values: h.values(), marks: h.marks(), partial: unfinished(h.Span, h.Grain) != ""}
	for _, p := range h.Points {
		c.labels = append(c.labels, p.Day.String())
	}
	each, err := c.draw(w, s)
	if err != nil {
		return err
	}
	notes := []string{h.Measures[h.Chosen] + " a " + grainWord(h.Grain)}
	if text := everyColumn(each, h.Grain); text != "" {
		notes = append(notes, text)
	}
	notes = append(notes, gapsIn(c.values))
	if c.partial {
		notes = append(notes, partialGlyph+" "+unfinished(h.Span, h.Grain))
	}
	for _, m := range h.changes() {
		notes = append(notes, fmt.Sprintf("%s rules %d from %s", markGlyph, m.Rules, m.Day))
	}
	if err := s.note(w, notes...); err != nil || len(h.Points) > listed {
		return err
	}
	return s.write(w, h.fitting(s))
}

// fitting returns the table of days without the columns for which there is no
// room.
func (h *History) fitting(s Screen) (columns []*column) {
	table := h.table(strings.ToUpper(grainWord(h.Grain)), Grouped)
	chosen := table[1+h.Chosen]
	r := &room{left: s.Columns}
	r.need(table[0].width())
	r.need(chosen.width())
	for i, c := range table {
		if i == 0 || c == chosen || r.fits(c.width()) {
			columns = append(columns, c)
		}
	}
	return columns
}

// drawTotals draws a line a measure.
func (h *History) drawTotals(w io.Writer, s Screen) error {
	number, name, grown := &column{}, &column{left: true}, &column{left: true}
	notes := []string{days(h.Span)}
	for i, m := range h.Measures {
		sum := Sum(h.Points, i)
		number.paint(Grouped(sum), bold)
		name.add(m)
		if i != h.Chosen || h.Before == nil || *h.Before == 0 {
			grown.add("")
			continue
		}
		text, col := change(sum, h.Before)
		grown.paint(text, col)
		notes = append(notes, "change "+daysBefore(h.Span))
	}
	if err := s.note(w, notes...); err != nil {
		return err
	}
	return s.write(w, []*column{number, name, grown})
}

// marks finds the points in which rules changed.
func (h *History) marks() map[int]bool {
	marks := map[int]bool{}
	for _, m := range h.Markers {
		for i, p := range h.Points {
			if p.Day == h.Grain.Of(m.Day) {
				marks[i] = true
			}
		}
	}
	return marks
}
