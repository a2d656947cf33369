package main

import (
	"maps"
	"net/url"
	"slices"

	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// maxCompared is how many packages the eye can tell from each other.
const maxCompared = 8

type compareCmd struct {
	Package []string `arg:"" name:"package" sep:"none" help:"Up to eight purls, or names that are those of one package only."`
	Grain   string   `placeholder:"GRAIN" help:"day, week or month (default day)."`
	Scale   string   `enum:"linear,log,index,share" default:"linear" placeholder:"NAME" help:"linear, log, index (100 is the first of each) or share (of all that the filters let pass) (default linear)."`
	filters
}

// Run prints several packages beside each other.
func (c *compareCmd) Run(a *app) error {
	if n := len(c.Package); n > maxCompared {
		return usage("%d packages: want up to %d", n, maxCompared)
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
	all := maps.Clone(p)
	p["package"] = purls
	p.Set("split", "package")
	raw, body, err := c.ask(a, "series", p)
	if show := c.verbatim(a, raw, body); err != nil || show != nil {
		return show, err
	}
	answer, err := c.comparison(a, purls, linesOf(body), all, p)
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

// comparison adds to the lines of packages what they are a share of, and what
// they were before.
func (c *compareCmd) comparison(a *app, purls []string, of lines, all, own url.Values) (*terminal.Comparison, error) {
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
	for _, p := range h.Points {
		answer.Days = append(answer.Days, p.Day)
		answer.All = append(answer.All, terminal.Value{N: float64(p.N[chosen]), Gap: p.Gap})
	}
	answer.Total = terminal.Sum(h.Points, chosen)
	for _, purl := range purls {
		answer.Lines = append(answer.Lines, terminal.Line{
			Name: purl, Values: of.values(purl, h.Points, chosen), Total: terminal.Sum(of[purl], chosen), Before: before[purl],
		})
	}
	return answer, nil
}
