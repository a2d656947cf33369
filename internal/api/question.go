package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// Limits of a top list.
const (
	defaultLimit = 20
	maxLimit     = 1000
	maxValues    = 1000 // alternatives of one filter
)

// question reads parameters one by one; the first error is kept, and what was
// never asked for is an error too.
type question struct {
	values url.Values
	now    time.Time
	asked  map[string]bool
	most   int // items of a top list
	err    error
}

func (q *question) fail(format string, args ...any) {
	if q.err == nil {
		q.err = pkgmeter.Errorf(pkgmeter.Invalid, format, args...)
	}
}

// done reports the first error, an unknown parameter included.
func (q *question) done() error {
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		if !q.asked[name] {
			q.fail("unknown parameter %q", name)
		}
	}
	return q.err
}

func (q *question) ask(name string) []string {
	if q.asked == nil {
		q.asked = map[string]bool{}
	}
	q.asked[name] = true
	if len(q.values[name]) > maxValues {
		q.fail("%s is given more than %d times", name, maxValues)
		return nil
	}
	return q.values[name]
}

func (q *question) has(name string) bool { return q.ask(name) != nil }

func (q *question) one(name string) (string, bool) {
	switch v := q.ask(name); len(v) {
	case 0:
		return "", false
	case 1:
		return v[0], true
	default:
		q.fail("%s is given more than once", name)
		return "", false
	}
}

// query reads what every question has in common.
func (q *question) query() pkgmeter.Query {
	query := pkgmeter.Query{Now: q.now, Measure: q.measure()}
	query.From, query.To = q.days()
	query.Filter = q.filter()
	return query
}

// filter reads what narrows a question.
func (q *question) filter() pkgmeter.Filter {
	return pkgmeter.Filter{
		Repositories: q.ask("repository"),
		Types:        q.ask("type"),
		Packages:     q.packages(),
		Versions:     q.ask("version"),
		Files:        q.ask("file"),
		Kinds:        enum(q, "kind", pkgmeter.ParseKind, pkgmeter.KindNames()),
		LegacyTypes:  enum(q, "legacy_type", pkgmeter.ParseLegacyType, pkgmeter.LegacyTypeNames()),
		Classes:      enum(q, "class", pkgmeter.ParseClass, pkgmeter.ClassNames()),
		Clients:      q.ask("client"),
		Countries:    q.countries(),
		Runtimes:     q.ask("runtime"),
		Systems:      q.ask("os"),
		Sources:      q.ask("source"),
		Consumers:    q.ask("consumer"),
	}
}

// days reads the range.
func (q *question) days() (from, to pkgmeter.Day) {
	from, to = q.day("from", pkgmeter.FirstDay), q.day("to", pkgmeter.FirstDay-1)
	if from != 0 && to != 0 && from > to {
		q.fail("from %s is after to %s", from, to)
	}
	return from, to
}

// day reads a day. One before the first day that there can be is taken for
// least, which keeps zero for "not given".
func (q *question) day(name string, least pkgmeter.Day) pkgmeter.Day {
	s, ok := q.one(name)
	if !ok {
		return 0
	}
	d, err := pkgmeter.ParseDay(s)
	if err != nil {
		q.fail("%s: %s", name, pkgmeter.PublicMessage(err))
		return 0
	}
	return max(d, least)
}

func (q *question) measure() pkgmeter.Measure {
	switch s, ok := q.one("measure"); {
	case !ok || s == "downloads":
		return pkgmeter.ByDownloads
	case s == "hits":
		return pkgmeter.ByHits
	case s == "bytes":
		return pkgmeter.ByBytes
	default:
		q.fail("measure %q: want downloads, hits, bytes or adds", s)
	}
	return 0
}

func (q *question) packages() []string {
	said := q.ask("package")
	if said == nil {
		return nil
	}
	purls := make([]string, len(said))
	for i, s := range said {
		purl, err := rule.CanonicalPackage(s)
		if err != nil {
			q.fail("%s", pkgmeter.PublicMessage(err))
		}
		purls[i] = purl
	}
	return purls
}

func enum[T any](q *question, name string, parse func(string) (T, bool), names []string) []T {
	var all []T
	for _, s := range q.ask(name) {
		v, ok := parse(s)
		if !ok {
			q.fail("%s %q: want one of %s", name, s, strings.Join(names, ", "))
		}
		all = append(all, v)
	}
	return all
}

// key reads by or split.
func (q *question) key(name string, required bool) pkgmeter.Key {
	s, ok := q.one(name)
	if !ok {
		if required {
			q.fail("%s is missing: want one of %s", name, strings.Join(pkgmeter.KeyNames(), ", "))
		}
		return 0
	}
	k, ok := pkgmeter.ParseKey(s)
	if !ok {
		q.fail("%s %q: want one of %s", name, s, strings.Join(pkgmeter.KeyNames(), ", "))
	}
	return k
}

// countries reads codes. The events of no known country are what is left of all
// others: no filter can ask for them.
func (q *question) countries() []string {
	codes := q.ask("country")
	for _, c := range codes {
		if c == pkgmeter.UnknownCountry {
			q.fail("country %q: there is no filter for unknown countries", c)
		}
	}
	return codes
}

func (q *question) grain() pkgmeter.Grain {
	switch s, ok := q.one("grain"); {
	case !ok || s == "day":
		return pkgmeter.Daily
	case s == "week":
		return pkgmeter.Weekly
	case s == "month":
		return pkgmeter.Monthly
	default:
		q.fail("grain %q: want day, week or month", s)
		return 0
	}
}

func (q *question) limit() int {
	s, ok := q.one("limit")
	if !ok {
		return defaultLimit
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > q.most {
		q.fail("limit %q: want 1 to %d", s, q.most)
	}
	return n
}

func (q *question) cursor() *pkgmeter.Cursor {
	s, ok := q.one("cursor")
	if !ok {
		return nil
	}
	var c pkgmeter.Cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		q.fail("cursor: want the next of an earlier answer")
	}
	return &c
}

func cursorText(c pkgmeter.Cursor) string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("encode cursor: %v", err)) // an integer and a string
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
