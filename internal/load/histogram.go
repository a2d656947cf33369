package load

import (
	"math/bits"
	"time"
)

// subBits sets the precision of a histogram: a bucket is at most 1/32 wider
// than what it holds.
const subBits = 5

// histogram counts durations in microseconds, in constant memory.
type histogram struct {
	n       int64
	buckets [64 << subBits]int64
}

func bucketOf(us uint64) int {
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return (shift+1)<<subBits | int(us>>shift)&(1<<subBits-1)
}

// valueOf returns the smallest duration of a bucket, microseconds.
func valueOf(bucket int) int64 {
	shift := bucket>>subBits - 1
	if shift < 0 {
		return int64(bucket)
	}
	return int64(1<<subBits|bucket&(1<<subBits-1)) << shift
}

func (h *histogram) observe(d time.Duration) {
	h.n++
	h.buckets[bucketOf(uint64(max(d.Microseconds(), 0)))]++
}

func (h *histogram) add(o *histogram) {
	h.n += o.n
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
}

// quantile returns the duration below which the share q lies, microseconds.
func (h *histogram) quantile(q float64) int64 {
	rest := int64(q * float64(h.n))
	for i, n := range h.buckets {
		if rest -= n; rest < 0 {
			return valueOf(i)
		}
	}
	return 0
}
