package source

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be nested. It bounds the stack.
const maxDepth = 64

// A scanner reads the tokens of JSON at a place in a text. It keeps none: what
// it returns are places.
type scanner struct {
	src []byte
	pos int
}

// skip reads the value at pos, which stands in depth arrays and objects, and
// forgets it.
func (sc *scanner) skip(depth int) (kind, error) {
	if sc.pos == len(sc.src) {
		return null, sc.unexpected("where a value should be")
	}
	switch c := sc.src[sc.pos]; c {
	case '"':
		_, _, err := sc.text()
		return text, err
	case '{', '[':
		if depth == maxDepth {
			return null, sc.tooDeep()
		}
		sc.pos++
		return holder(c), sc.skipMembers(closingOf(c), depth+1)
	default:
		return sc.literal(c)
	}
}

func (sc *scanner) skipMembers(closing byte, depth int) error {
	for first := true; ; first = false {
		_, _, more, err := sc.member(closing, first)
		if err != nil || !more {
			return err
		}
		if _, err := sc.skip(depth); err != nil {
			return err
		}
	}
}

// holder returns what begins with that bracket.
func holder(opening byte) kind {
	if opening == '{' {
		return object
	}
	return array
}

// closingOf returns the other half of [ or {.
func closingOf(opening byte) byte { return opening + 2 }

// member goes on to the next value that an array or an object holds, past its
// name if it has one. more is false behind the closing bracket.
func (sc *scanner) member(closing byte, first bool) (key span, escaped, more bool, err error) {
	if sc.space(); sc.accept(closing) {
		return key, false, false, nil
	}
	if !first {
		if !sc.accept(',') {
			return key, false, false, sc.unexpected("where a comma or a closing bracket should be")
		}
		sc.space()
	}
	if closing == '}' {
		key, escaped, err = sc.name()
	}
	return key, escaped, err == nil, err
}

// name reads the name of a member, and the colon behind it.
func (sc *scanner) name() (key span, escaped bool, err error) {
	if sc.pos == len(sc.src) || sc.src[sc.pos] != '"' {
		return key, false, sc.unexpected("where a member name should be")
	}
	if key, escaped, err = sc.text(); err != nil {
		return key, false, err
	}
	if sc.space(); !sc.accept(':') {
		return key, false, sc.unexpected("where a colon should be")
	}
	sc.space()
	return key, escaped, nil
}

// text reads the string at pos, which begins with a quote. escaped says whether
// it holds a backslash.
func (sc *scanner) text() (s span, escaped bool, err error) {
	src, start := sc.src, sc.pos+1
	i := start
	for {
		for len(src)-i >= 8 {
			special := special(binary.LittleEndian.Uint64(src[i:]))
			i += bits.TrailingZeros64(special) / 8 // 8 if there is none
			if special != 0 {
				break
			}
		}
		for i < len(src) && src[i] >= ' ' && src[i] != '"' && src[i] != '\\' && src[i] < utf8.RuneSelf {
			i++
		}
		sc.pos = i
		if i == len(src) {
			return s, false, sc.unexpected("inside a string")
		}
		switch c := src[i]; {
		case c == '"':
			sc.pos++
			return span{int32(start), int32(i)}, escaped, nil
		case c == '\\':
			escaped = true
			n := escapeLen(src[i:])
			if n == 0 {
				return s, false, &flaw{what: "not JSON: bad escape", at: i}
			}
			i += n
		case c < ' ':
			return s, false, sc.unexpected("inside a string")
		default:
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				return s, false, &flaw{what: "invalid UTF-8", at: i}
			}
			i += n
		}
	}
}

// special finds, in eight bytes, the first that a string cannot hold as it is or
// that is not ASCII: the lowest bit that is set is the top one of that byte. The
// top bit of a byte is set if it is not ASCII, or less than what is taken from
// it: a space, or one where it equals the quote or backslash. What is borrowed
// goes to bytes above one that is set already.
func special(x uint64) uint64 {
	const each, top = 0x0101010101010101, 0x8080808080808080
	return (x | (x - each*' ') | ((x ^ each*'"') - each) | ((x ^ each*'\\') - each)) & top
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
func (sc *scanner) literal(c byte) (kind, error) {
	switch {
	case c == '-' || isDigit(c):
		return number, sc.number()
	case sc.word("null"):
		return null, nil
	case sc.word("true"), sc.word("false"):
		return boolean, nil
	}
	return null, sc.unexpected("where a value should be")
}

// word takes w where it stands at pos. What follows it is for the caller of
// value to judge, who knows what may.
func (sc *scanner) word(w string) bool {
	if len(sc.src)-sc.pos < len(w) || string(sc.src[sc.pos:sc.pos+len(w)]) != w {
		return false
	}
	sc.pos += len(w)
	return true
}

// number checks the grammar only: the text is kept, as no Go type holds every
// number that JSON can write.
func (sc *scanner) number() error {
	sc.accept('-')
	if !sc.accept('0') && !sc.digits() {
		return sc.unexpected("inside a number")
	}
	if sc.accept('.') && !sc.digits() {
		return sc.unexpected("inside a number")
	}
	if sc.accept('e') || sc.accept('E') {
		if !sc.accept('+') {
			sc.accept('-')
		}
		if !sc.digits() {
			return sc.unexpected("inside a number")
		}
	}
	return nil
}

func (sc *scanner) digits() bool {
	start := sc.pos
	for sc.pos < len(sc.src) && isDigit(sc.src[sc.pos]) {
		sc.pos++
	}
	return sc.pos > start
}

func (sc *scanner) accept(c byte) bool {
	if sc.pos < len(sc.src) && sc.src[sc.pos] == c {
		sc.pos++
		return true
	}
	return false
}

func (sc *scanner) space() { sc.pos = skipSpace(sc.src, sc.pos) }

// unexpected says what is wrong with the byte at pos.
func (sc *scanner) unexpected(where string) error {
	if sc.pos >= len(sc.src) {
		return &flaw{what: "unterminated JSON: it ends", at: len(sc.src), where: where}
	}
	r, n := utf8.DecodeRune(sc.src[sc.pos:])
	switch {
	case r == 0:
		return &flaw{what: "NUL byte", at: sc.pos}
	case r == utf8.RuneError && n == 1:
		return &flaw{what: "invalid UTF-8", at: sc.pos}
	}
	return &flaw{what: "not JSON:", char: r, at: sc.pos, where: where}
}

func (sc *scanner) tooDeep() error {
	return &flaw{what: "nested deeper than " + strconv.Itoa(maxDepth) + " levels", at: sc.pos}
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

const byteOrderMark = "\xef\xbb\xbf"

// skipMark returns where the text in b begins, past a byte order mark.
func skipMark(b []byte) int {
	if bytes.HasPrefix(b, []byte(byteOrderMark)) {
		return len(byteOrderMark)
	}
	return 0
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
