package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typePyPI = "pypi"

// sdistExtensions are those of source distributions.
var sdistExtensions = []string{".tar.gz", ".tar.bz2", ".tgz", ".zip", ".tar.xz", ".tar.z"}

// selfEvident is how many of them make a bare file name a source distribution.
// Anything may be in the others.
const selfEvident = 2

// installerExtensions are those of what distutils once built per platform.
var installerExtensions = []string{".exe", ".msi", ".rpm", ".dmg"}

// platformMarks begin what an old distribution has behind its version.
var platformMarks = []string{".win32", ".win-", ".linux-", ".macosx-"}

// pypi knows wheels and eggs wherever they are, other distributions where the
// path names the project or the bare name tells, and the listings of an index.
func pypi(at location) (Artifact, bool) {
	inside, listed, rooted := pypiRoot(at.path)
	if !rooted && at.format == typePyPI {
		inside, rooted = at.path, true
	}
	if !at.listing {
		dirs, _ := cutLast(inside)
		if a, ok := pypiFile(at.name, dirs, rooted || at.bare(), at.format == typePyPI); ok {
			a.Type, a.Confidence = typePyPI, Likely
			if rooted {
				a.Confidence = Certain
			}
			return a, true
		}
	}
	if listed {
		return simpleIndex(inside, at.listing)
	}
	return jsonIndex(at.path)
}

// pypiRoot finds the directory in which an index begins, and returns what is
// below it and whether that is a tree of listings. Directories called simple,
// packages or files may be part of anything, so they must stand where an index
// has them: at the top, or close below one called pypi.
func pypiRoot(path string) (inside string, listed, ok bool) {
	switch first, rest := cutFirst(path); first {
	case "simple":
		return rest, true, true
	case "packages":
		return rest, false, rest != ""
	}
	for at := 0; ; {
		i := strings.Index(path[at:], "pypi/")
		if i < 0 {
			break
		}
		begins := at+i == 0 || path[at+i-1] == '/'
		at += i + len("pypi/")
		if inside, listed, ok := belowPyPI(path[at:], 2); begins && ok {
			return inside, listed, true
		}
	}
	if _, devpi, ok := strings.Cut(path, "/+"); ok {
		return belowPyPI("+"+devpi, 1)
	}
	return "", false, false
}

// belowPyPI looks for the root of an index among the first directories of path:
// there may be one that names the index, as in /api/pypi/{index}/simple/.
func belowPyPI(path string, depth int) (inside string, listed, ok bool) {
	for ; depth > 0 && path != ""; depth-- {
		var dir string
		dir, path = cutFirst(path)
		switch dir {
		case "simple", "+simple":
			return path, true, true
		case "packages", "files", "+f":
			return path, false, path != ""
		}
	}
	return "", false, false
}

// pypiFile reads the name of a distribution. dirs are the directories between
// the root of the index and the file; placed says that an archive may be taken
// for a source distribution here, and sure that one of any kind is.
func pypiFile(name, dirs string, placed, sure bool) (Artifact, bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		return Artifact{}, false
	}
	switch ext := name[dot:]; {
	case strings.EqualFold(ext, ".whl"):
		return wheel(name[:dot])
	case strings.EqualFold(ext, ".egg"):
		return egg(name[:dot])
	case !placed:
		return Artifact{}, false
	case containsFold(installerExtensions, ext):
		if project, version, ok := splitByProject(name[:dot], dirs); ok {
			version, _, _ = strings.Cut(version, "-")
			return distribution(project, version, "pypi-installer")
		}
		return Artifact{}, false
	}
	for i, ext := range sdistExtensions {
		if stem, ok := cutSuffix(name, ext); ok {
			return sdist(stem, dirs, sure || i < selfEvident)
		}
	}
	return Artifact{}, false
}

// wheel reads name-version[-build]-python-abi-platform.
func wheel(stem string) (Artifact, bool) {
	project, rest, _ := strings.Cut(stem, "-")
	version, tags, _ := strings.Cut(rest, "-")
	switch strings.Count(tags, "-") {
	case 2:
	case 3:
		if !isDigit(tags[0]) { // the build
			return Artifact{}, false
		}
	default:
		return Artifact{}, false
	}
	if strings.Contains("-"+tags+"-", "--") {
		return Artifact{}, false
	}
	return distribution(project, version, "pypi-wheel")
}

// egg reads name-version[-pyX.Y[-platform]].
func egg(stem string) (Artifact, bool) {
	project, rest, _ := strings.Cut(stem, "-")
	version, tags, tagged := strings.Cut(rest, "-")
	if tagged && !strings.HasPrefix(tags, "py") {
		return Artifact{}, false
	}
	return distribution(project, version, "pypi-egg")
}

