package web

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
)

// usualDays is the range of a page whose URL asks for none.
const usualDays = 30

// wish is what the URL of a page asks for: days, what they are ranked by, and
// to what they are narrowed.
type wish struct {
	// Days names a preset, "" for a range of the reader's own. A preset stays
	// relative to today, so that a bookmark of it does too.
	Days string

	// From and To are inclusive. A zero From is the store's first day, a zero
	// To is today.
	From, To pkgmeter.Day

	Measure pkgmeter.Measure
	Narrow  narrowing

	About bool                 // the page is about the one package in Narrow
	Share *pkgmeter.SharedView // whose link the page is seen by, which every address keeps; nil for none
	Extra []param              // of the page itself, which every link keeps
}

// presets are the ranges to pick with one click.
var presets = []struct {
	Days, Title string
	n           pkgmeter.Day // 0 for all days
	key         string       // of the keyboard, "" for none
}{
	{"1", "Today", 1, "d"},
	{"7", "7 days", 7, "w"},
	{"30", "30 days", usualDays, "m"},
	{"90", "90 days", 90, ""},
	{"365", "365 days", 365, "y"},
	{"all", "All", 0, "a"},
}

func usual(today pkgmeter.Day) wish {
	return wish{Days: strconv.Itoa(usualDays), From: today - usualDays + 1, To: today}
}

// parseWish reads the parameters days, or from and to, measure and those of
// filters. A form sends empty fields too: they count as not given. Other
// parameters are none of its business. Beside an error it returns the usual
// range of everything.
func parseWish(values url.Values, today pkgmeter.Day) (wish, error) {
	measure := pkgmeter.ByDownloads
	switch m := values.Get("measure"); m {
	case "", "downloads":
	case "hits":
		measure = pkgmeter.ByHits
	default:
		return usual(today), pkgmeter.Errorf(pkgmeter.Invalid, "measure %q: want downloads or hits", m)
	}
	w, err := parseDays(values.Get("days"), values.Get("from"), values.Get("to"), today)
	if err == nil {
		w.Narrow, err = parseNarrowing(values)
	}
	if err != nil {
		w = usual(today)
	}
	w.Measure = measure
	return w, err
}

func parseDays(days, from, to string, today pkgmeter.Day) (w wish, err error) {
	switch {
	case from != "" || to != "":
		return ownDays(from, to, today)
	case days == "":
		return usual(today), nil
	}
	for _, p := range presets {
		if p.Days == days {
			w.Days = days
			if p.n > 0 {
				w.From, w.To = today-p.n+1, today
			}
			return w, nil
		}
	}
	return w, pkgmeter.Errorf(pkgmeter.Invalid, "days %q: want 1, 7, 30, 90, 365 or all", days)
}

func ownDays(from, to string, today pkgmeter.Day) (w wish, err error) {
	for _, f := range []struct {
		name, text string
		day        *pkgmeter.Day
	}{{"from", from, &w.From}, {"to", to, &w.To}} {
		if f.text == "" {
			continue
		}
		d, err := pkgmeter.ParseDay(f.text)
		if err != nil {
			return w, pkgmeter.Errorf(pkgmeter.Invalid, "%s: %s", f.name, pkgmeter.PublicMessage(err))
		}
		// Day 0 means "not given", and nothing is older than the first day.
		*f.day = max(d, pkgmeter.FirstDay)
	}
	switch {
	case w.To != 0 && w.From > w.To:
		return w, pkgmeter.Errorf(pkgmeter.Invalid, "from %s is after to %s", w.From, w.To)
	case w.From > today:
		return w, pkgmeter.Errorf(pkgmeter.Invalid, "from %s has not come yet: today is %s (UTC)", w.From, today)
	case w.To >= today:
		w.To = today
	}
	return w, nil
}

// all reports whether every day is asked for, those without a date included.
func (w wish) all() bool { return w.From == 0 && w.To == 0 }

