package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// A Report is what the doctor found.
type Report struct {
	Schema   int      `json:"schema"`
	Rows     int64    `json:"rows"` // of the ledger
	Events   int64    `json:"events"`
	Days     int      `json:"days"`     // with hits
	Counts   int64    `json:"counts"`   // cells that were compared
	Records  int64    `json:"records"`  // of the catalog
	Facts    int64    `json:"facts"`    // first times of a package in an app
	Problems []string `json:"problems"` // the first ones, of which there are More
	More     int      `json:"more"`
}

// maxProblems is how many problems a report lists.
const maxProblems = 50

func (r *Report) find(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Doctor checks the file, recomputes every count from the ledger, and compares.
// It reads one snapshot, while commits go on; the error is for what kept it
// from looking. rules say what an event comes to; of which file and client it
// is stands in the generation.
//
// Counts are compared by fingerprints: a sum of each cell times a random number
// of its file. Two sets of cells that differ have the same one with a chance of
// about one in 2^64, and a fingerprint takes 24 bytes where a day's cells take
// megabytes.
func (s *Store) Doctor(ctx context.Context, rules pkgmeter.Rules, progress func(done, total int64)) (*Report, error) {
	r := &Report{Schema: Schema(), Problems: []string{}}
	err := s.view(ctx, func(tx *sql.Tx) error {
		d := &doctor{tx: tx, rules: rules, report: r, progress: progress, days: map[pkgmeter.Day]*dayPrints{}}
		return d.run(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("doctor: %w", err)
	}
	return r, nil
}

// A fingerprint is one of cells, and their plain sum.
type fingerprint struct {
	downloads, hits, bytes uint64
	sum                    pkgmeter.Measures
	capped                 bool // a number of bytes is the largest there is, so that sums of it mean nothing
}

func (p *fingerprint) add(weight uint64, downloads, hits, bytes uint64) {
	p.downloads += weight * downloads
	p.hits += weight * hits
	p.bytes += weight * bytes
	p.capped = p.capped || bytes >= math.MaxInt64
	p.sum.Add(pkgmeter.Measures{Downloads: int64(downloads), Hits: int64(hits), Bytes: signed(bytes)})
}

func (p *fingerprint) merge(o *fingerprint) {
	p.downloads, p.hits, p.bytes = p.downloads+o.downloads, p.hits+o.hits, p.bytes+o.bytes
	p.capped = p.capped || o.capped
	p.sum.Add(o.sum)
}

func (p *fingerprint) same(o *fingerprint) bool {
	return p.downloads == o.downloads && p.hits == o.hits && (p.bytes == o.bytes || p.capped || o.capped)
}

// dayPrints are the fingerprints of a day: what the ledger says.
type dayPrints struct {
	clients map[int64]*fingerprint // of files, by client
	facets  fingerprint
	places  fingerprint
	people  fingerprint
	sources map[int64]*fingerprint // of files, by slice
}

type doctor struct {
	tx       *sql.Tx
	rules    pkgmeter.Rules
	report   *Report
	progress func(done, total int64)

	meta    *meta
	seed    uint64
	attrs   attributes
	agents  *agentHistory
	facetOf map[facetKey]int64
	placeOf map[placeKey]int64
	usedBy  map[consumedKey]int64
	days    map[pkgmeter.Day]*dayPrints
	heard   map[heardKey]int64
	uploads map[uploadKey]int64 // and deletions
}

func (d *doctor) run(ctx context.Context) (err error) {
	if d.meta, err = readMeta(ctx, d.tx); err != nil {
		return err
	}
	var seed [8]byte
	rand.Read(seed[:]) // it never fails
	d.seed = binary.LittleEndian.Uint64(seed[:])
	for _, step := range []func(context.Context) error{
		d.file, d.learn, d.ledger, d.compare, d.compareHeard, d.compareUploads, d.catalog, d.use,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// file checks schema and structure of the file.
func (d *doctor) file(ctx context.Context) error {
	var schema int
	if err := d.tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&schema); err != nil {
		return err
	}
	if schema != Schema() {
		d.report.find("the file has schema %d, want %d", schema, Schema())
	}
	if !d.meta.sliced {
		d.report.find("counts are not kept by client yet: start serve once")
	}
	return eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var text string
		err := rows.Scan(&text)
		if text != "ok" {
			d.report.find("the file: %s", text)
		}
		return err
	}, `PRAGMA quick_check(20)`)
}

// learn reads what the ledger's numbers stand for.
func (d *doctor) learn(ctx context.Context) (err error) {
	var cols columns
	if d.attrs, err = cols.catchUp(ctx, d.tx, d.meta.gen); err != nil {
		return err
	}
	d.facetOf, d.heard = map[facetKey]int64{}, map[heardKey]int64{}
	f := &d.attrs.facets
	for id := range f.repo {
		d.facetOf[facetKey{
			int64(f.repo[id]), int64(f.typ[id]), pkgmeter.Kind(f.kind[id]), pkgmeter.LegacyType(f.legacy[id]), int64(f.client[id]),
		}] = int64(id)
	}
	d.placeOf = map[placeKey]int64{}
	p := &d.attrs.places
	for id := range p.repo {
		d.placeOf[placeKey{int64(p.repo[id]), int64(p.pkg[id]), pkgmeter.Class(p.class[id]), int64(p.country[id])}] = int64(id)
	}
	d.usedBy, d.uploads = map[consumedKey]int64{}, map[uploadKey]int64{}
	c := &d.attrs.consumed
	for id := range c.repo {
		d.usedBy[consumedKey{int64(c.repo[id]), int64(c.pkg[id]), int64(c.version[id]), pkgmeter.Class(c.class[id]), int64(c.consumer[id])}] = int64(id)
	}
	d.agents, err = readAgents(ctx, d.tx, d.meta, d.attrs.clients, d.rules)
	return err
}

// weight is a random odd number of a file, a facet or a place: no difference times it is
// a multiple of 2^64.
func (d *doctor) weight(id uint64) uint64 {
	x := (id + d.seed) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x ^ x>>31) | 1
}

// ledger walks over all rows, checks them and sums what they come to.
func (d *doctor) ledger(ctx context.Context) error {
	var total int64
	if err := d.tx.QueryRowContext(ctx, `SELECT coalesce(max(first_event + n - 1), 0) FROM ledger WHERE pos = (SELECT max(pos) FROM ledger)`).Scan(&total); err != nil {
		return err
	}
	var pos, event int64 = 0, 1
	return eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var at, first, receivedMS, crc int64
		var n, codec int
		var body sql.RawBytes
		if err := rows.Scan(&at, &first, &n, &receivedMS, &codec, &crc, &body); err != nil {
			return err
		}
		if at != pos+1 || first != event {
			d.report.find("ledger: row %d with event %d follows row %d and event %d", at, first, pos, event-1)
		}
		pos, event = at, first+int64(n)
		d.report.Rows++
		d.report.Events += int64(n)
		if checksum(body) != crc {
			d.report.find("ledger: row %d is damaged", at)
			return nil
		}
		err := decodeRow(codec, body, n, receivedMS, func(e said) error {
			d.event(at, e)
			return nil
		})
		if err != nil {
			d.report.find("ledger: row %d: %s", at, err)
		}
		if d.report.Rows%1000 == 0 {
			d.progress(event-1, total)
		}
		return nil
	}, `SELECT pos, first_event, n, received_ms, codec, crc, body FROM ledger ORDER BY pos`)
}

