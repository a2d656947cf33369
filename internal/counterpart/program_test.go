package counterpart_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	password   = "counterpart"
	startLimit = 30 * time.Second
	stopLimit  = 20 * time.Second
)

var scratch string // a folder for the built program

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "counterpart")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var build = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(scratch, "pkgmeter")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/pkgmeter")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, err
})

// tool returns the path of a program of Debian's packages. It is not there on
// every developer's machine, but the CI has to have it.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} { // before what a developer installed elsewhere
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: make test installs it", name)
	}
	t.Skipf("no %s: make test installs it", name)
	return ""
}

// run runs a command to its end, which has to be a good one, and returns what
// it printed.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A process runs beside the test, and ends with it at the latest.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	log    *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// begin starts a process in its own group, so that its children end with it.
func begin(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{}), log: &lockedBuffer{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(name), p.log)
		}
	})
	return p
}

func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// stop asks for an orderly end.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		t.Fatalf("%s did not end within %v:\n%s", p.cmd.Path, stopLimit, p.log)
	}
}

// answers waits until a URL answers with a status below 500.
func (p *process) answers(t *testing.T, address string) {
	t.Helper()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, address+" answers", func() bool {
		select {
		case <-p.exited:
			t.Fatalf("%s ended:\n%s", p.cmd.Path, p.log)
		default:
		}
		resp, err := client.Get(address)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode < 500
	})
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(startLimit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", startLimit, what)
		}
	}
}

// freeAddress returns an address that stays free until it is used: its port is
// below those that the kernel gives to clients.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 18_000+rand.IntN(14_000))
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		ln.Close()
		return addr
	}
	t.Fatal("no free port")
	return ""
}

// A meter is the program on a data folder of its own.
type meter struct {
	*process
	bin, data, addr string
}

// startMeter makes the data folder and serves on it.
func startMeter(t *testing.T) *meter {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{bin: bin, data: t.TempDir(), addr: freeAddress(t)}
	m.start(t)
	return m
}

// start serves again after a stop or a kill, on the same address.
func (m *meter) start(t *testing.T) {
	t.Helper()
	m.process = begin(t, []string{"PKGMETER_ADMIN_PASSWORD=" + password}, m.bin,
		"serve", "--data", m.data, "--listen", m.addr, "--admin-listen", "off")
	m.answers(t, m.url("/readyz"))
}

func (m *meter) url(path string) string { return "http://" + m.addr + path }

// command runs a command of the program on the same data folder.
func (m *meter) command(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "", nil, m.bin, append(args, "--data", m.data)...)
}

// token makes a token with which senders may bring events.
func (m *meter) token(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), m.bin, "token", "new", "--data", m.data, "--user", "admin", "--scope", "ingest")
	out, err := cmd.Output() // the token stands alone on stdout
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// counts are what the program says of one key.
type counts struct{ Downloads, Hits, Bytes int64 }

// ask asks the JSON interface, as the administrator.
func (m *meter) ask(t *testing.T, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.url(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// top returns the answer of /api/v1/top: key → counts. filter is a query such
// as "type=npm&kind=primary".
func (m *meter) top(t *testing.T, by, filter string) map[string]counts {
	t.Helper()
	var body struct {
		Items []struct {
			Key string
			counts
		}
	}
	m.ask(t, "/api/v1/top?limit=1000&by="+url.QueryEscape(by)+"&"+filter, &body)
	all := map[string]counts{}
	for _, it := range body.Items {
		all[it.Key] = it.counts
	}
	return all
}

// downloads returns the downloads in an answer of top; keys without any are
// left out.
func downloads(all map[string]counts) map[string]int64 {
	n := map[string]int64{}
	for k, c := range all {
		if c.Downloads > 0 {
			n[k] = c.Downloads
		}
	}
	return n
}

// wantDownloads waits until the downloads by a key are those, and no others.
func (m *meter) wantDownloads(t *testing.T, by, filter string, want map[string]int64) {
	t.Helper()
	var got map[string]int64
	for end := time.Now().Add(startLimit); ; time.Sleep(50 * time.Millisecond) {
		if got = downloads(m.top(t, by, filter)); maps.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("downloads by %s (%s):\n got %v\nwant %v", by, filter, got, want)
		}
	}
}
