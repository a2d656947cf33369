package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/ingest"
)

func TestAStopWritesWhatWaitsAndTakesNothingMore(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{MaxBatch: 2}, func(b *rig, run func()) {
		run()
		b.add(b.Context(), 1, 10, "a", "b", "c", "d")
		b.stop()
		b.add(b.Context(), 1, 10, "e") // the first write has not seen the stop yet
		time.Sleep(time.Second)
		synctest.Wait()
		b.add(b.Context(), 1, 10, "too late")
		b.wantOutcome(ingest.ErrClosed, "too late")
		b.finish()
		b.wantOutcome(nil, "a", "b", "c", "d", "e")
		b.wantBatches([]string{"a"}, []string{"b", "c"}, []string{"d", "e"})
		if err := b.q.Add(b.Context(), "after all", 1, 1); !errors.Is(err, ingest.ErrClosed) {
			t.Errorf("Add after Run = %v", err)
		}
	})
}

func TestWhatCameBeforeRunIsWrittenEvenIfRunIsStoppedAtOnce(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{}, func(b *rig, run func()) {
		b.add(b.Context(), 1, 10, "a")
		b.stop()
		run()
		b.finish()
		b.wantOutcome(nil, "a")
		b.wantStored("a")
	})
}

func TestAnIdleQueueStops(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{}, func(b *rig, run func()) {
		run()
		b.finish()
		b.wantBatches()
	})
}

func TestAnEndedContextIsToldFirst(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{}, func(b *rig, run func()) {
		run()
		b.finish()
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		b.add(ctx, 1, 10, "a")
		b.wantOutcome(context.Canceled, "a") // and not ErrClosed, which is the server's fault
	})
}

func TestRunIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{}, func(b *rig, run func()) {
		run()
		if err := b.q.Run(b.Context()); err == nil {
			t.Error("a second Run began")
		}
		b.add(b.Context(), 1, 10, "a")
		b.finish()
		b.wantOutcome(nil, "a") // the first was not disturbed
	})
}

func TestAFatalErrorEndsTheQueue(t *testing.T) {
	t.Parallel()
	fatal := func(err error) bool { return errors.Is(err, errFatal) }
	together := []string{"a", "b", "c"}
	tests := map[string]struct {
		before func([]string) error
		got    map[string]error // where it is not the fatal error itself
		stored []string
		writes [][]string
	}{
		"at once": {
			before: having("b", errFatal),
			writes: [][]string{together},
		},
		"when the items are tried alone": {
			before: func(batch []string) error {
				return errors.Join(larger(batch), having("b", errFatal)(batch[:1]))
			},
			got:    map[string]error{"a": nil},
			stored: []string{"a"},
			writes: [][]string{together, {"a"}, {"b"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t, &disk{before: tt.before}, ingest.Options{MaxBatch: 3, Fatal: fatal}, func(b *rig, run func()) {
				b.add(b.Context(), 1, 10, "a", "b", "c", "waits")
				run()
				if err := <-b.run; !errors.Is(err, errFatal) {
					t.Errorf("Run = %v", err)
				}
				b.wg.Wait()
				b.add(b.Context(), 1, 10, "later")
				b.wantWaiting(0, 0)
				for _, k := range together {
					want, special := tt.got[k]
					if err := b.got[k]; special && !errors.Is(err, want) || !special && (!fatal(err) || errors.Is(err, ingest.ErrClosed)) {
						t.Errorf("Add(%s) = %v", k, err)
					}
				}
				for _, k := range []string{"waits", "later"} {
					if err := b.got[k]; !errors.Is(err, errFatal) || !errors.Is(err, ingest.ErrClosed) {
						t.Errorf("Add(%s) = %v, want ErrClosed and the fatal error", k, err)
					}
				}
				b.wantStored(tt.stored...)
				b.wantBatches(tt.writes...)
			})
		})
	}
}

// TestAcceptedIsStored stops a queue in the middle of everything that can go
// wrong and compares what callers were told with what is on disk: nil means
// stored once, ErrFull, ErrClosed and the end of ctx mean never.
func TestAcceptedIsStored(t *testing.T) {
	t.Parallel()
	const callers, each = 64, 300
	stored := map[int]int{} // Run's alone until it returned
	var writes, accepted atomic.Int64
	q := ingest.New(writerFunc[int](func(_ context.Context, batch []int) error {
		if writes.Add(1)%5 == 0 {
			return errBoom
		}
		for _, k := range batch {
			stored[k]++
		}
		return nil
	}), ingest.Options{MaxBatch: 16, MaxWaiting: 48, MaxBytes: 4000})

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	run := make(chan error, 1)
	go func() { run <- q.Run(ctx) }()

	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		got = map[int]error{}
	)
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				k := c*each + i
				ctx, cancel := context.WithCancel(t.Context())
				if k%3 == 0 {
					go cancel()
				}
				err := q.Add(ctx, k, k%4, int64(k%200))
				cancel()
				mu.Lock()
				got[k] = err
				mu.Unlock()
				if err == nil && accepted.Add(1) == callers*each/8 {
					stop()
				}
			}
		})
	}
	wg.Wait()
	if err := <-run; err != nil {
		t.Fatalf("Run = %v", err)
	}
	told := map[string]int{}
	for k, err := range got {
		told[fmt.Sprint(err)]++
		if want := err == nil; (stored[k] == 1) != want || stored[k] > 1 {
			t.Errorf("item %d: told %v, stored %d times", k, err, stored[k])
		}
		delete(stored, k)
	}
	if len(stored) > 0 {
		t.Errorf("stored what nobody brought: %v", stored)
	}
	if told["<nil>"] == 0 || told[ingest.ErrClosed.Error()] == 0 {
		t.Errorf("the test tested nothing: %v", told)
	}
	t.Log(told)
	if items, bytes := q.Waiting(); items != 0 || bytes != 0 {
		t.Errorf("%d items of %d bytes are left", items, bytes)
	}
}
