package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// What a commit adds to counts is one row of the table fresh, in runs. Such rows
// are folded into packs when there are foldRows of them, or foldCells cells in
// them: a question reads all of them, at some 20 ns a cell and 3 µs a row.
const (
	foldRows  = 1_000
	foldCells = 64_000

	// foldStep bounds the cells of one step, and thereby how long it holds up the
	// writer: some tens of milliseconds. More than foldCells are there only where
	// nobody folded for a while.
	foldStep = 128_000

	// foldMost is how many runs of days and slices a step folds before it leaves
	// further days to the next one: each is some ten statements.
	foldMost = 200
)

var errFresh = errors.New("a row of fresh counts is damaged")

// appendFresh appends the runs of cells, by day, dimension, slice and id.
func appendFresh(b []byte, sums map[cellKey]pkgmeter.Measures, keys []cellKey) ([]byte, []cellKey) {
	keys = slices.AppendSeq(keys[:0], maps.Keys(sums))
	slices.SortFunc(keys, func(a, b cellKey) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.dim, b.dim), cmp.Compare(a.slice, b.slice), cmp.Compare(a.file, b.file))
	})
	for from := 0; from < len(keys); {
		k, to := keys[from], from+1
		for to < len(keys) && keys[to].day == k.day && keys[to].dim == k.dim && keys[to].slice == k.slice {
			to++
		}
		b = freshRun{k.day, k.dim, k.slice}.append(b, to-from)
		before := int64(0)
		for _, k := range keys[from:to] {
			m := sums[k]
			b = appendCell(b, k.file-before, uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
			before = k.file
		}
		from = to
	}
	return b, keys
}

// append appends the head of a run of n cells.
func (r freshRun) append(b []byte, n int) []byte {
	for _, v := range []int64{int64(r.day), int64(r.dim), r.slice, int64(n)} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return b
}

func appendCell(b []byte, step int64, downloads, hits, bytes uint64) []byte {
	b = binary.AppendUvarint(b, uint64(step))
	b = binary.AppendUvarint(b, downloads)
	b = binary.AppendUvarint(b, hits)
	return binary.AppendUvarint(b, min(bytes, math.MaxInt64))
}

// freshRun is a run of cells of one day and slice.
type freshRun struct {
	day   pkgmeter.Day
	dim   int
	slice int64
}

// eachFreshRun calls visit for each run of a row that has n cells. want says
// which runs are unpacked; of the others nothing is visited. The columns are the
// visitor's until the next call.
func eachFreshRun(body []byte, n int, c *cells.Columns, want func(freshRun) bool, visit func(freshRun, *cells.Columns) error) error {
	r := reader{b: body, ok: true}
	for len(r.b) > 0 {
		run := freshRun{day: pkgmeter.Day(r.uvarint()), dim: int(r.uvarint()), slice: r.uvarint()}
		count := r.uvarint()
		if n -= int(min(count, math.MaxInt32)); n < 0 || count == 0 {
			return errFresh
		}
		c.Reset()
		wanted, id := want(run), int64(0)
		for i := range count {
			step := r.uvarint()
			downloads, hits, bytes := r.uvarint(), r.uvarint(), r.uvarint()
			if id += step; step == 0 && i > 0 || id > math.MaxUint32 || downloads > hits {
				return errFresh
			}
			if wanted {
				c.Append(uint32(id), uint64(downloads), uint64(hits), uint64(bytes))
			}
		}
		if !r.ok {
			return errFresh
		}
		if !wanted {
			continue
		}
		if err := visit(run, c); err != nil {
			return err
		}
	}
	if n != 0 {
		return errFresh
	}
	return nil
}

// addFresh writes what the transaction adds to counts.
func (w *writer) addFresh(ctx context.Context) error {
	if len(w.sums.cells) == 0 {
		return nil
	}
	w.freshBody, w.freshKeys = appendFresh(w.freshBody[:0], w.sums.cells, w.freshKeys)
	first, last := w.freshKeys[0].day, w.freshKeys[len(w.freshKeys)-1].day
	n := int64(len(w.freshKeys))
	w.freshRows, w.freshCells = w.freshRows+1, w.freshCells+n
	_, err := w.addFreshRow.ExecContext(ctx, w.gen, int64(first), int64(last), n, w.freshBody)
	return err
}

