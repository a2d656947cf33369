package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// catalogState is what is known of the catalog without asking the file, and
// who waits for it to change.
type catalogState struct {
	mu      sync.Mutex
	state   pkgmeter.CatalogState
	changed chan struct{} // closed at the next change
}

func (c *catalogState) set(s pkgmeter.CatalogState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
	if c.changed != nil {
		close(c.changed)
	}
	c.changed = make(chan struct{})
}

// CatalogState returns how far the catalog has come, as committed, and a
// channel that closes when it goes on from there.
func (s *Store) CatalogState() (pkgmeter.CatalogState, <-chan struct{}) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	return s.catalog.state, s.catalog.changed
}

// rowser is a connection or a transaction.
type rowser interface {
	queryer
	rowQueryer
}

// loadCatalog begins the catalog of a new file. The time of its last deletion is
// its birth, so that clients of another catalog begin anew.
func (s *Store) loadCatalog(ctx context.Context) error {
	_, err := s.w.conn.ExecContext(ctx, `
		INSERT INTO catalog (one, last, last_deletion, packages, versions, builds, release_tracks, release_versions)
		VALUES (1, 0, ?, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING`, s.opt.Now().UnixMilli())
	if err != nil {
		return err
	}
	state, err := readCatalog(ctx, s.w.conn)
	s.catalog.set(state)
	return err
}

func readCatalog(ctx context.Context, q rowser) (c pkgmeter.CatalogState, err error) {
	n := &c.Changes
	err = q.QueryRowContext(ctx, `
		SELECT last, last_deletion, packages, versions, builds, release_tracks, release_versions FROM catalog`).
		Scan(&c.Last, &c.LastDeletion, &n[0], &n[1], &n[2], &n[3], &n[4])
	if err != nil {
		return c, err
	}
	return c, eachRow(ctx, q, func(rows *sql.Rows) error {
		var coll pkgmeter.Collection
		var at int64
		err := rows.Scan(&coll, &at)
		c.At[coll] = at
		return err
	}, `
		SELECT 0, coalesce(max(at), 0) FROM doc WHERE coll = 0 UNION ALL SELECT 1, coalesce(max(at), 0) FROM doc WHERE coll = 1
		UNION ALL SELECT 2, coalesce(max(at), 0) FROM doc WHERE coll = 2 UNION ALL SELECT 3, coalesce(max(at), 0) FROM doc WHERE coll = 3
		UNION ALL SELECT 4, coalesce(max(at), 0) FROM doc WHERE coll = 4`)
}

// Sync returns what a client with the token gets next, of one snapshot.
func (s *Store) Sync(ctx context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (page pkgmeter.SyncPage, err error) {
	err = s.view(ctx, func(tx *sql.Tx) error {
		state, err := readCatalog(ctx, tx)
		if err != nil {
			return err
		}
		page.Token = token
		page.Token.LastDeletion = state.LastDeletion
		if token.Foreign(state) {
			page.Token.At, page.Reset = pkgmeter.Positions{}, true
			return nil
		}
		page.UpToDate = true
		left := limit.Bytes
		for c := range pkgmeter.Collections {
			if state.At[c] <= token.At[c] {
				continue
			}
			// A page has one record at least, or the client would never go on.
			first := left == limit.Bytes
			rows, more, err := readPage(ctx, tx, c, &page, limit.Rows, left, first)
			if err != nil {
				return fmt.Errorf("sync %s: %w", c, err)
			}
			left -= rows
			page.UpToDate = page.UpToDate && !more
		}
		return nil
	})
	return page, err
}

// readPage appends records of a collection to a page, and returns their bytes
// and whether some are left.
func readPage(ctx context.Context, tx *sql.Tx, c pkgmeter.Collection, page *pkgmeter.SyncPage, most, left int, first bool) (size int, more bool, err error) {
	n := 0
	if left <= 0 {
		most = 0
	}
	rows, err := tx.QueryContext(ctx, `SELECT at, body FROM doc WHERE coll = ? AND at > ? ORDER BY at LIMIT ?`, int(c), page.Token.At[c], most+1)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var body sql.RawBytes
		if err := rows.Scan(&at, &body); err != nil {
			return 0, false, err
		}
		if n == most || size+len(body) > left && (n > 0 || !first) {
			return size, true, nil
		}
		if n > 0 {
			page.Records[c] = append(page.Records[c], ',')
		}
		page.Records[c] = append(page.Records[c], body...)
		page.Token.At[c] = at
		size += len(body) + 1
		n++
	}
	return size, false, rows.Err()
}

