package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Dimensions of counts: what a slice is. Rows of files are by client alone, as
// every event has one, and the other dimensions are sums of them.
const (
	dimAll    = 0  // slice 0
	dimClient = 1  // slice is the client
	dimClass  = 2  // slice is the class
	dimFacet  = 8  // slice 0; cells are of facets instead of files
	dimDays   = 9  // of packed months; cells are of a file's day and client
	dimPlace  = 10 // slice 0; cells are of places instead of files
	dimSource = 11 // slice is the source and the class

	dimConsumer = 12 // slice 0; cells are of tuples of a consumer instead of files
)

// sums gathers what a transaction adds to counts, so that each row is written
// once however many events there are for it.
type sums struct {
	cells   map[cellKey]pkgmeter.Measures
	heard   map[heardKey]heard
	uploads map[uploadKey]int64 // and deletions
}

// cellKey is a cell, of a file or of what the dimension has in its place.
type cellKey struct {
	day         pkgmeter.Day
	dim         int
	slice, file int64
}

// uploadKey is what came into being on a day, or went.
type uploadKey struct {
	op           pkgmeter.Op
	day          pkgmeter.Day
	pkg, version int64
}

type heardKey struct {
	day    pkgmeter.Day
	source int64
}

type heard struct{ events, unparsed, duplicates, maxLagMS, lastMS int64 }

func (s *sums) init() {
	s.cells = map[cellKey]pkgmeter.Measures{}
	s.heard = map[heardKey]heard{}
	s.uploads = map[uploadKey]int64{}
}

func (s *sums) reset() {
	clear(s.cells)
	clear(s.heard)
	clear(s.uploads)
}

// count adds what an event comes to.
func (w *writer) count(ctx context.Context, day pkgmeter.Day, f fileRef, a agentRef, s *said, m pkgmeter.Measures) error {
	if m.Hits == 0 {
		if isUpload(s.op, s.status, f.kind) && w.detailed || isDeletion(s.op, s.status, f.kind) {
			w.sums.uploads[uploadKey{s.op, day, f.pkg, f.version}]++
		}
		return nil
	}
	facet, err := w.facets.id(ctx, facetKey{f.repo, f.typ, f.kind, f.legacy, a.client})
	if err != nil {
		return err
	}
	if s.country != "" {
		place, err := w.places.id(ctx, placeKey{f.repo, f.pkg, a.class, countryNumber(s.country)})
		if err != nil {
			return err
		}
		addTo(w.sums.cells, cellKey{day, dimPlace, 0, place}, m)
	}
	addTo(w.sums.cells, cellKey{day, dimClient, a.client, f.id}, m)
	addTo(w.sums.cells, cellKey{day, dimFacet, 0, facet}, m)
	if !w.detailed {
		return nil
	}
	addTo(w.sums.cells, cellKey{day, dimSource, sourceSlice(s.source, a.class), f.id}, m)
	if s.consumer == 0 {
		return nil
	}
	consumed, err := w.consumed.id(ctx, consumedKey{f.repo, f.pkg, f.version, a.class, s.consumer})
	if err == nil {
		addTo(w.sums.cells, cellKey{day, dimConsumer, 0, consumed}, m)
	}
	return err
}

// isUpload reports whether an event says that a primary file came into being.
func isUpload(op pkgmeter.Op, status int, kind pkgmeter.Kind) bool {
	return op == pkgmeter.Upload && status >= 200 && status < 300 && kind == pkgmeter.Primary
}

// isDeletion is isUpload of one that went.
func isDeletion(op pkgmeter.Op, status int, kind pkgmeter.Kind) bool {
	return op == pkgmeter.Delete && status >= 200 && status < 300 && kind == pkgmeter.Primary
}

func addTo[K comparable](to map[K]pkgmeter.Measures, k K, m pkgmeter.Measures) {
	sum := to[k]
	sum.Add(m)
	to[k] = sum
}

func (s *sums) hear(day pkgmeter.Day, source int64, h heard) {
	k := heardKey{day, source}
	sum := s.heard[k]
	sum.events += h.events
	sum.unparsed += h.unparsed
	sum.duplicates += h.duplicates
	sum.maxLagMS, sum.lastMS = max(sum.maxLagMS, h.maxLagMS), max(sum.lastMS, h.lastMS)
	s.heard[k] = sum
}

// Write stores deliveries and counts them in one transaction. After a nil
// return all of them are on disk, and the outcome of each is set; an event
// whose id is known is not counted again, so repeating a delivery is harmless.
// After an error that is not [Fatal], none is stored.
func (s *Store) Write(ctx context.Context, batch []*pkgmeter.Delivery) error {
	if len(batch) == 0 {
		return nil
	}
	err := s.update(ctx, func(ctx context.Context, w *writer) error { return w.append(ctx, batch) })
	if err != nil {
		return fmt.Errorf("store %d deliveries: %w", len(batch), err)
	}
	return nil
}

