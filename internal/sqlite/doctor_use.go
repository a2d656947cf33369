package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"

	"github.com/pkgmeter/pkgmeter"
)

// use recomputes the adds of every day from what apps contain, and the chain of
// published days from their files.
func (d *doctor) use(ctx context.Context) error {
	foreign, err := d.chain(ctx)
	if err != nil {
		return err
	}
	want := map[useKey]useSum{}
	var facts []fact
	err = eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var app, body sql.RawBytes
		if err := rows.Scan(&app, &body); err != nil {
			return err
		}
		var err error
		if facts, err = decodeFacts(facts[:0], body); err != nil {
			d.report.find("app %x: %v", []byte(app), err)
			return nil
		}
		for _, f := range facts {
			k := useKey{f.day, f.pkg, f.version}
			sum := want[k]
			sum.total++
			if f.direct {
				sum.direct++
			}
			want[k] = sum
			d.report.Facts++
		}
		return nil
	}, `SELECT app, facts FROM app_use`)
	if err != nil {
		return err
	}
	err = eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var k useKey
		var sum useSum
		if err := rows.Scan(&k.day, &k.pkg, &k.version, &sum.direct, &sum.total); err != nil {
			return err
		}
		if foreign[k.day] {
			return nil
		}
		if want[k] != sum {
			d.report.find("adds of package %d on %s are %d, of %d direct, and the reports say %d, of %d", k.pkg, k.day, sum.total, sum.direct, want[k].total, want[k].direct)
		}
		delete(want, k)
		return nil
	}, `SELECT day, package_id, version_id, direct, total FROM use_day`)
	for k := range want {
		d.report.find("adds of package %d on %s are not there, and the reports say %d", k.pkg, k.day, want[k].total)
	}
	return err
}

// chain checks the published days, and returns which are another server's.
func (d *doctor) chain(ctx context.Context) (foreign map[pkgmeter.Day]bool, err error) {
	foreign = map[pkgmeter.Day]bool{}
	before, last := noChain, pkgmeter.Day(0)
	err = eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var day pkgmeter.Day
		var body, sha, chain []byte
		var closed bool
		if err := rows.Scan(&day, &closed, &body, &sha, &chain); err != nil {
			return err
		}
		if last != 0 && day != last+1 {
			d.report.find("published days: %s follows %s", day, last)
		}
		last = day
		if closed { // and about to be published
			return nil
		}
		sum := sha256.Sum256(body)
		if string(sha) != string(sum[:]) {
			d.report.find("the published file of %s is damaged", day)
		}
		if foreign[day] = chain == nil; foreign[day] {
			return nil
		}
		if link := chainLink(before, day, sum); string(chain) != string(link[:]) {
			d.report.find("the chain of published days breaks at %s", day)
		}
		before = hex.EncodeToString(chain)
		return nil
	}, `SELECT day, body IS NULL, body, sha256, chain FROM day_file ORDER BY day`)
	return foreign, err
}
