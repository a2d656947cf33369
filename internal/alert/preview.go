package alert

import (
	"context"
	"fmt"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/vers"
)

// previewDays is how many days a preview looks back.
const previewDays = 90

// A Preview says on which days a watch would have told something.
type Preview struct {
	From, To pkgmeter.Day
	Days     []Instance // in order
	Note     string     // "" for none
}

// An Instance is something that a watch would have told.
type Instance struct {
	Day   pkgmeter.Day
	Title string
	Path  string // of the view that explains it, "" for none
}

// Preview asks the counts what a watch would have told. What has no name or no
// receivers can have one.
func (a *Alerts) Preview(ctx context.Context, w Watch) (p Preview, err error) {
	if err := w.Check(); err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.limits.look, pkgmeter.Errorf(pkgmeter.Unavailable, "the preview takes longer than %s: narrow the watch", a.limits.look))
	defer cancel()
	p.To = complete(a.opt.Now().UTC())
	p.From = p.To - previewDays + 1
	switch w.Kind {
	case Silent:
		err = a.previewSources(ctx, w, &p)
	case Range:
		err = a.previewRange(ctx, w, &p)
	case Consumer:
		err = a.previewConsumers(ctx, w, &p)
	case Digest:
		for d := p.From; d <= p.To; d++ {
			if d.Week() == d {
				p.Days = append(p.Days, Instance{d, fmt.Sprintf("the week from %s to %s", d-7, d-1), w.Ask.link(d-7, d-1)})
			}
		}
	default:
		err = a.previewDays(ctx, w, &p)
	}
	if cause := context.Cause(ctx); err != nil && pkgmeter.CodeOf(cause) == pkgmeter.Unavailable {
		err = cause
	}
	return p, err
}

func (a *Alerts) previewDays(ctx context.Context, w Watch, p *Preview) error {
	c, err := a.counts(ctx, w.Ask, p.From, p.To)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for d := p.From; d <= p.To; d++ {
		if n := w.judge(c, d, true); n != nil && !told[n.key] {
			told[n.key] = true
			p.Days = append(p.Days, Instance{d, plain(n.Title), n.path})
		}
	}
	return nil
}

// previewSources knows of days only when something was heard: of a watch of hours it
// says on which days it would have told at the latest.
func (a *Alerts) previewSources(ctx context.Context, w Watch, p *Preview) error {
	quiet := (w.Ask.Hours + 23) / 24
	p.Note = "Of the past it is known on which days a source reported, not at what time."
	reports, err := a.numbers.Sources(ctx, p.From-quietDays, p.To)
	if err != nil {
		return err
	}
	wanted := w.Ask.Where[pkgmeter.BySource.String()]
	for _, r := range reports {
		if wanted != nil && !slices.Contains(wanted, r.Name) {
			continue
		}
		nothing := 0
		for i, n := range r.ByDay {
			if nothing++; n > 0 {
				nothing = 0
			}
			day := p.From - quietDays + pkgmeter.Day(i)
			past := pkgmeter.SourceReport{ByDay: r.ByDay[max(0, i-quietDays+1) : i+1]}
			if nothing == quiet && day >= p.From && past.Regular() {
				p.Days = append(p.Days, Instance{day, "source " + short(r.Name) + " was silent", ""})
			}
		}
	}
	slices.SortStableFunc(p.Days, func(x, y Instance) int { return int(x.Day - y.Day) })
	return nil
}

func (a *Alerts) previewRange(ctx context.Context, w Watch, p *Preview) error {
	r, err := vers.Parse(w.Ask.Range)
	if err != nil {
		return err // it was checked
	}
	items, err := a.keys(ctx, w.Ask, pkgmeter.ByVersion, 0, 0)
	if err != nil {
		return err
	}
	var names []string
	for _, it := range items {
		if w.Ask.measure().Of(it.Measures) > 0 && r.Has(it.Key) {
			names = append(names, it.Key)
		}
	}
	if p.Note = fmt.Sprintf("No version in %s was downloaded yet.", r); len(names) == 0 {
		return nil
	}
	filter, err := w.Ask.filter()
	if err != nil {
		return err
	}
	filter.Versions = names
	series, err := a.numbers.Series(ctx, pkgmeter.Query{Filter: filter, Measure: w.Ask.measure(), Now: a.opt.Now().UTC()}, pkgmeter.Daily)
	if err != nil || len(series.Lines) == 0 {
		return err
	}
	for _, point := range series.Lines[0].Points {
		if w.Ask.measure().Of(point.Measures) == 0 {
			continue
		}
		p.Note = fmt.Sprintf("Versions in the range are downloaded since %s (%s): the watch will tell of the next download.", point.Day, listed(names, 5))
		if point.Day >= p.From {
			p.Days = append(p.Days, Instance{point.Day, "first download: " + listed(names, 5), w.Ask.linkTo(pkgmeter.ByVersion, names, 0, 0)})
		}
		break
	}
	return nil
}

func (a *Alerts) previewConsumers(ctx context.Context, w Watch, p *Preview) error {
	known := map[string]bool{"": true}
	items, err := a.keys(ctx, w.Ask, pkgmeter.ByConsumer, 0, p.From-1)
	if err != nil {
		return err
	}
	for day := p.From; ; day++ {
		var names []string
		for _, it := range items {
			if !known[it.Key] {
				names = append(names, it.Key)
			}
			known[it.Key] = true
		}
		if len(names) > 0 && day > p.From {
			slices.Sort(names)
			p.Days = append(p.Days, Instance{day - 1, "new: " + listed(names, 5), w.Ask.linkTo(pkgmeter.ByConsumer, names, day-1, day-1)})
		}
		if day > p.To {
			break
		}
		if items, err = a.keys(ctx, w.Ask, pkgmeter.ByConsumer, day, day); err != nil {
			return err
		}
	}
	if len(known) == 1 {
		p.Note = "No consumer is known: senders have to name them, and the server has to keep them (--consumers)."
	}
	return nil
}