func (w *writer) append(ctx context.Context, batch []*pkgmeter.Delivery) error {
	w.sums.reset()
	w.block = w.block[:0]
	received := batch[0].Received
	w.last = said{timeMS: received.UnixMilli()}
	w.news = w.news[:0]
	w.ahead.reset()
	for _, d := range batch {
		d.New, d.Known = 0, 0
		gone, err := w.release(ctx, d.Held)
		if err == nil && !gone {
			err = w.sift(ctx, d)
		}
		if err != nil {
			return err
		}
		if gone {
			continue
		}
		if err := w.reject(ctx, d); err != nil {
			return err
		}
		if err := w.sample(ctx, d.Sample); err != nil {
			return err
		}
		if err := w.ticket(ctx, d); err != nil {
			return err
		}
	}
	return w.store(ctx, received)
}

// store writes the entries that are new, and what they add to counts.
func (w *writer) store(ctx context.Context, received time.Time) error {
	if err := w.nameAhead(ctx); err != nil {
		return err
	}
	for i := range w.news {
		if err := w.entry(ctx, &w.news[i]); err != nil {
			return err
		}
	}
	if n := len(w.news); n > 0 {
		if err := w.row(ctx, received, n); err != nil {
			return err
		}
	}
	clear(w.news)
	return w.flush(ctx)
}

// newEntry is an entry whose id is not known, or that has none.
type newEntry struct {
	*pkgmeter.Entry
	source   int64
	received time.Time
	file     fileRef // its id is 0 where it was not known before
}

// sift tells the entries of a delivery that are new from those whose ids are
// known, and expects the names that they bring.
func (w *writer) sift(ctx context.Context, d *pkgmeter.Delivery) error {
	for i := range d.Entries {
		e := &d.Entries[i]
		source, err := w.source.id(ctx, e.Event.Source)
		if err != nil {
			return err
		}
		isNew := e.Event.ID == ""
		if !isNew {
			if isNew, err = w.keys.add(ctx, e.Event.Source, e.Event.ID); err != nil {
				return err
			}
		}
		if !isNew {
			d.Known++
			w.sums.hear(pkgmeter.DayOf(e.Event.Time), source, heard{duplicates: 1, lastMS: d.Received.UnixMilli()})
			continue
		}
		d.New++
		file, err := w.expect(ctx, e)
		if err != nil {
			return err
		}
		w.news = append(w.news, newEntry{e, source, d.Received, file})
	}
	return nil
}

// entry adds an event to the row and to the sums.
func (w *writer) entry(ctx context.Context, n *newEntry) error {
	e, ev, source := n.Entry, &n.Event, n.source
	day := pkgmeter.DayOf(ev.Time)
	file, err := n.file, error(nil)
	if file.id == 0 {
		if file, err = w.file(ctx, e); err != nil {
			return err
		}
	}
	s := said{
		source: source, file: file.id, country: ev.Country, id: ev.ID, op: ev.Op, flags: ev.Flags,
		timeMS: ev.Time.UnixMilli(), status: ev.Status, bytes: ev.Bytes,
	}
	agent, err := w.agentOf(ctx, e)
	if err != nil {
		return err
	}
	s.agent = agent.id
	if ev.Consumer != "" {
		if s.consumer, err = w.consumer.id(ctx, ev.Consumer); err != nil {
			return err
		}
	}
	w.block = appendSaid(w.block, s, w.last)
	w.last = s
	if err := w.count(ctx, day, file, agent, &s, counted(e, file.kind)); err != nil {
		return err
	}
	receivedMS := n.received.UnixMilli()
	w.sums.hear(day, source, heard{events: 1, maxLagMS: max(0, receivedMS-s.timeMS), lastMS: receivedMS})
	return nil
}

// counted is what an entry adds, by the kind that its file has in this
// generation: a file that is known keeps its kind until a recount, whatever
// newer rules say, so that each number follows from the ledger and the file.
func counted(e *pkgmeter.Entry, kind pkgmeter.Kind) pkgmeter.Measures {
	m := e.Counts
	m.Downloads = 0
	if e.Whole && kind == pkgmeter.Primary {
		m.Downloads = 1
	}
	return m
}

// row writes the ledger's row of this commit, and its keys.
func (w *writer) row(ctx context.Context, received time.Time, n int) error {
	var pos, first int64 = 0, 1
	if err := w.lastRow.QueryRowContext(ctx).Scan(&pos, &first); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	pos++
	w.pos, w.lastEvent = pos, first+int64(n)-1
	_, err := w.addRow.ExecContext(ctx, pos, first, int64(n), received.UnixMilli(), int64(codecRows), checksum(w.block), w.block)
	if err != nil || len(w.keys.fresh) == 0 {
		return err
	}
	_, err = w.addKeys.ExecContext(ctx, pos, int64(pkgmeter.DayOf(received)), w.keys.blob())
	return err
}