// eachFresh shows the rows of fresh counts that belong to a cut.
func (q *question) eachFresh(ctx context.Context, cut cut, visit visitor) error {
	var c cells.Columns
	want := func(r freshRun) bool {
		return r.dim == cut.rows && r.day >= q.span.From && r.day <= q.span.To && (cut.pass == nil || int(r.slice) < len(cut.pass) && cut.pass[r.slice])
	}
	return eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var n int
		var body sql.RawBytes
		if err := rows.Scan(&n, &body); err != nil {
			return err
		}
		return eachFreshRun(body, n, &c, want, func(r freshRun, c *cells.Columns) error {
			if last := c.IDs[c.Len()-1]; int(last) >= len(q.space.repo) || cut.rowKeys != nil && int(r.slice) >= len(cut.rowKeys) {
				return fmt.Errorf("fresh counts of %s are of %d, which is not there", r.day, last)
			}
			key := uint32(0)
			if cut.rowKeys != nil {
				key = cut.rowKeys[r.slice]
			}
			visit(r.day, key, c)
			return nil
		})
	}, `SELECT n, body FROM fresh WHERE gen = ? AND last_day >= ? AND first_day <= ?`, q.gen, int64(q.span.From), int64(q.span.To))
}

// countFresh notes how many fresh counts there are.
func (s *Store) countFresh(ctx context.Context) error {
	var rows, cells int64
	err := s.w.conn.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(n), 0) FROM fresh WHERE gen = ?`, s.w.gen).Scan(&rows, &cells)
	s.fresh.rows.Store(rows)
	s.fresh.cells.Store(cells)
	return err
}

// manyFresh reports whether it is time to fold.
func (s *Store) manyFresh() bool {
	return s.fresh.rows.Load() >= foldRows || s.fresh.cells.Load() >= foldCells
}

// foldAll folds all rows of fresh counts into packs, in steps.
func (s *Store) foldAll(ctx context.Context) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var waiting int
		err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM fresh, meta WHERE fresh.gen = meta.gen LIMIT 1)`).Scan(&waiting)
		if err != nil || waiting == 0 {
			return err
		}
		err = s.update(ctx, func(ctx context.Context, w *writer) (err error) {
			more, err = w.foldFresh(ctx)
			return err
		})
		if err == nil {
			err = s.Checkpoint(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Tend folds fresh counts if there are many, and copies pages of the WAL: what
// [Store.Maintain] does each second, for who writes without it.
func (s *Store) Tend(ctx context.Context) error {
	if s.manyFresh() {
		if err := s.foldAll(ctx); err != nil {
			return err
		}
	}
	return s.Checkpoint(ctx)
}

// foldFresh folds some days of the oldest rows of fresh counts, and reports
// whether there is more. What is left of these rows is one row again.
func (w *writer) foldFresh(ctx context.Context) (more bool, err error) {
	runs := map[freshRun][]*cells.Columns{}
	rowsRead, cellsRead, last := int64(0), int64(0), int64(0)
	all := func(freshRun) bool { return true }
	err = eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var seq int64
		var n int
		var body sql.RawBytes
		if err := rows.Scan(&seq, &n, &body); err != nil {
			return err
		}
		if cellsRead > 0 && cellsRead+int64(n) > foldStep {
			more = true
			return errEnough
		}
		rowsRead, cellsRead, last = rowsRead+1, cellsRead+int64(n), seq
		c := new(cells.Columns)
		return eachFreshRun(body, n, c, all, func(r freshRun, run *cells.Columns) error {
			runs[r] = append(runs[r], &cells.Columns{
				IDs: slices.Clone(run.IDs), Downloads: slices.Clone(run.Downloads), Hits: slices.Clone(run.Hits), Bytes: slices.Clone(run.Bytes),
			})
			return nil
		})
	}, `SELECT seq, n, body FROM fresh WHERE gen = ? ORDER BY seq`, w.gen)
	if err != nil && !errors.Is(err, errEnough) || rowsRead == 0 {
		return false, err
	}
	w.freshRows, w.freshCells = w.freshRows-rowsRead, w.freshCells-cellsRead
	if _, err := w.conn.ExecContext(ctx, `DELETE FROM fresh WHERE gen = ? AND seq <= ?`, w.gen, last); err != nil {
		return false, err
	}
	now, later := someDays(runs)
	if err := w.foldRuns(ctx, runs, now); err != nil {
		return false, err
	}
	if len(later) == 0 {
		return more, nil
	}
	return true, w.putBack(ctx, runs, later)
}

