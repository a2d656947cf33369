package intake_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// memory is a store of what an intake writes. It keeps tickets as a real one
// does.
type memory struct {
	mu      sync.Mutex
	tickets []pkgmeter.Ticket
	paths   []string
	entries []pkgmeter.Entry
	rejects []pkgmeter.Reject
	chunks  int
	largest int // of the chunks, in events and rejects

	format string // default ndjson

	fail  error // instead of a write
	after bool  // fail after it
}

func (m *memory) Tickets(_ context.Context, source string, head []byte) (found []pkgmeter.Ticket, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tickets {
		if t.Source == source && t.HeadLen <= len(head) && t.Head == sha256.Sum256(head[:t.HeadLen]) {
			found = append(found, t)
		}
	}
	return found, nil
}

func (m *memory) Write(_ context.Context, batch []*pkgmeter.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil && !m.after {
		return m.fail
	}
	for _, d := range batch {
		t := d.Ticket
		i := len(m.tickets)
		if t.ID == 0 {
			t.ID = int64(i + 1)
			m.tickets = append(m.tickets, pkgmeter.Ticket{})
		} else if i = int(t.ID - 1); m.tickets[i].Offset != t.From {
			return pkgmeter.Errorf(pkgmeter.Conflict, "somebody read on")
		}
		before := m.tickets[i]
		m.tickets[i] = *t
		d.New = len(d.Entries)
		m.tickets[i].New, m.tickets[i].Rejected = before.New+int64(d.New), before.Rejected+int64(len(d.Rejects))
		for _, e := range d.Entries {
			m.paths, m.entries = append(m.paths, e.Event.Path), append(m.entries, e)
		}
		m.rejects = append(m.rejects, d.Rejects...)
		m.largest = max(m.largest, len(d.Entries)+len(d.Rejects))
	}
	m.chunks += len(batch)
	return m.fail
}

// rules are costly to make.
var rules = sync.OnceValue(rule.Default)

func (m *memory) intake() *intake.Intake {
	return &intake.Intake{Store: m, Rules: rule.NewCache(rules(), rule.ImportCache), Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }}
}

// content imports text as the content of a file.
func (m *memory) content(t testing.TB, text []byte) (intake.Report, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	return m.open(t, src)
}

// stream imports text as what comes through a pipe.
func (m *memory) stream(t testing.TB, text []byte) (intake.Report, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		w.Write(text)
		w.Close()
	}()
	return m.open(t, r)
}

func (m *memory) open(t testing.TB, src *os.File) (intake.Report, error) {
	t.Helper()
	f, err := intake.Open(src, cmp.Or(m.format, "ndjson"))
	if err != nil {
		return intake.Report{}, err
	}
	defer f.Close()
	return f.Import(t.Context(), m.intake(), intake.Options{})
}

func (m *memory) want(t *testing.T, got intake.Report, err error, wantNew, wantKnown, wantRejected int64) {
	t.Helper()
	if err != nil || got.New != wantNew || got.Known != wantKnown || got.Rejected != wantRejected {
		t.Errorf("%+v %v, want %d new, %d known, %d rejected", got, err, wantNew, wantKnown, wantRejected)
	}
}

// events returns lines from number from to number to.
func events(from, to int) []byte {
	var b bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "{\"path\":\"%d.jar\"}\n", i)
	}
	return b.Bytes()
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestChunksAreBounded(t *testing.T) {
	t.Parallel()
	long := []byte(`{"path":"a","client":"` + strings.Repeat("x", 500<<10) + "\"}\n")
	for name, tt := range map[string]struct {
		text    []byte
		chunks  int
		largest int
	}{
		"short lines": {events(0, 10_000), 3, 4096},
		"long lines":  {bytes.Repeat(long, 5), 3, 2},
		"blank lines": {bytes.Repeat([]byte("\n"), 3<<20), 3, 0},
		"one line":    {events(0, 1), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m memory
			if _, err := m.content(t, tt.text); err != nil {
				t.Fatal(err)
			}
			if m.chunks != tt.chunks || m.largest != tt.largest {
				t.Errorf("%d chunks of at most %d lines, want %d of %d", m.chunks, m.largest, tt.chunks, tt.largest)
			}
		})
	}
}

