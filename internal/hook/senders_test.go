package hook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// senders is the hooks over a ledger, with a clock that can be set.
type senders struct {
	*hook.Senders
	ledger  *ledger
	now     time.Time
	refused int
	user    string // ann if it is empty
}

func startSenders(t *testing.T) *senders {
	s := &senders{ledger: &ledger{queue: queue{t: t}, known: map[string]bool{}, paths: map[string]int{}}, now: noon}
	s.Senders = &hook.Senders{
		Rules: rule.NewCache(rule.Default(), rule.ServerCache), Queue: s.ledger, Now: func() time.Time { return s.now }, Large: hook.NewLarge(),
		Mapping: new(atomic.Pointer[source.Mapping]), Refused: func(n int) { s.refused += n },
	}
	return s
}

// send posts a body of that kind; headers are names and values in turn.
func (s *senders) send(kind, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/hook/"+kind, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.serve(kind, r)
}

func (s *senders) serve(kind string, r *http.Request) *httptest.ResponseRecorder {
	rec, who := httptest.NewRecorder(), ann
	if s.user != "" {
		who.User = s.user
	}
	httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return s.Serve(w, r, kind, who) }).ServeHTTP(rec, r)
	return rec
}

var kinds = []string{"cloudrepo", "distribution", "harbor", "composer", "cloudevents"}

const (
	takenOne  = `{"accepted":1,"duplicates":0,"rejected":[]}`
	takenNone = `{"accepted":0,"duplicates":0,"rejected":[]}`
	pullOne   = `{"action":"pull","id":"1","target":{"repository":"acme/app","tag":"1"},"request":{"addr":"192.0.2.7:1"},"actor":{"name":"ada"}}`
)

// refusedOne is the answer for a body of which nothing could be read.
func refusedOne(why string) string {
	return fmt.Sprintf(`{"accepted":0,"duplicates":0,"rejected":[{"index":0,"error":%q}]}`, why)
}

