package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// useType is the purl type of packages that apps report.
const useType = "meteor"

// appKey is what an app is known by: no report can be traced to the app by who
// has the data file alone, and files of two servers cannot be matched.
type appKey [12]byte

func (s *Store) appKey(app string) appKey {
	sum := sha256.Sum256([]byte(s.meta.Load().ledgerID + "\x00" + app))
	return appKey(sum[:12])
}

// A fact is the first report of a package in an app.
type fact struct {
	pkg, version int64
	day          pkgmeter.Day
	direct       bool
}

// appendFacts encodes facts, which are sorted by package and version: about six
// bytes each.
func appendFacts(b []byte, facts []fact) []byte {
	last := int64(0)
	for _, f := range facts {
		b = binary.AppendUvarint(b, uint64(f.pkg-last))
		b = binary.AppendUvarint(b, uint64(f.version))
		way := uint64(f.day-pkgmeter.FirstDay) << 1
		if f.direct {
			way |= 1
		}
		b = binary.AppendUvarint(b, way)
		last = f.pkg
	}
	return b
}

var errFacts = errors.New("what an app contains is damaged")

func decodeFacts(into []fact, b []byte) ([]fact, error) {
	last := int64(0)
	for len(b) > 0 {
		var v [3]uint64
		for i := range v {
			n := 0
			if v[i], n = binary.Uvarint(b); n <= 0 {
				return into, errFacts
			}
			b = b[n:]
		}
		if v[0] > 1<<40 || v[1] > 1<<40 || v[2]>>1 > 1<<24 {
			return into, errFacts
		}
		last += int64(v[0])
		into = append(into, fact{last, int64(v[1]), pkgmeter.FirstDay + pkgmeter.Day(v[2]>>1), v[2]&1 == 1})
	}
	return into, nil
}

func compareFacts(a, b fact) int {
	if a.pkg != b.pkg {
		return int(a.pkg - b.pkg)
	}
	return int(a.version - b.version)
}

// A UseWriter makes reports durable, as a group commit wants it.
type UseWriter struct {
	Store *Store

	// Upgrades has a package count once in each version, instead of once.
	Upgrades bool
}

type useKey struct {
	day          pkgmeter.Day
	pkg, version int64
}

type useSum struct{ direct, total int64 }

// Write stores reports: of what is new in an app, first-seen facts, and the adds
// of the day in the same transaction. The day is that of the transaction, unless
// it is published already: then the one after.
func (u UseWriter) Write(ctx context.Context, batch []*pkgmeter.AppReport) error {
	s := u.Store
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		r := reporter{w: w, upgrades: u.Upgrades, sums: map[useKey]useSum{}}
		r.day = max(pkgmeter.DayOf(s.opt.Now()), s.used.closed()+1)
		var err error
		if r.typ, err = w.typ.id(ctx, useType); err != nil {
			return err
		}
		for _, report := range batch {
			if err := r.report(ctx, s.appKey(report.App), report); err != nil {
				return err
			}
		}
		return r.flush(ctx)
	})
	if err != nil {
		return fmt.Errorf("store %d reports: %w", len(batch), err)
	}
	return nil
}

// reporter adds reports in the running transaction.
type reporter struct {
	w        *writer
	upgrades bool
	day      pkgmeter.Day
	typ      int64
	sums     map[useKey]useSum

	facts []fact
	body  []byte
}

func (r *reporter) report(ctx context.Context, app appKey, report *pkgmeter.AppReport) error {
	report.Added = 0
	var body []byte
	switch err := r.w.appFacts.QueryRowContext(ctx, app[:]).Scan(&body); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	}
	var err error
	if r.facts, err = decodeFacts(r.facts[:0], body); err != nil {
		return err
	}
	known := len(r.facts)
	for _, p := range report.Packages {
		f := fact{day: r.day, direct: p.Direct}
		if f.pkg, err = r.w.pkg.id(ctx, p.Package, r.typ); err != nil {
			return err
		}
		if f.version, err = r.w.version.id(ctx, p.Version); err != nil {
			return err
		}
		if r.contains(known, f) {
			continue
		}
		r.facts = append(r.facts, f)
		k := useKey{r.day, f.pkg, f.version}
		sum := r.sums[k]
		sum.total++
		if f.direct {
			sum.direct++
		}
		r.sums[k] = sum
	}
	if report.Added = len(r.facts) - known; report.Added == 0 {
		return nil
	}
	slices.SortFunc(r.facts, compareFacts)
	r.body = appendFacts(r.body[:0], r.facts)
	_, err = r.w.putApp.ExecContext(ctx, app[:], r.body)
	return err
}

