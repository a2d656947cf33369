package pkgmeter

// Bounds of what is called rising, new or stale.
const (
	// RisingLeast is how many of the measure a package has in the range at least.
	// Of fewer, a percentage says nothing.
	RisingLeast = 20

	// RisingFactor is by how much it grew at least, in percent of the range before.
	RisingFactor = 150

	// NewDays is how long a package is new after its first hit.
	NewDays = 90

	// StaleDays is for how long no file of a stale package had its first hit,
	// while older ones are still fetched.
	StaleDays = 180
)

// A Mover is a key with its counts in a range and in the equal one before.
type Mover struct {
	Key         string
	Now, Before Measures
}

// Movers are the packages whose use changes. Each list is bounded.
type Movers struct {
	Rising []Mover // by growth, the largest first
	New    []Mover // by the measure in the range, descending
	Stale  []Mover // likewise
	Span   Span
}

// Uploads are the versions of which files came into being, and those of which
// files went. Each list is bounded, and in the order of days.
type Uploads struct {
	Uploaded, Deleted []DayFiles
}

// DayFiles are files of a version to which the same happened on a day, as a
// sender said.
type DayFiles struct {
	Day     Day
	Package string // canonical purl
	Version string // "" where the path tells none
	Files   int64  // primary ones
}
