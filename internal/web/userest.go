package web

import (
	"context"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// useTiles are the numbers of the last complete day, week and month, and of all
// days. A link to some days shows no tiles of others.
func useTiles(points []pkgmeter.Point, a useAnswers, wanted wish, view *useView) (tiles []tile) {
	by := wanted.measureName()
	first := a.store.Span.From
	last := pkgmeter.DayOf(view.Now.Add(-pkgmeter.Settling)) - 1
	for _, t := range []struct {
		title string
		days  pkgmeter.Day
	}{{"Last day", 1}, {"Last 7 days", 7}, {"Last 30 days", 30}} {
		from := last - t.days + 1
		if !wanted.shows(wish{From: from, To: last}, pkgmeter.DayOf(view.Now)) {
			continue
		}
		tile := tile{Title: t.title, Value: count(sumOf(points, from, last, wanted.Measure)), About: by + " up to " + last.String(), What: by}
		if t.days == 1 {
			tile.About = by + " on " + last.String()
		}
		if from-t.days >= first && first > 0 {
			tile.Change = newChange(sumOf(points, from, last, wanted.Measure), sumOf(points, from-t.days, from-1, wanted.Measure), t.days, "fewer")
		}
		tiles = append(tiles, tile)
	}
	about := by
	if view.First > 0 {
		about += ", the first on " + view.First.String() + ", the last on " + view.Last.String()
	}
	return append(tiles, tile{Title: "Total", Value: count(wanted.Measure.Of(a.total.Measures)), About: about, What: by})
}

func sumOf(points []pkgmeter.Point, from, to pkgmeter.Day, by pkgmeter.Measure) (sum int64) {
	for _, p := range points {
		if p.Day >= from && p.Day <= to {
			sum += by.Of(p.Measures)
		}
	}
	return sum
}

// A versionGroup is one layer of the chart of versions.
type versionGroup struct {
	title    string
	url      string // "" for none
	versions []string
}

// groups returns the latest versions, or major versions, the latest first.
func groups(versions []string, wanted wish) (all []versionGroup) {
	if slices.Contains(wanted.Extra, param{groupParam, byMajor}) {
		order, of := majors(versions)
		for _, m := range order[:min(len(order), latestLayers)] {
			all = append(all, versionGroup{majorTitle(m), "", of[m]})
		}
		return all
	}
	latest := slices.Clone(versions)
	slices.SortFunc(latest, func(a, b string) int { return compareVersions(b, a) })
	for _, v := range latest[:min(len(latest), latestLayers)] {
		all = append(all, versionGroup{v, wanted.linkTo(pkgmeter.ByVersion, v), []string{v}})
	}
	return all
}

// useRest asks for what depends on which versions there are, and puts the page
// together.
func (w *Web) useRest(ctx context.Context, view *useView, a useAnswers, query pkgmeter.Query, wanted wish, lists []*list) error {
	var versions []string
	for _, it := range a.versions.Items {
		versions = append(versions, it.Key)
	}
	span := resolved(wanted, view.Now, a.store.Span.From)
	d := newDrawing(query, span, a.store.Span.From)
	d.whole = within(a.ever, d.span, d.grain)
	var tasks []task
	layers := groups(versions, wanted)
	series := make([]pkgmeter.Series, len(layers))
	for i, g := range layers {
		q := d.query
		q.Filter.Versions = g.versions
		tasks = append(tasks, w.series(&series[i], q, d.grain))
	}
	older, asked := w.older(query, wanted, versions)
	var adds *addsView
	if wanted.Share == nil { // they are no downloads
		var err error
		if adds, err = w.useAdds(ctx, view); err != nil {
			return err
		}
	}
	if err := together(ctx, append(tasks, asked...)...); err != nil {
		return err
	}
	if !span.Empty() {
		view.Days = w.useDays(d, layers, series, a.uploads, wanted, pkgmeter.DayOf(view.Now))
		view.Script = w.script
	}
	var boxes []box
	if l := w.versionList(a.versions, wanted); l != nil {
		boxes = append(boxes, box{List: l})
	}
	if older != nil {
		boxes = append(boxes, box{Older: older})
	}
	boxes = append(boxes, boxesOf(lists)...)
	if adds != nil {
		boxes = append(boxes, box{Adds: adds})
	}
	if u := w.newUploadList(a.uploads, wanted); u != nil {
		boxes = append(boxes, box{Uploads: u})
	}
	view.Columns = columns(boxes)
	view.Data = newData(wanted.measureName(), view.Days, view.Columns)
	return nil
}

// versionList lists the versions by what was fetched.
func (w *Web) versionList(top pkgmeter.TopList, wanted wish) *list {
	if len(top.Items) == 0 {
		return nil
	}
	p := panel{Name: "versions", Title: "Versions", head: "Version", what: "package", by: pkgmeter.ByVersion}
	if more := len(top.Items) > versionsShown; more {
		top.Items, top.Next = top.Items[:versionsShown], &pkgmeter.Cursor{}
	}
	l := w.newList(p, top, wanted.Measure, wanted)
	return &l
}

// useDays draws the days of a package, by its latest versions.
func (w *Web) useDays(d drawing, layers []versionGroup, series []pkgmeter.Series, uploads pkgmeter.Uploads, wanted wish, today pkgmeter.Day) *days {
	v := d.panel("versions-days", uploads, wanted, today)
	v.Tools = w.newTools("series", wanted, param{"grain", v.Chart.Grain})
	if len(layers) == 0 {
		return v
	}
	var older, major []param
	for _, p := range wanted.Extra {
		if p.Name == olderParam {
			older = append(older, p)
		} else {
			major = append(major, p)
		}
	}
	single, grouped := wanted, wanted
	single.Extra, grouped.Extra = older, append(slices.Clone(older), param{groupParam, byMajor})
	v.Switches = append(v.Switches, choices{"Layers", []choice{
		{Title: "Versions", URL: single.link(), Here: major == nil}, {Title: "Major versions", URL: grouped.link(), Here: major != nil},
	}})
	v.Tools = w.newTools("series", wanted, param{"grain", v.Chart.Grain}, param{"split", "version"})
	rest := slices.Clone(d.whole.Lines[0].Points)
	var lines []line
	left := false
	for i, g := range layers {
		points := series[i].Lines[0].Points
		lines = append(lines, line{keyLabel(pkgmeter.ByVersion, g.title), g.url, i + 1, points})
		for j := range rest {
			rest[j].Downloads -= points[j].Downloads
			rest[j].Hits -= points[j].Hits
		}
	}
	for j := range rest { // questions see one snapshot each, and a hit may come between two
		rest[j].Downloads, rest[j].Hits = max(0, rest[j].Downloads), max(0, rest[j].Hits)
		left = left || wanted.Measure.Of(rest[j].Measures) > 0
	}
	if left {
		lines = append(lines, line{pkgmeter.OtherKey, "", 0, rest})
	}
	slices.Reverse(lines) // the latest version is on top
	v.cut("Versions", lines, wanted.Measure)
	return v
}

// useAdds returns the adds of a Meteor package, nil for none.
func (w *Web) useAdds(ctx context.Context, view *useView) (*addsView, error) {
	if view.Type != "meteor" || w.Catalog.Adds == nil {
		return nil, nil //nolint:nilnil // most packages have none
	}
	name, err := catalog.PackageOf(view.Purl)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // a purl that names no package of Meteor
	}
	about := &packageView{Name: name}
	if err := w.addAdds(ctx, about, nil); err != nil {
		return nil, err
	}
	return about.Adds, nil
}
