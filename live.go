package pkgmeter

// Recorded is an event of the ledger beside what its file is counted as.
type Recorded struct {
	Number int64 // in the order of commits, from 1 on; never given twice

	// Event has what the sender said, but for its id, and for how it named the
	// file: that is what File says.
	Event Event
	File  *File // of the generation that answers; shared, and not to be changed
}
