package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A plain is what a filter lets pass, summed without any of the store's ways of
// being fast: for each span, and there for each key of each grouping.
type plain struct {
	files, clients []bool
	spans          [len(spans)]plainSpan
}

type plainSpan struct {
	total  pkgmeter.Measures
	keys   map[string][]pkgmeter.Measures          // by grouping, then by the number of the key
	points map[string]map[string]pkgmeter.Measures // by split, then by key and day
}

// numbering gives the keys of a grouping numbers: of each file, or of each
// client.
type numbering struct {
	names    []string
	ofFile   []int
	ofClient []int
}

// ledgerWalk is one walk over the ledger for all filters.
type ledgerWalk struct {
	filling   *filling
	clients   []pkgmeter.Client // each once
	groupings map[string]*numbering
	plains    map[string]*plain // by the filter's text
	day       pkgmeter.Day
	cells     map[int][]pkgmeter.Measures // of the day: by file, then by client
}

// recompute walks over the ledger once, sums for each filter what passes, and
// compares every answer with that.
func recompute(ctx context.Context, dir string, all []*filtered) (err error) {
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	w := newWalk(all)
	fileOf, clientOf := map[string]int{}, map[string]int{}
	for i := range w.filling.entries {
		fileOf[w.filling.entries[i].Event.Path] = i
	}
	for _, a := range w.filling.agents {
		clientOf[a.text] = slices.Index(w.clients, key(a.client))
	}
	err = store.Events(ctx, 0, func(_ int64, e pkgmeter.Event) error {
		if d := pkgmeter.DayOf(e.Time); d != w.day {
			w.flush()
			w.day = d
		}
		file := fileOf[e.Path]
		if w.cells[file] == nil {
			w.cells[file] = make([]pkgmeter.Measures, len(w.clients))
		}
		m := pkgmeter.Measures{Hits: 1, Bytes: e.Bytes}
		if w.filling.entries[file].File.Kind == pkgmeter.Primary {
			m.Downloads = 1
		}
		w.cells[file][clientOf[e.Agent]].Add(m)
		return nil
	})
	if err != nil {
		return err
	}
	w.flush()
	for _, q := range all {
		if err := w.compare(q); err != nil {
			return fmt.Errorf("%s?%s is not what the ledger says: %w", q.path, q.params.Encode(), err)
		}
	}
	return nil
}

// key is what a client counts by.
func key(c pkgmeter.Client) pkgmeter.Client {
	return pkgmeter.Client{Name: c.Name, Class: c.Class, Runtime: c.Runtime, OS: c.OS}
}

func newWalk(all []*filtered) *ledgerWalk {
	w := &ledgerWalk{filling: newFilling(), groupings: map[string]*numbering{}, plains: map[string]*plain{}, cells: map[int][]pkgmeter.Measures{}}
	for _, a := range w.filling.agents {
		if !slices.Contains(w.clients, key(a.client)) {
			w.clients = append(w.clients, key(a.client))
		}
	}
	for by, text := range map[string]func(pkgmeter.File) string{
		"file": func(f pkgmeter.File) string { return f.Name }, "repository": func(f pkgmeter.File) string { return f.Repository },
		"type": func(f pkgmeter.File) string { return f.Type }, "package": func(f pkgmeter.File) string { return f.Package },
		"version": func(f pkgmeter.File) string { return f.Version }, "kind": func(f pkgmeter.File) string { return f.Kind.String() },
		"legacy_type": func(f pkgmeter.File) string { return f.Legacy.String() },
	} {
		n, numbers := &numbering{}, map[string]int{}
		for _, e := range w.filling.entries {
			n.ofFile = append(n.ofFile, n.number(numbers, text(e.File)))
		}
		w.groupings[by] = n
	}
	for by, text := range map[string]func(pkgmeter.Client) string{
		"client": func(c pkgmeter.Client) string { return c.Name }, "class": func(c pkgmeter.Client) string { return c.Class.String() },
		"runtime": func(c pkgmeter.Client) string { return c.Runtime }, "os": func(c pkgmeter.Client) string { return c.OS },
	} {
		n, numbers := &numbering{}, map[string]int{}
		for _, c := range w.clients {
			n.ofClient = append(n.ofClient, n.number(numbers, text(c)))
		}
		w.groupings[by] = n
	}
	for _, q := range all {
		if w.plains[q.set.Encode()] == nil {
			w.plains[q.set.Encode()] = w.plain(q.set)
		}
	}
	return w
}

