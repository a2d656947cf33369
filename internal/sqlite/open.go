// Package sqlite keeps the ledger, the counts and the accounts of one machine
// in one SQLite file. Events and the counts that follow from them are written
// in one transaction, so that any number can be recomputed from the ledger.
//
// It does not know who sends events, what they mean, how an artifact's path is
// read or what HTTP is: it stores what it is given and answers questions.
package sqlite

import (
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
	"time"

	"github.com/pkgmeter/pkgmeter"
	"modernc.org/sqlite"
)

const (
	fileName      = "pkgmeter.db"
	applicationID = 0x706b676d // "pkgm", in the header of the file
	pageSize      = 8192
)

// Options tunes a Store. The zero value is ready for use.
type Options struct {
	// Now is the clock. Default time.Now.
	Now func() time.Time

	// Readers is the most connections that answer questions. Default 4.
	Readers int

	// Rule is the number of the rule set that the caller derives with. It is
	// written down when the file is made. Default 1.
	Rule int
}

// A Store is one open data file. It may be used concurrently.
type Store struct {
	opt  Options
	path string
	read *sql.DB

	// One writer: mu is held over each transaction, and guards w and what
	// it remembers of committed transactions.
	mu sync.Mutex
	w  *writer

	meta meta
	cols columns
	wal  walState
}

type meta struct {
	ledgerID string
	gen      int64
	rule     int
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
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
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
	if err := migrate(ctx, s.w.conn); err != nil {
		return err
	}
	if err := s.loadMeta(ctx); err != nil {
		return fmt.Errorf("read the data file: %w", err)
	}
	if err := s.w.load(ctx, s.meta.gen, pkgmeter.DayOf(s.opt.Now())); err != nil {
		return fmt.Errorf("read the data file: %w", err)
	}
	rc, err := newConnector(s.path, "query_only(1)", "cache_size(-16384)")
	if err != nil {
		return err
	}
	s.read = sql.OpenDB(rc)
	s.read.SetMaxOpenConns(s.opt.Readers)
	s.read.SetMaxIdleConns(s.opt.Readers)
	return s.warm(ctx)
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
		INSERT INTO meta (one, ledger_id, epoch, gen, rule, created_ms) VALUES (1, ?, 1, 1, ?, ?)
		ON CONFLICT DO NOTHING`, rand.Text(), s.opt.Rule, s.opt.Now().UnixMilli())
	if err != nil {
		return err
	}
	return s.w.conn.QueryRowContext(ctx, `SELECT ledger_id, gen, rule FROM meta`).
		Scan(&s.meta.ledgerID, &s.meta.gen, &s.meta.rule)
}

// Close releases the file. What was acknowledged is on disk already.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
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
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case 10, 11, 26: // SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB
			return true
		}
	}
	return false
}

// full reports whether err says that the disk has no room: nothing was
// written, and the same write may succeed later.
func full(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == 13 // SQLITE_FULL
}

// connector opens connections with the pragmas that durability rests on, and
// reads them back on every one: a pool opens connections whenever it likes,
// and a pragma that silently did not take would be found by a power cut only.
type connector struct{ driver.Connector }

func newConnector(path string, pragmas ...string) (driver.Connector, error) {
	q := url.Values{"_txlock": {"deferred"}}
	for _, p := range append([]string{
		fmt.Sprintf("page_size(%d)", pageSize),
		"busy_timeout(10000)",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
		"temp_store(MEMORY)",
		"trusted_schema(0)",
	}, pragmas...) {
		q.Add("_pragma", p)
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	c, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("open the data file: %w", err)
	}
	return connector{c}, nil
}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"},
	} {
		got, err := readPragma(ctx, conn, want.pragma)
		if err == nil && got != want.value {
			err = refuse("PRAGMA %s is %s, want %s", want.pragma, got, want.value)
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

func readPragma(ctx context.Context, conn driver.Conn, name string) (string, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return "", errors.New("the SQLite driver cannot query")
	}
	rows, err := q.QueryContext(ctx, "PRAGMA "+name, nil)
	if err != nil {
		return "", err
	}
	v := make([]driver.Value, 1)
	err = rows.Next(v)
	return fmt.Sprint(v[0]), errors.Join(err, rows.Close())
}
