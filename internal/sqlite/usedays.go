package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// usePeriod is which days of use are published, and who waits for more.
type usePeriod struct {
	mu               sync.Mutex
	earliest, latest pkgmeter.Day
	last             pkgmeter.Day // closed: no report counts in it or before
	changed          chan struct{}
}

func (p *usePeriod) set(earliest, latest, closed pkgmeter.Day) {
	p.mu.Lock()
	defer p.mu.Unlock()
	news := p.earliest != earliest || p.latest != latest
	p.earliest, p.latest, p.last = earliest, latest, closed
	if p.changed == nil || news {
		if p.changed != nil {
			close(p.changed)
		}
		p.changed = make(chan struct{})
	}
}

func (p *usePeriod) closed() pkgmeter.Day {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// UseDays returns the first and the last day whose use is published, and a
// channel that closes when that changes.
func (s *Store) UseDays() (earliest, latest pkgmeter.Day, changed <-chan struct{}) {
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	return s.used.earliest, s.used.latest, s.used.changed
}

// noChain is what the first link of the chain follows.
var noChain = strings.Repeat("0", 64)

// chainLink is what a published day makes of the chain: whoever has the files
// can compute it with sha256sum.
func chainLink(before string, day pkgmeter.Day, sum [32]byte) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %s %s\n", before, day, hex.EncodeToString(sum[:])))
}

// loadUseDays begins the days of a new file with an empty one, that of
// yesterday: clients are told of a first and a last day from the start.
func (s *Store) loadUseDays(ctx context.Context) error {
	day := pkgmeter.DayOf(s.opt.Now()) - 1
	sum := sha256.Sum256(nil)
	chain := chainLink(noChain, day, sum)
	_, err := s.w.conn.ExecContext(ctx, `
		INSERT INTO day_file (day, body, sha256, chain, at_ms) SELECT ?, x'', ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM day_file)`,
		int64(day), sum[:], chain[:], s.opt.Now().UnixMilli())
	if err != nil {
		return err
	}
	return s.readUseDays(ctx, s.w.conn)
}

func (s *Store) readUseDays(ctx context.Context, q rowQueryer) error {
	var earliest, latest, closed pkgmeter.Day
	err := q.QueryRowContext(ctx, `
		SELECT (SELECT min(day) FROM day_file WHERE body IS NOT NULL), (SELECT max(day) FROM day_file WHERE body IS NOT NULL), (SELECT max(day) FROM day_file)`).
		Scan(&earliest, &latest, &closed)
	if err == nil {
		s.used.set(earliest, latest, closed)
	}
	return err
}

// CloseUseDay has reports count for later days from now on, so that the adds of
// the day can be read and published. It must follow the last day that is closed,
// or be that one.
func (s *Store) CloseUseDay(ctx context.Context, day pkgmeter.Day) error {
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		switch last := s.used.closed(); {
		case day == last:
			return nil
		case day != last+1:
			return fmt.Errorf("day %s does not follow %s", day, last)
		}
		_, err := w.conn.ExecContext(ctx, `INSERT INTO day_file (day, at_ms) VALUES (?, ?)`, int64(day), s.opt.Now().UnixMilli())
		return err
	})
	if err == nil {
		err = s.readUseDays(ctx, s.side)
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", day, err)
	}
	return nil
}

// PublishUseDay keeps the file of a closed day, which can be read from then on
// and is never changed.
func (s *Store) PublishUseDay(ctx context.Context, day pkgmeter.Day, body []byte) error {
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		before := noChain
		var chain []byte
		err := w.conn.QueryRowContext(ctx, `SELECT chain FROM day_file WHERE day < ? AND chain IS NOT NULL ORDER BY day DESC LIMIT 1`, int64(day)).Scan(&chain)
		switch {
		case err == nil:
			before = hex.EncodeToString(chain)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		sum := sha256.Sum256(body)
		link := chainLink(before, day, sum)
		res, err := w.conn.ExecContext(ctx, `UPDATE day_file SET body = ?, sha256 = ?, chain = ?, at_ms = ? WHERE day = ? AND body IS NULL`,
			append([]byte{}, body...), sum[:], link[:], s.opt.Now().UnixMilli(), int64(day))
		if err != nil {
			return err
		}
		return affected(res, errors.New("it is published already, or not closed"))
	})
	if err == nil {
		err = s.readUseDays(ctx, s.side)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", day, err)
	}
	return nil
}

