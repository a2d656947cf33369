package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

const (
	// unpackedBytes bounds what is kept of packs in memory: a year of some
	// 125,000 files a month takes 42 MB.
	unpackedBytes = 64 << 20

	// cellBytes is what a cell takes there, and runBytes what a run takes beside.
	cellBytes = 28
	runBytes  = 256

	// unpackedAge is how long a run has to lie idle before it makes room for
	// another one. A question that reads more than there is room for would
	// otherwise drive out what it has just read.
	unpackedAge = time.Minute
)

// unpackedPacks keeps runs of cells that questions read often: reading and
// unpacking them takes several times as long as adding them up. The stamp says
// in which snapshots a run is the right one.
type unpackedPacks struct {
	mu    sync.Mutex
	runs  map[slot]*unpackedRun
	bytes int
}

type unpackedRun struct {
	stamp int64
	used  time.Time
	cells *cells.Columns // never changed
}

func (r *unpackedRun) bytes() int { return runBytes + cap(r.cells.IDs)*cellBytes }

// get returns the cells of a slot in the snapshot in which it has the stamp, nil
// where they are not kept.
func (u *unpackedPacks) get(at slot, stamp int64) *cells.Columns {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.runs[at]
	if r == nil || r.stamp != stamp {
		return nil
	}
	r.used = time.Now()
	return r.cells
}

// put keeps the cells of a slot, if there is room, and returns what is kept: c
// itself, a copy, or nil.
func (u *unpackedPacks) put(at slot, stamp int64, c *cells.Columns) *cells.Columns {
	u.mu.Lock()
	defer u.mu.Unlock()
	if old := u.runs[at]; old != nil {
		if old.stamp >= stamp {
			return nil // an older snapshot's question
		}
		u.drop(at)
	}
	if u.runs == nil {
		u.runs = map[slot]*unpackedRun{}
	}
	now, most := time.Now(), runBytes+c.Len()*cellBytes*9/8
	if u.bytes+most > unpackedBytes {
		u.makeRoom(most, now.Add(-unpackedAge))
	}
	if u.bytes+most > unpackedBytes {
		return nil
	}
	r := &unpackedRun{stamp: stamp, used: now, cells: compact(c)}
	u.runs[at] = r
	u.bytes += r.bytes()
	return r.cells
}

// hasRoom reports whether much of the room is left.
func (u *unpackedPacks) hasRoom() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bytes < unpackedBytes/8*7
}

func (u *unpackedPacks) drop(at slot) {
	u.bytes -= u.runs[at].bytes()
	delete(u.runs, at)
}

// makeRoom drops runs that were last used before a time, the oldest first.
func (u *unpackedPacks) makeRoom(n int, before time.Time) {
	idle := slices.DeleteFunc(slices.Collect(maps.Keys(u.runs)), func(at slot) bool { return u.runs[at].used.After(before) })
	slices.SortFunc(idle, func(a, b slot) int { return cmp.Compare(u.runs[a].used.UnixNano(), u.runs[b].used.UnixNano()) })
	for _, at := range idle {
		if u.bytes+n <= unpackedBytes {
			return
		}
		u.drop(at)
	}
}

// compact returns cells in as much memory as they need.
func compact(c *cells.Columns) *cells.Columns {
	if cap(c.IDs) <= c.Len()+c.Len()/8 {
		return c
	}
	return &cells.Columns{IDs: slices.Clone(c.IDs), Downloads: slices.Clone(c.Downloads), Hits: slices.Clone(c.Hits), Bytes: slices.Clone(c.Bytes)}
}

// stamped is a period that has packs.
type stamped struct {
	period pkgmeter.Day
	stamp  int64
}

func (q *question) stamps(ctx context.Context, grain int, from, to pkgmeter.Day) (all []stamped, err error) {
	err = eachRow(ctx, q.tx, func(rows *sql.Rows) error {
		var s stamped
		err := rows.Scan(&s.period, &s.stamp)
		all = append(all, s)
		return err
	}, `SELECT period, stamp FROM period WHERE gen = ? AND grain = ? AND period BETWEEN ? AND ? ORDER BY period`, q.gen, grain, int64(from), int64(to))
	return all, err
}

// touch notes that a period's packs change in the running transaction.
func (w *writer) touch(at slot) {
	if w.touched == nil {
		w.touched = map[slot]bool{}
	}
	w.touched[slot{gen: at.gen, grain: at.grain, period: at.period}] = true
}

// stampPeriods gives the periods that were touched a new stamp.
func (w *writer) stampPeriods(ctx context.Context) error {
	if len(w.touched) == 0 {
		return nil
	}
	var stamp int64
	if err := w.conn.QueryRowContext(ctx, `UPDATE meta SET stamp = stamp + 1 RETURNING stamp`).Scan(&stamp); err != nil {
		return err
	}
	for at := range w.touched {
		_, err := w.conn.ExecContext(ctx, `UPDATE period SET stamp = ? WHERE gen = ? AND grain = ? AND period = ?`, stamp, at.gen, at.grain, int64(at.period))
		if err != nil {
			return err
		}
	}
	return nil
}
