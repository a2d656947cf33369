package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

var _ pkgmeter.Stats = (*Store)(nil)

// Totals implements [pkgmeter.Stats].
func (s *Store) Totals(ctx context.Context, query pkgmeter.Query) (t pkgmeter.Totals, err error) {
	err = s.ask(ctx, query, func(q *question) error {
		t = q.totals()
		if err := q.addOpening(ctx, s, nil, nil, &t); err != nil {
			return err
		}
		if dim, ids, ok := q.totalSlices(); ok {
			return q.eachTotal(ctx, dim, ids, func(_ pkgmeter.Day, _ uint32, m pkgmeter.Measures) { t.Add(m) })
		}
		return q.eachRun(ctx, false, func(_ pkgmeter.Day, c *cells.Columns) {
			for i, file := range c.IDs {
				if q.pass[file] {
					t.Add(measures(c, i))
				}
			}
		})
	})
	return t, err
}

func (q *question) totals() pkgmeter.Totals {
	return pkgmeter.Totals{Span: q.span, Rules: q.rules}
}

func measures(c *cells.Columns, i int) pkgmeter.Measures {
	return pkgmeter.Measures{Downloads: int64(c.Downloads[i]), Hits: int64(c.Hits[i]), Bytes: signed(c.Bytes[i])}
}

