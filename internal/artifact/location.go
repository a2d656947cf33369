package artifact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A location is a path made ready for recognisers: percent-decoded once, safe,
// without empty segments and without "." segments.
type location struct {
	path    string // all of it, without leading and trailing slash
	dir     string // all but the last segment, "" for a bare file name
	name    string // the last segment
	listing bool   // the path ended in a slash: it names a directory
	format  string // purl type that the repository is known to hold, or ""
}

// locate cleans a decoded path.
func locate(text, format string) location {
	at := location{path: strings.Trim(text, "/"), format: format}
	at.listing = len(text) > 0 && text[len(text)-1] == '/'
	if hasEmptySegment(at.path) {
		kept := strings.FieldsFunc(at.path, func(r rune) bool { return r == '/' })
		n := 0
		for _, segment := range kept {
			if segment != "." {
				kept[n] = segment
				n++
			}
		}
		at.path = strings.Join(kept[:n], "/")
	}
	at.dir, at.name = cutLast(at.path)
	return at
}

// hasEmptySegment reports whether a segment of s is nothing or a single dot.
func hasEmptySegment(s string) bool {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '/' {
			if i == start || (i == start+1 && s[start] == '.') {
				return true
			}
			start = i + 1
		}
	}
	return false
}

// bare reports whether the location is a file name and nothing else.
func (at location) bare() bool { return at.dir == "" && !at.listing }

// cutLast splits off the last segment of a path.
func cutLast(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// cutFirst splits off the first segment of a path.
func cutFirst(path string) (name, rest string) {
	name, rest, _ = strings.Cut(path, "/")
	return name, rest
}

// cutSuffix cuts a lower-case suffix off s, in whatever case s has it.
func cutSuffix(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n >= 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}

// decode resolves percent-escapes once. Malformed ones stay as they are.
func decode(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if isEscape(s, i) {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}

// rawLen returns how many bytes at the end of s decode to the last n bytes of
// what s decodes to. Escapes cannot overlap, since none has a % but its first
// byte, so they can be read from behind.
func rawLen(s string, n int) int {
	end := len(s)
	for ; n > 0 && end > 0; n-- {
		if end >= 3 && isEscape(s, end-3) {
			end -= 3
		} else {
			end--
		}
	}
	return len(s) - end
}

// isEscape reports whether a well-formed escape begins at s[i].
func isEscape(s string, i int) bool {
	return s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
}

func isHex(c byte) bool {
	return isDigit(c) || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F')
}

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// fit reports whether a decoded path may have coordinates: it climbs nowhere,
// is text, and has nothing in it that would break a line or a terminal.
func fit(text string) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c < ' ' || c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			// Rare enough to look at all of it again, rune by rune.
			return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) && !climbs(text)
		}
	}
	return !climbs(text)
}

// climbs reports whether one of the segments is "..".
func climbs(text string) bool {
	if !strings.Contains(text, "..") {
		return false
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment == ".." {
			return true
		}
	}
	return false
}

// hasSegment reports whether one of the directories has that name.
func hasSegment(dir, name string) bool {
	for at := 0; ; {
		i := strings.Index(dir[at:], name)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(name)
		if (begin == 0 || dir[begin-1] == '/') && (end == len(dir) || dir[end] == '/') {
			return true
		}
		at = end
	}
}

// cutLastHyphen splits at the last hyphen; without one, all is behind it.
func cutLastHyphen(s string) (head, tail string) {
	i := strings.LastIndexByte(s, '-')
	return s[:max(i, 0)], s[i+1:]
}

// spelledWith reports whether s begins with a letter or digit and has nothing
// else in it but these marks.
func spelledWith(s, marks string) bool {
	if s == "" || !isAlnum(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte(marks, s[i]) < 0 {
			return false
		}
	}
	return true
}

// isHexText reports whether s is a digest in hexadecimal, shortened or not.
func isHexText(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}
