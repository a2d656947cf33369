package sqlite

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Parts of an opening balance.
const (
	partAll   = 0
	partFile  = 1 // ref is the file's id
	partRepo  = 2 // ref is the id of the repository as said
	partTypes = 3 // ref is the legacy type
)

// balanceKey is what an opening balance is of.
type balanceKey struct {
	part int
	ref  int64
}

// MoveIn takes in what a file of another program brings along, in one
// transaction. A counter that fell since the last file of the same source is a
// [pkgmeter.Conflict]: the file is another program's.
func (s *Store) MoveIn(ctx context.Context, o pkgmeter.Opening) (done pkgmeter.MoveIn, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		var err error
		done, err = w.moveIn(ctx, o, s.opt.Now().UnixMilli())
		return err
	})
	if err != nil {
		return pkgmeter.MoveIn{}, fmt.Errorf("import: %w", err)
	}
	return done, nil
}

func (w *writer) moveIn(ctx context.Context, o pkgmeter.Opening, nowMS int64) (done pkgmeter.MoveIn, err error) {
	w.bulk = true
	source, err := w.source.id(ctx, o.Source)
	if err != nil {
		return done, err
	}
	var seen int
	if err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM import WHERE sha256 = ?`, o.SHA256[:]).Scan(&seen); err != nil {
		return done, err
	}
	if seen > 0 {
		done.Known = o.Counters.All
		return done, nil
	}
	before, err := w.balances(ctx, source)
	if err != nil {
		return done, err
	}
	users := o.Users
	if o.UsersOnce && len(before) > 0 {
		users = nil
	}
	done.Known = before[balanceKey{partAll, 0}]
	done.New = o.Counters.All - done.Known
	if err := w.balance(ctx, source, o, before); err != nil {
		return done, err
	}
	if err := w.newUsers(ctx, users, nowMS, &done); err != nil {
		return done, err
	}
	if err := w.hideAsImported(ctx, o.Hidden); err != nil {
		return done, err
	}
	_, err = w.conn.ExecContext(ctx, `INSERT INTO import (source_id, sha256, at_ms, new, extra) VALUES (?, ?, ?, ?, ?)`,
		source, o.SHA256[:], nowMS, done.New, o.Extra)
	return done, err
}

// balances returns what the last file of a source said.
func (w *writer) balances(ctx context.Context, source int64) (map[balanceKey]int64, error) {
	all := map[balanceKey]int64{}
	return all, eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var k balanceKey
		var n int64
		err := rows.Scan(&k.part, &k.ref, &n)
		all[k] = n
		return err
	}, `SELECT part, ref, n FROM opening WHERE source_id = ?`, source)
}

// balance writes what the file says, and takes what it counted off before.
func (w *writer) balance(ctx context.Context, source int64, o pkgmeter.Opening, before map[balanceKey]int64) error {
	rows := balanceRows{w: w}
	put := func(part int, ref int64, n int64, what string) error {
		k := balanceKey{part, ref}
		had := before[k]
		delete(before, k)
		if n < had {
			return fell(o.Source, what, had, n)
		}
		return rows.add(ctx, source, part, ref, n)
	}
	c := o.Counters
	if err := put(partAll, 0, c.All, "all"); err != nil {
		return err
	}
	// In order: neighbours in the dictionaries are then neighbours on disk.
	const together = 1024
	for names := range slices.Chunk(slices.Sorted(maps.Keys(c.Files)), together) {
		ids, err := w.filesNamed(ctx, names, o.Derive)
		for i, name := range names {
			if err == nil {
				err = put(partFile, ids[i], c.Files[name], "downloads: "+name)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Repositories)) {
		repo, err := w.repoOf(ctx, name)
		if err == nil {
			err = put(partRepo, repo, c.Repositories[name], "repos: "+name)
		}
		if err != nil {
			return err
		}
	}
	for t, n := range c.Types {
		if err := put(partTypes, int64(t), n, "types: "+pkgmeter.LegacyType(t).String()); err != nil {
			return err
		}
	}
	for k, had := range before {
		if had > 0 {
			return fell(o.Source, [...]string{"all", "a file", "a repository", "a type"}[k.part], had, 0)
		}
	}
	return rows.flush(ctx)
}

// filesNamed returns the ids of files that are said without a repository, which
// it adds where needed.
func (w *writer) filesNamed(ctx context.Context, names []string, derive func(string) pkgmeter.File) ([]int64, error) {
	entries, ids := make([]pkgmeter.Entry, len(names)), make([]int64, len(names))
	w.ahead.reset()
	for i, name := range names {
		entries[i] = pkgmeter.Entry{Event: pkgmeter.Event{Path: name}, File: derive(name)}
		if _, err := w.expect(ctx, &entries[i]); err != nil {
			return nil, err
		}
	}
	if err := w.nameAhead(ctx); err != nil {
		return nil, err
	}
	for i := range entries {
		f, err := w.file(ctx, &entries[i])
		if err != nil {
			return nil, err
		}
		ids[i] = f.id
	}
	return ids, nil
}

// balanceRows gathers rows of opening balances, and writes many at once: there
// are as many as the file has names.
type balanceRows struct {
	w    *writer
	args []any
}

const rowsAtOnce = 100

func (b *balanceRows) add(ctx context.Context, source int64, part int, ref, n int64) error {
	b.args = append(b.args, source, part, ref, n)
	if len(b.args) < 4*rowsAtOnce {
		return nil
	}
	return b.flush(ctx)
}

func (b *balanceRows) flush(ctx context.Context) error {
	if len(b.args) == 0 {
		return nil
	}
	marks := strings.Repeat(", (?, ?, ?, ?)", len(b.args)/4)[2:]
	_, err := b.w.conn.ExecContext(ctx, `INSERT INTO opening (source_id, part, ref, n) VALUES `+marks+`
		ON CONFLICT DO UPDATE SET n = excluded.n`, b.args...)
	b.args = b.args[:0]
	return err
}

// repoOf returns the id of a repository as said, and makes it known as one.
func (w *writer) repoOf(ctx context.Context, name string) (int64, error) {
	if _, err := w.repo.id(ctx, cmp.Or(name, pkgmeter.Unknown)); err != nil {
		return 0, err
	}
	return w.repoSaid.id(ctx, name)
}

func fell(source, what string, had, have int64) error {
	return pkgmeter.Errorf(pkgmeter.Conflict,
		"%s fell from %d to %d since the last file of source %s: if this is another program's file, import it with another --source", what, had, have, source)
}

func (w *writer) newUsers(ctx context.Context, users []pkgmeter.User, nowMS int64, done *pkgmeter.MoveIn) error {
	var admins int
	if err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM user WHERE role = 'admin' AND disabled = 0`).Scan(&admins); err != nil {
		return err
	}
	for _, u := range users {
		if admins == 0 && !u.Disabled {
			u.Role = pkgmeter.Admin
		}
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO user (name, role, hash, disabled, created_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			u.Name, string(u.Role), u.Hash, u.Disabled, nowMS)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		if err := w.audit(ctx, "user.add", u.Name, string(u.Role)+", imported"); err != nil {
			return err
		}
		done.Users = append(done.Users, u.Name)
		if u.Role == pkgmeter.Admin {
			done.Admin, admins = u.Name, 1
		}
	}
	return nil
}

