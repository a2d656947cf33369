package source

import (
	"bytes"
	"time"
)

// rfc3339 reads a time, and nothing else that package time takes for one. The
// letters may be small, as the standard has it, and a leap second is read as the
// one before: it stays in its day.
func rfc3339(b []byte) (t time.Time, ok bool) {
	const (
		letterAt, secondsAt = len("2006-01-02"), len("2006-01-02T15:04:")
		shortest, longest   = len("2006-01-02T15:04:05Z"), 64
	)
	if len(b) < shortest || len(b) > longest {
		return t, false
	}
	var buf [longest]byte
	s := buf[:copy(buf[:], b)]
	s[letterAt] &^= 0x20
	if last := &s[len(s)-1]; *last == 'z' {
		*last = 'Z'
	}
	leap := string(s[secondsAt:secondsAt+2]) == "60"
	if leap {
		copy(s[secondsAt:], "59")
	}
	if !isStrict(s) || t.UnmarshalText(s) != nil {
		return t, false
	}
	if utc := t.UTC(); leap && (utc.Hour() != 23 || utc.Minute() != 59) {
		return t, false
	}
	return t, true
}

// isStrict reports whether s has none of the spellings that package time takes
// beside those of the standard (go.dev/issue/54580): an hour of one digit, a
// comma before the fraction, and an offset of a day or more.
func isStrict(s []byte) bool {
	const hourEnds, offset = len("2006-01-02T15"), len("+00:00")
	if s[hourEnds] != ':' || bytes.IndexByte(s, ',') >= 0 {
		return false
	}
	if s[len(s)-1] == 'Z' {
		return true
	}
	zone := s[len(s)-offset:]
	return string(zone[1:3]) < "24" && string(zone[4:]) < "60"
}
