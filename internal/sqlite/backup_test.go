package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

func noPace(ctx context.Context, _ int) error { return ctx.Err() }

// settled makes a folder of a snapshot, as a restore does.
func settled(t *testing.T, dir string, snap sqlite.Snapshot) (restored string) {
	t.Helper()
	path := filepath.Join(dir, snap.Name)
	if got, err := sqlite.Verify(t.Context(), path); err != nil || got != snap {
		t.Fatalf("%+v, %v, want %+v", got, err, snap)
	}
	restored = t.TempDir()
	if err := os.Rename(path, filepath.Join(restored, sqlite.FileName)); err != nil {
		t.Fatal(err)
	}
	return restored
}

// group is a delivery of five events whose ids say which delivery it is.
func group(n int) []pkgmeter.Entry {
	var entries []pkgmeter.Entry
	for i := range 5 {
		path := fmt.Sprintf("com/acme/a%d/1.%d/a%d-1.%d.jar", n%300, i, n%300, i)
		entries = append(entries, withID(entry(path, noon), fmt.Sprintf("%d-%d", n, i)))
	}
	return entries
}

// deliveries returns how many groups of [group] there are, and fails if one is
// not whole or if one is missing in between.
func deliveries(t *testing.T, s *sqlite.Store) int {
	t.Helper()
	parts := map[string]int{}
	err := s.Events(t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		n, _, _ := strings.Cut(e.ID, "-")
		parts[n]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(parts) {
		if parts[fmt.Sprint(n)] != 5 {
			t.Errorf("delivery %d has %d of 5 events", n, parts[fmt.Sprint(n)])
		}
	}
	return len(parts)
}

// While pages are copied, others write, copy the WAL, begin it anew and pack:
// what comes of it is the state at one moment.
func TestASnapshotIsConsistentUnderWrites(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	n := 0
	more := func(times int) {
		for range times {
			write(t, s, noon, group(n)...)
			n++
		}
	}
	more(100)
	if err := s.SetSetting(t.Context(), "large", bytes.Repeat([]byte("x"), 5<<20)); err != nil {
		t.Fatal(err)
	}
	before, steps := n, 0
	c.at = noon.Add(26 * time.Hour) // the day of the events can be packed
	snap, err := s.Snapshot(t.Context(), func(ctx context.Context, _ int) error {
		if steps++; steps < 20 || steps%10 == 0 {
			more(2)
		}
		switch steps {
		case 3, 9:
			return s.Checkpoint(ctx)
		case 6:
			return s.Pack(ctx)
		case 12:
			return s.SetSetting(ctx, "large", bytes.Repeat([]byte("y"), 38<<20)) // beyond the WAL's size
		case 13:
			return s.Checkpoint(ctx)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps < 20 {
		t.Errorf("only %d steps", steps)
	}
	more(10)
	if snap.Events < int64(5*before) || snap.Events > int64(5*n) || snap.LedgerID != s.LedgerID() || snap.Epoch != 1 || snap.Schema != sqlite.Schema() {
		t.Errorf("%+v, of %d to %d deliveries", snap, before, n)
	}
	restored := open(t, settled(t, dir, snap), c)
	if got := deliveries(t, restored); int64(5*got) != snap.Events {
		t.Errorf("%d deliveries, %+v", got, snap)
	}
	if got := hits(t, restored, c.at); got != snap.Events {
		t.Errorf("%d hits of %d events", got, snap.Events)
	}
	if v, err := restored.Setting(t.Context(), "large"); err != nil || len(v) != 38<<20 || v[0] != 'y' {
		t.Errorf("%d bytes, %v", len(v), err)
	}
	// The id of the last delivery in the copy is known there.
	if d := write(t, restored, noon, group(int(snap.Events)/5-1)...); d.Known != 5 {
		t.Errorf("%d of 5 ids are known", d.Known)
	}
	if got := deliveries(t, s); got != n {
		t.Errorf("the original has %d deliveries, want %d", got, n)
	}
}

func TestASnapshotThatIsCutLeavesNothing(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	for n := range 60 {
		write(t, s, noon, group(n)...)
	}
	wrong := errors.New("wrong")
	if _, err := s.Snapshot(t.Context(), func(context.Context, int) error { return wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Snapshot(ctx, noPace); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "snapshot-*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	// The writer is as it was, and another copy can be made.
	write(t, s, noon, group(60)...)
	snap, err := s.Snapshot(t.Context(), noPace)
	if err != nil || snap.Events != 61*5 {
		t.Fatalf("%+v, %v", snap, err)
	}
	if info, err := os.Stat(filepath.Join(dir, snap.Name)); err != nil || info.Mode().Perm() != 0o600 || info.Size() != snap.Size {
		t.Errorf("%v, %v", info, err)
	}
	if err := sqlite.RemoveSnapshots(dir); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "snapshot-*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if got := deliveries(t, s); got != 61 {
		t.Errorf("%d deliveries", got)
	}
}

// A backup can go before an upgrade: an older schema is copied as it is.
func TestASnapshotDoesNotMigrate(t *testing.T) {
	t.Parallel()
	for schema := 1; schema < sqlite.Schema(); schema++ {
		dir := t.TempDir()
		unpackFixture(t, dir, schema)
		snap, err := sqlite.SnapshotOf(t.Context(), dir, noPace)
		if err != nil || snap.Schema != schema || snap.Events != int64(upgraded[schema].events) {
			t.Fatalf("schema %d: %+v, %v", schema, snap, err)
		}
		restored := settled(t, dir, snap)
		path := filepath.Join(restored, sqlite.FileName)
		if err := sqlite.Renew(t.Context(), path, noon); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{path, filepath.Join(dir, sqlite.FileName)} {
			if is, err := sqlite.Look(t.Context(), path); err != nil || is.Schema != schema {
				t.Errorf("%s has schema %d, want %d (%v)", path, is.Schema, schema, err)
			}
		}
		checkUpgraded(t, restored, schema)
	}
}

func unpackFixture(t *testing.T, dir string, schema int) {
	t.Helper()
	packed, err := os.ReadFile(fixture(schema))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := z.DecodeAll(packed, nil)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, sqlite.FileName), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestASnapshotOfWhatIsNoDataIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sqlite.SnapshotOf(t.Context(), dir, noPace); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, sqlite.FileName), bytes.Repeat([]byte("x"), 500), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.SnapshotOf(t.Context(), dir, noPace); !errors.Is(err, sqlite.ErrRefused) {
		t.Errorf("another file: %v", err)
	}
}

// Two restores of one backup must differ from each other, and from what the
// original has become.
func TestRenewChangesTheEpochEachTime(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	write(t, s, noon, group(0)...)
	snap, err := s.Snapshot(t.Context(), noPace)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(settled(t, dir, snap), sqlite.FileName)
	last := snap
	for _, at := range []time.Time{noon, noon, noon.Add(-time.Hour), noon.Add(time.Hour)} {
		if err := sqlite.Renew(t.Context(), path, at); err != nil {
			t.Fatal(err)
		}
		is, err := sqlite.Look(t.Context(), path)
		if err != nil || is.Epoch <= last.Epoch || is.LedgerID != snap.LedgerID || is.Events != snap.Events {
			t.Fatalf("%+v after %+v, %v", is, last, err)
		}
		last = is
	}
	if last.Epoch != noon.Add(time.Hour).UnixMilli() {
		t.Errorf("epoch %d", last.Epoch)
	}
	if left, err := filepath.Glob(path + "-*"); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	for n := range 100 {
		write(t, s, noon, group(n)...)
	}
	for name, damage := range map[string]string{
		"a changed row": `UPDATE ledger SET body = zeroblob(length(body)) WHERE pos = 50`,
		"a missing row": `DELETE FROM ledger WHERE pos = 50`,
		"another file":  `PRAGMA application_id = 7`,
	} {
		snap, err := s.Snapshot(t.Context(), noPace)
		if err != nil {
			t.Fatal(err)
		}
		restored := settled(t, dir, snap)
		db := raw(t, restored)
		if _, err := db.Exec(damage); err != nil {
			t.Fatal(err)
		}
		db.Close()
		if got, err := sqlite.Verify(t.Context(), filepath.Join(restored, sqlite.FileName)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	snap, err := s.Snapshot(t.Context(), noPace)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(settled(t, dir, snap), sqlite.FileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 8192; at < 4*8192; at += 8192 { // the beginnings of three pages
		copy(text[at:], "damaged!")
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := sqlite.Verify(t.Context(), path); err == nil {
		t.Errorf("damaged pages: %+v", got)
	}
}
