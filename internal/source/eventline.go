package source

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// EventLine reads one event in the program's own format: a JSON object with
//
//	path, package       the file, the purl; at least one of them, and not empty
//	version             of the package, unless the purl has it
//	id                  a string of 1 to 255 bytes, or an integer: its digits
//	time                RFC 3339; without it, received
//	repository, client  texts; the client is a User-Agent
//	bytes               an integer from 0 on
//	status              of HTTP, 100 to 999; without it 200
//	method              of HTTP, in any case; without it GET
//	event               download, upload or delete; without it a download
//
// and white space around it. Of a path that is a URL the host, the query and the
// fragment are left out. With a path, package and version say the coordinates
// and the path names the file; a version without a package says nothing, as the
// path has its own. event says what happened where it is not a download, else
// the method does. A member that is null is as none, but for id, time and bytes.
// Of members of the same name the last one counts; unknown ones are not looked
// at. Of consumer as much is kept as the reader's People say.
//
// The event is fit to store and holds no part of line. The error is a sentence
// for the sender.
func EventLine(line []byte, source string, received time.Time) (e pkgmeter.Event, err error) {
	r := EventReader{Source: source, Received: received}
	return r.Line(line)
}

// An EventReader reads event after event. It is one goroutine's; the texts that
// events have in common are not copied for each.
type EventReader struct {
	Source   string
	Received time.Time
	People   People // optional

	scanner
	said              [eventMembers]said
	err               error             // the first about this event
	repository, agent string            // of the event before
	hints             map[string]string // of packages and versions as they were said
	scratch           []byte
}

// maxHints bounds the packages that an EventReader remembers.
const maxHints = 1000

// Line is [EventLine] with the reader's source and time of receipt.
func (r *EventReader) Line(line []byte) (e pkgmeter.Event, err error) {
	if err := r.line(line, &e); err != nil {
		return pkgmeter.Event{}, err
	}
	return e, nil
}

// line makes e, which is zero, what line says.
func (r *EventReader) line(line []byte, e *pkgmeter.Event) error {
	r.src, r.pos = line, skipSpace(line, 0)
	k, err := r.item(0)
	if err != nil {
		return err
	}
	if r.space(); r.pos < len(line) {
		return r.unexpected("after the value")
	}
	if k != object {
		return wrongKind(k)
	}
	return r.event(e)
}

// An eventMember is a member of an event that means something.
type eventMember uint8

const (
	noMember eventMember = iota
	idMember
	timeMember
	repositoryMember
	pathMember
	packageMember
	versionMember
	bytesMember
	clientMember
	methodMember
	statusMember
	eventWord
	consumerMember
	eventMembers // how many there are
)

// String returns the name of m.
func (m eventMember) String() string {
	return [...]string{"", "id", "time", "repository", "path", "package", "version", "bytes", "client", "method", "status", "event", "consumer"}[m]
}

func eventMemberOf(name []byte) eventMember {
	switch string(name) {
	case "id":
		return idMember
	case "time":
		return timeMember
	case "repository":
		return repositoryMember
	case "path":
		return pathMember
	case "package":
		return packageMember
	case "version":
		return versionMember
	case "bytes":
		return bytesMember
	case "client":
		return clientMember
	case "method":
		return methodMember
	case "status":
		return statusMember
	case "event":
		return eventWord
	case "consumer":
		return consumerMember
	}
	return noMember
}

// said is where the value of a member stands, a string without its quotes. The
// zero one is that of a member that is not there.
type said struct {
	span
	kind    kind
	escaped bool
}

// item reads the value at pos, which stands in depth arrays. Of an object it
// notes the known members: event has to be called before pos moves on.
func (r *EventReader) item(depth int) (kind, error) {
	if r.pos == len(r.src) || r.src[r.pos] != '{' {
		return r.skip(depth)
	}
	clear(r.said[:])
	r.pos++
	for first := true; ; first = false {
		key, escaped, more, err := r.member('}', first)
		if err != nil || !more {
			return object, err
		}
		m := eventMemberOf(unescape(r.src[key.from:key.to], escaped))
		if r.said[m], err = r.value(depth + 1); err != nil {
			return object, err
		}
	}
}

// value reads the value at pos.
func (r *EventReader) value(depth int) (v said, err error) {
	if r.pos < len(r.src) && r.src[r.pos] == '"' {
		v.kind = text
		v.span, v.escaped, err = r.text()
		return v, err
	}
	v.from = int32(r.pos)
	v.kind, err = r.skip(depth)
	v.to = int32(r.pos)
	return v, err
}

