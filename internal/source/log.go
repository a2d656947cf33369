package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

// A LogFormat is a kind of access log, of one request on each line.
type LogFormat struct {
	Name string

	// Headed says that lines which begin with # describe those after them.
	Headed bool

	looks func(line []byte) bool // whether a line is of this format
	read  func(r *LogReader, line []byte, s *logSaid) error
	mask  func(line []byte) []byte
	whole func(line []byte) bool
}

// Looks reports whether a whole line tells that its file is of this format.
func (f *LogFormat) Looks(line []byte) bool { return f.looks != nil && f.looks(logText(line)) }

// Whole reports whether a last line without an end lacks nothing that counts.
func (f *LogFormat) Whole(line []byte) bool { return f.whole(logText(line)) }

// Mask is [Mask] for a line of this format, which also knows where in it the
// addresses and names of people stand. It would rather hide too much.
func (f *LogFormat) Mask(line []byte) []byte { return Mask(f.mask(line)) }

// Reader returns what reads line after line of a log, and keeps of who asked what
// people say.
func (f *LogFormat) Reader(source string, received time.Time, people People) *LogReader {
	return &LogReader{format: f, source: source, received: received, people: people}
}

// ErrHeader is the error of a line that describes others and is no event.
var ErrHeader = errors.New("the line is a header")

// A LogReader reads line after line of a log. It is one goroutine's. Every line
// that says of what a request was is an event, whatever came of it.
type LogReader struct {
	format   *LogFormat
	source   string
	received time.Time
	people   People

	clock      logClock
	json       logJSON
	columns    logColumns
	agents     map[string]string
	repository string // of the event before
	fields     [][]byte
	scratch    []byte
	pull       Pull // of the line before
	isPull     bool
}

// maxAgents bounds the clients that a LogReader remembers.
const maxAgents = 1000

// Line reads a line, without or with its end. The event is fit to store and
// holds no part of the line. The error says nothing of what the line says; it is
// [ErrHeader] for one that is not meant to be an event.
func (r *LogReader) Line(line []byte) (e pkgmeter.Event, err error) {
	var s logSaid
	r.isPull = false
	if err = r.format.read(r, logText(line), &s); err == nil {
		err = r.event(&s, &e)
	}
	if err != nil {
		return pkgmeter.Event{}, err
	}
	return e, nil
}

// Pull returns what the line before says that decides whether its event is a part
// of another pull, if it can be one. A line that names no client never is.
func (r *LogReader) Pull() (p Pull, ok bool) { return r.pull, r.isPull }

// notePull looks whether e is a download of a manifest.
func (r *LogReader) notePull(s *logSaid, e *pkgmeter.Event) {
	address := logOrNone(s.address)
	if !strings.Contains(e.Path, "/"+manifests+"/") || e.Op != pkgmeter.Get || e.Status != 0 && e.Status != 200 || len(address) == 0 || e.Agent == "" {
		return
	}
	// The signatures of an image are asked for by tags of it, and are no part of a pull.
	a := artifact.Parse(e.Path)
	if a.Type != "docker" || a.Kind != artifact.Primary {
		return
	}
	at := strings.LastIndex(e.Path, "/"+manifests+"/")
	tagged := strings.IndexByte(a.File, '@') < 0
	ref := sha256.Sum256([]byte(a.Version))
	r.isPull = true
	r.pull = Pull{
		Client: clientHash(string(address), e.Agent, string(logOrNone(s.account))),
		Image:  e.Path[:at], Index: tagged, Ref: binary.BigEndian.Uint64(ref[:]),
	}
}

// logText takes away what may stand around the text of a line, and spells bytes
// that are no UTF-8 as a path would: they are in logs, and an event is text.
func logText(line []byte) []byte {
	line = trimSpace(line[skipMark(line):])
	if !utf8.Valid(line) {
		return logSpell(line, false)
	}
	return line
}

// logSaid is what a line says of a request, in parts of it or of copies that are
// the reader's until the next line.
type logSaid struct {
	time       time.Time
	method     []byte
	target     []byte // of the request: a path or a URL
	status     []byte // empty where the log has none
	bytes      []byte
	agent      []byte
	id         []byte
	repository []byte
	address    []byte // of who asked
	account    []byte
	fromZero   bool
	op         pkgmeter.Op // of other requests than the method says, if known
	known      bool
}

