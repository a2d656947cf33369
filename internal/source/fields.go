package source

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// maxKey is longer than any canonical key that means something.
const maxKey = 24

// canonical writes key in lower case and without - _ . and space to buf, so
// that file-name, fileName and FILE_NAME are one. It returns nil for a key that
// is too long to be known.
func canonical(buf *[maxKey]byte, key []byte) []byte {
	n := 0
	for _, c := range key {
		switch {
		case c == '-' || c == '_' || c == '.' || c == ' ':
			continue
		case n == maxKey:
			return nil
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		buf[n] = c
		n++
	}
	return buf[:n]
}

// blank reports whether s says nothing.
func blank(s []byte) bool { return len(bytes.TrimSpace(s)) == 0 }

// filePath returns what s says about where a file is, nil if nothing: of a URL
// only the path, less query and fragment; of a path what stands before the
// query. A bare name stays whole, as ? # and % are allowed in file names, and
// nothing is percent-decoded, as an event keeps what was received.
func filePath(s []byte) []byte {
	if blank(s) {
		return nil
	}
	if rest, ok := afterScheme(s); ok {
		end := bytes.IndexAny(rest, "?#")
		if end >= 0 {
			rest = rest[:end]
		}
		slash := bytes.IndexByte(rest, '/')
		if slash < 0 {
			return nil
		}
		s = rest[slash:]
	} else if s[0] == '/' {
		s, _, _ = bytes.Cut(s, []byte("?"))
	}
	if len(bytes.Trim(s, "/")) == 0 {
		return nil // a host, or the root of one
	}
	return s
}

// afterScheme returns what follows the "scheme://" of a URL.
func afterScheme(s []byte) (rest []byte, ok bool) {
	for i, c := range s {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return bytes.CutPrefix(s[i:], []byte("://"))
		default:
			return nil, false
		}
	}
	return nil, false
}

// A stem is a part of an event word that tells what happened.
type stem struct {
	text string
	op   pkgmeter.Op
}

// stems are the known ones, by what they begin with to make the search short.
var stems = ['u' + 1][]stem{
	'c': {{"creat", pkgmeter.Upload}},
	'd': {{"download", pkgmeter.Get}, {"delet", pkgmeter.Delete}, {"deploy", pkgmeter.Upload}},
	'f': {{"fetch", pkgmeter.Get}},
	'g': {{"get", pkgmeter.Get}},
	'p': {{"pull", pkgmeter.Get}, {"push", pkgmeter.Upload}, {"put", pkgmeter.Upload}, {"publish", pkgmeter.Upload}},
	'r': {{"read", pkgmeter.Get}, {"remov", pkgmeter.Delete}},
	'u': {{"upload", pkgmeter.Upload}},
}

// operation returns what an event word says was done; ok is false if it holds
// no known stem. Of several, a deletion wins over an upload and both win over a
// download: "deployment-removed" is a deletion, and a download must not be made
// of anything that is not clearly one.
func operation(word []byte) (op pkgmeter.Op, ok bool) {
	for i := range word {
		c := int(word[i] | 0x20)
		if c >= len(stems) {
			continue
		}
		for _, s := range stems[c] {
			if !hasPrefixFold(word[i:], s.text) {
				continue
			}
			if !ok || s.op > op { // Get < Upload < Delete
				op, ok = s.op, true
			}
		}
	}
	return op, ok
}

// hasPrefixFold reports whether s begins with prefix, which is in lower case.
func hasPrefixFold(s []byte, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if s[i]|0x20 != prefix[i] {
			return false
		}
	}
	return true
}

// size returns the number of bytes that s says, a whole number in decimal. One
// that no file can have is none: an odd number is no reason to lose an event.
func size(s []byte) (n int64, ok bool) {
	n, err := strconv.ParseInt(string(s), 10, 64)
	return n, err == nil && n >= 0 && n <= pkgmeter.MaxBytes
}

// layouts are the times that parseTime knows, the usual one first. All but the
// last three are tried on text in upper case with T for a space; a fraction
// after the seconds fits each of them. A time without a zone is UTC.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	time.DateOnly,
	"Mon, 02 Jan 2006 15:04:05 GMT",
	"Monday, 02-Jan-06 15:04:05 GMT",
	time.ANSIC,
}

// parseTime reads RFC 3339 and what is nearly that, HTTP dates, and seconds,
// milli-, micro- or nanoseconds since 1970, which their magnitude tells apart.
func parseTime(s []byte) (t time.Time, ok bool) {
	const longest = 64
	s = bytes.TrimSpace(s)
	if len(s) == 0 || len(s) > longest {
		return t, false
	}
	if t, ok := epoch(string(s)); ok {
		return t, true
	}
	value := string(s)
	if t, err := time.Parse(layouts[0], value); err == nil {
		return t.UTC(), true
	}
	if isDigit(s[0]) {
		value = isoTime(value)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), true
		}
	}
	return t, false
}

// isoTime spells a date that begins with digits as RFC 3339 does.
func isoTime(s string) string {
	const date = len(time.DateOnly)
	up := strings.ToUpper(s)
	if len(up) <= date || up[date] != ' ' {
		return up
	}
	clock := strings.ReplaceAll(strings.TrimSpace(up[date:]), " ", "")
	if zoneless, ok := strings.CutSuffix(clock, "UTC"); ok {
		clock = zoneless + "Z"
	}
	return up[:date] + "T" + clock
}

// epoch reads a number of units since 1970. Up to 1e11 they are seconds (the
// year 5138), and each unit further a thousand times that.
func epoch(s string) (t time.Time, ok bool) {
	for i := range len(s) {
		if c := s[i]; c > '9' && c|0x20 != 'e' || c < '+' {
			return t, false // ParseFloat knows words and hexadecimals
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch m := max(n, -n); {
		case m < 1e11:
			return time.Unix(n, 0).UTC(), true
		case m < 1e14:
			return time.UnixMilli(n).UTC(), true
		case m < 1e17:
			return time.UnixMicro(n).UTC(), true
		}
		return time.Unix(0, n).UTC(), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(f) >= math.MaxInt64 {
		return t, false
	}
	for limit := 1e11; math.Abs(f) >= limit && limit < 1e18; {
		f /= 1000
	}
	// A float of today's seconds is exact to a quarter of a microsecond.
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC(), true
}
