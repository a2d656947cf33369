package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Names that a transaction brings are written ahead of its events, many in one
// statement: most of what a statement costs it costs once. What is left over
// after the larger chunks goes into the smaller ones, and then one by one.
var aheadRows = [...]int{64, 8}

// multi is an insertion of many rows that passes over those that are there. It
// passes over what breaks another rule too, as SQLite would otherwise keep a
// journal of each statement: who finds a row missing has to find out why.
type multi struct {
	stmts [len(aheadRows)]*sql.Stmt
	args  []any
}

func (m *multi) prepare(ctx context.Context, prepare preparer, into string, columns int) error {
	return m.prepareText(ctx, prepare, "INSERT OR IGNORE INTO "+into+" VALUES ", columns, "")
}

// prepareText is prepare for an insertion in other words.
func (m *multi) prepareText(ctx context.Context, prepare preparer, head string, columns int, tail string) error {
	row := "(" + strings.Repeat(", ?", columns)[2:] + ")"
	for i, n := range aheadRows {
		var err error
		m.stmts[i], err = prepare(ctx, head+strings.Repeat(", "+row, n)[2:]+tail) //nolint:sqlclosecheck // prepare sees to it
		if err != nil {
			return err
		}
	}
	return nil
}

// insert writes rows from 0 on in chunks as large as there are, and returns how
// many rows those had. put appends a row's columns. done is told of each chunk,
// whether all of its rows are new, and the id of the first one then: ids of new
// rows of a statement follow each other.
func (m *multi) insert(ctx context.Context, rows int, put func(args []any, row int) []any, done func(from, to int, all bool, first int64) error) (int, error) {
	at := 0
	defer func() { clear(m.args[:cap(m.args)]) }() // they hold texts
	for i, n := range aheadRows {
		for ; rows-at >= n; at += n {
			m.args = m.args[:0]
			for row := range n {
				m.args = put(m.args, at+row)
			}
			res, err := m.stmts[i].ExecContext(ctx, m.args...)
			if err != nil {
				return at, err
			}
			added, err := res.RowsAffected()
			if err != nil {
				return at, err
			}
			last, err := res.LastInsertId()
			if err != nil {
				return at, err
			}
			if err := done(at, at+n, added == int64(n), last-int64(n)+1); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}

// A newFile is a file that the running transaction may bring.
type newFile struct {
	key  fileKey
	file *pkgmeter.File
	hits bool
	ref  fileRef
}

// ahead is what naming ahead needs.
type ahead struct {
	files, rules multi
	ruled        *sql.Stmt // a file with its rule, if it has one
	list         []newFile
	at           map[fileKey]bool // those in the list
}

func (a *ahead) prepare(ctx context.Context, prepare preparer) (err error) {
	a.at = map[fileKey]bool{}
	if err := a.files.prepare(ctx, prepare, "file (repo_said_id, raw, hint)", 3); err != nil {
		return err
	}
	err = a.rules.prepare(ctx, prepare,
		"file_rule (gen, file_id, repo_id, name_id, package_id, version_id, kind, sidecar_of, legacy_type, confidence)", 10)
	if err != nil {
		return err
	}
	a.ruled, err = prepare(ctx, `
		SELECT f.id, r.repo_id, p.type_id, p.id, r.version_id, r.kind, r.legacy_type
		FROM file f LEFT JOIN file_rule r ON r.gen = ? AND r.file_id = f.id LEFT JOIN package p ON p.id = r.package_id
		WHERE f.repo_said_id = ? AND f.raw = ? AND f.hint = ?`)
	return err
}

// reset forgets what is expected.
func (a *ahead) reset() {
	clear(a.at)
	clear(a.list)
	a.list = a.list[:0]
}

// expect returns the file of an entry, if it is known, and else notes it: its id
// is 0 then.
func (w *writer) expect(ctx context.Context, e *pkgmeter.Entry) (fileRef, error) {
	key, ref, known, err := w.knownFile(ctx, e)
	if err != nil || known || w.ahead.at[key] {
		return ref, err
	}
	key.raw, key.hint = strings.Clone(key.raw), strings.Clone(key.hint)
	w.ahead.at[key] = true
	w.ahead.list = append(w.ahead.list, newFile{key: key, file: &e.File, hits: e.Counts.Hits > 0})
	return ref, nil
}

// nameAhead writes the files that are expected, as far as they fill chunks. The
// others are written with their events.
func (w *writer) nameAhead(ctx context.Context) error {
	a := &w.ahead
	defer a.reset()
	list := a.list
	fresh := make([]newFile, 0, len(list)) // without a rule
	_, err := a.files.insert(ctx, len(list), func(args []any, i int) []any {
		return append(args, list[i].key.repo, list[i].key.raw, list[i].key.hint)
	}, func(from, to int, all bool, first int64) error {
		for i := from; i < to; i++ {
			f := &list[i]
			if all {
				f.ref.id = first + int64(i-from)
			} else if known, err := w.ruledFile(ctx, f); err != nil {
				return err
			} else if known {
				w.files.fresh[f.key] = f.ref
				continue
			}
			fresh = append(fresh, *f)
		}
		return nil
	})
	if err != nil || len(fresh) == 0 {
		return err
	}
	if err := w.ruleAhead(ctx, w.gen, fresh); err != nil {
		return err
	}
	for i := range fresh {
		w.files.fresh[fresh[i].key] = fresh[i].ref
	}
	return nil
}

// ruledFile looks up a file of which it is not known whether it was there.
func (w *writer) ruledFile(ctx context.Context, f *newFile) (known bool, err error) {
	var repo, typ, pkg, version, kind, legacy sql.NullInt64
	err = w.ahead.ruled.QueryRowContext(ctx, w.gen, f.key.repo, f.key.raw, f.key.hint).Scan(&f.ref.id, &repo, &typ, &pkg, &version, &kind, &legacy)
	if errors.Is(err, sql.ErrNoRows) || err != nil {
		return false, err
	}
	f.ref.repo, f.ref.typ, f.ref.pkg, f.ref.version = repo.Int64, typ.Int64, pkg.Int64, version.Int64
	f.ref.kind, f.ref.legacy = pkgmeter.Kind(kind.Int64), pkgmeter.LegacyType(legacy.Int64)
	return pkg.Valid, nil
}

// ruleAhead stores what follows from files that have ids, and completes them.
func (w *writer) ruleAhead(ctx context.Context, gen int64, list []newFile) error {
	// Types first, as packages refer to them.
	types := make([]int64, len(list))
	for i, f := range list {
		var err error
		if types[i], err = w.typ.id(ctx, f.file.Type); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		dict *dict
		key  func(f *pkgmeter.File) string
		more func(i int) any // nil for none
	}{
		{&w.name, func(f *pkgmeter.File) string { return f.Name }, nil},
		{&w.pkg, func(f *pkgmeter.File) string { return f.Package }, func(i int) any { return types[i] }},
		{&w.version, func(f *pkgmeter.File) string { return f.Version }, nil},
	} {
		if err := d.dict.ahead(ctx, len(list), func(i int) string { return d.key(list[i].file) }, d.more); err != nil {
			return err
		}
	}
	rows := make([]ruleRow, len(list))
	for i, f := range list {
		row, err := w.ruleOf(ctx, gen, f.ref.id, f.key.hint == "" && f.hits, f.file)
		if err != nil {
			return err
		}
		rows[i], list[i].ref = row, row.ref
	}
	n, err := w.ahead.rules.insert(ctx, len(rows), func(args []any, i int) []any { return append(args, rows[i].args()...) },
		func(from, _ int, all bool, _ int64) error {
			if !all {
				return fmt.Errorf("file %d, or one of those after it, has a rule already", rows[from].ref.id)
			}
			return nil
		})
	for ; err == nil && n < len(rows); n++ {
		_, err = w.files.rule.ExecContext(ctx, rows[n].args()...)
	}
	return err
}

// ahead adds the keys that are not known, as far as they fill chunks.
func (d *dict) ahead(ctx context.Context, n int, key func(i int) string, more func(i int) any) error {
	var keys []string
	var from []int // of the first one with that key
	seen := map[string]bool{}
	for i := range n {
		k := key(i)
		if seen[k] {
			continue
		}
		seen[k] = true
		if _, ok := d.known.get(k, len(k)+entryOverhead); ok {
			continue
		}
		if _, ok := d.fresh[k]; ok {
			continue
		}
		keys, from = append(keys, strings.Clone(k)), append(from, i)
	}
	_, err := d.many.insert(ctx, len(keys), func(args []any, i int) []any {
		if args = append(args, keys[i]); more != nil {
			args = append(args, more(from[i]))
		}
		return args
	}, func(from, to int, all bool, first int64) error {
		for i := from; i < to && all; i++ {
			d.fresh[keys[i]] = first + int64(i-from)
		}
		return nil // else each is looked up when it is asked for
	})
	return err
}
