package badge

import (
	"fmt"
	"strconv"
)

// Count spells a number in at most four characters and a unit: 999, 1k, 1.2k,
// 12k, 123k, 1.2M. It is exact below 1,000. From there on it is rounded to the
// nearest tenth below ten of a unit and to the nearest whole from ten on, halves
// up; what comes to 1,000 of a unit is 1 of the next. A tenth of zero is left
// out.
func Count(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(max(n, 0), 10)
	}
	count, unit := uint64(n), uint64(1000) // with room to round the largest number up
	for _, name := range "kMGTP" {
		if text, ok := ofUnit(count, unit, name); ok {
			return text
		}
		unit *= 1000
	}
	text, _ := ofUnit(count, unit, 'E')
	return text
}

// ofUnit spells a count in a unit; ok is false where it comes to 1,000 of it.
func ofUnit(count, unit uint64, name rune) (text string, ok bool) {
	tenth := unit / 10
	switch tenths := (count + tenth/2) / tenth; {
	case tenths >= 100:
		whole := (count + unit/2) / unit
		return fmt.Sprintf("%d%c", whole, name), whole < 1000
	case tenths%10 == 0:
		return fmt.Sprintf("%d%c", tenths/10, name), true
	default:
		return fmt.Sprintf("%d.%d%c", tenths/10, tenths%10, name), true
	}
}
