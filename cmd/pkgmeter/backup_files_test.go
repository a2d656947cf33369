package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A shelf is a data folder with three files of packages that are served, and an
// upload that is not published yet.
type shelf struct {
	dir   string
	data  string
	blobs string            // the flag --blobs, empty for the folder of the data folder
	bytes string            // where they are
	files map[string]string // contents by digest
	path  map[string]string // where they are served, by digest
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func newShelf(t *testing.T, bucket bool) *shelf {
	t.Helper()
	s := &shelf{dir: t.TempDir(), files: map[string]string{}, path: map[string]string{}}
	s.data = filepath.Join(s.dir, "data")
	s.bytes = filepath.Join(s.data, "blobs")
	if bucket {
		s.bytes = filepath.Join(s.dir, "bucket")
		s.blobs = "file://" + filepath.ToSlash(s.bytes)
	}
	if code, text := command(t, io.Discard, "demo", "--data", s.data, "--events", "100"); code != 0 {
		t.Fatal(text)
	}
	a := &app{ctx: t.Context(), data: s.data, err: io.Discard, now: time.Now}
	store, err := a.openStore()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	blobs, err := blob.Folder(s.bytes) // which a bucket of files looks like
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	for i, content := range []string{"source", strings.Repeat("a tarball ", 50_000), "", "replaced", "upload", "late", "orphan"} {
		s.add(t, store, blobs, byte(i), content)
	}
	if err := os.Remove(filepath.Join(s.bytes, "tmp")); err != nil {
		t.Fatal(err)
	}
	return s
}

// add uploads content, and publishes the first three. Of the others one is kept
// and one replaced by it, one may be swept soon, and one has no row.
func (s *shelf) add(t *testing.T, store *sqlite.Store, blobs *blob.Store, n byte, content string) {
	t.Helper()
	b, err := blobs.Put(t.Context(), strings.NewReader(content), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if content == "orphan" {
		return
	}
	p := pkgmeter.Pending{Token: [32]byte{n}, Key: fmt.Sprint(n), User: "jane", Record: []byte("{}"), Expires: time.Now().Add(24 * time.Hour)}
	switch content {
	case "upload":
		p.Token[0]--
	case "late":
		p.Expires = time.Now().Add(time.Hour)
	}
	if content != "upload" {
		if err := store.AddPending(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.SetUpload(t.Context(), p.Token, pkgmeter.SourcePart, b); err != nil {
		t.Fatal(err)
	}
	if n > 2 {
		if content == "upload" {
			s.files[digest(content)] = content
		}
		return
	}
	f := pkgmeter.PublishedFile{Path: fmt.Sprintf("%d/x.tgz", n), Name: "x.tgz", Blob: b, Package: "pkg:meteor/x", Version: "1"}
	if err := store.EditCatalog(t.Context(), pkgmeter.CatalogEdit{Publish: p.Token, Files: []pkgmeter.PublishedFile{f}}); err != nil {
		t.Fatal(err)
	}
	s.files[digest(content)], s.path[digest(content)] = content, f.Path
}

// file is where bytes are.
func (s *shelf) file(digest string) string {
	return filepath.Join(s.bytes, digest[:2], digest[2:4], digest)
}

// run runs a command on the shelf, or on another data folder.
func (s *shelf) run(t *testing.T, args ...string) (code int, out, stderr string) {
	t.Helper()
	if !slices.Contains(args, "--data") {
		args = append(args, "--data", s.data)
	}
	if s.blobs != "" && !slices.Contains(args, "--blobs") {
		args = append(args, "--blobs", s.blobs)
	}
	var b strings.Builder
	code, stderr = command(t, &b, args...)
	return code, b.String(), stderr
}

// bytesBelow returns all bytes of packages below a folder, by their digest.
func bytesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if rel, _ := filepath.Rel(dir, path); rel != filepath.Join(d.Name()[:2], d.Name()[2:4], d.Name()) {
			t.Errorf("there is %s", rel)
		}
		found[d.Name()] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFilesOfPackagesAreInABackup(t *testing.T) {
	t.Parallel()
	for name, bucket := range map[string]bool{"folder": false, "bucket": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, bucket)
			file, data := filepath.Join(s.dir, "file"), filepath.Join(s.dir, "restored")
			code, out, text := s.run(t, "backup", file)
			if code != 0 || !strings.Contains(out, ", 4 files of packages, in ") {
				t.Fatal(code, out, text)
			}
			args, to := []string{"restore", file, "--data", data}, filepath.Join(data, "blobs")
			if bucket {
				to = filepath.Join(s.dir, "another")
				args = append(args, "--blobs", "file://"+filepath.ToSlash(to))
			}
			if code, out, text := s.run(t, args...); code != 0 || !strings.Contains(out, ", 4 files of packages, as they were at ") {
				t.Fatal(code, out, text)
			}
			if _, err := os.Stat(filepath.Join(data, "blobs")); (err == nil) == bucket {
				t.Errorf("the data folder: %v", err)
			}
			if got := bytesBelow(t, to); !maps.Equal(got, s.files) {
				t.Errorf("%d files of %d are the same", len(got), len(s.files))
			}
			args[0], args = "doctor", slices.Delete(args, 1, 2)
			for _, args := range [][]string{args, {"doctor"}} {
				if code, out, text := s.run(t, args...); code != 0 || !strings.Contains(out, ", 4 files of packages: every count equals the ledger\n") {
					t.Error(code, out, text)
				}
			}
		})
	}
}

func TestABackupNeedsAllFilesOfPackages(t *testing.T) {
	t.Parallel()
	big, upload := digest(strings.Repeat("a tarball ", 50_000)), digest("upload")
	for name, c := range map[string]struct {
		digest       string
		do           func(path string) error
		backup, find string
	}{
		"missing": {big, os.Remove, "there are no such bytes; is --blobs that of the server?", "problem: /files/1/x.tgz: its bytes are missing\n"},
		"cut":     {big, func(path string) error { return os.Truncate(path, 499_999) }, "there are 499999 bytes, and the database says 500000", "problem: /files/1/x.tgz: there are 499999 bytes, and the database says 500000\n"},
		"damaged": {big, func(path string) error {
			return os.WriteFile(path, bytes.Repeat([]byte("A tarball "), 50_000), 0o600)
		}, "the bytes do not have the digest of their name; doctor lists", "problem: /files/1/x.tgz: its bytes are damaged: they have another SHA-256\n"},
		"no file": {big, func(path string) error {
			return os.Rename(path, path+"x")
		}, "there are no such bytes", "problem: /files/1/x.tgz: its bytes are missing\n"},
		"a folder": {big, func(path string) error {
			return remake(path)
		}, "is no file", "problem: /files/1/x.tgz: its bytes cannot be read: "},
		"an upload": {upload, os.Remove, "there are no such bytes", "problem: an upload that is not published yet (SHA-256 " + upload + "): its bytes are missing\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, false)
			if err := c.do(s.file(c.digest)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(s.dir, "file")
			code, out, text := s.run(t, "backup", file)
			if code != exitFailure || out != "" || !strings.Contains(text, "back up blobs/"+c.digest+": ") || !strings.Contains(text, c.backup) {
				t.Error(code, out, text)
			}
			if left, err := filepath.Glob(file + "*"); len(left) > 0 || err != nil {
				t.Errorf("left: %v, %v", left, err)
			}
			code, out, text = s.run(t, "doctor")
			if code != exitFailure || !strings.Contains(out, c.find) || !strings.Contains(out, ", 4 files of packages: 1 problems\n") || !strings.Contains(text, "restore a backup") {
				t.Error(code, out, text)
			}
		})
	}
}

func remake(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o700)
}

