package source

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be nested. It bounds the stack.
const maxDepth = 64

// A kind is the type of a JSON value. Those from array on hold other values.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// String returns k as a sentence calls it.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// A wrongKind is the error of a value that is no object.
type wrongKind kind

func (k wrongKind) Error() string { return "want an object, got " + kind(k).String() }

// A span is a range of bytes of the source.
type span struct{ from, to int32 }

// A node is a JSON value where it stands: names and texts are spans of the
// source without their quotes, and are unescaped only when somebody asks.
type node struct {
	key, val   span
	next       int32 // the node after this one and everything below it
	kind       kind
	keyEscaped bool
	escaped    bool
}

// A tree is one JSON value with everything below it, in document order:
// nodes[0] is the value, and what node i holds are the nodes from i+1 to before
// nodes[i].next. Names may repeat. It accepts what RFC 8259 does, if that is
// UTF-8 and not nested too deep. encoding/json would lose order, repeated names
// and the spelling of numbers.
type tree struct {
	src    []byte
	nodes  []node
	pos    int
	custom map[string]meaning // of keys, before the known ones; parse keeps it
}

// parse replaces t by the value at src[pos:] and returns where it ends, which
// must be white space or the end of src. Offsets in errors count from the start
// of src. t keeps src.
func (t *tree) parse(src []byte, pos int) (int, error) {
	t.src, t.pos, t.nodes = src, pos, t.nodes[:0]
	if err := t.value(span{}, false, 0); err != nil {
		return 0, err
	}
	if t.pos < len(src) && !isSpace(src[t.pos]) {
		return 0, t.unexpected("after the value")
	}
	return t.pos, nil
}

// value reads the value at pos as a node that has the given name.
func (t *tree) value(key span, keyEscaped bool, depth int) (err error) {
	if t.pos == len(t.src) {
		return t.unexpected("where a value should be")
	}
	i, start := len(t.nodes), t.pos
	t.nodes = append(t.nodes, node{key: key, keyEscaped: keyEscaped})
	var k kind
	switch c := t.src[start]; c {
	case '"':
		n := &t.nodes[i]
		n.kind, n.next = text, int32(i+1)
		n.val, n.escaped, err = t.text()
		return err
	case '{', '[':
		if depth == maxDepth {
			return &flaw{what: "nested deeper than " + strconv.Itoa(maxDepth) + " levels", at: start}
		}
		t.pos++
		k = array
		if c == '{' {
			k = object
		}
		err = t.members(c == '{', depth+1)
	default:
		k, err = t.literal(c)
	}
	n := &t.nodes[i] // only now: the slice may have moved
	n.kind, n.next = k, int32(len(t.nodes))
	n.val = span{int32(start), int32(t.pos)}
	return err
}

// members reads what an array or an object holds, with the closing bracket.
func (t *tree) members(named bool, depth int) (err error) {
	closing := byte(']')
	if named {
		closing = '}'
	}
	if t.space(); t.accept(closing) {
		return nil
	}
	for {
		var key span
		var escaped bool
		if named {
			if t.pos == len(t.src) || t.src[t.pos] != '"' {
				return t.unexpected("where a member name should be")
			}
			if key, escaped, err = t.text(); err != nil {
				return err
			}
			if t.space(); !t.accept(':') {
				return t.unexpected("where a colon should be")
			}
			t.space()
		}
		if err := t.value(key, escaped, depth); err != nil {
			return err
		}
		t.space()
		if t.accept(closing) {
			return nil
		}
		if !t.accept(',') {
			return t.unexpected("where a comma or a closing bracket should be")
		}
		t.space()
	}
}

// text reads the string at pos, which begins with a quote. escaped says whether
// it holds a backslash.
func (t *tree) text() (s span, escaped bool, err error) {
	src, start := t.src, t.pos+1
	i := start
	for {
		for len(src)-i >= 8 && plain(binary.LittleEndian.Uint64(src[i:])) {
			i += 8
		}
		for i < len(src) && src[i] >= ' ' && src[i] != '"' && src[i] != '\\' && src[i] < utf8.RuneSelf {
			i++
		}
		t.pos = i
		if i == len(src) {
			return s, false, t.unexpected("inside a string")
		}
		switch c := src[i]; {
		case c == '"':
			t.pos++
			return span{int32(start), int32(i)}, escaped, nil
		case c == '\\':
			escaped = true
			n := escapeLen(src[i:])
			if n == 0 {
				return s, false, &flaw{what: "not JSON: bad escape", at: i}
			}
			i += n
		case c < ' ':
			return s, false, t.unexpected("inside a string")
		default:
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				return s, false, &flaw{what: "invalid UTF-8", at: i}
			}
			i += n
		}
	}
}

// plain reports whether all eight bytes of x are ASCII that a string may hold
// as it is. A byte's top bit is set where the byte is not ASCII, or less than
// what is taken from it: a space, or one where it equals the quote or backslash.
func plain(x uint64) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	return (x|(x-each*' ')|((x^each*'"')-each)|((x^each*'\\')-each))&top == 0
}

