package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"github.com/pkgmeter/pkgmeter"
)

// keyDays is how long an idempotency key is kept at least, counted from the day
// of its receipt.
const keyDays = 400

// key is the first 80 bits of SHA-256(source NUL id). With a thousand million
// keys, one in 10^15 new ids would be taken for a known one.
type key [10]byte

// number is the first bits of a key, as many as asked for.
func (k *key) number(n int) int64 {
	if n == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(k[:8]) >> (64 - n))
}

// keySet knows all keys: those in the log by themselves, those in segments by
// their filters, which send few questions on to the file. Keys of the running
// transaction stand in the set already, and are taken out again if it fails.
type keySet struct {
	young map[key]struct{} // of the log
	old   map[key]struct{} // of that part of the log that is being sealed
	oldTo int64            // the last row of the log in old; 0 for none
	segs  []*segment       // newest first
	next  int64            // number of the next segment: none is used twice

	fresh  []key
	sealed *segment // what the running transaction brings into force
	merged []int64  // and in the place of these

	chunks *cache[chunkAt, []byte]
	find   *sql.Stmt
	buf    []byte
}

// segment is a sorted run of keys in the file, with its filter in memory.
type segment struct {
	id             int64
	minDay, maxDay pkgmeter.Day
	n              int
	prefix         int // bits that choose the chunk
	filter         filter
}

type chunkAt struct{ seg, chunk int64 }

const chunkCacheBytes = 16 << 20

func (s *keySet) load(ctx context.Context, conn *sql.Conn, prepare preparer, today pkgmeter.Day) (err error) {
	s.young, s.old, s.oldTo, s.segs = map[key]struct{}{}, nil, 0, nil
	s.chunks = newCache[chunkAt, []byte](chunkCacheBytes)
	if s.find, err = prepare(ctx, `SELECT keys FROM key_seg WHERE seg = ? AND chunk = ?`); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, `
		SELECT 1 + max(coalesce((SELECT max(seg) FROM key_seg), 0), coalesce((SELECT max(seg) FROM key_filter), 0))`).Scan(&s.next); err != nil {
		return err
	}
	err = eachRow(ctx, conn, func(rows *sql.Rows) error {
		g := new(segment)
		err := rows.Scan(&g.id, &g.minDay, &g.maxDay, &g.n, &g.prefix, &g.filter)
		s.segs = append(s.segs, g)
		return err
	}, `SELECT seg, min_day, max_day, n, prefix, bits FROM key_filter ORDER BY seg DESC`)
	if err != nil {
		return err
	}
	return eachRow(ctx, conn, func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		for ; len(b) >= len(key{}); b = b[len(key{}):] {
			s.young[key(b)] = struct{}{}
		}
		return nil
	}, `SELECT keys FROM key_log WHERE day >= ?`, int64(today-keyDays))
}

// add reports whether the id is new.
func (s *keySet) add(ctx context.Context, source, id string) (bool, error) {
	s.buf = append(append(append(s.buf[:0], source...), 0), id...)
	sum := sha256.Sum256(s.buf)
	k := key(sum[:])
	if _, ok := s.young[k]; ok {
		return false, nil
	}
	if _, ok := s.old[k]; ok {
		return false, nil
	}
	for _, g := range s.segs {
		if !g.filter.may(&k) {
			continue
		}
		if there, err := s.holds(ctx, g, &k); err != nil || there {
			return false, err
		}
	}
	s.young[k] = struct{}{}
	s.fresh = append(s.fresh, k)
	return true, nil
}

// holds looks a key up in the file.
func (s *keySet) holds(ctx context.Context, g *segment, k *key) (bool, error) {
	at := chunkAt{g.id, k.number(g.prefix)}
	body, ok := s.chunks.get(at, keysPerChunk*len(k))
	if !ok {
		switch err := s.find.QueryRowContext(ctx, at.seg, at.chunk).Scan(&body); {
		case errors.Is(err, sql.ErrNoRows):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("keys of segment %d: %w", g.id, err)
		}
		s.chunks.put(at, body, keysPerChunk*len(k))
	}
	tail := k[g.omitted():]
	i := sort.Search(len(body)/len(tail), func(i int) bool { return bytes.Compare(body[i*len(tail):(i+1)*len(tail)], tail) >= 0 })
	return i < len(body)/len(tail) && bytes.Equal(body[i*len(tail):(i+1)*len(tail)], tail), nil
}

func (s *keySet) blob() []byte {
	b := make([]byte, 0, len(s.fresh)*len(key{}))
	for _, k := range s.fresh {
		b = append(b, k[:]...)
	}
	return b
}

func (s *keySet) settle(committed bool) {
	if !committed {
		for _, k := range s.fresh {
			delete(s.young, k)
		}
	}
	if committed && s.sealed != nil {
		if s.merged == nil {
			s.old, s.oldTo = nil, 0
		}
		s.segs = slices.DeleteFunc(s.segs, func(g *segment) bool { return slices.Contains(s.merged, g.id) })
		s.segs = append([]*segment{s.sealed}, s.segs...)
	}
	s.fresh, s.sealed, s.merged = s.fresh[:0], nil, nil
}

// omitted is how many bytes at the front of its keys a segment leaves out: the
// number of the chunk has them.
func (g *segment) omitted() int { return min(g.prefix/8, 1) }

// A filter says of a key that it is not there, or that it may be: a Bloom
// filter of 14 bits a key, which is wrong about one key in 900.
type filter []byte

const (
	filterBits   = 14
	filterProbes = 9
)

func newFilter(n int) filter { return make(filter, (n*filterBits+7)/8) }

// probes calls visit with the bits of a key until it returns false. The key is
// a digest: its own bytes are the hashes.
func (f filter) probes(k *key, visit func(i uint64) bool) bool {
	h, step := binary.LittleEndian.Uint64(k[2:]), binary.LittleEndian.Uint64(k[:])|1
	size := uint64(len(f)) * 8
	for range filterProbes {
		i, _ := bits.Mul64(h, size)
		if !visit(i) {
			return false
		}
		h += step
	}
	return true
}

func (f filter) put(k *key) {
	f.probes(k, func(i uint64) bool {
		f[i/8] |= 1 << (i % 8)
		return true
	})
}

func (f filter) may(k *key) bool {
	return f.probes(k, func(i uint64) bool { return f[i/8]&(1<<(i%8)) != 0 })
}
