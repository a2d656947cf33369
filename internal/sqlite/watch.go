package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

const watchColumns = `id, name, kind, ask, send, state, paused, created_ms FROM watch`

func scanWatch(scan func(...any) error) (w pkgmeter.Watch, err error) {
	var createdMS int64
	err = scan(&w.ID, &w.Name, &w.Kind, &w.Ask, &w.Send, &w.State, &w.Paused, &createdMS)
	w.Created = fromMS(createdMS)
	return w, err
}

// Watches returns all watches by name.
func (s *Store) Watches(ctx context.Context) (all []pkgmeter.Watch, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		w, err := scanWatch(rows.Scan)
		all = append(all, w)
		return err
	}, `SELECT `+watchColumns+` ORDER BY name`)
	return all, err
}

// Watch returns a watch; one that there is not is [pkgmeter.NotFound].
func (s *Store) Watch(ctx context.Context, id int64) (pkgmeter.Watch, error) {
	w, err := scanWatch(s.side.QueryRowContext(ctx, `SELECT `+watchColumns+` WHERE id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return w, noWatch(id)
	}
	return w, err
}

func noWatch(id int64) error { return pkgmeter.Errorf(pkgmeter.NotFound, "there is no watch %d", id) }

func nameTaken(name string) error {
	return pkgmeter.Errorf(pkgmeter.Conflict, "there is a watch %q already: give this one another name", name)
}

// AddWatch stores a new watch, unless there are most already, and returns its id.
func (s *Store) AddWatch(ctx context.Context, watch pkgmeter.Watch, most int) (id int64, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		var n int
		if err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM watch`).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return pkgmeter.Errorf(pkgmeter.Conflict, "there are %d watches already: remove one", n)
		}
		res, err := w.conn.ExecContext(ctx, `
			INSERT INTO watch (name, kind, ask, send, state, created_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
			watch.Name, watch.Kind, watch.Ask, watch.Send, watch.State, s.opt.Now().UnixMilli())
		if err != nil {
			return err
		}
		if err := affected(res, nameTaken(watch.Name)); err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		return w.audit(ctx, "watch.add", watch.Name, watch.Kind+" "+watch.Ask) // receivers have secrets
	})
	return id, err
}

// ChangeWatch replaces name, what is asked and receivers of a watch. Where it asks
// something else than before, its state is the given one; it stays what it is by
// now, not what it was when the watch was read, where not.
func (s *Store) ChangeWatch(ctx context.Context, watch pkgmeter.Watch) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		var taken bool
		err := w.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM watch WHERE name = ? AND id != ?)`, watch.Name, watch.ID).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return nameTaken(watch.Name)
		}
		was, err := w.watch(ctx, watch.ID)
		if err != nil {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `UPDATE watch SET name = ?1, kind = ?2, ask = ?3, send = ?4, state = iif(kind = ?2 AND ask = ?3, state, ?5) WHERE id = ?6`,
			watch.Name, watch.Kind, watch.Ask, watch.Send, watch.State, watch.ID)
		if err != nil {
			return err
		}
		detail := watch.Kind + " " + watch.Ask
		if was.Name != watch.Name {
			detail = "renamed from " + was.Name + ": " + detail
		}
		return w.audit(ctx, "watch.change", watch.Name, detail)
	})
}

// PauseWatch stops a watch for a while, or lets it go on from the given state. One
// that is as asked already keeps its state: it has not missed anything.
func (s *Store) PauseWatch(ctx context.Context, id int64, paused bool, state string) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		watch, err := w.watch(ctx, id)
		if err != nil || watch.Paused == paused {
			return err
		}
		action := "watch.resume"
		if paused {
			action = "watch.pause"
		}
		if err := w.audit(ctx, action, watch.Name, watch.Kind); err != nil {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `UPDATE watch SET paused = ?, state = ? WHERE id = ?`, paused, state, id)
		return err
	})
}

// RemoveWatch removes a watch with its history. What waits to be sent is not.
func (s *Store) RemoveWatch(ctx context.Context, id int64) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		watch, err := w.watch(ctx, id)
		if err != nil {
			return err
		}
		if err := w.audit(ctx, "watch.remove", watch.Name, watch.Kind); err != nil {
			return err
		}
		_, err = w.conn.ExecContext(ctx, `DELETE FROM watch WHERE id = ?`, id)
		return err
	})
}

