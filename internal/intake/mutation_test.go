package intake_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// mutatedLog returns lines that are near to those of a sample, the headers that
// it begins with every now and then, and how many of all lines are to be an event
// or a reject.
func mutatedLog(rnd *rand.Rand, sample [][]byte, headed bool) (text []byte, items int) {
	isHeader := func(line []byte) bool { return headed && bytes.HasPrefix(line, []byte("#")) }
	first := slices.IndexFunc(sample, isHeader)
	for i := range mutations {
		for at := first; i%5 == 0 && at >= 0 && isHeader(sample[at]); at++ {
			text = append(append(text, sample[at]...), '\n')
		}
		text = append(append(text, mutate(rnd, sample)...), '\n')
	}
	for line := range bytes.Lines(text) {
		line = bytes.Trim(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), " \t\r\n")
		if len(line) > 0 && !isHeader(line) {
			items++
		}
	}
	return text, items
}

// mutate damages a line in up to three places.
func mutate(rnd *rand.Rand, sample [][]byte) []byte {
	const special = "{}[]\",:\\\n \t\r\x00\xff\xef\xbb\xbf#0e-=&%@./"
	b := slices.Clone(sample[rnd.IntN(len(sample))])
	for range rnd.IntN(4) {
		i, j := rnd.IntN(len(b)+1), rnd.IntN(len(b)+1)
		i, j = min(i, j), max(i, j)
		switch rnd.IntN(6) {
		case 0:
			b = b[:j]
		case 1:
			b = b[i:]
		case 2:
			b = slices.Delete(b, i, j)
		case 3:
			b = slices.Concat(b[:j], b[i:])
		case 4:
			other := sample[rnd.IntN(len(sample))]
			b = slices.Concat(b[:j], other[rnd.IntN(len(other)+1):])
		case 5:
			b = slices.Insert(b, i, special[rnd.IntN(len(special))])
		}
	}
	return b
}

// TestEveryLineIsStoredOrQuarantined imports mutated lines of every format into
// a store: nothing of them may be lost, whatever they say.
func TestEveryLineIsStoredOrQuarantined(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	// The clock of the samples.
	in := &intake.Intake{Store: store, Rules: rule.NewCache(rule.Default(), rule.ImportCache), Now: func() time.Time { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }}
	type format struct {
		name   string
		headed bool
		sample []byte
	}
	all := []format{{"ndjson", false, []byte(`{"id":"1","time":"2026-03-01T11:58:03Z","repository":"releases","path":"a/app-1.0.jar","client":"pip/24.0","bytes":12}
{"package":"pkg:npm/left-pad","version":"1.3.0","consumer":"ada","method":"HEAD","status":304,"country":"DE"}`)}}
	for _, f := range source.LogFormats() {
		text, err := os.ReadFile(filepath.Join("..", "source", "testdata", "log", f.Name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, format{f.Name, f.Headed, text})
	}
	var stored, held int64
	for n, f := range all {
		sample := slices.DeleteFunc(bytes.Split(f.sample, []byte("\n")), func(line []byte) bool { return len(line) > 2000 })
		text, items := mutatedLog(rand.New(rand.NewPCG(uint64(n), 5)), sample, f.headed)
		got := importText(t, in, f.name, text)
		if got.New+got.Known+got.Rejected != int64(items) || got.New+got.Known < mutations/20 || got.Rejected < mutations/20 {
			t.Errorf("%s: %+v of %d lines", f.name, got, items)
		}
		stored, held = stored+got.New, held+got.Rejected
	}
	events := int64(0)
	err = store.Events(t.Context(), 0, func(int64, pkgmeter.Event) error {
		events++
		return nil
	})
	quarantined, errHeld := store.Quarantined(t.Context())
	if err != nil || errHeld != nil || events != stored || quarantined != held {
		t.Errorf("%d events and %d rejects are stored, %d and %d were counted; %v %v", events, quarantined, stored, held, err, errHeld)
	}
}

// importText imports a text of a format.
func importText(t *testing.T, in *intake.Intake, format string, text []byte) intake.Report {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f, err := intake.Open(src, format)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Import(t.Context(), in, intake.Options{})
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return got
}
