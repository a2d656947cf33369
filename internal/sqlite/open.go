// Package sqlite keeps the ledger, the counts and the accounts of one machine
// in one SQLite file. Events and the counts that follow from them are written
// in one transaction, so that any number can be recomputed from the ledger.
//
// It does not know who sends events, what they mean, how an artifact's path is
// read or what HTTP is: it stores what it is given and answers questions.
package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	fileName      = "pkgmeter.db"
	applicationID = 0x706b676d // "pkgm", in the header of the file
	pageSize      = 8192
	sideReaders   = 2
)

// Options tunes a Store. The zero value is ready for use.
type Options struct {
	// Now is the clock. Default time.Now.
	Now func() time.Time

	// Readers is the most connections that answer questions. Default 4.
	Readers int

	// Rule is the number of the built-in rules that the caller derives with. It
	// is written down when the file is made. Default 1.
	Rule int
}

// A Store is one open data file. It may be used concurrently.
type Store struct {
	opt  Options
	path string
	read *sql.DB // for questions
	side *sql.DB // for accounts and settings: a login does not queue behind questions

	// One writer: mu is held over each transaction, and guards w and what
	// it remembers of committed transactions.
	mu        sync.Mutex
	w         *writer
	busySince atomic.Int64 // when the running transaction began, Unix nanoseconds; 0 for none

	meta     atomic.Pointer[meta] // as committed
	cols     columns
	unpacked unpackedPacks
	search   searchIndex
	catalog  catalogState
	end      ledgerEnd
	shown    shownFiles
	used     usePeriod
	balances atomic.Pointer[balanceSet]
	wal      walState
	fresh    struct{ rows, cells atomic.Int64 }
	sealing  sync.Mutex // held over a sealing, which is many transactions

	rebuilding sync.Mutex // held over a rebuild, which makes another generation
}

// meta is what the file says of itself.
type meta struct {
	ledgerID string
	epoch    int64
	gen      int64 // the generation that answers
	rule     int   // the rule set in force
	builtin  int   // the built-in rules in it
	own      string
	sliced   bool // counts are kept by client
	detailed bool // and clients have runtimes and systems; there are counts by source and consumer

	placesFrom    int64 // up to this row of the ledger no places are counted
	deletionsFrom int64 // likewise deletions
}

// Open opens the file in folder dir, makes or migrates it where needed, and
// reads what the writer has to remember. The caller holds the folder's lock.
// Errors that wrap [ErrRefused] mean that nothing was changed.
func Open(ctx context.Context, dir string, opt Options) (*Store, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Readers = max(opt.Readers, 0)
	if opt.Readers == 0 {
		opt.Readers = 4
	}
	opt.Rule = max(opt.Rule, 1)
	s := &Store{opt: opt, path: filepath.Join(dir, fileName)}
	s.search.init()
	if err := s.open(ctx); err != nil {
		if damaged(err) {
			err = &pkgmeter.Error{Code: pkgmeter.Conflict, Msg: fileName + " is damaged: restore a backup", Err: errors.Join(ErrRefused, err)}
		}
		s.Close() // the first error tells more
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the data file: %w", err)
	}
	// Another program's file is refused before SQLite could write to it: the
	// switch to WAL alone would change it.
	err = errors.Join(checkHeader(f), f.Close())
	if err != nil {
		return err
	}
	if s.w, err = openWriter(ctx, s.path); err != nil {
		return err
	}
	s.w.now = s.opt.Now
	if err := migrate(ctx, s.w.conn); err != nil {
		return err
	}
	if err := s.loadMeta(ctx); err != nil {
		return fmt.Errorf("read the data file: %w", err)
	}
	if err := s.w.load(ctx, s.meta.Load(), pkgmeter.DayOf(s.opt.Now())); err != nil {
		return fmt.Errorf("read the data file: %w", err)
	}
	if err := s.w.adoptRows(ctx, s.meta.Load().sliced); err != nil {
		return fmt.Errorf("migrate the counts of open days: %w", err)
	}
	if err := errors.Join(s.countFresh(ctx), s.findEnd(ctx)); err != nil {
		return fmt.Errorf("read the data file: %w", err)
	}
	rc, err := newConnector(s.path, "query_only = ON", "cache_size = -16384")
	if err != nil {
		return err
	}
	s.read, s.side = pool(rc, s.opt.Readers), pool(rc, sideReaders)
	return s.warm(ctx)
}