const (
	errNoRequest  = reason("the line names no request")
	errNoTime     = reason("the line has no time that can be read")
	errBadStatus  = reason("the status is no number from 100 to 999")
	errBadBytes   = reason("the bytes are no number")
	errNotThis    = reason("the line is not of this format")
	errCutShort   = reason("the line is cut short")
	errNoFields   = reason("no #Fields line stands before the line")
	errFieldCount = reason("the line has not as many fields as its #Fields line says")
)

// event makes e, which is zero, what the line says.
func (r *LogReader) event(s *logSaid, e *pkgmeter.Event) (err error) {
	if s.time.IsZero() {
		return errNoTime
	}
	if len(s.target) == 0 {
		return errNoRequest
	}
	if e.Status, err = logStatus(s.status); err != nil {
		return err
	}
	if e.Bytes, err = logBytes(s.bytes); err != nil {
		return err
	}
	e.Source, e.Time = r.source, s.time
	e.Op = logOp(s.method)
	if s.known {
		e.Op = s.op
	}
	e.Repository = common(&r.repository, s.repository)
	e.Agent = r.agent(s.agent)
	r.people.set(e, s.address, s.account)
	e.Flags = robot(s.account)
	path := logPath(s.target)
	if id := logOrNone(s.id); len(id) > 0 {
		fit := fitID(string(id))
		r.scratch = append(append(r.scratch[:0], fit...), path...)
		both := string(r.scratch)
		e.ID, e.Path = both[:len(fit)], both[len(fit):]
	} else {
		e.Path = string(path)
	}
	if s.fromZero && e.Status == 206 {
		e.Flags |= pkgmeter.FromZero
	}
	if err := e.Settle(r.received); err != nil {
		return err
	}
	r.notePull(s, e)
	return nil
}

// logOrNone returns nil for what a log writes where there is nothing.
func logOrNone(b []byte) []byte {
	if string(b) == "-" {
		return nil
	}
	return b
}

// logOp returns what a method does to a file. Logs spell methods as they came.
func logOp(method []byte) pkgmeter.Op {
	switch string(method) {
	case "GET", "get", "":
		return pkgmeter.Get
	case "HEAD", "head":
		return pkgmeter.Head
	case "PUT", "put":
		return pkgmeter.Upload
	case "DELETE", "delete":
		return pkgmeter.Delete
	}
	return pkgmeter.Other
}

// unanswered is the status of requests to which nothing was answered. Logs say
// "-", 0 or 000; it is what nginx writes where the client has left.
const unanswered = 499

// logStatus reads a status. A log without them has lines of what succeeded.
func logStatus(b []byte) (int, error) {
	switch string(b) {
	case "":
		return 0, nil
	case "-", "0", "000":
		return unanswered, nil
	}
	if len(b) != 3 || !isDigit(b[0]) || !isDigit(b[1]) || !isDigit(b[2]) || b[0] == '0' {
		return 0, errBadStatus
	}
	return int(b[0]-'0')*100 + int(b[1]-'0')*10 + int(b[2]-'0'), nil
}

