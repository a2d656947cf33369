package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// Grains of packs and periods.
const (
	grainDay   = 0
	grainMonth = 1
)

// stepRows bounds the rows that one step moves, and thereby how long it holds
// up the writer: some tens of milliseconds.
const stepRows = 16_384

// openRows is how many rows of a day may wait before they are packed while the
// day is still open. Readers add packs and rows of a day in any state, and
// reading a row costs some hundred times what reading a packed cell does.
const openRows = 4_096

// slot names one run of packed counts.
type slot struct {
	grain  int
	period pkgmeter.Day
	dim    int
	slice  int64
}

// Pack moves the counts of days that ended [pkgmeter.Settling] ago from rows
// into packs, and adds late rows to the packs where they belong; then it packs
// months of which every day is packed. Each step is a transaction that leaves
// every sum as it was. It stops early when ctx ends.
func (s *Store) Pack(ctx context.Context) error {
	// The last day that is over and settled.
	last := pkgmeter.DayOf(s.opt.Now().Add(-pkgmeter.Settling)) - 1
	at, found, err := s.nextRows(ctx, slot{period: -1})
	for err == nil && found {
		if err = s.packSlice(ctx, at, at.period <= last); err == nil {
			at, found, err = s.nextRows(ctx, at)
		}
	}
	if err != nil {
		return err
	}
	if err := s.markPacked(ctx, last); err != nil {
		return err
	}
	return s.packMonths(ctx)
}

// nextRows finds the first slice after the given one that has rows.
func (s *Store) nextRows(ctx context.Context, after slot) (at slot, found bool, err error) {
	err = s.read.QueryRowContext(ctx, `
		SELECT day, dim, slice FROM cell WHERE gen = ? AND (day, dim, slice) > (?, ?, ?)
		ORDER BY gen, day, dim, slice LIMIT 1`,
		s.meta.gen, int64(after.period), after.dim, after.slice).Scan(&at.period, &at.dim, &at.slice)
	if errors.Is(err, sql.ErrNoRows) {
		return slot{}, false, nil
	}
	return at, err == nil, err
}

// packSlice moves the rows of a slice of a day; of an open day only when they
// are many.
func (s *Store) packSlice(ctx context.Context, at slot, closed bool) error {
	for ctx.Err() == nil {
		moved := 0
		err := s.update(ctx, func(ctx context.Context, w *writer) (err error) {
			moved, err = w.moveRows(ctx, at, closed)
			return err
		})
		if err != nil || moved < stepRows {
			return err
		}
	}
	return ctx.Err()
}

// markPacked marks the days up to last that have packs and no rows.
func (s *Store) markPacked(ctx context.Context, last pkgmeter.Day) error {
	const open = `gen = ?1 AND grain = ?2 AND packed = 0 AND period <= ?3
		AND NOT EXISTS (SELECT 1 FROM cell c WHERE c.gen = ?1 AND c.day = period.period)`
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM period WHERE `+open, s.meta.gen, grainDay, int64(last)).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `UPDATE period SET packed = 1 WHERE `+open, w.gen, grainDay, int64(last))
		return err
	})
}

// moveRows moves up to [stepRows] rows into the day's pack and, where the
// month is packed, into the month's.
func (w *writer) moveRows(ctx context.Context, at slot, closed bool) (int, error) {
	least := openRows
	if closed {
		least = 1
	}
	var c cells.Columns
	if err := w.readRows(ctx, at, &c); err != nil || c.Len() < least {
		return 0, err
	}
	if err := w.fold(ctx, at, &c); err != nil {
		return 0, err
	}
	if err := w.addPeriod(ctx, at, 0); err != nil {
		return 0, err
	}
	month := slot{grainMonth, at.period.Month(), at.dim, at.slice}
	packed, err := w.isPacked(ctx, month)
	if err != nil {
		return 0, err
	}
	if packed {
		if err := w.fold(ctx, month, &c); err != nil {
			return 0, err
		}
	}
	_, err = w.conn.ExecContext(ctx, `
		DELETE FROM cell WHERE gen = ? AND day = ? AND dim = ? AND slice = ? AND file_id <= ?`,
		w.gen, int64(at.period), at.dim, at.slice, int64(c.IDs[c.Len()-1]))
	return c.Len(), err
}

func (w *writer) readRows(ctx context.Context, at slot, into *cells.Columns) error {
	return eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var id, downloads, hits, bytes int64
		if err := rows.Scan(&id, &downloads, &hits, &bytes); err != nil {
			return err
		}
		into.Append(uint32(id), uint64(downloads), uint64(hits), uint64(bytes))
		return nil
	}, `
		SELECT file_id, downloads, hits, bytes FROM cell
		WHERE gen = ? AND day = ? AND dim = ? AND slice = ? ORDER BY file_id LIMIT ?`,
		w.gen, int64(at.period), at.dim, at.slice, stepRows)
}

func (w *writer) isPacked(ctx context.Context, at slot) (bool, error) {
	var n int
	err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM period WHERE gen = ? AND grain = ? AND period = ? AND packed = 1`,
		w.gen, at.grain, int64(at.period)).Scan(&n)
	return n > 0, err
}

