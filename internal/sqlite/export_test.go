package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// EachConnection calls f for the writer's connection and for as many readers
// as the pool may have, all held at once.
func (s *Store) EachConnection(ctx context.Context, f func(*sql.Conn) error) error {
	if err := f(s.w.conn); err != nil {
		return err
	}
	for range s.opt.Readers {
		conn, err := s.read.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := f(conn); err != nil {
			return err
		}
	}
	return nil
}

// LimitPages makes the file as full as a disk without room for more pages.
func (s *Store) LimitPages(ctx context.Context, n int) error {
	_, err := s.w.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, n))
	return err
}

// SealAt seals keys as soon as there are so many.
func (s *Store) SealAt(ctx context.Context, least int) error { return s.seal(ctx, least) }

// FreshCounts returns how many rows and cells wait to be folded.
func (s *Store) FreshCounts() (rows, cells int64) { return s.fresh.rows.Load(), s.fresh.cells.Load() }

// Commits returns how many transactions there were.
func (s *Store) Commits() int64 { return s.wal.commits.Load() }

// Unpacked returns how many runs are kept unpacked, and their size.
func (s *Store) Unpacked() (runs, bytes int) {
	s.unpacked.mu.Lock()
	defer s.unpacked.mu.Unlock()
	return len(s.unpacked.runs), s.unpacked.bytes
}

// ForgetUnpacked drops them.
func (s *Store) ForgetUnpacked() {
	s.unpacked.mu.Lock()
	defer s.unpacked.mu.Unlock()
	s.unpacked.runs, s.unpacked.bytes = nil, 0
}

// KeepUnpacked keeps a run of n cells for a slice.
func (s *Store) KeepUnpacked(slice int64, n int) {
	c := new(cells.Columns)
	for i := range n {
		c.Append(uint32(i), 1, 1, 1)
	}
	s.unpacked.put(slot{slice: slice}, 1, c)
}

// IsUnpacked reports whether that run is kept.
func (s *Store) IsUnpacked(slice int64) bool { return s.unpacked.get(slot{slice: slice}, 1) != nil }

// LimitSearch bounds what searches keep: bytes of names, and counts that wait.
func (s *Store) LimitSearch(bytes, late int) { s.search.room, s.search.late.most = bytes, late }

// SumSearchAfter sums the counts of names up, as a search does where they are not
// there; f runs after commits were asked to tell, and before the snapshot is taken.
func (s *Store) SumSearchAfter(ctx context.Context, f func()) error {
	x := &s.search
	x.turn <- struct{}{}
	defer func() { <-x.turn }()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.late.begin()
	f()
	by := pkgmeter.ByFile
	return s.ask(ctx, everything(s.opt.Now()), &by, func(q *question) error { return x.sum(ctx, s, q) })
}

// CatchUpAndLeave catches searches up for an asker who leaves in the middle.
func (s *Store) CatchUpAndLeave(ctx context.Context) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	return s.search.catchUp(ctx, s, func(ctx context.Context, q pkgmeter.Query, by *pkgmeter.Key, f func(*question) error) error {
		return s.ask(ctx, q, by, func(q *question) error {
			leave()
			return f(q)
		})
	})
}

// TellLate tells searches what the last commit added, as one does that comes to it
// only now.
func (s *Store) TellLate(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pos int64
	if err := s.w.conn.QueryRowContext(ctx, `SELECT max(pos) FROM ledger`).Scan(&pos); err != nil {
		return err
	}
	s.search.late.tell(pos, s.w.sums.cells)
	return nil
}

// HoldSearch brings names up to date for as long as until release is called.
func (s *Store) HoldSearch() (release func()) {
	s.search.turn <- struct{}{}
	return func() { <-s.search.turn }
}

// HoldIndex is HoldSearch at a moment at which nobody can look into the index.
func (s *Store) HoldIndex() (release func()) {
	done := s.HoldSearch()
	s.search.mu.Lock()
	return func() {
		s.search.mu.Unlock()
		done()
	}
}

// Find looks for names in the index as it is.
func (s *Store) Find(ctx context.Context, search pkgmeter.Search) error {
	_, _, err := s.search.find(ctx, search, nil)
	return err
}

// Copied reports whether all commits were copied out of the WAL.
func (s *Store) Copied() bool { return s.wal.copied.Load() == s.wal.commits.Load() }
