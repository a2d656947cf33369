package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/savejson"
)

const (
	movedNames = 100_000
	movingRuns = 3
)

// moving measures the import of an old program's file, from the start of the
// command to its end, into an empty folder each time.
func (b *bench) moving(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1, 2))
	f := savejson.File{Downloads: map[string]int64{}, Repos: map[string]int64{"releases": 1}}
	for i := range movedNames {
		n := random.Int64N(1000)
		f.Downloads[fmt.Sprintf("com/acme/g%d/a%d/1.%d/a%d-1.%d.jar", i%97, i, i%31, i, i%31)] = n
		f.All += n
	}
	text, err := f.Encode()
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "save.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	var seconds []float64
	for i := range movingRuns {
		data := filepath.Join(b.dir, fmt.Sprintf("moved-%d", i))
		began := time.Now()
		if out, err := exec.CommandContext(ctx, b.bin, "--data", data, "import", file).CombinedOutput(); err != nil {
			return fmt.Errorf("import: %w: %s", err, out)
		}
		seconds = append(seconds, time.Since(began).Seconds())
	}
	b.print("import_100k_names_s", median(seconds), "<=2")
	return nil
}
