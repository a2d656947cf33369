package web

import (
	"context"
	"slices"

	"github.com/pkgmeter/pkgmeter"
)

// olderView tells who still uses a major version.
type olderView struct {
	Majors  []choice
	Shown   string // the one that is told of, "" for none
	Classes *list
	People  *list // consumers, nil where none is known or the filters forbid it
}

// older asks who uses the major version that the URL names.
func (w *Web) older(query pkgmeter.Query, wanted wish, versions []string) (*olderView, []task) {
	order, of := majors(versions)
	if len(order) < 2 {
		return nil, nil
	}
	v := &olderView{}
	var others []param
	shown := ""
	for _, p := range wanted.Extra {
		if p.Name == olderParam {
			shown = p.Value
		} else {
			others = append(others, p)
		}
	}
	for _, m := range order[:min(len(order), 12)] {
		to := wanted
		to.Extra = append(slices.Clone(others), param{olderParam, m})
		v.Majors = append(v.Majors, choice{Title: majorTitle(m), URL: to.link() + "#older", Here: m == shown})
	}
	if of[shown] == nil {
		return v, nil
	}
	v.Shown = majorTitle(shown)
	query.Filter.Versions = of[shown]
	for i, f := range filters {
		if f.by == pkgmeter.ByVersion {
			wanted.Narrow[i] = of[shown]
		}
	}
	classes, consumers := classesPanel, consumersPanel
	classes.Name, classes.Title = "older-classes", "By class"
	consumers.Name, consumers.Title, consumers.rows = "older-consumers", "By consumer", 50
	lists, _, tasks := w.lists([]panel{classes, consumers}, nil, query, wanted, false)
	v.Classes = lists[0]
	if len(lists) > 1 {
		v.People = lists[1]
	}
	if len(of[shown]) > maxFilterValues { // the page takes no filter of so many
		for i, ask := range tasks {
			tasks[i] = func(ctx context.Context) error {
				err := ask(ctx)
				for j := range lists[i].Rows {
					lists[i].Rows[j].URL = ""
				}
				return err
			}
		}
	}
	return v, tasks
}
