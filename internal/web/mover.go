package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Rows of the lists of movers and uploads, and how many uploads are marked.
const (
	moverRows   = 8
	uploadRows  = 10
	uploadMarks = 500
)

// moverList is a list of packages whose use changes.
type moverList struct {
	Name, Title, Note string
	By                string
	Rows              []moverRow
	Tools             tools
}

type moverRow struct {
	Key, URL    string
	Now, Before int64  // by the measure
	Change      string // "" where there is nothing to compare with
}

// movers asks for the packages that rise, are new, or go stale.
func (w *Web) movers(to *pkgmeter.Movers, query pkgmeter.Query) task {
	return func(ctx context.Context) (err error) {
		*to, err = w.Stats.Movers(ctx, query, moverRows)
		return err
	}
}

// moverLists returns the lists of movers that have any.
func (w *Web) moverLists(m pkgmeter.Movers, hidden map[string]bool, wanted wish) (lists []*moverList) {
	days := fmt.Sprintf("%d days from %s to %s", m.Span.To-m.Span.From+1, m.Span.From, m.Span.To)
	by := wanted.measureName()
	for _, l := range []struct {
		panel  panel
		note   string
		movers []pkgmeter.Mover
	}{
		{risingPanel, fmt.Sprintf("At least %d %s in the %s, and %s times as many as in as many days before.", pkgmeter.RisingLeast, by, days, strconv.FormatFloat(pkgmeter.RisingFactor/100.0, 'f', -1, 64)), m.Rising},
		{newPanel, fmt.Sprintf("With their first hit in the %d days up to %s.", pkgmeter.NewDays, m.Span.To), m.New},
		{stalePanel, fmt.Sprintf("Still fetched, and in the %d days up to %s no file of them had its first hit.", pkgmeter.StaleDays, m.Span.To), m.Stale},
	} {
		if hidden[l.panel.Name] || len(l.movers) == 0 {
			continue
		}
		list := &moverList{Name: l.panel.Name, Title: l.panel.Title, Note: l.note, By: by, Tools: w.newTools("movers", wanted)}
		for _, m := range l.movers {
			r := moverRow{Key: keyLabel(pkgmeter.ByPackage, m.Key), URL: w.useURL(m.Key, wanted), Now: wanted.Measure.Of(m.Now), Before: wanted.Measure.Of(m.Before)}
			if r.Before > 0 {
				r.Change = fmt.Sprintf("%+d %%", percent(r.Now, r.Before))
			}
			list.Rows = append(list.Rows, r)
		}
		lists = append(lists, list)
	}
	return lists
}

// uploadList is what was uploaded last.
type uploadList struct {
	Rows []uploadRow // the latest first
	More bool
	Own  bool // all are of the package that the page is about

	Name, Title string
	Tools       tools
}

type uploadRow struct {
	Day          pkgmeter.Day
	Package, URL string
	Version      string
	Files        int64
}

// newUploadList lists the last uploads, nil if there are none. all has the
// oldest first.
func (w *Web) newUploadList(all []pkgmeter.Uploaded, wanted wish) *uploadList {
	if len(all) == 0 {
		return nil
	}
	l := &uploadList{More: len(all) > uploadRows, Own: wanted.About, Name: "uploads", Title: "Recent uploads"}
	var packages []param
	for _, purl := range wanted.Narrow.filter().Packages {
		packages = append(packages, param{"package", purl})
	}
	l.Tools = w.newTools("uploads", wish{From: wanted.From, To: wanted.To, Share: wanted.Share}, packages...)
	for _, u := range slices.Backward(all[max(0, len(all)-uploadRows):]) {
		l.Rows = append(l.Rows, uploadRow{u.Day, u.Package, w.useURL(u.Package, wanted), keyLabel(pkgmeter.ByVersion, u.Version), u.Files})
	}
	return l
}

// uploadMark stands below the bars of a day, week or month with uploads.
type uploadMark struct {
	At    int // the bar
	X     float64
	Label string // made harmless for drawing

	names []string
	n     int
}

// markUploads adds marks for uploads, one a bar.
func (c *chart) markUploads(all []pkgmeter.Uploaded, points []pkgmeter.Point, grain pkgmeter.Grain) {
	bars := make(map[pkgmeter.Day]int, len(points))
	for i, p := range points {
		bars[p.Day] = i
	}
	marks := map[int]*uploadMark{}
	// The day of which only the last uploads were told is marked all the same.
	c.FewUploads = len(all) == uploadMarks
	for _, u := range all {
		at, ok := bars[grain.Of(u.Day)]
		if !ok {
			continue
		}
		m := marks[at]
		if m == nil {
			m = &uploadMark{At: at, X: c.Bars[at].X + c.Bars[at].Width/2}
			marks[at] = m
		}
		if m.n++; m.n <= 3 {
			m.names = append(m.names, strings.TrimSpace(packageName(u.Package)+" "+u.Version))
		}
	}
	for at := range c.Bars {
		if m := marks[at]; m != nil {
			text := strings.Join(m.names, ", ")
			if m.n > len(m.names) {
				text = fmt.Sprintf("%d uploads: %s, …", m.n, text)
			}
			m.Label = label(text)
			c.Uploads = append(c.Uploads, *m)
		}
	}
}
