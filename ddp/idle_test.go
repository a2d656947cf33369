package ddp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// maxIdle is what an idle session may cost the server, in bytes of heap and
// stacks, with all that net, net/http and the WebSocket hold for it.
const maxIdle = 30 << 10

// TestIdleSessions is not parallel: it measures the process. DDP_IDLE sets the
// number of sessions.
func TestIdleSessions(t *testing.T) {
	count := 2000
	if s := os.Getenv("DDP_IDLE"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	f := serve(t, ddp.Options{})
	perSession, rss := measureIdle(t, f, count)
	t.Logf("%d idle sessions: %d bytes each of heap and stacks, %d of RSS", count, perSession, rss)
	if perSession > maxIdle {
		t.Errorf("an idle session costs %d bytes, more than %d", perSession, maxIdle)
	}
	if got := f.Stats().Subscriptions; got != count {
		t.Errorf("%d subscriptions", got)
	}
}

func BenchmarkIdleSessions(b *testing.B) {
	const count = 10_000
	for b.Loop() {
		f := serve(b, ddp.Options{})
		perSession, rss := measureIdle(b, f, count)
		b.ReportMetric(float64(perSession), "B/session")
		b.ReportMetric(float64(rss), "RSS/session")
	}
}

// measureIdle has a child process open sessions with one subscription each, and
// returns what each costs.
func measureIdle(t testing.TB, f *fixture, count int) (perSession, rss int) {
	t.Helper()
	inUse, resident := footprint()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	child := exec.CommandContext(ctx, exe)
	child.Env = append(os.Environ(), "DDP_IDLE_CLIENTS="+f.http.Listener.Addr().String()+" "+strconv.Itoa(count))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = child.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the clients said %q: %v", line, err)
	}
	if got := f.Stats().Sessions; got != count {
		t.Fatalf("%d sessions, want %d", got, count)
	}
	inUseNow, residentNow := footprint()
	return int(inUseNow-inUse) / count, int(residentNow-resident) / count
}

// footprint returns the heap and stacks in use after collection, and the
// resident memory of the process.
func footprint() (inUse, resident int64) {
	for range 5 { // stacks shrink by half at a time
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			resident = kb << 10
		}
	}
	return int64(m.HeapInuse + m.StackInuse), resident
}

// idleClients is the child: it opens the sessions, says so, and keeps them
// until its input ends.
func idleClients(spec string) {
	addr, n, _ := strings.Cut(spec, " ")
	count, err := strconv.Atoi(n)
	if err != nil {
		panic(err)
	}
	conns := make([]net.Conn, count)
	for i := range conns {
		if conns[i], err = idleClient(addr); err != nil {
			fmt.Fprintln(os.Stderr, "client", i, err)
			os.Exit(1)
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func idleClient(addr string) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr) //nolint:noctx // it has nothing else to do
	if err != nil {
		return nil, err
	}
	request := "GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
		"User-Agent: Meteor/1.2 OS/linux (Linux; 3.10; x64;)\r\n\r\n"
	for _, frame := range []string{connect1, `{"msg":"sub","id":"s","name":"five"}`} {
		request += string([]byte{0x81, 0x80 | byte(len(frame)), 0, 0, 0, 0}) + frame
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		return nil, err
	}
	var got strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(got.String(), `{"msg":"ready","subs":["s"]}`) {
		k, err := conn.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("%w after %q", err, got.String())
		}
		got.Write(buf[:k])
	}
	return conn, nil
}
