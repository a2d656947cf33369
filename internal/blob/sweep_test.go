package blob_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// rows are references in memory.
type rows struct {
	mu     sync.Mutex
	known  map[[32]byte]bool
	forget [][32]byte // of which nothing needs them any more
	before time.Time  // as the last sweep has said
}

func (r *rows) SweepUploads(_ context.Context, before time.Time) ([][32]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = before
	for _, sum := range r.forget {
		delete(r.known, sum)
	}
	return r.forget, nil
}

func (r *rows) Blobs(_ context.Context, visit func(pkgmeter.Blob) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for sum := range r.known {
		if err := visit(pkgmeter.Blob{SHA256: sum}); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) add(sum [32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[sum] = true
}

func TestASweepRemovesWhatNothingNeedsForADay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := folder(t, dir)
	now := time.Now()
	age := func(b pkgmeter.Blob, d time.Duration) pkgmeter.Blob {
		if err := os.Chtimes(path(dir, b), now.Add(-d), now.Add(-d)); err != nil {
			t.Fatal(err)
		}
		return b
	}
	needed := age(put(t, s, "needed"), 48*time.Hour)
	forgotten := put(t, s, "forgotten")
	unknown := put(t, s, "unknown, as of a program that was killed")
	left := age(put(t, s, "unknown and old"), 25*time.Hour)
	refs := &rows{known: map[[32]byte]bool{needed.SHA256: true, forgotten.SHA256: true}, forget: [][32]byte{forgotten.SHA256}}
	if err := blob.Sweep(t.Context(), refs, s, now); err != nil {
		t.Fatal(err)
	}
	for b, want := range map[pkgmeter.Blob]bool{needed: true, forgotten: false, unknown: true, left: false} {
		_, err := os.Stat(path(dir, b))
		if (err == nil) != want {
			t.Errorf("%x: %v", b.SHA256[:4], err)
		}
	}
	if !refs.before.Equal(now.Add(-24 * time.Hour)) {
		t.Errorf("swept what was uploaded before %v", refs.before)
	}
}

// Publishers bring the very bytes that sweeps are about to remove.
func TestASweepNeverTakesWhatIsBeingPublished(t *testing.T) {
	t.Parallel()
	s := folder(t, t.TempDir())
	refs := &rows{known: map[[32]byte]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	var publishers, sweeper sync.WaitGroup
	sweeper.Go(func() {
		for ctx.Err() == nil {
			refs.mu.Lock()
			refs.forget = slices.Collect(maps.Keys(refs.known))
			refs.mu.Unlock()
			// In the future: all that has no row is old.
			if err := blob.Sweep(t.Context(), refs, s, time.Now().Add(100*time.Hour)); err != nil {
				t.Error(err)
			}
		}
	})
	for _, content := range []string{"a", "b"} {
		for range 2 {
			publishers.Go(func() {
				for range 150 {
					publish(t, s, refs, content)
				}
			})
		}
	}
	publishers.Wait()
	cancel()
	sweeper.Wait()
	for sum := range refs.known {
		if err := s.Check(t.Context(), sum); err != nil {
			t.Error(err)
		}
	}
}

// publish stores bytes and refers to them; they have to be there then.
func publish(t *testing.T, s *blob.Store, refs *rows, content string) {
	in, err := s.Receive(t.Context(), strings.NewReader(content), 100)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Uploading()()
	if err := in.Keep(t.Context()); err != nil {
		t.Error(err)
		return
	}
	refs.add(in.Blob.SHA256)
	if err := s.Check(t.Context(), in.Blob.SHA256); err != nil {
		t.Errorf("referred to: %v", err)
	}
}
