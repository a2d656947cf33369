package hook_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// ledger is a queue that knows ids, as the store does.
type ledger struct {
	queue
	mu    sync.Mutex
	known map[string]bool
	paths map[string]int
}

func (l *ledger) Add(ctx context.Context, d *pkgmeter.Delivery, weight int, size int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.queue.Add(ctx, d, weight, size); err != nil {
		return err
	}
	for _, e := range d.Entries {
		id := e.Event.Source + "\x00" + e.Event.ID
		if e.Event.ID != "" && l.known[id] {
			d.Known++
			continue
		}
		l.known[id] = true
		l.paths[e.Event.Path]++
		d.New++
	}
	return nil
}

var ann = pkgmeter.Principal{User: "ann", Role: pkgmeter.Viewer, Scope: pkgmeter.ScopeIngest}

func startEvents(t *testing.T) (*hook.Events, *ledger) {
	l := &ledger{queue: queue{t: t}, known: map[string]bool{}, paths: map[string]int{}}
	return &hook.Events{Rules: rule.NewCache(rule.Default(), rule.ServerCache), Queue: l, Now: func() time.Time { return noon }, Large: hook.NewLarge()}, l
}

// send posts a body; headers are names and values in turn.
func send(h *hook.Events, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/api/v1/events", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.Serve(w, r, ann) }).ServeHTTP(rec, r)
	return rec
}

const (
	typeHeader = "Content-Type"
	packHeader = "Content-Encoding"
	jsonType   = "application/json"
	linesType  = "application/x-ndjson"
)

// gzipped packs s, with as many bytes of nothing in the header.
func gzipped(s string, extra int) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Extra = make([]byte, extra)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

func zstded(s string) string {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(z.EncodeAll([]byte(s), nil))
}

