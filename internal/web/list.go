package web

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
)

// Rows of a list.
const (
	listRows = 10
	longRows = 15
)

// list is one table of a page.
type list struct {
	Name  string
	Title string
	Head  string // of the first column
	Note  string
	What  string // ID of the rule, "" for none
	By    string // the measure that ranks it
	Rows  []row
	Pie   *pie // nil for none
	More  bool // there are more keys than rows
	Tools tools

	Unattributed string // what of an import is of no key, "" for none of it
}

type row struct {
	Key string // as a reader wants it
	URL string // of the page narrowed to it, "" for none
	pkgmeter.Measures
	Share int // of the largest row, percent
	Color int // of the slice in the pie; 0 for none of its own
}

// keyLabel returns what a reader is shown for a key.
func keyLabel(by pkgmeter.Key, key string) string {
	switch {
	case by == pkgmeter.ByClass:
		if class, ok := pkgmeter.ParseClass(key); ok {
			return classes[class].title
		}
	case by == pkgmeter.ByCountry && key == pkgmeter.UnknownCountry,
		key == "" && (by == pkgmeter.ByRuntime || by == pkgmeter.ByOS):
		return "(unknown)"
	case key == "":
		return "(none)"
	}
	return key
}

// leftOut names panels that the filters in force cannot be asked for, and why.
type leftOut struct{ Titles, Why string }

// lists asks for panels but for those that are hidden, and for those that the
// filters leave no counts of, which it names.
func (w *Web) lists(all []panel, hidden map[string]bool, query pkgmeter.Query, wanted wish, imported bool) (boxes []*list, left []leftOut, tasks []task) {
	for _, p := range all {
		if hidden[p.Name] || wanted.hides(p.by) {
			continue
		}
		if _, err := pkgmeter.BasisOf(query.Filter, &p.by); err != nil {
			left = leaveOut(left, p.Title, pkgmeter.PublicMessage(err))
			continue
		}
		l := &list{}
		boxes = append(boxes, l)
		tasks = append(tasks, func(ctx context.Context) error { return w.list(ctx, l, p, query, wanted, imported) })
	}
	return boxes, left, tasks
}

// hides reports whether a list would tell of people that the link to the page
// does not name.
func (w wish) hides(by pkgmeter.Key) bool {
	return w.Share != nil && (by == pkgmeter.ByConsumer || by == pkgmeter.BySource) && !sharelink.Pinned(w.Share.ShareLink, by.String())
}

// leaveOut adds a panel to those that are left out for the same reason, which is
// told without the key of the panel: its title says as much.
func leaveOut(left []leftOut, title, why string) []leftOut {
	why, _, _ = strings.Cut(why, ", not by ")
	for i := range left {
		if left[i].Why == why {
			left[i].Titles += ", " + title
			return left
		}
	}
	return append(left, leftOut{title, why})
}

// list fills a panel; it stays without a name where there is nothing to show.
func (w *Web) list(ctx context.Context, l *list, p panel, query pkgmeter.Query, wanted wish, imported bool) error {
	// What an import brought along is hits: pies that have it rank by them.
	if p.hits || p.pie && imported {
		query.Measure = pkgmeter.ByHits
	}
	top, err := w.Stats.Top(ctx, query, p.by, pkgmeter.Page{Limit: cmp.Or(p.rows, listRows)})
	if p.told && pkgmeter.CodeOf(err) == pkgmeter.Unavailable && ctx.Err() == nil {
		return nil // the past has no such counts before a recount
	}
	if err != nil || p.told && !anyKnown(p.by, top.Items) {
		return err
	}
	*l = w.newList(p, top, query.Measure, wanted)
	if p.pie {
		l.Pie = newPie(top.Items, query.Measure, top.Next == nil, query.Measure.Of(top.Total.Measures))
		for i := range min(len(l.Rows), pieSlices) {
			l.Rows[i].Color = i + 1
		}
	}
	return nil
}

// anyKnown reports whether an item has a key that says something.
func anyKnown(by pkgmeter.Key, items []pkgmeter.Item) bool {
	return slices.ContainsFunc(items, func(it pkgmeter.Item) bool {
		return it.Key != "" && (by != pkgmeter.ByCountry || it.Key != pkgmeter.UnknownCountry)
	})
}

func (w *Web) newList(p panel, top pkgmeter.TopList, measure pkgmeter.Measure, wanted wish) list {
	ranked := wanted
	ranked.Measure = measure
	l := list{
		Name: p.Name, Title: p.Title, Head: p.head, Note: p.note, What: p.what, More: top.Next != nil, By: ranked.measureName(),
		Tools: w.newTools("top", ranked, param{"by", p.by.String()}),
	}
	for _, it := range top.Items {
		to := wanted.linkTo(p.by, it.Key)
		if p.by == pkgmeter.ByPackage && it.Key != "" {
			to = w.useURL(it.Key, wanted)
		}
		l.Rows = append(l.Rows, row{Key: keyLabel(p.by, it.Key), URL: to, Measures: it.Measures})
	}
	setShares(l.Rows, measure)
	l.Unattributed = unattributed(p.by, top.Total.Unattributed)
	return l
}

// unattributed tells by how much an import's counters by a key differ from its
// count of all.
func unattributed(by pkgmeter.Key, hits int64) string {
	if hits == 0 {
		return ""
	}
	what := by.String()
	if by == pkgmeter.ByLegacyType {
		what = "file type"
	}
	if hits > 0 {
		return "Not attributed to a " + what + ": " + count(hits) + " hits from before, without a date."
	}
	return "Not attributed to a " + what + ": -" + count(-hits) + " hits from before, without a date: the import has more of them here than in all."
}

// setShares sets how long the bars of rows are.
func setShares(rows []row, measure pkgmeter.Measure) {
	var most int64 = 1
	for _, r := range rows {
		most = max(most, measure.Of(r.Measures))
	}
	for i := range rows {
		rows[i].Share = int(float64(measure.Of(rows[i].Measures)) / float64(most) * 100)
	}
}

// A box is one card of a page: one of its fields is set.
type box struct {
	List    *list
	Movers  *moverList
	Uploads *uploadList
	Older   *olderView
	Adds    *addsView
}

// boxesOf returns the boxes of the lists that have something to show.
func boxesOf(lists []*list) (boxes []box) {
	for _, l := range lists {
		if l.Name != "" {
			boxes = append(boxes, box{List: l})
		}
	}
	return boxes
}

// height is about how high the card is, in rows.
func (b box) height() int {
	switch {
	case b.List != nil && b.List.Pie != nil && len(b.List.Rows) > 0:
		return 14 + len(b.List.Rows)
	case b.List != nil:
		return 5 + len(b.List.Rows)
	case b.Movers != nil:
		return 6 + len(b.Movers.Rows)
	case b.Uploads != nil:
		return 4 + len(b.Uploads.Rows)
	}
	return 14
}

// columns deals boxes out to two columns, each to the one that is shorter so
// far: their order stays, and which are hidden does not matter.
func columns(boxes []box) [][]box {
	var cols [2][]box
	var heights [2]int
	for _, b := range boxes {
		to := 0
		if heights[1] < heights[0] {
			to = 1
		}
		cols[to] = append(cols[to], b)
		heights[to] += b.height()
	}
	if cols[1] == nil {
		return cols[:1]
	}
	return cols[:]
}
