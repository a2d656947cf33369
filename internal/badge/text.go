package badge

import (
	"strings"
	"unicode"
)

// clean returns a text as it is shown: valid, on one line, without what cannot
// be seen and without what would turn the text around it.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Join(strings.Fields(text), " ")
}

// unseen reports whether a rune says how others are shown, or nothing at all.
// Joiners stay: Persian and emoji are spelled with them.
func unseen(r rune) bool {
	switch {
	case r == zeroWidthJoiner, r == zeroWidthNonJoiner:
		return false
	case r&0xfffe == 0xfffe: // no character, and not allowed in XML
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// Widths are in 1/2048 of the size of the font, as the font has them.
const em = 2048

// ascii are the widths of DejaVu Sans from the space to the tilde, read off its
// table hmtx.
var ascii = [...]uint16{
	651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, // space to /
	1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087, // 0 to ?
	2048, 1401, 1405, 1430, 1577, 1294, 1178, 1587, 1540, 604, 604, 1343, 1141, 1767, 1532, 1612, // @ to O
	1235, 1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403, 1251, 1403, 799, 690, 799, 1716, 1024, // P to _
	1024, 1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253, // ` to o
	1300, 1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716, // p to ~
}

// Widths of the other runes, by class: what such runes have on average in
// DejaVu Sans, or what fonts of their scripts agree on.
const (
	upperCase = 1450
	lowerCase = 1260
	fullWidth = em // an ideograph is as wide as it is high
	halfWidth = em / 2
	emoji     = 2560
	flagHalf  = emoji / 2 // two letters are one flag
	symbol    = 1716
	otherwise = 1330 // Arabic, Hebrew, Thai and the scripts of India
)

// Width is how wide a text is about, in pixels.
func Width(text string) float64 {
	sum, joined := 0, false
	for _, r := range text {
		if w := advance(r); !joined || w != emoji { // emoji that are joined are one
			sum += w
		}
		joined = r == zeroWidthJoiner
	}
	return float64(sum) * fontSize / em
}

func advance(r rune) int {
	switch {
	case ' ' <= r && r <= '~':
		return int(ascii[r-' '])
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf), isModifier(r):
		return 0
	case 0x1f1e6 <= r && r <= 0x1f1ff:
		return flagHalf
	case 0x1f000 <= r && r <= 0x1faff:
		return emoji
	case 0xff61 <= r && r <= 0xffdc: // half-width katakana and hangul
		return halfWidth
	case isWide(r):
		return fullWidth
	case unicode.IsUpper(r):
		return upperCase
	case unicode.IsLower(r):
		return lowerCase
	case unicode.IsSymbol(r):
		return symbol
	}
	return otherwise
}

// isModifier reports whether a rune changes the one before: the color of a skin,
// or the second and third part of a syllable of Hangul.
func isModifier(r rune) bool {
	return 0x1f3fb <= r && r <= 0x1f3ff || 0x1160 <= r && r <= 0x11ff
}

// isWide reports whether a rune is as wide as an ideograph.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi) ||
		0x3000 <= r && r <= 0x303f || 0xfe30 <= r && r <= 0xfe6f || 0xff01 <= r && r <= 0xff60 || 0xffe0 <= r && r <= 0xffe6
}

// rightToLeft reports whether a text runs from the right: its first letter does.
func rightToLeft(text string) bool {
	for _, r := range text {
		if unicode.IsLetter(r) {
			return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Samaritan,
				unicode.Mandaic, unicode.Adlam, unicode.Hanifi_Rohingya, unicode.Mende_Kikakui)
		}
	}
	return false
}
