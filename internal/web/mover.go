package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Rows of the lists of movers and uploads, and how many uploads are marked, and
// as many deletions.
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

// uploadList is what was uploaded and deleted last.
type uploadList struct {
	Rows []uploadRow // the latest first
	More bool
	Own  bool // all are of the package that the page is about

	Name, Title string
	Tools       tools
}

type uploadRow struct {
	Day          pkgmeter.Day
	What         string // happened to the files
	Package, URL string
	Version      string
	Files        int64
}

// newUploadList lists the last uploads and deletions, nil if there are none. all
// has the oldest first.
func (w *Web) newUploadList(all pkgmeter.Uploads, wanted wish) *uploadList {
	n := len(all.Uploaded) + len(all.Deleted)
	if n == 0 {
		return nil
	}
	l := &uploadList{More: n > uploadRows, Own: wanted.About, Name: uploadsPanel.Name, Title: uploadsPanel.Title}
	var packages []param
	for _, purl := range wanted.Narrow.filter().Packages {
		packages = append(packages, param{"package", purl})
	}
	l.Tools = w.newTools("uploads", wish{From: wanted.From, To: wanted.To, Share: wanted.Share}, packages...)
	add := func(what string, some []pkgmeter.DayFiles) {
		for _, u := range slices.Backward(some[max(0, len(some)-uploadRows):]) {
			l.Rows = append(l.Rows, uploadRow{u.Day, what, u.Package, w.useURL(u.Package, wanted), keyLabel(pkgmeter.ByVersion, u.Version), u.Files})
		}
	}
	add("deleted", all.Deleted)
	add("uploaded", all.Uploaded)
	slices.SortStableFunc(l.Rows, func(a, b uploadRow) int { return cmp.Compare(b.Day, a.Day) })
	l.Rows = l.Rows[:min(len(l.Rows), uploadRows)]
	return l
}

// uploadMark stands below the bars of a day, week or month with uploads, or with
// deletions.
type uploadMark struct {
	At    int // the bar
	X     float64
	Label string // made harmless for drawing
}

// besideBy is by how much two marks of one bar give way to each other.
const besideBy = 4.5

// markUploads adds marks for uploads and for deletions, one of each a bar.
func (c *chart) markUploads(all pkgmeter.Uploads, points []pkgmeter.Point, grain pkgmeter.Grain) {
	// The day of which only the last ones were told is marked all the same.
	c.FewUploads, c.FewDeletions = len(all.Uploaded) == uploadMarks, len(all.Deleted) == uploadMarks
	bars := make(map[pkgmeter.Day]int, len(points))
	for i, p := range points {
		bars[p.Day] = i
	}
	c.Uploads = c.fileMarks("uploads", all.Uploaded, bars, grain)
	c.Deletions = c.fileMarks("deletions", all.Deleted, bars, grain)
	for i := range c.Deletions {
		at, ok := slices.BinarySearchFunc(c.Uploads, c.Deletions[i].At, func(m uploadMark, at int) int { return cmp.Compare(m.At, at) })
		if ok {
			c.Uploads[at].X -= besideBy
			c.Deletions[i].X += besideBy
		}
	}
}

// fileMarks returns a mark for each of the bars to which a day belongs on which
// something happened to files, in the order of bars.
func (c *chart) fileMarks(what string, all []pkgmeter.DayFiles, bars map[pkgmeter.Day]int, grain pkgmeter.Grain) (marks []uploadMark) {
	names, counts := map[int][]string{}, map[int]int{}
	for _, u := range all {
		at, ok := bars[grain.Of(u.Day)]
		if !ok {
			continue
		}
		if counts[at]++; counts[at] <= 3 {
			names[at] = append(names[at], strings.TrimSpace(packageName(u.Package)+" "+u.Version))
		}
	}
	for at, b := range c.Bars {
		if counts[at] == 0 {
			continue
		}
		text := strings.Join(names[at], ", ")
		if counts[at] > len(names[at]) {
			text = fmt.Sprintf("%d %s: %s, …", counts[at], what, text)
		}
		marks = append(marks, uploadMark{At: at, X: b.X + b.Width/2, Label: label(text)})
	}
	return marks
}
