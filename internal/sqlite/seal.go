package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// A B-tree of random keys slows down as it grows. So new keys go to a log, which
// is appended to, and are sorted into segments once there are many.
const (
	sealKeys     = 1 << 20 // keys of the log that make a segment
	keysPerChunk = 4096
	mergeOf      = 8       // segments of like size become one
	maxSegment   = 8 << 20 // keys; larger ones are not merged again
	mergeDays    = 30      // receipts that one segment may be apart: all its keys are dropped together
	sealStep     = 64      // chunks in one transaction
)

// Seal moves the keys of the log into a segment if there are many, merges
// segments and drops those that are too old. Each step is a transaction after
// which the same keys are known. Only one may run at a time.
func (s *Store) Seal(ctx context.Context) error { return s.seal(ctx, sealKeys) }

func (s *Store) seal(ctx context.Context, least int) error {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	if err := s.dropSegments(ctx); err != nil {
		return fmt.Errorf("drop old keys: %w", err)
	}
	upTo, err := s.beginSeal(ctx, least)
	if err == nil && upTo > 0 {
		err = s.sealLog(ctx, upTo)
	}
	if err == nil {
		err = s.mergeSegments(ctx)
	}
	if err != nil {
		return fmt.Errorf("seal keys: %w", err)
	}
	return nil
}

// beginSeal sets the keys of the log apart and returns the last row of it that
// is among them, 0 if they are too few.
func (s *Store) beginSeal(ctx context.Context, least int) (upTo int64, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		k := &w.keys
		if k.oldTo > 0 {
			upTo = k.oldTo // an earlier attempt failed
			return nil
		}
		if len(k.young) < least {
			return nil
		}
		if err := w.conn.QueryRowContext(ctx, `SELECT coalesce(max(pos), 0) FROM key_log`).Scan(&upTo); err != nil || upTo == 0 {
			return err
		}
		k.old, k.oldTo, k.young = k.young, upTo, map[key]struct{}{}
		return nil
	})
	return upTo, err
}

// sealLog writes the keys of the log up to a row as a segment.
func (s *Store) sealLog(ctx context.Context, upTo int64) error {
	g := &segment{}
	var keys []key
	err := eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var day pkgmeter.Day
		var b sql.RawBytes
		if err := rows.Scan(&day, &b); err != nil {
			return err
		}
		if g.minDay == 0 {
			g.minDay, g.maxDay = day, day
		}
		g.minDay, g.maxDay = min(g.minDay, day), max(g.maxDay, day)
		for ; len(b) >= len(key{}); b = b[len(key{}):] {
			keys = append(keys, key(b))
		}
		return nil
	}, `SELECT day, keys FROM key_log WHERE pos <= ? ORDER BY pos`, upTo)
	if err != nil {
		return err
	}
	slices.SortFunc(keys, func(a, b key) int { return bytes.Compare(a[:], b[:]) })
	keys = slices.Compact(keys)
	at := 0
	return s.writeSegment(ctx, g, len(keys), nil, func() (key, bool, error) {
		if at == len(keys) {
			return key{}, false, nil
		}
		at++
		return keys[at-1], true, nil
	}, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `DELETE FROM key_log WHERE pos <= ?`, upTo)
		return err
	})
}

