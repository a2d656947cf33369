package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// each runs a test with a store in every place that there is.
func each(t *testing.T, test func(t *testing.T, s *blob.Store)) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (*blob.Store, error){
		"folder": func(t *testing.T) (*blob.Store, error) { return blob.Folder(filepath.Join(t.TempDir(), "a", "blobs")) },
		"fileblob": func(t *testing.T) (*blob.Store, error) {
			return blob.Bucket(t.Context(), "file://"+filepath.ToSlash(filepath.Join(t.TempDir(), "bucket")))
		},
		"memblob": func(t *testing.T) (*blob.Store, error) { return blob.Bucket(t.Context(), "mem://") },
		"s3":      openS3,
		"prefix":  func(t *testing.T) (*blob.Store, error) { return blob.Bucket(t.Context(), "mem://?prefix=packages/") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, s)
		})
	}
}

func folder(t *testing.T, dir string) *blob.Store {
	t.Helper()
	s, err := blob.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s *blob.Store, content string) pkgmeter.Blob {
	t.Helper()
	b, err := s.Put(t.Context(), strings.NewReader(content), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func get(t *testing.T, s *blob.Store, sum [32]byte) string {
	t.Helper()
	r, size, err := s.Open(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil || int64(len(content)) != size {
		t.Fatalf("%d of %d bytes: %v", len(content), size, err)
	}
	return string(content)
}

// list returns all that is there, in order.
func list(t *testing.T, s *blob.Store) (all []pkgmeter.Blob) {
	t.Helper()
	err := s.Each(t.Context(), func(b pkgmeter.Blob, stored time.Time) error {
		if age := time.Since(stored); age < -time.Minute || age > time.Hour {
			t.Errorf("stored at %v", stored)
		}
		all = append(all, b)
		return s.Check(t.Context(), b.SHA256)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b pkgmeter.Blob) int { return bytes.Compare(a.SHA256[:], b.SHA256[:]) })
	return all
}

func TestBytesAreFoundByTheirContent(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		var want []pkgmeter.Blob
		for _, content := range []string{"", "a", strings.Repeat("many ", 100_000)} {
			b := put(t, s, content)
			if b.SHA256 != sha256.Sum256([]byte(content)) || b.Size != int64(len(content)) {
				t.Errorf("%.10q: %x, %d bytes", content, b.SHA256, b.Size)
			}
			if got := get(t, s, b.SHA256); got != content {
				t.Errorf("%d bytes came back of %d", len(got), len(content))
			}
			if err := s.Check(t.Context(), b.SHA256); err != nil {
				t.Error(err)
			}
			want = append(want, b)
		}
		if got := list(t, s); len(got) != len(want) {
			t.Errorf("%d are listed, want %d", len(got), len(want))
		}
	})
}

func TestTheSameBytesAreStoredOnce(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if b, err := s.Put(t.Context(), strings.NewReader("same"), 100); err != nil || b.Size != 4 {
					t.Errorf("%v, %v", b, err)
				}
			})
		}
		wg.Wait()
		if n := len(list(t, s)); n != 1 {
			t.Errorf("%d are listed", n)
		}
	})
}

func TestBytesThatAreNotThereAreNotFound(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		b := put(t, s, "gone")
		for range 2 {
			if err := s.Delete(t.Context(), b.SHA256); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := s.Open(t.Context(), b.SHA256)
		if pkgmeter.CodeOf(err) != pkgmeter.NotFound {
			t.Errorf("Open: %v", err)
		}
		if err := s.Check(t.Context(), b.SHA256); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
			t.Errorf("Check: %v", err)
		}
	})
}

func TestTooManyBytesAreRefusedAndLeaveNothing(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		for content, code := range map[string]pkgmeter.Code{"1234": "", "12345": pkgmeter.TooLarge, strings.Repeat("x", 1<<20): pkgmeter.TooLarge} {
			_, err := s.Put(t.Context(), strings.NewReader(content), 4)
			if pkgmeter.CodeOf(err) != code || code != "" && !strings.Contains(pkgmeter.PublicMessage(err), "4 bytes") {
				t.Errorf("%d bytes: %v", len(content), err)
			}
		}
		if _, err := s.Put(t.Context(), strings.NewReader("1234"), math.MaxInt64); err != nil {
			t.Error(err)
		}
		if got := list(t, s); len(got) != 1 || got[0].Size != 4 {
			t.Errorf("%v is there", got)
		}
	})
}

func TestBytesThatBreakOffAreNeverSeen(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		content := make([]byte, 300<<10) // more than two buffers
		rand.NewChaCha8([32]byte{1}).Read(content)
		for i := range 100 {
			cut := len(content) * i / 100
			broken := io.MultiReader(bytes.NewReader(content[:cut]), iotest.ErrReader(fs.ErrPermission))
			if _, err := s.Put(t.Context(), broken, 1<<30); !errors.Is(err, fs.ErrPermission) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
		if got := list(t, s); len(got) != 0 {
			t.Errorf("%v is there", got)
		}
	})
}

func TestBytesAreNotSeenBeforeTheyAreKept(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		in, err := s.Receive(t.Context(), strings.NewReader("wait"), 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Open(t.Context(), in.Blob.SHA256); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
			t.Errorf("Open: %v", err)
		}
		if n := len(list(t, s)); n != 0 {
			t.Errorf("%d are listed", n)
		}
		if err := errors.Join(in.Keep(t.Context()), in.Discard()); err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, in.Blob.SHA256); got != "wait" {
			t.Errorf("%q", got)
		}
	})
}

func TestReceivingEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(strings.NewReader("some"), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }), strings.NewReader("more"))
		if _, err := s.Put(ctx, r, 100); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if n := len(list(t, s)); n != 0 {
			t.Errorf("%d are listed", n)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestARangeIsRead(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		content := strings.Repeat("0123456789", 50_000)
		b := put(t, s, content)
		r, _, err := s.Open(t.Context(), b.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		random := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			from := random.Int64N(b.Size + 1)
			n := random.Int64N(min(b.Size-from, 1000) + 1)
			whence := random.IntN(3)
			base := []int64{0, at(t, r), b.Size}[whence]
			if got, err := r.Seek(from-base, whence); err != nil || got != from {
				t.Fatalf("Seek to %d: %d, %v", from, got, err)
			}
			p := make([]byte, n)
			if _, err := io.ReadFull(r, p); err != nil || string(p) != content[from:from+n] {
				t.Fatalf("%d bytes from %d: %v", n, from, err)
			}
		}
		if _, err := r.Seek(-1, io.SeekStart); err == nil {
			t.Error("before the first byte")
		}
	})
}

func at(t *testing.T, r io.Seeker) int64 {
	t.Helper()
	n, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAFolderIsForItsOwnerAndHasNothingBesides(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "blobs")
	s := folder(t, dir)
	b := put(t, s, "x")
	put(t, s, "x")
	var got []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		got = append(got, fmt.Sprintf("%v %s", info.Mode(), filepath.ToSlash(strings.TrimPrefix(path, dir))))
		return err
	})
	hexed := hex.EncodeToString(b.SHA256[:])
	aa, bb := "/"+hexed[:2], "/"+hexed[2:4]
	want := []string{"drwx------ ", "drwx------ " + aa, "drwx------ " + aa + bb, "-rw------- " + aa + bb + "/" + hexed, "drwx------ /tmp"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
}

func path(dir string, b pkgmeter.Blob) string {
	n := hex.EncodeToString(b.SHA256[:])
	return filepath.Join(dir, n[:2], n[2:4], n)
}

func TestDamagedBytesAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := folder(t, dir)
	b := put(t, s, "right")
	if err := os.WriteFile(path(dir, b), []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), b.SHA256); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("%v", err)
	}
}

func TestCutBytesAreStoredAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := folder(t, dir)
	b := put(t, s, "right")
	if err := os.Truncate(path(dir, b), 2); err != nil {
		t.Fatal(err)
	}
	put(t, s, "right")
	if got := get(t, s, b.SHA256); got != "right" {
		t.Errorf("%q", got)
	}
}

// A folder's name that is taken by a file stops a store at its last steps.
func TestWhatCannotBeKeptLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, block := range map[string]func(path string) error{
		"the outer folder": func(path string) error { return os.WriteFile(filepath.Dir(filepath.Dir(path)), nil, 0o600) },
		"the inner folder": func(path string) error {
			return errors.Join(os.Mkdir(filepath.Dir(filepath.Dir(path)), 0o700), os.WriteFile(filepath.Dir(path), nil, 0o600))
		},
		"the file": func(path string) error { return os.MkdirAll(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := folder(t, dir)
			sum := pkgmeter.Blob{SHA256: sha256.Sum256([]byte("x"))}
			if err := block(path(dir, sum)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Put(t.Context(), strings.NewReader("x"), 100); err == nil {
				t.Error("stored")
			}
			if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
			if n := len(list(t, s)); n != 0 {
				t.Errorf("%d are listed", n)
			}
		})
	}
}

func TestAFolderForgetsWhatWasNotKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := folder(t, dir)
	b := put(t, s, "kept")
	if _, err := s.Receive(t.Context(), strings.NewReader("left"), 100); err != nil {
		t.Fatal(err)
	}
	// What else may be there: a disk of its own has a folder that only root may
	// read, and people put notes anywhere.
	for _, name := range []string{"lost+found/x", "aa/note", "zz/zz/note", "aa/bb/" + strings.Repeat("c", 64)} {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := folder(t, dir)
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if got := list(t, again); !slices.Equal(got, []pkgmeter.Blob{b}) {
		t.Errorf("%v", got)
	}
}

func TestABucketForgetsWhatWasNotKeptADayAgo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *blob.Store {
		s, err := blob.Bucket(t.Context(), "file://"+filepath.ToSlash(dir))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open()
	for range 2 {
		if _, err := s.Receive(t.Context(), strings.NewReader("left"), 100); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "tmp", "*"))
	if err != nil || len(left) != 2 {
		t.Fatalf("%v, %v", left, err)
	}
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(left[0], old, old); err != nil {
		t.Fatal(err)
	}
	open()
	if now, _ := filepath.Glob(filepath.Join(dir, "tmp", "*")); !slices.Equal(now, left[1:]) {
		t.Errorf("%v is left", now)
	}
}

func TestAddressesOfBucketsAreRead(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "/srv/bytes", "%", "nosuch://bucket"} {
		if s, err := blob.Bucket(t.Context(), url); err == nil {
			s.Close()
			t.Errorf("%q is a bucket", url)
		}
	}
}
