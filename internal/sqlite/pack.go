package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// Grains of packs and periods.
const (
	grainDay   = 0
	grainMonth = 1
)

// slot names one run of packed counts.
type slot struct {
	gen    int64
	grain  int
	period pkgmeter.Day
	dim    int
	slice  int64
}

// Pack folds fresh counts into packs, and packs months of which every day is
// packed. Each step is a transaction that leaves every sum as it was. It stops
// early when ctx ends.
func (s *Store) Pack(ctx context.Context) error {
	if err := s.foldAll(ctx); err != nil {
		return err
	}
	return s.packPeriods(ctx, s.meta.Load().gen)
}

// packPeriods marks the days of a generation that are packed, and packs its
// months.
func (s *Store) packPeriods(ctx context.Context, gen int64) error {
	last := pkgmeter.DayOf(s.opt.Now().Add(-pkgmeter.Settling)) - 1
	if err := s.markPacked(ctx, gen, last); err != nil {
		return err
	}
	return s.packMonths(ctx, gen)
}

// markPacked marks the days up to last that have packs and no fresh counts.
func (s *Store) markPacked(ctx context.Context, gen int64, last pkgmeter.Day) error {
	const open = `gen = ?1 AND grain = ?2 AND packed = 0 AND period <= ?3
		AND NOT EXISTS (SELECT 1 FROM fresh f WHERE f.gen = ?1 AND period.period BETWEEN f.first_day AND f.last_day)`
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM period WHERE `+open, gen, grainDay, int64(last)).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `UPDATE period SET packed = 1 WHERE `+open, gen, grainDay, int64(last))
		return err
	})
}

// foldDay adds the counts of a day, a run for each client, to the packs of all
// dimensions: the day's and, where its month is packed, the month's.
func (w *writer) foldDay(ctx context.Context, gen int64, day pkgmeter.Day, byClient map[int64]*cells.Columns) error {
	byClass, all, err := w.sumSlices(ctx, byClient)
	if err != nil {
		return err
	}
	for _, d := range []struct {
		dim    int
		slices map[int64]*cells.Columns
	}{{dimAll, map[int64]*cells.Columns{0: all}}, {dimClient, byClient}, {dimClass, byClass}} {
		if err := w.foldSlices(ctx, gen, day, d.dim, d.slices); err != nil {
			return err
		}
	}
	month := slot{gen: gen, grain: grainMonth, period: day.Month()}
	if packed, err := w.isPacked(ctx, month); err != nil || !packed {
		return err
	}
	return w.foldDays(ctx, month, day, byClient)
}

// foldWhole adds the counts of a day in a dimension that has one slice.
func (w *writer) foldWhole(ctx context.Context, gen int64, day pkgmeter.Day, dim int, c *cells.Columns) error {
	if c == nil || c.Len() == 0 {
		return nil
	}
	return w.foldSlices(ctx, gen, day, dim, map[int64]*cells.Columns{0: c})
}

func (w *writer) foldSlices(ctx context.Context, gen int64, day pkgmeter.Day, dim int, slices map[int64]*cells.Columns) error {
	at := slot{gen: gen, grain: grainDay, period: day, dim: dim}
	month := slot{gen: gen, grain: grainMonth, period: day.Month(), dim: dim}
	packed, err := w.isPacked(ctx, month)
	if err != nil {
		return err
	}
	for slice, c := range slices {
		at.slice, month.slice = slice, slice
		if err := w.fold(ctx, at, c); err != nil {
			return err
		}
		if !packed {
			continue
		}
		if err := w.fold(ctx, month, c); err != nil {
			return err
		}
	}
	return w.addPeriod(ctx, at, 0)
}

// sumSlices sums the runs of clients by class, and all of them.
func (w *writer) sumSlices(ctx context.Context, byClient map[int64]*cells.Columns) (byClass map[int64]*cells.Columns, all *cells.Columns, err error) {
	runs := map[int64][]*cells.Columns{}
	var every []*cells.Columns
	for client, c := range byClient {
		class, err := w.classOf(ctx, client)
		if err != nil {
			return nil, nil, err
		}
		runs[class] = append(runs[class], c)
	}
	byClass = map[int64]*cells.Columns{}
	for class, of := range runs {
		byClass[class] = mergeAll(of)
		every = append(every, byClass[class])
	}
	return byClass, mergeAll(every), nil
}

func (w *writer) classOf(ctx context.Context, client int64) (class int64, err error) {
	err = w.conn.QueryRowContext(ctx, `SELECT class FROM client WHERE id = ?`, client).Scan(&class)
	return class, err
}

// mergeAll merges runs pairwise, as in a merge sort: each cell is moved about
// log2(n) times.
func mergeAll(runs []*cells.Columns) *cells.Columns {
	if len(runs) == 0 {
		return new(cells.Columns)
	}
	for len(runs) > 1 {
		sum := new(cells.Columns)
		cells.Merge(sum, runs[0], runs[1])
		runs = append(runs[2:], sum)
	}
	return runs[0]
}

func (w *writer) isPacked(ctx context.Context, at slot) (bool, error) {
	var n int
	err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM period WHERE gen = ? AND grain = ? AND period = ? AND packed = 1`,
		at.gen, at.grain, int64(at.period)).Scan(&n)
	return n > 0, err
}

