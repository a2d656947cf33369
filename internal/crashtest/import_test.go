//go:build unix

package crashtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// ticketApart stores how far a file is read in a transaction of its own, after
// that of the events.
var ticketApart = mutation{
	file: "internal/sqlite/append.go",
	old:  "\terr := s.update(ctx, func(ctx context.Context, w *writer) error { return w.append(ctx, batch) })\n",
	new: `	tickets := make([]*pkgmeter.Ticket, len(batch))
	for i, d := range batch {
		tickets[i], d.Ticket = d.Ticket, nil
	}
	err := s.update(ctx, func(ctx context.Context, w *writer) error { return w.append(ctx, batch) })
	for i, d := range batch {
		d.Ticket = tickets[i]
	}
	if err == nil {
		err = s.update(ctx, func(ctx context.Context, w *writer) error {
			for _, d := range batch {
				if err := w.ticket(ctx, d); err != nil {
					return err
				}
			}
			return nil
		})
	}
`,
}

// importLines is how many lines without an id the imported file has. Some more
// are bad.
const importLines, importBad = 50_000, 50

// imported is a rig: a file, and a data folder into which it is imported by
// processes that are killed.
type imported struct {
	bin, data, file string
	text            []byte
	rng             *rand.Rand
	kills           int
}

func newImported(t *testing.T, bin string, rng *rand.Rand) *imported {
	t.Helper()
	dir := t.TempDir()
	r := &imported{bin: bin, data: filepath.Join(dir, "data"), file: filepath.Join(dir, "events.ndjson"), rng: rng}
	var b bytes.Buffer
	for i := range importLines {
		fmt.Fprintf(&b, "{\"time\":\"2026-01-%02dT10:00:00Z\",\"repository\":\"r\",\"path\":\"%s\",\"bytes\":1}\n", 1+i%28, importPath(i))
		if i%(importLines/importBad) == 0 {
			fmt.Fprintf(&b, "bad line %d\n", i)
		}
	}
	r.text = b.Bytes()
	return r
}

func importPath(i int) string { return fmt.Sprintf("com/acme/app%d/1.0/app%d-1.0.jar", i%997, i%997) }

// grow writes more of the file, up to the middle of some line or to its end.
func (r *imported) grow(t *testing.T, all bool) {
	t.Helper()
	n := len(r.text)
	if !all {
		info, err := os.Stat(r.file)
		if err == nil {
			n = int(info.Size())
		} else {
			n = 0
		}
		n = min(len(r.text), n+r.rng.IntN(len(r.text)/8))
	}
	if err := os.WriteFile(r.file, r.text[:n], 0o600); err != nil {
		t.Fatal(err)
	}
}

// run is one process of the import.
type importRun struct {
	cmd *exec.Cmd
	out bytes.Buffer
	end chan error
}

func (r *imported) start(t *testing.T) *importRun {
	t.Helper()
	run := &importRun{cmd: exec.Command(r.bin, "import", "--data", r.data, r.file), end: make(chan error, 1)}
	run.cmd.Stdout, run.cmd.Stderr = &run.out, &run.out
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { run.end <- run.cmd.Wait() }()
	return run
}

// sometime is a moment in an import: any, or soon after something was written.
func (r *imported) sometime() {
	time.Sleep(time.Duration(r.rng.Int64N(int64(120 * time.Millisecond))))
	if r.rng.IntN(2) == 0 {
		(&rig{data: r.data}).awaitWrite(200 * time.Millisecond)
		time.Sleep(time.Duration(r.rng.Int64N(int64(4 * time.Millisecond))))
	}
}

// stillImporting is what a command says whose predecessor was killed while the
// server was at what that one had sent last.
const stillImporting = "this file is being imported by another command: wait for it, then try again"

// killed waits for the end of an import, which may be one by a signal, success,
// or a failure that says how to go on.
func (r *imported) killed(t *testing.T, run *importRun, mayFail bool) {
	t.Helper()
	err := <-run.end
	exit, _ := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
	case exit == nil:
		t.Fatal(err)
	case exit.Sys().(syscall.WaitStatus).Signaled():
		r.kills++
	case exit.ExitCode() == 1 && strings.Contains(run.out.String(), stillImporting):
	case mayFail && exit.ExitCode() == 1 && strings.Contains(run.out.String(), "the server has stopped: run the same command again"):
		r.kills++
	default:
		t.Fatalf("import: %v\n%s", err, run.out.String())
	}
}

