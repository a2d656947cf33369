package vers

import (
	"cmp"
	"slices"
	"strings"
)

// item is a part of a version of Maven: a number, a word, or the list that a
// hyphen begins.
type item struct {
	number string // digits
	word   string // as it is compared
	list   []item
	kind   int
}

// The kinds of items, in the order in which they come where they differ.
const (
	wordItem = iota
	listItem
	numberItem
)

// mavenOrder is how known words are compared, "" being the release.
var mavenOrder = []string{"alpha", "beta", "milestone", "rc", "snapshot", "", "sp"}

// release is where the release itself stands in that order.
const release = "5"

func newWord(word string, beforeDigit bool) item {
	if beforeDigit && len(word) == 1 {
		switch word {
		case "a":
			word = "alpha"
		case "b":
			word = "beta"
		case "m":
			word = "milestone"
		}
	}
	switch word {
	case "ga", "final", "release":
		word = ""
	case "cr":
		word = "rc"
	}
	if i := slices.Index(mavenOrder, word); i >= 0 {
		return item{kind: wordItem, word: string(rune('0' + i))}
	}
	return item{kind: wordItem, word: "7-" + word}
}

func (it item) empty() bool {
	switch it.kind {
	case numberItem:
		return strings.Trim(it.number, "0") == ""
	case wordItem:
		return it.word == release
	default:
		return len(it.list) == 0
	}
}

// isMaven takes what has a digit, and none of the signs by which Maven's own
// ranges and properties are written.
func isMaven(s string) bool {
	return strings.ContainsAny(s, "0123456789") && !strings.ContainsAny(s, "[](),${} ") && len(s) <= 255
}

// readMaven splits a version at dots, hyphens and between digits and other bytes.
func readMaven(version string) []item {
	version = strings.ToLower(version)
	lists := [][]item{nil} // each of them is the last item of the one before
	add := func(it item) { lists[len(lists)-1] = append(lists[len(lists)-1], it) }
	sub := func() { lists = append(lists, nil) }
	start, digits := 0, false
	part := func(end int) {
		switch {
		case end == start:
			add(item{kind: numberItem})
		case digits:
			add(item{kind: numberItem, number: version[start:end]})
		default:
			add(newWord(version[start:end], false))
		}
	}
	for i := range len(version) {
		switch c := version[i]; {
		case c == '.':
			part(i)
			start = i + 1
		case c == '-':
			part(i)
			start = i + 1
			sub()
		case isDigit(c):
			if !digits && i > start {
				add(newWord(version[start:i], true))
				start = i
				sub()
			}
			digits = true
		default:
			if digits && i > start {
				part(i)
				start = i
				sub()
			}
			digits = false
		}
	}
	if start < len(version) {
		if !digits && len(lists[len(lists)-1]) > 0 {
			sub() // 1.x is 1-x
		}
		part(len(version))
	}
	return joined(lists)
}

// joined puts each list at the end of the one before it, without what says nothing
// at the end of each.
func joined(lists [][]item) []item {
	for i := len(lists) - 1; i >= 0; i-- {
		if i+1 < len(lists) {
			lists[i] = append(lists[i], item{kind: listItem, list: lists[i+1]})
		}
		for j := len(lists[i]) - 1; j >= 0; j-- {
			if lists[i][j].empty() {
				lists[i] = slices.Delete(lists[i], j, j+1)
			} else if lists[i][j].kind != listItem {
				break
			}
		}
	}
	return lists[0]
}

func compareMaven(a, b string) int { return compareLists(readMaven(a), readMaven(b)) }

func compareLists(a, b []item) int {
	for i := range max(len(a), len(b)) {
		c := 0
		switch {
		case i >= len(a):
			c = -compareNothing(b[i])
		case i >= len(b):
			c = compareNothing(a[i])
		default:
			c = compareItems(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func compareItems(a, b item) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	switch a.kind {
	case numberItem:
		return compareNumbers(a.number, b.number)
	case wordItem:
		return cmp.Compare(a.word, b.word)
	default:
		return compareLists(a.list, b.list)
	}
}

// compareNothing compares an item with one that is not there.
func compareNothing(a item) int {
	switch a.kind {
	case numberItem:
		return compareNumbers(a.number, "")
	case wordItem:
		return cmp.Compare(a.word, release)
	}
	for _, it := range a.list {
		if c := compareNothing(it); c != 0 {
			return c
		}
	}
	return 0
}
