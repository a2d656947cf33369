package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
)

// Tickets returns the files of a source that begin like the given head, which
// is the first [pkgmeter.MaxHead] bytes of a file or all of it, those first of
// which more was read. Whether they are the same file is for the caller to see,
// by the digest of what was read.
func (s *Store) Tickets(ctx context.Context, source string, head []byte) (tickets []pkgmeter.Ticket, err error) {
	var lengths []int
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var n int
		err := rows.Scan(&n)
		lengths = append(lengths, n)
		return err
	}, `
		SELECT DISTINCT t.head_len FROM ticket t JOIN source s ON s.id = t.source_id
		WHERE s.name = ? AND t.head_len <= ?`, source, len(head))
	if err != nil {
		return nil, err
	}
	for _, n := range lengths {
		sum := sha256.Sum256(head[:n])
		err := eachRow(ctx, s.side, func(rows *sql.Rows) error {
			t := pkgmeter.Ticket{Source: source, HeadLen: n, Head: sum}
			var digest []byte
			if err := rows.Scan(&t.ID, &t.Format, &t.Offset, &digest, &t.New, &t.Known, &t.Rejected); err != nil {
				return err
			}
			t.From, t.SHA256 = t.Offset, [32]byte(digest)
			tickets = append(tickets, t)
			return nil
		}, `
			SELECT t.id, t.format, t.offset, t.sha256, t.new, t.known, t.rejected FROM ticket t JOIN source s ON s.id = t.source_id
			WHERE s.name = ? AND t.head_len = ? AND t.head = ? ORDER BY t.offset DESC`, source, n, sum[:])
		if err != nil {
			return nil, err
		}
	}
	return tickets, nil
}

// ticket writes down how far a file is read, with what was read of it. It fails
// if somebody else has read on meanwhile.
func (w *writer) ticket(ctx context.Context, d *pkgmeter.Delivery) error {
	t := d.Ticket
	if t == nil {
		return nil
	}
	source, err := w.source.id(ctx, t.Source)
	if err != nil {
		return err
	}
	at, rejected := d.Received.UnixMilli(), len(d.Rejects)
	if t.ID == 0 {
		var same int
		err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM ticket WHERE source_id = ? AND head_len = ? AND head = ? AND offset = ? AND sha256 = ?`,
			source, t.HeadLen, t.Head[:], t.Offset, t.SHA256[:]).Scan(&same)
		if err != nil {
			return err
		}
		if same > 0 {
			return errReadOn
		}
		return w.conn.QueryRowContext(ctx, `
			INSERT INTO ticket (source_id, format, head_len, head, offset, sha256, new, known, rejected, at_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			source, t.Format, t.HeadLen, t.Head[:], t.Offset, t.SHA256[:], d.New, d.Known, rejected, at).Scan(&t.ID)
	}
	res, err := w.conn.ExecContext(ctx, `
		UPDATE ticket SET offset = ?, sha256 = ?, new = new + ?, known = known + ?, rejected = rejected + ?, at_ms = ?
		WHERE id = ? AND source_id = ? AND offset = ?`,
		t.Offset, t.SHA256[:], d.New, d.Known, rejected, at, t.ID, source, t.From)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errReadOn
}

var errReadOn = fmt.Errorf("ticket: %w", pkgmeter.Errorf(pkgmeter.Conflict, "this file is being imported by another command: wait for it, then try again"))
