package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeHex = "hex"

// hex knows the tarballs and the registry of a repository of Hex. That of an
// organisation is below repos/{organisation}, which is then the namespace.
func hex(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	if stem, ok := cutSuffix(at.name, ".tar"); ok {
		return hexFile(at, stem, "tarballs")
	}
	if stem, ok := cutSuffix(at.name, ".tar.gz"); ok {
		return hexFile(at, stem, "docs")
	}
	if at.format == typeHex || strings.HasPrefix(at.path, "repos/") {
		return hexIndex(at)
	}
	return Artifact{}, false
}

// hexFile reads {name}-{version} in a directory of that name. Other archives
// are kept in a directory called docs too, so the documentation of a package
// must be that of an organisation, or in a repository that is known.
func hexFile(at location, stem, in string) (Artifact, bool) {
	above, parent := cutLast(at.dir)
	org := hexOrganisation(above)
	sure := at.format == typeHex
	name, version, ok := strings.Cut(stem, "-")
	switch {
	case !ok || parent != in || !isHexName(name) || !isSemver(version):
		return Artifact{}, false
	case in == "docs" && org == "" && !sure:
		return Artifact{}, false
	}
	a := hexArtifact(org, name)
	a.Version, a.Kind, a.Rule = version, Primary, "hex-tarball"
	if in == "docs" {
		a.Kind, a.Rule = Sources, "hex-docs"
	}
	return a, true
}

// hexIndex knows the list of the versions of a package, and those of all
// packages, which are of none.
func hexIndex(at location) (Artifact, bool) {
	above, parent := cutLast(at.dir)
	org := hexOrganisation(above)
	switch {
	case parent == "packages" && isHexName(at.name) && (at.format == typeHex || above == "repos/"+org):
		a := hexArtifact(org, at.name)
		a.Kind, a.Rule = Index, "hex-index"
		return a, true
	case at.format == typeHex && (at.name == "names" || at.name == "versions"):
		return unnamedIndex(at.dir, at.name, "hex-index"), true
	}
	return Artifact{}, false
}

func hexArtifact(org, name string) Artifact {
	return Artifact{Type: typeHex, Package: purl.Of(typeHex, org, name), Confidence: Certain}
}

// hexOrganisation returns the organisation that a directory is of, or "".
func hexOrganisation(dir string) string {
	above, org := cutLast(dir)
	if _, root := cutLast(above); root == "repos" && isHexName(org) {
		return org
	}
	return ""
}

// isHexName reports whether s is a name as Elixir and Erlang have them: in
// lower case, and without hyphen.
func isHexName(s string) bool {
	return spelledWith(s, "_") && !isDigit(s[0]) && s == strings.ToLower(s)
}
