package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// AddUser stores a new user. A name that is taken is a [pkgmeter.Conflict].
func (s *Store) AddUser(ctx context.Context, u pkgmeter.User) error {
	if err := u.Validate(); err != nil {
		return err
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO user (name, role, hash, disabled, created_ms) SELECT ?1, ?, ?, ?, ?
			WHERE NOT EXISTS (SELECT 1 FROM org WHERE name = ?1) ON CONFLICT DO NOTHING`,
			u.Name, string(u.Role), u.Hash, u.Disabled, s.opt.Now().UnixMilli())
		if err != nil {
			return err
		}
		return affected(res, pkgmeter.Errorf(pkgmeter.Conflict, "there is a user or an organisation %q already", u.Name))
	})
}

// SetPassword replaces the hash of a user's password, enables the user and ends
// its sessions.
func (s *Store) SetPassword(ctx context.Context, name, hash string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `UPDATE user SET hash = ?, disabled = 0 WHERE name = ?`, hash, name)
		if err != nil {
			return err
		}
		if err := affected(res, noUser(name)); err != nil {
			return err
		}
		return w.endSessions(ctx, name)
	})
}

// RemoveUser removes a user, its tokens and its sessions.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `DELETE FROM user WHERE name = ?`, name)
		if err != nil {
			return err
		}
		return affected(res, noUser(name))
	})
}

func noUser(name string) error {
	return pkgmeter.Errorf(pkgmeter.NotFound, "there is no user %q", name)
}

func affected(res sql.Result, none error) error {
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = none
	}
	return err
}

const userColumns = `id, name, role, hash, disabled, created_ms`

func scanUser(scan func(...any) error) (u pkgmeter.User, err error) {
	var createdMS int64
	err = scan(&u.ID, &u.Name, &u.Role, &u.Hash, &u.Disabled, &createdMS)
	u.Created = fromMS(createdMS)
	return u, err
}

// User returns a user by name; an unknown one is [pkgmeter.NotFound].
func (s *Store) User(ctx context.Context, name string) (pkgmeter.User, error) {
	u, err := scanUser(s.side.QueryRowContext(ctx, `SELECT `+userColumns+` FROM user WHERE name = ?`, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return u, noUser(name)
	}
	return u, err
}

// Users returns all users by name.
func (s *Store) Users(ctx context.Context) (users []pkgmeter.User, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		u, err := scanUser(rows.Scan)
		users = append(users, u)
		return err
	}, `SELECT `+userColumns+` FROM user ORDER BY name`)
	return users, err
}

// AddToken stores a token of t.User and returns its id.
func (s *Store) AddToken(ctx context.Context, t pkgmeter.Token) (id int64, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		var expiresMS int64
		if !t.Expires.IsZero() {
			expiresMS = t.Expires.UnixMilli()
		}
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO token (user_id, scope, prefix, sha256, expires_ms, created_ms)
			SELECT id, ?, ?, ?, ?, ? FROM user WHERE name = ?`,
			string(t.Scope), t.Prefix, t.SHA256[:], expiresMS, s.opt.Now().UnixMilli(), t.User)
		if err != nil {
			return err
		}
		if err := affected(res, noUser(t.User)); err != nil {
			return err
		}
		id, err = res.LastInsertId()
		return err
	})
	return id, err
}

// RevokeToken removes a token.
func (s *Store) RevokeToken(ctx context.Context, id int64) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `DELETE FROM token WHERE id = ?`, id)
		if err != nil {
			return err
		}
		return affected(res, pkgmeter.Errorf(pkgmeter.NotFound, "there is no token %d", id))
	})
}

const tokenColumns = `t.id, t.user_id, u.name, t.scope, t.prefix, t.sha256, t.expires_ms, t.created_ms FROM token t JOIN user u ON u.id = t.user_id` //nolint:gosec // names of columns, no credentials

func scanToken(scan func(...any) error) (t pkgmeter.Token, err error) {
	var expiresMS, createdMS int64
	var sum []byte
	if err := scan(&t.ID, &t.UserID, &t.User, &t.Scope, &t.Prefix, &sum, &expiresMS, &createdMS); err != nil {
		return t, err
	}
	if len(sum) != len(t.SHA256) {
		return t, fmt.Errorf("token %d: its digest has %d bytes", t.ID, len(sum))
	}
	t.SHA256, t.Created = [32]byte(sum), fromMS(createdMS)
	if expiresMS != 0 {
		t.Expires = time.UnixMilli(expiresMS).UTC()
	}
	return t, nil
}

// Token returns a token by its public prefix; an unknown one is
// [pkgmeter.NotFound].
func (s *Store) Token(ctx context.Context, prefix string) (pkgmeter.Token, error) {
	t, err := scanToken(s.side.QueryRowContext(ctx, `SELECT `+tokenColumns+` WHERE t.prefix = ?`, prefix).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return t, pkgmeter.Errorf(pkgmeter.NotFound, "there is no such token")
	}
	return t, err
}

// Tokens returns all tokens in the order in which they were made.
func (s *Store) Tokens(ctx context.Context) (tokens []pkgmeter.Token, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		t, err := scanToken(rows.Scan)
		tokens = append(tokens, t)
		return err
	}, `SELECT `+tokenColumns+` ORDER BY t.id`)
	return tokens, err
}

// Setting returns the value of a key, nil if it has none.
func (s *Store) Setting(ctx context.Context, key string) (value []byte, err error) {
	err = s.side.QueryRowContext(ctx, `SELECT value FROM setting WHERE key = ?`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}

// stuckAfter is how long a transaction may take before the store counts as
// stuck.
const stuckAfter = 10 * time.Second

// Ready reports whether the file can be read and the writer is not stuck.
func (s *Store) Ready(ctx context.Context) error {
	if since := s.busySince.Load(); since != 0 && time.Since(time.Unix(0, since)) > stuckAfter {
		return fmt.Errorf("a transaction has been running for more than %s", stuckAfter)
	}
	return s.side.PingContext(ctx)
}

// EnsureAdmin gives the installation an administrator if none can log in: the
// named user is made, or becomes one with this password. It reports whether
// that was needed.
func (s *Store) EnsureAdmin(ctx context.Context, name, hash string) (needed bool, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO user (name, role, hash, disabled, created_ms)
			SELECT ?, 'admin', ?, 0, ? WHERE NOT EXISTS (SELECT 1 FROM user WHERE role = 'admin' AND disabled = 0)
			ON CONFLICT (name) DO UPDATE SET role = 'admin', hash = excluded.hash, disabled = 0`,
			name, hash, s.opt.Now().UnixMilli())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		needed = true
		return w.endSessions(ctx, name)
	})
	return needed, err
}
