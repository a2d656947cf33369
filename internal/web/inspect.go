package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Inspector shows an operator what senders send, and what of it could not be
// read.
type Inspector interface {
	// Held lists quarantine, the newest first; before is the last id of the
	// page before, 0 for the first page.
	Held(ctx context.Context, before int64, limit int) ([]pkgmeter.Held, error)
	// Quarantined is how many items there are.
	Quarantined(ctx context.Context) (int64, error)
	// Retry reads an item again. [pkgmeter.Invalid]: it is still unreadable.
	Retry(ctx context.Context, id int64) error
	// Samples are the first payloads of each source.
	Samples(ctx context.Context) ([]pkgmeter.Sample, error)
	// Mapping says which keys the operator has named for the fields.
	Mapping(ctx context.Context) (map[string]string, error)
	// SetMapping sets it for events to come. [pkgmeter.Invalid]: it cannot be.
	SetMapping(ctx context.Context, keys map[string]string) error
	// Fields are the fields that a key can be named for.
	Fields() []string
}

const heldRows = 50

// quarantineView is what the page of quarantine shows.
type quarantineView struct {
	page
	Items  []heldItem
	Count  int64
	Before int64 // the next page begins before this id; 0: there is none
	Notice string
	Alert  string
}

// heldItem has the body as text.
type heldItem struct {
	pkgmeter.Held
	Text string
}

// ServeQuarantine lists what could not be read. It is for admins.
func (w *Web) ServeQuarantine(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := mayInspect(p); err != nil {
		return err
	}
	view := &quarantineView{page: w.page(r, "Quarantine", p)}
	if r.URL.Query().Has("counted") {
		view.Notice = "It could be read now, and is counted at the time of its receipt."
	}
	return w.quarantine(rw, r, http.StatusOK, view)
}

func (w *Web) quarantine(rw http.ResponseWriter, r *http.Request, status int, view *quarantineView) error {
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64) // anything else is the first page
	items, err := w.Inspector.Held(r.Context(), max(before, 0), heldRows+1)
	if err != nil {
		return err
	}
	if view.Count, err = w.Inspector.Quarantined(r.Context()); err != nil {
		return err
	}
	if len(items) > heldRows {
		items = items[:heldRows]
		view.Before = items[heldRows-1].ID
	}
	for _, it := range items {
		view.Items = append(view.Items, heldItem{it, shownBody(it.Body)})
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "quarantine", view)
}

// Retry takes the button that reads an item again.
func (w *Web) Retry(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.form(rw, r, p); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PostForm.Get("id"), 10, 64)
	if err != nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "which item?")
	}
	switch err := w.Inspector.Retry(r.Context(), id); pkgmeter.CodeOf(err) {
	case "":
		http.Redirect(rw, r, w.Base+"/stats/quarantine?counted", http.StatusSeeOther)
		return nil
	case pkgmeter.Invalid, pkgmeter.NotFound:
		view := &quarantineView{page: w.page(r, "Quarantine", p), Alert: pkgmeter.PublicMessage(err)}
		return w.quarantine(rw, r, http.StatusConflict, view)
	default:
		return err
	}
}

// payloadsView is what the payload inspector shows.
type payloadsView struct {
	page
	Sources []sourceSamples
	Fields  []mappedField
	Saved   bool
	Alert   string
}

type sourceSamples struct {
	Name    string
	Samples []sampleText
}

type sampleText struct {
	pkgmeter.Sample
	Text string
}

type mappedField struct{ Name, Key, Hint string }

// hints say what a field is.
var hints = map[string]string{
	"file":       "path, URL or name of the file",
	"repository": "name of the repository",
	"event":      "a word such as download, upload or delete",
	"time":       "when it happened",
	"size":       "bytes that were sent",
	"agent":      "the client's User-Agent",
	"id":         "names the delivery: two events with the same id count once",
}

// ServePayloads shows the first payloads of each source, and the form for the
// keys that mean something else than the program knows. It is for admins.
func (w *Web) ServePayloads(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := mayInspect(p); err != nil {
		return err
	}
	keys, err := w.Inspector.Mapping(r.Context())
	if err != nil {
		return err
	}
	view := &payloadsView{page: w.page(r, "Payloads", p), Saved: r.URL.Query().Has("saved")}
	return w.payloads(rw, r, http.StatusOK, view, keys)
}

func (w *Web) payloads(rw http.ResponseWriter, r *http.Request, status int, view *payloadsView, keys map[string]string) error {
	samples, err := w.Inspector.Samples(r.Context())
	if err != nil {
		return err
	}
	for _, s := range samples {
		if n := len(view.Sources); n == 0 || view.Sources[n-1].Name != s.Source {
			view.Sources = append(view.Sources, sourceSamples{Name: s.Source})
		}
		last := &view.Sources[len(view.Sources)-1]
		last.Samples = append(last.Samples, sampleText{s, shownBody(s.Body)})
	}
	for _, f := range w.Inspector.Fields() {
		view.Fields = append(view.Fields, mappedField{f, keys[f], hints[f]})
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.renderStatus(rw, status, "payloads", view)
}

// shownBody returns a body as a page can show it: they are kept as they came,
// and not all senders write UTF-8.
func shownBody(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// SaveMapping takes the form of the keys.
func (w *Web) SaveMapping(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.form(rw, r, p); err != nil {
		return err
	}
	keys := map[string]string{}
	for _, f := range w.Inspector.Fields() {
		if key := r.PostForm.Get(f); key != "" {
			keys[f] = key
		}
	}
	switch err := w.Inspector.SetMapping(r.Context(), keys); pkgmeter.CodeOf(err) {
	case "":
		http.Redirect(rw, r, w.Base+"/stats/payloads?saved", http.StatusSeeOther)
		return nil
	case pkgmeter.Invalid:
		view := &payloadsView{page: w.page(r, "Payloads", p), Alert: pkgmeter.PublicMessage(err)}
		return w.payloads(rw, r, http.StatusBadRequest, view, keys)
	default:
		return err
	}
}

// form reads a form of an admin's, sent from our own page.
func (w *Web) form(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if err := w.forms.Check(r); err != nil {
		return &pkgmeter.Error{Code: pkgmeter.Forbidden, Msg: "the form was sent from another site", Err: err}
	}
	if err := mayInspect(p); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the form cannot be read", Err: err}
	}
	return nil
}

// mayInspect reports whether p may see payloads: a person who is an admin.
func mayInspect(p pkgmeter.Principal) error {
	switch {
	case p.User == "":
		return pkgmeter.Errorf(pkgmeter.Unauthenticated, "log in as an administrator")
	case p.Role != pkgmeter.Admin || p.Scope != "":
		return pkgmeter.Errorf(pkgmeter.Forbidden, "this is for administrators")
	}
	return nil
}
