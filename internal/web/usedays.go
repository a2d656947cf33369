package web

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// Bounds of the page of a package.
const (
	maxVersions   = 1000 // that it looks at
	latestLayers  = 5    // layers of the chart that are not "other"
	versionsShown = 20
	rankedLimit   = 100
)

// useAnswers are the answers to what is asked of a package first.
type useAnswers struct {
	ever     pkgmeter.Series // day by day, whatever the range
	total    pkgmeter.Totals
	store    pkgmeter.Totals // of everything
	versions pkgmeter.TopList
	ranking  pkgmeter.TopList
	uploads  pkgmeter.Uploads
}

// use fills the page; known is false if there is no such package.
func (w *Web) use(ctx context.Context, view *useView, wanted wish) (known bool, err error) {
	query := wanted.query()
	query.Now = view.Now
	always := query
	always.From, always.To = 0, 0
	others := query
	others.Filter.Packages = nil
	hidden, err := w.hidden(ctx)
	if err != nil {
		return false, err
	}
	var a useAnswers
	byVersion := pkgmeter.ByVersion
	_, noVersions := pkgmeter.BasisOf(query.Filter, &byVersion)
	lists, left, tasks := w.lists(aboutPackage, hidden, query, wanted, false)
	tasks = append(tasks,
		w.series(&a.ever, always, pkgmeter.Daily), w.totals(&a.total, always), w.totals(&a.store, pkgmeter.Query{Now: view.Now}),
		w.top(&a.ranking, others, pkgmeter.ByPackage, rankedLimit))
	if !wanted.narrowed() {
		tasks = append(tasks, w.uploads(&a.uploads, query, uploadMarks))
	}
	if noVersions == nil {
		tasks = append(tasks, w.top(&a.versions, query, pkgmeter.ByVersion, maxVersions))
	} else {
		left = leaveOut(left, "Versions", pkgmeter.PublicMessage(noVersions))
	}
	slices.Reverse(tasks)
	if err := together(ctx, tasks...); err != nil {
		return false, err
	}
	if a.total.Hits == 0 {
		same, err := w.Stats.PackagesNamed(ctx, lastName(view.Purl), maxVersions)
		if err != nil || !slices.Contains(same, view.Purl) {
			return false, err
		}
	}
	view.LeftOut, view.Rules, view.MoreVersions = left, a.store.Rules, a.versions.Next != nil
	w.useHead(view, a, wanted)
	return true, w.useRest(ctx, view, a, query, wanted, lists)
}

// narrowed reports whether a link shows less of a package than all there is. What
// is kept by package only would tell of the rest.
func (w wish) narrowed() bool {
	if w.Share == nil {
		return false
	}
	for i, values := range w.Narrow {
		if len(values) > 0 && filters[i].by != pkgmeter.ByPackage {
			return true
		}
	}
	return false
}

// lastName returns what stands behind the last slash of a purl.
func lastName(purl string) string { return purl[strings.LastIndexByte(purl, '/')+1:] }

// resolved returns the days that are asked for, in a store whose first hit was
// on first.
func resolved(wanted wish, now time.Time, first pkgmeter.Day) pkgmeter.Span {
	q := wanted.query()
	q.Now = now
	return q.Resolve(first)
}

// useHead fills what stands above the chart.
func (w *Web) useHead(view *useView, a useAnswers, wanted wish) {
	first, today := a.store.Span.From, pkgmeter.DayOf(view.Now)
	view.Chips, view.Bare = wanted.chips(), wanted.bare()
	view.Range = newSpanView(wanted, resolved(wanted, view.Now, first), first, today)
	view.Range.Action = w.Base + "/stats/package"
	elsewhere := wanted
	elsewhere.About, elsewhere.Extra = false, nil
	view.Overview = w.Base + "/stats" + elsewhere.link()
	view.Compare = w.Base + "/stats/compare" + elsewhere.link()
	view.Badge = w.badgesURL(view.Purl)
	if view.Type == "meteor" && w.hasCatalog() {
		if name, err := catalog.PackageOf(view.Purl); err == nil {
			view.Catalog = w.packageURL(name)
		}
	}
	for i, it := range a.ranking.Items {
		if it.Key == view.Purl {
			view.Rank = i + 1
		}
	}
	points := a.ever.Lines[0].Points
	for _, p := range points {
		if wanted.Measure.Of(p.Measures) == 0 {
			continue
		}
		if view.First == 0 {
			view.First = p.Day
		}
		view.Last = p.Day
	}
	view.Tiles = useTiles(points, a, wanted, view)
}
