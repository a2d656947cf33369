package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// maxFilterValues is the most values of one filter of the page.
const maxFilterValues = 20

// filters are what a reader can narrow the page to, by the names of their
// parameters.
var filters = [...]struct {
	name   string
	by     pkgmeter.Key
	values []string // all that there are; nil for names from outside
}{
	{"class", pkgmeter.ByClass, pkgmeter.ClassNames()},
	{"client", pkgmeter.ByClient, nil},
	{"kind", pkgmeter.ByKind, pkgmeter.KindNames()},
}

// narrowing is the values of each of the filters. Values of one are
// alternatives. Its slices are never changed.
type narrowing [len(filters)][]string

// parseNarrowing reads the parameters of filters. A form sends empty fields
// too: they count as not given.
func parseNarrowing(values url.Values) (n narrowing, err error) {
	for i, f := range filters {
		for _, v := range values[f.name] {
			switch {
			case v == "" || slices.Contains(n[i], v):
				continue
			case f.values != nil && !slices.Contains(f.values, v):
				return narrowing{}, pkgmeter.Errorf(pkgmeter.Invalid, "%s %q: want one of %s", f.name, v, strings.Join(f.values, ", "))
			case len(n[i]) == maxFilterValues:
				return narrowing{}, pkgmeter.Errorf(pkgmeter.Invalid, "%s is given more than %d times", f.name, maxFilterValues)
			}
			n[i] = append(n[i], v)
		}
	}
	return n, nil
}

func (n narrowing) empty() bool {
	return !slices.ContainsFunc(n[:], func(values []string) bool { return len(values) > 0 })
}

// filter returns n as questions have it.
func (n narrowing) filter() (f pkgmeter.Filter) {
	for i, values := range n {
		for _, v := range values {
			switch filters[i].by {
			case pkgmeter.ByClass:
				class, _ := pkgmeter.ParseClass(v)
				f.Classes = append(f.Classes, class)
			case pkgmeter.ByKind:
				kind, _ := pkgmeter.ParseKind(v)
				f.Kinds = append(f.Kinds, kind)
			default:
				f.Clients = append(f.Clients, v)
			}
		}
	}
	return f
}

// only narrows to one value of a filter; ok is false if there is no filter by
// that key, or if it has just this value.
func (n narrowing) only(by pkgmeter.Key, value string) (to narrowing, ok bool) {
	for i, f := range filters {
		if f.by == by {
			there := len(n[i]) == 1 && n[i][0] == value
			n[i] = []string{value}
			return n, !there
		}
	}
	return n, false
}

// A chip is one value of a filter that is in force.
type chip struct {
	Name, Value string
	URL         string // of the page without it
}

// chips lists all values in force.
func (w wish) chips() (all []chip) {
	for i, values := range w.Narrow {
		for j, v := range values {
			to := w
			to.Narrow[i] = slices.Delete(slices.Clone(values), j, j+1)
			all = append(all, chip{filters[i].name, v, to.link()})
		}
	}
	return all
}

// linkTo returns the URL of the page narrowed to a key of a list, "" where
// there is none to go to. What is no download is shown by hits: it would be
// nothing otherwise.
func (w wish) linkTo(by pkgmeter.Key, key string) string {
	to, ok := w.Narrow.only(by, key)
	if !ok {
		return ""
	}
	w.Narrow = to
	if by == pkgmeter.ByKind && key != pkgmeter.Primary.String() {
		w.Measure = pkgmeter.ByHits
	}
	return w.link()
}

// bare returns the URL of the page without any filter.
func (w wish) bare() string {
	w.Narrow = narrowing{}
	return w.link()
}
