package main

import (
	"encoding/json"
	"net/url"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// ask asks a question, and decodes what the HTTP interface answers.
func (f *filters) ask(a *app, name string, p url.Values) (raw json.RawMessage, body any, err error) {
	if raw, err = a.question(name, p); err != nil {
		return nil, nil, err
	}
	switch split := p.Has("split"); {
	case name == "compare":
		body = new(api.Compare)
	case name == "top" && f.adds():
		body = new(api.AddsTop)
	case name == "top":
		body = new(api.Top)
	case split && f.adds():
		body = new(api.AddsSplit)
	case split:
		body = new(api.Split)
	case f.adds():
		body = new(api.AddsSeries)
	default:
		body = new(api.Series)
	}
	return raw, body, json.Unmarshal(raw, body)
}

// verbatim prints an answer as the HTTP interface gives it, where that is wanted;
// otherwise it is nil.
func (f *filters) verbatim(a *app, raw json.RawMessage, body any) printing {
	switch {
	case f.JSON:
		return func() error { return a.print(raw) }
	case f.CSV:
		return func() error { return f.writeCSV(a, api.Table(body)) }
	}
	return nil
}

// chosen is which of the numbers of an answer the question is about.
func (f *filters) chosen() int {
	switch f.Measure {
	case "hits", "adds": // of adds, the total orders
		return 1
	case "bytes":
		return 2
	default:
		return 0
	}
}

func eventMeasures() []string { return []string{"downloads", "hits", "bytes"} }

func addsMeasures() []string { return []string{"direct", "total"} }

func numbers(m pkgmeter.Measures) []int64 { return []int64{m.Downloads, m.Hits, m.Bytes} }

func addsNumbers(a pkgmeter.Adds) []int64 { return []int64{a.Direct, a.Total} }

func spanOf(from, to *pkgmeter.Day, complete bool) pkgmeter.Span {
	if from == nil || to == nil {
		return pkgmeter.Span{Complete: true}
	}
	return pkgmeter.Span{From: *from, To: *to, Complete: complete}
}

// listOf makes a list of an answer to top.
func listOf(body any) *terminal.List {
	l := &terminal.List{}
	switch b := body.(type) {
	case *api.Top:
		l.Measures, l.Total, l.More = eventMeasures(), numbers(b.Total.Measures), b.Next != nil
		l.Span = spanOf(b.Total.From, b.Total.To, b.Total.Complete)
		for _, it := range b.Items {
			l.Items = append(l.Items, terminal.Item{Name: it.Key, N: numbers(it.Measures)})
		}
	case *api.AddsTop:
		l.Measures, l.Total, l.More = addsMeasures(), addsNumbers(b.Total.Adds), b.Next != nil
		l.Span = spanOf(b.Total.From, b.Total.To, b.Total.Complete)
		for _, it := range b.Items {
			l.Items = append(l.Items, terminal.Item{Name: it.Key, N: addsNumbers(it.Adds)})
		}
	}
	return l
}

// historyOf makes a history of an answer to series.
func historyOf(body any) *terminal.History {
	h := &terminal.History{}
	switch b := body.(type) {
	case *api.Series:
		h.Measures, h.Points, h.Span = eventMeasures(), points(b.Points), spanOf(b.From, b.To, b.Complete)
		for _, m := range b.Markers {
			h.Markers = append(h.Markers, pkgmeter.Marker(m))
		}
	case *api.AddsSeries:
		h.Measures, h.Points, h.Span = addsMeasures(), addsPoints(b.Points), spanOf(b.From, b.To, b.Complete)
	}
	return h
}

func points(of []api.Point) []terminal.Point {
	all := make([]terminal.Point, len(of))
	for i, p := range of {
		all[i] = terminal.Point{Day: p.Day, N: numbers(p.Measures), Gap: p.Gap}
	}
	return all
}

func addsPoints(of []api.AddsPoint) []terminal.Point {
	all := make([]terminal.Point, len(of))
	for i, p := range of {
		all[i] = terminal.Point{Day: p.Day, N: addsNumbers(p.Adds)}
	}
	return all
}

// lines are the points of each key of a split series.
type lines map[string][]terminal.Point

func linesOf(body any) lines {
	all := lines{}
	switch b := body.(type) {
	case *api.Split:
		for _, l := range b.Series {
			all[l.Key] = points(l.Points)
		}
	case *api.AddsSplit:
		for _, l := range b.Series {
			all[l.Key] = addsPoints(l.Points)
		}
	}
	return all
}

// values returns a number of a key for each of the points of all keys. A key
// without a line had nothing.
func (l lines) values(key string, all []terminal.Point, chosen int) []terminal.Value {
	own := map[pkgmeter.Day]int64{}
	for _, p := range l[key] {
		own[p.Day] = p.N[chosen]
	}
	values := make([]terminal.Value, len(all))
	for i, p := range all {
		values[i] = terminal.Value{N: float64(own[p.Day]), Gap: p.Gap}
	}
	return values
}

// before asks how much of each package there was in the days before a span, of
// the same number. It answers nothing where the store does not have all of them.
func (f *filters) before(a *app, p url.Values, span pkgmeter.Span) (sums map[string]*int64, err error) {
	if span.Empty() {
		return sums, nil
	}
	_, body, err := f.ask(a, "top", url.Values{"by": {"package"}, "limit": {"1"}, "measure": p["measure"]})
	if err != nil {
		return nil, err
	}
	from, first := span.From-(span.To-span.From+1), listOf(body).Span.From
	if first == 0 || from < first {
		return sums, nil
	}
	q := url.Values{}
	for name, v := range p {
		if !slices.Contains([]string{"grain", "split", "format"}, name) {
			q[name] = v
		}
	}
	q.Set("by", "package")
	q.Set("from", from.String())
	q.Set("to", (span.From - 1).String())
	if _, body, err = f.ask(a, "top", q); err != nil {
		return nil, err
	}
	sums = map[string]*int64{}
	for _, it := range listOf(body).Items {
		sums[it.Name] = &it.N[f.chosen()]
	}
	return sums, nil
}

// named returns the canonical purl of what the user typed, among those that the
// question can be about.
func (f *filters) named(a *app, name string) (string, error) {
	if f.adds() {
		return a.meteorPackage(name)
	}
	return a.packageNamed(name)
}

func grainOf(name string) pkgmeter.Grain {
	switch name {
	case "week":
		return pkgmeter.Weekly
	case "month":
		return pkgmeter.Monthly
	default:
		return pkgmeter.Daily
	}
}
