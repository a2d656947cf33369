//go:build unix

package crashtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A mutation is a fault that is built in: a place of a file, replaced, and
// sometimes another place of the same file.
type mutation struct {
	file, old, new    string
	also, alsoInstead string
}

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

// syncNormal syncs the WAL when it is copied into the file, and not at each
// commit. It does so behind the back of those who read the setting back.
var syncNormal = mutation{
	file: "internal/sqlite/open.go",
	old:  "\treturn conn, nil\n}\n\n// pragma sets or reads",
	new: `	_, err = pragma(ctx, conn, "synchronous = NORMAL")
	return conn, err
}

// pragma sets or reads`,
}

// quarantineLater answers what it cannot read at once, and writes it down a
// little later.
var quarantineLater = mutation{
	file: "internal/sqlite/append.go",
	old:  "func (s *Store) Write(ctx context.Context, batch []*pkgmeter.Delivery) error {\n",
	new: `func (s *Store) Write(ctx context.Context, batch []*pkgmeter.Delivery) error {
	var now, later []*pkgmeter.Delivery
	for _, d := range batch {
		if len(d.Entries) == 0 && len(d.Rejects) > 0 {
			later = append(later, d)
		} else {
			now = append(now, d)
		}
	}
	if len(later) > 0 {
		time.AfterFunc(20*time.Millisecond, func() { s.writeNow(ctx, later) })
	}
	return s.writeNow(ctx, now)
}

func (s *Store) writeNow(ctx context.Context, batch []*pkgmeter.Delivery) error {
`,
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

// mutants are built once, for all rigs that have to find them.
var mutants sync.Map

// mutant builds the program with a fault. The sources stay as they are: the
// compiler is given another file in the place of one.
func mutant(t *testing.T, m mutation) string {
	t.Helper()
	build, _ := mutants.LoadOrStore(m, sync.OnceValues(func() (string, error) { return buildMutant(m) }))
	bin, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func buildMutant(m mutation) (bin string, err error) {
	path, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	read, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(read)
	for _, change := range [][2]string{{m.old, m.new}, {m.also, m.alsoInstead}} {
		if change[0] == "" {
			continue
		}
		if n := strings.Count(text, change[0]); n != 1 {
			return "", fmt.Errorf("%s has changed: the place for the fault is there %d times, want once", m.file, n)
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	dir, err := os.MkdirTemp(scratch, "mutant")
	if err != nil {
		return "", err
	}
	faulty, overlay := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
	instead, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		return "", err
	}
	err = errors.Join(os.WriteFile(faulty, []byte(text), 0o600), os.WriteFile(overlay, instead, 0o600))
	if err != nil {
		return "", err
	}
	bin = filepath.Join(dir, "pkgmeter")
	return bin, goBuild(bin, "-overlay", overlay)
}

func goBuild(bin string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", bin}, flags...), "./cmd/pkgmeter")...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
