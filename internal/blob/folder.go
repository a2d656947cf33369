package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// syncEvery is after how many bytes a long upload goes to the disk: the
// publisher waits for the rest only, for at most a minute.
const syncEvery = 64 << 20

// folder keeps bytes in files. A file is complete and on disk before it gets the
// name of its digest.
type folder struct{ root *os.Root }

// Folder returns a store in a folder, which it makes where needed. It removes
// what was received and not kept when the program ended: the caller holds a lock
// that keeps all other programs out.
func Folder(dir string) (*Store, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of bytes: %w", err)
	}
	return &Store{Reader: Reader{f}}, nil
}

func openFolder(dir string) (f folder, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return f, err
	}
	if err := syncFolder(os.Open(filepath.Dir(filepath.Clean(dir)))); err != nil {
		return f, err
	}
	if f.root, err = os.OpenRoot(dir); err != nil {
		return f, err
	}
	err = f.root.RemoveAll(temporaries)
	if err == nil {
		err = f.root.Mkdir(temporaries, 0o700)
	}
	if err != nil {
		return f, errors.Join(err, f.root.Close())
	}
	return f, nil
}

func (f folder) close() error { return f.root.Close() }

func (f folder) temporary(context.Context) (temporary, error) {
	name := path.Join(temporaries, rand.Text())
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &temporaryFile{folder: f, file: file, name: name}, nil
}

func (f folder) size(_ context.Context, sum [32]byte) (int64, error) {
	info, err := f.root.Lstat(pathOf(sum))
	if err != nil {
		return 0, missing(err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is no file", pathOf(sum))
	}
	return info.Size(), nil
}

// settle makes the names on the way to a file durable. Names that are durable
// cost next to nothing.
func (f folder) settle(sum [32]byte) error {
	for dir := path.Dir(pathOf(sum)); ; dir = path.Dir(dir) {
		if err := syncFolder(f.root.Open(dir)); err != nil || dir == "." {
			return err
		}
	}
}

func syncFolder(d *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f folder) open(ctx context.Context, sum [32]byte) (io.ReadSeekCloser, int64, error) {
	size, err := f.size(ctx, sum)
	if err != nil {
		return nil, 0, err
	}
	file, err := f.root.Open(pathOf(sum))
	if err != nil {
		return nil, 0, missing(err)
	}
	return file, size, nil
}

func (f folder) remove(_ context.Context, sum [32]byte) error {
	if err := f.root.Remove(pathOf(sum)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNotFound
	}
	return err
}

func (f folder) each(ctx context.Context, visit func(pkgmeter.Blob, time.Time) error) error {
	return f.eachBelow(ctx, ".", 2, visit)
}

// eachBelow visits the files that are depth folders below dir. It looks into
// folders of bytes only: a disk of its own has others, that nobody may read.
func (f folder) eachBelow(ctx context.Context, dir string, depth int, visit func(pkgmeter.Blob, time.Time) error) error {
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		err := ctx.Err()
		switch {
		case err != nil:
		case depth > 0 && e.IsDir() && len(e.Name()) == 2:
			err = f.eachBelow(ctx, name, depth-1, visit)
		case depth == 0:
			err = f.visit(name, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f folder) visit(path string, visit func(pkgmeter.Blob, time.Time) error) error {
	sum, ok := sumOf(path)
	if !ok {
		return nil
	}
	info, err := f.root.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil // removed since
	}
	if err != nil {
		return err
	}
	return visit(pkgmeter.Blob{SHA256: sum, Size: info.Size()}, info.ModTime())
}

// temporaryFile is a file that gets its name at the end.
type temporaryFile struct {
	folder folder
	file   *os.File
	name   string
	loose  int // bytes that may not be on disk
}

// Write implements [io.Writer].
func (t *temporaryFile) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	t.loose += n
	if err == nil && t.loose >= syncEvery {
		t.loose = 0
		err = t.file.Sync()
	}
	return n, err
}

func (t *temporaryFile) finish() error { return errors.Join(t.file.Sync(), t.file.Close()) }

func (t *temporaryFile) keep(_ context.Context, sum [32]byte) error {
	to := pathOf(sum)
	if err := t.folder.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return err
	}
	if err := t.folder.root.Rename(t.name, to); err != nil {
		return err
	}
	return t.folder.settle(sum)
}

func (t *temporaryFile) discard() error {
	t.file.Close() // closed already, if it is finished
	if err := t.folder.root.Remove(t.name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // it has its name, and only the last step failed
}
