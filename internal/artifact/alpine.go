package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeAlpine = "apk"

// alpineArches are the directories that repositories of apk keep packages in.
var alpineArches = []string{
	"x86_64", "aarch64", "x86", "armv7", "armhf", "ppc64le", "s390x", "riscv64", "loongarch64", "mips64", "noarch",
}

// alpine knows packages of apk-tools, which have a release in their names where
// applications for Android have none, and the indexes beside them.
func alpine(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	stem, ok := cutSuffix(at.name, ".apk")
	if !ok {
		// The second is the index of apk-tools 3, as OpenWrt has it.
		if at.name == "APKINDEX.tar.gz" || at.name == "packages.adb" {
			return unnamedIndex(at.dir, at.name, "apk-index"), true
		}
		return Artifact{}, false
	}
	rest, release := cutLastHyphen(stem)
	name, version := cutLastHyphen(rest)
	if !isAlpineRelease(release) || !isAlpineName(name) || !spelledWith(version, "._~") || !isDigit(version[0]) {
		return Artifact{}, false
	}
	a := Artifact{
		Type: typeAlpine, Package: purl.Of(typeAlpine, "", name), Version: stem[len(name)+1:],
		Kind: Primary, Confidence: Likely, Rule: "apk",
	}
	if _, parent := cutLast(at.dir); at.format == typeAlpine || contains(alpineArches, parent) {
		a.Confidence = Certain
	}
	return a, true
}

// isAlpineRelease reports whether s is an r with a number behind it.
func isAlpineRelease(s string) bool {
	number, ok := strings.CutPrefix(s, "r")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

func isAlpineName(s string) bool {
	return spelledWith(strings.TrimLeft(s, "._"), "._+-")
}
