package meteor

import (
	"os"
	"sync/atomic"
	"syscall"
)

// maxSeen is how many bytes may have been read by way of a view until it lets go
// of them. They are the system's, but look like memory of the process.
const maxSeen = 64 << 20

// A view shows a file as memory. A file that grows is seen to grow; beyond its
// end, and where the disk fails, there is nothing: what reads there itself gets
// a fault, and a system call that is to read there gets an error.
type view struct {
	m    []byte
	seen atomic.Int64
}

// newView returns a view of so many bytes, most of which may yet have to be
// written, or nil if there is no such view.
func newView(f *os.File, size int64) *view {
	if int64(int(size)) != size {
		return nil
	}
	m, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	return &view{m: m}
}

// bytes returns what is there, to be read once.
func (v *view) bytes(at, size int64) []byte {
	if v.seen.Add(size) > maxSeen {
		v.seen.Store(0)
		// Those who are reading meet what is let go again where they are.
		_ = syscall.Madvise(v.m, syscall.MADV_DONTNEED)
	}
	return v.m[at:][:size]
}

func (v *view) close() error { return syscall.Munmap(v.m) }
