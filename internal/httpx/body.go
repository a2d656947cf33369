package httpx

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
)

// promised is how much of an announced body gets room before it comes, bytes.
const promised = 4 << 10

// ErrCut is in the tree of the error for a body that ended before its end.
var ErrCut = errors.New("body cut short")

// ReadBody reads the whole body, unpacked. A body of more than limit bytes,
// packed or unpacked, is [pkgmeter.TooLarge]; a broken one is
// [pkgmeter.Invalid]. Whether it is packed is told by its first bytes: senders
// forget the header, and proxies remove it.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, error) {
	var buf, out bytes.Buffer
	if err := read(&buf, w, r, limit); err != nil {
		return nil, err
	}
	how := packing(buf.Bytes())
	if how == plain {
		return buf.Bytes(), nil
	}
	if err := unpack(&out, how, buf.Bytes(), limit); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// read reads the body as it comes.
func read(buf *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int) error {
	if r.ContentLength > int64(limit) {
		return tooLarge(limit)
	}
	if r.ContentLength > 0 {
		// ReadFrom wants room for one more read to see the end. A large body
		// gets room as it comes: a promise of bytes must not take memory.
		buf.Grow(min(int(r.ContentLength), promised) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, int64(limit))); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge(limit)
		}
		return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the body was cut short", Err: errors.Join(ErrCut, err)}
	}
	return nil
}

func tooLarge(limit int) error {
	return pkgmeter.Errorf(pkgmeter.TooLarge, "the body is larger than %d bytes", limit)
}

// The ways to pack a body.
const (
	plain      = ""
	gzipPacked = "gzip"
	zstdPacked = "zstd"
)

// packing tells by its first bytes how a body is packed.
func packing(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte{0x1f, 0x8b}):
		return gzipPacked
	case bytes.HasPrefix(body, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstdPacked
	}
	return plain
}

// unpack unpacks the whole body, if that is not more than limit bytes.
func unpack(out *bytes.Buffer, how string, body []byte, limit int) error {
	from, err := unpacker(how, body, limit)
	if err != nil {
		return broken(how, err)
	}
	defer from.Close()
	switch _, err := out.ReadFrom(io.LimitReader(from, int64(limit)+1)); {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return tooLarge(limit)
	case err != nil:
		return broken(how, err)
	case out.Len() > limit:
		return tooLarge(limit)
	}
	return nil
}

// unpacker returns what reads a body that is packed.
func unpacker(how string, body []byte, limit int) (io.ReadCloser, error) {
	if how == gzipPacked {
		return gzip.NewReader(bytes.NewReader(body))
	}
	z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(limit)+1<<20), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

func broken(what string, err error) error {
	return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: fmt.Sprintf("the %s of the body is broken", what), Err: err}
}
