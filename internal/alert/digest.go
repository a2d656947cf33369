package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// digestRows is how many lines each list of a digest has at most.
const digestRows = 10

// A Week is what a digest says of one.
type Week struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Totals []Sum  `json:"totals"`
	Lists  []List `json:"lists,omitempty"` // none of them is empty
}

// A Sum is a number of the week beside that of the week before.
type Sum struct {
	Name   string `json:"name"`
	Now    int64  `json:"now"`
	Before int64  `json:"before"`
}

// A List is one of a digest's.
type List struct {
	Title string `json:"title"`
	Rows  []Row  `json:"rows"`
}

// A Row is a name with what there is to say of it.
type Row struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Change says how a number changed.
func (s Sum) Change() string {
	switch {
	case s.Before == 0 && s.Now == 0:
		return "as before"
	case s.Before == 0:
		return "none the week before"
	}
	p := (float64(s.Now)/float64(s.Before) - 1) * 100
	return fmt.Sprintf("%+.0f %%", p)
}

// lookAtWeek tells of the last week, once its Sunday is complete.
func (a *Alerts) lookAtWeek(ctx context.Context, w Watch, st *state, now time.Time) ([]*News, error) {
	monday := (complete(now) + 1).Week() - 7
	if st.Day > monday { // the clock was ahead; what was told is not told again
		st.Day = monday - 7
	}
	if st.Day == 0 {
		st.Day = monday // the week before the watch was made is told to nobody
	}
	if st.Day >= monday {
		return nil, nil
	}
	st.Day = monday
	news, err := a.week(ctx, w.Ask, monday, now)
	if err != nil {
		return nil, err
	}
	return []*News{news}, nil
}

// week makes the digest of the week that begins on a Monday.
func (a *Alerts) week(ctx context.Context, ask Ask, monday pkgmeter.Day, now time.Time) (*News, error) {
	filter, err := ask.filter()
	if err != nil {
		return nil, err
	}
	q := pkgmeter.Query{From: monday, To: monday + 6, Filter: filter, Measure: ask.measure(), Now: now}
	old := q
	old.From, old.To = q.From-7, q.To-7
	sums, err := a.numbers.Totals(ctx, q)
	if err != nil {
		return nil, err
	}
	sumsBefore, err := a.numbers.Totals(ctx, old)
	if err != nil {
		return nil, err
	}
	week := &Week{From: q.From.String(), To: q.To.String(), Totals: []Sum{
		{"downloads", sums.Downloads, sumsBefore.Downloads},
		{"hits", sums.Hits, sumsBefore.Hits},
		{"bytes", sums.Bytes, sumsBefore.Bytes},
	}}
	if err := a.addLists(ctx, week, q, now); err != nil {
		return nil, err
	}
	m := ask.measure()
	total := Sum{ask.word(), m.Of(sums.Measures), m.Of(sumsBefore.Measures)}
	return &News{
		key: "digest:" + q.From.String(), Day: q.From.String(), Week: week, path: ask.link(q.From, q.To),
		Title: fmt.Sprintf("%s %s from %s to %s (%s)", number(total.Now), total.Name, q.From, q.To, total.Change()),
	}, nil
}

func (a *Alerts) addLists(ctx context.Context, week *Week, q pkgmeter.Query, now time.Time) error {
	top, err := a.numbers.Top(ctx, q, pkgmeter.ByPackage, pkgmeter.Page{Limit: digestRows})
	if err != nil {
		return err
	}
	movers, err := a.numbers.Movers(ctx, q, digestRows)
	if err != nil {
		return err
	}
	silent, err := a.silent(ctx, now, 24*time.Hour)
	if err != nil {
		return err
	}
	m := q.Measure
	var rows []Row
	for _, it := range top.Items {
		if n := m.Of(it.Measures); n > 0 {
			rows = append(rows, Row{short(it.Key), number(n)})
		}
	}
	week.add("Most fetched", rows)
	week.addMovers("Rising", movers.Rising, func(r pkgmeter.Mover) string {
		return fmt.Sprintf("%s, %s the week before", number(m.Of(r.Now)), number(m.Of(r.Before)))
	})
	week.addMovers("New", movers.New, func(r pkgmeter.Mover) string { return number(m.Of(r.Now)) })
	week.addMovers("Going stale", movers.Stale, func(r pkgmeter.Mover) string { return number(m.Of(r.Now)) })
	rows = nil
	for _, r := range silent[:min(len(silent), digestRows)] {
		rows = append(rows, Row{short(r.Name), "since " + r.Last.Format("2006-01-02 15:04") + " UTC"})
	}
	week.add("Silent sources", rows)
	return nil
}

func (w *Week) addMovers(title string, movers []pkgmeter.Mover, text func(pkgmeter.Mover) string) {
	var rows []Row
	for _, r := range movers {
		rows = append(rows, Row{short(r.Key), text(r)})
	}
	w.add(title, rows)
}

func (w *Week) add(title string, rows []Row) {
	if len(rows) > 0 {
		w.Lists = append(w.Lists, List{title, rows})
	}
}
