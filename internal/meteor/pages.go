package meteor

import (
	"hash/crc32"
	"io"
	"log/slog"
	"os"
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
	f *os.File // nil: nothing is kept

	mu    sync.Mutex
	size  int64
	base  int64 // changes of the catalog when the first page was kept
	pages map[pageKey]keptPage
	next  map[pageKey]bool // what clients ask for after a page that is kept
}

// pageKey is what the bytes of a page follow from, beside the catalog.
type pageKey struct {
	token    pkgmeter.SyncToken // with the catalog's last deletion
	rows     int
	compress bool
}

type keptPage struct {
	at    int64
	size  int
	check uint32
}

func newPageFile(f *os.File) *pageFile {
	p := &pageFile{f: f}
	p.begin()
	return p
}

// begin forgets all pages, and gives their room on the disk back. mu is held.
func (p *pageFile) begin() {
	if p.f != nil {
		if err := p.f.Truncate(0); err != nil {
			slog.Warn("meteor: kept pages take up room that they do not need", "err", err)
		}
	}
	p.size, p.pages, p.next = 0, map[pageKey]keptPage{}, map[pageKey]bool{}
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

// get returns a page that is kept and has at most so many bytes, or nil.
func (p *pageFile) get(q question, s pkgmeter.CatalogState, most int64) []byte {
	key, ok := q.key(s)
	if p.f == nil || !ok {
		return nil
	}
	p.mu.Lock()
	kept, ok := p.pages[key]
	p.mu.Unlock()
	if !ok || int64(kept.size) > most {
		return nil
	}
	// The file may begin anew meanwhile: then the bytes are others.
	b := make([]byte, kept.size)
	if _, err := p.f.ReadAt(b, kept.at); err != nil || crc32.Checksum(b, castagnoli) != kept.check {
		return nil
	}
	return b
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put keeps a page, if it is one that new clients get.
func (p *pageFile) put(q question, page pkgmeter.SyncPage, s pkgmeter.CatalogState, result []byte) {
	key, ok := q.key(s)
	if p.f == nil || !ok || page.UpToDate || page.Reset || page.Token.LastDeletion != s.LastDeletion {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pages) > 0 && (changes(s)-p.base > maxStale || p.size+int64(len(result)) > maxPages) {
		p.begin()
	}
	if _, there := p.pages[key]; there || !q.token.Fresh() && !p.next[key] {
		return
	}
	if len(p.pages) == 0 {
		p.base = changes(s)
	}
	if _, err := io.NewOffsetWriter(p.f, p.size).Write(result); err != nil {
		slog.Warn("meteor: pages are not kept", "err", err)
		p.begin()
		return
	}
	p.pages[key] = keptPage{p.size, len(result), crc32.Checksum(result, castagnoli)}
	p.next[pageKey{page.Token, q.rows, q.compress}] = true
	p.size += int64(len(result))
}
