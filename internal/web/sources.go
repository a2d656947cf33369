package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Sources tells what each source brought.
type Sources interface {
	Sources(ctx context.Context, from, to pkgmeter.Day) ([]pkgmeter.SourceReport, error)
}

// sourceDays is how many days the page of sources looks back, today included.
const sourceDays = 30

// quiet is how long after its last receipt a regular source counts as silent.
const quiet = 24 * time.Hour

// sourcesView is what the page of sources shows.
type sourcesView struct {
	page
	From, To pkgmeter.Day
	Sources  []sourceView
	Silent   int
}

// sourceView is one source.
type sourceView struct {
	pkgmeter.SourceReport
	Heard   string // how long ago it was heard last
	Silent  bool   // it used to report on most days, and has not for a day
	Gaps    int    // days without events since its first one in the range, today not among them
	Unread  string // shares
	Twice   string
	Late    string // how long the latest event took to come
	Bars    []sourceBar
	BarText string // what the bars say
}

type sourceBar struct {
	X, Y, Height float64
	Gap, Open    bool
	Title        string
}

// ServeSources shows how each source does. It is for people.
func (w *Web) ServeSources(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	switch {
	case p.User == "":
		return pkgmeter.Errorf(pkgmeter.Unauthenticated, "log in to see the sources")
	case p.Scope != "":
		return pkgmeter.Errorf(pkgmeter.Forbidden, "this is for people: names of sources have names of users in them")
	}
	now := w.Now().UTC()
	today := pkgmeter.DayOf(now)
	view := &sourcesView{page: w.page(r, "Sources", p), From: today - sourceDays + 1, To: today}
	reports, err := w.Sources.Sources(r.Context(), view.From, view.To)
	if err != nil {
		return err
	}
	for _, report := range reports {
		s := newSourceView(report, view.From, now)
		if s.Silent {
			view.Silent++
		}
		view.Sources = append(view.Sources, s)
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "sources", view)
}

func newSourceView(r pkgmeter.SourceReport, from pkgmeter.Day, now time.Time) sourceView {
	v := sourceView{
		SourceReport: r, Heard: "some time ago", Late: spell(r.MaxLag),
		Unread: share(r.Unparsed, r.Events+r.Duplicates+r.Unparsed),
		Twice:  share(r.Duplicates, r.Events+r.Duplicates),
	}
	first, last, most := -1, 0, int64(1)
	today := len(r.ByDay) - 1
	for i, n := range r.ByDay {
		most = max(most, n)
		if n == 0 {
			continue
		}
		if last = i; first < 0 {
			first = i
		}
	}
	for i, n := range r.ByDay {
		b := sourceBar{X: float64(i), Gap: first >= 0 && i > first && i < today && n == 0, Open: i == today}
		b.Height = barHeight * float64(n) / float64(most)
		if n > 0 {
			b.Height = max(b.Height, 1) // a day with events is never nothing
		}
		b.Y = barHeight - b.Height
		b.Title = fmt.Sprintf("%s: %s events", from+pkgmeter.Day(i), count(n))
		if b.Gap {
			v.Gaps++
			b.Y, b.Height, b.Title = 0, barHeight, fmt.Sprintf("%s: nothing", from+pkgmeter.Day(i))
		}
		v.Bars = append(v.Bars, b)
	}
	v.BarText = fmt.Sprintf("Events of the last %d days, at most %s a day", len(r.ByDay), count(most))
	heard := r.Last
	if heard.IsZero() && first >= 0 { // of a time when only days were kept
		heard = min(from+pkgmeter.Day(last)+1, pkgmeter.DayOf(now)+1).Start()
		v.Heard = "on " + (from + pkgmeter.Day(last)).String()
	}
	if !heard.IsZero() {
		ago := now.Sub(heard)
		switch {
		case r.Last.IsZero():
		case ago < time.Minute:
			v.Heard = "just now"
		default:
			v.Heard = spell(ago) + " ago"
		}
		v.Silent = ago > quiet && r.Regular()
	}
	return v
}

// barHeight is that of the bars of a source, in units of their picture.
const barHeight = 20

// share writes a part of a whole in percent.
func share(part, whole int64) string {
	switch p := float64(part) / float64(max(whole, 1)) * 100; {
	case part == 0:
		return "none"
	case p < 0.1:
		return "< 0.1 %"
	case p < 10:
		return fmt.Sprintf("%.1f %%", p)
	default:
		return fmt.Sprintf("%.0f %%", p)
	}
}

// spell writes a time in its largest unit.
func spell(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int64(d / u.unit); n == 1 {
			return "1 " + u.name
		} else if n > 1 {
			return count(n) + " " + u.name + "s"
		}
	}
	return "none"
}
