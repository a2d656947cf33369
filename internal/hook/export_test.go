package hook

import "github.com/pkgmeter/pkgmeter/internal/pull"

// MaxLarge is how many places there are for large bodies.
const MaxLarge = maxLarge

// Take takes places without waiting, or reports that there are not that many.
func (l *Large) Take(places int64) bool { return l.places.TryAcquire(places) }

// Give returns them.
func (l *Large) Give(places int64) { l.places.Release(places) }

// MaxPulls is how many images and clients a generation of the window has.
const MaxPulls = pull.MaxPulls

// Pulls is how many are remembered.
func (h *Senders) Pulls() int { return h.pulls.Len() }
