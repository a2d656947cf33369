package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

var _ pkgmeter.Searcher = (*Store)(nil)

// Bounds of what searches keep in memory.
const (
	searchBytes = 256 << 20 // names of all kinds with their counts: some 3 million of 60 bytes
	searchLate  = 1 << 20   // counts that wait to be added; beyond it they are summed up anew
)

// searchIndex has every name in memory, with its counts of all days. Names are
// read as questions read attributes, from the first one that is not known. Counts
// are summed up once for each generation; from then on commits tell what they add.
type searchIndex struct {
	turn chan struct{} // held by who brings the index up to date; others wait no longer than for an answer

	mu      sync.RWMutex // locked by who has the turn only, for as long as that takes; see lookInto
	gen     int64        // of the counts; 0 for none
	after   int64        // the row of the ledger up to which they were summed up
	groups  map[pkgmeter.Key]*names
	bytes   int // that all names take
	room    int // that these have
	opening *balanceSet

	late lateCounts
}

// lateCounts are what commits added since the counts were looked at last.
type lateCounts struct {
	mu   sync.Mutex
	most int
	on   bool
	over bool // some had no room
	all  []lateCount
}

type lateCount struct {
	pos          int64 // the row of the ledger
	client, file int64
	add          tally
}

func (x *searchIndex) init() {
	x.turn = make(chan struct{}, 1)
	x.groups, x.room, x.late.most = map[pkgmeter.Key]*names{}, searchBytes, searchLate
}

// tell notes what a commit added.
func (l *lateCounts) tell(pos int64, sums map[cellKey]pkgmeter.Measures) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on || l.over {
		return
	}
	for k, m := range sums {
		if k.dim == dimClient {
			l.all = append(l.all, lateCount{pos, k.slice, k.file, tally{m.Downloads, m.Hits}})
		}
	}
	if len(l.all) > l.most {
		l.over, l.all = true, nil
	}
}

// begin has commits tell from now on.
func (l *lateCounts) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on, l.over, l.all = true, false, nil
}

// waiting reports whether there is anything to add.
func (l *lateCounts) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all) > 0 || l.over
}

// take returns what is of files and clients that are known, and whether that is
// all that there was to tell.
func (l *lateCounts) take(files, clients int) (known []lateCount, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var later []lateCount
	for _, c := range l.all {
		if int(c.file) < files && int(c.client) < clients {
			known = append(known, c)
		} else {
			later = append(later, c)
		}
	}
	l.all = later
	return known, !l.over
}

// everything is the question of what the index counts: all files, on all days.
func everything(now time.Time) pkgmeter.Query { return pkgmeter.Query{Now: now} }

// errBehind says that counts have to be summed up.
var errBehind = errors.New("the counts of names are not there")

// An asker puts a question: [Store.ask], or [Store.answer] for as long as it takes.
type asker func(ctx context.Context, q pkgmeter.Query, by *pkgmeter.Key, f func(*question) error) error

