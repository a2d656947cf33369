package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// partial is behind the data file's name until all is well, so that what a
// crash leaves is no data folder.
const partial = ".partial"

// A target is where the files of an archive go: a folder of its own, and
// sometimes a bucket. What has come whole is on disk.
type target struct {
	dir   string
	bytes *blob.Store // nil: none has come yet, and they go into the folder
	ours  bool        // the store was opened here
}

// close ends the use of the folder.
func (t *target) close() error {
	if !t.ours {
		return nil
	}
	return t.bytes.Close()
}

func (t *target) database(_ context.Context, from io.Reader, f File) error {
	w, err := os.OpenFile(filepath.Join(t.dir, Database+partial), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(w, h), from)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return wrongDigest(f)
	}
	return nil
}

func wrongDigest(f File) error {
	return refuse("its %s is damaged: its digest is not that of the manifest", f.Name)
}

// blob stores bytes of a package. Those that a bucket has already are read: a
// restore is what repairs them.
func (t *target) blob(ctx context.Context, from io.Reader, f File) error {
	if t.bytes == nil {
		s, err := blob.Folder(filepath.Join(t.dir, blobs))
		if err != nil {
			return err
		}
		t.bytes, t.ours = s, true
	}
	sum, err := f.sum()
	if err != nil {
		return err
	}
	in, err := t.bytes.Receive(ctx, from, f.Size)
	if err != nil {
		return err
	}
	if in.Blob != (pkgmeter.Blob{SHA256: sum, Size: f.Size}) {
		return errors.Join(wrongDigest(f), in.Discard())
	}
	switch err := t.bytes.Check(ctx, sum); {
	case errors.Is(err, blob.ErrDamaged):
		err = t.bytes.Delete(ctx, sum)
		if err != nil {
			return errors.Join(err, in.Discard())
		}
	case err != nil && pkgmeter.CodeOf(err) != pkgmeter.NotFound:
		return errors.Join(err, in.Discard())
	}
	return in.Keep(ctx)
}
