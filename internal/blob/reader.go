package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"gocloud.dev/blob"
)

// A Reader reads bytes that are stored, and changes nothing: another process may
// be storing some. It may be used concurrently.
type Reader struct{ place place }

// ReadFolder returns a reader of the folder of a [Folder]. One that is not there
// has no bytes.
func ReadFolder(dir string) (*Reader, error) {
	root, err := os.OpenRoot(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Reader{nowhere{}}, nil
	case err != nil:
		return nil, fmt.Errorf("open the folder of bytes: %w", err)
	}
	return &Reader{folder{root}}, nil
}

// ReadBucket returns a reader of a bucket, by the URL that [Bucket] takes.
func ReadBucket(ctx context.Context, rawURL string) (*Reader, error) {
	b, err := openBucket(ctx, rawURL, false)
	if err != nil {
		return nil, err
	}
	return &Reader{bucket{b}}, nil
}

func openBucket(ctx context.Context, rawURL string, makeIt bool) (*blob.Bucket, error) {
	u, err := bucketURL(rawURL, makeIt)
	if err != nil {
		return nil, err
	}
	b, err := blob.OpenBucket(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}
	return b, nil
}

// Open returns bytes by their digest, and how many they are;
// [pkgmeter.NotFound] if there are none. Nothing is read before it is asked for.
// The reader ends with ctx. Of a folder it is an [os.File], which the kernel can
// send by itself.
func (r *Reader) Open(ctx context.Context, sum [32]byte) (io.ReadSeekCloser, int64, error) {
	content, size, err := r.place.open(ctx, sum)
	if err != nil {
		return nil, 0, fmt.Errorf("open bytes %s: %w", name(sum), err)
	}
	return content, size, nil
}

// Each calls visit for all bytes with the time at which they were first stored,
// in no order. Bytes that come or go meanwhile may be missing.
func (r *Reader) Each(ctx context.Context, visit func(b pkgmeter.Blob, stored time.Time) error) error {
	return r.place.each(ctx, visit)
}

// Check reads bytes and compares them with their digest: [ErrDamaged] if they
// differ, [pkgmeter.NotFound] if there are none.
func (r *Reader) Check(ctx context.Context, sum [32]byte) error {
	content, size, err := r.Open(ctx, sum)
	if err != nil {
		return err
	}
	defer content.Close()
	hash := sha256.New()
	n, err := io.CopyBuffer(hash, contextReader{ctx, content}, make([]byte, copyBuffer))
	if err != nil {
		return fmt.Errorf("check bytes %s: %w", name(sum), err)
	}
	if n != size || [32]byte(hash.Sum(nil)) != sum {
		return fmt.Errorf("check bytes %s: %w", name(sum), ErrDamaged)
	}
	return nil
}

// Close ends the use of the store.
func (r *Reader) Close() error { return r.place.close() }

// nowhere is a folder that nobody has made yet, as nothing was published. Of a
// place it has what a reader asks for.
type nowhere struct{ place }

func (nowhere) open(context.Context, [32]byte) (io.ReadSeekCloser, int64, error) {
	return nil, 0, errNotFound
}

func (nowhere) each(context.Context, func(pkgmeter.Blob, time.Time) error) error { return nil }

func (nowhere) close() error { return nil }
