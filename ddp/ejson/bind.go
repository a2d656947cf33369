package ejson

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Unmarshal decodes data into what target points to. It is stricter than
// encoding/json, because its input is somebody's argument and not a file of our
// own: null fits only pointers, maps, slices, interfaces and [Raw]; an integer
// must be integral and in range; keys are matched in their exact case. Object
// members that the target does not have are ignored, and fields that the object
// does not have are left alone. Struct tags are those of encoding/json. After
// an error the target may be half filled.
func Unmarshal(data []byte, target any) error {
	rv := reflect.ValueOf(target)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("%w: target must be a pointer", ErrType)
	}
	if err := Check(data); err != nil {
		return err
	}
	start := space(data, 0)
	return bind(data[start:skip(data, start)], rv.Elem())
}

// bind stores raw, which Check has passed, in rv.
func bind(raw []byte, rv reflect.Value) error {
	if done, err := bindKnown(raw, rv); done || err != nil {
		return err
	}
	if raw[0] == 'n' {
		return bindNull(rv)
	}
	switch rv.Kind() {
	case reflect.Pointer:
		if rv.IsNil() {
			rv.Set(reflect.New(rv.Type().Elem()))
		}
		return bind(raw, rv.Elem())
	case reflect.Struct, reflect.Map:
		return bindObject(raw, rv)
	case reflect.Slice, reflect.Array:
		return bindArray(raw, rv)
	}
	v, err := scalarOrValue(raw)
	if err != nil {
		return err
	}
	return bindScalar(v, rv)
}

// scalarOrValue is Value of what Check has passed.
func scalarOrValue(raw []byte) (any, error) {
	if raw[0] == '{' || raw[0] == '[' {
		return Value(raw)
	}
	d := decoder{keep: true}
	return d.scalar(raw)
}

// bindKnown stores raw in targets whose type, not kind, decides.
func bindKnown(raw []byte, rv reflect.Value) (done bool, err error) {
	switch p := rv.Addr().Interface().(type) {
	case *Raw:
		*p = append((*p)[:0:0], raw...)
		return true, nil
	case *json.RawMessage:
		*p = append((*p)[:0:0], raw...)
		return true, nil
	case *any:
		*p, err = Value(raw)
		return true, err
	case *time.Time:
		return true, bindAs(raw, p)
	case *[]byte:
		if raw[0] == 'n' {
			return false, nil
		}
		return true, bindAs(raw, p)
	case *RegExp:
		return true, bindAs(raw, p)
	case json.Unmarshaler:
		if raw[0] == 'n' && rv.Kind() == reflect.Pointer {
			return false, nil
		}
		if err := p.UnmarshalJSON(raw); err != nil {
			return true, fmt.Errorf("%w: %w", ErrType, err)
		}
		return true, nil
	}
	return false, nil
}

func bindAs[T any](raw []byte, p *T) error {
	v, err := Value(raw)
	if err != nil {
		return err
	}
	t, ok := v.(T)
	if !ok {
		return fmt.Errorf("%w: %.20s into %T", ErrType, raw, *p)
	}
	*p = t
	return nil
}

func bindNull(rv reflect.Value) error {
	switch rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		rv.SetZero()
		return nil
	}
	return fmt.Errorf("%w: null into %s", ErrType, rv.Type())
}

