//go:build unix

package crashtest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// copyWithoutWAL takes the data file for all there is.
var copyWithoutWAL = mutation{
	file: "internal/sqlite/backup.go",
	old:  "	if err := from.copyTo(ctx, f, pace); err != nil {\n",
	new: `	in, err := os.Open(filepath.Join(dir, fileName))
	if err != nil {
		return snap, err
	}
	defer in.Close()
	if _, err := f.ReadFrom(in); err != nil {
`,
}

// slowly is a rate at which the copy of a rig's small file takes a while.
const slowly = "2" // MB a second

func (r *rig) backupCommand(file string) *exec.Cmd {
	return exec.Command(r.bin, "backup", file, "--data", r.data, "--rate", slowly, "--force")
}

// backUp makes a backup under the load and restores it. What it returns is
// what the restored folder has to hold: all that was acknowledged before the
// backup began, and nothing that was not sent when it had ended.
func (r *rig) backUp(t *testing.T, file string) (data string, sent load.Outcomes, err error) {
	t.Helper()
	before, err := load.ReadOracle(r.oracle)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := r.backupCommand(file).CombinedOutput(); err != nil {
		return "", sent, fmt.Errorf("backup: %w: %s", err, out)
	}
	after, err := load.ReadOracle(r.oracle)
	if err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(t.TempDir(), "restored")
	if out, err := restoreCommand(r.bin, file, data).CombinedOutput(); err != nil {
		return "", sent, fmt.Errorf("restore: %w: %s", err, out)
	}
	return data, between(before, after), nil
}

func restoreCommand(bin, file, data string) *exec.Cmd {
	return exec.Command(bin, "restore", file, "--data", data)
}

// between joins what an oracle said before and after a moment that is not known
// exactly: what was answered in between may be stored or not.
func between(before, after load.Outcomes) load.Outcomes {
	sent := load.Outcomes{IDs: map[string]load.Outcome{}}
	for id, outcome := range after.IDs {
		if outcome == load.Acked && before.IDs[id] != load.Acked {
			outcome = load.Unknown
		}
		sent.IDs[id] = outcome
	}
	sent.Plain[load.Acked] = before.Plain[load.Acked]
	sent.Plain[load.Unknown] = after.Plain[load.Acked] + after.Plain[load.Unknown] - before.Plain[load.Acked]
	return sent
}

func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t, program(t))
	time.Sleep(time.Second)
	for range number(t, "BACKUPS", 3) {
		data, sent, err := r.backUp(t, filepath.Join(t.TempDir(), "backup"))
		if err != nil {
			t.Fatal(err)
		}
		v := judge(t, data, sent)
		report(t, v)
		fmt.Printf("backup under load: acked before=%d stored=%d lost=%d double=%d\n", v.acked, v.stored, v.lost, v.double)
	}
	r.end(t)
	report(t, compare(t, r.data, r.oracle))
}

func TestTheBackupRigFindsACopyWithoutTheWAL(t *testing.T) {
	t.Parallel()
	r := newRig(t, mutant(t, copyWithoutWAL))
	time.Sleep(time.Second)
	for range 5 {
		data, sent, err := r.backUp(t, filepath.Join(t.TempDir(), "backup"))
		if err != nil {
			t.Logf("found at once: %v", err)
			return
		}
		if v := judge(t, data, sent); v.lost > 0 {
			t.Logf("found: %+v", v)
			return
		}
	}
	t.Error("five copies without the WAL passed")
}

// A backup, or the server that it works with, is killed at any moment: the
// server's folder is as good as before, and a file that has its name is whole.
func TestKillDuringBackup(t *testing.T) {
	t.Parallel()
	r := newRig(t, program(t))
	time.Sleep(time.Second)
	file := filepath.Join(t.TempDir(), "backup")
	began := time.Now()
	if out, err := r.backupCommand(file).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	took := time.Since(began)
	for n := range number(t, "BACKUP_KILLS", 10) {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		cmd := r.backupCommand(file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(r.upTo(took))
		if n%3 == 2 {
			r.kill()
			cmd.Wait()
			r.restart(t)
		} else {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if _, err := os.Stat(file); err == nil {
			data := filepath.Join(t.TempDir(), "restored")
			if out, err := restoreCommand(r.bin, file, data).CombinedOutput(); err != nil {
				t.Errorf("a file that has its name is not whole: %v, %s", err, out)
			}
		}
		onlyKnown(t, r.data)
	}
	r.end(t)
	report(t, compare(t, r.data, r.oracle))
	r.restart(t)
	if left, err := filepath.Glob(filepath.Join(r.data, "snapshot-*")); len(left) > 0 || err != nil {
		t.Errorf("left after a start: %v, %v", left, err)
	}
}

// onlyKnown fails if there is a file in the data folder that nobody would look
// after.
func onlyKnown(t *testing.T, data string) {
	t.Helper()
	for _, name := range names(t, data) {
		known := []string{"lock", "control.sock", "pkgmeter.db", "pkgmeter.db-wal", "pkgmeter.db-shm", "blobs"}
		if left, err := filepath.Match("snapshot-*.tmp", name); !slices.Contains(known, name) && !left || err != nil {
			t.Errorf("%s is in the data folder (%v)", name, err)
		}
	}
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A restore is killed at any moment: where there is a data file at all it is
// whole, and the same restore can be run again.
func TestKillDuringRestore(t *testing.T) {
	t.Parallel()
	r := newRig(t, program(t))
	time.Sleep(3 * time.Second)
	r.end(t)
	file := filepath.Join(t.TempDir(), "backup")
	if out, err := r.backupCommand(file).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	want, err := sqlite.Look(t.Context(), filepath.Join(r.data, "pkgmeter.db"))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if out, err := restoreCommand(r.bin, file, filepath.Join(t.TempDir(), "restored")).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	took := time.Since(began)
	early := 0
	for n := range number(t, "BACKUP_KILLS", 10) {
		dir := t.TempDir()
		data := filepath.Join(dir, "data")
		if n%2 == 1 {
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		cmd := restoreCommand(r.bin, file, data)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(r.upTo(took))
		cmd.Process.Kill()
		cmd.Wait()
		if !wholeOrNone(t, dir, want) {
			early++
			if out, err := restoreCommand(r.bin, file, data).CombinedOutput(); err != nil {
				t.Errorf("the same again: %v, %s", err, out)
			}
		}
		if !wholeOrNone(t, dir, want) {
			t.Error("restored twice, and nothing is there")
		}
		if got := names(t, data); !slices.Equal(got, []string{"lock", "pkgmeter.db"}) {
			t.Errorf("the restored folder has %v", got)
		}
	}
	t.Logf("%d were killed before their end, which takes %v", early, took)
	report(t, compare(t, r.data, r.oracle))
}

// wholeOrNone reports whether the data file is in its place, and fails if there
// is one anywhere that is not whole.
func wholeOrNone(t *testing.T, dir string, want sqlite.Snapshot) (there bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != sqlite.FileName {
			return err
		}
		there = there || filepath.Base(filepath.Dir(path)) == "data"
		got, err := sqlite.Verify(t.Context(), path)
		if err != nil || got.Events != want.Events || got.LedgerID != want.LedgerID || got.Epoch <= want.Epoch {
			t.Errorf("%s: %+v, %v, want %+v", strings.TrimPrefix(path, dir), got, err, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}
