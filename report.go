package pkgmeter

// An AppReport says which packages an app contains.
type AppReport struct {
	App      string       // what the app calls itself
	Packages []AppPackage // each package once

	// Added is how many packages were not known to be in the app. The store sets
	// it.
	Added int
}

// Limits of a report.
const (
	MaxApp         = 200  // characters of App
	MaxAppPackages = 5000 // in a report
)

// An AppPackage is a package that an app contains.
type AppPackage struct {
	Package string // canonical purl
	Version string
	Direct  bool // chosen by the app's maintainers, not brought along by another package
}

// A DailyUse is the adds of one day: in how many apps a package was seen for the
// first time, in this version.
type DailyUse struct {
	Package string // canonical purl
	Version string
	Direct  int64 // of Total, those whose maintainers chose the package
	Total   int64
}

// A UseDay is the adds of a day as they are published: never changed again.
type UseDay struct {
	Day     Day
	Body    []byte
	SHA256  [32]byte // of Body
	Chain   [32]byte // of this and all days before; zero for a day of another server
	Foreign bool     // another server published it
}
