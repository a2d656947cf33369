package pkgmeter

// SyncFormat is the format of tokens, and of the records that go with them.
const SyncFormat = "1.1"

// A SyncToken says what a client of the catalog has: everything up to some
// positions, of a catalog of which nothing was deleted since LastDeletion. It
// has the same value as long as nothing is new, by which clients know so.
type SyncToken struct {
	Format       string
	LastDeletion int64
	At           Positions
}

// Fresh reports whether the client has nothing.
func (t SyncToken) Fresh() bool { return t.At == Positions{} }

// Foreign reports whether the client has to begin anew: it has records that
// were deleted since, or is ahead of the catalog, which then was restored or is
// another one. A client that has nothing never is.
func (t SyncToken) Foreign(s CatalogState) bool {
	if t.Fresh() {
		return false
	}
	for _, at := range t.At {
		if at > s.Last {
			return true
		}
	}
	return t.LastDeletion != s.LastDeletion
}

// SyncLimit bounds a page. A page that would be empty for its bytes has one
// record.
type SyncLimit struct {
	Rows  int // of each collection
	Bytes int // of all records together
}

// A SyncPage is a step of a client that catches up.
type SyncPage struct {
	// Records are the bodies of each collection, in the order of their
	// positions, with commas between.
	Records [Collections][]byte

	Token    SyncToken // for the next step
	UpToDate bool      // nothing is left
	Reset    bool      // the client has to forget what it has; the page is empty then
}

// A MirrorState is how far a mirror of another server has come.
type MirrorState struct {
	URL   string // of the server; empty if there is no mirror
	Token []byte // what to send next, as JSON; empty to begin

	// Anew is set while everything is fetched again because the other server
	// said so: when that is through, what it did not name is gone there.
	Anew bool
}

// A MirrorPage is a page of another server's catalog.
type MirrorPage struct {
	State     MirrorState // after this page
	Documents []Document
	Done      bool // the mirror has everything now
}

// MirrorSum says what came of a page.
type MirrorSum struct {
	Written int // new or changed
	Same    int // as they were already
	Refused int // their key belongs to a record of this server's own
	Removed int // gone from the other server
}
