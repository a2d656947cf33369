package main

import (
	"maps"
	"net/url"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type compareCmd struct {
	Package []string `arg:"" name:"package" sep:"none" help:"Up to eight purls, or names that are those of one package only."`
	Grain   string   `placeholder:"GRAIN" help:"day, week or month (default day)."`
	Scale   string   `enum:"linear,log,index,share" default:"linear" placeholder:"NAME" help:"linear, log, index (100 is the first of each) or share (of all that the filters let pass) (default linear)."`
	filters
}

// Run prints several packages beside each other.
func (c *compareCmd) Run(a *app) error {
	if n := len(c.Package); n > pkgmeter.MaxCompared {
		return usage("%d packages: want up to %d", n, pkgmeter.MaxCompared)
	}
	return a.holding(func() (printing, error) { return c.run(a) })
}

func (c *compareCmd) run(a *app) (printing, error) {
	purls, err := c.purls(a)
	if err != nil {
		return nil, err
	}
	p := c.params()
	if c.Grain != "" {
		p.Set("grain", c.Grain)
	}
	if c.adds() {
		return c.compareAdds(a, purls, p)
	}
	p["package"] = purls
	raw, body, err := c.ask(a, "compare", p)
	if show := c.verbatim(a, raw, body); err != nil || show != nil {
		return show, err
	}
	return c.printing(a, c.comparisonOf(body)), nil
}

// comparisonOf makes a comparison of an answer.
func (c *compareCmd) comparisonOf(body any) *terminal.Comparison {
	b, _ := body.(*api.Compare)
	chosen := c.chosen()
	answer := &terminal.Comparison{
		Measure: eventMeasures()[chosen], Scale: terminal.Scale(c.Scale), Grain: grainOf(c.Grain), Span: spanOf(b.From, b.To, b.Complete),
		Total: numbers(b.Sum)[chosen],
	}
	answer.Days, answer.All = daysAndValues(points(b.Total), chosen)
	for _, one := range b.Packages {
		line := terminal.Line{Name: one.Key, Total: numbers(one.Measures)[chosen]}
		_, line.Values = daysAndValues(points(one.Points), chosen)
		if one.Before != nil {
			line.Before = &numbers(*one.Before)[chosen]
		}
		answer.Lines = append(answer.Lines, line)
	}
	return answer
}

func daysAndValues(of []terminal.Point, chosen int) (days []pkgmeter.Day, values []terminal.Value) {
	for _, p := range of {
		days = append(days, p.Day)
		values = append(values, terminal.Value{N: float64(p.N[chosen]), Gap: p.Gap})
	}
	return days, values
}

// compareAdds compares adds, of which the interface has series only.
func (c *compareCmd) compareAdds(a *app, purls []string, all url.Values) (printing, error) {
	p := maps.Clone(all)
	p["package"] = purls
	p.Set("split", "package")
	raw, body, err := c.ask(a, "series", p)
	if show := c.verbatim(a, raw, body); err != nil || show != nil {
		return show, err
	}
	answer, err := c.addsComparison(a, purls, linesOf(body), all, p)
	return c.printing(a, answer), err
}

// purls returns the packages in the order in which they were typed, each once.
func (c *compareCmd) purls(a *app) (purls []string, err error) {
	for _, name := range c.Package {
		purl, err := c.named(a, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(purls, purl) {
			purls = append(purls, purl)
		}
	}
	return purls, nil
}

// addsComparison adds to the lines of packages what they are a share of, and what
// they were before.
func (c *compareCmd) addsComparison(a *app, purls []string, of lines, all, own url.Values) (*terminal.Comparison, error) {
	_, body, err := c.ask(a, "series", all)
	if err != nil {
		return nil, err
	}
	h := historyOf(body)
	before, err := c.before(a, own, h.Span)
	if err != nil {
		return nil, err
	}
	chosen := c.chosen()
	answer := &terminal.Comparison{
		Measure: h.Measures[chosen], Scale: terminal.Scale(c.Scale), Grain: grainOf(c.Grain), Span: h.Span,
	}
	answer.Days, answer.All = daysAndValues(h.Points, chosen)
	answer.Total = terminal.Sum(h.Points, chosen)
	for _, purl := range purls {
		answer.Lines = append(answer.Lines, terminal.Line{
			Name: purl, Values: of.values(purl, h.Points, chosen), Total: terminal.Sum(of[purl], chosen), Before: before[purl],
		})
	}
	return answer, nil
}
