// Package source turns what senders and logs say into events: one file per
// sender or log format, over a JSON scanner and a loose reading of field names
// that they share.
//
// It is pure: it reads no clock, no network and no disk, and keeps nothing
// between calls. It does not know what a file name means (coordinates, kind),
// whether an event is already stored, whether it counts, or who may send it.
// It does not know the HTTP side either: bodies come unpacked and bounded.
//
// All input is hostile. No input panics, and the time for any input is linear
// in its size.
package source

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// Decoded is what one body says.
type Decoded struct {
	// Events are fit to store: each has its source, and was settled.
	Events []pkgmeter.Event

	// Rejects are the items that could not be read, with their own bytes,
	// masked. A body in which nothing is readable has at least one.
	Rejects []pkgmeter.Reject

	// Refused are all items that are no event, for a sender that is told of
	// them. Skipped of them were read, and are about nothing that is counted:
	// they are no rejects.
	Refused []Refusal
	Skipped int

	// Pulls are the events, in their order, that can be parts of one pull.
	Pulls []Pull
}

// maxRejects bounds the rejects of one body, as each becomes a row for a person
// to look at and a small body can hold a hundred thousand bad items. What comes
// after is added to the last one, one item to a line, so that nothing is lost.
const maxRejects = 100

// A collector gathers what the items of one body give.
type collector struct {
	Decoded
	source   string
	kind     string // of the rejects
	received time.Time
	people   People
	merged   int // items that share the last reject with the one that made it
	total    int // items so far: events, rejects, and what was skipped
	most     int // refusals that the sender is told of; 0: it is not told
}

// add settles e and keeps it, or rejects raw, the bytes that said it.
func (c *collector) add(e pkgmeter.Event, raw []byte) {
	e.Source = c.source
	c.Events = append(c.Events, e)
	last := len(c.Events) - 1
	if err := c.Events[last].Settle(c.received); err != nil {
		c.Events = c.Events[:last]
		c.reject(reason(pkgmeter.PublicMessage(err)), raw)
		return
	}
	c.total++
}

// refuse counts an item that is no event, and tells the sender why.
func (c *collector) refuse(why error) {
	if len(c.Refused) < c.most {
		c.Refused = append(c.Refused, Refusal{c.total, why.Error()})
	}
	c.total++
}

// reject keeps raw, which could not be read because of why.
func (c *collector) reject(why error, raw []byte) {
	c.refuse(why)
	body := Mask(raw)
	if len(c.Rejects) < maxRejects {
		c.Rejects = append(c.Rejects, pkgmeter.Reject{Source: c.source, Kind: c.kind, Reason: why.Error(), Body: body})
		return
	}
	last := &c.Rejects[maxRejects-1]
	last.Body = append(append(last.Body, '\n'), body...)
	c.merged++
}

// A reason is a sentence that says why something could not be read.
type reason string

func (r reason) Error() string { return string(r) }

// decoded returns what was gathered.
func (c *collector) decoded() Decoded {
	if c.merged > 0 {
		last := &c.Rejects[maxRejects-1]
		last.Reason = fmt.Sprintf("%s; %d more items could not be read", last.Reason, c.merged)
	}
	return c.Decoded
}

// Fit returns the name of a source that is not too long to be stored, made of
// one that may be.
func Fit(name string) string { return fitID(name) }

// fitID returns id, or its hash where it is too long to be stored or no text.
// Two ids are then the same only if they were, which cutting would not keep.
func fitID(id string) string {
	if len(id) <= pkgmeter.MaxID && utf8.ValidString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}