// escapeLen returns the length of the escape that b begins with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four digits of an escape.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// literal reads null, a boolean or a number, of which c is the first byte.
func (t *tree) literal(c byte) (kind, error) {
	switch {
	case c == '-' || isDigit(c):
		return number, t.number()
	case t.word("null"):
		return null, nil
	case t.word("true"), t.word("false"):
		return boolean, nil
	}
	return null, t.unexpected("where a value should be")
}

// word takes w where it stands at pos. What follows it is for the caller of
// value to judge, who knows what may.
func (t *tree) word(w string) bool {
	if len(t.src)-t.pos < len(w) || string(t.src[t.pos:t.pos+len(w)]) != w {
		return false
	}
	t.pos += len(w)
	return true
}

// number checks the grammar only: the text is kept, as no Go type holds every
// number that JSON can write.
func (t *tree) number() error {
	t.accept('-')
	if !t.accept('0') && !t.digits() {
		return t.unexpected("inside a number")
	}
	if t.accept('.') && !t.digits() {
		return t.unexpected("inside a number")
	}
	if t.accept('e') || t.accept('E') {
		if !t.accept('+') {
			t.accept('-')
		}
		if !t.digits() {
			return t.unexpected("inside a number")
		}
	}
	return nil
}

func (t *tree) digits() bool {
	start := t.pos
	for t.pos < len(t.src) && isDigit(t.src[t.pos]) {
		t.pos++
	}
	return t.pos > start
}

func (t *tree) accept(c byte) bool {
	if t.pos < len(t.src) && t.src[t.pos] == c {
		t.pos++
		return true
	}
	return false
}

func (t *tree) space() { t.pos = skipSpace(t.src, t.pos) }

// unexpected says what is wrong with the byte at pos.
func (t *tree) unexpected(where string) error {
	if t.pos >= len(t.src) {
		return &flaw{what: "unterminated JSON: it ends", at: len(t.src), where: where}
	}
	r, n := utf8.DecodeRune(t.src[t.pos:])
	switch {
	case r == 0:
		return &flaw{what: "NUL byte", at: t.pos}
	case r == utf8.RuneError && n == 1:
		return &flaw{what: "invalid UTF-8", at: t.pos}
	}
	return &flaw{what: "not JSON:", char: r, at: t.pos, where: where}
}

// A flaw says why a text is no JSON. It becomes a sentence only when somebody
// reads it, as a body of bad lines has a hundred thousand.
type flaw struct {
	what  string
	char  rune // the offending one, 0 if that is not the point
	at    int
	where string
}

func (f *flaw) Error() string {
	s := f.what
	if f.char != 0 {
		s += " " + strconv.QuoteRune(f.char)
	}
	s += " at offset " + strconv.Itoa(f.at)
	if f.where != "" {
		s += " " + f.where
	}
	return s
}

// children calls yield with the index of each value that node i holds.
func (t *tree) children(i int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for c := i + 1; c < int(t.nodes[i].next); c = int(t.nodes[c].next) {
			if !yield(c) {
				return
			}
		}
	}
}

// key returns the name of node i. It may be part of the source.
func (t *tree) key(i int) []byte {
	n := &t.nodes[i]
	return unescape(t.src[n.key.from:n.key.to], n.keyEscaped)
}

// scalar returns the text of node i, a string or a number as it is written; ok
// is false for anything else. It may be part of the source.
func (t *tree) scalar(i int) (s []byte, ok bool) {
	n := &t.nodes[i]
	if n.kind != text && n.kind != number {
		return nil, false
	}
	return unescape(t.src[n.val.from:n.val.to], n.escaped), true
}

// raw returns the bytes of node i as they stand, a string with its quotes.
func (t *tree) raw(i int) []byte {
	n := &t.nodes[i]
	if n.kind == text {
		return t.src[n.val.from-1 : n.val.to+1]
	}
	return t.src[n.val.from:n.val.to]
}

// unescape undoes the escapes of a scanned string. A surrogate without its
// other half becomes U+FFFD, as in encoding/json.
func unescape(s []byte, escaped bool) []byte {
	if !escaped {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		if s[i+1] != 'u' {
			out = append(out, unescapeByte(s[i+1]))
			i += 2
			continue
		}
		r, _ := hex4(s[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u'
			if ok {
				low, _ = hex4(s[i+2:])
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// unescapeByte returns what a backslash and c stand for, c being checked.
func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// appendQuoted appends s, which is UTF-8, as a JSON string. It is never longer
// than any other way to write s.
func appendQuoted(dst, s []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(dst, '"')
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// trimSpace returns b without JSON's white space at its end.
func trimSpace(b []byte) []byte { return bytes.TrimRight(b, " \n\t\r") }

// isSpace reports whether c is white space to JSON.
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