func TestALineThatIsTooLongIsRejectedAlone(t *testing.T) {
	t.Parallel()
	at := []byte(`{"user":"ada","path":"`)
	for name, tt := range map[string]struct {
		text                       []byte
		wantNew, wantRejected      int64
		half                       bool
		laterNew, laterRejectedNow int64 // of the same file with a last line of 10.jar
	}{
		"one that fits":       {join(events(0, 2), padded(1<<20), []byte("\n"), events(2, 4)), 5, 0, false, 1, 0},
		"one byte more":       {join(events(0, 2), padded(1<<20+3), []byte("\n"), events(2, 4)), 4, 1, false, 1, 0},
		"much more":           {join(events(0, 2), at, bytes.Repeat([]byte("x"), 20<<20), []byte("\n"), events(2, 4)), 4, 1, false, 1, 0},
		"at the begin":        {join(at, bytes.Repeat([]byte("x"), 3<<20), []byte("\n"), events(2, 4)), 2, 1, false, 1, 0},
		"two":                 {join(at, bytes.Repeat([]byte("x"), 3<<20), []byte("\n"), at, bytes.Repeat([]byte("x"), 3<<20), []byte("\n")), 0, 2, false, 1, 0},
		"without an end":      {join(events(0, 2), at, bytes.Repeat([]byte("x"), 3<<20)), 2, 0, true, 0, 1},
		"nothing but a begin": {join(at, bytes.Repeat([]byte("x"), 3<<20)), 0, 0, true, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m memory
			got, err := m.content(t, tt.text)
			m.want(t, got, err, tt.wantNew, 0, tt.wantRejected)
			if (len(got.Notes) > 0) != tt.half {
				t.Errorf("notes %q", got.Notes)
			}
			got, err = m.content(t, join(tt.text, events(10, 11)))
			m.want(t, got, err, tt.laterNew, tt.wantNew, tt.laterRejectedNow)
			for _, r := range m.rejects {
				if len(r.Body) > 16<<10 || bytes.Contains(r.Body, []byte("ada")) || r.Kind != "import" || r.Source != "ndjson" || !strings.Contains(r.Reason, "longer than 1048576 bytes") {
					t.Errorf("reject %s %s %s of %d bytes", r.Source, r.Kind, r.Reason, len(r.Body))
				}
			}
		})
	}
}

// padded is an event of n bytes.
func padded(n int) []byte {
	const begin, end = `{"path":"a.jar","client":"`, `"}`
	return []byte(begin + strings.Repeat("x", n-len(begin)-len(end)) + end)
}

func TestALongLineIsNotHeldInMemory(t *testing.T) {
	before := heap()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		defer w.Close()
		w.Write(events(0, 1))
		for range 200 {
			w.Write(bytes.Repeat([]byte("x"), 1<<20))
		}
		w.Write([]byte("\n"))
	}()
	var m memory
	got, err := m.open(t, r)
	m.want(t, got, err, 1, 0, 1)
	if grown := heap() - before; grown > 60<<20 {
		t.Errorf("200 MiB took %d MiB", grown>>20)
	}
}

// heap returns what was asked of the system.
func heap() int64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapSys)
}

func TestAFileIsKnownByWhatWasReadOfIt(t *testing.T) {
	t.Parallel()
	// More than the head, so that only the digest of all tells them apart.
	common := events(0, 10_000)
	a, b := join(common, events(20_000, 20_100)), join(common, events(30_000, 30_200))
	for name, read := range map[string]func(*memory, testing.TB, []byte) (intake.Report, error){
		"file": (*memory).content,
		"pipe": (*memory).stream,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m memory
			got, err := read(&m, t, a)
			m.want(t, got, err, 10_100, 0, 0)
			got, err = read(&m, t, b) // another file with the same beginning
			m.want(t, got, err, 10_200, 0, 0)
			got, err = read(&m, t, a) // the larger offset is not its own
			m.want(t, got, err, 0, 10_100, 0)
			got, err = read(&m, t, join(a, events(0, 500)))
			m.want(t, got, err, 500, 10_100, 0)
			got, err = read(&m, t, b)
			m.want(t, got, err, 0, 10_200, 0)
			got, err = read(&m, t, common) // shorter than both
			m.want(t, got, err, 10_000, 0, 0)
			if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "and is longer") {
				t.Errorf("notes %q", got.Notes)
			}
			got, err = read(&m, t, join(common, events(40_000, 40_001)))
			m.want(t, got, err, 1, 10_000, 0)
		})
	}
}

