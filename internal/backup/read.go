package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
)

// partial is behind the data file's name until all is well, so that what a
// crash leaves is no data folder.
const partial = ".partial"

// extract reads an archive into the empty folder dir, and syncs what it wrote.
// The archive is from outside: everything in it is checked before it is used.
func extract(ctx context.Context, from io.Reader, dir string, schema int, step Step) (m Manifest, err error) {
	z, err := zstd.NewReader(reader{ctx, from, step}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return m, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	if m, err = readManifest(t, schema); err != nil {
		return m, damaged(ctx, err)
	}
	if err := needRoom(dir, m.bytes()); err != nil {
		return m, err
	}
	for _, f := range m.Files {
		if err := next(t, f.Name, f.Size); err != nil {
			return m, damaged(ctx, err)
		}
		if err := extractFile(t, dir, f); err != nil {
			return m, damaged(ctx, err)
		}
	}
	return m, damaged(ctx, end(t, z))
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

func extractFile(t *tar.Reader, dir string, f File) (err error) {
	name := f.Name
	if name == Database {
		name += partial
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(w, h), t)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return refuse("its %s is damaged: its digest is not that of the manifest", f.Name)
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

func needRoom(dir string, need int64) error {
	free, err := Free(dir)
	if err == nil && need > free {
		return fmt.Errorf("%d MB are needed, and the disk has %d MB left", need/1_000_000+1, free/1_000_000)
	}
	return err
}
