package catalog

import "encoding/json"

// maxDepth is how deep arrays and objects of a record may be nested. It bounds
// the stack.
const maxDepth = 64

// A scanner reads JSON at a place in a text. Its methods report whether it was
// well-formed so far.
type scanner struct {
	src []byte
	pos int
}

// members calls visit with the members of the object that src is, names and
// values as they are written. It reports whether src is an object and no more.
func members(src []byte, visit func(name, value []byte)) bool {
	s := scanner{src: src}
	return len(src) > 0 && src[0] == '{' && s.object(0, visit) && s.pos == len(src)
}

func (s *scanner) value(depth int) bool {
	if s.pos == len(s.src) {
		return false
	}
	switch c := s.src[s.pos]; c {
	case '"':
		return s.text()
	case '{':
		return depth < maxDepth && s.object(depth, nil)
	case '[':
		return depth < maxDepth && s.array(depth)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// object reads an object whose brace is next. visit may be nil.
func (s *scanner) object(depth int, visit func(name, value []byte)) bool {
	s.pos++
	if s.next('}') {
		return true
	}
	for {
		s.space()
		start := s.pos
		if !s.text() {
			return false
		}
		name := s.src[start+1 : s.pos-1]
		if !s.next(':') {
			return false
		}
		s.space()
		start = s.pos
		if !s.value(depth + 1) {
			return false
		}
		if visit != nil {
			visit(name, s.src[start:s.pos])
		}
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

func (s *scanner) array(depth int) bool {
	s.pos++
	if s.next(']') {
		return true
	}
	for {
		if s.space(); !s.value(depth + 1) {
			return false
		}
		if s.next(']') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

func (s *scanner) text() bool {
	if !s.accept('"') {
		return false
	}
	for {
		s.pos += plain(s.src[s.pos:])
		switch {
		case s.accept('"'):
			return true
		case !s.accept('\\') || !s.escape():
			return false // also at the end, and at a control character
		}
	}
}

// plain returns how many bytes of src come before one that means something in
// a text.
func plain(src []byte) int {
	for i, c := range src {
		if c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(src)
}

// escape reads what stands behind a backslash.
func (s *scanner) escape() bool {
	if s.pos == len(s.src) {
		return false
	}
	c := s.src[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.pos == len(s.src) || !isHex(s.src[s.pos]) {
				return false
			}
			s.pos++
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func (s *scanner) number() bool {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return false
	}
	if s.accept('.') && !s.digits() {
		return false
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) word(word string) bool {
	end := s.pos + len(word)
	if end > len(s.src) || string(s.src[s.pos:end]) != word {
		return false
	}
	s.pos = end
	return true
}

// next steps over white space and c, if that is what follows.
func (s *scanner) next(c byte) bool {
	s.space()
	return s.accept(c)
}

func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.src) && s.src[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// unquote returns the text that a value is; ok is false for other values.
func unquote(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	for _, c := range value[1 : len(value)-1] {
		if c == '\\' {
			return text, json.Unmarshal(value, &text) == nil
		}
	}
	return string(value[1 : len(value)-1]), true
}
