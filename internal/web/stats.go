package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// Rows of a list.
const (
	topRows     = 20
	clientRows  = 10
	countryRows = 15
)

// statsView is what the page of counts shows.
type statsView struct {
	page
	Problem string          // with what the URL asks for
	Chips   []chip          // filters in force
	Bare    string          // URL of the page without any filter
	All     pkgmeter.Totals // of all days, whatever the range
	Range   spanView
	Total   pkgmeter.Totals // of the range
	Change  *change         // nil where there is nothing to compare with
	Chart   chart
	Classes *classChart // nil where it is hidden, or there are no days
	Tables  []list
	Rings   []list // beside them: panels that have a ring, or are short
	Rules   int
	Now     time.Time
	Script  string // URL of the page script, "" where it was not built
	Data    data

	Admin  bool // may go to the settings
	Hidden int  // panels
}

// change compares the range with the one of the same length before it.
type change struct {
	Percent int // of the downloads before, rounded; 0 for about the same
	Days    int
}

// Fewer returns how many percent are missing.
func (c change) Fewer() int { return -c.Percent }

// list is one table of the page.
type list struct {
	Name  string
	Title string
	Head  string // of the first column
	Note  string
	What  string // ID of the rule
	By    string // the measure that ranks it
	Rows  []row
	Pie   *pie // nil for none
	More  bool // there are more keys than rows
}

type row struct {
	Key string
	URL string // of the page narrowed to it, "" for none
	pkgmeter.Measures
	Share int // of the largest row, percent
	Color int // of the slice in the pie; 0 for none of its own
}

// data is what the page script draws. Nothing else is given to it.
type data struct {
	Measure string           `json:"measure"`
	Points  []dataPoint      `json:"points"`
	Marks   []dataMark       `json:"marks"`
	Layers  []dataLayer      `json:"layers"`
	Pies    map[string]rings `json:"pies"`
}

type rings []ring

type dataPoint struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
	Text  string `json:"text"` // what a reader is told, names of days only
	Gap   bool   `json:"gap,omitempty"`
	Open  bool   `json:"open,omitempty"`
}

type dataMark struct {
	At    int    `json:"at"` // the point
	Label string `json:"label"`
	Last  bool   `json:"last,omitempty"`
}

type dataLayer struct {
	Name   string  `json:"name"`
	Color  int     `json:"color"`
	Values []int64 `json:"values"`
}

type ring struct {
	Label string `json:"label"`
	Value int64  `json:"value"`
	Text  string `json:"text"`
	Color int    `json:"color"`
}

// ServeStats renders the page of counts. A range that cannot be is answered
// with a message and the usual range.
func (w *Web) ServeStats(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	now := w.Now().UTC()
	wanted, problem := parseWish(r.URL.Query(), pkgmeter.DayOf(now))
	view, err := w.stats(r.Context(), wanted, now)
	if err != nil {
		return err
	}
	view.page = w.page(r, "Downloads", p)
	view.Admin = w.mayChange(p) == nil
	status := http.StatusOK
	if problem != nil {
		view.Problem = pkgmeter.PublicMessage(problem)
		status = httpx.Status(pkgmeter.CodeOf(problem))
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "stats", view)
}

func (w *Web) stats(ctx context.Context, wanted wish, now time.Time) (*statsView, error) {
	all, err := w.Stats.Totals(ctx, pkgmeter.Query{Now: now})
	if err != nil {
		return nil, err
	}
	view := &statsView{All: all, Total: all, Rules: all.Rules, Now: now}
	if all.Span.From == 0 && all.Hits == 0 {
		return view, nil
	}
	if all.Span.From == 0 && wanted.Days == strconv.Itoa(usualDays) {
		wanted = wish{Days: "all", Measure: wanted.Measure, Narrow: wanted.Narrow} // an import is all there is, and has no days
	}
	today := pkgmeter.DayOf(now)
	query := wanted.query()
	query.Now = now
	if !wanted.Narrow.empty() {
		if view.All, err = w.Stats.Totals(ctx, pkgmeter.Query{Now: now, Filter: query.Filter}); err != nil {
			return nil, err
		}
		view.Total = view.All
		view.Chips, view.Bare = wanted.chips(), wanted.bare()
	}
	if !wanted.all() {
		if view.Total, err = w.Stats.Totals(ctx, query); err != nil {
			return nil, err
		}
	}
	span := view.Total.Span
	view.Range = newSpanView(wanted, span, all.Span.From, today)
	if view.Change, err = w.change(ctx, view.Total, wanted, all.Span.From, now); err != nil {
		return nil, err
	}
	if err := w.panels(ctx, view, query, wanted, today); err != nil {
		return nil, err
	}
	view.Data = newData(view, wanted.measureName())
	if len(view.Chart.Bars) > 0 {
		view.Script = w.script
	}
	return view, nil
}

// panels adds what is shown below the totals, but for what is hidden.
func (w *Web) panels(ctx context.Context, view *statsView, query pkgmeter.Query, wanted wish, today pkgmeter.Day) error {
	hidden, err := w.hidden(ctx)
	if err != nil {
		return err
	}
	for _, p := range choosable() {
		if hidden[p.Name] {
			view.Hidden++
		}
	}
	if !view.Total.Span.Empty() {
		if err := w.charts(ctx, view, query, wanted, today, !hidden[classesPanel.Name]); err != nil {
			return err
		}
	}
	for _, p := range panels {
		if p.Name != "" && hidden[p.Name] {
			continue
		}
		if err := w.list(ctx, view, p, query, wanted); err != nil {
			return err
		}
	}
	return nil
}

