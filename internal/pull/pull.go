// Package pull decides which of the manifests that a client fetches are parts of
// one pull: of an image for several platforms it fetches an index, and then the
// manifest of its platform.
//
// It does not know where events come from, nor what they count. What it
// remembers is hashes and times, and survives no restart.
package pull

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// reach is how long after an index its manifests are parts of the same pull.
const reach = time.Minute

// MaxPulls is how many images and clients a generation has if nothing else is
// said, some 5 MiB; turnAfter is after which time by the caller's clock it is
// too old: a delivery may come five minutes after the one before.
const (
	MaxPulls  = 50_000
	turnAfter = 5 * time.Minute
)

// A Window remembers two generations of images and clients, and drops the older
// one when the newer is full or too old. Of two parts of a pull the one that
// comes later is marked, even if it is the index: what came before is stored
// already. Times are those of the events, as senders wait, try again and change
// the order. The zero value is ready for use.
type Window struct {
	// Most is how many images and clients a generation has. Default MaxPulls.
	Most int

	mu            sync.Mutex
	recent, older map[key]parts
	began         time.Time // of the recent generation
}

// key is a hash of a source, an image and a client.
type key [16]byte

// parts are the last parts that counted, in milliseconds since 1970; 0: none.
type parts struct {
	index, child int64
	ref          uint64 // what the child was asked for by, where no type is known
}

// change is what one event did to the window.
type change struct {
	key           key
	before, after parts
}

// Mark sets the flag on those of the events of a delivery that are parts of a
// pull that counts already. undo makes the window forget the delivery: it is for
// one that could not be stored.
func (w *Window) Mark(said source.Decoded, received time.Time) (undo func()) {
	if len(said.Pulls) == 0 {
		return func() {}
	}
	order := slices.Clone(said.Pulls)
	slices.SortStableFunc(order, func(a, b source.Pull) int {
		if c := said.Events[a.Event].Time.Compare(said.Events[b.Event].Time); c != 0 || a.Index == b.Index {
			return c
		}
		return cmp.Compare(b2i(b.Index), b2i(a.Index)) // the index first
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := make([]change, 0, len(order))
	for _, p := range order {
		w.turn(received)
		changes = append(changes, w.take(p, &said.Events[p.Event]))
	}
	return func() { w.undo(changes) }
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Take is Mark for one event, in the order in which they are given: so no more
// depends on what came together. There is no way back.
func (w *Window) Take(p source.Pull, e *pkgmeter.Event, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn(now)
	w.take(p, e)
}

// take notes a part, and marks it if its pull counts already.
func (w *Window) take(p source.Pull, e *pkgmeter.Event) change {
	k := keyOf(e.Source, p)
	before, ok := w.recent[k]
	if !ok {
		before = w.older[k]
	}
	after, at := before, e.Time.UnixMilli()
	switch {
	case p.Index && within(at, before.child) && (p.Ref == 0 || at < before.child):
		e.Flags |= pkgmeter.Collapsed
		after = parts{index: at} // that child is a part of one pull only
	case p.Index:
		after.index = max(before.index, at) // one that is sent again is older
	case within(before.index, at), before.ref != p.Ref && within(before.child, at):
		e.Flags |= pkgmeter.Collapsed
	case at >= before.child:
		after.child, after.ref = at, p.Ref
	}
	w.recent[k] = after
	return change{k, before, after}
}

// within reports whether a child at that time belongs to that index.
func within(index, child int64) bool {
	return index != 0 && child != 0 && child >= index && child-index <= reach.Milliseconds()
}

// turn drops the older generation where it is time.
func (w *Window) turn(now time.Time) {
	if w.recent == nil || len(w.recent) >= cmp.Or(w.Most, MaxPulls) || now.Sub(w.began) > turnAfter {
		w.recent, w.older, w.began = map[key]parts{}, w.recent, now
	}
}

// Len is how many images and clients are remembered.
func (w *Window) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.recent) + len(w.older)
}

func (w *Window) undo(changes []change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range slices.Backward(changes) {
		if w.recent[c.key] == c.after { // else another delivery went on from it
			w.recent[c.key] = c.before
		}
	}
}

func keyOf(from string, p source.Pull) key {
	sum := sha256.Sum256([]byte(string(p.Client[:]) + from + "\x00" + p.Image))
	return key(sum[:16])
}
