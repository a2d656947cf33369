package sqlite_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// A save.json with 100,000 names is to be taken in within two seconds.
func BenchmarkMoveIn100k(b *testing.B) {
	c := pkgmeter.Counters{Files: map[string]int64{}, Repositories: map[string]int64{"releases": 1}}
	for i := range 100_000 {
		name := fmt.Sprintf("com/acme/g%d/a%d/1.%d/a%d-1.%d.jar", i%97, i, i%31, i, i%31)
		c.Files[name] = int64(i)
		c.All += int64(i)
	}
	for b.Loop() {
		s := open(b, b.TempDir(), &clock{noon})
		_, err := s.MoveIn(b.Context(), pkgmeter.Opening{
			Source: "savejson", SHA256: sha256.Sum256([]byte("x")), Counters: c,
			Derive: func(name string) pkgmeter.File { return rule.Default().File("", name, "") },
		})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/import")
}
