package meteor

import (
	"os"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// AppendPlain is appendPlain.
func AppendPlain(dst, src []byte) []byte { return appendPlain(dst, src) }

// NothingNew is nothingNew.
func NothingNew(t pkgmeter.SyncToken, s pkgmeter.CatalogState) (pkgmeter.SyncPage, bool) {
	return nothingNew(t, s)
}

// RetryAfter is retryAfter.
var RetryAfter = retryAfter

// Subscribers counts those who are told of changes.
func (s *Server) Subscribers() (n int) {
	for _, l := range s.live {
		l.mu.Lock()
		n += len(l.subs)
		l.mu.Unlock()
	}
	return n
}

// KeepsPages is a file of kept pages by itself.
type KeepsPages struct{ p *pageFile }

// NewPageFile takes over a file without a name.
func NewPageFile(f *os.File) KeepsPages { return KeepsPages{newPageFile(f)} }

// Put keeps a first page, as after so many changes.
func (k KeepsPages) Put(changes int64, text string) {
	var page pkgmeter.SyncPage
	page.Token.At[0] = 1
	state := pkgmeter.CatalogState{}
	state.Changes[0] = changes
	k.p.put(question{token: pkgmeter.SyncToken{Format: pkgmeter.SyncFormat}, rows: pageRows}, page, state, []byte(text))
}

// Get returns that page, nil if none is kept, and what lets go of it.
func (k KeepsPages) Get() (page ddp.Stream, release func()) {
	kept := k.p.get(question{token: pkgmeter.SyncToken{Format: pkgmeter.SyncFormat}, rows: pageRows}, pkgmeter.CatalogState{}, maxFrame)
	if kept == nil {
		return nil, nil
	}
	return kept, kept.release
}

// Blind has the newest file read without a view, as where there are none.
func (k KeepsPages) Blind() { k.p.now.view = nil }
