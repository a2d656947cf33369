package source_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/purl"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// A plainEvent is the slow reading of an event, over encoding/json, that the
// fast one is held to.
type plainEvent struct {
	members map[string]json.RawMessage
	bad     bool
}

func readPlain(line []byte) (pkgmeter.Event, bool) {
	e := pkgmeter.Event{Source: "s"}
	p := plainEvent{}
	if !utf8.Valid(line) || depth(line) > 64 || json.Unmarshal(line, &p.members) != nil || p.members == nil {
		return e, false
	}
	e.Repository = p.unlessBlank("repository")
	e.Path = plainPath(p.text("path"))
	e.Agent = p.text("client")
	e.Op = p.op()
	e.Hint = p.hint()
	e.ID = p.id()
	e.Time = p.time()
	e.Status = 200
	if p.has("status") && string(p.members["status"]) != "null" {
		e.Status = int(p.integer("status"))
		p.bad = p.bad || e.Status < 100 || e.Status > 999
	}
	if p.has("bytes") {
		e.Bytes = p.integer("bytes")
	}
	return e, !p.bad && e.Settle(now) == nil
}

func (p *plainEvent) has(name string) bool { _, ok := p.members[name]; return ok }

var (
	escapedEscape = regexp.MustCompile(`\\\\`)
	wholePair     = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	half          = regexp.MustCompile(`(?i)\\ud[89a-f][0-9a-f]{2}`)
	decimal       = regexp.MustCompile(`^-?[0-9]+$`)
	url           = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	rfc           = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(\d\d)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
)

func (p *plainEvent) text(name string) (s string) {
	raw, ok := p.members[name]
	if !ok || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) != nil {
		p.bad = true
		return ""
	}
	left := wholePair.ReplaceAllString(escapedEscape.ReplaceAllString(string(raw), "__"), "__")
	p.bad = p.bad || half.MatchString(left) || strings.ContainsRune(s, 0)
	return s
}

func (p *plainEvent) unlessBlank(name string) string {
	if s := p.text(name); strings.TrimSpace(s) != "" {
		return s
	}
	return ""
}

func (p *plainEvent) integer(name string) int64 {
	raw := string(p.members[name])
	p.bad = p.bad || !decimal.MatchString(raw)
	n, err := strconv.ParseInt(raw, 10, 64)
	p.bad = p.bad || err != nil // out of range: no member takes that
	return n
}

func (p *plainEvent) id() string {
	raw := string(p.members["id"])
	switch {
	case !p.has("id"):
		return ""
	case decimal.MatchString(raw):
		p.bad = p.bad || len(raw) > 255
		return raw
	}
	id := p.text("id")
	p.bad = p.bad || id == "" || len(id) > 255
	return id
}

func (p *plainEvent) time() time.Time {
	if !p.has("time") {
		return time.Time{}
	}
	s := p.text("time")
	m := rfc.FindStringSubmatch(s)
	if m == nil || len(s) > 64 {
		p.bad = true
		return time.Time{}
	}
	up := strings.ToUpper(s)
	if m[1] == "60" {
		up = up[:17] + "59" + up[19:]
	}
	t, err := time.Parse(time.RFC3339, up)
	p.bad = p.bad || err != nil || t.IsZero() || m[1] == "60" && t.UTC().Format("15:04") != "23:59"
	return t
}

func (p *plainEvent) op() pkgmeter.Op {
	method := strings.ToUpper(p.text("method"))
	op, ok := map[string]pkgmeter.Op{"": pkgmeter.Get, "GET": pkgmeter.Get, "HEAD": pkgmeter.Head, "PUT": pkgmeter.Upload, "DELETE": pkgmeter.Delete}[method]
	if !ok {
		op = pkgmeter.Other
	}
	switch p.text("event") {
	case "", "download":
	case "upload":
		op = pkgmeter.Upload
	case "delete":
		op = pkgmeter.Delete
	default:
		p.bad = true
	}
	return op
}

func (p *plainEvent) hint() string {
	pkg, version := p.unlessBlank("package"), p.unlessBlank("version")
	p.bad = p.bad || len(version) > 255
	if pkg == "" {
		return ""
	}
	name, _, own, err := purl.Split(pkg)
	if own == "" {
		own = version
	}
	p.bad = p.bad || err != nil || version != "" && version != own
	return purl.WithVersion(name, own)
}

func plainPath(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	if at := url.FindStringIndex(s); at != nil {
		s = s[at[1]:]
		if end := strings.IndexAny(s, "?#"); end >= 0 {
			s = s[:end]
		}
		slash := strings.IndexByte(s, '/')
		if slash < 0 {
			return ""
		}
		s = s[slash:]
	} else if s[0] == '/' {
		s, _, _ = strings.Cut(s, "?")
	}
	if strings.Trim(s, "/") == "" {
		return ""
	}
	return s
}

