package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/vers"
)

// A Kind is what a watch looks for.
type Kind string

// The kinds.
const (
	Spike    Kind = "spike"    // a day far above the usual
	Drop     Kind = "drop"     // a day far below it
	Zero     Kind = "zero"     // days of nothing, where there was something before
	Silent   Kind = "silent"   // a source that used to report does not any more
	Range    Kind = "range"    // the first download of a range of versions
	Consumer Kind = "consumer" // who has never fetched before
	Digest   Kind = "digest"   // what each week brought
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Spike, Drop, Zero, Silent, Range, Consumer, Digest} }

// Bounds of what is asked.
const (
	maxFactor = 1000
	maxLeast  = math.MaxInt32
	maxDays   = 28
	maxHours  = 28 * 24
	maxWhere  = 20  // values of one filter
	maxText   = 255 // bytes of a value that is not a path
)

// Ask is what a watch looks at, and from where on it tells.
type Ask struct {
	// Where narrows what is counted: values by the names of keys, as the addresses
	// of pages have them.
	Where   map[string][]string `json:"where,omitempty"`
	Measure string              `json:"measure,omitempty"` // downloads or hits; "": downloads

	Factor float64 `json:"factor,omitempty"` // how many times the usual, or less by it
	Least  int64   `json:"least,omitempty"`  // what is too few to be told
	Days   int     `json:"days,omitempty"`   // of nothing
	Hours  int     `json:"hours,omitempty"`  // without a word of a source
	Range  string  `json:"range,omitempty"`  // of versions, as vers:npm/>=1.0.0|<2.0.0
}

// filter returns what a narrows questions to.
func (a Ask) filter() (f pkgmeter.Filter, err error) {
	names := map[pkgmeter.Key]*[]string{
		pkgmeter.ByRepository: &f.Repositories, pkgmeter.ByType: &f.Types, pkgmeter.ByPackage: &f.Packages, pkgmeter.ByVersion: &f.Versions,
		pkgmeter.ByFile: &f.Files, pkgmeter.ByClient: &f.Clients, pkgmeter.ByRuntime: &f.Runtimes, pkgmeter.ByOS: &f.Systems,
		pkgmeter.ByCountry: &f.Countries, pkgmeter.BySource: &f.Sources, pkgmeter.ByConsumer: &f.Consumers,
	}
	for name, values := range a.Where {
		by, known := pkgmeter.ParseKey(name)
		ok := known && len(values) > 0 && len(values) <= maxWhere
		for _, v := range values {
			switch by {
			case pkgmeter.ByClass:
				f.Classes = appendParsed(f.Classes, v, pkgmeter.ParseClass, &ok)
			case pkgmeter.ByKind:
				f.Kinds = appendParsed(f.Kinds, v, pkgmeter.ParseKind, &ok)
			case pkgmeter.ByLegacyType:
				f.LegacyTypes = appendParsed(f.LegacyTypes, v, pkgmeter.ParseLegacyType, &ok)
			default:
				ok = ok && v != "" && len(v) <= pkgmeter.MaxPath
			}
		}
		if !ok {
			return f, pkgmeter.Errorf(pkgmeter.Invalid, "filter %s: this cannot be filtered by, or has no or more than %d values", name, maxWhere)
		}
		if to := names[by]; to != nil {
			*to = slices.Clone(values)
		}
	}
	return f, nil
}

func appendParsed[T any](to []T, v string, parse func(string) (T, bool), ok *bool) []T {
	parsed, known := parse(v)
	*ok = *ok && known
	return append(to, parsed)
}

func (a Ask) measure() pkgmeter.Measure {
	if a.Measure == "hits" {
		return pkgmeter.ByHits
	}
	return pkgmeter.ByDownloads
}

// link returns the address of the page of downloads for days of a, below the base
// path. A zero day is left out.
func (a Ask) link(from, to pkgmeter.Day) string {
	v := url.Values{}
	for name, values := range a.Where {
		v[name] = values
	}
	if from != 0 {
		v.Set("from", from.String())
	}
	if to != 0 {
		v.Set("to", to.String())
	}
	if a.Measure == "hits" {
		v.Set("measure", a.Measure)
	}
	return "/stats?" + v.Encode()
}

// A Watch is a [pkgmeter.Watch] that was read.
type Watch struct {
	ID      int64
	Name    string
	Kind    Kind
	Ask     Ask
	Targets []Target
	Paused  bool
	Created time.Time

	Problem string // why it could not be looked at the last time; "" for none
	Done    bool   // it has told all that it ever will
}

