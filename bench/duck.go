package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// duckFolder has the peer that asks DuckDB, a module of its own. It is built
// where there is a C compiler.
const duckFolder = "bench/duck"

// duck compares the time of the top list with DuckDB's for the same question to
// the same counts, in the same run.
func (b *bench) duck(ctx context.Context, dir string, v volume, ours float64) error {
	if _, err := os.Stat(duckFolder); err != nil {
		b.comment("no DuckDB: run this in the folder of the module")
		return nil
	}
	bin := filepath.Join(b.dir, "duck")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, ".")
	build.Dir, build.Stderr = duckFolder, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=")
	if err := build.Run(); err != nil {
		b.comment("no DuckDB: it could not be built: %v", err)
		return nil
	}
	counts, files := filepath.Join(b.dir, "cells.csv"), filepath.Join(b.dir, "files.csv")
	if err := exportCells(ctx, dir, counts, files); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	cmd := exec.CommandContext(ctx, bin, counts, files, filepath.Join(b.dir, "peer"+v.suffix+".duckdb"))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return err
	}
	var answer struct {
		MS   float64 `json:"ms"`
		Hits int64   `json:"hits"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if answer.Hits != int64(v.events) {
		return fmt.Errorf("it has %d hits of %d", answer.Hits, v.events)
	}
	b.print("top20_365d_vs_duckdb"+v.suffix, answer.MS/ours, ">=5")
	b.print("duckdb_top20_365d_ms"+v.suffix, answer.MS, "-")
	return nil
}

// exportCells writes the counts of days, and the names of files.
func exportCells(ctx context.Context, dir, counts, files string) error {
	db, err := sql.Open("sqlite", filepath.Join(dir, "pkgmeter.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	err = writeFile(counts, func(w *bufio.Writer) error {
		fmt.Fprintln(w, "day,file,downloads,hits,bytes")
		return exportPacks(ctx, db, w)
	})
	if err != nil {
		return err
	}
	return writeFile(files, func(w *bufio.Writer) error {
		rows, err := db.QueryContext(ctx, `SELECT r.file_id, n.name FROM file_rule r JOIN name n ON n.id = r.name_id WHERE r.gen = (SELECT gen FROM meta)`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out := csv.NewWriter(w)
		err = out.Write([]string{"id", "name"})
		for err == nil && rows.Next() {
			var id, name string
			if err = rows.Scan(&id, &name); err == nil {
				err = out.Write([]string{id, name})
			}
		}
		out.Flush()
		return errors.Join(err, rows.Err(), out.Error())
	})
}

func exportPacks(ctx context.Context, db *sql.DB, w *bufio.Writer) error {
	rows, err := db.QueryContext(ctx, `
		SELECT period, n, first_id, last_id, ids, downloads, hits, bytes FROM pack
		WHERE gen = (SELECT gen FROM meta) AND grain = 0 AND dim = 0 ORDER BY period, chunk`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var c cells.Columns
	for rows.Next() {
		var day int64
		var p cells.Packed
		if err := rows.Scan(&day, &p.N, &p.First, &p.Last, &p.IDs, &p.Downloads, &p.Hits, &p.Bytes); err != nil {
			return err
		}
		c.Reset()
		if err := p.Unpack(&c); err != nil {
			return err
		}
		for i, id := range c.IDs {
			fmt.Fprintf(w, "%d,%d,%d,%d,%d\n", day, id, c.Downloads[i], c.Hits[i], c.Bytes[i])
		}
	}
	return rows.Err()
}

func writeFile(path string, write func(*bufio.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(write(w), w.Flush(), f.Close())
}
