// Package sharelink binds what is asked through a link to what the link shows: the
// same view, or less of it.
//
// A request never says what it may see. The question that is answered is the
// link's own, on top of which the request can only narrow: a filter of the link
// stays with all of its values or some of them, others can be added, and days lie
// within the link's. A parameter that is not known to narrow is refused, so that
// one that comes to be known elsewhere opens nothing here.
//
// It does not know who has a link, nor what a view looks like.
package sharelink

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// Param is the parameter that carries a link's secret.
const Param = "share"

// views are the pages that a link can open.
var views = []string{"/stats", "/stats/package"}

// IsView reports whether a path is that of a page that a link can open.
func IsView(path string) bool { return slices.Contains(views, path) }

// filters are the parameters of which more values let more pass, and more of them
// less.
var filters = []string{
	"repository", "type", "package", "version", "file", "class", "client", "runtime", "os", "kind", "legacy_type", "country",
}

// ofPeople are filters, and keys of lists, that tell of who fetched or who sent.
// A link has them only where its own view is narrowed by them.
var ofPeople = []string{"source", "consumer"}

// forms are the parameters that say how the same counts are shown, and values of
// which one is given.
var (
	pageForms     = []string{"measure", "chart", "group", "older"}
	questionForms = []string{"measure", "by", "split", "grain", "limit", "cursor", "format"}
	measures      = []string{"", "downloads", "hits", "bytes"}
)

// View returns the path and the canonical query of a link to a page, of which the
// query asks for what it shows.
func View(path string, asked url.Values) (query string, err error) {
	if !IsView(path) {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "only the page of downloads and that of a package can be shared")
	}
	kept := url.Values{}
	for name, values := range asked {
		known := slices.Contains(filters, name) || slices.Contains(ofPeople, name) || slices.Contains(pageForms, name) ||
			name == "days" || name == "from" || name == "to"
		if !known {
			return "", pkgmeter.Errorf(pkgmeter.Invalid, "a view with the parameter %q cannot be shared", pkgmeter.Cut(name, 100))
		}
		for _, v := range values {
			if v == "" {
				continue
			}
			if v, err = canonical(name, v); err != nil {
				return "", err
			}
			if !slices.Contains(kept[name], v) {
				kept.Add(name, v)
			}
		}
	}
	if path == "/stats/package" && len(kept["package"]) != 1 {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "which package?")
	}
	if kept.Get("days") == "" && kept.Get("from") == "" && kept.Get("to") == "" {
		kept.Set("days", strconv.Itoa(usualDays))
	}
	if kept.Get("from") != "" || kept.Get("to") != "" {
		kept.Del("days")
	}
	if _, err := rangeOf(kept, 0); err != nil {
		return "", err
	}
	return kept.Encode(), nil
}

// lengths are the ranges of pages that move with today.
var lengths = []int{1, 7, 30, 90, 365}

// usualDays are the days of a page that is asked for none.
const usualDays = 30

// canonical is how values of a filter are compared.
func canonical(name, value string) (string, error) {
	if name != "package" {
		return value, nil
	}
	return rule.CanonicalPackage(value)
}

// ownOf returns the parameters of a link. Purls in it may have been canonical once.
func ownOf(link pkgmeter.ShareLink) (url.Values, error) {
	own, err := url.ParseQuery(link.Query)
	if err != nil {
		return nil, err // it was stored by us
	}
	for i, v := range own["package"] {
		if purl, err := rule.CanonicalPackage(v); err == nil {
			own["package"][i] = purl
		}
	}
	return own, nil
}

// Page returns the parameters with which the page of a link is asked for, for a
// reader who asked for others. A form sends empty fields: they count as not given.
func Page(link pkgmeter.ShareLink, asked url.Values, today pkgmeter.Day) (url.Values, error) {
	own, err := ownOf(link)
	if err != nil {
		return nil, err
	}
	said := url.Values{}
	for name, values := range asked {
		for _, v := range values {
			if v != "" && name != Param {
				said.Add(name, v)
			}
		}
	}
	bare := len(said) == 0 // the link as it was given
	to, err := narrow(own, said, pageForms)
	if err != nil {
		return nil, err
	}
	for _, name := range pageForms {
		if bare && own.Has(name) {
			to[name] = own[name]
		}
	}
	bound, err := within(own, said, today)
	if err != nil {
		return nil, err
	}
	switch {
	case said.Has("from") || said.Has("to"):
		bound.set(to)
	case said.Has("days"):
		to["days"] = said["days"][:1]
	default:
		for _, name := range []string{"days", "from", "to"} {
			if own.Has(name) {
				to[name] = own[name]
			}
		}
	}
	return to, nil
}

// Question returns the parameters of a question of the API that is asked through
// a link.
func Question(link pkgmeter.ShareLink, asked url.Values, today pkgmeter.Day) (url.Values, error) {
	own, err := ownOf(link)
	if err != nil {
		return nil, err
	}
	said := url.Values{}
	for name, values := range asked {
		if name != Param {
			said[name] = values
		}
	}
	if said.Has("days") {
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, `unknown parameter "days"`)
	}
	to, err := narrow(own, said, questionForms)
	if err != nil {
		return nil, err
	}
	bound, err := within(own, said, today)
	if err != nil {
		return nil, err
	}
	bound.set(to)
	return to, nil
}

