package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// usePeriod is which days of use are published, and who waits for more.
type usePeriod struct {
	mu               sync.Mutex
	earliest, latest pkgmeter.Day
	any              bool
	changed          chan struct{}
}

func (p *usePeriod) set(earliest, latest pkgmeter.Day) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.earliest, p.latest, p.any = earliest, latest, true
	if p.changed != nil {
		close(p.changed)
	}
	p.changed = make(chan struct{})
}

// UseDays returns the first and the last day whose use is published, and a
// channel that closes when that changes; any is false where there is none.
func (s *Store) UseDays() (earliest, latest pkgmeter.Day, any bool, changed <-chan struct{}) {
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	return s.used.earliest, s.used.latest, s.used.any, s.used.changed
}

// chainLink is what a published day adds to the chain: whoever has the files
// can compute it with sha256sum.
func chainLink(before string, day pkgmeter.Day, sum [32]byte) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %s %s\n", before, day, hex.EncodeToString(sum[:])))
}

// loadUseDays begins the days of a new file with an empty one, that of
// yesterday: clients are told of a first and a last day from the start.
func (s *Store) loadUseDays(ctx context.Context) error {
	const none = "0000000000000000000000000000000000000000000000000000000000000000"
	day := pkgmeter.DayOf(s.opt.Now()) - 1
	sum := sha256.Sum256(nil)
	chain := chainLink(none, day, sum)
	_, err := s.w.conn.ExecContext(ctx, `
		INSERT INTO day_file (day, body, sha256, chain, at_ms) SELECT ?, x'', ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM day_file)`,
		int64(day), sum[:], chain[:], s.opt.Now().UnixMilli())
	if err != nil {
		return err
	}
	var earliest, latest pkgmeter.Day
	err = s.w.conn.QueryRowContext(ctx, `SELECT min(day), max(day) FROM day_file WHERE body IS NOT NULL`).Scan(&earliest, &latest)
	s.used.set(earliest, latest)
	return err
}
