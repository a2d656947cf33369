package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeCargo = "cargo"

// cargoPages are what crates.io answers about a crate, beside its versions.
var cargoPages = []string{"versions", "owners", "owner_user", "owner_team", "downloads", "reverse_dependencies"}

// cargo knows crates by their extension, the address from which a registry
// hands them out, and the files of an index.
func cargo(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	if stem, ok := cutSuffix(at.name, ".crate"); ok {
		return cargoFile(at, stem)
	}
	if at.name == "download" {
		return cargoDownload(at)
	}
	return cargoIndex(at)
}

// cargoFile reads {name}-{version}.crate. A directory that says the name is
// believed before the file, and so is one in which files are only versions.
func cargoFile(at location, stem string) (Artifact, bool) {
	above, parent := cutLast(at.dir)
	_, grand := cutLast(above)
	for _, name := range []string{parent, grand} {
		rest, ok := strings.CutPrefix(stem, name)
		if version, hyphen := strings.CutPrefix(rest, "-"); ok && hyphen && cargoName(name) && isSemver(version) {
			return cargoCrate(name, version, Certain), true
		}
	}
	if cargoName(parent) && isSemver(stem) {
		return cargoCrate(parent, stem, Certain), true
	}
	name, version, ok := cargoSplit(stem)
	if !ok {
		return Artifact{}, false
	}
	if at.format == typeCargo {
		return cargoCrate(name, version, Certain), true
	}
	return cargoCrate(name, version, Likely), true
}

// cargoSplit splits behind the last hyphen before the first dot: the name has
// no dots, and every version has one before its first hyphen.
func cargoSplit(stem string) (name, version string, ok bool) {
	dot := max(strings.IndexByte(stem, '.'), 0)
	hyphen := strings.LastIndexByte(stem[:dot], '-')
	if hyphen < 0 {
		return "", "", false
	}
	name, version = stem[:hyphen], stem[hyphen+1:]
	return name, version, cargoName(name) && isSemver(version)
}

func cargoCrate(name, version string, confidence Confidence) Artifact {
	return Artifact{
		Type: typeCargo, Package: purl.Of(typeCargo, "", name), Version: version,
		Kind: Primary, Confidence: confidence, Rule: "cargo-crate",
	}
}

// cargoDownload is crates/{name}/{version}/download. Where that is a
// registry's, any directory may stand before it; Kellnr has cratesio for what
// it mirrors.
func cargoDownload(at location) (Artifact, bool) {
	above, version := cutLast(at.dir)
	above, name := cutLast(above)
	_, root := cutLast(above)
	if !cargoName(name) || !isSemver(version) {
		return Artifact{}, false
	}
	a := cargoCrate(name, version, Certain)
	a.Rule = "cargo-download"
	return a, at.format == typeCargo || root == "crates" || root == "cratesio"
}

// cargoIndex is what cargo reads before a crate: a file of a sparse index, an
// answer of the registry's API, or the index's configuration, which is of no
// crate.
func cargoIndex(at location) (Artifact, bool) {
	known := at.format == typeCargo
	if !known && !strings.Contains(at.path, "index/") && !strings.Contains(at.path, "crates/") {
		return Artifact{}, false
	}
	if root, ok := cargoSparse(at.path); ok {
		// Kellnr has its index among the crates.
		if _, dir := cutLast(root); known || dir == "index" || dir == "crates" {
			return cargoListing(at.name, ""), true
		}
	}
	if a, ok := cargoAPI(at.path, known); ok {
		return a, true
	}
	if known && at.name == "config.json" {
		return indexOfNone(at.name, "cargo-index"), true
	}
	return Artifact{}, false
}

// cargoSparse finds a file of a sparse index at the end of path, and returns
// the directory of the index. The directories repeat the beginning of the name.
func cargoSparse(path string) (root string, ok bool) {
	above, name := cutLast(path)
	if !cargoName(name) {
		return "", false
	}
	above, second := cutLast(above)
	root, first := cutLast(above)
	switch len(name) {
	case 1:
		return above, second == "1"
	case 2:
		return above, second == "2"
	case 3:
		return root, first == "3" && strings.EqualFold(second, name[:1])
	}
	return root, strings.EqualFold(first, name[:2]) && strings.EqualFold(second, name[2:4])
}

// cargoAPI is api/v1/crates/{name}, of which Artifactory leaves out the api.
func cargoAPI(path string, known bool) (Artifact, bool) {
	rest, ok := strings.CutPrefix(path, "api/")
	if rest, v1 := strings.CutPrefix(rest, "v1/crates"); v1 && (ok || known) {
		rest = strings.TrimPrefix(rest, "/")
		if rest == "" && known {
			return indexOfNone("crates", "cargo-index"), true // a search
		}
		name, page := cutFirst(rest)
		switch {
		case !cargoName(name):
		case isSemver(page):
			return cargoListing(name, page), true
		case page == "" || contains(cargoPages, page):
			return cargoListing(name, ""), true
		}
	}
	return Artifact{}, false
}

func cargoListing(name, version string) Artifact {
	return Artifact{
		Type: typeCargo, Package: purl.Of(typeCargo, "", name), Version: version,
		Kind: Index, Confidence: Certain, Rule: "cargo-index",
	}
}

// cargoName reports whether s may be the name of a crate.
func cargoName(s string) bool {
	if s == "" || (!isLetter(s[0]) && s[0] != '_') {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return true
}
