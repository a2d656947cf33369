package ejson_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

var date = time.UnixMilli(1_400_000_000_123).UTC()

func TestValueDecodesEveryForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`null`: nil, ` true `: true, `-1.5e3`: -1500.0, `"a\u00e9\n"`: "aé\n", `[]`: []any{}, `{}`: map[string]any{},
		`{"$date":1400000000123}`: date, `{"$date":-0.9}`: time.UnixMilli(0).UTC(), `{"$date":8.64e15}`: time.UnixMilli(8.64e15).UTC(),
		`{"$binary":"AQID"}`: []byte{1, 2, 3}, `{"$binary":""}`: []byte{}, `{"$InfNaN":5}`: math.Inf(1), `{"$InfNaN":-1}`: math.Inf(-1),
		`{"$regexp":"a","$flags":"ig"}`: ejson.RegExp{"a", "ig"}, `{"$flags":"ixig","$regexp":"a"}`: ejson.RegExp{"a", "ig"},
		`{"$type":"oid","$value":"5f"}`: "5f", `{"$value":"5f","$type":"oid"}`: "5f",
		`{"$escape":{"$date":1}}`:                         map[string]any{"$date": 1.0},
		`{"$escape":{"a":{"$date":1400000000123}}}`:       map[string]any{"a": date},
		`{"$escape":{"$type":"x","$value":{"$date":0}}}`:  map[string]any{"$type": "x", "$value": time.UnixMilli(0).UTC()},
		`{"$escape":{"$escape":{"$date":1400000000123}}}`: map[string]any{"$escape": date},
		`{"$date":1,"a":2}`:                               map[string]any{"$date": 1.0, "a": 2.0},
		`{"$type":"x"}`:                                   map[string]any{"$type": "x"},
		`{"\u0024date":1400000000123}`:                    date,
		`{"$date":5,"$date":1400000000123}`:               date,
		`{"a":1,"a":2}`:                                   map[string]any{"a": 2.0},
		`{"$escape":1,"b":2}`:                             map[string]any{"$escape": 1.0, "b": 2.0},
	} {
		got, err := ejson.Value([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v, want %#v", text, got, err, want)
		}
		if err := ejson.Check([]byte(text)); err != nil {
			t.Errorf("Check(%s): %v", text, err)
		}
	}
	if got, err := ejson.Value([]byte(`{"$InfNaN":0}`)); err != nil || !math.IsNaN(got.(float64)) {
		t.Errorf("NaN: %v, %v", got, err)
	}
}

func TestWhatCannotBeDecodedIsNamedByItsKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		``: ejson.ErrSyntax, `{`: ejson.ErrSyntax, `{"a":1}x`: ejson.ErrSyntax, `NaN`: ejson.ErrSyntax, `'a'`: ejson.ErrSyntax,
		`{"$date":"x"}`: ejson.ErrForm, `{"$date":null}`: ejson.ErrForm, `{"$date":8.64000000000001e15}`: ejson.ErrForm, `{"$date":{}}`: ejson.ErrForm,
		`{"$binary":1}`: ejson.ErrForm, `{"$binary":"%"}`: ejson.ErrForm, `{"$binary":"A"}`: ejson.ErrForm, `{"$InfNaN":"x"}`: ejson.ErrForm,
		`{"$regexp":1,"$flags":""}`: ejson.ErrForm, `{"$regexp":"","$flags":[]}`: ejson.ErrForm, `{"$escape":1}`: ejson.ErrForm, `{"$escape":[]}`: ejson.ErrForm,
		`{"$type":"x","$value":1}`: ejson.ErrForm, `{"$type":"oid","$value":1}`: ejson.ErrForm, `{"$type":1,"$value":"x"}`: ejson.ErrForm,
		`[{"$type":"x","$value":"y"}]`: ejson.ErrForm, `{"a":{"$date":""}}`: ejson.ErrForm, `1e999`: ejson.ErrForm,
		`{"$escape":{"$type":"x","$value":1},"b":1}`:                ejson.ErrForm,
		`{"a":1,"b":2,"$escape":{"$type":"x","$value":"y"}}`:        ejson.ErrForm,
		`{"$escape":{"a":{"$type":"x","$value":"y"}}}`:              ejson.ErrForm,
		strings.Repeat("[", 65) + strings.Repeat("]", 65):           ejson.ErrDepth,
		strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65): ejson.ErrDepth,
	} {
		v, err := ejson.Value([]byte(text))
		if !errors.Is(err, want) || v != nil {
			t.Errorf("%.60s: %v, %v, want %v", text, v, err, want)
		}
		if err := ejson.Check([]byte(text)); !errors.Is(err, want) {
			t.Errorf("Check(%.60s): %v, want %v", text, err, want)
		}
	}
	if err := ejson.Check([]byte(strings.Repeat("[", 64) + strings.Repeat("]", 64))); err != nil {
		t.Errorf("64 deep: %v", err)
	}
}