func (w *writer) addPeriod(ctx context.Context, at slot, packed int) error {
	_, err := w.conn.ExecContext(ctx, `INSERT INTO period (gen, grain, period, packed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		at.gen, at.grain, int64(at.period), packed)
	return err
}

// fold adds cells to the chunks of a slot, rewriting only chunks that change.
func (w *writer) fold(ctx context.Context, at slot, add *cells.Columns) error {
	starts, err := w.chunks(ctx, at)
	if err != nil {
		return err
	}
	if len(starts) == 0 {
		return w.putChunks(ctx, at, 0, add)
	}
	from := 0
	for i, start := range starts {
		to := add.Len()
		if i+1 < len(starts) {
			to, _ = slices.BinarySearch(add.IDs, starts[i+1])
		}
		if to == from {
			continue
		}
		part := cells.Columns{
			IDs: add.IDs[from:to], Downloads: add.Downloads[from:to], Hits: add.Hits[from:to], Bytes: add.Bytes[from:to],
		}
		from = to
		var old, sum cells.Columns
		if err := w.takeChunk(ctx, at, start, &old); err != nil {
			return err
		}
		cells.Merge(&sum, &old, &part)
		if err := w.putChunks(ctx, at, start, &sum); err != nil {
			return err
		}
	}
	return nil
}

// chunks lists the first ids that the chunks of a slot may hold.
func (w *writer) chunks(ctx context.Context, at slot) (starts []uint32, err error) {
	err = eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var start uint32
		err := rows.Scan(&start)
		starts = append(starts, start)
		return err
	}, `
		SELECT chunk FROM pack WHERE gen = ? AND grain = ? AND dim = ? AND slice = ? AND period = ? ORDER BY chunk`,
		at.gen, at.grain, at.dim, at.slice, int64(at.period))
	return starts, err
}

func (w *writer) takeChunk(ctx context.Context, at slot, start uint32, into *cells.Columns) error {
	var p cells.Packed
	err := w.conn.QueryRowContext(ctx, `
		DELETE FROM pack WHERE gen = ? AND grain = ? AND dim = ? AND slice = ? AND period = ? AND chunk = ?
		RETURNING n, first_id, last_id, ids, downloads, hits, bytes`,
		at.gen, at.grain, at.dim, at.slice, int64(at.period), int64(start)).
		Scan(&p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes)
	if err != nil {
		return err
	}
	return p.Unpack(into)
}

// putChunks packs cells; the first chunk begins at start, the others at their
// first id.
func (w *writer) putChunks(ctx context.Context, at slot, start uint32, c *cells.Columns) error {
	most := cells.MaxBody
	if at.dim == dimDays {
		most = daysBody
	}
	w.touch(at)
	packed, err := cells.PackSmall(c, most)
	if err != nil {
		return err
	}
	for i, p := range packed {
		if i > 0 {
			start = p.First
		}
		_, err := w.conn.ExecContext(ctx, `
			INSERT INTO pack (gen, grain, period, dim, slice, chunk, n, first_id, last_id, ids, downloads, hits, bytes)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			at.gen, at.grain, int64(at.period), at.dim, at.slice, int64(start), p.N, int64(p.First), int64(p.Last), p.IDs, p.Downloads, p.Hits, p.Bytes)
		if err != nil {
			return err
		}
	}
	return nil
}

