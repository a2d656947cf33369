package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeGem = "gem"

// Platforms of gems are ruby, java and the like, or a processor and a system:
// x86_64-linux-musl, universal-java-11. Either is known by how it begins.
var (
	gemRuntimes   = []string{"ruby", "java", "jruby", "mswin", "mswin32", "mswin64", "mingw", "mingw32", "dalvik", "macruby", "rbx"}
	gemProcessors = []string{
		"x86", "x64", "i386", "i486", "i586", "i686", "amd64", "arm", "aarch64", "universal", "powerpc", "ppc", "s390",
		"sparc", "riscv", "mips", "wasm",
	}
	gemSystems = []string{
		"linux", "darwin", "mingw", "mswin", "java", "freebsd", "openbsd", "netbsd", "dragonfly", "solaris", "aix", "cygwin",
		"dotnet", "hpux", "macruby", "wasi", "unknown",
	}
)

// gemLists are the listings of all gems that no other ecosystem has a file
// named like. Of those in gemAmbiguous, others might.
var (
	gemLists     = []string{"specs.4.8", "latest_specs.4.8", "prerelease_specs.4.8"}
	gemAmbiguous = []string{"versions", "names", "api/v1/dependencies", "api/v1/dependencies.json"}
)

// gem knows gems and their specifications by their extensions, and the
// listings of a gem server.
func gem(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	_, parent := cutLast(at.dir)
	if full, ok := cutSuffix(at.name, ".gem"); ok {
		return gemFile(full, Primary, parent == "gems" || at.format == typeGem)
	}
	if full, ok := cutSuffix(at.name, ".gemspec.rz"); ok {
		return gemFile(full, Metadata, parent == "Marshal.4.8" || at.format == typeGem)
	}
	return gemIndex(at)
}

// gemFile reads {name}-{version}[-{platform}]. A gem without version is none:
// the tool that builds them always has one.
func gemFile(full string, kind Kind, placed bool) (Artifact, bool) {
	name, version, ok := gemSplit(full)
	if !ok {
		return Artifact{}, false
	}
	a := Artifact{
		Type: typeGem, Package: purl.Of(typeGem, "", name), Version: version,
		Kind: kind, Confidence: Likely, Rule: "gem",
	}
	if kind == Metadata {
		a.Rule = "gem-spec"
	}
	if placed {
		a.Confidence = Certain
	}
	return a, true
}

// gemSplit splits at the leftmost hyphen behind which a version is, and nothing
// or a platform behind that. A version has no hyphen: gem turns it into a dot.
func gemSplit(full string) (name, version string, ok bool) {
	for i := 1; i < len(full)-1; i++ {
		if full[i] != '-' || !isDigit(full[i+1]) {
			continue
		}
		version, platform, more := strings.Cut(full[i+1:], "-")
		if gemVersion(version) && (!more || gemPlatform(platform)) {
			return full[:i], version, gemName(full[:i])
		}
	}
	return "", "", false
}

func gemVersion(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && s[i] != '.' {
			return false
		}
	}
	return s[len(s)-1] != '.'
}

// gemPlatform tells a platform from the rest of a name: in foo-2-java-1.0, java
// is a part of the name, as only a system's version is a whole number.
func gemPlatform(s string) bool {
	if s == "" || !isLetter(s[0]) {
		return false
	}
	first, rest, more := strings.Cut(s, "-")
	if contains(gemRuntimes, first) && (!more || (rest != "" && strings.Trim(rest, "0123456789") == "")) {
		return true
	}
	if !more {
		return gemBegins(first, gemProcessors) || gemBegins(first, gemSystems)
	}
	return gemBegins(rest, gemSystems)
}

func gemBegins(s string, words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// gemIndex is a listing. Those of one gem are only believed in a repository of
// gems, but for the address that every gem server has for them.
func gemIndex(at location) (Artifact, bool) {
	if contains(gemLists, strings.TrimSuffix(at.name, ".gz")) {
		return indexOfNone(at.name, "gem-index"), true
	}
	if rest, ok := strings.CutPrefix(at.path, "api/v1/gems/"); ok {
		return gemListing(strings.CutSuffix(rest, ".json"))
	}
	if at.format != typeGem {
		return Artifact{}, false
	}
	if contains(gemAmbiguous, at.path) {
		return indexOfNone(at.name, "gem-index"), true
	}
	if rest, ok := strings.CutPrefix(at.path, "api/v1/versions/"); ok {
		return gemListing(strings.CutSuffix(rest, ".json"))
	}
	return gemListing(strings.CutPrefix(at.path, "info/"))
}

func gemListing(name string, ok bool) (Artifact, bool) {
	if !ok || !gemName(name) {
		return Artifact{}, false
	}
	return Artifact{
		Type: typeGem, Package: purl.Of(typeGem, "", name), Kind: Index, Confidence: Certain, Rule: "gem-index",
	}, true
}

// gemName reports whether s may be the name of a gem.
func gemName(s string) bool {
	if s == "" || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && !isSeparator(s[i]) {
			return false
		}
	}
	return true
}
