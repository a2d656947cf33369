package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeGo = "golang"

// goSumWords are what a proxy answers for a checksum database.
var goSumWords = []string{"supported", "latest", "lookup", "tile"}

// golang knows the files of a module proxy, which are all below a directory
// called @v, and what a proxy hands on from a checksum database.
func golang(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	if above, file, ok := strings.Cut(at.path, "/@v/"); ok {
		return goFile(above, file, at.format == typeGo)
	}
	if above, ok := strings.CutSuffix(at.path, "/@latest"); ok {
		return goArtifact(above, "", at.format == typeGo, Index)
	}
	if strings.Contains(at.path, "sumdb/") && goSumDB(at.path) {
		return indexOfNone("sumdb", "go-sumdb"), true
	}
	return Artifact{}, false
}

// goFile reads what stands behind @v. Only a .info may be asked for by a branch
// or a commit, which is no version and may have slashes in it.
func goFile(above, file string, known bool) (Artifact, bool) {
	if file == "list" {
		return goArtifact(above, "", known, Index)
	}
	dot := max(strings.LastIndexByte(file, '.'), 0)
	version, ok := goUnescape(file[:dot])
	if !ok || version == "" {
		return Artifact{}, false
	}
	// What is no version is not kept as one: a branch would be a new name for
	// each commit.
	canonical := goVersion(version)
	switch ext := file[dot:]; {
	case ext == ".info" && canonical:
		return goArtifact(above, version, known, Index)
	case ext == ".info":
		return goArtifact(above, "", known, Index)
	case ext == ".mod" && canonical:
		return goArtifact(above, version, known, Metadata)
	case ext == ".zip" && canonical:
		return goArtifact(above, version, known, Primary)
	}
	return Artifact{}, false
}

// goArtifact is a file of the module at the end of a path.
func goArtifact(path, version string, known bool, kind Kind) (Artifact, bool) {
	module, ok := goModule(path, known)
	if !ok {
		return Artifact{}, false
	}
	namespace, name := cutLast(module)
	return Artifact{
		Type: typeGo, Package: purl.Of(typeGo, namespace, name), Version: version,
		Kind: kind, Confidence: Certain, Rule: goRule(kind),
	}, true
}

func goRule(kind Kind) string {
	switch kind {
	case Primary:
		return "go-zip"
	case Metadata:
		return "go-mod"
	}
	return "go-index"
}

// goModule returns the module that a path ends in. It begins with a host, so
// that directories before that are the proxy's. The go command asks for no
// other, but what a repository of modules has is one nevertheless.
func goModule(path string, known bool) (string, bool) {
	for rest := path; rest != ""; {
		first, below := cutFirst(rest)
		if goHost(first) {
			return goUnescapePath(rest)
		}
		rest = below
	}
	if !known {
		return "", false
	}
	return goUnescapePath(path)
}

// goHost reports whether a segment may be the host that a module begins with.
// Its last label is a word: lib.v2 is no host.
func goHost(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 || dot == len(s)-1 || strings.Contains(s, "..") || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isAlnum(c) && c != '-' && c != '.' || (i > dot && isDigit(c)) {
			return false
		}
	}
	return true
}

// goUnescapePath is goUnescape for a module, whose elements must be ones that
// the go command takes.
func goUnescapePath(s string) (string, bool) {
	module, ok := goUnescape(s)
	if !ok {
		return "", false
	}
	for element := range strings.SplitSeq(module, "/") {
		if !goElement(element) {
			return "", false
		}
	}
	return module, true
}

func goElement(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte("-._~", s[i]) < 0 {
			return false
		}
	}
	return true
}

// goUnescape turns !x into X. Upper case passes as it is: proxies refuse it,
// but people ask for it.
func goUnescape(s string) (string, bool) {
	if strings.IndexByte(s, '!') < 0 {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '!' {
			i++
			if i == len(s) || s[i] < 'a' || s[i] > 'z' {
				return "", false
			}
			b = append(b, s[i]&^0x20)
			continue
		}
		b = append(b, s[i])
	}
	return string(b), true
}

// goVersion reports whether s is a version as the go command spells one. That
// covers pseudo-versions and +incompatible.
func goVersion(s string) bool { return strings.HasPrefix(s, "v") && isSemver(s[1:]) }

// goSumDB reports whether a path is sumdb/{host}/{word}, at its beginning or
// below directories of a proxy.
func goSumDB(path string) bool {
	for rest := path; rest != ""; {
		var first string
		first, rest = cutFirst(rest)
		host, below := cutFirst(rest)
		word, _ := cutFirst(below)
		if first == "sumdb" && goHost(host) && contains(goSumWords, word) {
			return true
		}
	}
	return false
}