// balanceSet are the opening balances as answers need them.
type balanceSet struct {
	upTo  int64 // the last import that is in it
	gen   int64
	all   pkgmeter.Measures
	byKey map[pkgmeter.Key]map[uint32]pkgmeter.Measures
}

// opening returns the opening balances of the question's snapshot. They change
// with imports only, and are kept in memory.
func (s *Store) opening(ctx context.Context, q *question) (*balanceSet, error) {
	var last sql.NullInt64
	if err := q.tx.QueryRowContext(ctx, `SELECT max(id) FROM import`).Scan(&last); err != nil {
		return nil, err
	}
	if b := s.balances.Load(); b != nil && b.upTo == last.Int64 && b.gen == q.gen {
		return b, nil
	}
	b := &balanceSet{upTo: last.Int64, gen: q.gen, byKey: map[pkgmeter.Key]map[uint32]pkgmeter.Measures{}}
	if last.Valid {
		if err := b.read(ctx, q); err != nil {
			return nil, err
		}
	}
	s.balances.Store(b)
	return b, nil
}

// read sums the balances of all sources. Downloads are known of files, by
// their kind, and of legacy types, by their name; of repositories they are not.
func (b *balanceSet) read(ctx context.Context, q *question) error {
	add := func(by pkgmeter.Key, id uint32, m pkgmeter.Measures) {
		if b.byKey[by] == nil {
			b.byKey[by] = map[uint32]pkgmeter.Measures{}
		}
		addTo(b.byKey[by], id, m)
	}
	err := eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var part int
		var ref, n int64
		if err := rows.Scan(&part, &ref, &n); err != nil {
			return err
		}
		m := pkgmeter.Measures{Hits: n}
		switch part {
		case partAll:
			b.all.Hits += n
		case partFile:
			if pkgmeter.Kind(q.attrs.kind[ref]) == pkgmeter.Primary {
				m.Downloads = n
				b.all.Downloads += n
			}
			add(pkgmeter.ByFile, q.attrs.name[ref], m)
		case partTypes:
			if t := pkgmeter.LegacyType(ref); t == pkgmeter.LegacyJar || t == pkgmeter.LegacyOther {
				m.Downloads = n
			}
			add(pkgmeter.ByLegacyType, uint32(ref), m)
		}
		return nil
	}, `SELECT part, ref, n FROM opening WHERE n > 0`)
	if err != nil {
		return err
	}
	return eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var id uint32
		var n int64
		err := rows.Scan(&id, &n)
		add(pkgmeter.ByRepository, id, pkgmeter.Measures{Hits: n})
		return err
	}, `
		SELECT r.id, o.n FROM opening o JOIN repo_said s ON s.id = o.ref JOIN repo r ON r.name = CASE s.name WHEN '' THEN ? ELSE s.name END
		WHERE o.part = ? AND o.n > 0`, pkgmeter.Unknown, partRepo)
}

