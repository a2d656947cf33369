package cells

import "math/bits"

// Columns is an unpacked run of cells, column by column: cell i is the i-th
// element of each. IDs ascend strictly and no cell has more downloads than hits;
// [Pack] refuses a run that breaks this. The zero value is an empty run.
//
// A column that [Packed.UnpackOnly] was not asked for stays empty; such a run
// can be read, but neither merged nor packed.
type Columns struct {
	IDs                    []uint32
	Downloads, Hits, Bytes []uint64
}

// Len returns the number of cells.
func (c *Columns) Len() int { return len(c.IDs) }

// Append adds a cell at the end. It checks nothing: the caller adds in ascending
// order of id.
func (c *Columns) Append(id uint32, downloads, hits, bytes uint64) {
	c.IDs = append(c.IDs, id)
	c.Downloads = append(c.Downloads, downloads)
	c.Hits = append(c.Hits, hits)
	c.Bytes = append(c.Bytes, bytes)
}

// Reset empties c and keeps its memory for the next run.
func (c *Columns) Reset() { c.truncate(0) }

// truncate keeps the first n cells. Columns that were not unpacked stay empty.
func (c *Columns) truncate(n int) {
	c.IDs = c.IDs[:min(n, len(c.IDs))]
	c.Downloads = c.Downloads[:min(n, len(c.Downloads))]
	c.Hits = c.Hits[:min(n, len(c.Hits))]
	c.Bytes = c.Bytes[:min(n, len(c.Bytes))]
}

// appendRange adds the cells of from with index in [i, j).
func (c *Columns) appendRange(from *Columns, i, j int) {
	c.IDs = append(c.IDs, from.IDs[i:j]...)
	c.Downloads = append(c.Downloads, from.Downloads[i:j]...)
	c.Hits = append(c.Hits, from.Hits[i:j]...)
	c.Bytes = append(c.Bytes, from.Bytes[i:j]...)
}

// Merge replaces into with the cells of a and b, those of equal id summed. Both
// must ascend; into must be neither of them. To merge many runs, merge those of
// like length first.
//
// A sum beyond 64 bits stays at the largest number, so hits never fall below
// downloads.
func Merge(into, a, b *Columns) {
	into.Reset()
	i, j := 0, 0
	for i < a.Len() && j < b.Len() {
		switch x, y := a.IDs[i], b.IDs[j]; {
		case x < y:
			into.Append(x, a.Downloads[i], a.Hits[i], a.Bytes[i])
			i++
		case y < x:
			into.Append(y, b.Downloads[j], b.Hits[j], b.Bytes[j])
			j++
		default:
			into.Append(x,
				add(a.Downloads[i], b.Downloads[j]),
				add(a.Hits[i], b.Hits[j]),
				add(a.Bytes[i], b.Bytes[j]))
			i++
			j++
		}
	}
	into.appendRange(a, i, a.Len())
	into.appendRange(b, j, b.Len())
}

func add(x, y uint64) uint64 {
	sum, carry := bits.Add64(x, y, 0)
	return sum | -carry
}
