//go:build unix

package crashtest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pkgmeter/pkgmeter/internal/load"
)

// breather is how long readers pause.
const breather = 20 * time.Millisecond

// usage is what a process has in use.
type usage struct{ goroutines, descriptors, megabytes float64 }

// use reads it off the program's own metrics.
func use(t *testing.T, admin string) usage {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	u := usage{math.NaN(), math.NaN(), math.NaN()}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		to := map[string]*float64{"go_goroutines": &u.goroutines, "process_open_fds": &u.descriptors, "process_resident_memory_bytes": &u.megabytes}[name]
		if to == nil {
			continue
		}
		if *to, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal(err)
		}
	}
	u.megabytes /= 1e6
	if math.IsNaN(u.goroutines + u.descriptors + u.megabytes) {
		t.Fatalf("the metrics lack something: %+v", u)
	}
	return u
}

// most returns the largest of each.
func most(all []usage) (m usage) {
	for _, u := range all {
		m = usage{max(m.goroutines, u.goroutines), max(m.descriptors, u.descriptors), max(m.megabytes, u.megabytes)}
	}
	return m
}

// middle returns the median of the goroutines. A stall of the disk makes hundreds
// of requests wait for a moment, each in a goroutine: that is no growth, while
// what is never ended raises the median too.
func middle(all []usage) float64 {
	n := make([]float64, len(all))
	for i, u := range all {
		n[i] = u.goroutines
	}
	slices.Sort(n)
	return n[len(n)/2]
}

// The program is used in all ways at once, for MINUTES or some seconds. What it
// has in use does not grow from the second third to the last one, and afterwards
// is what it was before.
func TestNothingGrowsWhileTheProgramIsUsed(t *testing.T) {
	long, _ := strconv.Atoi(os.Getenv("MINUTES"))
	d, pause := time.Duration(long)*time.Minute, 2*time.Second
	if long == 0 {
		t.Parallel()
		d, pause = 8*time.Second, 200*time.Millisecond
	}
	addr, admin := freeAddress(t), freeAddress(t)
	cmd := exec.Command(program(t), "serve", "--data", t.TempDir(), "--listen", addr, "--admin-listen", admin, "--public-stats")
	cmd.Env = append(os.Environ(), "PKGMETER_ADMIN_PASSWORD=soak")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	(&server{addr: addr, exited: make(chan struct{})}).ready(t)
	before := use(t, admin)

	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sending, err := load.Command(t.Context(), self, load.Config{Address: addr, Senders: 32, Rate: 300, Open: true, Plain: 0.2, Again: 0.1, Names: 5_000, Duration: d})
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- sending.Run() }()
	var wg sync.WaitGroup
	for _, path := range []string{"/stats", "/stats?days=all", "/api/v1/top?by=package", "/api/v1/series?split=class", "/catalog", "/nowhere"} {
		wg.Go(func() {
			for ctx.Err() == nil {
				visit(ctx, "http://"+addr+path)
				time.Sleep(breather)
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			syncOnce(ctx, "ws://"+addr+"/websocket")
			time.Sleep(breather)
		}
	})
	var seen []usage
	for ctx.Err() == nil {
		seen = append(seen, use(t, admin))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	wg.Wait()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	second, third := seen[len(seen)/3:2*len(seen)/3], seen[2*len(seen)/3:]
	then, last := most(second), most(third)
	waiting, waits := middle(second), middle(third)
	t.Logf("before %+v, at most in the second third %+v, in the last %+v, goroutines in the middle %.0f and %.0f", before, then, last, waiting, waits)
	if long > 0 && (waits > waiting*1.1+20 || last.descriptors > then.descriptors*1.1+10 || last.megabytes > then.megabytes*1.1+10) {
		t.Errorf("it grows: %+v in the second third, %+v in the last; goroutines in the middle %.0f, then %.0f", then, last, waiting, waits)
	}
	// Connections to the data file stay open, as many as there were questions at
	// once.
	const files = 40
	var after usage
	for range 100 {
		after = use(t, admin)
		if after.goroutines <= before.goroutines+5 && after.descriptors <= before.descriptors+files {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("it keeps what it had: %+v before, %+v after", before, after)
}

// visit reads a page to its end; what it says is for other tests.
func visit(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		panic(err) // the address is a constant
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

// syncOnce is a client of the catalog that comes, asks and leaves.
func syncOnce(ctx context.Context, url string) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for i, frame := range []string{
		`{"msg":"connect","version":"1","support":["1"]}`,
		`{"msg":"sub","id":"s","name":"defaults"}`,
		`{"msg":"method","id":"1","method":"syncNewPackageData","params":[{"syncToken":{"format":"1.1"}}]}`,
	} {
		if conn.Write(ctx, websocket.MessageText, fmt.Append(nil, frame)) != nil {
			return
		}
		for range i + 1 {
			if _, _, err := conn.Read(ctx); err != nil {
				return
			}
		}
	}
}
