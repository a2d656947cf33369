package badge

import (
	"math"
	"strconv"
)

// luminance is how bright a color is, from 0 to 1, as WCAG 2 has it.
func luminance(color string) float64 {
	n, err := strconv.ParseUint(color, 16, 24)
	if err != nil {
		return 0 // it was parsed before
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8&0xff) + 0.0722*linear(n&0xff)
}

func linear(channel uint64) float64 {
	c := float64(channel) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