// Document returns the record of a collection that has the key. Code not_found
// says that there is none.
func (s *Store) Document(ctx context.Context, c pkgmeter.Collection, key string) (pkgmeter.Document, error) {
	docs, err := s.documents(ctx, `k.coll = ? AND k.key = ?`, int(c), key)
	if err == nil && len(docs) == 0 {
		err = pkgmeter.Errorf(pkgmeter.NotFound, "there is no such record in %s", c)
	}
	if err != nil {
		return pkgmeter.Document{}, err
	}
	return docs[0], nil
}

// Documents returns records of a collection whose keys begin with the prefix,
// sorted by key, at most limit.
func (s *Store) Documents(ctx context.Context, c pkgmeter.Collection, prefix string, limit int) ([]pkgmeter.Document, error) {
	// No SQL function sees what is behind a NUL, but comparisons do.
	return s.documents(ctx, `k.coll = ? AND k.key >= ? AND k.key < ? ORDER BY k.key LIMIT ?`, int(c), prefix, prefix+"\U0010ffff", limit)
}

func (s *Store) documents(ctx context.Context, where string, args ...any) (docs []pkgmeter.Document, err error) {
	err = eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var d pkgmeter.Document
		err := rows.Scan(&d.Collection, &d.ID, &d.Key, &d.Brief, &d.At, &d.Mirrored, &d.Body)
		docs = append(docs, d)
		return err
	}, `SELECT k.coll, k.id, k.key, k.brief, d.at, d.mirrored, d.body FROM doc_key k JOIN doc d ON d.at = k.at WHERE `+where, args...)
	return docs, err
}

// Briefs calls visit for every record of a collection, sorted by key.
func (s *Store) Briefs(ctx context.Context, c pkgmeter.Collection, visit func(key, id, brief string) error) error {
	return eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var key, id, brief string
		if err := rows.Scan(&key, &id, &brief); err != nil {
			return err
		}
		return visit(key, id, brief)
	}, `SELECT key, id, brief FROM doc_key WHERE coll = ? ORDER BY key`, int(c))
}

// BriefsSince calls visit for every record of a collection that is new or
// changed after a position, in the order of positions.
func (s *Store) BriefsSince(ctx context.Context, c pkgmeter.Collection, after int64, visit func(at int64, key, id, brief string) error) error {
	return eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var at int64
		var key, id, brief string
		if err := rows.Scan(&at, &key, &id, &brief); err != nil {
			return err
		}
		return visit(at, key, id, brief)
	}, `
		SELECT d.at, d.key, d.id, k.brief FROM doc d JOIN doc_key k ON k.coll = d.coll AND k.key = d.key
		WHERE d.coll = ? AND d.at > ? ORDER BY d.at`, int(c), after)
}

// EditCatalog makes an edit, whole or not at all: code conflict says that a
// record is not as it was read, or that an id or key is taken.
func (s *Store) EditCatalog(ctx context.Context, edit pkgmeter.CatalogEdit) error {
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		e, err := w.editor(ctx, s)
		if err != nil {
			return err
		}
		return errors.Join(e.edit(ctx, edit), e.end(ctx))
	})
	if err != nil {
		return fmt.Errorf("change the catalog: %w", err)
	}
	return nil
}

// An editor changes the catalog in the running transaction.
type editor struct {
	w       *writer
	s       *Store
	state   pkgmeter.CatalogState
	nowMS   int64
	changed bool
	deleted bool
}

func (w *writer) editor(ctx context.Context, s *Store) (*editor, error) {
	state, err := readCatalog(ctx, w.conn)
	return &editor{w: w, s: s, state: state, nowMS: s.opt.Now().UnixMilli()}, err
}

// end writes down how far the catalog has come. Clients hear of it after the
// commit.
func (e *editor) end(ctx context.Context) error {
	if !e.changed {
		return nil
	}
	n := e.state.Changes
	_, err := e.w.conn.ExecContext(ctx, `
		UPDATE catalog SET last = ?, last_deletion = ?, packages = ?, versions = ?, builds = ?, release_tracks = ?, release_versions = ?`,
		e.state.Last, e.state.LastDeletion, n[0], n[1], n[2], n[3], n[4])
	if err != nil {
		return err
	}
	state, err := readCatalog(ctx, e.w.conn)
	e.w.nextCatalog = &state
	return err
}

