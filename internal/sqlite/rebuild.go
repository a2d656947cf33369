package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// NeedsRebuild reports whether the counts are of a time before they were kept
// by client: questions about clients have no answer until they are rebuilt.
func (s *Store) NeedsRebuild() bool { return !s.meta.Load().sliced }

// Rule returns the number of the rule set in force.
func (s *Store) Rule() int { return s.meta.Load().rule }

// Own returns the operator's own rules as they were given to [Store.SetRules]
// last.
func (s *Store) Own() string { return s.meta.Load().own }

// Formats returns the types of which files of each repository are, surely.
func (s *Store) Formats(ctx context.Context) (map[string][]string, error) {
	types := map[string][]string{}
	return types, eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var repository, typ string
		err := rows.Scan(&repository, &typ)
		types[repository] = append(types[repository], typ)
		return err
	}, `
		SELECT r.name, t.name FROM repo_type x JOIN repo r ON r.id = x.repo_id JOIN type t ON t.id = x.type_id
		WHERE x.gen = (SELECT gen FROM meta)`)
}

// SetRules makes the rules the ones in force, and returns the number of the
// rule set. A change of the built-in rules or of the operator's own, which own
// spells out, raises the number and leaves a marker; what was counted before
// stays as it is until [Store.Rebuild].
func (s *Store) SetRules(ctx context.Context, rules pkgmeter.Rules, builtin int, own string) (int, error) {
	if m := s.meta.Load(); m.builtin == builtin && m.own == own {
		return m.rule, nil
	}
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		next := *s.meta.Load()
		next.builtin, next.own = builtin, own
		var pos int64
		if err := w.conn.QueryRowContext(ctx, `SELECT coalesce(max(pos), 0) FROM ledger`).Scan(&pos); err != nil {
			return err
		}
		if next.rule = max(next.rule+1, builtin); pos == 0 {
			next.rule = builtin // nothing was counted by another one
		}
		w.next = &next
		_, err := w.conn.ExecContext(ctx, `UPDATE meta SET rule = ?, builtin = ?, own = ?`, next.rule, builtin, own)
		if err != nil || pos == 0 {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `INSERT INTO marker (at_ms, kind, rule, pos, text) VALUES (?, 'rules', ?, ?, ?)`,
			s.opt.Now().UnixMilli(), next.rule, pos, fmt.Sprintf("counting rules %d", next.rule))
		if err != nil {
			return err
		}
		return w.deriveAgents(ctx, rules, w.gen, int64(next.rule), 0, true)
	})
	if err != nil {
		return 0, fmt.Errorf("change the rules: %w", err)
	}
	return s.Rule(), nil
}

// deriveAgents writes the clients of the agents after the given one; only those
// that differ from what is there, if changed is set.
func (w *writer) deriveAgents(ctx context.Context, rules pkgmeter.Rules, gen, rule, after int64, changed bool) error {
	type agent struct {
		id int64
		ua string
	}
	var all []agent
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var a agent
		err := rows.Scan(&a.id, &a.ua)
		all = append(all, a)
		return err
	}, `SELECT id, ua FROM agent WHERE id > ? ORDER BY id`, after)
	if err != nil {
		return err
	}
	for _, a := range all {
		c := rules.Client(a.ua, 0)
		client, err := w.agents.client(ctx, &c)
		if err != nil {
			return err
		}
		if changed {
			var same bool
			err := w.conn.QueryRowContext(ctx, `
				SELECT coalesce((SELECT client_id = ? FROM agent_rule WHERE gen = ? AND agent_id = ? ORDER BY rule DESC LIMIT 1), 0)`,
				client, gen, a.id).Scan(&same)
			if err != nil || same {
				if err != nil {
					return err
				}
				continue
			}
		}
		_, err = w.agents.rule.ExecContext(ctx, gen, a.id, rule, client, c.Version, c.Runtime, c.OS, c.Arch)
		if err != nil {
			return err
		}
	}
	return nil
}

// rebuild is a generation in the making.
type rebuild struct {
	s     *Store
	rules pkgmeter.Rules
	gen   int64
	rule  int64

	file, agent int64 // up to which all is derived
	derived     bool  // these are all, up to the row upTo of the ledger
	pos, upTo   int64 // row of the ledger up to which all is counted, and can be
	done, total int64 // events

	cols    columns
	clients map[agentFlags]pkgmeter.Client
	counts  map[sliceKey]map[uint32]pkgmeter.Measures // by file
	facets  map[sliceKey]map[facetKey]pkgmeter.Measures
	totals  map[pkgmeter.Day]pkgmeter.Measures
	cells   int // in counts
}

type agentFlags struct {
	agent int64
	robot bool
}

// sliceKey is a client's day, while the client may not have an id yet.
type sliceKey struct {
	day    pkgmeter.Day
	client clientKey
}

// Bounds of a step of a rebuild: what one transaction writes, and what is held
// in memory.
const (
	rebuildFiles  = 4_000
	rebuildEvents = 400_000
	rebuildCells  = 200_000
)

