package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/pkgmeter/pkgmeter"
	"golang.org/x/sync/errgroup"
)

// A Taker is where chunks go: an [Intake], or the way to one in another process.
type Taker interface {
	Tickets(ctx context.Context, source string, head []byte) ([]pkgmeter.Ticket, error)

	// Prepare does what can be done of a chunk while those before it are taken.
	Prepare(c *Chunk) error

	// Take makes a chunk durable. The one after it is given only then.
	Take(ctx context.Context, c *Chunk) (Outcome, error)
}

// Options says how a file is imported.
type Options struct {
	Source     string // default: the name of the format
	Repository string // of lines that name none

	// Progress is called with the lines that were taken since the last call, from
	// time to time with none. Optional.
	Progress func(lines int64)
}

// A Report is what became of the lines of a file.
type Report struct {
	New      int64
	Known    int64 // by their id, or read by an import before
	Rejected int64 // of those that were read now
	Notes    []string
}

// Import gives the lines of f to the taker, from where the last import of the
// same content ended. An error leaves what was taken before: the next import
// goes on there. After the end of ctx that is so too, and the chunk that is
// being taken is brought to its end.
func (f *File) Import(ctx context.Context, to Taker, opt Options) (Report, error) {
	if opt.Source == "" {
		opt.Source = f.Format.Name
	}
	if opt.Progress == nil {
		opt.Progress = func(int64) {}
	}
	run := run{f: f, to: to, opt: opt}
	if len(f.head) > 0 {
		if err := run.begin(ctx); err != nil {
			return run.report, err
		}
		if err := run.all(ctx); err != nil {
			return run.report, err
		}
	}
	return run.report, nil
}

// run is one import of one file.
type run struct {
	f      *File
	to     Taker
	opt    Options
	tail   *tail // of a file that is followed, else nil
	lines  *lines
	ticket pkgmeter.Ticket // but for its ID
	id     int64           // of the ticket, 0 until a new file has one
	seen   []int64
	report Report
}

// begin finds where the last import ended.
func (r *run) begin(ctx context.Context) error {
	if err := r.f.grown(); err != nil {
		return err
	}
	tickets, err := r.to.Tickets(ctx, r.opt.Source, r.f.head)
	if err != nil {
		return err
	}
	p, err := r.f.resume(ctx, tickets, func() { r.opt.Progress(0) })
	if err != nil {
		return err
	}
	if r.tail != nil {
		r.tail.seek(p.ticket.Offset, r.f.head)
		p.r = r.tail
	}
	r.lines = newLines(p, r.whole())
	if p.ticket.ID == 0 {
		r.ticket = pkgmeter.Ticket{Source: r.opt.Source, Format: r.f.Format.Name, HeadLen: len(r.f.head), Head: sha256.Sum256(r.f.head)}
		for _, t := range tickets {
			r.seen = append(r.seen, t.ID)
		}
	} else {
		r.ticket, r.id = p.ticket, p.ticket.ID
		r.report.Known = p.ticket.New + p.ticket.Known
	}
	switch {
	case p.longer:
		r.note("a file that begins like this one was imported from source %s, and is longer: if this is an older copy of it, its events are counted again now", r.opt.Source)
	case r.ticket.Format != r.f.Format.Name:
		r.note("it was imported as %s before: to read it anew as %s, give it another --source", r.ticket.Format, r.f.Format.Name)
	}
	return nil
}

// whole returns what tells of a last line without an end whether it is there. A
// packed log does not grow: what is not there never will be.
func (r *run) whole() func([]byte) bool {
	switch {
	case r.tail != nil:
		return func([]byte) bool { return false }
	case r.f.packed && r.f.Format.looks != nil:
		return func([]byte) bool { return true }
	}
	return r.f.Format.whole
}

func (r *run) note(format string, args ...any) {
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, args...))
}

// maxTogether is how many chunks are taken in one commit at most: some 16,000
// lines. Each commit waits for the disk and writes much that is the same for all
// its chunks. With more of them, memory grows and little is won.
const maxTogether = 4

// all reads chunks, prepares and takes them, each beside the others. At most
// twelve are in memory.
func (r *run) all(ctx context.Context) error {
	var g errgroup.Group
	stop := make(chan struct{})
	read, ready := make(chan *Chunk, 1), make(chan *Chunk, maxTogether)
	g.Go(func() error {
		defer close(read)
		return r.read(read, stop)
	})
	g.Go(func() error {
		defer close(ready)
		for c := range read {
			if err := r.to.Prepare(c); err != nil {
				return err
			}
			if !send(ready, c, stop) {
				return nil
			}
		}
		return nil
	})
	err := r.take(ctx, ready)
	close(stop)
	if err != nil && r.f.stream {
		r.f.left = true // a read of a pipe cannot be broken off: it ends with the process
		return err
	}
	if err := errors.Join(err, g.Wait()); err != nil {
		return err
	}
	if r.lines.half {
		r.note("the last line has no end and is not complete: it is left, and read once it is")
	}
	return nil
}

// read sends chunks until the end of the file or of the import.
func (r *run) read(to chan<- *Chunk, stop <-chan struct{}) error {
	for {
		c, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		t := &r.ticket
		c.Ticket.Source, c.Ticket.Format, c.Ticket.HeadLen, c.Ticket.Head = t.Source, t.Format, t.HeadLen, t.Head
		c.Repository = r.opt.Repository
		if !send(to, c, stop) {
			return nil
		}
	}
}

func send(to chan<- *Chunk, c *Chunk, stop <-chan struct{}) bool {
	select {
	case to <- c:
		return true
	case <-stop:
		return false
	}
}

// take gives one prepared chunk after another to the taker.
func (r *run) take(ctx context.Context, ready <-chan *Chunk) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c, more := <-ready:
			if !more {
				return nil
			}
			if c.Ticket.ID = r.id; r.id == 0 {
				c.Head, c.Seen = r.f.head, r.seen
			} else {
				r.together(c, ready)
			}
			out, err := r.to.Take(context.WithoutCancel(ctx), c)
			if err != nil {
				return err
			}
			r.id = out.Ticket
			r.report.New += out.New
			r.report.Known += out.Known
			r.report.Rejected += out.Rejected
			r.opt.Progress(out.New + out.Known + out.Rejected)
		}
	}
}

// together adds to c the chunks behind it that are ready. Those that are prepared
// by a server go one by one: its senders wait while it commits one.
func (r *run) together(c *Chunk, ready <-chan *Chunk) {
	for c.delivery != nil && len(c.next) < maxTogether-1 {
		select {
		case next, more := <-ready:
			if !more {
				return
			}
			next.Ticket.ID = r.id
			c.next = append(c.next, next)
		default:
			return
		}
	}
}
