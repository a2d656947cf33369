//go:build unix

package crashtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// tokenAhead writes the state of a mirror down before the records that it
// speaks of.
var tokenAhead = mutation{
	file: "internal/meteor/catchup.go",
	old:  "\tsum, err := m.store.PutMirrored(ctx, page)\n",
	new: `	if !page.Done && len(page.Documents) > 0 {
		early := page
		early.Documents = nil
		if _, err := m.store.PutMirrored(ctx, early); err != nil {
			return pkgmeter.MirrorSum{}, err
		}
		pause, stop := context.WithTimeout(ctx, 10_000_000)
		<-pause.Done()
		stop()
	}
	sum, err := m.store.PutMirrored(ctx, page)
`,
}

// records lists the catalog of a data folder, a line each.
func records(t *testing.T, data string) (lines []string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for c := range pkgmeter.Collections {
		docs, err := store.Documents(t.Context(), c, "", 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			lines = append(lines, fmt.Sprintf("%s %q %s %s", c, d.Key, d.ID, d.Body))
		}
	}
	return lines
}

// killMirrors copies a catalog with processes that are killed at any time,
// until one of them gets through, and returns how the copy differs.
func killMirrors(t *testing.T, bin string, kills int) (wrong []string) {
	t.Helper()
	dir := t.TempDir()
	from, to, addr := filepath.Join(dir, "from"), filepath.Join(dir, "to"), freeAddress(t)
	out, err := exec.Command(bin, "demo", "--data", from, "--events", "100", "--catalog", "--packages", "1000", "--versions", "6000", "--builds", "8000").CombinedOutput()
	if err != nil {
		t.Fatalf("demo: %v: %s", err, out)
	}
	s := start(t, bin, from, addr)
	s.ready(t)
	rng := seeded(t)
	for killed := 0; ; {
		var said bytes.Buffer
		cmd := exec.Command(bin, "mirror", "http://"+addr, "--once", "--data", to)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if killed < kills {
			killed++
			time.AfterFunc(time.Duration(rng.Int64N(int64(400*time.Millisecond))), func() { cmd.Process.Signal(os.Kill) })
		}
		err := cmd.Wait()
		if err == nil {
			break
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || !exit.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatalf("mirror: %v: %s", err, said.String())
		}
	}
	s.stop(t)
	want, got := records(t, from), records(t, to)
	if len(want) < 15_000 {
		t.Fatalf("the catalog has %d records only", len(want))
	}
	have := map[string]bool{}
	for _, line := range got {
		have[line] = true
	}
	for _, line := range want {
		if !have[line] {
			wrong = append(wrong, "missing: "+pkgmeter.Cut(line, 100))
		}
	}
	if len(got) != len(want) {
		wrong = append(wrong, fmt.Sprintf("%d records of %d", len(got), len(want)))
	}
	return wrong
}

// A mirror that is killed goes on where it was, and ends with an equal catalog.
func TestAKilledMirrorEndsEqual(t *testing.T) {
	t.Parallel()
	wrong := killMirrors(t, program(t), int(number(t, "KILLS", 6)))
	for _, w := range wrong[:min(len(wrong), 10)] {
		t.Error(w)
	}
}

func TestTheMirrorRigFindsAStateAhead(t *testing.T) {
	t.Parallel()
	if wrong := killMirrors(t, mutant(t, tokenAhead), 40); len(wrong) == 0 {
		t.Error("a mirror that is ahead of its records passed")
	}
}