func (e *editor) edit(ctx context.Context, edit pkgmeter.CatalogEdit) error {
	for _, d := range edit.Keep {
		if err := e.unchanged(ctx, &d); err != nil {
			return err
		}
	}
	for _, d := range edit.Remove {
		err := e.unchanged(ctx, &d)
		if err == nil {
			err = e.remove(ctx, d.Collection, d.ID)
		}
		if err != nil {
			return err
		}
	}
	for i := range edit.Put {
		if err := e.put(ctx, &edit.Put[i]); err != nil {
			return err
		}
	}
	return e.publish(ctx, edit)
}

// unchanged fails if a record is not as it was read.
func (e *editor) unchanged(ctx context.Context, d *pkgmeter.Document) error {
	var n int
	err := e.w.docAt.QueryRowContext(ctx, d.At, int(d.Collection), d.ID).Scan(&n)
	if err == nil && n == 0 {
		err = pkgmeter.Errorf(pkgmeter.Conflict, "%s was changed by somebody else meanwhile: try again", printable(d.Key))
	}
	return err
}

// printable is a key as people write it.
func printable(key string) string { return strings.ReplaceAll(key, "\x00", "@") }

func (e *editor) put(ctx context.Context, d *pkgmeter.Document) error {
	if d.At > 0 {
		if err := e.unchanged(ctx, d); err != nil {
			return err
		}
		if err := e.drop(ctx, d.Collection, d.ID); err != nil {
			return err
		}
	}
	return e.insert(ctx, d)
}

// drop takes a record away that comes back at another position.
func (e *editor) drop(ctx context.Context, c pkgmeter.Collection, id string) error {
	var key string
	if err := e.w.dropDoc.QueryRowContext(ctx, int(c), id).Scan(&key); err != nil {
		return err
	}
	_, err := e.w.dropKey.ExecContext(ctx, int(c), key)
	return err
}

// insert adds a record at the next position. A record of this server's own says
// when it was changed.
func (e *editor) insert(ctx context.Context, d *pkgmeter.Document) error {
	at := max(e.nowMS, e.state.Last+1)
	body := d.Body
	if !d.Mirrored {
		end := len(body) - 1
		body = append(append(make([]byte, 0, len(body)+48), body[:end]...), `,"lastUpdated":{"$date":`...)
		body = append(strconv.AppendInt(body, at, 10), "}}"...)
	}
	res, err := e.w.addDocKey.ExecContext(ctx, int(d.Collection), d.Key, d.ID, at, d.Brief)
	if err == nil {
		err = one(res, pkgmeter.Errorf(pkgmeter.Conflict, "%s exists already", printable(d.Key)))
	}
	if err != nil {
		return err
	}
	if res, err = e.w.addDoc.ExecContext(ctx, at, int(d.Collection), d.ID, d.Key, d.Mirrored, body); err == nil {
		err = one(res, pkgmeter.Errorf(pkgmeter.Conflict, "the id of %s is taken", printable(d.Key)))
	}
	if err != nil {
		return err
	}
	e.state.Last, e.changed = at, true
	e.state.Changes[d.Collection]++
	return nil
}

func one(res sql.Result, otherwise error) error {
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		err = otherwise
	}
	return err
}

// remove takes away what clients may have seen: they have to begin anew.
func (e *editor) remove(ctx context.Context, c pkgmeter.Collection, id string) error {
	if err := e.drop(ctx, c, id); err != nil {
		return err
	}
	e.state.Changes[c]++
	if !e.deleted {
		e.state.LastDeletion = max(e.nowMS, e.state.LastDeletion+1)
	}
	e.deleted, e.changed = true, true
	return nil
}

// prepareCatalog prepares what changes records.
func (w *writer) prepareCatalog(ctx context.Context) error {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&w.docAt, `SELECT count(*) FROM doc WHERE at = ? AND coll = ? AND id = ?`},
		{&w.docByID, `SELECT mirrored, body FROM doc WHERE coll = ? AND id = ?`},
		{&w.docByKey, `SELECT d.id, d.mirrored FROM doc_key k JOIN doc d ON d.at = k.at WHERE k.coll = ? AND k.key = ?`},
		{&w.dropDoc, `DELETE FROM doc WHERE coll = ? AND id = ? RETURNING key`},
		{&w.dropKey, `DELETE FROM doc_key WHERE coll = ? AND key = ?`},
		{&w.addDoc, `INSERT INTO doc (at, coll, id, key, mirrored, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (coll, id) DO NOTHING`},
		{&w.addDocKey, `INSERT INTO doc_key (coll, key, id, at, brief) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`},
	} {
		var err error
		if *p.to, err = w.prepare(ctx, p.sql); err != nil { //nolint:sqlclosecheck // prepare sees to it
			return err
		}
	}
	return nil
}
