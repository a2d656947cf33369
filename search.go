package pkgmeter

import (
	"context"
	"time"
	"unicode/utf8"
)

// Bounds of a search.
const (
	// MaxSearch is the most characters of what is searched for.
	MaxSearch = 200

	// MaxHits is the most hits of each group.
	MaxHits = 50

	// SparkDays is how many days the small series of a hit has, today the last.
	SparkDays = 30
)

// A Search asks for names that have every word of a text in them, whatever
// their case.
type Search struct {
	Text    string
	Limit   int // hits of each group, 1 to [MaxHits]
	Measure Measure

	// Repositories narrows what is found, and its counts, to these; nil for all.
	Repositories []string

	Now time.Time // the asker's clock
}

// Validate reports as [Invalid] what no search can have.
func (s Search) Validate() error {
	switch n := utf8.RuneCountInString(s.Text); {
	case n == 0:
		return Errorf(Invalid, "there is nothing to search for: want 1 to %d characters", MaxSearch)
	case n > MaxSearch:
		return Errorf(Invalid, "%d characters to search for are too many: want 1 to %d", n, MaxSearch)
	case s.Limit < 1 || s.Limit > MaxHits:
		return Errorf(Invalid, "limit %d: want 1 to %d hits of each group", s.Limit, MaxHits)
	}
	return nil
}

// SearchKeys are the groups of what is found, in their order.
func SearchKeys() []Key { return []Key{ByPackage, ByFile, ByRepository, ByClient} }

// A Hit is a name that was found, with its counts of all days.
type Hit struct {
	Key string
	Measures
	Days []int64 // the measure on each of the last [SparkDays] days
}

// Hits are those of one group: exact ones first, then those that begin with
// what was searched for, those of which a word does, and others; of equal ones
// the one with the larger count.
type Hits struct {
	By   Key
	Hits []Hit
	More bool // there are more
	Part bool // not all names of the group were looked at: there are too many
}

// Found is the answer to a search.
type Found struct {
	Groups []Hits // by [SearchKeys]
	Span   Span   // of the days of hits
	Gaps   []bool // by day: no source reported
}

// A Searcher finds names. Only what has hits under the rules in force is found,
// from the moment at which its first event was acknowledged.
type Searcher interface {
	Search(ctx context.Context, s Search) (Found, error)
}
