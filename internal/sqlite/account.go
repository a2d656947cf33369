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
		if err := affected(res, pkgmeter.Errorf(pkgmeter.Conflict, "there is a user or an organisation %q already", u.Name)); err != nil {
			return err
		}
		return w.audit(ctx, "user.add", u.Name, string(u.Role))
	})
}

// SetPassword replaces the hash of a user's password, enables the user and ends
// its sessions.
func (s *Store) SetPassword(ctx context.Context, name, hash string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		u, err := w.user(ctx, name)
		if err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `UPDATE user SET hash = ?, disabled = 0 WHERE id = ?`, hash, u.ID); err != nil {
			return err
		}
		detail := ""
		if u.Disabled {
			detail = "and enabled"
		}
		if err := w.audit(ctx, "user.password", name, detail); err != nil {
			return err
		}
		return w.endSessions(ctx, name)
	})
}

// ChangePassword is [Store.SetPassword] for a user who knew the password that was
// verified, unless it was replaced or the user kept out since.
func (s *Store) ChangePassword(ctx context.Context, was pkgmeter.User, hash string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `UPDATE user SET hash = ? WHERE id = ? AND hash = ? AND disabled = 0`, hash, was.ID, was.Hash)
		if err != nil {
			return err
		}
		if err := affected(res, noUser(was.Name)); err != nil {
			return err
		}
		if err := w.audit(ctx, "user.password", was.Name, ""); err != nil {
			return err
		}
		return w.endSessions(ctx, was.Name)
	})
}

// RemoveUser removes a user, its tokens, sessions and shared links. Nobody
// removes themselves, nor the last administrator who can log in.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		u, err := w.user(ctx, name)
		if err != nil {
			return err
		}
		if err := w.expendable(ctx, u, "removed"); err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `DELETE FROM user WHERE id = ?`, u.ID); err != nil {
			return err
		}
		return w.audit(ctx, "user.remove", name, string(u.Role))
	})
}

// SetRole gives a user another role.
func (s *Store) SetRole(ctx context.Context, name string, role pkgmeter.Role) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		u, err := w.user(ctx, name)
		if err != nil || u.Role == role {
			return err
		}
		was := u.Role
		if was == pkgmeter.Admin {
			if err := w.expendable(ctx, u, "made "+string(role)); err != nil {
				return err
			}
		}
		u.Role = role
		if err := u.Validate(); err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `UPDATE user SET role = ? WHERE id = ?`, string(role), u.ID); err != nil {
			return err
		}
		return w.audit(ctx, "user.role", name, string(was)+" → "+string(role))
	})
}

// SetDisabled keeps a user out, with its tokens, sessions and links, or lets it
// in again. Who has no password has to be given one instead.
func (s *Store) SetDisabled(ctx context.Context, name string, disabled bool) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		u, err := w.user(ctx, name)
		switch {
		case err != nil || u.Disabled == disabled:
			return err
		case disabled:
			err = w.expendable(ctx, u, "disabled")
		case u.Hash == "":
			err = pkgmeter.Errorf(pkgmeter.Conflict, "%q has no password yet: set one, which enables the user", name)
		}
		if err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `UPDATE user SET disabled = ? WHERE id = ?`, disabled, u.ID); err != nil {
			return err
		}
		if !disabled {
			return w.audit(ctx, "user.enable", name, "")
		}
		if err := w.audit(ctx, "user.disable", name, ""); err != nil {
			return err
		}
		return w.endSessions(ctx, name)
	})
}