// addOpening adds the opening balances to sums by key, if the question is one
// that they have an answer to: for all time, and about everything or about a
// file or a repository alone.
func (q *question) addOpening(ctx context.Context, s *Store, sums *[]pkgmeter.Measures, total *pkgmeter.Totals) error {
	only, ids, ok := q.openingFilter(q.by)
	if !ok {
		return nil
	}
	b, err := s.opening(ctx, q)
	if err != nil {
		return err
	}
	if q.by != nil {
		for id, m := range b.byKey[*q.by] {
			if only != nil && !slices.Contains(ids, id) {
				continue
			}
			for int(id) >= len(*sums) { // a repository of which no file is known
				*sums = append(*sums, pkgmeter.Measures{})
			}
			(*sums)[id].Add(m)
		}
	}
	if only == nil {
		total.Add(b.all)
		total.Opening = b.all.Hits
		if q.by != nil {
			total.Unattributed = b.all.Hits
			for _, m := range b.byKey[*q.by] {
				total.Unattributed -= m.Hits
			}
		}
		return nil
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		m := b.byKey[*only][id]
		total.Add(m)
		total.Opening += m.Hits
	}
	return nil
}

// openingFilter says whether opening balances belong into the answer, and
// which filter, if any, narrows them.
func (q *question) openingFilter(by *pkgmeter.Key) (only *pkgmeter.Key, ids []uint32, ok bool) {
	if q.query.From != 0 || q.query.To != 0 {
		return nil, nil, false
	}
	f := q.query.Filter
	if f.Empty() {
		return nil, nil, by == nil || *by == pkgmeter.ByFile || *by == pkgmeter.ByRepository || *by == pkgmeter.ByLegacyType
	}
	for key, names := range map[pkgmeter.Key]*[]string{pkgmeter.ByFile: &f.Files, pkgmeter.ByRepository: &f.Repositories} {
		if *names == nil {
			continue
		}
		*names = nil
		if !f.Empty() || by != nil && *by != key {
			return nil, nil, false
		}
		return &key, q.filterIDs[key], true
	}
	return nil, nil, false
}

