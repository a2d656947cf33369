package hook

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// A pull of an image for several platforms is an index and, within pullWindow,
// manifests of that image by the same client.
const pullWindow = time.Minute

// What the window remembers: two generations of at most maxPulls images and
// clients, some 10 MiB together. The older one is dropped when the newer is full
// or turnAfter old, so a delivery may come five minutes after the one before.
const (
	maxPulls  = 50_000
	turnAfter = 5 * time.Minute
)

// pulls decides which events are parts of a pull that counts already.
// What it remembers is hashes and times, and survives no restart: a pull whose
// parts came before and after one counts twice. The decision is stored with the
// event. The zero value is ready for use.
//
// Times are those of the events, as senders wait, try again and change the
// order. Of two parts the one that comes later is marked, even if it is the
// index: what came before is stored already.
type pulls struct {
	mu            sync.Mutex
	recent, older map[pullKey]parts
	began         time.Time // of the recent generation
}

// pullKey is a hash of a source, an image and a client.
type pullKey [16]byte

// parts are the last parts that counted, in milliseconds since 1970; 0: none.
type parts struct{ index, child int64 }

// change is what one event did to the window.
type change struct {
	key           pullKey
	before, after parts
}

// mark sets the flag on those of the events of a delivery that are parts of a
// pull that counts already. undo makes the window forget the delivery: it is for
// one that could not be stored.
func (w *pulls) mark(said source.Decoded, received time.Time) (undo func()) {
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

// take notes a part, and marks it if its pull counts already.
func (w *pulls) take(p source.Pull, e *pkgmeter.Event) change {
	key := keyOf(e.Source, p)
	before, ok := w.recent[key]
	if !ok {
		before = w.older[key]
	}
	after, at := before, e.Time.UnixMilli()
	switch {
	case p.Index && within(at, before.child):
		e.Flags |= pkgmeter.Collapsed
		after = parts{index: at} // that child is a part of one pull only
	case p.Index:
		after.index = max(before.index, at) // one that is sent again is older
	case within(before.index, at):
		e.Flags |= pkgmeter.Collapsed
	default:
		after.child = max(before.child, at)
	}
	w.recent[key] = after
	return change{key, before, after}
}

// within reports whether a child at that time belongs to that index.
func within(index, child int64) bool {
	return index != 0 && child != 0 && child >= index && child-index <= pullWindow.Milliseconds()
}

// turn drops the older generation where it is time.
func (w *pulls) turn(now time.Time) {
	if w.recent == nil || len(w.recent) >= maxPulls || now.Sub(w.began) > turnAfter {
		w.recent, w.older, w.began = map[pullKey]parts{}, w.recent, now
	}
}

func (w *pulls) undo(changes []change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range slices.Backward(changes) {
		if w.recent[c.key] == c.after { // else another delivery went on from it
			w.recent[c.key] = c.before
		}
	}
}

func keyOf(from string, p source.Pull) pullKey {
	sum := sha256.Sum256([]byte(string(p.Client[:]) + from + "\x00" + p.Image))
	return pullKey(sum[:16])
}