// change compares with the days before, where the store has all of them.
func (w *Web) change(ctx context.Context, total pkgmeter.Totals, wanted wish, first pkgmeter.Day, now time.Time) (*change, error) {
	n := total.Span.To - total.Span.From + 1
	from := total.Span.From - n
	if wanted.all() || n < 1 || from < first {
		return nil, nil //nolint:nilnil // nothing to compare with is no error
	}
	before, err := w.Stats.Totals(ctx, pkgmeter.Query{From: from, To: total.Span.From - 1, Now: now, Filter: wanted.Narrow.filter()})
	if err != nil || before.Downloads == 0 {
		return nil, err
	}
	ratio := float64(total.Downloads-before.Downloads) / float64(before.Downloads)
	return &change{Percent: int(ratio*100+1000.5) - 1000, Days: int(n)}, nil
}

// charts adds the series, and the one by class. Days before the store's first
// one are left out of a long range: a chart of nothing but gaps says nothing.
func (w *Web) charts(ctx context.Context, view *statsView, query pkgmeter.Query, wanted wish, today pkgmeter.Day, byClass bool) error {
	span := view.Total.Span
	if usualFrom := span.To - usualDays + 1; span.From < usualFrom {
		span.From = max(span.From, min(view.All.Span.From, usualFrom))
	}
	query.From, query.To = span.From, span.To
	grain := grainFor(span.To - span.From + 1)
	series, err := w.Stats.Series(ctx, query, grain)
	if err != nil {
		return err
	}
	view.Chart = newChart(series, grain, query.Measure, span, today)
	if !byClass {
		return nil
	}
	if series, err = w.Stats.Split(ctx, query, grain, pkgmeter.ByClass); err != nil {
		return err
	}
	view.Classes = newClassChart(view.Chart, series.Lines, query.Measure, wanted)
	return nil
}

// list adds a panel.
func (w *Web) list(ctx context.Context, view *statsView, p panel, query pkgmeter.Query, wanted wish) error {
	// What an import brought along is hits: pies that have it rank by them.
	if p.hits || p.pie && view.Total.Opening > 0 {
		query.Measure = pkgmeter.ByHits
	}
	if _, err := pkgmeter.BasisOf(query.Filter, &p.by); err != nil {
		return nil //nolint:nilerr // there are no such counts: the panel is left out
	}
	top, err := w.Stats.Top(ctx, query, p.by, pkgmeter.Page{Limit: cmp.Or(p.rows, topRows)})
	if err != nil {
		return err
	}
	if p.by == pkgmeter.ByCountry && !anyCountry(top.Items) {
		return nil
	}
	l := newList(p, top, query.Measure, wanted)
	if p.pie {
		l.Pie = newPie(top.Items, query.Measure, top.Next == nil, query.Measure.Of(top.Total.Measures))
		for i := range min(len(l.Rows), pieSlices) {
			l.Rows[i].Color = i + 1
		}
	}
	if p.pie || p.side {
		view.Rings = append(view.Rings, l)
	} else {
		view.Tables = append(view.Tables, l)
	}
	return nil
}

// anyCountry reports whether a country is known of anything.
func anyCountry(items []pkgmeter.Item) bool {
	return slices.ContainsFunc(items, func(it pkgmeter.Item) bool { return it.Key != pkgmeter.UnknownCountry })
}

func newList(p panel, top pkgmeter.TopList, measure pkgmeter.Measure, wanted wish) list {
	l := list{
		Name: p.Name, Title: p.Title, Head: p.head, Note: p.note, What: p.what,
		More: top.Next != nil, By: wish{Measure: measure}.measureName(),
	}
	var most int64 = 1
	for _, it := range top.Items {
		most = max(most, measure.Of(it.Measures))
	}
	for _, it := range top.Items {
		l.Rows = append(l.Rows, row{
			Key: it.Key, URL: wanted.linkTo(p.by, it.Key), Measures: it.Measures, Share: int(measure.Of(it.Measures) * 100 / most),
		})
	}
	return l
}

func newData(view *statsView, measure string) data {
	d := data{Measure: measure, Points: []dataPoint{}, Marks: []dataMark{}, Layers: []dataLayer{}, Pies: map[string]rings{}}
	for _, b := range view.Chart.Bars {
		d.Points = append(d.Points, dataPoint{Name: b.Name, Value: b.Value, Text: b.Text(), Gap: b.Gap, Open: b.Open})
	}
	for _, m := range view.Chart.Marks {
		d.Marks = append(d.Marks, dataMark{m.At, m.Label, m.Last})
	}
	if view.Classes != nil {
		for _, l := range view.Classes.Layers {
			d.Layers = append(d.Layers, dataLayer{l.Title, l.Color, l.values})
		}
	}
	for _, l := range view.Rings {
		if l.Pie == nil {
			continue
		}
		rs := rings{}
		for _, s := range l.Pie.Slices {
			rs = append(rs, ring{s.Label, s.Value, s.Text() + " " + l.By, s.Color})
		}
		d.Pies[l.Name] = rs
	}
	return d
}