// sdist reads name-version. Both may have hyphens, so the project is looked for
// in the path first; without it, the last hyphen that a version follows is it,
// if the archive is surely one of Python's.
func sdist(stem, dirs string, evident bool) (Artifact, bool) {
	if project, version, ok := splitByProject(stem, dirs); ok {
		return distribution(project, version, "pypi-sdist")
	}
	if !evident && !hashed(dirs) {
		return Artifact{}, false
	}
	for i := len(stem) - 1; i > 0; i-- {
		if stem[i] == '-' && isPEP440(stem[i+1:]) {
			return distribution(stem[:i], stem[i+1:], "pypi-sdist")
		}
	}
	return Artifact{}, false
}

func distribution(project, version, rule string) (Artifact, bool) {
	if version == "" || !isProject(project) {
		return Artifact{}, false
	}
	return Artifact{Package: purl.Of(typePyPI, "", project), Version: version, Kind: Primary, Rule: rule}, true
}

// splitByProject splits a file name behind the name of a project that one of
// its directories has, the nearest first.
func splitByProject(stem, dirs string) (project, version string, ok bool) {
	for dirs != "" {
		dirs, project = cutLast(dirs)
		if version, ok := cutProject(stem, project); ok {
			for _, mark := range platformMarks {
				version, _, _ = strings.Cut(version, mark)
			}
			return project, version, true
		}
	}
	return "", "", false
}

// cutProject cuts a project's name and a hyphen off a file name, however the
// two are spelled. What is left must begin like a version, as the directory f
// names no project for f-utils-1.0.
func cutProject(stem, project string) (version string, ok bool) {
	i := 0
	for j := 0; j < len(project); {
		switch {
		case i == len(stem):
			return "", false
		case isSeparator(project[j]) && isSeparator(stem[i]):
			for j < len(project) && isSeparator(project[j]) {
				j++
			}
			for i < len(stem) && isSeparator(stem[i]) {
				i++
			}
		case lower(project[j]) != lower(stem[i]):
			return "", false
		default:
			i, j = i+1, j+1
		}
	}
	version, ok = strings.CutPrefix(stem[i:], "-")
	number := strings.TrimLeft(version, "vV")
	return version, ok && number != "" && isDigit(number[0])
}

// hashed reports whether a directory is the digest of a file, as in the
// packages of pypi.org.
func hashed(dirs string) bool {
	const shortest = 32
	for segment := range strings.SplitSeq(dirs, "/") {
		if len(segment) >= shortest && strings.Trim(segment, "0123456789abcdef") == "" {
			return true
		}
	}
	return false
}

// simpleIndex is the list of all projects, or of the files of one. The former
// is of no package, so it is generic.
func simpleIndex(inside string, listing bool) (Artifact, bool) {
	project, page := cutFirst(inside)
	if page == "" && isPage(project) {
		project, page = "", project
	}
	switch {
	case page != "" && !isPage(page):
		return Artifact{}, false
	case project == "":
		return Artifact{Type: typeGeneric, Package: purl.Of(typeGeneric, "", "simple"), Kind: Index, Rule: "pypi-index"}, true
	case !isProject(project) || (page == "" && !listing && isFileName(project)):
		return Artifact{}, false
	}
	return pypiIndex(project, ""), true
}

func isPage(name string) bool { return name == "index.html" || name == "index.json" }

// isFileName tells a file from a project with a dot in its name, such as
// zope.interface.
func isFileName(name string) bool {
	extension := name[strings.LastIndexByte(name, '.')+1:]
	return strings.EqualFold(extension, "xml") || containsFold(mavenBareExtensions, extension)
}

// jsonIndex is /pypi/{project}/json or /pypi/{project}/{version}/json.
func jsonIndex(path string) (Artifact, bool) {
	above, ok := strings.CutSuffix(path, "/json")
	if !ok {
		return Artifact{}, false
	}
	above, last := cutLast(above)
	grand, parent := cutLast(above)
	_, root := cutLast(grand)
	switch {
	case root == typePyPI && isProject(parent):
		return pypiIndex(parent, last), true
	case parent == typePyPI && isProject(last):
		return pypiIndex(last, ""), true
	}
	return Artifact{}, false
}

func pypiIndex(project, version string) Artifact {
	return Artifact{
		Type: typePyPI, Package: purl.Of(typePyPI, "", project), Version: version,
		Kind: Index, Confidence: Certain, Rule: "pypi-index",
	}
}

// isProject reports whether s may be the name of a project.
func isProject(s string) bool {
	if s == "" || !isAlnum(s[0]) || !isAlnum(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && !isSeparator(s[i]) {
			return false
		}
	}
	return true
}

func isSeparator(c byte) bool { return c == '-' || c == '_' || c == '.' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