type shared struct {
	ID   string `json:"id"`
	Kind string `json:"kind,omitempty"`
}

type marshaler struct{ text string }

func (m marshaler) MarshalJSON() ([]byte, error) {
	if m.text == "" {
		return nil, errors.New("empty")
	}
	return []byte(m.text), nil
}

type texter int

func (texter) MarshalText() ([]byte, error) { return []byte(`t"`), nil }

type myBytes []byte

func TestMarshalWritesWhatJavaScriptReads(t *testing.T) {
	t.Parallel()
	five, none := 5, (*int)(nil)
	for want, v := range map[string]any{
		`null`: nil, `"<&>é"`: "<&>é", `"\"\\\n\u0001\u001f\u2028\u2029"`: "\"\\\n\x01\x1f\u2028\u2029", `"a\ufffdb"`: "a\xffb",
		`1418309584123`: 1418309584123.0, `0.000001`: 1e-6, `1e-07`: 1e-7, `1e+21`: 1e21, `100000000000000000000`: 1e20, `0`: 0.0,
		`0.1`: float32(0.1), `{"$InfNaN":0}`: math.NaN(), `{"$InfNaN":1}`: math.Inf(1), `{"$InfNaN":-1}`: math.Inf(-1),
		`{"$date":1400000000123}`: date, `[{"$date":0}]`: []time.Time{time.UnixMilli(0)}, `{"t":{"$date":0}}`: map[string]*time.Time{"t": new(time.UnixMilli(0))},
		`{"$binary":"AQID"}`: []byte{1, 2, 3}, `{"$binary":"AQI="}`: myBytes{1, 2}, `{"$binary":""}`: []byte{}, `[1,2]`: [2]byte{1, 2},
		`{"$regexp":"a\"","$flags":"i"}`: ejson.RegExp{`a"`, "i"}, `5`: &five, `{"a":null}`: map[string]any{"a": none}, `[null]`: []any{[]int(nil)},
		`{"a":1,"b":[2,"c"]}`: map[string]any{"b": []any{2, "c"}, "a": int8(1)},
		`{"id":"x","n":18446744073709551615}`: struct {
			shared
			N uint64 `json:"n"`
			x int
		}{shared{ID: "x"}, math.MaxUint64, 1},
		`{"id":"outer"}`: struct {
			shared
			ID string `json:"id"`
		}{shared{ID: "inner"}, "outer"},
		`{"A":1}`: struct {
			A int
			B int       `json:"-"`
			C int       `json:"c,omitzero"`
			D time.Time `json:"d,omitzero"`
			E []int     `json:"e,omitempty"`
		}{A: 1},
		`{"$escape":{"$date":1}}`:                           map[string]int{"$date": 1},
		`{"$escape":{"$escape":{"$escape":{"$binary":1}}}}`: map[string]any{"$escape": map[string]any{"$binary": 1}},
		`{"$escape":{"$flags":1,"$regexp":2}}`:              map[string]any{"$regexp": 2, "$flags": 1},
		`{"$escape":{"$type":"x","$value":{"$date":0}}}`: struct {
			T string    `json:"$type"`
			V time.Time `json:"$value"`
		}{"x", time.UnixMilli(0)},
		`{"$date":1,"a":2}`: map[string]any{"$date": 1, "a": 2},
		`{"$type":1}`:       map[string]any{"$type": 1},
		`{"a": [1 ,2]}`:     ejson.Raw(`{"a": [1 ,2]}`), `[{"a" :1},null]`: []ejson.Raw{ejson.Raw(`{"a" :1}`), nil},
		`{"r":7}`: map[string]json.RawMessage{"r": json.RawMessage("7")}, `["m"]`: []any{marshaler{`"m"`}}, `"t\""`: texter(1), `{}`: struct{}{},
	} {
		got, err := ejson.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%#v: %s, %v, want %s", v, got, err, want)
		}
		if err := ejson.Check(got); err != nil {
			t.Errorf("Check(%s): %v", got, err)
		}
	}
}

