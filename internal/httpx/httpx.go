// Package httpx holds what every HTTP side of the program shares: handlers
// that return errors, the one table from codes to statuses, bodies within
// limits, security headers, and what a client prefers.
//
// It does not know any route, any page or who may do what.
package httpx

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// RetryAfter is what a client is told to wait when the program is busy, seconds.
const RetryAfter = "5"

// Status returns the HTTP status of a code.
func Status(code pkgmeter.Code) int {
	switch code {
	case "":
		return http.StatusOK
	case pkgmeter.Invalid:
		return http.StatusBadRequest
	case pkgmeter.Unauthenticated:
		return http.StatusUnauthorized
	case pkgmeter.Forbidden:
		return http.StatusForbidden
	case pkgmeter.NotFound:
		return http.StatusNotFound
	case pkgmeter.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case pkgmeter.Conflict:
		return http.StatusConflict
	case pkgmeter.TooLarge:
		return http.StatusRequestEntityTooLarge
	case pkgmeter.UnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case pkgmeter.RateLimited:
		return http.StatusTooManyRequests
	case pkgmeter.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// A HandlerFunc either writes a response and returns nil, or writes nothing
// and returns an error, which is rendered as JSON.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

// ServeHTTP implements [http.Handler].
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := f(w, r); err != nil {
		WriteError(w, r, err)
	}
}

// WriteError answers with err's status and public message.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	code := Fail(w, r, err)
	var body struct {
		Error struct {
			Code    pkgmeter.Code `json:"code"`
			Message string        `json:"message"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = code, pkgmeter.PublicMessage(err)
	WriteJSON(w, Status(code), body)
}

// Fail does what every answer to an error needs whatever its form: it logs
// what no client may see, and sets the headers that go with err's code, which
// it returns.
func Fail(w http.ResponseWriter, r *http.Request, err error) pkgmeter.Code {
	code := pkgmeter.CodeOf(err)
	if r.Context().Err() != nil {
		return code // the client has left; nothing is wrong here
	}
	switch code {
	case pkgmeter.Internal:
		slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "route", r.Pattern, "err", err)
	case pkgmeter.Unavailable:
		slog.WarnContext(r.Context(), "request refused", "method", r.Method, "route", r.Pattern, "err", err)
		w.Header().Set("Retry-After", RetryAfter)
	}
	return code
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	Write(w, status, "application/json", append(body, '\n'))
}

// Write answers with a whole body.
func Write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client is gone; there is nobody to tell
}

// PrefersHTML reports whether the client would rather have a page than plain
// text, as browsers do. A client that says nothing, or */*, gets text.
func PrefersHTML(r *http.Request) bool {
	html, text := quality(r, "text/html"), quality(r, "text/plain")
	return html > 0 && html > text
}

// quality returns how much the client wants a media type, by the most specific
// range of its Accept header that covers the type; a wildcard counts for a
// little less, as it was not asked for by name.
func quality(r *http.Request, media string) float64 {
	best, named := 0.0, false
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			name, params, _ := strings.Cut(part, ";")
			q := 1.0
			for p := range strings.SplitSeq(params, ";") {
				if v, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
					if f, err := strconv.ParseFloat(v, 64); err == nil {
						q = f
					}
				}
			}
			switch strings.ToLower(strings.TrimSpace(name)) {
			case media:
				best, named = q, true
			case media[:strings.Index(media, "/")] + "/*", "*/*":
				if !named {
					best = max(best, q*0.999)
				}
			}
		}
	}
	return best
}

// CSP is the policy of every page: nothing inline, no other host.
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"

// securityHeaders are shared by all answers: nobody may change the slices.
var securityHeaders = http.Header{
	"Content-Security-Policy":      {CSP},
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"same-origin"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Permissions-Policy":           {"camera=(), microphone=(), geolocation=()"},
}

// Secure sets the security headers, and turns a panic into an answer and a
// line of the log. It stands outside of all handlers.
func Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), securityHeaders)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // a value of panic, not an error that could be wrapped
					panic(v)
				}
				slog.ErrorContext(r.Context(), "panic", "route", r.Pattern, "value", v, "stack", string(debug.Stack()))
				WriteError(w, r, &pkgmeter.Error{Code: pkgmeter.Internal, Msg: "internal error"})
			}
		}()
		next.ServeHTTP(w, r)
	})
}
