package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// statsView is what the page of counts shows.
type statsView struct {
	page
	Word, Only string          // what the page is narrowed to, if it is one thing
	Problem    string          // with what the URL asks for
	Chips      []chip          // filters in force
	Bare       string          // URL of the page without any filter
	All        pkgmeter.Totals // of all days, whatever the range
	Range      spanView
	Total      pkgmeter.Totals // of the range
	Tiles      []tile
	Days       *days // nil where there are none
	Columns    [][]box
	LeftOut    []leftOut
	Rules      int
	Now        time.Time
	Script     string // URL of the page script, "" where it was not built
	Data       data

	Admin    bool   // may go to the settings
	ShareURL string // of the form that makes a link to the view, "" for who may make none
	Watch    string // where an admin has these numbers watched, "" for nowhere
	Hidden   int    // panels
}

// ServeStats renders the page of counts. A range that cannot be is answered
// with a message and the usual range.
func (w *Web) ServeStats(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	now := w.Now().UTC()
	wanted, problem := parseWish(r.URL.Query(), pkgmeter.DayOf(now))
	if wanted.Share = p.Shared; problem != nil && p.Shared != nil {
		return problem // the usual page would show more than the link does
	}
	if r.URL.Query().Get(looks) == plainBars {
		wanted.Extra = []param{{looks, plainBars}}
	}
	view := &statsView{Now: now}
	err := inTime(r.Context(), func(ctx context.Context) error { return w.stats(ctx, view, wanted) })
	if err != nil {
		return err
	}
	view.page = w.page(r, "Downloads", p)
	if word, only, ok := wanted.Narrow.one(); ok {
		view.Word, view.Only, view.Title = word, only, word+" "+label(only)
	}
	view.Admin = w.mayChange(p) == nil
	view.ShareURL = w.shareURL(p, "/stats", wanted)
	if view.Admin && w.Alerts != nil {
		view.Watch = w.watchLink(wanted)
	}
	status := http.StatusOK
	if problem != nil {
		view.Problem = pkgmeter.PublicMessage(problem)
		status = httpx.Status(pkgmeter.CodeOf(problem))
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "stats", view)
}

// The parameter that says how days are drawn, and its only value.
const (
	looks     = "chart"
	plainBars = "bars"
)

// stats fills the page: first with totals, which say of which days the rest is
// asked.
func (w *Web) stats(ctx context.Context, view *statsView, wanted wish) error {
	query := wanted.query()
	query.Now = view.Now
	var whole pkgmeter.Totals // of everything
	err := together(ctx,
		w.totals(&whole, pkgmeter.Query{Now: view.Now}),
		w.totals(&view.All, pkgmeter.Query{Now: view.Now, Filter: query.Filter}),
		w.totals(&view.Total, query))
	if err != nil {
		return err
	}
	view.Rules = whole.Rules
	if whole.Span.From == 0 && whole.Hits == 0 {
		return nil
	}
	if whole.Span.From == 0 && wanted.Days == strconv.Itoa(usualDays) {
		// An import is all there is, and has no days.
		wanted = wish{Days: "all", Measure: wanted.Measure, Narrow: wanted.Narrow, Share: wanted.Share}
		query.From, query.To, view.Total = 0, 0, view.All
	}
	view.Chips, view.Bare = wanted.chips(), wanted.bare()
	first, today := whole.Span.From, pkgmeter.DayOf(view.Now)
	view.Range = newSpanView(wanted, view.Total.Span, first, today)
	view.Range.Action = w.Base + "/stats"
	hidden, err := w.hidden(ctx)
	if err != nil {
		return err
	}
	view.Hidden = hiddenOf(hidden)
	return w.overview(ctx, view, query, wanted, hidden, first)
}

// hiddenOf counts the panels that are hidden.
func hiddenOf(hidden map[string]bool) (n int) {
	for _, p := range choosable() {
		if hidden[p.Name] {
			n++
		}
	}
	return n
}

// overview asks for everything below the totals, at once.
func (w *Web) overview(ctx context.Context, view *statsView, query pkgmeter.Query, wanted wish, hidden map[string]bool, first pkgmeter.Day) error {
	lists, left, tasks := w.lists(panels, hidden, query, wanted, view.Total.Opening > 0)
	view.LeftOut = left
	var before *pkgmeter.Totals
	if q, ok := earlier(query, view.Total.Span, first); ok && !wanted.all() {
		before = &pkgmeter.Totals{}
		tasks = append(tasks, w.totals(before, q))
	}
	var d drawing
	if !view.Total.Span.Empty() {
		d = newDrawing(query, view.Total.Span, first)
		tasks = append(tasks, w.series(&d.whole, d.query, d.grain))
		if !hidden[classesPanel.Name] && wanted.Extra == nil {
			tasks = append(tasks, w.split(&d.parts, d.query, d.grain, pkgmeter.ByClass))
		}
	}
	var movers pkgmeter.Movers
	if w.asksMovers(view, query, hidden) {
		tasks = append(tasks, w.movers(&movers, query))
	}
	var uploads pkgmeter.Uploads
	if w.asksUploads(view, query, hidden) {
		tasks = append(tasks, w.uploads(&uploads, query, uploadMarks))
	}
	// What takes long begins first.
	slices.Reverse(tasks)
	if err := together(ctx, tasks...); err != nil {
		return err
	}
	view.Tiles = view.tiles(before)
	boxes := boxesOf(lists)
	view.Columns = columns(mixed(boxes, w.moverLists(movers, hidden, wanted), w.newUploadList(uploads, wanted)))
	if d.whole.Lines != nil {
		view.Days = w.daysOf(d, uploads, wanted, hidden[classesPanel.Name], pkgmeter.DayOf(view.Now))
		view.Script = w.script
	}
	view.Data = newData(wanted.measureName(), view.Days, view.Columns)
	return nil
}

// mixed puts lists of movers and uploads behind the first few lists.
func mixed(lists []box, movers []*moverList, uploads *uploadList) []box {
	var others []box
	for _, m := range movers {
		others = append(others, box{Movers: m})
	}
	if uploads != nil {
		others = append(others, box{Uploads: uploads})
	}
	return slices.Insert(lists, min(4, len(lists)), others...)
}

// asksMovers reports whether movers are shown, and says where the filters have
// no counts of them.
func (w *Web) asksMovers(view *statsView, query pkgmeter.Query, hidden map[string]bool) bool {
	shown := false
	for _, p := range []panel{risingPanel, newPanel, stalePanel} {
		if hidden[p.Name] {
			continue
		}
		if _, err := pkgmeter.BasisOf(query.Filter, &p.by); err != nil {
			view.LeftOut = leaveOut(view.LeftOut, p.Title, pkgmeter.PublicMessage(err))
			continue
		}
		shown = true
	}
	return shown && !view.Total.Span.Empty()
}

// asksUploads is asksMovers for uploads, which are of packages only.
func (w *Web) asksUploads(view *statsView, query pkgmeter.Query, hidden map[string]bool) bool {
	if hidden[uploadsPanel.Name] || view.Total.Span.Empty() {
		return false
	}
	query.Filter.Packages = nil
	if !query.Filter.Empty() {
		view.LeftOut = leaveOut(view.LeftOut, uploadsPanel.Title, "uploads and deletions are kept by package only")
		return false
	}
	return true
}
