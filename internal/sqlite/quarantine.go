package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"

	"github.com/pkgmeter/pkgmeter"
)

// What quarantine holds of one source; beyond it the oldest items go.
const (
	maxHeldItems = 10_000
	maxHeldBytes = 64 << 20 // of compressed bodies
)

type held struct{ items, bytes int64 }

// quarantine writes what could not be read, and knows how much each source
// has there. Owned by the writer.
type quarantine struct {
	held, before      map[int64]held // before: as it was when the transaction first changed it
	add, oldest, drop *sql.Stmt
	release           *sql.Stmt
}

func (q *quarantine) load(ctx context.Context, conn *sql.Conn, prepare preparer) error {
	q.held, q.before = map[int64]held{}, map[int64]held{}
	var err error
	if q.add, err = prepare(ctx, `
		INSERT INTO quarantine (source_id, at_ms, kind, reason, bytes, body) VALUES (?, ?, ?, ?, ?, ?)`); err != nil {
		return err
	}
	if q.oldest, err = prepare(ctx, `
		DELETE FROM quarantine WHERE id = (SELECT min(id) FROM quarantine WHERE source_id = ?) RETURNING length(body)`); err != nil {
		return err
	}
	if q.drop, err = prepare(ctx, `UPDATE source SET dropped = dropped + 1 WHERE id = ?`); err != nil {
		return err
	}
	if q.release, err = prepare(ctx, `DELETE FROM quarantine WHERE id = ? RETURNING source_id, length(body)`); err != nil {
		return err
	}
	return eachRow(ctx, conn, func(rows *sql.Rows) error {
		var source int64
		var h held
		err := rows.Scan(&source, &h.items, &h.bytes)
		q.held[source] = h
		return err
	}, `SELECT source_id, count(*), sum(length(body)) FROM quarantine GROUP BY source_id`)
}

func (q *quarantine) settle(committed bool) {
	if !committed {
		maps.Copy(q.held, q.before)
	}
	clear(q.before)
}

// reject writes what of d could not be read.
func (w *writer) reject(ctx context.Context, d *pkgmeter.Delivery) error {
	for _, r := range d.Rejects {
		source, err := w.source.id(ctx, r.Source)
		if err != nil {
			return err
		}
		body := w.zstd.EncodeAll(r.Body, nil)
		if err := w.quarantine.put(ctx, source, d.Received.UnixMilli(), r, body); err != nil {
			return err
		}
		w.sums.hear(pkgmeter.DayOf(d.Received), source, heard{unparsed: 1, lastMS: d.Received.UnixMilli()})
	}
	return nil
}

func (q *quarantine) put(ctx context.Context, source, atMS int64, r pkgmeter.Reject, body []byte) error {
	h := q.change(source)
	for h.items >= maxHeldItems || h.items > 0 && h.bytes+int64(len(body)) > maxHeldBytes {
		var freed int64
		if err := q.oldest.QueryRowContext(ctx, source).Scan(&freed); err != nil {
			return err
		}
		if _, err := q.drop.ExecContext(ctx, source); err != nil {
			return err
		}
		h.items, h.bytes = h.items-1, h.bytes-freed
	}
	if _, err := q.add.ExecContext(ctx, source, atMS, r.Kind, r.Reason, int64(len(r.Body)), body); err != nil {
		return err
	}
	q.held[source] = held{h.items + 1, h.bytes + int64(len(body))}
	return nil
}

// change returns what a source has in quarantine, before it is changed.
func (q *quarantine) change(source int64) held {
	h := q.held[source]
	if _, ok := q.before[source]; !ok {
		q.before[source] = h
	}
	return h
}

// release takes an item out of quarantine, and reports whether it has left
// before. Id 0 is no item.
func (w *writer) release(ctx context.Context, id int64) (gone bool, err error) {
	if id == 0 {
		return false, nil
	}
	var source, bytes int64
	err = w.quarantine.release.QueryRowContext(ctx, id).Scan(&source, &bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	h := w.quarantine.change(source)
	w.quarantine.held[source] = held{h.items - 1, h.bytes - bytes}
	return false, nil
}

// Quarantined returns the number of items in quarantine.
func (s *Store) Quarantined(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM quarantine`).Scan(&n)
	return n, err
}