// user is [Store.User] in a transaction.
func (w *writer) user(ctx context.Context, name string) (pkgmeter.User, error) {
	u, err := scanUser(w.conn.QueryRowContext(ctx, `SELECT `+userColumns+` FROM user WHERE name = ?`, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return u, noUser(name)
	}
	return u, err
}

// expendable refuses what would leave the installation without an administrator,
// and what somebody does to themselves. done says what would be, as removed.
func (w *writer) expendable(ctx context.Context, u pkgmeter.User, done string) error {
	if u.Name == pkgmeter.ActorOf(ctx) {
		return pkgmeter.Errorf(pkgmeter.Conflict, "%q are you yourself: another administrator has to do this", u.Name)
	}
	if u.Role != pkgmeter.Admin || u.Disabled {
		return nil
	}
	var others int
	err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM user WHERE role = 'admin' AND disabled = 0 AND id <> ?`, u.ID).Scan(&others)
	if err == nil && others == 0 {
		err = pkgmeter.Errorf(pkgmeter.Conflict, "%q is the last administrator who can log in, and cannot be %s", u.Name, done)
	}
	return err
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
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		detail := string(t.Scope) + ", begins pkgm_" + t.Prefix
		if !t.Expires.IsZero() {
			detail += ", until " + t.Expires.UTC().Format(time.DateOnly)
		}
		return w.audit(ctx, "token.new", t.User, detail)
	})
	return id, err
}

// RevokeToken removes a token.
func (s *Store) RevokeToken(ctx context.Context, id int64) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		t, err := scanToken(w.conn.QueryRowContext(ctx, `SELECT `+tokenColumns+` WHERE t.id = ?`, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return pkgmeter.Errorf(pkgmeter.NotFound, "there is no token %d", id)
		}
		if err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `DELETE FROM token WHERE id = ?`, id); err != nil {
			return err
		}
		return w.audit(ctx, "token.revoke", t.User, string(t.Scope)+", began pkgm_"+t.Prefix)
	})
}

// UseToken notes that a token was used, unless that was noted after since.
func (s *Store) UseToken(ctx context.Context, id int64, at, since time.Time) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `UPDATE token SET used_ms = ? WHERE id = ? AND used_ms <= ?`, at.UnixMilli(), id, since.UnixMilli())
		return err
	})
}

const tokenColumns = `t.id, t.user_id, u.name, t.scope, t.prefix, t.sha256, t.expires_ms, t.created_ms, t.used_ms FROM token t JOIN user u ON u.id = t.user_id` //nolint:gosec // names of columns, no credentials

func scanToken(scan func(...any) error) (t pkgmeter.Token, err error) {
	var expiresMS, createdMS, usedMS int64
	var sum []byte
	if err := scan(&t.ID, &t.UserID, &t.User, &t.Scope, &t.Prefix, &sum, &expiresMS, &createdMS, &usedMS); err != nil {
		return t, err
	}
	if len(sum) != len(t.SHA256) {
		return t, fmt.Errorf("token %d: its digest has %d bytes", t.ID, len(sum))
	}
	t.SHA256, t.Created = [32]byte(sum), fromMS(createdMS)
	if expiresMS != 0 {
		t.Expires = time.UnixMilli(expiresMS).UTC()
	}
	if usedMS != 0 {
		t.Used = fromMS(usedMS)
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
		was, err := w.user(ctx, name)
		if err != nil && pkgmeter.CodeOf(err) != pkgmeter.NotFound {
			return err
		}
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
		if err := w.auditAdmin(ctx, was, name); err != nil {
			return err
		}
		return w.endSessions(ctx, name)
	})
	return needed, err
}

// auditAdmin is audit for [Store.EnsureAdmin]; was is the user before, empty for none.
func (w *writer) auditAdmin(ctx context.Context, was pkgmeter.User, name string) error {
	const why = "no administrator could log in"
	if was.Name == "" {
		return w.audit(ctx, "user.add", name, string(pkgmeter.Admin)+", "+why)
	}
	if was.Role != pkgmeter.Admin {
		if err := w.audit(ctx, "user.role", name, string(was.Role)+" → "+string(pkgmeter.Admin)+", "+why); err != nil {
			return err
		}
	}
	detail := why
	if was.Disabled {
		detail = "and enabled, " + why
	}
	return w.audit(ctx, "user.password", name, detail)
}
