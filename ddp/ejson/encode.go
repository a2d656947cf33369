package ejson

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Marshal returns v as EJSON text: valid UTF-8, map keys sorted, no HTML
// escapes. Besides the forms of the package it knows what encoding/json knows:
// structs and their tags (omitempty and omitzero, not string), json.Marshaler,
// encoding.TextMarshaler, nil slices and maps as null.
func Marshal(v any) (Raw, error) {
	return Append(nil, v)
}

// Append appends v as EJSON text to dst. On an error it returns dst as it was.
func Append(dst []byte, v any) ([]byte, error) {
	out, err := appendValue(dst, v, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// appendValue deals with the types that need no reflection.
func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case Raw:
		return appendRaw(dst, v), nil
	case json.RawMessage:
		return appendRaw(dst, v), nil
	case string:
		return AppendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v, 64), nil
	case time.Time:
		return appendDate(dst, v)
	case []byte:
		return appendBytes(dst, v), nil
	case RegExp:
		dst = AppendString(append(dst, `{"$regexp":`...), v.Source)
		dst = AppendString(append(dst, `,"$flags":`...), v.Flags)
		return append(dst, '}'), nil
	case map[string]any:
		return appendMap(dst, v, depth)
	}
	return appendReflected(dst, reflect.ValueOf(v), depth)
}

func appendRaw(dst []byte, raw []byte) []byte {
	if len(raw) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

func appendDate(dst []byte, t time.Time) ([]byte, error) {
	ms := t.UnixMilli()
	if ms < -maxDateMS || ms > maxDateMS {
		return nil, fmt.Errorf("%w: no JavaScript date in year %d", ErrType, t.Year())
	}
	return append(strconv.AppendInt(append(dst, `{"$date":`...), ms, 10), '}'), nil
}

func appendBytes(dst []byte, b []byte) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, `{"$binary":"`...), b), `"}`...)
}

func appendReflected(dst []byte, rv reflect.Value, depth int) ([]byte, error) {
	if out, done, err := appendMarshaler(dst, rv); done {
		return out, err
	}
	switch rv.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(dst, rv.Bool()), nil
	case reflect.String:
		return AppendString(dst, rv.String()), nil
	case reflect.Float32:
		return appendFloat(dst, rv.Float(), 32), nil
	case reflect.Float64:
		return appendFloat(dst, rv.Float(), 64), nil
	case reflect.Pointer, reflect.Interface:
		if rv.IsNil() {
			return append(dst, "null"...), nil
		}
		if depth == MaxDepth { // pointers may form a ring without any object
			return nil, ErrDepth
		}
		return appendValue(dst, rv.Elem().Interface(), depth+1)
	case reflect.Slice, reflect.Array:
		return appendArray(dst, rv, depth)
	case reflect.Map:
		return appendReflectedMap(dst, rv, depth)
	case reflect.Struct:
		return appendStruct(dst, rv, depth)
	}
	switch {
	case rv.CanInt():
		return strconv.AppendInt(dst, rv.Int(), 10), nil
	case rv.CanUint():
		return strconv.AppendUint(dst, rv.Uint(), 10), nil
	}
	return nil, fmt.Errorf("%w: cannot encode %s", ErrType, rv.Type())
}

// appendMarshaler lets types speak for themselves.
func appendMarshaler(dst []byte, rv reflect.Value) (out []byte, done bool, err error) {
	if rv.Kind() == reflect.Pointer && rv.IsNil() {
		return append(dst, "null"...), true, nil
	}
	switch m := rv.Interface().(type) {
	case time.Time, *time.Time: // what time.Time says of itself is not EJSON
		return dst, false, nil
	case json.Marshaler:
		raw, err := m.MarshalJSON()
		if err != nil {
			return nil, true, err
		}
		if !json.Valid(raw) || !utf8.Valid(raw) {
			return nil, true, fmt.Errorf("%w: from %T", ErrSyntax, m)
		}
		return append(dst, raw...), true, nil
	case encoding.TextMarshaler:
		s, err := m.MarshalText()
		if err != nil {
			return nil, true, err
		}
		return AppendString(dst, string(s)), true, nil
	}
	return dst, false, nil
}

