package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// A list is all packages by name, and in the orders in which they are shown.
type list struct {
	packages  map[string]*listing
	byName    []*listing // those that there are
	byDate    []*listing // the same, what was published last first
	published int        // versions of all
	touched   []*listing // since settle
}

// A listing is one package. There may be versions of a package whose own record
// has not come yet: it is found when it has.
type listing struct {
	name     string
	text     string // name and description in lower case, for searches
	there    bool
	touched  bool
	versions []issue // sorted by text
	latest   int     // in versions, -1 for none
}

// An issue is one version. Most versions of a package share about.
type issue struct {
	version   string
	published Date
	about     *about
}

type about struct {
	publisher, description string
	unmigrated             bool
}

// put takes a record that is new or changed. settle has to follow.
func (l *list) put(c pkgmeter.Collection, key, brief string) {
	name, version, _ := strings.Cut(key, "\x00")
	p := l.packages[name]
	if p == nil {
		p = &listing{name: strings.Clone(name), latest: -1}
		l.packages[p.name] = p
	}
	if c == pkgmeter.Packages {
		p.there = true
	} else if p.put(publicationOf(version, brief)) {
		l.published++
	}
	if !p.touched {
		p.touched = true
		l.touched = append(l.touched, p)
	}
}

// put takes a version, and reports whether it is new. Versions that come sorted
// are put at the end.
func (p *listing) put(v Publication) (added bool) {
	at, last := len(p.versions), len(p.versions)-1
	there := false
	if last >= 0 && p.versions[last].version >= v.Version {
		at, there = slices.BinarySearchFunc(p.versions, v.Version, func(i issue, version string) int { return cmp.Compare(i.version, version) })
	}
	if there {
		p.versions[at].published, p.versions[at].about = v.Published, p.share(v, at)
		return false
	}
	i := issue{strings.Clone(v.Version), v.Published, p.share(v, last)}
	p.versions = slices.Insert(p.versions, at, i)
	return true
}

// share returns what is known about v: that of the given other version, if it
// is the same, which saves most of the memory.
func (p *listing) share(v Publication, other int) *about {
	a := about{v.Publisher, v.Description, v.Unmigrated}
	if other >= 0 && *p.versions[other].about == a {
		return p.versions[other].about
	}
	a.publisher, a.description = strings.Clone(a.publisher), strings.Clone(a.description)
	return &a
}

// settle puts what has changed in order.
func (l *list) settle() {
	for _, p := range l.touched {
		p.settle()
	}
	l.touched = nil
	l.byName = l.byName[:0]
	for _, p := range l.packages {
		if p.there {
			l.byName = append(l.byName, p)
		}
	}
	slices.SortFunc(l.byName, func(a, b *listing) int { return cmp.Compare(a.name, b.name) })
	l.byDate = append(l.byDate[:0], l.byName...)
	slices.SortStableFunc(l.byDate, func(a, b *listing) int { return cmp.Compare(b.date(), a.date()) })
}

// settle finds the latest version: the highest one that is migrated and no
// prerelease, else what comes next to that.
func (p *listing) settle() {
	type rank struct{ migrated, valid, release bool }
	p.touched, p.latest = false, -1
	var best Number
	var bestRank rank
	for i, v := range p.versions {
		n, ok := parse(v.version)
		r := rank{!v.about.unmigrated, ok, ok && n.Pre == ""}
		order := cmp.Or(before(r.migrated, bestRank.migrated), before(r.valid, bestRank.valid), before(r.release, bestRank.release))
		if p.latest < 0 || order > 0 || order == 0 && (!ok || n.Compare(best) > 0) {
			p.latest, best, bestRank = i, n, r
		}
	}
	p.text = strings.ToLower(p.name)
	if p.latest >= 0 {
		p.text += "\n" + strings.ToLower(p.versions[p.latest].about.description)
	}
}

// before orders false before true.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// date returns when the latest version was published, long ago for none.
func (p *listing) date() Date {
	if p.latest < 0 {
		return -maxDate
	}
	return p.versions[p.latest].published
}

func (p *listing) entry() Entry {
	e := Entry{Name: p.name, Versions: len(p.versions)}
	if p.latest >= 0 {
		e.Latest = p.versions[p.latest].publication()
	}
	return e
}

func (i issue) publication() Publication {
	return Publication{
		Version: i.version, Published: i.published,
		Publisher: i.about.publisher, Description: i.about.description, Unmigrated: i.about.unmigrated,
	}
}

// publications returns all versions, what was published last first.
func (p *listing) publications() []Publication {
	all := make([]Publication, len(p.versions))
	for i, v := range p.versions {
		all[i] = v.publication()
	}
	slices.SortFunc(all, func(a, b Publication) int {
		if a.Published != b.Published {
			return cmp.Compare(b.Published, a.Published)
		}
		return CompareVersions(b.Version, a.Version)
	})
	return all
}

// search returns the packages that have all words. The result must not be
// changed.
func (l *list) search(words []string) []*listing {
	if len(words) == 0 {
		return l.byDate
	}
	var exact, prefix, others []*listing
	for _, p := range l.byName {
		switch p.match(words) {
		case named:
			exact = append(exact, p)
		case begun:
			prefix = append(prefix, p)
		case mentioned:
			others = append(others, p)
		}
	}
	return append(append(exact, prefix...), others...)
}

// How well a package fits.
const (
	missed = iota
	mentioned
	begun // its name begins with a word
	named // its name is a word
)

func (p *listing) match(words []string) int {
	fit := mentioned
	for _, w := range words {
		if !strings.Contains(p.text, w) {
			return missed
		}
		if rest, ok := strings.CutPrefix(p.text, w); ok {
			if rest == "" || rest[0] == '\n' {
				fit = named
			}
			fit = max(fit, begun)
		}
	}
	return fit
}
