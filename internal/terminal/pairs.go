package terminal

import (
	"cmp"
	"fmt"
	"io"
)

// Pairs are names of our own with a value from outside each.
type Pairs [][2]string

// Write writes a line a pair. On a terminal the names step back.
func (p Pairs) Write(w io.Writer, s Screen) error {
	width := 0
	for _, pair := range p {
		width = max(width, len(pair[0]))
	}
	for _, pair := range p {
		name, value := fmt.Sprintf("%-*s", width+1, pair[0]+":"), s.paint(bold, Clean(pair[1]))
		if s.Color {
			name = s.paint(cyan, name)
		}
		if _, err := fmt.Fprintf(w, "%s %s\n", name, cmp.Or(value, s.paint(dim, minus))); err != nil {
			return err
		}
	}
	return nil
}

// WriteMarkdown writes a table with a row a pair.
func (p Pairs) WriteMarkdown(w io.Writer) error {
	name, value := &column{head: "name", left: true}, &column{head: "value", left: true}
	for _, pair := range p {
		name.add(pair[0])
		value.add(pair[1])
	}
	return writeMarkdown(w, []*column{name, value})
}
