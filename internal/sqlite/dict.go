package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
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
	many     multi     // of those that are named ahead
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
type fileRef struct {
	id, repo, typ, pkg, version int64
	kind                        pkgmeter.Kind
	legacy                      pkgmeter.LegacyType
}

// files is the dictionary of files: like dict, with what follows from them.
type files struct {
	known          *cache[fileKey, fileRef]
	fresh          map[fileKey]fileRef
	sel, ins, rule *sql.Stmt
	repoType       *sql.Stmt
	types          map[repoTypeKey]bool // of repositories that are known
	freshTypes     []repoTypeKey
}

// repoTypeKey is a row of repo_type.
type repoTypeKey struct{ gen, repo, typ int64 }

func (f *files) prepare(ctx context.Context, prepare preparer) (err error) {
	f.known, f.fresh, f.types = newCache[fileKey, fileRef](fileCacheBytes), map[fileKey]fileRef{}, map[repoTypeKey]bool{}
	f.sel, err = prepare(ctx, `
		SELECT f.id, r.repo_id, p.type_id, p.id, r.version_id, r.kind, r.legacy_type
		FROM file f JOIN file_rule r ON r.gen = ? AND r.file_id = f.id JOIN package p ON p.id = r.package_id
		WHERE f.repo_said_id = ? AND f.raw = ? AND f.hint = ?`)
	if err != nil {
		return err
	}
	f.ins, err = prepare(ctx, `INSERT INTO file (repo_said_id, raw, hint) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	f.repoType, err = prepare(ctx, `INSERT INTO repo_type (gen, repo_id, type_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	f.rule, err = prepare(ctx, `
		INSERT INTO file_rule (gen, file_id, repo_id, name_id, package_id, version_id, kind, sidecar_of, legacy_type, confidence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	return err
}

func (f *files) settle(remember, committed bool) {
	if !committed {
		for _, k := range f.freshTypes {
			delete(f.types, k)
		}
	}
	f.freshTypes = f.freshTypes[:0]
	if remember {
		for k, ref := range f.fresh {
			f.known.put(k, ref, k.weight())
		}
	}
	clear(f.fresh)
}

// A clientKey names a row of client.
type clientKey struct {
	name        string
	class       pkgmeter.Class
	runtime, os string
}

// agentRef is what the writer has to know of an agent to count for it.
type agentRef struct {
	id, client int64
	class      pkgmeter.Class // of the client
}

// agents is the dictionary of agents, with the clients that follow from them.
// Clients are few: all of them stay in memory.
type agents struct {
	known             *cache[string, agentRef]
	fresh             map[string]agentRef
	sel, ins, rule    *sql.Stmt
	same              *sql.Stmt
	clients           map[clientKey]int64
	freshClients      []clientKey
	selClient, insOne *sql.Stmt
}

func (a *agents) prepare(ctx context.Context, prepare preparer) error {
	a.known, a.fresh, a.clients = newCache[string, agentRef](dictCacheBytes), map[string]agentRef{}, map[clientKey]int64{}
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&a.sel, `
			SELECT a.id, r.client_id, c.class FROM agent a JOIN agent_rule r ON r.gen = ? AND r.agent_id = a.id JOIN client c ON c.id = r.client_id
			WHERE a.ua = ? ORDER BY r.rule DESC LIMIT 1`},
		{&a.ins, `INSERT INTO agent (ua) VALUES (?) ON CONFLICT DO NOTHING`},
		{&a.rule, `
			INSERT INTO agent_rule (gen, agent_id, rule, client_id, version, runtime, os, arch) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`},
		{&a.same, `
			SELECT coalesce((SELECT (client_id, version, runtime, os, arch) = (?, ?, ?, ?, ?) FROM agent_rule
				WHERE gen = ? AND agent_id = ? ORDER BY rule DESC LIMIT 1), 0)`},
		{&a.selClient, `SELECT id FROM client WHERE name = ? AND class = ? AND runtime = ? AND os = ?`},
		{&a.insOne, `
			INSERT INTO client (name, class, runtime, os) SELECT ?1, ?2, ?3, ?4
			WHERE ?3 = '' AND ?4 = '' OR (SELECT count(*) FROM client) < ?5 ON CONFLICT DO NOTHING`},
	} {
		var err error
		if *p.to, err = prepare(ctx, p.sql); err != nil { //nolint:sqlclosecheck // prepare sees to it
			return err
		}
	}
	return nil
}

func (a *agents) settle(remember, committed bool) {
	if remember {
		for ua, ref := range a.fresh {
			a.known.put(ua, ref, len(ua)+entryOverhead)
		}
	}
	clear(a.fresh)
	if !committed {
		for _, k := range a.freshClients {
			delete(a.clients, k)
		}
	}
	a.freshClients = a.freshClients[:0]
}

// detailedClients is how many clients there are before new ones are told apart
// by name and class only: a runtime is part of what a client says of itself, and
// may be anything.
const detailedClients = 2_000

// client returns the id of the client for which a generation counts; it is added
// where needed.
func (w *writer) client(ctx context.Context, gen int64, c *pkgmeter.Client) (int64, error) {
	k := clientKey{cmp.Or(c.Name, pkgmeter.NoClient), c.Class, c.Runtime, c.OS}
	if gen == w.gen && !w.detailed {
		k = k.plain()
	}
	id, found, err := w.agents.client(ctx, k)
	if err == nil && !found {
		id, _, err = w.agents.client(ctx, k.plain())
	}
	return id, err
}

func (k clientKey) plain() clientKey { return clientKey{name: k.name, class: k.class} }

// client returns the id of a client, unless there are too many for a new one.
func (a *agents) client(ctx context.Context, k clientKey) (id int64, found bool, err error) {
	if id, ok := a.clients[k]; ok {
		return id, true, nil
	}
	id, added, err := add(ctx, a.insOne, k.name, int64(k.class), k.runtime, k.os, detailedClients)
	if err == nil && !added {
		err = a.selClient.QueryRowContext(ctx, k.name, int64(k.class), k.runtime, k.os).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, false, nil
		}
	}
	if err == nil {
		a.clients[k] = id
		a.freshClients = append(a.freshClients, k)
	}
	return id, err == nil, err
}

// agentOf returns the agent of an entry, 0 for none, with the client that the
// entry counts for: a robot's counts as one whatever its agent is.
func (w *writer) agentOf(ctx context.Context, e *pkgmeter.Entry) (agentRef, error) {
	ua := e.Event.Agent
	ref, ok := agentRef{}, false
	if ua != "" {
		if ref, ok = w.agents.known.get(ua, len(ua)+entryOverhead); !ok {
			ref, ok = w.agents.fresh[ua]
		}
	}
	robot := e.Event.Flags&pkgmeter.Robot != 0
	if ok && !robot {
		return ref, nil
	}
	client, err := w.client(ctx, w.gen, &e.Client)
	if err != nil {
		return ref, err
	}
	own := agentRef{ref.id, client, e.Client.Class}
	if ua == "" || ok {
		return own, nil
	}
	ref, err = w.findAgent(ctx, strings.Clone(ua), client, e, robot)
	if err != nil || robot {
		own.id = ref.id
		return own, err
	}
	w.agents.fresh[strings.Clone(ua)] = ref
	return ref, nil
}

// findAgent looks an agent up, or adds it. What follows from it is written with
// the first event that is no robot's.
func (w *writer) findAgent(ctx context.Context, ua string, client int64, e *pkgmeter.Entry, robot bool) (ref agentRef, err error) {
	ref.client, ref.class = client, e.Client.Class
	id, added, err := add(ctx, w.agents.ins, ua)
	if err != nil {
		return ref, err
	}
	if !added {
		switch err := w.agents.sel.QueryRowContext(ctx, w.gen, ua).Scan(&ref.id, &ref.client, &ref.class); {
		case err == nil:
			return ref, nil
		case !errors.Is(err, sql.ErrNoRows):
			return ref, err
		}
		if err := w.conn.QueryRowContext(ctx, `SELECT id FROM agent WHERE ua = ?`, ua).Scan(&id); err != nil {
			return ref, err
		}
	}
	if ref.id = id; robot {
		return ref, nil
	}
	return ref, w.addAgentRule(ctx, w.gen, ref, &e.Client)
}

func (w *writer) addAgentRule(ctx context.Context, gen int64, ref agentRef, c *pkgmeter.Client) error {
	_, err := w.agents.rule.ExecContext(ctx, gen, ref.id, w.rule, ref.client, c.Version, c.Runtime, c.OS, c.Arch)
	return err
}

// knownFile returns the key of an entry's file, and the file if it is remembered.
func (w *writer) knownFile(ctx context.Context, e *pkgmeter.Entry) (key fileKey, ref fileRef, known bool, err error) {
	repo, err := w.repoSaid.id(ctx, e.Event.Repository)
	if err != nil {
		return key, ref, false, err
	}
	key = fileKey{repo, e.Event.Path, e.Event.Hint}
	if ref, known = w.files.known.get(key, key.weight()); !known {
		ref, known = w.files.fresh[key]
	}
	return key, ref, known, nil
}

// file returns the file of an entry, which it adds where needed.
func (w *writer) file(ctx context.Context, e *pkgmeter.Entry) (fileRef, error) {
	key, ref, known, err := w.knownFile(ctx, e)
	if err != nil || known {
		return ref, err
	}
	key.raw, key.hint = strings.Clone(key.raw), strings.Clone(key.hint)
	ref, err = w.findFile(ctx, key, &e.File, e.Counts.Hits > 0)
	if err == nil {
		w.files.fresh[key] = ref
	}
	return ref, err
}

func (w *writer) findFile(ctx context.Context, key fileKey, f *pkgmeter.File, hits bool) (ref fileRef, err error) {
	id, added, err := add(ctx, w.files.ins, key.repo, key.raw, key.hint)
	if err != nil {
		return ref, err
	}
	if added {
		return w.addRule(ctx, w.gen, id, key.hint == "" && hits, f)
	}
	err = w.files.sel.QueryRowContext(ctx, w.gen, key.repo, key.raw, key.hint).Scan(&ref.id, &ref.repo, &ref.typ, &ref.pkg, &ref.version, &ref.kind, &ref.legacy)
	return ref, err
}

// addRule stores what follows from a new file. One with hits whose path alone is
// proof tells of what format its repository is.
func (w *writer) addRule(ctx context.Context, gen, id int64, byPath bool, f *pkgmeter.File) (fileRef, error) {
	row, err := w.ruleOf(ctx, gen, id, byPath, f)
	if err == nil {
		_, err = w.files.rule.ExecContext(ctx, row.args()...)
	}
	return row.ref, err
}

// ruleRow is what follows from a file, by ids.
type ruleRow struct {
	gen  int64
	ref  fileRef
	name int64
	file *pkgmeter.File
}

func (r *ruleRow) args() []any {
	return []any{
		r.gen, r.ref.id, r.ref.repo, r.name, r.ref.pkg, r.ref.version,
		int64(r.file.Kind), r.file.SidecarOf, int64(r.file.Legacy), int64(r.file.Confidence),
	}
}

// ruleOf finds the ids of what follows from a file.
func (w *writer) ruleOf(ctx context.Context, gen, id int64, byPath bool, f *pkgmeter.File) (r ruleRow, err error) {
	r.gen, r.file = gen, f
	r.ref.id, r.ref.kind, r.ref.legacy = id, f.Kind, f.Legacy
	if r.ref.repo, err = w.repo.id(ctx, f.Repository); err != nil {
		return r, err
	}
	if r.ref.typ, err = w.typ.id(ctx, f.Type); err != nil {
		return r, err
	}
	if r.name, err = w.name.id(ctx, f.Name); err != nil {
		return r, err
	}
	if r.ref.pkg, err = w.pkg.id(ctx, f.Package, r.ref.typ); err != nil {
		return r, err
	}
	if r.ref.version, err = w.version.id(ctx, f.Version); err != nil {
		return r, err
	}
	if byPath && f.Confidence == pkgmeter.Certain {
		err = w.addRepoType(ctx, repoTypeKey{gen, r.ref.repo, r.ref.typ})
	}
	return r, err
}

func (w *writer) addRepoType(ctx context.Context, k repoTypeKey) error {
	if w.files.types[k] {
		return nil
	}
	if _, err := w.files.repoType.ExecContext(ctx, k.gen, k.repo, k.typ); err != nil {
		return err
	}
	w.files.types[k] = true
	w.files.freshTypes = append(w.files.freshTypes, k)
	return nil
}
