package sqlite

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// The codecs of ledger rows: events one after another, in varints. Rows are
// written with the second one, and read with the one that they were written with.
const (
	codecPlain = 1 // every member of every event
	codecRows  = 2 // a source or an agent that is that of the event before is left out
)

// The first byte of an event: its operation, and which members follow.
const (
	opMask     = 0b0000_0111
	hasID      = 0b0000_1000
	hasMore    = 0b0001_0000 // a byte that says which rare members follow
	hasTime    = 0b0010_0000 // a time other than that of the event before
	sameSource = 0b0100_0000
	sameAgent  = 0b1000_0000
)

// The byte of rare members.
const (
	hasPeople = 0b0001 // consumer and country
	hasStatus = 0b0010 // a status other than 200
	hasFlags  = 0b0100
)

// The same bits of codecPlain, in the first byte.
const (
	plainPeople = 0b0001_0000
	plainStatus = 0b0010_0000
	plainFlags  = 0b0100_0000
)

// said is an event as the ledger keeps it: strings are ids of dictionaries.
type said struct {
	source, file, agent int64
	consumer            int64 // 0: none
	country             string
	id                  string
	op                  pkgmeter.Op
	flags               pkgmeter.Flags
	timeMS              int64
	status              int
	bytes               int64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(body []byte) int64 { return int64(crc32.Checksum(body, castagnoli)) }

// appendSaid appends an event, after one in the same row. Its time stands as the
// difference to that of the event before, for the first one to the receipt of
// the row: events come about in order, so it takes a byte or two.
func appendSaid(b []byte, e, before said) []byte {
	more := flag(hasPeople, e.consumer != 0 || e.country != "") | flag(hasStatus, e.status != 200) | flag(hasFlags, e.flags != 0)
	head := byte(e.op)&opMask | flag(hasID, e.id != "") | flag(hasMore, more != 0) | flag(hasTime, e.timeMS != before.timeMS) |
		flag(sameSource, e.source == before.source) | flag(sameAgent, e.agent == before.agent)
	b = append(b, head)
	if head&hasMore != 0 {
		b = append(b, more)
	}
	if head&sameSource == 0 {
		b = binary.AppendUvarint(b, uint64(e.source))
	}
	b = binary.AppendUvarint(b, uint64(e.file))
	if head&sameAgent == 0 {
		b = binary.AppendUvarint(b, uint64(e.agent))
	}
	if head&hasTime != 0 {
		b = binary.AppendVarint(b, e.timeMS-before.timeMS)
	}
	b = binary.AppendUvarint(b, uint64(e.bytes))
	return appendRare(b, e, more)
}

// flag is bit where it is to be set.
func flag(bit byte, set bool) byte {
	if set {
		return bit
	}
	return 0
}

func appendRare(b []byte, e said, more byte) []byte {
	if more&hasStatus != 0 {
		b = binary.AppendUvarint(b, uint64(e.status))
	}
	if more&hasFlags != 0 {
		b = append(b, byte(e.flags))
	}
	if more&hasPeople != 0 {
		b = binary.AppendUvarint(b, uint64(e.consumer))
		b = appendText(b, e.country)
	}
	if e.id != "" {
		b = appendText(b, e.id)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errBlock = errors.New("a row of the ledger is damaged")

// reader takes the members of events off a row; after the first that does not
// fit, ok is false and everything reads as zero.
type reader struct {
	b  []byte
	ok bool
}

func (r *reader) uvarint() int64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<63-1 {
		r.b, r.ok = nil, false
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.ok = nil, false
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > int64(len(r.b)) {
		r.b, r.ok = nil, false
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.ok = false
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// decodeRow calls visit for each of the n events of a row.
func decodeRow(codec int, body []byte, n int, receivedMS int64, visit func(said) error) error {
	r := reader{b: body, ok: true}
	next := r.said
	switch codec {
	case codecPlain:
		next = r.plain
	case codecRows:
	default:
		return errBlock
	}
	e := said{timeMS: receivedMS}
	for range n {
		if e = next(e); !r.ok {
			return errBlock
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	if len(r.b) != 0 {
		return errBlock
	}
	return nil
}

// said reads an event after another one.
func (r *reader) said(before said) said {
	head, more := r.byte(), byte(0)
	if head&hasMore != 0 {
		more = r.byte()
	}
	e := said{op: pkgmeter.Op(head & opMask), source: before.source, agent: before.agent, timeMS: before.timeMS}
	if head&sameSource == 0 {
		e.source = r.uvarint()
	}
	e.file = r.uvarint()
	if head&sameAgent == 0 {
		e.agent = r.uvarint()
	}
	if head&hasTime != 0 {
		e.timeMS += r.varint()
	}
	e.bytes = r.uvarint()
	r.rare(&e, more, head&hasID != 0)
	return e
}

// plain reads an event of codecPlain.
func (r *reader) plain(before said) said {
	head := r.byte()
	e := said{op: pkgmeter.Op(head & opMask)}
	e.source, e.file, e.agent = r.uvarint(), r.uvarint(), r.uvarint()
	e.timeMS = before.timeMS + r.varint()
	e.bytes = r.uvarint()
	more := flag(hasPeople, head&plainPeople != 0) | flag(hasStatus, head&plainStatus != 0) | flag(hasFlags, head&plainFlags != 0)
	r.rare(&e, more, head&hasID != 0)
	return e
}

func (r *reader) rare(e *said, more byte, id bool) {
	e.status = 200
	if more&hasStatus != 0 {
		e.status = int(r.uvarint())
	}
	if more&hasFlags != 0 {
		e.flags = pkgmeter.Flags(r.byte())
	}
	if more&hasPeople != 0 {
		e.consumer, e.country = r.uvarint(), r.text()
	}
	if id {
		e.id = r.text()
	}
}

func fromMS(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
