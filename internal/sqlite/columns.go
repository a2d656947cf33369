package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// attributes are the numeric attributes of every file, one array each, indexed
// by file id: 18 bytes a file. They decide most filters without touching a
// string. Values are never changed once they are there.
type attributes struct {
	repo, name, pkg, version []uint32
	kind, legacy             []uint8
	pkgType                  []uint32 // indexed by package id
	clients                  []client // indexed by client id
	facets, places, consumed space
}

// A space is what cells are of, files, facets, places or what consumers fetched, with the attributes
// that questions filter and group by, each indexed by id. Those that it does not
// have are nil.
type space struct {
	repo, name, pkg, version []uint32
	typ                      []uint32
	kind, legacy             []uint8
	client                   []uint32
	class                    []uint8
	country, consumer        []uint32
}

// client is a row of the table of clients. Of those that share a name, a runtime
// or a system, the first one's id is the key of that.
type client struct {
	clientKey
	byName, byRuntime, byOS uint32
}

// columns holds the attributes of the generation that answers. Readers extend
// them from their own snapshot, so that a reader never meets an id that it
// does not know.
type columns struct {
	mu  sync.Mutex
	gen int64
	all attributes
}

// catchUp returns the attributes of at least all files in the snapshot of tx.
func (c *columns) catchUp(ctx context.Context, tx queryer, gen int64) (attributes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != gen {
		old := c.all
		c.gen, c.all = gen, attributes{pkgType: old.pkgType, clients: old.clients, facets: old.facets, places: old.places, consumed: old.consumed}
	}
	for _, extend := range []func(context.Context, queryer) error{c.packages, c.clients, c.facets, c.places, c.consumed} {
		if err := extend(ctx, tx); err != nil {
			return attributes{}, err
		}
	}
	a := c.all
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var id int
		var repo, name, pkg, version uint32
		var kind, legacy uint8
		if err := rows.Scan(&id, &repo, &name, &pkg, &version, &kind, &legacy); err != nil {
			return err
		}
		a.repo, a.name = put(a.repo, id, repo), put(a.name, id, name)
		a.pkg, a.version = put(a.pkg, id, pkg), put(a.version, id, version)
		a.kind, a.legacy = put(a.kind, id, kind), put(a.legacy, id, legacy)
		return nil
	}, `
		SELECT file_id, repo_id, name_id, package_id, version_id, kind, legacy_type
		FROM file_rule WHERE gen = ? AND file_id >= ? ORDER BY file_id`, gen, len(a.repo))
	if err != nil {
		return attributes{}, err
	}
	c.all = a
	return a, nil
}

func (c *columns) packages(ctx context.Context, tx queryer) error {
	types := c.all.pkgType
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var id int
		var typ uint32
		if err := rows.Scan(&id, &typ); err != nil {
			return err
		}
		types = put(types, id, typ)
		return nil
	}, `SELECT id, type_id FROM package WHERE id >= ? ORDER BY id`, len(types))
	if err != nil {
		return err
	}
	c.all.pkgType = types
	return nil
}

func (c *columns) clients(ctx context.Context, tx queryer) error {
	all := c.all.clients
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var id int
		var k client
		if err := rows.Scan(&id, &k.name, &k.class, &k.runtime, &k.os); err != nil {
			return err
		}
		first := func(same func(o *client) bool) uint32 {
			if i := slices.IndexFunc(all, func(o client) bool { return o.name != "" && same(&o) }); i >= 0 {
				return uint32(i)
			}
			return uint32(id)
		}
		k.byName = first(func(o *client) bool { return o.name == k.name })
		k.byRuntime = first(func(o *client) bool { return o.runtime == k.runtime })
		k.byOS = first(func(o *client) bool { return o.os == k.os })
		all = put(all, id, k)
		return nil
	}, `SELECT id, name, class, runtime, os FROM client WHERE id >= ? ORDER BY id`, len(all))
	if err != nil {
		return err
	}
	c.all.clients = all
	return nil
}

func (c *columns) facets(ctx context.Context, tx queryer) error {
	f := c.all.facets
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var id int
		var repo, typ, client uint32
		var kind, legacy uint8
		if err := rows.Scan(&id, &repo, &typ, &kind, &legacy, &client); err != nil {
			return err
		}
		f.repo, f.typ, f.client = put(f.repo, id, repo), put(f.typ, id, typ), put(f.client, id, client)
		f.kind, f.legacy = put(f.kind, id, kind), put(f.legacy, id, legacy)
		return nil
	}, `SELECT id, repo_id, type_id, kind, legacy_type, client_id FROM facet WHERE id >= ? ORDER BY id`, len(f.repo))
	if err != nil {
		return err
	}
	c.all.facets = f
	return nil
}

