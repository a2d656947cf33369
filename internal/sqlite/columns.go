package sqlite

import (
	"context"
	"database/sql"
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
}

// columns holds the attributes of the generation that answers. Readers extend
// them from their own snapshot, so that a reader never meets an id that it
// does not know.
type columns struct {
	mu  sync.Mutex
	all attributes
}

// catchUp returns the attributes of at least all files in the snapshot of tx.
func (c *columns) catchUp(ctx context.Context, tx *sql.Tx, gen int64) (attributes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.packages(ctx, tx); err != nil {
		return attributes{}, err
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

func (c *columns) packages(ctx context.Context, tx *sql.Tx) error {
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

// put sets s[i], where i is beyond all that was set before.
func put[T any](s []T, i int, v T) []T {
	var zero T
	for len(s) < i {
		s = append(s, zero)
	}
	return append(s, v)
}

// keys returns the id of each file's key, indexed by file id, and the largest.
func (a attributes) keys(by pkgmeter.Key) (ids []uint32, largest uint32) {
	switch by {
	case pkgmeter.ByFile:
		ids = a.name
	case pkgmeter.ByRepository:
		ids = a.repo
	case pkgmeter.ByPackage:
		ids = a.pkg
	case pkgmeter.ByVersion:
		ids = a.version
	case pkgmeter.ByType:
		ids = make([]uint32, len(a.pkg))
		for f, p := range a.pkg {
			ids[f] = a.pkgType[p]
		}
	case pkgmeter.ByKind:
		ids = widen(a.kind)
	case pkgmeter.ByLegacyType:
		ids = widen(a.legacy)
	}
	for _, id := range ids {
		largest = max(largest, id)
	}
	return ids, largest
}

func widen(s []uint8) []uint32 {
	w := make([]uint32, len(s))
	for i, v := range s {
		w[i] = uint32(v)
	}
	return w
}
