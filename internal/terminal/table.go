package terminal

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// A cell is a text and its colour. The text has no colours of its own, unless
// drawn has: then text only says how wide it is.
type cell struct {
	text  string
	color color
	drawn string
	own   bool // it is no name from outside
}

// A column of a table. All but those that are flush left are of numbers.
type column struct {
	head  string
	left  bool
	cells []cell
}

func (c *column) add(text string) { c.paint(text, plain) }

func (c *column) paint(text string, col color) {
	c.cells = append(c.cells, cell{text: text, color: col})
}

// minus stands where there is no number.
const minus = "-"

func (c *column) width() int {
	n := textWidth(c.head)
	for _, cl := range c.cells {
		n = max(n, textWidth(cl.text))
	}
	return n
}

// write writes a table. Columns are two spaces apart, and two from the edge; a
// line ends after its last text.
func (s Screen) write(w io.Writer, columns []*column) error {
	var b strings.Builder
	heads := make([]cell, len(columns))
	widths := make([]int, len(columns))
	named := false
	for i, c := range columns {
		heads[i] = cell{text: c.head, color: bold}
		widths[i] = c.width()
		named = named || c.head != ""
	}
	if named {
		s.writeRow(&b, columns, widths, heads)
	}
	row := make([]cell, len(columns))
	for n := range columns[0].cells {
		for i, c := range columns {
			row[i] = c.cells[n]
		}
		s.writeRow(&b, columns, widths, row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Screen) writeRow(b *strings.Builder, columns []*column, widths []int, row []cell) {
	end := 0 // of what has been written, in columns
	at := 0
	for i, c := range row {
		at += apart
		n := textWidth(c.text)
		start := at
		if !columns[i].left {
			start += widths[i] - n
		}
		at += widths[i]
		if n == 0 {
			continue
		}
		b.WriteString(spaces(start - end))
		b.WriteString(cmp.Or(c.drawn, s.paint(c.color, c.text)))
		end = start + n
	}
	b.WriteByte('\n')
}

// writeMarkdown writes a table as GitHub reads it. Texts of columns of numbers
// are our own; those that are flush left are escaped.
func writeMarkdown(w io.Writer, columns []*column) error {
	var b strings.Builder
	heads, rules := "|", "|"
	for _, c := range columns {
		heads += " " + c.head + " |"
		if c.left {
			rules += " --- |"
		} else {
			rules += " ---: |"
		}
	}
	b.WriteString(heads + "\n" + rules + "\n")
	for row := range columns[0].cells {
		b.WriteByte('|')
		for _, c := range columns {
			text := c.cells[row].text
			if c.left && !c.cells[row].own {
				text = code(text)
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// code writes a name so that Markdown shows it as it is: a code span, in which
// nothing but the pipe that ends a cell means anything. A name with a backtick or
// a backslash would end that span or the escape: of it every sign is escaped.
func code(name string) string {
	name = Clean(name)
	if name == "" {
		return ""
	}
	if !strings.ContainsAny(name, "`\\") && strings.TrimSpace(name) != "" {
		return "`" + strings.ReplaceAll(name, "|", `\|`) + "`"
	}
	var b strings.Builder
	for _, r := range name {
		if r > ' ' && r < 0x7f && !isAlphanumeric(r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return "<code>" + b.String() + "</code>"
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// note writes a line about what is above it, in as many lines as it takes.
func (s Screen) note(w io.Writer, parts ...string) error {
	line := ""
	var lines []string
	for _, p := range parts {
		if p == "" {
			continue
		}
		switch {
		case line == "":
			line = p
		case textWidth(line)+2+textWidth(p) > s.Columns-2:
			lines = append(lines, line)
			line = p
		default:
			line += "; " + p
		}
	}
	for _, l := range append(lines, line) {
		if _, err := fmt.Fprintln(w, s.paint(dim, "  "+l)); err != nil {
			return err
		}
	}
	return nil
}
