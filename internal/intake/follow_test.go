package intake_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/intake"
)

// A logger writes numbered lines to a log and rotates it, as a server and what
// rotates its logs do.
type logger struct {
	t    *testing.T
	name string
	rng  *rand.Rand
	f    *os.File
	n    int // lines so far
	next int // number of the next rotated file
}

func newLogger(t *testing.T, name string, rng *rand.Rand) *logger {
	t.Helper()
	l := &logger{t: t, name: name, rng: rng}
	l.reopen()
	return l
}

func (l *logger) reopen() {
	var err error
	if l.f, err = os.OpenFile(l.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.f.Close() })
}

// line writes the next line to a file, at times in two pieces with a moment
// between them.
func (l *logger) line(f *os.File) {
	text := fmt.Sprintf("192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] \"GET /%s/%d.jar HTTP/1.1\" 200 1 \"-\" \"curl/8\"\n", filepath.Base(l.name), l.n)
	l.n++
	cut := len(text)
	if l.rng.IntN(4) == 0 {
		cut = l.rng.IntN(len(text))
	}
	f.WriteString(text[:cut])
	if cut < len(text) {
		l.pause()
		f.WriteString(text[cut:])
	}
}

func (l *logger) pause() { time.Sleep(time.Duration(l.rng.IntN(3000)) * time.Microsecond) }

// shift makes room for a file with the number 1.
func (l *logger) shift() {
	for i := l.next; i > 0; i-- {
		os.Rename(fmt.Sprintf("%s.%d", l.name, i), fmt.Sprintf("%s.%d", l.name, i+1))
	}
	l.next++
}

// rename rotates as with create: the server goes on writing to the old file
// until it is told.
func (l *logger) rename() {
	l.shift()
	if err := os.Rename(l.name, l.name+".1"); err != nil {
		l.t.Error(err)
	}
	for range l.rng.IntN(4) {
		l.line(l.f)
		l.pause()
	}
	old := l.f
	l.reopen()
	for range l.rng.IntN(3) {
		l.line(old) // a request that was under way
	}
	old.Close()
}

// copyTruncate rotates with a copy. What would be written between the two steps
// is lost to everybody: nothing is.
func (l *logger) copyTruncate() {
	l.shift()
	text, err := os.ReadFile(l.name)
	if err != nil {
		l.t.Error(err)
	}
	if err := os.WriteFile(l.name+".1", text, 0o600); err != nil {
		l.t.Error(err)
	}
	if err := l.f.Truncate(0); err != nil {
		l.t.Error(err)
	}
}

// run writes lines, with a rotation now and then. The last lines come in quiet.
func (l *logger) run(lines int, rotate ...func(*logger)) {
	for l.n < lines {
		for range 1 + l.rng.IntN(20) {
			l.line(l.f)
		}
		l.pause()
		if len(rotate) > 0 && l.rng.IntN(6) == 0 {
			rotate[l.rng.IntN(len(rotate))](l)
		}
	}
}

// follow follows files until stop is called, which returns what came of it.
func (m *memory) follow(t *testing.T, names ...string) (stop func() intake.Report) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in := m.intake()
	in.Now = func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }
	var report intake.Report
	var wg sync.WaitGroup
	wg.Go(func() {
		var err error
		report, err = intake.Follow(ctx, names, intake.FollowOptions{
			Open:  func() (intake.Taker, func() error, error) { return in, func() error { return nil }, nil },
			Note:  func(text string) { t.Log(text) },
			Every: 2 * time.Millisecond,
			Passes: func(err error) bool {
				return errors.Is(err, errPasses) || pkgmeter.CodeOf(err) == pkgmeter.Conflict
			},
		})
		if err != nil {
			t.Error(err)
		}
	})
	return func() intake.Report {
		cancel()
		wg.Wait()
		return report
	}
}

var errPasses = errors.New("the store is away")

// leave follows a log for its first line, and has it written and rotated twice
// while nobody does.
func (m *memory) leave(t *testing.T, l *logger) {
	t.Helper()
	l.line(l.f)
	stop := m.follow(t, l.name)
	m.await(t, 1)
	stop()
	for range 2 {
		l.line(l.f)
		l.rename()
	}
	l.line(l.f)
}

// await waits until so many events are stored.
func (m *memory) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); m.stored() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d events are stored after a long time, want %d", m.stored(), n)
		}
	}
}

func (m *memory) stored() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.paths)
}

