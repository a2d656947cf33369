package ejson

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDateMS is the last millisecond of a JavaScript date, and the first one
// with the sign turned.
const maxDateMS = 8.64e15

// Check reports the first reason why data cannot be decoded: [ErrSyntax],
// [ErrDepth] or [ErrForm].
func Check(data []byte) error {
	_, err := decode(data, false)
	return err
}

// Value decodes data into nil, bool, float64, string, []any, map[string]any,
// time.Time, []byte or RegExp.
func Value(data []byte) (any, error) {
	return decode(data, true)
}

func decode(data []byte, keep bool) (any, error) {
	if !json.Valid(data) {
		return nil, ErrSyntax
	}
	d := decoder{data: data, keep: keep}
	n, _, err := d.value(space(data, 0), 0)
	if err == nil {
		err = n.bad
	}
	if err != nil {
		return nil, err
	}
	return n.v, nil
}

// A decoder walks text that is known to be JSON, once.
type decoder struct {
	data []byte
	keep bool // build values; otherwise only look for errors
}

// A node is a decoded value in its two readings, because only the object
// around it says whether it is to be taken literally.
type node struct {
	v       any
	literal map[string]any // the object without regard to its own form
	bad     error          // why the object's own form cannot be decoded
}

// value decodes what begins at i and returns where it ends.
func (d *decoder) value(i, depth int) (node, int, error) {
	switch d.data[i] {
	case '{', '[':
		if depth == MaxDepth {
			return node{}, 0, ErrDepth
		}
		if d.data[i] == '[' {
			return d.array(i+1, depth+1)
		}
		return d.object(i+1, depth+1)
	}
	end := skip(d.data, i)
	v, err := d.scalar(d.data[i:end])
	return node{v: v}, end, err
}

func (d *decoder) scalar(raw []byte) (any, error) {
	switch raw[0] {
	case '"':
		if !d.keep {
			return nil, nil //nolint:nilnil // nobody looks at the value
		}
		return text(raw), nil
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil //nolint:nilnil // null is nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, fmt.Errorf("%w: number out of range", ErrForm)
	}
	return f, nil
}

func (d *decoder) array(i, depth int) (node, int, error) {
	var items []any
	if d.keep {
		items = []any{}
	}
	for i = space(d.data, i); d.data[i] != ']'; i = space(d.data, i) {
		if d.data[i] == ',' {
			i = space(d.data, i+1)
		}
		n, end, err := d.value(i, depth)
		if err == nil {
			err = n.bad
		}
		if err != nil {
			return node{}, 0, err
		}
		if d.keep {
			items = append(items, n.v)
		}
		i = end
	}
	return node{v: items}, i + 1, nil
}

func (d *decoder) object(i, depth int) (node, int, error) {
	var n node
	var f form
	if d.keep {
		n.literal = map[string]any{}
	}
	for i = space(d.data, i); d.data[i] != '}'; i = space(d.data, i) {
		if d.data[i] == ',' {
			i = space(d.data, i+1)
		}
		end := skip(d.data, i)
		key := text(d.data[i:end])
		i = space(d.data, space(d.data, end)+1) // past the colon
		child, end, err := d.value(i, depth)
		if err != nil {
			return node{}, 0, err
		}
		f.add(key, d.data[i:end], child)
		if child.bad != nil && key != "$escape" {
			return node{}, 0, child.bad
		}
		if d.keep {
			n.literal[key] = child.v
		}
		i = end
	}
	switch {
	case f.special():
		n.v, n.bad = f.decode()
	case f.bad != nil:
		return node{}, 0, f.bad
	case d.keep:
		n.v = n.literal
	}
	return n, i + 1, nil
}

// A form remembers as much of an object as its recognition takes: at most two
// different keys.
type form struct {
	n       int // different keys; 3 stands for more than two
	key     [2]string
	raw     [2][]byte
	literal map[string]any // the last $escape, taken literally
	bad     error          // why the last $escape is bad if it is none
}

func (f *form) add(key string, raw []byte, child node) {
	if key == "$escape" {
		f.literal, f.bad = child.literal, child.bad
	}
	at := f.n
	for k := range min(f.n, 2) {
		if f.key[k] == key { // as in JavaScript the last one counts
			at = k
		}
	}
	if at >= 2 {
		f.n = 3
		return
	}
	f.key[at], f.raw[at] = key, raw
	f.n = max(f.n, at+1)
}

func (f *form) special() bool {
	return looksSpecial(f.key[:min(f.n, 2)], f.n)
}

// looksSpecial reports whether an object of n keys, the first two of which are
// given, is one of the special forms.
func looksSpecial(keys []string, n int) bool {
	switch n {
	case 1:
		switch keys[0] {
		case "$date", "$binary", "$InfNaN", "$escape":
			return true
		}
	case 2:
		a, b := keys[0], keys[1]
		if a > b {
			a, b = b, a
		}
		return a == "$flags" && b == "$regexp" || a == "$type" && b == "$value"
	}
	return false
}

func (f *form) decode() (any, error) {
	switch f.key[0] {
	case "$date":
		return decodeDate(f.raw[0])
	case "$binary":
		return decodeBinary(f.raw[0])
	case "$InfNaN":
		return decodeInfNaN(f.raw[0])
	case "$escape":
		if !isObject(f.raw[0]) {
			return nil, fmt.Errorf("%w: $escape of what is no object", ErrForm)
		}
		return f.literal, nil
	}
	return f.decodePair()
}

func (f *form) decodePair() (any, error) {
	first, second := f.raw[0], f.raw[1]
	if f.key[0] == "$flags" || f.key[0] == "$value" {
		first, second = second, first
	}
	if first[0] != '"' || second[0] != '"' {
		return nil, fmt.Errorf("%w: %s", ErrForm, f.key[0])
	}
	if f.key[0] == "$regexp" || f.key[0] == "$flags" {
		return RegExp{Source: text(first), Flags: knownFlags(text(second))}, nil
	}
	if text(first) != "oid" {
		return nil, fmt.Errorf("%w: custom type", ErrForm)
	}
	return text(second), nil
}

// knownFlags drops what JavaScript clients drop: letters that are no flags, and
// repetitions, of which the last one stays.
func knownFlags(flags string) string {
	var b strings.Builder
	for i, c := range flags {
		if strings.ContainsRune("gimuy", c) && !strings.ContainsRune(flags[i+1:], c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func decodeDate(raw []byte) (any, error) {
	ms, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(ms) > maxDateMS {
		return nil, fmt.Errorf("%w: $date", ErrForm)
	}
	return time.UnixMilli(int64(ms)).UTC(), nil
}

func decodeBinary(raw []byte) (any, error) {
	if raw[0] != '"' {
		return nil, fmt.Errorf("%w: $binary", ErrForm)
	}
	b, err := base64.StdEncoding.DecodeString(text(raw))
	if err != nil {
		return nil, fmt.Errorf("%w: $binary", ErrForm)
	}
	return b, nil
}

func decodeInfNaN(raw []byte) (any, error) {
	sign, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: $InfNaN", ErrForm)
	case sign == 0:
		return math.NaN(), nil
	case sign > 0:
		return math.Inf(1), nil
	}
	return math.Inf(-1), nil
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
