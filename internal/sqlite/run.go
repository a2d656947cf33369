package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"

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
	if files, ok := q.fewFiles(len(months), byDay); ok {
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
		if err := q.eachPack(ctx, c, grainDay, from, months[0]-1, visit); err != nil {
			return err
		}
		if err := q.eachPack(ctx, c, grainMonth, months[0], months[n-1], visit); err != nil {
			return err
		}
		from, months = months[n-1].NextMonth(), months[n:]
	}
	if err := q.eachPack(ctx, c, grainDay, from, q.span.To, visit); err != nil {
		return err
	}
	return q.eachFresh(ctx, c, visit)
}

// eachFew is eachRun for few files: their days of packed months are looked up,
// and other days read as ever.
func (q *question) eachFew(ctx context.Context, c cut, months []pkgmeter.Day, files []uint32, visit visitor) error {
	from := q.span.From
	for _, m := range months {
		if err := q.eachPack(ctx, c, grainDay, from, m-1, visit); err != nil {
			return err
		}
		if err := q.eachFileDay(ctx, c, m, files, visit); err != nil {
			return err
		}
		from = m.NextMonth()
	}
	if err := q.eachPack(ctx, c, grainDay, from, q.span.To, visit); err != nil {
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

// eachPack shows the packs of the slices of a cut: those that are kept unpacked,
// and in one statement those of all slices of which some are not.
func (q *question) eachPack(ctx context.Context, c cut, grain int, from, to pkgmeter.Day, visit visitor) error {
	if from > to {
		return nil
	}
	periods, err := q.stamps(ctx, grain, from, to)
	if err != nil || len(periods) == 0 {
		return err
	}
	keyed := func(slice int64) func(pkgmeter.Day, *cells.Columns) {
		key := uint32(0)
		if c.keys != nil {
			key = c.keys[slice]
		}
		return func(day pkgmeter.Day, run *cells.Columns) { visit(day, key, run) }
	}
	var missing []int64
	at := slot{gen: q.gen, grain: grain, dim: c.dim}
	for _, at.slice = range c.slices {
		kept := q.keptRuns(at, periods)
		if kept == nil {
			missing = append(missing, at.slice)
			continue
		}
		show := keyed(at.slice)
		for i, run := range kept {
			if err := q.show(periods[i].period, run, true, show); err != nil {
				return err
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return q.readPacks(ctx, at, missing, periods, keyed)
}

// keptRuns returns the runs of all periods of a slice, nil if one is not kept.
func (q *question) keptRuns(at slot, periods []stamped) []*cells.Columns {
	runs := make([]*cells.Columns, len(periods))
	for i, p := range periods {
		at.period = p.period
		if runs[i] = q.kept.get(at, p.stamp); runs[i] == nil {
			return nil
		}
	}
	return runs
}

// show shows a run. One that is kept may be looked at later.
func (q *question) show(day pkgmeter.Day, c *cells.Columns, kept bool, visit func(pkgmeter.Day, *cells.Columns)) error {
	if c.Len() == 0 {
		return nil
	}
	if last := c.IDs[c.Len()-1]; int(last) >= len(q.space.repo) {
		return errUnknown(day, last)
	}
	if kept && q.later != nil {
		*q.later = append(*q.later, c)
	} else {
		visit(day, c)
	}
	return nil
}

func errUnknown(day pkgmeter.Day, id uint32) error {
	return fmt.Errorf("counts of %s are of %d, which is not there", day, id)
}

// readPacks reads the packs of slices. Reading and unpacking take about as long
// as each other, so they run beside each other; what is shown is shown by one of
// them at a time.
func (q *question) readPacks(ctx context.Context, at slot, of []int64, periods []stamped, keyed func(slice int64) func(pkgmeter.Day, *cells.Columns)) error {
	const ahead = 4
	read, free := make(chan *packed, ahead), make(chan *packed, ahead+1)
	for range cap(free) {
		free <- new(packed)
	}
	slices.Sort(of)
	u := unpacking{q: q, at: at, slices: of, periods: periods, keyed: keyed, keep: !q.once && (q.pass == nil || q.kept.hasRoom())}
	unpacked := make(chan error, 1)
	go func() { unpacked <- u.run(read, free) }()
	list, err := json.Marshal(of)
	if err == nil {
		err = eachRow(ctx, q.tx, func(rows *sql.Rows) error {
			var ids, downloads, hits, bytes sql.RawBytes
			p := <-free
			if err := rows.Scan(&p.slice, &p.day, &p.N, &p.First, &p.Last, &ids, &downloads, &hits, &bytes); err != nil {
				return err
			}
			p.keep(ids, downloads, hits, bytes)
			read <- p
			return nil
		}, `
			SELECT slice, period, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
			WHERE gen = ? AND grain = ? AND dim = ? AND slice IN (SELECT value FROM json_each(?)) AND period BETWEEN ? AND ?
			ORDER BY slice, period, chunk`,
			at.gen, at.grain, at.dim, string(list), int64(periods[0].period), int64(periods[len(periods)-1].period))
	}
	u.whole = err == nil
	close(read)
	if unpackErr := <-unpacked; err == nil {
		err = unpackErr
	}
	return err
}

// An unpacking unpacks packs in the order of slices and periods, and shows and
// keeps them. Where room is scarce, what a question reads only a part of is not
// kept.
type unpacking struct {
	q       *question
	at      slot
	slices  []int64
	periods []stamped
	keyed   func(slice int64) func(pkgmeter.Day, *cells.Columns)
	keep    bool
	whole   bool // may be read once all was read: nothing is missing

	slice, period int            // at which it is, of those
	c             *cells.Columns // what is unpacked of that period
}

func (u *unpacking) run(read <-chan *packed, free chan<- *packed) error {
	var err error
	u.c = new(cells.Columns)
	for p := range read {
		if err == nil {
			err = u.take(p)
		}
		free <- p
	}
	if err != nil || !u.whole {
		return err
	}
	return u.upTo(math.MaxInt64, 0)
}

// take unpacks a row. Of a question with a filter, one in which no cell passes is
// known by its ids alone.
func (u *unpacking) take(p *packed) error {
	if !u.keep {
		u.c.Reset()
		return u.q.unpack(p, u.c, u.keyed(p.slice))
	}
	if err := u.upTo(p.slice, p.day); err != nil {
		return err
	}
	if err := p.Unpack(u.c); err != nil {
		return fmt.Errorf("counts of %s: %w", p.day, err)
	}
	return nil
}

// upTo shows and keeps the periods before one of a slice, those without packs
// among them.
func (u *unpacking) upTo(slice int64, day pkgmeter.Day) error {
	for ; u.keep && u.slice < len(u.slices); u.slice, u.period = u.slice+1, 0 {
		u.at.slice = u.slices[u.slice]
		for ; u.period < len(u.periods); u.period++ {
			at := u.periods[u.period]
			if u.at.slice > slice || u.at.slice == slice && at.period >= day {
				return nil
			}
			u.at.period = at.period
			kept := u.q.kept.put(u.at, at.stamp, u.c)
			if err := u.q.show(at.period, cmp.Or(kept, u.c), kept != nil, u.keyed(u.at.slice)); err != nil {
				return err
			}
			if kept == u.c {
				u.c = new(cells.Columns)
			} else {
				u.c.Reset()
			}
		}
	}
	return nil
}

// packed is a row of packs with memory of its own.
type packed struct {
	cells.Packed
	slice int64
	day   pkgmeter.Day
	body  []byte
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
