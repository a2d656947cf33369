package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// visitor sees a run of cells of one day, or of a packed month under its first
// day, with the key for which its slice counts.
type visitor func(day pkgmeter.Day, key uint32, c *cells.Columns)

// eachRun calls visit with every run of cells in the span that the cut lets
// pass, if a cell of it passes. Unless days are wanted apart, a packed month
// that lies wholly in the span comes as one. Runs of one day may be several.
func (q *question) eachRun(ctx context.Context, c cut, byDay bool, visit visitor) error {
	if q.span.Empty() {
		return nil
	}
	months, err := q.packedMonths(ctx)
	if err != nil {
		return err
	}
	if files, ok := q.fewFiles(len(months)); ok {
		return q.eachFew(ctx, c, months, files, visit)
	}
	from := q.span.From
	for !byDay && len(months) > 0 {
		if months[0] < q.span.From || months[0].NextMonth()-1 > q.span.To {
			months = months[1:]
			continue
		}
		n := 1
		for n < len(months) && months[n] == months[n-1].NextMonth() && months[n].NextMonth()-1 <= q.span.To {
			n++
		}
		if err := q.eachPack(ctx, c, grainDay, from, months[0]-1, true, visit); err != nil {
			return err
		}
		if err := q.eachPack(ctx, c, grainMonth, months[0], months[n-1], true, visit); err != nil {
			return err
		}
		from, months = months[n-1].NextMonth(), months[n:]
	}
	if err := q.eachPack(ctx, c, grainDay, from, q.span.To, !byDay, visit); err != nil {
		return err
	}
	return q.eachFresh(ctx, c, visit)
}

// eachFew is eachRun for few files: their days of packed months are looked up,
// and other days read as ever.
func (q *question) eachFew(ctx context.Context, c cut, months []pkgmeter.Day, files []uint32, visit visitor) error {
	from := q.span.From
	for _, m := range months {
		if err := q.eachPack(ctx, c, grainDay, from, m-1, false, visit); err != nil {
			return err
		}
		if err := q.eachFileDay(ctx, c, m, files, visit); err != nil {
			return err
		}
		from = m.NextMonth()
	}
	if err := q.eachPack(ctx, c, grainDay, from, q.span.To, false, visit); err != nil {
		return err
	}
	return q.eachFresh(ctx, c, visit)
}

// packedMonths lists the packed months of which a day is in the span.
func (q *question) packedMonths(ctx context.Context) (months []pkgmeter.Day, err error) {
	err = eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var m pkgmeter.Day
		err := rows.Scan(&m)
		months = append(months, m)
		return err
	}, `
		SELECT period FROM period WHERE gen = ? AND grain = ? AND packed = 1 AND period BETWEEN ? AND ? ORDER BY period`,
		q.gen, grainMonth, int64(q.span.From.Month()), int64(q.span.To))
	return months, err
}

func (q *question) eachPack(ctx context.Context, c cut, grain int, from, to pkgmeter.Day, keep bool, visit visitor) error {
	if from > to {
		return nil
	}
	periods, err := q.stamps(ctx, grain, from, to)
	if err != nil || len(periods) == 0 {
		return err
	}
	for _, slice := range c.slices {
		key := uint32(0)
		if c.keys != nil {
			key = c.keys[slice]
		}
		at := slot{gen: q.gen, grain: grain, dim: c.dim, slice: slice}
		if err := q.slicePacks(ctx, at, periods, keep, func(day pkgmeter.Day, c *cells.Columns) { visit(day, key, c) }); err != nil {
			return err
		}
	}
	return nil
}

// slicePacks shows the packs of one slice: those that are kept unpacked, and
// ranges of others.
func (q *question) slicePacks(ctx context.Context, at slot, periods []stamped, keep bool, visit func(pkgmeter.Day, *cells.Columns)) error {
	for len(periods) > 0 {
		at.period = periods[0].period
		if c := q.kept.get(at, periods[0].stamp); c != nil {
			if err := q.show(at.period, c, visit); err != nil {
				return err
			}
			periods = periods[1:]
			continue
		}
		n := 1
		for ; n < len(periods); n++ {
			at.period = periods[n].period
			if q.kept.get(at, periods[n].stamp) != nil {
				break
			}
		}
		if err := q.readPacks(ctx, at, periods[:n], keep && q.pass == nil, visit); err != nil {
			return err
		}
		periods = periods[n:]
	}
	return nil
}

// show shows a run that is kept.
func (q *question) show(day pkgmeter.Day, c *cells.Columns, visit func(pkgmeter.Day, *cells.Columns)) error {
	if c.Len() == 0 || q.pass != nil && !q.anyPasses(c.IDs) {
		return nil
	}
	if last := c.IDs[c.Len()-1]; int(last) >= len(q.space.repo) {
		return errUnknown(day, last)
	}
	if q.later != nil {
		*q.later = append(*q.later, c)
	} else {
		visit(day, c)
	}
	return nil
}

