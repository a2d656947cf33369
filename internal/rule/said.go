package rule

import "strings"

// SaidPath returns what a text says of where a file is, as senders' URLs are
// read: of a URL the path, of a path what stands before the query, and of a
// bare name all. It is "" if no file is named.
func SaidPath(text string) string {
	if _, rest, ok := strings.Cut(text, "://"); ok && isScheme(text[:len(text)-len(rest)-len("://")]) {
		if end := strings.IndexAny(rest, "?#"); end >= 0 {
			rest = rest[:end]
		}
		_, path, _ := strings.Cut(rest, "/")
		text = "/" + path
	} else if strings.HasPrefix(text, "/") {
		text, _, _ = strings.Cut(text, "?")
	}
	if strings.TrimSpace(text) == "" || strings.Trim(text, "/") == "" {
		return "" // a host, or the root of one
	}
	return text
}

// isScheme reports whether s may stand before the :// of a URL.
func isScheme(s string) bool {
	s = strings.ToLower(s)
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}
