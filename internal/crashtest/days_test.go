//go:build unix

package crashtest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// rowByRow publishes a day line by line, and what proves it whole at the end.
var rowByRow = mutation{
	file: "internal/sqlite/usedays.go",
	old:  "func (s *Store) PublishUseDay(ctx context.Context, day pkgmeter.Day, body []byte) error {\n",
	new: `func (s *Store) PublishUseDay(ctx context.Context, day pkgmeter.Day, body []byte) error {
	lines := strings.SplitAfter(string(body), "\n")
	for n := range lines {
		err := s.update(ctx, func(ctx context.Context, w *writer) error {
			_, err := w.conn.ExecContext(ctx, "UPDATE day_file SET body = ?, sha256 = zeroblob(32) WHERE day = ?", []byte(strings.Join(lines[:n], "")), int64(day))
			return err
		})
		if err != nil {
			return err
		}
	}
`,
	also: " AND body IS NULL`,\n", alsoInstead: "`,\n",
}

// useDays is how many days wait to be published, each with usePackages lines.
const useDays, usePackages = 30, 40

// newUse makes a data folder in which days wait to be published, and returns the
// first of them.
func newUse(t *testing.T, data string) pkgmeter.Day {
	t.Helper()
	now := time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC)
	first := pkgmeter.DayOf(now)
	lock, err := control.TryLock(data)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{Rule: rule.Number, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for day := range useDays {
		report := &pkgmeter.AppReport{App: fmt.Sprint("app", day)}
		for i := range usePackages {
			report.Packages = append(report.Packages, pkgmeter.AppPackage{Package: fmt.Sprintf("pkg:meteor/some%d", i), Version: fmt.Sprintf("1.%d.0", day), Direct: i%2 == 0})
		}
		if err := (sqlite.UseWriter{Store: store}).Write(t.Context(), []*pkgmeter.AppReport{report}); err != nil {
			t.Fatal(err)
		}
		now = now.AddDate(0, 0, 1)
	}
	return first
}

// publishedDays returns how many of the days are published, and what is wrong
// with them: a day is there whole, and the days before it too, or not at all.
func publishedDays(t *testing.T, data string, first pkgmeter.Day) (n int, wrong []string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	err = store.EachUseDay(t.Context(), func(d pkgmeter.UseDay) error {
		if d.Day < first {
			return nil
		}
		n++
		got, err := store.PublishedUse(t.Context(), d.Day)
		if err != nil {
			return err
		}
		uses, err := store.UseOfDay(t.Context(), d.Day)
		if err != nil {
			return err
		}
		want, err := daily.Body(uses)
		if err == nil && !bytes.Equal(got.Body, want) || len(uses) != usePackages {
			wrong = append(wrong, fmt.Sprintf("the file of %s has %d lines, the store knows %d adds", d.Day, bytes.Count(got.Body, []byte("\n")), len(uses)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := store.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return n, append(wrong, report.Problems...)
}

// killPublish kills the job that publishes days, again and again, and lets it
// get through at the end.
func killPublish(t *testing.T, bin string, kills int) (wrong []string) {
	t.Helper()
	rng, killed := seeded(t), 0
	for try := 0; killed < kills && len(wrong) == 0; try++ {
		if try > 10*kills {
			t.Fatalf("only %d jobs of %d were killed: this run proves nothing", killed, try)
		}
		data := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		first := newUse(t, data)
		for n := 0; n < useDays && len(wrong) == 0; {
			before := n
			cmd := publishCommand(bin, data, first)
			if killed < kills && killSoon(t, cmd, data, rng) {
				killed++
			} else if out, err := publishCommand(bin, data, first).CombinedOutput(); err != nil {
				t.Fatalf("publish-stats: %v: %s", err, out)
			}
			if n, wrong = publishedDays(t, data, first); n < before {
				wrong = append(wrong, fmt.Sprintf("%d days are published after %d", n, before))
			}
		}
	}
	return wrong
}

func publishCommand(bin, data string, first pkgmeter.Day) *exec.Cmd {
	cmd := exec.Command(bin, "publish-stats", "--data", data)
	cmd.Env = append(os.Environ(), "PKGMETER_NOW="+(first+useDays).Start().Add(time.Hour).Format(time.RFC3339))
	return cmd
}

// killSoon kills a job soon after it wrote something, and reports whether it was
// still at work.
func killSoon(t *testing.T, cmd *exec.Cmd, data string, rng *rand.Rand) bool {
	t.Helper()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range rng.IntN(8) {
		(&rig{data: data}).awaitWrite(50 * time.Millisecond)
	}
	time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Millisecond))))
	cmd.Process.Kill()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("publish-stats: %v: %s", err, out.String())
	}
	return err != nil
}

func TestAKilledDailyJobPublishesWholeDays(t *testing.T) {
	t.Parallel()
	kills := int(number(t, "KILLS", 10))
	for _, w := range killPublish(t, program(t), kills) {
		t.Error(w)
	}
}

func TestTheDailyRigFindsDaysThatArePublishedRowByRow(t *testing.T) {
	t.Parallel()
	if wrong := killPublish(t, mutant(t, rowByRow), 40); len(wrong) == 0 {
		t.Error("a job that publishes row by row passed")
	} else {
		t.Logf("found: %s", wrong[0])
	}
}