// event makes e, which is zero, what the members say that item noted.
func (r *EventReader) event(e *pkgmeter.Event) error {
	r.err = nil
	e.Source = r.Source
	id := r.id()
	e.Time = r.time()
	e.Op = r.op()
	e.Status = r.status()
	e.Bytes = r.bytes()
	e.Repository = common(&r.repository, r.filled(repositoryMember))
	e.Agent = common(&r.agent, r.textOf(clientMember))
	r.consumer(e)
	path := filePath(r.textOf(pathMember))
	e.Hint = r.coordinates()
	// One copy for both, as most time goes into making them.
	r.scratch = append(append(r.scratch[:0], id...), path...)
	both := string(r.scratch)
	e.ID, e.Path = both[:len(id)], both[len(id):]
	if r.err == nil && e.Path == "" && e.Hint == "" {
		r.err = reason("path or package is required, and has to name a file")
	}
	if r.err == nil {
		r.err = e.Settle(r.Received)
	}
	return r.err
}

// consumer notes who fetched the file. What is not kept of it is not checked,
// and what is no text says nothing.
func (r *EventReader) consumer(e *pkgmeter.Event) {
	v := &r.said[consumerMember]
	switch {
	case v.kind != text:
		return
	case r.People.Consumer != nil:
		name := r.textOf(consumerMember)
		e.Flags, e.Consumer = robot(name), r.People.key(name)
	default:
		e.Flags = robot(unescape(r.src[v.from:v.to], v.escaped))
	}
}

// common returns b as a string: the one before, where it is the same.
func common(before *string, b []byte) string {
	if string(b) != *before {
		*before = string(b)
	}
	return *before
}

// refuse keeps what is wrong with m, unless something else was before.
func (r *EventReader) refuse(m eventMember, format string, args ...any) {
	if r.err == nil {
		r.err = pkgmeter.Errorf(pkgmeter.Invalid, "%s: %s", m, fmt.Sprintf(format, args...))
	}
}

// textOf returns the text of m, nil if there is none. It may be part of the source.
func (r *EventReader) textOf(m eventMember) []byte {
	v := &r.said[m]
	switch {
	case v.kind == null:
		return nil
	case v.kind != text:
		r.refuse(m, "want a string, got %s", v.kind)
		return nil
	}
	raw := r.src[v.from:v.to]
	if !v.escaped {
		return raw
	}
	b := unescape(raw, true)
	switch {
	case bytes.IndexByte(b, 0) >= 0:
		// JSON can spell it, but much of what may read it later ends there.
		r.refuse(m, "holds a NUL byte")
	case halved(raw):
		// All halves would become the same character, and two ids one event.
		r.refuse(m, "holds half of a surrogate pair")
	}
	return b
}

// filled is textOf for a text that says nothing where it is blank.
func (r *EventReader) filled(m eventMember) []byte {
	if b := r.textOf(m); !blank(b) {
		return b
	}
	return nil
}

// id returns the id, nil if there is none. It may be part of the source.
func (r *EventReader) id() (b []byte) {
	v := &r.said[idMember]
	switch {
	case v.kind == text:
		b = r.textOf(idMember)
	case v.kind == number && whole(r.src[v.from:v.to]):
		b = r.src[v.from:v.to]
	case *v == said{}:
		return nil
	default:
		r.refuse(idMember, "want a string or an integer, got %s", r.shown(v))
		return nil
	}
	if r.err == nil && (len(b) == 0 || len(b) > pkgmeter.MaxID) {
		r.refuse(idMember, "has %d bytes, want 1 to %d", len(b), pkgmeter.MaxID)
	}
	return b
}

func (r *EventReader) time() (t time.Time) {
	v := &r.said[timeMember]
	if *v == (said{}) {
		return t
	}
	b := r.textOf(timeMember)
	t, ok := rfc3339(b)
	switch {
	case v.kind == null:
		r.refuse(timeMember, "want a string, got null")
	case !ok:
		r.refuse(timeMember, "want RFC 3339, as in 2026-03-01T11:58:03Z, got %s", excerpt(b))
	case t.IsZero(): // what Go writes for no time; Settle would take it for none
		r.refuse(timeMember, "%s is before 2000-01-01", b)
	}
	return t
}

