package blob

import (
	"context"
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

const (
	// orphanAge is how long bytes stay that nothing refers to: a publisher may
	// still come back to them, and a program that is being restored too.
	orphanAge = 24 * time.Hour

	// sweepTurn is how long publishers wait for a sweep at a time.
	sweepTurn = time.Second
)

// References know which bytes are needed.
type References interface {
	// SweepUploads forgets bytes that nothing refers to since before the given
	// time, and returns their digests.
	SweepUploads(ctx context.Context, before time.Time) ([][32]byte, error)

	// Blobs calls visit for all bytes that are known.
	Blobs(ctx context.Context, visit func(pkgmeter.Blob) error) error
}

// Sweep removes bytes that nothing refers to for a day: what refs forgets, and
// what it does not know, as a program leaves it that was killed while it
// published. now is the caller's clock. In memory are 32 bytes for each.
func Sweep(ctx context.Context, refs References, blobs *Store, now time.Time) error {
	before := now.Add(-orphanAge)
	old := map[[32]byte]bool{}
	err := blobs.Each(ctx, func(b pkgmeter.Blob, stored time.Time) error {
		if stored.Before(before) {
			old[b.SHA256] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep bytes: %w", err)
	}
	forgotten, err := refs.SweepUploads(ctx, before)
	if err != nil {
		return fmt.Errorf("sweep bytes: %w", err)
	}
	for _, sum := range forgotten {
		old[sum] = true
	}
	for len(old) > 0 {
		if err := blobs.sweepTurn(ctx, refs, old); err != nil {
			return fmt.Errorf("sweep bytes: %w", err)
		}
	}
	return nil
}

// sweepTurn removes some of the old bytes that are not known, and takes them,
// and all that are known, out of old. Meanwhile nothing becomes known.
func (s *Store) sweepTurn(ctx context.Context, refs References, old map[[32]byte]bool) error {
	defer s.Sweeping()()
	err := refs.Blobs(ctx, func(b pkgmeter.Blob) error {
		delete(old, b.SHA256)
		return nil
	})
	if err != nil {
		return err
	}
	start := time.Now()
	for sum := range old {
		if err := s.Delete(ctx, sum); err != nil {
			return err
		}
		delete(old, sum)
		if time.Since(start) > sweepTurn {
			return nil
		}
	}
	return nil
}
