package httpx

import (
	"net/url"
	"strings"
)

// maxTarget bounds what a redirect repeats of the client's input, bytes.
const maxTarget = 2048

// LocalTarget returns target if a browser that is redirected to it stays below
// the base path of this server, else fallback. Browsers repair what they are
// given (a backslash is a slash, tabs vanish), and proxies decode: what either
// could read differently is not local.
func LocalTarget(base, target, fallback string) string {
	if len(target) > maxTarget || !strings.HasPrefix(target, base+"/") || strings.ContainsFunc(target, notPlain) {
		return fallback
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return fallback
	}
	// Decoded once more for a proxy that does so.
	for _, path := range []string{u.Path, decoded(u.Path)} {
		if strings.Contains(path, "//") || strings.ContainsFunc(path, hidden) || hasDots(path) {
			return fallback
		}
	}
	return target
}

// notPlain reports what has no place in a target unless it is escaped. A
// fragment never reaches a server.
func notPlain(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '#' }

// hidden reports what is no part of any path here, escaped or not.
func hidden(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }

func decoded(path string) string {
	p, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return p
}

func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
