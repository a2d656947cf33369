package meteor_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

func TestDatesBecomeTextAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`{"$date":0}`:                             `"1970-01-01T00:00:00.000Z"`,
		`{"a":{"$date":1419604567187}}`:           `{"a":"2014-12-26T14:36:07.187Z"}`,
		`[{"$date":-1},{"$date":1}]`:              `["1969-12-31T23:59:59.999Z","1970-01-01T00:00:00.001Z"]`,
		`{"a":1},{"b":{"$date":2}}`:               `{"a":1},{"b":"1970-01-01T00:00:00.002Z"}`,
		"{ \"$date\" :\n\t5 }":                    `"1970-01-01T00:00:00.005Z"`,
		`{"\u0024date":5}`:                        `"1970-01-01T00:00:00.005Z"`,
		`{"$date":1.5e3}`:                         `"1970-01-01T00:00:01.500Z"`,
		`{"$date":253402300800000}`:               `"+010000-01-01T00:00:00.000Z"`,
		`{"$date":-62198755200001}`:               `"-000002-12-31T23:59:59.999Z"`,
		`{"$date":8640000000000000}`:              `"+275760-09-13T00:00:00.000Z"`,
		`{"$date":-8640000000000000}`:             `"-271821-04-20T00:00:00.000Z"`,
		`{"$date":8640000000000001}`:              `{"$date":8640000000000001}`,
		`{"$date":"x"}`:                           `{"$date":"x"}`,
		`{"$date":{"$date":5}}`:                   `{"$date":"1970-01-01T00:00:00.005Z"}`,
		`{"$date":5,"a":1}`:                       `{"$date":5,"a":1}`,
		`{"a":1,"$date":5}`:                       `{"a":1,"$date":5}`,
		`"{\"$date\":5}"`:                         `"{\"$date\":5}"`,
		`{"x":"\\","y":"{\"$date\":5}","z":"\""}`: `{"x":"\\","y":"{\"$date\":5}","z":"\""}`,
		`{"{\"$date\":5}":{"$date":5}}`:           `{"{\"$date\":5}":"1970-01-01T00:00:00.005Z"}`,
		`{"$escape":{"$date":5}}`:                 `{"$date":5}`,
		`{"$escape":{"$date":{"$date":5}}}`:       `{"$date":"1970-01-01T00:00:00.005Z"}`,
		`{"$escape":{"$escape":{"$date":5}}}`:     `{"$escape":"1970-01-01T00:00:00.005Z"}`,
		`{"a":{"$escape":{"}":"}"}},"b":1}`:       `{"a":{"}":"}"},"b":1}`,
		`{"$escape":{},"a":{"$date":5}}`:          `{"$escape":{},"a":"1970-01-01T00:00:00.005Z"}`,
		`{"$escape":5}`:                           `{"$escape":5}`,
		`{}`:                                      `{}`,
		``:                                        ``,
		`{"é":"\u0000 ü","n":-1.5e300,"l":[ ]}`:   `{"é":"\u0000 ü","n":-1.5e300,"l":[ ]}`,
	} {
		if got := string(meteor.AppendPlain(nil, []byte(src))); got != want {
			t.Errorf("%s became\n%s, want\n%s", src, got, want)
		}
	}
}

// FuzzPlain compares with the decoder of EJSON, which works differently: what
// a client reads is the decoded value, with dates as text.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{
		`{"a":{"$date":5},"b":[{"$escape":{"$date":{"$date":1e3}}}]}`, `"{\"$date\":5}"`, `[{"$date":5,"a":{}},{"\u0024date" : -5}]`, `{"$date":8640000000000001}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := ejson.Value(src)
		got := meteor.AppendPlain(nil, src)
		if err != nil || strings.Contains(string(src), "$b") || strings.Contains(string(src), "$I") || strings.Contains(string(src), "$r") || strings.Contains(string(src), `\`) || strings.Contains(string(src), "$t") {
			return // no EJSON, or forms that stay what they are
		}
		want, ok := plainOf(v)
		if !ok {
			return
		}
		var have any
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatalf("%s became %s: %v", src, got, err)
		}
		if !reflect.DeepEqual(have, want) {
			t.Fatalf("%s became %s\nwhich is %#v, want %#v", src, got, have, want)
		}
	})
}

// plainOf returns a decoded value as it is without dates.
func plainOf(v any) (any, bool) {
	switch v := v.(type) {
	case time.Time:
		if y := v.Year(); y < 0 || y > 9999 {
			return nil, false // Go writes them otherwise
		}
		return v.UTC().Format("2006-01-02T15:04:05.000Z"), true
	case []any:
		list := make([]any, len(v))
		for i := range v {
			item, ok := plainOf(v[i])
			if !ok {
				return nil, false
			}
			list[i] = item
		}
		return list, true
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			item, ok := plainOf(v[k])
			if !ok {
				return nil, false
			}
			m[k] = item
		}
		return m, true
	case nil, bool, float64, string:
		return v, true
	}
	return nil, false
}
