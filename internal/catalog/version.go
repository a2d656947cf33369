package catalog

import (
	"cmp"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// maxVersion is the longest version, in bytes, which is that of semver's own
// parsers.
const maxVersion = 256

// A Number is the parts of a version: 1.2.3-rc.1_4, of which the first three are
// always there. Wrap, the number behind the underscore, counts packagings of the
// same thing. Parts are digits as text: they may be larger than any integer.
type Number struct {
	Major, Minor, Patch string
	Pre                 string // "" for a release
	Wrap                string // "" for the first packaging
}

// ParseVersion reads a version as a server takes it: without a +build.
func ParseVersion(version string) (Number, error) {
	n, ok := parse(version)
	switch {
	case ok && len(version) <= maxVersion:
		return n, nil
	case len(version) > maxVersion:
		return Number{}, pkgmeter.Errorf(pkgmeter.Invalid, "The version is longer than 256 characters.")
	case strings.Contains(version, "+"):
		return Number{}, pkgmeter.Errorf(pkgmeter.Invalid, "The version %q has a build number, which is for local use only.", version)
	}
	return Number{}, pkgmeter.Errorf(pkgmeter.Invalid, "The version %q is not of the form 1.2.3, 1.2.3-rc.1 or 1.2.3_4.", version)
}

func parse(version string) (n Number, ok bool) {
	rest, wrap, wrapped := strings.Cut(version, "_")
	rest, pre, early := strings.Cut(rest, "-")
	if wrapped && (!isNumeral(wrap) || wrap == "0") || early && !isPrerelease(pre) {
		return n, false
	}
	n.Pre, n.Wrap = pre, wrap
	var found [2]bool
	n.Major, rest, found[0] = strings.Cut(rest, ".")
	n.Minor, n.Patch, found[1] = strings.Cut(rest, ".")
	return n, found[0] && found[1] && isNumeral(n.Major) && isNumeral(n.Minor) && isNumeral(n.Patch)
}

// isNumeral reports whether s is a number without needless zeros.
func isNumeral(s string) bool { return isDigits(s) && (s[0] != '0' || len(s) == 1) }

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isPrerelease reports whether s is words with dots between them.
func isPrerelease(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || isDigits(word) && !isNumeral(word) {
			return false
		}
		for i := range len(word) {
			c := word[i] | 0x20 // lower case
			if (c < 'a' || c > 'z') && (word[i] < '0' || word[i] > '9') && word[i] != '-' {
				return false
			}
		}
	}
	return true
}

// String returns the version of which n is the parts.
func (n Number) String() string {
	s := n.Major + "." + n.Minor + "." + n.Patch
	if n.Pre != "" {
		s += "-" + n.Pre
	}
	if n.Wrap != "" {
		s += "_" + n.Wrap
	}
	return s
}

// Compare returns the order of two versions by precedence: that of semver.org,
// and among equals the first packaging comes first.
func (n Number) Compare(m Number) int {
	return cmp.Or(
		compareNumerals(n.Major, m.Major), compareNumerals(n.Minor, m.Minor), compareNumerals(n.Patch, m.Patch),
		comparePrereleases(n.Pre, m.Pre), compareNumerals(n.Wrap, m.Wrap),
	)
}

// compareNumerals compares numbers without needless zeros, of which the longer
// one is the larger one.
func compareNumerals(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// comparePrereleases compares word by word. None at all is the release, which
// comes last; fewer words come first, and numbers before other words.
func comparePrereleases(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(b), len(a))
	}
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if order := compareWords(x, y); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareWords(a, b string) int {
	switch x, y := isDigits(a), isDigits(b); {
	case x && y:
		return compareNumerals(a, b)
	case x:
		return -1
	case y:
		return 1
	}
	return cmp.Compare(a, b)
}

// CompareVersions orders versions of any origin: what is none comes before all
// that are, by its text.
func CompareVersions(a, b string) int {
	n, ok := parse(a)
	m, other := parse(b)
	switch {
	case ok && other:
		return n.Compare(m)
	case ok:
		return 1
	case other:
		return -1
	}
	return cmp.Compare(a, b)
}

// ValidConstraint reports why s cannot say which versions a package needs: any
// for an empty one, else alternatives with || between them, each a version that
// may have = or ~ before it.
func ValidConstraint(s string) error {
	if s == "" {
		return nil
	}
	if strings.Trim(s, " ") != s {
		return pkgmeter.Errorf(pkgmeter.Invalid, "The constraint %q has blanks around it.", s)
	}
	for alternative := range strings.SplitSeq(s, "||") {
		version := strings.Trim(alternative, " ")
		if version != "" && strings.IndexByte("=~", version[0]) >= 0 {
			version = version[1:]
		}
		if _, err := ParseVersion(version); err != nil {
			return pkgmeter.Errorf(pkgmeter.Invalid, "The constraint %q cannot be read: want versions such as 1.2.3, =1.2.3 or ~1.2.3 with || between them.", s)
		}
	}
	return nil
}