// logBytes reads a size; what is not known is 0.
func logBytes(b []byte) (int64, error) {
	if len(b) == 0 || string(b) == "-" || string(b) == "-1" {
		return 0, nil
	}
	if len(b) > 18 {
		return 0, errBadBytes
	}
	n := int64(0)
	for _, c := range b {
		if !isDigit(c) {
			return 0, errBadBytes
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// logPath returns the path of a request's target, "/" where it names no file. It
// is part of the target unless bytes had to be spelled otherwise.
func logPath(target []byte) []byte {
	path := filePath(target)
	if path == nil || string(path) == "*" {
		return []byte("/")
	}
	for _, c := range path {
		if c < ' ' || c == 0x7f || c >= utf8.RuneSelf && !utf8.Valid(path) {
			return logSpell(path, true)
		}
	}
	return path
}

// logSpell spells bytes that are no UTF-8, and control characters if these are
// unwanted too, with a percent sign.
func logSpell(b []byte, controls bool) []byte {
	out := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); {
		c := b[i]
		if c >= utf8.RuneSelf {
			if x, n := utf8.DecodeRune(b[i:]); x != utf8.RuneError || n > 1 {
				out = append(out, b[i:i+n]...)
				i += n
				continue
			}
		}
		if c >= utf8.RuneSelf || controls && (c < ' ' || c == 0x7f) {
			const digits = "0123456789ABCDEF"
			out = append(out, '%', digits[c>>4], digits[c&15])
		} else {
			out = append(out, c)
		}
		i++
	}
	return out
}

// agent returns the User-Agent that b says.
func (r *LogReader) agent(b []byte) string {
	if b = logOrNone(b); len(b) == 0 {
		return ""
	}
	if s, known := r.agents[string(b)]; known {
		return s
	}
	// Much of what may read it later ends at a NUL byte.
	s := pkgmeter.Cut(string(bytes.ReplaceAll(b, []byte{0}, []byte("\uFFFD"))), pkgmeter.MaxAgent)
	if len(b) <= pkgmeter.MaxAgent { // what is longer is rare
		if len(r.agents) >= maxAgents || r.agents == nil {
			r.agents = map[string]string{}
		}
		r.agents[string(b)] = s
	}
	return s
}

// logRequest reads the first line of a request: GET /a.jar HTTP/1.1. A path may
// have spaces in it; HTTP/0.9 has no version.
func logRequest(b []byte, s *logSaid) error {
	i := bytes.IndexByte(b, ' ')
	if i <= 0 || !isMethod(b[:i]) {
		return errNoRequest
	}
	target := b[i+1:]
	if j := bytes.LastIndexByte(target, ' '); j >= 0 && bytes.HasPrefix(target[j+1:], []byte("HTTP/")) {
		target = target[:j]
	}
	if target = bytes.Trim(target, " "); len(target) == 0 {
		return errNoRequest
	}
	s.method, s.target = b[:i], target
	if string(s.method) == "CONNECT" {
		s.target = []byte("/") // it names a host
	}
	return nil
}

// isMethod reports whether b could be a method of HTTP.
func isMethod(b []byte) bool {
	const longest = 32
	if len(b) == 0 || b[0] == '-' || b[0] == '_' {
		return false
	}
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) <= longest
}

// logFromZero reports whether a range begins at the first byte: bytes=0-99 of a
// request, bytes 0-99/1000 of an answer.
func logFromZero(b []byte) bool {
	b, ok := bytes.CutPrefix(bytes.TrimSpace(b), []byte("bytes"))
	return ok && len(b) > 0 && bytes.HasPrefix(bytes.TrimLeft(b[1:], " "), []byte("0-"))
}

// logUnescape undoes what nginx and Apache make of characters that would break
// a line: \" \\ \t and \x22. What is no such escape stays.
func logUnescape(b []byte) []byte {
	i := bytes.IndexByte(b, '\\')
	if i < 0 {
		return b
	}
	out := append(make([]byte, 0, len(b)), b[:i]...)
	for ; i < len(b); i++ {
		c := b[i]
		if c == '\\' && i+1 < len(b) {
			if d, n := logEscape(b[i:]); n > 0 {
				out = append(out, d)
				i += n - 1
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// logEscape returns the byte of the escape that b begins with and its length, 0
// if it is none.
func logEscape(b []byte) (byte, int) {
	switch b[1] {
	case '"', '\\', '\'':
		return b[1], 2
	case 'n', 't', 'r', 'b', 'f':
		return unescapeByte(b[1]), 2
	case 'v':
		return '\v', 2
	case 'x':
		if len(b) < 4 {
			return 0, 0
		}
		n, err := strconv.ParseUint(string(b[2:4]), 16, 8)
		if err != nil {
			return 0, 0
		}
		return byte(n), 4
	}
	return 0, 0
}

// logPercent undoes percent-encoding once. Malformed escapes stay.
func logPercent(b []byte) []byte {
	i := bytes.IndexByte(b, '%')
	if i < 0 {
		return b
	}
	out := append(make([]byte, 0, len(b)), b[:i]...)
	for ; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			if n, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}
