package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// unfit stands for what is not shown.
const unfit = '\uFFFD'

// maxMarks is how many marks may stand on one letter: more climb over the lines
// above.
const maxMarks = 3

// Clean makes a name from outside harmless: nothing in it moves the cursor,
// changes colours, turns the direction of what follows, is invisible, or forges
// a line. What is unfit becomes U+FFFD.
func Clean(name string) string {
	marks := maxMarks // a mark at the beginning would stand on what is before the name
	return strings.Map(func(r rune) rune {
		switch {
		case hidden(r):
			r = unfit
		case !stacks(r):
		case marks == maxMarks:
			r = unfit
		default:
			marks++
			return r
		}
		marks = 0
		if r == ' ' || r == unfit {
			marks = maxMarks
		}
		return r
	}, name)
}

// hidden reports whether r is a control character, or looks like nothing.
func hidden(r rune) bool {
	const brailleBlank = '\u2800'
	return !unicode.IsPrint(r) || r == brailleBlank || '\U0001F3FB' <= r && r <= '\U0001F3FF' || // modifiers of the emoji before
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// stacks reports whether r is drawn over the letter before it, in no column of
// its own.
func stacks(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me) ||
		0x1160 <= r && r <= 0x11FF || 0xD7B0 <= r && r <= 0xD7FF // the vowels and ends of Hangul
}

// JSON escapes what Clean would replace. It means the same: text that is not
// ASCII is only in strings, and there an escape stands for the character.
func JSON(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for _, r := range string(raw) {
		if r > unicode.MaxASCII && hidden(r) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, "\\u%04x", unit)
			}
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func runeWidth(r rune) int {
	if stacks(r) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// textWidth returns how many columns a clean text takes.
func textWidth(text string) (n int) {
	for _, r := range text {
		n += runeWidth(r)
	}
	return n
}

// Fit cleans a name and cuts it to some columns. It cuts in the middle: the
// beginning of a purl or a path says what it is of, and its end which one.
func Fit(name string, columns int) string {
	name = Clean(name)
	if textWidth(name) <= columns {
		return name
	}
	const ellipsis = "…"
	if columns < 1 {
		return ""
	}
	head := beginning(name, (columns-1)/3)
	return head + ellipsis + ending(name, columns-1-textWidth(head))
}

// beginning returns what of text fits into some columns.
func beginning(text string, columns int) string {
	for i, r := range text {
		if columns -= runeWidth(r); columns < 0 {
			return text[:i]
		}
	}
	return text
}

// ending returns the end of text that fits into some columns, and begins with a
// letter.
func ending(text string, columns int) string {
	all := []rune(text)
	at := len(all)
	for i := len(all) - 1; i >= 0; i-- {
		if columns -= runeWidth(all[i]); columns < 0 {
			break
		}
		if !stacks(all[i]) {
			at = i
		}
	}
	return string(all[at:])
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }
