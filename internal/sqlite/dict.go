package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

const (
	dictCacheBytes = 4 << 20  // each small dictionary
	fileCacheBytes = 64 << 20 // the dictionary of files: some 250,000 in each generation
	entryOverhead  = 64       // of a map entry, bytes, about
)

// dict gives the ids of one dictionary table. Ids come from the database,
// never from memory; what the running transaction added is remembered apart
// until it has committed, as a rollback takes it back.
//
// The writer owns it, under its lock.
type dict struct {
	known    *cache[string, int64]
	fresh    map[string]int64
	sel, ins *sql.Stmt // ins does nothing where the key is there
}

// preparer prepares a statement and sees to its end.
type preparer func(ctx context.Context, query string) (*sql.Stmt, error)

func (d *dict) prepare(ctx context.Context, prepare preparer, sel, ins string) (err error) {
	d.known, d.fresh = newCache[string, int64](dictCacheBytes), map[string]int64{}
	if d.sel, err = prepare(ctx, sel); err != nil {
		return err
	}
	d.ins, err = prepare(ctx, ins)
	return err
}

// id returns the id of key, which it adds where needed with more as its other
// columns.
func (d *dict) id(ctx context.Context, key string, more ...any) (int64, error) {
	if id, ok := d.known.get(key, len(key)+entryOverhead); ok {
		return id, nil
	}
	if id, ok := d.fresh[key]; ok {
		return id, nil
	}
	// The caller's text may be a part of a whole request body: keep a copy.
	key = strings.Clone(key)
	id, added, err := add(ctx, d.ins, append([]any{key}, more...)...)
	if err == nil && !added {
		err = d.sel.QueryRowContext(ctx, key).Scan(&id)
	}
	if err == nil {
		d.fresh[key] = id
	}
	return id, err
}

func (d *dict) settle(remember bool) {
	if remember {
		for k, id := range d.fresh {
			d.known.put(k, id, len(k)+entryOverhead)
		}
	}
	clear(d.fresh)
}

// add inserts a row unless it is there. That is tried before it is looked up:
// what the cache does not know is new more often than not.
func add(ctx context.Context, ins *sql.Stmt, row ...any) (id int64, added bool, err error) {
	res, err := ins.ExecContext(ctx, row...)
	if err != nil {
		return 0, false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, false, err
	}
	id, err = res.LastInsertId()
	return id, true, err
}

// fileKey is what was said about a file.
type fileKey struct {
	repo      int64
	raw, hint string
}

func (k fileKey) weight() int { return len(k.raw) + len(k.hint) + entryOverhead }

// fileRef is what the writer has to know of a file to count for it.
type fileRef struct{ id, repo, typ int64 }

// files is the dictionary of files: like dict, with what follows from them.
type files struct {
	known          *cache[fileKey, fileRef]
	fresh          map[fileKey]fileRef
	sel, ins, rule *sql.Stmt
}

func (f *files) prepare(ctx context.Context, prepare preparer) (err error) {
	f.known, f.fresh = newCache[fileKey, fileRef](fileCacheBytes), map[fileKey]fileRef{}
	f.sel, err = prepare(ctx, `
		SELECT f.id, r.repo_id, p.type_id
		FROM file f JOIN file_rule r ON r.gen = ? AND r.file_id = f.id JOIN package p ON p.id = r.package_id
		WHERE f.repo_said_id = ? AND f.raw = ? AND f.hint = ?`)
	if err != nil {
		return err
	}
	f.ins, err = prepare(ctx, `INSERT INTO file (repo_said_id, raw, hint) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	f.rule, err = prepare(ctx, `
		INSERT INTO file_rule (gen, file_id, repo_id, name_id, package_id, version_id, kind, sidecar_of, legacy_type, confidence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	return err
}

func (f *files) settle(remember bool) {
	if remember {
		for k, ref := range f.fresh {
			f.known.put(k, ref, k.weight())
		}
	}
	clear(f.fresh)
}

// file returns the file of an entry, which it adds where needed.
func (w *writer) file(ctx context.Context, e *pkgmeter.Entry) (fileRef, error) {
	repo, err := w.repoSaid.id(ctx, e.Event.Repository)
	if err != nil {
		return fileRef{}, err
	}
	key := fileKey{repo, e.Event.Path, e.Event.Hint}
	if ref, ok := w.files.known.get(key, key.weight()); ok {
		return ref, nil
	}
	if ref, ok := w.files.fresh[key]; ok {
		return ref, nil
	}
	key.raw, key.hint = strings.Clone(key.raw), strings.Clone(key.hint)
	ref, err := w.findFile(ctx, key, &e.File)
	if err == nil {
		w.files.fresh[key] = ref
	}
	return ref, err
}

func (w *writer) findFile(ctx context.Context, key fileKey, f *pkgmeter.File) (ref fileRef, err error) {
	id, added, err := add(ctx, w.files.ins, key.repo, key.raw, key.hint)
	if err != nil {
		return ref, err
	}
	if added {
		return w.addRule(ctx, id, f)
	}
	err = w.files.sel.QueryRowContext(ctx, w.gen, key.repo, key.raw, key.hint).Scan(&ref.id, &ref.repo, &ref.typ)
	return ref, err
}

// addRule stores what follows from a new file.
func (w *writer) addRule(ctx context.Context, id int64, f *pkgmeter.File) (ref fileRef, err error) {
	ref.id = id
	if ref.repo, err = w.repo.id(ctx, f.Repository); err != nil {
		return ref, err
	}
	if ref.typ, err = w.typ.id(ctx, f.Type); err != nil {
		return ref, err
	}
	name, err := w.name.id(ctx, f.Name)
	if err != nil {
		return ref, err
	}
	pkg, err := w.pkg.id(ctx, f.Package, ref.typ)
	if err != nil {
		return ref, err
	}
	version, err := w.version.id(ctx, f.Version)
	if err != nil {
		return ref, err
	}
	_, err = w.files.rule.ExecContext(ctx, w.gen, ref.id, ref.repo, name, pkg, version,
		int64(f.Kind), f.SidecarOf, int64(f.Legacy), int64(f.Confidence))
	return ref, err
}
