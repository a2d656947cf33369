package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"golang.org/x/sys/unix"
)

const (
	restoring = ".restore-" // in the names of folders that are being filled
	lostFound = "lost+found"
	lockName  = "lock"
)

// Options tunes [Restore].
type Options struct {
	Schema int // the newest one that the program knows; an archive of a newer one is refused

	// Blobs is where bytes of packages go, if not into the data folder. They stay
	// there when the restore fails: each is whole, no data folder refers to it,
	// and to remove it could harm another one that does.
	Blobs *blob.Store

	// Check is called with the path of the extracted data file before anything
	// is in its place, to judge and to change it. Optional.
	Check func(path string, m Manifest) error

	Step Step // of packed bytes
}

// Restore makes a data folder of an archive. The folder must not be there, or
// be empty; it is complete in the end, or as it was.
func Restore(ctx context.Context, from io.Reader, data string, opt Options) (m Manifest, err error) {
	p, err := newPlace(data)
	if err != nil {
		return m, fmt.Errorf("restore to %s: %w", data, err)
	}
	defer func() { err = errors.Join(err, p.close(err == nil)) }()
	if m, err = extract(ctx, from, p.temp, &opt); err != nil {
		return m, err
	}
	path := filepath.Join(p.temp, Database+partial)
	if opt.Check != nil {
		if err := opt.Check(path, m); err != nil {
			return m, err
		}
	}
	if err := errors.Join(ctx.Err(), syncFolders(p.temp)); err != nil {
		return m, err
	}
	return m, p.commit()
}

// A place is where a data folder is being made: beside it, or in it where it
// is there already, as it may be a volume of its own.
type place struct {
	data string
	temp string        // where files are written first; "" before
	lock *control.Lock // of data, where it is there already
}

func newPlace(data string) (p *place, err error) {
	data, err = filepath.Abs(data)
	if err != nil {
		return nil, err
	}
	p = &place{data: data}
	switch err := needEmpty(data); {
	case errors.Is(err, fs.ErrNotExist):
		p.temp, err = os.MkdirTemp(filepath.Dir(data), filepath.Base(data)+restoring+"*")
		return p, err
	case err != nil:
		return nil, err
	}
	// A server that is started meanwhile must not begin an empty ledger here.
	if p.lock, err = control.TryLock(data); err != nil {
		return nil, err
	}
	if err := needEmpty(data); err != nil { // who had the lock has written
		return nil, errors.Join(err, p.lock.Close())
	}
	err = removeKilled(data)
	if err == nil {
		p.temp, err = os.MkdirTemp(data, restoring+"*")
	}
	if err != nil {
		return nil, errors.Join(err, p.close(false))
	}
	return p, nil
}

// needEmpty fails if there is anything in a folder that a restore could do harm
// to. What a restore leaves that was killed is nothing.
func needEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	killed := slices.ContainsFunc(entries, isLeft)
	for _, e := range entries {
		name := e.Name()
		switch {
		case isLeft(e), name == lostFound, name == lockName:
		case killed && name == blobs: // it came as far as that: there is no data file yet
		default:
			return pkgmeter.Errorf(pkgmeter.Conflict, "the folder is not empty, it has %.100q: restore into a new one (--data DIR)", name)
		}
	}
	return nil
}

func isLeft(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), restoring) }

// removeLeft removes folders that were being filled.
func removeLeft(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if isLeft(e) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// removeKilled removes what a restore leaves that was killed. The folder that
// tells of it goes last.
func removeKilled(dir string) error {
	if err := os.RemoveAll(filepath.Join(dir, blobs)); err != nil {
		return err
	}
	return removeLeft(dir)
}

// Settle looks after a crash whether a restore into the folder did not end:
// nobody may begin an empty ledger there. The caller holds the folder's lock.
func Settle(dir string) (unfinished bool, err error) {
	switch _, err := os.Stat(filepath.Join(dir, Database)); {
	case err == nil:
		return false, removeLeft(dir)
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	entries, err := os.ReadDir(dir)
	return slices.ContainsFunc(entries, isLeft), err
}

// commit puts everything into its place; the data file comes last, as without
// one there is no data folder.
func (p *place) commit() error {
	from := filepath.Join(p.temp, Database+partial)
	if p.lock == nil {
		return p.commitBeside(from)
	}
	if err := p.moveOthers(); err != nil {
		return err
	}
	if err := os.Rename(from, filepath.Join(p.data, Database)); err != nil {
		return err
	}
	return errors.Join(os.Remove(p.temp), syncFolder(p.data))
}

// commitBeside completes the new folder and gives it its name.
func (p *place) commitBeside(from string) error {
	err := os.WriteFile(filepath.Join(p.temp, lockName), nil, 0o600) // commands look for it
	if err == nil {
		err = os.Rename(from, filepath.Join(p.temp, Database))
	}
	if err == nil {
		err = syncFolder(p.temp)
	}
	if err == nil {
		err = os.Rename(p.temp, p.data)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(p.data))
}

// moveOthers moves all but the data file into the folder that is there already.
func (p *place) moveOthers() error {
	entries, err := os.ReadDir(p.temp)
	for _, e := range entries {
		if err == nil && e.Name() != Database+partial {
			err = os.Rename(filepath.Join(p.temp, e.Name()), filepath.Join(p.data, e.Name()))
		}
	}
	if err == nil {
		err = syncFolder(p.data)
	}
	return err
}

// close removes what was made, unless it is in its place. The folder that tells
// of an unfinished restore goes after what was moved out of it.
func (p *place) close(done bool) error {
	var errs []error
	nothing := false
	if p.lock != nil {
		_, err := os.Stat(filepath.Join(p.data, Database))
		nothing = errors.Is(err, fs.ErrNotExist)
	}
	if nothing {
		errs = append(errs, os.RemoveAll(filepath.Join(p.data, blobs)))
	}
	if !done && p.temp != "" {
		errs = append(errs, os.RemoveAll(p.temp))
	}
	if nothing { // a folder that has a lock looks as if there were data
		errs = append(errs, os.Remove(filepath.Join(p.data, lockName)))
	}
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	return errors.Join(errs...)
}

// syncFolders makes the names of all files below a folder durable.
func syncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = syncFolder(path)
		}
		return err
	})
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Free returns how many bytes the disk of a folder has left for this user.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // they differ between systems
}
