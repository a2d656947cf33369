package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// compareView is what the page that compares packages shows.
type compareView struct {
	page
	Problem  string // with what the URL asks for
	Said     string // what was to be added
	Offers   []offer
	Tried    bool // there was something to add, and it is not clear what
	Chips    []chip
	Bare     string
	Range    spanView
	Rows     []compareRow
	Full     bool // no more can be added
	Max      int
	Sum      int64 // of everything, by the measure
	Measure  string
	Kept     []param // what the form that adds a package sends along
	Switches []choices
	Note     string
	Tools    tools
	Name     string // of the panel
	Title    string
	Lines    *lines // nil where there are none
	Rules    int
	Now      time.Time
	Script   string
	Data     data
}

// An offer is a package that can be added.
type offer struct {
	Name, URL string
	Downloads int64
}

// compareRow is one of the packages.
type compareRow struct {
	Name, Purl, URL string
	Remove          string // URL of the page without it
	Place, Color    int
	Value           int64 // by the measure
	Change          string
	Share           string
	First           string // day of the first download, "" for none
	Unknown         bool   // it never had a hit
}

// ServeCompare shows packages beside each other. All of it is in the URL; the
// parameter add is resolved first, and gone then.
func (w *Web) ServeCompare(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	rw.Header().Set("Cache-Control", "no-store")
	values, now := r.URL.Query(), w.Now().UTC()
	view := &compareView{page: w.page(r, "Compare packages", p), Now: now, Name: "compare", Max: pkgmeter.MaxCompared}
	wanted, problem := parseWish(values, pkgmeter.DayOf(now))
	wanted.About = true
	at, err := parseScale(values.Get(scaleParam))
	if problem == nil {
		problem = err
	}
	if at != linear {
		wanted.Extra = []param{{scaleParam, scales[at].name}}
	}
	added := ""
	err = inTime(r.Context(), func(ctx context.Context) (err error) {
		if said := strings.TrimSpace(values.Get("add")); said != "" && problem == nil {
			if added, err = w.resolve(ctx, view, said, wanted); err != nil || added != "" {
				return err
			}
		}
		return w.compare(ctx, view, wanted, at, &problem)
	})
	if err != nil {
		return err
	}
	if added != "" {
		http.Redirect(rw, r, w.Base+"/stats/compare"+withPackage(wanted, added).link(), http.StatusSeeOther) //nolint:gosec // it begins with a path of this server
		return nil
	}
	status := http.StatusOK
	if problem != nil {
		view.Problem = pkgmeter.PublicMessage(problem)
		status = httpx.Status(pkgmeter.CodeOf(problem))
	}
	return w.renderStatus(rw, status, "compare", view)
}

// packagesOf returns the packages that a page is narrowed to.
func (w wish) packagesOf() []string { return w.Narrow[packageFilter()] }

// packageFilter is the place of the filter by package.
func packageFilter() int {
	for i, f := range filters {
		if f.by == pkgmeter.ByPackage {
			return i
		}
	}
	return -1
}

func withPackage(wanted wish, purl string) wish {
	i := packageFilter()
	if !slices.Contains(wanted.Narrow[i], purl) {
		wanted.Narrow[i] = append(slices.Clone(wanted.Narrow[i]), purl)
	}
	return wanted
}

func withoutPackage(wanted wish, purl string) wish {
	i := packageFilter()
	wanted.Narrow[i] = slices.DeleteFunc(slices.Clone(wanted.Narrow[i]), func(p string) bool { return p == purl })
	return wanted
}

// offered is how many packages are offered.
const offered = 10

// resolve returns the package that a reader means, "" where that is not clear:
// those that it may be are then offered.
func (w *Web) resolve(ctx context.Context, view *compareView, said string, wanted wish) (purl string, err error) {
	if purl, err := rule.CanonicalPackage(said); err == nil {
		return purl, nil
	}
	purls, err := w.Stats.PackagesNamed(ctx, pkgmeter.Cut(said, pkgmeter.MaxName), 2)
	if err != nil {
		return "", err
	}
	if len(purls) == 1 {
		return purls[0], nil
	}
	view.Said, view.Tried = pkgmeter.Cut(said, maxText), true
	if w.Searcher == nil {
		return "", nil
	}
	found, err := w.Searcher.Search(ctx, pkgmeter.Search{Text: cutRunes(said, pkgmeter.MaxSearch), Limit: offered, Now: view.Now})
	if err != nil {
		return "", err
	}
	for _, g := range found.Groups {
		if g.By == pkgmeter.ByPackage {
			for _, h := range g.Hits {
				view.offer(h.Key, h.Downloads, wanted)
			}
		}
	}
	return "", nil
}

