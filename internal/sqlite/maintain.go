package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// maxWAL is the size from which the WAL is begun anew; until then checkpoints
// only copy pages beside the writer.
const maxWAL = 32 << 20

// walState tells when there is something to copy out of the WAL.
type walState struct{ commits, copied atomic.Int64 }

// Maintain does what has to be done beside the write path until ctx ends:
// pages of the WAL go into the file each second, and fresh counts into packs
// when there are many; days are packed and old keys dropped each minute. It returns an error only for one
// that is [Fatal]; others are given to report and tried again.
func (s *Store) Maintain(ctx context.Context, report func(error)) error {
	second, minute := time.NewTicker(time.Second), time.NewTicker(time.Minute)
	defer second.Stop()
	defer minute.Stop()
	ctx, cancel := context.WithCancel(ctx)
	var counting sync.WaitGroup
	defer func() {
		cancel()
		counting.Wait()
	}()
	busy, failed := make(chan struct{}, 1), make(chan error, 1)
	count := func() { // beside the rest: a first count, or one after a recount, takes long
		select {
		case busy <- struct{}{}:
		default:
			return
		}
		counting.Go(func() {
			defer func() { <-busy }()
			if err := s.search.catchUp(ctx, s, s.answer); err != nil && ctx.Err() == nil {
				select {
				case failed <- fmt.Errorf("count names: %w", err):
				default: // one is told already
				}
			}
		})
	}
	count() // the first search would wait for it
	err := s.tidy(ctx)
	for {
		if ctx.Err() != nil {
			return nil
		}
		if Fatal(err) {
			return err
		}
		if err != nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
			if err = s.Tend(ctx); err == nil && s.manyKeys() {
				err = s.Seal(ctx)
			}
			if err == nil && s.search.late.waiting() {
				count()
			}
		case err = <-failed:
		case <-minute.C:
			err = s.tidy(ctx)
		}
	}
}

func (s *Store) tidy(ctx context.Context) error {
	if err := s.Pack(ctx); err != nil {
		return fmt.Errorf("pack counts: %w", err)
	}
	if err := s.forgetKeys(ctx); err != nil {
		return fmt.Errorf("drop old keys: %w", err)
	}
	if s.rebuilding.TryLock() {
		err := s.dropOthers(ctx)
		s.rebuilding.Unlock()
		if err != nil {
			return fmt.Errorf("drop counts of before a recount: %w", err)
		}
	}
	return s.Seal(ctx)
}

// manyKeys reports whether the log has enough keys for a segment.
func (s *Store) manyKeys() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.w.keys.young) >= sealKeys
}

// forgetKeys drops the keys that are older than [keyDays] from the file. In
// memory they go with the next start: until then they only make the promise
// longer.
func (s *Store) forgetKeys(ctx context.Context) error {
	old := int64(pkgmeter.DayOf(s.opt.Now())) - keyDays
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM key_log WHERE day < ? LIMIT 1)`, old).Scan(&n); err != nil || n == 0 {
		return err
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `DELETE FROM key_log WHERE day < ?`, old)
		return err
	})
}

// Checkpoint copies committed pages from the WAL into the file. Commits go on
// meanwhile; only when the WAL has grown beyond [maxWAL] are they held up for
// the last pages, so that the WAL can begin anew.
func (s *Store) Checkpoint(ctx context.Context) error {
	commits := s.wal.commits.Load()
	if commits == s.wal.copied.Load() {
		return nil
	}
	var busy, pages, copied int64
	err := s.read.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &copied)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	s.wal.copied.Store(commits)
	if pages*pageSize <= maxWAL {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Questions that began before the copy hold the WAL: wait for them a little,
	// and for longer the larger it is. Else the next second tries again.
	patience := min(20*pages*pageSize/maxWAL, 1000) // ms
	for _, q := range []string{fmt.Sprintf(`PRAGMA busy_timeout = %d`, patience), `PRAGMA wal_checkpoint(RESTART)`, `PRAGMA busy_timeout = 10000`} {
		if _, err := s.w.conn.ExecContext(context.WithoutCancel(ctx), q); err != nil && Fatal(err) {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return nil
}