func TestEventsAreAnsweredByTheirContract(t *testing.T) {
	t.Parallel()
	const (
		one    = `{"path":"a.jar","id":"1"}`
		stored = `{"accepted":1,"duplicates":0,"rejected":[]}`
		none   = `{"accepted":0,"duplicates":0,"rejected":[]}`
	)
	lines := one + "\n\n" + `{"path":"b.jar"}` + "\nx\n"
	twoOfThree := `{"accepted":2,"duplicates":0,"rejected":[{"index":2,"error":"not JSON: 'x' at offset 0 where a value should be"}]}`
	for name, tt := range map[string]struct {
		body    string
		headers []string
		status  int
		want    string // the answer, or the code of the error
	}{
		"an object":                        {one, nil, 200, stored},
		"JSON":                             {one, []string{typeHeader, jsonType}, 200, stored},
		"JSON with a parameter":            {one, []string{typeHeader, "Application/JSON; charset=utf-8"}, 200, stored},
		"an array":                         {"[" + one + `,{"path":"b"}]`, nil, 200, `{"accepted":2,"duplicates":0,"rejected":[]}`},
		"the same id twice":                {"[" + one + "," + one + "]", nil, 200, `{"accepted":1,"duplicates":1,"rejected":[]}`},
		"an id as a number and as text":    {`[{"path":"a","id":1},{"path":"a","id":"1"}]`, nil, 200, `{"accepted":1,"duplicates":1,"rejected":[]}`},
		"no ids":                           {`[{"path":"a"},{"path":"a"}]`, nil, 200, `{"accepted":2,"duplicates":0,"rejected":[]}`},
		"an empty array":                   {`[]`, nil, 200, none},
		"all rejected":                     {`[{}]`, nil, 200, `{"accepted":0,"duplicates":0,"rejected":[{"index":0,"error":"path or package is required, and has to name a file"}]}`},
		"one poisoned of three":            {"[" + one + `,{"path":7},{"path":"b"}]`, nil, 200, `{"accepted":2,"duplicates":0,"rejected":[{"index":1,"error":"path: want a string, got a number"}]}`},
		"lines":                            {lines, []string{typeHeader, linesType}, 200, twoOfThree},
		"lines with a parameter":           {lines, []string{typeHeader, linesType + ";charset=utf-8"}, 200, twoOfThree},
		"lines in gzip":                    {gzipped(lines, 0), []string{typeHeader, linesType, packHeader, "gzip"}, 200, twoOfThree},
		"lines in zstd":                    {zstded(lines), []string{typeHeader, linesType, packHeader, "zstd"}, 200, twoOfThree},
		"gzip":                             {gzipped(one, 0), []string{packHeader, "GZIP"}, 200, stored},
		"gzip by its old name":             {gzipped(one, 0), []string{packHeader, "x-gzip"}, 200, stored},
		"gzip in two parts":                {gzipped("["+one, 0) + gzipped("]", 0), []string{packHeader, "gzip"}, 200, stored},
		"zstd":                             {zstded(one), []string{packHeader, "zstd"}, 200, stored},
		"not packed, and said so":          {one, []string{packHeader, "identity"}, 200, stored},
		"lines said to be JSON":            {one + "\n" + one, nil, 400, "invalid"},
		"an array said to be lines":        {"[" + one + "]", []string{typeHeader, linesType}, 200, `{"accepted":0,"duplicates":0,"rejected":[{"index":0,"error":"want an object, got an array"}]}`},
		"an empty body":                    {"", nil, 400, "invalid"},
		"an empty body of lines":           {"\n", []string{typeHeader, linesType}, 400, "invalid"},
		"an empty body in gzip":            {gzipped("", 0), []string{packHeader, "gzip"}, 400, "invalid"},
		"a syntax error in an object":      {one[:10], nil, 400, "invalid"},
		"a syntax error in an array":       {"[" + one + "," + one, nil, 400, "invalid"},
		"a number":                         {"17", nil, 400, "invalid"},
		"cut gzip":                         {gzipped(one, 0)[:20], []string{packHeader, "gzip"}, 400, "invalid"},
		"gzip with a wrong sum":            {gzipped(one, 0)[:len(gzipped(one, 0))-8] + "12345678", []string{packHeader, "gzip"}, 400, "invalid"},
		"cut zstd":                         {zstded(one)[:12], []string{packHeader, "zstd"}, 400, "invalid"},
		"JSON said to be gzip":             {one, []string{packHeader, "gzip"}, 400, "invalid"},
		"gzip said to be zstd":             {gzipped(one, 0), []string{packHeader, "zstd"}, 400, "invalid"},
		"nothing said to be gzip":          {"", []string{packHeader, "gzip"}, 400, "invalid"},
		"gzip of which nothing is said":    {gzipped(one, 0), nil, 400, "invalid"},
		"brotli":                           {one, []string{packHeader, "br"}, 415, "unsupported_media_type"},
		"packed twice":                     {gzipped(gzipped(one, 0), 0), []string{packHeader, "gzip, gzip"}, 415, "unsupported_media_type"},
		"packed twice, said in two":        {gzipped(zstded(one), 0), []string{packHeader, "zstd", packHeader, "gzip"}, 415, "unsupported_media_type"},
		"a form":                           {"path=a", []string{typeHeader, "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		"text":                             {one, []string{typeHeader, "text/plain"}, 415, "unsupported_media_type"},
		"XML":                              {"<a/>", []string{typeHeader, "application/xml"}, 415, "unsupported_media_type"},
		"a type that is none":              {one, []string{typeHeader, ";;;"}, 415, "unsupported_media_type"},
		"a bomb":                           {gzipped(strings.Repeat(" ", 10<<20), 0), []string{packHeader, "gzip"}, 413, "too_large"},
		"a bomb in zstd":                   {zstded(strings.Repeat(" ", 10<<20)), []string{packHeader, "zstd"}, 413, "too_large"},
		"a bomb beyond 16 MiB in zstd":     {zstded(strings.Repeat(" ", 17<<20)), []string{packHeader, "zstd"}, 413, "too_large"},
		"what packs well, and is not huge": {gzipped(strings.Repeat(one+"\n", 10_000), 0), []string{packHeader, "gzip", typeHeader, linesType}, 200, `{"accepted":1,"duplicates":9999,"rejected":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, l := startEvents(t)
			rec := send(h, tt.body, tt.headers...)
			got := strings.TrimSpace(rec.Body.String())
			if rec.Code != tt.status || rec.Header().Get(typeHeader) != jsonType {
				t.Fatalf("%d %s %.300s, want %d", rec.Code, rec.Header().Get(typeHeader), got, tt.status)
			}
			if tt.status == 200 {
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				return
			}
			var failure struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal([]byte(got), &failure); err != nil || failure.Error.Code != tt.want || failure.Error.Message == "" {
				t.Errorf("%s, want the code %s and a message", got, tt.want)
			}
			if len(l.got) > 0 {
				t.Error("something is stored")
			}
		})
	}
}

func TestLimitsOfEventsHoldExactly(t *testing.T) {
	t.Parallel()
	const one = `{"path":"a.jar"}`
	array := func(n int) string { return "[" + strings.Repeat(one+",", n-1) + one + "]" }
	padded := func(n int) string { return one + strings.Repeat(" ", n-len(one)) }
	// packed is padded(2 MiB) in gzip of that many bytes.
	packed := func(size int) string {
		const unpacked = 2 << 20
		s := gzipped(padded(unpacked), 1)
		return gzipped(padded(unpacked), size-len(s)+1)
	}
	const enough = 20972  // the 100th part of 2 MiB, rounded up
	var b strings.Builder // a mebibyte of little that repeats
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "{\"path\":\"%x\"}\n", i*i*7919)
	}
	mixed := b.String()
	for name, tt := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"10,000 events":              {array(hook.MaxEvents), nil, 200},
		"10,001 events":              {array(hook.MaxEvents + 1), nil, 413},
		"10,000 lines":               {strings.Repeat(one+"\n", hook.MaxEvents), []string{typeHeader, linesType}, 200},
		"10,001 lines":               {strings.Repeat(one+"\n", hook.MaxEvents+1), []string{typeHeader, linesType}, 413},
		"10,001 lines, one rejected": {"x\n" + strings.Repeat(one+"\n", hook.MaxEvents), []string{typeHeader, linesType}, 413},
		"16 MiB":                     {padded(hook.MaxEventsBody), nil, 200},
		"16 MiB and a byte":          {padded(hook.MaxEventsBody + 1), nil, 413},
		"a hundredfold":              {packed(enough), []string{packHeader, "gzip"}, 200},
		"more than a hundredfold":    {packed(enough - 1), []string{packHeader, "gzip"}, 413},
		"17 MiB in gzip":             {strings.Repeat(gzipped(mixed, 0), 17), []string{packHeader, "gzip"}, 413},
		"17 MiB in zstd":             {strings.Repeat(zstded(mixed), 17), []string{packHeader, "zstd"}, 413},
	} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, size known %t", name, known), func(t *testing.T) {
				t.Parallel()
				h, l := startEvents(t)
				headers := tt.headers
				if !known {
					headers = append([]string{"Transfer-Encoding", "chunked"}, headers...)
				}
				r := httptest.NewRequest("POST", "/api/v1/events", strings.NewReader(tt.body))
				for i := 0; i < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				if !known {
					r.ContentLength = -1
				}
				rec := httptest.NewRecorder()
				httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.Serve(w, r, ann) }).ServeHTTP(rec, r)
				if rec.Code != tt.status || (len(l.got) == 1) != (tt.status == 200) {
					t.Errorf("%d %.300s and %d deliveries, want %d", rec.Code, rec.Body, len(l.got), tt.status)
				}
			})
		}
	}
}

func TestWhateverKeepsEventsFromTheDiskTheSenderIsToComeAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"a full queue":   {ingest.ErrFull, "busy: try again"},
		"a stop":         {ingest.ErrClosed, "stopping: try again"},
		"a full disk":    {pkgmeter.Errorf(pkgmeter.Unavailable, "the disk is full"), "the disk is full"},
		"a failed fsync": {errors.New("disk I/O error"), "the delivery could not be stored: try again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, l := startEvents(t)
			refused := 0
			h.Refused = func(int) { refused++ }
			l.fail = tt.err
			rec := send(h, `[{"path":"a"},{}]`)
			want := `{"error":{"code":"unavailable","message":"` + tt.want + `"}}`
			if rec.Code != 503 || rec.Header().Get("Retry-After") == "" || strings.TrimSpace(rec.Body.String()) != want {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
			if refused != 0 {
				t.Error("what will come again is counted already")
			}
		})
	}
}

func TestADeliveryOfEventsIsOfItsSender(t *testing.T) {
	t.Parallel()
	h, l := startEvents(t)
	var done []bool
	var refused int
	h.Done = func(_ *pkgmeter.Delivery, _ time.Duration, stored bool) { done = append(done, stored) }
	h.Refused = func(n int) { refused += n }
	send(h, `[{"path":"com/acme/app/1.0/app-1.0.jar","consumer":"ann@example.com"},{"package":"pkg:npm/left-pad","version":"1.3.0"},{}]`)
	if len(l.got) != 1 || len(done) != 1 || !done[0] || refused != 1 {
		t.Fatalf("%d deliveries, done %v, %d refused", len(l.got), done, refused)
	}
	d := l.got[0]
	if !d.Received.Equal(noon) || len(d.Rejects) != 0 || d.Sample != nil {
		t.Errorf("%+v", d)
	}
	jar, pad := d.Entries[0], d.Entries[1]
	if jar.Event.Source != "api:ann" || jar.Event.Consumer != "" || jar.File.Package != "pkg:maven/com.acme/app" || jar.Counts.Downloads != 1 {
		t.Errorf("%+v", jar)
	}
	if pad.File.Name != "pkg:npm/left-pad@1.3.0" || pad.File.Version != "1.3.0" || pad.File.Type != "npm" || pad.Counts.Downloads != 1 {
		t.Errorf("%+v", pad)
	}
	long := pkgmeter.Principal{User: strings.Repeat("x", pkgmeter.MaxName)}
	if err := h.Serve(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(`{"path":"a"}`)), long); err != nil || len(l.got) != 2 {
		t.Errorf("a sender with a long name: %v", err)
	}
	if send(h, `[{}]`); len(l.got) != 2 || refused != 2 {
		t.Error("what holds no event went to the disk")
	}
}

func TestARepeatedBodyOfEventsIsAllDuplicates(t *testing.T) {
	t.Parallel()
	h, _ := startEvents(t)
	body := `[{"path":"a","id":"1"},{"path":"b","id":2},{"path":5}]`
	send(h, body)
	const want = `{"accepted":0,"duplicates":2,"rejected":[{"index":2,"error":"path: want a string, got a number"}]}`
	if rec := send(h, body); strings.TrimSpace(rec.Body.String()) != want {
		t.Errorf("%s", rec.Body)
	}
}

func TestHugeBodiesOfEventsTakeMoreRoom(t *testing.T) {
	t.Parallel()
	h, _ := startEvents(t)
	if !h.Large.Take(hook.MaxLarge - 3) {
		t.Fatal("no room at the start")
	}
	body := func(n int) string { return `{"path":"a"}` + strings.Repeat(" ", n) }
	for name, tt := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"of 1 KiB":                    {body(1 << 10), nil, 200},
		"of 100 KiB":                  {body(100 << 10), nil, 200},
		"of 2 MiB":                    {body(2 << 20), nil, 503},
		"of 1 KiB in gzip":            {gzipped(body(5<<10), 0), []string{packHeader, "gzip"}, 200},
		"of 11 KiB in gzip, for all ": {gzipped(body(5<<10), 11<<10), []string{packHeader, "gzip"}, 503},
	} {
		if rec := send(h, tt.body, tt.headers...); rec.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", name, rec.Code, rec.Body, tt.status)
		}
	}
	h.Large.Give(1)
	if rec := send(h, body(2<<20)); rec.Code != 200 {
		t.Errorf("with room: %d", rec.Code)
	}
	if !h.Large.Take(4) || h.Large.Take(1) {
		t.Error("places were not given back, or twice")
	}
}

func TestManySendersAtOnceGetTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	const senders, rounds = 16, 20
	h, l := startEvents(t)
	var g sync.WaitGroup
	for s := range senders {
		g.Go(func() {
			for i := range rounds {
				n := 1 + (s+i)%7
				var b strings.Builder
				for j := range n {
					fmt.Fprintf(&b, "{\"path\":\"%d/%d/%d.jar\",\"id\":\"%d.%d.%d\"}\n", s, i, j, s, i, j%3)
				}
				body, headers := b.String(), []string{typeHeader, linesType}
				if i%2 == 0 {
					body, headers = gzipped(body, 0), append(headers, packHeader, "gzip")
				}
				rec := send(h, body, headers...)
				want := `{"accepted":` + strconv.Itoa(min(n, 3)) + `,"duplicates":` + strconv.Itoa(n-min(n, 3)) + `,"rejected":[]}`
				if got := strings.TrimSpace(rec.Body.String()); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
	g.Wait()
	for path, n := range l.paths {
		if n != 1 {
			t.Errorf("%s came %d times", path, n)
		}
	}
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte("[[[[ "), len(p)/5+1)), nil
}

func TestABodyThatNeverEndsIsCut(t *testing.T) {
	t.Parallel()
	h, _ := startEvents(t)
	r := httptest.NewRequest("POST", "/", endless{})
	r.ContentLength = -1
	if err := h.Serve(httptest.NewRecorder(), r, ann); pkgmeter.CodeOf(err) != pkgmeter.TooLarge {
		t.Errorf("%v", err)
	}
}
