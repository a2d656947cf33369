package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// A Source is a file that goes into an archive.
type Source struct {
	// Open opens the file: twice, unless its digest is known. It has to be the
	// same both times.
	Open func() (io.ReadCloser, error)

	blob *pkgmeter.Blob // nil: the data file
}

// Bytes is the source of bytes of a package, which the archive names by their
// digest. They are read once, and compared with it as they are.
func Bytes(ctx context.Context, from *blob.Reader, b pkgmeter.Blob) Source {
	return Source{blob: &b, Open: func() (io.ReadCloser, error) {
		content, size, err := from.Open(ctx, b.SHA256)
		if err == nil && size != b.Size {
			err = errors.Join(fmt.Errorf("there are %d bytes, and the database says %d", size, b.Size), content.Close())
		}
		return content, err
	}}
}

// name is that in the archive.
func (s Source) name() string {
	if s.blob == nil {
		return Database
	}
	return nameOf(hex.EncodeToString(s.blob.SHA256[:]))
}

// Seal lists the sources in m, with their sizes and digests. The first one is
// the data file.
func Seal(ctx context.Context, m *Manifest, sources []Source) error {
	m.Format, m.Files = Format, make([]File, 0, len(sources))
	for _, s := range sources {
		f := File{Name: s.name()}
		if s.blob != nil {
			f.Size, f.SHA256 = s.blob.Size, hex.EncodeToString(s.blob.SHA256[:])
		} else {
			h := sha256.New()
			n, err := s.copy(ctx, h, nil)
			if err != nil {
				return err
			}
			f.Size, f.SHA256 = n, hex.EncodeToString(h.Sum(nil))
		}
		m.Files = append(m.Files, f)
	}
	return m.check()
}

func (s Source) copy(ctx context.Context, w io.Writer, step Step) (n int64, err error) {
	f, err := s.Open()
	if err != nil {
		return 0, fmt.Errorf("back up %s: %w", s.name(), err)
	}
	defer f.Close()
	n, err = io.Copy(w, reader{ctx, f, step})
	if err != nil {
		return n, fmt.Errorf("back up %s: %w", s.name(), err)
	}
	return n, nil
}

// Write writes the archive of a sealed manifest and its sources.
func Write(ctx context.Context, w io.Writer, m *Manifest, sources []Source, step Step) error {
	// One core is enough for the rate that leaves the server in peace.
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = writeManifest(t, m)
	for i, s := range sources {
		if err == nil {
			err = s.write(ctx, t, m, m.Files[i], step)
		}
	}
	if err != nil {
		z.Reset(nil) // lets its goroutines go, and writes nothing more
		return err
	}
	return errors.Join(t.Close(), z.Close())
}

func writeManifest(t *tar.Writer, m *Manifest) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	if len(text) >= maxManifest {
		return fmt.Errorf("the manifest has %d bytes, at most %d can be read again", len(text), maxManifest)
	}
	if err := t.WriteHeader(header(m, manifestName, int64(len(text))+1)); err != nil {
		return err
	}
	_, err = t.Write(append(text, '\n'))
	return err
}

func header(m *Manifest, name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: m.MadeAt}
}

func (s Source) write(ctx context.Context, t *tar.Writer, m *Manifest, f File, step Step) error {
	if err := t.WriteHeader(header(m, f.Name, f.Size)); err != nil {
		return err
	}
	h := sha256.New()
	n, err := s.copy(ctx, io.MultiWriter(t, h), step)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		if s.blob != nil {
			return fmt.Errorf("back up %s: %w", f.Name, blob.ErrDamaged)
		}
		return fmt.Errorf("back up %s: it has changed meanwhile", f.Name)
	}
	return nil
}
