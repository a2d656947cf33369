package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeDocker = "docker"

// Limits of the distribution specification, in bytes.
const (
	maxImageName = 255
	maxImageTag  = 128
)

// otherDigest is the least length of a digest by an algorithm that is not
// registered: that of MD5.
const otherDigest = 32

// mayBeImage spares nearly every path that is none the look at it. The second
// spelling is the one of proxies that escape slashes.
func mayBeImage(file string) bool {
	return strings.Contains(file, "v2/") || strings.Contains(file, "v2%2")
}

// docker knows what registries of OCI serve: manifests by tag or digest, blobs,
// and the lists of tags, referrers and repositories. Names of images have
// slashes, and segments that may be called like the endpoints, so the last
// endpoint of a path is the one.
//
// What is in a manifest is not known: one of several platforms, a Helm chart
// and one image alone look alike.
func docker(at location) (Artifact, bool) {
	if at.format != "" && at.format != typeDocker {
		return Artifact{}, false
	}
	if at.path == "v2" && at.listing {
		return indexOfNone("v2", "oci-ping"), true // clients ask it before a pull
	}
	above, endpoint, rest := cutEndpoint(at.path)
	if endpoint == "_catalog" && !at.listing {
		return indexOfNone("_catalog", "oci-catalog"), true
	}
	name, ok := imageName(above)
	switch {
	case !ok:
		return Artifact{}, false
	case endpoint == "blobs" && imageUpload(rest):
		return imageFile(name, "", Layer, "oci-upload"), true
	case at.listing:
		return Artifact{}, false
	}
	switch endpoint {
	case "manifests":
		return imageManifest(name, rest)
	case "blobs":
		a := imageFile(name, rest, Layer, "oci-blob")
		a.File = name + "@" + rest
		return a, isDigest(rest)
	case "referrers":
		return imageFile(name, rest, Index, "oci-referrers"), isDigest(rest)
	}
	return imageFile(name, "", Index, "oci-tags"), rest == "list"
}

// cutEndpoint splits a path at the last segment that may be an endpoint. All of
// the path of a catalog is above it.
func cutEndpoint(path string) (above, endpoint, rest string) {
	if path == "v2/_catalog" || strings.HasSuffix(path, "/v2/_catalog") {
		return path, "_catalog", ""
	}
	last := -1
	for _, e := range []string{"manifests", "blobs", "referrers", "tags"} {
		if i := strings.LastIndex(path, "/"+e+"/"); i > last {
			last, endpoint = i, e
		}
	}
	if last < 0 {
		return "", "", ""
	}
	return path[:last], endpoint, path[last+len(endpoint)+2:]
}

// imageName finds the name of an image: all that is behind the first v2 from
// where it is a name. What is before belongs to a proxy.
func imageName(path string) (string, bool) {
	for at := 0; ; {
		i := strings.Index(path[at:], "v2/")
		if i < 0 {
			return "", false
		}
		begins := at+i == 0 || path[at+i-1] == '/'
		at += i + len("v2/")
		if begins && isImageName(path[at:]) {
			return path[at:], true
		}
	}
}

// imageManifest reads the tag or the digest of a manifest.
func imageManifest(name, ref string) (Artifact, bool) {
	if isDigest(ref) {
		a := imageFile(name, ref, Primary, "oci-manifest")
		a.File = name + "@" + ref
		return a, true
	}
	if !isTag(ref) {
		return Artifact{}, false
	}
	a := imageFile(name, ref, Primary, "oci-manifest")
	if digest, kind := attached(ref); kind != "" {
		a.Version, a.Kind, a.Rule = digest, kind, "oci-referrers"
		if kind != Index {
			a.SidecarOf, a.Rule = name+"@"+digest, "oci-cosign"
		}
	}
	a.File = name + ":" + ref
	return a, true
}

// attached reads a tag that stands for what is attached to the manifest of a
// digest, as alg-hex.sig of cosign. Without a suffix it is the list of such
// things, where a registry has no endpoint for it.
func attached(tag string) (digest string, kind Kind) {
	stem, suffix, dotted := strings.Cut(tag, ".")
	alg, hex, _ := strings.Cut(stem, "-")
	digest = alg + ":" + hex
	switch {
	case alg != "sha256" && alg != "sha512", !isDigest(digest): // main-{commit} is a tag of its own
		return "", ""
	case !dotted:
		return digest, Index
	case suffix == "sig":
		return digest, Signature
	case suffix == "att", suffix == "sbom":
		return digest, Attestation
	}
	return "", ""
}

// imageFile is a file of an image. The owner of the name stands for the
// repository, as registries have no other; images without one are Docker's.
func imageFile(name, version string, kind Kind, rule string) Artifact {
	namespace, last := cutLast(name)
	repository := "library"
	if namespace != "" {
		repository, _ = cutFirst(namespace)
	}
	return Artifact{
		Repository: repository, Type: typeDocker, Package: purl.Of(typeDocker, namespace, last), Version: version,
		Kind: kind, Confidence: Certain, Rule: rule,
	}
}

// imageUpload reports whether a blob is one on its way in: uploads, or
// uploads/{session}.
func imageUpload(rest string) bool {
	first, session := cutFirst(rest)
	return first == "uploads" && !strings.Contains(session, "/")
}

// isImageName reports whether s is components with slashes between them.
func isImageName(s string) bool {
	if s == "" || len(s) > maxImageName {
		return false
	}
	for component := range strings.SplitSeq(s, "/") {
		if !isImageComponent(component) {
			return false
		}
	}
	return true
}

// isImageComponent reports whether s is words of lower-case letters and digits
// with a dot, one or two underscores, or any number of hyphens between them.
func isImageComponent(s string) bool {
	word := false // whether the byte before belongs to a word
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c), 'a' <= c && c <= 'z':
			word = true
			continue
		case !word:
			return false
		case c == '-':
			for i+1 < len(s) && s[i+1] == '-' {
				i++
			}
		case c == '_' && i+1 < len(s) && s[i+1] == '_':
			i++
		case c != '.' && c != '_':
			return false
		}
		word = false
	}
	return word
}

// isTag reports whether s is a tag: letters, digits, and behind the first byte
// dots and hyphens too.
func isTag(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '_' && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= maxImageTag
}

// isDigest reports whether s is an algorithm, a colon and the digest in hex, of
// the length that registered algorithms have.
func isDigest(s string) bool {
	alg, hex, _ := strings.Cut(s, ":")
	for i := 0; i < len(hex); i++ {
		if c := hex[i]; !isDigit(c) && (c < 'a' || 'f' < c) {
			return false
		}
	}
	switch alg {
	case "sha256":
		return len(hex) == 64
	case "sha512":
		return len(hex) == 128
	}
	return len(hex) >= otherDigest && len(s) <= maxImageName && isImageComponent(alg)
}
