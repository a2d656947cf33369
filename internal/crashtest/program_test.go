//go:build unix

package crashtest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A mutation is a fault that is built in: one place of one file, replaced.
type mutation struct{ file, old, new string }

// ackBeforeCommit answers at once and writes a little later.
var ackBeforeCommit = mutation{
	file: "internal/sqlite/append.go",
	old:  "func (s *Store) Write(ctx context.Context, batch []*pkgmeter.Delivery) error {\n",
	new: `func (s *Store) Write(ctx context.Context, batch []*pkgmeter.Delivery) error {
	later := append([]*pkgmeter.Delivery(nil), batch...)
	time.AfterFunc(20*time.Millisecond, func() { s.commitLater(ctx, later) })
	return nil
}

func (s *Store) commitLater(ctx context.Context, batch []*pkgmeter.Delivery) error {
`,
}

// idsDropped takes every id for a new one.
var idsDropped = mutation{
	file: "internal/sqlite/keys.go",
	old:  "func (s *keySet) add(ctx context.Context, source, id string) (bool, error) {\n",
	new:  "func (s *keySet) add(ctx context.Context, source, id string) (bool, error) {\n\tif true {\n\t\treturn true, nil\n\t}\n",
}

const root = "../.." // of the module

// sound builds the program as it is, once, unless PKGMETER_BIN names one.
var sound = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("PKGMETER_BIN"); bin != "" {
		return filepath.Abs(bin)
	}
	return filepath.Join(scratch, "pkgmeter"), goBuild(filepath.Join(scratch, "pkgmeter"))
})

func program(t *testing.T) string {
	t.Helper()
	bin, err := sound()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// mutant builds the program with a fault. The sources stay as they are: the
// compiler is given another file in the place of one.
func mutant(t *testing.T, m mutation) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s has changed: the place for the fault is there %d times, want once", m.file, n)
	}
	dir := t.TempDir()
	faulty, overlay := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
	instead, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		faulty:  []byte(strings.Replace(string(text), m.old, m.new, 1)),
		overlay: instead,
	} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "pkgmeter")
	if err := goBuild(bin, "-overlay", overlay); err != nil {
		t.Fatal(err)
	}
	return bin
}

func goBuild(bin string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", bin}, flags...), "./cmd/pkgmeter")...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
