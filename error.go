package pkgmeter

import (
	"errors"
	"fmt"
)

// A Code says what kind of failure an [Error] is. Transports map it to their
// own status, each in one table.
type Code string

// The codes are the ones of the JSON interface.
const (
	Invalid              Code = "invalid"
	Unauthenticated      Code = "unauthenticated"
	Forbidden            Code = "forbidden"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	Conflict             Code = "conflict"
	TooLarge             Code = "too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	RateLimited          Code = "rate_limited"
	Internal             Code = "internal"
	Unavailable          Code = "unavailable"
)

// An Error carries what a client may see (Code, Msg) beside what only the log
// may see (Err).
type Error struct {
	Code Code
	Msg  string
	Err  error
}

// Error returns the message and, after a colon, the private cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error without a private cause. The text is public.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the outermost [Error] in err's tree, [Internal] if
// there is none, and "" for nil. A plain error is thus never shown to a client.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// PublicMessage returns what a client may read of err: the message of the
// outermost [Error], and a fixed text for everything else.
func PublicMessage(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != Internal {
		return e.Msg
	}
	return "internal error"
}
