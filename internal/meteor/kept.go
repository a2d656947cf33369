package meteor

import (
	"fmt"
	"io"
	"runtime/debug"
)

const (
	// pieceBytes is what goes to the client at a time: enough that no call of the
	// system costs more than its bytes.
	pieceBytes = 1 << 20

	// copiedBytes is that of a piece which has to be copied first: it stays in the
	// processor's cache, and is what a client that does not read takes up.
	copiedBytes = 64 << 10
)

// A keptPage is a page in the file, as a [ddp.Stream]. Whoever has it lets go of
// it.
type keptPage struct {
	file *pageFile
	in   *generation
	span
}

// Size implements ddp.Stream.
func (k *keptPage) Size() int64 { return k.size }

func (k *keptPage) release() { k.file.release(k.in) }

// WriteTo implements ddp.Stream.
func (k *keptPage) WriteTo(w io.Writer) (int64, error) {
	// Beyond the file's end its last block may have zeros to show.
	if info, err := k.in.f.Stat(); err != nil {
		return 0, err
	} else if info.Size() < k.at+k.size {
		return 0, fmt.Errorf("page of %d bytes at %d: %w", k.size, k.at, io.ErrUnexpectedEOF)
	}
	if k.in.view == nil {
		return k.copyTo(w)
	}
	return k.showTo(w)
}

// showTo has the connection read the page where the system has it, so that no
// byte is copied on the way.
func (k *keptPage) showTo(w io.Writer) (n int64, err error) {
	defer func() {
		if fault := recover(); fault != nil { // the disk, if it was not the system that read
			err = fmt.Errorf("page at %d: %v", k.at, fault)
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for n < k.size && err == nil {
		var written int
		written, err = w.Write(k.in.view.bytes(k.at+n, min(pieceBytes, k.size-n)))
		n += int64(written)
	}
	return n, err
}

func (k *keptPage) copyTo(w io.Writer) (int64, error) {
	b, ok := k.file.buffers.Get().(*[]byte)
	if !ok {
		fresh := make([]byte, copiedBytes)
		b = &fresh
	}
	defer k.file.buffers.Put(b)
	type plain struct{ io.Writer } // one that cannot choose buffers of its own
	return io.CopyBuffer(plain{w}, struct{ io.Reader }{io.NewSectionReader(k.in.f, k.at, k.size)}, *b)
}