// once fails unless each line of the loggers was stored once.
func (m *memory) once(t *testing.T, loggers ...*logger) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	got := map[string]int{}
	for _, path := range m.paths {
		got[path]++
	}
	want := 0
	for _, l := range loggers {
		want += l.n
		for i := range l.n {
			path := fmt.Sprintf("/%s/%d.jar", filepath.Base(l.name), i)
			if got[path] != 1 {
				t.Errorf("%s is stored %d times", path, got[path])
			}
		}
	}
	if len(m.paths) != want || len(m.rejects) > 0 {
		t.Errorf("%d events and %d rejects are stored, want %d", len(m.paths), len(m.rejects), want)
	}
}

var rotations = map[string][]func(*logger){
	"none":         nil,
	"rename":       {(*logger).rename},
	"copytruncate": {(*logger).copyTruncate},
	"both":         {(*logger).rename, (*logger).copyTruncate},
}

func TestAFollowedLogIsCountedOncePastItsRotation(t *testing.T) {
	t.Parallel()
	for name, rotate := range rotations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m memory
			dir := t.TempDir()
			a := newLogger(t, filepath.Join(dir, "a.log"), rand.New(rand.NewPCG(1, 2)))
			b := newLogger(t, filepath.Join(dir, "b.log"), rand.New(rand.NewPCG(3, 4)))
			a.line(a.f)
			stop := m.follow(t, a.name, b.name)
			m.await(t, 1)
			var wg sync.WaitGroup
			wg.Go(func() { a.run(1500, rotate...) })
			wg.Go(func() { b.run(1500, rotate...) })
			wg.Wait()
			m.await(t, a.n+b.n)
			report := stop()
			m.once(t, a, b)
			if report.New != int64(a.n+b.n) || report.Known != 0 {
				t.Errorf("%+v, want %d new", report, a.n+b.n)
			}
		})
	}
}

func TestAFollowThatIsStoppedAndBegunAgainMissesNothing(t *testing.T) {
	t.Parallel()
	for name, rotate := range rotations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m memory
			rng := rand.New(rand.NewPCG(5, 6))
			l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rng)
			l.line(l.f)
			stop := m.follow(t, l.name)
			m.await(t, 1)
			for i := range 12 {
				if i%3 > 0 {
					stop()
				}
				l.run(l.n+1+rng.IntN(100), rotate...)
				if i%3 > 0 {
					stop = m.follow(t, l.name)
				}
				if rng.IntN(2) == 0 {
					m.await(t, l.n)
				}
			}
			m.await(t, l.n)
			stop()
			m.once(t, l)
		})
	}
}

func TestALineThatComesLateToARenamedLogIsRead(t *testing.T) {
	t.Parallel()
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(13, 14)))
	l.line(l.f)
	stop := m.follow(t, l.name)
	m.await(t, 1)
	old := l.f
	if err := os.Rename(l.name, l.name+".1"); err != nil {
		t.Fatal(err)
	}
	l.reopen()
	l.line(l.f)
	m.await(t, 2)
	for range 3 {
		l.line(old)
		m.await(t, l.n)
	}
	stop()
	m.once(t, l)
}

// The file is emptied, and longer than before at once, between the look at its
// length and the read.
func TestALogThatIsEmptiedWhileItIsReadIsReadAnew(t *testing.T) {
	t.Parallel()
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(15, 16)))
	l.line(l.f)
	in := m.intake()
	in.Now = func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }
	looks := 0
	ctx, cancel := context.WithCancel(t.Context())
	_, err := intake.Follow(ctx, []string{l.name}, intake.FollowOptions{
		Open: func() (intake.Taker, func() error, error) {
			switch looks++; looks {
			case 1:
				l.line(l.f)
			case 2:
				l.copyTruncate()
				l.run(l.n + 100)
			}
			return in, func() error {
				if looks == 1 {
					l.line(l.f)
				} else if m.stored() == l.n {
					cancel()
				}
				return nil
			}, nil
		},
		Note:  func(string) {},
		Every: time.Millisecond,
	})
	if err != nil {
		t.Error(err)
	}
	m.once(t, l)
}

