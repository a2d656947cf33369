//go:build linux

package crashtest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A fault is a kind of call that fails once, or during which the process is
// killed.
type fault struct {
	calls string
	upTo  int  // the count of a thread, of which a run has at least so many
	kill  bool // or else an I/O error
}

// The counts are of each thread: what is counted higher than a thread ever gets
// does not happen.
var faults = []fault{
	{calls: "pwrite64", upTo: 150},
	{calls: "pwrite64", upTo: 150, kill: true},
	{calls: "fsync,fdatasync", upTo: 15},
	{calls: "fsync,fdatasync", upTo: 15, kill: true},
	{calls: "open,openat", upTo: 20},
	{calls: "open,openat", upTo: 20, kill: true},
	{calls: "ftruncate", upTo: 2},
	{calls: "ftruncate", upTo: 2, kill: true},
	{calls: "rename,renameat,renameat2", upTo: 1},
	{calls: "rename,renameat,renameat2", upTo: 1, kill: true},
	{calls: "unlink,unlinkat", upTo: 3},
	{calls: "unlink,unlinkat", upTo: 3, kill: true},
}

// wrap returns the command below which a program meets the fault.
func (f fault) wrap(log string, when int, dir string) []string {
	how, fast := "error=EIO", "--seccomp-bpf"
	if f.kill { // strace stops too late for a signal if it stops for some calls only
		how, fast = "signal=SIGKILL", "-qq"
	}
	args := []string{
		"strace", "-f", "-qq", fast, "-y", "-s", "8", "-o", log, "-e", "trace=" + f.calls, "-e", "signal=none",
		"-e", fmt.Sprintf("inject=%s:%s:when=%d", f.calls, how, when),
	}
	if strings.Contains(f.calls, "open") { // Go and the C library open things of their own
		for _, name := range []string{"", "pkgmeter.db", "pkgmeter.db-wal", "pkgmeter.db-shm", "lock", "blobs"} {
			args = append(args, "-P", filepath.Join(dir, name))
		}
	}
	return args
}

// A faulted is a copy of a data folder, on which runs meet faults.
type faulted struct {
	recording
	bin, token string
	acked      map[string]bool // of what was sent, whether it was acknowledged
}

