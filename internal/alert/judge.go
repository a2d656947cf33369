package alert

import (
	"context"
	"fmt"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// What a day is compared with: the median of the same weekday of the weeks before,
// of which at least enough were heard of.
const (
	weeks  = 4
	enough = 2
	before = 28 // days before days of nothing, of which one had something
)

// lookBack is how many days before a day its judgement needs.
const lookBack = max(weeks*7, maxDays+before)

// counts are the numbers of some days.
type counts struct {
	from pkgmeter.Day
	n    []int64
	gap  []bool // no source reported: it is not known to be nothing
}

// counts asks for the days from from on, with what their judgement needs.
func (a *Alerts) counts(ctx context.Context, ask Ask, from, to pkgmeter.Day) (c counts, err error) {
	filter, err := ask.filter()
	if err != nil {
		return c, err
	}
	c.from = max(from-lookBack, pkgmeter.FirstDay)
	series, err := a.numbers.Series(ctx, pkgmeter.Query{From: c.from, To: to, Filter: filter, Measure: ask.measure(), Now: a.opt.Now().UTC()}, pkgmeter.Daily)
	if err != nil || len(series.Lines) == 0 {
		return c, err
	}
	for _, p := range series.Lines[0].Points {
		if c.n == nil {
			c.from = p.Day
		}
		c.n, c.gap = append(c.n, ask.measure().Of(p.Measures)), append(c.gap, p.Gap)
	}
	return c, nil
}

// at returns the count of a day, and whether it was heard of.
func (c counts) at(day pkgmeter.Day) (n int64, heard bool) {
	if day < c.from || int(day-c.from) >= len(c.n) {
		return 0, false
	}
	return c.n[day-c.from], !c.gap[day-c.from]
}

// usual returns what the weekday of a day usually has; ok is false where too few of
// them were heard of.
func (c counts) usual(day pkgmeter.Day) (n float64, ok bool) {
	var same []int64
	for i := range weeks {
		if n, heard := c.at(day - pkgmeter.Day(7*(i+1))); heard {
			same = append(same, n)
		}
	}
	if len(same) < enough {
		return 0, false
	}
	slices.Sort(same)
	return float64(same[(len(same)-1)/2]+same[len(same)/2]) / 2, true
}

// judge returns what is to be told of a day of a spike, drop or zero; nil for
// nothing. A day that is not over can only be a spike.
func (w Watch) judge(c counts, day pkgmeter.Day, over bool) *News {
	switch {
	case w.Kind == Spike:
		return w.judgeSpike(c, day, over)
	case w.Kind == Drop && over:
		return w.judgeDrop(c, day)
	case w.Kind == Zero && over:
		return w.judgeZero(c, day)
	}
	return nil
}

func (w Watch) judgeSpike(c counts, day pkgmeter.Day, over bool) *News {
	n, _ := c.at(day)
	usual, ok := c.usual(day)
	if !ok || n < w.Ask.Least || n == 0 || float64(n) <= w.Ask.Factor*usual {
		return nil
	}
	sofar := ""
	if !over {
		sofar = " so far"
	}
	return w.far(day, n, usual, fmt.Sprintf("%s %s on %s%s, usually %s", number(n), w.Ask.word(), day, sofar, decimal(usual)))
}

func (w Watch) judgeDrop(c counts, day pkgmeter.Day) *News {
	n, heard := c.at(day)
	usual, ok := c.usual(day)
	if !heard || !ok || usual == 0 || usual < float64(w.Ask.Least) || float64(n)*w.Ask.Factor >= usual {
		return nil
	}
	return w.far(day, n, usual, fmt.Sprintf("only %s %s on %s, usually %s", number(n), w.Ask.word(), day, decimal(usual)))
}

func (w Watch) far(day pkgmeter.Day, n int64, usual float64, title string) *News {
	return &News{
		key: fmt.Sprintf("%s:%s", w.Kind, day), Title: title, Day: day.String(), Value: &n, Usual: &usual,
		Lines: []string{fmt.Sprintf("Usual is the median of the %s of the %d weeks before.", day.Start().Weekday().String()+"s", weeks)},
		path:  w.Ask.link(max(day-weeks*7, pkgmeter.FirstDay), day),
	}
}

// judgeZero tells of the first day that makes enough days of nothing, after a time
// in which there was something. A day of which no source reported anything is one of
// nothing here, which the text says.
func (w Watch) judgeZero(c counts, day pkgmeter.Day) *News {
	first, gaps := day+1, 0
	for {
		n, heard := c.at(first - 1)
		if n > 0 || first-1 < c.from || int(day-c.from) >= len(c.n) {
			break
		}
		if !heard {
			gaps++
		}
		first--
	}
	days := int(day - first + 1)
	if days < w.Ask.Days || !c.anyBefore(first) {
		return nil
	}
	news := &News{
		key: fmt.Sprintf("zero:%s", first), Title: fmt.Sprintf("no %s since %s", w.Ask.word(), first), Day: day.String(), Value: new(int64(0)),
		path: w.Ask.link(max(first-before, pkgmeter.FirstDay), day),
	}
	news.Lines = append(news.Lines, fmt.Sprintf("That makes %d days of nothing, up to %s.", days, day))
	if gaps > 0 {
		news.Lines = append(news.Lines, fmt.Sprintf("On %d of them no source reported anything at all: see the page of sources.", gaps))
	}
	return news
}

// anyBefore reports whether there was anything in the days before first.
func (c counts) anyBefore(first pkgmeter.Day) bool {
	for d := first - before; d < first; d++ {
		if n, _ := c.at(d); n > 0 {
			return true
		}
	}
	return false
}

// word is what a measure counts.
func (a Ask) word() string {
	if a.Measure == "hits" {
		return a.Measure
	}
	return "downloads"
}