func pool(c driver.Connector, n int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

// checkHeader refuses a file that SQLite or this program did not write, and
// one of a newer schema, by the first bytes alone.
func checkHeader(f *os.File) error {
	head := make([]byte, 100)
	n, err := io.ReadFull(f, head)
	switch {
	case errors.Is(err, io.EOF):
		return nil // new
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("%s is no database: it has %d bytes", fileName, n)
	case err != nil:
		return fmt.Errorf("read the data file: %w", err)
	case bytes.Equal(head, make([]byte, len(head))):
		// The power may have gone while the first page was written: SQLite has a
		// journal then and begins anew, and else says that it is no database.
		return nil
	case string(head[:16]) != "SQLite format 3\x00":
		return refuse("%s is no SQLite database", fileName)
	}
	if app := binary.BigEndian.Uint32(head[68:]); app != 0 && app != applicationID {
		return refuseForeign()
	}
	return refuseNewer(int(binary.BigEndian.Uint32(head[60:])))
}

func (s *Store) loadMeta(ctx context.Context) error {
	_, err := s.w.conn.ExecContext(ctx, `
		INSERT INTO meta (one, ledger_id, epoch, gen, rule, builtin, sliced, detailed, created_ms) VALUES (1, ?, 1, 1, ?, ?, 1, 1, ?)
		ON CONFLICT DO NOTHING`, rand.Text(), s.opt.Rule, s.opt.Rule, s.opt.Now().UnixMilli())
	if err != nil {
		return err
	}
	m, err := readMeta(ctx, s.w.conn)
	s.meta.Store(m)
	if err != nil {
		return err
	}
	if err := s.loadCatalog(ctx); err != nil {
		return err
	}
	return s.loadUseDays(ctx)
}

type rowQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readMeta(ctx context.Context, q rowQueryer) (*meta, error) {
	m := new(meta)
	return m, q.QueryRowContext(ctx, `SELECT ledger_id, epoch, gen, rule, builtin, own, sliced, detailed, places_from, deletions_from FROM meta`).
		Scan(&m.ledgerID, &m.epoch, &m.gen, &m.rule, &m.builtin, &m.own, &m.sliced, &m.detailed, &m.placesFrom, &m.deletionsFrom)
}

// Close releases the file once a running write has ended. What was
// acknowledged is on disk already.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, db := range []*sql.DB{s.read, s.side} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.w != nil {
		errs = append(errs, s.w.close())
	}
	return errors.Join(errs...)
}

// Fatal reports whether err means that the file can no longer be trusted by
// this process: a failed fsync or write, or a damaged page. The process has to
// end; the next start recovers from what is really on disk.
func Fatal(err error) bool {
	return is(err, sqlite3.SQLITE_IOERR) || damaged(err)
}

func damaged(err error) bool {
	return is(err, sqlite3.SQLITE_CORRUPT) || is(err, sqlite3.SQLITE_NOTADB)
}

// is reports whether err is of a kind of SQLite's errors: extended codes have
// it in their low byte.
func is(err error, kind int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == kind
}

// full reports whether err says that the disk has no room: nothing was
// written, and the same write may succeed later.
func full(err error) bool { return is(err, sqlite3.SQLITE_FULL) }

// connector opens connections with the pragmas that durability rests on, and
// reads them back on every one: a pool opens connections whenever it likes,
// and a pragma that silently did not take would be found by a power cut only.
type connector struct {
	driver.Connector
	pragmas []string // in order: the size of pages has to come before the WAL
}

func newConnector(path string, pragmas ...string) (driver.Connector, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	c, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("open the data file: %w", err)
	}
	return connector{c, append([]string{
		"busy_timeout = 10000",
		fmt.Sprintf("page_size = %d", pageSize),
		"journal_mode = WAL",
		"synchronous = FULL",
		"foreign_keys = ON",
		"temp_store = MEMORY",
		"trusted_schema = OFF",
	}, pragmas...)}, nil
}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range c.pragmas {
		if _, err := pragma(ctx, conn, p); err != nil {
			return nil, errors.Join(fmt.Errorf("PRAGMA %s: %w", p, err), conn.Close())
		}
	}
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"},
	} {
		got, err := pragma(ctx, conn, want.pragma)
		if err == nil && got != want.value {
			err = refuse("PRAGMA %s is %s, want %s", want.pragma, got, want.value)
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// pragma sets or reads a pragma, and returns its answer if it has one.
func pragma(ctx context.Context, conn driver.Conn, text string) (string, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return "", errors.New("the SQLite driver cannot query")
	}
	rows, err := q.QueryContext(ctx, "PRAGMA "+text, nil)
	if err != nil {
		return "", err
	}
	v := make([]driver.Value, len(rows.Columns()))
	if len(v) == 0 {
		return "", rows.Close()
	}
	err = rows.Next(v)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return fmt.Sprint(v[0]), errors.Join(err, rows.Close())
}
