//go:build linux

package crashtest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
)

// A recording is all that a server did to its files and answered, from its
// first start on: events one by one and many at a time, bodies that cannot be
// read, an upload, an orderly end, a start on what was there, a backup, and a kill.
type recording struct {
	dir   string // the data folder, as it is in the steps
	steps []step
	sent  map[string]bool // ids of all events, and names of what cannot be read
}

// good reports whether a key is of an event, and not of what cannot be read.
func good(key string) bool { return !strings.HasPrefix(key, "bad-") }

var recordings sync.Map // of *recorded, by the path of the program

type recorded struct {
	once sync.Once
	*recording
}

// record returns the recording of a program, which is made once for all rigs.
func record(t *testing.T, bin string, events int) *recording {
	t.Helper()
	needStrace(t)
	v, _ := recordings.LoadOrStore(bin, new(recorded))
	r := v.(*recorded)
	r.once.Do(func() { r.recording = newRecording(t, bin, events) })
	if r.recording == nil {
		t.Fatal("another rig could not make the recording")
	}
	return r.recording
}

func newRecording(t *testing.T, bin string, events int) *recording {
	t.Helper()
	memory, err := filepath.EvalSymlinks(inMemory(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := &recording{dir: filepath.Join(memory, "data"), sent: map[string]bool{}}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "trace")
	addr := freeAddress(t)
	for run := range 2 {
		s := start(t, bin, r.dir, addr, traceArgs(log)...)
		if !s.soon() {
			t.Fatalf("the server is not ready below strace:\n%s", s.tail())
		}
		r.send(t, addr, fmt.Sprintf("one%d", run), 1, events/4)
		r.publish(t, bin, addr, fmt.Sprintf("1.%d.0", run))
		r.send(t, addr, fmt.Sprintf("many%d", run), 8, events/4)
		if run == 0 {
			syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM) // strace lets it pass
			if code := s.exit(t, time.Minute); code != 0 {
				t.Fatalf("exit code %d after SIGTERM:\n%s", code, s.tail())
			}
		} else {
			rig := &rig{bin: bin, data: r.dir}
			if out, err := rig.backupCommand(filepath.Join(dir, "backup")).CombinedOutput(); err != nil {
				t.Fatalf("backup: %v: %s", err, out)
			}
			s.kill()
		}
		steps, err := readTrace(log, r.dir)
		if err != nil {
			t.Fatal(err)
		}
		r.steps = append(r.steps, steps...)
	}
	os.Remove(log)
	return r
}

// publish publishes a package, and then sends an event by whose acknowledgement a
// trace tells that this was acknowledged too.
func (r *recording) publish(t *testing.T, bin, addr, version string) {
	t.Helper()
	if err := publishVersion(t.Context(), addr, publisherToken(t, bin, r.dir), version); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	r.sent[publishedKey+version] = true
	if status, err := deliver(&client, addr, publishedKey+version); status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
}

// send sends events from so many connections, and beside them what cannot be
// read.
func (r *recording) send(t *testing.T, addr, name string, senders, events int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		client := http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
		defer client.CloseIdleConnections()
		for range events / 10 {
			key := fmt.Sprintf("bad-%d", len(r.sent))
			r.sent[key] = true
			resp, err := client.Post("http://"+addr+"/callback", "text/plain", strings.NewReader(key+" is no event"))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		}
	})
	got, err := load.Run(ctx, load.Config{Address: addr, Senders: senders, Count: int64(events), Process: name, Names: 200})
	if err != nil || got.Acked != int64(events) {
		t.Errorf("%d of %d events were acknowledged: %+v, %v", got.Acked, events, got, err)
	}
	wg.Wait()
	for n := range events {
		r.sent[fmt.Sprintf("%s-%d", name, n+1)] = true
	}
}
