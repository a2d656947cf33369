package demo

import (
	"iter"
	"math/rand/v2"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Source is the source of all events that are invented, so that nobody takes
// them for those of a real sender.
const Source = "demo"

// logSource is the source of what a web server's log would tell.
const logSource = Source + "-log"

// seed is drawn once and for all. Any other would do.
const seed = 0x61636d65

// A Year is 365 days of downloads that never were.
type Year struct {
	first  pkgmeter.Day
	now    time.Time
	events int
}

// New prepares a year of so many events that ends at now, to the minute. It
// needs at least one event.
func New(events int, now time.Time) *Year {
	now = now.Truncate(time.Minute)
	return &Year{first: pkgmeter.DayOf(now) - Days + 1, now: now, events: max(1, events)}
}

// Batches yields the year in the order of time, as deliveries with the given
// number of events at most together. A batch is valid until the next one.
// Each call begins the same year anew.
func (y *Year) Batches(size int) iter.Seq[[]*pkgmeter.Delivery] {
	return func(yield func([]*pkgmeter.Delivery) bool) {
		rng := rand.New(rand.NewPCG(seed, uint64(y.events)))
		t := newTraffic(rng, newRegistry(rng, y.events, y.first))
		b := newBatch(size)
		for day, quota := range quotas(rng, y.events, y.first, y.now) {
			start := (y.first + pkgmeter.Day(day)).Start()
			until := min(24*time.Hour-time.Millisecond, y.now.Sub(start))
			for _, r := range t.day(day, quota, until) {
				if b.full() {
					if !yield(b.deliveries()) {
						return
					}
					b.reset()
				}
				b.add(t.registry, r, start)
			}
		}
		if len(b.entries) > 0 {
			yield(b.deliveries())
		}
	}
}

// A batch gathers entries, and shares them out among deliveries. The memory of
// the batch before is used again.
type batch struct {
	entries []pkgmeter.Entry
	all     []pkgmeter.Delivery
	refs    []*pkgmeter.Delivery
}

func newBatch(size int) *batch {
	size = max(1, size)
	return &batch{
		entries: make([]pkgmeter.Entry, 0, size), all: make([]pkgmeter.Delivery, 0, size), refs: make([]*pkgmeter.Delivery, 0, size),
	}
}

func (b *batch) full() bool { return len(b.entries) == cap(b.entries) }

func (b *batch) reset() { b.entries = b.entries[:0] }

func (b *batch) add(c *registry, r request, start time.Time) {
	f := &c.files[r.file]
	e := pkgmeter.Event{
		Source: sourceOf(r.op, f), Op: r.op, Repository: f.repository, Path: f.path, Agent: r.agent, Country: r.country,
		Time: start.Add(time.Duration(r.atMS) * time.Millisecond), Status: r.status, Bytes: r.bytes, Flags: r.flags,
		Consumer: r.consumer,
	}
	b.entries = append(b.entries, c.rules.Entry(e, f.facts))
}

// sourceOf has the files of tools and Python packages told by a log, and all else
// by a webhook.
func sourceOf(op pkgmeter.Op, f *file) string {
	if t := f.facts.Type; op != pkgmeter.Upload && t != "maven" {
		return logSource
	}
	return Source
}

// deliveries cuts the entries where a registry that reports at once would have
// sent them: some at a time, and each soon after it happened.
func (b *batch) deliveries() []*pkgmeter.Delivery {
	const together, within = 20, 250 * time.Millisecond
	b.all, b.refs = b.all[:0], b.refs[:0]
	for from := 0; from < len(b.entries); {
		to := from + 1
		begins := b.entries[from].Event.Time
		for to < len(b.entries) && to-from < together && b.entries[to].Event.Time.Sub(begins) < within {
			to++
		}
		b.all = append(b.all, pkgmeter.Delivery{Received: b.entries[to-1].Event.Time, Entries: b.entries[from:to:to]})
		b.refs = append(b.refs, &b.all[len(b.all)-1])
		from = to
	}
	return b.refs
}
