package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// compare holds every count that is stored against what the ledger says. Days,
// in packs and fresh, have to equal the ledger; packed months, and their days by
// file, the packs of their days, which late counts are not part of yet.
func (d *doctor) compare(ctx context.Context) error {
	stored, err := d.packs(ctx)
	if err != nil {
		return err
	}
	if err := d.months(ctx, stored); err != nil {
		return err
	}
	if err := d.fresh(ctx, stored); err != nil {
		return err
	}
	d.differ(stored, d.expected(), "the ledger")
	d.report.Days = len(d.days)
	return nil
}

// differ reports every difference between what is stored and what has to be.
func (d *doctor) differ(stored, want found, by string) {
	for k, p := range want {
		if got := stored.at(k); !p.same(got) {
			d.report.find("%s: %s in the counts, %s by %s", d.name(k), sumText(got.sum), sumText(p.sum), by)
		}
		delete(stored, k)
	}
	for k, p := range stored {
		if p.sum.Hits > 0 {
			d.report.find("%s: %s in the counts, nothing by %s", d.name(k), sumText(p.sum), by)
		}
	}
	slices.Sort(d.report.Problems)
}

// months compares packed months with the packs of their days, and takes them
// out of what is stored.
func (d *doctor) months(ctx context.Context, stored found) error {
	packed := map[pkgmeter.Day]bool{}
	err := eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var m pkgmeter.Day
		err := rows.Scan(&m)
		packed[m] = true
		return err
	}, `SELECT period FROM period WHERE gen = ? AND grain = ? AND packed = 1`, d.meta.gen, grainMonth)
	if err != nil {
		return err
	}
	have, want := found{}, found{}
	for k, p := range stored {
		switch {
		case k.grain == grainMonth || k.dim == dimDays:
			have[k] = p
			delete(stored, k)
		case packed[k.period.Month()]:
			month := slot{grain: grainMonth, dim: k.dim, slice: k.slice, period: k.period.Month()}
			want.at(month).merge(p)
			if k.dim == dimClient && k.slice < daysClients {
				k.dim = dimDays
				want.at(k).merge(p)
			}
		}
	}
	d.differ(have, want, "their days")
	return nil
}

func sumText(m pkgmeter.Measures) string {
	return fmt.Sprintf("%d hits, %d downloads, %d bytes", m.Hits, m.Downloads, m.Bytes)
}

// name says what a slot is.
func (d *doctor) name(k slot) string {
	period := k.period.String()
	if k.grain == grainMonth {
		period = period[:7]
	}
	switch k.dim {
	case dimClient, dimDays:
		name := fmt.Sprintf("client %d", k.slice)
		if int(k.slice) < len(d.attrs.clients) {
			name = d.attrs.clients[k.slice].name
		}
		if k.dim == dimDays {
			name += " by file"
		}
		return period + " " + name
	case dimClass:
		return period + " " + pkgmeter.Class(k.slice).String()
	case dimFacet:
		return period + " facets"
	case dimPlace:
		return period + " by country"
	case dimSource:
		return fmt.Sprintf("%s source %d %s", period, k.slice>>3, pkgmeter.Class(k.slice&7))
	case dimConsumer:
		return period + " by consumer"
	}
	return period + " in all"
}

// packs sums the packs.
func (d *doctor) packs(ctx context.Context) (found, error) {
	f := found{}
	return f, eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var grain, dim int
		var slice int64
		var period pkgmeter.Day
		var p cells.Packed
		var ids, downloads, hits, bytes sql.RawBytes
		if err := rows.Scan(&grain, &dim, &slice, &period, &p.N, &p.First, &p.Last, &ids, &downloads, &hits, &bytes); err != nil {
			return err
		}
		p.IDs, p.Downloads, p.Hits, p.Bytes = ids, downloads, hits, bytes
		var c cells.Columns
		if err := p.Unpack(&c); err != nil {
			d.report.find("%s: %s", d.name(slot{grain: grain, dim: dim, slice: slice, period: period}), err)
			return nil
		}
		if dim == dimDays {
			d.daysCells(f, slice, period, &c)
		} else {
			f.cells(d, slot{grain: grain, dim: dim, slice: slice, period: period}, &c)
		}
		return nil
	}, `SELECT grain, dim, slice, period, n, first_id, last_id, ids, downloads, hits, bytes FROM pack WHERE gen = ?`, d.meta.gen)
}

// daysCells takes days by file apart: their fingerprints are of a day and a
// client.
func (d *doctor) daysCells(f found, slice int64, month pkgmeter.Day, c *cells.Columns) {
	for i, id := range c.IDs {
		file := uint64(slice)<<fileBits | uint64(id>>(dayBits+clientBits))
		day := month + pkgmeter.Day(id>>clientBits&(1<<dayBits-1))
		k := slot{grain: grainDay, dim: dimDays, slice: int64(id & (daysClients - 1)), period: day}
		f.at(k).add(d.weight(file), c.Downloads[i], c.Hits[i], c.Bytes[i])
	}
	d.report.Counts += int64(c.Len())
}

