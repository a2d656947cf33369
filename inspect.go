package pkgmeter

import "time"

// Held is something in quarantine: it came in and could not be read. What
// identifies people in it is masked.
type Held struct {
	ID     int64
	Source string
	Kind   string // what kind of thing Body is, e.g. "callback"
	Reason string
	At     time.Time // of its receipt; a second try counts it there
	Body   []byte
}

// A SourceReport is what one source brought for the days of a range.
type SourceReport struct {
	Name string
	Last time.Time // of its last receipt, whatever the range; zero if it is not known

	Events     int64         // new ones
	Duplicates int64         // known by their id
	Unparsed   int64         // could not be read, by the day of their receipt
	MaxLag     time.Duration // the longest that an event took to come
	ByDay      []int64       // events of each day of the range

	Held    int64 // items that are in quarantine now
	Dropped int64 // items that had to make room there, ever
}

// Regular reports whether the source had events on most days of the range since its
// first one there, and on three at least.
func (r SourceReport) Regular() bool {
	const least = 3
	first, last, days := -1, 0, 0
	for i, n := range r.ByDay {
		if n == 0 {
			continue
		}
		if days, last = days+1, i; first < 0 {
			first = i
		}
	}
	return days >= least && days*2 > last-first+1
}

// A Sample is one of the first payloads that a source sent, masked.
type Sample struct {
	Source string
	Kind   string
	At     time.Time
	Body   []byte
}

// MaxSamples is how many payloads of a source are kept for an operator to see
// how it names things.
const MaxSamples = 10
