package vers

import (
	"cmp"
	"strings"
)

// semantic is a version as Semantic Versioning has it: numbers, and what comes
// before a release. What was built of it does not count.
type semantic struct {
	numbers []string
	pre     []string // nil: the release
}

// readSemver takes 1 to most numbers, as registries let some be left out, and a v
// before them, as Go's have.
func readSemver(text string, most int) (s semantic, ok bool) {
	text, build, hasBuild := strings.Cut(text, "+")
	if hasBuild && !identifiers(build) {
		return s, false
	}
	numbers, pre, hasPre := strings.Cut(strings.TrimPrefix(text, "v"), "-")
	s.numbers = strings.Split(numbers, ".")
	if len(s.numbers) > most {
		return s, false
	}
	for _, n := range s.numbers {
		if !allDigits(n) {
			return s, false
		}
	}
	if hasPre {
		s.pre = strings.Split(strings.ToLower(pre), ".")
	}
	return s, !hasPre || identifiers(pre)
}

// identifiers reports whether s is words with a dot between them.
func identifiers(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" {
			return false
		}
		for _, c := range []byte(word) {
			if !isLetter(c) && !isDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func isSemver(s string) bool {
	_, ok := readSemver(s, 3)
	return ok
}

// isNuget takes a fourth number.
func isNuget(s string) bool {
	_, ok := readSemver(s, 4)
	return ok
}

// compareSemver compares by numbers, and then by what comes before a release:
// numbers before words, and fewer words before more. Upper and lower case are the
// same, as NuGet has it; other registries do not let both exist.
func compareSemver(a, b string) int {
	x, _ := readSemver(a, 4)
	y, _ := readSemver(b, 4)
	if c := compareDotted(x.numbers, y.numbers); c != 0 {
		return c
	}
	if x.pre == nil || y.pre == nil {
		return cmp.Compare(isRelease(x), isRelease(y))
	}
	for i := range min(len(x.pre), len(y.pre)) {
		if c := compareIdentifier(x.pre[i], y.pre[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x.pre), len(y.pre))
}

func isRelease(s semantic) int {
	if s.pre == nil {
		return 1
	}
	return 0
}

func compareIdentifier(a, b string) int {
	switch p, q := allDigits(a), allDigits(b); {
	case p && q:
		return compareNumbers(a, b)
	case p:
		return -1
	case q:
		return 1
	}
	return cmp.Compare(a, b)
}

// compareDotted compares numbers one by one; what is missing is 0.
func compareDotted(a, b []string) int {
	for i := range max(len(a), len(b)) {
		var p, q string
		if i < len(a) {
			p = a[i]
		}
		if i < len(b) {
			q = b[i]
		}
		if c := compareNumbers(p, q); c != 0 {
			return c
		}
	}
	return 0
}

// isIntdot takes numbers with dots between them.
func isIntdot(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !allDigits(part) {
			return false
		}
	}
	return true
}

func compareIntdot(a, b string) int {
	return compareDotted(strings.Split(a, "."), strings.Split(b, "."))
}
