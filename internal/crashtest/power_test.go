//go:build linux

package crashtest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// cuts returns the steps after which the power may go: before and after the end
// of each sync, and after each answer.
func cuts(steps []step) (at []int) {
	for i, s := range steps {
		switch s.kind {
		case synced:
			at = append(at, i-1, i)
		case answers:
			at = append(at, i)
		}
	}
	return slices.Compact(at)
}

// An outage is what the images of a recording came to.
type outage struct {
	images, acked, unsynced int
	wrong                   []string
}

// cutPower makes images of what a power cut would leave, and looks at each. How
// many of each moment is for the caller to say, and with which fates.
func cutPower(t *testing.T, r *recording, rng *rand.Rand, chosen map[int][]fate) (o outage) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	d, acked := newDisk(), map[string]bool{}
	for i := range r.steps {
		s := &r.steps[i]
		d.do(s)
		if s.kind == answers && (s.status == 200 || s.status == 400 && !good(s.key)) {
			acked[s.key] = true
		}
		for _, how := range chosen[i] {
			o.images++
			o.acked += len(acked)
			if d.loose() {
				o.unsynced++
			}
			dir := inMemory(t)
			if err := d.image(rng, how, r.dir, dir); err != nil {
				t.Fatal(err)
			}
			known := maps.Clone(acked)
			what := fmt.Sprintf("power cut after step %d of %d (%d acknowledged, %s of what was not synced is there)", i+1, len(r.steps), len(acked), how.name)
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				wrong := r.lookAt(t, dir, known)
				os.RemoveAll(dir)
				mu.Lock()
				defer mu.Unlock()
				for _, w := range wrong {
					o.wrong = append(o.wrong, what+": "+w)
				}
			})
		}
	}
	wg.Wait()
	return o
}

// anyMoments chooses so many images: each moment once, in an order of chance,
// then again, and one fate after another.
func anyMoments(rng *rand.Rand, steps []step, images int) map[int][]fate {
	all, chosen := cuts(steps), map[int][]fate{}
	for n := 0; n < images && len(all) > 0; {
		for _, i := range rng.Perm(len(all))[:min(len(all), images-n)] {
			chosen[all[i]] = append(chosen[all[i]], fates[n%len(fates)])
			n++
		}
	}
	return chosen
}

// inMemory makes a folder whose syncs cost nothing, where there is one.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "crashtest")
	if err != nil {
		dir, err = os.MkdirTemp(scratch, "memory")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// lookAt opens what a power cut left and returns what is wrong with it.
func (r *recording) lookAt(t *testing.T, dir string, acked map[string]bool) (wrong []string) {
	t.Helper()
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{Rule: rule.Number})
	if err != nil {
		complain("it does not open: %v", err)
		return wrong
	}
	defer store.Close()
	doctor := func(when string) {
		report, err := store.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
		if err != nil {
			complain("doctor %s: %v", when, err)
		} else if len(report.Problems) > 0 {
			complain("doctor %s: %s", when, strings.Join(report.Problems, "; "))
		}
	}
	doctor("at once")
	held, bad := 0, 0
	items, err := store.Held(t.Context(), 0, 100_000)
	if err != nil {
		complain("quarantine: %v", err)
	}
	there := map[string]bool{}
	for _, item := range items {
		key, _, _ := strings.Cut(string(item.Body), " ")
		there[key] = true
		held++
	}
	catalogWhole(t.Context(), store, dir, acked, complain)
	times := storedIDs(t, store, complain)
	for key, ok := range acked {
		if ok && (good(key) && times[key] == 0 || !good(key) && !there[key]) {
			bad++
		}
	}
	if bad > 0 {
		complain("%d of %d acknowledged are lost", bad, len(acked))
	}
	d := &pkgmeter.Delivery{Received: time.Now()}
	events := 0
	for key := range r.sent {
		if !good(key) {
			continue
		}
		events++
		d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{
			ID: key, Source: hook.CallbackSource, Path: "com/acme/app/1.0/app-1.0.jar", Time: d.Received, Op: pkgmeter.Get, Status: 200,
		}))
	}
	if err := store.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		complain("writing to it: %v", err)
	}
	times = storedIDs(t, store, complain)
	for key, n := range times {
		if n > 1 || !r.sent[key] {
			complain("%s is stored %d times", key, n)
		}
	}
	if len(times) != events {
		complain("%d events are there of %d that were sent again", len(times), events)
	}
	doctor("after everything was sent again")
	return wrong
}

// storedIDs returns how often each id is stored that came to the webhook: the
// server counts uploads by itself.
func storedIDs(t *testing.T, store *sqlite.Store, complain func(string, ...any)) map[string]int {
	times := map[string]int{}
	err := store.Events(t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		if e.Source == hook.CallbackSource {
			times[e.ID]++
		}
		return nil
	})
	if err != nil {
		complain("ledger: %v", err)
	}
	return times
}

func TestPowerCuts(t *testing.T) {
	t.Parallel()
	images, rng := int(number(t, "IMAGES", 64)), seeded(t)
	r := record(t, program(t), acks(t))
	o := cutPower(t, r, rng, anyMoments(rng, r.steps, images))
	o.report(t)
	if o.images < images || o.acked == 0 || o.unsynced < images/4 {
		t.Errorf("this run proves nothing: %d images, %d with something to lose", o.images, o.unsynced)
	}
}

// A file of which nothing but the first page's second half is on disk was taken
// for another program's.
func TestPowerCutsOfTheVeryFirstStart(t *testing.T) {
	t.Parallel()
	r := record(t, program(t), acks(t))
	chosen := map[int][]fate{}
	for _, at := range cuts(r.steps)[:10] {
		chosen[at] = slices.Repeat(fates, 2)
	}
	o := cutPower(t, r, seeded(t), chosen)
	o.report(t)
	if o.unsynced < 50 {
		t.Errorf("this run proves nothing: %d images, %d with something to lose", o.images, o.unsynced)
	}
}

func (o outage) report(t *testing.T) {
	t.Helper()
	for _, w := range o.wrong[:min(len(o.wrong), 20)] {
		t.Error(w)
	}
	fmt.Printf("power cuts: images=%d with something unsynced=%d wrong=%d\n", o.images, o.unsynced, len(o.wrong))
}

func TestPowerCutsFindAMissingSync(t *testing.T) {
	t.Parallel()
	findLoss(t, syncNormal)
}

func TestPowerCutsFindAnAckBeforeTheCommit(t *testing.T) {
	t.Parallel()
	findLoss(t, ackBeforeCommit)
}

func TestPowerCutsFindAQuarantineThatIsNotSynced(t *testing.T) {
	t.Parallel()
	findLoss(t, quarantineLater)
}

func findLoss(t *testing.T, m mutation) {
	t.Helper()
	rng, r := seeded(t), record(t, mutant(t, m), fewAcks)
	o := cutPower(t, r, rng, anyMoments(rng, r.steps, 40))
	if !slices.ContainsFunc(o.wrong, func(w string) bool { return strings.Contains(w, "are lost") }) {
		t.Errorf("a program with that fault passed: %+v", o)
		return
	}
	t.Logf("found: %s", o.wrong[0])
}
