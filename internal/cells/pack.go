package cells

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// MaxBody bounds the bytes of a chunk's four bodies together. [Pack] cuts there,
// so that a late event rewrites one chunk and not a whole period; [Packed.Unpack]
// takes nothing longer. It may be raised; lowered, it would orphan what is
// stored.
const MaxBody = 64 << 10

// MinBody is a body into which any cell fits.
const MinBody = 256

// Packed is a chunk: at least one cell, its columns as the package doc has them.
// N, First and Last repeat what IDs holds, for a reader who looks for the chunk
// of an id; Unpack compares them.
type Packed struct {
	N                           int
	First, Last                 uint32
	IDs, Downloads, Hits, Bytes []byte
}

// column numbers the bodies; the check of a body starts from it.
type column uint32

const (
	idColumn column = iota
	downloadColumn
	hitColumn
	byteColumn
	columns
)

func (c column) String() string {
	return [columns]string{"ids", "downloads", "hits", "bytes"}[c]
}

// checkLen is the length of the check at the end of each body.
const checkLen = 4

// castagnoli has its own instruction on the processors that matter.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// check returns the check of a column of n cells.
func check(c column, n int, varints []byte) uint32 {
	return crc32.Update(uint32(n)<<2|uint32(c), castagnoli, varints)
}

// Pack packs c into as few chunks as fit, in ascending order; an empty run has
// none. It fails if ids do not ascend strictly, if a cell has more downloads than
// hits, or if the columns differ in length. The chunks share nothing with c.
func Pack(c *Columns) ([]Packed, error) { return PackSmall(c, MaxBody) }

// PackSmall is Pack for chunks whose bodies have no more than so many bytes
// together, at least [MinBody] and at most [MaxBody].
func PackSmall(c *Columns, maxBody int) ([]Packed, error) {
	n := c.Len()
	if len(c.Downloads) != n || len(c.Hits) != n || len(c.Bytes) != n {
		return nil, fmt.Errorf("cells: pack %d ids, %d downloads, %d hits, %d bytes: columns differ in length",
			n, len(c.Downloads), len(c.Hits), len(c.Bytes))
	}
	var (
		chunks []Packed
		p      = packer{max: min(max(maxBody, MinBody), MaxBody)}
	)
	for i, id := range c.IDs {
		if i > 0 && id <= c.IDs[i-1] {
			return nil, fmt.Errorf("cells: pack: id %d follows %d", id, c.IDs[i-1])
		}
		if c.Hits[i] < c.Downloads[i] {
			return nil, fmt.Errorf("cells: pack id %d: %d downloads of %d hits", id, c.Downloads[i], c.Hits[i])
		}
		if !p.add(id, c.Downloads[i], c.Hits[i]-c.Downloads[i], c.Bytes[i]) {
			chunks = append(chunks, p.cut())
			p.add(id, c.Downloads[i], c.Hits[i]-c.Downloads[i], c.Bytes[i]) // a cell fits into an empty chunk
		}
	}
	if p.n > 0 {
		chunks = append(chunks, p.cut())
	}
	return chunks, nil
}

// packer builds one chunk at a time.
type packer struct {
	n           int
	max         int
	first, last uint32
	size        int // bytes of all bodies, less the checks
	body        [columns][]byte
}

// add appends a cell, or reports false and appends nothing if the chunk is full.
func (p *packer) add(id uint32, downloads, excess, bytes uint64) bool {
	delta := id
	if p.n > 0 {
		delta -= p.last
	}
	size := p.size + varintLen(uint64(delta)) + varintLen(downloads) + varintLen(excess) + varintLen(bytes)
	if size > p.max-int(columns)*checkLen {
		return false
	}
	if p.n == 0 {
		p.first = id
	}
	p.n, p.last, p.size = p.n+1, id, size
	p.body[idColumn] = binary.AppendUvarint(p.body[idColumn], uint64(delta))
	p.body[downloadColumn] = binary.AppendUvarint(p.body[downloadColumn], downloads)
	p.body[hitColumn] = binary.AppendUvarint(p.body[hitColumn], excess)
	p.body[byteColumn] = binary.AppendUvarint(p.body[byteColumn], bytes)
	return true
}

// cut returns the chunk, which owns its memory, and starts the next one.
func (p *packer) cut() Packed {
	var done [columns][]byte
	for c := range columns {
		p.body[c] = binary.LittleEndian.AppendUint32(p.body[c], check(c, p.n, p.body[c]))
		done[c] = slices.Clone(p.body[c])
		p.body[c] = p.body[c][:0]
	}
	chunk := Packed{
		N: p.n, First: p.first, Last: p.last,
		IDs: done[idColumn], Downloads: done[downloadColumn], Hits: done[hitColumn], Bytes: done[byteColumn],
	}
	p.n, p.size = 0, 0
	return chunk
}
