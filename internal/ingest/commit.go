package ingest

import "context"

// take moves the next batch out of the queue into q.batch and q.taken. If there
// is none it reports false, and whoever enters next will wake Run.
func (q *Queue[T]) take() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	weight := 0
	for p := q.waiting.first; p != nil; p = q.waiting.first {
		// The first one goes whatever it weighs, and alone if it is too heavy.
		if len(q.taken) > 0 && p.weight > q.o.MaxBatch-weight {
			break
		}
		weight += p.weight
		q.move(p)
	}
	q.idle = len(q.taken) == 0
	return !q.idle
}

// move takes p out of the queue: from here on its caller waits for the outcome.
// mu is held.
func (q *Queue[T]) move(p *place[T]) {
	q.waiting.remove(p)
	p.taken = true
	q.taken = append(q.taken, p)
	q.batch = append(q.batch, p.item)
	p.clear()
}

// write makes the batch that was taken durable and answers its callers. It
// returns an error only if that is fatal.
//
// A batch that fails is tried again item by item, once: a poisoned item must not
// fail its neighbours. That costs a commit an item, but only where something is
// wrong already.
func (q *Queue[T]) write(ctx context.Context) (fatal error) {
	defer q.forget()
	err := q.w.Write(ctx, q.batch)
	fatal = q.ifFatal(err)
	if err == nil || fatal != nil || len(q.batch) == 1 {
		q.answer(q.taken, err)
		return fatal
	}
	for i := range q.batch {
		err := q.w.Write(ctx, q.batch[i:i+1:i+1])
		if fatal := q.ifFatal(err); fatal != nil {
			q.answer(q.taken[i:], fatal)
			return fatal
		}
		q.answer(q.taken[i:i+1], err)
	}
	return nil
}

// ifFatal returns err if nothing may be written after it, else nil.
func (q *Queue[T]) ifFatal(err error) error {
	if err == nil || q.o.Fatal == nil || !q.o.Fatal(err) {
		return nil
	}
	return err
}

// forget lets go of the batch and keeps its memory for the next one.
func (q *Queue[T]) forget() {
	clear(q.batch)
	clear(q.taken)
	q.batch, q.taken = q.batch[:0], q.taken[:0]
}

// answer gives every one of places the same outcome. Room is made first, for a
// caller that comes back at once.
func (q *Queue[T]) answer(places []*place[T], err error) {
	q.release(places)
	for _, p := range places {
		p.outcome <- err // never blocks; p belongs to another caller from here on
	}
}

func (q *Queue[T]) release(places []*place[T]) {
	var bytes int64
	for _, p := range places {
		bytes += p.size
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items -= len(places)
	q.bytes -= bytes
}

// stop lets nobody in any more; why is what they get. A fatal error while the
// queue drains is the better reason, so the last one stays.
func (q *Queue[T]) stop(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = why
}

// abandon gives everybody who still waits in a stopped queue its reason.
func (q *Queue[T]) abandon() {
	q.mu.Lock()
	for p := q.waiting.first; p != nil; p = q.waiting.first {
		q.move(p)
	}
	why := q.stopped
	q.mu.Unlock()
	q.answer(q.taken, why)
	q.forget()
}
