package sqlite

import (
	"context"
	"database/sql"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of the audit log. Ids have no gaps, so that the last one says how many
// lines there are.
const (
	maxChanges = 100_000
	maxDetail  = 2000 // bytes
)

// audit writes a line of the audit log, in the transaction of what it is about.
// Who acts is said by ctx. Nothing secret may be in it.
func (w *writer) audit(ctx context.Context, action, target, detail string) error {
	_, err := w.conn.ExecContext(ctx, `
		INSERT INTO audit (id, at_ms, actor, action, target, detail) SELECT 1 + coalesce(max(id), 0), ?, ?, ?, ?, ? FROM audit`,
		w.now().UnixMilli(), pkgmeter.ActorOf(ctx), action, target, pkgmeter.Cut(detail, maxDetail))
	if err != nil {
		return err
	}
	_, err = w.conn.ExecContext(ctx, `DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?`, maxChanges)
	return err
}

// auditWhere is audit for what may have changed nothing.
func (w *writer) auditWhere(ctx context.Context, res sql.Result, action, target, detail string) error {
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return w.audit(ctx, action, target, detail)
}

// Changes calls f with lines of the audit log, the newest first, limit at most; 0
// is all.
func (s *Store) Changes(ctx context.Context, filter pkgmeter.ChangeFilter, limit int, f func(pkgmeter.Change) error) error {
	if limit <= 0 {
		limit = maxChanges
	}
	return eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var c pkgmeter.Change
		var atMS int64
		if err := rows.Scan(&c.ID, &atMS, &c.Actor, &c.Action, &c.Target, &c.Detail); err != nil {
			return err
		}
		c.At = fromMS(atMS)
		return f(c)
	}, `
		SELECT id, at_ms, actor, action, target, detail FROM audit
		WHERE (?1 = 0 OR id < ?1) AND (?2 = '' OR actor = ?2) AND (?3 = '' OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')
		ORDER BY id DESC LIMIT ?4`, filter.Before, filter.Actor, filter.Action, limit)
}
