package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"modernc.org/sqlite"
)

// FileName is the name of the data file in its folder.
const FileName = fileName

// A crash leaves snapshots behind under these names.
const (
	snapshotPattern = "snapshot-*.tmp"
	stepPages       = 32      // pages copied while the writer waits: 256 KiB
	syncEvery       = 4 << 20 // bytes of the copy that may wait for the disk
)

// A Snapshot says what a copy of the data file holds.
type Snapshot struct {
	Name     string `json:"name"`      // of the file in the data folder
	Size     int64  `json:"size"`      // bytes
	Schema   int    `json:"schema"`    // of the file, which may be older than this program's
	LedgerID string `json:"ledger_id"` // of the installation
	Epoch    int64  `json:"epoch"`     // changes when clients have to start anew
	Position int64  `json:"position"`  // of the ledger's last row
	Events   int64  `json:"events"`
}

// Snapshot copies the data file, while commits go on, into a new file of the
// same folder, which is synced. What was acknowledged before the call is in
// it, and whole commits only. pace is told the size of each piece that was
// copied; it may wait, and ends with its context. The caller removes the file; there is none after an error.
//
// The pages are copied through the connection that writes, a few at a time:
// SQLite then brings pages that are written meanwhile into the copy as well,
// and no reader is there that would keep the WAL from beginning anew. A reader
// on a connection of its own, as VACUUM INTO is one, holds the WAL for as long
// as it takes; it grows, and the writer is stopped each second to see whether
// it may begin anew.
func (s *Store) Snapshot(ctx context.Context, pace func(context.Context, int) error) (Snapshot, error) {
	return snapshot(ctx, &source{conn: s.w.conn, mu: &s.mu}, filepath.Dir(s.path), pace)
}

// SnapshotOf is [Store.Snapshot] of a folder whose store is not open, and whose
// lock the caller holds. The file is copied as it is: an older schema is not
// migrated, so that a backup can go before an upgrade.
func SnapshotOf(ctx context.Context, dir string, pace func(context.Context, int) error) (snap Snapshot, err error) {
	path := filepath.Join(dir, fileName)
	f, err := os.Open(path)
	if err != nil {
		return snap, fmt.Errorf("open the data file: %w", err)
	}
	if err := errors.Join(checkHeader(f), f.Close()); err != nil {
		return snap, err
	}
	w, err := openWriter(ctx, path)
	if err != nil {
		return snap, err
	}
	snap, err = snapshot(ctx, &source{conn: w.conn, mu: new(sync.Mutex)}, dir, pace)
	return snap, errors.Join(err, w.close())
}

func snapshot(ctx context.Context, from *source, dir string, pace func(context.Context, int) error) (snap Snapshot, err error) {
	f, err := os.CreateTemp(dir, snapshotPattern)
	if err != nil {
		return snap, fmt.Errorf("make a snapshot: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(fmt.Errorf("make a snapshot: %w", explain(err)), os.Remove(f.Name()))
		}
	}()
	if err := from.copyTo(ctx, f, pace); err != nil {
		return snap, err
	}
	if err := f.Sync(); err != nil {
		return snap, err
	}
	return Look(ctx, f.Name())
}

// source is the one connection that all writes go through.
type source struct {
	conn *sql.Conn
	mu   sync.Locker // held while the connection is used
}

// copyTo copies all pages into the empty file f.
func (s *source) copyTo(ctx context.Context, f *os.File, pace func(context.Context, int) error) error {
	var b *sqlite.Backup
	err := s.use(func(conn any) (err error) {
		from, ok := conn.(interface {
			NewBackup(uri string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the SQLite driver cannot copy")
		}
		// A copy that is cut is thrown away: it needs no journal.
		b, err = from.NewBackup(fileURI(f.Name(), url.Values{"_pragma": {"journal_mode(OFF)", "synchronous(OFF)"}}))
		return err
	})
	if err != nil {
		return err
	}
	err = s.steps(ctx, b, f, pace)
	if end := s.use(func(any) error { return b.Finish() }); err == nil {
		err = end // else it says the same
	}
	return err
}

func (s *source) steps(ctx context.Context, b *sqlite.Backup, f *os.File, pace func(context.Context, int) error) error {
	for unsynced, more := 0, true; more; {
		err := s.use(func(any) (err error) {
			more, err = b.Step(stepPages)
			return err
		})
		if err != nil {
			return err
		}
		// Commits wait for the same disk: what is copied must not pile up
		// before it, else one of them waits for all of it.
		if unsynced += stepPages * pageSize; unsynced >= syncEvery {
			unsynced = 0
			if err := f.Sync(); err != nil {
				return err
			}
		}
		if err := pace(ctx, stepPages*pageSize); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) use(f func(conn any) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Raw(f)
}

// fileURI names a file for SQLite.
func fileURI(path string, params url.Values) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: params.Encode()}
	return u.String()
}

// openCopy opens a copy that nobody writes to, and leaves it and its folder as
// they are.
func openCopy(path string) (*sql.DB, error) {
	return sql.Open("sqlite", fileURI(path, url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"trusted_schema(OFF)"}}))
}

// Look reads what a copy says of itself.
func Look(ctx context.Context, path string) (Snapshot, error) {
	snap := Snapshot{Name: filepath.Base(path)}
	info, err := os.Stat(path)
	if err != nil {
		return snap, err
	}
	snap.Size = info.Size()
	db, err := openCopy(path)
	if err != nil {
		return snap, err
	}
	defer db.Close()
	return snap, snap.read(ctx, db)
}