// catchUp brings the index to the present snapshot. Who waits for its turn gets a
// later one, so that the index never goes back.
func (x *searchIndex) catchUp(ctx context.Context, s *Store, ask asker) error {
	select {
	case x.turn <- struct{}{}:
		defer func() { <-x.turn }()
	case <-ctx.Done():
		return errSlow
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	by := pkgmeter.ByFile
	err := ask(ctx, everything(s.opt.Now()), &by, func(q *question) error {
		if x.gen != q.gen {
			return errBehind
		}
		if err := x.read(ctx, q); err != nil {
			return err
		}
		// What is taken is added at once: nothing between may fail.
		late, whole := x.late.take(len(q.attrs.repo), len(q.attrs.clients))
		if !whole {
			return errBehind
		}
		x.add(q, late)
		return x.addOpening(ctx, s, q)
	})
	if !errors.Is(err, errBehind) {
		return err
	}
	x.late.begin() // before the snapshot is taken: no commit is missed
	return ask(ctx, everything(s.opt.Now()), &by, func(q *question) error { return x.sum(ctx, s, q) })
}

// read adds the names that are new.
func (x *searchIndex) read(ctx context.Context, q *question) error {
	for _, by := range []pkgmeter.Key{pkgmeter.ByRepository, pkgmeter.ByPackage, pkgmeter.ByFile} {
		n := x.groups[by]
		err := eachRow(ctx, q.tx, func(rows *sql.Rows) error {
			var id int
			var name string
			if err := rows.Scan(&id, &name); err != nil {
				return err
			}
			x.put(n, id, name)
			return nil
		}, fmt.Sprintf(`SELECT id, name FROM %s WHERE id >= ? ORDER BY id`, table(by)), n.next)
		if err != nil {
			return err
		}
	}
	n := x.groups[pkgmeter.ByClient]
	for id := n.next; id < len(q.attrs.clients); id++ {
		name := ""
		if c := q.attrs.clients[id]; int(c.byName) == id {
			name = c.name
		}
		x.put(n, id, name)
	}
	return nil
}

func (x *searchIndex) put(n *names, id int, name string) {
	x.bytes += n.put(id, name, x.room-x.bytes)
}

// add adds what commits told that was not summed up: one may tell after a snapshot
// that has it was summed.
func (x *searchIndex) add(q *question, late []lateCount) {
	for _, c := range late {
		if c.pos <= x.after {
			continue
		}
		m := pkgmeter.Measures{Downloads: c.add.downloads, Hits: c.add.hits}
		x.addFile(q, uint32(c.file), m)
		x.groups[pkgmeter.ByClient].tallyAt(q.attrs.clients[c.client].byName).add(m)
	}
}

func (x *searchIndex) addFile(q *question, file uint32, m pkgmeter.Measures) {
	x.groups[pkgmeter.ByFile].tallyAt(q.attrs.name[file]).add(m)
	x.groups[pkgmeter.ByPackage].tallyAt(q.attrs.pkg[file]).add(m)
	x.groups[pkgmeter.ByRepository].tallyAt(q.attrs.repo[file]).add(m)
}

// addOpening adds the opening balances, in the place of those that were added
// before.
func (x *searchIndex) addOpening(ctx context.Context, s *Store, q *question) error {
	b, err := s.opening(ctx, q)
	if err != nil || b == x.opening || x.opening != nil && b.upTo < x.opening.upTo {
		return err
	}
	for _, by := range pkgmeter.SearchKeys() {
		if x.opening != nil {
			for id, m := range x.opening.byKey[by] {
				x.groups[by].tallyAt(id).add(pkgmeter.Measures{Downloads: -m.Downloads, Hits: -m.Hits})
			}
		}
		for id, m := range b.byKey[by] {
			x.groups[by].tallyAt(id).add(m)
		}
	}
	x.opening = b
	return nil
}

// sum sums the counts of a generation up. What commits told of that is in the
// snapshot already counts once.
func (x *searchIndex) sum(ctx context.Context, s *Store, q *question) error {
	q.once = true
	x.gen, x.opening = 0, nil
	for _, by := range pkgmeter.SearchKeys() {
		if x.groups[by] == nil {
			x.groups[by] = &names{by: by}
		}
		clear(x.groups[by].counts)
	}
	if err := x.read(ctx, q); err != nil {
		return err
	}
	if err := q.tx.QueryRowContext(ctx, `SELECT coalesce(max(pos), 0) FROM ledger`).Scan(&x.after); err != nil {
		return err
	}
	err := q.eachRun(ctx, q.cut(), false, func(_ pkgmeter.Day, _ uint32, c *cells.Columns) {
		for i, file := range c.IDs {
			x.addFile(q, file, measures(c, i))
		}
	})
	if err != nil {
		return err
	}
	clients, err := q.group(ctx, pkgmeter.ByClient)
	if err != nil {
		return err
	}
	sums, err := clients.perKey(ctx)
	if err != nil {
		return err
	}
	for id, m := range sums {
		x.groups[pkgmeter.ByClient].tallyAt(uint32(id)).add(m)
	}
	late, _ := x.late.take(len(q.attrs.repo), len(q.attrs.clients))
	x.add(q, late)
	x.gen = q.gen
	return x.addOpening(ctx, s, q)
}

// lookInto waits until the index can be looked into, no longer than for an answer.
// The caller calls x.mu.RUnlock after nil.
func (x *searchIndex) lookInto(ctx context.Context) error {
	if x.mu.TryRLock() {
		return nil
	}
	select {
	case x.turn <- struct{}{}: // nobody else locks now
		x.mu.RLock()
		<-x.turn
		return nil
	case <-ctx.Done():
		return errSlow
	}
}

// find returns the best matches of each group, by the given counts or by those of
// the index. Groups are looked through beside each other.
func (x *searchIndex) find(ctx context.Context, search pkgmeter.Search, counts map[pkgmeter.Key][]tally) (groups []pkgmeter.Hits, found [][]match, err error) {
	if err := x.lookInto(ctx); err != nil {
		return nil, nil, err
	}
	defer x.mu.RUnlock()
	keys := pkgmeter.SearchKeys()
	groups, found = make([]pkgmeter.Hits, len(keys)), make([][]match, len(keys))
	var wg sync.WaitGroup
	for i, by := range keys {
		wg.Go(func() {
			n := x.groups[by]
			of := n.counts
			if counts != nil {
				of = counts[by]
			}
			matches := n.find(foldWords(by, search.Text), search.Limit, search.Measure, of)
			groups[i] = pkgmeter.Hits{By: by, More: len(matches) > search.Limit, Part: n.part}
			found[i] = matches[:min(len(matches), search.Limit)]
		})
	}
	wg.Wait()
	return groups, found, nil
}

// Search implements [pkgmeter.Searcher].
func (s *Store) Search(ctx context.Context, search pkgmeter.Search) (found pkgmeter.Found, err error) {
	if err := search.Validate(); err != nil {
		return found, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, questionTime, errSlow)
	defer cancel()
	if err := s.search.catchUp(ctx, s, s.ask); err != nil {
		return found, err
	}
	var counts map[pkgmeter.Key][]tally
	if search.Repositories != nil {
		if counts, err = s.countIn(ctx, search); err != nil {
			return found, err
		}
	}
	groups, matches, err := s.search.find(ctx, search, counts)
	if err != nil {
		return found, err
	}
	found.Groups = groups
	// A snapshot that begins now has all names that were found.
	today := pkgmeter.DayOf(search.Now)
	query := pkgmeter.Query{From: today - pkgmeter.SparkDays + 1, To: today, Now: search.Now, Filter: pkgmeter.Filter{Repositories: search.Repositories}}
	by := pkgmeter.ByFile
	err = s.ask(ctx, query, &by, func(q *question) error {
		sparks := newSparks(q, search, matches)
		if err := sparks.fill(ctx); err != nil {
			return err
		}
		found.Span = q.span
		if found.Gaps, err = sparks.gaps(ctx); err != nil {
			return err
		}
		for i := range found.Groups {
			if err := sparks.hits(ctx, i, &found.Groups[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// countIn sums up what names have in some repositories.
func (s *Store) countIn(ctx context.Context, search pkgmeter.Search) (map[pkgmeter.Key][]tally, error) {
	query := everything(search.Now)
	query.Filter.Repositories = search.Repositories
	all := map[pkgmeter.Key][]tally{}
	by := pkgmeter.ByFile
	err := s.ask(ctx, query, &by, func(q *question) error {
		for _, by := range pkgmeter.SearchKeys() {
			group, err := q.group(ctx, by)
			if err != nil {
				return err
			}
			var total pkgmeter.Totals
			sums, err := group.sums(ctx, s, &total)
			if err != nil {
				return err
			}
			all[by] = make([]tally, len(sums))
			for id, m := range sums {
				all[by][id] = tally{m.Downloads, m.Hits}
			}
		}
		return nil
	})
	return all, err
}
