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

// perName is what a name takes beside its text, bytes: its place, its counts.
const perName = 4 + 16

// names are the names of one kind in one buffer, as searches compare them, with
// their counts: 21 bytes a name, and the name itself.
type names struct {
	by     pkgmeter.Key
	text   []byte   // names in the order of their ids, each with nameEnd
	starts []uint32 // by id
	counts []tally  // by id; may be longer or shorter than starts
	next   int      // the id from which on names were not read yet
	part   bool     // some names found no room

	common [256]int // how often each byte is in the buffer
}

// put adds the name of an id behind all others, and returns what that takes. Once it
// would be more than the room there is, neither it nor a later one is ever found.
func (n *names) put(id int, name string, room int) (taken int) {
	n.next = id + 1
	name = foldName(n.by, name)
	taken = (id+1-len(n.starts))*(perName+1) + len(name)
	if n.part = n.part || taken > room; n.part {
		return 0
	}
	for len(n.starts) < id {
		n.starts = append(n.starts, uint32(len(n.text)))
		n.text = append(n.text, nameEnd)
	}
	n.starts = append(n.starts, uint32(len(n.text)))
	n.text = append(append(n.text, name...), nameEnd)
	for _, c := range []byte(name) {
		n.common[c]++
	}
	return taken
}

// rarest returns the place of the byte of a word that is in the fewest names.
func (n *names) rarest(word []byte) (at int) {
	for i, c := range word {
		if n.common[c] < n.common[word[at]] {
			at = i
		}
	}
	return at
}

// seek returns where a word is from a place on, -1 for nowhere. It is looked for by
// its rarest byte, which lies at the given place in it.
func (n *names) seek(from int, word []byte, rare int) int {
	for at := from + rare; at < len(n.text); at++ {
		i := bytes.IndexByte(n.text[at:], word[rare])
		if i < 0 {
			return -1
		}
		at += i
		if bytes.HasPrefix(n.text[at-rare:], word) {
			return at - rare
		}
	}
	return -1
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
)

// begins returns where a name begins: at its first byte, a package behind its
// type once more, and its last part.
func begins(by pkgmeter.Key, name []byte) (places [3]int) {
	if by == pkgmeter.ByPackage {
		places[1] = bytes.IndexByte(name, '/') + 1
	}
	places[2] = bytes.LastIndexByte(name, '/') + 1
	return places
}

// fit returns how well a name fits a word that is in it, first at the given place.
// Worse than most need not be told apart: that takes longer.
func fit(by pkgmeter.Key, name, word []byte, first, most int) int {
	if most == fitsWhole && !bytes.HasSuffix(name, word) {
		return fitsInside
	}
	best := fitsInside
	for _, place := range begins(by, name) {
		if bytes.HasPrefix(name[place:], word) {
			if len(name)-place == len(word) {
				return fitsWhole
			}
			best = fitsStart
		}
	}
	if best == fitsStart || most < fitsWord {
		return best
	}
	for i := first; ; {
		if wordBegins(name, i) {
			return fitsWord
		}
		next := bytes.Index(name[i+1:], word)
		if next < 0 {
			return fitsInside
		}
		i += 1 + next
	}
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

// most returns how badly a match may fit and still be one of the best n: fitsNot
// for as badly as can be, -1 for none.
func (h worst) most(m match, n int) int {
	if len(h) < n {
		return fitsNot
	}
	top := h[0]
	if m.fit = top.fit; better(m, top) < 0 {
		return top.fit
	}
	return top.fit - 1
}

func (h *worst) put(m match, n int) {
	if len(*h) < n {
		heap.Push(h, m)
	} else if better(m, (*h)[0]) < 0 {
		(*h)[0] = m
		heap.Fix(h, 0)
	}
}

// find returns the best matches of words, at most most and one, so that the
// caller knows whether there are more. Only what has hits is found. That a word is
// in nearly every name is what takes longest: all of it is to be cheap then.
func (n *names) find(words [][]byte, most int, measure pkgmeter.Measure, counts []tally) []match {
	if len(words) == 0 {
		return nil
	}
	// The longest word is in the fewest names.
	slices.SortStableFunc(words, func(a, b []byte) int { return cmp.Compare(len(b), len(a)) })
	rare := n.rarest(words[0])
	var top worst
	for id, from := 0, 0; from < len(n.text); {
		i := n.seek(from, words[0], rare)
		if i < 0 {
			break
		}
		id = n.idAt(id, i)
		start, name := int(n.starts[id]), n.at(id)
		if id < len(counts) && counts[id].hits > 0 {
			m := match{id: uint32(id), value: counts[id].downloads, tally: counts[id], name: name}
			if measure == pkgmeter.ByHits {
				m.value = m.hits
			}
			if worst := top.most(m, most+1); worst >= 0 && m.fits(n.by, words, i-start, worst) {
				top.put(m, most+1)
			}
		}
		from = start + len(name) + 1
	}
	slices.SortFunc(top, better)
	return top
}

// fits reports whether all words are in the name, and sums up how well it fits
// each of them. The first one is at the given place.
func (m *match) fits(by pkgmeter.Key, words [][]byte, first, most int) bool {
	m.fit = fit(by, m.name, words[0], first, most)
	for _, w := range words[1:] {
		at := bytes.Index(m.name, w)
		if at < 0 {
			return false
		}
		m.fit += fit(by, m.name, w, at, fitsNot)
	}
	return true
}

// idAt returns the id of the name in which a place of the buffer lies, which is
// not before the given one. It is looked for in ever larger steps: where matches
// are many, the next one is near.
func (n *names) idAt(id, at int) int {
	step := 1
	for id+step < len(n.starts) && int(n.starts[id+step]) <= at {
		id += step
		step *= 2
	}
	for ; step > 0; step /= 2 {
		if id+step < len(n.starts) && int(n.starts[id+step]) <= at {
			id += step
		}
	}
	return id
}
