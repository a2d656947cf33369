//go:build linux

package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
)

// diskSize is the size of the disk that gets full, in bytes.
const diskSize = 48 << 20

// smallDisk makes a disk that is a little larger than an empty data folder. Who
// may not do so gets a server whose writes find no room instead, for a while.
func smallDisk(t *testing.T) (dir string, mounted bool) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize))
	if err != nil {
		t.Logf("no disk can be made (%v): writes are made to find no room instead", err)
		return dir, false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}

// fill writes a file until there is no room for a byte more.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
	}
	return nil
}

// A prober sends events and knows what they were answered.
type prober struct {
	*server
	client http.Client
	sent   map[string]load.Outcome
}

// probe sends an event, and returns the status of the answer.
func (p *prober) probe(t *testing.T) int {
	t.Helper()
	id := fmt.Sprintf("probe-%d", len(p.sent))
	status, err := deliver(&p.client, p.addr, id)
	switch {
	case err == nil && status == http.StatusOK:
		p.sent[id] = load.Acked
	case err == nil && status == http.StatusServiceUnavailable:
		p.sent[id] = load.Refused
	default:
		t.Fatalf("an event was answered %d, %v:\n%s", status, err, p.tail())
	}
	return status
}

// until sends events until so many have been answered so. Space that is the
// server's already may take some more events, so refusals need not come in a row.
func (p *prober) until(t *testing.T, want, times int, inRow bool) {
	t.Helper()
	for end, n := time.Now().Add(2*time.Minute), 0; n < times; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d events of %d were answered %d:\n%s", n, times, want, p.tail())
		}
		if p.probe(t) == want {
			n++
		} else if inRow {
			n = 0
		}
	}
}

// alive fails if the server does not answer what needs no disk.
func (p *prober) alive(t *testing.T) {
	t.Helper()
	resp, err := p.client.Get("http://" + p.addr + "/healthz")
	if err != nil {
		t.Fatalf("a full disk keeps the server from answering: %v\n%s", err, p.tail())
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a full disk makes the server unwell: %s", resp.Status)
	}
}

// startFull starts a server whose disk will be full. Where no disk can be made,
// its writes find no room for a while, soon after the start.
func startFull(t *testing.T, data string, mounted bool) *prober {
	t.Helper()
	var wrap []string
	addr := freeAddress(t)
	if !mounted {
		needStrace(t)
		first := start(t, program(t), data, addr) // which writes more than the next one
		first.ready(t)
		first.stop(t)
		// Of each thread's writes, from the end of a start on.
		wrap = []string{"strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC:when=100..160"}
	}
	s := start(t, program(t), data, addr, wrap...)
	if !s.soon() {
		t.Fatalf("the server is not ready:\n%s", s.tail())
	}
	p := &prober{server: s, client: http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}, sent: map[string]load.Outcome{}}
	t.Cleanup(p.client.CloseIdleConnections)
	return p
}

// While the disk is full events are refused with 503, which says that they may
// come again. The server goes on: what is read is answered, and once there is
// room events are taken, without a restart. Nothing that was acknowledged is
// lost.
func TestAFullDiskRefusesEventsUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	disk, mounted := smallDisk(t)
	data, oracle := filepath.Join(disk, "data"), filepath.Join(t.TempDir(), "oracle")
	p := startFull(t, data, mounted)
	ctx, stop := context.WithCancel(t.Context())
	loaded := make(chan error, 1)
	go func() {
		_, err := load.Run(ctx, load.Config{Address: p.addr, Senders: 8, Rate: 400, Plain: 0.2, Names: 500, Oracle: oracle, Duration: 10 * time.Minute})
		loaded <- err
		close(loaded)
	}()
	t.Cleanup(func() { stop(); <-loaded })
	if mounted {
		neighbour := filepath.Join(disk, "neighbour")
		for range 3 {
			p.until(t, http.StatusOK, 20, true)
			if err := fill(neighbour); err != nil {
				t.Fatal(err)
			}
			p.until(t, http.StatusServiceUnavailable, 20, false)
			p.alive(t)
			if err := os.Remove(neighbour); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		p.until(t, http.StatusServiceUnavailable, 1, false) // the load has most of them
		p.alive(t)
	}
	p.until(t, http.StatusOK, 20, true)
	stop()
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	if mounted {
		p.stop(t)
	} else {
		p.kill() // strace keeps the signal for an orderly end to itself
	}
	sent, err := load.ReadOracle(oracle)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(sent.IDs, p.sent)
	v := judge(t, data, sent)
	report(t, v)
	fmt.Printf("full disk: mounted=%v acked=%d stored=%d lost=%d double=%d\n", mounted, v.acked, v.stored, v.lost, v.double)
}
