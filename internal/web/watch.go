package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// watchView is the form that makes or changes a watch, with what it would have
// told.
type watchView struct {
	page
	ID      int64
	Kind    watchKind
	Form    url.Values // as typed
	Filters []filterField
	CanMail bool
	Kept    map[string]string // receivers that have an address already, as shown
	Error   string
	Preview *alert.Preview
	Base    string
}

// A filterField is a field of the form that narrows what is counted.
type filterField struct {
	ID, Name, Word, Value string
	Needed                bool
}

// usualFilters are the filters that the form always has a field for.
var usualFilters = []pkgmeter.Key{
	pkgmeter.ByPackage, pkgmeter.ByRepository, pkgmeter.ByType, pkgmeter.ByVersion, pkgmeter.ByClass, pkgmeter.ByClient, pkgmeter.BySource, pkgmeter.ByConsumer,
}

// filtersOf lists the filters that a kind of watch can have.
func filtersOf(kind alert.Kind) []pkgmeter.Key {
	switch kind {
	case alert.Silent:
		return []pkgmeter.Key{pkgmeter.BySource}
	case alert.Range:
		return []pkgmeter.Key{pkgmeter.ByPackage, pkgmeter.ByRepository, pkgmeter.ByClass}
	case alert.Consumer:
		return []pkgmeter.Key{pkgmeter.ByPackage, pkgmeter.ByRepository, pkgmeter.ByType, pkgmeter.ByVersion, pkgmeter.ByClass}
	}
	return usualFilters
}

// ServeWatch shows the form: empty for a kind, with the filters of the address, or
// with what a watch has. It is for admins.
func (w *Web) ServeWatch(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.maySeeAlerts(p); err != nil {
		return err
	}
	if err := mayInspect(p); err != nil {
		return err
	}
	asked := r.URL.Query()
	id, err := watchID(asked.Get("id"))
	if err != nil {
		return err
	}
	if id != 0 {
		watch, err := w.Alerts.Watch(r.Context(), id)
		if err != nil {
			return err
		}
		return w.showWatch(rw, http.StatusOK, w.newWatchView(r, p, watch, fields(watch)))
	}
	kind := alert.Kind(asked.Get("what"))
	if _, known := kindOf(kind); !known {
		return pkgmeter.Errorf(pkgmeter.Invalid, "what %q: want one that the page of alerts lists", kind)
	}
	form := url.Values{"factor": {"3"}, "least": {"20"}, "days": {"3"}, "hours": {"24"}, "secret": {alert.NewSecret()}}
	for _, f := range filters {
		form[f.name] = asked[f.name]
	}
	if asked.Get("measure") == "hits" {
		form.Set("measure", "hits")
	}
	return w.showWatch(rw, http.StatusOK, w.newWatchView(r, p, alert.Watch{Kind: kind}, form))
}

// fields are the fields of the form for a watch. Addresses and secrets are not
// among them: they can be replaced, and are not shown again.
func fields(watch alert.Watch) url.Values {
	form := url.Values{
		"name": {watch.Name}, "measure": {watch.Ask.Measure}, "range": {watch.Ask.Range},
		"factor": {strconv.FormatFloat(watch.Ask.Factor, 'g', -1, 64)}, "least": {strconv.FormatInt(watch.Ask.Least, 10)},
		"days": {strconv.Itoa(watch.Ask.Days)}, "hours": {strconv.Itoa(watch.Ask.Hours)},
	}
	for _, f := range watch.Ask.Filters() {
		form.Add(f[0], f[1])
	}
	var mails []string
	form.Set("secret", alert.NewSecret()) // for a webhook that it has none of yet
	for _, t := range watch.Targets {
		switch t.To {
		case alert.ToMail:
			mails = append(mails, t.Address)
		case alert.ToWebhook:
			form.Del("secret")
		}
	}
	form.Set("mail", strings.Join(mails, ", "))
	return form
}

func (w *Web) newWatchView(r *http.Request, p pkgmeter.Principal, old alert.Watch, form url.Values) *watchView {
	view := &watchView{page: w.page(r, "A new watch", p), ID: old.ID, Form: form, CanMail: w.Alerts.CanMail(), Kept: map[string]string{}, Base: w.Base}
	view.Kind, _ = kindOf(old.Kind)
	if old.ID != 0 {
		view.Title = "Change a watch"
	}
	for _, t := range old.Targets {
		view.Kept[t.To] = t.Shown()
	}
	usual := filtersOf(old.Kind)
	for _, f := range filters {
		values := slices.DeleteFunc(slices.Clone(form[f.name]), func(v string) bool { return v == "" })
		if len(values) == 0 && slices.Contains(usual, f.by) {
			values = []string{""}
		}
		for i, v := range values[:min(len(values), maxFilterValues+1)] {
			view.Filters = append(view.Filters, filterField{"f-" + f.name + "-" + strconv.Itoa(i), f.name, f.word, v, old.Kind == alert.Range && f.by == pkgmeter.ByPackage})
		}
	}
	return view
}

