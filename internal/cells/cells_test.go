package cells_test

import (
	"errors"
	"maps"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/cells"
	"pgregory.net/rapid"
)

// cell and a map of them are the model that runs are compared with.
type cell struct{ downloads, hits, bytes uint64 }

func columns(m map[uint32]cell) *cells.Columns {
	var c cells.Columns
	for _, id := range slices.Sorted(maps.Keys(m)) {
		c.Append(id, m[id].downloads, m[id].hits, m[id].bytes)
	}
	return &c
}

func model(c *cells.Columns) map[uint32]cell {
	m := make(map[uint32]cell)
	for i, id := range c.IDs {
		m[id] = cell{c.Downloads[i], c.Hits[i], c.Bytes[i]}
	}
	return m
}

// run draws cells whose numbers are of every length, the longest included.
func run(t *rapid.T, label string) map[uint32]cell {
	number := rapid.Custom(func(t *rapid.T) uint64 {
		return rapid.Uint64().Draw(t, "number") >> rapid.IntRange(0, 63).Draw(t, "shift")
	})
	id := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 400), rapid.Uint32Min(math.MaxUint32-9))
	return rapid.MapOfN(id, rapid.Custom(func(t *rapid.T) cell {
		downloads := number.Draw(t, "downloads")
		hits, carry := bits.Add64(downloads, number.Draw(t, "excess"), 0)
		return cell{downloads, hits | -carry, number.Draw(t, "bytes")}
	}), 0, 300).Draw(t, label)
}

func size(p cells.Packed) int { return len(p.IDs) + len(p.Downloads) + len(p.Hits) + len(p.Bytes) }

func unpack(tb rapid.TB, chunks []cells.Packed) *cells.Columns {
	tb.Helper()
	var c cells.Columns
	for _, p := range chunks {
		if err := p.Unpack(&c); err != nil {
			tb.Fatal(err)
		}
	}
	return &c
}

func TestUnpackGivesBackWhatWasPacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := run(t, "cells")
		chunks, err := cells.Pack(columns(m))
		if err != nil {
			t.Fatal(err)
		}
		got := unpack(t, chunks)
		if !slices.IsSorted(got.IDs) || !maps.Equal(model(got), m) {
			t.Fatalf("unpacked %v, want %v", got, m)
		}
		if again, err := cells.Pack(got); err != nil || !reflect.DeepEqual(again, chunks) {
			t.Fatalf("packed again: %v, %v; want %v", again, err, chunks)
		}
	})
}

func TestAFullChunkIsCutAndTheUnionIsTheWhole(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]*cells.Columns{
		"short numbers": zipfMonth(100_000),
		"longest numbers": func() *cells.Columns {
			var c cells.Columns
			for i := range uint32(10_000) {
				c.Append(i<<18, math.MaxUint64, math.MaxUint64, math.MaxUint64)
			}
			return &c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chunks := pack(t, want)
			if len(chunks) < 3 {
				t.Fatalf("%d chunks: nothing was cut", len(chunks))
			}
			for i, p := range chunks {
				if n := size(p); n > cells.MaxBody || i < len(chunks)-1 && n < cells.MaxBody-40 {
					t.Errorf("chunk %d has %d bytes of at most %d", i, n, cells.MaxBody)
				}
				if i > 0 && p.First <= chunks[i-1].Last {
					t.Errorf("chunk %d starts at id %d, the one before ends at %d", i, p.First, chunks[i-1].Last)
				}
				part := unpack(t, chunks[i:i+1])
				if part.Len() != p.N || part.IDs[0] != p.First || part.IDs[p.N-1] != p.Last {
					t.Errorf("chunk %d says %d cells from %d to %d, has %d from %d to %d",
						i, p.N, p.First, p.Last, part.Len(), part.IDs[0], part.IDs[part.Len()-1])
				}
			}
			if got := unpack(t, chunks); !reflect.DeepEqual(got, want) {
				t.Error("the chunks together are not what was packed")
			}
		})
	}
}

func TestAnEmptyRunHasNoChunk(t *testing.T) {
	t.Parallel()
	if chunks := pack(t, &cells.Columns{}); len(chunks) != 0 {
		t.Errorf("got %d chunks", len(chunks))
	}
}

func TestPackRefusesWhatIsNoRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cells.Columns{
		"unsorted":            {IDs: []uint32{2, 1}, Downloads: []uint64{1, 1}, Hits: []uint64{1, 1}, Bytes: []uint64{1, 1}},
		"duplicate":           {IDs: []uint32{2, 2}, Downloads: []uint64{1, 1}, Hits: []uint64{1, 1}, Bytes: []uint64{1, 1}},
		"hits < downloads":    {IDs: []uint32{2}, Downloads: []uint64{2}, Hits: []uint64{1}, Bytes: []uint64{1}},
		"one column unasked":  {IDs: []uint32{2}, Downloads: []uint64{2}, Hits: []uint64{2}},
		"one column too long": {Downloads: []uint64{2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if chunks, err := cells.Pack(&c); err == nil || chunks != nil {
				t.Errorf("got %v, %v", chunks, err)
			}
		})
	}
}

func TestMergeSumsCellsOfEqualID(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := run(t, "a"), run(t, "b")
		want := maps.Clone(a)
		for id, y := range b {
			x := want[id]
			want[id] = cell{sum(x.downloads, y.downloads), sum(x.hits, y.hits), sum(x.bytes, y.bytes)}
		}
		got := columns(map[uint32]cell{7: {1, 2, 3}}) // what it held before must go
		cells.Merge(got, columns(a), columns(b))
		if !maps.Equal(model(got), want) || got.Len() != len(want) {
			t.Fatalf("merged %v, want %v", got, want)
		}
		if _, err := cells.Pack(got); err != nil {
			t.Fatalf("the merged run is not fit to pack: %v", err)
		}
	})
}

func TestASumBeyond64BitsStaysAtTheLargestNumber(t *testing.T) {
	t.Parallel()
	const top = math.MaxUint64
	var got cells.Columns
	cells.Merge(&got, columns(map[uint32]cell{1: {3, top, top - 1}}), columns(map[uint32]cell{1: {4, 4, 1}}))
	if want := (cell{7, top, top}); model(&got)[1] != want {
		t.Errorf("got %v, want %v", model(&got)[1], want)
	}
}

// sum stays at the largest number.
func sum(x, y uint64) uint64 {
	if x > math.MaxUint64-y {
		return math.MaxUint64
	}
	return x + y
}

func TestUnpackOnlyGivesTheSameNumbers(t *testing.T) {
	t.Parallel()
	all := zipfMonth(30_000)
	chunks := pack(t, all)
	for m := range cells.All + 1 {
		want := cells.Columns{IDs: all.IDs}
		if m&(cells.Downloads|cells.Hits) != 0 {
			want.Downloads = all.Downloads
		}
		if m&cells.Hits != 0 {
			want.Hits = all.Hits
		}
		if m&cells.Bytes != 0 {
			want.Bytes = all.Bytes
		}
		var got cells.Columns
		for _, p := range chunks {
			if m&(cells.Downloads|cells.Hits) == 0 {
				p.Downloads = nil
			}
			if m&cells.Hits == 0 {
				p.Hits = nil
			}
			if m&cells.Bytes == 0 {
				p.Bytes = nil
			}
			if err := p.UnpackOnly(&got, m); err != nil {
				t.Fatalf("measures %b: %v", m, err)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("measures %b: other numbers than with all", m)
		}
	}
}

func TestARunHoldsTheSameMeasuresThroughout(t *testing.T) {
	t.Parallel()
	p := pack(t, columns(map[uint32]cell{1: {1, 1, 1}}))[0]
	var c cells.Columns
	if err := p.UnpackOnly(&c, cells.Downloads); err != nil {
		t.Fatal(err)
	}
	if err := p.Unpack(&c); err == nil || errors.Is(err, cells.ErrDamaged) {
		t.Errorf("got %v, want an error that does not blame the chunk", err)
	}
	if len(c.IDs) != 1 || len(c.Downloads) != 1 || len(c.Hits) != 0 {
		t.Errorf("the failed call left %v", c)
	}
}
