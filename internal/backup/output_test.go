package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/backup"
)

func TestAnOutputHasItsNameOnceItIsComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "b.tar.zst")
	if err := os.WriteFile(path+".partial", []byte("left by a killed backup, and longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := backup.Create(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Create(path, true); err == nil || !strings.Contains(err.Error(), "another backup is writing") {
		t.Errorf("two at once: %v", err)
	}
	fmt.Fprint(o, "one")
	untouched(t, dir, "b.tar.zst.partial")
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	untouched(t, dir, "b.tar.zst")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 3 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := backup.Create(path, false); err == nil || !strings.Contains(err.Error(), "is there already: give another name, or --force") {
		t.Error(err)
	}
	o, err = backup.Create(path, true)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(o, "two")
	if text, err := os.ReadFile(path); string(text) != "one" || err != nil {
		t.Errorf("overwritten before the end: %q, %v", text, err)
	}
	if err := o.Abort(); err != nil {
		t.Error(err)
	}
	untouched(t, dir, "b.tar.zst")
	if _, err := backup.Create(dir, true); err == nil || !strings.Contains(err.Error(), "is no ordinary file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestAFileThatComesMeanwhileIsNotOverwritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "b")
	o, err := backup.Create(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); string(text) != "theirs" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	untouched(t, filepath.Dir(path), "b")
}

func TestAPaceHoldsItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := backup.Pace{Rate: 1000}
		began := time.Now()
		for range 50 {
			if err := p.Wait(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Millisecond); took != 5*time.Second {
			t.Errorf("5,000 bytes took %v", took)
		}
		time.Sleep(time.Minute)
		began = time.Now()
		for range 20 {
			if err := p.Wait(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Millisecond); took != 2*time.Second {
			t.Errorf("after a pause, 2,000 bytes took %v: lost time was made up for", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := new(backup.Pace).Wait(t.Context(), 1<<40); err != nil {
			t.Error(err)
		}
	})
}
