package api

import (
	"context"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// adds is the measure that is of no event: it has questions and answers of its
// own.
const adds = "adds"

// addsType is the only type of packages that have adds.
const addsType = "meteor"

// AddsTotals is the body of /api/v1/totals with measure=adds.
type AddsTotals struct {
	pkgmeter.Adds
	Opening  int64         `json:"opening"` // always 0: adds have dates
	From     *pkgmeter.Day `json:"from"`    // null where there are no adds at all
	To       *pkgmeter.Day `json:"to"`
	Complete bool          `json:"complete"`
	Rules    int           `json:"rules"`
}

// AddsTop is the body of /api/v1/top with measure=adds.
type AddsTop struct {
	Items []AddsItem `json:"items"`
	Total AddsTotals `json:"total"`
	Next  *string    `json:"next"` // null after the last page
}

// AddsItem is one package or version of a top list.
type AddsItem struct {
	Key string `json:"key"`
	pkgmeter.Adds
}

// AddsSeries is the body of /api/v1/series with measure=adds. Rules change
// nothing about adds, so that it has no markers.
type AddsSeries struct {
	Points   []AddsPoint   `json:"points"`
	Markers  []Marker      `json:"markers"`
	From     *pkgmeter.Day `json:"from"`
	To       *pkgmeter.Day `json:"to"`
	Complete bool          `json:"complete"`
	Rules    int           `json:"rules"`
}

// AddsSplit is the body of /api/v1/series with measure=adds and split=.
type AddsSplit struct {
	Series   []AddsLine    `json:"series"`
	Markers  []Marker      `json:"markers"`
	From     *pkgmeter.Day `json:"from"`
	To       *pkgmeter.Day `json:"to"`
	Complete bool          `json:"complete"`
	Rules    int           `json:"rules"`
}

// AddsLine is one package or version of a split series.
type AddsLine struct {
	Key    string      `json:"key"`
	Points []AddsPoint `json:"points"`
}

// AddsPoint is one day, week or month. None is a gap: the server itself takes
// the reports.
type AddsPoint struct {
	Day pkgmeter.Day `json:"day"`
	pkgmeter.Adds
}

// answerAdds is [API.Answer] for measure=adds.
func (a *API) answerAdds(ctx context.Context, name string, p *question) (any, error) {
	p.one("measure")
	q := p.addsQuery()
	switch name {
	case "totals":
		return a.addsTotals(ctx, p, q)
	case "top":
		return a.addsTop(ctx, p, q)
	case "series":
		return a.addsSeries(ctx, p, q)
	default:
		return nil, errNoQuestion(name)
	}
}

// addsQuery reads what every question about adds has in common.
func (q *question) addsQuery() pkgmeter.AddsQuery {
	for _, name := range []string{"repository", "file", "kind", "legacy_type", "class", "client", "country"} {
		if q.has(name) {
			q.fail("the filter %s does not go with measure=adds: want package, version or type", name)
		}
	}
	for _, typ := range q.ask("type") {
		if typ != addsType {
			q.fail("type %q: only packages of the type %s have adds", typ, addsType)
		}
	}
	query := pkgmeter.AddsQuery{Packages: q.packages(), Versions: q.ask("version"), Now: q.now}
	query.From, query.To = q.days()
	return query
}

// addsKey reads by or split.
func (q *question) addsKey(name string, required bool) pkgmeter.AddsKey {
	switch s, ok := q.one(name); {
	case s == "package" && ok:
		return pkgmeter.AddsByPackage
	case s == "version" && ok:
		return pkgmeter.AddsByVersion
	case ok:
		q.fail("%s %q: want package or version with measure=adds", name, s)
	case required:
		q.fail("%s is missing: want package or version", name)
	}
	return pkgmeter.AddsInAll
}

func (a *API) addsTotals(ctx context.Context, p *question, q pkgmeter.AddsQuery) (any, error) {
	if err := p.done(); err != nil {
		return nil, err
	}
	list, err := a.Use.Adds(ctx, q, pkgmeter.AddsInAll)
	if err != nil {
		return nil, err
	}
	body := addsTotalsOf(list)
	return &body, nil
}

// addsTotalsOf sums a list: every add is in one of its rows.
func addsTotalsOf(l pkgmeter.AddsList) AddsTotals {
	from, to := days(l.Span)
	t := AddsTotals{From: from, To: to, Complete: l.Span.Complete, Rules: l.Rules}
	for _, r := range l.Rows {
		t.Add(r.Adds)
	}
	return t
}

func (a *API) addsTop(ctx context.Context, p *question, q pkgmeter.AddsQuery) (any, error) {
	by := p.addsKey("by", true)
	limit, after := p.limit(), p.cursor()
	if err := p.done(); err != nil {
		return nil, err
	}
	list, err := a.Use.Adds(ctx, q, by)
	if err != nil {
		return nil, err
	}
	body := AddsTop{Items: []AddsItem{}, Total: addsTotalsOf(list)}
	rows := list.Rows
	if after != nil {
		at := slices.IndexFunc(rows, func(r pkgmeter.AddsRow) bool {
			return r.Total < after.Value || r.Total == after.Value && r.Key > after.Key
		})
		if at < 0 {
			at = len(rows)
		}
		rows = rows[at:]
	}
	for _, r := range rows[:min(len(rows), limit)] {
		body.Items = append(body.Items, AddsItem{r.Key, r.Adds})
	}
	if len(rows) > limit {
		next := cursorText(pkgmeter.Cursor{Value: rows[limit-1].Total, Key: rows[limit-1].Key})
		body.Next = &next
	}
	return &body, nil
}

func (a *API) addsSeries(ctx context.Context, p *question, q pkgmeter.AddsQuery) (any, error) {
	grain, split := p.grain(), p.has("split")
	by := p.addsKey("split", false)
	if err := p.done(); err != nil {
		return nil, err
	}
	if split {
		list, err := a.Use.SplitAdds(ctx, q, by)
		if err != nil {
			return nil, err
		}
		from, to := days(list.Span)
		return &AddsSplit{addsLines(list, grain), []Marker{}, from, to, list.Span.Complete, list.Rules}, nil
	}
	list, err := a.Use.Adds(ctx, q, pkgmeter.AddsByDay)
	if err != nil {
		return nil, err
	}
	from, to := days(list.Span)
	return &AddsSeries{addsPoints(list.Rows, list.Span, grain), []Marker{}, from, to, list.Span.Complete, list.Rules}, nil
}

// addsLines makes a line of the rows of each key, which follow each other.
func addsLines(l pkgmeter.AddsList, grain pkgmeter.Grain) []AddsLine {
	lines := []AddsLine{}
	for rows := l.Rows; len(rows) > 0; {
		n := slices.IndexFunc(rows, func(r pkgmeter.AddsRow) bool { return r.Key != rows[0].Key })
		if n < 0 {
			n = len(rows)
		}
		lines = append(lines, AddsLine{rows[0].Key, addsPoints(rows[:n], l.Span, grain)})
		rows = rows[n:]
	}
	return lines
}

// addsPoints makes the days of rows, which are in order, a point for every grain
// of the span.
func addsPoints(rows []pkgmeter.AddsRow, span pkgmeter.Span, grain pkgmeter.Grain) []AddsPoint {
	points := []AddsPoint{}
	if span.Empty() {
		return points
	}
	for day := span.From; day <= span.To; day++ {
		if name := grain.Of(day); len(points) == 0 || points[len(points)-1].Day != name {
			points = append(points, AddsPoint{Day: name})
		}
		if len(rows) > 0 && rows[0].Day == day {
			points[len(points)-1].Add(rows[0].Adds)
			rows = rows[1:]
		}
	}
	return points
}