// contains reports whether the app has a package already, or where upgrades
// count, this version of it. The first facts are sorted.
func (r *reporter) contains(known int, f fact) bool {
	i, found := slices.BinarySearchFunc(r.facts[:known], f, compareFacts)
	if found {
		return true
	}
	if r.upgrades {
		return slices.ContainsFunc(r.facts[known:], func(k fact) bool { return compareFacts(k, f) == 0 })
	}
	return i < known && r.facts[i].pkg == f.pkg || i > 0 && r.facts[i-1].pkg == f.pkg ||
		slices.ContainsFunc(r.facts[known:], func(k fact) bool { return k.pkg == f.pkg })
}

// flush adds to the sums of the day, in the order of the table: neighbours lie on
// one page.
func (r *reporter) flush(ctx context.Context) error {
	keys := slices.SortedFunc(maps.Keys(r.sums), func(a, b useKey) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.version, b.version))
	})
	row := func(args []any, i int) []any {
		k, sum := keys[i], r.sums[keys[i]]
		return append(args, int64(k.day), k.pkg, k.version, sum.direct, sum.total)
	}
	n, err := r.w.addUses.insert(ctx, len(keys), row, func(int, int, bool, int64) error { return nil })
	for ; err == nil && n < len(keys); n++ {
		_, err = r.w.addUse.ExecContext(ctx, row(nil, n)...)
	}
	return err
}

const (
	addUseHead = `INSERT INTO use_day (day, package_id, version_id, direct, total) VALUES `
	addUseTail = ` ON CONFLICT DO UPDATE SET direct = direct + excluded.direct, total = total + excluded.total`
)

// prepareUse prepares what reports need.
func (w *writer) prepareUse(ctx context.Context) error {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&w.appFacts, `SELECT facts FROM app_use WHERE app = ?`},
		{&w.putApp, `INSERT INTO app_use (app, facts) VALUES (?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts`},
		{&w.addUse, addUseHead + `(?, ?, ?, ?, ?)` + addUseTail},
	} {
		var err error
		if *p.to, err = w.prepare(ctx, p.sql); err != nil { //nolint:sqlclosecheck // prepare sees to it
			return err
		}
	}
	return w.addUses.prepareText(ctx, w.prepare, addUseHead, 5, addUseTail)
}

// UseOfDay returns the adds of a day, in no order.
func (s *Store) UseOfDay(ctx context.Context, day pkgmeter.Day) (uses []pkgmeter.DailyUse, err error) {
	err = eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var u pkgmeter.DailyUse
		err := rows.Scan(&u.Package, &u.Version, &u.Direct, &u.Total)
		uses = append(uses, u)
		return err
	}, `
		SELECT p.name, v.name, u.direct, u.total FROM use_day u JOIN package p ON p.id = u.package_id JOIN version v ON v.id = u.version_id
		WHERE u.day = ?`, int64(day))
	return uses, err
}

// upgradesSetting says that a package counts in each version of it.
const upgradesSetting = "count-upgrades"

// CountUpgrades has a package count once in each of its versions, if wanted, and
// returns whether it does: after the first report that is fixed, as what was
// published before would mean something else.
func (s *Store) CountUpgrades(ctx context.Context, wanted bool) (counted bool, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		var reports int
		if err := w.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM app_use)`).Scan(&reports); err != nil {
			return err
		}
		if reports > 0 {
			return w.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM setting WHERE key = ? AND value = CAST('true' AS BLOB))`, upgradesSetting).Scan(&counted)
		}
		counted = wanted
		_, err := w.conn.ExecContext(ctx, `INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
			upgradesSetting, fmt.Append(nil, wanted))
		return err
	})
	return counted, err
}
