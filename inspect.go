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
