package sqlite

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// named is a key with its text.
type named struct {
	id   uint32
	name string
}

// rank returns the first page of the keys with hits: by measure descending,
// then by name. Only the names that decide are read: those of the keys that
// are shown, and of the keys that tie with the last one.
func (q *question) rank(ctx context.Context, by pkgmeter.Key, sums []pkgmeter.Measures, page pkgmeter.Page) ([]named, error) {
	var found []named
	value := func(id int) int64 { return q.query.Measure.Of(sums[id]) }
	below := func(int64) bool { return true }
	if c := page.After; c != nil {
		below = func(v int64) bool { return v < c.Value }
		var tied []uint32
		for id := range sums {
			if sums[id].Hits > 0 && value(id) == c.Value {
				tied = append(tied, uint32(id))
			}
		}
		first, err := q.smallest(ctx, by, tied, &c.Key, page.Limit)
		if err != nil {
			return nil, err
		}
		found = first
	}
	ids := largest(sums, page.Limit-len(found), value, below)
	for len(ids) > 0 && len(found) < page.Limit {
		n := 1
		for n < len(ids) && value(int(ids[n])) == value(int(ids[0])) {
			n++
		}
		group, err := q.smallest(ctx, by, ids[:n], nil, page.Limit-len(found))
		if err != nil {
			return nil, err
		}
		found, ids = append(found, group...), ids[n:]
	}
	return found, nil
}

// largest returns the n keys of the largest values, descending, and all that
// tie with the last of them.
func largest(sums []pkgmeter.Measures, n int, value func(int) int64, below func(int64) bool) []uint32 {
	if n <= 0 {
		return nil
	}
	var top minHeap
	for id := range sums {
		v := value(id)
		if sums[id].Hits == 0 || !below(v) {
			continue
		}
		if len(top) < n {
			heap.Push(&top, v)
		} else if v > top[0] {
			top[0] = v
			heap.Fix(&top, 0)
		}
	}
	if len(top) == 0 {
		return nil
	}
	var ids []uint32
	for id := range sums {
		if v := value(id); sums[id].Hits > 0 && v >= top[0] && below(v) {
			ids = append(ids, uint32(id))
		}
	}
	slices.SortFunc(ids, func(a, b uint32) int { return cmp.Compare(value(int(b)), value(int(a))) })
	return ids
}

type minHeap []int64

func (h minHeap) Len() int           { return len(h) }
func (h minHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h minHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *minHeap) Push(v any)        { *h = append(*h, v.(int64)) }
func (h *minHeap) Pop() any {
	old := *h
	v := old[len(old)-1]
	*h = old[:len(old)-1]
	return v
}

// lookupCost is what reading one name by its id costs, in names read in order.
const lookupCost = 4

// smallest returns the first n of ids by name; of those after the given name,
// if there is one.
//
// Few ids are looked up and sorted. Of many, which a large tie can be, most
// are never read: the index is walked in order until n of them were met.
func (q *question) smallest(ctx context.Context, by pkgmeter.Key, ids []uint32, after *string, n int) ([]named, error) {
	if len(ids) == 0 || n <= 0 {
		return nil, nil
	}
	rows := len(q.attrs.name) // an upper bound for every table
	if t := table(by); t != "" && by != pkgmeter.ByConsumer && len(ids) > n && len(ids)*lookupCost > rows/len(ids)*n {
		return q.walk(ctx, t, nameColumn(by), ids, after, n)
	}
	all, err := q.names(ctx, by, ids)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(k named) bool { return after != nil && k.name <= *after })
	slices.SortFunc(all, func(a, b named) int { return strings.Compare(a.name, b.name) })
	return all[:min(n, len(all))], nil
}

// walk reads names in order until n of ids were met.
func (q *question) walk(ctx context.Context, table, column string, ids []uint32, after *string, n int) ([]named, error) {
	wanted := make([]bool, slices.Max(ids)+1)
	for _, id := range ids {
		wanted[id] = true
	}
	where, args := "", []any(nil)
	if after != nil {
		where, args = "WHERE "+column+" > ?", []any{*after}
	}
	rows, err := q.tx.QueryContext(ctx, fmt.Sprintf(`SELECT id, %[1]s FROM %[2]s %[3]s ORDER BY %[1]s`, column, table, where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []named
	for len(found) < n && rows.Next() {
		var k named
		if err := rows.Scan(&k.id, &k.name); err != nil {
			return nil, err
		}
		if int(k.id) < len(wanted) && wanted[k.id] {
			found = append(found, k)
		}
	}
	return found, rows.Err()
}

// names reads the names of ids.
func (q *question) names(ctx context.Context, by pkgmeter.Key, ids []uint32) ([]named, error) {
	all := make([]named, 0, len(ids))
	switch by {
	case pkgmeter.ByKind:
		for _, id := range ids {
			all = append(all, named{id, pkgmeter.Kind(id).String()})
		}
		return all, nil
	case pkgmeter.ByLegacyType:
		for _, id := range ids {
			all = append(all, named{id, pkgmeter.LegacyType(id).String()})
		}
		return all, nil
	case pkgmeter.ByClass:
		for _, id := range ids {
			all = append(all, named{id, pkgmeter.Class(id).String()})
		}
		return all, nil
	case pkgmeter.ByCountry:
		for _, id := range ids {
			all = append(all, named{id, countryName(id)})
		}
		return all, nil
	case pkgmeter.ByRuntime:
		for _, id := range ids {
			all = append(all, named{id, q.attrs.clients[id].runtime})
		}
		return all, nil
	case pkgmeter.ByOS:
		for _, id := range ids {
			all = append(all, named{id, q.attrs.clients[id].os})
		}
		return all, nil
	}
	stmt, err := q.tx.PrepareContext(ctx, fmt.Sprintf(`SELECT %s FROM %s WHERE id = ?`, nameColumn(by), table(by)))
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	for _, id := range ids {
		k := named{id: id}
		if id == noConsumer && by == pkgmeter.ByConsumer {
			all = append(all, k)
			continue
		}
		if err := stmt.QueryRowContext(ctx, id).Scan(&k.name); err != nil {
			return nil, fmt.Errorf("%s %d: %w", by, id, err)
		}
		all = append(all, k)
	}
	return all, nil
}
