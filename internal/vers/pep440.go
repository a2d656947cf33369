package vers

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// pep440 is a Python version in any spelling that PEP 440 lets pass, in lower case.
var pep440 = regexp.MustCompile(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[-_.]?(alpha|beta|preview|pre|rc|a|b|c)[-_.]?([0-9]*))?` +
	`(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?` +
	`(?:[-_.]?(dev)[-_.]?([0-9]*))?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// python is a Python version in its parts.
type python struct {
	epoch                   string
	release                 []string
	phase                   int // of its development: see below
	pre, post, dev          string
	hasPre, hasPost, hasDev bool
	local                   []string
}

func readPEP440(text string) (p python, ok bool) {
	m := pep440.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return p, false
	}
	p.epoch, p.release = m[1], strings.Split(m[2], ".")
	p.pre, p.hasPre = m[4], m[3] != ""
	p.post, p.hasPost = m[5]+m[7], m[5] != "" || m[6] != ""
	p.dev, p.hasDev = m[9], m[8] != ""
	if m[10] != "" {
		p.local = strings.FieldsFunc(m[10], func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	}
	switch word := m[3]; {
	case word != "":
		// Anything but a and b is a candidate.
		p.phase = map[string]int{"a": 1, "alpha": 1, "b": 2, "beta": 2}[word]
		if p.phase == 0 {
			p.phase = 3
		}
	case p.hasDev && !p.hasPost:
		p.phase = 0 // before the first alpha
	default:
		p.phase = 4
	}
	return p, true
}

func isPEP440(s string) bool {
	_, ok := readPEP440(s)
	return ok
}

func comparePEP440(a, b string) int {
	x, _ := readPEP440(a)
	y, _ := readPEP440(b)
	return cmp.Or(
		compareNumbers(x.epoch, y.epoch),
		compareDotted(x.release, y.release),
		cmp.Compare(x.phase, y.phase),
		compareNumbers(x.pre, y.pre),
		cmp.Compare(one(x.hasPost), one(y.hasPost)),
		compareNumbers(x.post, y.post),
		cmp.Compare(one(!x.hasDev), one(!y.hasDev)),
		compareNumbers(x.dev, y.dev),
		slices.CompareFunc(x.local, y.local, compareLocal),
	)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareLocal compares parts of a local version: words before numbers.
func compareLocal(a, b string) int {
	switch p, q := allDigits(a), allDigits(b); {
	case p && q:
		return compareNumbers(a, b)
	case p:
		return 1
	case q:
		return -1
	}
	return cmp.Compare(a, b)
}
