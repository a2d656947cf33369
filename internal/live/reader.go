package live

import (
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// A Question is what a reader asks for.
type Question struct {
	Filter pkgmeter.Filter

	// After is the id of the last message that the reader has seen, "" if it
	// begins.
	After string

	People   bool // sources, consumers and countries are shown
	Stranger bool // nobody has logged in
}

// partial reports whether there are events of which the reader may not even know
// that there are any.
func (q *Question) partial() bool { return q.Stranger && !q.People }

// The kinds of messages that are no events.
const (
	kindSkipped = "skipped" // how many events were not shown
	kindReset   = "reset"   // what the reader has is of another ledger
	kindAt      = "at"      // nothing, up to here
)

// message is one message of a stream.
type message struct {
	number int64  // the last event of which it, or one before it, tells
	kind   string // "" for an event
	data   []byte // shared
}

// reader is one stream. Its fields but for the channel and at belong to who
// holds the lock of the hub.
type reader struct {
	Question
	from     int64 // it has what comes after this event
	messages chan message
	cut      func()       // ends the stream
	at       atomic.Int64 // the last event of which the messages tell; see beat

	budget  budget
	skipped int64 // that it has not been told of
	passing []int // of the batch in hand
}

func newReader(q Question, from int64, opt Options, cut func()) *reader {
	r := &reader{Question: q, from: from, messages: make(chan message, opt.Buffer), cut: cut, budget: budget{rate: float64(opt.Rate), left: float64(opt.Rate)}}
	r.at.Store(from)
	return r
}

// take offers a reader the events of a batch, and reports whether it can keep
// up. Of those that pass its filter it is shown the last ones that its rate
// allows. That others were skipped is told before them, so that a reader who
// goes on after any message has missed nothing.
func (r *reader) take(batch []item, unread, end int64, now time.Time) bool {
	r.passing = r.passing[:0]
	for i := range batch {
		if batch[i].Number > r.from && passes(&r.Filter, &batch[i]) {
			r.passing = append(r.passing, i)
		}
	}
	shown := r.passing
	if n := r.budget.take(len(shown), now); n < len(shown) {
		shown = shown[len(shown)-n:]
	}
	if r.partial() {
		unread = 0
	}
	r.skipped += unread + int64(len(r.passing)-len(shown))
	if len(shown) == 0 {
		if r.skipped == 0 {
			r.at.Store(max(end, r.from))
		}
		return true
	}
	if r.skipped > 0 && !r.send(skippedMessage(batch[shown[0]].Number-1, r.skipped)) {
		return false
	}
	r.skipped = 0
	for _, i := range shown {
		if !r.send(message{number: batch[i].Number, data: batch[i].json(r.People)}) {
			return false
		}
	}
	r.at.Store(max(end, r.from))
	return true
}

// send never waits.
func (r *reader) send(m message) bool {
	select {
	case r.messages <- m:
		return true
	default:
		return false
	}
}

// budget is how many events may be shown: so many a second, and as many at
// once.
type budget struct {
	rate, left float64
	at         time.Time
}

// take takes up to n, and returns how many it was.
func (b *budget) take(n int, now time.Time) int {
	if !b.at.IsZero() {
		b.left = min(b.rate, b.left+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	n = min(n, int(b.left))
	b.left -= float64(n)
	return n
}