func (c *columns) places(ctx context.Context, tx queryer) error {
	p := c.all.places
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var id int
		var repo, pkg, country uint32
		var class uint8
		if err := rows.Scan(&id, &repo, &pkg, &class, &country); err != nil {
			return err
		}
		p.repo, p.pkg = put(p.repo, id, repo), put(p.pkg, id, pkg)
		p.class, p.country = put(p.class, id, class), put(p.country, id, country)
		return nil
	}, `SELECT id, repo_id, package_id, class, country FROM place WHERE id >= ? ORDER BY id`, len(p.repo))
	if err != nil {
		return err
	}
	c.all.places = p
	return nil
}

func (c *columns) consumed(ctx context.Context, tx queryer) error {
	p := c.all.consumed
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var id int
		var repo, pkg, version, consumer uint32
		var class uint8
		if err := rows.Scan(&id, &repo, &pkg, &version, &class, &consumer); err != nil {
			return err
		}
		p.repo, p.pkg, p.version = put(p.repo, id, repo), put(p.pkg, id, pkg), put(p.version, id, version)
		p.class, p.consumer = put(p.class, id, class), put(p.consumer, id, consumer)
		return nil
	}, `SELECT id, repo_id, package_id, version_id, class, consumer_id FROM consumed WHERE id >= ? ORDER BY id`, len(p.repo))
	if err != nil {
		return err
	}
	c.all.consumed = p
	return nil
}

// put sets s[i], where i is beyond all that was set before.
func put[T any](s []T, i int, v T) []T {
	var zero T
	for len(s) < i {
		s = append(s, zero)
	}
	return append(s, v)
}

// files is the space of files.
func (a *attributes) files() *space {
	return &space{repo: a.repo, name: a.name, pkg: a.pkg, version: a.version, kind: a.kind, legacy: a.legacy}
}

// keys returns the id of the key of each member of a space, and the largest.
func (a *attributes) keys(s *space, by pkgmeter.Key) (ids []uint32, largest uint32) {
	switch by {
	case pkgmeter.ByFile:
		ids = s.name
	case pkgmeter.ByRepository:
		ids = s.repo
	case pkgmeter.ByPackage:
		ids = s.pkg
	case pkgmeter.ByVersion:
		ids = s.version
	case pkgmeter.ByType:
		if ids = s.typ; ids == nil {
			ids = through(s.pkg, a.pkgType)
		}
	case pkgmeter.ByKind:
		ids = widen(s.kind)
	case pkgmeter.ByLegacyType:
		ids = widen(s.legacy)
	case pkgmeter.ByCountry:
		ids = s.country
	case pkgmeter.ByConsumer:
		ids = s.consumer
	case pkgmeter.BySource: // slices decide
	case pkgmeter.ByClient, pkgmeter.ByClass, pkgmeter.ByRuntime, pkgmeter.ByOS:
		if by == pkgmeter.ByClass && s.class != nil {
			ids = widen(s.class)
		} else {
			ids = through(s.client, a.clientKeys(by))
		}
	}
	for _, id := range ids {
		largest = max(largest, id)
	}
	return ids, largest
}

// clientKeys returns the id of the key of each client.
func (a *attributes) clientKeys(by pkgmeter.Key) []uint32 {
	keys := make([]uint32, len(a.clients))
	for id, c := range a.clients {
		switch by {
		case pkgmeter.ByClass:
			keys[id] = uint32(c.class)
		case pkgmeter.ByRuntime:
			keys[id] = c.byRuntime
		case pkgmeter.ByOS:
			keys[id] = c.byOS
		default:
			keys[id] = c.byName
		}
	}
	return keys
}

// through returns for each id what it leads to.
func through(ids, to []uint32) []uint32 {
	out := make([]uint32, len(ids))
	for i, id := range ids {
		out[i] = to[id]
	}
	return out
}

func widen(s []uint8) []uint32 {
	w := make([]uint32, len(s))
	for i, v := range s {
		w[i] = uint32(v)
	}
	return w
}
