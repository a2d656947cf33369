package pkgmeter

import "time"

// PublishedPart says what bytes of a package are.
type PublishedPart uint8

// The parts. A build is what apps install; versions have a source and a readme.
const (
	SourcePart PublishedPart = iota
	BuildPart
	ReadmePart
)

// A Blob is bytes, known by their content.
type Blob struct {
	SHA256 [32]byte // all zeros: there are none, as no content has this digest
	Size   int64
}

// Uploaded reports whether there are bytes, be it none.
func (b Blob) Uploaded() bool { return b.SHA256 != [32]byte{} }

// A Pending is something that is being published, and invisible until then: a
// version, a build, or another readme of a version, each known by the part that
// it is about.
type Pending struct {
	Token     [32]byte // SHA-256 of the secret that the publisher has
	Part      PublishedPart
	Key       string // of the version or build, as in [Document]
	User      string
	Record    []byte // what was said of it
	Source    Blob   // of versions, and the tarball of builds
	Readme    Blob
	Expires   time.Time
	Published bool
}

// A PublishedFile is bytes of a package under the path at which they are served,
// for ever the same ones.
type PublishedFile struct {
	Path    string
	Name    string // of the file, as numbers have it
	Blob    Blob
	Package string // canonical purl
	Version string
	Part    PublishedPart
}
