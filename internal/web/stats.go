package web

import (
	"context"
	"net/http"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

const (
	chartDays = 30
	topRows   = 20
)

// statsView is what the page of counts shows.
type statsView struct {
	page
	Total  pkgmeter.Totals
	Recent pkgmeter.Measures // of the days in the chart
	Chart  chart
	Lists  []list
	Rules  int
	Now    time.Time
}

// list is one table of the page.
type list struct {
	Title string
	Head  string // of the first column
	Note  string
	Rows  []row
	More  bool // there are more keys than rows
}

type row struct {
	Key string
	pkgmeter.Measures
	Share int // of the largest row's downloads, percent
}

// ServeStats renders the page of counts.
func (w *Web) ServeStats(rw http.ResponseWriter, r *http.Request, user string) error {
	view, err := w.stats(r.Context())
	if err != nil {
		return err
	}
	view.page = page{Title: "Downloads", User: user, Version: w.Version}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "stats", view)
}

func (w *Web) stats(ctx context.Context) (*statsView, error) {
	now := w.Now().UTC()
	total, err := w.Stats.Totals(ctx, pkgmeter.Query{Now: now})
	if err != nil {
		return nil, err
	}
	today := pkgmeter.DayOf(now)
	series, err := w.Stats.Series(ctx, pkgmeter.Query{Now: now, From: today - chartDays + 1, To: today}, pkgmeter.Daily)
	if err != nil {
		return nil, err
	}
	view := &statsView{Total: total, Rules: total.Rules, Now: now, Chart: newChart(series.Lines[0].Points, today)}
	for _, p := range series.Lines[0].Points {
		view.Recent.Add(p.Measures)
	}
	for _, l := range []struct {
		by                pkgmeter.Key
		title, head, note string
	}{
		{pkgmeter.ByFile, "Top files", "File", ""},
		{pkgmeter.ByRepository, "Repositories", "Repository", ""},
		{pkgmeter.ByType, "Package types", "Type", ""},
		{pkgmeter.ByLegacyType, "File types", "Type", "By the last extension: jar, pom, crypto (checksums), other."},
	} {
		top, err := w.Stats.Top(ctx, pkgmeter.Query{Now: now}, l.by, pkgmeter.Page{Limit: topRows})
		if err != nil {
			return nil, err
		}
		view.Lists = append(view.Lists, newList(l.title, l.head, l.note, top))
	}
	return view, nil
}

func newList(title, head, note string, top pkgmeter.TopList) list {
	l := list{Title: title, Head: head, Note: note, More: top.Next != nil}
	var most int64 = 1
	for _, it := range top.Items {
		most = max(most, it.Downloads)
	}
	for _, it := range top.Items {
		l.Rows = append(l.Rows, row{it.Key, it.Measures, int(it.Downloads * 100 / most)})
	}
	return l
}
