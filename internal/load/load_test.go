package load_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
)

func TestMain(m *testing.M) {
	if code, asked := load.Main(); asked {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// receiver is a server that remembers ids, and misbehaves when asked to.
type receiver struct {
	mu     sync.Mutex
	ids    map[string]int
	plain  int
	bodies int // bytes
	before func(w http.ResponseWriter, n int) (done bool)
	n      int
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var e struct {
		ID   string `json:"event-id"`
		File string `json:"file-name"`
	}
	if err != nil || json.Unmarshal(body, &e) != nil || e.File == "" || r.URL.Path != "/callback" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.n++
	if rc.before != nil && rc.before(w, rc.n) {
		return
	}
	rc.bodies += len(body)
	if e.ID == "" {
		rc.plain++
	} else {
		rc.ids[e.ID]++
	}
	io.WriteString(w, `{"success": true}`)
}

func start(t *testing.T, before func(w http.ResponseWriter, n int) bool) (*receiver, string) {
	rc := &receiver{ids: map[string]int{}, before: before}
	srv := httptest.NewServer(rc)
	t.Cleanup(srv.Close)
	return rc, strings.TrimPrefix(srv.URL, "http://")
}

func TestEveryAcknowledgedEventIsInTheOracleAndAtTheServer(t *testing.T) {
	t.Parallel()
	rc, addr := start(t, nil)
	oracle := filepath.Join(t.TempDir(), "oracle")
	res, err := load.Run(t.Context(), load.Config{
		Address: addr, Senders: 8, Count: 1000, Plain: 0.2, Again: 0.1, Seed: 1, Oracle: oracle,
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := load.ReadOracle(oracle)
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	for id, n := range rc.ids {
		if out.IDs[id] != load.Acked {
			t.Errorf("%s has outcome %d", id, out.IDs[id])
		}
		again += n - 1
	}
	if len(out.IDs) != len(rc.ids) || len(rc.ids)+rc.plain != 1000 || out.Plain[load.Acked] != rc.plain {
		t.Errorf("oracle %d ids and %v, server %d ids and %d plain", len(out.IDs), out.Plain, len(rc.ids), rc.plain)
	}
	if rc.plain < 100 || again < 30 {
		t.Errorf("%d plain events and %d repetitions are too few", rc.plain, again)
	}
	if res.Acked != int64(rc.n) || res.Requests != res.Acked || res.Rate <= 0 || res.P50us > res.P99us || res.P99us == 0 {
		t.Errorf("%+v after %d requests", res, rc.n)
	}
	if mean := rc.bodies / rc.n; mean < 200 || mean > 300 {
		t.Errorf("the mean body has %d bytes", mean)
	}
}

func TestAnIDIsSentUntilItIsAcknowledgedAndAPlainEventOnce(t *testing.T) {
	t.Parallel()
	// A connection dies or a server is busy, before or after it stored.
	rc, addr := start(t, func(w http.ResponseWriter, n int) bool {
		switch n % 5 {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		case 2:
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	})
	oracle := filepath.Join(t.TempDir(), "oracle")
	if _, err := load.Run(t.Context(), load.Config{Address: addr, Senders: 4, Count: 200, Plain: 0.5, Oracle: oracle}); err != nil {
		t.Fatal(err)
	}
	out, err := load.ReadOracle(oracle)
	if err != nil {
		t.Fatal(err)
	}
	for id, o := range out.IDs {
		if o != load.Acked || rc.ids[id] != 1 {
			t.Errorf("%s: outcome %d, arrived %d times", id, o, rc.ids[id])
		}
	}
	sum := len(out.IDs)
	for o, n := range out.Plain {
		if n == 0 {
			t.Errorf("no plain event had outcome %d", o)
		}
		sum += n
	}
	if sum != 200 || out.Plain[load.Acked] != rc.plain {
		t.Errorf("%d events, %v plain, %d arrived", sum, out.Plain, rc.plain)
	}
}

func TestARefusalIsNotRepeated(t *testing.T) {
	t.Parallel()
	rc, addr := start(t, func(w http.ResponseWriter, _ int) bool {
		w.WriteHeader(http.StatusTeapot)
		return true
	})
	oracle := filepath.Join(t.TempDir(), "oracle")
	res, err := load.Run(t.Context(), load.Config{Address: addr, Count: 10, Oracle: oracle})
	if err != nil || res.Refused != 10 || rc.n != 10 {
		t.Fatalf("%+v %v after %d requests", res, err, rc.n)
	}
	out, err := load.ReadOracle(oracle)
	if err != nil {
		t.Fatal(err)
	}
	for id, o := range out.IDs {
		if o != load.Refused {
			t.Errorf("%s has outcome %d", id, o)
		}
	}
}

func TestTheLoadRunsInAnotherProcessAndStopsWhenTold(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, addr := start(t, func(_ http.ResponseWriter, n int) bool {
		if n == 100 {
			stop()
		}
		return false
	})
	cmd, err := load.Command(ctx, self, load.Config{Address: addr, Senders: 2, Rate: 5000, Duration: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	text, err := cmd.Output()
	var res load.Result
	if bad := json.Unmarshal(text, &res); bad != nil || res.Acked < 99 {
		t.Errorf("%v (%v), said %q", err, bad, text)
	}
}

func TestAnOracleWithoutAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]load.Outcome{
		"> a-1\n":                            load.Unknown,
		"> a-1\n- a-1 503\n":                 load.Refused,
		"> a-1\n- a-1 503\n> a-1\n":          load.Unknown,
		"> a-1\n? a-1\n> a-1\n- a-1 503\n":   load.Unknown,
		"> a-1\n+ a-1\n> a-1\n? a-1\n":       load.Acked,
		"> a-1\n? a-1\n> a-1\n+ a-1\n> a-12": load.Acked,
	} {
		path := filepath.Join(t.TempDir(), "oracle")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := load.ReadOracle(path); err != nil || len(out.IDs) != 1 || out.IDs["a-1"] != want {
			t.Errorf("%q: %v %v, want %d", text, out.IDs, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "oracle")
	if err := os.WriteFile(path, []byte("> a-1\nwhat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load.ReadOracle(path); err == nil {
		t.Error("a damaged line was read")
	}
}

// In an open loop, what had to wait while the server stood still was late; in a
// closed one it was never due.
func TestAnOpenLoopCountsWhatASlowAnswerHeldUp(t *testing.T) {
	t.Parallel()
	slow := func(_ http.ResponseWriter, n int) bool {
		if n == 5 {
			time.Sleep(900 * time.Millisecond)
		}
		return false
	}
	for _, open := range []bool{true, false} {
		_, addr := start(t, slow)
		// One connection: what is due meanwhile waits for it.
		r, err := load.Run(t.Context(), load.Config{Address: addr, Rate: 100, Count: 100, Open: open, Seed: 3})
		if err != nil || r.Acked != 100 {
			t.Fatalf("%+v, %v", r, err)
		}
		// Of 100 events some 90 were due in that time: their mean wait is 450 ms.
		if late := r.P50us > 200_000; late != open {
			t.Errorf("open: %t, half waited %d µs, one in a hundred %d µs", open, r.P50us, r.P99us)
		}
	}
}
