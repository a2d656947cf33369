package pkgmeter

import (
	"context"
	"slices"
)

// MaxCompared is the most packages that are compared.
const MaxCompared = 8

// A Compared is one of the packages of a [Comparison].
type Compared struct {
	Package string // canonical purl
	Measures
	Before *Measures // in the equal range before; nil where the store does not have all of it
	First  Day       // of the first download, whatever the range; 0 for none
	Points []Point
}

// A Comparison is the answer to how packages did beside each other, and beside
// everything that the same filters let pass.
type Comparison struct {
	Packages []Compared // in the order in which they were asked for
	Total    []Point    // of everything, by the same points
	Sum      Measures   // of these
	Markers  []Marker
	Span     Span
	Rules    int
}

// Compare asks how the packages of q's filter did. One that is named twice is
// compared once; none, or more than [MaxCompared], is [Invalid].
func Compare(ctx context.Context, stats Stats, q Query, grain Grain) (c Comparison, err error) {
	var packages []string
	for _, purl := range q.Filter.Packages {
		if !slices.Contains(packages, purl) {
			packages = append(packages, purl)
		}
	}
	switch n := len(packages); {
	case n == 0:
		return c, Errorf(Invalid, "package is missing: name 1 to %d packages to compare", MaxCompared)
	case n > MaxCompared:
		return c, Errorf(Invalid, "%d packages are too many to compare: name 1 to %d", n, MaxCompared)
	}
	// Every day of each says how it did in the range and before it, and since
	// when. Everything is asked for last: no part is then larger than the whole.
	always := q
	always.From, always.To, always.Filter.Packages = 0, 0, packages
	ever, err := stats.Split(ctx, always, Daily, ByPackage)
	if err != nil {
		return c, err
	}
	others := q
	others.Filter.Packages = nil
	total, err := stats.Series(ctx, others, grain)
	if err != nil {
		return c, err
	}
	c.Span, c.Rules, c.Markers, c.Total = total.Span, total.Rules, total.Markers, total.Lines[0].Points
	for _, p := range c.Total {
		c.Sum.Add(p.Measures)
	}
	for _, purl := range packages {
		p := Compared{Package: purl}
		var days []Point
		if at := slices.IndexFunc(ever.Lines, func(l Line) bool { return l.Key == purl }); at >= 0 {
			days = ever.Lines[at].Points
		}
		p.fill(days, &c, grain, ever.Span.From)
		c.Packages = append(c.Packages, p)
	}
	return c, nil
}

// fill sums the days of a package up. first is the first day of the store.
func (p *Compared) fill(days []Point, c *Comparison, grain Grain, first Day) {
	p.Points = make([]Point, len(c.Total))
	at := make(map[Day]int, len(c.Total))
	for i, t := range c.Total {
		p.Points[i] = Point{Day: t.Day, Gap: t.Gap}
		at[t.Day] = i
	}
	before := Span{From: c.Span.From - (c.Span.To - c.Span.From + 1), To: c.Span.From - 1}
	if !c.Span.Empty() && before.From >= first {
		p.Before = &Measures{}
	}
	for _, d := range days {
		if d.Downloads > 0 && p.First == 0 {
			p.First = d.Day
		}
		switch {
		case d.Day >= c.Span.From && d.Day <= c.Span.To:
			p.Add(d.Measures)
			p.Points[at[grain.Of(d.Day)]].Add(d.Measures)
		case p.Before != nil && d.Day >= before.From && d.Day <= before.To:
			p.Before.Add(d.Measures)
		}
	}
}
