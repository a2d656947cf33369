// Package terminal draws answers as text: plain lines for programs, and on a
// terminal colours, bars and sparklines that fit its width; or tables in
// Markdown. Names from outside are made harmless first.
//
// It does not know where the numbers come from, nor how they were asked for.
package terminal

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Columns of a screen. What is narrower is drawn as if it were not, and wraps.
const (
	defaultColumns = 80
	minColumns     = 20
	maxColumns     = 1000
)

// A Screen is what text is drawn on.
type Screen struct {
	Columns int
	Drawn   bool // bars and sparklines; otherwise plain lines are wanted
	Color   bool
}

// Look finds out what out is. When to colour is auto, always or never; under
// auto the environment has its say. What is coloured is drawn, even into a pipe.
func Look(out io.Writer, when string, getenv func(string) string) Screen {
	f, ok := out.(*os.File)
	live := ok && term.IsTerminal(int(f.Fd())) && getenv("TERM") != "dumb"
	s := Screen{Columns: defaultColumns, Color: colored(when, live, getenv)}
	s.Drawn = live || s.Color
	if !live {
		return s
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width == 0 { // a serial line, or a terminal that nobody has measured
		width, err = strconv.Atoi(getenv("COLUMNS"))
	}
	if err == nil && width > 0 {
		s.Columns = min(max(width, minColumns), maxColumns)
	}
	return s
}

// colored follows no-color.org and bixense.com/clicolors: what forbids goes
// before what forces, and the flag before both.
func colored(when string, live bool, getenv func(string) string) bool {
	switch {
	case when != "auto":
		return when == "always"
	case getenv("NO_COLOR") != "", getenv("FORCE_COLOR") == "0":
		return false
	case set(getenv("CLICOLOR_FORCE")), set(getenv("FORCE_COLOR")):
		return true
	}
	return live && getenv("CLICOLOR") != "0"
}

func set(value string) bool { return value != "" && value != "0" }

// A color is a parameter of SGR. They are the sixteen that follow the colours
// of the terminal, so that light and dark ones are both readable.
type color string

const (
	plain  color = ""
	bold   color = "1"
	dim    color = "2"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	cyan   color = "36"
)

func (s Screen) paint(c color, text string) string {
	if !s.Color || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