// checkEventLine compares the two readings of an event.
func checkEventLine(t *testing.T, line []byte) {
	t.Helper()
	got, err := source.EventLine(line, "s", now)
	want, ok := readPlain(line)
	switch {
	case ok != (err == nil):
		t.Fatalf("%q: %v, while the plain reading is %v: %+v", line, err, ok, want)
	case ok && got != want:
		t.Fatalf("%q: %+v, the plain reading is %+v", line, got, want)
	case ok:
		again := got
		if err := again.Settle(now); err != nil || again != got {
			t.Fatalf("%q: %+v settles as %+v, %v", line, got, again, err)
		}
	case err.Error() == "" || strings.ContainsAny(err.Error(), "\n\r\x00") || !utf8.ValidString(err.Error()):
		t.Fatalf("%q: the reason is %q", line, err)
	}
}

// checkEvents holds a body to what its lines or items say one by one.
func checkEvents(t *testing.T, body []byte, asLines bool) {
	t.Helper()
	original := bytes.Clone(body)
	b, err := source.Events(body, asLines, "s", now, 20, source.People{})
	if !bytes.Equal(body, original) {
		t.Fatalf("%q was changed to %q", original, body)
	}
	items, valid := plainItems(body, asLines)
	switch code := pkgmeter.CodeOf(err); {
	case err != nil && code != pkgmeter.Invalid && code != pkgmeter.TooLarge:
		t.Fatalf("%q: %v", body, err)
	case err != nil && (len(b.Events) > 0 || len(b.Refused) > 0):
		t.Fatalf("%q: %v and %+v", body, err, b)
	case code == pkgmeter.TooLarge && valid && len(items) <= 20, code == pkgmeter.Invalid && valid, err == nil && !valid, err == nil && len(items) > 20:
		t.Fatalf("%q: %v; the plain reading is %v with %d items", body, err, valid, len(items))
	case err != nil:
		return
	}
	var events []pkgmeter.Event
	refused := b.Refused
	for i, item := range items {
		if e, ok := readPlain(item); ok {
			events = append(events, e)
			continue
		}
		if len(refused) == 0 || refused[0].Index != i || refused[0].Error == "" {
			t.Fatalf("%q: item %d is none, refused are %+v", body, i, b.Refused)
		}
		refused = refused[1:]
	}
	if !slices.Equal(events, b.Events) || len(refused) > 0 {
		t.Fatalf("%q: %+v, the plain reading is %+v", body, b, events)
	}
}

// plainItems returns the lines or the items of a body, and whether they can be
// told apart. A body that is not UTF-8 is one if it is where that is repaired.
func plainItems(body []byte, asLines bool) (items [][]byte, valid bool) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if asLines {
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
				items = append(items, line)
			}
		}
		return items, len(items) > 0
	}
	body = bytes.Trim(body, " \t\r\n")
	repaired := repair(body)
	if !json.Valid(repaired) || depth(repaired) > 64 {
		return nil, false
	}
	switch body[0] {
	case '{':
		return [][]byte{body}, true
	case '[':
		d := json.NewDecoder(bytes.NewReader(repaired))
		d.Token() // the bracket
		for d.More() {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				panic(err) // it is valid
			}
			end := int(d.InputOffset())
			items = append(items, body[end-len(raw):end])
		}
		return items, true
	}
	return nil, false
}

// repair returns b with a question mark for each byte that is not UTF-8.
func repair(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			out = append(out, '?')
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// eventCorpus is what the tables say, in bodies of one line and of all.
func eventCorpus() []string {
	var list []string
	for line := range lines {
		list = append(list, line, "["+line+"]", "["+line+`,{"path":"z"}]`, line+"\n"+line)
	}
	for _, b := range bodies {
		list = append(list, b.body)
	}
	slices.Sort(list)
	return list
}

func FuzzEvents(f *testing.F) {
	for _, body := range eventCorpus() {
		f.Add([]byte(body))
	}
	f.Fuzz(checkAllOfEvents)
}

func checkAllOfEvents(t *testing.T, body []byte) {
	t.Helper()
	checkEventLine(t, body)
	checkEvents(t, body, false)
	checkEvents(t, body, true)
}

func TestTheTablesOfEventsAreReadAsTheyPlainlyAre(t *testing.T) {
	t.Parallel()
	for _, body := range eventCorpus() {
		checkAllOfEvents(t, []byte(body))
	}
}

func TestMutatedEventsAreReadAsTheyPlainlyAre(t *testing.T) {
	t.Parallel()
	short := slices.DeleteFunc(eventCorpus(), func(s string) bool { return len(s) > 1000 })
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		checkAllOfEvents(t, mutate(rnd, short))
	}
}

func TestNoBodyOfEventsTakesLong(t *testing.T) {
	// Not parallel, as it measures time: see TestNoBodyTakesLong.
	const bound = 3 * time.Second
	for name, body := range worst() {
		for _, asLines := range []bool{true, false} {
			start := time.Now()
			_, err := source.Events(body, asLines, "s", now, 10_000, source.People{})
			if took := time.Since(start); took > bound {
				t.Errorf("%s: %v", name, took)
			}
			if e, ok := errors.AsType[*pkgmeter.Error](err); err != nil && !ok {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
}
