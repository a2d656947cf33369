package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/live"
)

// Live knows the last events.
type Live interface {
	// Last returns the last events that a question is about, newest first, and
	// the id after which the stream goes on from them.
	Last(ctx context.Context, q live.Question, most int) (events []live.Event, after string, err error)
}

// tickerRows is how many events the page shows. The script keeps to it.
const tickerRows = 50

// liveView is the page of events as they come.
type liveView struct {
	page
	Problem string
	Chips   []chip
	Bare    string
	Self    string // URL of the page with its filters
	Fields  []liveField
	Kept    []param // filters that the form has no field for
	Events  []liveRow
	Stream  string // URL of the stream
	After   string // of which the page has everything up to this id
	Most    int
	Classes string // how the page calls classes: a JSON object
	Script  string
}

// liveField is a field of the form of filters: one to write in, or to choose
// from.
type liveField struct {
	Name, Title, Value, Hint string
	Choices                  []string
}

// liveRow is an event with the URLs of the pages that its cells lead to, ""
// for none.
type liveRow struct {
	live.Event
	Name  string // of the package
	Note  string // what it is, if it is no download
	Class string // in words

	PackageURL, VersionURL, RepositoryURL, ClientURL, ClassURL, CountryURL string
}

// ServeLive shows the last events, and where the script runs, those that come.
func (w *Web) ServeLive(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	narrow, problem := parseFilters(r.URL.Query())
	view := &liveView{page: w.page(r, "Live", p), Script: w.script, Most: tickerRows, Classes: classTitles()}
	events, after, err := w.Live.Last(r.Context(), live.Question{Filter: narrow.filter(), People: true}, tickerRows)
	if err != nil {
		return err
	}
	view.After = after
	for _, e := range events {
		view.Events = append(view.Events, w.liveRow(e))
	}
	wanted := wish{Narrow: narrow}
	view.Chips, view.Bare = wanted.chips(), w.Base+"/stats/live"
	view.Self, view.Stream = view.Bare+strings.TrimSuffix(wanted.link(), "?"), w.Base+"/api/v1/live"+wanted.link()
	view.Fields, view.Kept = liveFields(narrow)
	status := http.StatusOK
	if problem != nil {
		view.Problem = pkgmeter.PublicMessage(problem)
		status = httpx.Status(pkgmeter.CodeOf(problem))
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "live", view)
}

// classTitles is for the script.
func classTitles() string {
	titles := map[string]string{}
	for _, name := range pkgmeter.ClassNames() {
		titles[name] = keyLabel(pkgmeter.ByClass, name)
	}
	text, err := json.Marshal(titles)
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// liveFields makes the form for filters in force. What it has no field for goes
// along.
func liveFields(n narrowing) (fields []liveField, kept []param) {
	hints := map[string]string{"package": "pkg:npm/app", "type": "maven", "client": "pip", "repository": "releases", "version": "1.0"}
	for i, f := range filters {
		hint, free := hints[f.name]
		rest := n[i]
		if free || f.by == pkgmeter.ByClass || f.by == pkgmeter.ByKind {
			field := liveField{Name: f.name, Title: f.word, Hint: hint, Choices: f.values}
			if len(rest) > 0 {
				field.Value, rest = rest[0], rest[1:]
			}
			fields = append(fields, field)
		}
		for _, v := range rest {
			kept = append(kept, param{f.name, v})
		}
	}
	return fields, kept
}

func (w *Web) liveRow(e live.Event) liveRow {
	all := wish{Days: strconv.Itoa(usualDays)}
	if e.Counts != live.CountsDownload {
		all.Measure = pkgmeter.ByHits
	}
	to := func(by pkgmeter.Key, key string) string {
		if link := all.linkTo(by, key); link != "" {
			return w.Base + "/stats" + link
		}
		return ""
	}
	row := liveRow{
		Event: e, Note: liveNote(e), Class: keyLabel(pkgmeter.ByClass, e.Class), PackageURL: w.useURL(e.Package, all),
		RepositoryURL: to(pkgmeter.ByRepository, e.Repository), ClientURL: to(pkgmeter.ByClient, e.Client), ClassURL: to(pkgmeter.ByClass, e.Class), CountryURL: to(pkgmeter.ByCountry, e.Country),
	}
	_, row.Name = purlParts(e.Package)
	all.Narrow, _ = all.Narrow.only(pkgmeter.ByPackage, e.Package)
	row.VersionURL = to(pkgmeter.ByVersion, e.Version)
	return row
}

// liveNote says what an event is that is no download. The script says the same.
func liveNote(e live.Event) string {
	fetched := e.Op == pkgmeter.Get.String() || e.Op == pkgmeter.Head.String()
	switch {
	case e.Counts == live.CountsDownload:
		return ""
	case !fetched:
		return e.Op
	case e.Counts == live.CountsHit && e.Kind != pkgmeter.Primary.String():
		return e.Kind
	case e.Op == pkgmeter.Head.String():
		return "only looked at"
	}
	return "status " + strconv.Itoa(e.Status)
}

// Options lists what a field can be set to.
func (f liveField) Options() []choice {
	options := make([]choice, 0, len(f.Choices))
	for _, c := range f.Choices {
		options = append(options, choice{Title: c, Here: c == f.Value})
	}
	return slices.Clip(options)
}

// When writes the time as the page has it.
func (r liveRow) When() string { return r.Time.UTC().Format(time.DateTime) }

// At writes the time for machines.
func (r liveRow) At() string { return r.Time.UTC().Format(time.RFC3339) }
