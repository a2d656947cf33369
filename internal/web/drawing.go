package web

import "github.com/pkgmeter/pkgmeter"

// A drawing is what is asked for the chart over days.
type drawing struct {
	query pkgmeter.Query
	span  pkgmeter.Span
	grain pkgmeter.Grain
	whole pkgmeter.Series
	parts pkgmeter.Series // without lines where the bars stay plain
}

// newDrawing leaves days before the store's first one out of a long range: a
// chart of nothing but gaps says nothing.
func newDrawing(query pkgmeter.Query, span pkgmeter.Span, first pkgmeter.Day) drawing {
	if usualFrom := span.To - usualDays + 1; span.From < usualFrom {
		span.From = max(span.From, min(first, usualFrom))
	}
	query.From, query.To = span.From, span.To
	return drawing{query: query, span: span, grain: grainFor(span.To - span.From + 1)}
}

// within makes the series of a range out of that of all days, so that it need
// not be asked: a day that lies before all of them is one of which nothing is
// known.
func within(ever pkgmeter.Series, span pkgmeter.Span, grain pkgmeter.Grain) pkgmeter.Series {
	days := ever.Lines[0].Points
	var points []pkgmeter.Point
	for day := span.From; !span.Empty() && day <= span.To; day++ {
		p := pkgmeter.Point{Day: day, Gap: true}
		if len(days) > 0 && day >= days[0].Day && int(day-days[0].Day) < len(days) {
			p = days[day-days[0].Day]
		}
		at := grain.Of(day)
		if n := len(points); n == 0 || points[n-1].Day != at {
			points = append(points, pkgmeter.Point{Day: at, Gap: true})
		}
		last := &points[len(points)-1]
		last.Add(p.Measures)
		last.Gap = last.Gap && p.Gap
	}
	s := pkgmeter.Series{Lines: []pkgmeter.Line{{Points: points}}, Span: span, Rules: ever.Rules}
	for _, m := range ever.Markers {
		if m.Day >= span.From && m.Day <= span.To {
			s.Markers = append(s.Markers, m)
		}
	}
	return s
}

// panel draws plain bars, with marks.
func (d drawing) panel(name string, uploads pkgmeter.Uploads, wanted wish, today pkgmeter.Day) *days {
	v := &days{Name: name, Measure: wanted.measureName(), What: wanted.measureName()}
	v.Chart = newChart(d.whole, d.grain, wanted.Measure, d.span, today)
	v.Chart.markUploads(uploads, d.whole.Lines[0].Points, d.grain)
	v.Title = "Downloads by " + v.Chart.Grain
	if wanted.Measure == pkgmeter.ByHits {
		v.Title = "Hits by " + v.Chart.Grain
	}
	v.Switches = []choices{{"Measure", measures(wanted)}}
	return v
}

// measures are links to the page by each measure.
func measures(wanted wish) (links []choice) {
	for _, m := range []struct {
		title string
		by    pkgmeter.Measure
	}{{"Downloads", pkgmeter.ByDownloads}, {"Hits", pkgmeter.ByHits}} {
		to := wanted
		to.Measure = m.by
		links = append(links, choice{Title: m.title, URL: to.link(), Here: wanted.Measure == m.by})
	}
	return links
}

// daysOf draws the days of the overview, by class unless the bars are to be
// plain.
func (w *Web) daysOf(d drawing, uploads pkgmeter.Uploads, wanted wish, hidden bool, today pkgmeter.Day) *days {
	v := d.panel("days", uploads, wanted, today)
	grain := param{"grain", v.Chart.Grain}
	v.Tools = w.newTools("series", wanted, grain)
	if hidden {
		return v
	}
	byClass, plain := wanted, wanted
	byClass.Extra, plain.Extra = nil, []param{{looks, plainBars}}
	v.Switches = append(v.Switches, choices{"Bars", []choice{
		{Title: "By class", URL: byClass.link(), Here: wanted.Extra == nil}, {Title: "Plain", URL: plain.link(), Here: wanted.Extra != nil},
	}})
	if wanted.Extra == nil {
		v.cut("Classes of clients", classLines(d.parts.Lines, wanted), wanted.Measure)
		v.Tools = w.newTools("series", wanted, grain, param{"split", "class"})
	}
	return v
}
