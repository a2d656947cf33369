// Package ingest is group commit: many callers wait, one writer makes what they
// brought durable, and each learns the outcome of its own item.
//
// A batch is what arrived while the one before was written: a lone caller waits
// for no timer, and a thousand share one sync of the disk.
//
// The package does not know what an item is, where it goes, nor how an answer
// reaches a sender. It never drops, reorders or joins items and keeps none that
// has its answer. What waits is in memory only: who has no answer must assume
// nothing.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

var (
	// ErrFull means that the item was not taken and may be brought again later.
	ErrFull = errors.New("ingest: queue is full")

	// ErrClosed means that the queue takes nothing any more: it was stopped, or
	// a fatal error ended it, which is then wrapped beside ErrClosed. The item is
	// not written.
	ErrClosed = errors.New("ingest: queue is closed")
)

// A Writer makes batches durable. Write is called by one goroutine at a time.
//
// After nil every item of the batch is on disk and survives a power cut. After
// an error the batch is stored whole or not at all: as a rule not at all, but
// where the answer to a commit was lost nobody knows. Write therefore has to be
// idempotent: an item that is stored already is passed over and is no error.
// The queue relies on it when it tries the items of a failed batch one by one,
// and the sender does when it brings its item again.
//
// The batch belongs to the queue; Write must neither change nor keep it. ctx carries values
// only: it never ends, because a commit that is under way is not broken off.
type Writer[T any] interface {
	Write(ctx context.Context, batch []T) error
}

// Options tunes a Queue. The zero value is ready for use.
type Options struct {
	// MaxBatch is the most weight in one commit; an item that weighs more goes
	// alone. Default 4096.
	MaxBatch int

	// MaxWaiting bounds the items in memory, those under way to disk included.
	// Default 8192.
	MaxWaiting int

	// MaxBytes bounds the sizes of the same items together. An item above it is
	// taken only by an empty queue, where ErrFull would be wrong for ever; so
	// memory is bounded by the larger of MaxBytes and the largest item. Set it
	// well above that item, lest such a one starves under load. Default 64 MiB.
	MaxBytes int64

	// Fatal says after which errors nothing may be written any more, such as a
	// failed sync: what the disk holds is then unknown, and trying again would
	// only hide it. It is asked by Run's goroutine. Default: after none.
	Fatal func(error) bool
}

func (o Options) withDefaults() Options {
	o.MaxBatch = cmp.Or(o.MaxBatch, 4096)
	o.MaxWaiting = cmp.Or(o.MaxWaiting, 8192)
	o.MaxBytes = cmp.Or(o.MaxBytes, 64<<20)
	return o
}

// A Queue is what callers wait in. It writes while Run runs.
type Queue[T any] struct {
	w Writer[T]
	o Options

	mu      sync.Mutex
	waiting list[T] // in order of arrival, not yet taken by Run
	items   int     // waiting, and taken without an answer yet
	bytes   int64   // their sizes
	ran     bool    // Run was called
	stopped error   // why nothing is taken in any more; nil while open
	idle    bool    // Run sleeps and has to be woken

	wake   chan struct{} // capacity 1; sent to by who sets idle to false
	places sync.Pool     // of *place[T]

	// Run's own, kept for their memory.
	batch []T
	taken []*place[T]
}

// New returns a queue in front of w. Somebody has to call Run.
func New[T any](w Writer[T], o Options) *Queue[T] {
	return &Queue[T]{w: w, o: o.withDefaults(), wake: make(chan struct{}, 1)}
}

// Add hands item over and waits until it is durable. weight is its share of a
// commit (such as its number of events), at least 1; size is the bytes that it
// holds in memory.
//
// It returns nil for an item that is on disk. ErrFull, ErrClosed and ctx's error
// mean that the item was not written and never will be. Any other error is the
// Writer's own about this very item.
//
// The end of ctx counts until Run has taken the item into a batch; then Add
// waits for the outcome, however long the disk needs.
func (q *Queue[T]) Add(ctx context.Context, item T, weight int, size int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := q.enter(item, max(weight, 1), max(size, 0))
	if err != nil {
		return err
	}
	select {
	case err = <-p.outcome:
	case <-ctx.Done():
		if q.withdraw(p) {
			err = ctx.Err()
		} else {
			err = <-p.outcome
		}
	}
	q.places.Put(p)
	return err
}

// Waiting returns how many items have no answer yet, and their sizes together.
func (q *Queue[T]) Waiting() (items int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items, q.bytes
}

// enter puts item at the end of the queue, if there is room.
func (q *Queue[T]) enter(item T, weight int, size int64) (*place[T], error) {
	p, ok := q.places.Get().(*place[T])
	if !ok {
		p = &place[T]{outcome: make(chan error, 1)}
	}
	p.item, p.weight, p.size, p.taken = item, weight, size, false

	q.mu.Lock()
	err := q.refusal(size)
	wake := false
	if err == nil {
		q.waiting.push(p)
		q.items++
		q.bytes += size
		wake, q.idle = q.idle, false
	}
	q.mu.Unlock()

	if err != nil {
		p.clear()
		q.places.Put(p)
		return nil, err
	}
	if wake {
		q.wake <- struct{}{} // never blocks: Run empties it before it is idle again
	}
	return p, nil
}

// refusal returns why an item of this size cannot be taken in now. mu is held.
func (q *Queue[T]) refusal(size int64) error {
	switch {
	case q.stopped != nil:
		return q.stopped
	case q.items >= q.o.MaxWaiting, q.items > 0 && size > q.o.MaxBytes-q.bytes:
		return ErrFull
	}
	return nil
}

// withdraw takes p out of the queue, unless its outcome is decided elsewhere.
func (q *Queue[T]) withdraw(p *place[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.taken {
		return false
	}
	q.waiting.remove(p)
	q.items--
	q.bytes -= p.size
	p.clear()
	return true
}

// Run writes until ctx ends and then what still waits; from the end of ctx on
// Add returns ErrClosed, so the rest is bounded. It returns nil then, or the
// first error that is fatal: the callers of that batch get the error itself,
// all others, later ones too, one that wraps ErrClosed and it.
//
// Run is the one writer: it may be called once. A panic in Write is not caught.
func (q *Queue[T]) Run(ctx context.Context) error {
	q.mu.Lock()
	again := q.ran
	q.ran = true
	q.mu.Unlock()
	if again {
		return errors.New("ingest: Run was called before")
	}

	commit := context.WithoutCancel(ctx)
	for {
		// Those who just had their answer, and the rest of a burst whose first one
		// woke Run, are about to enter: one turn of the scheduler lets them share
		// this commit. It is worth a third of the rate at 16 callers.
		runtime.Gosched()
		ended := ctx.Err() != nil
		if ended {
			q.stop(ErrClosed)
		}
		if !q.take() {
			if ended {
				return nil
			}
			select {
			case <-q.wake:
			case <-ctx.Done():
			}
			continue
		}
		if err := q.write(commit); err != nil {
			q.stop(fmt.Errorf("%w: %w", ErrClosed, err))
			q.abandon()
			return err
		}
	}
}