// narrow puts the filters of a request on top of those of a link.
func narrow(own, said url.Values, forms []string) (url.Values, error) {
	to := url.Values{}
	for name, values := range own {
		if slices.Contains(filters, name) || slices.Contains(ofPeople, name) {
			to[name] = values
		}
	}
	for name, values := range said {
		switch {
		case name == "days" || name == "from" || name == "to":
		case slices.Contains(forms, name):
			if err := mayShow(own, name, values); err != nil {
				return nil, err
			}
			to[name] = values
		case slices.Contains(filters, name) || slices.Contains(ofPeople, name) && own.Has(name):
			some, err := among(own[name], name, values)
			if err != nil {
				return nil, err
			}
			to[name] = some
		default:
			return nil, pkgmeter.Errorf(pkgmeter.Forbidden, "this link does not go with the parameter %q", pkgmeter.Cut(name, 100))
		}
	}
	return to, nil
}

// mayShow refuses lists of people, and counts of another kind.
func mayShow(own url.Values, name string, values []string) error {
	for _, v := range values {
		switch {
		case (name == "by" || name == "split") && slices.Contains(ofPeople, v) && !own.Has(v):
			return pkgmeter.Errorf(pkgmeter.Forbidden, "this link does not show each %s", v)
		case name == "measure" && !slices.Contains(measures, v):
			return pkgmeter.Errorf(pkgmeter.Forbidden, "this link shows downloads, hits and bytes")
		}
	}
	return nil
}

// among refuses values of a filter that are not those of the link, if it has any.
func among(own []string, name string, values []string) (some []string, err error) {
	for _, v := range values {
		if v, err = canonical(name, v); err != nil {
			return nil, err
		}
		if own != nil && !slices.Contains(own, v) {
			return nil, pkgmeter.Errorf(pkgmeter.Forbidden, "this link does not show the %s %q", name, pkgmeter.Cut(v, pkgmeter.MaxName))
		}
		some = append(some, v)
	}
	return some, nil
}

// days is a range, both ends included. A zero From is the first day there is, a
// zero To is today and what comes.
type days struct{ from, to pkgmeter.Day }

func (d days) set(v url.Values) {
	if d.from != 0 {
		v.Set("from", d.from.String())
	}
	if d.to != 0 {
		v.Set("to", d.to.String())
	}
}

// rangeOf reads days, or from and to.
func rangeOf(v url.Values, today pkgmeter.Day) (d days, err error) {
	if n := v.Get("days"); n != "" && v.Get("from") == "" && v.Get("to") == "" {
		if n == "all" {
			return d, nil
		}
		length, err := strconv.Atoi(n)
		if err != nil || !slices.Contains(lengths, length) {
			return d, pkgmeter.Errorf(pkgmeter.Invalid, "days %q: want 1, 7, 30, 90, 365 or all", pkgmeter.Cut(n, 100))
		}
		return days{today - pkgmeter.Day(length) + 1, today}, nil
	}
	for _, end := range []struct {
		name string
		day  *pkgmeter.Day
	}{{"from", &d.from}, {"to", &d.to}} {
		switch values := v[end.name]; {
		case len(values) > 1:
			return d, pkgmeter.Errorf(pkgmeter.Invalid, "%s is given more than once", end.name)
		case len(values) == 1 && values[0] != "":
			day, err := pkgmeter.ParseDay(values[0])
			if err != nil {
				return d, pkgmeter.Errorf(pkgmeter.Invalid, "%s: %s", end.name, pkgmeter.PublicMessage(err))
			}
			*end.day = max(day, pkgmeter.FirstDay)
		}
	}
	return d, nil
}

// within returns the days of a request, which lie in those of the link. An end
// that is not given is the link's.
func within(own, said url.Values, today pkgmeter.Day) (days, error) {
	bound, err := rangeOf(own, today)
	if err != nil {
		return bound, err
	}
	if !said.Has("days") && !said.Has("from") && !said.Has("to") {
		return bound, nil
	}
	d, err := rangeOf(said, today)
	if err != nil {
		return d, err
	}
	if d.from == 0 && !said.Has("days") {
		d.from = bound.from
	}
	if d.to == 0 && !said.Has("days") {
		d.to = bound.to
	}
	early := bound.from != 0 && (d.from == 0 || d.from < bound.from)
	late := bound.to != 0 && (d.to == 0 || d.to > bound.to)
	if early || late {
		return d, pkgmeter.Errorf(pkgmeter.Forbidden, "this link does not show days %s", bound.outside())
	}
	return d, nil
}

func (d days) outside() string {
	switch {
	case d.to == 0:
		return "before " + d.from.String()
	case d.from == 0:
		return "after " + d.to.String()
	}
	return "before " + d.from.String() + " and after " + d.to.String()
}

// Shows reports whether a range of a page lies within the days of a link.
func Shows(link pkgmeter.ShareLink, asked url.Values, today pkgmeter.Day) bool {
	own, err := ownOf(link)
	if err != nil {
		return false
	}
	_, err = within(own, asked, today)
	return err == nil
}

// Pinned reports whether a value of a filter is the link's own, so that nobody
// can take it away.
func Pinned(link pkgmeter.ShareLink, name string) bool {
	own, err := ownOf(link)
	return err != nil || own.Has(name)
}
