package api

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/badge"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// Packages knows which packages there are.
type Packages interface {
	// Known reports whether any file that f lets pass was ever named, fetched or
	// not.
	Known(ctx context.Context, f pkgmeter.Filter) (bool, error)
}

// A BadgePath is what the path of a badge names.
type BadgePath struct {
	Type string // of the package, as its purl has it
	Name string // namespace and name as plain text, with slashes between
	Form string // SVG or JSON
}

// The forms of a badge, as they end its path.
const (
	SVG  = ".svg"
	JSON = ".json"
)

// purlType is how types of packages are spelled.
var purlType = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.+-]*$`)

// ParseBadgePath reads what stands behind /badge/, unescaped: the type, and the
// name with the form at its end. Names may end like a form themselves.
func ParseBadgePath(typ, name string) (BadgePath, error) {
	for _, form := range []string{SVG, JSON} {
		if name, ok := strings.CutSuffix(name, form); ok && purlType.MatchString(typ) && named(name) {
			return BadgePath{strings.ToLower(typ), name, form}, nil
		}
	}
	return BadgePath{}, pkgmeter.Errorf(pkgmeter.NotFound, "there is no such badge: want /badge/TYPE/NAME.svg or .json")
}

// named reports whether the last segment of a name is not empty.
func named(name string) bool {
	return name != "" && len(name) <= pkgmeter.MaxPath && (name == "/" || !strings.HasSuffix(name, "/"))
}

// BadgePathOf returns the path of the badge of a package, which is given by its
// canonical purl.
func BadgePathOf(pkg, form string) (BadgePath, error) {
	namespace, name, err := purl.Parts(pkg)
	if err != nil {
		return BadgePath{}, pkgmeter.Errorf(pkgmeter.Invalid, "%s", err)
	}
	typ, _, _ := strings.Cut(strings.TrimPrefix(pkg, "pkg:"), "/")
	if namespace != "" {
		name = namespace + "/" + name
	}
	return BadgePath{typ, name, form}, nil
}

// String returns the path below the base path, unescaped.
func (p BadgePath) String() string { return "/badge/" + p.Type + "/" + p.Name + p.Form }

// Escaped returns the path as it stands in a URL. Where a slash cannot stand by
// itself, all of them are escaped.
func (p BadgePath) Escaped() string {
	if emptySegment(p.Name) {
		return "/badge/" + p.Type + "/" + url.PathEscape(p.Name+p.Form)
	}
	segments := strings.Split(p.Name+p.Form, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return "/badge/" + p.Type + "/" + strings.Join(segments, "/")
}

func emptySegment(name string) bool {
	return strings.HasPrefix(name, "/") || strings.Contains(name, "//")
}

// packages returns the canonical purls that the path may mean: slashes separate
// segments, or are a part of the name, which paths do not tell apart.
func (p BadgePath) packages() []string {
	name := p.Name
	if p.Type == addsType {
		name = strings.Replace(name, ":", "/", 1) // alice:foo
	}
	whole := purl.Of(p.Type, "", name)
	at := strings.LastIndexByte(name, '/')
	if at < 0 || emptySegment(name) {
		return []string{whole}
	}
	return slices.Compact([]string{purl.Of(p.Type, name[:at], name[at+1:]), whole})
}

// A period is how many complete days a badge is about.
type period struct {
	name string
	days pkgmeter.Day // 0: all time, today included
}

var periods = []period{{"day", 1}, {"week", 7}, {"month", 30}, {"year", 365}, {"total", 0}}

// span returns the days of the period: the last one has been over for
// [pkgmeter.Settling]. Both are zero for all time.
func (p period) span(now time.Time) (from, to pkgmeter.Day) {
	if p.days == 0 {
		return 0, 0
	}
	to = pkgmeter.DayOf(now.Add(-pkgmeter.Settling)) - 1
	return to - p.days + 1, to
}

// Badge answers what a badge shows, and whether there is such a package: the
// badge of an unknown one says so.
func (a *API) Badge(ctx context.Context, path BadgePath, params url.Values) (b badge.Badge, known bool, err error) {
	p := &question{values: params, now: a.Now()}
	b, query, over := p.badge()
	if err := p.done(); err != nil {
		return b, false, err
	}
	for _, pkg := range path.packages() {
		query.Filter.Packages = []string{pkg}
		// Of other repositories nothing may be told, not even that they have it.
		known, err = a.Packages.Known(ctx, pkgmeter.Filter{Packages: query.Filter.Packages, Repositories: query.Filter.Repositories})
		if err != nil || known {
			break
		}
	}
	if err != nil || !known {
		b.Message, b.Color = "not found", badge.Grey
		return b, false, err
	}
	t, err := a.Stats.Totals(ctx, query)
	b.Message = badge.Count(query.Measure.Of(t.Measures))
	if over.days > 0 {
		b.Message += "/" + over.name
	}
	return b, true, err
}

// badge reads the parameters of a badge.
func (q *question) badge() (badge.Badge, pkgmeter.Query, period) {
	over := q.period()
	query := pkgmeter.Query{Now: q.now, Measure: pkgmeter.ByDownloads}
	query.From, query.To = over.span(q.now)
	query.Filter.Repositories = q.ask("repository")
	if v, ok := q.one("version"); ok {
		query.Filter.Versions = []string{v}
	}
	measure, _ := q.one("measure")
	switch measure = cmp.Or(measure, "downloads"); measure {
	case "downloads":
	case "hits":
		query.Measure = pkgmeter.ByHits
	default:
		q.fail("measure %q: want downloads or hits", measure)
	}
	b := badge.Badge{
		Label: parsed(q, "label", measure, badge.ParseLabel),
		Color: parsed(q, "color", badge.Blue, badge.ParseColor),
		Style: parsed(q, "style", badge.Flat, badge.ParseStyle),
	}
	q.one(Signature) // who may see the badge is decided before
	return b, query, over
}

// An EndpointBody is the body of a badge's JSON, as shields.io reads it.
type EndpointBody struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	Style         string `json:"style,omitempty"` // of who does not want the reader's own
}

// Endpoint returns the body for a badge.
func Endpoint(b badge.Badge) EndpointBody {
	body := EndpointBody{1, b.Label, b.Message, b.Color, ""}
	if b.Style != badge.Flat {
		body.Style = b.Style.String()
	}
	return body
}

// Signature is the parameter by which a URL says that it was signed, and
// SignatureOf is what for.
const (
	Signature   = "sig"
	SignatureOf = "badge"
)

// Signed returns those of the parameters of a badge that are signed: all others.
func Signed(params url.Values) url.Values {
	signed := maps.Clone(params)
	delete(signed, Signature)
	return signed
}

func (q *question) period() period {
	s, ok := q.one("period")
	if !ok {
		s = "total"
	}
	for _, p := range periods {
		if p.name == s {
			return p
		}
	}
	q.fail("period %q: want day, week, month, year or total", s)
	return period{}
}

// parsed reads a parameter that has a parser of its own.
func parsed[T any](q *question, name string, otherwise T, parse func(string) (T, error)) T {
	s, ok := q.one(name)
	if !ok {
		return otherwise
	}
	v, err := parse(s)
	if err != nil {
		q.fail("%s", pkgmeter.PublicMessage(err))
	}
	return v
}
