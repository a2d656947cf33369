package ddp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// receive takes one frame of the client. The link calls it for one frame at a
// time; frame is the session's from then on.
func (s *Session) receive(frame []byte) {
	s.srv.stats.received.Add(1)
	m, reason, echo := parse(frame)
	s.mu.Lock()
	phase, version := s.phase, s.version
	s.mu.Unlock()
	switch {
	case phase == closed || phase == draining:
	case reason != "" && echo:
		s.refuseFirst(reason, &m)
	case reason != "":
		s.sendFirst(errorFrame(reason, nil))
	case m.kind == messageConnect && phase == open:
		s.refuseFirst(alreadyConnected, &m)
	case m.kind == messageConnect:
		s.connect(&m)
	case phase == opening:
		s.refuseFirst(mustConnect, &m)
	case m.kind == messagePing && version != versionPre1:
		if len(m.id) > maxEcho {
			s.refuseFirst(badRequest, &m)
			return
		}
		s.sendFirst(pongFrame(m.id))
	case m.kind == messagePong && version != versionPre1:
	default:
		s.enqueue(m)
	}
}

// refuse answers a message in its turn.
func (s *Session) refuse(reason string, m *message) {
	s.send(errorFrame(reason, m.echo()))
}

// refuseFirst answers a message that did not have to wait for its turn. All
// such answers overtake the others, and keep their own order.
func (s *Session) refuseFirst(reason string, m *message) {
	s.sendFirst(errorFrame(reason, m.echo()))
}

// connect begins the session proper, or fails it.
func (s *Session) connect(m *message) {
	version, ok := m.negotiate()
	if !ok {
		s.sendFirst(failedFrame(version))
		s.Close()
		return
	}
	s.mu.Lock()
	if s.phase == opening {
		s.phase, s.version = open, version
		s.timer.Reset(s.srv.opts.PingAfter)
	}
	s.mu.Unlock()
	s.sendFirst(connectedFrame(s.id))
}

// enqueue appends m to the session's queue, in which one message waits for the
// one before it.
func (s *Session) enqueue(m message) {
	s.mu.Lock()
	if s.phase != open {
		s.mu.Unlock()
		return
	}
	if s.busy >= s.srv.opts.MaxQueue || s.waiting+len(m.raw) > s.srv.opts.MaxQueueBytes {
		s.mu.Unlock()
		s.srv.stats.flooded.Add(1)
		s.shut(closing{1008, "Too many messages"}, true)
		return
	}
	s.busy++
	s.waiting += len(m.raw)
	s.inbox = append(s.inbox, m)
	start := !s.working
	s.working = true
	s.mu.Unlock()
	if start {
		s.srv.work.Go(s.run)
	}
}

// run handles queued messages until there is none, or until a message lets the
// next one pass it.
func (s *Session) run() {
	for {
		s.out.await()
		m, ok := s.next()
		if !ok {
			return
		}
		t := &turn{s: s}
		s.handle(&m, t)
		free := s.finished(t)
		switch {
		case t.owes && free: // what is there to hand over and nothing to go on with
			s.link.pump()
			return
		case t.owes:
			s.link.wake()
		case free:
			return
		}
	}
}

func (s *Session) next() (message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) == 0 {
		s.working = false
		return message{}, false
	}
	m := s.inbox[0]
	s.inbox[0] = message{}
	if s.inbox = s.inbox[1:]; len(s.inbox) == 0 {
		s.inbox = nil // give the memory back
	}
	s.waiting -= len(m.raw)
	return m, true
}

// finished ends a message's turn, and says whether its goroutine is free:
// another one has gone on with the queue, or it is empty.
func (s *Session) finished(t *turn) (free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	t.over = true
	if !t.passed && len(s.inbox) == 0 {
		s.working = false
		return true
	}
	return t.passed
}

// A turn is the right of one message to hold up those behind it.
type turn struct {
	s            *Session
	passed, over bool // guarded by s.mu
	owes         bool // the outbox has work, and its goroutine is to see to it
}

// pass gives the turn up: the next message begins now.
func (t *turn) pass() {
	t.s.mu.Lock()
	first := !t.passed && !t.over
	t.passed = t.passed || first
	t.s.mu.Unlock()
	if first {
		t.s.srv.work.Go(t.s.run)
	}
}

func (s *Session) handle(m *message, t *turn) {
	switch m.kind {
	case messageMethod:
		s.method(m, t)
	case messageSubscribe:
		s.subscribe(m, t)
	case messageUnsubcribe:
		s.unsubscribe(m)
	default:
		s.refuse(badRequest, m)
	}
}

// A MethodFunc answers the calls of one method. What it returns becomes the
// result: any value that package ejson encodes, [Raw] text as it stands, the
// text of a [Stream], and nothing at all for a plain nil. An [*Error] goes to the client; other errors
// are logged and hidden behind code 500. The context ends with the session.
type MethodFunc func(ctx context.Context, call *Call) (any, error)

