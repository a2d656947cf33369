package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/backup"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/control"
)

const schema = 4

// database and contents are what the archives of these tests hold: compressible
// and not.
var (
	database = append(bytes.Repeat([]byte("pkgmeter"), 10_000), noise(30_000, 1)...)
	contents = [][]byte{noise(5_000, 2), {}, bytes.Repeat([]byte("readme"), 1_000), noise(200_000, 3)}
)

// restored are the files of the data folder of such an archive.
var restored = func() map[string][]byte {
	files := map[string][]byte{backup.Database: database}
	for _, content := range contents {
		digest := digestOf(content)
		files["blobs/"+digest[:2]+"/"+digest[2:4]+"/"+digest] = content
	}
	return files
}()

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// data is the source of a data file.
func data(content []byte) backup.Source {
	return backup.Source{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// sources are those of database and contents, in the order of their digests.
func sources(t *testing.T) []backup.Source {
	t.Helper()
	s, err := blob.Folder(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var all []pkgmeter.Blob
	for _, content := range contents {
		b, err := s.Put(t.Context(), bytes.NewReader(content), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b pkgmeter.Blob) int { return bytes.Compare(a.SHA256[:], b.SHA256[:]) })
	list := []backup.Source{data(database)}
	for _, b := range all {
		list = append(list, backup.Bytes(t.Context(), &s.Reader, b))
	}
	return list
}

func manifest() *backup.Manifest {
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	return &backup.Manifest{MadeAt: at, Program: "1.0", Schema: schema, LedgerID: "L", Epoch: 1, Position: 3, Events: 7}
}

func archive(t *testing.T) []byte {
	t.Helper()
	return archiveOf(t, sources(t))
}

func archiveOf(t *testing.T, sources []backup.Source) []byte {
	t.Helper()
	m := manifest()
	if err := backup.Seal(t.Context(), m, sources); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := backup.Write(t.Context(), &b, m, sources, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restore(t *testing.T, packed []byte, data string) (backup.Manifest, error) {
	t.Helper()
	return backup.Restore(t.Context(), bytes.NewReader(packed), data, backup.Options{Schema: schema})
}

// sameFiles reports how a restored folder differs from what was packed.
func sameFiles(t *testing.T, data string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && path != data {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, data+string(filepath.Separator)))
		if d.IsDir() || name == "lock" {
			return nil
		}
		found++
		text, err := os.ReadFile(path)
		if want, ok := restored[name]; !ok || !bytes.Equal(text, want) {
			t.Errorf("%s: %d bytes differ, or nobody packed it", name, len(text))
		}
		return err
	})
	if err != nil || found != len(restored) {
		t.Errorf("%d files, want %d (%v)", found, len(restored), err)
	}
	lock, err := control.TryLock(data)
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

// untouched fails if anything is in a folder but those names.
func untouched(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("%s has %v, want %v", dir, got, names)
	}
}

func TestWhatIsRestoredIsWhatWasPacked(t *testing.T) {
	t.Parallel()
	packed := archive(t)
	for name, prepare := range map[string]func(data string) error{
		"into a new folder":  func(string) error { return nil },
		"into an empty one":  func(data string) error { return os.Mkdir(data, 0o700) },
		"into an empty disk": func(data string) error { return os.MkdirAll(filepath.Join(data, "lost+found"), 0o700) },
		"after a killed one": func(data string) error { return os.MkdirAll(filepath.Join(data, ".restore-1", "blobs"), 0o700) },
		"after one that was killed late": func(data string) error {
			return errors.Join(os.MkdirAll(filepath.Join(data, ".restore-1"), 0o700), os.MkdirAll(filepath.Join(data, "blobs", "ab"), 0o700))
		},
		"beside a killed one": func(data string) error { return os.MkdirAll(data+".restore-1", 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			if err := prepare(data); err != nil {
				t.Fatal(err)
			}
			m, err := restore(t, packed, data)
			if err != nil {
				t.Fatal(err)
			}
			if m.Events != 7 || m.MadeAt != manifest().MadeAt || m.Format != backup.Format || m.Blobs() != len(contents) {
				t.Errorf("manifest %+v", m)
			}
			sameFiles(t, data)
			if left, err := backup.Settle(data); left || err != nil {
				t.Errorf("unfinished %v, %v", left, err)
			}
			if _, err := restore(t, packed, data); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
				t.Errorf("the second time: %v", err)
			}
			sameFiles(t, data)
		})
	}
}

func TestRestoreLeavesFoldersInUseAlone(t *testing.T) {
	t.Parallel()
	packed := archive(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, packed, dir); err == nil || !strings.Contains(err.Error(), `the folder is not empty, it has "mine"`) {
		t.Errorf("a folder with a file: %v", err)
	}
	untouched(t, dir, "mine")
	if _, err := restore(t, packed, filepath.Join(dir, "mine")); err == nil {
		t.Error("a file was taken for a folder")
	}
	if _, err := restore(t, packed, filepath.Join(dir, "no", "such")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below no folder: %v", err)
	}
	untouched(t, dir, "mine")

	dir = t.TempDir()
	lock, err := control.TryLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := restore(t, packed, dir); !errors.Is(err, control.ErrLocked) {
		t.Errorf("a folder that a server has just begun: %v", err)
	}
	untouched(t, dir, "lock")
}

// An archive that was cut or changed anywhere is refused and leaves nothing, or
// the change is one that does not matter.
func TestDamagedArchivesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	packed := archive(t)
	rng := rand.New(rand.NewPCG(7, 7))
	refused := 0
	for i := range 220 {
		damaged := bytes.Clone(packed)
		var what string
		switch at := rng.IntN(len(packed)); i % 4 {
		case 0:
			damaged = damaged[:at]
			what = fmt.Sprintf("cut at %d", at)
		case 1: // the frame's header, the last block and the checksum
			at = (i / 4 % 20) + rng.IntN(2)*(len(packed)-20)
			fallthrough
		default:
			bit := rng.IntN(8)
			damaged[at] ^= 1 << bit
			what = fmt.Sprintf("bit %d of byte %d flipped", bit, at)
		}
		if refuses(t, what, damaged) {
			refused++
		}
	}
	for n := 1; n <= 5; n++ {
		refuses(t, fmt.Sprintf("the last %d bytes cut", n), packed[:len(packed)-n])
	}
	if refused < 200 {
		t.Errorf("only %d of 220 were refused", refused)
	}
	t.Logf("%d of 220 refused", refused)
}

