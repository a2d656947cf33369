package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// copyBuffer is how much of what is received is in memory at a time, bytes.
const copyBuffer = 128 << 10

// ErrDamaged is in the tree of the error of bytes that are not what was stored.
var ErrDamaged = errors.New("the bytes do not have the digest of their name")

var errNotFound = pkgmeter.Errorf(pkgmeter.NotFound, "there are no such bytes")

// A Store keeps bytes. It may be used concurrently.
type Store struct {
	Reader

	// Bytes come before the row that refers to them, and a sweep removes bytes
	// that have no row. Held shared from the one to the other, and exclusively
	// by the sweep.
	referring sync.RWMutex
}

// A place is where bytes are.
type place interface {
	// temporary begins bytes that nobody sees.
	temporary(ctx context.Context) (temporary, error)

	// size returns how many bytes have the digest; errNotFound if none have.
	size(ctx context.Context, sum [32]byte) (int64, error)

	// settle makes what size has found durable: who stored it may not be ready.
	settle(sum [32]byte) error

	open(ctx context.Context, sum [32]byte) (io.ReadSeekCloser, int64, error)
	remove(ctx context.Context, sum [32]byte) error // none is fine
	each(ctx context.Context, visit func(b pkgmeter.Blob, stored time.Time) error) error
	close() error
}

// A temporary is bytes that nobody sees yet. It ends with keep or discard.
type temporary interface {
	io.Writer
	finish() error // makes all that was written durable
	keep(ctx context.Context, sum [32]byte) error
	discard() error
}

// Received is bytes that came whole and are on disk, where nobody sees them yet.
type Received struct {
	Blob  pkgmeter.Blob
	store *Store
	temp  temporary // nil once it has ended
}

// Receive reads all of r, and leaves nothing behind if that fails. More than
// limit bytes are [pkgmeter.TooLarge]. What is received has to be discarded
// unless it is kept; to do so anyway is fine.
func (s *Store) Receive(ctx context.Context, r io.Reader, limit int64) (*Received, error) {
	temp, err := s.place.temporary(ctx)
	if err != nil {
		return nil, fmt.Errorf("receive bytes: %w", err)
	}
	in := &Received{store: s, temp: temp}
	hash := sha256.New()
	in.Blob.Size, err = io.CopyBuffer(io.MultiWriter(hash, temp), io.LimitReader(contextReader{ctx, r}, min(limit, math.MaxInt64-1)+1), make([]byte, copyBuffer))
	if err == nil && in.Blob.Size > limit {
		err = pkgmeter.Errorf(pkgmeter.TooLarge, "more than %d bytes are not taken", limit)
	}
	if err == nil {
		err = temp.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("receive bytes: %w", errors.Join(err, in.Discard()))
	}
	in.Blob.SHA256 = [32]byte(hash.Sum(nil))
	return in, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // of the one call that reads
	io.Reader
}

// Read implements [io.Reader].
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// Keep puts the bytes into the place of their digest, durably. Bytes that are
// there already are not written again, unless they are cut. It is quick, so
// that it can be done while [Store.Uploading] holds off a sweep.
func (in *Received) Keep(ctx context.Context) error {
	err := in.keep(ctx)
	if err != nil {
		return fmt.Errorf("keep bytes %s: %w", name(in.Blob.SHA256), errors.Join(err, in.Discard()))
	}
	return in.Discard()
}

func (in *Received) keep(ctx context.Context) error {
	size, err := in.store.place.size(ctx, in.Blob.SHA256)
	switch {
	case err == nil && size == in.Blob.Size:
		return in.store.place.settle(in.Blob.SHA256)
	case err != nil && !errors.Is(err, errNotFound):
		return err
	}
	temp := in.temp
	if err := temp.keep(ctx, in.Blob.SHA256); err != nil {
		return err
	}
	in.temp = nil
	return nil
}

// Discard removes the bytes, unless they are kept.
func (in *Received) Discard() error {
	temp := in.temp
	in.temp = nil
	if temp == nil {
		return nil
	}
	return temp.discard()
}

// Put receives and keeps all of r.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (pkgmeter.Blob, error) {
	in, err := s.Receive(ctx, r, limit)
	if err != nil {
		return pkgmeter.Blob{}, err
	}
	return in.Blob, in.Keep(ctx)
}

// Delete removes bytes. It is fine if there are none.
func (s *Store) Delete(ctx context.Context, sum [32]byte) error {
	if err := s.place.remove(ctx, sum); err != nil {
		return fmt.Errorf("delete bytes %s: %w", name(sum), err)
	}
	return nil
}

// Uploading holds off sweeps until done is called: from before [Received.Keep]
// until what refers to the bytes is stored. It must not be held while bytes come
// from afar, as a sweep that waits holds off all that come after it.
func (s *Store) Uploading() (done func()) {
	s.referring.RLock()
	return s.referring.RUnlock
}

// Sweeping holds off who keeps bytes until done is called.
func (s *Store) Sweeping() (done func()) {
	s.referring.Lock()
	return s.referring.Unlock
}

// temporaries is the folder of bytes that nobody sees.
const temporaries = "tmp"

func name(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// pathOf returns where bytes are, with slashes. Two levels of folders keep each
// of them small for any number of packages.
func pathOf(sum [32]byte) string {
	n := name(sum)
	return n[:2] + "/" + n[2:4] + "/" + n
}

// sumOf is the reverse of pathOf.
func sumOf(path string) (sum [32]byte, ok bool) {
	if len(path) != len("aa/bb/")+hex.EncodedLen(len(sum)) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(path[len("aa/bb/"):]))
	return sum, err == nil && pathOf(sum) == path
}
