package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/vers"
)

// Bounds of what a look reads.
const (
	pageOf  = 1000
	maxKeys = 10_000 // versions or consumers
	maxTold = 100    // names that webhooks are told
	maxLink = 1500   // bytes of names in an address
	catchUp = 14     // days that are judged after a time without a server
)

// state is what a watch remembers from one look to the next.
type state struct {
	Since   int64        `json:"since,omitempty"` // Unix ms of its first look; 0: there was none
	Day     pkgmeter.Day `json:"day,omitzero"`    // the last one that was judged
	Count   int64        `json:"count,omitempty"` // of a range, before the watch
	Seen    []string     `json:"seen,omitempty"`  // digests of consumers
	Done    bool         `json:"done,omitempty"`
	Problem string       `json:"problem,omitempty"`
}

// lookAtAll looks at each watch that is not paused.
func (a *Alerts) lookAtAll(ctx context.Context) {
	watches, err := a.store.Watches(ctx)
	for _, w := range watches {
		if ctx.Err() != nil {
			return
		}
		if !w.Paused {
			err = errors.Join(err, a.lookAt(ctx, w))
		}
	}
	if err != nil && ctx.Err() == nil {
		a.opt.Log.Error("look of alerts", "err", err)
	}
}

// lookAt looks at a watch, and stores what there is to tell with what it remembers.
func (a *Alerts) lookAt(ctx context.Context, stored pkgmeter.Watch) error {
	w, st, err := readWatch(stored)
	if err != nil || st.Done {
		return err
	}
	next, news, err := a.look(ctx, w, st)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		// Nothing is told; the page of alerts says why, until a look goes well.
		next, news = st, nil
		next.Problem = pkgmeter.Cut(pkgmeter.PublicMessage(err), maxPlain)
		if pkgmeter.CodeOf(err) == pkgmeter.Internal {
			a.opt.Log.Error("look of an alert", "watch", w.Name, "err", err)
		}
	}
	text, err := json.Marshal(next)
	if err != nil || string(text) == stored.State {
		return err // what is told changes the state, always
	}
	notices, err := a.notices(w, news)
	if err != nil {
		return err
	}
	_, err = a.store.Decide(ctx, stored, string(text), notices, MaxHistory)
	return err
}

// look asks what a watch wants to know. It returns what is to be remembered then.
func (a *Alerts) look(ctx context.Context, w Watch, st state) (next state, news []*News, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, a.limits.look, pkgmeter.Errorf(pkgmeter.Unavailable, "its numbers take longer than %s", a.limits.look))
	defer cancel()
	now := a.opt.Now().UTC()
	first := st.Since == 0
	next = st
	next.Problem = ""
	if first {
		next.Since = now.UnixMilli()
	}
	switch w.Kind {
	case Spike, Drop, Zero:
		news, err = a.lookAtDays(ctx, w, &next, now)
	case Silent:
		news, err = a.lookAtSources(ctx, w, &next, now, first)
	case Range:
		news, err = a.lookAtRange(ctx, w, &next, first)
	case Consumer:
		news, err = a.lookAtConsumers(ctx, w, &next, first)
	case Digest:
		news, err = a.lookAtWeek(ctx, w, &next, now)
	default:
		err = pkgmeter.Errorf(pkgmeter.Invalid, "this program knows no kind %q of watches", w.Kind)
	}
	if cause := context.Cause(ctx); err != nil && pkgmeter.CodeOf(cause) == pkgmeter.Unavailable {
		err = cause
	}
	return next, news, err
}

// complete returns the last day that is complete.
func complete(now time.Time) pkgmeter.Day { return pkgmeter.DayOf(now.Add(-pkgmeter.Settling)) - 1 }

// lookAtDays judges the days that have become complete since the last look, and
// today where it may be a spike already.
func (a *Alerts) lookAtDays(ctx context.Context, w Watch, st *state, now time.Time) (news []*News, err error) {
	last := complete(now)
	if st.Day > last { // the clock was ahead; what was told is not told again
		st.Day = last - 1
	}
	from := max(st.Day+1, last-catchUp+1)
	if st.Day == 0 { // days before the watch are for its preview
		from = last + 1
	}
	to := last
	if w.Kind == Spike {
		to = pkgmeter.DayOf(now)
	}
	if from > to {
		st.Day = max(st.Day, last)
		return nil, nil
	}
	c, err := a.counts(ctx, w.Ask, from, to)
	if err != nil {
		return nil, err
	}
	early := slices.Clone(st.Seen)
	for d := from; d <= to; d++ {
		n := w.judge(c, d, d <= last)
		if n == nil || slices.Contains(early, n.key) {
			continue
		}
		news = append(news, n)
		if d > last { // it is remembered until its day is judged
			st.Seen = append(st.Seen, n.key)
		}
	}
	if st.Day < last {
		st.Day = last
		st.Seen = slices.DeleteFunc(slices.Clone(st.Seen), func(key string) bool {
			_, day, _ := strings.Cut(key, ":")
			return day <= last.String()
		})
		if len(st.Seen) == 0 {
			st.Seen = nil
		}
	}
	return news, nil
}

// quietDays is how far back a source has to have been a regular one.
const quietDays = 30

