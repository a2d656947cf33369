package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeComposer = "composer"

// composerArchives are the formats that Composer packs packages in.
var composerArchives = []string{".zip", ".tar", ".tar.gz", ".tar.bz2", ".tgz"}

// composerDirs are the directories in which repositories have archives, as
// {vendor}/{name} below: of Satis, of Private Packagist and mirrors, of Gitea.
var composerDirs = []string{"dist", "dists", "files"}

// commitLength is that of a Git commit in hexadecimal.
const commitLength = 40

// composer knows the metadata of packages, and archives where the path says
// that they are packages: any host of a forge has archives of its own.
func composer(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	stem, ok := strings.CutSuffix(at.name, ".json")
	if ok {
		if a, ok := composerMetadata(at, stem); ok {
			return a, true
		}
	}
	if ok || at.format == typeComposer {
		if a, ok := composerIndex(at); ok {
			return a, true
		}
	}
	for _, extension := range composerArchives {
		if stem, ok := cutSuffix(at.name, extension); ok {
			return composerArchive(at, stem)
		}
	}
	return Artifact{}, false
}

// composerMetadata reads p2/{vendor}/{name}.json, and the older
// p/{vendor}/{name}$hash.json. Hosts may leave p out.
func composerMetadata(at location, stem string) (Artifact, bool) {
	above, vendor := cutLast(at.dir)
	_, root := cutLast(above)
	name, hash, hashed := strings.Cut(stem, "$")
	sure := at.format == typeComposer
	switch {
	case hashed && isHexText(hash) && (root == "p" || (sure && vendor != "p" && vendor != "include")):
	case !hashed && (root == "p2" || (root == "p" && sure)):
		name, _ = strings.CutSuffix(name, "~dev")
	default:
		return Artifact{}, false
	}
	a, ok := composerPackage(vendor, name)
	a.Kind, a.Rule = Index, "composer-metadata"
	return a, ok
}

// composerIndex knows the lists of packages, which are of none. That of
// providers has a name that nothing else has.
func composerIndex(at location) (Artifact, bool) {
	_, parent := cutLast(at.dir)
	providers := parent == "p" && strings.HasPrefix(at.name, "provider") && strings.Contains(at.name, "$")
	if at.format == typeComposer {
		switch at.name {
		case "packages.json", "list.json", "search.json", "packages":
			providers = true
		}
		providers = providers || ((parent == "include" || parent == "p") && strings.HasSuffix(at.name, ".json"))
	}
	if !providers {
		return Artifact{}, false
	}
	return unnamedIndex(at.dir, at.name, "composer-index"), true
}

// composerArchive reads an archive below {vendor}/{name}. Unless the format is
// known it must be in one of composerDirs and say in its own name, or by the
// commit that it is called after, what it is.
func composerArchive(at location, stem string) (Artifact, bool) {
	if a, ok := composerOfGitLab(at, stem); ok {
		return a, true
	}
	inside, marked := belowComposerDir(at.dir)
	if !marked && at.format == typeComposer {
		inside, marked = at.dir, true
	}
	vendor, rest := cutFirst(inside)
	name, version := cutFirst(rest)
	if !marked || name == "" || strings.Contains(version, "/") {
		return Artifact{}, false
	}
	behind, named := cutComposerName(stem, vendor+"-"+name)
	switch {
	case at.format == typeComposer:
		if !named {
			behind, _ = cutComposerName(stem, name) // as in Artifactory
		}
	case versionParts(name) > 0: // files/{project}/{version}/ of a Python index
		return Artifact{}, false
	case !named && (version == "" || !isCommit(strings.TrimPrefix(stem, "r"))):
		return Artifact{}, false
	}
	if version == "" {
		version = composerVersion(behind)
	}
	a, ok := composerPackage(vendor, name)
	a.Version, a.Kind, a.Rule = version, Primary, "composer-archive"
	return a, ok
}

// composerOfGitLab reads archives/{vendor}/{name}.zip of GitLab, which has the
// commit in the query.
func composerOfGitLab(at location, stem string) (Artifact, bool) {
	above, vendor := cutLast(at.dir)
	above, root := cutLast(above)
	_, registry := cutLast(above)
	if root != "archives" || (at.format != typeComposer && registry != typeComposer) {
		return Artifact{}, false
	}
	a, ok := composerPackage(vendor, stem)
	a.Kind, a.Rule = Primary, "composer-archive"
	return a, ok
}

// belowComposerDir returns what is below the first of composerDirs.
func belowComposerDir(dir string) (inside string, ok bool) {
	for rest := dir; rest != ""; {
		var segment string
		segment, rest = cutFirst(rest)
		if contains(composerDirs, segment) {
			return rest, rest != ""
		}
	}
	return "", false
}

// cutComposerName cuts a name and what separates it from a version off a file
// name. Gitea has a dot there.
func cutComposerName(stem, name string) (behind string, ok bool) {
	rest, ok := strings.CutPrefix(stem, name)
	if !ok || len(rest) < 2 || (rest[0] != '-' && rest[0] != '.') {
		return "", false
	}
	return rest[1:], true
}

// composerVersion cuts off the commits that Satis puts behind a version, and
// returns "" if there is nothing but them.
func composerVersion(s string) string {
	if len(s) >= commitLength && isCommit(s[:commitLength]) {
		return ""
	}
	const short = 6
	for _, length := range []int{short, commitLength} {
		head, tail := cutLastHyphen(s)
		if head != "" && head != "dev" && len(tail) == length && isHexText(tail) {
			s = head
		}
	}
	return s
}

// composerPackage starts an artifact of a package whose name is one.
func composerPackage(vendor, name string) (Artifact, bool) {
	if !spelledWith(vendor, "-_.") || !spelledWith(name, "-_.") {
		return Artifact{}, false
	}
	return Artifact{Type: typeComposer, Package: purl.Of(typeComposer, vendor, name), Confidence: Certain}, true
}

func isCommit(s string) bool { return len(s) == commitLength && isHexText(s) }
