package source_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// logNow is the clock of those who read the logs in testdata.
var logNow = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// logSample returns the lines of a format in testdata.
func logSample(t testing.TB, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "log", name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

func TestLogsAreReadAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	for _, f := range source.LogFormats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			r := f.Reader(f.Name, logNow, source.People{})
			lines := logSample(t, f.Name)
			if len(lines) < 20 {
				t.Errorf("%d lines, want 20", len(lines))
			}
			for i, line := range lines {
				e, err := r.Line(line)
				fmt.Fprintf(&got, "%d %s\n", i+1, shownEvent(e, err))
			}
			golden := filepath.Join("testdata", "log", f.Name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			wantLines := strings.Split(string(want), "\n")
			for i, line := range strings.Split(got.String(), "\n") {
				if i >= len(wantLines) || line != wantLines[i] {
					t.Errorf("%s:%d: got\n%s", golden, i+1, line)
				}
			}
		})
	}
}

// shownEvent is an event on a line.
func shownEvent(e pkgmeter.Event, err error) string {
	if err != nil {
		return "- " + err.Error()
	}
	short := func(s string) string {
		const most = 80
		if len(s) > most {
			return fmt.Sprintf("%q… of %d bytes", s[:20], len(s))
		}
		return fmt.Sprintf("%q", s)
	}
	s := fmt.Sprintf("%s %d %d %s path=%s agent=%s", e.Op, e.Status, e.Bytes, e.Time.Format(time.RFC3339Nano), short(e.Path), short(e.Agent))
	if e.Repository != "" {
		s += " repository=" + e.Repository
	}
	if e.ID != "" {
		s += " id=" + e.ID
	}
	if e.Flags&pkgmeter.FromZero != 0 {
		s += " from-zero"
	}
	if e.Flags&pkgmeter.Clamped != 0 {
		s += " clamped"
	}
	return s
}

// checkLogLine holds a reader to what it promises for any line.
func checkLogLine(t *testing.T, f *source.LogFormat, r *source.LogReader, line []byte) {
	t.Helper()
	original := bytes.Clone(line)
	e, err := r.Line(line)
	again, errAgain := r.Line(line)
	if !bytes.Equal(line, original) {
		t.Fatalf("%s: %q was changed to %q", f.Name, original, line)
	}
	if err != nil {
		if e != (pkgmeter.Event{}) || err.Error() == "" || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
			t.Fatalf("%s: %q: event %+v beside error %q", f.Name, line, e, err)
		}
		if errors.Is(err, source.ErrHeader) && (!f.Headed || !bytes.Contains(line, []byte("#"))) {
			t.Fatalf("%s: %q is taken for a header", f.Name, line)
		}
		return
	}
	if errAgain != nil || again != e {
		t.Fatalf("%s: %q is read as\n%+v, then as\n%+v %v", f.Name, line, e, again, errAgain)
	}
	settled := e
	if err := settled.Settle(logNow); err != nil || settled.Flags|e.Flags != e.Flags || !settled.Time.Equal(e.Time) {
		t.Fatalf("%s: %q: event %+v settles as %+v, %v", f.Name, line, e, settled, err)
	}
	if e.Source != "s" || e.Path == "" || e.Consumer != "" || e.Country != "" || e.Hint != "" || e.Time.Location() != time.UTC ||
		!utf8.ValidString(e.Agent) || len(e.Agent) > pkgmeter.MaxAgent || e.Status != 0 && (e.Status < 100 || e.Status > 999) {
		t.Fatalf("%s: %q: event %+v", f.Name, line, e)
	}
	if strings.ContainsAny(e.Path, "\x00\n\r\x7f") || strings.ContainsRune(e.Agent, 0) {
		t.Fatalf("%s: %q: event %+v has control characters", f.Name, line, e)
	}
	if e.Flags&pkgmeter.FromZero != 0 && e.Status != 206 {
		t.Fatalf("%s: %q: event %+v begins at zero", f.Name, line, e)
	}
}

// readersOf returns readers of a format, one that has seen its headers.
func readersOf(t testing.TB, f *source.LogFormat) (fresh, begun *source.LogReader) {
	t.Helper()
	fresh, begun = f.Reader("s", logNow, source.People{}), f.Reader("s", logNow, source.People{})
	for _, line := range logSample(t, f.Name) {
		if bytes.HasPrefix(line, []byte("#")) {
			begun.Line(line)
		}
	}
	return fresh, begun
}

// fuzzLog holds the reader of a format to its contract for any line.
func fuzzLog(f *testing.F, name string) {
	formats := source.LogFormats()
	format := formats[slices.IndexFunc(formats, func(l *source.LogFormat) bool { return l.Name == name })]
	for _, line := range logSample(f, name) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		fresh, begun := readersOf(t, format)
		checkLogLine(t, format, fresh, line)
		checkLogLine(t, format, begun, line)
		format.Looks(line)
		format.Whole(line)
		format.Mask(line)
	})
}

