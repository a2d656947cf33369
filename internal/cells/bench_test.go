package cells_test

import (
	"math/rand/v2"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/cells"
)

// zipfMonth is a month of a busy server: n cells of dense ids, most downloaded
// once to three times, few hits that are no download, files of some ten KB to
// some ten MB.
func zipfMonth(n int) *cells.Columns {
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.6, 1, 1<<20)
	var (
		c  cells.Columns
		id uint32
	)
	for range n {
		id += 1 + uint32(r.IntN(20))
		downloads := 1 + zipf.Uint64()
		hits := downloads
		if r.IntN(20) == 0 {
			hits += 1 + zipf.Uint64()
		}
		c.Append(id, downloads, hits, 1<<(14+r.IntN(20))+uint64(r.IntN(1<<14)))
	}
	return &c
}

func pack(tb testing.TB, c *cells.Columns) []cells.Packed {
	tb.Helper()
	chunks, err := cells.Pack(c)
	if err != nil {
		tb.Fatal(err)
	}
	return chunks
}

// benchCells is a year of 100k files in months.
const benchCells = 1_200_000

// BenchmarkSum answers "how often was each file downloaded" from twelve months;
// BenchmarkUnpack is the part of it that this package does.
func BenchmarkSum(b *testing.B) {
	benchYear(b, func(sums []uint64, c *cells.Columns) {
		for i, id := range c.IDs {
			sums[id] += c.Downloads[i]
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	benchYear(b, func([]uint64, *cells.Columns) {})
}

func benchYear(b *testing.B, each func(sums []uint64, c *cells.Columns)) {
	month := zipfMonth(benchCells / 12)
	chunks := pack(b, month)
	for name, m := range map[string]cells.Measures{
		"downloads": cells.Downloads,
		"hits":      cells.Hits,
		"bytes":     cells.Downloads | cells.Bytes,
		"all":       cells.All,
	} {
		b.Run(name, func(b *testing.B) {
			sums := make([]uint64, month.IDs[month.Len()-1]+1)
			var c cells.Columns
			for b.Loop() {
				for range 12 {
					for _, p := range chunks {
						c.Reset()
						if err := p.UnpackOnly(&c, m); err != nil {
							b.Fatal(err)
						}
						each(sums, &c)
					}
				}
			}
			reportCells(b, 12*month.Len())
		})
	}
}

func BenchmarkPack(b *testing.B) {
	month := zipfMonth(benchCells / 12)
	var chunks []cells.Packed
	for b.Loop() {
		chunks = pack(b, month)
	}
	reportCells(b, month.Len())
	var ids, downloads, hits, bytes int
	for _, p := range chunks {
		ids += len(p.IDs)
		downloads += len(p.Downloads)
		hits += len(p.Hits)
		bytes += len(p.Bytes)
	}
	n := float64(month.Len())
	b.ReportMetric(float64(ids)/n, "id_B/cell")
	b.ReportMetric(float64(downloads)/n, "download_B/cell")
	b.ReportMetric(float64(hits)/n, "hit_B/cell")
	b.ReportMetric(float64(bytes)/n, "byte_B/cell")
	b.ReportMetric(float64(ids+downloads+hits+bytes)/n/3, "B/cell/measure")
}

func BenchmarkMerge(b *testing.B) {
	x, y := zipfMonth(benchCells/24), zipfMonth(benchCells/12)
	for i := range x.IDs {
		x.IDs[i] += uint32(i)
	}
	var into cells.Columns
	for b.Loop() {
		cells.Merge(&into, x, y)
	}
	reportCells(b, x.Len()+y.Len())
}

func reportCells(b *testing.B, perOp int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(perOp), "ns/cell")
}
