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
)

var errFresh = errors.New("a row of fresh counts is damaged")

// appendFresh appends the runs of cells, by day, dimension, slice and id.
func appendFresh(b []byte, sums map[cellKey]pkgmeter.Measures, keys []cellKey) ([]byte, []cellKey) {
	keys = slices.AppendSeq(keys[:0], maps.Keys(sums))
	slices.SortFunc(keys, func(a, b cellKey) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.dim, b.dim), cmp.Compare(a.client, b.client), cmp.Compare(a.file, b.file))
	})
	for from := 0; from < len(keys); {
		k, to := keys[from], from+1
		for to < len(keys) && keys[to].day == k.day && keys[to].dim == k.dim && keys[to].client == k.client {
			to++
		}
		for _, v := range []int64{int64(k.day), int64(k.dim), k.client, int64(to - from)} {
			b = binary.AppendUvarint(b, uint64(v))
		}
		before := int64(0)
		for _, k := range keys[from:to] {
			m := sums[k]
			b = binary.AppendUvarint(b, uint64(k.file-before))
			b = binary.AppendUvarint(b, uint64(m.Downloads))
			b = binary.AppendUvarint(b, uint64(m.Hits))
			b = binary.AppendUvarint(b, uint64(m.Bytes))
			before = k.file
		}
		from = to
	}
	return b, keys
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
		return r.dim == cut.rows && r.day >= q.span.From && r.day <= q.span.To && (cut.clients == nil || int(r.slice) < len(cut.clients) && cut.clients[r.slice])
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
	err := s.w.conn.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(n), 0) FROM fresh`).Scan(&rows, &cells)
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
		if err != nil {
			return err
		}
	}
	return nil
}

// foldFresh folds the oldest rows of fresh counts, and reports whether there are
// more.
func (w *writer) foldFresh(ctx context.Context) (more bool, err error) {
	runs := map[freshRun][]*cells.Columns{}
	rowsRead, cellsRead, last := int64(0), int64(0), int64(0)
	any := func(freshRun) bool { return true }
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
		return eachFreshRun(body, n, c, any, func(r freshRun, run *cells.Columns) error {
			keep := cells.Columns{
				IDs: slices.Clone(run.IDs), Downloads: slices.Clone(run.Downloads), Hits: slices.Clone(run.Hits), Bytes: slices.Clone(run.Bytes),
			}
			runs[r] = append(runs[r], &keep)
			return nil
		})
	}, `SELECT seq, n, body FROM fresh WHERE gen = ? ORDER BY seq`, w.gen)
	if err != nil && !errors.Is(err, errEnough) || rowsRead == 0 {
		return false, err
	}
	days := map[pkgmeter.Day]map[int64]*cells.Columns{}
	for r, of := range runs {
		sum := mergeAll(of)
		if r.dim != dimClient {
			if err := w.foldWhole(ctx, w.gen, r.day, r.dim, sum); err != nil {
				return false, err
			}
			continue
		}
		if days[r.day] == nil {
			days[r.day] = map[int64]*cells.Columns{}
		}
		days[r.day][r.slice] = sum
	}
	for day, byClient := range days {
		if err := w.foldDay(ctx, w.gen, day, byClient); err != nil {
			return false, err
		}
	}
	w.freshRows, w.freshCells = w.freshRows-rowsRead, w.freshCells-cellsRead
	_, err = w.conn.ExecContext(ctx, `DELETE FROM fresh WHERE gen = ? AND seq <= ?`, w.gen, last)
	return more, err
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

// foldRows folds the rows. Those of a time before clients are derived anew from
// the ledger anyway.
func (w *writer) foldRows(ctx context.Context, sliced bool) error {
	if !sliced {
		return nil
	}
	sums := map[freshRun]map[uint32]pkgmeter.Measures{}
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var r freshRun
		var id uint32
		var m pkgmeter.Measures
		if err := rows.Scan(&r.day, &r.dim, &r.slice, &id, &m.Downloads, &m.Hits, &m.Bytes); err != nil {
			return err
		}
		if sums[r] == nil {
			sums[r] = map[uint32]pkgmeter.Measures{}
		}
		sums[r][id] = m
		return nil
	}, `SELECT day, dim, slice, file_id, downloads, hits, bytes FROM cell WHERE gen = ?`, w.gen)
	for r, of := range sums {
		if err != nil {
			return err
		}
		if r.dim == dimClient {
			err = w.foldDay(ctx, w.gen, r.day, map[int64]*cells.Columns{r.slice: columnsOf(of)})
		} else {
			err = w.foldWhole(ctx, w.gen, r.day, r.dim, columnsOf(of))
		}
	}
	return err
}
