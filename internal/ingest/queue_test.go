package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/ingest"
)

var (
	errBoom  = errors.New("boom")
	errFatal = errors.New("sync failed")
)

// disk is a Writer that stores a batch whole or not at all and passes over what
// it has. It takes a second a write, which in a bubble costs nothing. before and
// after decide whether a write fails, and on which side of the commit.
type disk struct {
	before, after func(batch []string) error

	mu      sync.Mutex
	batches [][]string // as they were asked for
	stored  []string   // in the order of the commits
}

func (d *disk) Write(ctx context.Context, batch []string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("a commit was broken off: %w", ctx.Err())
	}
	time.Sleep(time.Second)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches = append(d.batches, slices.Clone(batch))
	if d.before != nil {
		if err := d.before(batch); err != nil {
			return err
		}
	}
	for _, k := range batch {
		if !slices.Contains(d.stored, k) {
			d.stored = append(d.stored, k)
		}
	}
	if d.after != nil {
		return d.after(batch)
	}
	return nil
}

// rig is a queue that runs in a bubble, with callers that are waited for.
type rig struct {
	*testing.T
	*disk
	q *ingest.Queue[string]

	stop context.CancelFunc
	run  chan error // what Run returned

	mu  sync.Mutex
	got map[string]error // the outcome of each caller
	wg  sync.WaitGroup
}

// start runs test in a bubble. The queue runs from go on; whoever is added
// before that waits for it.
func start(t *testing.T, d *disk, o ingest.Options, test func(b *rig, run func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		b := &rig{
			T: t, disk: d, q: ingest.New(d, o),
			stop: stop, run: make(chan error, 1), got: map[string]error{},
		}
		test(b, func() {
			go func() { b.run <- b.q.Run(ctx) }()
			synctest.Wait()
		})
		stop()
		b.wg.Wait()
	})
}

// add brings items one after another, each by a caller of its own, and returns
// when all of them wait.
func (b *rig) add(ctx context.Context, weight int, size int64, items ...string) {
	for _, k := range items {
		b.wg.Go(func() {
			err := b.q.Add(ctx, k, weight, size)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.got[k] = err
		})
		synctest.Wait()
	}
}

// finish waits for all callers, stops the queue and checks that it is empty.
func (b *rig) finish() {
	b.Helper()
	b.wg.Wait()
	b.stop()
	if err := <-b.run; err != nil {
		b.Errorf("Run = %v", err)
	}
	b.wantWaiting(0, 0)
}

func (b *rig) wantWaiting(items int, bytes int64) {
	b.Helper()
	if i, n := b.q.Waiting(); i != items || n != bytes {
		b.Errorf("Waiting() = %d items of %d bytes, want %d of %d", i, n, items, bytes)
	}
}

func (b *rig) wantOutcome(want error, items ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range items {
		if err, ok := b.got[k]; !ok || !errors.Is(err, want) {
			b.Errorf("Add(%s) = %v (returned: %v), want %v", k, err, ok, want)
		}
	}
}

func (b *rig) wantBatches(want ...[]string) {
	b.Helper()
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if !reflect.DeepEqual(b.batches, want) {
		b.Errorf("wrote %v, want %v", b.batches, want)
	}
}

func (b *rig) wantStored(want ...string) {
	b.Helper()
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if !slices.Equal(b.stored, want) {
		b.Errorf("stored %v, want %v", b.stored, want)
	}
}

func always([]string) error { return errBoom }

// having fails each batch that has the item.
func having(item string, err error) func([]string) error {
	return func(batch []string) error {
		if slices.Contains(batch, item) {
			return err
		}
		return nil
	}
}

// larger fails each batch of more than one item.
func larger(batch []string) error {
	if len(batch) > 1 {
		return errBoom
	}
	return nil
}

func TestEachCallerLearnsWhatBecameOfItsItem(t *testing.T) {
	t.Parallel()
	abc := []string{"a", "b", "c"}
	alone := [][]string{abc, {"a"}, {"b"}, {"c"}}
	tests := map[string]struct {
		before, after func([]string) error
		want          error // what every caller sees
		stored        []string
		batches       [][]string
	}{
		"stored":                             {stored: abc, batches: [][]string{abc}},
		"refused":                            {before: always, want: errBoom, batches: alone},
		"stored, then every answer was lost": {after: always, want: errBoom, stored: abc, batches: alone},
		"refused together, stored alone":     {before: larger, stored: abc, batches: alone},
		"stored, then the answer was lost":   {after: larger, stored: abc, batches: alone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t, &disk{before: tt.before, after: tt.after}, ingest.Options{}, func(b *rig, run func()) {
				b.add(b.Context(), 1, 10, abc...)
				b.wantWaiting(3, 30)
				run()
				b.finish()
				b.wantOutcome(tt.want, abc...)
				b.wantStored(tt.stored...)
				b.wantBatches(tt.batches...)
			})
		})
	}
}

func TestAPoisonedItemFailsNoNeighbour(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"a", "b", "c"} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			start(t, &disk{before: having(bad, errBoom)}, ingest.Options{}, func(b *rig, run func()) {
				all := []string{"a", "b", "c"}
				b.add(b.Context(), 1, 10, all...)
				run()
				b.finish()
				good := slices.DeleteFunc(slices.Clone(all), func(k string) bool { return k == bad })
				b.wantOutcome(errBoom, bad)
				b.wantOutcome(nil, good...)
				b.wantStored(good...)
				b.wantBatches(all, all[0:1], all[1:2], all[2:3]) // each once
			})
		})
	}
}