func errUnknown(day pkgmeter.Day, id uint32) error {
	return fmt.Errorf("counts of %s are of %d, which is not there", day, id)
}

// readPacks reads the packs of one slice. Reading and unpacking take about as
// long as each other, so they run beside each other; visit is called by one of
// them at a time.
func (q *question) readPacks(ctx context.Context, at slot, periods []stamped, keep bool, visit func(pkgmeter.Day, *cells.Columns)) error {
	const ahead = 4
	read, free := make(chan *packed, ahead), make(chan *packed, ahead+1)
	for range cap(free) {
		free <- new(packed)
	}
	unpacked := make(chan error, 1)
	whole := false
	go func() { unpacked <- q.unpackAll(at, periods, keep, &whole, read, free, visit) }()
	err := eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var ids, downloads, hits, bytes sql.RawBytes
		p := <-free
		if err := rows.Scan(&p.day, &p.N, &p.First, &p.Last, &ids, &downloads, &hits, &bytes); err != nil {
			return err
		}
		p.keep(ids, downloads, hits, bytes)
		read <- p
		return nil
	}, `
		SELECT period, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = ? AND grain = ? AND dim = ? AND slice = ? AND period BETWEEN ? AND ?`,
		at.gen, at.grain, at.dim, at.slice, int64(periods[0].period), int64(periods[len(periods)-1].period))
	whole = err == nil
	close(read)
	if unpackErr := <-unpacked; err == nil {
		err = unpackErr
	}
	return err
}

// unpackAll unpacks what is read, and shows it; chunk by chunk, or where it is to
// be kept, period by period. whole may be read once all was read: the last period
// is kept only if nothing of it is missing.
func (q *question) unpackAll(at slot, periods []stamped, keep bool, whole *bool, read <-chan *packed, free chan<- *packed, visit func(pkgmeter.Day, *cells.Columns)) error {
	var err error
	c := new(cells.Columns)
	// keepUntil keeps the periods before one, those without packs among them.
	keepUntil := func(day pkgmeter.Day) {
		for len(periods) > 0 && periods[0].period < day {
			at.period = periods[0].period
			q.kept.put(at, periods[0].stamp, c)
			periods, c = periods[1:], new(cells.Columns)
		}
	}
	for p := range read {
		switch {
		case err != nil:
		case !keep:
			err = q.unpack(p, c, visit)
		default:
			if len(periods) > 0 && p.day > periods[0].period {
				err = q.show(periods[0].period, c, visit)
				keepUntil(p.day)
			}
			if unpackErr := p.Unpack(c); unpackErr != nil {
				err = fmt.Errorf("counts of %s: %w", p.day, unpackErr)
			}
		}
		free <- p
	}
	if err != nil || !keep || !*whole || len(periods) == 0 {
		return err
	}
	if err = q.show(periods[0].period, c, visit); err == nil {
		keepUntil(math.MaxInt32)
	}
	return err
}

// packed is a row of packs with memory of its own.
type packed struct {
	cells.Packed
	day  pkgmeter.Day
	body []byte
}

// keep copies the bodies, which are valid until the next row is read.
func (p *packed) keep(ids, downloads, hits, bytes []byte) {
	p.body = p.body[:0]
	for _, b := range [][]byte{ids, downloads, hits, bytes} {
		p.body = append(p.body, b...)
	}
	cut := func(n int) []byte {
		b := p.body[:n:n]
		p.body = p.body[n:]
		return b
	}
	whole := p.body
	p.IDs, p.Downloads, p.Hits, p.Bytes = cut(len(ids)), cut(len(downloads)), cut(len(hits)), cut(len(bytes))
	p.body = whole
}

// unpack shows a run to the visitor. One in which no cell passes is known by
// its ids alone.
func (q *question) unpack(p *packed, c *cells.Columns, visit func(pkgmeter.Day, *cells.Columns)) error {
	if int(p.Last) >= len(q.space.repo) {
		return errUnknown(p.day, p.Last)
	}
	if q.pass != nil {
		c.Reset()
		if err := p.UnpackOnly(c, 0); err != nil {
			return fmt.Errorf("counts of %s: %w", p.day, err)
		}
		if !q.anyPasses(c.IDs) {
			return nil
		}
	}
	c.Reset()
	if err := p.Unpack(c); err != nil {
		return fmt.Errorf("counts of %s: %w", p.day, err)
	}
	visit(p.day, c)
	return nil
}

func (q *question) anyPasses(ids []uint32) bool {
	for _, id := range ids {
		if q.pass[id] {
			return true
		}
	}
	return false
}
