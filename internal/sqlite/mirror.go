package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
)

// Mirror returns how far the mirror of another server has come, with an empty
// URL if there is none.
func (s *Store) Mirror(ctx context.Context) (m pkgmeter.MirrorState, err error) {
	err = s.side.QueryRowContext(ctx, `SELECT url, token, anew FROM mirror`).Scan(&m.URL, &m.Token, &m.Anew)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return m, err
}

// PutMirrored takes in a page of another server's catalog, with the state after
// it. An empty page of a state that is anew begins that anew. A record that is as it was keeps its position. One whose id or key belongs
// to a record of this server's own is refused: what is published here is not
// replaced from elsewhere.
func (s *Store) PutMirrored(ctx context.Context, page pkgmeter.MirrorPage) (sum pkgmeter.MirrorSum, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		sum = pkgmeter.MirrorSum{}
		e, err := w.editor(ctx, s)
		if err != nil {
			return err
		}
		if page.State.Anew && len(page.Documents) == 0 && !page.Done {
			if _, err := w.conn.ExecContext(ctx, `DELETE FROM mirror_seen`); err != nil {
				return err
			}
		}
		for i := range page.Documents {
			d := &page.Documents[i]
			d.Mirrored = true
			if err := e.mirror(ctx, d, &sum); err != nil {
				return err
			}
			if !page.State.Anew {
				continue
			}
			if _, err := w.conn.ExecContext(ctx, `INSERT INTO mirror_seen (coll, id) VALUES (?, ?) ON CONFLICT DO NOTHING`, int(d.Collection), d.ID); err != nil {
				return err
			}
		}
		if page.Done && page.State.Anew {
			page.State.Anew = false
			if sum.Removed, err = e.forget(ctx); err != nil {
				return err
			}
		}
		_, err = w.conn.ExecContext(ctx, `
			INSERT INTO mirror (one, url, token, anew) VALUES (1, ?, ?, ?)
			ON CONFLICT DO UPDATE SET url = excluded.url, token = excluded.token, anew = excluded.anew`,
			page.State.URL, append([]byte{}, page.State.Token...), page.State.Anew)
		if err != nil {
			return err
		}
		return e.end(ctx)
	})
	if err != nil {
		return sum, fmt.Errorf("copy %d records of %s: %w", len(page.Documents), page.State.URL, err)
	}
	return sum, nil
}

func (e *editor) mirror(ctx context.Context, d *pkgmeter.Document, sum *pkgmeter.MirrorSum) error {
	var id string
	found, mirrored, same, err := e.known(ctx, d)
	if err != nil {
		return err
	}
	switch {
	case found && !mirrored:
		sum.Refused++
		return nil
	case same:
		sum.Same++
		return nil
	}
	// Another record may have the key: a package that was removed there and made
	// again has another id.
	switch err := e.w.docByKey.QueryRowContext(ctx, int(d.Collection), d.Key).Scan(&id, &mirrored); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case !mirrored:
		sum.Refused++
		return nil
	case id != d.ID:
		if err := e.remove(ctx, d.Collection, id); err != nil {
			return err
		}
		sum.Removed++
	}
	if found {
		if err := e.drop(ctx, d.Collection, d.ID); err != nil {
			return err
		}
	}
	sum.Written++
	return e.insert(ctx, d)
}

// known reports whether there is a record with the id, whether it is a mirrored
// one, and whether it is the same.
func (e *editor) known(ctx context.Context, d *pkgmeter.Document) (found, mirrored, same bool, err error) {
	rows, err := e.w.docByID.QueryContext(ctx, int(d.Collection), d.ID)
	if err != nil {
		return false, false, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, false, false, rows.Err()
	}
	var body sql.RawBytes
	err = rows.Scan(&mirrored, &body)
	return true, mirrored, bytes.Equal(body, d.Body), err
}

// forget removes what the other server did not name since it said that
// everything is to be fetched anew.
func (e *editor) forget(ctx context.Context) (n int, err error) {
	var gone []pkgmeter.Document
	err = eachRow(ctx, e.w.conn, func(rows *sql.Rows) error {
		var d pkgmeter.Document
		err := rows.Scan(&d.Collection, &d.ID)
		gone = append(gone, d)
		return err
	}, `
		SELECT coll, id FROM doc WHERE mirrored = 1
		AND NOT EXISTS (SELECT 1 FROM mirror_seen m WHERE m.coll = doc.coll AND m.id = doc.id)`)
	if err != nil {
		return 0, err
	}
	for _, d := range gone {
		if err := e.remove(ctx, d.Collection, d.ID); err != nil {
			return 0, err
		}
	}
	_, err = e.w.conn.ExecContext(ctx, `DELETE FROM mirror_seen`)
	return len(gone), err
}
