package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// Another process reads the folder of a server: what is being received there is
// left alone.
func TestAReaderLeavesTheStoreAsItIs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "blobs")
	s := folder(t, dir)
	b := put(t, s, "content")
	receiving := filepath.Join(dir, "tmp", "receiving")
	if err := os.WriteFile(receiving, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := blob.ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context(), b.SHA256); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(receiving); err != nil {
		t.Error(err)
	}
}

func TestAReaderMakesNoFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "blobs")
	r, err := blob.ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context(), [32]byte{1}); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Error(err)
	}
	nothing := func(pkgmeter.Blob, time.Time) error { return errors.New("there is something") }
	if err := errors.Join(r.Each(t.Context(), nothing), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := blob.ReadBucket(t.Context(), "file://"+filepath.ToSlash(dir)); err == nil {
		t.Error("a bucket that nobody has made was opened")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}

	s, err := blob.Bucket(t.Context(), "file://"+filepath.ToSlash(dir))
	if err != nil {
		t.Fatal(err)
	}
	b := put(t, s, "content")
	if r, err = blob.ReadBucket(t.Context(), "file://"+filepath.ToSlash(dir)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Check(t.Context(), b.SHA256), r.Close(), s.Close()); err != nil {
		t.Error(err)
	}
}