func (w *writer) flush(ctx context.Context) error {
	if err := w.addFresh(ctx); err != nil {
		return err
	}
	for k, h := range w.sums.heard {
		if _, err := w.addHeard.ExecContext(ctx, int64(k.day), k.source, h.events, h.unparsed, h.duplicates, h.maxLagMS, h.lastMS); err != nil {
			return err
		}
	}
	return w.addUploads(ctx, w.gen, w.sums.uploads)
}

func (w *writer) addUploads(ctx context.Context, gen int64, uploads map[uploadKey]int64) error {
	for k, n := range uploads {
		add := w.addUpload
		if k.op == pkgmeter.Delete {
			add = w.addDeletion
		}
		if _, err := add.ExecContext(ctx, gen, int64(k.day), k.pkg, k.version, n); err != nil {
			return err
		}
	}
	return nil
}

// Events calls visit for every event of the ledger after position after, in
// commit order, with the position of its row.
func (s *Store) Events(ctx context.Context, after int64, visit func(pos int64, e pkgmeter.Event) error) error {
	return s.view(ctx, func(tx *sql.Tx) error {
		names := newSaidNames(tx)
		return eachEvent(ctx, tx, after, func(pos int64, e said) error {
			ev, err := names.event(ctx, e)
			if err != nil {
				return err
			}
			return visit(pos, ev)
		})
	})
}

func eachEvent(ctx context.Context, tx queryer, after int64, visit func(pos int64, e said) error) error {
	return eachNumbered(ctx, tx, after, func(pos, _ int64, e said) error { return visit(pos, e) })
}

// eachNumbered is eachEvent with the numbers of the events.
func eachNumbered(ctx context.Context, tx queryer, after int64, visit func(pos, number int64, e said) error) error {
	return eachRow(ctx, tx, func(rows *sql.Rows) error {
		var pos, number, receivedMS, crc int64
		var n, codec int
		var body sql.RawBytes
		if err := rows.Scan(&pos, &number, &n, &receivedMS, &codec, &crc, &body); err != nil {
			return err
		}
		if checksum(body) != crc {
			return fmt.Errorf("ledger position %d: %w", pos, errBlock)
		}
		err := decodeRow(codec, body, n, receivedMS, func(e said) error {
			number++
			return visit(pos, number-1, e)
		})
		if err != nil {
			return fmt.Errorf("ledger position %d: %w", pos, err)
		}
		return nil
	}, `SELECT pos, first_event, n, received_ms, codec, crc, body FROM ledger WHERE pos > ? ORDER BY pos`, after)
}

// saidNames gives the text of the ids in ledger rows.
type saidNames struct {
	tx      *sql.Tx
	sources map[int64]string
	agents  map[int64]string
	people  map[int64]string // consumers
	files   map[int64]pkgmeter.Event
}

func newSaidNames(tx *sql.Tx) *saidNames {
	return &saidNames{tx, map[int64]string{}, map[int64]string{0: ""}, map[int64]string{0: ""}, map[int64]pkgmeter.Event{}}
}

func (n *saidNames) event(ctx context.Context, s said) (pkgmeter.Event, error) {
	e, ok := n.files[s.file]
	if !ok {
		err := n.tx.QueryRowContext(ctx, `
			SELECT r.name, f.raw, f.hint FROM file f JOIN repo_said r ON r.id = f.repo_said_id WHERE f.id = ?`, s.file).
			Scan(&e.Repository, &e.Path, &e.Hint)
		if err != nil {
			return e, fmt.Errorf("file %d: %w", s.file, err)
		}
		n.files[s.file] = e
	}
	if err := n.who(ctx, &e, s); err != nil {
		return e, err
	}
	e.ID, e.Op, e.Flags, e.Country = s.id, s.op, s.flags, s.country
	e.Time, e.Status, e.Bytes = fromMS(s.timeMS), s.status, s.bytes
	return e, nil
}

// who names who sent and who fetched.
func (n *saidNames) who(ctx context.Context, e *pkgmeter.Event, s said) (err error) {
	if e.Source, err = n.text(ctx, n.sources, `SELECT name FROM source WHERE id = ?`, s.source); err != nil {
		return err
	}
	if e.Agent, err = n.text(ctx, n.agents, `SELECT ua FROM agent WHERE id = ?`, s.agent); err != nil {
		return err
	}
	e.Consumer, err = n.text(ctx, n.people, `SELECT key FROM consumer WHERE id = ?`, s.consumer)
	return err
}

func (n *saidNames) text(ctx context.Context, known map[int64]string, query string, id int64) (string, error) {
	if s, ok := known[id]; ok {
		return s, nil
	}
	var s string
	if err := n.tx.QueryRowContext(ctx, query, id).Scan(&s); err != nil {
		return "", fmt.Errorf("dictionary entry %d: %w", id, err)
	}
	known[id] = s
	return s, nil
}
