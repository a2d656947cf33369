package intake

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxRotated bounds how many rotated files of a log are looked at.
const maxRotated = 64

// rotatedName is what stands behind the name of a log once it is rotated: a
// number or a date, and what packs it.
var rotatedName = regexp.MustCompile(`^(\.old|\.bak|([._-][0-9][0-9TZ:_.-]*)?)(\.gz|\.zst)?$`)

// writtenLate is how much younger than the file after it a log may be: requests
// that were under way end in it.
const writtenLate = 10 * time.Second

// A sibling is a rotated file of a log, for a look at it.
type sibling struct {
	name string
	info os.FileInfo
	src  *os.File // nil if it is not open, or somebody else's by now
}

// rotated reads what was rotated away before it was read to its end: what is left
// of the latest file that somebody has begun with, and all that are younger.
// Where nobody has begun with any, nobody wants them.
func (fl *follower) rotated(ctx context.Context, f *followed) error {
	f.unsure = true
	all, err := siblings(f.name, os.Open)
	defer func() { closeAll(all) }()
	told := f.name + ", what it was rotated to"
	switch failed, ok := errors.AsType[*unopened](err); {
	case errors.Is(err, errMoving):
		return nil // it is unsure still: the next look sees to it
	case ok:
		fl.noteOnce(told, failed.Error()+" (it is tried again)")
		return nil // as before
	case err == nil:
		err = fl.readYounger(ctx, f, all)
	}
	if err == nil {
		f.unsure = false
		delete(fl.noted, told)
	}
	return err
}

// readYounger reads what is left of rotated files, of which the youngest stands
// first.
func (fl *follower) readYounger(ctx context.Context, f *followed, all []*sibling) (err error) {
	var unread []*sibling // the youngest first
	var oldest time.Time  // of those that are wanted, once it is known
	for _, s := range all {
		if s.info.ModTime().Before(oldest) {
			break
		}
		state := begun
		if !fl.isOpen(s.info) {
			if state, err = fl.standing(ctx, f, s); err != nil {
				return err
			}
			if state != strange {
				unread = append(unread, s)
			}
		}
		if state == begun && oldest.IsZero() {
			oldest = s.info.ModTime().Add(-writtenLate)
		}
	}
	if oldest.IsZero() {
		return nil
	}
	for _, s := range slices.Backward(unread) {
		if err := fl.readOn(ctx, f, s); err != nil {
			return err
		}
	}
	return nil
}

// errMoving is the error of a folder whose files do not stand still.
var errMoving = errors.New("its rotated files are being renamed")

// unopened is the error of a rotated file that is there, and ours to read, and
// cannot be opened now, as where too many files are open.
type unopened struct{ error }

// Unwrap is for [errors.Is].
func (e *unopened) Unwrap() error { return e.error }

// siblings returns the youngest rotated files of a log that can be read, the
// youngest first. A list that is made while files are renamed may lack one: there
// is none then, but errMoving. A file that is not ours to read is left out: it is
// tried again at the next rotation only.
func siblings(name string, open func(name string) (*os.File, error)) (all []*sibling, err error) {
	const tries = 20
	for range tries {
		listed, err := rotatedNow(name)
		if err != nil {
			return nil, err
		}
		for _, s := range youngest(slices.Clone(listed)) {
			s.src, err = open(s.name)
			switch {
			case err == nil:
				all = append(all, s)
			case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist): // it is not ours to read, or the lists differ
			default:
				closeAll(all)
				return nil, &unopened{err}
			}
		}
		again, err := rotatedNow(name)
		if err == nil && slices.EqualFunc(listed, again, (*sibling).is) {
			return all, nil
		}
		closeAll(all)
		all = nil
	}
	return nil, errMoving
}

// youngest returns the youngest files, the youngest first, as many as are looked at.
func youngest(all []*sibling) []*sibling {
	slices.SortFunc(all, func(a, b *sibling) int {
		return cmp.Or(b.info.ModTime().Compare(a.info.ModTime()), cmp.Compare(a.name, b.name))
	})
	return all[:min(len(all), maxRotated)]
}

func closeAll(all []*sibling) {
	for _, s := range all {
		if s.src != nil {
			_ = s.src.Close() // it was only read
		}
	}
}

// rotatedNow lists the rotated files of a log by their names, none of them open.
func rotatedNow(name string) (all []*sibling, err error) {
	dir, base := filepath.Split(name)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok || rest == "" || !rotatedName.MatchString(rest) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			all = append(all, &sibling{name: filepath.Join(dir, e.Name()), info: info})
		}
	}
	return all, nil
}

// is reports whether a and b are one file of one name.
func (a *sibling) is(b *sibling) bool { return a.name == b.name && os.SameFile(a.info, b.info) }

// isOpen reports whether a file is being followed, under whatever name.
func (fl *follower) isOpen(info os.FileInfo) bool {
	for _, f := range fl.files {
		for _, g := range append(slices.Clone(f.before), f.now) {
			if g != nil && os.SameFile(g.info, info) {
				return true
			}
		}
	}
	return false
}

// How a rotated file stands to what was imported.
type standing int

const (
	strange standing = iota // it is of another kind, or an older copy of what was read
	fresh                   // nothing of it was read
	begun
)

func (fl *follower) standing(ctx context.Context, f *followed, s *sibling) (standing, error) {
	file, err := Open(s.src, fl.opt.Format)
	if err != nil {
		return strange, nil
	}
	defer file.Close()
	if !file.Format.Lines() || f.format != "" && file.Format.Name != f.format {
		return strange, nil
	}
	to, err := fl.taker()
	if err != nil {
		return strange, err
	}
	tickets, err := to.Tickets(ctx, cmp.Or(fl.opt.Source, file.Format.Name), file.head)
	if err != nil {
		return strange, err
	}
	p, err := file.resume(ctx, tickets, func() { fl.opt.Progress(0) })
	switch {
	case err != nil:
		return strange, ctx.Err()
	case p.ticket.ID != 0:
		return begun, nil
	case p.longer:
		return strange, nil
	}
	return fresh, nil
}

// readOn reads what is left of a rotated file. Its writer may have it open still.
func (fl *follower) readOn(ctx context.Context, f *followed, s *sibling) error {
	src := s.src
	s.src = nil
	g := &following{tail: &tail{src: src, info: s.info}, known: true, quiet: time.Now()}
	before := fl.report.New
	head, err := g.head()
	switch {
	case err != nil:
	case isPacked(head):
		err, g.done = fl.whole(ctx, f, src), true
	default:
		err = fl.drain(ctx, f, g)
	}
	f.before = append(f.before, g)
	if fl.report.New > before {
		fl.opt.Note(s.name + ": it was rotated before all of it was read: the rest is read now")
	}
	if errors.Is(err, errReplaced) {
		err, g.done = nil, true
	}
	return err
}

// whole imports a packed file.
func (fl *follower) whole(ctx context.Context, f *followed, src *os.File) error {
	to, err := fl.taker()
	if err != nil {
		return err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	file, err := Open(src, cmp.Or(f.format, fl.opt.Format))
	if err != nil {
		return err
	}
	defer file.Close()
	done, err := file.Import(ctx, to, fl.opt.Options)
	fl.report.New += done.New
	fl.report.Rejected += done.Rejected
	return err
}
