package cells

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrDamaged is wrapped by every error of Unpack that the chunk itself is the
// cause of: it was not written by [Pack], or changed since.
var ErrDamaged = errors.New("cells: damaged chunk")

// Measures is a set of columns to unpack beside the ids.
type Measures uint8

// The measures. Hits are stored above downloads, so who asks for hits has to
// have the body of downloads at hand and gets both.
const (
	Downloads Measures = 1 << iota
	Hits
	Bytes

	All = Downloads | Hits | Bytes
)

// Unpack appends the chunk's cells to into. A chunk that Pack did not write is
// an error and leaves into as it was. Memory is bounded by the length of the
// bodies, whatever N says.
//
// Ids that ascend from chunk to chunk are the caller's to see to.
func (p Packed) Unpack(into *Columns) error { return p.UnpackOnly(into, All) }

// UnpackOnly is Unpack for some measures: bodies of the others may be nil, and
// their columns in into stay as they are. Chunks appended to one run have to be
// asked for the same measures.
func (p Packed) UnpackOnly(into *Columns, m Measures) error {
	if m&Hits != 0 {
		m |= Downloads
	}
	start := into.Len()
	if err := p.unpack(into, m); err != nil {
		into.truncate(start)
		return err
	}
	return nil
}

func (p Packed) unpack(into *Columns, m Measures) error {
	varints, err := p.open(idColumn, p.IDs)
	if err != nil {
		return err
	}
	from := into.Len()
	if into.IDs, err = grow(into.IDs, from, p.N); err != nil {
		return err
	}
	if !ascending(into.IDs[from:], varints, p.First, p.Last) {
		return p.damaged(idColumn, "not the ids of its cells")
	}
	for _, c := range [...]struct {
		column column
		want   Measures
		body   []byte
		to     *[]uint64
	}{
		{downloadColumn, Downloads, p.Downloads, &into.Downloads},
		{hitColumn, Hits, p.Hits, &into.Hits},
		{byteColumn, Bytes, p.Bytes, &into.Bytes},
	} {
		if m&c.want == 0 {
			continue
		}
		if varints, err = p.open(c.column, c.body); err != nil {
			return err
		}
		if *c.to, err = grow(*c.to, from, p.N); err != nil {
			return err
		}
		if !uvarints((*c.to)[from:], varints) {
			return p.damaged(c.column, "not one number a cell")
		}
	}
	if m&Hits != 0 && !raise(into.Hits[from:], into.Downloads[from:]) {
		return p.damaged(hitColumn, "number too large")
	}
	return nil
}

// open checks a body and returns its varints. A varint takes at least a byte, so
// after it N is no more than the body is long.
func (p Packed) open(c column, body []byte) ([]byte, error) {
	end := len(body) - checkLen
	switch {
	case len(p.IDs)+len(p.Downloads)+len(p.Hits)+len(p.Bytes) > MaxBody:
		return nil, p.damaged(c, "bodies too long")
	case p.N < 1 || p.N > end:
		return nil, p.damaged(c, "body too short for its cells")
	case check(c, p.N, body[:end]) != binary.LittleEndian.Uint32(body[end:]):
		return nil, p.damaged(c, "check does not match")
	}
	return body[:end], nil
}

func (p Packed) damaged(c column, why string) error {
	return fmt.Errorf("%w: %s of %d cells from id %d: %s", ErrDamaged, c, p.N, p.First, why)
}

// grow makes room for n elements behind the from that a column has.
func grow[E any](col []E, from, n int) ([]E, error) {
	if len(col) != from {
		return col, fmt.Errorf("cells: unpack behind %d cells into a column of %d: other measures than before", from, len(col))
	}
	return slices.Grow(col, n)[:from+n], nil
}

// raise adds downloads to what hits are above them. It reports false if a sum
// is beyond 64 bits.
func raise(hits, downloads []uint64) bool {
	var over bool
	downloads = downloads[:len(hits)]
	for i, d := range downloads {
		hits[i] += d
		over = over || hits[i] < d
	}
	return !over
}
