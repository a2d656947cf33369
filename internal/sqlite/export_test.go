package sqlite

import (
	"context"
	"database/sql"
	"fmt"
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
