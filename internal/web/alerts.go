package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
)

// watchKinds are the kinds of watches as pages name them, in their order.
var watchKinds = []watchKind{
	{alert.Spike, "Spike", "A day has far more than usual. It is told as soon as it has, on the day itself."},
	{alert.Drop, "Drop", "A complete day has far less than usual."},
	{alert.Zero, "Nothing", "There is nothing for some complete days, and was something before."},
	{alert.Silent, "Silent source", "A source that usually reports has sent nothing for some hours."},
	{alert.Range, "First download", "A version in a range is downloaded for the first time."},
	{alert.Consumer, "New consumer", "Somebody fetches who never did before. The server has to be started with --consumers."},
	{alert.Digest, "Weekly digest", "What the week brought: totals, the most fetched, rising, new and stale packages, silent sources. On Mondays, after 02:00 UTC."},
}

type watchKind struct {
	Kind        alert.Kind
	Title, Text string
}

func kindOf(kind alert.Kind) (watchKind, bool) {
	for _, k := range watchKinds {
		if k.Kind == kind {
			return k, true
		}
	}
	return watchKind{Kind: kind, Title: string(kind)}, false
}

// alertsView lists the watches.
type alertsView struct {
	page
	Watches []watchRow
	Kinds   []watchKind
	Change  bool // the reader may
	Full    bool // there is no room for more watches
	Most    int
	Notice  string
}

type watchRow struct {
	alert.Status
	Title string // of its kind
	View  string // address of its numbers, "" for none
}

// alertNotices is what is said after a form, by the parameter that it adds.
var alertNotices = map[string]string{
	"saved": "Saved. It looks from now on.", "saved-paused": "Saved. It is paused still.", "saved-done": "Saved. It is done: it tells once only.",
	"paused": "Paused. What happens meanwhile is not told.", "resumed": "It looks again, from now on.", "removed": "Removed.",
}

// ServeAlerts lists the watches. It is for people.
func (w *Web) ServeAlerts(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.maySeeAlerts(p); err != nil {
		return err
	}
	all, err := w.Alerts.Watches(r.Context())
	if err != nil {
		return err
	}
	view := &alertsView{
		page: w.page(r, "Alerts", p), Kinds: watchKinds, Change: mayInspect(p) == nil, Full: len(all) >= alert.MaxWatches, Most: alert.MaxWatches,
		Notice: alertNotices[r.URL.RawQuery],
	}
	for _, s := range all {
		kind, _ := kindOf(s.Kind)
		view.Watches = append(view.Watches, watchRow{s, kind.Title, w.viewOf(s.Watch)})
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "alerts", view)
}

// viewOf returns the address of the numbers that a watch looks at.
func (w *Web) viewOf(watch alert.Watch) string {
	if watch.Kind == alert.Silent {
		return w.Base + "/stats/sources"
	}
	v := url.Values{}
	for _, f := range watch.Ask.Filters() {
		v.Add(f[0], f[1])
	}
	if m := watch.Ask.Measure; m != "" {
		v.Set("measure", m)
	}
	return w.Base + "/stats?" + v.Encode()
}

// watchLink returns the address of the form for a watch of what a page is narrowed
// to.
func (w *Web) watchLink(wanted wish) string {
	v := url.Values{"what": {string(alert.Spike)}}
	wanted.Extra = nil
	for _, p := range wanted.kept() {
		v.Add(p.Name, p.Value)
	}
	return w.Base + "/stats/alerts/edit?" + v.Encode()
}

// maySeeAlerts lets people pass: names of sources and addresses of others are in
// what is told.
func (w *Web) maySeeAlerts(p pkgmeter.Principal) error {
	switch {
	case w.Alerts == nil:
		return pkgmeter.Errorf(pkgmeter.NotFound, "this server watches nothing")
	case p.User == "":
		return pkgmeter.Errorf(pkgmeter.Unauthenticated, "log in to see the alerts")
	case p.Scope != "":
		return pkgmeter.Errorf(pkgmeter.Forbidden, "this is for people, not for tokens")
	}
	return nil
}

// ChangeAlerts takes the buttons beside a watch.
func (w *Web) ChangeAlerts(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	id, err := w.watchForm(rw, r, p)
	if err != nil {
		return err
	}
	to := "/stats/alerts"
	switch do := r.PostForm.Get("do"); do {
	case "pause":
		to += "?paused"
		err = w.Alerts.Pause(r.Context(), id, true)
	case "resume":
		to += "?resumed"
		err = w.Alerts.Pause(r.Context(), id, false)
	case "remove":
		to += "?removed"
		err = w.Alerts.Remove(r.Context(), id)
	case "test":
		to += "/told?watch=" + strconv.FormatInt(id, 10)
		err = w.Alerts.Test(r.Context(), id)
	default:
		err = pkgmeter.Errorf(pkgmeter.Invalid, "do %q: want pause, resume, remove or test", do)
	}
	if err != nil {
		return err
	}
	http.Redirect(rw, r, w.Base+to, http.StatusSeeOther)
	return nil
}

// watchForm reads a form of an admin's about a watch; 0 is a new one.
func (w *Web) watchForm(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (id int64, err error) {
	if err := w.form(rw, r, p); err != nil {
		return 0, err
	}
	if err := w.maySeeAlerts(p); err != nil {
		return 0, err
	}
	return watchID(r.PostForm.Get("id"))
}

func watchID(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0, pkgmeter.Errorf(pkgmeter.Invalid, "%q is not the number of a watch", text)
	}
	return id, nil
}

// toldView is the history of a watch, or of all.
type toldView struct {
	page
	Watch  int64  // 0: all
	Name   string // of the watch
	Told   []toldRow
	Before int64 // where older ones begin, 0 for none
}

type toldRow struct {
	alert.Told
	Waits, Failed bool
}

// toldRows is how many notices a page of the history shows.
const toldRows = 50

// ServeTold shows what was told, how often that was tried, and what was wrong. It
// is for people.
func (w *Web) ServeTold(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.maySeeAlerts(p); err != nil {
		return err
	}
	id, err := watchID(r.URL.Query().Get("watch"))
	if err != nil {
		return err
	}
	view := &toldView{page: w.page(r, "History of alerts", p), Watch: id}
	if id != 0 {
		watch, err := w.Alerts.Watch(r.Context(), id)
		if err != nil {
			return err
		}
		view.Name = watch.Name
	}
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64) // anything else is the first page
	told, err := w.Alerts.History(r.Context(), id, max(before, 0), toldRows+1)
	if err != nil {
		return err
	}
	if len(told) > toldRows {
		told = told[:toldRows]
		view.Before = told[toldRows-1].ID
	}
	for _, t := range told {
		view.Told = append(view.Told, toldRow{t, t.State == pkgmeter.NoticeWaiting, t.State == pkgmeter.NoticeFailed})
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "told", view)
}
