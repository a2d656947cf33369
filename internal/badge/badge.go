package badge

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// MaxLabel bounds a label, characters.
const MaxLabel = 64

// Colors, as six hexadecimal digits. Blue says that something is counted, and
// never whether that is much; grey that there is nothing to count.
const (
	Blue = "1f6fb2"
	Grey = "6b7280"
	dark = "4b5563" // behind every label
)

// A Style is the shape of a badge.
type Style uint8

// The styles: with round corners, and with square ones.
const (
	Flat Style = iota
	FlatSquare
)

// styleNames are in the order of the styles.
var styleNames = []string{"flat", "flat-square"}

// String returns the name of s.
func (s Style) String() string { return styleNames[s] }

// ParseStyle returns the style of a name.
func ParseStyle(name string) (Style, error) {
	for i, n := range styleNames {
		if n == name {
			return Style(i), nil
		}
	}
	return 0, pkgmeter.Errorf(pkgmeter.Invalid, "style %q: want %s", name, strings.Join(styleNames, " or "))
}

// ParseLabel returns a label as it is shown.
func ParseLabel(text string) (string, error) {
	if n := utf8.RuneCountInString(text); n > MaxLabel {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "label has %d characters, at most %d are possible", n, MaxLabel)
	}
	text = clean(text)
	if text == "" {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "label is empty: want 1 to %d characters that can be seen", MaxLabel)
	}
	return text, nil
}

// ParseColor returns a color as six hexadecimal digits, of which three stand for
// twice as many.
func ParseColor(text string) (string, error) {
	hex := strings.ToLower(strings.TrimPrefix(text, "#"))
	if strings.Trim(hex, "0123456789abcdef") == "" {
		switch len(hex) {
		case 6:
			return hex, nil
		case 3:
			return string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]}), nil
		}
	}
	return "", pkgmeter.Errorf(pkgmeter.Invalid, "color %q: want three or six hexadecimal digits, such as %s", text, Blue)
}

// A Badge is two words.
type Badge struct {
	Label   string
	Message string
	Color   string // behind the message: six hexadecimal digits
	Style   Style
}

// What is drawn, in pixels.
const (
	height   = 20
	fontSize = 11
	padding  = 6
	corner   = 4
	baseline = 14
)

// SVG draws the badge. Label and message come from outside: they become text
// and nothing else, whatever is in them.
func (b Badge) SVG() []byte {
	label, message := clean(b.Label), clean(b.Message)
	left, right := box(label), box(message)
	width := left + right
	said := html.EscapeString(label + ": " + message)
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		width, height, width, height, said)
	fmt.Fprintf(&out, `<title>%s</title>`, said)
	radius := corner
	if b.Style == FlatSquare {
		radius = 0
	}
	fmt.Fprintf(&out, `<path fill="#%s" d="%s"/>`, dark, leftPart(left, radius))
	fmt.Fprintf(&out, `<path fill="#%s" d="%s"/>`, b.Color, rightPart(left, width, radius))
	fmt.Fprintf(&out, `<g font-family="Verdana,'DejaVu Sans',Geneva,sans-serif" font-size="%d" text-anchor="middle">`, fontSize)
	out.WriteString(word(label, left/2, over(dark)))
	out.WriteString(word(message, left+right/2, over(b.Color)))
	out.WriteString("</g></svg>\n")
	return []byte(out.String())
}

// box is how wide the part of a text is: an even number of pixels, so that its
// middle is one.
func box(text string) int {
	w := int(Width(text)) + 1 + 2*padding
	return w + w%2
}

// leftPart and rightPart are outlines: their corners outside are round by r.
func leftPart(to, r int) string {
	if r == 0 {
		return fmt.Sprintf("M0 0H%dV%dH0Z", to, height)
	}
	arc := fmt.Sprintf("A%d %d 0 0 1 ", r, r)
	return fmt.Sprintf("M%d 0H%dV%dH%d%s0 %dV%d%s%d 0Z", r, to, height, r, arc, height-r, r, arc, r)
}

func rightPart(from, to, r int) string {
	if r == 0 {
		return fmt.Sprintf("M%d 0H%dV%dH%dZ", from, to, height, from)
	}
	arc := fmt.Sprintf("A%d %d 0 0 1 ", r, r)
	return fmt.Sprintf("M%d 0H%d%s%d %dV%d%s%d %dH%dZ", from, to-r, arc, to, r, height-r, arc, to-r, height, from)
}

// word is a text in the middle of its part. It is as long as it was measured,
// whatever font shows it, so that it always fits.
func word(text string, middle int, color string) string {
	direction := ""
	if rightToLeft(text) {
		direction = ` direction="rtl"`
	}
	return fmt.Sprintf(`<text x="%d" y="%d" fill="#%s" textLength="%s" lengthAdjust="spacingAndGlyphs"%s>%s</text>`,
		middle, baseline, color, strconv.FormatFloat(Width(text), 'f', 1, 64), direction, html.EscapeString(text))
}

// over returns the color, black or white, that is read best on another one.
func over(color string) string {
	const black, white = "000", "fff"
	// The two contrasts are equal where the luminance is about this.
	if luminance(color) > 0.179 {
		return black
	}
	return white
}
