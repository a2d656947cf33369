package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeNPM = "npm"

// npmServices are what a registry answers below -/. Other hosts, such as
// GitLab, have paths of their own there.
var npmServices = []string{
	"all", "v1", "npm", "package", "user", "org", "team", "whoami", "ping", "verdaccio", "binary", "_view", "by-field", "short",
}

// npmFileExtensions are those of files that lie beside packages. Names of
// packages have dots too, as chart.js and socket.io.
var npmFileExtensions = []string{
	"tgz", "gz", "bz2", "xz", "zst", "tar", "zip", "7z", "jar", "war", "pom", "whl", "gem", "exe", "msi", "dmg", "pkg", "deb",
	"rpm", "apk", "bin", "iso", "sh", "html", "htm", "xml", "txt", "md", "json", "yaml", "yml", "css", "map", "svg", "png",
	"jpg", "ico", "pdf",
}

// npm knows tarballs by the directory called - that they are in, and GitHub's
// by the digest behind them; packuments by their scope; and the services of a
// registry.
func npm(at location) (Artifact, bool) {
	known := at.format == typeNPM
	if !at.listing {
		if stem, ok := strings.CutSuffix(at.name, ".tgz"); ok {
			return npmTarball(at, stem, known)
		}
		if a, ok := npmGitHub(at.path); ok {
			return a, true
		}
	}
	if rest, ok := strings.CutPrefix(at.path, "-/"); ok {
		return npmService(rest, known)
	}
	return npmPackument(at.path, known)
}

// npmTarball tries the layouts of tarballs. Without one, an archive may be
// anything, unless its repository has nothing but packages.
func npmTarball(at location, stem string, known bool) (Artifact, bool) {
	if i := strings.LastIndex(at.path, "/-/"); i >= 0 {
		return npmPlaced(at.path[:i], strings.TrimSuffix(at.path[i+len("/-/"):], ".tgz"))
	}
	above, parent := cutLast(at.dir)
	_, grand := cutLast(above)
	if grand == "@jsr" && isSemver(stem) {
		return npmPackage(grand, parent, stem)
	}
	if !known {
		return Artifact{}, false
	}
	if version, ok := npmVersion(stem, parent); ok {
		return npmPackage(grand, parent, version)
	}
	for i := 1; i < len(stem); i++ {
		if stem[i] == '-' && isSemver(stem[i+1:]) {
			return npmPackage(parent, stem[:i], stem[i+1:])
		}
	}
	return Artifact{}, false
}

// npmPlaced is {name}/-/{base}-{version}. Artifactory and GitLab repeat the
// scope before the base, Gitea has a directory for the version.
func npmPlaced(above, file string) (Artifact, bool) {
	above, name := cutLast(above)
	_, scope := cutLast(above)
	if npmScope(scope) {
		if first, rest := cutFirst(file); first == scope {
			file = rest
		}
	}
	dir, stem := cutLast(file)
	version, ok := npmVersion(stem, name)
	if !ok || (dir != "" && dir != version) {
		return Artifact{}, false
	}
	return npmPackage(scope, name, version)
}

// npmVersion cuts the name of a package and a hyphen off the name of its
// tarball. All of the rest is the version, which may have hyphens itself.
func npmVersion(stem, name string) (string, bool) {
	rest, ok := strings.CutPrefix(stem, name)
	version, hyphen := strings.CutPrefix(rest, "-")
	return version, ok && hyphen && name != "" && version != "" && isDigit(version[0])
}

// npmPackage is a tarball. The directory above the package is its scope, if it
// may be one.
func npmPackage(above, name, version string) (Artifact, bool) {
	if !npmName(name) {
		return Artifact{}, false
	}
	if !npmScope(above) {
		above = ""
	}
	return Artifact{
		Type: typeNPM, Package: purl.Of(typeNPM, above, name), Version: version,
		Kind: Primary, Confidence: Certain, Rule: "npm-tarball",
	}, true
}

// npmGitHub is download/{scope}/{name}/{version}/{digest}, which has neither
// extension nor file name.
func npmGitHub(path string) (Artifact, bool) {
	i := strings.Index(path, "download/@")
	if i < 0 || (i > 0 && path[i-1] != '/') {
		return Artifact{}, false
	}
	scope, rest := cutFirst(path[i+len("download/"):])
	name, rest := cutFirst(rest)
	version, digest := cutFirst(rest)
	if !npmScope(scope) || !isSemver(version) || !npmDigest(digest) {
		return Artifact{}, false
	}
	return npmPackage(scope, name, version)
}

// npmDigest reports whether s is a SHA-1 or SHA-256.
func npmDigest(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// npmService is what stands below -/. Only the tags are of one package.
func npmService(rest string, known bool) (Artifact, bool) {
	service, below := cutFirst(rest)
	if !known && !contains(npmServices, service) {
		return Artifact{}, false
	}
	name, tags := strings.CutSuffix(below, "/dist-tags")
	if !tags {
		name, _, tags = strings.Cut(below, "/dist-tags/")
	}
	scope, name := npmCutScope(name)
	if service == "package" && tags && npmName(name) {
		return npmListing(scope, name, ""), true
	}
	return indexOfNone("-", "npm-service"), true
}

// npmPackument is the listing of a package, or of one version. A scope makes
// one evident; elsewhere a name could be anything's.
func npmPackument(path string, known bool) (Artifact, bool) {
	if !known && (path == "" || path[0] != '@') {
		return Artifact{}, false
	}
	scope, rest := npmCutScope(path)
	name, version := cutFirst(rest)
	if !npmName(name) || containsFold(npmFileExtensions, name[strings.LastIndexByte(name, '.')+1:]) {
		return Artifact{}, false
	}
	switch {
	case version == "":
		return npmListing(scope, name, ""), true
	case !known:
		return Artifact{}, false
	case version == "latest":
		return npmListing(scope, name, ""), true
	case isSemver(version):
		return npmListing(scope, name, version), true
	}
	return Artifact{}, false
}

func npmListing(scope, name, version string) Artifact {
	return Artifact{
		Type: typeNPM, Package: purl.Of(typeNPM, scope, name), Version: version,
		Kind: Index, Confidence: Certain, Rule: "npm-index",
	}
}

// npmCutScope splits off the scope with which a path begins, if it does.
func npmCutScope(path string) (scope, rest string) {
	if first, rest := cutFirst(path); npmScope(first) {
		return first, rest
	}
	return "", path
}

func npmScope(s string) bool { return len(s) > 1 && s[0] == '@' && npmName(s[1:]) }

// npmName reports whether s may be the name of a package, old ones included:
// they have upper case and what needs no escape in a URL.
func npmName(s string) bool {
	if s == "" || s[0] == '.' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte("-_.~!*'()", s[i]) < 0 {
			return false
		}
	}
	return true
}