// signed is n, or the largest number that a sum can have.
func signed(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// Top implements [pkgmeter.Stats].
func (s *Store) Top(ctx context.Context, query pkgmeter.Query, by pkgmeter.Key, page pkgmeter.Page) (list pkgmeter.TopList, err error) {
	err = s.ask(ctx, query, func(q *question) error {
		list, err = q.top(ctx, s, by, page)
		return err
	})
	return list, err
}

// sums returns the sum of each key; what they come to in all is added to total.
func (q *question) sums(ctx context.Context, s *Store, by pkgmeter.Key, total *pkgmeter.Totals) ([]pkgmeter.Measures, error) {
	keys, largest := q.attrs.keys(by)
	sums := make([]pkgmeter.Measures, largest+1)
	if err := q.eachRun(ctx, false, func(_ pkgmeter.Day, c *cells.Columns) { addRun(sums, keys, q.pass, c) }); err != nil {
		return nil, err
	}
	for _, m := range sums {
		total.Add(m)
	}
	err := q.addOpening(ctx, s, &by, &sums, total)
	return sums, err
}

func (q *question) top(ctx context.Context, s *Store, by pkgmeter.Key, page pkgmeter.Page) (pkgmeter.TopList, error) {
	list := pkgmeter.TopList{Total: q.totals()}
	sums, err := q.sums(ctx, s, by, &list.Total)
	if err != nil {
		return list, err
	}
	found, err := q.rank(ctx, by, sums, pkgmeter.Page{Limit: page.Limit + 1, After: page.After})
	if err != nil {
		return list, err
	}
	more := len(found) > page.Limit
	for _, f := range found[:min(len(found), page.Limit)] {
		list.Items = append(list.Items, pkgmeter.Item{Key: f.name, Measures: sums[f.id]})
	}
	if n := len(list.Items); more && n > 0 {
		last := list.Items[n-1]
		list.Next = &pkgmeter.Cursor{Value: q.query.Measure.Of(last.Measures), Key: last.Key}
	}
	return list, nil
}

// addRun adds each cell to the sum of its file's key.
func addRun(sums []pkgmeter.Measures, keys []uint32, pass []bool, c *cells.Columns) {
	n := len(c.IDs)
	downloads, hits, bytes := c.Downloads[:n], c.Hits[:n], c.Bytes[:n]
	for i, file := range c.IDs {
		if pass != nil && !pass[file] {
			continue
		}
		sums[keys[file]].Add(pkgmeter.Measures{Downloads: int64(downloads[i]), Hits: int64(hits[i]), Bytes: signed(bytes[i])})
	}
}

// Series implements [pkgmeter.Stats].
func (s *Store) Series(ctx context.Context, query pkgmeter.Query, grain pkgmeter.Grain) (series pkgmeter.Series, err error) {
	err = s.ask(ctx, query, func(q *question) error {
		line := newDense(q.span, grain)
		if err := q.seriesInto(ctx, line); err != nil {
			return err
		}
		series, err = q.series(ctx, []*dense{line})
		return err
	})
	return series, err
}

func (q *question) seriesInto(ctx context.Context, line *dense) error {
	if dim, ids, ok := q.totalSlices(); ok {
		return q.eachTotal(ctx, dim, ids, func(day pkgmeter.Day, _ uint32, m pkgmeter.Measures) { line.at(day).Add(m) })
	}
	return q.eachRun(ctx, true, func(day pkgmeter.Day, c *cells.Columns) {
		var sum pkgmeter.Measures
		for i, file := range c.IDs {
			if q.pass[file] {
				sum.Add(measures(c, i))
			}
		}
		if sum.Hits > 0 {
			line.at(day).Add(sum)
		}
	})
}

// Split implements [pkgmeter.Stats].
func (s *Store) Split(ctx context.Context, query pkgmeter.Query, grain pkgmeter.Grain, by pkgmeter.Key) (series pkgmeter.Series, err error) {
	err = s.ask(ctx, query, func(q *question) error {
		keys, largest := q.attrs.keys(by)
		sums := make([]pkgmeter.Measures, largest+1)
		if err := q.eachRun(ctx, false, func(_ pkgmeter.Day, c *cells.Columns) { addRun(sums, keys, q.pass, c) }); err != nil {
			return err
		}
		found, err := q.rank(ctx, by, sums, pkgmeter.Page{Limit: pkgmeter.SplitLines})
		if err != nil {
			return err
		}
		lines, err := q.splitLines(ctx, grain, keys, largest, found)
		if err != nil {
			return err
		}
		series, err = q.series(ctx, lines)
		return err
	})
	return series, err
}

// splitLines sums each day into one line a found key, and one for the rest
// that is left out where nothing is left over.
func (q *question) splitLines(ctx context.Context, grain pkgmeter.Grain, keys []uint32, largest uint32, found []named) ([]*dense, error) {
	rest := uint8(len(found))
	lineOf := make([]uint8, largest+1)
	for i := range lineOf {
		lineOf[i] = rest
	}
	lines := make([]*dense, 0, len(found)+1)
	for i, f := range found {
		lineOf[f.id] = uint8(i)
		lines = append(lines, newDense(q.span, grain))
		lines[i].key = f.name
	}
	lines = append(lines, newDense(q.span, grain))
	lines[rest].key = pkgmeter.OtherKey
	err := q.eachRun(ctx, true, func(day pkgmeter.Day, c *cells.Columns) {
		var sums [pkgmeter.SplitLines + 1]pkgmeter.Measures
		for i, file := range c.IDs {
			if q.pass == nil || q.pass[file] {
				sums[lineOf[keys[file]]].Add(measures(c, i))
			}
		}
		for i := range lines {
			if sums[i].Hits > 0 {
				lines[i].at(day).Add(sums[i])
			}
		}
	})
	if lines[rest].empty() {
		lines = lines[:rest]
	}
	return lines, err
}

func (q *question) series(ctx context.Context, lines []*dense) (pkgmeter.Series, error) {
	series := pkgmeter.Series{Span: q.span, Rules: q.rules}
	heard, err := q.heard(ctx)
	if err != nil {
		return series, err
	}
	for _, l := range lines {
		l.markGaps(heard, pkgmeter.DayOf(q.query.Now))
		series.Lines = append(series.Lines, pkgmeter.Line{Key: l.key, Points: l.points})
	}
	return series, nil
}

// heard returns the days of the span of which any source has an event.
func (q *question) heard(ctx context.Context) (map[pkgmeter.Day]bool, error) {
	days := map[pkgmeter.Day]bool{}
	return days, eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var day pkgmeter.Day
		err := rows.Scan(&day)
		days[day] = true
		return err
	}, `SELECT DISTINCT day FROM heard WHERE day BETWEEN ? AND ? AND events > 0`, int64(q.span.From), int64(q.span.To))
}

// PackagesNamed implements [pkgmeter.Stats].
func (s *Store) PackagesNamed(ctx context.Context, name string, limit int) (purls []string, err error) {
	tail := "/" + strings.TrimPrefix(name, "/")
	err = eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var purl string
		err := rows.Scan(&purl)
		purls = append(purls, purl)
		return err
	}, `SELECT name FROM package WHERE substr(name, -length(?1)) = ?1 ORDER BY name LIMIT ?2`, tail, limit)
	return purls, err
}
