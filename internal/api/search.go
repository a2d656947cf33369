package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Search is the body of /api/v1/search.
type Search struct {
	Groups []Hits        `json:"groups"`
	From   *pkgmeter.Day `json:"from"` // first and last day of the series of hits
	To     *pkgmeter.Day `json:"to"`
}

// Hits are those of one kind, the best first.
type Hits struct {
	By    string `json:"by"`
	Items []Hit  `json:"items"`
	More  bool   `json:"more"`
	Part  bool   `json:"part,omitempty"` // not all names were looked at: there are too many
}

// Hit is a name that was found, with its counts of all days.
type Hit struct {
	Key       string   `json:"key"`
	Downloads int64    `json:"downloads"`
	Hits      int64    `json:"hits"`
	Days      []*int64 `json:"days"` // the measure on each of the last days; null: no source reported
}

// search takes no filter but repositories, whose counts are then those of hits.
func (a *API) search(ctx context.Context, p *question) (any, error) {
	text, given := p.one("q")
	search := pkgmeter.Search{Text: strings.TrimSpace(text), Limit: defaultLimit, Measure: p.measure(), Repositories: p.ask("repository"), Now: p.now}
	if search.Measure == pkgmeter.ByBytes {
		p.fail("measure %q: want downloads or hits", "bytes")
	}
	if !given {
		p.fail("q is missing: want 1 to %d characters to search for", pkgmeter.MaxSearch)
	}
	if limit, ok := p.one("limit"); ok {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > pkgmeter.MaxHits {
			p.fail("limit %q: want 1 to %d hits of each group", limit, pkgmeter.MaxHits)
		}
		search.Limit = n
	}
	if err := p.done(); err != nil {
		return nil, err
	}
	found, err := a.Searcher.Search(ctx, search)
	if err != nil {
		return nil, err
	}
	from, to := days(found.Span)
	body := Search{From: from, To: to}
	for _, g := range found.Groups {
		hits := Hits{By: g.By.String(), Items: make([]Hit, len(g.Hits)), More: g.More, Part: g.Part}
		for i, h := range g.Hits {
			hits.Items[i] = Hit{h.Key, h.Downloads, h.Hits, daysOf(h, found.Gaps)}
		}
		body.Groups = append(body.Groups, hits)
	}
	return &body, nil
}

func daysOf(h pkgmeter.Hit, gaps []bool) []*int64 {
	days := make([]*int64, len(h.Days))
	for i := range h.Days {
		if i >= len(gaps) || !gaps[i] {
			days[i] = &h.Days[i]
		}
	}
	return days
}

// table leaves the days out: they are a drawing.
func (s *Search) table() (rows [][]string) {
	rows = append(rows, []string{"by", "key", "downloads", "hits"})
	for _, g := range s.Groups {
		for _, it := range g.Items {
			rows = append(rows, []string{g.By, it.Key, text(it.Downloads), text(it.Hits)})
		}
	}
	return rows
}
