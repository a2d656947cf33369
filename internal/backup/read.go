package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
)

// extract reads an archive into the empty folder dir, and syncs what it wrote.
// The archive is from outside: everything in it is checked before it is used.
func extract(ctx context.Context, from io.Reader, dir string, opt *Options) (m Manifest, err error) {
	z, err := zstd.NewReader(reader{ctx, from, opt.Step}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return m, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	if m, err = readManifest(t, opt.Schema); err != nil {
		return m, damaged(ctx, err)
	}
	if err := needRoom(dir, &m, opt.Blobs == nil); err != nil {
		return m, err
	}
	to := &target{dir: dir, bytes: opt.Blobs}
	err = extractFiles(ctx, t, &m, to)
	if err := errors.Join(err, to.close()); err != nil {
		return m, err
	}
	return m, damaged(ctx, end(t, z))
}

func extractFiles(ctx context.Context, t *tar.Reader, m *Manifest, to *target) error {
	for i, f := range m.Files {
		if err := next(t, f.Name, f.Size); err != nil {
			return damaged(ctx, err)
		}
		in, write := &packed{from: t}, to.blob
		if i == 0 {
			write = to.database
		}
		err := write(ctx, in, f)
		if in.err != nil {
			err = damaged(ctx, in.err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// packed is a file of an archive. It remembers what is wrong with the archive,
// which is none of the fault of where the file goes.
type packed struct {
	from io.Reader
	err  error
}

// Read implements [io.Reader].
func (p *packed) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}

// damaged says what errors of the packages below mean, which know nothing of
// backups. Those of the disk and of the context stay what they are.
func damaged(ctx context.Context, err error) error {
	_, ofDisk := errors.AsType[*os.PathError](err)
	if _, said := errors.AsType[*pkgmeter.Error](err); err == nil || said || ofDisk {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the backup is refused: it is no backup of pkgmeter, or it is cut or damaged", Err: err}
}

func readManifest(t *tar.Reader, schema int) (m Manifest, err error) {
	h, err := t.Next()
	if err != nil {
		return m, err
	}
	if err := plain(h, manifestName); err != nil {
		return m, err
	}
	return decodeManifest(t, h.Size, schema)
}

// next goes to the next file, which has to be the expected one.
func next(t *tar.Reader, name string, size int64) error {
	h, err := t.Next()
	if errors.Is(err, io.EOF) {
		return refuse("it has no %s, which its manifest lists", name)
	}
	if err != nil {
		return err
	}
	if err := plain(h, name); err != nil {
		return err
	}
	if h.Size != size {
		return refuse("its %s has %d bytes, its manifest says %d", name, h.Size, size)
	}
	return nil
}

// plain refuses everything but an ordinary file of the expected name. A name is
// never used as the archive spells it.
func plain(h *tar.Header, name string) error {
	if h.Name != name {
		return refuse("it has %.100q where %s belongs", h.Name, name)
	}
	if h.Typeflag != tar.TypeReg {
		return refuse("its %s is no ordinary file", name)
	}
	return nil
}

// end wants nothing behind the last file but the zeros that a tar ends with,
// and the end of the stream, whose checksum is looked at there.
func end(t *tar.Reader, z io.Reader) error {
	h, err := t.Next()
	if err == nil {
		return refuse("it has %.100q, which its manifest does not list", h.Name)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	const most = 64 << 10
	rest, err := io.ReadAll(io.LimitReader(z, most+1))
	if err == nil && (len(rest) > most || len(bytes.Trim(rest, "\x00")) > 0) {
		return refuse("there is more behind its end")
	}
	return err
}

// needRoom fails where the disk has no room for the database, and for the bytes
// of packages if they go there too.
func needRoom(dir string, m *Manifest, all bool) error {
	need := m.Files[0].Size
	if all {
		need = m.Bytes()
	}
	free, err := Free(dir)
	if err == nil && need > free {
		return fmt.Errorf("%d MB are needed, and the disk has %d MB left", need/1_000_000+1, free/1_000_000)
	}
	return err
}
