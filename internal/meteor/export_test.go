package meteor

import "github.com/pkgmeter/pkgmeter"

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