// readWatch reads what is stored.
func readWatch(w pkgmeter.Watch) (r Watch, st state, err error) {
	r = Watch{ID: w.ID, Name: w.Name, Kind: Kind(w.Kind), Paused: w.Paused, Created: w.Created}
	if err = json.Unmarshal([]byte(w.Ask), &r.Ask); err == nil {
		err = json.Unmarshal([]byte(w.Send), &r.Targets)
	}
	if err == nil {
		err = json.Unmarshal([]byte(w.State), &st)
	}
	if err != nil {
		return r, st, fmt.Errorf("watch %q: %w", w.Name, err)
	}
	r.Problem, r.Done = st.Problem, st.Done
	return r, st, nil
}

// stored returns w as it is stored, at its beginning.
func (w Watch) stored() (pkgmeter.Watch, error) {
	ask, err := json.Marshal(w.Ask)
	if err != nil {
		return pkgmeter.Watch{}, err
	}
	send, err := json.Marshal(w.Targets) //nolint:gosec // the store has to know the secrets; nothing shows them
	return pkgmeter.Watch{ID: w.ID, Name: w.Name, Kind: string(w.Kind), Ask: string(ask), Send: string(send), State: "{}", Paused: w.Paused}, err
}

// Check reports the first thing that is wrong with what w looks at.
func (w Watch) Check() error {
	if !slices.Contains(Kinds(), w.Kind) {
		return pkgmeter.Errorf(pkgmeter.Invalid, "kind %q: want one of %s", w.Kind, strings.Trim(fmt.Sprint(Kinds()), "[]"))
	}
	a := w.Ask
	if a.Measure != "" && a.Measure != "downloads" && a.Measure != "hits" {
		return pkgmeter.Errorf(pkgmeter.Invalid, "measure %q: want downloads or hits", a.Measure)
	}
	f, err := a.filter()
	if err != nil {
		return err
	}
	var by *pkgmeter.Key
	switch w.Kind {
	case Range:
		by = new(pkgmeter.ByVersion)
	case Consumer:
		by = new(pkgmeter.ByConsumer)
	case Silent:
		return a.checkSilent()
	case Digest: // lists packages, and what moves
		by = new(pkgmeter.ByPackage)
	}
	if _, err := pkgmeter.BasisOf(f, by); err != nil {
		return err
	}
	switch w.Kind {
	case Spike, Drop:
		return a.checkFactor()
	case Zero:
		return within("days", a.Days, 1, maxDays)
	case Range:
		return a.checkRange()
	}
	return nil
}

func (a Ask) checkFactor() error {
	if !(a.Factor >= 1.1 && a.Factor <= maxFactor) { // NaN is none
		return pkgmeter.Errorf(pkgmeter.Invalid, "factor: want a number from 1.1 to %d", maxFactor)
	}
	if a.Least < 0 || a.Least > maxLeast {
		return pkgmeter.Errorf(pkgmeter.Invalid, "least: want a number from 0 to %d", maxLeast)
	}
	return nil
}

func within(name string, n, least, most int) error {
	if n < least || n > most {
		return pkgmeter.Errorf(pkgmeter.Invalid, "%s: want a number from %d to %d", name, least, most)
	}
	return nil
}

func (a Ask) checkSilent() error {
	for name := range a.Where {
		if name != pkgmeter.BySource.String() {
			return pkgmeter.Errorf(pkgmeter.Invalid, "a silent source is looked for among sources: leave the filter %s out", name)
		}
	}
	return within("hours", a.Hours, 1, maxHours)
}

func (a Ask) checkRange() error {
	packages := a.Where[pkgmeter.ByPackage.String()]
	if len(packages) != 1 {
		return pkgmeter.Errorf(pkgmeter.Invalid, "a range of versions is one of a package: give one, such as pkg:npm/left-pad")
	}
	r, err := vers.Parse(a.Range)
	if err != nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "range: %s", err)
	}
	typ, _, _ := strings.Cut(strings.TrimPrefix(packages[0], "pkg:"), "/")
	if s := r.Scheme(); s != typ && s != "semver" && s != "intdot" {
		return pkgmeter.Errorf(pkgmeter.Invalid, "range: %s is not how versions of %s are ordered: write vers:%s/…, or vers:semver/… where they are of that form", s, typ, typ)
	}
	return nil
}

// checkName reports what is wrong with a name.
func checkName(name string) error {
	if name == "" || len(name) > MaxName || strings.ContainsFunc(name, unicode.IsControl) || strings.ToValidUTF8(name, "") != name {
		return pkgmeter.Errorf(pkgmeter.Invalid, "name: want 1 to %d bytes of text without control characters", MaxName)
	}
	return nil
}

// Filters lists what w is narrowed to, as name and value, sorted by name.
func (a Ask) Filters() (all [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(a.Where)) {
		for _, v := range a.Where[name] {
			all = append(all, [2]string{name, v})
		}
	}
	return all
}