func TestASingleItemIsNotTriedTwice(t *testing.T) {
	t.Parallel()
	start(t, &disk{before: always}, ingest.Options{}, func(b *rig, run func()) {
		run()
		b.add(b.Context(), 1, 10, "a")
		b.finish()
		b.wantOutcome(errBoom, "a")
		b.wantBatches([]string{"a"})
	})
}

func TestABatchIsWhatCameDuringTheLastWrite(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{}, func(b *rig, run func()) {
		run()
		b.add(b.Context(), 1, 10, "a") // wakes Run
		b.add(b.Context(), 1, 10, "b", "c", "d")
		b.wantWaiting(4, 40) // the one under way included
		began := time.Now()
		b.finish()
		b.wantBatches([]string{"a"}, []string{"b", "c", "d"})
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("two writes took %v: somebody waited for a timer", took)
		}
	})
}

func TestABatchIsBoundedByWeightAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{MaxBatch: 10}, func(b *rig, run func()) {
		for _, item := range []struct {
			key    string
			weight int
		}{{"a4", 4}, {"b6", 6}, {"c0", 0}, {"d11", 11}, {"e-1", -1}, {"f9", 9}, {"g1", 1}, {"h10", 10}} {
			b.add(b.Context(), item.weight, 0, item.key)
		}
		run()
		b.finish()
		b.wantBatches([]string{"a4", "b6"}, []string{"c0"}, []string{"d11"}, []string{"e-1", "f9"}, []string{"g1"}, []string{"h10"})
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    ingest.Options
		size int64
	}{
		"in items": {ingest.Options{MaxWaiting: 3}, 10},
		"in bytes": {ingest.Options{MaxBytes: 39}, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t, &disk{}, tt.o, func(b *rig, run func()) {
				run()
				b.add(b.Context(), 1, tt.size, "a", "b", "c", "too much")
				b.wantOutcome(ingest.ErrFull, "too much") // while a is under way
				b.wantWaiting(3, 3*tt.size)

				time.Sleep(time.Second) // a has its answer
				synctest.Wait()
				b.add(b.Context(), 1, tt.size, "d")
				b.finish()
				b.wantOutcome(nil, "a", "b", "c", "d")
				b.wantStored("a", "b", "c", "d")
			})
		})
	}
}

func TestAnItemBeyondMaxBytesGoesThroughAnEmptyQueue(t *testing.T) {
	t.Parallel()
	start(t, &disk{}, ingest.Options{MaxBytes: 100}, func(b *rig, run func()) {
		const huge = 1<<63 - 1
		run()
		b.add(b.Context(), 1, huge, "huge")
		b.add(b.Context(), 1, 1, "behind it")
		b.wantOutcome(ingest.ErrFull, "behind it")
		b.wg.Wait()
		b.wantOutcome(nil, "huge")
		b.add(b.Context(), 1, 1, "small")
		b.add(b.Context(), 1, huge, "huge again")
		b.wantOutcome(ingest.ErrFull, "huge again")
		b.finish()
		b.wantStored("huge", "small")
	})
}

func TestACallerThatGivesUpBeforeItsTurnIsNeverWritten(t *testing.T) {
	t.Parallel()
	items := []string{"a", "b", "c", "d"}
	for leave := range 1 << len(items) { // every subset: the list loses its ends, its middle, all
		t.Run(fmt.Sprintf("%04b", leave), func(t *testing.T) {
			t.Parallel()
			start(t, &disk{}, ingest.Options{}, func(b *rig, run func()) {
				ctx, cancel := context.WithCancel(b.Context())
				var stay []string
				for i, k := range items {
					if leave&(1<<i) != 0 {
						b.add(ctx, 1, 10, k)
						continue
					}
					b.add(b.Context(), 1, 10, k)
					stay = append(stay, k)
				}
				cancel()
				synctest.Wait()
				b.wantWaiting(len(stay), int64(10*len(stay)))
				b.add(ctx, 1, 10, "ended before it came")
				b.add(b.Context(), 1, 10, "last")
				run()
				b.finish()
				for i, k := range items {
					if leave&(1<<i) != 0 {
						b.wantOutcome(context.Canceled, k)
					}
				}
				b.wantOutcome(context.Canceled, "ended before it came")
				b.wantOutcome(nil, append(stay, "last")...)
				b.wantStored(append(stay, "last")...)
			})
		})
	}
}

func TestACallerWhoseItemIsTakenWaitsForTheTruth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func([]string) error
		want   error
	}{
		"stored":  {nil, nil},
		"refused": {always, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t, &disk{before: tt.before}, ingest.Options{}, func(b *rig, run func()) {
				ctx, cancel := context.WithTimeout(b.Context(), time.Second/2)
				defer cancel()
				run()
				b.add(ctx, 1, 10, "under way")
				b.add(ctx, 1, 10, "behind it")
				time.Sleep(time.Second / 2)
				synctest.Wait()
				b.wantOutcome(context.DeadlineExceeded, "behind it")
				b.wantWaiting(1, 10)
				b.finish()
				b.wantOutcome(tt.want, "under way")
				b.wantBatches([]string{"under way"})
			})
		})
	}
}
