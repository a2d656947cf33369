package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
)

// writer is the one connection that writes, with its prepared statements and
// what it remembers. All of it belongs to who holds Store.mu.
type writer struct {
	db   *sql.DB
	now  func() time.Time // of the store that it belongs to
	conn *sql.Conn
	gen  int64
	rule int64 // the rule set in force

	detailed bool // the generation that answers has what schema 7 brought

	stmts []*sql.Stmt // to close

	begin, commit, rollback *sql.Stmt

	source, repoSaid, consumer    dict
	repo, name, typ, version, pkg dict
	files                         files
	ahead                         ahead
	agents                        agents
	facets                        tuples[facetKey]
	places                        tuples[placeKey]
	consumed                      tuples[consumedKey]

	lastRow, addRow, addKeys, addFreshRow, addHeard, addUpload, addDeletion *sql.Stmt
	quarantine                                                              quarantine

	appFacts, putApp, addUse *sql.Stmt
	addUses                  multi

	docAt, docByID, docByKey, dropDoc, dropKey, addDoc, addDocKey *sql.Stmt

	freshRows, freshCells int64         // by how many the running transaction changes those of fresh counts
	pos                   int64         // of the ledger's row that it writes, with counts; 0 for none
	touched               map[slot]bool // periods whose packs the running transaction changes
	freshBody             []byte
	freshKeys             []cellKey

	next        *meta                  // what the file says of itself once the running transaction commits, if it changes that
	nextCatalog *pkgmeter.CatalogState // the same of the catalog

	lastEvent int64 // number of the last event of the running transaction, 0 if it has none

	bulk  bool // the running transaction names so much that it is not worth remembering
	keys  keySet
	sums  sums
	news  []newEntry // of the running transaction
	block []byte     // the row of the running transaction
	last  said       // its last event
	zstd  *zstd.Encoder
}

func openWriter(ctx context.Context, path string) (*writer, error) {
	// No checkpoint inside a commit: Maintain does that work beside it.
	c, err := newConnector(path, "wal_autocheckpoint = 0", "cache_size = -65536")
	if err != nil {
		return nil, err
	}
	w := &writer{db: sql.OpenDB(c)}
	w.db.SetMaxOpenConns(1)
	if w.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the data file: %w", err), w.db.Close())
	}
	return w, nil
}

