package ddp

import "sync"

// frameCost is what a waiting frame costs beside its bytes.
const frameCost = 64

// A closing is how a connection ends: the code and reason of its last frame.
type closing struct {
	code   int
	reason string
}

// A parcel is a frame on its way to the network.
type parcel struct {
	frame []byte
	body  Stream   // follows frame, and a brace; nil if frame is all
	after []byte   // the next frame, which goes with a stream; may be nil
	sent  []func() // to be called when the frame is written, or never will be
}

// cost is what the parcel takes up while it waits.
func (p parcel) cost() int {
	if p.body != nil {
		return len(p.frame) + frameCost + streamCost
	}
	return len(p.frame) + frameCost
}

// bytes is how many bytes the message has.
func (p parcel) bytes() uint64 {
	if p.body != nil {
		return uint64(len(p.frame)) + uint64(p.body.Size()) + 1 + uint64(len(p.after))
	}
	return uint64(len(p.frame))
}

func (p parcel) done() {
	for _, f := range p.sent {
		f()
	}
}

// An outbox holds the frames that wait for the network. It is bounded, never
// blocks those who put, and knows whether somebody is taking.
type outbox struct {
	limit int    // bytes
	wake  func() // called, unlocked, when the box is finished and there is no taker

	mu     sync.Mutex
	below  sync.Cond // broadcast when size falls or the box is finished
	urgent []parcel
	frames []parcel
	size   int // bytes waiting or in flight
	flight int // of these, bytes being written
	taking bool
	end    *closing
	ended  bool // the end has been taken
}

func (o *outbox) init(limit int, wake func()) {
	o.limit, o.wake = limit, wake
	o.below.L = &o.mu
}

// put queues a frame. It reports fits as false if the frame no longer does; a
// box that is finished swallows frames. Where there is no taker the caller has
// to see to one.
func (o *outbox) put(p parcel, urgent bool) (fits, untaken bool) {
	o.mu.Lock()
	if o.end != nil {
		o.mu.Unlock()
		p.done()
		return true, false
	}
	defer o.mu.Unlock()
	size := p.cost()
	if o.size > 0 && o.size+size > o.limit {
		return false, false
	}
	o.size += size
	if urgent {
		o.urgent = append(o.urgent, p)
	} else {
		o.frames = append(o.frames, p)
	}
	untaken, o.taking = !o.taking, true
	return true, untaken
}

// finish closes the box: what waits still goes out unless drop is set, then
// the end. Only the first call counts. The caller tells what was dropped that
// it is done, when it holds no locks.
func (o *outbox) finish(end closing, drop bool) (dropped []parcel, first bool) {
	o.mu.Lock()
	if o.end != nil {
		o.mu.Unlock()
		return nil, false
	}
	o.end = &end
	if drop {
		dropped = o.empty()
	}
	o.below.Broadcast()
	call := !o.taking
	o.taking = true
	o.mu.Unlock()
	if call {
		o.wake()
	}
	return dropped, true
}

// discard throws away what waits, because nobody will take it any more.
func (o *outbox) discard() {
	o.mu.Lock()
	dropped := o.empty()
	o.below.Broadcast()
	o.mu.Unlock()
	done(dropped)
}

// empty takes out all that waits; the mutex is held.
func (o *outbox) empty() []parcel {
	all := append(o.urgent, o.frames...)
	o.urgent, o.frames, o.size = nil, nil, o.flight
	return all
}

func done(parcels []parcel) {
	for _, p := range parcels {
		p.done()
	}
}

// take returns the next frame, or the end after the last one. If it returns
// neither the taker has to leave: the next put asks for another one.
func (o *outbox) take() (p parcel, end *closing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size, o.flight = o.size-o.flight, 0
	o.below.Broadcast()
	switch {
	case len(o.urgent) > 0:
		p, o.urgent = pop(o.urgent)
	case len(o.frames) > 0:
		p, o.frames = pop(o.frames)
	case o.end != nil && !o.ended:
		o.ended = true
		return parcel{}, o.end
	default:
		o.taking = o.ended // after the end nobody is to come again
		return parcel{}, nil
	}
	o.flight = p.cost()
	return p, nil
}

// pop takes the first frame off. An emptied queue gives its memory back.
func pop(queue []parcel) (parcel, []parcel) {
	first := queue[0]
	queue[0] = parcel{}
	if queue = queue[1:]; len(queue) == 0 {
		queue = nil
	}
	return first, queue
}

// await blocks until at most half of the box is full, or it is finished. Work
// that answers requests waits here; a client that asks faster than it reads
// thus slows itself down and nobody else.
func (o *outbox) await() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.end == nil && o.size > o.limit/2 {
		o.below.Wait()
	}
}
