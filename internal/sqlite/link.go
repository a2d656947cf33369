package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of links to shared views.
const (
	maxLinks    = 50 // of a user
	maxLinkLife = 366 * 24 * time.Hour
	maxLinkText = 4096 // bytes of a query
)

// AddLink stores a link of l.User and returns its id. Those of all users that
// have expired go.
func (s *Store) AddLink(ctx context.Context, l pkgmeter.ShareLink) (id int64, err error) {
	now := s.opt.Now()
	switch {
	case !l.Expires.After(now) || l.Expires.After(now.Add(maxLinkLife)):
		return 0, pkgmeter.Errorf(pkgmeter.Invalid, "a link expires after a year at most, and not before now")
	case len(l.Query) > maxLinkText:
		return 0, pkgmeter.Errorf(pkgmeter.Invalid, "the view has more filters than a link takes, which is %d bytes", maxLinkText)
	}
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		if _, err := w.conn.ExecContext(ctx, `DELETE FROM share_link WHERE expires_ms <= ?`, now.UnixMilli()); err != nil {
			return err
		}
		u, err := w.user(ctx, l.User)
		if err != nil {
			return err
		}
		var n int
		if err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM share_link WHERE user_id = ?`, u.ID).Scan(&n); err != nil {
			return err
		}
		if n >= maxLinks {
			return pkgmeter.Errorf(pkgmeter.Conflict, "there are %d links of %q already, which is the most: end one first", n, l.User)
		}
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO share_link (sha256, path, query, user_id, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?)`,
			l.SHA256[:], l.Path, l.Query, u.ID, now.UnixMilli(), l.Expires.UnixMilli())
		if err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		return w.audit(ctx, "link.new", l.User, l.Path+"?"+l.Query+", until "+l.Expires.UTC().Format(time.DateOnly))
	})
	return id, err
}

// EndLink ends a link; of a user's own, where one is named.
func (s *Store) EndLink(ctx context.Context, id int64, user string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		l, err := scanLink(w.conn.QueryRowContext(ctx, `SELECT `+linkColumns+` WHERE l.id = ?1 AND (?2 = '' OR u.name = ?2)`, id, user).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such link any more")
		}
		if err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `DELETE FROM share_link WHERE id = ?`, id); err != nil {
			return err
		}
		return w.audit(ctx, "link.end", l.User, l.Path+"?"+l.Query)
	})
}

const linkColumns = `l.id, l.sha256, l.path, l.query, u.name, l.created_ms, l.expires_ms FROM share_link l JOIN user u ON u.id = l.user_id`

func scanLink(scan func(...any) error) (l pkgmeter.ShareLink, err error) {
	var sum []byte
	var createdMS, expiresMS int64
	err = scan(&l.ID, &sum, &l.Path, &l.Query, &l.User, &createdMS, &expiresMS)
	copy(l.SHA256[:], sum)
	l.Created, l.Expires = fromMS(createdMS), fromMS(expiresMS)
	return l, err
}

// Link returns a link by its digest, if whose it is may read numbers. An unknown
// one is [pkgmeter.NotFound].
func (s *Store) Link(ctx context.Context, sum [32]byte) (pkgmeter.ShareLink, error) {
	l, err := scanLink(s.side.QueryRowContext(ctx, `SELECT `+linkColumns+` WHERE l.sha256 = ? AND u.disabled = 0`, sum[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return l, pkgmeter.Errorf(pkgmeter.NotFound, "there is no such link")
	}
	return l, err
}

// Links lists those of a user, of all where none is named, the newest first.
func (s *Store) Links(ctx context.Context, user string) (all []pkgmeter.ShareLink, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		l, err := scanLink(rows.Scan)
		all = append(all, l)
		return err
	}, `SELECT `+linkColumns+` WHERE ?1 = '' OR u.name = ?1 ORDER BY l.id DESC`, user)
	return all, err
}
