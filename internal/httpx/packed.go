package httpx

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// maxKept is the largest buffer that is kept for another body: one huge body
// must not hold its memory for ever.
const maxKept = 1 << 20

// MaxRatio is how many times its size a body may grow when it is unpacked.
const MaxRatio = 100

// freeUnpacked is up to how many bytes it may grow from any size: so little does
// no harm, and a few lines that are all the same pack a thousandfold.
const freeUnpacked = 1 << 20

// Bodies reads bodies of up to some MiB into memory that it uses again. The zero
// value is ready for use.
type Bodies struct{ buffers sync.Pool }

// Packing returns how the body of a request is packed by its Content-Encoding:
// "" for not at all, gzip or zstd. Any other is [pkgmeter.UnsupportedMediaType].
func Packing(r *http.Request) (string, error) {
	switch how := strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ",")); how {
	case plain, "identity":
		return plain, nil
	case gzipPacked, "x-gzip":
		return gzipPacked, nil
	case zstdPacked:
		return zstdPacked, nil
	default:
		return "", pkgmeter.Errorf(pkgmeter.UnsupportedMediaType, "the Content-Encoding is none that is known: want gzip or zstd")
	}
}

// Read reads the whole body, unpacked as [Packing] says. A body of more than
// limit bytes, packed or unpacked, or one that grows too much, is
// [pkgmeter.TooLarge]; a broken one is [pkgmeter.Invalid]. The body is the
// caller's until it calls done, which it has to do once, whatever comes.
func (b *Bodies) Read(w http.ResponseWriter, r *http.Request, limit int) (body []byte, done func(), err error) {
	how, err := Packing(r)
	if err != nil {
		return nil, func() {}, err
	}
	buf := b.buffer()
	if err := read(buf, w, r, limit); err != nil || how == plain {
		return buf.Bytes(), func() { b.keep(buf) }, err
	}
	defer b.keep(buf)
	out := b.buffer()
	err = unpackAll(out, how, buf.Bytes(), limit)
	return out.Bytes(), func() { b.keep(out) }, err
}

// unpackAll unpacks a body within the limits of its size and its growth.
func unpackAll(out *bytes.Buffer, how string, body []byte, limit int) error {
	if packing(body) != how {
		return pkgmeter.Errorf(pkgmeter.Invalid, "the body is not packed with %s, as its Content-Encoding says", how)
	}
	grown := max(freeUnpacked, MaxRatio*len(body))
	err := unpack(out, how, body, min(limit, grown))
	if pkgmeter.CodeOf(err) == pkgmeter.TooLarge && grown < limit {
		return pkgmeter.Errorf(pkgmeter.TooLarge, "the body is packed to less than a %dth of its size", MaxRatio)
	}
	return err
}

func (b *Bodies) buffer() *bytes.Buffer {
	if buf, ok := b.buffers.Get().(*bytes.Buffer); ok {
		return buf
	}
	return new(bytes.Buffer)
}

func (b *Bodies) keep(buf *bytes.Buffer) {
	if buf.Cap() > maxKept {
		return
	}
	buf.Reset()
	b.buffers.Put(buf)
}
