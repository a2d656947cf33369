package hook

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/pkgmeter/pkgmeter"
)

// A small body is read and decoded at once. Larger ones can grow to some forty
// times their size while they are decoded and wait for the disk: only so many
// of them are in hand at the same time, and the others wait a little.
const (
	smallBody = 8 << 10
	maxLarge  = 16
	largeWait = time.Second
)

// Large is room for large bodies, some 10 MiB of memory each; larger ones take
// several places. All hooks of a server share one. Nil is room for all.
type Large struct{ places *semaphore.Weighted }

// NewLarge returns room for as many as may be in hand at the same time.
func NewLarge() *Large { return &Large{semaphore.NewWeighted(maxLarge)} }

// places returns how many the body of r takes, at most a place large.
func places(r *http.Request) int64 {
	if r.ContentLength >= 0 && r.ContentLength <= smallBody {
		return 0
	}
	return 1
}

// enter waits for that many places, if any are needed.
func (l *Large) enter(r *http.Request, places int64) (leave func(), err error) {
	if l == nil || places == 0 {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), largeWait)
	defer cancel()
	if l.places.Acquire(ctx, places) == nil {
		return func() { l.places.Release(places) }, nil
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return nil, pkgmeter.Errorf(pkgmeter.Unavailable, "busy with other large deliveries: try again")
}
