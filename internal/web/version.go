package web

import (
	"cmp"
	"slices"
	"strings"
)

// preReleases are the words that come before the release itself, in their
// order; other words, such as post, come after it.
var preReleases = []string{"dev", "nightly", "canary", "snapshot", "a", "alpha", "b", "beta", "m", "milestone", "pre", "preview", "next", "c", "cr", "rc"}

// compareVersions orders versions of any ecosystem, as well as that goes
// without its rules: numbers by their size, a missing one as 0, pre-releases
// before their release. What has no number comes first.
func compareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	if c := cmp.Compare(min(1, countNumbers(x)), min(1, countNumbers(y))); c != 0 {
		return c
	}
	for i := range max(len(x), len(y)) {
		var p, q string
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if c := comparePart(p, q); c != 0 {
			return c
		}
	}
	return cmp.Compare(a, b)
}

// comparePart compares parts, of which "" is one that is missing: the release
// itself, or 0.
func comparePart(a, b string) int {
	weight := func(s string) int {
		switch {
		case s == "" || strings.Trim(s, "0") == "" && isNumber(s):
			return 0
		case isNumber(s):
			return 2
		case slices.Contains(preReleases, s):
			return slices.Index(preReleases, s) - len(preReleases)
		}
		return 1
	}
	if c := cmp.Compare(weight(a), weight(b)); c != 0 {
		return c
	}
	if isNumber(a) && isNumber(b) {
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func countNumbers(parts []string) (n int) {
	for _, p := range parts {
		if isNumber(p) {
			n++
		}
	}
	return n
}

// versionParts splits a version into its numbers and words, without a leading
// v, an epoch, and what stands behind a plus.
func versionParts(version string) (parts []string) {
	version, _, _ = strings.Cut(strings.ToLower(version), "+")
	if epoch, rest, ok := strings.Cut(version, ":"); ok && isNumber(epoch) && rest != "" {
		version = rest
	}
	if len(version) > 1 && version[0] == 'v' && isNumber(version[1:]) {
		version = version[1:]
	}
	kind := func(c byte) int {
		switch {
		case c >= '0' && c <= '9':
			return 1
		case c == '.' || c == '-' || c == '_' || c == '~':
			return 0
		}
		return 2
	}
	for i := 0; i < len(version); {
		end := i + 1
		for end < len(version) && kind(version[end]) == kind(version[i]) {
			end++
		}
		if kind(version[i]) > 0 {
			parts = append(parts, version[i:end])
		}
		i = end
	}
	return parts
}

// otherMajor stands for versions that do not begin with a number.
const otherMajor = "other"

// majorOf returns the first number of a version.
func majorOf(version string) string {
	parts := versionParts(version)
	if len(parts) == 0 || !isNumber(parts[0]) {
		return otherMajor
	}
	if n := strings.TrimLeft(parts[0], "0"); n != "" {
		return n
	}
	return "0"
}

// majorTitle is how a major version is written.
func majorTitle(major string) string {
	if major == otherMajor {
		return "other names"
	}
	return major + ".x"
}

// majors groups versions by their first number, the latest first.
func majors(versions []string) (order []string, of map[string][]string) {
	of = map[string][]string{}
	for _, v := range versions {
		m := majorOf(v)
		if of[m] == nil {
			order = append(order, m)
		}
		of[m] = append(of[m], v)
	}
	slices.SortFunc(order, func(a, b string) int { return compareVersions(b, a) })
	return order, of
}