// fresh adds fresh counts to the slices of days that they belong to.
func (d *doctor) fresh(ctx context.Context, f found) error {
	var c cells.Columns
	all := func(freshRun) bool { return true }
	return eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var seq int64
		var n int
		var body sql.RawBytes
		if err := rows.Scan(&seq, &n, &body); err != nil {
			return err
		}
		err := eachFreshRun(body, n, &c, all, func(r freshRun, c *cells.Columns) error {
			slots := []slot{{dim: r.dim, slice: r.slice, period: r.day}}
			if r.dim == dimClient {
				if int(r.slice) >= len(d.attrs.clients) {
					d.report.find("%s: client %d is not there", r.day, r.slice)
					return nil
				}
				slots = append(slots, slot{dim: dimAll, period: r.day}, slot{dim: dimClass, slice: int64(d.attrs.clients[r.slice].class), period: r.day})
			}
			for _, k := range slots {
				f.cells(d, k, c)
			}
			d.report.Counts -= int64(c.Len() * (len(slots) - 1)) // they are there once
			return nil
		})
		if err != nil {
			d.report.find("fresh counts, row %d: %s", seq, err)
		}
		return nil
	}, `SELECT seq, n, body FROM fresh WHERE gen = ?`, d.meta.gen)
}

// expected sums the ledger's fingerprints as days have to be stored.
func (d *doctor) expected() found {
	want := found{}
	for day, prints := range d.days {
		want.at(slot{dim: dimFacet, period: day}).merge(&prints.facets)
		if prints.places.sum.Hits > 0 {
			want.at(slot{dim: dimPlace, period: day}).merge(&prints.places)
		}
		if prints.people.sum.Hits > 0 {
			want.at(slot{dim: dimConsumer, period: day}).merge(&prints.people)
		}
		for slice, p := range prints.sources {
			want.at(slot{dim: dimSource, slice: slice, period: day}).merge(p)
		}
		for client, p := range prints.clients {
			class := int64(d.attrs.clients[client].class)
			for _, k := range []slot{{dim: dimAll}, {dim: dimClient, slice: client}, {dim: dimClass, slice: class}} {
				k.period = day
				want.at(k).merge(p)
			}
		}
	}
	return want
}

// compareHeard holds the numbers of events by source against the ledger.
func (d *doctor) compareHeard(ctx context.Context) error {
	err := eachRow(ctx, d.tx, func(rows *sql.Rows) error {
		var k heardKey
		var n int64
		if err := rows.Scan(&k.day, &k.source, &n); err != nil {
			return err
		}
		if d.heard[k] != n {
			d.report.find("%s: source %d brought %d events, by the ledger %d", k.day, k.source, n, d.heard[k])
		}
		delete(d.heard, k)
		return nil
	}, `SELECT day, source_id, events FROM heard`)
	for k, n := range d.heard {
		if err == nil && n > 0 {
			d.report.find("%s: source %d is not known to have brought %d events", k.day, k.source, n)
		}
	}
	return err
}

// agentHistory says which client an agent was at each row of the ledger.
type agentHistory struct {
	clients []client
	byName  map[clientKey]int64
	epochs  []epoch // by position, ascending
	rules   map[int64][]ruledClient
	robots  map[int64]clientKey // agents of which only robots were seen
	plain   bool                // clients have no runtime and no system
}

// epoch is the rule set in force after a row of the ledger.
type epoch struct{ pos, rule int64 }

type ruledClient struct{ rule, client int64 }

func readAgents(ctx context.Context, tx *sql.Tx, m *meta, clients []client, rules pkgmeter.Rules) (*agentHistory, error) {
	h := &agentHistory{clients: clients, byName: map[clientKey]int64{}, rules: map[int64][]ruledClient{}, robots: map[int64]clientKey{}, plain: !m.detailed}
	for id, c := range clients {
		h.byName[c.clientKey] = int64(id)
	}
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var e epoch
		err := rows.Scan(&e.pos, &e.rule)
		h.epochs = append(h.epochs, e)
		return err
	}, `SELECT pos, rule FROM marker WHERE kind = 'rules' ORDER BY pos, id`)
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, tx, func(rows *sql.Rows) error {
		var agent int64
		var ua string
		err := rows.Scan(&agent, &ua)
		c := rules.Client(ua, pkgmeter.Robot)
		h.robots[agent] = clientKey{c.Name, c.Class, c.Runtime, c.OS}
		return err
	}, `SELECT id, ua FROM agent WHERE NOT EXISTS (SELECT 1 FROM agent_rule r WHERE r.gen = ? AND r.agent_id = agent.id)`, m.gen)
	if err != nil {
		return nil, err
	}
	return h, eachRow(ctx, tx, func(rows *sql.Rows) error {
		var agent int64
		var r ruledClient
		err := rows.Scan(&agent, &r.rule, &r.client)
		h.rules[agent] = append(h.rules[agent], r)
		return err
	}, `SELECT agent_id, rule, client_id FROM agent_rule WHERE gen = ? ORDER BY agent_id, rule`, m.gen)
}

// client returns the client for which an event counts.
func (h *agentHistory) client(pos int64, e said) (int64, bool) {
	k := clientKey{name: pkgmeter.NoClient, class: pkgmeter.UnknownClient}
	if robot, ok := h.robots[e.agent]; ok {
		k = robot
	}
	rule := h.rule(pos)
	for i, r := range h.rules[e.agent] {
		if i == 0 && e.agent > 0 || r.rule <= rule {
			k = h.clients[r.client].clientKey
		}
	}
	if e.flags&pkgmeter.Robot != 0 {
		k.class = pkgmeter.Bot
	}
	if id, ok := h.byName[k]; ok && !h.plain {
		return id, true
	}
	id, ok := h.byName[k.plain()]
	return id, ok
}

// rule returns the rule set that was in force for a row of the ledger.
func (h *agentHistory) rule(pos int64) int64 {
	rule := int64(math.MaxInt64)
	if len(h.epochs) > 0 {
		rule = h.epochs[0].rule - 1
	}
	for _, e := range h.epochs {
		if e.pos < pos {
			rule = e.rule
		}
	}
	return rule
}
