package sqlite

import (
	"context"
	"database/sql"

	"github.com/pkgmeter/pkgmeter"
)

// tupleCacheBytes bounds what is remembered of each dictionary of tuples.
const tupleCacheBytes = 16 << 20

// A facetKey is what an event is but for its file, package and version.
type facetKey struct {
	repo, typ int64
	kind      pkgmeter.Kind
	legacy    pkgmeter.LegacyType
	client    int64
}

func (k facetKey) row() []any {
	return []any{k.repo, k.typ, int64(k.kind), int64(k.legacy), k.client}
}

// A placeKey is what counts by country tell apart.
type placeKey struct {
	repo, pkg int64
	class     pkgmeter.Class
	country   int64 // its number
}

func (k placeKey) row() []any { return []any{k.repo, k.pkg, int64(k.class), k.country} }

// A consumedKey is what counts by consumer tell apart.
type consumedKey struct {
	repo, pkg, version int64
	class              pkgmeter.Class
	consumer           int64
}

func (k consumedKey) row() []any { return []any{k.repo, k.pkg, k.version, int64(k.class), k.consumer} }

// sourceSlice is the slice of counts of a source and a class.
func sourceSlice(source int64, class pkgmeter.Class) int64 { return source<<3 | int64(class) }

// countries is one more than the largest number of a country.
const countries = 26*26 + 1

// countryNumber returns the number of a country, from 1 on. [pkgmeter.IsCountry]
// holds for it.
func countryNumber(c string) int64 { return int64(c[0]-'A')*26 + int64(c[1]-'A') + 1 }

// noCountry is the number of [pkgmeter.UnknownCountry], which no place has.
const noCountry = countries - 1

// noConsumer stands for events that name no consumer, which no tuple has.
const noConsumer = 0

func countryName(number uint32) string {
	return string([]byte{'A' + byte((number-1)/26), 'A' + byte((number-1)%26)})
}

// tuples is the dictionary of some kind of tuples: like dict.
type tuples[K interface {
	comparable
	row() []any
}] struct {
	known    *cache[K, int64]
	fresh    map[K]int64
	sel, ins *sql.Stmt
}

func (d *tuples[K]) prepare(ctx context.Context, prepare preparer, sel, ins string) (err error) {
	d.known, d.fresh = newCache[K, int64](tupleCacheBytes), map[K]int64{}
	if d.sel, err = prepare(ctx, sel); err != nil {
		return err
	}
	d.ins, err = prepare(ctx, ins)
	return err
}

// id returns the id of a tuple, which it adds where needed.
func (d *tuples[K]) id(ctx context.Context, k K) (int64, error) {
	if id, ok := d.known.get(k, entryOverhead); ok {
		return id, nil
	}
	if id, ok := d.fresh[k]; ok {
		return id, nil
	}
	row := k.row()
	id, added, err := add(ctx, d.ins, row...)
	if err == nil && !added {
		err = d.sel.QueryRowContext(ctx, row...).Scan(&id)
	}
	if err == nil {
		d.fresh[k] = id
	}
	return id, err
}

func (d *tuples[K]) settle(committed bool) {
	if committed {
		for k, id := range d.fresh {
			d.known.put(k, id, entryOverhead)
		}
	}
	clear(d.fresh)
}
