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
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		// ReadFrom wants room for one more read to see the end. A large body
		// gets room as it comes: a promise of bytes must not take memory.
		buf.Grow(min(int(r.ContentLength), promised) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, int64(limit))); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLarge(limit)
		}
		return nil, &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the body was cut short", Err: errors.Join(ErrCut, err)}
	}
	return unpack(buf.Bytes(), limit)
}

func tooLarge(limit int) error {
	return pkgmeter.Errorf(pkgmeter.TooLarge, "the body is larger than %d bytes", limit)
}

func unpack(body []byte, limit int) ([]byte, error) {
	var from io.Reader
	switch {
	case bytes.HasPrefix(body, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, broken("gzip", err)
		}
		from = z
	case bytes.HasPrefix(body, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(limit)+1<<20), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, broken("zstd", err)
		}
		defer z.Close()
		from = z
	default:
		return body, nil
	}
	out, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, broken("compression", err)
	}
	if len(out) > limit {
		return nil, tooLarge(limit)
	}
	return out, nil
}

func broken(what string, err error) error {
	return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: fmt.Sprintf("the %s of the body is broken", what), Err: err}
}
