package meteor

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/pkgmeter/pkgmeter"
)

const (
	// maxPages bounds the file of ready pages, bytes. Then it begins anew.
	maxPages = 2 << 30

	// maxStale is how many records may have changed since the first page was
	// kept: a page that is kept has them as they were, and clients fetch them
	// twice.
	maxStale = 10_000
)

// A pageFile keeps the pages that every new client gets, in the order in which
// it asks for them, so that they are read and joined once. A page that is kept
// is one of an older snapshot, which is as good: what has changed since comes at
// a later position. It never is a last one, nor one from before a deletion.
//
// Pages lie in a file, since those of a large catalog do not fit in memory; the
// system keeps what is read often. Nothing in it outlives the process.
type pageFile struct {
	buffers sync.Pool // *[]byte

	mu     sync.Mutex
	now    *generation               // nil: nothing is kept
	making map[pageKey]chan struct{} // closed when the page is made, or will not be
}

// A generation is what was kept since the file began anew. Its file is never
// written over or cut short, for clients are being sent what it has: it is
// closed, and its room on the disk free again, when the last of them has it all.
type generation struct {
	f     *os.File
	view  *view // of f; nil if there is none
	size  int64
	base  int64 // changes of the catalog when the first page was kept
	pages map[pageKey]span
	next  map[pageKey]bool // what clients ask for after a page that is kept
	users int              // pages under way, and one while it is the newest
}

// pageKey is what the bytes of a page follow from, beside the catalog.
type pageKey struct {
	token    pkgmeter.SyncToken // with the catalog's last deletion
	rows     int
	compress bool
}

type span struct{ at, size int64 }

// newPageFile takes over a file that is empty and has no name any more.
func newPageFile(f *os.File) *pageFile {
	p := &pageFile{making: map[pageKey]chan struct{}{}}
	if f != nil {
		p.now = newGeneration(f)
	}
	return p
}

func newGeneration(f *os.File) *generation {
	return &generation{f: f, view: newView(f, maxPages), pages: map[pageKey]span{}, next: map[pageKey]bool{}, users: 1}
}

// begin forgets all pages. If it fails they stay, which does no harm. mu is
// held; the generation that it returns is to be let go when it no longer is.
func (p *pageFile) begin() (old *generation, err error) {
	f, err := os.CreateTemp(filepath.Dir(p.now.f.Name()), "pages-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	old, p.now = p.now, newGeneration(f)
	return old, nil
}

// release lets go of a generation, which may be nil. Closing the file of a large
// one takes a while: mu is not held then.
func (p *pageFile) release(g *generation) {
	if g == nil {
		return
	}
	p.mu.Lock()
	g.users--
	last := g.users == 0
	p.mu.Unlock()
	if last {
		g.close()
	}
}

func (g *generation) close() {
	if g.view != nil {
		if err := g.view.close(); err != nil {
			slog.Warn("meteor: kept pages take up room that they do not need", "err", err)
		}
	}
	g.f.Close()
}

func changes(s pkgmeter.CatalogState) (n int64) {
	for _, c := range s.Changes {
		n += c
	}
	return n
}

// key returns what a page is kept under, and false for one that is not.
func (q question) key(s pkgmeter.CatalogState) (pageKey, bool) {
	token := q.token
	token.LastDeletion = s.LastDeletion
	return pageKey{token, q.rows, q.compress}, token.Format == pkgmeter.SyncFormat && q.rows == pageRows && !q.token.Foreign(s)
}

// get returns a page that is kept and has at most so many bytes, or nil. The
// caller lets go of it.
func (p *pageFile) get(q question, s pkgmeter.CatalogState, most int64) *keptPage {
	key, ok := q.key(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || !ok {
		return nil
	}
	kept, ok := p.now.pages[key]
	if !ok || kept.size > most {
		return nil
	}
	p.now.users++
	return &keptPage{file: p, in: p.now, span: kept}
}

// claim makes the caller the one who makes a page for all that want it, until it
// calls unclaim. If there is one already, the channel is closed when it ended. A page
// that would not be kept has nobody.
func (p *pageFile) claim(q question, s pkgmeter.CatalogState) (others <-chan struct{}, mine bool) {
	key, ok := q.key(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || !ok || !key.token.Fresh() && !p.now.next[key] {
		return nil, false
	}
	if others, there := p.making[key]; there {
		return others, false
	}
	p.making[key] = make(chan struct{})
	return nil, true
}

func (p *pageFile) unclaim(q question, s pkgmeter.CatalogState) {
	key, _ := q.key(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.making[key])
	delete(p.making, key)
}

// put keeps a page, if it is one that new clients get.
func (p *pageFile) put(q question, page pkgmeter.SyncPage, s pkgmeter.CatalogState, result []byte) {
	key, ok := q.key(s)
	if !ok || page.UpToDate || page.Reset || page.Token.LastDeletion != s.LastDeletion {
		return
	}
	old, err := p.keep(key, pageKey{page.Token, q.rows, q.compress}, changes(s), result)
	if err != nil {
		slog.Warn("meteor: a page is not kept", "err", err)
	}
	p.release(old)
}

// keep writes a page behind the others, in a new file if it is time for one or
// if this one takes no more. The old generation is to be let go.
func (p *pageFile) keep(key, next pageKey, changed int64, result []byte) (old *generation, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return nil, nil //nolint:nilnil // there was nothing to forget
	}
	if g := p.now; len(g.pages) > 0 && (changed-g.base > maxStale || g.size+int64(len(result)) > maxPages) {
		if old, err = p.begin(); err != nil {
			return nil, err
		}
	}
	if err := p.now.add(key, next, changed, result); err != nil && old == nil {
		old, beginErr := p.begin()
		return old, errors.Join(err, beginErr)
	}
	return old, err
}

// add keeps a page that follows one that is kept, or that is a first one.
func (g *generation) add(key, next pageKey, changed int64, result []byte) error {
	if _, there := g.pages[key]; there || !key.token.Fresh() && !g.next[key] {
		return nil
	}
	if _, err := g.f.WriteAt(result, g.size); err != nil {
		return err
	}
	if len(g.pages) == 0 {
		g.base = changed
	}
	g.pages[key], g.next[next] = span{g.size, int64(len(result))}, true
	g.size += int64(len(result))
	return nil
}