// query returns the question for the range.
func (w wish) query() pkgmeter.Query {
	return pkgmeter.Query{From: w.From, To: w.To, Measure: w.Measure, Filter: w.Narrow.filter()}
}

// measureName returns the name of the measure as URLs and headings have it.
func (w wish) measureName() string {
	if w.Measure == pkgmeter.ByHits {
		return "hits"
	}
	return "downloads"
}

// link returns the URL, relative to the page, that asks for w.
func (w wish) link() string {
	v := url.Values{}
	for _, k := range w.kept() {
		v.Add(k.Name, k.Value)
	}
	if w.Days != "" {
		v.Set("days", w.Days)
	} else {
		if w.From != 0 {
			v.Set("from", w.From.String())
		}
		if w.To != 0 {
			v.Set("to", w.To.String())
		}
	}
	return "?" + v.Encode()
}

// kept lists the parameters beside those of the range.
func (w wish) kept() (all []param) {
	if w.Measure == pkgmeter.ByHits {
		all = append(all, param{"measure", "hits"})
	}
	for i, values := range w.Narrow {
		for _, v := range values {
			all = append(all, param{filters[i].name, v})
		}
	}
	if w.Share != nil {
		all = append(all, param{sharelink.Param, w.Share.Secret})
	}
	return append(all, w.Extra...)
}

// shows reports whether the page may be asked for a range: by a link only for
// days that it shows.
func (w wish) shows(r wish, today pkgmeter.Day) bool {
	if w.Share == nil {
		return true
	}
	asked, err := url.ParseQuery(strings.TrimPrefix(r.link(), "?"))
	return err == nil && sharelink.Shows(w.Share.ShareLink, asked, today)
}

// param is a parameter of a URL.
type param struct{ Name, Value string }

// spanView is the part of a page in which a reader chooses the range.
type spanView struct {
	Title    string // of the range, after a number: "in the last 30 days"
	All      bool   // every day, and what has no date
	From, To pkgmeter.Day
	Today    pkgmeter.Day
	Measure  string
	Action   string  // where the form of the range is sent to
	Kept     []param // what it sends along
	Presets  []choice

	// Earlier and Later are URLs of the neighbouring ranges of the same
	// length, "" where there is none.
	Earlier, Later string
}

// choice is a link that may be where the reader is already.
type choice struct {
	Title, URL string
	Here       bool
	Key        string // of the keyboard, "" for none
}

// newSpanView makes the view for w, which the store answered for span.
func newSpanView(w wish, span pkgmeter.Span, first, today pkgmeter.Day) spanView {
	if !w.all() && span.Empty() { // all of it lies before the first day
		to := cmp.Or(w.To, today)
		span.From, span.To = min(cmp.Or(w.From, to), to), to
	}
	v := spanView{All: w.all(), From: span.From, To: span.To, Today: today, Measure: w.measureName(), Kept: w.kept()}
	for _, p := range presets {
		to := w
		to.Days, to.From, to.To = p.Days, 0, 0
		if !w.shows(to, today) {
			continue
		}
		v.Presets = append(v.Presets, choice{p.Title, to.link(), w.Days == p.Days, p.key})
	}
	switch n, err := strconv.Atoi(w.Days); {
	case v.All:
		v.Title = "in all"
	case err == nil && n == 1:
		v.Title = "today"
	case err == nil:
		v.Title = "in the last " + strconv.Itoa(n) + " days"
	default:
		v.Title = "from " + v.From.String() + " to " + v.To.String()
	}
	if n := span.To - span.From + 1; !v.All && n > 0 {
		own := wish{Measure: w.Measure, Narrow: w.Narrow, About: w.About, Share: w.Share, Extra: w.Extra}
		if span.From > first {
			own.From, own.To = max(span.From-n, pkgmeter.FirstDay), span.From-1
			if w.shows(own, today) {
				v.Earlier = own.link()
			}
		}
		if span.To < today {
			own.From, own.To = span.To+1, min(span.To+n, today)
			if w.shows(own, today) {
				v.Later = own.link()
			}
		}
	}
	return v
}