func (n *numbering) number(numbers map[string]int, name string) int {
	i, ok := numbers[name]
	if !ok {
		i = len(n.names)
		numbers[name] = i
		n.names = append(n.names, name)
	}
	return i
}

// plain decides for each file and each client whether it passes.
func (w *ledgerWalk) plain(set url.Values) *plain {
	p := &plain{files: make([]bool, len(w.filling.entries)), clients: make([]bool, len(w.clients))}
	pass := func(of func(*numbering) []int, i int) bool {
		for by, values := range set {
			n := w.groupings[by]
			if numbers := of(n); numbers != nil && !slices.Contains(values, n.names[numbers[i]]) {
				return false
			}
		}
		return true
	}
	for i := range p.files {
		p.files[i] = pass(func(n *numbering) []int { return n.ofFile }, i)
	}
	for i := range p.clients {
		p.clients[i] = pass(func(n *numbering) []int { return n.ofClient }, i)
	}
	for i := range p.spans {
		s := &p.spans[i]
		s.keys, s.points = map[string][]pkgmeter.Measures{}, map[string]map[string]pkgmeter.Measures{"": {}, "class": {}}
		for by, n := range w.groupings {
			s.keys[by] = make([]pkgmeter.Measures, len(n.names))
		}
	}
	return p
}

// flush puts the cells of a day to every filter.
func (w *ledgerWalk) flush() {
	for _, p := range w.plains {
		for i := range p.spans {
			if w.day >= spans[i][0] && w.day <= spans[i][1] {
				w.add(p, &p.spans[i])
			}
		}
	}
	clear(w.cells)
}

func (w *ledgerWalk) add(p *plain, s *plainSpan) {
	day := w.day.String()
	var total pkgmeter.Measures
	byClient := make([]pkgmeter.Measures, len(w.clients))
	for file, cells := range w.cells {
		if !p.files[file] {
			continue
		}
		var sum pkgmeter.Measures
		for client, m := range cells {
			if m.Hits > 0 && p.clients[client] {
				sum.Add(m)
				byClient[client].Add(m)
			}
		}
		for by, n := range w.groupings {
			if n.ofFile != nil {
				s.keys[by][n.ofFile[file]].Add(sum)
			}
		}
		total.Add(sum)
	}
	s.total.Add(total)
	s.point("", "", day, total)
	class := w.groupings["class"]
	for client, m := range byClient {
		for by, n := range w.groupings {
			if n.ofClient != nil {
				s.keys[by][n.ofClient[client]].Add(m)
			}
		}
		s.point("class", class.names[class.ofClient[client]], day, m)
	}
}

func (s *plainSpan) point(split, key, day string, m pkgmeter.Measures) {
	if m.Hits > 0 {
		sum := s.points[split][key+" "+day]
		sum.Add(m)
		s.points[split][key+" "+day] = sum
	}
}

// compare holds an answer against the sums: the total, each item and their
// number, each point.
func (w *ledgerWalk) compare(q *filtered) error {
	s := &w.plains[q.set.Encode()].spans[q.span]
	if q.total != s.total {
		return fmt.Errorf("%+v in all, want %+v", q.total, s.total)
	}
	switch q.path {
	case "series":
		if !reflect.DeepEqual(q.points, s.points[q.by]) {
			return fmt.Errorf("%d points, want %d, or others", len(q.points), len(s.points[q.by]))
		}
	case "top":
		n, kept := w.groupings[q.by], 0
		for i, m := range s.keys[q.by] {
			if m.Hits == 0 {
				continue
			}
			kept++
			if got, ok := q.items[n.names[i]]; ok && got != m {
				return fmt.Errorf("%s: %+v, want %+v", n.names[i], got, m)
			}
		}
		if len(q.items) != min(kept, topSize) {
			return fmt.Errorf("%d items of %d keys", len(q.items), kept)
		}
	}
	return nil
}
