package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// FollowOptions says how files are followed.
type FollowOptions struct {
	Options

	// Format is the name of all files' format; "" is by their content.
	Format string

	// Open opens the way to the store, which is closed again after each look at
	// the files in which it was needed: others want to work with it too.
	Open func() (to Taker, close func() error, err error)

	// Passes reports whether an error is one after which the next look may
	// succeed: what was not stored is read again then.
	Passes func(err error) bool

	// Note is told what a person should know.
	Note func(text string)

	// Every is how long it is to the next look. Default half a second.
	Every time.Duration

	// Linger is how long a file that was renamed has to be quiet until it is no
	// longer read: its writer may have it open still. Default a minute.
	Linger time.Duration
}

// Follow imports files and what is written to them, until the end of ctx. A file
// that is renamed is read to its end before the new one of its name is begun;
// one that is copied and emptied is read on in its copy, if that stands beside
// it. What was written and rotated while nobody followed is found again by its
// tickets.
func Follow(ctx context.Context, names []string, opt FollowOptions) (Report, error) {
	opt.Every = cmp.Or(opt.Every, 500*time.Millisecond)
	opt.Linger = cmp.Or(opt.Linger, time.Minute)
	if opt.Progress == nil {
		opt.Progress = func(int64) {}
	}
	fl := &follower{opt: opt, noted: map[string]bool{}}
	defer fl.close()
	for _, name := range names {
		fl.files = append(fl.files, &followed{name: name, format: opt.Format})
	}
	if err := fl.start(ctx); err != nil && ctx.Err() == nil {
		return fl.report, err
	}
	tick := time.NewTicker(opt.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fl.report, fl.end(ctx)
		case <-tick.C:
			if err := fl.look(ctx); err != nil && ctx.Err() == nil {
				return fl.report, err
			}
		}
	}
}

// follower follows all files.
type follower struct {
	opt    FollowOptions
	files  []*followed
	report Report
	noted  map[string]bool

	to    Taker // of this look, nil until it is needed
	leave func() error
}

// followed is a name under which a file is written, and then another.
type followed struct {
	name   string
	format string // once it is known
	now    *following
	before []*following // that had the name, the latest last
	unsure bool         // whether a file came and went between two looks
}

// following is one file that is read while it grows.
type following struct {
	*tail
	file    *File
	run     *run      // nil until it is begun, and after an error
	counted int64     // events of it that are in the report
	known   bool      // what was read of it before is in the report, or no news
	done    bool      // there is nothing to read in it
	quiet   time.Time // since when nothing came
	touched time.Time // when it was last written to or emptied, until it is begun
}

