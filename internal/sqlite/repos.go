package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// A Repository is one that events were said of, or that an operator named.
type Repository struct {
	Name   string `json:"name"`
	Public bool   `json:"public"` // everyone may read its numbers
}

// SetPublic says who may read the numbers of a repository, which is named as
// questions name it. One of which there is no event yet can be made public
// ahead; known is then false. That one is made private is an error: what was
// meant would stay public.
func (s *Store) SetPublic(ctx context.Context, name string, public bool) (known bool, err error) {
	if name == "" || len(name) > pkgmeter.MaxName || !utf8.ValidString(name) {
		return false, pkgmeter.Errorf(pkgmeter.Invalid, "a repository has a name of 1 to %d bytes of UTF-8", pkgmeter.MaxName)
	}
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		var named int
		var was bool
		err := w.conn.QueryRowContext(ctx, `
			SELECT (SELECT count(*) FROM repo WHERE name = ?1), (SELECT count(*) FROM repo_said WHERE name = ?1),
				coalesce((SELECT public FROM repo_said WHERE name = ?1), 0)`, name).Scan(&known, &named, &was)
		switch {
		case err != nil:
			return err
		case !public && !known && named == 0:
			return pkgmeter.Errorf(pkgmeter.NotFound, "there is no repository %q", name)
		}
		_, err = w.conn.ExecContext(ctx, `
			INSERT INTO repo_said (name, public) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET public = excluded.public`, name, public)
		if err != nil || was == public {
			return err
		}
		return w.audit(ctx, "repository."+map[bool]string{true: "public", false: "private"}[public], name, "")
	})
	return known, err
}

// Repositories lists the repositories that questions can name, and those that
// are public ahead of their first event, by name.
func (s *Store) Repositories(ctx context.Context) (repos []Repository, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var r Repository
		err := rows.Scan(&r.Name, &r.Public)
		repos = append(repos, r)
		return err
	}, `
		SELECT n.name, coalesce(s.public, 0) FROM (SELECT name FROM repo UNION SELECT name FROM repo_said WHERE public = 1) n
		LEFT JOIN repo_said s ON s.name = n.name ORDER BY n.name`)
	return repos, err
}

// AllPublic reports whether there is a name at all, and each is that of a public
// repository.
func (s *Store) AllPublic(ctx context.Context, names []string) (bool, error) {
	for _, name := range names {
		var public bool
		err := s.side.QueryRowContext(ctx, `SELECT coalesce((SELECT public FROM repo_said WHERE name = ?), 0)`, name).Scan(&public)
		if err != nil || !public {
			return false, err
		}
	}
	return len(names) > 0, nil
}

// Known reports whether any file that f lets pass was ever named, fetched or
// not.
func (s *Store) Known(ctx context.Context, f pkgmeter.Filter) (known bool, err error) {
	err = s.ask(ctx, pkgmeter.Query{Filter: f, Now: s.opt.Now()}, nil, func(q *question) error {
		known = slices.Contains(q.pass, true)
		return nil
	})
	return known, err
}
