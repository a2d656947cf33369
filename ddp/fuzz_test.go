package ddp_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// A fuzzSession is an xhr session without a network: frames go in by a request
// and come out by another.
type fuzzSession struct {
	t  *testing.T
	f  *fixture
	id string
}

// fuzzIDs numbers the sessions of a process: an id is not used again while the
// server still tells latecomers that its session was closed.
func fuzzIDs() func() string {
	var n atomic.Int64
	return func() string { return strconv.FormatInt(n.Add(1), 36) }
}

func (s *fuzzSession) post(path, body string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.f.ServeHTTP(rec, httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/sockjs/0/"+s.id+"/"+path, strings.NewReader(body)))
	return rec
}

// frames sends messages and returns what came until the call "end" was updated,
// or the close.
func (s *fuzzSession) frames(messages ...string) (list []string, closed bool) {
	body, err := json.Marshal(append(messages, `{"msg":"method","id":"end","method":"nothing"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	if rec := s.post("xhr_send", string(body)); rec.Code != http.StatusNoContent {
		s.t.Fatalf("send: %d %s", rec.Code, rec.Body)
	}
	for {
		out := s.post("xhr", "").Body.Bytes()
		switch {
		case !utf8.Valid(out) || !bytes.HasSuffix(out, []byte("\n")):
			s.t.Fatalf("no SockJS frame: %q", out)
		case bytes.HasPrefix(out, []byte("c[")):
			return list, true
		}
		var more []string
		if out[0] != 'a' || json.Unmarshal(out[1:], &more) != nil {
			s.t.Fatalf("no SockJS frame: %q", out)
		}
		list = append(list, more...)
		if last := list[len(list)-1]; last == `{"msg":"updated","methods":["end"]}` {
			return list, false
		}
	}
}

// FuzzFrame sends any text as a message of a connected session. Whatever it
// is, every answer is a message of the server, a method has one result and one
// updated, and the session lives on unless the text closed it.
func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		`hello`, `[]`, `{"msg":"ping","id":"a"}`, `{"msg":"method","id":"1","method":"echo","params":[{"$escape":{"$date":1}}]}`,
		`{"msg":"sub","id":"1","name":"one","params":[]}`, `{"msg":"unsub","id":7}`, connect1, `{"msg":"method","id":"1","method":"panic"}`,
		`{"msg":"method","id":"1","method":"echo","params":[{"$type":"x","$value":1}]}`, `{"msg":"method","id":"\ud800","method":"leak"}`,
		`{"msg":"method","id":"1","method":"hangUp"}`, `{"msg":"method","id":"1","method":"echo","params":["` + "\u2028" + `"],"id":"2"}`,
	} {
		f.Add(seed)
	}
	server, newID := newFixture(ddp.Options{}), fuzzIDs()
	close(server.gate)
	f.Fuzz(func(t *testing.T, frame string) {
		if strings.Contains(frame, "unblocked") || strings.Contains(frame, `\u`) && strings.Contains(frame, "nblocke") {
			t.Skip("that publication lives until its session ends")
		}
		if strings.Contains(frame, "size") || len(frame) > 1<<16 {
			t.Skip("long answers say nothing new")
		}
		s := &fuzzSession{t: t, f: server, id: newID()}
		s.post("xhr", "")
		if first, _ := s.frames(connect1); !strings.HasPrefix(first[0], `{"msg":"connected"`) {
			t.Fatalf("connect: %q", first)
		}
		list, closed := s.frames(frame)
		results, updates := 0, 0
		for _, out := range list {
			var m struct {
				Msg string `json:"msg"`
			}
			if err := json.Unmarshal([]byte(out), &m); err != nil {
				t.Fatalf("%s: %v", out, err)
			}
			switch m.Msg {
			case "result":
				results++
			case "updated":
				updates++
			case "pong", "error", "nosub", "ready", "added", "changed", "removed":
			default:
				t.Fatalf("a server does not say %s", out)
			}
		}
		if !closed && (results != updates || results < 1 || results > 2) {
			t.Fatalf("%d results, %d updated: %q", results, updates, list)
		}
		if closed && !strings.Contains(frame, "hangUp") && !strings.Contains(frame, `\u`) {
			t.Fatal("the session was closed")
		}
		for _, session := range server.Sessions() {
			session.Close()
		}
		s.post("xhr", "") // fetches the close frame
	})
}

// FuzzXHRSend holds the bodies of xhr_send to their contract: 204 for an array
// of strings and for nothing else, otherwise SockJS's own words.
func FuzzXHRSend(f *testing.F) {
	for _, seed := range []string{`["a"]`, `[]`, `{}`, `"a"`, ``, `[`, `[1]`, `null`, "[\"\xff\"]", ` ["x"] `, `[null]`} {
		f.Add([]byte(seed))
	}
	server, newID := newFixture(ddp.Options{}), fuzzIDs()
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &fuzzSession{t: t, f: server, id: newID()}
		s.post("xhr", "")
		rec := s.post("xhr_send", string(body))
		var list []any
		array := json.Unmarshal(body, &list) == nil && list != nil
		for _, item := range list {
			_, isString := item.(string)
			array = array && (isString || item == nil)
		}
		text := strings.TrimSpace(rec.Body.String())
		switch {
		case array && rec.Code == http.StatusNoContent && text == "":
		case !array && json.Valid(body) && rec.Code == http.StatusInternalServerError && text == "Payload expected.":
		case !json.Valid(body) && rec.Code == http.StatusInternalServerError && text == "Broken JSON encoding.":
		case len(bytes.TrimSpace(body)) == 0 && text == "Payload expected.":
		default:
			t.Fatalf("%q: %d %q", body, rec.Code, text)
		}
		for _, session := range server.Sessions() {
			session.Close()
		}
		for !bytes.HasPrefix(s.post("xhr", "").Body.Bytes(), []byte("c[")) {
		}
	})
}
