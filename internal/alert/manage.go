package alert

import (
	"context"
	"fmt"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// A Status is a watch as a list shows it.
type Status struct {
	Watch
	Last *Told // nil: it has told nothing yet
}

// A Told is a notice as the history shows it.
type Told struct {
	pkgmeter.Notice
	News News
	To   string // the receiver
}

// Watches lists all watches by name.
func (a *Alerts) Watches(ctx context.Context) (all []Status, err error) {
	stored, err := a.store.Watches(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range stored {
		w, _, err := readWatch(s)
		if err != nil {
			return nil, err
		}
		last, err := a.History(ctx, s.ID, 0, 1)
		if err != nil {
			return nil, err
		}
		status := Status{Watch: w}
		if len(last) > 0 {
			status.Last = &last[0]
		}
		all = append(all, status)
	}
	return all, nil
}

// Watch returns a watch. Its receivers have secrets in them.
func (a *Alerts) Watch(ctx context.Context, id int64) (Watch, error) {
	stored, err := a.store.Watch(ctx, id)
	if err != nil {
		return Watch{}, err
	}
	w, _, err := readWatch(stored)
	return w, err
}

// CanMail reports whether e-mail can be sent.
func (a *Alerts) CanMail() bool { return a.opt.Mail != nil }

// Validate reports the first thing that is wrong with a watch.
func (a *Alerts) Validate(w Watch) error {
	if err := checkName(w.Name); err != nil {
		return err
	}
	if err := w.Check(); err != nil {
		return err
	}
	return a.checkTargets(w.Targets)
}

// Save stores a watch, a new one if it has no id, and returns its id. It looks from
// now on; one of which only name or receivers change goes on.
func (a *Alerts) Save(ctx context.Context, w Watch) (id int64, err error) {
	if err := a.Validate(w); err != nil {
		return 0, err
	}
	stored, err := w.stored()
	if err != nil {
		return 0, err
	}
	if id = w.ID; id == 0 {
		id, err = a.store.AddWatch(ctx, stored, MaxWatches)
	} else {
		err = a.store.ChangeWatch(ctx, stored)
	}
	if err == nil {
		err = a.begin(ctx, id)
	}
	return id, err
}

// begin has a watch look at once: what is there already is not told, what comes
// from now on is.
func (a *Alerts) begin(ctx context.Context, id int64) error {
	defer a.Nudge()
	w, err := a.store.Watch(ctx, id)
	if err != nil || w.Paused {
		return err
	}
	return a.lookAt(ctx, w)
}

// Pause stops a watch for a while. What happens meanwhile is not told; what waits
// to be sent still is.
func (a *Alerts) Pause(ctx context.Context, id int64, paused bool) error {
	if err := a.store.PauseWatch(ctx, id, paused, "{}"); err != nil {
		return err
	}
	return a.begin(ctx, id)
}

// Remove removes a watch with its history.
func (a *Alerts) Remove(ctx context.Context, id int64) error { return a.store.RemoveWatch(ctx, id) }

// Test tells all receivers of a watch that this is a test.
func (a *Alerts) Test(ctx context.Context, id int64) error {
	w, err := a.Watch(ctx, id)
	if err != nil {
		return err
	}
	now := a.opt.Now().UTC()
	news := &News{
		key: fmt.Sprintf("test:%d", now.UnixMilli()), path: w.Ask.link(pkgmeter.DayOf(now)-29, pkgmeter.DayOf(now)),
		Title: "this is a test", Lines: []string{"Nothing has happened. What this watch tells will come to you like this."},
	}
	if w.Kind == Digest {
		week, err := a.week(ctx, w.Ask, (complete(now)+1).Week()-7, now)
		if err != nil {
			return err
		}
		news.Week, news.path, news.Lines = week.Week, week.path, []string{"This is the digest of the last week."}
	}
	notices, err := a.notices(w, []*News{news})
	if err != nil {
		return err
	}
	defer a.Nudge()
	return a.store.AddNotices(ctx, id, notices, MaxHistory)
}

// History returns up to limit notices, the newest first, of those before an id; 0
// begins with the newest. Watch 0 is all of them.
func (a *Alerts) History(ctx context.Context, watch, before int64, limit int) (all []Told, err error) {
	notices, err := a.store.Notices(ctx, watch, before, limit)
	for _, n := range notices {
		news, err := ReadNews(n.Body)
		if err != nil {
			return nil, fmt.Errorf("notice %d: %w", n.ID, err)
		}
		to := n.Target
		if _, address, ok := strings.Cut(to, ":"); ok {
			to = address
		}
		all = append(all, Told{n, news, to})
	}
	return all, err
}
