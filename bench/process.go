package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server under test: ours or a peer, which says where it
// listens in the same words.
type process struct {
	cmd  *exec.Cmd
	addr string
	kept chan struct{} // closed when stderr was read to its end
}

const announcement = "listening http://"

// launch starts a server and waits until it listens.
func launch(ctx context.Context, env []string, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, kept: make(chan struct{})}
	r := bufio.NewReader(stderr)
	var said strings.Builder
	for p.addr == "" {
		line, err := r.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			return nil, fmt.Errorf("%s did not start: %w: %s", name, errors.Join(err, cmd.Wait()), said.String())
		}
		if rest, ok := strings.CutPrefix(line, announcement); ok {
			p.addr = strings.TrimSpace(rest)
		}
	}
	go func() {
		defer close(p.kept)
		io.Copy(io.Discard, r) //nolint:errcheck // ends with the process
	}()
	return p, nil
}

// serve starts the program on a data folder; now moves its clock unless zero.
func (b *bench) serve(ctx context.Context, data string, now time.Time) (*process, error) {
	env := []string{"PKGMETER_ADMIN_PASSWORD=bench"}
	if !now.IsZero() {
		env = append(env, "PKGMETER_NOW="+now.Format(time.RFC3339))
	}
	return launch(ctx, env, b.bin, "serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "off", "--public-stats")
}

// stop ends the server and fails if it did not end well.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-p.kept
	return p.cmd.Wait()
}

// ready waits until the program answers that it is.
func (p *process) ready(ctx context.Context) error {
	for {
		_, err := p.get(ctx, "/readyz")
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-p.kept:
			return fmt.Errorf("the server ended before it was ready: %w", err)
		case <-time.After(time.Millisecond):
		}
	}
}

func (p *process) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return body, err
}

// used returns the processor time that the process has used; 0 where the system
// does not tell.
func (p *process) used() time.Duration { return usedBy(p.cmd.Process.Pid) }

func usedBy(pid int) time.Duration {
	// The name of the program, which may have spaces in it, is in parentheses.
	_, rest, _ := strings.Cut(readText(fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	const user, system, tick = 11, 12, 10 * time.Millisecond // fields behind the name
	fields := strings.Fields(rest)
	if len(fields) <= system {
		return 0
	}
	var sum time.Duration
	for _, f := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		sum += time.Duration(n) * tick
	}
	return sum
}

// memory returns the resident memory of the process, MB of 10^6 bytes; 0 where
// the system does not tell.
func (p *process) memory() float64 {
	for line := range strings.Lines(readText(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			if err == nil {
				return kb * 1024 / 1e6
			}
		}
	}
	return 0
}

// processor returns the name of the machine's processor, if it is told.
func processor() string {
	for line := range strings.Lines(readText("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func readText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
