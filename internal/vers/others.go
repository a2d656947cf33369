package vers

import (
	"cmp"
	"regexp"
	"strings"
)

var (
	gem        = regexp.MustCompile(`^[0-9]+(\.[0-9a-zA-Z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)
	gemSegment = regexp.MustCompile(`[0-9]+|[a-zA-Z]+`)
	deb        = regexp.MustCompile(`^(?:([0-9]+):)?([0-9][A-Za-z0-9.+~-]*?)(?:-([A-Za-z0-9.+~]+))?$`)
)

func isGem(s string) bool { return gem.MatchString(s) }

// gemSegments splits a version of RubyGems into numbers and words. Zeros that say
// nothing, before the first word and at the end, are left out.
func gemSegments(version string) (segments []string) {
	trim := func() {
		for n := len(segments); n > 0 && allDigits(segments[n-1]) && strings.Trim(segments[n-1], "0") == ""; n = len(segments) {
			segments = segments[:n-1]
		}
	}
	word := false
	for _, s := range gemSegment.FindAllString(strings.ReplaceAll(version, "-", ".pre."), -1) {
		if !word && !allDigits(s) {
			trim()
			word = true
		}
		segments = append(segments, s)
	}
	trim()
	return segments
}

// compareGem compares segment by segment: words before numbers, and a missing one
// is 0.
func compareGem(a, b string) int {
	x, y := gemSegments(a), gemSegments(b)
	for i := range max(len(x), len(y)) {
		p, q := "0", "0"
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if c := compareLocal(p, q); c != 0 {
			return c
		}
	}
	return 0
}

func isDeb(s string) bool { return deb.MatchString(s) }

// compareDeb compares epoch, version and revision as Debian's policy says.
func compareDeb(a, b string) int {
	x, y := deb.FindStringSubmatch(a), deb.FindStringSubmatch(b)
	return cmp.Or(compareNumbers(x[1], y[1]), compareDebPart(x[2], y[2]), compareDebPart(x[3], y[3]))
}

// compareDebPart compares what is no digit, and then a number, until the texts
// differ or end.
func compareDebPart(a, b string) int {
	for a != "" || b != "" {
		var p, q string
		p, a = until(a, isDigit)
		q, b = until(b, isDigit)
		if c := compareDebText(p, q); c != 0 {
			return c
		}
		notDigit := func(c byte) bool { return !isDigit(c) }
		p, a = until(a, notDigit)
		q, b = until(b, notDigit)
		if c := compareNumbers(p, q); c != 0 {
			return c
		}
	}
	return 0
}

// compareDebText compares byte by byte: a tilde comes before the end, and letters
// before all else.
func compareDebText(a, b string) int {
	weight := func(s string, i int) int {
		switch {
		case i >= len(s):
			return 0
		case s[i] == '~':
			return -1
		case isLetter(s[i]):
			return int(s[i])
		}
		return int(s[i]) + 256
	}
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(weight(a, i), weight(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// until cuts s before the first byte for which stop says so.
func until(s string, stop func(byte) bool) (before, rest string) {
	for i := range len(s) {
		if stop(s[i]) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
