package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// view runs f in one snapshot.
func (s *Store) view(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return f(tx)
}

// warm reads what the first question would otherwise wait for.
func (s *Store) warm(ctx context.Context) error {
	return s.view(ctx, func(tx *sql.Tx) error {
		_, err := s.cols.catchUp(ctx, tx, s.meta.gen)
		return err
	})
}

// question is a query over one snapshot: the span is known, names have become
// ids, and the filter has become a set of files.
type question struct {
	tx    *sql.Tx
	gen   int64
	rules int
	span  pkgmeter.Span
	query pkgmeter.Query
	attrs attributes
	pass  []bool // indexed by file id; nil lets every file pass

	filterIDs map[pkgmeter.Key][]uint32 // of the names in the filter
}

// ask runs f on the question that q puts to the present snapshot.
func (s *Store) ask(ctx context.Context, q pkgmeter.Query, f func(*question) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, questionTime, errSlow)
	defer cancel()
	err := s.answer(ctx, q, f)
	if err != nil && context.Cause(ctx) == errSlow { //nolint:errorlint // the very value
		return errSlow
	}
	return err
}

// questionTime bounds a question, with its wait for a connection.
const questionTime = 10 * time.Second

var errSlow = pkgmeter.Errorf(pkgmeter.Unavailable, "the answer takes too long: ask for less, or try again")

