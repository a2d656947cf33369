package source_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/source"
)

// benchEvents are bodies of a thousand events of some 230 bytes.
func benchEvents() map[string][]byte {
	var file, pkg bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&file, `{"id":"7c9e6679-7425-40de-944b-e07fc1f9%04d","time":"2026-03-01T11:%02d:%02dZ","repository":"releases","path":"com/acme/app-%02d/1.0/app-%02d-1.0.jar","client":"Apache-Maven/3.9.6 (Java 17.0.10; Linux 5.15.0)","bytes":%d}`+"\n", i, i/60%60, i%60, i%50, i%50, 100_000+i)
		fmt.Fprintf(&pkg, `{"id":"7c9e6679-7425-40de-944b-e07fc1f9%04d","time":"2026-03-01T11:%02d:%02dZ","repository":"releases","package":"pkg:npm/left-pad-%02d","version":"1.%d.0","client":"npm/10.2.4 node/v20.11.0 linux x64 workspaces/false","bytes":%d}`+"\n", i, i/60%60, i%60, i%50, i%7, 100_000+i)
	}
	return map[string][]byte{"path": file.Bytes(), "package": pkg.Bytes()}
}

func BenchmarkEvents(b *testing.B) {
	for name, body := range benchEvents() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if batch, err := source.Events(body, true, "api:x", now, 10_000, source.People{}); err != nil || len(batch.Events) != 1000 {
					b.Fatal(err, batch.Refused[:1])
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
