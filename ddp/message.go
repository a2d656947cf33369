package ddp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// Reasons of the error frames, as Meteor's server words them.
const (
	badRequest        = "Bad request"
	parseError        = "Parse error"
	mustConnect       = "Must connect first"
	alreadyConnected  = "Already connected"
	malformedSub      = "Malformed subscription"
	malformedMethod   = "Malformed method invocation"
	maxEcho           = 1 << 10 // bytes of a message that an error frame repeats
	maxName           = 200     // bytes of the name or id of a method or subscription
	versionPre1       = "pre1"
	versionCurrent    = "1"
	messageConnect    = "connect"
	messagePing       = "ping"
	messagePong       = "pong"
	messageMethod     = "method"
	messageSubscribe  = "sub"
	messageUnsubcribe = "unsub"
)

// supported lists the protocol versions that the server speaks, best first.
func supported() []string { return []string{versionCurrent, "pre2", versionPre1} }

// A message is a frame of the client, taken apart. Members that were absent are
// nil; all share raw's memory.
type message struct {
	raw     []byte
	kind    string // empty if msg is not a string
	id      ejson.Raw
	method  ejson.Raw
	name    ejson.Raw
	params  ejson.Raw
	seed    ejson.Raw
	version ejson.Raw
	support ejson.Raw
}

// parse takes a frame apart. If reason is not empty the frame is refused, and
// echo says whether the error frame may repeat it.
func parse(raw []byte) (m message, reason string, echo bool) {
	raw = bytes.TrimSpace(raw)
	if !json.Valid(raw) || raw[0] != '{' && raw[0] != '[' {
		return message{}, badRequest, false
	}
	m.raw = raw
	var msg ejson.Raw
	for key, value := range ejson.Members(raw) {
		switch key {
		case "msg":
			msg = value
		case "id":
			m.id = value
		case "method":
			m.method = value
		case "name":
			m.name = value
		case "params":
			m.params = value
		case "randomSeed":
			m.seed = value
		case "version":
			m.version = value
		case "support":
			m.support = value
		}
		if key == "params" || key == "fields" || key == "result" {
			if ejson.Check(value) != nil {
				return message{}, parseError, false
			}
		}
	}
	if !truthy(msg) {
		return m, badRequest, true
	}
	m.kind, _ = stringOf(msg)
	return m, "", true
}

// truthy says whether JavaScript takes the value for true.
func truthy(raw ejson.Raw) bool {
	switch string(raw) {
	case "", "null", "false", `""`:
		return false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return err != nil || f != 0
}

// stringOf decodes raw if it is a JSON string.
func stringOf(raw ejson.Raw) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	if !bytes.ContainsFunc(inner, func(r rune) bool { return r == '\\' || r >= utf8.RuneSelf }) {
		return string(inner), true // as names and ids are
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// nameOf decodes raw if it is a string short enough to name something.
func nameOf(raw ejson.Raw) (string, bool) {
	s, ok := stringOf(raw)
	return s, ok && len(s) <= maxName
}

// paramsOf returns the arguments; none if the member is absent.
func (m *message) paramsOf() (params []ejson.Raw, ok bool) {
	if m.params == nil {
		return nil, true
	}
	if m.params[0] != '[' {
		return nil, false
	}
	return slices.Collect(ejson.Elements(m.params)), true
}

// negotiate returns the protocol version to go on with, and whether it is the
// one that the client proposed.
func (m *message) negotiate() (version string, ok bool) {
	known := supported()
	proposed, ok := stringOf(m.version)
	if !ok || len(m.support) == 0 || m.support[0] != '[' {
		return known[0], false
	}
	chosen, contains := "", false
	for element := range ejson.Elements(m.support) {
		v, ok := stringOf(element)
		if !ok {
			return known[0], false
		}
		contains = contains || v == proposed
		if chosen == "" && slices.Contains(known, v) {
			chosen = v
		}
	}
	if !contains || chosen == "" {
		return known[0], false
	}
	return chosen, chosen == proposed
}

// echo returns what an error frame may repeat of m: nothing that is long, and
// nothing that may hold a password.
func (m *message) echo() []byte {
	if method, _ := stringOf(m.method); method == "login" || len(m.raw) > maxEcho {
		return nil
	}
	return m.raw
}

// Frames of the server. Ids are raw: they go back as they came.

func errorFrame(reason string, offending []byte) []byte {
	f := ejson.AppendString([]byte(`{"msg":"error","reason":`), reason)
	if offending != nil {
		f = append(append(f, `,"offendingMessage":`...), offending...)
	}
	return append(f, '}')
}

func connectedFrame(session string) []byte {
	return append(ejson.AppendString([]byte(`{"msg":"connected","session":`), session), '}')
}

func failedFrame(version string) []byte {
	return append(ejson.AppendString([]byte(`{"msg":"failed","version":`), version), '}')
}

func pongFrame(id ejson.Raw) []byte {
	f := []byte(`{"msg":"pong"`)
	if id != nil {
		f = append(append(f, `,"id":`...), id...)
	}
	return append(f, '}')
}

func updatedFrame(id ejson.Raw) []byte {
	return append(append([]byte(`{"msg":"updated","methods":[`), id...), `]}`...)
}

func readyFrame(id ejson.Raw) []byte {
	return append(append([]byte(`{"msg":"ready","subs":[`), id...), `]}`...)
}

func nosubFrame(id ejson.Raw, e *Error) []byte {
	f := []byte(`{"msg":"nosub"`)
	if id != nil {
		f = append(append(f, `,"id":`...), id...)
	}
	if e == nil {
		return append(f, '}')
	}
	withError, err := appendError(append(f, `,"error":`...), e)
	if err != nil {
		return nosubFrame(id, errInternal)
	}
	return append(withError, '}')
}