func TestPostsAreAnsweredByTheirContract(t *testing.T) {
	t.Parallel()
	const harborScan = `{"type":"SCANNING_COMPLETED","operator":"ada"}`
	notCounted := refusedOne("the event is about no download, upload or deletion: it is not counted")
	for name, tt := range map[string]struct {
		kind, body string
		headers    []string
		status     int
		want       string // the answer, or the code of the error
	}{
		"cloudrepo":               {"cloudrepo", `{"file-name":"a.jar"}`, nil, 200, takenOne},
		"distribution":            {"distribution", `{"events":[` + pullOne + `]}`, []string{typeHeader, "application/vnd.docker.distribution.events.v2+json"}, 200, takenOne},
		"harbor":                  {"harbor", `{"type":"PULL_ARTIFACT","event_data":{"resources":[{"resource_url":"h/a/b:1"}]}}`, nil, 200, takenOne},
		"composer":                {"composer", `{"downloads":[{"name":"a/b","version":"1"}]}`, nil, 200, takenOne},
		"cloudevents":             {"cloudevents", `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"path":"a"}}`, []string{typeHeader, "application/cloudevents+json"}, 200, takenOne},
		"cloudevents in headers":  {"cloudevents", `{"path":"a"}`, []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "s", "ce-type", "t"}, 200, takenOne},
		"the same id twice":       {"distribution", `{"events":[` + pullOne + `,` + pullOne + `]}`, nil, 200, `{"accepted":1,"duplicates":1,"rejected":[]}`},
		"nothing":                 {"distribution", `{"events":[]}`, nil, 200, takenNone},
		"one poisoned of two":     {"distribution", `{"events":[{"action":"pull"},` + pullOne + `]}`, nil, 200, `{"accepted":1,"duplicates":0,"rejected":[{"index":0,"error":"the target is no part of an image: want repository and tag or digest"}]}`},
		"all poisoned":            {"distribution", `{"events":[7]}`, nil, 202, refusedOne("want an object, got a number")},
		"what is not counted":     {"harbor", harborScan, nil, 200, notCounted},
		"empty":                   {"harbor", "", nil, 202, refusedOne("the body is empty")},
		"no JSON":                 {"composer", "x", nil, 202, refusedOne("not JSON: 'x' at offset 0 where a value should be")},
		"a type that is none":     {"composer", `{"downloads":[]}`, []string{typeHeader, ";;;"}, 200, takenNone},
		"gzip":                    {"composer", gzipped(`{"downloads":[]}`, 0), []string{packHeader, "gzip"}, 200, takenNone},
		"gzip of which none says": {"composer", gzipped(`{"downloads":[]}`, 0), nil, 200, takenNone},
		"zstd":                    {"composer", zstded(`{"downloads":[]}`), []string{packHeader, "zstd"}, 200, takenNone},
		"JSON said to be gzip":    {"composer", `{"downloads":[]}`, []string{packHeader, "gzip"}, 200, takenNone},
		"broken gzip":             {"composer", gzipped(`{"downloads":[]}`, 0)[:20], nil, 202, refusedOne("the gzip of the body is broken")},
		"a bomb":                  {"composer", gzipped(strings.Repeat(" ", hook.MaxPost+1), 0), nil, 413, "too_large"},
		"at the limit":            {"composer", `{"downloads":[]}` + strings.Repeat(" ", hook.MaxPost-16), nil, 200, takenNone},
		"beyond it":               {"composer", `{"downloads":[]}` + strings.Repeat(" ", hook.MaxPost-15), nil, 413, "too_large"},
		"too many":                {"composer", `{"downloads":[` + strings.Repeat("0,", hook.MaxEvents) + `0]}`, nil, 413, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSenders(t)
			rec := s.send(tt.kind, tt.body, tt.headers...)
			got := strings.TrimSpace(rec.Body.String())
			if rec.Code != tt.status || rec.Header().Get(typeHeader) != jsonType {
				t.Fatalf("%d %s %.300s, want %d", rec.Code, rec.Header().Get(typeHeader), got, tt.status)
			}
			if rec.Code == 413 {
				if !strings.Contains(got, tt.want) || len(s.ledger.got) > 0 {
					t.Errorf("%s, %d deliveries", got, len(s.ledger.got))
				}
				return
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestABodyThatWasCutIsToComeAgain(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	r := httptest.NewRequest("POST", "/hook/harbor", iotest.ErrReader(errors.New("gone")))
	if rec := s.serve("harbor", r); rec.Code != 400 || len(s.ledger.got) > 0 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestEventsOfAHookHaveTheUserInTheirSource(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	for kind, body := range map[string]string{
		"cloudrepo": `{"file-name":"a.jar"}`, "distribution": pullOne, "composer": `{"downloads":[{"name":"a/b"}]}`,
		"harbor":      `{"type":"PULL_ARTIFACT","event_data":{"resources":[{"resource_url":"h/a/b:1"}]}}`,
		"cloudevents": `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"path":"a"}}`,
	} {
		if rec := s.send(kind, body); rec.Code != 200 {
			t.Fatalf("%s: %d %s", kind, rec.Code, rec.Body)
		}
		d := s.ledger.got[len(s.ledger.got)-1]
		if got := d.Entries[0].Event.Source; got != kind+":ann" || d.Sample == nil || d.Sample.Source != got {
			t.Errorf("%s: source %q, sample %+v", kind, got, d.Sample)
		}
		if hook.HasSender(kind) != true || hook.HasSender(kind+"x") || hook.HasSender("") {
			t.Errorf("%s is no sender", kind)
		}
	}
}

func TestWhatAPostShowsOfPeopleIsMasked(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	s.send("distribution", `{"events":[`+strings.Replace(pullOne, "acme/app", "ACME", 1)+`,`+pullOne+`]}`)
	d := s.ledger.got[0]
	if len(d.Rejects) != 1 || len(d.Entries) != 1 {
		t.Fatalf("%+v", d)
	}
	shown := fmt.Sprintf("%s %s %s %+v", d.Rejects[0].Body, d.Rejects[0].Reason, d.Sample.Body, d.Entries[0].Event)
	if strings.Contains(shown, "192.0.2.7") || strings.Contains(shown, "ada") || !strings.Contains(string(d.Rejects[0].Body), "ACME") ||
		d.Rejects[0].Source != "distribution:ann" || d.Sample.Kind != "hook" {
		t.Errorf("%s %+v", shown, d.Rejects[0])
	}
}

func TestWhatIsKeptOfABodyIsBounded(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	if rec := s.send("harbor", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`); rec.Code != 202 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if d := s.ledger.got[0]; len(d.Rejects[0].Body) != 256<<10 || len(d.Sample.Body) != 256<<10 {
		t.Errorf("%d and %d bytes", len(d.Rejects[0].Body), len(d.Sample.Body))
	}
	for range pkgmeter.MaxSamples + 2 {
		s.send("harbor", "{}")
	}
	for i, d := range s.ledger.got {
		if (d.Sample != nil) != (i < pkgmeter.MaxSamples) {
			t.Errorf("delivery %d: sample %v", i, d.Sample)
		}
	}
}

func TestAPostThatCannotBeStoredIsToComeAgain(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	s.ledger.fail = errors.New("disk I/O error")
	for _, kind := range kinds {
		if rec := s.send(kind, `{}`); rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", kind, rec.Code, rec.Body)
		}
	}
}

func TestItemsThatNobodyKeepsAreCounted(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	s.send("harbor", `{"type":"QUOTA_EXCEED"}`)
	s.send("harbor", `{"type":"x"}`)
	if s.refused != 1 || len(s.ledger.got) != 1 {
		t.Errorf("%d refused, %d deliveries", s.refused, len(s.ledger.got))
	}
}

func TestTheMappingHoldsForTheHookToo(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	m, err := source.NewMapping(map[string]string{"file": "asset"})
	if err != nil {
		t.Fatal(err)
	}
	if rec := s.send("cloudrepo", `{"asset":"a.jar"}`); rec.Code != 202 {
		t.Errorf("before: %d %s", rec.Code, rec.Body)
	}
	s.Mapping.Store(&m)
	if rec := s.send("cloudrepo", `{"asset":"a.jar"}`, "Idempotency-Key", "k"); rec.Code != 200 || s.ledger.got[1].Entries[0].Event.ID != "k" {
		t.Errorf("after: %d %s", rec.Code, rec.Body)
	}
	// What could not be read is read again under it, and counts where it came to.
	c, q := start(t)
	c.Mapping.Store(&m)
	r := s.ledger.got[0].Rejects[0]
	if err := c.Retry(t.Context(), pkgmeter.Held{ID: 1, Source: r.Source, Kind: r.Kind, At: noon, Body: r.Body}); err != nil || r.Kind != "callback" {
		t.Fatal(r.Kind, err)
	}
	if got := q.got[0].Entries[0].Event.Source; got != "cloudrepo:ann" {
		t.Errorf("source %q", got)
	}
}

// mutate damages a text in one to three places.
func mutate(rnd *rand.Rand, corpus []string) string {
	const special = "{}[]\",:\\\n \x00\xff0e-=&%@."
	b := corpus[rnd.IntN(len(corpus))]
	for range 1 + rnd.IntN(3) {
		i, j := rnd.IntN(len(b)+1), rnd.IntN(len(b)+1)
		i, j = min(i, j), max(i, j)
		other := corpus[rnd.IntN(len(corpus))]
		b = []string{b[:j], b[i:], b[:i] + b[j:], b[:j] + b[i:], b[:j] + other[rnd.IntN(len(other)+1):], b[:i] + string(special[rnd.IntN(len(special))]) + b[i:]}[rnd.IntN(6)]
	}
	return b
}

func TestNoPayloadIsAFailureOfTheServer(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			files, err := filepath.Glob("../source/testdata/" + kind + "/*")
			if err != nil || len(files) == 0 {
				t.Fatal("no payloads", err)
			}
			var corpus []string
			for _, name := range files {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				corpus = append(corpus, string(b))
			}
			s := startSenders(t)
			s.Refused = nil
			rnd := rand.New(rand.NewPCG(9, uint64(len(kind))))
			statuses := map[int]int{}
			for range 20_000 {
				s.ledger.got = nil
				body := mutate(rnd, corpus)
				rec := s.send(kind, body)
				statuses[rec.Code]++
				checkAnswer(t, body, rec, s.ledger)
			}
			if statuses[200] < 500 || statuses[202] < 500 {
				t.Errorf("statuses %v: the mutations are too mild or too wild", statuses)
			}
		})
	}
}

// checkAnswer holds an answer to what was stored for it.
func checkAnswer(t *testing.T, body string, rec *httptest.ResponseRecorder, l *ledger) {
	t.Helper()
	var o struct {
		Accepted, Duplicates int
		Rejected             []source.Refusal
	}
	if rec.Code != 200 && rec.Code != 202 {
		t.Fatalf("%q: %d %s", body, rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil || o.Rejected == nil {
		t.Fatalf("%q: %s", body, rec.Body)
	}
	var entries, rejects int
	for _, d := range l.got {
		entries, rejects = entries+len(d.Entries), rejects+len(d.Rejects)
	}
	if o.Accepted+o.Duplicates != entries || rejects > len(o.Rejected) || rec.Code == 202 && (entries > 0 || rejects != len(o.Rejected)) {
		t.Fatalf("%q: %d %s for %d entries and %d rejects", body, rec.Code, rec.Body, entries, rejects)
	}
}
