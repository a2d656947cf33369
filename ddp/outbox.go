package ddp

import "sync"

// frameCost is what a waiting frame costs beside its bytes.
const frameCost = 64

// A closing is how a connection ends: the code and reason of its last frame.
type closing struct {
	code   int
	reason string
}

// An outbox holds the frames that wait for the network. It is bounded, never
// blocks those who put, and knows whether somebody is taking.
type outbox struct {
	limit int    // bytes
	wake  func() // called, unlocked, when there is work and no taker

	mu     sync.Mutex
	below  sync.Cond // broadcast when size falls or the box is finished
	urgent [][]byte
	frames [][]byte
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

// put queues a frame. It reports false if the frame no longer fits; a box that
// is finished swallows frames.
func (o *outbox) put(frame []byte, urgent bool) bool {
	o.mu.Lock()
	if o.end != nil {
		o.mu.Unlock()
		return true
	}
	size := len(frame) + frameCost
	if o.size > 0 && o.size+size > o.limit {
		o.mu.Unlock()
		return false
	}
	o.size += size
	if urgent {
		o.urgent = append(o.urgent, frame)
	} else {
		o.frames = append(o.frames, frame)
	}
	o.unlockAndWake()
	return true
}

// finish closes the box: what waits still goes out unless drop is set, then
// the end. Only the first call counts.
func (o *outbox) finish(end closing, drop bool) {
	o.mu.Lock()
	if o.end != nil {
		o.mu.Unlock()
		return
	}
	o.end = &end
	if drop {
		o.urgent, o.frames, o.size = nil, nil, o.flight
	}
	o.below.Broadcast()
	o.unlockAndWake()
}

func (o *outbox) unlockAndWake() {
	call := !o.taking
	o.taking = true
	o.mu.Unlock()
	if call {
		o.wake()
	}
}

// take returns the next frame, or the end after the last one. If it returns
// neither the taker has to leave: the next put calls wake.
func (o *outbox) take() (frame []byte, end *closing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size, o.flight = o.size-o.flight, 0
	o.below.Broadcast()
	switch {
	case len(o.urgent) > 0:
		frame, o.urgent = pop(o.urgent)
	case len(o.frames) > 0:
		frame, o.frames = pop(o.frames)
	case o.end != nil && !o.ended:
		o.ended = true
		return nil, o.end
	default:
		o.taking = o.ended // after the end nobody is to come again
		return nil, nil
	}
	o.flight = len(frame) + frameCost
	return frame, nil
}

// pop takes the first frame off. An emptied queue gives its memory back.
func pop(queue [][]byte) ([]byte, [][]byte) {
	frame := queue[0]
	queue[0] = nil
	if queue = queue[1:]; len(queue) == 0 {
		queue = nil
	}
	return frame, queue
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
