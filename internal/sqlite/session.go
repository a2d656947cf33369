package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// AddSession begins a session of a user, and ends the user's oldest ones so
// that keep remain. If the user was removed, disabled or got another password
// since u was read, the answer is [pkgmeter.NotFound].
func (s *Store) AddSession(ctx context.Context, u pkgmeter.User, sum [32]byte, at time.Time, keep int) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `
			DELETE FROM session WHERE user_id = ?1 AND sha256 NOT IN (
				SELECT sha256 FROM session WHERE user_id = ?1 ORDER BY created_ms DESC, used_ms DESC LIMIT ?2)`, u.ID, keep-1)
		if err != nil {
			return err
		}
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO session (sha256, user_id, created_ms, used_ms)
			SELECT ?1, id, ?2, ?2 FROM user WHERE id = ?3 AND hash = ?4 AND disabled = 0`, sum[:], at.UnixMilli(), u.ID, u.Hash)
		if err != nil {
			return err
		}
		return affected(res, noUser(u.Name))
	})
}

// Session returns whose session it is, and when it was begun and last used. An
// unknown one is [pkgmeter.NotFound].
func (s *Store) Session(ctx context.Context, sum [32]byte) (u pkgmeter.User, created, used time.Time, err error) {
	var createdMS, usedMS int64
	u, err = scanUser(func(to ...any) error {
		return s.read.QueryRowContext(ctx, `
			SELECT s.created_ms, s.used_ms, u.id, u.name, u.role, u.hash, u.disabled, u.created_ms
			FROM session s JOIN user u ON u.id = s.user_id WHERE s.sha256 = ?`, sum[:]).
			Scan(append([]any{&createdMS, &usedMS}, to...)...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = pkgmeter.Errorf(pkgmeter.NotFound, "there is no such session")
	}
	return u, fromMS(createdMS), fromMS(usedMS), err
}

// UseSession notes that a session was used, unless that was noted after since.
func (s *Store) UseSession(ctx context.Context, sum [32]byte, at, since time.Time) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `UPDATE session SET used_ms = ? WHERE sha256 = ? AND used_ms <= ?`,
			at.UnixMilli(), sum[:], since.UnixMilli())
		return err
	})
}

// EndSession ends a session, if there is such a one.
func (s *Store) EndSession(ctx context.Context, sum [32]byte) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `DELETE FROM session WHERE sha256 = ?`, sum[:])
		return err
	})
}

// Sessions lists those of a user, of all where none is named, the newest first.
func (s *Store) Sessions(ctx context.Context, user string) (all []pkgmeter.Session, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var one pkgmeter.Session
		var sum []byte
		var createdMS, usedMS int64
		if err := rows.Scan(&sum, &one.User, &createdMS, &usedMS); err != nil {
			return err
		}
		copy(one.SHA256[:], sum)
		one.Created, one.Used = fromMS(createdMS), fromMS(usedMS)
		all = append(all, one)
		return nil
	}, `
		SELECT s.sha256, u.name, s.created_ms, s.used_ms FROM session s JOIN user u ON u.id = s.user_id
		WHERE ?1 = '' OR u.name = ?1 ORDER BY s.created_ms DESC, s.sha256`, user)
	return all, err
}

// EndSessionOf ends a session of a user in their or an administrator's name, which
// the audit log has; a user's logout is [Store.EndSession].
func (s *Store) EndSessionOf(ctx context.Context, user string, sum [32]byte) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `
			DELETE FROM session WHERE sha256 = ? AND user_id = (SELECT id FROM user WHERE name = ?)`, sum[:], user)
		if err != nil {
			return err
		}
		if err := affected(res, pkgmeter.Errorf(pkgmeter.NotFound, "this session has ended already")); err != nil {
			return err
		}
		return w.audit(ctx, "session.end", user, "")
	})
}

// DropSessions ends the sessions that were begun, or last used, at or before a
// time.
func (s *Store) DropSessions(ctx context.Context, begun, used time.Time) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `DELETE FROM session WHERE created_ms <= ? OR used_ms <= ?`, begun.UnixMilli(), used.UnixMilli())
		return err
	})
}

// endSessions ends all sessions of a user, in the transaction that makes them
// void.
func (w *writer) endSessions(ctx context.Context, user string) error {
	_, err := w.conn.ExecContext(ctx, `DELETE FROM session WHERE user_id = (SELECT id FROM user WHERE name = ?)`, user)
	return err
}
