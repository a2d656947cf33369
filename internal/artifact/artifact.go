package artifact

import "strings"

// MaxPath is the longest path, in bytes, that is given coordinates.
const MaxPath = 1024

// An Artifact is what a path means.
type Artifact struct {
	Repository string     // named by a prefix of the path, percent-decoded; "" without one
	File       string     // the path as sent, less that prefix and leading slashes
	Type       string     // purl type
	Package    string     // canonical purl without version; never empty
	Version    string     // as spelled in the path, percent-decoded; "" if none is seen
	Kind       Kind       // the role of the file in its package
	SidecarOf  string     // File of the file that this one describes in the end, or ""
	Confidence Confidence // of type, package and version
	Rule       string     // short stable name of the rule that found the coordinates
}

// A Kind is the role of a file in its package, as it is shown.
type Kind string

// The kinds. What nothing recognises is [Primary].
const (
	Primary     Kind = "primary"
	Sources     Kind = "sources"
	Metadata    Kind = "metadata"
	Index       Kind = "index"
	Checksum    Kind = "checksum"
	Signature   Kind = "signature"
	Attestation Kind = "attestation"
	Layer       Kind = "layer"
)

// Kinds lists all kinds, in the order in which the program numbers them.
func Kinds() []Kind {
	return []Kind{Primary, Sources, Metadata, Index, Checksum, Signature, Attestation, Layer}
}

// Confidence says how coordinates were found.
type Confidence uint8

// The degrees of confidence.
const (
	Guessed Confidence = iota // nothing recognised it: generic
	Likely                    // from the name of the file alone
	Certain                   // from a full path in the layout of its ecosystem
)

// A recogniser gives coordinates and kind to the paths of one ecosystem. It
// leaves Repository, File and SidecarOf to [Parse].
type recogniser func(location) (Artifact, bool)

// recognisers are asked in this order. PyPI comes first: its layouts are
// marked by fixed directories, while Maven's takes any four segments.
var recognisers = []recogniser{pypi, maven}

// Parse says what a path or a bare file name means. It never fails: what
// nothing recognises is generic.
func Parse(raw string) Artifact {
	if len(raw) > MaxPath {
		// Not even a suffix is believed: the file without it might be short
		// enough for coordinates that this one may not have.
		file := strings.TrimLeft(raw, "/")
		a := asIs(file)
		a.File = file
		return a
	}
	repository, file := cutPrefix(strings.TrimLeft(raw, "/"))
	parent, kind := stripSidecars(file)
	a := classify(parent)
	a.Repository, a.File = repository, file
	if kind != "" {
		a.Kind, a.SidecarOf = kind, parent
	}
	return a
}

// classify gives coordinates to a path that has neither prefix nor sidecar
// suffixes.
func classify(file string) Artifact {
	text := decode(file)
	if !fit(text) {
		return asIs(file)
	}
	at := locate(text)
	for _, knows := range recognisers {
		if a, ok := knows(at); ok {
			return a
		}
	}
	return generic(at)
}

// Legacy returns the file type by which the old CloudRepo program counted:
// jar, pom, crypto or other. The last extension decides, in any case.
func Legacy(file string) string {
	name := file[strings.LastIndexByte(file, '/')+1:]
	switch ext := name[strings.LastIndexByte(name, '.')+1:]; {
	case len(ext) == len(name):
		return "other" // no dot at all
	case strings.EqualFold(ext, "jar"):
		return "jar"
	case strings.EqualFold(ext, "pom"):
		return "pom"
	case strings.EqualFold(ext, "md5"), strings.EqualFold(ext, "sha1"),
		strings.EqualFold(ext, "sha256"), strings.EqualFold(ext, "sha512"):
		return "crypto"
	}
	return "other"
}
