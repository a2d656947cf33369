package hook_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// nowhere is a queue without a disk.
type nowhere struct{}

func (nowhere) Add(_ context.Context, d *pkgmeter.Delivery, _ int, _ int64) error {
	d.New = len(d.Entries)
	return nil
}

// BenchmarkEvents is all but the store: read, decode, rules, answer.
func BenchmarkEvents(b *testing.B) {
	var body bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&body, `{"id":"7c9e6679-7425-40de-944b-e07fc1f9%04d","time":"2026-03-01T11:%02d:%02dZ","repository":"releases","path":"com/acme/app-%02d/1.0/app-%02d-1.0.jar","client":"Apache-Maven/3.9.6 (Java 17.0.10; Linux 5.15.0)","bytes":%d}`+"\n", i, i/60%60, i%60, i%50, i%50, 100_000+i)
	}
	h := &hook.Events{Rules: rule.NewCache(rule.Default(), rule.ServerCache), Queue: nowhere{}, Now: func() time.Time { return noon }, Large: hook.NewLarge()}
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body.Bytes()))
		r.Header.Set(typeHeader, linesType)
		if err := h.Serve(httptest.NewRecorder(), r, ann); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
