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
// file, a day of the month and a client, in this order; a slice is of 2^15 files.
// A question about few files, such as all days of one package, reads them
// instead of the packs of every day. Chunks are small, since most of one is of
// other files.
const (
	dayBits    = 5
	clientBits = 12
	fileBits   = 32 - dayBits - clientBits
	daysBody   = 4 << 10

	// daysClients bounds the clients that have such cells. Where there are more,
	// which takes an operator's own rules, questions read the packs of days.
	daysClients = 1 << clientBits

	// daysLookups is how many files times months are looked up rather than found
	// by reading all packs.
	daysLookups = 2_000

	// daysFiles is how many cells are added up in the time of one look-up, and
	// daysAMonth how many more cells days have than months, about.
	daysFiles  = 10_000
	daysAMonth = 3
)

func daysSlice(file uint32) int64 { return int64(file >> fileBits) }

func daysID(file uint32, day, month pkgmeter.Day, client int64) uint32 {
	return file<<(dayBits+clientBits) | uint32(day-month)<<clientBits | uint32(client)
}

// packDays writes the cells of a month by file.
func (w *writer) packDays(ctx context.Context, month slot, clients []slot) error {
	type cell struct {
		slice                  int64
		id                     uint32
		downloads, hits, bytes uint64
	}
	var all []cell
	for _, at := range clients {
		if at.slice >= daysClients {
			continue
		}
		err := w.eachDay(ctx, at, func(day pkgmeter.Day, c *cells.Columns) {
			for i, file := range c.IDs {
				all = append(all, cell{daysSlice(file), daysID(file, day, month.period, at.slice), c.Downloads[i], c.Hits[i], c.Bytes[i]})
			}
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(all, func(a, b cell) int { return cmp.Or(cmp.Compare(a.slice, b.slice), cmp.Compare(a.id, b.id)) })
	month.dim = dimDays
	for len(all) > 0 {
		var c cells.Columns
		month.slice = all[0].slice
		for len(all) > 0 && all[0].slice == month.slice {
			c.Append(all[0].id, all[0].downloads, all[0].hits, all[0].bytes)
			all = all[1:]
		}
		if err := w.putChunks(ctx, month, 0, &c); err != nil {
			return err
		}
	}
	return nil
}

// foldDays adds late counts of a day to the cells by file of its packed month.
func (w *writer) foldDays(ctx context.Context, month slot, day pkgmeter.Day, byClient map[int64]*cells.Columns) error {
	month.dim = dimDays
	for client, late := range byClient {
		for i := 0; i < late.Len() && client < daysClients; {
			var c cells.Columns
			month.slice = daysSlice(late.IDs[i])
			for ; i < late.Len() && daysSlice(late.IDs[i]) == month.slice; i++ {
				c.Append(daysID(late.IDs[i], day, month.period, client), late.Downloads[i], late.Hits[i], late.Bytes[i])
			}
			if err := w.fold(ctx, month, &c); err != nil {
				return err
			}
		}
	}
	return nil
}

// fewFiles lists the files that pass, if looking each of them up in the given
// number of months is less work than reading every pack.
func (q *question) fewFiles(months int, byDay bool) ([]uint32, bool) {
	if q.basis != pkgmeter.OfFiles || q.pass == nil || months == 0 || len(q.attrs.clients) > daysClients {
		return nil, false
	}
	most := len(q.pass) / daysFiles
	if byDay {
		most *= daysAMonth
	}
	most = min(max(most, 1), daysLookups/months)
	return q.few, q.few != nil && len(q.few) <= most
}

// eachFileDay calls visit with the days of files in a packed month that are in
// the span.
func (q *question) eachFileDay(ctx context.Context, cut cut, month pkgmeter.Day, files []uint32, visit visitor) error {
	stmt, err := q.tx.PrepareContext(ctx, `
		SELECT chunk, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = ? AND grain = ? AND dim = ? AND slice = ? AND period = ? AND chunk <= ? ORDER BY chunk DESC LIMIT 1`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	at := daysChunk{q: q, stmt: stmt, month: month}
	for _, file := range files {
		first := daysID(file, month, month, 0)
		for hi := first | (1<<(dayBits+clientBits) - 1); ; hi = at.start - 1 {
			found, err := at.seek(ctx, daysSlice(file), hi)
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
	slice int64
	start uint32 // the smallest id that it may hold
	c     cells.Columns
	one   cells.Columns
}

// seek reads the chunk in which an id is, if it is anywhere.
func (d *daysChunk) seek(ctx context.Context, slice int64, id uint32) (bool, error) {
	if n := d.c.Len(); n > 0 && d.slice == slice && d.start <= id && id <= d.c.IDs[n-1] {
		return true, nil
	}
	var p cells.Packed
	d.c.Reset()
	d.slice = slice
	switch err := d.stmt.QueryRowContext(ctx, d.q.gen, grainMonth, dimDays, slice, int64(d.month), int64(id)).
		Scan(&d.start, &p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, p.Unpack(&d.c)
}

// showDays shows the cells from first to last, which are of one file, if they
// are of days in the span and of clients that pass.
func (q *question) showDays(cut cut, at *daysChunk, file, first, last uint32, visit visitor) {
	i, _ := slices.BinarySearch(at.c.IDs, first)
	for ; i < at.c.Len() && at.c.IDs[i] <= last; i++ {
		day := at.month + pkgmeter.Day(at.c.IDs[i]>>clientBits&(1<<dayBits-1))
		client := at.c.IDs[i] & (daysClients - 1)
		if day < q.span.From || day > q.span.To || cut.pass != nil && !cut.pass[client] {
			continue
		}
		key := uint32(0)
		if cut.rowKeys != nil {
			key = cut.rowKeys[client]
		}
		at.one.Reset()
		at.one.Append(file, at.c.Downloads[i], at.c.Hits[i], at.c.Bytes[i])
		visit(day, key, &at.one)
	}
}
