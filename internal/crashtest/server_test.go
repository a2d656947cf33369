//go:build unix

package crashtest_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 10 * time.Second // a start beyond this fails a rig; the aim is 2 s
	stopLimit  = 15 * time.Second
)

// A server is one process of the program.
type server struct {
	cmd    *exec.Cmd
	addr   string
	exited chan struct{} // closed after exit; then err is set
	err    error

	mu  sync.Mutex
	log []string // the last lines of stderr
}

// start runs bin on a data folder, below the command wrap where there is one.
// It does not wait until the server is ready.
func start(t *testing.T, bin, data, addr string, wrap ...string) *server {
	t.Helper()
	args := append(append([]string{}, wrap...), bin, "serve", "--data", data, "--listen", addr, "--admin-listen", "off")
	s := &server{cmd: exec.Command(args[0], args[1:]...), addr: addr, exited: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "PKGMETER_ADMIN_PASSWORD=crash")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what is wrapped ends with its wrapper
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		s.keepLog(stderr)
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(s.kill)
	return s
}

func (s *server) keepLog(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		s.mu.Lock()
		if s.log = append(s.log, lines.Text()); len(s.log) > 30 {
			s.log = s.log[1:]
		}
		s.mu.Unlock()
	}
}

func (s *server) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// kill ends the process, and all that it started, with SIGKILL.
func (s *server) kill() {
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.exited
}

// exit waits for the process to end by itself and returns its exit code.
func (s *server) exit(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-s.exited:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("the server did not end within %v:\n%s", limit, s.tail())
		return -1
	}
}

// stop asks for an orderly end, which has to be one.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.exit(t, stopLimit); code != 0 {
		t.Fatalf("exit code %d after SIGTERM:\n%s", code, s.tail())
	}
}

// ready waits until the server would take an event.
func (s *server) ready(t *testing.T) {
	t.Helper()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(startLimit); time.Now().Before(end); {
		resp, err := client.Get("http://" + s.addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-s.exited:
			t.Fatalf("the server ended at its start (%v):\n%s", s.err, s.tail())
		case <-time.After(2 * time.Millisecond):
		}
	}
	t.Fatalf("the server was not ready within %v:\n%s", startLimit, s.tail())
}

// soon waits for a minute until the server is ready, below strace or with a
// fault, and reports whether it is.
func (s *server) soon() bool {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		resp, err := client.Get("http://" + s.addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-s.exited:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return false
}

// freeAddress returns an address that stays free while the server is down: its
// port is below those that the kernel gives to clients.
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
