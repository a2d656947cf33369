package rule

import (
	"sync"
	"sync/atomic"

	"github.com/pkgmeter/pkgmeter"
)

// formats remembers the purl type of the files of each repository, as far as
// paths prove it. A repository of several types has no format.
type formats struct {
	types   sync.Map // repository → purl type, or mixed
	n       atomic.Int64
	changes atomic.Int64
}

// mixed is no purl type.
const mixed = "-"

// maxFormats bounds the repositories that are remembered: their names come from
// outside. Files of others are read by their paths alone.
const maxFormats = 100_000

// of returns the format of a repository, "" if none is known.
func (f *formats) of(repository string) string {
	if repository == "" {
		return ""
	}
	typ, _ := f.types.Load(repository)
	if t, ok := typ.(string); ok && t != mixed {
		return t
	}
	return ""
}

// found notes that a file of the repository is of a type.
func (f *formats) found(repository, typ string) {
	if repository == pkgmeter.Unknown {
		return // all senders that name none have it in common
	}
	known, ok := f.types.Load(repository)
	if !ok && f.n.Load() < maxFormats {
		if known, ok = f.types.LoadOrStore(repository, typ); !ok {
			f.n.Add(1)
			f.changes.Add(1)
			return
		}
	}
	if ok && known != typ && known != mixed {
		f.types.Store(repository, mixed)
		f.changes.Add(1)
	}
}

// Remember tells the rules the type of some of a repository's files, known from
// before.
func (s *Set) Remember(repository, typ string) { s.formats.found(repository, typ) }
