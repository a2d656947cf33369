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

// LacksDetails reports whether the counts are of a time before they were kept by
// runtime, system, source and consumer: until they are rebuilt, which can be done
// beside all else, only questions about these have no answer.
func (s *Store) LacksDetails() bool { return !s.meta.Load().detailed }

// OneRuleSet reports whether all that is counted was counted by the rules in
// force, so that a rebuild changes no number.
func (s *Store) OneRuleSet(ctx context.Context) (one bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM marker WHERE kind = 'rules')`).Scan(&one)
	return one, err
}

// Rule returns the number of the rule set in force.
func (s *Store) Rule() int { return s.meta.Load().rule }

// Own returns the operator's own rules as they were given to [Store.SetRules]
// last.
func (s *Store) Own() string { return s.meta.Load().own }

// Formats calls visit with the types of which files of each repository are,
// surely, in the order in which the repositories became known.
func (s *Store) Formats(ctx context.Context, visit func(repository, typ string)) error {
	return eachRow(ctx, s.read, func(rows *sql.Rows) error {
		var repository, typ string
		err := rows.Scan(&repository, &typ)
		visit(repository, typ)
		return err
	}, `
		SELECT r.name, t.name FROM repo_type x JOIN repo r ON r.id = x.repo_id JOIN type t ON t.id = x.type_id
		WHERE x.gen = (SELECT gen FROM meta) ORDER BY x.repo_id, x.type_id`)
}

// SetRules makes the rules the ones in force, and returns the number of the
// rule set. A change of the built-in rules or of the operator's own, which own
// spells out, raises the number and leaves a marker; what was counted before
// stays as it is until [Store.Rebuild].
func (s *Store) SetRules(ctx context.Context, rules pkgmeter.Rules, builtin int, own string) (int, error) {
	m := s.meta.Load()
	if m.builtin == builtin && m.own == own {
		return m.rule, nil
	}
	next := *m
	next.builtin, next.own = builtin, own
	var pos int64
	if err := s.read.QueryRowContext(ctx, `SELECT coalesce(max(pos), 0) FROM ledger`).Scan(&pos); err != nil {
		return 0, err
	}
	if next.rule = max(next.rule+1, builtin); pos == 0 {
		next.rule = builtin // nothing was counted by another one
	}
	// Clients first: until the last transaction, nothing counts by them.
	if next.sliced {
		if err := s.changeAgents(ctx, rules, int64(next.rule)); err != nil {
			return 0, fmt.Errorf("change the rules: %w", err)
		}
	}
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		w.next = &next
		_, err := w.conn.ExecContext(ctx, `UPDATE meta SET rule = ?, builtin = ?, own = ?`, next.rule, builtin, own)
		if err == nil && m.own != own {
			err = w.audit(ctx, "rules.clients", "", fmt.Sprintf("the operator's own rules changed: counting rules %d", next.rule))
		}
		if err != nil || pos == 0 || !next.sliced {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `INSERT INTO marker (at_ms, kind, rule, pos, text) VALUES (?, 'rules', ?, (SELECT max(pos) FROM ledger), ?)`,
			s.opt.Now().UnixMilli(), next.rule, fmt.Sprintf("counting rules %d", next.rule))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("change the rules: %w", err)
	}
	return s.Rule(), nil
}

// changeAgents writes the clients that agents are under a rule set to come,
// where they differ from what they are now.
func (s *Store) changeAgents(ctx context.Context, rules pkgmeter.Rules, rule int64) error {
	gen := s.meta.Load().gen
	err := s.update(ctx, func(ctx context.Context, w *writer) error {
		// Of an attempt that did not end, perhaps with other rules.
		_, err := w.conn.ExecContext(ctx, `DELETE FROM agent_rule WHERE gen = ? AND rule >= ? AND rule > (SELECT rule FROM meta)`, gen, rule)
		return err
	})
	for after, more := int64(noAgent), true; more && err == nil; {
		if err = ctx.Err(); err != nil {
			break
		}
		err = s.update(ctx, func(ctx context.Context, w *writer) (err error) {
			last := after
			after, err = w.deriveAgents(ctx, rules, gen, rule, after, true)
			more = after > last
			return err
		})
	}
	return err
}

// noAgent is before agent 0, which stands for events that name none.
const noAgent = -1

// deriveAgents writes the clients of some agents after the given one, and
// returns the last; only those that differ from what is there, if changed is
// set.
func (w *writer) deriveAgents(ctx context.Context, rules pkgmeter.Rules, gen, rule, after int64, changed bool) (last int64, err error) {
	type agent struct {
		id int64
		ua string
	}
	var some []agent
	if last = after; after == noAgent {
		some, after = append(some, agent{}), 0
	}
	err = eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var a agent
		err := rows.Scan(&a.id, &a.ua)
		some = append(some, a)
		return err
	}, `SELECT id, ua FROM agent WHERE id > ? ORDER BY id LIMIT ?`, after, rebuildFiles)
	for _, a := range some {
		if err != nil {
			return last, err
		}
		last = a.id
		err = w.deriveAgent(ctx, rules.Client(a.ua, 0), gen, rule, a.id, changed)
	}
	return last, err
}

func (w *writer) deriveAgent(ctx context.Context, c pkgmeter.Client, gen, rule, agent int64, changed bool) error {
	client, err := w.client(ctx, gen, &c)
	if err != nil {
		return err
	}
	if changed {
		var same bool
		err := w.agents.same.QueryRowContext(ctx, client, c.Version, c.Runtime, c.OS, c.Arch, gen, agent).Scan(&same)
		if err != nil || same {
			return err
		}
	}
	_, err = w.agents.rule.ExecContext(ctx, gen, agent, rule, client, c.Version, c.Runtime, c.OS, c.Arch)
	return err
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

	hit     []bool // by file: whether it has hits
	cols    columns
	clients *cache[agentFlags, pkgmeter.Client]
	counts  map[sliceKey]map[uint32]pkgmeter.Measures // by file
	facets  map[sliceKey]map[facetKey]pkgmeter.Measures
	places  map[pkgmeter.Day]map[placeKey]pkgmeter.Measures
	sources map[freshRun]map[uint32]pkgmeter.Measures // by file
	people  map[pkgmeter.Day]map[consumedKey]pkgmeter.Measures
	uploads map[uploadKey]int64 // and deletions
	cells   int                 // in all of them, about
}

// clientWeight is what a remembered client takes, bytes, about.
const clientWeight = 256

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
	s.rebuilding.Lock()
	defer s.rebuilding.Unlock()
	if err := s.dropOthers(ctx); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	m := s.meta.Load()
	r := &rebuild{s: s, rules: rules, gen: m.gen + 1, rule: int64(m.rule), agent: noAgent, clients: newCache[agentFlags, pkgmeter.Client](dictCacheBytes)}
	r.reset()
	if err := r.run(ctx, progress); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	// What it leaves behind goes at the next tidying, if not now.
	if err := s.dropOthers(ctx); err != nil && Fatal(err) {
		return err
	}
	return nil
}

func (r *rebuild) run(ctx context.Context, progress func(done, total int64)) error {
	if err := r.s.view(ctx, func(tx *sql.Tx) error { return r.learn(ctx, tx) }); err != nil {
		return err
	}
	for caughtUp := false; !caughtUp; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.s.update(ctx, r.step); err != nil {
			return err
		}
		// Without a server nobody else does; the WAL would grow by all that is
		// written.
		if err := r.s.Checkpoint(ctx); err != nil {
			return err
		}
		err := r.s.view(ctx, func(tx *sql.Tx) (err error) {
			caughtUp, err = r.count(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		if r.total > 0 {
			progress(r.done, r.total)
		}
	}
	if err := r.s.update(ctx, r.flush); err != nil {
		return err
	}
	if err := r.s.packPeriods(ctx, r.gen); err != nil {
		return err
	}
	return r.s.update(ctx, r.swap)
}

// learn finds the formats of repositories, by all files that have hits: which
// of them came first decides nothing.
func (r *rebuild) learn(ctx context.Context, tx *sql.Tx) error {
	var files int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM file`).Scan(&files); err != nil {
		return err
	}
	r.hit = make([]bool, files+1)
	err := eachEvent(ctx, tx, 0, func(_ int64, e said) error {
		ev := pkgmeter.Event{Op: e.op, Status: e.status, Flags: e.flags}
		if int(e.file) < len(r.hit) && !r.hit[e.file] {
			r.hit[e.file] = r.rules.Measures(ev, pkgmeter.Primary).Hits > 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	return eachRow(ctx, tx, func(rows *sql.Rows) error {
		var f saidFile
		if err := rows.Scan(&f.id, &f.repo, &f.raw, &f.hint); err != nil || !r.hit[f.id] {
			return err
		}
		r.rules.Learn(f.hint, r.rules.File(f.repo, f.raw, f.hint), pkgmeter.Measures{Hits: 1})
		return nil
	}, `SELECT f.id, r.name, f.raw, f.hint FROM file f JOIN repo_said r ON r.id = f.repo_said_id ORDER BY f.id`)
}

// saidFile is what was said of a file.
type saidFile struct {
	id              int64
	repo, raw, hint string
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
	var batch []saidFile
	err := eachRow(ctx, w.conn, func(rows *sql.Rows) error {
		var f saidFile
		err := rows.Scan(&f.id, &f.repo, &f.raw, &f.hint)
		batch = append(batch, f)
		return err
	}, `SELECT f.id, r.name, f.raw, f.hint FROM file f JOIN repo_said r ON r.id = f.repo_said_id WHERE f.id > ? ORDER BY f.id LIMIT ?`, r.file, most)
	if err != nil {
		return err
	}
	files, facts := make([]newFile, len(batch)), make([]pkgmeter.File, len(batch))
	for i, f := range batch {
		facts[i] = r.rules.File(f.repo, f.raw, f.hint)
		hit := int(f.id) >= len(r.hit) || r.hit[f.id]
		files[i] = newFile{key: fileKey{hint: f.hint}, file: &facts[i], hits: hit, ref: fileRef{id: f.id}}
		r.file = f.id
	}
	if err := w.ruleAhead(ctx, r.gen, files); err != nil {
		return err
	}
	if r.derived = len(batch) < most; !r.derived {
		return nil
	}
	for more := true; more; {
		last := r.agent
		if r.agent, err = w.deriveAgents(ctx, r.rules, r.gen, r.rule, r.agent, false); err != nil {
			return err
		}
		if more = r.agent > last; more && most < math.MaxInt32 {
			r.derived = false // more of them in the next step
			return nil
		}
	}
	return w.conn.QueryRowContext(ctx, `
		SELECT coalesce(max(pos), 0), coalesce(max(first_event + n - 1), 0) FROM ledger WHERE pos = (SELECT max(pos) FROM ledger)`).
		Scan(&r.upTo, &r.total)
}

func (r *rebuild) reset() {
	r.counts = map[sliceKey]map[uint32]pkgmeter.Measures{}
	r.facets = map[sliceKey]map[facetKey]pkgmeter.Measures{}
	r.places = map[pkgmeter.Day]map[placeKey]pkgmeter.Measures{}
	r.sources = map[freshRun]map[uint32]pkgmeter.Measures{}
	r.people = map[pkgmeter.Day]map[consumedKey]pkgmeter.Measures{}
	r.uploads = map[uploadKey]int64{}
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
	kind := pkgmeter.Kind(attrs.kind[e.file])
	m := r.rules.Measures(ev, kind)
	day := pkgmeter.DayOf(fromMS(e.timeMS))
	repo, pkg, version := int64(attrs.repo[e.file]), int64(attrs.pkg[e.file]), int64(attrs.version[e.file])
	if m.Hits == 0 {
		if isUpload(e.op, e.status, kind) || isDeletion(e.op, e.status, kind) {
			r.uploads[uploadKey{e.op, day, pkg, version}]++
		}
		return nil
	}
	c, err := r.client(ctx, q, e)
	if err != nil {
		return err
	}
	k := sliceKey{day, clientKey{c.Name, c.Class, c.Runtime, c.OS}}
	r.cells += addIn(r.counts, k, uint32(e.file), m)
	addIn(r.facets, k, facetKey{repo: repo, typ: int64(attrs.pkgType[pkg]), kind: kind, legacy: pkgmeter.LegacyType(attrs.legacy[e.file])}, m)
	r.cells += addIn(r.sources, freshRun{day, dimSource, sourceSlice(e.source, c.Class)}, uint32(e.file), m)
	if pkgmeter.IsCountry(e.country) {
		r.cells += addIn(r.places, day, placeKey{repo, pkg, c.Class, countryNumber(e.country)}, m)
	}
	if e.consumer != 0 {
		r.cells += addIn(r.people, day, consumedKey{repo, pkg, version, c.Class, e.consumer}, m)
	}
	return nil
}

// addIn adds to one of several maps of sums, and returns by how much it grew.
func addIn[K, C comparable](to map[K]map[C]pkgmeter.Measures, k K, c C, m pkgmeter.Measures) (grown int) {
	sums := to[k]
	if sums == nil {
		sums = map[C]pkgmeter.Measures{}
		to[k] = sums
	}
	before := len(sums)
	addTo(sums, c, m)
	return len(sums) - before
}

// client returns what the rules make of an event's agent.
func (r *rebuild) client(ctx context.Context, q rowsQueryer, e said) (pkgmeter.Client, error) {
	k := agentFlags{e.agent, e.flags&pkgmeter.Robot != 0}
	if c, ok := r.clients.get(k, clientWeight); ok {
		return c, nil
	}
	var ua string
	if e.agent != 0 {
		if err := q.QueryRowContext(ctx, `SELECT ua FROM agent WHERE id = ?`, e.agent).Scan(&ua); err != nil {
			return pkgmeter.Client{}, fmt.Errorf("agent %d: %w", e.agent, err)
		}
	}
	c := r.rules.Client(ua, e.flags)
	r.clients.put(k, c, clientWeight)
	return c, nil
}

// flush writes what was gathered straight into packs.
func (r *rebuild) flush(ctx context.Context, w *writer) error {
	files, facets := map[pkgmeter.Day]map[int64]*cells.Columns{}, map[pkgmeter.Day]map[uint32]pkgmeter.Measures{}
	clients := map[freshRun]map[uint32]pkgmeter.Measures{} // two of one name may be one in the table
	for k, counts := range r.counts {
		client, err := w.client(ctx, r.gen, &pkgmeter.Client{Name: k.client.name, Class: k.client.class, Runtime: k.client.runtime, OS: k.client.os})
		if err != nil {
			return err
		}
		at := freshRun{k.day, dimClient, client}
		for file, m := range counts {
			addIn(clients, at, file, m)
		}
		for facet, m := range r.facets[k] {
			facet.client = client
			id, err := w.facets.id(ctx, facet)
			if err != nil {
				return err
			}
			addIn(facets, k.day, uint32(id), m)
		}
	}
	for at, counts := range clients {
		if files[at.day] == nil {
			files[at.day] = map[int64]*cells.Columns{}
		}
		files[at.day][at.slice] = columnsOf(counts)
	}
	for day, byClient := range files {
		if err := w.foldDay(ctx, r.gen, day, byClient); err != nil {
			return err
		}
		if err := w.foldWhole(ctx, r.gen, day, dimFacet, columnsOf(facets[day])); err != nil {
			return err
		}
	}
	if err := r.flushDetails(ctx, w); err != nil {
		return err
	}
	r.reset()
	return nil
}

func (r *rebuild) flushDetails(ctx context.Context, w *writer) error {
	if err := foldTuples(ctx, w, r.gen, dimPlace, &w.places, r.places); err != nil {
		return err
	}
	if err := foldTuples(ctx, w, r.gen, dimConsumer, &w.consumed, r.people); err != nil {
		return err
	}
	for at, counts := range r.sources {
		if err := w.foldSlices(ctx, r.gen, at.day, dimSource, map[int64]*cells.Columns{at.slice: columnsOf(counts)}); err != nil {
			return err
		}
	}
	return w.addUploads(ctx, r.gen, r.uploads)
}

// foldTuples folds the counts of tuples, which get their ids here.
func foldTuples[K interface {
	comparable
	row() []any
}](ctx context.Context, w *writer, gen int64, dim int, dict *tuples[K], byDay map[pkgmeter.Day]map[K]pkgmeter.Measures) error {
	for day, counts := range byDay {
		byID := map[uint32]pkgmeter.Measures{}
		for k, m := range counts {
			id, err := dict.id(ctx, k)
			if err != nil {
				return err
			}
			byID[uint32(id)] = m
		}
		if err := w.foldWhole(ctx, gen, day, dim, columnsOf(byID)); err != nil {
			return err
		}
	}
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
	next.gen, next.sliced, next.detailed, next.placesFrom, next.deletionsFrom = r.gen, true, true, 0, 0
	w.next = &next
	if _, err := w.conn.ExecContext(ctx, `UPDATE meta SET gen = ?, sliced = 1, detailed = 1, places_from = 0, deletions_from = 0`, r.gen); err != nil {
		return err
	}
	// All is counted under one rule set now: there is no change to mark.
	_, err := w.conn.ExecContext(ctx, `DELETE FROM marker WHERE kind = 'rules'`)
	return err
}

// dropOthers drops what generations other than the one that answers left, in
// steps.
func (s *Store) dropOthers(ctx context.Context) error {
	err := s.update(ctx, func(_ context.Context, w *writer) error {
		// What is remembered of rows that go now would keep them from coming again.
		maps.DeleteFunc(w.files.types, func(k repoTypeKey, _ bool) bool { return k.gen != w.gen })
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range []struct {
		table, key string
		most       int // rows in one transaction
	}{
		{"fresh", "seq", dropRows},
		{"pack", "gen, grain, dim, slice, period, chunk", dropRows / 20}, // of up to 64 KiB each
		{"period", "gen, grain, period", dropRows},
		{"upload", "gen, day, package_id, version_id", dropRows},
		{"deletion", "gen, day, package_id, version_id", dropRows},
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
