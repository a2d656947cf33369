package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// ids writes entries with the given ids, and returns how many were new.
func ids(t *testing.T, s *sqlite.Store, received time.Time, from, to int) int {
	t.Helper()
	d := &pkgmeter.Delivery{Received: received}
	for i := from; i < to; i++ {
		d.Entries = append(d.Entries, withID(entry("a.jar", received), fmt.Sprint("id-", i)))
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	if d.New+d.Known != to-from {
		t.Fatalf("%d new and %d known of %d", d.New, d.Known, to-from)
	}
	return d.New
}

func TestIdsAreKnownInLogsSegmentsAndMergedSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	const part = 700
	for i := range 20 { // 8 segments merge into one, twice
		if n := ids(t, s, c.at, i*part, (i+1)*part); n != part {
			t.Fatalf("part %d: %d new", i, n)
		}
		if err := s.SealAt(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		if i%5 == 4 { // over restarts and days
			s.Close()
			c.at = c.at.AddDate(0, 0, 1)
			s = open(t, dir, c)
		}
	}
	ids(t, s, c.at, 20*part, 21*part) // of the log
	for range 2 {
		if n := ids(t, s, c.at, 0, 21*part); n != 0 {
			t.Errorf("%d of %d known ids are new", n, 21*part)
		}
		s.Close()
		s = open(t, dir, c)
	}
	if n := ids(t, s, c.at, 21*part, 23*part); n != 2*part {
		t.Errorf("%d of %d new ids are known", 2*part-n, 2*part)
	}
	if got := hits(t, s, c.at); got != 23*part {
		t.Errorf("%d hits, want %d", got, 23*part)
	}
	var segments, garbage int
	if err := raw(t, dir).QueryRow(`SELECT (SELECT count(*) FROM key_filter), (SELECT count(*) FROM key_seg WHERE seg NOT IN (SELECT seg FROM key_filter))`).
		Scan(&segments, &garbage); err != nil || segments > 6 {
		t.Errorf("%d segments, %d chunks of none, %v", segments, garbage, err)
	}
}

func TestALargeSegmentLeavesOutWhatItsChunksSay(t *testing.T) {
	if raced {
		t.Skip("a million ids are written in the run without the race detector")
	}
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	const all = 1_100_000 // enough that a chunk's number is a byte
	for i := 0; i < all; i += 50_000 {
		ids(t, s, c.at, i, i+50_000)
	}
	if err := s.SealAt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var keys, bits, n float64
	if err := raw(t, dir).QueryRow(`SELECT (SELECT sum(length(keys)) FROM key_seg), (SELECT sum(length(bits)) FROM key_filter), (SELECT sum(n) FROM key_filter)`).
		Scan(&keys, &bits, &n); err != nil || n != all || (keys+bits)/n > 11 {
		t.Errorf("%.0f keys, %.2f bytes each, %v", n, (keys+bits)/n, err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		from := rng.IntN(all - 500)
		if n := ids(t, s, c.at, from, from+500); n != 0 {
			t.Errorf("%d ids from %d are new", n, from)
		}
	}
	if n := ids(t, s, c.at, all, all+20_000); n != 20_000 {
		t.Errorf("%d of 20,000 new ids are known", 20_000-n)
	}
}

// steps is a context that ends after so many looks at it.
type steps struct {
	context.Context //nolint:containedctx // it is a context
	left            *atomic.Int64
}

func (s steps) Err() error {
	if s.left.Add(-1) < 0 {
		return context.Canceled
	}
	return s.Context.Err()
}

func TestASealingThatEndsAnywhereLosesNoId(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	const part = 300
	at := 0
	for n := range 30 {
		ids(t, s, c.at, at, at+part)
		at += part
		var left atomic.Int64
		left.Store(int64(n % 4))
		err := s.SealAt(steps{t.Context(), &left}, 1)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if n%3 == 2 {
			s.Close()
			s = open(t, dir, c)
		}
		if n := ids(t, s, c.at, 0, at); n != 0 {
			t.Fatalf("%d of %d known ids are new", n, at)
		}
	}
}

func TestIdsAreForgottenAfter400DaysAndNotBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	ids(t, s, c.at, 0, 50)
	if err := s.SealAt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	c.at = noon.AddDate(0, 0, 400)
	if err := s.SealAt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n := ids(t, s, c.at, 0, 50); n != 0 {
		t.Errorf("after 400 days %d are new", n)
	}
	c.at = noon.AddDate(0, 0, 401)
	if err := s.SealAt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n := ids(t, s, c.at, 0, 50); n != 50 {
		t.Errorf("after 401 days %d are new", n)
	}
}