// What nothing refers to is not missed, be it in the folder or not.
func TestBytesThatAreNotNeededAreNotMissed(t *testing.T) {
	t.Parallel()
	s := newShelf(t, false)
	for _, content := range []string{"replaced", "late"} {
		if err := os.Remove(s.file(digest(content))); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"backup", filepath.Join(s.dir, "file")}, {"doctor"}} {
		if code, out, text := s.run(t, args...); code != 0 || !strings.Contains(out, ", 4 files of packages") {
			t.Error(code, out, text)
		}
	}
}

// Nobody is told to restore a backup since a flag was forgotten.
func TestWithoutTheBucketNothingIsThere(t *testing.T) {
	t.Parallel()
	s := newShelf(t, true)
	s.blobs = ""
	code, out, text := s.run(t, "doctor", "--json")
	if code != exitFailure || !strings.Contains(out, `"files":4`) || !strings.Contains(text, "is --blobs that of the server?") || strings.Contains(text, "restore") {
		t.Error(code, out, text)
	}
	if code, out, text := s.run(t, "backup", filepath.Join(s.dir, "file")); code != exitFailure || !strings.Contains(text, "is --blobs that of the server?") {
		t.Error(code, out, text)
	}
	if _, err := os.Stat(filepath.Join(s.data, "blobs")); err == nil {
		t.Error("the folder was made")
	}
	s.blobs = "file://" + filepath.ToSlash(filepath.Join(s.dir, "nowhere"))
	for _, args := range [][]string{{"backup", filepath.Join(s.dir, "file")}, {"doctor"}} {
		if code, out, text := s.run(t, args...); code != exitFailure || !strings.Contains(text, "--blobs: open the bucket: ") {
			t.Error(code, out, text)
		}
	}
}

