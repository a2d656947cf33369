package meteor

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// maxDateMS is the last millisecond of a JavaScript date, and the first one
// with the sign turned.
const maxDateMS = 8.64e15

// appendPlain appends EJSON text as JSON for those who read it without EJSON:
// dates become strings in the form of JavaScript, and objects that only look
// like a date, and are escaped for that, lose the escape. Strings stay as they
// are whatever they contain. src is one or more values of valid EJSON, with
// commas between.
func appendPlain(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		switch src[i] {
		case '"':
			end := stringEnd(src, i)
			dst = append(dst, src[i:end]...)
			i = end
		case '{':
			if ms, end, ok := dateAt(src, i); ok {
				dst = appendDate(dst, ms)
				i = end
				continue
			}
			if inner, end, ok := escapeAt(src, i); ok {
				dst = appendPlain(append(dst, '{'), inner[1:])
				i = end
				continue
			}
			dst = append(dst, '{')
			i++
		default:
			dst = append(dst, src[i])
			i++
		}
	}
	return dst
}

// dateAt reads the date that begins at i, if one does: an object whose only
// member is $date with a number.
func dateAt(src []byte, i int) (ms float64, end int, ok bool) {
	value, ok := onlyMember(src, i, "$date")
	if !ok {
		return 0, 0, false
	}
	end = value
	for end < len(src) && (src[end] >= '0' && src[end] <= '9' || src[end] == '-' || src[end] == '+' || src[end] == '.' || src[end]|0x20 == 'e') {
		end++
	}
	ms, err := strconv.ParseFloat(string(src[value:end]), 64)
	if err != nil || math.Abs(ms) > maxDateMS {
		return 0, 0, false
	}
	end, ok = closes(src, end)
	return ms, end, ok
}

// escapeAt returns the object inside the escape that begins at i, if one does.
func escapeAt(src []byte, i int) (inner []byte, end int, ok bool) {
	value, ok := onlyMember(src, i, "$escape")
	if !ok || value == len(src) || src[value] != '{' {
		return nil, 0, false
	}
	after := objectEnd(src, value)
	end, ok = closes(src, after)
	return src[value:after], end, ok
}

// onlyMember returns where the value of the first member begins if that member
// has the name.
func onlyMember(src []byte, i int, name string) (value int, ok bool) {
	i = skipSpace(src, i+1)
	if i == len(src) || src[i] != '"' {
		return 0, false
	}
	end := stringEnd(src, i)
	var key string // it may be spelled with escapes
	if json.Unmarshal(src[i:end], &key) != nil || key != name {
		return 0, false
	}
	i = skipSpace(src, end)
	if i == len(src) || src[i] != ':' {
		return 0, false
	}
	return skipSpace(src, i+1), true
}

// closes returns what follows the object if it ends here.
func closes(src []byte, i int) (end int, ok bool) {
	i = skipSpace(src, i)
	return i + 1, i < len(src) && src[i] == '}'
}

func skipSpace(src []byte, i int) int {
	for i < len(src) && (src[i] == ' ' || src[i] == '\t' || src[i] == '\n' || src[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the end of the string that begins at i.
func stringEnd(src []byte, i int) int {
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// objectEnd returns the end of the object that begins at i.
func objectEnd(src []byte, i int) int {
	for depth := 0; i < len(src); {
		switch src[i] {
		case '"':
			i = stringEnd(src, i)
			continue
		case '{':
			depth++
		case '}':
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
	return len(src)
}

// appendDate appends a date as JavaScript's toISOString writes it: years beyond
// four digits have a sign and six.
func appendDate(dst []byte, ms float64) []byte {
	t := time.UnixMilli(int64(ms)).UTC()
	dst = append(dst, '"')
	if y := t.Year(); y < 0 || y > 9999 {
		dst = fmt.Appendf(dst, "%+07d", y)
	} else {
		dst = fmt.Appendf(dst, "%04d", y)
	}
	return t.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
}