// newFaulted makes a data folder with events and a package, on which a server
// was killed.
func newFaulted(t *testing.T, bin, data string) *faulted {
	t.Helper()
	f := &faulted{recording: recording{dir: data, sent: map[string]bool{}}, bin: bin, acked: map[string]bool{}}
	addr := freeAddress(t)
	s := start(t, bin, data, addr)
	s.ready(t)
	f.token = publisherToken(t, bin, data)
	if err := publishVersion(t.Context(), addr, f.token, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	f.work(addr, "before", 5)
	s.kill()
	for id, ok := range f.acked {
		if !ok {
			t.Fatalf("%s was not acknowledged without a fault", id)
		}
	}
	return f
}

const perBatch = 5

// work sends batches of events, two at a time, until the server has gone.
func (f *faulted) work(addr, name string, batches int) {
	client := http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() {
			for n := half; n < batches; n += 2 {
				ids := make([]string, perBatch)
				for i := range ids {
					ids[i] = fmt.Sprintf("%s-%d-%d", name, n, i)
				}
				mu.Lock()
				for _, id := range ids {
					f.sent[id] = true
				}
				mu.Unlock()
				status, err := deliver(&client, addr, ids...)
				mu.Lock()
				for _, id := range ids {
					f.acked[id] = status == http.StatusOK
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// meet lets a server meet a fault in its start, in batches of events, an upload
// and a backup, and returns whether it did, and what is wrong then.
func (f *faulted) meet(t *testing.T, how fault, when int) (hit bool, wrong []string) {
	t.Helper()
	dir := filepath.Dir(f.dir)
	log := filepath.Join(dir, "calls")
	addr := freeAddress(t)
	s := start(t, f.bin, f.dir, addr, how.wrap(log, when, f.dir)...)
	if s.soon() {
		f.work(addr, "first", 10)
		if err := publishVersion(t.Context(), addr, f.token, "2.0.0"); err == nil {
			// The version has to be there, whether or not the event is.
			f.sent[publishedKey+"2.0.0"] = true
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
			status, _ := deliver(&client, addr, publishedKey+"2.0.0")
			f.acked[publishedKey+"2.0.0"] = status == http.StatusOK
		}
		f.backUp(t.Context(), filepath.Join(dir, "backup"))
		f.work(addr, "second", 10)
	}
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(time.Minute):
		wrong = append(wrong, "the server did not end: "+s.tail())
		s.kill()
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	status, _ := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if hit = strings.Contains(string(text), "(INJECTED)"); how.kill {
		hit = status.Signaled() && status.Signal() == syscall.SIGKILL
	}

	s = start(t, f.bin, f.dir, addr)
	if !s.soon() {
		s.kill()
		return hit, append(wrong, "the server does not start again: "+s.tail())
	}
	s.stop(t)
	return hit, append(wrong, f.lookAt(t, f.dir, f.acked)...)
}

// backUp makes a backup through the server, which need not succeed.
func (f *faulted) backUp(ctx context.Context, file string) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	exec.CommandContext(ctx, f.bin, "backup", file, "--data", f.dir).Run()
}

// A season is what many faults came to.
type season struct {
	happened, missed int
	kinds            []int // how often each of faults happened
	wrong            []string
}

// meetFaults lets servers meet so many faults, each on the same folder, or ends
// with the first thing that is wrong.
func meetFaults(t *testing.T, bin string, want int, first bool) (all season) {
	t.Helper()
	rng := seeded(t)
	template := newFaulted(t, bin, filepath.Join(inMemory(t), "data"))
	all.kinds = make([]int, len(faults))
	for n := 0; all.happened < want && (!first || len(all.wrong) == 0); n++ {
		if all.missed > 3*want+20 {
			t.Fatalf("%d faults did not happen, %d did: this run proves little", all.missed, all.happened)
		}
		i := n % len(faults)
		how := faults[i]
		when := 1 + rng.IntN(how.upTo)
		if rng.IntN(2) == 0 { // most threads do little
			when = 1 + rng.IntN((how.upTo+2)/3)
		}
		hit, wrong := meetCopy(t, template, how, when)
		for _, w := range wrong {
			all.wrong = append(all.wrong, fmt.Sprintf("call %d of a thread of %s, kill=%v, happened=%v: %s", when, how.calls, how.kill, hit, w))
		}
		if !hit {
			all.missed++
			continue
		}
		all.kinds[i]++
		all.happened++
	}
	return all
}

// Whatever call fails, or is the last one: the next start is clean, and what was
// acknowledged is there once.
func TestFaultsOfSystemCalls(t *testing.T) {
	t.Parallel()
	needStrace(t)
	want, began := int(number(t, "FAULTS", 20)), time.Now()
	all := meetFaults(t, program(t), want, false)
	for _, w := range all.wrong[:min(len(all.wrong), 20)] {
		t.Error(w)
	}
	for i, n := range all.kinds {
		if n == 0 && want >= 10*len(faults) {
			t.Errorf("%+v never happened", faults[i])
		}
	}
	fmt.Printf("faults of system calls: happened=%d by kind=%v did not happen=%d wrong=%d in %v\n",
		all.happened, all.kinds, all.missed, len(all.wrong), time.Since(began).Round(time.Second))
}

func TestTheFaultRigFindsAnAckBeforeTheCommit(t *testing.T) {
	t.Parallel()
	needStrace(t)
	all := meetFaults(t, mutant(t, ackBeforeCommit), 60, true)
	if !slices.ContainsFunc(all.wrong, func(w string) bool { return strings.Contains(w, "are lost") }) {
		t.Errorf("a program that answers before it commits passed: %+v", all)
		return
	}
	t.Logf("found after %d: %s", all.happened, all.wrong[0])
}

// meetCopy lets a server meet a fault on a copy of a folder.
func meetCopy(t *testing.T, first *faulted, how fault, when int) (hit bool, wrong []string) {
	t.Helper()
	dir := inMemory(t)
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	if err := copyData(first.dir, data); err != nil {
		t.Fatal(err)
	}
	f := &faulted{recording: recording{dir: data, sent: map[string]bool{}}, bin: first.bin, token: first.token, acked: map[string]bool{}}
	for id := range first.sent {
		f.sent[id] = true
	}
	for id, ok := range first.acked {
		f.acked[id] = ok
	}
	return f.meet(t, how, when)
}

// copyData copies a folder, without the index of the WAL, which is rebuilt, and
// the socket of the server that was.
func copyData(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch target := filepath.Join(to, rel); {
		case d.IsDir():
			return os.Mkdir(target, 0o700)
		case d.Type().IsRegular() && !strings.HasSuffix(path, "-shm"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(target, text, 0o600)
		}
		return nil
	})
}