// A Call is one invocation of a method.
type Call struct {
	Session *Session
	Name    string
	Params  []Raw // the arguments as they came, checked to be EJSON

	turn  *turn
	id    Raw
	mu    sync.Mutex
	holds int
	sent  []func()
}

// Bind decodes the arguments into the targets, one by one, as
// [ejson.Unmarshal] does. An argument that is missing or null is fit for
// pointers, maps, slices, interfaces and Raw; any misfit, and any argument too
// many, is ErrMatchFailed.
func (c *Call) Bind(targets ...any) error { return bind(c.Params, targets) }

func bind(params []Raw, targets []any) error {
	if len(params) > len(targets) {
		return ErrMatchFailed
	}
	for i, target := range targets {
		param := Raw("null")
		if i < len(params) {
			param = params[i]
		}
		if err := ejson.Unmarshal(param, target); err != nil {
			return fmt.Errorf("argument %d: %w: %w", i, ErrMatchFailed, err)
		}
	}
	return nil
}

// Unblock lets the session's next message begin before this call has ended.
func (c *Call) Unblock() { c.turn.pass() }

// Hold delays the call's "updated", which tells the client that all data
// messages caused by the call have been sent. A method whose publications
// follow in other goroutines holds it and releases when they are through.
func (c *Call) Hold() (release func()) {
	c.mu.Lock()
	c.holds++
	c.mu.Unlock()
	return sync.OnceFunc(c.release)
}

// OnSent has f called once when the call's result, or its error, has been
// written to the connection, or when the session has ended without that. It is
// to be called before the method returns, and f must not block: until then what
// follows is not written.
func (c *Call) OnSent(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, f)
}

// parcel wraps the call's result.
func (c *Call) parcel(frame []byte) parcel {
	c.mu.Lock()
	defer c.mu.Unlock()
	return parcel{frame: c.Session.srv.seal(frame), sent: c.sent}
}

// put queues the call's answer. Its goroutine sends it, if it has nothing else
// to do then.
func (c *Call) put(p parcel) {
	if c.Session.leavePut(p, false) {
		c.turn.owes = true
	}
}

func (c *Call) release() {
	if c.released() {
		c.Session.send(updatedFrame(c.id))
	}
}

// released lets go of one hold, and says whether it was the last.
func (c *Call) released() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds--
	return c.holds == 0
}

func (s *Session) method(m *message, t *turn) {
	_, idOK := nameOf(m.id)
	name, nameOK := nameOf(m.method)
	params, paramsOK := m.paramsOf()
	_, seedOK := stringOf(m.seed)
	if !idOK || !nameOK || !paramsOK || m.seed != nil && !seedOK {
		s.refuse(malformedMethod, m)
		return
	}
	call := &Call{Session: s, Name: name, Params: params, turn: t, id: m.id, holds: 1}
	f, ok := s.srv.methodNamed(name)
	if !ok {
		s.answer(call, nil, &Error{Code: 404, Reason: "Method '" + name + "' not found"})
		return
	}
	if !s.enter() {
		return
	}
	defer s.exit()
	s.srv.stats.calls.Add(1)
	var result any
	err := s.protect("method", name, func() (err error) {
		result, err = f(s.ctx, call)
		return err
	})
	s.answer(call, result, err)
}

// enter counts a method as running unless the session is ending.
func (s *Session) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open {
		return false
	}
	s.methods++
	return true
}

func (s *Session) exit() {
	s.mu.Lock()
	s.methods--
	last := s.methods == 0 && s.phase == draining
	s.mu.Unlock()
	if last {
		s.shut(s.link.goingAway(), false)
	}
}

// answer sends a call's result, and "updated" unless that is held.
func (s *Session) answer(call *Call, result any, err error) {
	frame := append(append(append(s.srv.scratch(), `{"msg":"result","id":`...), call.id...), ',')
	if err == nil {
		if err = s.answerResult(call, frame, result); err == nil {
			return
		}
	}
	frame = append(frame, `"error":`...)
	full, err := appendError(frame, s.hide("method", call.Name, err))
	if err != nil { // details that cannot be encoded
		full, _ = appendError(frame, s.hide("method", call.Name, err))
	}
	call.put(call.parcel(append(full, '}')))
	call.release()
}

// answerResult sends a result, or returns why there is none.
func (s *Session) answerResult(call *Call, frame []byte, result any) error {
	if body, ok := result.(Stream); ok {
		return s.answerStream(call, frame, body)
	}
	full, err := appendResult(frame, result, s.srv.opts.MaxFrame)
	if err != nil {
		return err
	}
	call.put(call.parcel(full))
	call.release()
	return nil
}

var errTooLarge = errors.New("ddp: frame too large")

func appendResult(frame []byte, result any, limit int) ([]byte, error) {
	if result == nil {
		frame[len(frame)-1] = '}'
		return frame, nil
	}
	frame, err := ejson.Append(append(frame, `"result":`...), result)
	if err != nil {
		return nil, err
	}
	if len(frame) >= limit {
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, len(frame))
	}
	return append(frame, '}'), nil
}
