package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema is the number of the newest schema that this program knows.
func Schema() int {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return len(names)
}

// migrate brings the file to the newest schema, one migration a transaction.
// A crash in between leaves the file at a whole schema. A file of a newer
// schema, or of another program, is refused and left as it is.
func migrate(ctx context.Context, conn *sql.Conn) error {
	var app, at int
	if err := conn.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&app); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&at); err != nil {
		return err
	}
	if err := refuseNewer(at); err != nil {
		return err
	}
	if app != applicationID {
		var tables int
		if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
			return err
		}
		if tables > 0 || at > 0 {
			return refuseForeign()
		}
	}
	for ; at < Schema(); at++ {
		if err := step(ctx, conn, at+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", at+1, err)
		}
	}
	return nil
}

func step(ctx context.Context, conn *sql.Conn, to int) error {
	names, err := fs.Glob(migrations, fmt.Sprintf("migrations/%04d_*.sql", to))
	if err != nil || len(names) != 1 {
		return fmt.Errorf("want one file for schema %d, have %v: %w", to, names, err)
	}
	text, err := migrations.ReadFile(names[0])
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("BEGIN IMMEDIATE;\n")
	b.Write(text)
	fmt.Fprintf(&b, "\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;\nCOMMIT;", applicationID, to)
	if _, err := conn.ExecContext(ctx, b.String()); err != nil {
		conn.ExecContext(ctx, `ROLLBACK`) //nolint:errcheck // the first error tells more
		return err
	}
	return nil
}

// ErrRefused is in the tree of every error that says: the data folder is in
// doubt, and starting on it could do harm.
var ErrRefused = errors.New("refused to start")

func refuse(format string, args ...any) error {
	return &pkgmeter.Error{Code: pkgmeter.Conflict, Msg: fmt.Sprintf(format, args...), Err: ErrRefused}
}

func refuseNewer(schema int) error {
	if schema <= Schema() {
		return nil
	}
	return refuse("the data folder has schema %d, and this program knows up to %d: use the newer program, or restore a backup", schema, Schema())
}

func refuseForeign() error { return refuse("%s is not a database of pkgmeter", fileName) }
