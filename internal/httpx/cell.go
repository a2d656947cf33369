package httpx

import "strings"

// Cell returns a text as a cell of comma-separated values that no spreadsheet
// takes for a formula: what begins like one gets an apostrophe before it. Names
// come from outside.
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
