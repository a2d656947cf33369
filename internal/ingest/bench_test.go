package ingest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/ingest"
)

// writerFunc is a Writer in one function.
type writerFunc[T any] func(ctx context.Context, batch []T) error

func (f writerFunc[T]) Write(ctx context.Context, batch []T) error { return f(ctx, batch) }

// BenchmarkQueue is the cost of waiting in line, with nothing at its end.
func BenchmarkQueue(b *testing.B) {
	benchCallers(b, func([][]byte) error { return nil })
}

// benchCallers lets callers add one item after another, each waiting for its
// own, and reports how many shared a commit.
func benchCallers(b *testing.B, write func(batch [][]byte) error) {
	item := make([]byte, 230) // a notification of one event
	for _, callers := range []int{1, 16, 256, 1024} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			var commits atomic.Int64
			q := ingest.New(writerFunc[[]byte](func(_ context.Context, batch [][]byte) error {
				commits.Add(1)
				return write(batch)
			}), ingest.Options{})
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan error)
			go func() { done <- q.Run(ctx) }()

			b.ReportAllocs()
			b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			if callers == 1 {
				for b.Loop() {
					if err := q.Add(ctx, item, 1, int64(len(item))); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := q.Add(ctx, item, 1, int64(len(item))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
			b.ReportMetric(float64(b.N)/float64(commits.Load()), "items/commit")
			stop()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
