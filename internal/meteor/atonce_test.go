package meteor_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

// A countedStore counts the pages that are read of it.
type countedStore struct {
	catalogStore
	pages atomic.Int64
}

func (s *countedStore) Sync(ctx context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (pkgmeter.SyncPage, error) {
	s.pages.Add(1)
	return s.catalogStore.Sync(ctx, token, limit)
}

// Many clients that have nothing come at once, as after the server's first start.
func TestClientsThatBeginAtOnceShareTheirPages(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const clients, records = 12, 1300
			store := open(t)
			counted := &countedStore{catalogStore: store}
			f := serveOver(t, counted, store)
			f.put(t, packages(0, records)...)
			var pages atomic.Int64
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					sizes, all := walk(t, f, `{}`, nil)
					if slices.Sort(all); len(slices.Compact(all)) != records {
						t.Errorf("%d records, want %d", len(all), records)
					}
					pages.Store(int64(len(sizes)))
				})
			}
			wg.Wait()
			// Of the last page each client gets its own.
			if got, most := counted.pages.Load(), pages.Load()-1+clients; got > most {
				t.Errorf("%d pages were read for %d clients of %d pages each, want %d at most", got, clients, pages.Load(), most)
			}
		})
	}
}