func (s *Store) answer(ctx context.Context, q pkgmeter.Query, f func(*question) error) error {
	return s.view(ctx, func(tx *sql.Tx) error {
		qu := &question{tx: tx, gen: s.meta.gen, rules: s.meta.rule, query: q}
		var first sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT min(day) FROM day_total WHERE gen = ? AND dim = ? AND slice = 0`, qu.gen, dimAll).Scan(&first)
		if err != nil {
			return err
		}
		qu.span = q.Resolve(pkgmeter.Day(first.Int64))
		if qu.attrs, err = s.cols.catchUp(ctx, tx, qu.gen); err != nil {
			return err
		}
		if err := qu.resolve(ctx); err != nil {
			return err
		}
		return f(qu)
	})
}

// resolve turns the filter into the set of files that pass.
func (q *question) resolve(ctx context.Context) error {
	f := q.query.Filter
	if f.Empty() {
		return nil
	}
	q.filterIDs = map[pkgmeter.Key][]uint32{}
	q.pass = make([]bool, len(q.attrs.repo))
	for i := range q.pass {
		q.pass[i] = i > 0
	}
	for _, p := range []struct {
		names []string
		by    pkgmeter.Key
	}{
		{f.Repositories, pkgmeter.ByRepository},
		{f.Types, pkgmeter.ByType},
		{f.Packages, pkgmeter.ByPackage},
		{f.Versions, pkgmeter.ByVersion},
		{f.Files, pkgmeter.ByFile},
	} {
		if p.names == nil {
			continue
		}
		ids, err := q.ids(ctx, p.by, p.names)
		if err != nil {
			return err
		}
		q.filterIDs[p.by] = ids
		q.keep(p.by, ids)
	}
	if f.Kinds != nil {
		q.keep(pkgmeter.ByKind, numbers(f.Kinds))
	}
	if f.LegacyTypes != nil {
		q.keep(pkgmeter.ByLegacyType, numbers(f.LegacyTypes))
	}
	return nil
}

func numbers[T ~uint8](kinds []T) []uint32 {
	ids := make([]uint32, len(kinds))
	for i, k := range kinds {
		ids[i] = uint32(k)
	}
	return ids
}

// keep lets only files pass whose key is one of ids.
func (q *question) keep(by pkgmeter.Key, ids []uint32) {
	keys, largest := q.attrs.keys(by)
	wanted := make([]bool, largest+1)
	for _, id := range ids {
		if id <= largest {
			wanted[id] = true
		}
	}
	for file, key := range keys {
		q.pass[file] = q.pass[file] && wanted[key]
	}
}

// table is where the names of a key are. Its id column is dense, and its name
// column has an index.
func table(by pkgmeter.Key) string {
	switch by {
	case pkgmeter.ByFile:
		return "name"
	case pkgmeter.ByRepository:
		return "repo"
	case pkgmeter.ByType:
		return "type"
	case pkgmeter.ByPackage:
		return "package"
	case pkgmeter.ByVersion:
		return "version"
	default:
		return ""
	}
}

// ids returns the ids of the names that exist.
func (q *question) ids(ctx context.Context, by pkgmeter.Key, names []string) ([]uint32, error) {
	stmt, err := q.tx.PrepareContext(ctx, fmt.Sprintf(`SELECT id FROM %s WHERE name = ?`, table(by)))
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	ids := []uint32{}
	for _, name := range names {
		var id uint32
		switch err := stmt.QueryRowContext(ctx, name).Scan(&id); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, err
		default:
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// totalSlices names the day totals that answer the question, if they do: they
// know no file, but all of it, each repository and each type.
func (q *question) totalSlices() (dim int, ids []uint32, ok bool) {
	f := q.query.Filter
	if f.Empty() {
		return dimAll, []uint32{0}, true
	}
	if g := f; g.Repositories != nil {
		if g.Repositories = nil; g.Empty() {
			return dimRepo, q.filterIDs[pkgmeter.ByRepository], true
		}
	}
	if g := f; g.Types != nil {
		if g.Types = nil; g.Empty() {
			return dimType, q.filterIDs[pkgmeter.ByType], true
		}
	}
	return 0, nil, false
}

// eachTotal calls visit with the totals of each day of the slices.
func (q *question) eachTotal(ctx context.Context, dim int, ids []uint32, visit func(pkgmeter.Day, uint32, pkgmeter.Measures)) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		err := eachRow(ctx, q.tx, func(rows *sql.Rows) error {
			var day pkgmeter.Day
			var m pkgmeter.Measures
			if err := rows.Scan(&day, &m.Downloads, &m.Hits, &m.Bytes); err != nil {
				return err
			}
			visit(day, id, m)
			return nil
		}, `
			SELECT day, downloads, hits, bytes FROM day_total
			WHERE gen = ? AND dim = ? AND slice = ? AND day BETWEEN ? AND ?`,
			q.gen, dim, int64(id), int64(q.span.From), int64(q.span.To))
		if err != nil {
			return err
		}
	}
	return nil
}

// eachRun calls visit with every run of cells in the span. Unless days are
// wanted apart, a packed month that lies wholly in the span comes as one, under
// its first day. Runs of one day may be several.
func (q *question) eachRun(ctx context.Context, byDay bool, visit func(pkgmeter.Day, *cells.Columns)) error {
	if q.span.Empty() {
		return nil
	}
	from := q.span.From
	if !byDay {
		months, err := q.packedMonths(ctx)
		if err != nil {
			return err
		}
		for _, m := range months {
			if err := q.eachPack(ctx, grainDay, from, m-1, visit); err != nil {
				return err
			}
			if err := q.eachPack(ctx, grainMonth, m, m, visit); err != nil {
				return err
			}
			from = m.NextMonth()
		}
	}
	if err := q.eachPack(ctx, grainDay, from, q.span.To, visit); err != nil {
		return err
	}
	return q.eachOpen(ctx, visit)
}

// packedMonths lists the packed months that lie wholly in the span.
func (q *question) packedMonths(ctx context.Context) (months []pkgmeter.Day, err error) {
	err = eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var m pkgmeter.Day
		if err := rows.Scan(&m); err != nil {
			return err
		}
		if m.NextMonth()-1 <= q.span.To {
			months = append(months, m)
		}
		return nil
	}, `
		SELECT period FROM period WHERE gen = ? AND grain = ? AND packed = 1 AND period BETWEEN ? AND ? ORDER BY period`,
		q.gen, grainMonth, int64(q.span.From), int64(q.span.To))
	return months, err
}

func (q *question) eachPack(ctx context.Context, grain int, from, to pkgmeter.Day, visit func(pkgmeter.Day, *cells.Columns)) error {
	if from > to {
		return nil
	}
	var c cells.Columns
	return eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var day pkgmeter.Day
		var p cells.Packed
		var ids, downloads, hits, bytes sql.RawBytes
		if err := rows.Scan(&day, &p.N, &p.First, &p.Last, &ids, &downloads, &hits, &bytes); err != nil {
			return err
		}
		p.IDs, p.Downloads, p.Hits, p.Bytes = ids, downloads, hits, bytes
		c.Reset()
		if err := p.Unpack(&c); err != nil {
			return fmt.Errorf("counts of %s: %w", day, err)
		}
		visit(day, &c)
		return nil
	}, `
		SELECT period, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = ? AND grain = ? AND period BETWEEN ? AND ? AND dim = ? AND slice = 0`,
		q.gen, grain, int64(from), int64(to), dimAll)
}

// rowRun is how many rows are gathered before they are shown to a visitor.
const rowRun = 1024

func (q *question) eachOpen(ctx context.Context, visit func(pkgmeter.Day, *cells.Columns)) error {
	var c cells.Columns
	var at pkgmeter.Day
	err := eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var day, id, downloads, hits, bytes int64
		if err := rows.Scan(&day, &id, &downloads, &hits, &bytes); err != nil {
			return err
		}
		if pkgmeter.Day(day) != at || c.Len() == rowRun {
			visit(at, &c)
			c.Reset()
			at = pkgmeter.Day(day)
		}
		c.Append(uint32(id), uint64(downloads), uint64(hits), uint64(bytes))
		return nil
	}, `
		SELECT day, file_id, downloads, hits, bytes FROM cell
		WHERE gen = ? AND day BETWEEN ? AND ? AND dim = ? AND slice = 0`,
		q.gen, int64(q.span.From), int64(q.span.To), dimAll)
	if err == nil {
		visit(at, &c)
	}
	return err
}