func cutRunes(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

func (v *compareView) offer(purl string, downloads int64, wanted wish) {
	if !slices.Contains(wanted.packagesOf(), purl) {
		v.Offers = append(v.Offers, offer{longName(purl), withPackage(wanted, purl).link(), downloads})
	}
}

// compare fills the page. What cannot be compared is a problem, and the page is
// then without a chart.
func (w *Web) compare(ctx context.Context, view *compareView, wanted wish, at int, problem *error) error {
	today := pkgmeter.DayOf(view.Now)
	query := wanted.query()
	query.Now = view.Now
	var store pkgmeter.Totals
	if err := w.totals(&store, pkgmeter.Query{Now: view.Now})(ctx); err != nil {
		return err
	}
	first := store.Span.From
	span := resolved(wanted, view.Now, first)
	view.Rules, view.Measure = store.Rules, wanted.measureName()
	view.Chips, view.Bare = wanted.chips(), wanted.bare()
	view.Range = newSpanView(wanted, span, first, today)
	view.Range.Action = w.Base + "/stats/compare"
	view.Kept = spanParams(wanted)
	if len(wanted.packagesOf()) == 0 || *problem != nil {
		return w.offerTop(ctx, view, query, wanted)
	}
	d := newDrawing(query, span, first)
	var c pkgmeter.Comparison
	var uploads pkgmeter.Uploads
	tasks := []task{func(ctx context.Context) (err error) {
		c, err = pkgmeter.Compare(ctx, w.Stats, d.query, d.grain)
		return err
	}}
	if others := withoutAll(query); others.Filter.Empty() && !span.Empty() {
		tasks = append(tasks, w.uploads(&uploads, d.query, uploadMarks))
	}
	if err := together(ctx, tasks...); pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		*problem = err
		return w.offerTop(ctx, view, query, wanted)
	} else if err != nil {
		return err
	}
	w.compared(view, c, wanted)
	if c.Span.Empty() {
		return nil
	}
	view.Lines = newLines(c, at, d.grain, wanted, today)
	view.Lines.Chart.markUploads(uploads, c.Total, d.grain)
	view.Title = strings.ToUpper(view.Measure[:1]) + view.Measure[1:] + " by " + view.Lines.Chart.Grain
	view.Note, view.Script = scales[at].note, w.script
	view.Switches = []choices{{"Measure", measures(wanted)}, {"Scale", scaleLinks(wanted, at)}}
	view.Tools = w.newTools("compare", wanted, param{"grain", view.Lines.Chart.Grain})
	view.Data = data{Measure: view.Measure, Charts: map[string]dataChart{view.Name: view.Lines.data()}}
	return nil
}

func withoutAll(query pkgmeter.Query) pkgmeter.Query {
	query.Filter.Packages = nil
	return query
}

// spanParams lists what stands in the URL for a wish.
func spanParams(wanted wish) (all []param) {
	values, err := url.ParseQuery(strings.TrimPrefix(wanted.link(), "?"))
	if err != nil {
		return nil // the page wrote it
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, v := range values[name] {
			all = append(all, param{name, v})
		}
	}
	return all
}

func scaleLinks(wanted wish, at int) (links []choice) {
	for i, s := range scales {
		to := wanted
		to.Extra = nil
		if i != linear {
			to.Extra = []param{{scaleParam, s.name}}
		}
		links = append(links, choice{Title: s.title, URL: to.link(), Here: i == at})
	}
	return links
}

// offerTop offers the packages that are fetched most, to begin with.
func (w *Web) offerTop(ctx context.Context, view *compareView, query pkgmeter.Query, wanted wish) error {
	if view.Tried {
		return nil
	}
	var top pkgmeter.TopList
	query = withoutAll(query)
	err := w.top(&top, query, pkgmeter.ByPackage, offered)(ctx)
	if pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		return nil // filters of which no counts of packages are kept
	}
	if len(wanted.packagesOf()) > pkgmeter.MaxCompared {
		wanted.Narrow[packageFilter()] = nil
	}
	for _, it := range top.Items {
		if it.Key != "" {
			view.offer(it.Key, it.Downloads, wanted)
		}
	}
	return err
}

// compared fills the table of packages.
func (w *Web) compared(view *compareView, c pkgmeter.Comparison, wanted wish) {
	view.Sum, view.Full = wanted.Measure.Of(c.Sum), len(c.Packages) == pkgmeter.MaxCompared
	for i, p := range c.Packages {
		r := compareRow{
			Name: longName(p.Package), Purl: p.Package, URL: w.useURL(p.Package, wanted), Remove: withoutPackage(wanted, p.Package).link(),
			Place: i + 1, Color: lineColors[i], Value: wanted.Measure.Of(p.Measures), Unknown: p.First == 0 && p.Hits == 0,
		}
		if p.Before != nil {
			if before := wanted.Measure.Of(*p.Before); before > 0 {
				r.Change = fmt.Sprintf("%+d %%", percent(r.Value, before))
			}
		}
		if view.Sum > 0 {
			r.Share = scaleText(shared, float64(r.Value)*100/float64(view.Sum))
		}
		if p.First != 0 {
			r.First = p.First.String()
		}
		view.Rows = append(view.Rows, r)
	}
}
