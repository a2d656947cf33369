// Package alert tells people what happens to their downloads: a day that is far
// from usual, nothing at all, a source that fell silent, the first download of a
// range of versions, a new consumer, and a digest of each week. It goes to webhooks
// (signed as Standard Webhooks has it), by e-mail, and to Slack.
//
// What is told, and what a watch has to remember, is stored in one transaction, and
// sent afterwards until the receiver has it: a crash neither loses nor invents
// anything. Where the process dies after a receiver's answer and before that is on
// disk, the same is sent again with the same id, by which receivers know it.
//
// It does not know how counts are kept, who may change a watch, nor what a page
// looks like. There are no counts by the hour, so it judges days.
package alert

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Limits.
const (
	MaxWatches = 100
	MaxHistory = 500 // notices that are kept of a watch
	MaxName    = 100 // bytes of the name of a watch

	atOnce = 4  // notices that are sent at the same time
	round  = 16 // notices that are sent before watches are looked at again
)

// limits are how long things may take.
type limits struct {
	look time.Duration // the questions of one watch
	step time.Duration // to connect to a receiver, to agree on TLS, to be answered
	call time.Duration // all of a call or a mail
}

var usual = limits{look: 10 * time.Second, step: 10 * time.Second, call: 30 * time.Second}

// Store keeps watches and what is to be told.
type Store interface {
	Watches(ctx context.Context) ([]pkgmeter.Watch, error)
	Watch(ctx context.Context, id int64) (pkgmeter.Watch, error)
	// AddWatch refuses a name that is taken, and one watch more than most.
	AddWatch(ctx context.Context, w pkgmeter.Watch, most int) (id int64, err error)
	// ChangeWatch MUST keep the state that a watch has by then, unless kind or ask change.
	ChangeWatch(ctx context.Context, w pkgmeter.Watch) error
	PauseWatch(ctx context.Context, id int64, paused bool, state string) error
	RemoveWatch(ctx context.Context, id int64) error

	// Decide MUST store state and news together or not at all, and MUST NOT store
	// anything, with ok false, if the watch has changed since it was seen. A notice
	// whose watch, key and target are there already MUST NOT be added again. It
	// keeps the newest keep of those that do not wait.
	Decide(ctx context.Context, seen pkgmeter.Watch, state string, news []pkgmeter.Notice, keep int) (ok bool, err error)
	AddNotices(ctx context.Context, watchID int64, news []pkgmeter.Notice, keep int) error

	Due(ctx context.Context, now time.Time, limit int) ([]pkgmeter.Notice, error)
	NextDue(ctx context.Context) (time.Time, error)
	// Tried stores how a try went; after it, a notice that was sent MUST NOT be due
	// any more, whatever happens to the process.
	Tried(ctx context.Context, n pkgmeter.Notice) error
	Notices(ctx context.Context, watchID, before int64, limit int) ([]pkgmeter.Notice, error)
}

// Numbers answers what watches ask.
type Numbers interface {
	Totals(ctx context.Context, q pkgmeter.Query) (pkgmeter.Totals, error)
	Top(ctx context.Context, q pkgmeter.Query, by pkgmeter.Key, page pkgmeter.Page) (pkgmeter.TopList, error)
	Series(ctx context.Context, q pkgmeter.Query, grain pkgmeter.Grain) (pkgmeter.Series, error)
	Movers(ctx context.Context, q pkgmeter.Query, limit int) (pkgmeter.Movers, error)
	Sources(ctx context.Context, from, to pkgmeter.Day) ([]pkgmeter.SourceReport, error)
}

// Options are what need not be given.
type Options struct {
	Every     time.Duration // between two looks; 0: a minute
	PublicURL string        // what links begin with, without a slash at its end
	Mail      *Mail         // nil: no e-mail is sent
	Now       func() time.Time
	Log       *slog.Logger
}

// Alerts looks at watches and sends what there is to tell.
type Alerts struct {
	store   Store
	numbers Numbers
	opt     Options
	limits  limits
	client  *http.Client
	nudged  chan struct{}

	unstored sync.Map // UID → pkgmeter.Notice: how a try went that could not be stored yet
}