func TestABrokenFileIsImportedUpToTheBreak(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(events(0, 100_000))
	z.Close()
	var m memory
	cut, err := m.content(t, packed.Bytes()[:packed.Len()/2])
	if err == nil || err.Error() != "the gzip file is cut short" || cut.New < 10_000 || cut.New > 90_000 {
		t.Errorf("%+v %v", cut, err)
	}
	got, err := m.content(t, packed.Bytes())
	m.want(t, got, err, 100_000-cut.New, cut.New, 0)
}

func TestAFailedWriteIsTriedAgainByTheNextImport(t *testing.T) {
	t.Parallel()
	m := memory{fail: errors.New("disk full")}
	if _, err := m.content(t, events(0, 30_000)); !errors.Is(err, m.fail) {
		t.Fatal(err)
	}
	m.fail = nil
	got, err := m.content(t, events(0, 30_000))
	m.want(t, got, err, 30_000, 0, 0)
}

func TestTheEndOfTheContextEndsAnImportAfterAChunk(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, events(0, 30_000), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f, err := intake.Open(src, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var m memory
	ctx, cancel := context.WithCancel(t.Context())
	got, err := f.Import(ctx, m.intake(), intake.Options{Progress: func(int64) { cancel() }})
	if !errors.Is(err, context.Canceled) || got.New == 0 || got.New == 30_000 || got.New != int64(len(m.paths)) {
		t.Errorf("%+v %v, stored %d", got, err, len(m.paths))
	}
	again, err := m.content(t, events(0, 30_000))
	m.want(t, again, err, 30_000-got.New, got.New, 0)
}

// slow is a store that begins to write only when nothing else goes on any more.
type slow struct {
	*memory
	batches []int // deliveries of each write
	failAt  int   // the write that fails, from 1; 0 for none
}

func (s *slow) Write(ctx context.Context, batch []*pkgmeter.Delivery) error {
	synctest.Wait()
	s.batches = append(s.batches, len(batch))
	for i, d := range batch[1:] {
		if d.Ticket.From != batch[i].Ticket.Offset || d.Ticket.ID == 0 {
			return fmt.Errorf("ticket %d goes on at %d, that before it ends at %d", d.Ticket.ID, d.Ticket.From, batch[i].Ticket.Offset)
		}
	}
	if len(s.batches) == s.failAt {
		return errors.New("disk full")
	}
	return s.memory.Write(ctx, batch)
}

func TestChunksThatAreReadyAreStoredInOneCommit(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, events(0, 80_000), 0o600); err != nil {
		t.Fatal(err)
	}
	var m memory
	for _, failAt := range []int{2, 0} {
		synctest.Test(t, func(t *testing.T) {
			src, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			f, err := intake.Open(src, "ndjson")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s := &slow{memory: &m, failAt: failAt}
			in := m.intake()
			in.Store = s
			got, err := f.Import(t.Context(), in, intake.Options{})
			want, most := intake.Report{New: 80_000 - 4096, Known: 4096}, 6
			if failAt > 0 { // nothing of the second commit is there, and the next import begins with it
				want, most = intake.Report{New: 4096}, 2
			}
			if (err != nil) != (failAt > 0) || got.New != want.New || got.Known != want.Known || slices.Max(s.batches) != 4 || len(s.batches) > most {
				t.Errorf("%+v %v in batches %v", got, err, s.batches)
			}
		})
	}
	for i, path := range m.paths {
		if path != fmt.Sprintf("%d.jar", i) {
			t.Fatalf("event %d is %s", i, path)
		}
	}
	if len(m.paths) != 80_000 {
		t.Errorf("%d events are stored", len(m.paths))
	}
}