// finish imports what is left, and compares what is stored with the file.
func (r *imported) finish(t *testing.T) (wrong []string) {
	t.Helper()
	run := r.start(t)
	if err := <-run.end; err != nil {
		t.Fatalf("import: %v\n%s", err, run.out.String())
	}
	run = r.start(t) // once more: all of it is known
	if err := <-run.end; err != nil || !strings.HasPrefix(run.out.String(), "0 new, ") {
		t.Fatalf("the second import of a whole file: %v\n%s", err, run.out.String())
	}
	return r.compare(t)
}

func (r *imported) compare(t *testing.T) (wrong []string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), r.data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	want, got := map[string]int{}, map[string]int{}
	for i := range importLines {
		want[importPath(i)]++
	}
	events := 0
	if err := store.Events(t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		events++
		got[e.Path]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if events != importLines {
		wrong = append(wrong, fmt.Sprintf("%d events are stored, want %d", events, importLines))
	}
	for path, n := range want {
		if got[path] != n {
			wrong = append(wrong, fmt.Sprintf("%s: %d events, want %d", path, got[path], n))
		}
	}
	totals, err := store.Totals(t.Context(), pkgmeter.Query{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if totals.Hits != int64(events) || totals.Bytes != int64(events) {
		wrong = append(wrong, fmt.Sprintf("%d hits and %d bytes are counted of %d events", totals.Hits, totals.Bytes, events))
	}
	if n, err := store.Quarantined(t.Context()); err != nil || n != importBad {
		wrong = append(wrong, fmt.Sprintf("%d lines are in quarantine, want %d (%v)", n, importBad, err))
	}
	return wrong
}

// seeded returns a source of random numbers that SEED repeats.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := number(t, "SEED", rand.Uint64())
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// killImports kills imports that work on the store by themselves, of a file
// that grows, until there were so many kills, and returns what is wrong then.
func killImports(t *testing.T, bin string, kills int) (wrong []string) {
	t.Helper()
	rng := seeded(t)
	for done := 0; done < kills && len(wrong) == 0; {
		r := newImported(t, bin, rng)
		for range 20 {
			r.grow(t, false)
			run := r.start(t)
			r.sometime()
			run.cmd.Process.Kill()
			r.killed(t, run, false)
		}
		r.grow(t, true)
		wrong = r.finish(t)
		done += r.kills
		if r.kills == 0 {
			t.Fatal("no import was killed: this run proves nothing")
		}
	}
	return wrong
}

func TestAKilledImportGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for _, w := range killImports(t, program(t), 20) {
		t.Error(w)
	}
}

func TestAKilledImportThroughAServerGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	for kills := 0; kills < 20; {
		r := newImported(t, program(t), rng)
		addr := freeAddress(t)
		s := start(t, r.bin, r.data, addr)
		s.ready(t)
		for range 12 {
			r.grow(t, false)
			run := r.start(t)
			r.sometime()
			what := rng.IntN(3)
			if what > 0 {
				s.kill()
			}
			if what < 2 {
				run.cmd.Process.Kill()
			}
			r.killed(t, run, what > 0)
			if what > 0 {
				s = start(t, r.bin, r.data, addr)
				s.ready(t)
			}
		}
		r.grow(t, true)
		for {
			run := r.start(t)
			err := <-run.end
			if err == nil {
				break
			}
			if !strings.Contains(run.out.String(), stillImporting) {
				t.Fatalf("import: %v\n%s", err, run.out.String())
			}
			time.Sleep(20 * time.Millisecond)
		}
		s.stop(t)
		for _, w := range r.finish(t) {
			t.Error(w)
		}
		if kills += r.kills; t.Failed() || r.kills == 0 {
			t.Fatal("wrong counts, or nothing was killed")
		}
	}
}

func TestAnInterruptedImportSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	interrupted := 0
	for try := 0; interrupted == 0 && try < 10; try++ {
		r := newImported(t, program(t), seeded(t))
		r.grow(t, true)
		run := r.start(t)
		r.sometime()
		(&rig{data: r.data}).awaitWrite(time.Second)
		run.cmd.Process.Signal(os.Interrupt)
		if err := <-run.end; err != nil {
			interrupted++
			if code := run.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(run.out.String(), "run the same command again, and it goes on from here") {
				t.Fatalf("exit code %d\n%s", code, run.out.String())
			}
		}
		for _, w := range r.finish(t) {
			t.Error(w)
		}
	}
	if interrupted == 0 {
		t.Error("no import was interrupted: this run proves nothing")
	}
}

func TestTheImportRigFindsATicketThatIsStoredApart(t *testing.T) {
	t.Parallel()
	if wrong := killImports(t, mutant(t, ticketApart), 60); len(wrong) == 0 {
		t.Error("a program that stores tickets apart from events passed")
	}
}
