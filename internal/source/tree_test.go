package source_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/internal/source"
)

// reference reads one value with encoding/json, keeping order, repeated names
// and the spelling of numbers.
func reference(t *testing.T, src []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	v := referenceValue(t, dec)
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("%q: after the value: %v", src, err)
	}
	return v
}

func referenceValue(t *testing.T, dec *json.Decoder) any {
	t.Helper()
	tok, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch tok := tok.(type) {
	case json.Number:
		return source.Number(tok)
	case json.Delim:
		list, members := []any{}, []source.Member{}
		for dec.More() {
			if tok == '[' {
				list = append(list, referenceValue(t, dec))
				continue
			}
			name, _ := dec.Token()
			members = append(members, source.Member{Name: name.(string), Value: referenceValue(t, dec)})
		}
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		if tok == '[' {
			return list
		}
		return members
	}
	return tok
}

// depth returns how deep the brackets of src are nested, outside strings.
func depth(src []byte) (deepest int) {
	inside, now := false, 0
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// checkScanner compares the scanner with encoding/json: it accepts the same
// texts, but for invalid UTF-8 and deep nesting, and finds the same values.
func checkScanner(t *testing.T, src []byte) {
	t.Helper()
	got, err := source.Parse(src)
	want := json.Valid(src) && utf8.Valid(src) && depth(src) <= 64
	if (err == nil) != want {
		t.Fatalf("%q: error %v, encoding/json says valid = %v", src, err, want)
	}
	if want {
		if ref := reference(t, src); !reflect.DeepEqual(got, ref) {
			t.Fatalf("%q: got %#v, want %#v", src, got, ref)
		}
	}
}

var scannerCorpus = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `truefalse`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1e`, `1e+`, `1E-7`, `1e400`, `-1.50`, `+1`,
	`""`, `"`, `"a`, `"\`, `"\"`, `"\u12"`, `"\u00e9\n\/\b"`, `"\x"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`,
	`"\ud83d\ud83d\ude00"`, `"\u0000"`, "\"\x00\"", "\"\t\"", "\"\x7f\"", "\"\xff\"", "\"\xc3\xa9\"", "\"\xed\xa0\x80\"", "\"\xef\xbf\xbd\"", `'a'`,
	`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,[2,[]],{}]`, `[`, `]`, `[}`,
	`{}`, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `{"\u0061":{"b":[null,true,-1e-2,"x"]}}`, `{"a":1}}`, `{]`,
	" \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "\v1", "\u00a01", `1 2`, usual,
	strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
	strings.Repeat(`{"a":`, 63) + "[]" + strings.Repeat("}", 63), strings.Repeat(`{"a":`, 64) + "[]" + strings.Repeat("}", 64),
}

func TestScannerAcceptsWhatEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, s := range scannerCorpus {
		checkScanner(t, []byte(s))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		checkScanner(t, mutate(rnd, scannerCorpus))
	}
}

func TestScannerReadsRandomValues(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		checkScanner(t, randomJSON(rnd, nil, 5))
	}
}

// randomJSON appends a valid value in a random spelling.
func randomJSON(rnd *rand.Rand, b []byte, levels int) []byte {
	pieces := []string{"a", "é", "😀", `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u00E9`, `\ud83d\uDE00`, `\ud800`, `\udfff`, `\u0000`, " ", "{", "]"}
	space := func() {
		for range rnd.IntN(3) {
			b = append(b, " \t\r\n"[rnd.IntN(4)])
		}
	}
	str := func() {
		b = append(b, '"')
		for range rnd.IntN(5) {
			b = append(b, pieces[rnd.IntN(len(pieces))]...)
		}
		b = append(b, '"')
	}
	space()
	switch n := rnd.IntN(8); {
	case n == 0:
		b = append(b, []string{"null", "true", "false"}[rnd.IntN(3)]...)
	case n == 1:
		b = append(b, []string{"0", "-0.0", "12", "-3.25e+10", "1E400", "9007199254740993"}[rnd.IntN(6)]...)
	case n < 4 || levels == 0:
		str()
	default:
		brackets := []string{"[]", "{}"}[n%2]
		b = append(b, brackets[0])
		for i := range rnd.IntN(4) {
			if i > 0 {
				b = append(b, ',')
			}
			space()
			if n%2 == 1 {
				str()
				space()
				b = append(b, ':')
			}
			b = randomJSON(rnd, b, levels-1)
		}
		space()
		b = append(b, brackets[1])
	}
	space()
	return b
}

func TestQuotedTextReadsBackAndIsNeverLongerThanItWas(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", `"\`, "\x00\x01\b\f\n\r\t\x1f\x7f", "é😀\u2028", "</script>"} {
		quoted := source.Quote(s)
		if got, err := source.Parse(quoted); err != nil || got != s {
			t.Errorf("%q: %s reads back as %q, %v", s, quoted, got, err)
		}
		if other, _ := json.Marshal(s); len(quoted) > len(other) {
			t.Errorf("%s is longer than %s", quoted, other)
		}
	}
}

// mutate returns a text of the corpus that was cut, flipped, doubled or spliced
// with another one, or several of these.
func mutate(rnd *rand.Rand, corpus []string) []byte {
	b := []byte(corpus[rnd.IntN(len(corpus))])
	for range 1 + rnd.IntN(3) {
		if len(b) == 0 {
			break
		}
		i, j := rnd.IntN(len(b)), rnd.IntN(len(b))
		i, j = min(i, j), max(i, j)
		switch rnd.IntN(6) {
		case 0:
			b = b[:j]
		case 1:
			b = b[i:]
		case 2:
			b = append([]byte(nil), b...)
			b[j] ^= 1 << rnd.IntN(8)
		case 3:
			b = append(append([]byte(nil), b[:j]...), b[i:]...)
		case 4:
			other := corpus[rnd.IntN(len(corpus))]
			k := rnd.IntN(len(other) + 1)
			b = append(append([]byte(nil), b[:j]...), other[k:]...)
		case 5:
			const special = "{}[]\",:\\\n \x00\xff0e-=&%@."
			b = append(append(append([]byte(nil), b[:i]...), special[rnd.IntN(len(special))]), b[i:]...)
		}
	}
	return b
}
