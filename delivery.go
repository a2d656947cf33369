package pkgmeter

import "time"

// File is what follows from what was said about a file, under one rule set.
type File struct {
	Repository string // never empty: [Unknown] where none is known
	Name       string // the path without host, prefix and leading slash
	Type       string // the purl type, "generic" where nothing is recognised
	Package    string // canonical purl without version
	Version    string // "" if none is seen
	Kind       Kind
	SidecarOf  string // name of the file that this one describes, or ""
	Legacy     LegacyType
	Confidence Confidence
}

// Confidence says how a file's coordinates were found.
type Confidence uint8

// The degrees of confidence.
const (
	Guessed Confidence = iota // nothing recognised it
	Likely                    // from a bare file name
	Certain                   // from a full path in the layout of its ecosystem, or said
)

// String returns the name of c.
func (c Confidence) String() string {
	return nameOf([]string{"low", "medium", "high"}, int(c))
}

// An Entry is an event beside what follows from it: what the ledger takes in.
type Entry struct {
	Event  Event
	File   File
	Client Client
	Whole  bool // a file was fetched from its beginning: a download, if the file is primary
	Counts Measures
}

// A Reject is something that came in and could not be read. It is kept for a
// person to look at, with what would identify people masked.
type Reject struct {
	Source string
	Kind   string // what kind of thing Body is, e.g. "callback"
	Reason string // one sentence for the operator
	Body   []byte
}

// A Delivery is what one request brought. It is stored whole or not at all.
type Delivery struct {
	Received time.Time
	Entries  []Entry
	Rejects  []Reject

	// Sample is the payload, masked, for a source of which few are kept yet.
	Sample *Sample

	// Ticket, if there is one, says up to where of an imported file the entries
	// and rejects are. It is stored with them.
	Ticket *Ticket

	// Held is the item of quarantine that was read after all, 0 for none. It
	// leaves quarantine with this delivery; if it has left already, nothing of
	// the delivery is stored.
	Held int64

	// Set by the ledger once the delivery is durable: how many entries are
	// new, and how many were known by their id before.
	New, Known int
}

// MaxHead is how much of a file identifies it at first sight, in bytes.
const MaxHead = 64 << 10

// A Ticket is how far a file was imported. Files are known by their unpacked
// content, not by their names: one that grew goes on where it ended.
type Ticket struct {
	ID      int64 // 0 for a file that is new; set by the ledger
	Source  string
	Format  string
	HeadLen int      // min(MaxHead, length of the file when it was new)
	Head    [32]byte // SHA-256 of so many bytes
	From    int64    // bytes that were read before, 0 for a new file
	Offset  int64    // bytes that are read now
	SHA256  [32]byte // of the first Offset bytes

	// What the file brought up to Offset. Kept by the ledger.
	New, Known, Rejected int64
}
