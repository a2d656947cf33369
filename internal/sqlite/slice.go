package sqlite

import (
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// byFiles reports whether an answer needs files told apart: it filters by file,
// package or version, or is grouped by them. All others are sums of facets.
func byFiles(f pkgmeter.Filter, by *pkgmeter.Key) bool {
	if f.Files != nil || f.Packages != nil || f.Versions != nil {
		return true
	}
	return by != nil && (*by == pkgmeter.ByFile || *by == pkgmeter.ByPackage || *by == pkgmeter.ByVersion)
}

// resolveClients turns the filter's classes and names of clients into the set
// of clients that pass, nil for all.
func (q *question) resolveClients() []bool {
	f := q.query.Filter
	if f.Classes == nil && f.Clients == nil {
		return nil
	}
	pass := make([]bool, len(q.attrs.clients))
	for id, c := range q.attrs.clients {
		pass[id] = id > 0 && (f.Classes == nil || slices.Contains(f.Classes, c.class)) &&
			(f.Clients == nil || slices.Contains(f.Clients, c.name))
	}
	return pass
}

// A cut is which slices of the counts are read for an answer: the coarsest ones
// that tell apart what it needs told apart.
type cut struct {
	dim     int
	rows    int // dimension of the rows that belong to it
	slices  []int64
	clients []bool   // rows of files are by client: those that pass; nil for all
	keys    []uint32 // by slice: for which key it counts; nil where cells have keys of their own
	rowKeys []uint32 // the same for rows
}

// cut chooses the slices for the question.
func (q *question) cut() cut {
	if q.byCountry() {
		return cut{dim: dimPlace, rows: dimPlace, slices: []int64{0}}
	}
	if !q.byFiles {
		return cut{dim: dimFacet, rows: dimFacet, slices: []int64{0}}
	}
	byClient, byClass := q.by != nil && *q.by == pkgmeter.ByClient, q.by != nil && *q.by == pkgmeter.ByClass
	c := cut{rows: dimClient, clients: q.clients}
	if byClient || byClass {
		c.rowKeys = q.attrs.clientKeys(*q.by)
	}
	switch {
	case byClient || q.query.Filter.Clients != nil:
		c.dim, c.keys = dimClient, c.rowKeys
		for id := range q.attrs.clients {
			if id > 0 && (q.clients == nil || q.clients[id]) {
				c.slices = append(c.slices, int64(id))
			}
		}
	case byClass || someClasses(q.query.Filter.Classes):
		c.dim = dimClass
		for class := range pkgmeter.ClassNames() {
			if byClass {
				c.keys = append(c.keys, uint32(class))
			}
			if f := q.query.Filter.Classes; f == nil || slices.Contains(f, pkgmeter.Class(class)) {
				c.slices = append(c.slices, int64(class))
			}
		}
	default:
		c.dim, c.slices = dimAll, []int64{0}
	}
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
		g.largest = uint32(max(len(q.attrs.clients), len(pkgmeter.ClassNames())))
		return g
	}
	g.cells, g.largest = q.attrs.keys(q.space, *q.by)
	if q.byCountry() {
		g.largest = noCountry
	}
	return g
}
