package source

import (
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// A Batch is what a body of events says.
type Batch struct {
	// Events are fit to store: each has its source, and was settled.
	Events []pkgmeter.Event

	// Refused are the items that are none, by their place in the body. They are
	// for the sender: nobody else is told of them.
	Refused []Refusal
}

// A Refusal says why an item of a body is no event.
type Refusal struct {
	Index int    `json:"index"` // from 0; of lines, blank ones do not count
	Error string `json:"error"`
}

// Events reads a body in the program's own format: one object, an array of
// them, or, where lines is set, an object on each line that is not blank. See
// [EventLine] for what an object says.
//
// An item that is no event does not keep the others from being taken. A body
// that says nothing, and one object or array that is no JSON, is
// [pkgmeter.Invalid]; one of more than most items is [pkgmeter.TooLarge].
func Events(body []byte, lines bool, source string, received time.Time, most int, people People) (Batch, error) {
	b := eventBody{reader: EventReader{Source: source, Received: received, People: people}, most: most}
	b.Events = make([]pkgmeter.Event, 0, min(most, len(body)/usualEvent+1))
	var err error
	if lines {
		err = b.lines(body)
	} else {
		err = b.json(body)
	}
	if err != nil {
		return Batch{}, err
	}
	return b.Batch, nil
}

// usualEvent is the least bytes of an event as they come; it sizes the result.
const usualEvent = 192

// eventBody is the reading of one body.
type eventBody struct {
	Batch
	reader EventReader
	most   int

	// original is the body, where the reader reads a copy of it without the
	// bytes that are no UTF-8.
	original []byte
}

// lines reads each line that is not blank.
func (b *eventBody) lines(body []byte) error {
	for pos := skipSpace(body, skipMark(body)); pos < len(body); pos = skipSpace(body, pos) {
		end := lineEnd(body, pos)
		if err := b.keep(func(e *pkgmeter.Event) error { return b.reader.line(body[pos:end], e) }); err != nil {
			return err
		}
		pos = end
	}
	return b.notEmpty()
}

// json reads an object or an array.
func (b *eventBody) json(body []byte) error {
	sc := &b.reader.scanner
	sc.src, sc.pos = body, skipSpace(body, skipMark(body))
	if sc.pos == len(body) {
		return b.notEmpty()
	}
	var err error
	switch c := body[sc.pos]; c {
	case '{':
		err = b.item(0)
	case '[':
		sc.pos++
		err = b.items()
	default:
		return pkgmeter.Errorf(pkgmeter.Invalid, "the body begins with %q, want an object or an array", rune(c))
	}
	if err == nil {
		if sc.space(); sc.pos < len(body) {
			err = pkgmeter.Errorf(pkgmeter.Invalid, "%v; lines are of type application/x-ndjson", sc.unexpected("after the value"))
		}
	}
	return err
}

func (b *eventBody) items() error {
	for first := true; ; first = false {
		_, _, more, err := b.reader.member(']', first)
		if err != nil {
			return broken(err)
		}
		if !more {
			return nil
		}
		if err := b.item(1); err != nil {
			return err
		}
	}
}

// item reads the value at the reader's place. The error is about the body.
func (b *eventBody) item(depth int) error {
	start := b.reader.pos
	k, err := b.reader.item(depth)
	if err != nil && b.clean() {
		b.reader.pos = start
		k, err = b.reader.item(depth)
	}
	if err != nil {
		return broken(err)
	}
	return b.keep(func(e *pkgmeter.Event) error {
		switch {
		case b.original != nil && !utf8.Valid(b.original[start:b.reader.pos]):
			return reason("invalid UTF-8")
		case k != object:
			return wrongKind(k)
		}
		return b.reader.event(e)
	})
}

// clean makes the reader read on in a copy of the body in which every byte that
// is no UTF-8 is a question mark, so that it finds where the items end in which
// they stand. It reports whether that changes anything.
func (b *eventBody) clean() bool {
	src := b.reader.src
	if b.original != nil || utf8.Valid(src) {
		return false
	}
	b.original = src
	clean := make([]byte, len(src))
	copy(clean, src)
	for i := 0; i < len(clean); {
		r, n := utf8.DecodeRune(clean[i:])
		if r == utf8.RuneError && n == 1 {
			clean[i] = '?'
		}
		i += n
	}
	b.reader.src = clean
	return true
}

// keep takes in the next item of the body. The error is about the body.
func (b *eventBody) keep(read func(*pkgmeter.Event) error) error {
	n := len(b.Events)
	index := n + len(b.Refused)
	if index == b.most {
		return pkgmeter.Errorf(pkgmeter.TooLarge, "the body has more than %d events: nothing of it is stored", b.most)
	}
	b.Events = append(b.Events, pkgmeter.Event{})
	if err := read(&b.Events[n]); err != nil {
		b.Events = b.Events[:n]
		b.Refused = append(b.Refused, Refusal{index, err.Error()})
	}
	return nil
}

// notEmpty refuses a body without an item.
func (b *eventBody) notEmpty() error {
	if len(b.Events)+len(b.Refused) == 0 {
		return pkgmeter.Errorf(pkgmeter.Invalid, "the body is empty")
	}
	return nil
}

// broken is the error for a body that is no JSON because of why.
func broken(why error) error { return pkgmeter.Errorf(pkgmeter.Invalid, "%v", why) }
