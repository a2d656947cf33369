package artifact_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

// A table is what is known of one ecosystem's paths.
type table struct {
	typ   string
	paths map[string]golden // known by their layout: certain
	names map[string]golden // known by the name of the file: likely
	known map[string]golden // certain in a repository of this format, and not of this type elsewhere

	// foreign are paths that look like ones of the ecosystem and are not.
	foreign []string

	// pieces are what mutations of the paths put into them, beside the pieces
	// that any path is tried with.
	pieces []string
}

// leastCases is how many goldens a table has at least.
const leastCases = 25

// seeds are all paths of a table, in order.
func (tb table) seeds() []string {
	seeds := slices.Clone(tb.foreign)
	for _, goldens := range []map[string]golden{tb.paths, tb.names, tb.known} {
		for g := range maps.Values(goldens) {
			seeds = append(seeds, g.path)
		}
	}
	slices.Sort(seeds)
	return seeds
}

// check holds the ecosystem to its goldens, and to the contract for 20,000
// mutations of their paths, the same ones each time.
func (tb table) check(t *testing.T) {
	t.Helper()
	t.Parallel()
	if n := len(tb.seeds()); n < leastCases {
		t.Errorf("%d cases, want %d at least", n, leastCases)
	}
	checkGoldens(t, tb.paths, artifact.Certain)
	checkGoldens(t, tb.names, artifact.Likely)
	for name, g := range tb.known {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := checkIn(t, g.path, tb.typ)
			if got := line(a); got != g.want || a.Confidence != artifact.Certain {
				t.Errorf("ParseIn(%q, %s)\n got %s, %d\nwant %s", g.path, tb.typ, got, a.Confidence, g.want)
			}
			if a := artifact.Parse(g.path); a.Type == tb.typ {
				t.Errorf("Parse(%q) = %s also where the format is not known", g.path, line(a))
			}
		})
	}
	for _, path := range tb.foreign {
		if a := checkIn(t, path, ""); a.Type == tb.typ {
			t.Errorf("Parse(%q) = %s, which is not %s", path, line(a), tb.typ)
		}
	}
	tb.mutate(t)
}

// mutate tries every path as it is and as one of a repository of the format.
func (tb table) mutate(t *testing.T) {
	t.Helper()
	pieces := slices.Concat(tb.pieces, []string{
		"/", "//", "..", ".", "-", "_", "@", ":", "%", "%2F", "%2e", "%00", "%ff", "\x00", "\xff", " ", "+", "?", "#", "ü", "~", "!",
		".md5", ".asc", ".metadata", ".sigstore.json", ".tar.gz", ".zip", ".tgz", "-1.0", "-1.2.3", "1.2.3/",
		"repositories/r/", "artifactory/api/npm/r/", "repository/r/", "api/packages/o/cargo/", "v2/", "index.json",
	})
	seeds := tb.seeds()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		path := seeds[rnd.IntN(len(seeds))]
		for range 1 + rnd.IntN(4) {
			i := rnd.IntN(len(path) + 1)
			j := min(len(path), i+rnd.IntN(6))
			switch rnd.IntN(4) {
			case 0: // insert
				path = path[:i] + pieces[rnd.IntN(len(pieces))] + path[i:]
			case 1: // delete
				path = path[:i] + path[j:]
			case 2: // replace
				path = path[:i] + pieces[rnd.IntN(len(pieces))] + path[j:]
			case 3: // splice
				other := seeds[rnd.IntN(len(seeds))]
				path = path[:i] + other[rnd.IntN(len(other)+1):]
			}
		}
		checkIn(t, path, "")
		checkIn(t, path, tb.typ)
	}
}

// fuzz is mutate for the fuzzer.
func (tb table) fuzz(f *testing.F) {
	for _, path := range tb.seeds() {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		checkIn(t, path, "")
		checkIn(t, path, tb.typ)
	})
}
