//go:build !race

package hook_test

// With the detector these would take minutes; make test runs all tests without
// it too. More of them are in TestNoPayloadIsAFailureOfTheServer and, of the
// lines of logs, in package intake.

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const mutations = 20_000 // of each test

// payloadsOf returns the payloads of a sender in testdata.
func payloadsOf(t *testing.T, kind string) (corpus []string) {
	t.Helper()
	files, err := filepath.Glob("../source/testdata/" + kind + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no payloads", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		corpus = append(corpus, string(b))
	}
	return corpus
}

// stored is what the deliveries since the last call hold.
func (q *queue) stored() (deliveries, entries, rejects int) {
	for _, d := range q.got {
		entries, rejects = entries+len(d.Entries), rejects+len(d.Rejects)
	}
	deliveries, q.got = len(q.got), nil
	return deliveries, entries, rejects
}

func TestEveryCallbackIsStoredWhateverItSays(t *testing.T) {
	t.Parallel()
	c, q := start(t)
	corpus := payloadsOf(t, "cloudrepo")
	rnd := rand.New(rand.NewPCG(1, 2))
	statuses := map[int]int{}
	for range mutations {
		body := mutate(rnd, corpus)
		rec := post(c, body)
		statuses[rec.Code]++
		deliveries, entries, rejects := q.stored()
		want := http.StatusOK
		if entries == 0 {
			want = http.StatusBadRequest // it is in quarantine all the same
		}
		if rec.Code != want || deliveries != 1 || entries+rejects == 0 {
			t.Fatalf("%q: %d %s; stored are %d deliveries, %d events, %d rejects", body, rec.Code, rec.Body, deliveries, entries, rejects)
		}
	}
	if statuses[200] < mutations/10 || statuses[400] < mutations/10 {
		t.Errorf("statuses %v: the mutations are too mild or too wild", statuses)
	}
}

func TestEveryPackedPayloadIsStoredWhateverItSays(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := startSenders(t)
			s.Refused = nil
			var corpus []string
			for _, body := range payloadsOf(t, kind) {
				corpus = append(corpus, gzipped(body, 0), zstded(body))
			}
			rnd := rand.New(rand.NewPCG(3, uint64(len(kind))))
			for range mutations / 4 {
				s.ledger.got = nil
				body := mutate(rnd, corpus)
				packing := []string{"gzip", "zstd", ""}[rnd.IntN(3)]
				rec := s.send(kind, body, packHeader, packing)
				if rec.Code == http.StatusRequestEntityTooLarge && len(s.ledger.got) == 0 {
					continue // by what it says of its size
				}
				checkAnswer(t, body, rec, s.ledger)
			}
		})
	}
}

// eventBodies are bodies of events, of which every line is an item of its own.
func eventBodies() []string {
	const one = `{"id":"1","time":"2026-03-01T11:58:03Z","repository":"releases","path":"com/acme/app/1.0/app-1.0.jar","client":"pip/24.0","bytes":12}`
	lines := one + "\n" + `{"package":"pkg:npm/left-pad","version":"1.3.0","consumer":"ada"}` + "\r\n\n" + `{"path":"a.jar","method":"HEAD","status":304,"country":"DE"}`
	return []string{
		one, lines, "[" + one + "]", "[" + strings.ReplaceAll(one, `"1"`, `"2"`) + "," + one + `,{"path":"b"}]`,
		"\xef\xbb\xbf" + lines, `{"path":"\u00e9\ud83d\ude00.jar","id":7}`, `[{"path":"a"},0,"x",[],{}]`, lines + "\nx\n" + one,
	}
}

// itemsOf counts the items of a body without reading them; ok is false if only
// who reads them can tell.
func itemsOf(body string, lines bool) (n int, ok bool) {
	text := bytes.TrimPrefix([]byte(body), []byte("\xef\xbb\xbf"))
	if lines {
		for line := range bytes.Lines(text) {
			if len(bytes.Trim(line, " \t\r\n")) > 0 {
				n++
			}
		}
		return n, true
	}
	var items []json.RawMessage
	if !utf8.Valid(text) || json.Unmarshal(text, &items) != nil {
		return 0, false
	}
	return len(items), true
}

func TestOfEveryBodyOfEventsEachItemIsStoredOrRefused(t *testing.T) {
	t.Parallel()
	for name, mediaType := range map[string]string{"JSON": jsonType, "lines": linesType} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, l := startEvents(t)
			corpus := eventBodies()
			rnd := rand.New(rand.NewPCG(4, uint64(len(name))))
			statuses := map[int]int{}
			for range mutations {
				body := mutate(rnd, corpus)
				rec := send(h, body, typeHeader, mediaType)
				statuses[rec.Code]++
				checkEventsAnswer(t, body, mediaType == linesType, rec, l)
			}
			if statuses[200] < mutations/20 || statuses[400] == 0 {
				t.Errorf("statuses %v: the mutations are too mild or too wild", statuses)
			}
		})
	}
}

// checkEventsAnswer holds an answer to what was stored for it.
func checkEventsAnswer(t *testing.T, body string, lines bool, rec *httptest.ResponseRecorder, l *ledger) {
	t.Helper()
	deliveries, entries, rejects := l.stored()
	items, ok := itemsOf(body, lines)
	if rec.Code == http.StatusBadRequest && deliveries == 0 && (!ok || items == 0) {
		return // the sender knows that nothing of it was taken
	}
	var o struct {
		Accepted, Duplicates int
		Rejected             []json.RawMessage
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%q: %d %s", body, rec.Code, rec.Body)
	}
	if o.Accepted+o.Duplicates != entries || rejects > 0 || ok && entries+len(o.Rejected) != items {
		t.Fatalf("%q of %d items: %s; stored are %d events, %d rejects", body, items, rec.Body, entries, rejects)
	}
}