// start fails for what can be seen to be wrong before anything is read.
func (fl *follower) start(ctx context.Context) error {
	for _, f := range fl.files {
		src, err := os.Open(f.name)
		if err != nil {
			return err
		}
		t, err := newTail(src)
		if err != nil {
			return errors.Join(err, src.Close())
		}
		twice := fl.isOpen(t.info)
		f.now = &following{tail: t}
		head, err := t.head()
		switch {
		case !t.info.Mode().IsRegular():
			err = errors.New("it is no file that grows")
		case err != nil:
		case twice:
			err = errors.New("it is named twice")
		default:
			err = f.followable(head)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return fl.once(ctx, func(f *followed) error {
		if err := fl.rotated(ctx, f); err != nil {
			return err
		}
		return fl.lookAt(ctx, f)
	})
}

// followable fails for files of which no lines can be read, as far as they are.
func (f *followed) followable(head []byte) error {
	format, err := Format{}, error(nil)
	switch n := lastEnd(head); {
	case f.format != "":
		format, err = FormatNamed(f.format)
	case n == 0:
		return nil // it has no line yet
	case isPacked(head):
		return errors.New("it is packed and does not grow: import it without --follow")
	default:
		format, err = detect(head)
	}
	if err == nil && !format.Lines() {
		err = fmt.Errorf("files of format %s do not grow: import it without --follow", format.Name)
	}
	return err
}

// look looks at all files once.
func (fl *follower) look(ctx context.Context) error {
	return fl.once(ctx, func(f *followed) error { return fl.lookAt(ctx, f) })
}

// end looks once more at what was written until the end of ctx. What is more
// than can be read in a moment is left to the next import.
func (fl *follower) end(ctx context.Context) error {
	const most = 2 * time.Second
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	defer cancel()
	if err := fl.look(last); err != nil && last.Err() == nil {
		return err
	}
	return nil
}

// once does something with each file, and leaves the store after that. An error
// that passes is told once, until all is well again.
func (fl *follower) once(ctx context.Context, do func(*followed) error) (err error) {
	defer func() { err = errors.Join(err, fl.left()) }()
	for _, f := range fl.files {
		err := do(f)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && fl.opt.Passes != nil && fl.opt.Passes(err):
			fl.noteOnce(f.name, f.name+": "+err.Error()+" (it is tried again)")
		case err != nil:
			return fmt.Errorf("%s: %w", f.name, err)
		default:
			delete(fl.noted, f.name)
		}
	}
	return nil
}

func (fl *follower) noteOnce(key, text string) {
	if !fl.noted[key] {
		fl.noted[key] = true
		fl.opt.Note(text)
	}
}

// taker returns the way to the store.
func (fl *follower) taker() (Taker, error) {
	var err error
	if fl.to == nil {
		fl.to, fl.leave, err = fl.opt.Open()
	}
	return fl.to, err
}

func (fl *follower) left() error {
	if fl.to == nil {
		return nil
	}
	leave := fl.leave
	fl.to, fl.leave = nil, nil
	return leave()
}

func (fl *follower) close() {
	for _, f := range fl.files {
		for _, g := range append(f.before, f.now) {
			g.close()
		}
	}
}

// open opens the file that has the name now.
func (f *followed) open() error {
	src, err := os.Open(f.name)
	if err != nil {
		return err
	}
	t, err := newTail(src)
	if err != nil {
		return errors.Join(err, src.Close())
	}
	f.now = &following{tail: t}
	return nil
}

func (g *following) close() {
	if g == nil {
		return
	}
	if g.file != nil {
		_ = g.file.Close() // it holds memory, nothing that was written
	}
	_ = g.src.Close() // it was only read
}

// lookAt reads what has come to the files of a name.
func (fl *follower) lookAt(ctx context.Context, f *followed) error {
	if err := fl.linger(ctx, f); err != nil {
		return err
	}
	if err := fl.readNow(ctx, f); err != nil {
		return err
	}
	info, err := os.Stat(f.name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil // the new one is not there yet
	case err != nil:
		return err
	case f.now != nil && os.SameFile(info, f.now.info):
		return nil
	}
	if f.now != nil {
		// Between the last read and the new file there may have been more.
		if err := fl.readNow(ctx, f); err != nil {
			return err
		}
		f.now.quiet = time.Now()
		f.before, f.now = append(f.before, f.now), nil
		if err := fl.rotated(ctx, f); err != nil {
			return err
		}
	}
	switch err := f.open(); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	// While the rotated ones were read, the file that was seen may have become one
	// of them, and this one may stay empty for long.
	f.unsure = true
	return fl.readNow(ctx, f)
}

// readNow reads what has come to the file that has the name, or had it at the
// last look.
func (fl *follower) readNow(ctx context.Context, f *followed) error {
	if f.now == nil {
		return nil
	}
	isNew := f.now.run == nil
	if isNew {
		info, err := f.now.src.Stat()
		if err != nil {
			return err
		}
		// It may have had lines and be empty again.
		f.unsure = f.unsure || !info.ModTime().Equal(f.now.touched)
		f.now.touched = info.ModTime()
	}
	err := fl.drain(ctx, f, f.now)
	if errors.Is(err, errReplaced) {
		// What it had in it by then is in a copy.
		if err := fl.rotated(ctx, f); err != nil {
			return err
		}
		f.now = &following{tail: &tail{src: f.now.src, info: f.now.info}}
		isNew = true
		if err = fl.drain(ctx, f, f.now); errors.Is(err, errReplaced) {
			return nil // again: the next look sees to it
		}
	}
	// From its first line on it is known when it is emptied. Before, it was not.
	if err == nil && (isNew && f.now.run != nil || f.unsure) {
		err = fl.rotated(ctx, f)
	}
	return err
}

// linger reads what comes late to files that were rotated, and lets go of them
// once nothing more came for a while.
func (fl *follower) linger(ctx context.Context, f *followed) error {
	var kept []*following
	var failed error
	for _, g := range f.before {
		if failed == nil {
			failed = fl.late(ctx, f, g)
		}
		if g.done && failed == nil {
			g.close()
		} else {
			kept = append(kept, g)
		}
	}
	f.before = kept
	return failed
}

// late reads what came late to a file.
func (fl *follower) late(ctx context.Context, f *followed, g *following) error {
	at := g.at
	err := fl.drain(ctx, f, g)
	if err == nil && g.at > at {
		g.quiet = time.Now()
	}
	if err == nil && time.Since(g.quiet) > fl.opt.Linger {
		err, g.done = fl.drainAll(ctx, g), true
	}
	if errors.Is(err, errReplaced) {
		err, g.done = nil, true
	}
	return err
}

// drain takes the lines that are there of a file.
func (fl *follower) drain(ctx context.Context, f *followed, g *following) error {
	if g.run != nil {
		if err := g.same(); err != nil {
			return err
		}
	}
	end, err := g.lastLine()
	if err != nil || end == g.at || g.done {
		return err
	}
	to, err := fl.taker()
	if err != nil {
		return err
	}
	if g.run == nil {
		if err := fl.begin(ctx, to, f, g); err != nil || g.run == nil {
			return err
		}
		if end, err = g.lastLine(); err != nil {
			return err
		}
	}
	return fl.take(ctx, to, g, end)
}

// drainAll takes a last line without an end too, where it lacks nothing.
func (fl *follower) drainAll(ctx context.Context, g *following) error {
	size, err := g.size()
	if err != nil || g.run == nil || size <= g.at {
		return err
	}
	to, err := fl.taker()
	if err != nil {
		return err
	}
	g.run.lines.whole = g.file.Format.whole
	return fl.take(ctx, to, g, size)
}

// take imports up to an offset.
func (fl *follower) take(ctx context.Context, to Taker, g *following, end int64) error {
	g.limit, g.run.to = end, to
	before := g.run.report
	err := g.run.all(ctx)
	after := g.run.report
	fl.report.New += after.New - before.New
	fl.report.Known += after.Known - before.Known
	fl.report.Rejected += after.Rejected - before.Rejected
	g.counted += after.New - before.New + after.Known - before.Known
	if err != nil {
		// What is read and what is taken differ now: the ticket tells.
		g.at, g.limit, g.run = 0, 0, nil
	}
	return err
}

// begin finds out up to where a file is read already. There may be nothing to
// begin with yet: the run is nil still.
func (fl *follower) begin(ctx context.Context, to Taker, f *followed, g *following) error {
	if _, err := g.src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	file, err := Open(g.src, f.format)
	switch {
	case pkgmeter.CodeOf(err) == pkgmeter.Invalid:
		text := f.name + ": " + err.Error()
		fl.noteOnce(text, text)
		return nil // what comes next may tell of what format it is
	case err != nil:
		return err
	case file.Format.Name == "":
		return file.Close() // blank lines
	case !file.Format.Lines():
		return errors.Join(fmt.Errorf("files of format %s do not grow", file.Format.Name), file.Close())
	}
	opt := fl.opt.Options
	opt.Source = cmp.Or(opt.Source, file.Format.Name)
	r := &run{f: file, to: to, opt: opt, tail: g.tail}
	if err := r.begin(ctx); err != nil {
		return errors.Join(err, file.Close())
	}
	for _, note := range r.report.Notes {
		fl.opt.Note(f.name + ": " + note)
	}
	f.format, g.file, g.run = file.Format.Name, file, r
	if g.counted > 0 && r.id == 0 {
		// It was emptied while the store was away: there may be a copy.
		if err := fl.rotated(ctx, f); err != nil {
			return err
		}
	}
	if !g.known {
		// After an error some of it is in the report already.
		fl.report.Known += max(0, r.report.Known-g.counted)
	}
	g.counted, g.known = max(g.counted, r.report.Known), false
	return nil
}

// lastEnd returns where the last line that has an end ends.
func lastEnd(b []byte) int {
	for i := len(b); i > 0; i-- {
		if b[i-1] == '\n' {
			return i
		}
	}
	return 0
}