func (s *Snapshot) read(ctx context.Context, db *sql.DB) error {
	var app int
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&app); err != nil {
		return err
	}
	if app != applicationID {
		return errors.New("it is not a database of pkgmeter")
	}
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&s.Schema); err != nil {
		return err
	}
	err := db.QueryRowContext(ctx, `SELECT ledger_id, epoch FROM meta`).Scan(&s.LedgerID, &s.Epoch)
	if err != nil {
		return err
	}
	err = db.QueryRowContext(ctx, `SELECT pos, first_event + n - 1 FROM ledger ORDER BY pos DESC LIMIT 1`).Scan(&s.Position, &s.Events)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// uploadSoonOver is how long before its end an upload that was not published
// is no longer looked after: its bytes may be removed while somebody still reads
// all others.
const uploadSoonOver = 6 * time.Hour

// A Needed is bytes that something refers to.
type Needed struct {
	SHA256 []byte `json:"sha256"`
	Size   int64  `json:"size"` // bytes
	Path   string `json:"path"` // the first one at which they are served; "" before they are published
}

// needed selects bytes from a digest on, in order: those of files that are
// served, and of uploads that may still be published. Other rows are left alone,
// as a sweep takes them away together with their bytes.
const needed = `
	SELECT b.sha256, b.size, coalesce(min(f.path), '')
	FROM blob b LEFT JOIN file_url f ON f.sha256 = b.sha256
	WHERE b.sha256 >= ? AND (f.path IS NOT NULL
		OR EXISTS (SELECT 1 FROM pending p WHERE p.expires_ms > ? AND (p.source = b.sha256 OR p.readme = b.sha256)))
	GROUP BY b.sha256 ORDER BY b.sha256 LIMIT ?`

func eachNeeded(ctx context.Context, q queryer, from []byte, now time.Time, limit int, visit func(Needed)) error {
	return eachRow(ctx, q, func(rows *sql.Rows) error {
		var n Needed
		if err := rows.Scan(&n.SHA256, &n.Size, &n.Path); err != nil {
			return err
		}
		visit(n)
		return nil
	}, needed, from, now.Add(uploadSoonOver).UnixMilli(), limit)
}

// Needed returns bytes that something refers to, in the order of their digests:
// at most limit of them, from the given digest on.
func (s *Store) Needed(ctx context.Context, from []byte, limit int) (list []Needed, err error) {
	list = []Needed{}
	err = eachNeeded(ctx, s.side, append([]byte{}, from...), s.opt.Now(), limit, func(n Needed) { list = append(list, n) })
	return list, err
}

// NeededBy returns the bytes that a copy refers to at the given time, in the
// order of their digests.
func NeededBy(ctx context.Context, path string, now time.Time) (list []pkgmeter.Blob, err error) {
	db, err := openCopy(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var there int // a copy may be of an older schema
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name IN ('blob', 'file_url', 'pending')`).Scan(&there)
	if err == nil && there == 3 {
		err = eachNeeded(ctx, db, []byte{}, now, -1, func(n Needed) {
			b := pkgmeter.Blob{Size: n.Size}
			copy(b.SHA256[:], n.SHA256)
			list = append(list, b)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list the files of packages: %w", err)
	}
	return list, nil
}

// Verify reads a whole copy and returns what it holds. It fails if a page or a
// row of the ledger is not what was written. Whether counts agree with the
// ledger it does not look at.
func Verify(ctx context.Context, path string) (Snapshot, error) {
	snap, err := Look(ctx, path)
	if err != nil {
		return snap, fmt.Errorf("check the snapshot: %w", err)
	}
	db, err := openCopy(path)
	if err != nil {
		return snap, err
	}
	defer db.Close()
	var answer string
	err = db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&answer)
	if err == nil && answer != "ok" {
		err = errors.New(answer)
	}
	if err == nil {
		err = verifyLedger(ctx, db)
	}
	if err != nil {
		return snap, fmt.Errorf("check the snapshot: %w", err)
	}
	return snap, nil
}

// verifyLedger looks for rows that are missing or changed, whatever their codec.
func verifyLedger(ctx context.Context, db *sql.DB) error {
	next := int64(1)
	return eachRow(ctx, db, func(rows *sql.Rows) error {
		var pos, first, n, crc int64
		var body sql.RawBytes
		if err := rows.Scan(&pos, &first, &n, &crc, &body); err != nil {
			return err
		}
		if first != next || checksum(body) != crc {
			return fmt.Errorf("row %d of the ledger is damaged, or one before it is missing", pos)
		}
		next = first + n
		return nil
	}, `SELECT pos, first_event, n, crc, body FROM ledger ORDER BY pos`)
}

// Renew makes a copy that is about to be used in the place of its original one
// that clients recognise as another: those that have seen more than it holds
// start anew. The new epoch is the time, as two copies of one backup must
// differ from each other too. Nothing else is changed, an older schema neither.
func Renew(ctx context.Context, path string, now time.Time) error {
	w, err := openWriter(ctx, path)
	if err != nil {
		return err
	}
	var catalog int
	_, err = w.conn.ExecContext(ctx, `UPDATE meta SET epoch = max(epoch + 1, ?)`, now.UnixMilli())
	if err == nil {
		err = w.conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'catalog'`).Scan(&catalog)
	}
	if err == nil && catalog > 0 {
		_, err = w.conn.ExecContext(ctx, `UPDATE catalog SET last_deletion = max(last_deletion + 1, ?)`, now.UnixMilli())
	}
	if err != nil {
		err = fmt.Errorf("renew the copy: %w", err)
	}
	return errors.Join(err, w.close())
}

// RemoveSnapshots removes what copies that were cut by a crash left in a
// folder, whose lock the caller holds.
func RemoveSnapshots(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if left, bad := filepath.Match(snapshotPattern, e.Name()); left && bad == nil {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
