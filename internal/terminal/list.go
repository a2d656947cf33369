package terminal

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// A List is the answer to "which ones".
type List struct {
	By       string   // what the items are
	Measures []string // what is counted of each
	Chosen   int      // the measure that orders them
	Items    []Item
	Total    []int64
	Span     pkgmeter.Span
	Recent   pkgmeter.Span // of the sparklines; empty where there are none
	More     bool          // there are more items than these
}

// An Item is one key of a list.
type Item struct {
	Name   string
	N      []int64 // by measure
	Recent []Value // nil: nobody knows
}

// all is the name of the row of totals.
const all = "(all)"

// WritePlain writes a row an item and one of totals.
func (l *List) WritePlain(w io.Writer) error {
	return Screen{}.write(w, append(l.numbers(decimal), l.names(strings.ToUpper(l.By), Clean)))
}

// WriteMarkdown writes a table.
func (l *List) WriteMarkdown(w io.Writer) error {
	share := &column{head: "share"}
	l.eachRow(func(n []int64) { share.add(percent(n[l.Chosen], l.Total[l.Chosen])) })
	names := l.names(l.By, Clean)
	l.nameless(names)
	columns := append([]*column{names}, l.numbers(Grouped)...)
	for i, head := range l.Measures {
		columns[1+i].head = head
	}
	return writeMarkdown(w, append(columns, share))
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (l *List) eachRow(f func(n []int64)) {
	for _, it := range l.Items {
		f(it.N)
	}
	f(l.Total)
}

// numbers returns a column a measure.
func (l *List) numbers(text func(int64) string) (columns []*column) {
	for i, m := range l.Measures {
		c := &column{head: strings.ToUpper(m)}
		l.eachRow(func(n []int64) { c.add(text(n[i])) })
		columns = append(columns, c)
	}
	return columns
}

func (l *List) names(head string, text func(string) string) *column {
	c := &column{head: head, left: true}
	for _, it := range l.Items {
		c.add(text(it.Name))
	}
	c.cells = append(c.cells, cell{text: all, own: true})
	return c
}

// Widths of what is drawn.
const (
	leastName, goodName, mostName = 16, 32, 70
	leastBar, mostBar             = 8, 24
	leastSpark, mostSpark         = 10, 30
)

// Draw draws the numbers with their shares, a bar and a sparkline for each item,
// as far as there is room. The name is last: whatever it does to its line, the
// columns hold.
func (l *List) Draw(w io.Writer, s Screen) error {
	if len(l.Items) == 0 {
		return s.note(w, "nothing was counted of that")
	}
	numbers, share := l.numbers(Grouped), l.shares()
	name := l.names(strings.ToUpper(l.By), Clean).width()
	r := &room{left: s.Columns}
	nameWidth := r.need(min(name, leastName))
	r.need(numbers[l.Chosen].width())
	if !r.fits(share.width()) {
		share = nil
	}
	sparks, bars := 0, 0
	if l.Recent.From != 0 && r.fits(leastSpark) {
		sparks = leastSpark
	}
	if r.fits(leastBar) {
		bars = leastBar
	}
	nameWidth = r.grow(nameWidth, min(name, goodName))
	if sparks > 0 {
		days := int(l.Recent.To-l.Recent.From) + 1
		sparks = r.grow(sparks, squeezed(days, min(sparks+r.left, mostSpark)))
	}
	columns := l.beside(numbers, share, r)
	nameWidth = r.grow(nameWidth, min(name, mostName))
	if bars > 0 {
		columns = append(columns, l.bars(r.grow(bars, mostBar)))
	}
	each := 1
	if sparks > 0 {
		var c *column
		c, each = l.sparks(s, sparks)
		columns = append(columns, c)
	}
	if err := s.write(w, append(columns, l.fitted(nameWidth))); err != nil {
		return err
	}
	return s.note(w, l.notes(sparks > 0, each)...)
}

// beside returns the chosen numbers with their shares, and the other ones that
// still fit.
func (l *List) beside(numbers []*column, share *column, r *room) (columns []*column) {
	for i, c := range numbers {
		switch {
		case i != l.Chosen:
			if r.fits(c.width()) {
				columns = append(columns, c)
			}
		case share != nil:
			c.emphasize()
			columns = append(columns, c, share)
		default:
			c.emphasize()
			columns = append(columns, c)
		}
	}
	return columns
}

// room is what is left of the columns of a screen.
type room struct{ left int }

// apart is how many columns are between two columns of a table.
const apart = 2

// need takes a column of a table, n wide, whether there is room or not.
func (r *room) need(n int) int {
	r.left -= apart + n
	return n
}

// fits takes a column that is n wide if there is room.
func (r *room) fits(n int) bool {
	if apart+n > r.left {
		return false
	}
	r.need(n)
	return true
}

// grow widens what has n columns, up to most.
func (r *room) grow(n, most int) int {
	more := min(max(most-n, 0), max(r.left, 0))
	r.left -= more
	return n + more
}

// emphasize makes the last row, that of totals, stand out.
func (c *column) emphasize() { c.cells[len(c.cells)-1].color = bold }

func (l *List) shares() *column {
	c := &column{head: "SHARE"}
	for _, it := range l.Items {
		c.add(percent(it.N[l.Chosen], l.Total[l.Chosen]))
	}
	c.add("")
	return c
}

func (l *List) bars(columns int) *column {
	top := int64(0)
	for _, it := range l.Items {
		top = max(top, it.N[l.Chosen])
	}
	c := &column{head: "", left: true}
	for _, it := range l.Items {
		c.paint(bar(it.N[l.Chosen], top, columns), cyan)
	}
	c.add("")
	return c
}

// sparks returns a sparkline an item, each on a scale of its own, and how many
// days a column of it stands for.
func (l *List) sparks(s Screen, columns int) (c *column, each int) {
	c, each = &column{head: l.recentDays(columns), left: true}, 1
	for _, it := range l.Items {
		var values []Value
		if it.Recent != nil {
			values, each = squeeze(it.Recent, columns)
		}
		top := highest(values)
		c.cells = append(c.cells, cell{text: spark(values, top), drawn: s.painted(green, values, top, !l.Recent.Complete)})
	}
	c.add("")
	return c, each
}

// recentDays is the head of the sparklines, of at most some columns.
func (l *List) recentDays(columns int) string {
	n := fmt.Sprintf("%d DAYS", l.Recent.To-l.Recent.From+1)
	if long := "LAST " + n; l.Recent != l.Span && len(long) <= columns {
		return long
	}
	if len(n) <= columns {
		return n
	}
	return ""
}

func (l *List) fitted(columns int) *column {
	c := l.names(strings.ToUpper(l.By), func(name string) string { return Fit(name, columns) })
	l.nameless(c)
	c.emphasize()
	return c
}

// nameless says in a column of names that one is empty: what was fetched by
// clients that do not say what they run on has such a key.
func (l *List) nameless(c *column) {
	for i, it := range l.Items {
		if it.Name == "" {
			c.cells[i] = cell{text: "(not said)", color: dim, own: true}
		}
	}
}

func (l *List) notes(sparks bool, each int) []string {
	notes := []string{days(l.Span)}
	if sparks && l.Recent != l.Span {
		notes = append(notes, "sparklines: "+days(l.Recent))
	}
	if sparks {
		notes = append(notes, "each sparkline has its own scale", everyColumn(each, pkgmeter.Daily), l.gaps(), unfinished(l.Recent, pkgmeter.Daily))
	}
	if l.More {
		notes = append(notes, "there are more: --limit N")
	}
	return notes
}

func (l *List) gaps() string {
	for _, it := range l.Items {
		if text := gapsIn(it.Recent); text != "" {
			return text
		}
	}
	return ""
}

// days names the days of a span.
func days(s pkgmeter.Span) string {
	if s.From == s.To {
		return s.From.String()
	}
	return s.From.String() + " to " + s.To.String()
}

// noDays says why there is nothing to draw.
func noDays(s pkgmeter.Span) string {
	if s.From == 0 {
		return "nothing is stored yet"
	}
	return "there is no day to show: " + s.From.String() + " is yet to come"
}

// unfinished says that the last point of a span is of less time than the others:
// today, or a week or month that goes on. It is empty where that is not so.
func unfinished(s pkgmeter.Span, g pkgmeter.Grain) string {
	last := g.Of(s.To)
	name, next := last.String(), last+1
	switch g {
	case pkgmeter.Weekly:
		name, next = "the week of "+name, last+7
	case pkgmeter.Monthly:
		name, next = name[:len("2026-01")], last.NextMonth()
	}
	if s.From == 0 || s.Complete && next == s.To+1 {
		return ""
	}
	return name + " is partial"
}

func gapsIn(values []Value) string {
	for _, v := range values {
		if v.Gap {
			return gapGlyph + " no source reported"
		}
	}
	return ""
}

// everyColumn says of how many points a column is the mean.
func everyColumn(each int, g pkgmeter.Grain) string {
	if each == 1 {
		return ""
	}
	return fmt.Sprintf("a column is the mean of %d %ss", each, grainWord(g))
}

func grainWord(g pkgmeter.Grain) string {
	switch g {
	case pkgmeter.Weekly:
		return "week"
	case pkgmeter.Monthly:
		return "month"
	default:
		return "day"
	}
}

// daysBefore names what a span is compared with.
func daysBefore(s pkgmeter.Span) string {
	if s.From == s.To {
		return "on the day before"
	}
	return fmt.Sprintf("on the %d days before", s.To-s.From+1)
}
