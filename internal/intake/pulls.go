package intake

import (
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/pull"
)

// What is remembered of pulls: of each file two generations of at most maxPulls
// images and clients, which nearly always reach back much further than a minute,
// and of at most maxPullFiles files that are read at the same time. That is some
// 32 MiB if all of it is used.
const (
	maxPulls     = 5_000
	maxPullFiles = 32
)

// Pulls are the windows in which the lines of files can be parts of one pull.
// The zero value is ready for use; intakes that take turns at the same files
// share one.
//
// A window goes from a chunk to the one that begins where it ends, as long as
// these Pulls live, and to no other: what is read anew is decided by the lines
// alone that are read.
type Pulls struct {
	mu    sync.Mutex
	files map[pullFile]*pullWindow
	turn  uint64
}

// pullFile is what a file is known by.
type pullFile struct {
	source string
	length int
	head   [32]byte
}

type pullWindow struct {
	pull.Window
	end  int64  // of the chunk before
	used uint64 // the turn in which
}

// noter returns what marks the events of c that are parts of a pull which counts
// already, each after its line was read.
func (p *Pulls) noter(c *Chunk, read lineReader) func(*pkgmeter.Event) {
	said, ok := read.(puller)
	if !ok {
		return func(*pkgmeter.Event) {}
	}
	w := p.window(c)
	return func(e *pkgmeter.Event) {
		if part, ok := said.Pull(); ok {
			w.Take(part, e, time.Time{}) // a window has no age: only lines decide
		}
	}
}

// window returns that of the chunk before c, or a new one.
func (p *Pulls) window(c *Chunk) *pullWindow {
	t := &c.Ticket
	file := pullFile{t.Source, t.HeadLen, t.Head}
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.files[file]
	if w == nil || w.end != t.From {
		w = &pullWindow{Window: pull.Window{Most: maxPulls}}
		p.put(file, w)
	}
	p.turn++
	w.end, w.used = t.Offset, p.turn
	return w
}

// put keeps the window of a file, for which the one makes room that was not used
// for the longest time.
func (p *Pulls) put(file pullFile, w *pullWindow) {
	if _, known := p.files[file]; !known && len(p.files) == maxPullFiles {
		var oldest pullFile
		least := p.turn + 1
		for f, other := range p.files {
			if other.used < least {
				oldest, least = f, other.used
			}
		}
		delete(p.files, oldest)
	}
	if p.files == nil {
		p.files = map[pullFile]*pullWindow{}
	}
	p.files[file] = w
}