// Counters returns all hits of all sources, with the opening balances, as the
// old program would have counted them.
func (s *Store) Counters(ctx context.Context) (c pkgmeter.Counters, err error) {
	err = s.ask(ctx, pkgmeter.Query{Now: s.opt.Now()}, nil, func(all *question) error {
		for _, to := range []struct {
			by  pkgmeter.Key
			set func(name string, n int64)
		}{
			{pkgmeter.ByFile, setIn(&c.Files)},
			{pkgmeter.ByRepository, setIn(&c.Repositories)},
			{pkgmeter.ByLegacyType, func(name string, n int64) {
				if t, ok := pkgmeter.ParseLegacyType(name); ok {
					c.Types[t] = n
				}
			}},
		} {
			q, err := all.group(ctx, to.by)
			if err != nil {
				return err
			}
			total := q.totals()
			sums, err := q.sums(ctx, s, &total)
			if err != nil {
				return err
			}
			c.All = total.Hits // the same for each
			var ids []uint32
			for id := range sums {
				if sums[id].Hits > 0 {
					ids = append(ids, uint32(id))
				}
			}
			all, err := q.names(ctx, to.by, ids)
			if err != nil {
				return err
			}
			for _, k := range all {
				to.set(k.name, sums[k.id].Hits)
			}
			if to.by == pkgmeter.ByFile {
				if err := q.asImported(ctx, all, c.Files); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return c, err
}

// asImported gives balances of files the names back that they were imported under:
// with a host, say, which is no part of the name of a file here.
func (q *question) asImported(ctx context.Context, known []named, files map[string]int64) error {
	names := map[uint32]string{}
	for _, k := range known {
		names[k.id] = k.name
	}
	return eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var file, n int64
		var raw string
		if err := rows.Scan(&file, &raw, &n); err != nil {
			return err
		}
		if name := names[q.attrs.name[file]]; name != raw {
			if files[name] -= n; files[name] == 0 {
				delete(files, name)
			}
			files[raw] += n
		}
		return nil
	}, `SELECT f.id, f.raw, sum(o.n) FROM opening o JOIN file f ON f.id = o.ref WHERE o.part = ? AND o.n > 0 GROUP BY f.id`, partFile)
}

func setIn(m *map[string]int64) func(string, int64) {
	*m = map[string]int64{}
	return func(name string, n int64) { (*m)[name] = n }
}

// Extra returns the members that the imports of a source brought along, the
// newest of each source.
func (s *Store) Extra(ctx context.Context) (extra []string, err error) {
	err = eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var e string
		err := rows.Scan(&e)
		extra = append(extra, e)
		return err
	}, `SELECT extra FROM import WHERE id IN (SELECT max(id) FROM import GROUP BY source_id) AND extra <> '' ORDER BY id`)
	return extra, err
}

// LedgerID names this installation's ledger.
func (s *Store) LedgerID() string { return s.meta.Load().ledgerID }

// Imported reports whether the file with this digest was imported.
func (s *Store) Imported(ctx context.Context, sha256 [32]byte) (done bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM import WHERE sha256 = ?)`, sha256[:]).Scan(&done)
	return done, err
}

// Secret returns this installation's own random bytes. They are made at the
// first call, stay the same, and are part of every backup.
func (s *Store) Secret(ctx context.Context) (secret []byte, err error) {
	const key, size = "secret", 32
	if secret, err = s.Setting(ctx, key); err != nil || secret != nil {
		return secret, err
	}
	secret = make([]byte, size)
	rand.Read(secret) // it never fails
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		if _, err := w.conn.ExecContext(ctx, `INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, key, secret); err != nil {
			return err
		}
		return w.conn.QueryRowContext(ctx, `SELECT value FROM setting WHERE key = ?`, key).Scan(&secret)
	})
	return secret, err
}

// SetSetting stores the value of a key.
func (s *Store) SetSetting(ctx context.Context, key string, value []byte) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error { return w.set(ctx, key, value) })
}

func (w *writer) set(ctx context.Context, key string, value []byte) error {
	_, err := w.conn.ExecContext(ctx, `INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`, key, value)
	return err
}
