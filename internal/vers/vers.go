// Package vers reads ranges of versions, such as vers:npm/>=1.0.0|<2.0.0, and
// says whether a version lies in one, by the order that its ecosystem gives
// versions. It is pure.
//
// It knows the orders of [Schemes] and of no others, nothing of how an ecosystem
// writes ranges itself, and not whether a version exists.
package vers

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Limits of a range.
const (
	MaxText        = 1024 // bytes of its text
	MaxConstraints = 100
)

// A Range is a set of versions of one scheme. The zero Range has none.
type Range struct {
	scheme string
	all    bool
	order  order
	equal  []constraint // = and !=
	bounds []constraint // <, <=, > and >=, by version
}

type constraint struct {
	op      string
	version string
}

// An order says what a version is, and which of two comes first.
type order struct {
	valid   func(version string) bool
	compare func(a, b string) int // of valid ones
}

func orders() map[string]order {
	semantic := order{isSemver, compareSemver}
	return map[string]order{
		"cargo":  semantic,
		"deb":    {isDeb, compareDeb},
		"gem":    {isGem, compareGem},
		"golang": semantic,
		"hex":    semantic,
		"intdot": {isIntdot, compareIntdot},
		"maven":  {isMaven, compareMaven},
		"npm":    semantic,
		"nuget":  {isNuget, compareSemver},
		"pypi":   {isPEP440, comparePEP440},
		"semver": semantic,
	}
}

// Schemes lists the schemes whose order is known, sorted.
func Schemes() []string { return slices.Sorted(maps.Keys(orders())) }

// Parse reads a range. Blanks do not count, and constraints may stand in any
// order; the text of [Range.String] has neither.
func Parse(text string) (Range, error) {
	if len(text) > MaxText {
		return Range{}, fmt.Errorf("a range has at most %d bytes", MaxText)
	}
	rest, ok := strings.CutPrefix(strings.NewReplacer(" ", "", "\t", "").Replace(text), "vers:")
	scheme, list, slash := strings.Cut(rest, "/")
	if !ok || !slash || scheme == "" {
		return Range{}, fmt.Errorf("%q is not a range: want one such as vers:npm/>=1.0.0|<2.0.0", text)
	}
	ord, known := orders()[scheme]
	if !known {
		return Range{}, fmt.Errorf("the order of versions of %q is not known: want one of %s", scheme, strings.Join(Schemes(), ", "))
	}
	r := Range{scheme: scheme, order: ord}
	if list = strings.Trim(list, "|"); list == "*" {
		r.all = true
		return r, nil
	}
	if err := r.add(list); err != nil {
		return Range{}, err
	}
	return r, r.check()
}

// add reads constraints with a | between them.
func (r *Range) add(list string) error {
	parts := strings.Split(list, "|")
	if len(parts) > MaxConstraints {
		return fmt.Errorf("a range has at most %d constraints", MaxConstraints)
	}
	for _, part := range parts {
		c, err := r.constraint(part)
		if err != nil {
			return err
		}
		if c.op == "=" || c.op == "!=" {
			r.equal = append(r.equal, c)
		} else {
			r.bounds = append(r.bounds, c)
		}
	}
	slices.SortStableFunc(r.equal, r.before)
	slices.SortStableFunc(r.bounds, r.before)
	return nil
}

func (r *Range) before(a, b constraint) int { return r.order.compare(a.version, b.version) }

// comparators are those of the specification, longer ones first.
var comparators = []string{">=", "<=", "!=", "<", ">", "="}

func (r *Range) constraint(part string) (c constraint, err error) {
	c.op = "="
	for _, op := range comparators {
		if rest, ok := strings.CutPrefix(part, op); ok {
			c.op, part = op, rest
			break
		}
	}
	if part == "*" {
		return c, fmt.Errorf("* stands alone, as in vers:%s/*", r.scheme)
	}
	if c.version, err = url.PathUnescape(part); err != nil {
		return c, fmt.Errorf("%q: %% begins the number of a byte, as in %%2B", part)
	}
	if !r.order.valid(c.version) {
		return c, fmt.Errorf("%q is not a version of %s", c.version, r.scheme)
	}
	return c, nil
}

// check reports the first thing that makes the constraints no range: a version
// that is named twice, or bounds of which one does not end what the other began.
func (r *Range) check() error {
	all := slices.Concat(r.equal, r.bounds)
	slices.SortFunc(all, r.before)
	for i := 1; i < len(all); i++ {
		if r.before(all[i-1], all[i]) == 0 {
			return fmt.Errorf("version %s is named twice", all[i].version)
		}
	}
	for i := 1; i < len(r.bounds); i++ {
		a, b := r.bounds[i-1], r.bounds[i]
		if a.op[0] == b.op[0] {
			return fmt.Errorf("%s%s and %s%s do not go together: one of them says nothing", a.op, a.version, b.op, b.version)
		}
	}
	return nil
}

// Scheme returns the scheme of r.
func (r Range) Scheme() string { return r.scheme }

// String returns the canonical text of r: sorted, without blanks, with what has
// a meaning in it escaped.
func (r Range) String() string {
	if r.all {
		return "vers:" + r.scheme + "/*"
	}
	all := slices.Concat(r.equal, r.bounds)
	slices.SortStableFunc(all, func(a, b constraint) int { return cmp.Or(r.before(a, b), cmp.Compare(a.op, b.op)) })
	parts := make([]string, len(all))
	for i, c := range all {
		op := c.op
		if op == "=" {
			op = ""
		}
		parts[i] = op + escape(c.version)
	}
	return "vers:" + r.scheme + "/" + strings.Join(parts, "|")
}

// escape escapes what is none of the bytes that versions usually have.
func escape(version string) string {
	var b strings.Builder
	for _, c := range []byte(version) {
		if isLetter(c) || isDigit(c) || strings.IndexByte(".-_~:", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Has reports whether a version lies in r. A text that is no version of the scheme
// lies in none but *.
func (r Range) Has(version string) bool {
	if r.all {
		return true
	}
	if r.order.valid == nil || !r.order.valid(version) {
		return false
	}
	excluded := 0
	for _, c := range r.equal {
		same := r.order.compare(version, c.version) == 0
		switch {
		case same:
			return c.op == "="
		case c.op == "!=":
			excluded++
		}
	}
	if len(r.bounds) == 0 {
		return excluded > 0 && excluded == len(r.equal) // everything but these
	}
	return r.between(version)
}

// between reports whether a version lies between bounds of r: each of them ends
// what the one before it began.
func (r Range) between(version string) bool {
	in := r.bounds[0].op[0] == '<' // before all bounds
	for _, c := range r.bounds {
		switch at := r.order.compare(version, c.version); {
		case at < 0:
			return in
		case at == 0:
			return len(c.op) == 2
		}
		in = c.op[0] == '>'
	}
	return in
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// compareNumbers compares numbers of any length. No digits are 0.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
