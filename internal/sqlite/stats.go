package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

var _ pkgmeter.Stats = (*Store)(nil)

// Totals implements [pkgmeter.Stats].
func (s *Store) Totals(ctx context.Context, query pkgmeter.Query) (t pkgmeter.Totals, err error) {
	err = s.ask(ctx, query, nil, func(q *question) error {
		t = q.totals()
		if err := q.addOpening(ctx, s, nil, &t); err != nil {
			return err
		}
		return q.eachRun(ctx, q.cut(), false, func(_ pkgmeter.Day, _ uint32, c *cells.Columns) { t.Add(q.sum(c)) })
	})
	return t, err
}

// sumFew is how many cells are passed over in the time in which one is found.
const sumFew = 32

// sum is what the cells of a run come to that pass.
func (q *question) sum(c *cells.Columns) (sum pkgmeter.Measures) {
	if q.few != nil && len(q.few)*sumFew < c.Len() {
		for _, id := range q.few {
			if i, found := slices.BinarySearch(c.IDs, id); found {
				sum.Add(measures(c, i))
			}
		}
		return sum
	}
	for i, id := range c.IDs {
		if q.pass == nil || q.pass[id] {
			sum.Add(measures(c, i))
		}
	}
	return sum
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
	err = s.ask(ctx, query, &by, func(q *question) error {
		list, err = q.top(ctx, s, page)
		return err
	})
	return list, err
}

