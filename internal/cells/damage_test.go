package cells_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// The columns, as the format numbers them.
const (
	ids = iota
	downloads
	hits
	bytes
)

// seal ends a body as the format asks, so that what is wrong with the varints
// themselves comes to light.
func seal(column, n int, varints []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	return binary.LittleEndian.AppendUint32(slices.Clone(varints), crc32.Update(uint32(n*4+column), table, varints))
}

func sealed(n int, first, last uint32, i, d, h, b []byte) cells.Packed {
	return cells.Packed{
		N: n, First: first, Last: last,
		IDs: seal(ids, n, i), Downloads: seal(downloads, n, d), Hits: seal(hits, n, h), Bytes: seal(bytes, n, b),
	}
}

// mustRefuse holds that a damaged chunk is an error and leaves no trace.
func mustRefuse(t *testing.T, p cells.Packed, what string, args ...any) {
	t.Helper()
	var c, before cells.Columns
	c.Append(1, 2, 3, 4)
	before.Append(1, 2, 3, 4)
	if err := p.Unpack(&c); !errors.Is(err, cells.ErrDamaged) {
		t.Errorf(what+": got error %v", append(args, err)...)
	}
	if !reflect.DeepEqual(c, before) {
		t.Errorf(what+": the run was changed to %v", append(args, c)...)
	}
}

func TestTheFormatIsFixed(t *testing.T) {
	t.Parallel()
	var want cells.Columns
	want.Append(300, 1, 1, 128)
	want.Append(301, 127, 129, 0)
	want.Append(math.MaxUint32, 0, math.MaxUint64, math.MaxUint64)
	top := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	p := sealed(3, 300, math.MaxUint32,
		[]byte{0xac, 0x02, 0x01, 0xd2, 0xfd, 0xff, 0xff, 0x0f},
		[]byte{1, 127, 0},
		append([]byte{0, 2}, top...),
		append([]byte{0x80, 0x01, 0}, top...))
	if got := pack(t, &want); !reflect.DeepEqual(got, []cells.Packed{p}) {
		t.Errorf("packed %x, want %x", got, p)
	}
	if got := unpack(t, []cells.Packed{p}); !reflect.DeepEqual(*got, want) {
		t.Errorf("unpacked %v, want %v", got, want)
	}
}

func TestAnyFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	p := pack(t, zipfMonth(300))[0]
	for c, body := range [][]byte{p.IDs, p.Downloads, p.Hits, p.Bytes} {
		for bit := range 8 * len(body) {
			body[bit/8] ^= 1 << (bit % 8)
			mustRefuse(t, p, "bit %d of column %d", bit, c)
			body[bit/8] ^= 1 << (bit % 8)
		}
	}
	for bit := range 32 {
		q := p
		q.First ^= 1 << bit
		mustRefuse(t, q, "bit %d of First", bit)
		q = p
		q.Last ^= 1 << bit
		mustRefuse(t, q, "bit %d of Last", bit)
	}
	for bit := range bits.UintSize {
		q := p
		q.N ^= 1 << bit
		mustRefuse(t, q, "bit %d of N", bit)
	}
	unpack(t, []cells.Packed{p}) // all of them were put back
}

func TestABodyIsWholeAndInItsPlace(t *testing.T) {
	t.Parallel()
	p := pack(t, zipfMonth(50))[0]
	for i := range p.IDs {
		q := p
		q.IDs = p.IDs[:i]
		mustRefuse(t, q, "ids cut at %d", i)
	}
	for i := range p.Bytes {
		q := p
		q.Bytes = p.Bytes[i+1:]
		mustRefuse(t, q, "bytes without the first %d", i+1)
	}
	q := p
	q.Downloads, q.Hits = p.Hits, p.Downloads
	mustRefuse(t, q, "downloads for hits")
	q = p
	q.Hits = append(slices.Clone(p.Hits), 0)
	mustRefuse(t, q, "a byte behind")
	mustRefuse(t, cells.Packed{}, "nothing")
}

func TestASealedChunkIsStillChecked(t *testing.T) {
	t.Parallel()
	one, two := []byte{1}, []byte{1, 1}
	// 256 differences of 2^56 - 1 and 256 of 1 are 2^64 together.
	wrap := append(slices.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 256), slices.Repeat(one, 256)...)
	many := slices.Repeat(one, 1+256+256)
	for name, p := range map[string]cells.Packed{
		"no cell":               sealed(0, 0, 0, nil, nil, nil, nil),
		"negative":              sealed(-1, 1, 1, one, one, one, one),
		"too few ids":           sealed(2, 1, 2, one, two, two, two),
		"too many ids":          sealed(1, 1, 1, two, one, one, one),
		"too few downloads":     sealed(2, 1, 2, two, one, two, two),
		"too many downloads":    sealed(1, 1, 1, one, two, one, one),
		"too many hits":         sealed(1, 1, 1, one, one, two, one),
		"too many bytes":        sealed(1, 1, 1, one, one, one, two),
		"count far beyond":      sealed(1<<30, 1, 1, one, one, one, one),
		"duplicate id":          sealed(2, 1, 1, []byte{1, 0}, two, two, two),
		"ids beyond 32 bits":    sealed(2, 1, 1, []byte{1, 0x80, 0x80, 0x80, 0x80, 0x10}, two, two, two),
		"id of 64 bits":         sealed(2, 1, 0, []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, two, two, two),
		"ids that wrap 32 bits": sealed(2, math.MaxUint32, 1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 2}, two, two, two),
		"ids that wrap 64 bits": sealed(len(many), 1, 1, slices.Concat(one, wrap), many, many, many),
		"number cut short":      sealed(1, 1, 1, one, []byte{0x80}, one, one),
		"not the shortest form": sealed(1, 1, 1, one, []byte{0x81, 0}, one, one),
		"number of 65 bits":     sealed(1, 1, 1, one, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, one, one),
		"hits of 65 bits":       sealed(1, 1, 1, one, one, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, one),
		"wrong first":           sealed(1, 2, 1, one, one, one, one),
		"wrong last":            sealed(1, 1, 2, one, one, one, one),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustRefuse(t, p, name)
		})
	}
}

