package httpx_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

func TestABodyIsTheCallersUntilItIsDone(t *testing.T) {
	t.Parallel()
	var bodies httpx.Bodies
	read := func(body string) ([]byte, func()) {
		b, done, err := bodies.Read(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(body)), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return b, done
	}
	first, doneFirst := read("first")
	second, doneSecond := read("second one")
	if string(first) != "first" {
		t.Errorf("%q", first)
	}
	doneFirst()
	third, doneThird := read("x")
	if string(second) != "second one" || string(third) != "x" {
		t.Errorf("%q, %q", second, third)
	}
	doneSecond()
	doneThird()
}

func TestAFailedReadIsDoneToo(t *testing.T) {
	t.Parallel()
	var bodies httpx.Bodies
	for name, tt := range map[string]struct {
		body, packing string
		code          pkgmeter.Code
	}{
		"unknown packing": {"x", "br", pkgmeter.UnsupportedMediaType},
		"too large":       {strings.Repeat("x", 11), "", pkgmeter.TooLarge},
		"broken":          {"\x1f\x8bxx", "gzip", pkgmeter.Invalid},
		"not packed":      {"xx", "zstd", pkgmeter.Invalid},
		"read":            {"xx", "", ""},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Encoding", tt.packing)
		_, done, err := bodies.Read(httptest.NewRecorder(), r, 10)
		if pkgmeter.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
		done()
	}
}
