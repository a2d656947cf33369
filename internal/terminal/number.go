package terminal

import (
	"fmt"
	"math"
	"strconv"
)

// Grouped writes n with commas: 1,234,567.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plus adds counts. A sum stays at the largest number once it reaches it, as sums
// of bytes do.
func plus(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// percent writes a part of a whole. A part that is there is never 0.0 %.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	p := 100 * float64(part) / float64(whole)
	if part > 0 && p < 0.05 {
		return "<0.1 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}

// change writes how a number grew, and its colour; "-" where there is nothing to
// compare with.
func change(now int64, before *int64) (string, color) {
	if before == nil || *before <= 0 {
		return "-", dim
	}
	p := int64(math.Round(100 * (float64(now) - float64(*before)) / float64(*before)))
	switch {
	case p > 0:
		return "+" + Grouped(p) + " %", green
	case p < 0:
		return Grouped(p) + " %", red
	}
	return "0 %", dim
}