// While the copy of an emptied log is looked at, the log is copied and emptied
// once more: nothing tells that, as nothing of it was read in between.
func TestALogThatIsEmptiedTwiceAtOnceIsReadFromItsCopies(t *testing.T) {
	t.Parallel()
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(17, 18)))
	l.line(l.f)
	in := m.intake()
	in.Now = func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	looks, again := 0, 0
	_, err := intake.Follow(ctx, []string{l.name}, intake.FollowOptions{
		Options: intake.Options{Progress: func(lines int64) {
			if lines == 0 && looks > 1 && again == 0 {
				again++
				l.line(l.f)
				l.copyTruncate()
				l.line(l.f)
			}
		}},
		Open: func() (intake.Taker, func() error, error) {
			looks++
			return in, func() error {
				switch {
				case looks == 1:
					l.line(l.f)
					l.line(l.f)
					l.copyTruncate()
					l.line(l.f)
				case m.stored() == l.n:
					cancel()
				}
				return nil
			}, nil
		},
		Note:  func(string) {},
		Every: time.Millisecond,
	})
	if err != nil || again == 0 {
		t.Errorf("%v, emptied %d times more", err, again)
	}
	m.once(t, l)
}

// While the files before it are read, the file that was seen under the name is
// rotated too, and the one after it stays empty.
func TestALogThatComesAndGoesBetweenTwoLooksIsRead(t *testing.T) {
	t.Parallel()
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(21, 22)))
	l.line(l.f)
	rotate := func() {
		l.shift()
		if err := os.Rename(l.name, l.name+".1"); err != nil {
			t.Error(err)
		}
		l.reopen()
	}
	in := m.intake()
	in.Now = func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	looks := 0
	_, err := intake.Follow(ctx, []string{l.name}, intake.FollowOptions{
		Open: func() (intake.Taker, func() error, error) {
			if looks++; looks == 2 {
				rotate()
			}
			return in, func() error {
				if looks == 1 {
					for range 2 {
						rotate()
						l.line(l.f)
					}
				} else if m.stored() == l.n {
					cancel()
				}
				return nil
			}, nil
		},
		Note:  func(string) {},
		Every: time.Millisecond,
	})
	if err != nil || looks < 2 {
		t.Errorf("%v after %d looks", err, looks)
	}
	m.once(t, l)
}

// Requests that were under way end in a file that was rotated before another.
func TestALogThatIsOlderThanTheOneBeforeItIsRead(t *testing.T) {
	t.Parallel()
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(19, 20)))
	m.leave(t, l)
	now := time.Now()
	for name, at := range map[string]time.Time{l.name + ".1": now.Add(-5 * time.Second), l.name + ".2": now} {
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	stop := m.follow(t, l.name)
	m.await(t, l.n)
	stop()
	m.once(t, l)
}

func TestWhatIsWrittenUntilTheEndIsFollowed(t *testing.T) {
	t.Parallel()
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(7, 8)))
	stop := m.follow(t, l.name)
	for range 50 {
		l.line(l.f)
	}
	if report := stop(); report.New != 50 {
		t.Errorf("%+v, want 50 new", report)
	}
}

func TestALineIsNotFollowedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	var m memory
	name := filepath.Join(t.TempDir(), "a.ndjson")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stop := m.follow(t, name)
	f.WriteString("{\"path\":\"a\"}\n{\"path\":")
	m.await(t, 1)
	f.WriteString("\"b\"}")
	f.WriteString("\n")
	m.await(t, 2)
	f.WriteString(`{"path":"x","client":"`)
	for range 40 {
		f.WriteString(strings.Repeat("y", 64<<10))
	}
	f.WriteString("\"}\n{\"path\":\"c\"}\n")
	m.await(t, 3)
	if report := stop(); report.New != 3 || report.Rejected != 1 {
		t.Errorf("%+v, want 3 new, 1 rejected", report)
	}
}

func TestAFollowOutlivesAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	var m memory
	rng := rand.New(rand.NewPCG(9, 10))
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rng)
	l.line(l.f)
	stop := m.follow(t, l.name)
	m.await(t, 1)
	for range 10 {
		m.mu.Lock()
		m.fail, m.after = errPasses, rng.IntN(2) == 0
		m.mu.Unlock()
		l.run(l.n+30, rotations["both"]...)
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		l.run(l.n+30, rotations["both"]...)
	}
	m.await(t, l.n)
	report := stop()
	m.once(t, l)
	// Of a write that was stored and then failed it is not known how many were new.
	if sum := report.New + report.Known; sum > int64(l.n) || sum < int64(l.n)*3/4 {
		t.Errorf("%+v, want %d in sum", report, l.n)
	}
}

func TestOldLogsAreNotFollowedUnasked(t *testing.T) {
	t.Parallel()
	var m memory
	dir := t.TempDir()
	l := newLogger(t, filepath.Join(dir, "a.log"), rand.New(rand.NewPCG(11, 12)))
	line := []byte("192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] \"GET /other.jar HTTP/1.1\" 200 1\n")
	for _, name := range []string{"a.log.1", "a.log.2", "a.log-20260301", "a.log-api", "b.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), append(line, name...), 0o600); err != nil {
			t.Fatal(err)
		}
		hourAgo := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	l.line(l.f)
	stop := m.follow(t, l.name)
	m.await(t, 1)
	l.run(100)
	l.rename()
	l.run(200)
	m.await(t, l.n)
	l.copyTruncate()
	l.run(300)
	m.await(t, l.n)
	stop()
	m.once(t, l)
}

func TestWhatCannotBeFollowedIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		text string
		want string
	}{
		"packed":   {"\x1f\x8b\x08\n", "it is packed and does not grow"},
		"savejson": {`{"all":1,"downloads":{}}` + "\n", "savejson do not grow"},
		"words":    {"nothing known\n", "nor one of a log that is known"},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := intake.Follow(t.Context(), []string{file}, intake.FollowOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, names := range map[string][]string{
		"named twice":  {empty, filepath.Join(dir, "./empty")},
		"no such file": {filepath.Join(dir, "missing")},
		"no file that": {dir},
	} {
		if _, err := intake.Follow(t.Context(), names, intake.FollowOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", names, err, want)
		}
	}
}

// A file grows between two who import it: the one with the shorter head comes
// last.
func TestAGrowingFileThatTwoImportAtOnceCountsOnce(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, events(0, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *intake.File {
		src, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { src.Close() })
		f, err := intake.Open(src, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	grow := func() {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.Write(events(10, 20))
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("it waited for the store", func(t *testing.T) {
		var m memory
		short := open()
		grow()
		got, err := open().Import(t.Context(), m.intake(), intake.Options{})
		m.want(t, got, err, 20, 0, 0)
		got, err = short.Import(t.Context(), m.intake(), intake.Options{})
		m.want(t, got, err, 0, 20, 0)
	})
	t.Run("it looked for tickets before", func(t *testing.T) {
		var m memory
		in := m.intake()
		if err := os.WriteFile(name, events(0, 10), 0o600); err != nil {
			t.Fatal(err)
		}
		// The store is looked at by the short one, then the long one comes.
		between := &interposed{Intake: in, before: func() {
			grow()
			got, err := open().Import(t.Context(), in, intake.Options{})
			m.want(t, got, err, 20, 0, 0)
		}}
		_, err := open().Import(t.Context(), between, intake.Options{})
		if pkgmeter.CodeOf(err) != pkgmeter.Conflict || len(m.paths) != 20 {
			t.Errorf("%v, %d events are stored", err, len(m.paths))
		}
		got, err := open().Import(t.Context(), in, intake.Options{})
		m.want(t, got, err, 0, 20, 0)
	})
	t.Run("what it sends is of before", func(t *testing.T) {
		var m memory
		in := m.intake()
		if err := os.WriteFile(name, events(0, 10), 0o600); err != nil {
			t.Fatal(err)
		}
		between := &interposed{Intake: in, onTake: func(c *intake.Chunk) {
			grow()
			got, err := open().Import(t.Context(), in, intake.Options{})
			m.want(t, got, err, 20, 0, 0)
		}}
		_, err := open().Import(t.Context(), between, intake.Options{})
		if pkgmeter.CodeOf(err) != pkgmeter.Conflict || len(m.paths) != 20 {
			t.Errorf("%v, %d events are stored", err, len(m.paths))
		}
	})
	t.Run("a shorter file one after the other is another", func(t *testing.T) {
		var m memory
		in := m.intake()
		if err := os.WriteFile(name, events(0, 20), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := open().Import(t.Context(), in, intake.Options{})
		m.want(t, got, err, 20, 0, 0)
		if err := os.WriteFile(name, events(0, 10), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err = open().Import(t.Context(), in, intake.Options{})
		m.want(t, got, err, 10, 0, 0)
	})
}

// interposed does something between the steps of an import.
type interposed struct {
	*intake.Intake
	before func()
	onTake func(*intake.Chunk)
}

func (i *interposed) Tickets(ctx context.Context, source string, head []byte) ([]pkgmeter.Ticket, error) {
	tickets, err := i.Intake.Tickets(ctx, source, head)
	if i.before != nil {
		i.before()
	}
	return tickets, err
}

func (i *interposed) Take(ctx context.Context, c *intake.Chunk) (intake.Outcome, error) {
	if i.onTake != nil {
		i.onTake(c)
	}
	return i.Intake.Take(ctx, c)
}
