package meteor

import "sync/atomic"

// Pages wait in memory until their clients have read them, so the next one is
// the smaller the more there are: a third of what is left of the budget,
// within bounds. The smallest page still gets everybody on.
const (
	pageBudget   = 16 << 20 // bytes
	largestPage  = 4 << 20  // bytes of records
	smallestPage = 64 << 10 // bytes of records

	// makers is how many pages are made at a time. Each costs about three times
	// its size until it is a frame.
	makers = 4
)

// memory counts the bytes of pages that are being made or wait to be read.
type memory struct{ used atomic.Int64 }

// reserve takes the bytes for the next page. All of them count until the page
// is made, so that clients who come at once do not all see the same room.
func (m *memory) reserve() int64 {
	for {
		used := m.used.Load()
		size := min(max((pageBudget-used)/3, smallestPage), largestPage)
		if m.used.CompareAndSwap(used, used+size) {
			return size
		}
	}
}

// whole takes the bytes of a page that is for all, which is not smaller for those
// that are under way, unless they have the budget already: it may turn out not to
// be kept, and its client may not read it.
func (m *memory) whole() bool {
	for {
		used := m.used.Load()
		if used+largestPage > pageBudget {
			return false
		}
		if m.used.CompareAndSwap(used, used+largestPage) {
			return true
		}
	}
}

func (m *memory) add(n int64) { m.used.Add(n) }