func (w *Web) showWatch(rw http.ResponseWriter, status int, view *watchView) error {
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "watch", view)
}

// SaveWatch takes the form: it says what the watch would have told, or keeps it.
func (w *Web) SaveWatch(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	id, err := w.watchForm(rw, r, p)
	if err != nil {
		return err
	}
	old := alert.Watch{Kind: alert.Kind(r.PostForm.Get("what"))}
	if id != 0 {
		if old, err = w.Alerts.Watch(r.Context(), id); err != nil {
			return err
		}
	}
	view := w.newWatchView(r, p, old, r.PostForm)
	watch, err := readWatchForm(old, r.PostForm)
	switch {
	case err != nil:
	case r.PostForm.Get("do") == "preview":
		var preview alert.Preview
		if preview, err = w.Alerts.Preview(r.Context(), watch); err == nil {
			view.Preview = &preview
			return w.showWatch(rw, http.StatusOK, view)
		}
	default:
		if id, err = w.Alerts.Save(r.Context(), watch); err == nil {
			return w.watchSaved(rw, r, id)
		}
	}
	switch code := pkgmeter.CodeOf(err); code {
	case pkgmeter.Invalid, pkgmeter.Conflict, pkgmeter.Unavailable:
		view.Error = pkgmeter.PublicMessage(err)
		return w.showWatch(rw, httpx.Status(code), view)
	}
	return err
}

// watchSaved leads to the list, which says what the watch does now.
func (w *Web) watchSaved(rw http.ResponseWriter, r *http.Request, id int64) error {
	watch, err := w.Alerts.Watch(r.Context(), id)
	if err != nil {
		return err
	}
	said := "saved"
	switch {
	case watch.Paused:
		said = "saved-paused"
	case watch.Done:
		said = "saved-done"
	}
	http.Redirect(rw, r, w.Base+"/stats/alerts?"+said, http.StatusSeeOther)
	return nil
}

// readWatchForm returns a watch as the form has it. What it has no field for, or
// was left empty because it is a secret, stays as it was.
func readWatchForm(old alert.Watch, form url.Values) (watch alert.Watch, err error) {
	watch = alert.Watch{ID: old.ID, Kind: old.Kind, Name: strings.TrimSpace(form.Get("name")), Paused: old.Paused}
	narrow, err := parseNarrowing(form)
	if err != nil {
		return watch, err
	}
	for i, values := range narrow {
		if len(values) > 0 {
			if watch.Ask.Where == nil {
				watch.Ask.Where = map[string][]string{}
			}
			watch.Ask.Where[filters[i].name] = values
		}
	}
	if form.Get("measure") == "hits" {
		watch.Ask.Measure = "hits"
	}
	if err := readBounds(&watch, form); err != nil {
		return watch, err
	}
	watch.Targets = readTargets(old, form)
	return watch, nil
}

// readBounds reads the numbers that its kind has.
func readBounds(watch *alert.Watch, form url.Values) (err error) {
	text := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	switch a := &watch.Ask; watch.Kind {
	case alert.Spike, alert.Drop:
		if a.Factor, err = strconv.ParseFloat(strings.Replace(text("factor"), ",", ".", 1), 64); err != nil {
			return pkgmeter.Errorf(pkgmeter.Invalid, "factor %q: want a number such as 3 or 2.5", text("factor"))
		}
		if a.Least, err = strconv.ParseInt(text("least"), 10, 64); err != nil {
			return pkgmeter.Errorf(pkgmeter.Invalid, "least %q: want a number such as 20", text("least"))
		}
	case alert.Zero:
		a.Days, err = strconv.Atoi(text("days"))
	case alert.Silent:
		a.Measure = ""
		a.Hours, err = strconv.Atoi(text("hours"))
	case alert.Range:
		a.Range = text("range")
	}
	if err != nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "want a whole number of days or hours")
	}
	return nil
}

func readTargets(old alert.Watch, form url.Values) (targets []alert.Target) {
	for address := range strings.FieldsFuncSeq(form.Get("mail"), func(r rune) bool { return strings.ContainsRune(", ;\n\r\t", r) }) {
		targets = append(targets, alert.Target{To: alert.ToMail, Address: address})
	}
	for _, to := range []string{alert.ToWebhook, alert.ToSlack} {
		kept := alert.Target{To: to}
		for _, t := range old.Targets {
			if t.To == to && !form.Has("no-"+to) {
				kept = t
			}
		}
		if typed := strings.TrimSpace(form.Get(to)); typed != "" {
			kept.URL = typed
		}
		if typed := strings.TrimSpace(form.Get("secret")); typed != "" && to == alert.ToWebhook {
			kept.Secret = typed
		}
		if kept.URL != "" {
			targets = append(targets, kept)
		}
	}
	return targets
}
