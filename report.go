package pkgmeter

import (
	"context"
	"time"
)

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

// Adds are first times that an app was seen to contain a package. They are never
// mixed with downloads.
type Adds struct {
	Direct int64 `json:"direct"` // of Total, those whose maintainers chose the package
	Total  int64 `json:"total"`
}

// Add adds o to a.
func (a *Adds) Add(o Adds) {
	a.Direct += o.Direct
	a.Total += o.Total
}

// An AddsQuery narrows a question about adds, as a [Query] and its [Filter] do:
// a zero From is the first day with adds, days of other servers included.
type AddsQuery struct {
	From, To Day
	Packages []string // canonical purls without version
	Versions []string
	Now      time.Time
}

// An AddsKey says by what adds are summed.
type AddsKey uint8

// The keys of adds. Versions are told apart by their text alone.
const (
	AddsInAll AddsKey = iota
	AddsByPackage
	AddsByVersion
	AddsByDay
)

// An AddsRow is the adds of one key.
type AddsRow struct {
	Key string // a package or a version; "" where days tell rows apart
	Day Day    // zero where keys do
	Adds
}

// An AddsList has a row for each key with adds.
type AddsList struct {
	Rows  []AddsRow
	Span  Span
	Rules int // the number of the rule set in force
}

// UseStats answers questions about adds, under the same terms as [Stats].
type UseStats interface {
	// Adds sums what q lets pass by a key: days in order, packages and versions
	// by total, descending, then by key.
	Adds(ctx context.Context, q AddsQuery, by AddsKey) (AddsList, error)

	// SplitAdds sums by package or version, and by day: the [SplitLines] largest
	// keys in the order of Adds, each with its days in order, then the others
	// as [OtherKey].
	SplitAdds(ctx context.Context, q AddsQuery, by AddsKey) (AddsList, error)
}