func bindObject(raw []byte, rv reflect.Value) error {
	raw, literal := unescape(raw)
	if !isObject(raw) || !literal && isSpecial(raw) {
		return fmt.Errorf("%w: %.20s into %s", ErrType, raw, rv.Type())
	}
	if rv.Kind() == reflect.Map {
		return bindMap(raw, rv)
	}
	fields := fieldsOf(rv)
	for key, member := range Members(raw) {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if at < 0 {
			continue
		}
		if err := bind(member, fields[at].value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func bindMap(raw []byte, rv reflect.Value) error {
	t := rv.Type()
	if t.Key().Kind() != reflect.String {
		return fmt.Errorf("%w: keys of %s are no strings", ErrType, t)
	}
	m := reflect.MakeMap(t)
	for key, member := range Members(raw) {
		item := reflect.New(t.Elem()).Elem()
		if err := bind(member, item); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), item)
	}
	rv.Set(m)
	return nil
}

func bindArray(raw []byte, rv reflect.Value) error {
	if isBytes(rv) {
		var b []byte
		err := bindAs(raw, &b)
		rv.SetBytes(b)
		return err
	}
	if raw[0] != '[' {
		return fmt.Errorf("%w: %.20s into %s", ErrType, raw, rv.Type())
	}
	if rv.Kind() == reflect.Slice {
		rv.Set(reflect.MakeSlice(rv.Type(), 0, 0))
	}
	n := 0
	for element := range Elements(raw) {
		switch {
		case rv.Kind() == reflect.Slice:
			rv.Set(reflect.Append(rv, reflect.Zero(rv.Type().Elem())))
		case n == rv.Len():
			return fmt.Errorf("%w: more than %d elements", ErrType, n)
		}
		if err := bind(element, rv.Index(n)); err != nil {
			return fmt.Errorf("%d: %w", n, err)
		}
		n++
	}
	if n != rv.Len() {
		return fmt.Errorf("%w: %d elements, want %d", ErrType, n, rv.Len())
	}
	return nil
}

// bindScalar stores a decoded boolean, number or string.
func bindScalar(v any, rv reflect.Value) error {
	switch v := v.(type) {
	case bool:
		if rv.Kind() == reflect.Bool {
			rv.SetBool(v)
			return nil
		}
	case string:
		if rv.Kind() == reflect.String {
			rv.SetString(v)
			return nil
		}
	case float64:
		if bindNumber(v, rv) {
			return nil
		}
	}
	return fmt.Errorf("%w: %T into %s", ErrType, v, rv.Type())
}

func bindNumber(f float64, rv reflect.Value) bool {
	switch {
	case rv.CanFloat():
		rv.SetFloat(f)
		return true
	case f != math.Trunc(f) || math.IsInf(f, 0):
		return false
	case rv.CanInt() && f >= -1<<63 && f < 1<<63 && !rv.OverflowInt(int64(f)):
		rv.SetInt(int64(f))
		return true
	case rv.CanUint() && f >= 0 && f < 1<<64 && !rv.OverflowUint(uint64(f)):
		rv.SetUint(uint64(f))
		return true
	}
	return false
}

// unescape returns the object inside an escape, and whether there was one.
func unescape(raw []byte) (inner []byte, escaped bool) {
	n := 0
	for key, member := range Members(raw) {
		if n++; n > 1 || key != "$escape" {
			return raw, false
		}
		inner = member
	}
	if n != 1 {
		return raw, false
	}
	return inner, true
}

func isSpecial(raw []byte) bool {
	var keys []string
	for key := range Members(raw) {
		if len(keys) == 2 || !strings.HasPrefix(key, "$") {
			return false
		}
		keys = append(keys, key)
	}
	return looksSpecial(keys, len(keys))
}

// A field is one that holds the member of that name.
type field struct {
	name  string
	value reflect.Value
}

// fieldsOf lists the fields of a struct, of which the first one with a name
// counts: as in Go, a field hides those of embedded structs.
func fieldsOf(rv reflect.Value) []field {
	list := make([]field, 0, rv.NumField())
	var embedded []reflect.Value
	for sf, value := range rv.Fields() {
		name, _, flat := fieldName(sf)
		switch {
		case flat:
			embedded = append(embedded, value)
		case name != "":
			list = append(list, field{name, value})
		}
	}
	for _, inner := range embedded {
		list = append(list, fieldsOf(inner)...)
	}
	return list
}

// fieldName reads a field's tag. The name is empty if the field stays out;
// flat means an embedded struct whose fields belong to the one around it.
func fieldName(sf reflect.StructField) (name, options string, flat bool) {
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return "", "", false
	}
	name, options, _ = strings.Cut(tag, ",")
	if sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct {
		return "", "", true
	}
	if !sf.IsExported() {
		return "", "", false
	}
	if name == "" {
		name = sf.Name
	}
	return name, options, false
}