func TestTwoImportsOfOneNewFileAtTheSameTimeCountItOnce(t *testing.T) {
	t.Parallel()
	var m memory
	in := m.intake()
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := int64(0)
	for range 8 {
		wg.Go(func() {
			name := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(name, events(0, 20_000), 0o600); err != nil {
				t.Error(err)
				return
			}
			src, err := os.Open(name)
			if err != nil {
				t.Error(err)
				return
			}
			defer src.Close()
			f, err := intake.Open(src, "")
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			got, err := f.Import(t.Context(), in, intake.Options{})
			if err != nil && pkgmeter.CodeOf(err) != pkgmeter.Conflict {
				t.Error(err)
			}
			mu.Lock()
			total += got.New
			mu.Unlock()
		})
	}
	wg.Wait()
	if total != 20_000 || len(m.paths) != 20_000 {
		t.Errorf("%d were new, %d are stored", total, len(m.paths))
	}
}

func TestDetection(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"path":"a"}` + "\n":                                          "ndjson",
		"\ufeff\r\n \n{\"id\":1,\"package\":\"pkg:npm/x\"}":            "ndjson",
		`{"path":"a"}` + "\nrubbish\n":                                 "ndjson",
		`{"client":"` + strings.Repeat("x", 100<<10) + `","path":"a"}`: "",
		`{"path":"a","client":"` + strings.Repeat("x", 100<<10) + `"}`: "ndjson",
		`{"all":1,"downloads":{}}`:                                     "savejson",
		"{\n\t\"all\": 1,\n\t\"downloads\": {\"path\":1}\n}":           "savejson",
		`{"downloads":{"` + strings.Repeat("x", 100<<10) + `":1}}`:     "savejson",
		`{"all": 2, "downloads": {`:                                    "savejson",
		`{"x":{"path":1}}`:                                             "",
		`{"x":["all","downloads",{"path":1}],"y":"path"}`:              "",
		`{"path":"a"`:                            "",
		`[{"path":"a"}]`:                         "",
		"rubbish\n{\"x\":1}\n{\"path\":\"a\"}\n": "ndjson",
		strings.Repeat("rubbish\n", 99) + "{\"path\":\"a\"}\n":  "ndjson",
		strings.Repeat("rubbish\n", 100) + "{\"path\":\"a\"}\n": "",
		"rubbish\n{\"path\":\"a\"}":                             "",
		`192.0.2.1 - - [01/Mar/2026:00:00:00]`:                  "",
		"\xff\xfe{\x00\"\x00p\x00a\x00t\x00h\x00":               "",
	} {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := intake.Open(src, "")
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "savejson or ndjson") {
				t.Errorf("%.60q: %v", text, err)
			}
			continue
		}
		if err != nil || f.Format.Name != want {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
		if all, err := f.All(); err != nil || string(all) != text {
			t.Errorf("%.60q: all is %.60q %v", text, all, err)
		}
		src.Close()
	}
}

// FuzzGrowth: however a file comes to be, its lines are taken once, in order,
// and none is taken for bad since it was not there yet.
func FuzzGrowth(f *testing.F) {
	f.Add([]byte("{\"path\":\"a\"}\n{\"path\":\"b\"}\r\n\n{\"path\":\"c\"}"), uint16(5), uint16(20))
	f.Add([]byte("\ufeff{\"path\":\"a\"}\nx\n\x00\n{\"id\":1}\n  \n"), uint16(3), uint16(17))
	f.Fuzz(func(t *testing.T, text []byte, i, j uint16) {
		if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
			t.Skip()
		}
		text = append(text, '\n')
		var once, grown memory
		want, err := once.content(t, text)
		if err != nil {
			t.Fatal(err)
		}
		first := min(int(i), len(text))
		second := min(first+int(j), len(text))
		var sum intake.Report
		for _, n := range []int{first, second, len(text), len(text)} {
			got, err := grown.content(t, text[:n])
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if got.Known != sum.New {
				t.Fatalf("%d known after %d new", got.Known, sum.New)
			}
			sum.New += got.New
			sum.Rejected += got.Rejected
		}
		if sum.New != want.New || sum.Rejected != want.Rejected || strings.Join(grown.paths, "\n") != strings.Join(once.paths, "\n") {
			t.Fatalf("grown %d new, %d rejected; at once %d, %d", sum.New, sum.Rejected, want.New, want.Rejected)
		}
	})
}