// close copies the WAL into the file, which is then whole by itself.
func (w *writer) close() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	if w.conn != nil {
		_, err := w.conn.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`)
		errs = append(errs, err, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// prepare prepares a statement that lives as long as the writer.
func (w *writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.stmts = append(w.stmts, s)
	}
	return s, err
}

// load prepares the statements and reads what has to be in memory.
func (w *writer) load(ctx context.Context, m *meta, today pkgmeter.Day) error {
	w.gen, w.rule, w.detailed = m.gen, int64(m.rule), m.detailed
	w.sums.init()
	if err := w.prepareDicts(ctx); err != nil {
		return err
	}
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&w.begin, `BEGIN IMMEDIATE`},
		{&w.commit, `COMMIT`},
		{&w.rollback, `ROLLBACK`},
		{&w.lastRow, `SELECT pos, first_event + n FROM ledger ORDER BY pos DESC LIMIT 1`},
		{&w.addRow, `INSERT INTO ledger (pos, first_event, n, received_ms, codec, crc, body) VALUES (?, ?, ?, ?, ?, ?, ?)`},
		{&w.addKeys, `INSERT INTO key_log (pos, day, keys) VALUES (?, ?, ?)`},
		{&w.addFreshRow, `INSERT INTO fresh (gen, first_day, last_day, n, body) VALUES (?, ?, ?, ?, ?)`},
		{&w.addHeard, `
			INSERT INTO heard (day, source_id, events, unparsed, duplicates, max_lag_ms, last_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET events = events + excluded.events, unparsed = unparsed + excluded.unparsed,
				duplicates = duplicates + excluded.duplicates, max_lag_ms = max(max_lag_ms, excluded.max_lag_ms),
				last_ms = max(last_ms, excluded.last_ms)`},
		{&w.addUpload, `
			INSERT INTO upload (gen, day, package_id, version_id, n) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`},
		{&w.addDeletion, `
			INSERT INTO deletion (gen, day, package_id, version_id, n) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`},
	} {
		var err error
		if *p.to, err = w.prepare(ctx, p.sql); err != nil { //nolint:sqlclosecheck // prepare sees to it
			return err
		}
	}
	if err := w.quarantine.load(ctx, w.conn, w.prepare); err != nil {
		return err
	}
	if err := w.prepareCatalog(ctx); err != nil {
		return err
	}
	if err := w.prepareUse(ctx); err != nil {
		return err
	}
	return w.keys.load(ctx, w.conn, w.prepare, today)
}

func (w *writer) prepareDicts(ctx context.Context) error {
	for _, d := range []struct {
		to               *dict
		table, col, more string
	}{
		{&w.source, "source", "name", ""},
		{&w.repoSaid, "repo_said", "name", ""},
		{&w.consumer, "consumer", "key", ""},
		{&w.repo, "repo", "name", ""},
		{&w.name, "name", "name", ""},
		{&w.typ, "type", "name", ""},
		{&w.version, "version", "name", ""},
		{&w.pkg, "package", "name", "type_id"},
	} {
		cols, marks := d.col, "?"
		if d.more != "" {
			cols, marks = d.col+", "+d.more, "?, ?"
		}
		sel := fmt.Sprintf(`SELECT id FROM %s WHERE %s = ?`, d.table, d.col)
		ins := fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING`, d.table, cols, marks)
		if err := d.to.prepare(ctx, w.prepare, sel, ins); err != nil {
			return err
		}
	}
	for into, d := range map[string]*dict{"name (name)": &w.name, "version (name)": &w.version, "package (name, type_id)": &w.pkg} {
		if err := d.many.prepare(ctx, w.prepare, into, strings.Count(into, ",")+1); err != nil {
			return err
		}
	}
	if err := w.ahead.prepare(ctx, w.prepare); err != nil {
		return err
	}
	if err := w.files.prepare(ctx, w.prepare); err != nil {
		return err
	}
	if err := w.agents.prepare(ctx, w.prepare); err != nil {
		return err
	}
	err := w.facets.prepare(ctx, w.prepare,
		`SELECT id FROM facet WHERE repo_id = ? AND type_id = ? AND kind = ? AND legacy_type = ? AND client_id = ?`,
		`INSERT INTO facet (repo_id, type_id, kind, legacy_type, client_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	err = w.places.prepare(ctx, w.prepare,
		`SELECT id FROM place WHERE repo_id = ? AND package_id = ? AND class = ? AND country = ?`,
		`INSERT INTO place (repo_id, package_id, class, country) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	return w.consumed.prepare(ctx, w.prepare,
		`SELECT id FROM consumed WHERE repo_id = ? AND package_id = ? AND version_id = ? AND class = ? AND consumer_id = ?`,
		`INSERT INTO consumed (repo_id, package_id, version_id, class, consumer_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
}

// settle forgets or keeps what the ended transaction learnt.
func (w *writer) settle(committed bool) {
	if committed && w.next != nil {
		w.follow(w.next)
	}
	remember := committed && !w.bulk
	w.bulk = false
	for _, d := range []*dict{&w.source, &w.repoSaid, &w.consumer, &w.repo, &w.name, &w.typ, &w.version, &w.pkg} {
		d.settle(remember)
	}
	w.files.settle(remember, committed)
	w.agents.settle(remember, committed)
	w.facets.settle(committed)
	w.places.settle(committed)
	w.consumed.settle(committed)
	w.keys.settle(committed)
	w.quarantine.settle(committed)
}

// follow makes the writer count by another generation or rule set: what it
// remembers of files and agents is of the one before.
func (w *writer) follow(m *meta) {
	w.gen, w.rule, w.detailed, w.bulk = m.gen, int64(m.rule), m.detailed, true
	w.files.known, w.agents.known = newCache[fileKey, fileRef](fileCacheBytes), newCache[string, agentRef](dictCacheBytes)
}

// update runs f in a transaction of the writer. After a nil return it is on
// disk; after an error that is not [Fatal] nothing of it is.
//
// The caller's context does not reach the statements: a commit that was begun
// is brought to its end, so that the outcome is known.
func (s *Store) update(ctx context.Context, f func(ctx context.Context, w *writer) error) error {
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busySince.Store(time.Now().UnixNano())
	defer s.busySince.Store(0)
	w := s.w
	if _, err := w.begin.ExecContext(ctx); err != nil {
		return explain(err)
	}
	err := f(ctx, w)
	if err == nil {
		err = w.stampPeriods(ctx)
	}
	if err == nil {
		_, err = w.commit.ExecContext(ctx)
	}
	if err != nil {
		// SQLite may have rolled back by itself; then this says so, and the
		// first error tells more.
		w.rollback.ExecContext(ctx) //nolint:errcheck // see above
	}
	clear(w.touched)
	if err == nil && w.pos > 0 {
		s.search.late.tell(w.pos, w.sums.cells)
	}
	w.pos = 0
	w.settle(err == nil)
	if err == nil && w.next != nil && w.next.gen != s.meta.Load().gen {
		s.fresh.rows.Store(0) // all there are is of the generation before
		s.fresh.cells.Store(0)
		w.freshRows, w.freshCells = 0, 0
	}
	if err == nil {
		s.fresh.rows.Add(w.freshRows)
		s.fresh.cells.Add(w.freshCells)
	}
	w.freshRows, w.freshCells = 0, 0
	if err == nil && w.next != nil {
		s.meta.Store(w.next)
	}
	if err == nil && w.nextCatalog != nil {
		s.catalog.set(*w.nextCatalog)
	}
	if err == nil && w.lastEvent > 0 {
		s.end.set(w.lastEvent)
	}
	w.next, w.nextCatalog, w.lastEvent = nil, nil, 0
	s.wal.commits.Add(1)
	return explain(err)
}

// explain gives the errors that a client may hear of a code.
func explain(err error) error {
	if full(err) {
		return &pkgmeter.Error{Code: pkgmeter.Unavailable, Msg: "the disk is full", Err: err}
	}
	return err
}