func appendArray(dst []byte, rv reflect.Value, depth int) ([]byte, error) {
	if rv.Kind() == reflect.Slice && rv.IsNil() {
		return append(dst, "null"...), nil
	}
	if depth == MaxDepth {
		return nil, ErrDepth
	}
	if raws, ok := rv.Interface().([]Raw); ok {
		return appendRaws(dst, raws), nil
	}
	if isBytes(rv) {
		return appendBytes(dst, rv.Bytes()), nil
	}
	dst = append(dst, '[')
	for i := range rv.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendValue(dst, rv.Index(i).Interface(), depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func isBytes(rv reflect.Value) bool {
	return rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8
}

// appendRaws splices a page of documents with one growth of dst.
func appendRaws(dst []byte, raws []Raw) []byte {
	size := 2
	for _, raw := range raws {
		size += max(len(raw), len("null")) + 1
	}
	dst = append(slices.Grow(dst, size), '[')
	for i, raw := range raws {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendRaw(dst, raw)
	}
	return append(dst, ']')
}

func appendReflectedMap(dst []byte, rv reflect.Value, depth int) ([]byte, error) {
	if rv.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%w: cannot encode %s", ErrType, rv.Type())
	}
	if rv.IsNil() {
		return append(dst, "null"...), nil
	}
	m := make(map[string]any, rv.Len())
	for k, v := range rv.Seq2() {
		m[k.String()] = v.Interface()
	}
	return appendMap(dst, m, depth)
}

func appendMap(dst []byte, m map[string]any, depth int) ([]byte, error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	o, err := openObject(dst, depth)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err := o.add(key, m[key]); err != nil {
			return nil, err
		}
	}
	return o.close()
}

func appendStruct(dst []byte, rv reflect.Value, depth int) ([]byte, error) {
	o, err := openObject(dst, depth)
	if err != nil {
		return nil, err
	}
	if err := o.addFields(rv, nil); err != nil {
		return nil, err
	}
	return o.close()
}

// An object is one being written. It learns only at its end whether it has to
// be escaped.
type object struct {
	dst   []byte
	start int
	depth int // of its members
	n     int
	keys  [2]string
}

func openObject(dst []byte, depth int) (*object, error) {
	if depth >= MaxDepth {
		return nil, ErrDepth
	}
	return &object{dst: append(dst, '{'), start: len(dst), depth: depth + 1}, nil
}

func (o *object) add(key string, v any) error {
	if o.n > 0 {
		o.dst = append(o.dst, ',')
	}
	if o.n < len(o.keys) {
		o.keys[o.n] = key
	}
	o.n++
	dst, err := appendValue(append(AppendString(o.dst, key), ':'), v, o.depth)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	o.dst = dst
	return nil
}

// addFields adds the fields of a struct but for those that the struct around it
// hides.
func (o *object) addFields(rv reflect.Value, hidden []string) error {
	own := slices.Clone(hidden)
	for sf := range rv.Type().Fields() {
		if name, _, _ := fieldName(sf); name != "" {
			own = append(own, name)
		}
	}
	for sf, field := range rv.Fields() {
		name, options, flat := fieldName(sf)
		if flat {
			if err := o.addFields(field, own); err != nil {
				return err
			}
			continue
		}
		if name == "" || omitted(field, options) || slices.Contains(hidden, name) {
			continue
		}
		if err := o.add(name, field.Interface()); err != nil {
			return err
		}
	}
	return nil
}

func omitted(field reflect.Value, options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitzero":
			if z, ok := field.Interface().(interface{ IsZero() bool }); ok {
				return z.IsZero()
			}
			if field.IsZero() {
				return true
			}
		case "omitempty":
			switch field.Kind() {
			case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
				if field.Len() == 0 {
					return true
				}
			case reflect.Struct:
			default:
				if field.IsZero() {
					return true
				}
			}
		}
	}
	return false
}

func (o *object) close() ([]byte, error) {
	dst := append(o.dst, '}')
	if o.n > 2 || !looksSpecial(o.keys[:o.n], o.n) {
		return dst, nil
	}
	if o.depth >= MaxDepth {
		return nil, ErrDepth
	}
	return append(slices.Insert(dst, o.start, []byte(`{"$escape":`)...), '}'), nil
}

// appendFloat writes the shortest text that reads back the same, as JavaScript
// would: no exponent between 1e-6 and 1e21, so that milliseconds stay readable.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, `{"$InfNaN":0}`...)
	case math.IsInf(f, 1):
		return append(dst, `{"$InfNaN":1}`...)
	case math.IsInf(f, -1):
		return append(dst, `{"$InfNaN":-1}`...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// AppendString appends s as a JSON string. Broken UTF-8 becomes U+FFFD; the two
// line separators that old JavaScript cannot have in a string are escaped.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		var escape string
		switch {
		case c == '"' || c == '\\':
			escape = `\` + s[i:i+1]
		case c == '\n':
			escape = `\n`
		case c < ' ':
			escape = `\u00` + hex[c>>4:c>>4+1] + hex[c&15:c&15+1]
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				escape = `\ufffd`
			case r == '\u2028':
				escape = `\u2028`
			case r == '\u2029':
				escape = `\u2029`
			default:
				i += size
				continue
			}
		}
		dst = append(append(dst, s[from:i]...), escape...)
		i += size
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
