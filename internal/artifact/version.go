package artifact

import "strings"

// A scanner walks over a version. Its methods step over what they are named
// after and report whether it was there; otherwise they stay.
type scanner struct {
	text string
	at   int
}

func (s *scanner) done() bool { return s.at == len(s.text) }

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && isDigit(s.text[s.at]) {
		s.at++
	}
	return s.at > start
}

// exactly steps over n digits.
func (s *scanner) exactly(n int) bool {
	start := s.at
	if s.digits() && s.at-start == n {
		return true
	}
	s.at = start
	return false
}

// one steps over one byte out of set.
func (s *scanner) one(set string) bool {
	if s.at < len(s.text) && strings.IndexByte(set, s.text[s.at]) >= 0 {
		s.at++
		return true
	}
	return false
}

// dottedNumber steps over a dot and the number behind it.
func (s *scanner) dottedNumber() bool { return s.number(".") }

// number steps over a separator and the number behind it.
func (s *scanner) number(separators string) bool {
	start := s.at
	if s.one(separators) && s.digits() {
		return true
	}
	s.at = start
	return false
}

// word steps over the first of words that is next, in any case. Longer words
// stand before their own beginnings.
func (s *scanner) word(words []string) bool {
	for _, w := range words {
		if end := s.at + len(w); end <= len(s.text) && strings.EqualFold(s.text[s.at:end], w) {
			s.at = end
			return true
		}
	}
	return false
}

// qualifier steps over a word with an optional separator before it, and an
// optional number, with an optional separator, behind it.
func (s *scanner) qualifier(words []string, separators string) bool {
	start := s.at
	s.one(separators)
	if !s.word(words) {
		s.at = start
		return false
	}
	behind := s.at
	s.one(separators)
	if !s.digits() {
		s.at = behind
	}
	return true
}

// The words of PEP 440, longer ones first.
var (
	pep440Pre  = []string{"alpha", "beta", "preview", "pre", "rc", "a", "b", "c"}
	pep440Post = []string{"post", "rev", "r"}
	pep440Dev  = []string{"dev"}
)

// isPEP440 reports whether s is a Python version, in any spelling that PEP 440
// lets pass.
func isPEP440(text string) bool {
	s := scanner{text: text}
	s.one("vV")
	if !s.digits() {
		return false
	}
	if s.one("!") && !s.digits() {
		return false
	}
	for s.dottedNumber() {
	}
	s.qualifier(pep440Pre, "-_.")
	if !s.number("-") { // 1.0-1 is short for 1.0.post1
		s.qualifier(pep440Post, "-_.")
	}
	s.qualifier(pep440Dev, "-_.")
	if s.one("+") {
		return isLocalVersion(s.text[s.at:])
	}
	return s.done()
}

// isLocalVersion reports whether s may stand behind the + of a Python version.
func isLocalVersion(s string) bool {
	if s == "" {
		return false
	}
	word := false // whether the byte before was a letter or digit
	for _, c := range []byte(s) {
		switch {
		case isAlnum(c):
			word = true
		case word && strings.IndexByte("-_.", c) >= 0:
			word = false
		default:
			return false
		}
	}
	return word
}

// mavenWords are the qualifiers that occur in versions of Maven artifacts,
// longer ones before their own beginnings.
var mavenWords = []string{
	"snapshot", "milestone", "android", "release", "alpha", "final", "beta", "jre",
	"rc", "cr", "ga", "sp", "a", "b", "m",
}

// isMavenVersion reports whether s is a version, as far as a bare file name
// lets one tell: numbers, then known qualifiers.
func isMavenVersion(text string) bool {
	s := scanner{text: text}
	if !s.digits() {
		return false
	}
	for s.number("._") {
	}
	for !s.done() && s.qualifier(mavenWords, "._-") {
		if !s.done() && isLetter(s.text[s.at]) {
			return false // 1.0-bam is not b, a and m
		}
	}
	return s.done()
}

// cutTimestamp cuts the -20240131.235959-7 of a deployed snapshot off the end
// of s.
func cutTimestamp(s string) (string, bool) {
	build := strings.LastIndexByte(s, '-')
	if build < 0 {
		return s, false
	}
	day := strings.LastIndexByte(s[:build], '-')
	if day <= 0 || timestamp(s[day+1:]) != len(s)-day-1 {
		return s, false
	}
	return s[:day], true
}

// timestamp returns the length of the timestamp and build number with which s
// begins, 0 without one.
func timestamp(s string) int {
	sc := scanner{text: s}
	if sc.exactly(8) && sc.one(".") && sc.exactly(6) && sc.number("-") {
		return sc.at
	}
	return 0
}

// isSemver reports whether s is a version of the form 1.2.3-pre.1+build.
// Zeros before a number pass, as some registries let them.
func isSemver(text string) bool {
	s := scanner{text: text}
	if !s.digits() || !s.dottedNumber() || !s.dottedNumber() {
		return false
	}
	if s.one("-") && !semverIdentifiers(&s) {
		return false
	}
	if s.one("+") && !semverIdentifiers(&s) {
		return false
	}
	return s.done()
}

// semverIdentifiers steps over what stands behind a hyphen or plus of a version:
// words with a dot between them.
func semverIdentifiers(s *scanner) bool {
	for {
		start := s.at
		for s.at < len(s.text) && (isAlnum(s.text[s.at]) || s.text[s.at] == '-') {
			s.at++
		}
		if s.at == start {
			return false
		}
		if !s.one(".") {
			return true
		}
	}
}
