//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A followRig is a log that is written and rotated, while processes that follow
// it are killed and begun again.
type followRig struct {
	t              *testing.T
	rng            *rand.Rand
	bin, data, log string
	f              *os.File
	lines, rotated int
}

func newFollowRig(t *testing.T) *followRig {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := &followRig{t: t, rng: rand.New(rand.NewPCG(seed, 1)), bin: filepath.Join(dir, "pkgmeter"), data: filepath.Join(dir, "data"), log: filepath.Join(dir, "access.log")}
	if err := os.Symlink(self, r.bin); err != nil {
		t.Fatal(err)
	}
	r.open()
	t.Cleanup(func() { r.f.Close() })
	return r
}

func (r *followRig) open() {
	var err error
	if r.f, err = os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *followRig) write(n int) {
	for range n {
		text := fmt.Sprintf("192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] \"GET /%d.jar HTTP/1.1\" 200 1 \"-\" \"curl/8\"\n", r.lines)
		r.lines++
		cut := r.rng.IntN(len(text)) // a writer that is in the midst of a line
		r.f.WriteString(text[:cut])
		if r.rng.IntN(50) == 0 {
			time.Sleep(time.Millisecond)
		}
		r.f.WriteString(text[cut:])
	}
}

// rotate renames the log and writes a little more to it, or copies and empties it.
func (r *followRig) rotate() {
	r.rotated++
	to := fmt.Sprintf("%s.%d", r.log, r.rotated)
	if r.rng.IntN(2) == 0 {
		if err := os.Rename(r.log, to); err != nil {
			r.t.Fatal(err)
		}
		r.write(r.rng.IntN(5))
		r.f.Close()
		r.open()
		return
	}
	text, err := os.ReadFile(r.log)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err = errors.Join(err, r.f.Truncate(0)); err != nil {
		r.t.Fatal(err)
	}
}

// start follows the log in a process of its own.
func (r *followRig) start() (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.Command(r.bin, "import", "--data", r.data, "--follow", r.log)
	cmd.Env = append(os.Environ(), "PKGMETER_NOW=2026-03-02T10:00:00Z")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return cmd, &out
}

// stored returns how often each path is stored.
func (r *followRig) stored() map[string]int {
	store, err := sqlite.Open(r.t.Context(), r.data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		r.t.Fatal(err)
	}
	defer store.Close()
	got := map[string]int{}
	if err := store.Events(r.t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		got[e.Path]++
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
	if n, err := store.Quarantined(r.t.Context()); err != nil || n > 0 {
		r.t.Errorf("%d lines are in quarantine (%v)", n, err)
	}
	return got
}

func TestAKilledFollowCountsEachLineOnce(t *testing.T) {
	t.Parallel()
	r := newFollowRig(t)
	r.write(10)
	for range 8 {
		cmd, out := r.start()
		began := time.Now()
		for limit := 400 + r.rng.IntN(900); time.Since(began) < time.Duration(limit)*time.Millisecond; {
			r.write(1 + r.rng.IntN(40))
			if r.rng.IntN(25) == 0 {
				r.rotate()
			}
			time.Sleep(time.Duration(r.rng.IntN(20)) * time.Millisecond)
		}
		cmd.Process.Kill()
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, out)
		}
		if r.rng.IntN(2) == 0 {
			r.write(r.rng.IntN(40))
			r.rotate()
			r.write(r.rng.IntN(40))
		}
	}
	cmd, out := r.start()
	time.Sleep(1500 * time.Millisecond)
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), " new, ") {
		t.Fatalf("%v\n%s", err, out)
	}
	got := r.stored()
	wrong := 0
	for i := range r.lines {
		if path := fmt.Sprintf("/%d.jar", i); got[path] != 1 {
			if wrong++; wrong <= 5 {
				t.Errorf("line %d is stored %d times", i, got[path])
			}
		}
	}
	t.Logf("%d of %d lines are wrong, after %d rotations", wrong, r.lines, r.rotated)
}