func TestMarshalRefusesWhatHasNoForm(t *testing.T) {
	t.Parallel()
	type ring struct{ Next *ring }
	r := &ring{}
	r.Next = r
	var p any
	p = &p
	for name, tt := range map[string]struct {
		v    any
		want error
	}{
		"func": {func() {}, ejson.ErrType}, "chan inside": {map[string]any{"c": make(chan int)}, ejson.ErrType}, "complex": {1i, ejson.ErrType},
		"keys": {map[int]int{1: 1}, ejson.ErrType}, "ring": {r, ejson.ErrDepth}, "pointer to itself": {p, ejson.ErrDepth},
		"far date": {time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), ejson.ErrType}, "bad marshaler": {marshaler{"{"}, ejson.ErrSyntax},
		"marshaler not UTF-8": {marshaler{"\"\xff\""}, ejson.ErrSyntax}, "failing marshaler": {marshaler{}, nil},
		"escape beyond the depth": {nested(62, map[string]any{"x": map[string]any{"$date": 1}}), ejson.ErrDepth},
		"65 deep":                 {nested(65, 1), ejson.ErrDepth},
	} {
		dst := []byte("kept")
		got, err := ejson.Append(dst, tt.v)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || string(got) != "kept" {
			t.Errorf("%s: %.50s, %v, want %v", name, got, err, tt.want)
		}
	}
	if raw, err := ejson.Marshal(nested(64, 1)); err != nil || ejson.Check(raw) != nil {
		t.Errorf("64 deep: %v", err)
	}
}

func nested(depth int, v any) any {
	for range depth {
		v = []any{v}
	}
	return v
}

type record struct {
	Name   string            `json:"name"`
	Count  uint8             `json:"count"`
	At     time.Time         `json:"at"`
	Opt    *string           `json:"opt"`
	List   []int             `json:"list"`
	Pair   [2]bool           `json:"pair"`
	Map    map[string]string `json:"map"`
	Bytes  []byte            `json:"bytes"`
	Raw    ejson.Raw         `json:"raw"`
	Any    any               `json:"any"`
	RE     ejson.RegExp      `json:"re"`
	Plain  json.RawMessage   `json:"plain"`
	Number json.Number       `json:"-"`
	shared
}

