package pkgmeter

// A Collection is one of the five kinds of records in a catalog of Meteor
// packages.
type Collection uint8

// The collections, in the order in which they are synced.
const (
	Packages Collection = iota
	Versions
	Builds
	ReleaseTracks
	ReleaseVersions

	Collections // how many there are
)

var collectionNames = []string{"packages", "versions", "builds", "releaseTracks", "releaseVersions"}

// String returns the name of c, as clients know it.
func (c Collection) String() string { return nameOf(collectionNames, int(c)) }

// A Document is one record of the catalog.
type Document struct {
	Collection Collection

	// ID is stable over the record's life. Key is what else is unique in its
	// collection: the name of a package or track; package, architectures or
	// track with the version after a NUL byte.
	ID, Key string

	// Brief is what lists show of the record; only who wrote it reads it.
	Brief string

	// Body is the record as EJSON text, as clients get it. That of the catalog's
	// own records has no member lastUpdated when it is stored: the store adds
	// the time of At.
	Body []byte

	// At is the record's position, 0 for one that is not stored yet.
	At int64

	// Mirrored is set for a record that another server is asked about: it is
	// removed when that server has it no longer.
	Mirrored bool
}

// Positions are places in the catalog's history, one for each collection.
// Positions are milliseconds that strictly increase in the order of commits over
// all collections; they may be ahead of the clock.
type Positions [Collections]int64

// A CatalogState is how far the catalog has come.
type CatalogState struct {
	Last         int64     // position of the newest change of all
	At           Positions // of the newest record of each collection, 0 for none
	Changes      Positions // documents ever added, changed or removed
	LastDeletion int64     // when something visible went away, or the catalog began
}

// A CatalogEdit changes records of the catalog in one transaction, or nothing.
type CatalogEdit struct {
	// Keep lists records that have to be as they were read, but do not change.
	Keep []Document

	// Put adds the documents whose At is 0, whose id and key must be new, and
	// replaces the others, which must be as they were read.
	Put []Document

	// Remove takes away records that are as they were read.
	Remove []Document

	// Publish is the token of what is published by this, unless it is zero: it
	// must be pending and not be published yet.
	Publish [32]byte

	// Files are served from then on, and those at the paths Withdraw no more.
	Files    []PublishedFile
	Withdraw []string
}