func FuzzLogCombined(f *testing.F)    { fuzzLog(f, "combined") }
func FuzzLogNginxJSON(f *testing.F)   { fuzzLog(f, "nginx-json") }
func FuzzLogCaddy(f *testing.F)       { fuzzLog(f, "caddy") }
func FuzzLogTraefik(f *testing.F)     { fuzzLog(f, "traefik") }
func FuzzLogS3(f *testing.F)          { fuzzLog(f, "s3") }
func FuzzLogCloudFront(f *testing.F)  { fuzzLog(f, "cloudfront") }
func FuzzLogFastly(f *testing.F)      { fuzzLog(f, "fastly") }
func FuzzLogW3C(f *testing.F)         { fuzzLog(f, "w3c") }
func FuzzLogArtifactory(f *testing.F) { fuzzLog(f, "artifactory") }
func FuzzLogNexus(f *testing.F)       { fuzzLog(f, "nexus") }

func TestMutatedLogLinesKeepTheContract(t *testing.T) {
	t.Parallel()
	for n, f := range source.LogFormats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			var samples []string
			for _, line := range logSample(t, f.Name) {
				samples = append(samples, string(line))
			}
			rnd := rand.New(rand.NewPCG(uint64(n), 7))
			_, r := readersOf(t, f)
			for range 20_000 {
				line := mutate(rnd, samples)
				checkLogLine(t, f, r, line)
				f.Looks(line)
				f.Whole(line)
			}
		})
	}
}

func TestTheFormatOfALogIsTold(t *testing.T) {
	t.Parallel()
	first := func(line []byte) string {
		for _, f := range source.LogFormats() {
			if f.Looks(line) {
				return f.Name
			}
		}
		return ""
	}
	for _, f := range source.LogFormats() {
		r := f.Reader(f.Name, logNow, source.People{})
		told := ""
		for _, line := range logSample(t, f.Name) {
			if told = first(line); told != "" {
				break
			}
		}
		if told != f.Name && f.Name != "common" {
			t.Errorf("the first line that tells in a log of %s is of %q", f.Name, told)
		}
		for i, line := range logSample(t, f.Name) {
			e, err := r.Line(line)
			got := first(line)
			switch want := f.Name; {
			case f.Name == "common" && err == nil && got != "combined":
				t.Errorf("common:%d is of format %q", i+1, got)
			case f.Name == "common", err != nil, e.Status == 0, f.Headed && got == "": // only the header tells
			case f.Name == "nexus" && got == "combined", f.Name == "fastly" && got == "nginx-json": // known by other lines
			case got != want:
				t.Errorf("%s:%d is of format %q: %.100q", want, i+1, got, line)
			}
		}
	}
}

func TestNothingOfALogTellsWhoAsked(t *testing.T) {
	t.Parallel()
	private := []string{"192.0.2.", "2001:db8", "198.51.100", "frank", "anonymous", "CORP", "ann@", "s3cret", "John", "deployer", "assumed-role"}
	for _, f := range source.LogFormats() {
		r := f.Reader(f.Name, logNow, source.People{})
		for i, line := range logSample(t, f.Name) {
			e, err := r.Line(line)
			if err == nil {
				e.Source = ""
				for _, word := range private {
					if strings.Contains(fmt.Sprintf("%+v", e), word) {
						t.Errorf("%s:%d: the event has %s: %+v", f.Name, i+1, word, e)
					}
				}
			}
			for _, cut := range []int{len(line), len(line) * 2 / 3, len(line) / 2} {
				masked := string(f.Mask(line[:cut]))
				for _, word := range private {
					if strings.Contains(masked, word) {
						t.Errorf("%s:%d: %s is still in %q", f.Name, i+1, word, masked)
					}
				}
			}
		}
	}
}

func TestALongLogLineTakesNoLongTime(t *testing.T) {
	const bound = 3 * time.Second
	for _, f := range source.LogFormats() {
		for _, unit := range []string{`"`, `\"`, `[`, " ", "|", "\t", "%25", `\x22`, "{", `{"request":`, "a", "[01/", "\xff", "- "} {
			begin := string(logSample(t, f.Name)[3])
			line := []byte(begin + strings.Repeat(unit, (256<<10)/len(unit)))
			start := time.Now()
			_, r := readersOf(t, f)
			checkLogLine(t, f, r, line)
			f.Looks(line)
			f.Mask(line)
			if took := time.Since(start); took > bound {
				t.Errorf("%s: %q repeated: %v", f.Name, unit, took)
			}
		}
	}
}
