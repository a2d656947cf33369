package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeTerraform = "terraform"

// providerPrefix begins the names of all files of a provider.
const providerPrefix = "terraform-provider-"

// terraform knows the protocols of a registry, whatever stands before them, and
// the files of providers.
func terraform(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	if strings.HasPrefix(at.name, providerPrefix) {
		if a, ok := providerFile(at); ok {
			return a, true
		}
	}
	if strings.Contains(at.path, "v1") {
		if rest, ok := behindSegments(at.path, "v1/providers/"); ok {
			return terraformProvider(rest, at.format)
		}
		if rest, ok := behindSegments(at.path, "v1/modules/"); ok {
			return terraformModule(rest, at.format)
		}
		if rest, ok := behindSegments(at.path, "terraform/modules/v1/"); ok { // GitLab
			return terraformModule(rest, typeTerraform)
		}
	}
	if at.path == ".well-known/terraform.json" {
		return unnamedIndex(at.dir, at.name, "terraform-index"), true
	}
	if at.format == typeTerraform {
		return terraformStored(at)
	}
	return Artifact{}, false
}

// behindSegments returns what is behind whole segments of a path.
func behindSegments(path, segments string) (string, bool) {
	i := strings.Index(path, segments)
	if i < 0 || (i > 0 && path[i-1] != '/') {
		return "", false
	}
	return path[i+len(segments):], true
}

// terraformModule reads {namespace}/{name}/{system}/… of the module registry
// protocol. Of what a registry may have beside it only a known one is believed.
func terraformModule(path, format string) (Artifact, bool) {
	var s [6]string // one more than is ever read
	n := splitInto(s[:], path)
	version, index := "", true
	switch {
	case n == 5 && isTerraformVersion(s[3]) && (s[4] == "download" || (s[4] == "file" && format == typeTerraform)):
		version, index = s[3], false
	case n == 4 && (s[3] == "versions" || s[3] == "download"): // that of the latest only redirects
	case n == 4 && format == typeTerraform && isTerraformVersion(s[3]):
		version = s[3]
	case n == 3 && format == typeTerraform:
	default:
		return Artifact{}, false
	}
	if !spelledWith(s[0], "-_") || !spelledWith(s[1], "-_") || !spelledWith(s[2], "-_") {
		return Artifact{}, false
	}
	return terraformArtifact(s[0]+"/"+s[1], s[2], version, "terraform-module", index), true
}

// terraformProvider reads {namespace}/{type}/… of the provider registry
// protocol.
func terraformProvider(path, format string) (Artifact, bool) {
	var s [7]string // one more than is ever read
	n := splitInto(s[:], path)
	version, index := "", true
	switch {
	case n == 6 && isTerraformVersion(s[2]) && s[3] == "download" && spelledWith(s[4], "-") && spelledWith(s[5], "-_"):
		version, index = s[2], false
	case n == 3 && s[2] == "versions":
	case n == 3 && format == typeTerraform && isTerraformVersion(s[2]):
		version = s[2]
	case n == 2 && format == typeTerraform:
	default:
		return Artifact{}, false
	}
	if !spelledWith(s[0], "-_") || !spelledWith(s[1], "-_") {
		return Artifact{}, false
	}
	return terraformArtifact(s[0], s[1], version, "terraform-provider", index), true
}

func terraformArtifact(namespace, name, version, rule string, index bool) Artifact {
	a := Artifact{
		Type: typeTerraform, Package: purl.Of(typeTerraform, namespace, name), Version: version,
		Kind: Primary, Confidence: Certain, Rule: rule,
	}
	if index {
		a.Kind = Index
	}
	return a
}

// splitInto fills list with the segments of a path and returns how many there
// are, or the length of list if there are as many or more.
func splitInto(list []string, path string) int {
	n := 0
	for ; n < len(list) && path != ""; n++ {
		list[n], path = cutFirst(path)
	}
	return n
}

// providerFile reads {prefix}{type}_{version}_{os}_{arch}.zip and what is
// published beside it.
func providerFile(at location) (Artifact, bool) {
	name, rest, ok := strings.Cut(at.name[len(providerPrefix):], "_")
	version, rest, ok2 := strings.Cut(rest, "_")
	kind, ok3 := providerFileKind(rest)
	if !ok || !ok2 || !ok3 || !spelledWith(name, "-") || !isTerraformVersion(version) {
		return Artifact{}, false
	}
	namespace, placed := providerNamespace(at, name, version)
	a := terraformArtifact(namespace, name, version, "terraform-archive", false)
	a.Kind = kind
	if !placed && at.format != typeTerraform {
		a.Confidence = Likely
	}
	return a, true
}

// providerFileKind says what stands behind the version of a provider.
func providerFileKind(s string) (Kind, bool) {
	if platform, ok := strings.CutSuffix(s, ".zip"); ok {
		system, arch, ok := strings.Cut(platform, "_")
		return Primary, ok && spelledWith(system, "") && spelledWith(arch, "")
	}
	sums, key, _ := strings.Cut(s, ".") // the key that signed them may be named
	switch {
	case s == "manifest.json":
		return Metadata, true
	case sums == "SHA256SUMS" && (key == "" || spelledWith(key, "")):
		return Checksum, true
	}
	return "", false
}

// providerNamespace looks for {host}/{namespace}/{type}[/{version}] above a
// file, as in a mirror. Where the format is known the host may be missing.
func providerNamespace(at location, name, version string) (namespace string, ok bool) {
	dir := at.dir
	if above, last := cutLast(dir); last == version {
		dir = above
	}
	above, last := cutLast(dir)
	above, namespace = cutLast(above)
	if last != name || !spelledWith(namespace, "-_") {
		return "", false
	}
	_, host := cutLast(above)
	if at.format != typeTerraform && !isHost(host) {
		return "", false
	}
	return namespace, true
}

// terraformStored reads what has no mark of its own but in a repository that
// is known: {host}/{namespace}/{type}/{index|version}.json of a mirror,
// {namespace}/{name}/{system}/{version}.zip of Artifactory, and
// modules/{name}/{system}/{version}/file of a project in GitLab.
func terraformStored(at location) (Artifact, bool) {
	var s [6]string // one more than is ever read
	n := splitInto(s[:], at.path)
	if (n == 4 || (n == 5 && s[4] == "file")) && s[0] == "modules" && isTerraformVersion(s[3]) &&
		spelledWith(s[1], "-_") && spelledWith(s[2], "-_") {
		return terraformArtifact(s[1], s[2], s[3], "terraform-module", false), true
	}
	if version, ok := strings.CutSuffix(at.name, ".zip"); ok && n == 4 && isTerraformVersion(version) {
		a, ok := terraformModule(at.dir, typeTerraform)
		a.Version, a.Kind = version, Primary
		return a, ok
	}
	version, ok := strings.CutSuffix(at.name, ".json")
	above, name := cutLast(at.dir)
	above, namespace := cutLast(above)
	_, host := cutLast(above)
	if !ok || !isHost(host) || !spelledWith(namespace, "-_") || !spelledWith(name, "-_") {
		return Artifact{}, false
	}
	if version == "index" {
		version = ""
	} else if !isTerraformVersion(version) {
		return Artifact{}, false
	}
	return terraformArtifact(namespace, name, version, "terraform-mirror", true), true
}

// isHost reports whether a directory may be called after a registry.
func isHost(s string) bool { return strings.ContainsAny(s, ".:") && spelledWith(s, ".-:") }

func isTerraformVersion(s string) bool {
	return s != "" && isDigit(s[0]) && strings.Contains(s, ".") && spelledWith(s, ".-+")
}
