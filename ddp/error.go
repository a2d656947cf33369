package ddp

import (
	"errors"
	"fmt"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// An Error is what a method or publication tells its client. Any other error
// stays inside: the client sees code 500, "Internal server error".
type Error struct {
	// Code is a number or a string. Clients compare it with its type, so that
	// 401 and "401" are two different codes.
	Code any
	// Reason is for people to read; it may be empty.
	Reason string
	// Details is further data for programs, or nil.
	Details any
}

// Error returns the message that a Meteor client shows.
func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("[%v]", e.Code)
	}
	return fmt.Sprintf("%s [%v]", e.Reason, e.Code)
}

// ErrMatchFailed is the answer to arguments of the wrong number or type.
var ErrMatchFailed = &Error{Code: 400, Reason: "Match failed"}

// ErrStopped says that a subscription is over: nothing it publishes reaches
// anybody.
var ErrStopped = errors.New("ddp: subscription stopped")

var errInternal = &Error{Code: 500, Reason: "Internal server error"}

// wireError is the shape that Meteor's clients turn back into a Meteor.Error.
type wireError struct {
	Safe    bool   `json:"isClientSafe"`
	Code    any    `json:"error"`
	Reason  string `json:"reason,omitempty"`
	Details any    `json:"details,omitempty"`
	Message string `json:"message"`
	Type    string `json:"errorType"`
}

// public returns what the client may see of err, and whether that is less than
// all there is to know.
func public(err error) (e *Error, hidden bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return errInternal, true
	}
	switch e.Code.(type) {
	case string, int, int32, int64, float64:
		return e, false
	}
	return errInternal, true
}

// appendError appends e in its wire form.
func appendError(dst []byte, e *Error) ([]byte, error) {
	return ejson.Append(dst, wireError{
		Safe: true, Code: e.Code, Reason: e.Reason, Details: e.Details,
		Message: e.Error(), Type: "Meteor.Error",
	})
}
