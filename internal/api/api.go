// Package api answers questions about counts in JSON. The command line prints
// the same answers.
//
// It does not know how counts are kept.
package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// API answers over HTTP. Who may ask is decided before.
type API struct {
	Stats    pkgmeter.Stats
	Searcher pkgmeter.Searcher
	Use      pkgmeter.UseStats // answers measure=adds
	Packages Packages          // answers badges
	Now      func() time.Time
}

// Handler answers the question of the given name: totals, top, series, movers,
// uploads, compare or search.
func (a *API) Handler(name string) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		params, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the query string is malformed", Err: err}
		}
		asTable, err := format(params)
		if err != nil {
			return err
		}
		v, err := a.answer(r.Context(), name, params, asTable)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		if asTable {
			return writeTable(w, name, v)
		}
		httpx.WriteJSON(w, http.StatusOK, v)
		return nil
	}
}

// Answer returns the body that answers a question: *[Totals], *[Top],
// *[Series] or *[Split], *[Movers], *[Uploads], *[Compare], *[Search]; with measure=adds *[AddsTotals],
// *[AddsTop], *[AddsSeries] or *[AddsSplit]. With format=csv it is as long as [Table] may be.
func (a *API) Answer(ctx context.Context, name string, params url.Values) (any, error) {
	asTable, err := format(params)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, name, params, asTable)
}

func (a *API) answer(ctx context.Context, name string, params url.Values, asTable bool) (any, error) {
	p := &question{values: params, now: a.Now(), most: maxLimit}
	if asTable {
		p.most = maxTableRows
		if name == "top" && !params.Has("limit") {
			params.Set("limit", strconv.Itoa(maxTableRows))
		}
	}
	switch {
	case params.Get("measure") == adds:
		return a.answerAdds(ctx, name, p)
	case name == "totals":
		return a.totals(ctx, p)
	case name == "top":
		return a.top(ctx, p)
	case name == "series":
		return a.series(ctx, p)
	case name == "movers":
		return a.movers(ctx, p)
	case name == "uploads":
		return a.uploads(ctx, p)
	case name == "compare":
		return a.compare(ctx, p)
	case name == "search":
		return a.search(ctx, p)
	default:
		return nil, errNoQuestion(name)
	}
}

func errNoQuestion(name string) error {
	return pkgmeter.Errorf(pkgmeter.NotFound, "there is no question %q", name)
}

// Totals is the body of /api/v1/totals.
type Totals struct {
	pkgmeter.Measures
	Opening  int64         `json:"opening"`
	From     *pkgmeter.Day `json:"from"` // null for an empty store
	To       *pkgmeter.Day `json:"to"`
	Complete bool          `json:"complete"`
	Rules    int           `json:"rules"`
}

// Top is the body of /api/v1/top.
type Top struct {
	Items []Item  `json:"items"`
	Total Totals  `json:"total"`
	Next  *string `json:"next"` // null after the last page
}

// Item is one key of a top list.
type Item struct {
	Key string `json:"key"`
	pkgmeter.Measures
}

// Series is the body of /api/v1/series.
type Series struct {
	Points   []Point       `json:"points"`
	Markers  []Marker      `json:"markers"`
	From     *pkgmeter.Day `json:"from"`
	To       *pkgmeter.Day `json:"to"`
	Complete bool          `json:"complete"`
	Rules    int           `json:"rules"`
}

// Split is the body of /api/v1/series with split=.
type Split struct {
	Series   []Line        `json:"series"`
	Markers  []Marker      `json:"markers"`
	From     *pkgmeter.Day `json:"from"`
	To       *pkgmeter.Day `json:"to"`
	Complete bool          `json:"complete"`
	Rules    int           `json:"rules"`
}

// Line is one key of a split series.
type Line struct {
	Key    string  `json:"key"`
	Points []Point `json:"points"`
}

// Marker is a change of the rules of counting.
type Marker struct {
	Day   pkgmeter.Day `json:"day"`
	Rules int          `json:"rules"` // the rule set from then on
}

// Point is one day, week or month.
type Point struct {
	Day pkgmeter.Day `json:"day"`
	pkgmeter.Measures
	Gap bool `json:"gap,omitempty"`
}

func (a *API) totals(ctx context.Context, p *question) (any, error) {
	q := p.query()
	if err := p.done(); err != nil {
		return nil, err
	}
	t, err := a.Stats.Totals(ctx, q)
	if err != nil {
		return nil, err
	}
	body := totalsOf(t)
	return &body, nil
}

func totalsOf(t pkgmeter.Totals) Totals {
	from, to := days(t.Span)
	return Totals{t.Measures, t.Opening, from, to, t.Span.Complete, t.Rules}
}

// days returns nil for both ends of an empty store.
func days(s pkgmeter.Span) (from, to *pkgmeter.Day) {
	if s.From == 0 {
		return nil, nil
	}
	return &s.From, &s.To
}

func (a *API) top(ctx context.Context, p *question) (any, error) {
	q := p.query()
	by := p.key("by", true)
	page := pkgmeter.Page{Limit: p.limit(), After: p.cursor()}
	if err := p.done(); err != nil {
		return nil, err
	}
	list, err := a.Stats.Top(ctx, q, by, page)
	if err != nil {
		return nil, err
	}
	body := Top{Items: make([]Item, len(list.Items)), Total: totalsOf(list.Total)}
	for i, it := range list.Items {
		body.Items[i] = Item{it.Key, it.Measures}
	}
	if list.Next != nil {
		next := cursorText(*list.Next)
		body.Next = &next
	}
	return &body, nil
}

func (a *API) series(ctx context.Context, p *question) (any, error) {
	q, grain := p.query(), p.grain()
	split := p.has("split")
	by := p.key("split", false)
	if err := p.done(); err != nil {
		return nil, err
	}
	if split {
		s, err := a.Stats.Split(ctx, q, grain, by)
		if err != nil {
			return nil, err
		}
		from, to := days(s.Span)
		body := Split{make([]Line, len(s.Lines)), markers(s), from, to, s.Span.Complete, s.Rules}
		for i, l := range s.Lines {
			body.Series[i] = Line{l.Key, points(l)}
		}
		return &body, nil
	}
	s, err := a.Stats.Series(ctx, q, grain)
	if err != nil {
		return nil, err
	}
	from, to := days(s.Span)
	return &Series{points(s.Lines[0]), markers(s), from, to, s.Span.Complete, s.Rules}, nil
}

func points(l pkgmeter.Line) []Point {
	ps := make([]Point, len(l.Points))
	for i, p := range l.Points {
		ps[i] = Point{p.Day, p.Measures, p.Gap}
	}
	return ps
}

func markers(s pkgmeter.Series) []Marker {
	ms := make([]Marker, len(s.Markers))
	for i, m := range s.Markers {
		ms[i] = Marker(m)
	}
	return ms
}
