package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// view runs f in one snapshot.
func (s *Store) view(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return f(tx)
}

// warm reads what the first question would otherwise wait for.
func (s *Store) warm(ctx context.Context) error {
	return s.view(ctx, func(tx *sql.Tx) error {
		m, err := readMeta(ctx, tx)
		if err == nil {
			_, err = s.cols.catchUp(ctx, tx, m.gen)
		}
		return err
	})
}

// question is a query over one snapshot: the span is known, names have become
// ids, and the filter has become a set of files.
type question struct {
	tx    *sql.Tx
	gen   int64
	rules int
	span  pkgmeter.Span
	query pkgmeter.Query
	attrs attributes
	by    *pkgmeter.Key // nil where nothing is grouped
	full  bool          // the generation has details
	kept  *unpackedPacks
	once  bool // nobody will ask the same soon: what it unpacks is not kept

	// later takes the runs that are kept unpacked, instead of their visitor, where
	// it is better to look at all of them together.
	later *[]*cells.Columns

	basis   pkgmeter.Basis
	space   *space
	pass    []bool   // indexed by id of the space; nil lets every cell pass
	few     []uint32 // the ids that pass, ascending, where they are few; else nil
	clients []bool   // indexed by client id; nil lets every client pass
	sources []int64

	filterIDs map[pkgmeter.Key][]uint32 // of the names in the filter
}

// ask runs f on the question that q puts to the present snapshot. by is what the
// answer is grouped by, nil for nothing.
func (s *Store) ask(ctx context.Context, q pkgmeter.Query, by *pkgmeter.Key, f func(*question) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, questionTime, errSlow)
	defer cancel()
	err := s.answer(ctx, q, by, f)
	if err != nil && context.Cause(ctx) == errSlow { //nolint:errorlint // the very value
		return errSlow
	}
	return err
}

// questionTime bounds a question, with its wait for a connection.
const questionTime = 10 * time.Second

var errSlow = pkgmeter.Errorf(pkgmeter.Unavailable, "the answer takes too long: ask for less, or try again")

func (s *Store) answer(ctx context.Context, q pkgmeter.Query, by *pkgmeter.Key, f func(*question) error) error {
	return s.view(ctx, func(tx *sql.Tx) error {
		m, err := readMeta(ctx, tx)
		if err != nil {
			return err
		}
		qu := &question{tx: tx, gen: m.gen, rules: m.rule, query: q, by: by, full: m.detailed, kept: &s.unpacked}
		var first sql.NullInt64
		err = tx.QueryRowContext(ctx, `
			SELECT min(day) FROM (SELECT min(period) AS day FROM period WHERE gen = ?1 AND grain = ?2 UNION ALL SELECT min(first_day) FROM fresh WHERE gen = ?1)`,
			qu.gen, grainDay).Scan(&first)
		if err != nil {
			return err
		}
		qu.span = q.Resolve(pkgmeter.Day(first.Int64))
		if qu.attrs, err = s.cols.catchUp(ctx, tx, qu.gen); err != nil {
			return err
		}
		if err := qu.resolve(ctx); err != nil {
			return err
		}
		return f(qu)
	})
}

// group puts the same question grouped by another key.
func (q *question) group(ctx context.Context, by pkgmeter.Key) (*question, error) {
	other := *q
	other.by = &by
	return &other, other.resolve(ctx)
}

var errNoDetails = pkgmeter.Errorf(pkgmeter.Unavailable, "counts by runtime, system, source and consumer are kept since this version: the past gets them with pkgmeter recount")

// byFiles reports whether cells are of files.
func (q *question) byFiles() bool {
	return q.basis == pkgmeter.OfFiles || q.basis == pkgmeter.OfSources
}

// choose finds what the answer is read from.
func (q *question) choose() (err error) {
	f := q.query.Filter
	if q.basis, err = pkgmeter.BasisOf(f, q.by); err != nil {
		return err
	}
	byDetail := q.by != nil && (*q.by == pkgmeter.ByRuntime || *q.by == pkgmeter.ByOS)
	if !q.full && (byDetail || f.Runtimes != nil || f.Systems != nil || q.basis >= pkgmeter.OfSources) {
		return errNoDetails
	}
	switch q.basis {
	case pkgmeter.OfPlaces:
		q.space = &q.attrs.places
	case pkgmeter.OfConsumers:
		q.space = &q.attrs.consumed
	case pkgmeter.OfFacets:
		q.space = &q.attrs.facets
	default:
		q.space = q.attrs.files()
	}
	return nil
}

