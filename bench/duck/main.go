// Command duck asks DuckDB the question of top20_365d: it is a peer of the
// program in its bench, in a module of its own, since it needs C.
//
// Its arguments are files of comma-separated values, with a line of names first:
// cells (day, file, downloads, hits, bytes) and files (id, name). It prints one
// JSON object: the median time in ms, and the sum of all hits.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

const (
	questions = 41
	topSize   = 20
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: duck CELLS FILES DATABASE")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "duck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cells, files, database string) error {
	db, err := sql.Open("duckdb", database)
	if err != nil {
		return err
	}
	defer db.Close()
	// In the order of days, as they came: zones of days are then narrow.
	for _, s := range []struct{ query, file string }{
		{`CREATE TABLE cell AS SELECT day::INTEGER AS day, file::INTEGER AS file, downloads::BIGINT AS downloads, hits::BIGINT AS hits, bytes::BIGINT AS bytes FROM read_csv(?) ORDER BY day, file`, cells},
		{`CREATE TABLE file AS SELECT id::INTEGER AS id, name FROM read_csv(?)`, files},
	} {
		if _, err := db.ExecContext(ctx, s.query, s.file); err != nil {
			return err
		}
	}
	var first, last int64
	var answer struct {
		MS   float64 `json:"ms"`
		Hits int64   `json:"hits"`
	}
	if err := db.QueryRowContext(ctx, `SELECT min(day), max(day), sum(hits)::BIGINT FROM cell`).Scan(&first, &last, &answer.Hits); err != nil {
		return err
	}
	var took []time.Duration
	for range questions + 1 {
		began := time.Now()
		if err := ask(ctx, db, first, last); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	took = took[1:] // the first one warms up
	slices.Sort(took)
	answer.MS = float64(took[len(took)/2].Microseconds()) / 1000
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// ask reads the files with the most downloads.
func ask(ctx context.Context, db *sql.DB, first, last int64) error {
	rows, err := db.QueryContext(ctx, `
		SELECT f.name, t.downloads, t.hits, t.bytes FROM (
			SELECT file, sum(downloads)::BIGINT AS downloads, sum(hits)::BIGINT AS hits, sum(bytes)::BIGINT AS bytes
			FROM cell WHERE day BETWEEN ? AND ? GROUP BY file ORDER BY downloads DESC LIMIT ?
		) t JOIN file f ON f.id = t.file ORDER BY t.downloads DESC, f.name`, first, last, topSize)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var name string
		var downloads, hits, bytes int64
		if err := rows.Scan(&name, &downloads, &hits, &bytes); err != nil {
			return err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if n != topSize {
		return fmt.Errorf("%d files, want %d", n, topSize)
	}
	return nil
}
