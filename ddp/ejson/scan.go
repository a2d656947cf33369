package ejson

import (
	"encoding/json"
	"iter"
)

// Members ranges over the members of an object in their order: decoded key, raw
// value. Text that is not an object has none. The text must be JSON; of other
// text the sequence is cut short. Values share data's memory.
func Members(data []byte) iter.Seq2[string, Raw] {
	return func(yield func(string, Raw) bool) {
		i := open(data, '{')
		for i < len(data) && data[i] == '"' {
			end := skip(data, i)
			key := text(data[i:end])
			if i = space(data, end); i >= len(data) || data[i] != ':' {
				return
			}
			if i = space(data, i+1); i >= len(data) {
				return
			}
			end = skip(data, i)
			if !yield(key, Raw(data[i:end:end])) {
				return
			}
			i = comma(data, end)
		}
	}
}

// Elements ranges over the elements of an array. Text that is not an array has
// none. The text must be JSON; of other text the sequence is cut short.
// Elements share data's memory.
func Elements(data []byte) iter.Seq[Raw] {
	return func(yield func(Raw) bool) {
		i := open(data, '[')
		for i < len(data) && data[i] != ']' {
			end := skip(data, i)
			if !yield(Raw(data[i:end:end])) {
				return
			}
			i = comma(data, end)
		}
	}
}

// open returns where the first item of an array or object begins, or the end.
func open(data []byte, bracket byte) int {
	i := space(data, 0)
	if i >= len(data) || data[i] != bracket {
		return len(data)
	}
	return space(data, i+1)
}

// comma returns where the item after the comma begins, or the end.
func comma(data []byte, i int) int {
	if i = space(data, i); i >= len(data) || data[i] != ',' {
		return len(data)
	}
	return space(data, i+1)
}

func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// skip returns the end of the value that begins at i. It does not recurse, so
// that depth costs nothing here.
func skip(data []byte, i int) int {
	depth := 0
	for i < len(data) {
		switch data[i] {
		case '"':
			i = skipString(data, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth <= 0 {
				return i
			}
			i++
			continue
		default:
			i = skipLiteral(data, i)
		}
		if depth <= 0 {
			return i
		}
	}
	return len(data)
}

func skipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func skipLiteral(data []byte, i int) int {
	for i < len(data) {
		switch data[i] {
		case ',', ':', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

// text decodes a JSON string. Lone surrogates and broken UTF-8 become U+FFFD.
func text(quoted []byte) string {
	for _, c := range quoted {
		if c == '\\' || c >= 0x80 {
			var s string
			if json.Unmarshal(quoted, &s) != nil {
				return ""
			}
			return s
		}
	}
	if len(quoted) < 2 {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}
