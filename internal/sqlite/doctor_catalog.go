package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
)

// catalog checks that every record can be read and found, and that no position
// is ahead of what clients are told.
func (d *doctor) catalog(ctx context.Context) error {
	state, err := readCatalog(ctx, d.tx)
	if err != nil {
		return err
	}
	var present [len(state.At)]int64
	err = eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var at, keyAt int64
		var coll int
		var id, key, keyID string
		var body sql.RawBytes
		if err := rows.Scan(&at, &coll, &id, &key, &body, &keyAt, &keyID); err != nil {
			return err
		}
		d.report.Records++
		present[coll]++
		var head struct {
			ID string `json:"_id"`
		}
		switch err := json.Unmarshal(body, &head); {
		case err != nil:
			d.report.find("record %q of the catalog cannot be read: %v", id, err)
		case head.ID != id:
			d.report.find("record %q of the catalog says that it is %q", id, head.ID)
		case keyAt != at || keyID != id:
			d.report.find("record %q of the catalog is not found by its key %q", id, printable(key))
		case at > state.Last:
			d.report.find("record %q of the catalog is at position %d, and the newest is %d", id, at, state.Last)
		}
		return nil
	}, `
		SELECT d.at, d.coll, d.id, d.key, d.body, coalesce(k.at, 0), coalesce(k.id, '')
		FROM doc d LEFT JOIN doc_key k ON k.coll = d.coll AND k.key = d.key ORDER BY d.at`)
	if err != nil {
		return err
	}
	for c, n := range present {
		if state.Changes[c] < n {
			d.report.find("the catalog has %d records of a kind that changed %d times", n, state.Changes[c])
		}
	}
	var keys int64
	if err := d.tx.QueryRowContext(ctx, `SELECT count(*) FROM doc_key`).Scan(&keys); err != nil {
		return err
	}
	if keys != d.report.Records {
		d.report.find("the catalog has %d records and %d keys", d.report.Records, keys)
	}
	return nil
}
