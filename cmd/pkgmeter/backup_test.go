package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/backup"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// command runs a command line in this process.
func command(t *testing.T, out io.Writer, args ...string) (code int, stderr string) {
	t.Helper()
	var b strings.Builder
	a := &app{ctx: t.Context(), in: os.Stdin, out: out, err: &b, getenv: func(string) string { return "" }}
	code = a.run(args)
	return code, b.String()
}

// A manifest cannot be signed, but it can be compared with its database.
func TestAManifestOfAnotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if code, text := command(t, io.Discard, "demo", "--data", data, "--events", "100"); code != 0 {
		t.Fatal(text)
	}
	snap, err := sqlite.SnapshotOf(t.Context(), data, new(backup.Pace).Wait)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*backup.Manifest){
		"":          func(*backup.Manifest) {},
		"schema":    func(m *backup.Manifest) { m.Schema-- },
		"newer":     func(m *backup.Manifest) { m.Schema++ },
		"ledger_id": func(m *backup.Manifest) { m.LedgerID += "x" },
		"epoch":     func(m *backup.Manifest) { m.Epoch++ },
		"position":  func(m *backup.Manifest) { m.Position++ },
		"events":    func(m *backup.Manifest) { m.Events-- },
	} {
		m := &backup.Manifest{Schema: snap.Schema, LedgerID: snap.LedgerID, Epoch: snap.Epoch, Position: snap.Position, Events: snap.Events}
		change(m)
		sources := []backup.Source{{Open: func() (io.ReadCloser, error) { return os.Open(filepath.Join(data, snap.Name)) }}}
		if err := backup.Seal(t.Context(), m, sources); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := backup.Write(t.Context(), &b, m, sources, nil); err != nil {
			t.Fatal(err)
		}
		file, restored := filepath.Join(dir, "file"), filepath.Join(dir, "restored"+name)
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		code, text := command(t, io.Discard, "restore", file, "--data", restored)
		_, err := os.Stat(restored)
		if wantCode := min(len(name), 1); code != wantCode || (err == nil) != (name == "") {
			t.Errorf("%s changed: exit code %d, %v, %s", name, code, err, text)
		}
		if name != "" && !strings.Contains(text, "the backup is refused") {
			t.Errorf("%s changed: %s", name, text)
		}
	}
}

// Other commands end well when the reader of their output leaves; a backup that
// was not read to its end is none.
func TestABackupToAReaderThatLeavesFails(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if code, text := command(t, io.Discard, "demo", "--data", data, "--events", "100"); code != 0 {
		t.Fatal(text)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	code, text := command(t, w, "backup", "-", "--data", data)
	if code != exitFailure || !strings.Contains(text, "standard output has no backup") {
		t.Errorf("exit code %d, %s", code, text)
	}
	if left, err := filepath.Glob(filepath.Join(data, "snapshot-*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestALongCallEndsWithItsServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, stop := context.WithCancel(t.Context())
		h := until(server, func(ctx context.Context, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		time.AfterFunc(time.Second, stop)
		if _, err := h(t.Context(), nil); err == nil || err.Error() != "the server stops" {
			t.Error(err)
		}
		wrong := errors.New("wrong")
		h = until(t.Context(), func(context.Context, json.RawMessage) (any, error) { return 7, wrong })
		if v, err := h(t.Context(), nil); v != 7 || !errors.Is(err, wrong) {
			t.Error(v, err)
		}
	})
}

// The server makes one copy at a time, and drops it when the command goes.
func TestOneSnapshotAtATime(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	store, err := sqlite.Open(t.Context(), data, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	snapshot := snapshotCall(store)
	slow, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := snapshot(slow, json.RawMessage(`{"rate":1}`))
		ended <- err
	}()
	for { // until the first one has begun
		if left, err := filepath.Glob(filepath.Join(data, "snapshot-*")); err != nil || len(left) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := snapshot(t.Context(), json.RawMessage(`{}`)); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
		t.Errorf("a second one: %v", err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first one: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(data, "snapshot-*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if v, err := snapshot(t.Context(), json.RawMessage(`{}`)); err != nil {
		t.Errorf("the next one: %v, %v", v, err)
	}
}

// What a server answered that is not about this folder's file is not taken.
func TestASnapshotOfAnotherFolderIsRefused(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if code, text := command(t, io.Discard, "demo", "--data", data, "--events", "100"); code != 0 {
		t.Fatal(text)
	}
	lock, err := control.TryLock(data)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	snap, err := sqlite.SnapshotOf(t.Context(), data, new(backup.Pace).Wait)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{ctx: t.Context(), data: data}
	other := snap
	other.Events++
	if _, err := a.take(other); err == nil || !strings.Contains(err.Error(), "is --data the folder of the running server?") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(data, snap.Name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
	if _, err := a.take(snap); err == nil {
		t.Error(fmt.Errorf("a copy that is gone was taken"))
	}
}
