package sqlite_test

import (
	"crypto/sha256"
	"errors"
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

// BenchmarkBatch stores batches of a thousand events with ids, of names that
// are known and of new ones.
func BenchmarkBatch(b *testing.B) {
	for name, fresh := range map[string]int{"known": 0, "halfNew": 2} {
		b.Run(name, func(b *testing.B) {
			const batch = 1000
			c := &clock{noon}
			s := open(b, b.TempDir(), c)
			var entries []pkgmeter.Entry
			for i := range 50_000 {
				entries = append(entries, entry(fmt.Sprintf("com/acme/g%d/a%d/1.%d/a%d-1.%d.jar", i%97, i, i%31, i, i%31), noon))
			}
			n := 0
			for b.Loop() {
				d := &pkgmeter.Delivery{Received: noon}
				for i := range batch {
					n++
					e := entries[n*7919%len(entries)]
					if fresh > 0 && i%fresh == 0 {
						e = entry(fmt.Sprintf("com/acme/g%d/b%d/1.%d/b%d-1.%d.jar", n%97, n, n%31, n, n%31), noon)
					}
					e.Event.ID = fmt.Sprintf("0192f0c2-7a3e-7%09x", n)
					d.Entries = append(d.Entries, e)
				}
				if err := s.Write(b.Context(), []*pkgmeter.Delivery{d}); err != nil {
					b.Fatal(err)
				}
				if n%(batch*20) == 0 {
					if err := errors.Join(s.Pack(b.Context()), s.Checkpoint(b.Context())); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
