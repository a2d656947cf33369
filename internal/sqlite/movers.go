package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// moverDays is the range where none is given.
const moverDays = 30

// Movers implements [pkgmeter.Stats].
func (s *Store) Movers(ctx context.Context, query pkgmeter.Query, limit int) (m pkgmeter.Movers, err error) {
	today := pkgmeter.DayOf(query.Now)
	if query.To == 0 || query.To > today {
		query.To = today
	}
	if query.From == 0 {
		query.From = query.To - moverDays + 1
	}
	by := pkgmeter.ByPackage
	err = s.ask(ctx, query, &by, func(q *question) error {
		m.Span = q.span
		if q.span.Empty() {
			return nil
		}
		found, err := q.move(ctx)
		if err != nil {
			return err
		}
		for _, l := range []struct {
			to   *[]pkgmeter.Mover
			pass func(p *moved) bool
			rank func(p *moved) float64
		}{
			{&m.Rising, found.rising, found.growth},
			{&m.New, found.isNew, found.size},
			{&m.Stale, found.stale, found.size},
		} {
			if *l.to, err = found.list(ctx, limit, l.pass, l.rank); err != nil {
				return err
			}
		}
		return nil
	})
	return m, err
}

// moved is what is known of a package.
type moved struct {
	id          uint32
	now, before pkgmeter.Measures
	first       pkgmeter.Day // the first day of the part in which its first hit is; 0 for before all parts
	old, fresh  bool         // hits before the last StaleDays; a file with its first hit since then
}

type movement struct {
	q   *question
	all []moved // by package
}

// move sums each package over the parts into which the bounds of ranges cut the
// past.
func (q *question) move(ctx context.Context) (*movement, error) {
	n := q.span.To - q.span.From + 1
	before, isNew, stale := q.span.From-n, q.span.To-pkgmeter.NewDays+1, q.span.To-pkgmeter.StaleDays+1
	cuts := []pkgmeter.Day{pkgmeter.FirstDay, before, q.span.From, isNew, stale}
	slices.Sort(cuts)
	keys, largest := q.attrs.keys(q.space, pkgmeter.ByPackage)
	m := &movement{q: q, all: make([]moved, largest+1)}
	old := make([]bool, len(keys)) // by file: whether it has hits before the last StaleDays
	g := q.cut()
	for i, from := range slices.Compact(cuts) {
		part := *q
		part.span = pkgmeter.Span{From: from, To: q.span.To}
		if rest := slices.Compact(slices.Clone(cuts))[i+1:]; len(rest) > 0 {
			part.span.To = rest[0] - 1
		}
		if part.span.Empty() {
			continue
		}
		visit := func(_ pkgmeter.Day, _ uint32, c *cells.Columns) {
			for j, file := range c.IDs {
				if q.pass != nil && !q.pass[file] {
					continue
				}
				p := &m.all[keys[file]]
				if p.id == 0 {
					p.id, p.first = keys[file], from
				}
				switch hits := measures(c, j); {
				case from >= q.span.From:
					p.now.Add(hits)
				case from >= before:
					p.before.Add(hits)
				}
				if from < stale {
					old[file], p.old = true, true
				} else if !old[file] {
					p.fresh = true
				}
			}
		}
		if err := part.eachRun(ctx, g, false, visit); err != nil {
			return nil, err
		}
	}
	m.dropFirst(isNew)
	return m, nil
}

// dropFirst forgets first parts of packages that are not new.
func (m *movement) dropFirst(isNew pkgmeter.Day) {
	for i := range m.all {
		if m.all[i].first < isNew {
			m.all[i].first = 0
		}
	}
}

func (m *movement) of(v pkgmeter.Measures) int64 { return m.q.query.Measure.Of(v) }

func (m *movement) rising(p *moved) bool {
	now, before := m.of(p.now), m.of(p.before)
	return before > 0 && now >= pkgmeter.RisingLeast && now*100 >= before*pkgmeter.RisingFactor
}

