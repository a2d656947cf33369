package pkgmeter

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of one event, in bytes. A longer agent is cut, anything else refused.
const (
	MaxPath     = 1024
	MaxName     = 255 // repository, source, version
	MaxID       = 255
	MaxAgent    = 512
	MaxConsumer = 255
)

// MaxBytes bounds the bytes of one event, so that no sum of a day can overflow
// by a few events that lie.
const MaxBytes = 1 << 40

// MaxAhead is how far the clock of a sender may be ahead of ours. An event
// from further in the future is refused; a nearer one is dated by its receipt.
const MaxAhead = 24 * time.Hour

// An Op is what happened to a file.
type Op uint8

// The operations. [Other] is any HTTP method that is none of the rest.
const (
	Get Op = iota
	Head
	Upload
	Delete
	Other
)

// String returns the name of o as it is stored and shown.
func (o Op) String() string {
	if names := []string{"get", "head", "upload", "delete", "other"}; int(o) < len(names) {
		return names[o]
	}
	return "other"
}

// Flags are decisions about one event that cannot be taken again later, as
// what led to them is not kept.
type Flags uint8

// The flags of an event.
const (
	Clamped   Flags = 1 << iota // dated by its receipt, as the sender's clock was ahead
	Collapsed                   // part of a pull that is counted already
	FromZero                    // a partial answer that began at byte 0
	Robot                       // the sender named a robot account
)

// An Event is what a sender or a log said happened to one file.
//
// Events are facts: written once, never changed, and enough to derive every
// number again. Every string in it comes from outside and is hostile text.
type Event struct {
	// Source names the sender. Source and ID together are the idempotency
	// key: two events that agree on both are the same event. An event without
	// an ID is never the same as another.
	Source string
	ID     string

	Op         Op
	Repository string    // as said, "" if the sender named none
	Path       string    // as received, less host and query
	Hint       string    // a media type, or package and version where no path is said
	Agent      string    // the User-Agent of the client that fetched the file
	Consumer   string    // who fetched it; only kept where the operator asked for it
	Country    string    // where its address is: ISO 3166 alpha-2, "" unknown
	Time       time.Time // when it happened, UTC; of the receipt if the sender did not say
	Status     int       // HTTP status
	Bytes      int64     // bytes sent; 0 unknown
	Flags      Flags
}

// Settle dates e by received where it has no time of its own or one that is a
// little ahead, cuts its agent, and reports the first thing that makes e unfit
// to store, as an [Error] with code [Invalid].
func (e *Event) Settle(received time.Time) error {
	switch {
	case e.Time.IsZero():
		e.Time = received
	case e.Time.Sub(received) > MaxAhead:
		return Errorf(Invalid, "time %s is more than 24 hours in the future", e.Time.UTC().Format(time.RFC3339))
	case e.Time.After(received):
		e.Time, e.Flags = received, e.Flags|Clamped
	case DayOf(e.Time) < FirstDay:
		return Errorf(Invalid, "time %s is before 2000-01-01", e.Time.UTC().Format(time.RFC3339))
	}
	e.Time = e.Time.UTC()
	e.Agent = Cut(e.Agent, MaxAgent)
	if !IsCountry(e.Country) {
		e.Country = ""
	}
	return e.check()
}

func (e *Event) check() error {
	switch {
	case e.Path == "" && e.Hint == "":
		return Errorf(Invalid, "no file is named")
	case e.Bytes < 0:
		return Errorf(Invalid, "bytes is negative")
	case e.Bytes > MaxBytes:
		return Errorf(Invalid, "bytes is more than %d", int64(MaxBytes))
	}
	return cmp.Or(
		unfit("path", e.Path, MaxPath),
		unfit("package", e.Hint, MaxPath),
		unfit("repository", e.Repository, MaxName),
		unfit("source", e.Source, MaxName),
		unfit("id", e.ID, MaxID),
		unfit("consumer", e.Consumer, MaxConsumer),
	)
}

// unfit says why a text cannot be stored, nil if it can.
func unfit(name, text string, most int) error {
	switch {
	case len(text) > most:
		return Errorf(Invalid, "%s is longer than %d bytes", name, most)
	case !utf8.ValidString(text):
		return Errorf(Invalid, "%s is not UTF-8", name)
	}
	return nil
}

// Cut returns s as valid UTF-8 of at most n bytes.
func Cut(s string, n int) string {
	if len(s) <= n && utf8.ValidString(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// UnknownCountry is the key of events of which no country is known.
const UnknownCountry = "ZZ"

// IsCountry reports whether s is written like a country of ISO 3166 alpha-2.
func IsCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z' && s != UnknownCountry
}

// Unknown is the name of the repository of an event that names none.
const Unknown = "(unknown)"

// A Kind is the role of a file in its package.
type Kind uint8

// The kinds. A file that nothing recognises is [Primary].
const (
	Primary     Kind = iota // what an installer installs: jar, wheel, sdist, tarball, image manifest
	Sources                 // source and documentation archives beside the primary file
	Metadata                // what a resolver reads: pom, module, .metadata
	Index                   // listings of a repository
	Checksum                // digests of another file
	Signature               // signatures of another file
	Attestation             // statements about another file
	Layer                   // blobs of an image
)

// KindNames lists the names of all kinds, in the order of their values.
func KindNames() []string {
	return []string{"primary", "sources", "metadata", "index", "checksum", "signature", "attestation", "layer"}
}

// String returns the name of k.
func (k Kind) String() string { return nameOf(KindNames(), int(k)) }

// ParseKind returns the kind of a name.
func ParseKind(name string) (Kind, bool) {
	i, ok := indexOf(KindNames(), name)
	return Kind(i), ok
}

// A LegacyType is the file type by which the old CloudRepo program counted.
type LegacyType uint8

// The legacy types, by the last extension of a file.
const (
	LegacyJar LegacyType = iota
	LegacyPom
	LegacyCrypto
	LegacyOther
)

// LegacyTypeNames lists the names of all legacy types, in the order of their values.
func LegacyTypeNames() []string { return []string{"jar", "pom", "crypto", "other"} }

// String returns the name of t as save.json spells it.
func (t LegacyType) String() string { return nameOf(LegacyTypeNames(), int(t)) }

// ParseLegacyType returns the legacy type of a name.
func ParseLegacyType(name string) (LegacyType, bool) {
	i, ok := indexOf(LegacyTypeNames(), name)
	return LegacyType(i), ok
}

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "(invalid)"
	}
	return names[i]
}

func indexOf(names []string, name string) (int, bool) {
	for i, n := range names {
		if n == name {
			return i, true
		}
	}
	return 0, false
}