// packMonths packs every month that is over, settled and without fresh counts.
func (s *Store) packMonths(ctx context.Context, gen int64) error {
	months, err := s.packableMonths(ctx, gen)
	if err != nil {
		return err
	}
	for _, m := range months {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.update(ctx, func(ctx context.Context, w *writer) error { return w.packMonth(ctx, gen, m) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) packableMonths(ctx context.Context, gen int64) (months []pkgmeter.Day, err error) {
	done := map[pkgmeter.Day]bool{}
	err = eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var grain int
		var day pkgmeter.Day
		if err := rows.Scan(&grain, &day); err != nil {
			return err
		}
		over := !s.opt.Now().Before(day.NextMonth().Start().Add(pkgmeter.Settling))
		if m := day.Month(); !done[m] && grain == grainDay && over {
			months = append(months, m)
		}
		done[day.Month()] = done[day.Month()] || grain == grainMonth || over
		return nil
	}, `SELECT grain, period FROM period WHERE gen = ? AND packed = 1 ORDER BY grain DESC, period`, gen)
	return months, err
}

// packMonth sums the packed days of a month, slice by slice. A month with fresh
// counts waits: they may have come since its days were marked.
func (w *writer) packMonth(ctx context.Context, gen int64, month pkgmeter.Day) error {
	var waiting int
	err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM fresh WHERE gen = ? AND last_day >= ? AND first_day < ? LIMIT 1)`,
		gen, int64(month), int64(month.NextMonth())).Scan(&waiting)
	if err != nil || waiting > 0 {
		return err
	}
	at := slot{gen: gen, grain: grainMonth, period: month}
	slots, err := w.packedSlices(ctx, at)
	if err != nil {
		return err
	}
	for _, slice := range slots {
		sum, err := w.sumDays(ctx, slice)
		if err == nil {
			err = w.putChunks(ctx, slice, 0, sum)
		}
		if err != nil {
			return err
		}
	}
	clients := slices.DeleteFunc(slots, func(s slot) bool { return s.dim != dimClient })
	if err := w.packDays(ctx, at, clients); err != nil {
		return err
	}
	return w.addPeriod(ctx, at, 1)
}

// packedSlices lists the slices of which the days of a month have packs.
func (w *writer) packedSlices(ctx context.Context, month slot) (slots []slot, err error) {
	at := month
	for _, dim := range []int{dimAll, dimFacet, dimPlace, dimConsumer, dimClass, dimClient, dimSource} {
		at.dim = dim
		limit := int64(1)
		switch dim {
		case dimClass:
			limit = int64(len(pkgmeter.ClassNames()))
		case dimClient:
			if err := w.conn.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) + 1 FROM client`).Scan(&limit); err != nil {
				return nil, err
			}
		case dimSource:
			if err := w.conn.QueryRowContext(ctx, `SELECT (coalesce(max(id), 0) + 1) << 3 FROM source`).Scan(&limit); err != nil {
				return nil, err
			}
		}
		for at.slice = range limit {
			slots = append(slots, at)
		}
	}
	return slots, nil
}

// sumDays sums the day packs of a month's slice.
func (w *writer) sumDays(ctx context.Context, month slot) (*cells.Columns, error) {
	var runs []*cells.Columns
	err := w.eachDay(ctx, month, func(_ pkgmeter.Day, c *cells.Columns) { runs = append(runs, c) })
	return mergeAll(runs), err
}

// eachDay calls visit with the counts of each day of a month's slice, which are
// the visitor's to keep.
func (w *writer) eachDay(ctx context.Context, month slot, visit func(pkgmeter.Day, *cells.Columns)) error {
	var at pkgmeter.Day
	var run *cells.Columns
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var day pkgmeter.Day
		var p cells.Packed
		if err := rows.Scan(&day, &p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes); err != nil {
			return err
		}
		if day != at || run == nil {
			if run != nil {
				visit(at, run)
			}
			at, run = day, new(cells.Columns)
		}
		return p.Unpack(run)
	}, `
		SELECT period, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = ? AND grain = ? AND dim = ? AND slice = ? AND period >= ? AND period < ? ORDER BY period, chunk`,
		month.gen, grainDay, month.dim, month.slice, int64(month.period), int64(month.period.NextMonth()))
	if err == nil && run != nil {
		visit(at, run)
	}
	return err
}
