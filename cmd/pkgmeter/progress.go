package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"golang.org/x/term"
)

// A progress is a line on a terminal that says how far an import is. Its zero
// value, and one for anything that is no terminal, shows nothing.
type progress struct {
	to    io.Writer
	name  string
	began time.Time
	shown time.Time
	lines int64
}

// redraw is how long a drawn line stays at least.
const redraw = 200 * time.Millisecond

func newProgress(to io.Writer, name string) *progress {
	if f, ok := to.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	now := time.Now()
	return &progress{to: to, name: name, began: now, shown: now}
}

// add counts lines and shows how far the file is, of which done of size bytes
// are read; size is -1 where it is not known.
func (p *progress) add(lines, done, size int64) {
	p.lines += lines
	if p.to == nil || time.Since(p.shown) < redraw {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.to, "\r\x1b[K%s", progressLine(p.name, p.lines, done, size, p.shown.Sub(p.began)))
}

// end takes the line away.
func (p *progress) end() {
	if p.to != nil && p.shown.After(p.began) {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

// progressLine fits 80 columns, as a line that wraps cannot be taken away.
func progressLine(name string, lines, done, size int64, spent time.Duration) string {
	const widest = 24 // of a name
	if r := []rune(terminal.Clean(name)); len(r) > widest {
		name = "…" + string(r[len(r)-widest+1:])
	} else {
		name = string(r)
	}
	rate := int64(float64(lines) / max(spent.Seconds(), 1e-3))
	if size <= 0 || done <= 0 {
		return fmt.Sprintf("%s  %s lines  %s lines/s", name, terminal.Grouped(lines), terminal.Grouped(rate))
	}
	done = min(done, size)
	left := time.Duration(float64(spent) * float64(size-done) / float64(done)).Round(time.Second)
	return fmt.Sprintf("%s %3d%%  %s lines/s  %s left", name, done*100/size, terminal.Grouped(rate), left)
}
