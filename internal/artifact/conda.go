package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeConda = "conda"

// condaSubdirs are the directories of a channel, one for each platform.
var condaSubdirs = []string{
	"noarch", "linux-64", "linux-aarch64", "osx-arm64", "osx-64", "win-64", "linux-ppc64le", "linux-s390x", "linux-riscv64",
	"linux-armv7l", "linux-armv6l", "linux-32", "linux-ppc64", "linux-riscv32", "osx-32", "win-32", "win-arm64",
	"emscripten-32", "emscripten-wasm32", "wasi-wasm32", "freebsd-64", "zos-z",
}

// condaIndexes are the files of an index, without what they are packed with.
var condaIndexes = []string{
	"repodata.json", "current_repodata.json", "repodata_from_packages.json", "repodata_shards.msgpack",
	"channeldata.json", "run_exports.json", "patch_instructions.json", "repodata.jlap",
}

// conda knows packages by their extension, or by that of any archive where the
// directory is one of a platform, and the indexes of a channel.
func conda(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	_, subdir := cutLast(at.dir)
	sure := at.format == typeConda
	placed := sure || contains(condaSubdirs, subdir)
	if stem, ok := cutSuffix(at.name, ".conda"); ok {
		return condaFile(stem, placed, sure)
	}
	if !placed {
		return Artifact{}, false
	}
	if stem, ok := cutSuffix(at.name, ".tar.bz2"); ok {
		return condaFile(stem, placed, sure)
	}
	if !isCondaIndex(at.name) {
		return Artifact{}, false
	}
	return unnamedIndex(at.dir, at.name, "conda-index"), true
}

// condaFile splits name-version-build from the right. The build is no part of
// the version: one version has one for each Python and platform.
func condaFile(stem string, placed, sure bool) (Artifact, bool) {
	rest, build := cutLastHyphen(stem)
	name, version := cutLastHyphen(rest)
	if !isCondaName(name) || !spelledWith(version, "._+!~") || !spelledWith(strings.TrimLeft(build, "_"), "._+!~") {
		return Artifact{}, false
	}
	if !sure && (!isDigit(version[0]) || !strings.ContainsAny(build, "0123456789")) {
		return Artifact{}, false
	}
	a := Artifact{
		Type: typeConda, Package: purl.Of(typeConda, "", name), Version: version,
		Kind: Primary, Confidence: Likely, Rule: "conda",
	}
	if placed {
		a.Confidence = Certain
	}
	return a, true
}

// isCondaName takes names with underscores in front, as _libgcc_mutex.
func isCondaName(s string) bool {
	return spelledWith(strings.TrimLeft(s, "_"), "._+-")
}

func isCondaIndex(name string) bool {
	for _, packing := range []string{".zst", ".bz2", ".gz"} {
		name, _ = strings.CutSuffix(name, packing)
	}
	return contains(condaIndexes, name)
}
