package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// ledgerEnd is the number of the last event, as committed, and who waits for
// more. A commit that nobody waits for stores a number, and no more.
type ledgerEnd struct {
	mu      sync.Mutex
	last    int64
	changed chan struct{} // closed at the next commit of events; nil if nobody waits
}

func (l *ledgerEnd) set(last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = last
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// LedgerEnd returns the number of the last event that is committed, 0 if there
// is none, and a channel that closes when there are more.
func (s *Store) LedgerEnd() (last int64, changed <-chan struct{}) {
	l := &s.end
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.last, l.changed
}

// LedgerName names the numbers of events: they are of other events under
// another name, as after a backup was restored. It gives nothing away.
func (s *Store) LedgerName() string {
	m := s.meta.Load()
	sum := sha256.Sum256(fmt.Appendf(nil, "events of %s since %d", m.ledgerID, m.epoch))
	return hex.EncodeToString(sum[:8])
}

// findEnd finds where the ledger ends.
func (s *Store) findEnd(ctx context.Context) error {
	var pos, next int64 = 0, 1
	err := s.w.lastRow.QueryRowContext(ctx).Scan(&pos, &next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	s.end.set(next - 1)
	return nil
}

// Recorded calls visit for the events with numbers above after up to upTo, in
// their order. It takes the longer the further after is from the end.
func (s *Store) Recorded(ctx context.Context, after, upTo int64, visit func(pkgmeter.Recorded) error) error {
	err := s.view(ctx, func(tx *sql.Tx) error {
		m, err := readMeta(ctx, tx)
		if err != nil {
			return err
		}
		pos, err := rowBefore(ctx, tx, after+1)
		if err != nil {
			return err
		}
		names := newSaidNames(tx)
		return eachNumbered(ctx, tx, pos, func(_, number int64, e said) error {
			if number <= after {
				return nil
			}
			if number > upTo {
				return errEnough
			}
			r, err := s.recorded(ctx, names, m.gen, number, e)
			if err != nil {
				return err
			}
			return visit(r)
		})
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// rowBefore returns the position of the row before the one with an event, by
// going back from the end.
func rowBefore(ctx context.Context, tx queryer, number int64) (pos int64, err error) {
	err = eachRow(ctx, tx, func(rows *sql.Rows) error {
		var first int64
		if err := rows.Scan(&pos, &first); err != nil {
			return err
		}
		if pos--; first <= number {
			return errEnough
		}
		return nil
	}, `SELECT pos, first_event FROM ledger ORDER BY pos DESC`)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return pos, err
}

func (s *Store) recorded(ctx context.Context, names *saidNames, gen, number int64, e said) (r pkgmeter.Recorded, err error) {
	r.Number = number
	r.Event = pkgmeter.Event{Op: e.op, Flags: e.flags, Country: e.country, Time: fromMS(e.timeMS), Status: e.status, Bytes: e.bytes}
	if r.File, err = s.shown.file(ctx, names.tx, gen, e.file); err != nil {
		return r, fmt.Errorf("file %d: %w", e.file, err)
	}
	return r, names.who(ctx, &r.Event, e)
}

// shownFilesBytes bounds what is remembered of files that were shown lately.
const shownFilesBytes = 8 << 20

// shownFiles remembers the facts of files: the same few are fetched again and
// again, and they are names from six tables.
type shownFiles struct {
	mu    sync.Mutex
	gen   int64
	known *cache[int64, *pkgmeter.File]
}

func (k *shownFiles) file(ctx context.Context, tx *sql.Tx, gen, id int64) (*pkgmeter.File, error) {
	const weight = 512
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || k.gen != gen {
		k.gen, k.known = gen, newCache[int64, *pkgmeter.File](shownFilesBytes)
	}
	if f, ok := k.known.get(id, weight); ok {
		return f, nil
	}
	f := new(pkgmeter.File)
	err := tx.QueryRowContext(ctx, `
		SELECT repo.name, name.name, type.name, package.name, version.name, r.kind, r.sidecar_of, r.legacy_type, r.confidence
		FROM file_rule r JOIN repo ON repo.id = r.repo_id JOIN name ON name.id = r.name_id JOIN package ON package.id = r.package_id
		JOIN type ON type.id = package.type_id JOIN version ON version.id = r.version_id WHERE r.gen = ? AND r.file_id = ?`, gen, id).
		Scan(&f.Repository, &f.Name, &f.Type, &f.Package, &f.Version, &f.Kind, &f.SidecarOf, &f.Legacy, &f.Confidence)
	if err == nil {
		k.known.put(id, f, weight)
	}
	return f, err
}
