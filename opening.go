package pkgmeter

// Counters are counts that know no date, as the old CloudRepo program keeps
// them: of everything, and by file, repository and legacy type. The three sets
// are marginals; none has to add up to All.
type Counters struct {
	All          int64
	Files        map[string]int64
	Repositories map[string]int64
	Types        [4]int64 // by [LegacyType]
}

// An Opening is what a file of another program brings along: the counters of
// its whole life, and its users.
//
// A source that is imported again counts its increase over the time before.
type Opening struct {
	Source   string
	SHA256   [32]byte // of the file: the same one counts once
	Counters Counters

	// Derive gives what follows from a file's name. It is called once a name.
	Derive func(name string) File

	// Users to make. One that exists stays as it is. Where there is no enabled
	// administrator yet, the first one that is not disabled becomes one.
	Users []User

	// UsersOnce makes them with the first file of the source only: who was removed
	// since does not come back with a newer one that nobody looks at.
	UsersOnce bool

	Extra  string          // members to give back at an export: a JSON object, or ""
	Hidden map[string]bool // panels of the page, hidden or not; nil if not said. Taken where nobody has decided yet
}

// MoveIn is the outcome of an [Opening].
type MoveIn struct {
	New   int64    // by how much the count of all grew
	Known int64    // what it was before
	Users []string // names of those that were made
	Admin string   // the one that became administrator, or ""
}
