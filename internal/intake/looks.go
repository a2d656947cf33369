package intake

import (
	"bytes"
	"crypto/sha256"
	"sync"
)

// looks remembers who has looked for the tickets of which files, and which files
// were begun since. A file that grows while two commands import it has a longer
// head for one than for the other, and a ticket is found by a head as long as
// its own or longer: that of the one who came later with the shorter head would
// not find it. The zero value is ready; it may be used concurrently.
type looks struct {
	mu    sync.Mutex
	n     int64 // files begun so far
	taken []look
	begun []beginning
}

// What is remembered. Between a look and the beginning of its file are some
// milliseconds; more files than these are not begun in that time.
const (
	maxLooks  = 256
	maxBegins = 32
)

type look struct {
	source string
	head   [32]byte // the digest of what the importer has seen of the file
	at     int64    // how many were begun by then
}

type beginning struct {
	source string
	head   []byte
	n      int64
}

// look notes that somebody is about to begin with a file, maybe.
func (l *looks) look(source string, head []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.taken) == maxLooks {
		l.taken = l.taken[:copy(l.taken, l.taken[1:])]
	}
	l.taken = append(l.taken, look{source, sha256.Sum256(head), l.n})
}

// begin notes that a file has its ticket now.
func (l *looks) begin(source string, head []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.begun) == maxBegins {
		l.begun = l.begun[:copy(l.begun, l.begun[1:])]
	}
	l.n++
	l.begun = append(l.begun, beginning{source, bytes.Clone(head), l.n})
}

// begunSince reports whether somebody has begun with a file that goes on from
// head since the look of who has seen headLen bytes of it then.
func (l *looks) begunSince(source string, headLen int, head []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := sha256.Sum256(head[:min(headLen, len(head))])
	for i := len(l.taken) - 1; i >= 0; i-- {
		if t := &l.taken[i]; t.source == source && t.head == sum {
			return l.newer(source, head, t.at)
		}
	}
	return false // it was long ago, or in a process before this one
}

func (l *looks) newer(source string, head []byte, than int64) bool {
	for _, b := range l.begun {
		if b.n > than && b.source == source && bytes.HasPrefix(b.head, head) {
			return true
		}
	}
	return false
}
