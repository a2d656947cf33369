package source

import (
	"bytes"
	"time"
)

// A logClock reads times. It remembers the day of the line before.
type logClock struct {
	date string // as it was written
	from int64  // its midnight, seconds since 1970
}

// ncsa reads 10/Oct/2000:13:55:36 -0700.
func (c *logClock) ncsa(b []byte) (t time.Time, ok bool) {
	const dateLen, length = len("10/Oct/2000"), len("10/Oct/2000:13:55:36 -0700")
	if len(b) != length || b[dateLen] != ':' || b[length-6] != ' ' {
		return t, false
	}
	if string(b[:dateLen]) != c.date {
		month := bytes.Index([]byte("JanFebMarAprMayJunJulAugSepOctNovDec"), b[3:6])
		year, okYear := logNumber(b[7:11])
		day, okDay := logNumber(b[:2])
		if b[2] != '/' || b[6] != '/' || month < 0 || month%3 != 0 || !okYear || !okDay || !c.day(b[:dateLen], year, month/3+1, day) {
			return t, false
		}
	}
	seconds, ok := logSeconds(b[dateLen+1:])
	zone, okZone := logZone(b[length-5:])
	return time.Unix(c.from+seconds-zone, 0).UTC(), ok && okZone
}

// iso reads 2006-01-02T15:04:05.999Z and what programs make of it: a space for
// the T, slashes for the hyphens, a comma for the point, a zone without a colon
// or none, which is UTC.
func (c *logClock) iso(b []byte) (t time.Time, ok bool) {
	const dateLen, length = len("2006-01-02"), len("2006-01-02T15:04:05")
	if len(b) < length || len(b) > longestTime || b[dateLen]|0x20 != 't' && b[dateLen] != ' ' || !c.isoDate(b[:dateLen]) {
		return t, false
	}
	seconds, ok := logSeconds(b[dateLen+1:])
	rest := b[length:]
	nanos := int64(0)
	if ok && len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
		nanos, ok = logFraction(rest[1:n])
		rest = rest[n:]
	}
	zone, okZone := logZone(bytes.TrimPrefix(rest, []byte(" ")))
	return time.Unix(c.from+seconds-zone, nanos).UTC(), ok && okZone
}

// isoDate reads 2006-01-02 and remembers it.
func (c *logClock) isoDate(b []byte) bool {
	if string(b) == c.date {
		return true
	}
	if len(b) != len("2006-01-02") || b[4] != b[7] || b[4] != '-' && b[4] != '/' {
		return false
	}
	year, okYear := logNumber(b[:4])
	month, okMonth := logNumber(b[5:7])
	day, okDay := logNumber(b[8:])
	return okYear && okMonth && okDay && c.day(b, year, month, day)
}

// day remembers the midnight of a day, if there is one.
func (c *logClock) day(written []byte, year, month, day int) bool {
	d := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if d.Year() != year || int(d.Month()) != month || d.Day() != day {
		return false
	}
	c.date, c.from = string(written), d.Unix()
	return true
}

// compact reads 20060102150405, in UTC.
func (c *logClock) compact(b []byte) (t time.Time, ok bool) {
	if len(b) != len("20060102150405") {
		return t, false
	}
	return c.iso([]byte(string(b[:4]) + "-" + string(b[4:6]) + "-" + string(b[6:8]) + " " + string(b[8:10]) + ":" + string(b[10:12]) + ":" + string(b[12:])))
}

// any reads a time in any of these spellings, or seconds since 1970, or a
// thousandth, millionth or billionth of them.
func (c *logClock) any(b []byte) (t time.Time, ok bool) {
	b = bytes.Trim(b, "[] ")
	switch {
	case len(b) < len("946684800"):
		return t, false
	case b[2] == '/':
		return c.ncsa(b)
	case b[4] == '-' || b[4] == '/':
		return c.iso(b)
	}
	return logEpoch(b)
}

// logEpoch reads a time since 1970; the number of its digits tells the unit.
func logEpoch(b []byte) (t time.Time, ok bool) {
	whole, fraction, _ := bytes.Cut(b, []byte("."))
	n := len(whole)
	if n < 9 || n > 19 {
		return t, false
	}
	seconds := n
	for seconds > 11 {
		seconds -= 3 // ms, µs, ns
	}
	value, ok := logNumber(whole[:seconds])
	if !ok || len(fraction) > 20 {
		return t, false
	}
	nanos, ok := logFraction(append(append(make([]byte, 0, 32), whole[seconds:]...), fraction...))
	return time.Unix(int64(value), nanos).UTC(), ok
}

// logSeconds reads 15:04:05 as seconds since midnight. A leap second is read as
// the one before: it stays in its day.
func logSeconds(b []byte) (int64, bool) {
	if len(b) < len("15:04:05") || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, ok1 := logNumber(b[:2])
	m, ok2 := logNumber(b[3:5])
	s, ok3 := logNumber(b[6:8])
	return int64(h)*3600 + int64(m)*60 + int64(min(s, 59)), ok1 && ok2 && ok3 && h < 24 && m < 60 && s <= 60
}

// logZone reads Z, UTC, GMT, +01:00, +0100, +01 or nothing as seconds east.
func logZone(b []byte) (int64, bool) {
	switch string(b) {
	case "", "Z", "z", "UTC", "GMT":
		return 0, true
	}
	sign := int64(1)
	switch b[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	h, m, ok := 0, 0, true
	switch b = b[1:]; {
	case len(b) == 5 && b[2] == ':':
		m, ok = logNumber(b[3:])
	case len(b) == 4:
		m, ok = logNumber(b[2:])
	case len(b) != 2:
		return 0, false
	}
	h, okHour := logNumber(b[:2])
	return sign * (int64(h)*3600 + int64(m)*60), ok && okHour && h < 24 && m < 60
}

// logNumber reads digits, of which there are few enough.
func logNumber(b []byte) (n int, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(b) > 0
}

// logFraction reads the digits behind a point as nanoseconds.
func logFraction(b []byte) (n int64, ok bool) {
	for i := range 9 {
		n *= 10
		if i < len(b) {
			n += int64(b[i] - '0')
		}
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
	}
	return n, true
}