func (r *EventReader) op() (op pkgmeter.Op) {
	switch method := r.textOf(methodMember); {
	case len(method) == 0 || bytes.EqualFold(method, []byte("GET")):
	case bytes.EqualFold(method, []byte("HEAD")):
		op = pkgmeter.Head
	case bytes.EqualFold(method, []byte("PUT")):
		op = pkgmeter.Upload
	case bytes.EqualFold(method, []byte("DELETE")):
		op = pkgmeter.Delete
	default:
		op = pkgmeter.Other
	}
	switch word := r.textOf(eventWord); string(word) {
	case "", "download":
	case "upload":
		op = pkgmeter.Upload
	case "delete":
		op = pkgmeter.Delete
	default:
		r.refuse(eventWord, "want download, upload or delete, got %s", excerpt(word))
	}
	return op
}

func (r *EventReader) status() int {
	const standard, least, most = 200, 100, 999
	v := &r.said[statusMember]
	if v.kind == null {
		return standard
	}
	n := r.integer(statusMember)
	if n < least || n > most {
		r.refuse(statusMember, "is %s, want %d to %d", r.shown(v), least, most)
	}
	return int(n)
}

func (r *EventReader) bytes() int64 {
	v := &r.said[bytesMember]
	if *v == (said{}) {
		return 0
	}
	n := r.integer(bytesMember)
	if n < 0 {
		r.refuse(bytesMember, "is negative")
	}
	return n
}

// integer returns the number that m says. One that is too large for it is the
// largest or the smallest that is there.
func (r *EventReader) integer(m eventMember) int64 {
	v := &r.said[m]
	b := r.src[v.from:v.to]
	if v.kind != number || !whole(b) {
		r.refuse(m, "want an integer, got %s", r.shown(v))
		return 0
	}
	n, _ := strconv.ParseInt(string(b), 10, 64) // it can only be out of range
	return n
}

// whole reports whether a number of JSON is written as an integer.
func whole(number []byte) bool {
	for _, c := range number {
		if !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

// coordinates returns the canonical purl of the package, with the version, ""
// if no package is said.
func (r *EventReader) coordinates() string {
	pkg, version := r.filled(packageMember), r.filled(versionMember)
	if len(version) > pkgmeter.MaxName {
		r.refuse(versionMember, "is longer than %d bytes", pkgmeter.MaxName)
	}
	if pkg == nil || r.err != nil {
		return ""
	}
	r.scratch = append(append(append(r.scratch[:0], pkg...), 0), version...) // neither holds a NUL
	hint, known := r.hints[string(r.scratch)]
	if known {
		return hint
	}
	if hint = r.spell(string(pkg), string(version)); r.err != nil {
		return ""
	}
	if len(r.scratch) <= pkgmeter.MaxPath { // what is longer is hostile
		if len(r.hints) >= maxHints || r.hints == nil {
			r.hints = map[string]string{}
		}
		r.hints[string(r.scratch)] = hint
	}
	return hint
}

// spell returns the canonical purl of a version of a package.
func (r *EventReader) spell(pkg, version string) string {
	canonical, _, own, err := purl.Split(pkg)
	switch {
	case err != nil:
		r.err = pkgmeter.Errorf(pkgmeter.Invalid, "%s", err)
	case own == "":
		own = version
	case version != "" && version != own:
		r.refuse(versionMember, "is %s, but package says %s", excerpt([]byte(version)), excerpt([]byte(own)))
	}
	return purl.WithVersion(canonical, own)
}

// shown returns what a value is called, and of a number the number.
func (r *EventReader) shown(v *said) string {
	if v.kind == number {
		return excerpt(r.src[v.from:v.to])
	}
	return v.kind.String()
}

// excerpt keeps a long or hostile text from filling the sentence about it.
func excerpt(b []byte) string {
	const most = 60
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}

// halved reports whether a scanned string escapes half of a surrogate pair.
func halved(s []byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		i++
		r, _ := hex4(s[i+1:])
		if s[i] != 'u' || r&^0x7ff != 0xd800 {
			continue
		}
		const low = `\uxxxx`
		if r >= 0xdc00 || len(s) < i+5+len(low) || s[i+5] != '\\' || s[i+6] != 'u' {
			return true
		}
		if r, _ := hex4(s[i+7:]); r&^0x3ff != 0xdc00 {
			return true
		}
		i += 4 + len(low)
	}
	return false
}
