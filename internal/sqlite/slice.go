package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// resolveClients turns the filter's classes, names, runtimes and systems of
// clients into the set of clients that pass, nil for all.
func (q *question) resolveClients() []bool {
	f := q.query.Filter
	if f.Classes == nil && f.Clients == nil && f.Runtimes == nil && f.Systems == nil {
		return nil
	}
	among := func(wanted []string, s string) bool { return wanted == nil || slices.Contains(wanted, s) }
	pass := make([]bool, len(q.attrs.clients))
	for id, c := range q.attrs.clients {
		pass[id] = id > 0 && (f.Classes == nil || slices.Contains(f.Classes, c.class)) &&
			among(f.Clients, c.name) && among(f.Runtimes, c.runtime) && among(f.Systems, c.os)
	}
	return pass
}

// resolveSources finds the slices of the sources and classes that the filter
// lets pass.
func (q *question) resolveSources(ctx context.Context) error {
	f := q.query.Filter
	return eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil || f.Sources != nil && !slices.Contains(f.Sources, name) {
			return err
		}
		for class := range pkgmeter.ClassNames() {
			if f.Classes == nil || slices.Contains(f.Classes, pkgmeter.Class(class)) {
				q.sources = append(q.sources, sourceSlice(id, pkgmeter.Class(class)))
			}
		}
		return nil
	}, `SELECT id, name FROM source`)
}

// A cut is which slices of the counts are read for an answer: the coarsest ones
// that tell apart what it needs told apart.
type cut struct {
	dim     int
	rows    int // dimension of the runs of fresh counts that belong to it
	slices  []int64
	pass    []bool   // runs of fresh counts are of such slices: those that pass; nil for all
	keys    []uint32 // by slice: for which key it counts; nil where cells have keys of their own
	rowKeys []uint32 // the same for runs of fresh counts
}

// cut chooses the slices for the question.
func (q *question) cut() cut {
	whole := func(dim int) cut { return cut{dim: dim, rows: dim, slices: []int64{0}} }
	switch q.basis {
	case pkgmeter.OfPlaces:
		return whole(dimPlace)
	case pkgmeter.OfConsumers:
		return whole(dimConsumer)
	case pkgmeter.OfFacets:
		return whole(dimFacet)
	case pkgmeter.OfSources:
		return q.cutSources()
	default:
		return q.cutFiles()
	}
}

func (q *question) cutFiles() cut {
	by, f := q.by, q.query.Filter
	byClass := by != nil && *by == pkgmeter.ByClass
	byClient := by != nil && (*by == pkgmeter.ByClient || *by == pkgmeter.ByRuntime || *by == pkgmeter.ByOS)
	c := cut{rows: dimClient, pass: q.clients}
	if byClient || byClass {
		c.rowKeys = q.attrs.clientKeys(*by)
	}
	switch {
	case byClient || f.Clients != nil || f.Runtimes != nil || f.Systems != nil:
		c.dim, c.keys = dimClient, c.rowKeys
		for id := range q.attrs.clients {
			if id > 0 && (q.clients == nil || q.clients[id]) {
				c.slices = append(c.slices, int64(id))
			}
		}
	case byClass || someClasses(f.Classes):
		c.dim = dimClass
		for class := range pkgmeter.ClassNames() {
			if byClass {
				c.keys = append(c.keys, uint32(class))
			}
			if f.Classes == nil || slices.Contains(f.Classes, pkgmeter.Class(class)) {
				c.slices = append(c.slices, int64(class))
			}
		}
	default:
		c.dim, c.slices = dimAll, []int64{0}
	}
	return c
}

func (q *question) cutSources() cut {
	c := cut{dim: dimSource, rows: dimSource, slices: q.sources}
	largest := int64(-1)
	for _, s := range q.sources {
		largest = max(largest, s)
	}
	c.pass = make([]bool, largest+1)
	bySource, byClass := q.by != nil && *q.by == pkgmeter.BySource, q.by != nil && *q.by == pkgmeter.ByClass
	if bySource || byClass {
		c.keys = make([]uint32, largest+1)
	}
	for _, s := range q.sources {
		c.pass[s] = true
		switch {
		case bySource:
			c.keys[s] = uint32(s >> 3)
		case byClass:
			c.keys[s] = uint32(s & 7)
		}
	}
	c.rowKeys = c.keys
	return c
}

// someClasses reports whether classes narrow an answer: naming all of them does
// not.
func someClasses(classes []pkgmeter.Class) bool {
	if classes == nil {
		return false
	}
	for c := range pkgmeter.ClassNames() {
		if !slices.Contains(classes, pkgmeter.Class(c)) {
			return true
		}
	}
	return false
}

// grouping says for which key a cell counts: by itself, or by its slice.
type grouping struct {
	cut
	cells   []uint32 // indexed by file, facet or place; nil where slices decide
	largest uint32   // key
}

func (q *question) grouping() grouping {
	g := grouping{cut: q.cut()}
	if g.rowKeys != nil {
		g.largest = uint32(max(len(q.attrs.clients), len(pkgmeter.ClassNames()), len(g.rowKeys)))
		return g
	}
	g.cells, g.largest = q.attrs.keys(q.space, *q.by)
	if q.byCountry() {
		g.largest = noCountry
	}
	return g
}
