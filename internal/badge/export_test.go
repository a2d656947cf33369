package badge

// Over returns the color of a text on another color.
func Over(color string) string { return over(color) }

// Contrast returns how well a text is read on a color, from 1 to 21.
func Contrast(color string) float64 {
	text, behind := 0.0, luminance(color)
	if over(color) == "fff" {
		text = 1
	}
	return (max(text, behind) + 0.05) / (min(text, behind) + 0.05)
}