func (w *writer) addPeriod(ctx context.Context, at slot, packed int) error {
	_, err := w.conn.ExecContext(ctx, `INSERT INTO period (gen, grain, period, packed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		w.gen, at.grain, int64(at.period), packed)
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
		SELECT chunk FROM pack WHERE gen = ? AND grain = ? AND period = ? AND dim = ? AND slice = ? ORDER BY chunk`,
		w.gen, at.grain, int64(at.period), at.dim, at.slice)
	return starts, err
}

func (w *writer) takeChunk(ctx context.Context, at slot, start uint32, into *cells.Columns) error {
	var p cells.Packed
	err := w.conn.QueryRowContext(ctx, `
		DELETE FROM pack WHERE gen = ? AND grain = ? AND period = ? AND dim = ? AND slice = ? AND chunk = ?
		RETURNING n, first_id, last_id, ids, downloads, hits, bytes`,
		w.gen, at.grain, int64(at.period), at.dim, at.slice, int64(start)).
		Scan(&p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes)
	if err != nil {
		return err
	}
	return p.Unpack(into)
}

// putChunks packs cells; the first chunk begins at start, the others at their
// first id.
func (w *writer) putChunks(ctx context.Context, at slot, start uint32, c *cells.Columns) error {
	packed, err := cells.Pack(c)
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
			w.gen, at.grain, int64(at.period), at.dim, at.slice, int64(start), p.N, int64(p.First), int64(p.Last), p.IDs, p.Downloads, p.Hits, p.Bytes)
		if err != nil {
			return err
		}
	}
	return nil
}

// packMonths packs every month that is over, settled and without rows.
func (s *Store) packMonths(ctx context.Context) error {
	months, err := s.packableMonths(ctx)
	if err != nil {
		return err
	}
	for _, m := range months {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.update(ctx, func(ctx context.Context, w *writer) error { return w.packMonth(ctx, m) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) packableMonths(ctx context.Context) (months []pkgmeter.Day, err error) {
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
	}, `SELECT grain, period FROM period WHERE gen = ? AND packed = 1 ORDER BY grain DESC, period`, s.meta.gen)
	return months, err
}

// packMonth sums the packed days of a month. A month with rows waits: they
// would be counted by the day's step into a month that is not packed yet.
func (w *writer) packMonth(ctx context.Context, month pkgmeter.Day) error {
	var waiting int
	err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM cell WHERE gen = ? AND day >= ? AND day < ? LIMIT 1)`,
		w.gen, int64(month), int64(month.NextMonth())).Scan(&waiting)
	if err != nil || waiting > 0 {
		return err
	}
	at := slot{grain: grainMonth, period: month, dim: dimAll}
	sum, err := w.sumDays(ctx, month)
	if err != nil {
		return err
	}
	if sum.Len() > 0 {
		if err := w.putChunks(ctx, at, 0, sum); err != nil {
			return err
		}
	}
	return w.addPeriod(ctx, at, 1)
}

// sumDays merges the days of a month pairwise, as in a merge sort: each cell
// is moved about log2(31) times.
func (w *writer) sumDays(ctx context.Context, month pkgmeter.Day) (*cells.Columns, error) {
	var runs []*cells.Columns
	for day := month; day < month.NextMonth(); day++ {
		c, err := w.readPack(ctx, slot{grain: grainDay, period: day, dim: dimAll})
		if err != nil {
			return nil, err
		}
		runs = append(runs, c)
	}
	for len(runs) > 1 {
		sum := new(cells.Columns)
		cells.Merge(sum, runs[0], runs[1])
		runs = append(runs[2:], sum)
	}
	return runs[0], nil
}

func (w *writer) readPack(ctx context.Context, at slot) (*cells.Columns, error) {
	c := new(cells.Columns)
	return c, eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var p cells.Packed
		if err := rows.Scan(&p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes); err != nil {
			return err
		}
		return p.Unpack(c)
	}, `
		SELECT n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = ? AND grain = ? AND period = ? AND dim = ? AND slice = ? ORDER BY chunk`,
		w.gen, at.grain, int64(at.period), at.dim, at.slice)
}
