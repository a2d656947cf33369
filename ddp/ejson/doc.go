// Package ejson reads and writes EJSON, the JSON dialect of DDP in which dates,
// bytes and a few other things have a form of their own.
//
//	Go                        wire
//	time.Time                 {"$date": milliseconds since 1970}
//	[]byte                    {"$binary": "base64"}
//	NaN, +Inf, -Inf           {"$InfNaN": 0}, 1, -1
//	RegExp                    {"$regexp": "source", "$flags": "i"}
//	a map that looks so       {"$escape": {...}}
//
// An object is one of these forms only if it has exactly those keys; anything
// else is plain JSON. Marshal escapes maps and structs that would be mistaken
// for a form, and Unmarshal takes the escape off again.
//
// [Raw] carries EJSON text through both directions untouched: Marshal splices
// it without looking at it, so that stored documents cost one copy each.
//
// The package does not know messages, connections or collections. It does not
// know custom types either: {"$type", "$value"} is an error but for "oid", the
// document ids of some clients, which decode to their string. Dates have
// millisecond resolution and no zone; they decode to UTC. Key order is kept in
// Raw only.
package ejson

import "errors"

// MaxDepth is how deep arrays and objects may nest on the wire, in either
// direction. It bounds the stack that hostile text can use and ends cycles.
const MaxDepth = 64

// Errors of a text that cannot be decoded, and of a value that cannot be
// encoded. They come wrapped.
var (
	// ErrSyntax means that the text is not JSON.
	ErrSyntax = errors.New("ejson: not JSON")
	// ErrDepth means nesting beyond MaxDepth, or a Go value with a cycle.
	ErrDepth = errors.New("ejson: nested too deep")
	// ErrForm means a special form with a member that it cannot have, or a
	// custom type.
	ErrForm = errors.New("ejson: malformed special form")
	// ErrType means that text and Go value do not fit each other.
	ErrType = errors.New("ejson: type mismatch")
)

// Raw is EJSON text in UTF-8. Marshal copies it as it stands and trusts it:
// text that is not EJSON breaks the message around it. Use [Check] on text
// from outside. Empty means null.
type Raw []byte

// String returns the text.
func (r Raw) String() string { return string(r) }

// RegExp is a JavaScript regular expression. It is carried, not compiled.
type RegExp struct {
	Source string
	Flags  string // any of gimuy
}