// lookAtSources tells of each regular source that has not been heard of for long
// enough, once until it is heard again. Those that were silent before the watch are
// told when they are silent again.
func (a *Alerts) lookAtSources(ctx context.Context, w Watch, st *state, now time.Time, first bool) (news []*News, err error) {
	silent, err := a.silent(ctx, now, time.Duration(w.Ask.Hours)*time.Hour)
	if err != nil {
		return nil, err
	}
	wanted := w.Ask.Where[pkgmeter.BySource.String()]
	var seen []string
	for _, r := range silent {
		if wanted != nil && !slices.Contains(wanted, r.Name) {
			continue
		}
		key := fmt.Sprintf("silent:%s:%d", digest(r.Name), r.Last.Unix())
		seen = append(seen, key)
		if first || slices.Contains(st.Seen, key) {
			continue
		}
		news = append(news, &News{
			key: key, Source: r.Name, path: "/stats/sources",
			Title: fmt.Sprintf("source %s is silent since %s UTC", short(r.Name), r.Last.Format("2006-01-02 15:04")),
			Lines: []string{fmt.Sprintf("It used to report, and has not for more than %d hours.", w.Ask.Hours)},
		})
	}
	st.Seen = seen
	return news, nil
}

// silent lists regular sources that were not heard of for that long.
func (a *Alerts) silent(ctx context.Context, now time.Time, long time.Duration) (silent []pkgmeter.SourceReport, err error) {
	today := pkgmeter.DayOf(now)
	reports, err := a.numbers.Sources(ctx, today-quietDays+1, today)
	for _, r := range reports {
		if r.Last.IsZero() || now.Sub(r.Last) < long || !r.Regular() {
			continue
		}
		silent = append(silent, r)
	}
	return silent, err
}

// keys asks for all keys with hits.
func (a *Alerts) keys(ctx context.Context, ask Ask, by pkgmeter.Key, from, to pkgmeter.Day) (items []pkgmeter.Item, err error) {
	filter, err := ask.filter()
	if err != nil {
		return nil, err
	}
	q := pkgmeter.Query{From: from, To: to, Filter: filter, Measure: ask.measure(), Now: a.opt.Now().UTC()}
	page := pkgmeter.Page{Limit: pageOf}
	for {
		top, err := a.numbers.Top(ctx, q, by, page)
		if err != nil {
			return nil, err
		}
		items = append(items, top.Items...)
		if top.Next == nil {
			return items, nil
		}
		if len(items) >= maxKeys {
			return nil, pkgmeter.Errorf(pkgmeter.Invalid, "there are more than %d of %s: narrow the watch", maxKeys, by)
		}
		page.After = top.Next
	}
}

// lookAtRange tells of the first download of the range after the watch was made,
// and then no more.
func (a *Alerts) lookAtRange(ctx context.Context, w Watch, st *state, first bool) ([]*News, error) {
	r, err := vers.Parse(w.Ask.Range)
	if err != nil {
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "range: %s", err)
	}
	items, err := a.keys(ctx, w.Ask, pkgmeter.ByVersion, 0, 0)
	if err != nil {
		return nil, err
	}
	var sum int64
	var names []string
	for _, it := range items {
		if n := w.Ask.measure().Of(it.Measures); n > 0 && r.Has(it.Key) {
			sum += n
			names = append(names, it.Key)
		}
	}
	if first {
		st.Count = sum
		return nil, nil
	}
	if sum <= st.Count {
		st.Count = sum // counting rules may have changed since
		return nil, nil
	}
	st.Done = true
	ever, name := "", w.Ask.Where[pkgmeter.ByPackage.String()][0]
	if st.Count > 0 {
		ever = " since the watch was made"
	}
	return []*News{{
		key: fmt.Sprintf("range:%d", st.Since), Names: names[:min(len(names), maxTold)], Value: new(sum - st.Count),
		path:  w.Ask.linkTo(pkgmeter.ByVersion, names, 0, 0),
		Title: fmt.Sprintf("first download of %s in %s%s", short(name), short(w.Ask.Range), ever),
		Lines: []string{fmt.Sprintf("Versions: %s. %s %s in all.", listed(names, 10), number(sum), w.Ask.word())},
	}}, nil
}

// lookAtConsumers tells of those whom no look before has seen.
func (a *Alerts) lookAtConsumers(ctx context.Context, w Watch, st *state, first bool) ([]*News, error) {
	items, err := a.keys(ctx, w.Ask, pkgmeter.ByConsumer, 0, 0)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, d := range st.Seen {
		known[d] = true
	}
	seen := slices.Clone(st.Seen)
	var names []string
	for _, it := range items {
		if d := digest(it.Key); it.Key != "" && !known[d] {
			names, seen = append(names, it.Key), append(seen, d)
		}
	}
	if len(seen) > maxKeys {
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "there are more than %d of consumer: narrow the watch", maxKeys)
	}
	if st.Seen = seen; first || len(names) == 0 {
		return nil, nil
	}
	slices.Sort(names)
	today := pkgmeter.DayOf(a.opt.Now())
	news := &News{
		key: "consumer:" + digest(strings.Join(names, "\x00")), Names: names[:min(len(names), maxTold)], path: w.Ask.linkTo(pkgmeter.ByConsumer, names, max(today-29, pkgmeter.FirstDay), today),
		Title: "a new consumer: " + short(names[0]),
	}
	if len(names) > 1 {
		news.Title = fmt.Sprintf("%d new consumers", len(names))
		news.Lines = []string{listed(names, 20) + "."}
	}
	return []*News{news}, nil
}

// linkTo is link for some values of a key: as many of them as an address bears.
func (a Ask) linkTo(by pkgmeter.Key, values []string, from, to pkgmeter.Day) string {
	some, room := values[:min(len(values), maxWhere)], maxLink
	for i, v := range some {
		if room -= len(url.QueryEscape(v)); room < 0 && i > 0 {
			some = some[:i]
			break
		}
	}
	where := map[string][]string{by.String(): some}
	for name, v := range a.Where {
		if name != by.String() {
			where[name] = v
		}
	}
	a.Where = where
	return a.link(from, to)
}