// writeSegment writes n sorted keys as a segment, some chunks a transaction;
// with the filter, which brings it into force, goes what its keys were before.
func (s *Store) writeSegment(ctx context.Context, g *segment, n int, merged []int64, next func() (key, bool, error), forget func(context.Context, *writer) error) error {
	g.n, g.filter, g.prefix = n, newFilter(n), max(0, bits.Len(uint(n/keysPerChunk))-1)
	err := s.update(ctx, func(_ context.Context, w *writer) error {
		g.id = w.keys.next
		w.keys.next++
		return nil
	})
	if err != nil {
		return err
	}
	chunks := chunker{g: g, next: next}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := chunks.some(sealStep)
		if err != nil {
			return err
		}
		more = len(batch) == sealStep
		err = s.update(ctx, func(ctx context.Context, w *writer) error {
			for _, c := range batch {
				if _, err := w.conn.ExecContext(ctx, `INSERT INTO key_seg (seg, chunk, keys) VALUES (?, ?, ?)`, g.id, c.number, c.keys); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		if err := forget(ctx, w); err != nil {
			return err
		}
		w.keys.sealed, w.keys.merged = g, merged
		_, err := w.conn.ExecContext(ctx, `INSERT INTO key_filter (seg, min_day, max_day, n, prefix, bits) VALUES (?, ?, ?, ?, ?, ?)`,
			g.id, int64(g.minDay), int64(g.maxDay), g.n, g.prefix, []byte(g.filter))
		return err
	})
}

// chunker cuts sorted keys into chunks, and fills the filter on the way.
type chunker struct {
	g    *segment
	next func() (key, bool, error)
	held *key // the first key of the chunk after
}

type keyChunk struct {
	number int64
	keys   []byte
}

func (c *chunker) some(most int) (chunks []keyChunk, err error) {
	for {
		k, ok := c.held, true
		if c.held = nil; k == nil {
			var n key
			if n, ok, err = c.next(); err != nil {
				return nil, err
			}
			k = &n
		}
		if !ok {
			return chunks, nil
		}
		number := k.number(c.g.prefix)
		if n := len(chunks); n == 0 || chunks[n-1].number != number {
			if n == most {
				c.held = k
				return chunks, nil
			}
			chunks = append(chunks, keyChunk{number: number})
		}
		c.g.filter.put(k)
		last := &chunks[len(chunks)-1]
		last.keys = append(last.keys, k[c.g.omitted():]...)
	}
}

// mergeSegments merges segments of like size whose keys came within some days.
func (s *Store) mergeSegments(ctx context.Context) error {
	s.mu.Lock()
	segs := slices.Clone(s.w.keys.segs)
	s.mu.Unlock()
	slices.SortFunc(segs, func(a, b *segment) int { return int(a.minDay - b.minDay) })
	byLevel := map[int][]*segment{}
	for _, g := range segs {
		level := bits.Len(uint(g.n / sealKeys))
		of := byLevel[level]
		if len(of) > 0 && g.maxDay-of[0].minDay > mergeDays {
			of = nil
		}
		if g.n*mergeOf > maxSegment+maxSegment/2 {
			continue
		}
		if of = append(of, g); len(of) == mergeOf {
			return s.merge(ctx, of)
		}
		byLevel[level] = of
	}
	return nil
}

// merge writes segments as one.
func (s *Store) merge(ctx context.Context, of []*segment) error {
	into, n := &segment{minDay: of[0].minDay, maxDay: of[0].maxDay}, 0
	var readers []*segmentReader
	var ids []int64
	for _, g := range of {
		into.minDay, into.maxDay = min(into.minDay, g.minDay), max(into.maxDay, g.maxDay)
		n += g.n
		ids = append(ids, g.id)
		r := &segmentReader{s: s, g: g, chunk: -1}
		if err := r.step(ctx); err != nil {
			return err
		}
		readers = append(readers, r)
	}
	return s.writeSegment(ctx, into, n, ids, func() (key, bool, error) {
		var least *segmentReader
		for _, r := range readers {
			if !r.done && (least == nil || bytes.Compare(r.key[:], least.key[:]) < 0) {
				least = r
			}
		}
		if least == nil {
			return key{}, false, nil
		}
		k := least.key
		return k, true, least.step(ctx)
	}, func(ctx context.Context, w *writer) error {
		for _, id := range ids {
			if _, err := w.conn.ExecContext(ctx, `DELETE FROM key_filter WHERE seg = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// segmentReader walks over the keys of a segment.
type segmentReader struct {
	s     *Store
	g     *segment
	chunk int64
	rest  []byte
	key   key
	done  bool
}

func (r *segmentReader) step(ctx context.Context) error {
	omitted := r.g.omitted()
	if len(r.rest) == 0 {
		switch err := r.s.side.QueryRowContext(ctx, `SELECT chunk, keys FROM key_seg WHERE seg = ? AND chunk > ? ORDER BY chunk LIMIT 1`,
			r.g.id, r.chunk).Scan(&r.chunk, &r.rest); {
		case errors.Is(err, sql.ErrNoRows):
			r.done = true
			return nil
		case err != nil:
			return err
		}
	}
	if omitted == 1 {
		r.key[0] = byte(r.chunk >> (r.g.prefix - 8))
	}
	n := copy(r.key[omitted:], r.rest)
	r.rest = r.rest[n:]
	return nil
}

// dropSegments drops segments all of whose keys are old, and chunks of segments
// that have no filter: of those, of merged ones, and of a sealing that did not
// end.
func (s *Store) dropSegments(ctx context.Context) error {
	old := pkgmeter.DayOf(s.opt.Now()) - keyDays
	var waste int
	err := s.side.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM key_filter WHERE max_day < ?) OR EXISTS (SELECT 1 FROM key_seg WHERE seg NOT IN (SELECT seg FROM key_filter))`,
		int64(old)).Scan(&waste)
	if err != nil || waste == 0 {
		return err
	}
	var gone []int64
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		for _, g := range w.keys.segs {
			if g.maxDay < old {
				gone = append(gone, g.id)
			}
		}
		for _, id := range gone {
			if _, err := w.conn.ExecContext(ctx, `DELETE FROM key_filter WHERE seg = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.w.keys.segs = slices.DeleteFunc(s.w.keys.segs, func(g *segment) bool { return slices.Contains(gone, g.id) })
	s.mu.Unlock()
	for n := int64(sealStep); n == sealStep; {
		err := s.update(ctx, func(ctx context.Context, w *writer) error {
			res, err := w.conn.ExecContext(ctx, `
				DELETE FROM key_seg WHERE (seg, chunk) IN (
					SELECT seg, chunk FROM key_seg WHERE seg NOT IN (SELECT seg FROM key_filter) LIMIT ?)`, sealStep)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