// refuses restores into new and empty folders and checks that a refusal leaves
// nothing.
func refuses(t *testing.T, what string, packed []byte) (refused bool) {
	t.Helper()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "new")
	_, err := restore(t, packed, data)
	_, err2 := restore(t, packed, empty)
	if (err == nil) != (err2 == nil) {
		t.Fatalf("%s: %v, but %v", what, err, err2)
	}
	if err == nil {
		sameFiles(t, data)
		sameFiles(t, empty)
		return false
	}
	if pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("%s: %v", what, err)
	}
	untouched(t, dir, "empty")
	untouched(t, empty)
	return true
}

// pack makes an archive of a manifest that may say anything, and of entries
// that may be anything.
func pack(t *testing.T, manifest string, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, e := range append([]entry{{Header: tar.Header{Name: "manifest.json"}, body: manifest}}, entries...) {
		if e.Typeflag == 0 {
			e.Typeflag, e.Size = tar.TypeReg, int64(len(e.body))
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type entry struct {
	tar.Header
	body string
}

func file(name, body string) entry { return entry{tar.Header{Name: name}, body} }

// said is a manifest as JSON, with members replaced.
func said(t *testing.T, members map[string]any, list ...any) string {
	t.Helper()
	m := map[string]any{"format": 1, "made_at": "2026-03-10T12:00:00Z", "program": "1", "schema": 4, "ledger_id": "L", "epoch": 1, "position": 3, "events": 7, "files": list}
	for name, v := range members {
		m[name] = v
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func listed(name, body string) map[string]any {
	sum := sha256.Sum256([]byte(body))
	return map[string]any{"name": name, "size": len(body), "sha256": hex.EncodeToString(sum[:])}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	const db = backup.Database
	good := listed(db, "data")
	with := func(name string, v any) map[string]any {
		f := listed(db, "data")
		f[name] = v
		return f
	}
	const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
	empty := listed("blobs/"+digest, "")
	link := func(kind byte, name, to string) entry {
		return entry{tar.Header{Typeflag: kind, Name: name, Linkname: to}, ""}
	}
	for name, c := range map[string]struct {
		packed []byte
		want   string
	}{
		"no archive":        {[]byte("save.json"), "no backup of pkgmeter, or it is cut or damaged"},
		"nothing":           {nil, "no backup of pkgmeter, or it is cut or damaged"},
		"no manifest":       {pack(t, "", file(db, "data")), "manifest cannot be read"},
		"a newer format":    {pack(t, said(t, map[string]any{"format": 2}, good), file(db, "data")), "it has format 2, and this program reads up to 1: use the newer program"},
		"a newer schema":    {pack(t, said(t, map[string]any{"schema": 5}, good), file(db, "data")), "it has schema 5, and this program knows up to 4: use the newer program"},
		"no format":         {pack(t, said(t, map[string]any{"format": 0}, good), file(db, "data")), "names no format"},
		"no schema":         {pack(t, said(t, map[string]any{"schema": -1}, good), file(db, "data")), "names no schema"},
		"a wrong type":      {pack(t, said(t, map[string]any{"events": "many"}, good), file(db, "data")), "manifest cannot be read"},
		"no files":          {pack(t, said(t, nil)), "lists no files"},
		"another digest":    {pack(t, said(t, nil, listed(db, "DATA")), file(db, "data")), "its digest is not that of the manifest"},
		"no digest":         {pack(t, said(t, nil, with("sha256", "")), file(db, "data")), "no proper size and digest"},
		"a smaller size":    {pack(t, said(t, nil, with("size", 3)), file(db, "data")), "has 4 bytes, its manifest says 3"},
		"a larger size":     {pack(t, said(t, nil, with("size", 5)), file(db, "data")), "has 4 bytes, its manifest says 5"},
		"a negative size":   {pack(t, said(t, nil, with("size", -1)), file(db, "data")), "no proper size and digest"},
		"more than a disk":  {pack(t, said(t, nil, with("size", int64(1)<<61)), file(db, "data")), "are needed, and the disk has"},
		"a missing file":    {pack(t, said(t, nil, good, empty)), "where pkgmeter.db belongs|it has no pkgmeter.db"},
		"an unlisted file":  {pack(t, said(t, nil, good), file(db, "data"), file("blobs/"+digest, "")), `it has "blobs/` + digest + `", which its manifest does not list`},
		"another order":     {pack(t, said(t, nil, good, empty), file("blobs/"+digest, ""), file(db, "data")), `it has "blobs/` + digest + `" where pkgmeter.db belongs`},
		"a file twice":      {pack(t, said(t, nil, good, good), file(db, "data"), file(db, "data")), "no file of a data folder"},
		"a blob twice":      {pack(t, said(t, nil, good, empty, empty), file(db, "data")), "lists blobs/" + digest + " twice"},
		"the database last": {pack(t, said(t, nil, empty, good)), "no file of a data folder"},
		"another file":      {pack(t, said(t, nil, good, listed("lock", "")), file(db, "data"), file("lock", "")), "no file of a data folder"},
		"a way out":         {pack(t, said(t, nil, good, listed("blobs/../../evil", ""))), "no file of a data folder"},
		"from the root":     {pack(t, said(t, nil, good, listed("/etc/evil", ""))), "no file of a data folder"},
		"a hidden way":      {pack(t, said(t, nil, good, listed("blobs/a/./b", ""))), "no file of a data folder"},
		"a backslash":       {pack(t, said(t, nil, good, listed(`blobs/..\evil`, ""))), "no file of a data folder"},
		"a NUL":             {pack(t, said(t, nil, good, listed("blobs/a\x00b", ""))), "no file of a data folder"},
		"a long name":       {pack(t, said(t, nil, good, listed("blobs/"+strings.Repeat("a", 600), ""))), "no file of a data folder"},
		"another name":      {pack(t, said(t, nil, good, listed("blobs/"+digest, "full"))), "no proper size and digest"},
		"other bytes":       {pack(t, said(t, nil, good, map[string]any{"name": "blobs/" + digest, "size": 4, "sha256": digest}), file(db, "data"), file("blobs/"+digest, "full")), "its blobs/" + digest + " is damaged"},
		"in a folder":       {pack(t, said(t, nil, good, listed("blobs/e3/b0/"+digest, ""))), "no file of a data folder"},
		"in capitals":       {pack(t, said(t, nil, good, listed("blobs/"+strings.ToUpper(digest), ""))), "no file of a data folder"},
		"a symbolic link":   {pack(t, said(t, nil, with("size", 0)), link(tar.TypeSymlink, db, "/etc/passwd")), "is no ordinary file"},
		"a hard link":       {pack(t, said(t, nil, with("size", 0)), link(tar.TypeLink, db, "/etc/passwd")), "is no ordinary file"},
		"a device":          {pack(t, said(t, nil, with("size", 0)), link(tar.TypeBlock, db, "")), "is no ordinary file"},
		"a pipe":            {pack(t, said(t, nil, with("size", 0)), link(tar.TypeFifo, db, "")), "is no ordinary file"},
		"a folder":          {pack(t, said(t, nil, good), entry{tar.Header{Typeflag: tar.TypeDir, Name: db}, ""}), "is no ordinary file"},
		"more behind it":    {append(pack(t, said(t, nil, good), file(db, "data")), archive(t)...), "there is more behind its end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := restore(t, c.packed, filepath.Join(dir, "data"))
			fits := false
			for _, want := range strings.Split(c.want, "|") {
				fits = fits || err != nil && strings.Contains(err.Error(), want)
			}
			if !fits {
				t.Errorf("%v, want %s", err, c.want)
			}
			untouched(t, dir)
		})
	}
	if _, err := restore(t, pack(t, said(t, map[string]any{"since": 9}, good), file(db, "data")), filepath.Join(t.TempDir(), "data")); err != nil {
		t.Errorf("a member of tomorrow in the same format: %v", err)
	}
}

func TestAFailedCheckOrASignalLeavesNothing(t *testing.T) {
	t.Parallel()
	packed := archive(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	wrong := errors.New("wrong")
	_, err := backup.Restore(t.Context(), bytes.NewReader(packed), data, backup.Options{Schema: schema, Check: func(path string, m backup.Manifest) error {
		if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, database) || m.Events != 7 {
			t.Errorf("the check sees %d bytes, %+v, %v", len(text), m, err)
		}
		return wrong
	}})
	if !errors.Is(err, wrong) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = backup.Restore(ctx, bytes.NewReader(packed), data, backup.Options{Schema: schema, Check: func(string, backup.Manifest) error {
		cancel()
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err = backup.Restore(ctx, bytes.NewReader(packed), data, backup.Options{Schema: schema}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	untouched(t, dir)
}

func TestAKilledRestoreIsNoDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if left, err := backup.Settle(dir); left || err != nil {
		t.Errorf("an empty folder: %v, %v", left, err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".restore-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if left, err := backup.Settle(dir); !left || err != nil {
		t.Errorf("a killed restore: %v, %v", left, err)
	}
	untouched(t, dir, ".restore-1")
	// It was killed behind the last step.
	if err := os.WriteFile(filepath.Join(dir, backup.Database), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if left, err := backup.Settle(dir); left || err != nil {
		t.Errorf("a complete one: %v, %v", left, err)
	}
	untouched(t, dir, backup.Database)
}

func TestASourceThatChangesIsNoticed(t *testing.T) {
	t.Parallel()
	m, times := manifest(), 0
	changing := []backup.Source{{Open: func() (io.ReadCloser, error) {
		times++
		return io.NopCloser(strings.NewReader(fmt.Sprint(times))), nil
	}}}
	if err := backup.Seal(t.Context(), m, changing); err != nil {
		t.Fatal(err)
	}
	if err := backup.Write(t.Context(), io.Discard, m, changing, nil); err == nil || !strings.Contains(err.Error(), "it has changed meanwhile") {
		t.Error(err)
	}
}
