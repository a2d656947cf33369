package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeRPM = "rpm"

// rpmArches tell the name of a package from that of any other file that ends in
// .rpm, which a build for Maven may have made.
var rpmArches = []string{
	"x86_64", "noarch", "aarch64", "src", "nosrc", "i686", "i586", "i486", "i386", "ppc64le", "ppc64", "ppc", "s390x", "s390",
	"armv7hl", "armv7hnl", "armv6hl", "armv5tel", "armhfp", "arm64", "amd64", "x86_64_v2", "x86_64_v3", "x86_64_v4",
	"riscv64", "loongarch64", "loong64", "ia64", "ia32e", "athlon", "sparc", "sparc64", "sparcv9", "alpha", "e2k",
	"mips", "mipsel", "mips64", "mips64el",
}

// rpmDirs are the directories, beside those called after an architecture, that
// distributions keep packages in, or in one for each initial below.
var rpmDirs = []string{"Packages", "RPMS", "SRPMS", "SRPM", "drpms"}

// rpm knows packages by their names and the indexes in a directory called
// repodata.
func rpm(at location) (Artifact, bool) {
	if stem, ok := cutSuffix(at.name, ".rpm"); ok && !at.listing {
		return rpmFile(at, stem, splitRPM)
	}
	if stem, ok := cutSuffix(at.name, ".drpm"); ok && !at.listing {
		return rpmFile(at, stem, splitDeltaRPM)
	}
	dir := at.dir
	if at.listing {
		dir = at.path
	}
	if _, last := cutLast(dir); last == "repodata" {
		return unnamedIndex(dir, "", "rpm-index"), true
	}
	if at.format == typeRPM && !at.listing {
		return rpmByCoordinates(at)
	}
	return Artifact{}, false
}

// rpmFile reads a file name without its extension.
func rpmFile(at location, stem string, split func(string) (name, version, release string)) (Artifact, bool) {
	sure := at.format == typeRPM
	i := strings.LastIndexByte(stem, '.')
	if i < 0 || !isRPMArch(stem[i+1:], sure) {
		return Artifact{}, false
	}
	arch := stem[i+1:]
	name, version, release := split(stem[:i])
	if !isRPMName(name) || !isRPMVersion(version, sure) || !isRPMVersion(release, true) {
		return Artifact{}, false
	}
	a := Artifact{
		Type: typeRPM, Package: purl.Of(typeRPM, "", name), Version: version + "-" + release,
		Kind: Primary, Confidence: Likely, Rule: "rpm",
	}
	if arch == "src" || arch == "nosrc" {
		a.Kind = Sources
	}
	if sure || rpmPlaced(at.dir, arch) {
		a.Confidence = Certain
	}
	return a, true
}

// splitRPM splits name-version-release, from the right.
func splitRPM(s string) (name, version, release string) {
	rest, release := cutLastHyphen(s)
	name, version = cutLastHyphen(rest)
	return name, version, release
}

// splitDeltaRPM splits name-oldversion-oldrelease_version-release. It is of the
// version that it leads to.
func splitDeltaRPM(s string) (name, version, release string) {
	rest, version, release := splitRPM(s)
	if i := strings.LastIndexByte(version, '_'); i >= 0 {
		rest, _ = cutLastHyphen(rest)
		version = version[i+1:]
	}
	return rest, version, release
}

// isRPMArch takes what may be an architecture where all files are packages.
func isRPMArch(s string, sure bool) bool {
	return contains(rpmArches, s) || (sure && spelledWith(s, "_") && isLetter(s[0]))
}

func isRPMName(s string) bool {
	return spelledWith(strings.TrimLeft(s, "_"), "._+-")
}

// isRPMVersion wants a number first, or behind a v, as the last part of a name
// may stand where the version is missing.
func isRPMVersion(s string, sure bool) bool {
	if !spelledWith(s, "._+~^:") {
		return false
	}
	if sure {
		return strings.ContainsAny(s, "0123456789")
	}
	return isDigit(s[0]) || (len(s) > 1 && s[0]|0x20 == 'v' && isDigit(s[1]))
}

// rpmPlaced reports whether one of the two nearest directories is one that
// repositories have.
func rpmPlaced(dir, arch string) bool {
	above, parent := cutLast(dir)
	_, grand := cutLast(above)
	return parent == arch || contains(rpmDirs, parent) || contains(rpmDirs, grand) ||
		contains(rpmArches, parent) || strings.HasPrefix(parent, "RPMS.")
}

// rpmByCoordinates reads package/{name}/{version}/{arch}, under which Gitea has
// packages as well.
func rpmByCoordinates(at location) (Artifact, bool) {
	above, version := cutLast(at.dir)
	above, name := cutLast(above)
	_, root := cutLast(above)
	if root != "package" || !isRPMName(name) || !isRPMArch(at.name, true) || !spelledWith(version, "._+~^:-") {
		return Artifact{}, false
	}
	return Artifact{
		Type: typeRPM, Package: purl.Of(typeRPM, "", name), Version: version,
		Kind: Primary, Confidence: Certain, Rule: "rpm",
	}, true
}
