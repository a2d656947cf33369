package intake

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/pkgmeter/pkgmeter"
)

// window is how much of what was read before is looked at to see whether a file
// is still the same, bytes.
const window = 4 << 10

// A tail reads a file that grows, up to the end of a line that is all there.
type tail struct {
	src   *os.File
	info  os.FileInfo // which file it is
	at    int64       // read up to here
	limit int64       // may be read up to here
	last  []byte      // what was read last, up to at
	first []byte      // what the file begins with, before anything is read
}

// errReplaced is the error of a file that was emptied and written anew, as
// copytruncate does it. It may be as long as before again.
var errReplaced = errors.New("the file was emptied")

func newTail(src *os.File) (*tail, error) {
	info, err := src.Stat()
	if err != nil {
		return nil, err
	}
	return &tail{src: src, info: info}, nil
}

// Read implements [io.Reader]. After io.EOF there may be more, once the limit is
// raised.
func (t *tail) Read(b []byte) (int, error) {
	if n := t.limit - t.at; n < int64(len(b)) {
		b = b[:max(n, 0)]
	}
	if len(b) == 0 {
		return 0, io.EOF
	}
	n, err := t.src.ReadAt(b, t.at)
	// Only now it is certain that what was read comes after what was read before.
	if err := t.same(); err != nil {
		return 0, err
	}
	t.at += int64(n)
	t.last = append(t.last, b[:n]...)
	t.last = t.last[max(0, len(t.last)-window):]
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// seek makes reading go on at an offset of a file that begins with head.
func (t *tail) seek(offset int64, head []byte) {
	t.at, t.limit, t.last, t.first = offset, offset, nil, head
}

// head returns the beginning of the file.
func (t *tail) head() ([]byte, error) {
	head := make([]byte, pkgmeter.MaxHead)
	n, err := t.src.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// size returns how long the file is by now.
func (t *tail) size() (int64, error) {
	info, err := t.src.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// same fails with errReplaced unless the file still has what was read last.
func (t *tail) same() error {
	size, err := t.size()
	if err != nil {
		return err
	}
	want, at := t.last, t.at-int64(len(t.last))
	if len(want) == 0 {
		want, at = t.first, 0
	}
	now := make([]byte, len(want))
	n, err := t.src.ReadAt(now, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if size < t.at || !bytes.Equal(now[:n], want) {
		return errReplaced
	}
	return nil
}

// lastLine returns where the last line that has an end ends by now. It looks
// from behind, as a look comes after few new lines.
func (t *tail) lastLine() (int64, error) {
	end, err := t.size()
	if err != nil {
		return 0, err
	}
	var block [64 << 10]byte
	for end > t.at {
		b := block[:min(int64(len(block)), end-t.at)]
		n, err := t.src.ReadAt(b, end-int64(len(b)))
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n < len(b) {
			return t.at, nil // it has become shorter: the next look sees that
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return end - int64(len(b)) + int64(i) + 1, nil
		}
		end -= int64(len(b))
	}
	return t.at, nil
}