// Rebuild derives everything that follows from the ledger anew under the given
// rules, in a generation beside the one that answers, and swaps them. Answers
// and commits go on meanwhile; what comes during the last step waits for it.
// Without a nil return the counts are what they were. progress is told how many
// events of how many are counted.
func (s *Store) Rebuild(ctx context.Context, rules pkgmeter.Rules, progress func(done, total int64)) error {
	if err := s.dropOthers(ctx); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	m := s.meta.Load()
	r := &rebuild{s: s, rules: rules, gen: m.gen + 1, rule: int64(m.rule), clients: map[agentFlags]pkgmeter.Client{}}
	r.reset()
	if err := r.run(ctx, progress); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	if err := s.dropOthers(ctx); err != nil {
		return fmt.Errorf("recount: drop the counts of before: %w", err)
	}
	return nil
}

func (r *rebuild) run(ctx context.Context, progress func(done, total int64)) error {
	for caughtUp := false; !caughtUp; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.s.update(ctx, r.step); err != nil {
			return err
		}
		err := r.s.view(ctx, func(tx *sql.Tx) (err error) {
			caughtUp, err = r.count(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		progress(r.done, r.total)
	}
	if err := r.s.update(ctx, r.flush); err != nil {
		return err
	}
	if err := r.s.packPeriods(ctx, r.gen); err != nil {
		return err
	}
	return r.s.update(ctx, r.swap)
}

// step writes what was counted and derives some of the files that are not
// derived yet, in the order in which they were first seen. Once there are none,
// everything in the ledger can be counted.
func (r *rebuild) step(ctx context.Context, w *writer) error {
	if err := r.flush(ctx, w); err != nil {
		return err
	}
	return r.derive(ctx, w, rebuildFiles)
}

func (r *rebuild) derive(ctx context.Context, w *writer, most int) error {
	w.bulk = true
	type file struct {
		id              int64
		repo, raw, hint string
	}
	var batch []file
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var f file
		err := rows.Scan(&f.id, &f.repo, &f.raw, &f.hint)
		batch = append(batch, f)
		return err
	}, `SELECT f.id, r.name, f.raw, f.hint FROM file f JOIN repo_said r ON r.id = f.repo_said_id WHERE f.id > ? ORDER BY f.id LIMIT ?`, r.file, most)
	if err != nil {
		return err
	}
	for _, f := range batch {
		facts := r.rules.File(f.repo, f.raw, f.hint)
		if _, err := w.addRule(ctx, r.gen, f.id, f.hint == "", &facts); err != nil {
			return err
		}
		r.file = f.id
	}
	if r.derived = len(batch) < most; !r.derived {
		return nil
	}
	if err := w.deriveAgents(ctx, r.rules, r.gen, r.rule, r.agent, false); err != nil {
		return err
	}
	if err := w.conn.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM agent`).Scan(&r.agent); err != nil {
		return err
	}
	return w.conn.QueryRowContext(ctx, `
		SELECT coalesce(max(pos), 0), coalesce(max(first_event + n - 1), 0) FROM ledger WHERE pos = (SELECT max(pos) FROM ledger)`).
		Scan(&r.upTo, &r.total)
}

func (r *rebuild) reset() {
	r.counts = map[sliceKey]map[uint32]pkgmeter.Measures{}
	r.facets = map[sliceKey]map[facetKey]pkgmeter.Measures{}
	r.totals = map[pkgmeter.Day]pkgmeter.Measures{}
	r.cells = 0
}

// errEnough ends the reading of a step.
var errEnough = errors.New("enough")

// count gathers the counts of the next rows of the ledger, and reports whether
// these were all that can be counted.
func (r *rebuild) count(ctx context.Context, q rowsQueryer) (caughtUp bool, err error) {
	if !r.derived {
		return false, nil
	}
	attrs, err := r.cols.catchUp(ctx, q, r.gen)
	if err != nil {
		return false, err
	}
	n, last := 0, r.pos
	err = eachEvent(ctx, q, r.pos, func(pos int64, e said) error {
		if pos != last && (pos > r.upTo || n >= rebuildEvents || r.cells >= rebuildCells) {
			return errEnough
		}
		last = pos
		n++
		return r.add(ctx, q, &attrs, e)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return false, err
	}
	r.pos = last
	r.done += int64(n)
	return r.pos >= r.upTo, nil
}

// rowsQueryer reads, in a snapshot or in the writer's transaction.
type rowsQueryer interface {
	queryer
	rowQueryer
}

func (r *rebuild) add(ctx context.Context, q rowsQueryer, attrs *attributes, e said) error {
	ev := pkgmeter.Event{Op: e.op, Status: e.status, Bytes: e.bytes, Flags: e.flags}
	m := r.rules.Measures(ev, pkgmeter.Kind(attrs.kind[e.file]))
	if m.Hits == 0 {
		return nil
	}
	c, err := r.client(ctx, q, e)
	if err != nil {
		return err
	}
	day := pkgmeter.DayOf(fromMS(e.timeMS))
	k := sliceKey{day, clientKey{c.Name, c.Class}}
	cells := r.counts[k]
	if cells == nil {
		cells = map[uint32]pkgmeter.Measures{}
		r.counts[k] = cells
	}
	before := len(cells)
	addTo(cells, uint32(e.file), m)
	r.cells += len(cells) - before
	addTo(r.totals, day, m)
	facets := r.facets[k]
	if facets == nil {
		facets = map[facetKey]pkgmeter.Measures{}
		r.facets[k] = facets
	}
	addTo(facets, facetKey{
		repo: int64(attrs.repo[e.file]), typ: int64(attrs.pkgType[attrs.pkg[e.file]]),
		kind: pkgmeter.Kind(attrs.kind[e.file]), legacy: pkgmeter.LegacyType(attrs.legacy[e.file]),
	}, m)
	return nil
}

// client returns what the rules make of an event's agent.
func (r *rebuild) client(ctx context.Context, q rowsQueryer, e said) (pkgmeter.Client, error) {
	k := agentFlags{e.agent, e.flags&pkgmeter.Robot != 0}
	if c, ok := r.clients[k]; ok {
		return c, nil
	}
	var ua string
	if e.agent != 0 {
		if err := q.QueryRowContext(ctx, `SELECT ua FROM agent WHERE id = ?`, e.agent).Scan(&ua); err != nil {
			return pkgmeter.Client{}, fmt.Errorf("agent %d: %w", e.agent, err)
		}
	}
	c := r.rules.Client(ua, e.flags)
	r.clients[k] = c
	return c, nil
}

// flush writes what was gathered straight into packs.
func (r *rebuild) flush(ctx context.Context, w *writer) error {
	files, facets := map[pkgmeter.Day]map[int64]*cells.Columns{}, map[pkgmeter.Day]map[uint32]pkgmeter.Measures{}
	for k, counts := range r.counts {
		client, err := w.agents.client(ctx, &pkgmeter.Client{Name: k.client.name, Class: k.client.class})
		if err != nil {
			return err
		}
		if files[k.day] == nil {
			files[k.day], facets[k.day] = map[int64]*cells.Columns{}, map[uint32]pkgmeter.Measures{}
		}
		files[k.day][client] = columnsOf(counts)
		for facet, m := range r.facets[k] {
			facet.client = client
			id, err := w.facets.id(ctx, facet)
			if err != nil {
				return err
			}
			addTo(facets[k.day], uint32(id), m)
		}
	}
	for day, byClient := range files {
		if err := w.foldDay(ctx, r.gen, day, byClient); err != nil {
			return err
		}
		if err := w.foldFacets(ctx, r.gen, day, columnsOf(facets[day])); err != nil {
			return err
		}
	}
	for day, m := range r.totals {
		if _, err := w.addTotal.ExecContext(ctx, r.gen, int64(day), int64(dimAll), int64(0), m.Downloads, m.Hits, m.Bytes); err != nil {
			return err
		}
	}
	r.reset()
	return nil
}

func columnsOf(counts map[uint32]pkgmeter.Measures) *cells.Columns {
	c := new(cells.Columns)
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		m := counts[id]
		c.Append(id, uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
	}
	return c
}

// swap counts what came since, and makes the generation the one that answers,
// in one transaction.
func (r *rebuild) swap(ctx context.Context, w *writer) error {
	if err := r.derive(ctx, w, math.MaxInt32); err != nil {
		return err
	}
	for caughtUp := r.pos >= r.upTo; !caughtUp; {
		var err error
		if caughtUp, err = r.count(ctx, w.conn); err == nil {
			err = r.flush(ctx, w)
		}
		if err != nil {
			return err
		}
	}
	next := *r.s.meta.Load()
	next.gen, next.sliced = r.gen, true
	w.next = &next
	_, err := w.conn.ExecContext(ctx, `UPDATE meta SET gen = ?, sliced = 1`, r.gen)
	return err
}

// dropOthers drops what generations other than the one that answers left, in
// steps.
func (s *Store) dropOthers(ctx context.Context) error {
	for _, t := range []struct {
		table, key string
		most       int // rows in one transaction
	}{
		{"cell", "gen, day, dim, slice, file_id", dropRows},
		{"pack", "gen, grain, dim, slice, period, chunk", dropRows / 20}, // of up to 64 KiB each
		{"period", "gen, grain, period", dropRows},
		{"day_total", "gen, dim, slice, day", dropRows},
		{"file_rule", "gen, file_id", dropRows},
		{"agent_rule", "gen, agent_id, rule", dropRows},
		{"repo_type", "gen, repo_id, type_id", dropRows},
	} {
		for _, others := range []string{"gen < ?", "gen > ?"} {
			query := fmt.Sprintf(`DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s LIMIT ?)`, t.table, t.key, others)
			if err := s.dropSome(ctx, query, t.most); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropSome repeats a deletion of up to most rows until there are fewer.
func (s *Store) dropSome(ctx context.Context, query string, most int) error {
	for n := int64(most); n == int64(most); {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.update(ctx, func(ctx context.Context, w *writer) error {
			res, err := w.conn.ExecContext(ctx, query, w.gen, most)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropRows is how many rows of an old generation go in one transaction.
const dropRows = 5_000
