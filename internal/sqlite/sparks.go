package sqlite

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// sparks are the days of what a search found: one line for each match of each
// group, read in one pass for packages and files, and in a small one for others.
type sparks struct {
	q       *question
	measure pkgmeter.Measure
	matches [][]match // by [pkgmeter.SearchKeys]
	days    [][][]int64
}

func newSparks(q *question, search pkgmeter.Search, matches [][]match) *sparks {
	s := &sparks{q: q, measure: search.Measure, matches: matches, days: make([][][]int64, len(matches))}
	for i := range matches {
		s.days[i] = make([][]int64, len(matches[i]))
		for j := range matches[i] {
			s.days[i][j] = make([]int64, pkgmeter.SparkDays)
		}
	}
	return s
}

// A marked says to which line of a group a cell belongs.
type marked struct {
	keys []uint32 // by cell
	line []uint8  // by key: from 1 on, 0 for none
	days [][]int64
}

func (s *sparks) marked(i int, keys []uint32) marked {
	m := marked{keys: keys, days: s.days[i]}
	for j, match := range s.matches[i] {
		for int(match.id) >= len(m.line) {
			m.line = append(m.line, make([]uint8, int(match.id)+1-len(m.line))...)
		}
		m.line[match.id] = uint8(j + 1)
	}
	return m
}

// lineOf returns the line of a key, nil for none.
func (m *marked) lineOf(key uint32) []int64 {
	if int(key) < len(m.line) && m.line[key] > 0 {
		return m.days[m.line[key]-1]
	}
	return nil
}

// fill reads the days.
func (s *sparks) fill(ctx context.Context) error {
	var byFile []marked
	for i, by := range pkgmeter.SearchKeys() {
		switch {
		case len(s.matches[i]) == 0:
		case by == pkgmeter.ByPackage || by == pkgmeter.ByFile:
			keys, _ := s.q.attrs.keys(s.q.space, by)
			byFile = append(byFile, s.marked(i, keys))
		default:
			group, err := s.q.group(ctx, by)
			if err != nil {
				return err
			}
			keys, _ := group.attrs.keys(group.space, by)
			if err := s.read(ctx, group, s.marked(i, keys)); err != nil {
				return err
			}
		}
	}
	if byFile == nil {
		return nil
	}
	return s.read(ctx, s.q, byFile...)
}

// read adds the cells of a question to the lines to which they belong.
func (s *sparks) read(ctx context.Context, q *question, groups ...marked) error {
	return q.eachRun(ctx, q.cut(), true, func(day pkgmeter.Day, _ uint32, c *cells.Columns) {
		at := day - q.span.From
		for i, id := range c.IDs {
			if q.pass != nil && !q.pass[id] {
				continue
			}
			for g := range groups {
				if line := groups[g].lineOf(groups[g].keys[id]); line != nil {
					line[at] += s.measure.Of(measures(c, i))
				}
			}
		}
	})
}

// gaps tells the days of which no source reported anything.
func (s *sparks) gaps(ctx context.Context) ([]bool, error) {
	if s.q.span.From == 0 {
		return nil, nil
	}
	heard, err := s.q.heard(ctx)
	gaps := make([]bool, pkgmeter.SparkDays)
	for i := range gaps {
		day := s.q.span.From + pkgmeter.Day(i)
		gaps[i] = !heard[day] && day != s.q.span.To
	}
	return gaps, err
}

// hits writes the hits of a group, with their names as they are.
func (s *sparks) hits(ctx context.Context, i int, group *pkgmeter.Hits) error {
	ids := make([]uint32, len(s.matches[i]))
	for j, m := range s.matches[i] {
		ids[j] = m.id
	}
	names, err := s.q.names(ctx, group.By, ids)
	if err != nil {
		return err
	}
	for j, m := range s.matches[i] {
		group.Hits = append(group.Hits, pkgmeter.Hit{Key: names[j].name, Measures: pkgmeter.Measures{Downloads: m.downloads, Hits: m.hits}, Days: s.days[i][j]})
	}
	return nil
}