// sums returns the sum of each key; what they come to in all is added to total.
func (q *question) sums(ctx context.Context, s *Store, total *pkgmeter.Totals) ([]pkgmeter.Measures, error) {
	sums, err := q.perKey(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range sums {
		total.Add(m)
	}
	err = q.addOpening(ctx, s, &sums, total)
	return sums, err
}

// perKey returns the sum of each key, indexed by its id.
func (q *question) perKey(ctx context.Context) ([]pkgmeter.Measures, error) {
	g := q.grouping()
	sums := make([]pkgmeter.Measures, g.largest+1)
	var kept []*cells.Columns
	if g.cells != nil {
		q.later = &kept
		defer func() { q.later = nil }()
	}
	err := q.eachRun(ctx, g.cut, false, func(_ pkgmeter.Day, key uint32, c *cells.Columns) {
		if g.cells == nil {
			sums[key].Add(q.sum(c))
		} else {
			addRun(sums, g.cells, q.pass, c)
		}
	})
	addRuns(sums, g.cells, q.pass, kept)
	q.later = nil
	if key, ok := q.restKey(); ok && err == nil {
		err = q.addUnknown(ctx, key, sums)
	}
	return sums, err
}

// addBlock is how many ids are added up at a time: the sums of so many files lie
// in the processor's cache, those of all do not.
const addBlock = 8192

// addMany is from how many cells on two goroutines add them up.
const addMany = 200_000

// addRuns is addRun for many runs: it takes a block of ids of each in turn. Of
// very many cells, somebody else adds up the upper half of the ids beside.
func addRuns(sums []pkgmeter.Measures, keys []uint32, pass []bool, runs []*cells.Columns) {
	n := 0
	for _, c := range runs {
		n += c.Len()
	}
	if n < addMany {
		addBlocks(sums, keys, pass, runs, 0)
		return
	}
	middle := uint64(len(keys) / 2)
	var lower, upper []*cells.Columns
	for _, c := range runs {
		low, high := cutAt(c, middle)
		lower, upper = append(lower, low), append(upper, high)
	}
	others := make([]pkgmeter.Measures, len(sums)) // two files may share a key
	var wg sync.WaitGroup
	wg.Go(func() { addBlocks(others, keys, pass, upper, middle) })
	addBlocks(sums, keys, pass, lower, 0)
	wg.Wait()
	for i := range others {
		if others[i].Hits > 0 {
			sums[i].Add(others[i])
		}
	}
}

// addBlocks adds up runs whose ids are from a first one on.
func addBlocks(sums []pkgmeter.Measures, keys []uint32, pass []bool, runs []*cells.Columns, from uint64) {
	for end := from + addBlock; len(runs) > 0; end += addBlock {
		var left []*cells.Columns
		for _, c := range runs {
			part, rest := cutAt(c, end)
			addRun(sums, keys, pass, part)
			if rest.Len() > 0 {
				left = append(left, rest)
			}
		}
		runs = left
	}
}

// cutAt divides a run into the cells before an id and the others.
func cutAt(c *cells.Columns, id uint64) (before, from *cells.Columns) {
	n, _ := slices.BinarySearchFunc(c.IDs, id, func(a uint32, b uint64) int { return cmp.Compare(uint64(a), b) })
	return &cells.Columns{IDs: c.IDs[:n], Downloads: c.Downloads[:n], Hits: c.Hits[:n], Bytes: c.Bytes[:n]},
		&cells.Columns{IDs: c.IDs[n:], Downloads: c.Downloads[n:], Hits: c.Hits[n:], Bytes: c.Bytes[n:]}
}

func (q *question) top(ctx context.Context, s *Store, page pkgmeter.Page) (pkgmeter.TopList, error) {
	list := pkgmeter.TopList{Total: q.totals()}
	sums, err := q.sums(ctx, s, &list.Total)
	if err != nil {
		return list, err
	}
	found, err := q.rank(ctx, *q.by, sums, pkgmeter.Page{Limit: page.Limit + 1, After: page.After})
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

// addRun adds each cell to the sum of its key.
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
	err = s.ask(ctx, query, nil, func(q *question) error {
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
	return q.eachRun(ctx, q.cut(), true, func(day pkgmeter.Day, _ uint32, c *cells.Columns) {
		if sum := q.sum(c); sum.Hits > 0 {
			line.at(day).Add(sum)
		}
	})
}

// Split implements [pkgmeter.Stats].
func (s *Store) Split(ctx context.Context, query pkgmeter.Query, grain pkgmeter.Grain, by pkgmeter.Key) (series pkgmeter.Series, err error) {
	err = s.ask(ctx, query, &by, func(q *question) error {
		sums, err := q.perKey(ctx)
		if err != nil {
			return err
		}
		found, err := q.rank(ctx, by, sums, pkgmeter.Page{Limit: pkgmeter.SplitLines})
		if err != nil {
			return err
		}
		lines, err := q.splitLines(ctx, grain, found)
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
func (q *question) splitLines(ctx context.Context, grain pkgmeter.Grain, found []named) ([]*dense, error) {
	g := q.grouping()
	rest := uint8(len(found))
	lineOf := make([]uint8, g.largest+1)
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
	err := q.splitInto(ctx, g, lines, lineOf)
	if key, ok := q.restKey(); ok && err == nil {
		err = q.addUnknownLine(ctx, lines[lineOf[key]], lines)
	}
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
	series.Markers, err = q.markers(ctx)
	return series, err
}

// markers returns the changes of rules in the span.
func (q *question) markers(ctx context.Context) (markers []pkgmeter.Marker, err error) {
	err = eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var atMS int64
		var m pkgmeter.Marker
		if err := rows.Scan(&atMS, &m.Rules); err != nil {
			return err
		}
		if m.Day = pkgmeter.DayOf(fromMS(atMS)); m.Day >= q.span.From && m.Day <= q.span.To {
			markers = append(markers, m)
		}
		return nil
	}, `SELECT at_ms, rule FROM marker WHERE kind = 'rules' ORDER BY at_ms, id`)
	return markers, err
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

func (q *question) splitInto(ctx context.Context, g grouping, lines []*dense, lineOf []uint8) error {
	return q.eachRun(ctx, g.cut, true, func(day pkgmeter.Day, key uint32, c *cells.Columns) {
		if g.cells == nil {
			lines[lineOf[key]].at(day).Add(q.sum(c))
			return
		}
		var sums [pkgmeter.SplitLines + 1]pkgmeter.Measures
		for i, id := range c.IDs {
			if q.pass == nil || q.pass[id] {
				sums[lineOf[g.cells[id]]].Add(measures(c, i))
			}
		}
		for i := range lines {
			if sums[i].Hits > 0 {
				lines[i].at(day).Add(sums[i])
			}
		}
	})
}
