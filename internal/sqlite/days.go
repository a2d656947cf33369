package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// Of packed months, the days are kept a second time, by file: a cell is of a
// file, a day of the month and a class, in this order. A question about few
// files, such as all of one package's days, reads them instead of the packs of
// every day. Chunks are small, since most of one is of other files.
const (
	dayBits   = 5
	classBits = 3
	daysBody  = 4 << 10

	// daysFiles bounds the files that have such cells: an id has 32 bits. Questions
	// about others read day packs.
	daysFiles = 1 << (32 - dayBits - classBits)

	// daysLookups is how many files times months are looked up rather than found
	// by reading all packs.
	daysLookups = 2_000
)

func daysID(file uint32, day, month pkgmeter.Day, class int64) uint32 {
	return file<<(dayBits+classBits) | uint32(day-month)<<classBits | uint32(class)
}

// packDays writes the cells of a month by file.
func (w *writer) packDays(ctx context.Context, month slot) error {
	type cell struct {
		id                     uint32
		downloads, hits, bytes uint64
	}
	var all []cell
	for class := range int64(len(pkgmeter.ClassNames())) {
		at := month
		at.dim, at.slice = dimClass, class
		err := w.eachDay(ctx, at, func(day pkgmeter.Day, c *cells.Columns) {
			for i, file := range c.IDs {
				if file < daysFiles {
					all = append(all, cell{daysID(file, day, month.period, class), c.Downloads[i], c.Hits[i], c.Bytes[i]})
				}
			}
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(all, func(a, b cell) int { return cmp.Compare(a.id, b.id) })
	var c cells.Columns
	for _, k := range all {
		c.Append(k.id, k.downloads, k.hits, k.bytes)
	}
	month.dim, month.slice = dimDays, 0
	return w.putChunks(ctx, month, 0, &c)
}

// foldDays adds late counts of a day to the cells by file of its packed month.
func (w *writer) foldDays(ctx context.Context, month slot, day pkgmeter.Day, byClass map[int64]*cells.Columns) error {
	month.dim, month.slice = dimDays, 0
	for class, late := range byClass {
		var c cells.Columns
		for i, file := range late.IDs {
			if file < daysFiles {
				c.Append(daysID(file, day, month.period, class), late.Downloads[i], late.Hits[i], late.Bytes[i])
			}
		}
		if err := w.fold(ctx, month, &c); err != nil {
			return err
		}
	}
	return nil
}

// fewFiles lists the files that pass, if looking each of them up in the given
// number of months is less work than reading every pack, and slices are classes
// at most.
func (q *question) fewFiles(c cut, months int) ([]uint32, bool) {
	if !q.byFiles || q.pass == nil || c.dim == dimClient || months == 0 {
		return nil, false
	}
	var files []uint32
	for id, pass := range q.pass {
		if !pass {
			continue
		}
		if len(files)*months >= daysLookups || id >= daysFiles {
			return nil, false
		}
		files = append(files, uint32(id))
	}
	return files, true
}

// eachFileDay calls visit with the days of files in a packed month that are in
// the span.
func (q *question) eachFileDay(ctx context.Context, cut cut, month pkgmeter.Day, files []uint32, visit visitor) error {
	stmt, err := q.tx.PrepareContext(ctx, `
		SELECT chunk, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = ? AND grain = ? AND dim = ? AND slice = 0 AND period = ? AND chunk <= ? ORDER BY chunk DESC LIMIT 1`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	at := daysChunk{q: q, stmt: stmt, month: month}
	for _, file := range files {
		first := daysID(file, month, month, 0)
		for hi := first | (1<<(dayBits+classBits) - 1); ; hi = at.start - 1 {
			found, err := at.seek(ctx, hi)
			if err != nil {
				return fmt.Errorf("days of %s: %w", month, err)
			}
			if !found {
				break
			}
			q.showDays(cut, &at, file, first, hi, visit)
			if at.start <= first { // else the file's cells begin in the chunk before
				break
			}
		}
	}
	return nil
}

// daysChunk is the chunk that was looked up last: files of a package were often
// first seen together, and lie in one.
type daysChunk struct {
	q     *question
	stmt  *sql.Stmt
	month pkgmeter.Day
	start uint32 // the smallest id that it may hold
	c     cells.Columns
	one   cells.Columns
}

// seek reads the chunk in which an id is, if it is anywhere.
func (d *daysChunk) seek(ctx context.Context, id uint32) (bool, error) {
	if n := d.c.Len(); n > 0 && d.start <= id && id <= d.c.IDs[n-1] {
		return true, nil
	}
	var p cells.Packed
	d.c.Reset()
	switch err := d.stmt.QueryRowContext(ctx, d.q.gen, grainMonth, dimDays, int64(d.month), int64(id)).
		Scan(&d.start, &p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, p.Unpack(&d.c)
}

// showDays shows the cells from first to last, which are of one file, if they
// are of days in the span and of classes that are read.
func (q *question) showDays(cut cut, at *daysChunk, file, first, last uint32, visit visitor) {
	i, _ := slices.BinarySearch(at.c.IDs, first)
	for ; i < at.c.Len() && at.c.IDs[i] <= last; i++ {
		day := at.month + pkgmeter.Day(at.c.IDs[i]>>classBits&(1<<dayBits-1))
		class := int64(at.c.IDs[i] & (1<<classBits - 1))
		key := uint32(0)
		if cut.dim == dimClass {
			if !slices.Contains(cut.slices, class) {
				continue
			}
			if cut.keys != nil {
				key = cut.keys[class]
			}
		}
		if day < q.span.From || day > q.span.To {
			continue
		}
		at.one.Reset()
		at.one.Append(file, at.c.Downloads[i], at.c.Hits[i], at.c.Bytes[i])
		visit(day, key, &at.one)
	}
}