func (m *movement) isNew(p *moved) bool   { return p.first > 0 && p.now.Hits > 0 }
func (m *movement) stale(p *moved) bool   { return p.old && !p.fresh && m.of(p.now) > 0 }
func (m *movement) size(p *moved) float64 { return float64(m.of(p.now)) }

func (m *movement) growth(p *moved) float64 { return float64(m.of(p.now)) / float64(m.of(p.before)) }

// list returns the packages that pass, by rank; of equal ones the one with the
// smaller name first.
func (m *movement) list(ctx context.Context, limit int, pass func(*moved) bool, rank func(*moved) float64) (list []pkgmeter.Mover, err error) {
	var found []*moved
	for i := range m.all {
		if p := &m.all[i]; p.id != 0 && pass(p) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b *moved) int { return cmp.Compare(rank(b), rank(a)) })
	end := min(limit, len(found))
	for end > 0 && end < len(found) && rank(found[end]) == rank(found[end-1]) && end < 10*limit {
		end++ // ties: the names decide
	}
	ids := make([]uint32, end)
	for i, p := range found[:end] {
		ids[i] = p.id
	}
	names, err := m.q.names(ctx, pkgmeter.ByPackage, ids)
	if err != nil {
		return nil, err
	}
	for i, p := range found[:end] {
		list = append(list, pkgmeter.Mover{Key: names[i].name, Now: p.now, Before: p.before})
	}
	slices.SortStableFunc(list, func(a, b pkgmeter.Mover) int {
		if ra, rb := m.rankOf(rank, a), m.rankOf(rank, b); ra != rb {
			return cmp.Compare(rb, ra)
		}
		return strings.Compare(a.Key, b.Key)
	})
	return list[:min(limit, len(list))], nil
}

func (m *movement) rankOf(rank func(*moved) float64, v pkgmeter.Mover) float64 {
	return rank(&moved{now: v.Now, before: v.Before})
}

// Uploads implements [pkgmeter.Stats].
func (s *Store) Uploads(ctx context.Context, query pkgmeter.Query, limit int) (all pkgmeter.Uploads, err error) {
	today := pkgmeter.DayOf(query.Now)
	if query.To == 0 || query.To > today {
		query.To = today
	}
	// The first hit says nothing here: files are there before anybody fetches them.
	span := pkgmeter.Span{From: max(query.From, pkgmeter.FirstDay), To: query.To}
	err = s.ask(ctx, pkgmeter.Query{Now: query.Now}, nil, func(q *question) error {
		where, args := `u.gen = ? AND u.day BETWEEN ? AND ?`, []any{q.gen, int64(span.From), int64(span.To)}
		if names := query.Filter.Packages; names != nil {
			ids, err := q.ids(ctx, pkgmeter.ByPackage, names)
			if err != nil {
				return err
			}
			where += ` AND u.package_id IN (0` + strings.Repeat(", ?", len(ids)) + `)`
			for _, id := range ids {
				args = append(args, id)
			}
		}
		args = append(args, limit)
		if all.Uploaded, err = q.dayFiles(ctx, "upload", where, args); err == nil {
			all.Deleted, err = q.dayFiles(ctx, "deletion", where, args)
		}
		return err
	})
	return all, err
}

// dayFiles returns the last rows of a table of what happened to files, in the
// order of days.
func (q *question) dayFiles(ctx context.Context, table, where string, args []any) (all []pkgmeter.DayFiles, err error) {
	err = eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var f pkgmeter.DayFiles
		err := rows.Scan(&f.Day, &f.Package, &f.Version, &f.Files)
		all = append(all, f)
		return err
	}, `
		SELECT u.day, p.name, v.name, u.n FROM `+table+` u JOIN package p ON p.id = u.package_id JOIN version v ON v.id = u.version_id
		WHERE `+where+` ORDER BY u.day DESC, p.name, v.name LIMIT ?`, args...)
	slices.Reverse(all)
	return all, err
}
