package catalog

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// A Source is what a [Directory] follows: the store.
type Source interface {
	// Briefs visits every record of a collection, sorted by key.
	Briefs(ctx context.Context, c pkgmeter.Collection, visit func(key, id, brief string) error) error

	// BriefsSince visits every record that is new or changed after a position.
	BriefsSince(ctx context.Context, c pkgmeter.Collection, after int64, visit func(at int64, key, id, brief string) error) error

	// CatalogState says how far the catalog has come, as committed.
	CatalogState() (pkgmeter.CatalogState, <-chan struct{})
}

// A Directory is a list of all packages in memory, some 100 bytes a version. It
// is read at its first use, and every use finds what was committed before. It
// may be used by many goroutines.
type Directory struct {
	source Source

	following sync.Mutex // held by who reads the source

	mu    sync.RWMutex // never held while the source is read
	state pkgmeter.CatalogState
	list  *list // nil until the first use
}

// NewDirectory returns a directory of what is in source.
func NewDirectory(source Source) *Directory { return &Directory{source: source} }

// An Entry is a package of which something was found.
type Entry struct {
	Name     string
	Latest   Publication // none if nothing is published yet
	Versions int         // how many are published
}

// Totals says how large the catalog is.
type Totals struct {
	Packages, Versions int
}

// maxWords bounds what is searched for, in bytes.
const maxWords = 200

// Search returns a part of the packages that have all words in their name or
// description, in any case: a name that is a word comes first, then names that
// begin with one, then all others, each by name. No words at all list
// everything, what was published last first.
func (d *Directory) Search(ctx context.Context, words string, offset, limit int) (total int, found []Entry, err error) {
	err = d.read(ctx, func(l *list) {
		all := l.search(strings.Fields(strings.ToLower(pkgmeter.Cut(words, maxWords))))
		total = len(all)
		offset = min(max(offset, 0), total)
		for _, p := range all[offset:min(offset+max(limit, 0), total)] {
			found = append(found, p.entry())
		}
	})
	return total, found, err
}

// Totals counts.
func (d *Directory) Totals(ctx context.Context) (t Totals, err error) {
	err = d.read(ctx, func(l *list) { t = Totals{Packages: len(l.byName), Versions: l.published} })
	return t, err
}

// Versions returns all versions of a package, what was published last first,
// and the one that is shown to who asks for none. There are none of a package
// that there is not.
func (d *Directory) Versions(ctx context.Context, name string) (versions []Publication, latest string, err error) {
	err = d.read(ctx, func(l *list) {
		if p := l.packages[name]; p != nil {
			versions, latest = p.publications(), p.entry().Latest.Version
		}
	})
	return versions, latest, err
}

// read calls use with a list that does not change meanwhile.
func (d *Directory) read(ctx context.Context, use func(*list)) error {
	if !d.current() {
		if err := d.follow(ctx); err != nil {
			return err
		}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	use(d.list)
	return nil
}

// current reports whether the list has all that is committed.
func (d *Directory) current() bool {
	now, _ := d.source.CatalogState()
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.list != nil && same(now, d.state)
}

// same reports whether nothing that is in the list has changed.
func same(a, b pkgmeter.CatalogState) bool {
	return a.LastDeletion == b.LastDeletion && a.At[pkgmeter.Packages] == b.At[pkgmeter.Packages] && a.At[pkgmeter.Versions] == b.At[pkgmeter.Versions]
}

// follow reads what is new, or all of it after something went away. What
// commits while it reads may be read too, and is read again the next time.
func (d *Directory) follow(ctx context.Context) error {
	d.following.Lock()
	defer d.following.Unlock()
	if d.current() {
		return nil // another goroutine has read it meanwhile
	}
	now, _ := d.source.CatalogState()
	if d.list == nil || now.LastDeletion != d.state.LastDeletion {
		l, err := load(ctx, d.source)
		if err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list, d.state = l, now
		return nil
	}
	news, err := since(ctx, d.source, d.state.At)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range news {
		d.list.put(n.collection, n.key, n.brief)
	}
	d.list.settle()
	d.state = now
	return nil
}

// listed are the collections that the list is made of.
var listed = []pkgmeter.Collection{pkgmeter.Packages, pkgmeter.Versions}

func load(ctx context.Context, source Source) (*list, error) {
	l := &list{packages: map[string]*listing{}}
	for _, c := range listed {
		err := source.Briefs(ctx, c, func(key, _, brief string) error {
			l.put(c, key, brief)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	l.settle()
	for _, p := range l.packages {
		p.versions = slices.Clip(p.versions)
	}
	return l, nil
}

type news struct {
	collection pkgmeter.Collection
	key, brief string
}

func since(ctx context.Context, source Source, after pkgmeter.Positions) (all []news, err error) {
	for _, c := range listed {
		err := source.BriefsSince(ctx, c, after[c], func(_ int64, key, _, brief string) error {
			all = append(all, news{c, key, brief})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
