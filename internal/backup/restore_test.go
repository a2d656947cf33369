package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/backup"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

func bucket(t *testing.T) (*blob.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bucket")
	s, err := blob.Bucket(t.Context(), "file://"+filepath.ToSlash(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

// stored counts the bytes that are whole in a store, and fails at others.
func stored(t *testing.T, s *blob.Store) (n int) {
	t.Helper()
	err := s.Each(t.Context(), func(b pkgmeter.Blob, _ time.Time) error {
		n++
		return s.Check(t.Context(), b.SHA256)
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestBytesGoIntoABucket(t *testing.T) {
	t.Parallel()
	packed := archive(t)
	s, dir := bucket(t)
	data := filepath.Join(t.TempDir(), "data")
	to := backup.Options{Schema: schema, Blobs: s}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(packed), data, to); err != nil {
		t.Fatal(err)
	}
	untouched(t, data, "lock", backup.Database)
	if n := stored(t, s); n != len(contents) {
		t.Errorf("%d of %d are there", n, len(contents))
	}

	// The bucket has survived the data folder, but not all of its bytes.
	for i, damage := range []func(path string) error{
		os.Remove,
		func(path string) error { return nil },
		func(path string) error { return os.Truncate(path, 10) },
		func(path string) error { return os.WriteFile(path, noise(200_000, 4), 0o600) },
	} {
		digest := digestOf(contents[i])
		if err := damage(filepath.Join(dir, digest[:2], digest[2:4], digest)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(packed), filepath.Join(t.TempDir(), "data"), to); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, s); n != len(contents) {
		t.Errorf("%d of %d are repaired", n, len(contents))
	}
}

// What came whole stays in a bucket: another data folder may refer to it.
func TestACutArchiveLeavesWholeBytesInABucket(t *testing.T) {
	t.Parallel()
	packed := archive(t)
	for cut := 1; cut < len(packed); cut += len(packed)/7 + 1 {
		s, dir := bucket(t)
		parent := t.TempDir()
		_, err := backup.Restore(t.Context(), bytes.NewReader(packed[:cut]), filepath.Join(parent, "data"), backup.Options{Schema: schema, Blobs: s})
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("cut at %d: %v", cut, err)
		}
		untouched(t, parent)
		if n := stored(t, s); n == len(contents) {
			t.Errorf("cut at %d, and all is there", cut)
		}
		if left, err := os.ReadDir(filepath.Join(dir, "tmp")); len(left) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

// A disk that is full is no damage of the archive.
func TestAStoreThatFailsIsNotTakenForADamagedArchive(t *testing.T) {
	t.Parallel()
	s, dir := bucket(t)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	_, err := backup.Restore(t.Context(), bytes.NewReader(archive(t)), filepath.Join(parent, "data"), backup.Options{Schema: schema, Blobs: s})
	if err == nil || strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
	untouched(t, parent)
}

func TestBytesThatAreNotAsTheDatabaseSaysAreNamed(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		content string // nothing: it is removed
		want    string
	}{
		"missing": {"", "there are no such bytes"},
		"cut":     {"cont", "there are 4 bytes, and the database says 7"},
		"damaged": {"comment", "the bytes do not have the digest of their name"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, dir := bucket(t)
			b, err := s.Put(t.Context(), strings.NewReader("content"), 100)
			if err != nil {
				t.Fatal(err)
			}
			digest := digestOf([]byte("content"))
			path := filepath.Join(dir, digest[:2], digest[2:4], digest)
			if c.content == "" {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, []byte(c.content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			m, sources := manifest(), []backup.Source{data(database), backup.Bytes(t.Context(), &s.Reader, b)}
			if err := backup.Seal(t.Context(), m, sources); err != nil {
				t.Fatal(err)
			}
			var packed bytes.Buffer
			err = backup.Write(t.Context(), &packed, m, sources, nil)
			if err == nil || !strings.Contains(err.Error(), "back up blobs/"+digest+": ") || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
			refuses(t, what, packed.Bytes())
		})
	}
}

// The rate of a backup is that of all of its bytes.
func TestAllBytesArePaced(t *testing.T) {
	t.Parallel()
	m, sources := manifest(), sources(t)
	if err := backup.Seal(t.Context(), m, sources); err != nil {
		t.Fatal(err)
	}
	paced := 0
	err := backup.Write(t.Context(), io.Discard, m, sources, func(n int) error {
		paced += n
		return nil
	})
	if err != nil || int64(paced) != m.Bytes() || m.Blobs() != len(contents) {
		t.Errorf("%d of %d bytes, %d files: %v", paced, m.Bytes(), m.Blobs(), err)
	}
}

// It is alone: memory is counted for all tests together.
func TestLargeFilesAreNotInMemory(t *testing.T) { //nolint:paralleltest // see above
	if testing.Short() {
		t.Skip("it writes 512 MB")
	}
	const size = 256 << 20
	dir := t.TempDir()
	s, err := blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Put(t.Context(), io.LimitReader(zeros{}, size), size)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	packed := archiveOf(t, []backup.Source{data(database), backup.Bytes(t.Context(), &s.Reader, b)})
	if _, err := restore(t, packed, filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > size/4 {
		t.Errorf("%d MB were allocated for %d MB", used>>20, size>>20)
	} else {
		t.Logf("%d MB were allocated for %d MB", used>>20, size>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

const (
	victimFile = "BACKUP_TEST_FILE"
	victimData = "BACKUP_TEST_DATA"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(victimFile); file != "" {
		victim(file)
	}
	os.Exit(m.Run())
}

// victim restores and is killed.
func victim(file string) {
	packed, err := os.ReadFile(file)
	if err == nil {
		_, err = backup.Restore(context.Background(), bytes.NewReader(packed), os.Getenv(victimData), backup.Options{Schema: schema})
	}
	if err != nil {
		panic(err)
	}
	os.Exit(0)
}

// A restore that was killed is no data folder, and can be run again, whether the
// folder was there before or not.
func TestAKilledRestoreCanBeRunAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it kills 30 programs")
	}
	packed := archive(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(data string, kill time.Duration) time.Duration {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), victimFile+"="+file, victimData+"="+data)
		began := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if kill > 0 {
			time.Sleep(kill)
			cmd.Process.Kill()
		}
		cmd.Wait()
		return time.Since(began)
	}
	took := run(filepath.Join(dir, "first"), 0)
	early := 0
	for i := range 30 {
		data := filepath.Join(t.TempDir(), "data")
		if i%2 == 1 {
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		run(data, took*time.Duration(i+1)/30)
		if _, err := os.Stat(filepath.Join(data, backup.Database)); err == nil {
			sameFiles(t, data) // it was done, but for a folder that is empty
			continue
		}
		early++
		if unfinished, err := backup.Settle(data); i%2 == 1 && err != nil || i%2 == 0 && unfinished {
			t.Errorf("unfinished %v, %v", unfinished, err)
		}
		if _, err := restore(t, packed, data); err != nil {
			t.Errorf("the same again: %v", err)
			continue
		}
		sameFiles(t, data)
	}
	t.Logf("%d of 30 were killed before their end, which takes %v", early, took)
}
