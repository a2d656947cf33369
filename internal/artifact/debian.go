package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeDebian = "deb"

// debianBinaries are the extensions of files called package_version_arch.
// Debug symbols and what describes a build are not what apt installs.
var debianBinaries = []struct {
	extension string
	kind      Kind
}{
	{".deb", Primary},
	{".udeb", Primary},
	{".ddeb", Sources},
	{".buildinfo", Metadata},
	{".changes", Metadata},
}

// debianTarballs are the compressions of source packages, past and present.
var debianTarballs = []string{".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tar.lzma"}

// debianIndexes are the words with which the files of an index begin, before a
// dot or a hyphen: Packages.xz, Contents-amd64.gz.
var debianIndexes = []string{
	"InRelease", "Release", "Packages", "Sources", "Contents", "Translation", "Components", "Commands", "Index", "icons",
}

// debian knows binary and source packages by their names, and the indexes
// below a directory called dists.
func debian(at location) (Artifact, bool) {
	if a, ok := debianFile(at); ok {
		return a, true
	}
	return debianIndex(at)
}

// debianFile reads package_version_arch.deb, and what a source is made of.
func debianFile(at location) (Artifact, bool) {
	i := strings.IndexByte(at.name, '_')
	if i <= 0 || at.listing || !spelledWith(at.name[:i], "+.-") {
		return Artifact{}, false
	}
	pkg, rest := at.name[:i], at.name[i+1:]
	a := Artifact{Confidence: Likely, Rule: "deb-name"}
	if debianPool(at, pkg) {
		a.Confidence, a.Rule = Certain, "deb-pool"
	}
	var ok bool
	if a.Version, a.Kind, ok = debianBinary(rest); !ok {
		if a.Version, ok = debianSource(at, pkg, rest); !ok {
			return Artifact{}, false
		}
		a.Kind, a.Rule = Sources, "deb-source"
	}
	a.Type, a.Package = typeDebian, purl.Of(typeDebian, "", pkg)
	return a, true
}

// debianPool reports whether the file is where an archive keeps packages. The
// APT repositories of Nexus call the pool packages.
func debianPool(at location, pkg string) bool {
	if at.format == typeDebian || hasSegment(at.dir, "pool") {
		return true
	}
	_, parent := cutLast(at.dir)
	return parent == pkg && hasSegment(at.dir, "packages")
}

// debianBinary splits what is behind the name of a binary package.
func debianBinary(rest string) (version string, kind Kind, ok bool) {
	for _, b := range debianBinaries {
		stem, ok := cutSuffix(rest, b.extension)
		if !ok {
			continue
		}
		// Termux has the one architecture with an underscore in its name.
		version, ok := strings.CutSuffix(stem, "_x86_64")
		if !ok {
			var arch string
			if version, arch, ok = strings.Cut(stem, "_"); !ok || !spelledWith(arch, "-") || !isLetter(arch[0]) {
				return "", "", false
			}
		}
		version, ok = debianVersion(version)
		return version, b.kind, ok
	}
	return "", "", false
}

// debianSource splits what is behind the name of a source package. A plain
// tarball is one only where the pool has a directory for that source.
func debianSource(at location, pkg, rest string) (version string, ok bool) {
	for _, extension := range []string{".dsc", ".diff.gz"} {
		if version, ok := cutSuffix(rest, extension); ok {
			return debianSourceVersion(version)
		}
	}
	for _, extension := range debianTarballs {
		stem, ok := cutSuffix(rest, extension)
		if !ok {
			continue
		}
		if version, ok := cutDebianPart(stem); ok {
			return debianSourceVersion(version)
		}
		_, parent := cutLast(at.dir)
		if at.format == typeDebian || (parent == pkg && debianPool(at, pkg)) {
			return debianSourceVersion(stem)
		}
	}
	return "", false
}

// cutDebianPart cuts off which part of a source a tarball is: .orig,
// .orig-component or .debian.
func cutDebianPart(stem string) (string, bool) {
	for _, part := range []string{".orig", ".debian"} {
		if version, ok := strings.CutSuffix(stem, part); ok {
			return version, true
		}
	}
	if i := strings.LastIndex(stem, ".orig-"); i > 0 {
		return stem[:i], true
	}
	return stem, false
}

// debianSourceVersion is debianVersion for names that have only one underscore
// to tell them from others, so the version must begin as policy wants it.
func debianSourceVersion(s string) (string, bool) {
	if s == "" || !isDigit(s[0]) {
		return "", false
	}
	return debianVersion(s)
}

// debianVersion checks a version, in which apt escapes the colon behind an
// epoch. A server that escapes the % of the file name leaves it to be resolved.
func debianVersion(s string) (string, bool) {
	if strings.Contains(s, "%3") {
		s = strings.NewReplacer("%3a", ":", "%3A", ":").Replace(s)
	}
	return s, spelledWith(s, ".+-:~")
}

// debianIndex knows the files of an index, which are of no package. They are
// below dists, or anywhere in a repository that is known to be one of Debian.
func debianIndex(at location) (Artifact, bool) {
	if at.format != typeDebian && !hasSegment(at.dir, "dists") {
		return Artifact{}, false
	}
	if at.listing {
		return unnamedIndex(at.path, "", "deb-index"), true
	}
	above, parent := cutLast(at.dir)
	dir, grand := cutLast(above)
	switch {
	case grand == "by-hash": // by-hash/SHA256/{hash} is one of the files beside by-hash
		return unnamedIndex(dir, "by-hash", "deb-index"), true
	case strings.HasSuffix(parent, ".diff"): // Packages.diff/{time}.gz
		return unnamedIndex(above, parent, "deb-index"), true
	}
	word := at.name
	if i := strings.IndexAny(word, ".-"); i >= 0 {
		word = word[:i]
	}
	return unnamedIndex(at.dir, at.name, "deb-index"), contains(debianIndexes, word)
}
