package sqlite

import (
	"context"
	"database/sql"

	"github.com/pkgmeter/pkgmeter"
)

// AddMember adds a user to an organisation, which it makes where needed. An
// organisation owns the package names below its own, as a user does, so that
// none can have the name of the other.
func (s *Store) AddMember(ctx context.Context, org, user string) error {
	if err := (pkgmeter.User{Name: org, Role: pkgmeter.Publisher}).Validate(); err != nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "an organisation's name has 1 to 64 characters of a-z 0-9 . -")
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		var taken int
		err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM user WHERE name = ?`, org).Scan(&taken)
		if err == nil && taken > 0 {
			err = pkgmeter.Errorf(pkgmeter.Conflict, "there is a user %q: an organisation needs another name", org)
		}
		if err != nil {
			return err
		}
		res, err := w.conn.ExecContext(ctx, `INSERT INTO org (name) VALUES (?) ON CONFLICT DO NOTHING`, org)
		if err == nil {
			err = w.auditWhere(ctx, res, "org.add", org, "")
		}
		if err != nil || user == "" {
			return err
		}
		var id int64
		if err := w.conn.QueryRowContext(ctx, `SELECT coalesce((SELECT id FROM user WHERE name = ?), 0)`, user).Scan(&id); err != nil {
			return err
		}
		if id == 0 {
			return noUser(user)
		}
		res, err = w.conn.ExecContext(ctx, `INSERT INTO org_member (org, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, org, id)
		if err != nil {
			return err
		}
		return w.auditWhere(ctx, res, "org.join", org, user)
	})
}

// RemoveMember takes a user out of an organisation, or removes the whole
// organisation where no user is named. Packages stay.
func (s *Store) RemoveMember(ctx context.Context, org, user string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		action := "org.remove"
		query, args, none := `DELETE FROM org WHERE name = ?`, []any{org}, pkgmeter.Errorf(pkgmeter.NotFound, "there is no organisation %q", org)
		if user != "" {
			query = `DELETE FROM org_member WHERE org = ? AND user_id = (SELECT id FROM user WHERE name = ?)`
			action = "org.leave"
			args, none = append(args, user), pkgmeter.Errorf(pkgmeter.NotFound, "%q is no member of %q", user, org)
		}
		res, err := w.conn.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if err := affected(res, none); err != nil {
			return err
		}
		return w.audit(ctx, action, org, user)
	})
}

// An Org is an organisation of publishers.
type Org struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // sorted
}

// Orgs lists the organisations with their members, by name.
func (s *Store) Orgs(ctx context.Context) (orgs []Org, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var name, member string
		if err := rows.Scan(&name, &member); err != nil {
			return err
		}
		if len(orgs) == 0 || orgs[len(orgs)-1].Name != name {
			orgs = append(orgs, Org{Name: name, Members: []string{}})
		}
		if o := &orgs[len(orgs)-1]; member != "" {
			o.Members = append(o.Members, member)
		}
		return nil
	}, `
		SELECT o.name, coalesce(u.name, '') FROM org o LEFT JOIN org_member m ON m.org = o.name LEFT JOIN user u ON u.id = m.user_id
		ORDER BY o.name, u.name`)
	return orgs, err
}

// IsMember reports whether a user is in an organisation.
func (s *Store) IsMember(ctx context.Context, org, user string) (bool, error) {
	var n int
	err := s.side.QueryRowContext(ctx, `
		SELECT count(*) FROM org_member m JOIN user u ON u.id = m.user_id WHERE m.org = ? AND u.name = ?`, org, user).Scan(&n)
	return n > 0, err
}

// IsOrg reports whether there is an organisation of the name.
func (s *Store) IsOrg(ctx context.Context, name string) (bool, error) {
	var n int
	err := s.side.QueryRowContext(ctx, `SELECT count(*) FROM org WHERE name = ?`, name).Scan(&n)
	return n > 0, err
}