// someDays divides runs, sorted, into those of the first days, as many as one step
// can take, and the others.
func someDays(runs map[freshRun][]*cells.Columns) (now, later []freshRun) {
	sorted := slices.SortedFunc(maps.Keys(runs), func(a, b freshRun) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.dim, b.dim), cmp.Compare(a.slice, b.slice))
	})
	end := 0
	for i, r := range sorted {
		if i > 0 && r.day != sorted[i-1].day && i > foldMost {
			break
		}
		end = i + 1
	}
	return sorted[:end], sorted[end:]
}

// foldRuns folds runs into the packs of their days.
func (w *writer) foldRuns(ctx context.Context, runs map[freshRun][]*cells.Columns, some []freshRun) error {
	for len(some) > 0 {
		day := some[0].day
		byClient := map[int64]*cells.Columns{}
		for len(some) > 0 && some[0].day == day {
			r := some[0]
			some = some[1:]
			if sum := mergeAll(runs[r]); r.dim == dimClient {
				byClient[r.slice] = sum
			} else if err := w.foldSlices(ctx, w.gen, day, r.dim, map[int64]*cells.Columns{r.slice: sum}); err != nil {
				return err
			}
		}
		if len(byClient) == 0 {
			continue
		}
		if err := w.foldDay(ctx, w.gen, day, byClient); err != nil {
			return err
		}
	}
	return nil
}

// putBack writes runs, which are sorted, as one row.
func (w *writer) putBack(ctx context.Context, runs map[freshRun][]*cells.Columns, some []freshRun) error {
	var body []byte
	n := int64(0)
	for _, r := range some {
		c := mergeAll(runs[r])
		body = r.append(body, c.Len())
		before := uint32(0)
		for i, id := range c.IDs {
			body = appendCell(body, int64(id-before), c.Downloads[i], c.Hits[i], c.Bytes[i])
			before = id
		}
		n += int64(c.Len())
	}
	w.freshRows, w.freshCells = w.freshRows+1, w.freshCells+n
	_, err := w.addFreshRow.ExecContext(ctx, w.gen, int64(some[0].day), int64(some[len(some)-1].day), n, body)
	return err
}

// adoptRows folds what programs up to schema 5 kept of open days, a row a count,
// and drops their table.
func (w *writer) adoptRows(ctx context.Context, sliced bool) error {
	var there int
	if err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'cell'`).Scan(&there); err != nil || there == 0 {
		return err
	}
	if _, err := w.begin.ExecContext(ctx); err != nil {
		return err
	}
	err := w.foldRows(ctx, sliced)
	if err == nil {
		_, err = w.conn.ExecContext(ctx, `DROP TABLE cell`)
	}
	if err == nil {
		_, err = w.commit.ExecContext(ctx)
	}
	if err != nil {
		w.rollback.ExecContext(ctx) //nolint:errcheck // the first error tells more
	}
	return err
}

// foldRows folds the rows, day by day. Those of a time before clients are derived
// anew from the ledger anyway.
func (w *writer) foldRows(ctx context.Context, sliced bool) error {
	if !sliced {
		return nil
	}
	var days []pkgmeter.Day
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var day pkgmeter.Day
		err := rows.Scan(&day)
		days = append(days, day)
		return err
	}, `SELECT DISTINCT day FROM cell WHERE gen = ? ORDER BY day`, w.gen)
	for _, day := range days {
		if err != nil {
			return err
		}
		err = w.foldRowsOf(ctx, day)
	}
	return err
}

func (w *writer) foldRowsOf(ctx context.Context, day pkgmeter.Day) error {
	runs := map[freshRun][]*cells.Columns{}
	var sorted []freshRun
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		r := freshRun{day: day}
		var id, downloads, hits, bytes int64
		if err := rows.Scan(&r.dim, &r.slice, &id, &downloads, &hits, &bytes); err != nil {
			return err
		}
		if runs[r] == nil {
			runs[r], sorted = []*cells.Columns{{}}, append(sorted, r)
		}
		runs[r][0].Append(uint32(id), uint64(downloads), uint64(hits), uint64(bytes))
		return nil
	}, `SELECT dim, slice, file_id, downloads, hits, bytes FROM cell WHERE gen = ? AND day = ? ORDER BY dim, slice, file_id`, w.gen, int64(day))
	if err != nil {
		return err
	}
	return w.foldRuns(ctx, runs, sorted)
}
