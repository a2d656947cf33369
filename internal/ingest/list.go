package ingest

// A place is one caller's in the queue. It is used again for another caller once
// its outcome was received or its item withdrawn.
type place[T any] struct {
	item    T
	weight  int
	size    int64
	outcome chan error // capacity 1: exactly one value once taken, none before

	// Under the queue's mu.
	taken      bool
	prev, next *place[T]
}

// clear lets go of the item, which may be large.
func (p *place[T]) clear() {
	var none T
	p.item = none
}

// list is a queue from whose middle a caller can leave at once: a list of dead
// places would grow without bound while the disk hangs and callers give up.
type list[T any] struct{ first, last *place[T] }

func (l *list[T]) push(p *place[T]) {
	p.prev, p.next = l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
}

func (l *list[T]) remove(p *place[T]) {
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
}