// TestLongColumnsAreCheckedThroughout puts one wrong number at every place of
// columns that are long enough for every path of the decoder.
func TestLongColumnsAreCheckedThroughout(t *testing.T) {
	t.Parallel()
	const n = 200
	ones := slices.Repeat([]byte{1}, n)
	wide := slices.Repeat([]byte{0x81, 0x82, 0x03}, n)
	for i := range n {
		if i > 0 { // the first id may be 0
			dup := slices.Replace(slices.Clone(ones), i, i+1, 0)
			mustRefuse(t, sealed(n, 1, n-1, dup, ones, ones, ones), "duplicate id at %d", i)
		}
		mustRefuse(t, sealed(n, 1, n, ones, slices.Replace(slices.Clone(ones), i, i+1, 0x81, 0), ones, ones), "long form at %d", i)
		for _, bad := range [][]byte{
			{0x81, 0x80, 0}, // not the shortest form
			{0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x82, 1}, // eleven bytes
			{},     // missing
			{1, 1}, // one too many
		} {
			long := slices.Replace(slices.Clone(wide), 3*i, 3*i+3, bad...)
			mustRefuse(t, sealed(n, 1, n, ones, ones, ones, long), "% x at %d", bad, i)
		}
	}
}

func TestMemoryIsBoundedByTheBodiesAndNotByN(t *testing.T) {
	t.Parallel()
	huge := sealed(cells.MaxBody, 1, 1, []byte{1}, []byte{1}, []byte{1}, []byte{1})
	var c cells.Columns
	mustRefuse(t, huge, "N of %d", huge.N)
	if _ = huge.Unpack(&c); cap(c.IDs)+cap(c.Downloads)+cap(c.Hits)+cap(c.Bytes) != 0 {
		t.Errorf("room was made for %d ids", cap(c.IDs))
	}
	long := slices.Repeat([]byte{1}, cells.MaxBody)
	mustRefuse(t, sealed(len(long), 1, uint32(len(long)), long, long, long, long), "bodies beyond MaxBody")
	long = long[:cells.MaxBody/4-3]
	mustRefuse(t, sealed(len(long), 1, uint32(len(long)), long, long, long, long), "bodies beyond MaxBody together")
}

// FuzzUnpack holds Unpack to its contract for any bodies, their checks put
// right: an error and nothing else, or a run that packs to the same chunk.
func FuzzUnpack(f *testing.F) {
	for _, n := range []int{1, 9, 80} {
		p := pack(f, zipfMonth(n))[0]
		f.Add(p.N, p.First, p.Last, open(p.IDs), open(p.Downloads), open(p.Hits), open(p.Bytes))
	}
	f.Add(1, uint32(0), uint32(0), []byte{0}, []byte{0x80}, []byte{0}, []byte{0x80, 0})
	f.Fuzz(func(t *testing.T, n int, first, last uint32, i, d, h, b []byte) {
		p := sealed(n, first, last, i, d, h, b)
		var c cells.Columns
		if err := p.Unpack(&c); err != nil {
			if !errors.Is(err, cells.ErrDamaged) || c.Len() != 0 || len(c.Downloads)+len(c.Hits)+len(c.Bytes) != 0 {
				t.Fatalf("error %v beside %d cells", err, c.Len())
			}
			return
		}
		if len(i)+len(d)+len(h)+len(b) > cells.MaxBody-16 {
			t.Fatalf("accepted a chunk of %d bytes", size(p))
		}
		again, err := cells.Pack(&c) // which checks order and hits ≥ downloads
		if err != nil || !reflect.DeepEqual(again, []cells.Packed{p}) {
			t.Fatalf("packed again: %x, %v; want %x", again, err, p)
		}
	})
}

// FuzzUnpackRaw is the same without the checks put right: what is accepted is
// what Pack wrote.
func FuzzUnpackRaw(f *testing.F) {
	p := pack(f, zipfMonth(20))[0]
	f.Add(p.N, p.First, p.Last, p.IDs, p.Downloads, p.Hits, p.Bytes)
	f.Fuzz(func(t *testing.T, n int, first, last uint32, i, d, h, b []byte) {
		p := cells.Packed{N: n, First: first, Last: last, IDs: i, Downloads: d, Hits: h, Bytes: b}
		var c cells.Columns
		if p.Unpack(&c) != nil {
			return
		}
		if again, err := cells.Pack(&c); err != nil || !reflect.DeepEqual(again, []cells.Packed{p}) {
			t.Fatalf("packed again: %x, %v; want %x", again, err, p)
		}
	})
}

func open(body []byte) []byte { return body[:len(body)-4] }