func TestUnmarshalFillsStructs(t *testing.T) {
	t.Parallel()
	opt := "o"
	want := record{
		Name: "n", Count: 255, At: date, Opt: &opt, List: []int{1, -2}, Pair: [2]bool{true, false}, Map: map[string]string{"$date": "x"},
		Bytes: []byte{1}, Raw: ejson.Raw(`{"z":1, "a":2}`), Any: map[string]any{"d": date}, RE: ejson.RegExp{"r", "g"},
		Plain: json.RawMessage(`[ ]`), shared: shared{ID: "i"},
	}
	got := record{Raw: ejson.Raw("old")}
	err := ejson.Unmarshal([]byte(` {"name":"n","count":255,"at":{"$date":1400000000123},"opt":"o","list":[1,-2],"pair":[true,false],
		"map":{"$escape":{"$date":"x"}},"bytes":{"$binary":"AQ=="},"raw":{"z":1, "a":2},"any":{"d":{"$date":1400000000123}},
		"re":{"$regexp":"r","$flags":"g"},"plain":[ ],"Name":"other case","unknown":{"a":1},"id":"i"} `), &got)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	again := want
	again.Opt, again.List, again.Map, again.Bytes, again.Any = nil, nil, nil, nil, nil
	again.Raw = ejson.Raw("null")
	if err := ejson.Unmarshal([]byte(`{"opt":null,"list":null,"map":null,"bytes":null,"any":null,"raw":null}`), &got); err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestUnmarshalIsStrict(t *testing.T) {
	t.Parallel()
	for text, target := range map[string]any{
		`null`: new(string), `1`: new(string), `"1"`: new(int), `1.5`: new(int), `256`: new(uint8), `-1`: new(uint), `128`: new(int8),
		`9223372036854775808`: new(int64), `18446744073709551616`: new(uint64), `{"$InfNaN":0}`: new(int), `{"$InfNaN":1}`: new(int),
		`true`: new(float64), `[]`: new(map[string]int), `{}`: new([]int), `[1]`: new([2]int), `[1,2,3]`: new([2]int), `{"$date":1}`: new(map[string]any),
		`5`: new(time.Time), `"2020-01-01T00:00:00Z"`: new(time.Time), `"AQ=="`: new([]byte), `{"name":null}`: new(record), `{"at":null}`: new(record),
		`["a"]`: new([]int), `{"a":[]}`: new(map[string]int), `{"1":1}`: new(map[int]int), `{`: new(any), `{"$date":2}`: new(record),
		`0`: new(func()), ` "x"`: new(bool), `[null]`: new([]string), `{"$escape":{"a":"b"}}`: new(map[string]int), `{"$regexp":"","$flags":""}`: new(struct{}),
	} {
		if err := ejson.Unmarshal([]byte(text), target); err == nil {
			t.Errorf("%s fits %T", text, target)
		}
	}
	var s string
	for _, target := range []any{nil, s, (*string)(nil)} {
		if err := ejson.Unmarshal([]byte(`"a"`), target); !errors.Is(err, ejson.ErrType) {
			t.Errorf("%T: %v", target, err)
		}
	}
	var f float64
	if err := ejson.Unmarshal([]byte(`{"$InfNaN":-1}`), &f); err != nil || !math.IsInf(f, -1) {
		t.Errorf("a float takes infinity: %v, %v", f, err)
	}
	var n int64
	if err := ejson.Unmarshal([]byte(`1418309584123.0`), &n); err != nil || n != 1418309584123 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestMembersAndElementsKeepOrderAndText(t *testing.T) {
	t.Parallel()
	var got []string
	for key, value := range ejson.Members([]byte(` { "z" : {"a":[1,"}]"]} ,"\u0061":1e3, "":null,"z":true } `)) {
		got = append(got, key+"="+value.String())
	}
	if want := []string{`z={"a":[1,"}]"]}`, `a=1e3`, `=null`, `z=true`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	got = nil
	for value := range ejson.Elements([]byte(` [1 , "a\"]" ,[ ],{"a":[]} ] `)) {
		got = append(got, value.String())
	}
	if want := []string{`1`, `"a\"]"`, `[ ]`, `{"a":[]}`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, other := range []string{``, `5`, `{}`, `[]`, `"x"`, `{"a"`, `{"a":`, `{,`} {
		for key := range ejson.Members([]byte(other)) {
			t.Errorf("%s has member %s", other, key)
		}
	}
}

// FuzzValue holds the decoder to its contract: Check and Value agree; what is
// decoded encodes, and decodes to the same again.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"$date":1}`, `{"$escape":{"$date":1}}`, `[{"$binary":"AQ=="},{"$InfNaN":0}]`, `{"$type":"oid","$value":"x"}`, `{"$regexp":"a","$flags":"g"}`,
		`{"$escape":{"$escape":{"a":1}}}`, `"\ud800"`, "\"\xff\"", `-0`, `1e-400`, `{"a":1,"a":2}`, `{"$escape":{"$type":1,"$value":2},"$escape":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ejson.Value(text)
		if check := ejson.Check(text); (check == nil) != (err == nil) {
			t.Fatalf("Check says %v, Value %v", check, err)
		}
		if err != nil {
			if v != nil || !errors.Is(err, ejson.ErrSyntax) && !errors.Is(err, ejson.ErrForm) && !errors.Is(err, ejson.ErrDepth) {
				t.Fatalf("%v, %v", v, err)
			}
			if errors.Is(err, ejson.ErrSyntax) == json.Valid(text) {
				t.Fatalf("%v, but encoding/json differs", err)
			}
			return
		}
		once, err := ejson.Marshal(v)
		if err != nil || !utf8.Valid(once) {
			t.Fatalf("%#v does not encode: %v", v, err)
		}
		back, err := ejson.Value(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := ejson.Marshal(back); err != nil || string(twice) != string(once) {
			t.Fatalf("%s, then %s, %v", once, twice, err)
		}
		var any any
		if err := ejson.Unmarshal(text, &any); err != nil {
			t.Fatal(err)
		}
		var r record // whatever comes: no panic, and only a type is to blame
		if err := ejson.Unmarshal(text, &r); err != nil && !errors.Is(err, ejson.ErrType) {
			t.Fatal(err)
		}
	})
}

// FuzzMembers holds the scanners to text of any kind: they end, stay inside
// their text, and agree with encoding/json on what is JSON.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":{"c":[]}}`, `[1,[2],"]"]`, `{"a"`, `[[[`, `{"a\`, `{"a":}`, `[,]`, `{"":"\u0000"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, elements := map[string]string{}, []string{}
		for key, value := range ejson.Members(text) {
			members[key] = value.String()
		}
		for value := range ejson.Elements(text) {
			elements = append(elements, value.String())
		}
		if !json.Valid(text) {
			return
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(text, &object) == nil && object != nil {
			if len(object) != len(members) {
				t.Fatalf("%d members, want %d", len(members), len(object))
			}
			for key, value := range object {
				if members[key] != string(value) {
					t.Fatalf("%q is %s, want %s", key, members[key], value)
				}
			}
		}
		var array []json.RawMessage
		if json.Unmarshal(text, &array) == nil && len(array) != len(elements) {
			t.Fatalf("%d elements, want %d", len(elements), len(array))
		}
	})
}
