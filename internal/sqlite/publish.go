package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// AddPending remembers that something is being published. What was pending for
// the same record is forgotten: its publisher tries again.
func (s *Store) AddPending(ctx context.Context, p pkgmeter.Pending) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `DELETE FROM pending WHERE what = ? AND key = ? AND published = 0`, int(p.Part), p.Key)
		if err != nil {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `INSERT INTO pending (token, what, key, user, record, expires_ms) VALUES (?, ?, ?, ?, ?, ?)`,
			p.Token[:], int(p.Part), p.Key, p.User, p.Record, p.Expires.UnixMilli())
		return err
	})
}

// Pending returns what a token is for. One that is unknown, replaced or expired
// is [pkgmeter.NotFound].
func (s *Store) Pending(ctx context.Context, token [32]byte) (pkgmeter.Pending, error) {
	return s.pending(ctx, s.side, token)
}

func (s *Store) pending(ctx context.Context, q rowQueryer, token [32]byte) (p pkgmeter.Pending, err error) {
	var source, readme []byte
	var expiresMS int64
	p.Token = token
	err = q.QueryRowContext(ctx, `
		SELECT what, key, user, record, source, source_size, readme, readme_size, expires_ms, published FROM pending WHERE token = ?`, token[:]).
		Scan(&p.Part, &p.Key, &p.User, &p.Record, &source, &p.Source.Size, &readme, &p.Readme.Size, &expiresMS, &p.Published)
	p.Expires = fromMS(expiresMS)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !s.opt.Now().Before(p.Expires) {
		err = errNotPending
	}
	copy(p.Source.SHA256[:], source)
	copy(p.Readme.SHA256[:], readme)
	return p, err
}

var errNotPending = pkgmeter.Errorf(pkgmeter.NotFound, "this upload is unknown or has expired: begin to publish again")

// SetUpload notes that a part of something pending was uploaded; the bytes are
// stored already. It replaces what was uploaded before.
func (s *Store) SetUpload(ctx context.Context, token [32]byte, part pkgmeter.PublishedPart, b pkgmeter.Blob) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		p, err := s.pending(ctx, w.conn, token)
		if err == nil && p.Published {
			err = pkgmeter.Errorf(pkgmeter.Conflict, "this is published already and cannot be replaced")
		}
		if err != nil {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `
			INSERT INTO blob (sha256, size, created_ms) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET created_ms = excluded.created_ms`,
			b.SHA256[:], b.Size, s.opt.Now().UnixMilli())
		if err != nil {
			return err
		}
		set := `UPDATE pending SET source = ?, source_size = ? WHERE token = ?`
		if part == pkgmeter.ReadmePart {
			set = `UPDATE pending SET readme = ?, readme_size = ? WHERE token = ?`
		}
		_, err = w.conn.ExecContext(ctx, set, b.SHA256[:], b.Size, token[:])
		return err
	})
}

// publish marks what was pending, and serves its bytes.
func (e *editor) publish(ctx context.Context, edit pkgmeter.CatalogEdit) error {
	for _, path := range edit.Withdraw {
		// Its bytes are those of an upload again that nothing came of: a backup
		// may be reading them.
		_, err := e.w.conn.ExecContext(ctx, `UPDATE blob SET created_ms = ? WHERE sha256 = (SELECT sha256 FROM file_url WHERE path = ?)`, e.nowMS, path)
		if err != nil {
			return err
		}
		if _, err := e.w.conn.ExecContext(ctx, `DELETE FROM file_url WHERE path = ?`, path); err != nil {
			return err
		}
	}
	for _, f := range edit.Files {
		_, err := e.w.conn.ExecContext(ctx, `INSERT INTO file_url (path, sha256, name, package, version, kind) VALUES (?, ?, ?, ?, ?, ?)`,
			f.Path, f.Blob.SHA256[:], f.Name, f.Package, f.Version, int(f.Part))
		if err != nil {
			return err
		}
	}
	if edit.Publish == [32]byte{} {
		return nil
	}
	res, err := e.w.conn.ExecContext(ctx, `UPDATE pending SET published = 1 WHERE token = ? AND published = 0 AND expires_ms > ?`,
		edit.Publish[:], e.nowMS)
	if err != nil {
		return err
	}
	return one(res, pkgmeter.Errorf(pkgmeter.Conflict, "somebody else publishes this: begin again"))
}

// PublishedFile returns the bytes that are served under a path;
// [pkgmeter.NotFound] if there are none.
func (s *Store) PublishedFile(ctx context.Context, path string) (f pkgmeter.PublishedFile, err error) {
	var sum []byte
	f.Path = path
	err = s.side.QueryRowContext(ctx, `
		SELECT f.sha256, b.size, f.name, f.package, f.version, f.kind FROM file_url f JOIN blob b ON b.sha256 = f.sha256 WHERE f.path = ?`, path).
		Scan(&sum, &f.Blob.Size, &f.Name, &f.Package, &f.Version, &f.Part)
	if errors.Is(err, sql.ErrNoRows) {
		err = pkgmeter.Errorf(pkgmeter.NotFound, "there is no such file")
	}
	copy(f.Blob.SHA256[:], sum)
	return f, err
}

// Blobs calls visit for all bytes that something refers to, or that were
// uploaded lately.
func (s *Store) Blobs(ctx context.Context, visit func(pkgmeter.Blob) error) error {
	return eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var b pkgmeter.Blob
		var sum []byte
		if err := rows.Scan(&sum, &b.Size); err != nil {
			return err
		}
		copy(b.SHA256[:], sum)
		return visit(b)
	}, `SELECT sha256, size FROM blob ORDER BY sha256`)
}

// SweepUploads forgets what is pending no longer, and bytes that nothing refers
// to and that were uploaded before the given time, of which it returns the
// digests. Nothing may be uploaded meanwhile, until their bytes are removed too.
func (s *Store) SweepUploads(ctx context.Context, before time.Time) (gone [][32]byte, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		gone = nil
		if _, err := w.conn.ExecContext(ctx, `DELETE FROM pending WHERE expires_ms <= ?`, s.opt.Now().UnixMilli()); err != nil {
			return err
		}
		return eachRow(ctx, w.conn, func(rows *sql.Rows) error {
			var sum []byte
			err := rows.Scan(&sum)
			gone = append(gone, [32]byte(sum))
			return err
		}, `
			DELETE FROM blob WHERE created_ms < ?
			AND NOT EXISTS (SELECT 1 FROM file_url f WHERE f.sha256 = blob.sha256)
			AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.source = blob.sha256 OR p.readme = blob.sha256)
			RETURNING sha256`, before.UnixMilli())
	})
	return gone, err
}
