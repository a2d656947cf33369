package rule

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

// ServerCache and ImportCache are how much a [Cache] may hold, in bytes: the facts
// of some 20,000 files for a server, which has other uses for its memory, and of
// some 50,000 for an import.
const (
	ServerCache = 12 << 20
	ImportCache = 32 << 20
)

// clientsShare is which part of a cache is for clients.
const clientsShare = 8

// A Cache applies a [Set] to many events of few files and agents, of which it
// remembers what follows from them. The result is that of the set at any time:
// where the format of a repository had a say, it is asked for again. Events of
// one file share their path. It may be used concurrently.
type Cache struct {
	set     *Set
	files   shards[fileSaid, fileFacts]
	clients shards[string, pkgmeter.Client]
}

// fileSaid is what [Set.File] goes by.
type fileSaid struct{ repository, path, hint string }

type fileFacts struct {
	pkgmeter.File
	by   basis
	path string
}

// NewCache returns an empty one that holds as many bytes, about.
func NewCache(s *Set, bytes int) *Cache {
	c := &Cache{set: s}
	c.files.init(bytes)
	c.clients.init(bytes / clientsShare)
	return c
}

// Entries is [Set.ApplyAll].
func (c *Cache) Entries(events []pkgmeter.Event) []pkgmeter.Entry {
	entries := make([]pkgmeter.Entry, len(events))
	for i := range events {
		entries[i].Event = events[i]
	}
	c.ApplyAll(entries)
	return entries
}

// ApplyAll is [Set.ApplyAll] for the events of entries, in their place.
func (c *Cache) ApplyAll(entries []pkgmeter.Entry) {
	formats := &c.set.formats
	before := formats.changes.Load()
	for i := range entries {
		e := &entries[i]
		c.apply(e)
		c.set.learn(e.Event.Hint, &e.File, e.Counts.Hits > 0)
	}
	if formats.changes.Load() == before {
		return
	}
	for i := range entries {
		c.apply(&entries[i])
	}
}

func (c *Cache) apply(e *pkgmeter.Entry) {
	ev := &e.Event
	e.File, ev.Path = c.file(fileSaid{ev.Repository, ev.Path, ev.Hint})
	e.Client = c.client(ev.Agent, ev.Flags)
	e.Whole, e.Counts = isDownload(ev), measures(ev, e.File.Kind)
}

// file returns the facts of a file, and its path.
func (c *Cache) file(said fileSaid) (pkgmeter.File, string) {
	weight := said.weight()
	if f, ok := c.files.get(said, weight); ok && f.by.holds(c.set) {
		return f.File, f.path
	}
	// What is said may be a part of something larger.
	said = fileSaid{strings.Clone(said.repository), strings.Clone(said.path), strings.Clone(said.hint)}
	f, by := c.set.file(said.repository, said.path, said.hint)
	c.files.put(said, fileFacts{f, by, said.path}, weight)
	return f, said.path
}

// weight is what a file and its facts take, about: these say much of it again.
func (f fileSaid) weight() int {
	const facts = 400
	return 2*(len(f.repository)+len(f.path)+len(f.hint)) + facts
}

func (c *Cache) client(agent string, flags pkgmeter.Flags) pkgmeter.Client {
	weight := agentWeight(agent)
	k, ok := c.clients.get(agent, weight)
	if !ok {
		agent = strings.Clone(agent)
		k = c.set.Client(agent, 0)
		c.clients.put(agent, k, weight)
	}
	return ofRobot(k, flags)
}

func agentWeight(agent string) int {
	const facts = 250
	return len(agent) + facts
}

// shards are several of [lately], each under a lock of its own, so that many who
// look things up at once seldom wait for each other.
type shards[K comparable, V any] struct {
	seed maphash.Seed
	all  [16]struct {
		mu sync.Mutex
		lately[K, V]
	}
}

func (s *shards[K, V]) init(bytes int) {
	s.seed = maphash.MakeSeed()
	for i := range s.all {
		s.all[i].max = bytes / len(s.all) / 2
	}
}

func (s *shards[K, V]) get(k K, weight int) (V, bool) {
	shard := &s.all[maphash.Comparable(s.seed, k)%uint64(len(s.all))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	return shard.get(k, weight)
}

func (s *shards[K, V]) put(k K, v V, weight int) {
	shard := &s.all[maphash.Comparable(s.seed, k)%uint64(len(s.all))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.put(k, v, weight)
}

// lately keeps what was used lately, bounded by weight: when the young
// generation is full it becomes the old one, and what nobody asked for in the
// old one is forgotten.
type lately[K comparable, V any] struct {
	young, old map[K]V
	weight     int // of young, bytes
	max        int // of either
}

func (l *lately[K, V]) get(k K, weight int) (V, bool) {
	if v, ok := l.young[k]; ok {
		return v, true
	}
	v, ok := l.old[k]
	if ok {
		l.put(k, v, weight)
	}
	return v, ok
}

func (l *lately[K, V]) put(k K, v V, weight int) {
	if l.young == nil || l.weight+weight > l.max {
		l.old, l.young, l.weight = l.young, map[K]V{}, 0
	}
	l.young[k] = v
	l.weight += weight
}
