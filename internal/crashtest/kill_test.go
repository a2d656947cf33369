//go:build unix

package crashtest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
)

// scratch is a folder for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	if code, asked := load.Main(); asked {
		os.Exit(code)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "crashtest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// number reads a variable of the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(cmp.Or(os.Getenv(name), strconv.FormatUint(otherwise, 10)), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A rig is a data folder, the server on it, and a load that outlives servers.
type rig struct {
	*server
	bin, data, oracle string
	rng               *rand.Rand

	stopLoad context.CancelFunc
	loaded   chan error
	result   load.Result
}

const senders = 64

// newRig starts a server, and beside it a load of 3,000 events a second, some
// without id, some sent again though they were acknowledged.
func newRig(t *testing.T, bin string) *rig {
	t.Helper()
	seed := number(t, "SEED", rand.Uint64())
	t.Logf("SEED=%d", seed)
	dir := t.TempDir()
	r := &rig{
		bin: bin, data: filepath.Join(dir, "data"), oracle: filepath.Join(dir, "oracle"),
		rng: rand.New(rand.NewPCG(seed, 0)), loaded: make(chan error, 1),
	}
	r.server = start(t, bin, r.data, freeAddress(t))
	r.ready(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stopLoad = stop
	cmd, err := load.Command(ctx, self, load.Config{
		Address: r.addr, Senders: senders, Rate: 3000, Plain: 0.2, Again: 0.05, Names: 2000,
		Seed: seed, Oracle: r.oracle, Duration: time.Hour, GiveUpIn: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := cmd.Wait()
		if bad := json.Unmarshal(out.Bytes(), &r.result); bad != nil {
			err = fmt.Errorf("the load said %q (%w)", out.Bytes(), err)
		}
		r.loaded <- err
	}()
	t.Cleanup(func() { stop(); <-ended })
	return r
}

// restart starts the server again and returns how long it took until ready.
func (r *rig) restart(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	r.server = start(t, r.bin, r.data, r.addr)
	r.ready(t)
	return time.Since(began)
}

// end ends the load while the server runs, and then the server.
func (r *rig) end(t *testing.T) {
	t.Helper()
	r.stopLoad()
	err := <-r.loaded
	if r.result.Acked == 0 {
		t.Fatalf("the load achieved nothing: %+v %v", r.result, err)
	}
	r.stop(t)
}

// upTo returns a random duration.
func (r *rig) upTo(d time.Duration) time.Duration { return time.Duration(r.rng.Int64N(int64(d))) }

// killSometime lets the server run for a while and kills it: half of the times
// at any moment, and half within 2 ms after something was written to the WAL.
func (r *rig) killSometime() {
	time.Sleep(r.upTo(600 * time.Millisecond))
	if r.rng.IntN(2) == 0 {
		r.awaitWrite(time.Second)
		time.Sleep(r.upTo(2 * time.Millisecond))
	}
	r.kill()
}

// awaitWrite waits until the WAL has grown or its time has changed.
func (r *rig) awaitWrite(limit time.Duration) {
	look := func() (int64, time.Time) {
		info, err := os.Stat(filepath.Join(r.data, "pkgmeter.db-wal"))
		if err != nil {
			return -1, time.Time{}
		}
		return info.Size(), info.ModTime()
	}
	size, at := look()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Microsecond) {
		if s, a := look(); s != size || !a.Equal(at) {
			return
		}
	}
}

// killUnderLoad is the rig: kills, restarts, and a comparison at the end.
func killUnderLoad(t *testing.T, bin string, kills int) verdict {
	t.Helper()
	r := newRig(t, bin)
	var slowest time.Duration
	for range kills {
		r.killSometime()
		if r.rng.IntN(5) == 0 { // once more, in the middle of a start
			r.server = start(t, r.bin, r.data, r.addr)
			time.Sleep(r.upTo(100 * time.Millisecond))
			r.kill()
		}
		slowest = max(slowest, r.restart(t))
	}
	r.end(t)
	v := compare(t, r.data, r.oracle)
	t.Logf("load: %+v; slowest start %v", r.result, slowest.Round(time.Millisecond))
	fmt.Printf("kills=%d acked=%d stored=%d lost=%d double=%d\n", kills, v.acked, v.stored, v.lost, v.double)
	return v
}

func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	report(t, killUnderLoad(t, program(t), int(number(t, "KILLS", 20))))
}

// report fails the test for what a verdict holds, at most a screenful.
func report(t *testing.T, v verdict) {
	t.Helper()
	for _, w := range v.wrong[:min(len(v.wrong), 20)] {
		t.Error(w)
	}
	if v.acked == 0 {
		t.Error("nothing was acknowledged: this run proves nothing")
	}
}

func TestTheKillRigFindsAnAckBeforeTheCommit(t *testing.T) {
	t.Parallel()
	if v := killUnderLoad(t, mutant(t, ackBeforeCommit), 3); v.lost == 0 {
		t.Errorf("a server that answers before it commits passed: %+v", v)
	}
}

func TestTheKillRigFindsDroppedIDs(t *testing.T) {
	t.Parallel()
	if v := killUnderLoad(t, mutant(t, idsDropped), 3); v.double == 0 {
		t.Errorf("a server that ignores ids passed: %+v", v)
	}
}

// What a server that is told to stop has answered is stored, and what it has
// stored is answered but for connections that were just being closed.
func TestCleanStopLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, program(t))
	for range 3 {
		time.Sleep(200*time.Millisecond + r.upTo(400*time.Millisecond))
		r.stop(t)
		if log := r.tail(); strings.Contains(log, "connections were cut") {
			t.Errorf("the server cut connections:\n%s", log)
		}
		v := compare(t, r.data, r.oracle)
		report(t, v)
		t.Logf("acked=%d stored=%d unanswered=%d", v.acked, v.stored, v.unanswered)
		r.restart(t)
	}
	r.end(t)
	report(t, compare(t, r.data, r.oracle))
}
