package sqlite

import (
	"bytes"
	"cmp"
	"container/heap"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// nameEnd stands behind each name of a buffer. It is in no UTF-8.
const nameEnd = '\xff'

// tally is what names are ranked by, of all days.
type tally struct{ downloads, hits int64 }

func (t *tally) add(m pkgmeter.Measures) {
	if t != nil {
		t.downloads += m.Downloads
		t.hits += m.Hits
	}
}

// names are the names of one kind in one buffer, as searches compare them, with
// their counts: 21 bytes a name, and the name itself.
type names struct {
	by     pkgmeter.Key
	text   []byte   // names in the order of their ids, each with nameEnd
	starts []uint32 // by id
	counts []tally  // by id; may be longer or shorter than starts
	next   int      // the id from which on names were not read yet
	part   bool     // some names found no room
}

// put adds the name of an id behind all others. Once it would take more than the
// room there is, neither it nor a later one is ever found.
func (n *names) put(id int, name string, room int) {
	n.next = id + 1
	name = foldName(n.by, name)
	if n.part = n.part || id-len(n.starts)+len(name)+1 > room; n.part {
		return
	}
	for len(n.starts) < id {
		n.starts = append(n.starts, uint32(len(n.text)))
		n.text = append(n.text, nameEnd)
	}
	n.starts = append(n.starts, uint32(len(n.text)))
	n.text = append(append(n.text, name...), nameEnd)
}

// at returns the name of an id as it is compared.
func (n *names) at(id int) []byte {
	end := len(n.text)
	if id+1 < len(n.starts) {
		end = int(n.starts[id+1])
	}
	return n.text[n.starts[id] : end-1]
}

// tallyAt returns the counts of an id, nil for one that is never found.
func (n *names) tallyAt(id uint32) *tally {
	if n.part && int(id) >= len(n.starts) {
		return nil
	}
	for int(id) >= len(n.counts) {
		n.counts = append(n.counts, tally{})
	}
	return &n.counts[id]
}

// foldName returns a name as it is compared: a package without pkg: and without
// escapes, a group and its artifact with the slash that purls have.
func foldName(by pkgmeter.Key, name string) string {
	if by == pkgmeter.ByPackage {
		name = strings.ReplaceAll(unescape(strings.TrimPrefix(name, "pkg:")), ":", "/")
	}
	return strings.ToLower(name) // what is no UTF-8 becomes U+FFFD
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// foldWords returns the words of a search as they are compared with the names
// of a kind.
func foldWords(by pkgmeter.Key, text string) (words [][]byte) {
	for _, word := range strings.Fields(text) {
		if by == pkgmeter.ByPackage {
			word = packageWord(word)
		}
		if word = strings.ToLower(word); word != "" {
			words = append(words, []byte(word))
		}
	}
	return words
}

// packageWord takes off what a package's name does not have: the version and
// qualifiers of a purl, the version behind a group and an artifact.
func packageWord(word string) string {
	if len(word) >= 4 && strings.EqualFold(word[:4], "pkg:") {
		word, _, _ = strings.Cut(word[4:], "#")
		word, _, _ = strings.Cut(word, "?")
		if at := strings.LastIndexByte(word, '@'); at > strings.LastIndexByte(word, '/')+1 {
			word = word[:at]
		}
		return strings.ReplaceAll(unescape(word), ":", "/")
	}
	if !strings.Contains(word, "/") {
		if parts := strings.Split(word, ":"); len(parts) > 2 {
			word = parts[0] + ":" + parts[1]
		}
	}
	return strings.ReplaceAll(unescape(word), ":", "/")
}

// How well a name fits, the best first.
const (
	fitsWhole  = iota // it, or its last part, is the word
	fitsStart         // it, or its last part, begins with it
	fitsWord          // a word in it does
	fitsInside        // it is in it
	fitsNot

	noMatch = -1 // of several words, one is not there
)

// fit returns how well a name fits a word.
func fit(by pkgmeter.Key, name, word []byte) int {
	best := fitsNot
	var behindType, last int // where a name begins once more
	if by == pkgmeter.ByPackage {
		behindType = bytes.IndexByte(name, '/') + 1
	}
	last = bytes.LastIndexByte(name, '/') + 1
	for from := 0; from+len(word) <= len(name); {
		i := bytes.Index(name[from:], word)
		if i < 0 {
			break
		}
		i += from
		switch begins := i == 0 || i == behindType || i == last; {
		case begins && i+len(word) == len(name):
			return fitsWhole
		case begins:
			best = min(best, fitsStart)
		case best > fitsWord && wordBegins(name, i):
			best = fitsWord
		default:
			best = min(best, fitsInside)
		}
		from = i + 1
	}
	return best
}

func wordBegins(name []byte, i int) bool {
	before, _ := utf8.DecodeLastRune(name[:i])
	at, _ := utf8.DecodeRune(name[i:])
	inWord := unicode.IsLetter(before) || unicode.IsDigit(before)
	return !inWord && (unicode.IsLetter(at) || unicode.IsDigit(at))
}

// match is a name that fits.
type match struct {
	id    uint32
	fit   int
	value int64 // of the measure
	tally
	name []byte
}

// better orders matches, the best first. No two are equal.
func better(a, b match) int {
	return cmp.Or(cmp.Compare(a.fit, b.fit), cmp.Compare(b.value, a.value), cmp.Compare(b.hits, a.hits), bytes.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
}

// worst is a heap of matches with the worst one on top.
type worst []match

func (h worst) Len() int           { return len(h) }
func (h worst) Less(i, j int) bool { return better(h[i], h[j]) > 0 }
func (h worst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *worst) Push(v any)        { *h = append(*h, v.(match)) }
func (h *worst) Pop() any          { panic("only the top is replaced") }

// find returns the best matches of words, at most most and one, so that the
// caller knows whether there are more. Only what count says has hits is found.
func (n *names) find(words [][]byte, most int, measure pkgmeter.Measure, count func(id int) tally) []match {
	if len(words) == 0 {
		return nil
	}
	// The longest word is in the fewest names.
	needle := slices.MaxFunc(words, func(a, b []byte) int { return cmp.Compare(len(a), len(b)) })
	var top worst
	id := 0
	for from := 0; from < len(n.text); {
		i := bytes.Index(n.text[from:], needle)
		if i < 0 {
			break
		}
		id += n.idAt(id, from+i)
		name := n.at(id)
		from = int(n.starts[id]) + len(name) + 1
		if t := count(id); t.hits > 0 {
			m := match{id: uint32(id), value: t.downloads, tally: t, name: name}
			if measure == pkgmeter.ByHits {
				m.value = t.hits
			}
			top.offer(m, most+1, func() int { return fitAll(n.by, name, words) })
		}
		if id++; id == len(n.starts) {
			break
		}
	}
	slices.SortFunc(top, better)
	return top
}

// offer keeps a match if it is one of the best ones. How well it fits is asked
// only where it can be.
func (h *worst) offer(m match, most int, fits func() int) {
	if full := len(*h) == most; full && better(m, (*h)[0]) > 0 { // even as a whole one
		return
	}
	if m.fit = fits(); m.fit == noMatch {
		return
	}
	if len(*h) < most {
		heap.Push(h, m)
	} else if better(m, (*h)[0]) < 0 {
		(*h)[0] = m
		heap.Fix(h, 0)
	}
}

// fitAll sums up how well a name fits each word.
func fitAll(by pkgmeter.Key, name []byte, words [][]byte) (fits int) {
	for _, w := range words {
		f := fit(by, name, w)
		if f == fitsNot {
			return noMatch
		}
		fits += f
	}
	return fits
}

// idAt returns how many ids behind the given one the name is in which a place of
// the buffer lies. It is found in ever larger steps: the next match is near where
// matches are many.
func (n *names) idAt(id, at int) int {
	step := 1
	for id+step < len(n.starts) && int(n.starts[id+step]) <= at {
		step *= 2
	}
	low, high := id+step/2, min(id+step, len(n.starts))
	i, found := slices.BinarySearchFunc(n.starts[low:high], at, func(start uint32, at int) int { return cmp.Compare(int(start), at) })
	if !found {
		i--
	}
	return low + i - id
}
