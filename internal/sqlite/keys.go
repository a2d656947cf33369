package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"

	"github.com/pkgmeter/pkgmeter"
)

// keyDays is how long an idempotency key is kept at least, counted from the day
// of its receipt.
const keyDays = 400

// key is the first 80 bits of SHA-256(source NUL id). With a thousand million
// keys, one in 10^15 new ids would be taken for a known one.
type key [10]byte

// keySet is what the key log says, in memory. Keys of the running transaction
// stand in the set already, and are taken out again if it fails.
type keySet struct {
	known map[key]struct{}
	fresh []key
	buf   []byte
}

func (s *keySet) load(ctx context.Context, conn *sql.Conn, today pkgmeter.Day) error {
	s.known = map[key]struct{}{}
	return eachRow(ctx, conn, func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		for ; len(b) >= len(key{}); b = b[len(key{}):] {
			s.known[key(b)] = struct{}{}
		}
		return nil
	}, `SELECT keys FROM key_log WHERE day >= ?`, int64(today-keyDays))
}

// add reports whether the id is new.
func (s *keySet) add(source, id string) bool {
	s.buf = append(append(append(s.buf[:0], source...), 0), id...)
	sum := sha256.Sum256(s.buf)
	k := key(sum[:])
	if _, ok := s.known[k]; ok {
		return false
	}
	s.known[k] = struct{}{}
	s.fresh = append(s.fresh, k)
	return true
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
			delete(s.known, k)
		}
	}
	s.fresh = s.fresh[:0]
}
