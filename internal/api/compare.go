package api

import (
	"context"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
)

// Compare is the body of /api/v1/compare: packages beside each other, and beside
// everything that the same filters let pass.
type Compare struct {
	Packages []Compared        `json:"packages"` // in the order of the question
	Total    []Point           `json:"total"`
	Sum      pkgmeter.Measures `json:"sum"` // of the total
	Markers  []Marker          `json:"markers"`
	From     *pkgmeter.Day     `json:"from"`
	To       *pkgmeter.Day     `json:"to"`
	Complete bool              `json:"complete"`
	Rules    int               `json:"rules"`
}

// Compared is one of the packages.
type Compared struct {
	Key string `json:"key"`
	pkgmeter.Measures
	Before *pkgmeter.Measures `json:"before"` // in the equal range before; null where that is not known as a whole
	Share  float64            `json:"share"`  // of the sum, by the measure; 0 to 1
	First  *pkgmeter.Day      `json:"first"`  // of the first download, whatever the range
	Points []Point            `json:"points"`
}

func (a *API) compare(ctx context.Context, p *question) (any, error) {
	q, grain := p.query(), p.grain()
	if err := p.done(); err != nil {
		return nil, err
	}
	c, err := pkgmeter.Compare(ctx, a.Stats, q, grain)
	if err != nil {
		return nil, err
	}
	from, to := days(c.Span)
	body := Compare{
		Total: points(pkgmeter.Line{Points: c.Total}), Sum: c.Sum, Markers: markers(pkgmeter.Series{Markers: c.Markers}),
		From: from, To: to, Complete: c.Span.Complete, Rules: c.Rules,
	}
	for _, one := range c.Packages {
		line := Compared{Key: one.Package, Measures: one.Measures, Before: one.Before, Points: points(pkgmeter.Line{Points: one.Points})}
		if sum := q.Measure.Of(c.Sum); sum > 0 {
			line.Share = float64(q.Measure.Of(one.Measures)) / float64(sum)
		}
		if one.First != 0 {
			line.First = &one.First
		}
		body.Packages = append(body.Packages, line)
	}
	return &body, nil
}

// table has a row for each point of each package, with what everything had then.
func (c *Compare) table() (rows [][]string) {
	rows = append(rows, []string{"key", "day", "downloads", "hits", "bytes", "total_downloads", "total_hits", "total_bytes", "gap"})
	for _, one := range c.Packages {
		for i, p := range one.Points {
			cells := append([]string{one.Key, p.Day.String()}, measureCells(p.Measures)...)
			cells = append(cells, measureCells(c.Total[i].Measures)...)
			rows = append(rows, append(cells, strconv.FormatBool(p.Gap)))
		}
	}
	return rows
}
