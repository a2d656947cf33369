//go:build linux

package crashtest_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// needStrace skips the test where system calls cannot be made to fail, except
// in CI, which has to have what it takes.
func needStrace(t *testing.T) {
	t.Helper()
	out, err := exec.Command("strace", "-f", "-e", "trace=none", "true").CombinedOutput()
	if err == nil {
		return
	}
	notice := fmt.Sprintf("NOTICE: syncs, power cuts and failing system calls are not tested: strace is not installed (Debian: apt-get install strace), or ptrace is denied: %v %s",
		err, strings.TrimSpace(string(out)))
	if os.Getenv("CI") != "" {
		t.Fatal(notice)
	}
	fmt.Println(notice)
	t.Skip(notice)
}

// After an fsync that failed nobody knows what is on disk. The server must not
// acknowledge, must not try again, and must leave it to the next start to look.
func TestFailedFsyncEndsTheProcess(t *testing.T) {
	t.Parallel()
	needStrace(t)
	dir := t.TempDir()
	data, addr, bin := filepath.Join(dir, "data"), freeAddress(t), program(t)

	// The count is one of each thread: late enough for a whole start.
	s := start(t, bin, data, addr, "strace", "-f", "-qq", "-o", filepath.Join(dir, "calls"),
		"-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO:when=40+")
	s.ready(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	acked := postUntilRefused(t, client, addr)
	if code := s.exit(t, stopLimit); code <= 0 {
		t.Fatalf("exit code %d after a failed fsync, want one above 0:\n%s", code, s.tail())
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil || !strings.Contains(string(calls), "INJECTED") {
		t.Fatalf("no sync failed (%v): the server ended for another reason:\n%s", err, s.tail())
	}
	t.Logf("acked=%d, then:\n%s", acked, s.tail())

	s = start(t, bin, data, addr)
	s.ready(t)
	if status, err := post(client, addr, acked+2); status != http.StatusOK {
		t.Fatalf("status %d after the restart: %v", status, err)
	}
	s.stop(t)
	haveAll(t, data, acked)
}

func post(client *http.Client, addr string, n int) (status int, err error) {
	return deliver(client, addr, fmt.Sprintf("fsync-%d", n))
}

// deliver sends events with ids in one delivery.
func deliver(client *http.Client, addr string, ids ...string) (status int, err error) {
	var body strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&body, `{"file-name":"com/acme/app/1.0/app-1.0.jar","event-type":"download","event-id":"%s"}`+"\n", id)
	}
	resp, err := client.Post("http://"+addr+"/callback", "application/json", strings.NewReader(body.String()))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}

// postUntilRefused returns how many events were acknowledged, numbered from 1.
func postUntilRefused(t *testing.T, client *http.Client, addr string) int {
	t.Helper()
	for n := range 20_000 {
		if status, err := post(client, addr, n+1); status != http.StatusOK {
			t.Logf("event %d: status %d, %v", n+1, status, err)
			return n
		}
	}
	t.Fatal("no sync failed")
	return 0
}

// haveAll checks that each of the acknowledged events is stored once.
func haveAll(t *testing.T, data string, acked int) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	times := map[string]int{}
	err = store.Events(t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		times[e.ID]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range acked {
		if id := fmt.Sprintf("fsync-%d", n+1); times[id] != 1 {
			t.Errorf("%s is stored %d times", id, times[id])
		}
	}
	if got := integrity(t.Context(), t, data); got != "ok" {
		t.Errorf("integrity check: %s", got)
	}
}
