package pkgmeter

import (
	"math"
	"time"
)

// Settling is how long after its end a day is called complete, and packed:
// what comes later still counts, but is the exception.
const Settling = 2 * time.Hour

// Measures are the counts of one thing over some days.
//
// Hits are finished GET and HEAD requests of any kind of file; downloads are
// those of them that fetched a whole primary file; bytes are what the hits
// sent. docs/counting.md is the authority.
type Measures struct {
	Downloads int64 `json:"downloads"`
	Hits      int64 `json:"hits"`
	Bytes     int64 `json:"bytes"`
}

// Add adds o to m. Bytes stay at the largest number once they reach it: a few
// events that lie about their size must not turn a sum negative.
func (m *Measures) Add(o Measures) {
	m.Downloads += o.Downloads
	m.Hits += o.Hits
	m.Bytes = addBytes(m.Bytes, o.Bytes)
}

func addBytes(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// A Measure is one of the counts, as a question names it.
type Measure uint8

// The measures that answers can be ordered by.
const (
	ByDownloads Measure = iota
	ByHits
	ByBytes
)

// Of returns the count in m that the measure names.
func (b Measure) Of(m Measures) int64 {
	switch b {
	case ByHits:
		return m.Hits
	case ByBytes:
		return m.Bytes
	default:
		return m.Downloads
	}
}

// A Key says by what an answer is grouped.
type Key uint8

// The keys of top lists and split series.
const (
	ByFile Key = iota
	ByRepository
	ByType
	ByPackage
	ByVersion
	ByKind
	ByLegacyType
	ByClass
	ByClient
	ByCountry
	ByRuntime  // what the client runs on: python 3.12, node 20
	ByOS       // of the client
	BySource   // by which the events came
	ByConsumer // the team or account that fetched, where senders name it

	keys // how many there are
)

// KeyNames lists the names of all keys, in the order of their values.
func KeyNames() []string {
	return []string{"file", "repository", "type", "package", "version", "kind", "legacy_type", "class", "client", "country", "runtime", "os", "source", "consumer"}
}

// String returns the name of k.
func (k Key) String() string { return nameOf(KeyNames(), int(k)) }

// ParseKey returns the key of a name.
func ParseKey(name string) (Key, bool) {
	i, ok := indexOf(KeyNames(), name)
	return Key(i), ok
}

// A Grain is the length of a point of a series.
type Grain uint8

// The grains. A week is named by its Monday, a month by its first day.
const (
	Daily Grain = iota
	Weekly
	Monthly
)

// Of returns the day that names the point in which d lies.
func (g Grain) Of(d Day) Day {
	switch g {
	case Weekly:
		return d.Week()
	case Monthly:
		return d.Month()
	default:
		return d
	}
}

// A Filter narrows a question. Values of one field are alternatives; fields
// must hold together. A nil field does not narrow; unknown names match nothing.
type Filter struct {
	Repositories []string
	Types        []string
	Packages     []string // canonical purls without version
	Versions     []string
	Files        []string
	Kinds        []Kind
	LegacyTypes  []LegacyType
	Classes      []Class
	Clients      []string // names
	Countries    []string // codes; not [UnknownCountry]
	Runtimes     []string
	Systems      []string // operating systems
	Sources      []string
	Consumers    []string
}

// keys returns what f narrows by, a bit for each key.
func (f Filter) keys() (set keySet) {
	for key, given := range map[Key]bool{
		ByFile: f.Files != nil, ByRepository: f.Repositories != nil, ByType: f.Types != nil, ByPackage: f.Packages != nil, ByVersion: f.Versions != nil,
		ByKind: f.Kinds != nil, ByLegacyType: f.LegacyTypes != nil, ByClass: f.Classes != nil, ByClient: f.Clients != nil,
		ByCountry: f.Countries != nil, ByRuntime: f.Runtimes != nil, ByOS: f.Systems != nil, BySource: f.Sources != nil, ByConsumer: f.Consumers != nil,
	} {
		if given {
			set |= 1 << key
		}
	}
	return set
}

// Empty reports whether f lets everything pass.
func (f Filter) Empty() bool { return f.keys() == 0 }

// A Query is what every question has in common.
type Query struct {
	// From and To are inclusive UTC days. A zero From is the day of the first
	// hit in the store, a zero To is today.
	From, To Day
	Filter   Filter
	Measure  Measure

	// Now is the asker's clock: it says which day is today, and whether the
	// last day is complete.
	Now time.Time
}

// A Span is the range of days that an answer covers. Both days are zero if
// the store is empty.
type Span struct {
	From, To Day
	Complete bool // every day of it ended at least [Settling] ago
}

// Empty reports whether the span covers no day.
func (s Span) Empty() bool { return s.From == 0 || s.From > s.To }

// Resolve returns the span of q over a store whose first hit was on first,
// which is zero for an empty store.
func (q Query) Resolve(first Day) Span {
	if first == 0 {
		return Span{Complete: true}
	}
	today := DayOf(q.Now)
	s := Span{From: q.From, To: q.To}
	if s.To == 0 || s.To > today {
		s.To = today
	}
	if s.From == 0 {
		s.From = min(first, s.To)
	}
	s.From = max(s.From, FirstDay)
	s.Complete = !q.Now.Before(s.To.End().Add(Settling))
	return s
}

// Totals is the answer to "how much in all".
type Totals struct {
	Measures
	Opening int64 // hits brought along by an import that have no date

	// Unattributed is how many of Opening no key of a list has, where the list
	// has opening balances and no filter: the counters of an import need not add
	// up, and it is negative where keys have more than there is in all.
	Unattributed int64

	Span  Span
	Rules int // the number of the rule set that derived the counts
}

// An Item is one key of a top list.
type Item struct {
	Key string
	Measures
}

// A Cursor is the last item of a page; the next page begins after it.
type Cursor struct {
	Value int64  `json:"v"`
	Key   string `json:"k"`
}

// A Page says which part of a top list is wanted.
type Page struct {
	Limit int     // most items; at least 1
	After *Cursor // nil for the first page
}

// A TopList is the answer to "which ones": ordered by measure, descending,
// then by key.
type TopList struct {
	Items []Item
	Total Totals
	Next  *Cursor // nil after the last page
}

// A Point is one day, week or month of a series.
type Point struct {
	Day Day // names the point, even where it lies before the span
	Measures
	Gap bool // no source reported on any day of it; never set for today
}

// A Line is one key of a split series.
type Line struct {
	Key    string
	Points []Point
}

// A Marker is a day on which the rules of counting changed: what came before it
// was counted by others, until a recount.
type Marker struct {
	Day   Day
	Rules int // the rule set from then on
}

// Series is the answer to "how did it go": dense, with zeros. A series that
// was not split has one line without a key.
type Series struct {
	Lines   []Line
	Markers []Marker // in the span, in order
	Span    Span
	Rules   int
}

// SplitLines is the number of keys in a split series; the rest is "other".
const SplitLines = 10

// OtherKey is the key of what is left over in a split series.
const OtherKey = "other"
