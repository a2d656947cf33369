package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Sources returns what each source brought for the days of a range, by name.
// One that has brought nothing ever is left out.
func (s *Store) Sources(ctx context.Context, from, to pkgmeter.Day) (all []pkgmeter.SourceReport, err error) {
	days := int(to-from) + 1
	if days < 1 {
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "from %s is after to %s", from, to)
	}
	err = s.view(ctx, func(tx *sql.Tx) error {
		at := map[int64]int{}
		err := eachRow(ctx, tx, func(rows *sql.Rows) error {
			var id, lastMS int64
			r := pkgmeter.SourceReport{ByDay: make([]int64, days)}
			if err := rows.Scan(&id, &r.Name, &r.Dropped, &lastMS, &r.Held); err != nil {
				return err
			}
			if lastMS > 0 {
				r.Last = fromMS(lastMS)
			}
			at[id] = len(all)
			all = append(all, r)
			return nil
		}, `
			SELECT s.id, s.name, s.dropped, max(h.last_ms), (SELECT count(*) FROM quarantine q WHERE q.source_id = s.id)
			FROM source s JOIN heard h ON h.source_id = s.id GROUP BY s.id ORDER BY s.name`)
		if err != nil {
			return err
		}
		return eachRow(ctx, tx, func(rows *sql.Rows) error {
			var day pkgmeter.Day
			var id, events, unparsed, duplicates, lagMS int64
			if err := rows.Scan(&day, &id, &events, &unparsed, &duplicates, &lagMS); err != nil {
				return err
			}
			r := &all[at[id]]
			r.Events += events
			r.Unparsed += unparsed
			r.Duplicates += duplicates
			r.MaxLag = max(r.MaxLag, time.Duration(lagMS)*time.Millisecond)
			r.ByDay[day-from] += events
			return nil
		}, `SELECT day, source_id, events, unparsed, duplicates, max_lag_ms FROM heard WHERE day BETWEEN ? AND ?`, int64(from), int64(to))
	})
	return all, err
}
