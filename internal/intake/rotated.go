package intake

import (
	"cmp"
	"context"
	"errors"
	"io"
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

// A sibling is a rotated file of a log, open for a look at it.
type sibling struct {
	name string
	info os.FileInfo
	src  *os.File
}

// rotated reads what was rotated away before it was read to its end: what is left
// of the latest file that somebody has begun with, and all that are younger.
// Where nobody has begun with any, nobody wants them.
func (fl *follower) rotated(ctx context.Context, f *followed) error {
	all, err := siblings(f.name)
	defer func() {
		for _, s := range all {
			if s.src != nil {
				_ = s.src.Close() // it was only read
			}
		}
	}()
	if err != nil {
		return err
	}
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

// siblings returns the rotated files of a log, the youngest first.
func siblings(name string) (all []*sibling, err error) {
	const tries = 20 // while files are being renamed
	for range tries {
		var moved bool
		if all, moved, err = siblingsNow(name); err != nil || !moved {
			break
		}
		for _, s := range all {
			_ = s.src.Close() // it was not even read
		}
	}
	return all, err
}

// siblingsNow is siblings, unless files were renamed meanwhile.
func siblingsNow(name string) (all []*sibling, moved bool, err error) {
	dir, base := filepath.Split(name)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, false, err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok || rest == "" || !rotatedName.MatchString(rest) || !e.Type().IsRegular() {
			continue
		}
		s := &sibling{name: filepath.Join(dir, e.Name())}
		listed, err := e.Info()
		if err == nil {
			s.src, err = os.Open(s.name)
		}
		if errors.Is(err, os.ErrNotExist) {
			moved = true
			continue
		}
		if err != nil {
			continue // it is not ours to read
		}
		all = append(all, s)
		if s.info, err = s.src.Stat(); err != nil {
			return all, false, err
		}
		moved = moved || !os.SameFile(s.info, listed)
	}
	slices.SortFunc(all, func(a, b *sibling) int {
		return cmp.Or(b.info.ModTime().Compare(a.info.ModTime()), cmp.Compare(a.name, b.name))
	})
	for len(all) > maxRotated {
		_ = all[len(all)-1].src.Close() // it was not even read
		all = all[:len(all)-1]
	}
	return all, moved, nil
}

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
