package main

import (
	"io"

	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// shown are the flags that say how an answer is printed. Without any it is plain
// text, and on a terminal it is drawn.
type shown struct {
	CSV      bool   `name:"csv" xor:"shown" help:"Print comma-separated values."`
	Markdown bool   `xor:"shown" help:"Print a table in Markdown, to paste."`
	Color    string `enum:"auto,always,never" default:"auto" placeholder:"WHEN" help:"Colours: auto (on a terminal, unless NO_COLOR is set), always (drawn into a pipe too) or never (default auto)."`
}

// writable is an answer that is neither JSON nor CSV.
type writable interface {
	WritePlain(w io.Writer) error
	WriteMarkdown(w io.Writer) error
	Draw(w io.Writer, s terminal.Screen) error
}

func (f *shown) screen(a *app) terminal.Screen { return terminal.Look(a.out, f.Color, a.getenv) }

// drawn reports whether an answer gets what only a drawing shows.
func (f *shown) drawn(a *app) bool { return !f.Markdown && !f.CSV && f.screen(a).Drawn }

// printing prints an answer for people.
func (f *shown) printing(a *app, answer writable) printing {
	return func() error {
		switch s := f.screen(a); {
		case f.Markdown:
			return answer.WriteMarkdown(a.out)
		case s.Drawn:
			return answer.Draw(a.out, s)
		default:
			return answer.WritePlain(a.out)
		}
	}
}

// writeCSV writes what the HTTP interface answers, to the byte, unless it is for
// a terminal: there names have to be harmless.
func (f *shown) writeCSV(a *app, rows [][]string) error {
	if isTerminal(a.out) {
		for _, row := range rows {
			for i := range row {
				row[i] = terminal.Clean(row[i])
			}
		}
	}
	return api.WriteCSV(a.out, rows)
}
