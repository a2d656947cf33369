package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pkgmeter/pkgmeter"
	"golang.org/x/sys/unix"
)

// An Output is a file that gets its name once it is complete.
type Output struct {
	*os.File
	path      string
	overwrite bool
}

// Create begins a file of that path, beside it. It fails at once where there is
// one already, unless that may be overwritten.
func Create(path string, overwrite bool) (*Output, error) {
	o := &Output{path: path, overwrite: overwrite}
	if err := o.needFree(); err != nil {
		return nil, err
	}
	// One that a killed backup left is written again; one that is being
	// written is not. It holds the installation's secrets.
	f, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	o.File = f
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		err = pkgmeter.Errorf(pkgmeter.Conflict, "another backup is writing %s", path+partial)
		return nil, errors.Join(err, f.Close())
	case err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.ENOLCK): // not every network's disk has locks
		return nil, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Chmod(0o600), f.Truncate(0)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return o, nil
}

func (o *Output) needFree() error {
	info, err := os.Lstat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return pkgmeter.Errorf(pkgmeter.Conflict, "%s is no ordinary file: give the name of one, or - for standard output", o.path)
	case !o.overwrite:
		return pkgmeter.Errorf(pkgmeter.Conflict, "%s is there already: give another name, or --force", o.path)
	}
	return nil
}

// Commit makes the file durable and gives it its name.
func (o *Output) Commit() error {
	err := errors.Join(o.Sync(), o.needFree()) // another one may have come meanwhile
	if err == nil {
		err = os.Rename(o.path+partial, o.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("finish %s: %w", o.path, err), o.Abort())
	}
	return errors.Join(o.Close(), syncFolder(filepath.Dir(o.path)))
}

// Abort removes what was written.
func (o *Output) Abort() error {
	return errors.Join(os.Remove(o.path+partial), o.Close())
}