// New returns the alerts of a store. They do nothing before [Alerts.Run].
func New(store Store, numbers Numbers, opt Options) *Alerts {
	if opt.Every <= 0 {
		opt.Every = time.Minute
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Alerts{store: store, numbers: numbers, opt: opt, limits: usual, client: newClient(usual), nudged: make(chan struct{}, 1)}
}

// Run looks and sends until ctx ends. A try that is under way then is broken off,
// and made again after the next start.
func (a *Alerts) Run(ctx context.Context) {
	defer a.client.CloseIdleConnections()
	for {
		a.lookAtAll(ctx)
		looked := time.Now()
		for {
			if err := a.sendDue(ctx); err != nil && ctx.Err() == nil {
				a.opt.Log.Error("what alerts have to tell", "err", err)
			}
			wait := a.opt.Every - time.Since(looked)
			if wait <= 0 {
				break
			}
			again, err := a.pause(ctx, wait)
			if err != nil {
				return
			}
			if again {
				break
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// pause waits at most that long, until something is due, or until it is nudged. It
// reports whether the watches are to be looked at.
func (a *Alerts) pause(ctx context.Context, most time.Duration) (look bool, err error) {
	look = true
	next, err := a.store.NextDue(ctx)
	if err == nil && !next.IsZero() {
		if soon := max(time.Second, next.Sub(a.opt.Now())); soon < most { // a store that fails is not asked all the time
			most, look = soon, false
		}
	}
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-a.nudged:
		return true, nil
	case <-t.C:
		return look, nil
	}
}

// Nudge has the watches looked at soon, and what is due sent.
func (a *Alerts) Nudge() {
	select {
	case a.nudged <- struct{}{}:
	default: // one look serves both
	}
}

// sendDue tries what is due now, some at a time.
func (a *Alerts) sendDue(ctx context.Context) error {
	due, err := a.store.Due(ctx, a.opt.Now(), round)
	if err != nil {
		return err
	}
	all, err := a.store.Watches(ctx) // after what is due: the watches of that are among them
	if err != nil {
		return err
	}
	watches := map[int64]pkgmeter.Watch{}
	for _, w := range all {
		watches[w.ID] = w
	}
	a.unstored.Range(func(uid, tried any) bool {
		if _, ok := watches[tried.(pkgmeter.Notice).WatchID]; !ok {
			a.unstored.Delete(uid) // it went with its watch
		}
		return true
	})
	work := make(chan pkgmeter.Notice)
	errs := make(chan error, len(due))
	var workers sync.WaitGroup
	for range min(atOnce, len(due)) {
		workers.Go(func() {
			for n := range work {
				if err := a.try(ctx, watches[n.WatchID], n); err != nil {
					errs <- err
				}
			}
		})
	}
	for _, n := range due {
		work <- n
	}
	close(work)
	workers.Wait()
	close(errs)
	return <-errs // the first one; nil where there is none
}

// try sends a notice once, and stores how that went.
func (a *Alerts) try(ctx context.Context, w pkgmeter.Watch, n pkgmeter.Notice) error {
	if ctx.Err() != nil {
		return nil
	}
	if tried, ok := a.unstored.Load(n.UID); ok {
		return a.tried(ctx, tried.(pkgmeter.Notice)) // and not sent again because of the disk
	}
	err := a.deliver(ctx, w, n)
	if err != nil && ctx.Err() != nil {
		return nil // broken off by us: it is no try
	}
	n.Tries++
	now := a.opt.Now()
	switch {
	case err == nil:
		n.State, n.Sent, n.Error = pkgmeter.NoticeSent, now, ""
	case isFinal(err) || n.Tries >= MaxTries:
		n.State, n.Error = pkgmeter.NoticeFailed, reason(err)
	default:
		n.Next, n.Error = now.Add(backOff(n.Tries)), reason(err)
	}
	return a.tried(ctx, n)
}

// tried stores how a try went, even if we are to stop.
func (a *Alerts) tried(ctx context.Context, n pkgmeter.Notice) error {
	err := a.store.Tried(context.WithoutCancel(ctx), n)
	if err != nil {
		a.unstored.Store(n.UID, n)
		return err
	}
	a.unstored.Delete(n.UID)
	return nil
}
