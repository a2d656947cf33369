//go:build unix

package intake_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/intake"
)

// dated makes n rotated files of a log, each a second younger than the one before,
// and returns their names, the youngest first.
func dated(t *testing.T, log string, n int) (names []string) {
	t.Helper()
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		name := log + day.AddDate(0, 0, i).Format("-20060102")
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := day.Add(time.Duration(i) * time.Second)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	slices.Reverse(names)
	return names
}

func TestOfManyRotatedFilesOnlyTheYoungestAreOpened(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "a.log")
	names := dated(t, log, 500)
	var opened []string
	got, err := intake.Rotated(log, func(name string) (*os.File, error) {
		opened = append(opened, name)
		return os.Open(name)
	})
	if want := names[:intake.MaxRotated]; err != nil || !slices.Equal(got, want) || !slices.Equal(opened, want) {
		t.Errorf("of %d files %d were opened, and %d are looked at: %v", len(names), len(opened), len(got), err)
	}
}

func TestARotatedFileIsLeftOutOnlyIfItIsNotOursOrGone(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "a.log")
	names := dated(t, log, 3)
	for fails, left := range map[error]bool{fs.ErrPermission: true, fs.ErrNotExist: true, syscall.EMFILE: false, syscall.EIO: false} {
		got, err := intake.Rotated(log, func(name string) (*os.File, error) {
			if name == names[1] {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fails}
			}
			return os.Open(name)
		})
		if want := []string{names[0], names[2]}; left && (err != nil || !slices.Equal(got, want)) || !left && (!errors.Is(err, fails) || got != nil) {
			t.Errorf("%v: %q, %v", fails, got, err)
		}
	}
}

// In a process of its own, which may have few files open.
func TestARotatedFileThatCannotBeOpenedNowIsReadLater(t *testing.T) {
	t.Parallel()
	const own = "PKGMETER_TEST_FEW_FILES"
	if os.Getenv(own) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
		cmd.Env = append(os.Environ(), own+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	var m memory
	l := newLogger(t, filepath.Join(t.TempDir(), "a.log"), rand.New(rand.NewPCG(23, 24)))
	m.leave(t, l)
	// There is room for the log, and for one of the two that it was.
	free := fillFiles(t, 2)
	in := m.intake()
	in.Now = func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var notes []string
	_, err := intake.Follow(ctx, []string{l.name}, intake.FollowOptions{
		Open: func() (intake.Taker, func() error, error) {
			return in, func() error {
				if m.stored() == l.n {
					cancel()
				}
				return nil
			}, nil
		},
		Note: func(text string) {
			notes = append(notes, text)
			free()
		},
		Every: time.Millisecond,
	})
	if err != nil || len(notes) == 0 || !strings.Contains(notes[0], "too many open files") {
		t.Errorf("%v, %q", err, notes)
	}
	m.once(t, l)
}

// fillFiles opens as many files as the process may have but for a few, until free
// is called.
func fillFiles(t *testing.T, but int) (free func()) {
	t.Helper()
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var all []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		all = append(all, f)
	}
	free = func() {
		for _, f := range all {
			_ = f.Close()
		}
		all = nil
	}
	if len(all) < but {
		t.Fatal("too many files are open")
	}
	for _, f := range all[:but] {
		_ = f.Close()
	}
	all = all[but:]
	return free
}