// resolve turns the filter into the set of files, facets or other tuples that
// pass, and the set of clients or sources.
func (q *question) resolve(ctx context.Context) error {
	q.filterIDs, q.pass, q.few, q.clients, q.sources = map[pkgmeter.Key][]uint32{}, nil, nil, nil, nil
	if err := q.choose(); err != nil {
		return err
	}
	f := q.query.Filter
	switch q.basis {
	case pkgmeter.OfFacets, pkgmeter.OfFiles:
		q.clients = q.resolveClients()
	case pkgmeter.OfSources:
		if err := q.resolveSources(ctx); err != nil {
			return err
		}
	}
	if q.byFiles() { // slices decide
		f.Classes, f.Clients, f.Runtimes, f.Systems, f.Sources = nil, nil, nil, nil, nil
	}
	if f.Empty() {
		return nil
	}
	q.pass = make([]bool, len(q.space.repo))
	for i := range q.pass {
		q.pass[i] = i > 0 && (q.basis != pkgmeter.OfFacets || q.clients == nil || q.clients[q.space.client[i]])
	}
	for _, p := range []struct {
		names []string
		by    pkgmeter.Key
	}{
		{f.Repositories, pkgmeter.ByRepository},
		{f.Types, pkgmeter.ByType},
		{f.Packages, pkgmeter.ByPackage},
		{f.Versions, pkgmeter.ByVersion},
		{f.Files, pkgmeter.ByFile},
		{f.Consumers, pkgmeter.ByConsumer},
	} {
		if p.names == nil {
			continue
		}
		ids, err := q.ids(ctx, p.by, p.names)
		if err != nil {
			return err
		}
		q.filterIDs[p.by] = ids
		q.keep(p.by, ids)
	}
	q.resolveNumbers(f)
	q.listFew()
	return nil
}

// mostFew is up to how many ids that pass are listed.
const mostFew = 1_000

func (q *question) listFew() {
	q.few = make([]uint32, 0, 16)
	for id, pass := range q.pass {
		if !pass {
			continue
		}
		if len(q.few) == mostFew {
			q.few = nil
			return
		}
		q.few = append(q.few, uint32(id))
	}
}

// resolveNumbers narrows by what needs no look-up.
func (q *question) resolveNumbers(f pkgmeter.Filter) {
	if f.Countries != nil {
		var ids []uint32
		for _, c := range f.Countries {
			if pkgmeter.IsCountry(c) {
				ids = append(ids, uint32(countryNumber(c)))
			}
		}
		q.keep(pkgmeter.ByCountry, ids)
	}
	if f.Classes != nil && q.space.class != nil {
		q.keep(pkgmeter.ByClass, numbers(f.Classes))
	}
	if f.Kinds != nil {
		q.keep(pkgmeter.ByKind, numbers(f.Kinds))
	}
	if f.LegacyTypes != nil {
		q.keep(pkgmeter.ByLegacyType, numbers(f.LegacyTypes))
	}
}

func numbers[T ~uint8](kinds []T) []uint32 {
	ids := make([]uint32, len(kinds))
	for i, k := range kinds {
		ids[i] = uint32(k)
	}
	return ids
}

// keep lets only cells pass whose key is one of ids.
func (q *question) keep(by pkgmeter.Key, ids []uint32) {
	keys, largest := q.attrs.keys(q.space, by)
	wanted := make([]bool, largest+1)
	for _, id := range ids {
		if id <= largest {
			wanted[id] = true
		}
	}
	for i, key := range keys {
		q.pass[i] = q.pass[i] && wanted[key]
	}
}

// table is where the names of a key are. Its id column is dense, and its name
// column has an index.
func table(by pkgmeter.Key) string {
	switch by {
	case pkgmeter.ByFile:
		return "name"
	case pkgmeter.ByRepository:
		return "repo"
	case pkgmeter.ByType:
		return "type"
	case pkgmeter.ByPackage:
		return "package"
	case pkgmeter.ByVersion:
		return "version"
	case pkgmeter.ByClient:
		return "client"
	case pkgmeter.BySource:
		return "source"
	case pkgmeter.ByConsumer:
		return "consumer"
	default:
		return ""
	}
}

// nameColumn is the column of the names.
func nameColumn(by pkgmeter.Key) string {
	if by == pkgmeter.ByConsumer {
		return "key"
	}
	return "name"
}

// ids returns the ids of the names that exist.
func (q *question) ids(ctx context.Context, by pkgmeter.Key, names []string) ([]uint32, error) {
	stmt, err := q.tx.PrepareContext(ctx, fmt.Sprintf(`SELECT id FROM %s WHERE %s = ?`, table(by), nameColumn(by)))
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	ids := []uint32{}
	for _, name := range names {
		var id uint32
		switch err := stmt.QueryRowContext(ctx, name).Scan(&id); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, err
		default:
			ids = append(ids, id)
		}
	}
	return ids, nil
}
