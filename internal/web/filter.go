package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
)

// maxFilterValues is the most values of one filter of the page.
const maxFilterValues = 20

// filters are what a reader can narrow a page to, by the names of their
// parameters.
var filters = [...]struct {
	name   string
	by     pkgmeter.Key
	values []string // all that there are; nil for names from outside
	word   string   // as headings have it
}{
	{"repository", pkgmeter.ByRepository, nil, "Repository"},
	{"type", pkgmeter.ByType, nil, "Package type"},
	{"package", pkgmeter.ByPackage, nil, "Package"},
	{"version", pkgmeter.ByVersion, nil, "Version"},
	{"file", pkgmeter.ByFile, nil, "File"},
	{"class", pkgmeter.ByClass, pkgmeter.ClassNames(), "Class"},
	{"client", pkgmeter.ByClient, nil, "Client"},
	{"runtime", pkgmeter.ByRuntime, nil, "Runtime"},
	{"os", pkgmeter.ByOS, nil, "System"},
	{"kind", pkgmeter.ByKind, pkgmeter.KindNames(), "Kind"},
	{"legacy_type", pkgmeter.ByLegacyType, pkgmeter.LegacyTypeNames(), "File type"},
	{"country", pkgmeter.ByCountry, nil, "Country"},
	{"source", pkgmeter.BySource, nil, "Source"},
	{"consumer", pkgmeter.ByConsumer, nil, "Consumer"},
}

// narrowing is the values of each of the filters. Values of one are
// alternatives. Its slices are never changed.
type narrowing [len(filters)][]string

// parseNarrowing reads the parameters of filters. Filters of which no counts are
// kept together are an error.
func parseNarrowing(values url.Values) (narrowing, error) {
	n, err := parseFilters(values)
	if err == nil {
		_, err = pkgmeter.BasisOf(n.filter(), nil)
	}
	if err != nil {
		return narrowing{}, err
	}
	return n, nil
}

// parseFilters reads the parameters of filters. A form sends empty fields too:
// they count as not given.
func parseFilters(values url.Values) (n narrowing, err error) {
	for i, f := range filters {
		for _, v := range values[f.name] {
			if v == "" {
				continue
			}
			if v, err = filterValue(i, v); err != nil {
				return narrowing{}, err
			}
			switch {
			case slices.Contains(n[i], v):
				continue
			case len(n[i]) == maxFilterValues:
				return narrowing{}, pkgmeter.Errorf(pkgmeter.Invalid, "%s is given more than %d times", f.name, maxFilterValues)
			}
			n[i] = append(n[i], v)
		}
	}
	return n, nil
}

// filterValue returns a value of filter i as questions have it.
func filterValue(i int, v string) (string, error) {
	f := filters[i]
	switch {
	case f.values != nil && !slices.Contains(f.values, v):
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "%s %q: want one of %s", f.name, v, strings.Join(f.values, ", "))
	case f.by == pkgmeter.ByCountry && !pkgmeter.IsCountry(v):
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "country %q: want a code of two letters that is not %s", v, pkgmeter.UnknownCountry)
	case f.by == pkgmeter.ByPackage:
		return rule.CanonicalPackage(v)
	}
	return v, nil
}

// filter returns n as questions have it.
func (n narrowing) filter() (f pkgmeter.Filter) {
	names := map[pkgmeter.Key]*[]string{
		pkgmeter.ByRepository: &f.Repositories, pkgmeter.ByType: &f.Types, pkgmeter.ByPackage: &f.Packages, pkgmeter.ByVersion: &f.Versions,
		pkgmeter.ByFile: &f.Files, pkgmeter.ByClient: &f.Clients, pkgmeter.ByRuntime: &f.Runtimes, pkgmeter.ByOS: &f.Systems,
		pkgmeter.ByCountry: &f.Countries, pkgmeter.BySource: &f.Sources, pkgmeter.ByConsumer: &f.Consumers,
	}
	for i, values := range n {
		if len(values) == 0 {
			continue
		}
		switch by := filters[i].by; by {
		case pkgmeter.ByClass:
			f.Classes = parsedAll(values, pkgmeter.ParseClass)
		case pkgmeter.ByKind:
			f.Kinds = parsedAll(values, pkgmeter.ParseKind)
		case pkgmeter.ByLegacyType:
			f.LegacyTypes = parsedAll(values, pkgmeter.ParseLegacyType)
		default:
			*names[by] = values
		}
	}
	return f
}

func parsedAll[T any](values []string, parse func(string) (T, bool)) (all []T) {
	for _, v := range values {
		parsed, _ := parse(v) // what cannot be parsed was refused before
		all = append(all, parsed)
	}
	return all
}

// one returns the only value in force, and the word for what it is; ok is false
// where there are none or several.
func (n narrowing) one() (word, value string, ok bool) {
	count := 0
	for i, values := range n {
		if count += len(values); len(values) == 1 {
			word, value = filters[i].word, keyLabel(filters[i].by, values[0])
		}
	}
	return word, value, count == 1
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
	URL         string // of the page without it, "" where a link holds it
}

// chips lists all values in force, but for the package that a page is about.
func (w wish) chips() (all []chip) {
	for i, values := range w.Narrow {
		if w.About && filters[i].by == pkgmeter.ByPackage {
			continue
		}
		for j, v := range values {
			c := chip{Name: filters[i].name, Value: v}
			if w.Share == nil || !sharelink.Pinned(w.Share.ShareLink, c.Name) {
				to := w
				to.Narrow[i] = slices.Delete(slices.Clone(values), j, j+1)
				c.URL = to.link()
			}
			all = append(all, c)
		}
	}
	return all
}

// linkTo returns the URL of the page narrowed to a key of a list, "" where
// there is none to go to: an empty key is what is left of all others, which no
// filter can ask for. What is no download is shown by hits: it would be nothing
// otherwise.
func (w wish) linkTo(by pkgmeter.Key, key string) string {
	if key == "" || by == pkgmeter.ByCountry && !pkgmeter.IsCountry(key) {
		return ""
	}
	to, ok := w.Narrow.only(by, key)
	if !ok {
		return ""
	}
	w.Narrow = to
	switch {
	case by == pkgmeter.ByKind && key != pkgmeter.Primary.String(),
		by == pkgmeter.ByLegacyType && (key == pkgmeter.LegacyPom.String() || key == pkgmeter.LegacyCrypto.String()):
		w.Measure = pkgmeter.ByHits
	}
	return w.link()
}

// bare returns the URL of the page without any filter, "" where a link holds all
// of them.
func (w wish) bare() string {
	if w.Share != nil && !slices.ContainsFunc(w.chips(), func(c chip) bool { return c.URL != "" }) {
		return ""
	}
	bare := narrowing{}
	if w.About {
		for i, f := range filters {
			if f.by == pkgmeter.ByPackage {
				bare[i] = w.Narrow[i]
			}
		}
	}
	w.Narrow = bare
	return w.link()
}
