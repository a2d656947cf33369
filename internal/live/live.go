// Package live shows events as they are stored: one goroutine reads the end of
// the ledger, once for all readers, and hands each what its filter lets pass,
// over Server-Sent Events.
//
// A reader names the last message that it has seen, and goes on from there,
// over a restart too. The write path never waits for a reader: it says that
// there are more events, and no more than that. Who cannot keep up is dropped,
// and what is too much for a person to see is only counted.
//
// It does not know who may read what, nor how events are kept.
package live

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Ledger is where events are kept.
type Ledger interface {
	// LedgerEnd returns the number of the last event, and a channel that closes
	// when there are more.
	LedgerEnd() (last int64, changed <-chan struct{})

	// LedgerName names the numbers: under another name they are of others.
	LedgerName() string

	// Recorded calls visit for the events with numbers above after up to upTo.
	Recorded(ctx context.Context, after, upTo int64, visit func(pkgmeter.Recorded) error) error
}

// Limits of what readers are shown.
const (
	maxAway   = 1_000 // events that a reader may have missed, to be told each of them
	afterAway = 100   // events that one who missed more is shown, of the last
	firstSeen = 20    // events that one who begins is shown
	lookBack  = 2_000 // events among which those are looked for
	maxRead   = 10_000
)

// Bounds of the work: the hub rests after each look, for longest after one that
// took long.
const (
	rest     = 250 * time.Millisecond
	restFor  = 4 // times as long as it worked
	readTime = 10 * time.Second

	restAfterError = 5 * time.Second
)

// Options tunes a Hub. The zero value is ready for use.
type Options struct {
	// Readers is the most streams at once. Default 200.
	Readers int

	// Strangers is the most of them that are of nobody who has logged in.
	// Default 100.
	Strangers int

	// Rate is the most events that a reader is shown in a second. Default 20.
	Rate int

	// Buffer is how many messages wait for a reader before it is dropped.
	// Default 256.
	Buffer int

	// CheckEvery is how often it is asked whether a reader still may read.
	// Default 30 s.
	CheckEvery time.Duration

	// WriteLimit is how long a reader may take no bytes. Default 10 s.
	WriteLimit time.Duration
}

func (o Options) withDefaults() Options {
	o.Readers, o.Strangers = cmp.Or(o.Readers, 200), cmp.Or(o.Strangers, 100)
	o.Rate, o.Buffer = cmp.Or(o.Rate, 20), cmp.Or(o.Buffer, 256)
	o.CheckEvery, o.WriteLimit = cmp.Or(o.CheckEvery, 30*time.Second), cmp.Or(o.WriteLimit, 10*time.Second)
	return o
}

// A Hub hands events to readers. It may be used concurrently; one goroutine
// runs it.
type Hub struct {
	ledger Ledger
	rules  pkgmeter.Rules
	opt    Options
	ids    ids
	wake   chan struct{} // that there is a reader

	batch   []item // of the goroutine that runs it
	clients clientCache

	mu        sync.Mutex
	at        int64 // the last event that was handed on
	readers   map[*reader]bool
	strangers int
	closed    bool
}

// New returns a hub over a ledger. rules say what an event counts as; secret is the
// installation's, by which ids of messages are sealed.
func New(ledger Ledger, rules pkgmeter.Rules, secret []byte, opt Options) *Hub {
	return &Hub{
		ledger: ledger, rules: rules, opt: opt.withDefaults(), ids: newIDs(ledger.LedgerName(), secret),
		wake: make(chan struct{}, 1), readers: map[*reader]bool{},
	}
}

// Run hands events on until ctx ends. Without readers it does nothing.
func (h *Hub) Run(ctx context.Context) {
	defer h.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
			h.follow(ctx)
		}
	}
}

// Close ends all streams, and refuses new ones.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.dropAll()
}

// Readers returns how many there are.
func (h *Hub) Readers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

// follow follows the ledger as long as somebody reads.
func (h *Hub) follow(ctx context.Context) {
	for {
		end, changed := h.ledger.LedgerEnd()
		at, somebody := h.place()
		if !somebody {
			return
		}
		if end <= at {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			continue
		}
		began, least := time.Now(), rest
		if err := h.look(ctx, at, end); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the live view cannot read the ledger, and tries again", "err", err)
			least = restAfterError
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(least, restFor*time.Since(began))):
		}
	}
}

// place returns up to where events were handed on, and whether anybody reads.
func (h *Hub) place() (at int64, somebody bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at, len(h.readers) > 0
}

// look reads the events up to end, and hands them on. Of too many, the last ones
// are read: the others are counted as not shown, whatever the filters.
func (h *Hub) look(ctx context.Context, at, end int64) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	unread := max(0, end-at-maxRead)
	h.batch = h.batch[:0]
	err := h.ledger.Recorded(ctx, at+unread, end, func(r pkgmeter.Recorded) error {
		h.batch = append(h.batch, h.item(r, h.clients.of(h.rules, r.Event.Agent, r.Event.Flags)))
		return nil
	})
	if err != nil {
		return err
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		if !r.take(h.batch, max(0, at+unread-max(at, r.from)), end, now) {
			h.drop(r)
		}
	}
	h.at = max(h.at, end)
	clear(h.batch)
	return nil
}

// join adds a reader, who gets what comes after the events that are handed on
// already. cut is called once if the hub ends the stream.
func (h *Hub) join(q Question, cut func()) (*reader, error) {
	end, _ := h.ledger.LedgerEnd()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, pkgmeter.Errorf(pkgmeter.Unavailable, "the server is stopping")
	case len(h.readers) >= h.opt.Readers:
		return nil, pkgmeter.Errorf(pkgmeter.Unavailable, "there are %d live views open already, which is the limit: try again later", h.opt.Readers)
	case q.Stranger && h.strangers >= h.opt.Strangers:
		return nil, pkgmeter.Errorf(pkgmeter.Unavailable, "there are %d live views open without a login, which is the limit: log in, or try again later", h.opt.Strangers)
	}
	if len(h.readers) == 0 {
		h.at = max(h.at, end)
	}
	r := newReader(q, h.at, h.opt, cut)
	h.readers[r] = true
	if q.Stranger {
		h.strangers++
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return r, nil
}

// leave ends a reader, who may have been dropped before.
func (h *Hub) leave(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(r)
}

// drop ends the stream of a reader. The caller holds mu.
func (h *Hub) drop(r *reader) {
	r.cut()
	h.remove(r)
}

func (h *Hub) dropAll() {
	for r := range h.readers {
		h.drop(r)
	}
}

func (h *Hub) remove(r *reader) {
	if h.readers[r] && r.Stranger {
		h.strangers--
	}
	delete(h.readers, r)
}
