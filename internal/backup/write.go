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
)

// A Source is a file that goes into an archive. It is opened twice, and has to
// be the same both times.
type Source struct {
	Name string // in the archive
	Open func() (io.ReadCloser, error)
}

// Seal lists the sources in m, with their sizes and digests.
func Seal(ctx context.Context, m *Manifest, sources []Source) error {
	m.Format, m.Files = Format, nil
	for _, s := range sources {
		h := sha256.New()
		n, err := s.copy(ctx, h, nil)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, File{Name: s.Name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))})
	}
	return m.check()
}

func (s Source) copy(ctx context.Context, w io.Writer, step Step) (n int64, err error) {
	f, err := s.Open()
	if err != nil {
		return 0, fmt.Errorf("back up %s: %w", s.Name, err)
	}
	defer f.Close()
	n, err = io.Copy(w, reader{ctx, f, step})
	if err != nil {
		return n, fmt.Errorf("back up %s: %w", s.Name, err)
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
		return fmt.Errorf("back up %s: it has changed meanwhile", s.Name)
	}
	return nil
}