// watch is [Store.Watch] within the transaction.
func (w *writer) watch(ctx context.Context, id int64) (pkgmeter.Watch, error) {
	watch, err := scanWatch(w.conn.QueryRowContext(ctx, `SELECT `+watchColumns+` WHERE id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return watch, noWatch(id)
	}
	return watch, err
}

// Decide stores what a watch has to remember, together with what is to be told:
// either all of it is on disk, or nothing. What was told before is not told again.
// If the watch is not any more what it was when it was looked at, nothing is done,
// and ok is false.
//
// Of the notices that were sent or given up, the newest keep stay.
func (s *Store) Decide(ctx context.Context, seen pkgmeter.Watch, state string, news []pkgmeter.Notice, keep int) (ok bool, err error) {
	err = s.update(ctx, func(ctx context.Context, w *writer) error {
		res, err := w.conn.ExecContext(ctx, `UPDATE watch SET state = ? WHERE id = ? AND state = ? AND kind = ? AND ask = ? AND send = ? AND paused = 0`,
			state, seen.ID, seen.State, seen.Kind, seen.Ask, seen.Send)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if ok = n == 1; err != nil || !ok || len(news) == 0 {
			return err
		}
		return w.addNotices(ctx, seen.ID, news, keep)
	})
	return ok && err == nil, err
}

// AddNotices has notices of a watch told that are none of its looks'.
func (s *Store) AddNotices(ctx context.Context, watchID int64, news []pkgmeter.Notice, keep int) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		var there bool
		if err := w.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM watch WHERE id = ?)`, watchID).Scan(&there); err != nil {
			return err
		}
		if !there {
			return noWatch(watchID)
		}
		return w.addNotices(ctx, watchID, news, keep)
	})
}

func (w *writer) addNotices(ctx context.Context, watchID int64, news []pkgmeter.Notice, keep int) error {
	for _, n := range news {
		_, err := w.conn.ExecContext(ctx, `
			INSERT INTO outbox (watch_id, key, target, uid, at_ms, body, state, next_ms) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?)
			ON CONFLICT (watch_id, key, target) DO NOTHING`,
			watchID, n.Key, n.Target, n.UID, n.At.UnixMilli(), n.Body, n.At.UnixMilli())
		if err != nil {
			return err
		}
	}
	_, err := w.conn.ExecContext(ctx, `
		DELETE FROM outbox WHERE watch_id = ?1 AND state != 'waiting'
		AND id <= (SELECT id FROM outbox WHERE watch_id = ?1 AND state != 'waiting' ORDER BY id DESC LIMIT 1 OFFSET ?2)`, watchID, keep)
	return err
}

const noticeColumns = `id, watch_id, key, target, uid, at_ms, body, state, tries, next_ms, sent_ms, error FROM outbox`

func scanNotice(scan func(...any) error) (n pkgmeter.Notice, err error) {
	var atMS, nextMS, sentMS int64
	err = scan(&n.ID, &n.WatchID, &n.Key, &n.Target, &n.UID, &atMS, &n.Body, &n.State, &n.Tries, &nextMS, &sentMS, &n.Error)
	n.At, n.Next = fromMS(atMS), fromMS(nextMS)
	if sentMS != 0 {
		n.Sent = fromMS(sentMS)
	}
	return n, err
}

// longestWait is more than any wait between two tries: what is due later was put off
// by a clock that was ahead.
const longestWait = 12 * time.Hour

// Due returns the notices that are to be sent now, the longest due first.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) (due []pkgmeter.Notice, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		n, err := scanNotice(rows.Scan)
		due = append(due, n)
		return err
	}, `SELECT `+noticeColumns+` WHERE state = 'waiting' AND (next_ms <= ?1 OR next_ms > ?2) ORDER BY next_ms, id LIMIT ?3`,
		now.UnixMilli(), now.Add(longestWait).UnixMilli(), limit)
	return due, err
}

// NextDue returns when the next notice is to be sent; zero where none waits.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var ms sql.NullInt64
	err := s.side.QueryRowContext(ctx, `SELECT min(next_ms) FROM outbox WHERE state = 'waiting'`).Scan(&ms)
	if err != nil || !ms.Valid {
		return time.Time{}, err
	}
	return fromMS(ms.Int64), nil
}

// Tried stores how a try to send a notice went: its state, tries, next, sent and
// error. One that is not waiting any more stays as it is.
func (s *Store) Tried(ctx context.Context, n pkgmeter.Notice) error {
	var sentMS int64
	if !n.Sent.IsZero() {
		sentMS = n.Sent.UnixMilli()
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, `
			UPDATE outbox SET state = ?, tries = ?, next_ms = ?, sent_ms = ?, error = ? WHERE id = ? AND uid = ? AND state = 'waiting'`,
			string(n.State), n.Tries, n.Next.UnixMilli(), sentMS, n.Error, n.ID, n.UID)
		return err
	})
}

// Notices returns up to limit notices of a watch, the newest first, of those
// before the given id; 0 begins with the newest. Watch 0 is all of them.
func (s *Store) Notices(ctx context.Context, watchID, before int64, limit int) (all []pkgmeter.Notice, err error) {
	if before == 0 {
		before = math.MaxInt64
	}
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		n, err := scanNotice(rows.Scan)
		all = append(all, n)
		return err
	}, `SELECT `+noticeColumns+` WHERE (?1 = 0 OR watch_id = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3`, watchID, before, limit)
	return all, err
}
