package sqlite

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// codecRows is the codec of a ledger row as a commit writes it: its events one
// after another, in varints.
const codecRows = 1

// The first byte of an event: its operation, and which members follow.
const (
	opMask    = 0b0000_0111
	hasID     = 0b0000_1000
	hasPeople = 0b0001_0000 // consumer and country
	hasStatus = 0b0010_0000 // a status other than 200
	hasFlags  = 0b0100_0000
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

// appendSaid appends an event. Its time stands as the difference to that of
// the event before, for the first one to the receipt of the row: events come
// about in order, so it takes a byte or two.
func appendSaid(b []byte, e said, beforeMS int64) []byte {
	head := byte(e.op) & opMask
	if e.id != "" {
		head |= hasID
	}
	if e.consumer != 0 || e.country != "" {
		head |= hasPeople
	}
	if e.status != 200 {
		head |= hasStatus
	}
	if e.flags != 0 {
		head |= hasFlags
	}
	b = append(b, head)
	b = binary.AppendUvarint(b, uint64(e.source))
	b = binary.AppendUvarint(b, uint64(e.file))
	b = binary.AppendUvarint(b, uint64(e.agent))
	b = binary.AppendVarint(b, e.timeMS-beforeMS)
	b = binary.AppendUvarint(b, uint64(e.bytes))
	if head&hasStatus != 0 {
		b = binary.AppendUvarint(b, uint64(e.status))
	}
	if head&hasFlags != 0 {
		b = append(b, byte(e.flags))
	}
	if head&hasPeople != 0 {
		b = binary.AppendUvarint(b, uint64(e.consumer))
		b = appendText(b, e.country)
	}
	if head&hasID != 0 {
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
func decodeRow(body []byte, n int, receivedMS int64, visit func(said) error) error {
	r := reader{b: body, ok: true}
	timeMS := receivedMS
	for range n {
		head := r.byte()
		e := said{op: pkgmeter.Op(head & opMask), status: 200}
		e.source, e.file, e.agent = r.uvarint(), r.uvarint(), r.uvarint()
		timeMS += r.varint()
		e.timeMS = timeMS
		e.bytes = r.uvarint()
		if head&hasStatus != 0 {
			e.status = int(r.uvarint())
		}
		if head&hasFlags != 0 {
			e.flags = pkgmeter.Flags(r.byte())
		}
		if head&hasPeople != 0 {
			e.consumer, e.country = r.uvarint(), r.text()
		}
		if head&hasID != 0 {
			e.id = r.text()
		}
		if !r.ok {
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

func fromMS(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