// PublishedUse returns the file of a day; [pkgmeter.NotFound] for one that is not
// published.
func (s *Store) PublishedUse(ctx context.Context, day pkgmeter.Day) (pkgmeter.UseDay, error) {
	var found []pkgmeter.UseDay
	err := s.useFiles(ctx, true, func(d pkgmeter.UseDay) error {
		found = append(found, d)
		return nil
	}, `day = ?`, int64(day))
	if err == nil && len(found) == 0 {
		return pkgmeter.UseDay{}, pkgmeter.Errorf(pkgmeter.NotFound, "there are no statistics of %s", day)
	}
	if err != nil {
		return pkgmeter.UseDay{}, err
	}
	return found[0], nil
}

// EachUseDay calls visit for every published day in order, without bodies.
func (s *Store) EachUseDay(ctx context.Context, visit func(pkgmeter.UseDay) error) error {
	return s.useFiles(ctx, false, visit, `1`)
}

func (s *Store) useFiles(ctx context.Context, bodies bool, visit func(pkgmeter.UseDay) error, where string, args ...any) error {
	body := `x''`
	if bodies {
		body = `body`
	}
	return eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var d pkgmeter.UseDay
		var sum, chain []byte
		if err := rows.Scan(&d.Day, &d.Body, &sum, &chain); err != nil {
			return err
		}
		copy(d.SHA256[:], sum)
		copy(d.Chain[:], chain)
		d.Foreign = chain == nil
		return visit(d)
	}, `SELECT day, `+body+`, sha256, chain FROM day_file WHERE body IS NOT NULL AND `+where+` ORDER BY day`, args...)
}

// ForeignUse is a day that another server published.
type ForeignUse struct {
	Day   pkgmeter.Day
	Given [32]byte // SHA-256 of the file as it came: it was once kept so
	Body  []byte   // as it is published
	Uses  []pkgmeter.DailyUse
}

// ImportedUse says what came of an import, in lines of the files.
type ImportedUse struct {
	New   int `json:"new"`
	Known int `json:"known"` // the same file was imported before
}

// ImportUse takes in days that another server published, all of them before the
// first one here; days between are empty. They are no part of the chain.
func (s *Store) ImportUse(ctx context.Context, days []ForeignUse) (sum ImportedUse, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		sum = ImportedUse{}
		var earliest pkgmeter.Day
		if err := w.conn.QueryRowContext(ctx, `SELECT min(day) FROM day_file`).Scan(&earliest); err != nil {
			return err
		}
		typ, err := w.typ.id(ctx, useType)
		if err != nil {
			return err
		}
		given := map[pkgmeter.Day]ForeignUse{}
		first := earliest
		for _, d := range days {
			known, err := w.imported(ctx, d)
			switch {
			case err != nil:
				return err
			case known:
				sum.Known += len(d.Uses)
				continue
			case d.Day >= earliest:
				return pkgmeter.Errorf(pkgmeter.Conflict, "statistics of %s cannot be imported: there are others from %s on", d.Day, earliest)
			}
			if _, twice := given[d.Day]; twice {
				return pkgmeter.Errorf(pkgmeter.Invalid, "%s is given twice", d.Day)
			}
			sum.New += len(d.Uses)
			given[d.Day] = d
			first = min(first, d.Day)
		}
		for day := first; day < earliest; day++ {
			if err := w.foreignDay(ctx, typ, day, given[day], s.opt.Now().UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = s.readUseDays(ctx, s.side)
	}
	return sum, err
}

// imported reports whether the very file of a day was imported before.
func (w *writer) imported(ctx context.Context, d ForeignUse) (known bool, err error) {
	sum := sha256.Sum256(d.Body)
	err = w.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM day_file WHERE day = ? AND chain IS NULL AND sha256 IN (?, ?))`, int64(d.Day), sum[:], d.Given[:]).Scan(&known)
	return known, err
}

func (w *writer) foreignDay(ctx context.Context, typ int64, day pkgmeter.Day, d ForeignUse, nowMS int64) error {
	sum := sha256.Sum256(d.Body)
	_, err := w.conn.ExecContext(ctx, `INSERT INTO day_file (day, body, sha256, chain, at_ms) VALUES (?, ?, ?, NULL, ?)`,
		int64(day), append([]byte{}, d.Body...), sum[:], nowMS)
	if err != nil {
		return err
	}
	for _, u := range d.Uses {
		pkg, err := w.pkg.id(ctx, u.Package, typ)
		if err != nil {
			return err
		}
		version, err := w.version.id(ctx, u.Version)
		if err != nil {
			return err
		}
		if _, err := w.addUse.ExecContext(ctx, int64(day), pkg, version, u.Direct, u.Total); err != nil {
			return err
		}
	}
	return nil
}
