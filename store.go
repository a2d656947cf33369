package pkgmeter

import "context"

// Stats answers questions about counts. Several stores implement it, and the
// JSON interface, the pages and the command line ask it.
//
// Every method sees one snapshot, in which each committed event is counted in
// full. A query that no data matches is not an error. Implementations may be
// used concurrently, and give up when ctx ends.
type Stats interface {
	// Totals sums everything that q lets pass.
	Totals(ctx context.Context, q Query) (Totals, error)

	// Top lists the keys that q lets pass and that have hits.
	Top(ctx context.Context, q Query, by Key, page Page) (TopList, error)

	// Series returns a point for each grain of q's span.
	Series(ctx context.Context, q Query, grain Grain) (Series, error)

	// Split is Series with a line for each of the [SplitLines] largest keys,
	// and one for the others where there are any.
	Split(ctx context.Context, q Query, grain Grain, by Key) (Series, error)

	// Movers returns the packages that q lets pass and whose use changes, at most
	// limit in each list. A range that is not given is the last 30 days.
	Movers(ctx context.Context, q Query, limit int) (Movers, error)

	// Uploads returns the last uploads and the last deletions of q's span, at most
	// limit of each. A span without a beginning has them all, also those before
	// the first hit. Of the filter it heeds packages.
	Uploads(ctx context.Context, q Query, limit int) (Uploads, error)

	// PackagesNamed returns the canonical purls whose name, or namespace and
	// name, is spelled like the given one, sorted, at most limit.
	PackagesNamed(ctx context.Context, name string, limit int) ([]string, error)
}

// Rules derive what follows from what was said. They are pure but for the
// formats of repositories, which they learn from files.
type Rules interface {
	File(repository, path, hint string) File
	Client(agent string, flags Flags) Client
	Measures(e Event, kind Kind) Measures

	// Learn notes what a file proves of its repository, if it has hits.
	Learn(hint string, f File, m Measures)
}