// A server that works on the folder is asked for the copy and the list; what it
// is receiving is left alone.
func TestFilesOfPackagesAreReadBesideAServer(t *testing.T) {
	t.Parallel()
	s := newShelf(t, false)
	lock, err := control.TryLock(s.data)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	a := &app{ctx: t.Context(), data: s.data, err: io.Discard, now: time.Now}
	store, err := a.openStore()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	rules, err := rule.Parse(store.Own())
	if err != nil {
		t.Fatal(err)
	}
	receiving := filepath.Join(s.bytes, "tmp", "receiving")
	if err := os.Mkdir(filepath.Dir(receiving), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(receiving, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := control.Listen(s.data, calls(store, rules, &intake.Intake{Store: store}, a))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- socket.Serve() }()
	for _, args := range [][]string{{"backup", filepath.Join(s.dir, "file")}, {"doctor"}} {
		if code, out, text := s.run(t, args...); code != 0 || !strings.Contains(out, ", 4 files of packages") {
			t.Error(code, out, text)
		}
	}
	if _, err := os.Stat(receiving); err != nil {
		t.Error(err)
	}
	if err := socket.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-served
}

// The list comes in pieces, and what went since it came is no problem.
func TestTheListOfFilesComesInPieces(t *testing.T) {
	t.Parallel()
	s := newShelf(t, false)
	blobs, err := blob.ReadFolder(s.bytes)
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	f := &files{app: &app{ctx: t.Context(), data: s.data, err: io.Discard, now: time.Now}, blobs: blobs, found: new(diagnosis)}
	for perCall := 2; perCall < 7; perCall++ {
		all, size, err := f.list(perCall)
		if err != nil || size != int64(len("source")+len("upload")+500_000) || !slices.IsSortedFunc(all, bySum) {
			t.Errorf("%d at a time: %v, %d bytes, %v", perCall, all, size, err)
		}
		found := map[string]string{}
		for _, b := range all {
			name := hex.EncodeToString(b.SHA256[:])
			found[name] = s.files[name]
		}
		if len(all) != 4 || !maps.Equal(found, s.files) {
			t.Errorf("%d at a time: %v", perCall, all)
		}
	}
	if err := f.one(pkgmeter.Blob{SHA256: [32]byte{1}}); err != nil || f.found.Files+len(f.found.Problems)+f.missing > 0 {
		t.Errorf("what is not listed any more: %+v, %v", f.found, err)
	}
}

func bySum(a, b pkgmeter.Blob) int { return bytes.Compare(a.SHA256[:], b.SHA256[:]) }

// The file was written by the program of that schema, which knew no packages.
func TestABackupOfAnOlderProgramIsRestored(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	var out strings.Builder
	code, text := command(t, &out, "restore", "testdata/backups/schema-4.tar.zst", "--data", data)
	if code != 0 || out.String() != "restored 40 events, schema 4, as they were at 2026-03-10T12:00:00Z\n" {
		t.Fatal(code, out.String(), text)
	}
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	// A copy of an older schema refers to no files. Then it is brought up to date.
	file := filepath.Join(t.TempDir(), "file")
	for _, c := range [][2]string{{"backup " + file, "40 events, schema 4, in "}, {"doctor", ": every count equals the ledger"}} {
		out.Reset()
		if code, text := command(t, &out, append(strings.Fields(c[0]), "--data", data)...); code != 0 || !strings.Contains(out.String(), c[1]) {
			t.Error(code, out.String(), text)
		}
	}
}