func (d *doctor) event(pos int64, e said) {
	day := pkgmeter.DayOf(fromMS(e.timeMS))
	d.heard[heardKey{day, e.source}]++
	if int(e.file) >= len(d.attrs.pkg) || d.attrs.pkg[e.file] == 0 {
		d.report.find("ledger: row %d is about file %d, which is not there", pos, e.file)
		return
	}
	m := d.rules.Measures(pkgmeter.Event{Op: e.op, Status: e.status, Bytes: e.bytes, Flags: e.flags}, pkgmeter.Kind(d.attrs.kind[e.file]))
	if m.Hits == 0 {
		if kind := pkgmeter.Kind(d.attrs.kind[e.file]); isUpload(e.op, e.status, kind) && d.meta.detailed || isDeletion(e.op, e.status, kind) && pos > d.meta.deletionsFrom {
			d.uploads[uploadKey{e.op, day, int64(d.attrs.pkg[e.file]), int64(d.attrs.version[e.file])}]++
		}
		return
	}
	client, ok := d.agents.client(pos, e)
	if !ok {
		d.report.find("ledger: row %d is about agent %d, of which no client is known", pos, e.agent)
		return
	}
	facet, ok := d.facetOf[facetKey{
		int64(d.attrs.repo[e.file]), int64(d.attrs.pkgType[d.attrs.pkg[e.file]]),
		pkgmeter.Kind(d.attrs.kind[e.file]), pkgmeter.LegacyType(d.attrs.legacy[e.file]), client,
	}]
	if !ok {
		d.report.find("ledger: row %d counts for a facet that is not there", pos)
		return
	}
	prints := d.days[day]
	if prints == nil {
		prints = &dayPrints{clients: map[int64]*fingerprint{}, sources: map[int64]*fingerprint{}}
		d.days[day] = prints
	}
	weight := d.weight(uint64(e.file))
	printOf(prints.clients, client).add(weight, uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
	prints.facets.add(d.weight(uint64(facet)), uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
	if e.country != "" && pos > d.meta.placesFrom {
		d.place(pos, e, client, prints, m)
	}
	if !d.meta.detailed {
		return
	}
	slice := sourceSlice(e.source, d.attrs.clients[client].class)
	printOf(prints.sources, slice).add(weight, uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
	if e.consumer != 0 {
		d.consumer(pos, e, client, prints, m)
	}
}

func printOf(prints map[int64]*fingerprint, k int64) *fingerprint {
	p := prints[k]
	if p == nil {
		p = new(fingerprint)
		prints[k] = p
	}
	return p
}

func (d *doctor) consumer(pos int64, e said, client int64, prints *dayPrints, m pkgmeter.Measures) {
	a := &d.attrs
	id, ok := d.usedBy[consumedKey{int64(a.repo[e.file]), int64(a.pkg[e.file]), int64(a.version[e.file]), a.clients[client].class, e.consumer}]
	if !ok {
		d.report.find("ledger: row %d counts for a consumer that is not there", pos)
		return
	}
	prints.people.add(d.weight(uint64(id)), uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
}

// compareUploads holds the numbers of uploads and deletions against the ledger.
func (d *doctor) compareUploads(ctx context.Context) error {
	what := map[pkgmeter.Op]string{pkgmeter.Upload: "uploads", pkgmeter.Delete: "deletions"}
	err := eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var k uploadKey
		var n int64
		if err := rows.Scan(&k.op, &k.day, &k.pkg, &k.version, &n); err != nil {
			return err
		}
		if d.uploads[k] != n {
			d.report.find("%s: %d %s of package %d, by the ledger %d", k.day, n, what[k.op], k.pkg, d.uploads[k])
		}
		delete(d.uploads, k)
		return nil
	}, `
		SELECT ?1, day, package_id, version_id, n FROM upload WHERE gen = ?3
		UNION ALL SELECT ?2, day, package_id, version_id, n FROM deletion WHERE gen = ?3`,
		int64(pkgmeter.Upload), int64(pkgmeter.Delete), d.meta.gen)
	for k, n := range d.uploads {
		if err == nil {
			d.report.find("%s: %d %s of package %d are not counted", k.day, n, what[k.op], k.pkg)
		}
	}
	return err
}

func (d *doctor) place(pos int64, e said, client int64, prints *dayPrints, m pkgmeter.Measures) {
	if !pkgmeter.IsCountry(e.country) {
		d.report.find("ledger: row %d is about country %q", pos, e.country)
		return
	}
	place, ok := d.placeOf[placeKey{int64(d.attrs.repo[e.file]), int64(d.attrs.pkg[e.file]), d.attrs.clients[client].class, countryNumber(e.country)}]
	if !ok {
		d.report.find("ledger: row %d counts for a place that is not there", pos)
		return
	}
	prints.places.add(d.weight(uint64(place)), uint64(m.Downloads), uint64(m.Hits), uint64(m.Bytes))
}

// found gathers the fingerprints of what is stored.
type found map[slot]*fingerprint

func (f found) at(k slot) *fingerprint {
	p := f[k]
	if p == nil {
		p = new(fingerprint)
		f[k] = p
	}
	return p
}

func (f found) cells(d *doctor, k slot, c *cells.Columns) {
	p := f.at(k)
	for i, id := range c.IDs {
		p.add(d.weight(uint64(id)), c.Downloads[i], c.Hits[i], c.Bytes[i])
	}
	d.report.Counts += int64(c.Len())
}
