package artifact

import (
	"cmp"
	"strings"
)

// MaxPath is the longest path, in bytes, that is given coordinates.
const MaxPath = 1024

// An Artifact is what a path means.
type Artifact struct {
	Repository string     // named by a prefix of the path, percent-decoded, or by the name of an image; else ""
	Format     string     // purl type that the prefix says its files are of, or ""
	File       string     // the path as sent, less that prefix and leading slashes; of an image name:tag or name@digest
	Type       string     // purl type
	Package    string     // canonical purl without version; never empty
	Version    string     // as spelled in the path, percent-decoded (NuGet's normalised, Go's unescaped); "" if none is seen
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

// Parse says what a path or a bare file name means. It never fails: what
// nothing recognises is generic.
func Parse(raw string) Artifact { return ParseIn(raw, "") }

// ParseIn is Parse for a path in a repository of which the format, a purl type,
// is known, or "". The format decides where several ecosystems could have a
// file, as with archives; one that a prefix of the path says wins over it.
func ParseIn(raw, format string) Artifact {
	if len(raw) > MaxPath {
		// Not even a suffix is believed: the file without it might be short
		// enough for coordinates that this one may not have.
		file := strings.TrimLeft(raw, "/")
		a := asIs(file)
		a.File = file
		return a
	}
	repository, said, file := cutPrefix(strings.TrimLeft(raw, "/"))
	a := read(file, cmp.Or(said, format))
	a.Repository, a.File, a.Format = cmp.Or(repository, a.Repository), cmp.Or(a.File, file), said
	return a
}

// read says what a path without prefix means.
func read(file, format string) Artifact {
	if a, ok := image(file, format); ok {
		return a
	}
	parent, kind := stripSidecars(file, format)
	a := classify(parent, format)
	if kind != "" {
		a.Kind, a.SidecarOf, a.File = kind, parent, "" // not the name of the image that it is beside
	}
	return a
}

// image reads the paths of images, whose files have names of their own: no
// suffix of a sidecar is cut off a tag.
func image(file, format string) (Artifact, bool) {
	if !mayBeImage(file) {
		return Artifact{}, false
	}
	text := decode(file)
	if !fit(text) {
		return Artifact{}, false
	}
	return docker(locate(text, format))
}

// classify gives coordinates to a path that has neither prefix nor sidecar
// suffixes.
func classify(file, format string) Artifact {
	text := decode(file)
	if !fit(text) {
		return asIs(file)
	}
	at := locate(text, format)
	if a, ok := recognise(at); ok {
		return a
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
