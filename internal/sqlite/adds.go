package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

var _ pkgmeter.UseStats = (*Store)(nil)

// useQuestion is a query about adds over one snapshot.
type useQuestion struct {
	tx    *sql.Tx
	span  pkgmeter.Span
	rules int
	where string // what of use_day passes
	args  []any
}

// askUse runs f on the question that q puts to the present snapshot.
func (s *Store) askUse(ctx context.Context, q pkgmeter.AddsQuery, f func(context.Context, *useQuestion) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, questionTime, errSlow)
	defer cancel()
	err := s.view(ctx, func(tx *sql.Tx) error {
		m, err := readMeta(ctx, tx)
		if err != nil {
			return err
		}
		u := &useQuestion{tx: tx, rules: m.rule}
		if err := u.resolve(ctx, q); err != nil {
			return err
		}
		return f(ctx, u)
	})
	if err != nil && context.Cause(ctx) == errSlow { //nolint:errorlint // the very value
		return errSlow
	}
	return err
}

func (u *useQuestion) resolve(ctx context.Context, q pkgmeter.AddsQuery) error {
	var first pkgmeter.Day
	err := u.tx.QueryRowContext(ctx, `SELECT day FROM use_day WHERE total > 0 ORDER BY day LIMIT 1`).Scan(&first)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	u.span = pkgmeter.Query{From: q.From, To: q.To, Now: q.Now}.Resolve(first)
	u.where, u.args = `day BETWEEN ? AND ?`, []any{int64(u.span.From), int64(u.span.To)}
	for _, f := range []struct {
		names  []string
		by     pkgmeter.Key
		column string
	}{{q.Packages, pkgmeter.ByPackage, "package_id"}, {q.Versions, pkgmeter.ByVersion, "version_id"}} {
		if f.names == nil {
			continue
		}
		ids, err := (&question{tx: u.tx}).ids(ctx, f.by, f.names)
		if err != nil {
			return err
		}
		u.where += ` AND ` + f.column + ` IN (SELECT value FROM json_each(?))`
		u.args = append(u.args, idList(ids))
	}
	return nil
}

// idList is what json_each makes a set of.
func idList(ids []uint32) string {
	list, err := json.Marshal(ids)
	if err != nil {
		panic(fmt.Sprintf("encode ids: %v", err)) // integers
	}
	return string(list)
}

func (u *useQuestion) list() pkgmeter.AddsList {
	return pkgmeter.AddsList{Span: u.span, Rules: u.rules}
}

// Adds implements [pkgmeter.UseStats].
func (s *Store) Adds(ctx context.Context, query pkgmeter.AddsQuery, by pkgmeter.AddsKey) (list pkgmeter.AddsList, err error) {
	err = s.askUse(ctx, query, func(ctx context.Context, u *useQuestion) error {
		list = u.list()
		switch by {
		case pkgmeter.AddsByPackage, pkgmeter.AddsByVersion:
			keys, err := u.keys(ctx, by)
			for _, k := range keys {
				list.Rows = append(list.Rows, pkgmeter.AddsRow{Key: k.name, Adds: k.adds})
			}
			return err
		case pkgmeter.AddsByDay:
			list.Rows, err = u.days(ctx, "")
			return err
		default:
			var sum pkgmeter.Adds
			err := u.tx.QueryRowContext(ctx, `SELECT coalesce(sum(direct), 0), coalesce(sum(total), 0) FROM use_day WHERE `+u.where, u.args...).Scan(&sum.Direct, &sum.Total)
			if sum.Total > 0 {
				list.Rows = []pkgmeter.AddsRow{{Adds: sum}}
			}
			return err
		}
	})
	return list, err
}

// SplitAdds implements [pkgmeter.UseStats].
func (s *Store) SplitAdds(ctx context.Context, query pkgmeter.AddsQuery, by pkgmeter.AddsKey) (list pkgmeter.AddsList, err error) {
	err = s.askUse(ctx, query, func(ctx context.Context, u *useQuestion) error {
		list = u.list()
		keys, err := u.keys(ctx, by)
		if err != nil {
			return err
		}
		list.Rows, err = u.split(ctx, by, keys[:min(len(keys), pkgmeter.SplitLines)])
		return err
	})
	return list, err
}

// split sums the days of each of the largest keys, and those of the others.
func (u *useQuestion) split(ctx context.Context, by pkgmeter.AddsKey, largest []addsOf) ([]pkgmeter.AddsRow, error) {
	ids, lineOf := make([]uint32, len(largest)), map[int64]int{}
	for i, k := range largest {
		ids[i], lineOf[int64(k.id)] = k.id, i
	}
	lines := make([][]pkgmeter.AddsRow, len(largest)+1)
	err := eachRow(ctx, u.tx, func(rows *sql.Rows) error {
		var r pkgmeter.AddsRow
		var id int64
		if err := rows.Scan(&r.Day, &id, &r.Direct, &r.Total); err != nil {
			return err
		}
		line, known := lineOf[id]
		if !known {
			line = len(largest)
			r.Key = pkgmeter.OtherKey
		} else {
			r.Key = largest[line].name
		}
		lines[line] = append(lines[line], r)
		return nil
	}, fmt.Sprintf(`
		SELECT day, CASE WHEN %[1]s IN (SELECT value FROM json_each(?)) THEN %[1]s ELSE -1 END AS key, sum(direct), sum(total) FROM use_day
		WHERE %[2]s GROUP BY day, key HAVING sum(total) > 0 ORDER BY day`, column(by), u.where), append([]any{idList(ids)}, u.args...)...)
	return slices.Concat(lines...), err
}

// addsOf is the adds of a package or a version.
type addsOf struct {
	named
	adds pkgmeter.Adds
}

func column(by pkgmeter.AddsKey) string {
	if by == pkgmeter.AddsByVersion {
		return "version_id"
	}
	return "package_id"
}

// keys returns the keys with adds, the largest first.
func (u *useQuestion) keys(ctx context.Context, by pkgmeter.AddsKey) (all []addsOf, err error) {
	names := table(pkgmeter.ByPackage)
	if by == pkgmeter.AddsByVersion {
		names = table(pkgmeter.ByVersion)
	}
	err = eachRow(ctx, u.tx, func(rows *sql.Rows) error {
		var k addsOf
		err := rows.Scan(&k.id, &k.name, &k.adds.Direct, &k.adds.Total)
		all = append(all, k)
		return err
	}, fmt.Sprintf(`
		SELECT k.id, k.name, s.direct, s.total
		FROM (SELECT %[1]s AS id, sum(direct) AS direct, sum(total) AS total FROM use_day WHERE %[2]s GROUP BY %[1]s) s JOIN %[3]s k ON k.id = s.id
		WHERE s.total > 0 ORDER BY s.total DESC, k.name`, column(by), u.where, names), u.args...)
	return all, err
}

// days returns the days with adds, each with the given key.
func (u *useQuestion) days(ctx context.Context, key string) (all []pkgmeter.AddsRow, err error) {
	err = eachRow(ctx, u.tx, func(rows *sql.Rows) error {
		r := pkgmeter.AddsRow{Key: key}
		err := rows.Scan(&r.Day, &r.Direct, &r.Total)
		all = append(all, r)
		return err
	}, `SELECT day, sum(direct), sum(total) FROM use_day WHERE `+u.where+` GROUP BY day HAVING sum(total) > 0 ORDER BY day`, u.args...)
	return all, err
}
