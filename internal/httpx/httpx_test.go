package httpx_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

func TestErrorsAreRendered(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err    error
		status int
		body   string
		retry  string
	}{
		"with a code": {pkgmeter.Errorf(pkgmeter.Invalid, "no <b>"), 400, `{"error":{"code":"invalid","message":"no \u003cb\u003e"}}`, ""},
		"busy":        {&pkgmeter.Error{Code: pkgmeter.Unavailable, Msg: "busy", Err: errors.New("secret")}, 503, `{"error":{"code":"unavailable","message":"busy"}}`, "5"},
		"plain":       {errors.New("secret"), 500, `{"error":{"code":"internal","message":"internal error"}}`, ""},
		"too large":   {pkgmeter.Errorf(pkgmeter.TooLarge, "big"), 413, `{"error":{"code":"too_large","message":"big"}}`, ""},
		"limited":     {pkgmeter.Errorf(pkgmeter.RateLimited, "slow"), 429, `{"error":{"code":"rate_limited","message":"slow"}}`, ""},
		"conflict":    {pkgmeter.Errorf(pkgmeter.Conflict, "taken"), 409, `{"error":{"code":"conflict","message":"taken"}}`, ""},
		"type":        {pkgmeter.Errorf(pkgmeter.UnsupportedMediaType, "x"), 415, `{"error":{"code":"unsupported_media_type","message":"x"}}`, ""},
		"forbidden":   {pkgmeter.Errorf(pkgmeter.Forbidden, "x"), 403, `{"error":{"code":"forbidden","message":"x"}}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := httptest.NewRecorder()
			httpx.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return tt.err }).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
			if rec.Code != tt.status || strings.TrimSpace(rec.Body.String()) != tt.body || rec.Header().Get("Retry-After") != tt.retry {
				t.Errorf("%d %s, Retry-After %q", rec.Code, rec.Body, rec.Header().Get("Retry-After"))
			}
		})
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	httpx.Secure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") })).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "secret") || rec.Header().Get("Content-Security-Policy") != httpx.CSP {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestBodiesAreReadWithinTheirLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, s)
		z.Close()
		return b.String()
	}
	zs := func(s string) string {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(z.EncodeAll([]byte(s), nil))
	}
	text := func(n int) string { return strings.Repeat("x", n) }
	tests := map[string]struct {
		body, want string
		code       pkgmeter.Code
	}{
		"empty":                    {"", "", ""},
		"at the limit":             {text(limit), text(limit), ""},
		"beyond it":                {text(limit + 1), "", pkgmeter.TooLarge},
		"gzip":                     {zip(text(limit)), text(limit), ""},
		"gzip beyond it":           {zip(text(limit + 1)), "", pkgmeter.TooLarge},
		"a gzip bomb":              {zip(text(100 << 20))[:limit], "", pkgmeter.TooLarge},
		"two gzip members":         {zip("a") + zip("b"), "ab", ""},
		"cut gzip":                 {zip(text(limit))[:15], "", pkgmeter.Invalid},
		"only the mark of gzip":    {"\x1f\x8b", "", pkgmeter.Invalid},
		"zstd":                     {zs(text(limit)), text(limit), ""},
		"zstd beyond it":           {zs(text(limit + 1)), "", pkgmeter.TooLarge},
		"a zstd bomb":              {zs(text(10 << 20)), "", pkgmeter.TooLarge},
		"cut zstd":                 {zs(text(limit))[:8], "", pkgmeter.Invalid},
		"only the mark of zstd":    {"\x28\xb5\x2f\xfd", "", pkgmeter.Invalid},
		"what merely looks packed": {"\x1f\x8c", "\x1f\x8c", ""},
	}
	for name, tt := range tests {
		for _, known := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
				if !known {
					r.ContentLength = -1
				}
				got, err := httpx.ReadBody(httptest.NewRecorder(), r, limit)
				if pkgmeter.CodeOf(err) != tt.code || string(got) != tt.want {
					t.Errorf("%d bytes, %v; want %d, code %q", len(got), err, len(tt.want), tt.code)
				}
			})
		}
	}
}

func TestWhatAClientPrefers(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"":                                 false,
		"*/*":                              false,
		"text/html":                        true,
		"text/html;q=0":                    false,
		"text/html, text/plain":            false,
		"text/plain;q=0.5, text/html":      true,
		"text/*, text/html":                true,
		"text/*":                           false,
		"application/json":                 false,
		"TEXT/HTML":                        true,
		"text/html;level=1;q=0.9, */*;q=1": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": true,
		";;;,,,q=": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		if got := httpx.PrefersHTML(r); got != want {
			t.Errorf("Accept %q: %t", accept, got)
		}
	}
}
