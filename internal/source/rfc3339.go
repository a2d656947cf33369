package source

import (
	"bytes"
	"time"
)

// The places of a time in RFC 3339, and its least and most bytes.
const (
	letterAt    = len("2006-01-02")
	hourEnds    = len("2006-01-02T15")
	secondsAt   = len("2006-01-02T15:04:")
	secondsEnd  = len("2006-01-02T15:04:05")
	shortest    = len("2006-01-02T15:04:05Z")
	zoneLen     = len("+00:00")
	longestTime = 64
)

// rfc3339 reads a time, and nothing else that package time takes for one.
func rfc3339(b []byte) (t time.Time, ok bool) {
	if len(b) < shortest || len(b) > longestTime {
		return t, false
	}
	if isStrict(b) && t.UnmarshalText(b) == nil {
		return t, true
	}
	return rareTime(b)
}

// rareTime reads what the standard has and package time has not. The letters
// may be small, and a leap second is read as the one before: it stays in its day.
func rareTime(b []byte) (t time.Time, ok bool) {
	s := bytes.Clone(b)
	s[letterAt] &^= 0x20
	if last := &s[len(s)-1]; *last == 'z' {
		*last = 'Z'
	}
	leap := string(s[secondsAt:secondsEnd]) == "60"
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
	if s[hourEnds] != ':' || s[secondsEnd] == ',' {
		return false
	}
	if s[len(s)-1] == 'Z' {
		return true
	}
	zone := s[len(s)-zoneLen:]
	return string(zone[1:3]) < "24" && string(zone[4:]) < "60"
}
