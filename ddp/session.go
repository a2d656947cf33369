package ddp

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A link is the connection under a session.
type link interface {
	// wake says that the outbox has work and nobody is taking it.
	wake()
	// pump does that work in the caller's goroutine, if it is done in any.
	pump()
	// cut ends the connection at once; harmless if it has ended.
	cut()
	// goingAway is how the transport says that the server stops.
	goingAway() closing
	// streams says whether a parcel may have a stream for its text.
	streams() bool
}

// closeGrace is how long a closed session may take to say goodbye before its
// connection is cut.
const closeGrace = 10 * time.Second

// A Session is one client's connection, from the handshake to the close. Its
// methods may be called from any goroutine.
type Session struct {
	id      string
	remote  string
	started time.Time
	srv     *Server
	link    link
	out     outbox
	view    view
	seen    atomic.Int64 // when the last bytes came, since the server's start

	//nolint:containedctx // it is the life of the session, and parent of every call's context
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	phase   phase
	version string
	user    string
	values  map[any]any
	onClose []func()
	timer   *time.Timer // ticks: connect time-out, then heartbeats
	grace   *time.Timer // cuts a connection that does not finish
	inbox   []message
	waiting int // bytes in the inbox
	busy    int // messages queued or running
	methods int // methods running
	working bool
	subs    map[string]*Subscription
}

type phase int

const (
	opening  phase = iota // before connect
	open                  // connected
	draining              // running methods may finish, nothing new begins
	closed
)

// ID returns the session's id, 17 characters made by the server.
func (s *Session) ID() string { return s.id }

// RemoteAddr returns the address of the peer of the first request, host:port.
// Behind a proxy it is the proxy's.
func (s *Session) RemoteAddr() string { return s.remote }

// Started returns the time of the handshake.
func (s *Session) Started() time.Time { return s.started }

// UserID returns what SetUserID set last, at first "".
func (s *Session) UserID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

// SetUserID records who the client is, typically in a method that logs in.
// Subscriptions are not run again.
func (s *Session) SetUserID(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = id
}

// Value returns what SetValue stored under key, or nil.
func (s *Session) Value(key any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key]
}

// SetValue stores v for the life of the session. As with contexts, key should
// have a type of its own.
func (s *Session) SetValue(key, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[any]any{}
	}
	s.values[key] = v
}

// OnClose has f called once when the session ends, at once if it has ended.
// The connection may still be saying goodbye then.
func (s *Session) OnClose(f func()) {
	s.mu.Lock()
	if s.phase != closed {
		s.onClose = append(s.onClose, f)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	f()
}

// Close ends the session with a normal close. Frames that were sent before
// still go out; a method that closes its own session thus leaves its caller
// without an answer.
func (s *Session) Close() { s.shut(closing{1000, "Normal closure"}, false) }

// shut ends the session; with drop, the frames that wait are thrown away.
func (s *Session) shut(how closing, drop bool) {
	dropped, _ := s.out.finish(how, drop)
	s.end()
	done(dropped)
}

// end stops all that the session was doing. The link goes on until the outbox
// is empty and the peer has agreed to close.
func (s *Session) end() {
	s.mu.Lock()
	if s.phase == closed {
		s.mu.Unlock()
		return
	}
	s.phase = closed
	s.inbox, s.waiting = nil, 0
	s.timer.Stop()
	s.grace = time.AfterFunc(closeGrace, s.link.cut)
	subs, callbacks := s.subs, s.onClose
	s.subs, s.onClose = nil, nil
	s.mu.Unlock()

	s.cancel()
	s.srv.forget(s)
	for _, sub := range subs {
		sub.abandon()
	}
	for _, f := range callbacks {
		f()
	}
}

// gone is called by the link when its connection is no more.
func (s *Session) gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grace != nil {
		s.grace.Stop()
	}
}

// leave ends the session for the sake of the server's stop: methods that run
// may finish and answer, nothing else begins.
func (s *Session) leave() {
	s.mu.Lock()
	if s.phase == closed {
		s.mu.Unlock()
		return
	}
	s.phase = draining
	s.inbox, s.waiting = nil, 0
	subs, running := s.subs, s.methods
	s.subs = nil
	s.mu.Unlock()
	for _, sub := range subs {
		sub.abandon()
	}
	if running == 0 {
		s.shut(s.link.goingAway(), false)
	}
}

// send queues a frame. A client that leaves too much unread is closed; in a
// goroutine, because the caller may hold locks that callbacks need.
func (s *Session) send(frame []byte) { s.put(parcel{frame: frame}, false) }

// sendFirst queues a frame ahead of all others.
func (s *Session) sendFirst(frame []byte) { s.put(parcel{frame: frame}, true) }

func (s *Session) put(p parcel, urgent bool) {
	if s.leavePut(p, urgent) {
		s.link.wake()
	}
}

// leavePut queues a parcel, and reports that the caller has to see to its being
// taken.
func (s *Session) leavePut(p parcel, urgent bool) (untaken bool) {
	s.srv.stats.sent.Add(1)
	s.srv.stats.sentBytes.Add(p.bytes())
	fits, untaken := s.out.put(p, urgent)
	if fits {
		return untaken
	}
	dropped, first := s.out.finish(closing{1008, "Too slow a reader"}, true)
	if first { // two frames at once may both have found no room
		s.srv.stats.slow.Add(1)
	}
	dropped = append(dropped, p)
	s.srv.work.Go(func() {
		s.end()
		done(dropped)
	})
	return false
}

// touch notes that bytes have come.
func (s *Session) touch() { s.seen.Store(int64(time.Since(s.srv.epoch))) }

func (s *Session) silence() time.Duration {
	return time.Since(s.srv.epoch) - time.Duration(s.seen.Load())
}

// tick is the session's one timer. Before connect it is the time-out of that;
// afterwards it pings a silent peer and at last gives it up.
func (s *Session) tick() {
	s.mu.Lock()
	phase, version := s.phase, s.version
	s.mu.Unlock()
	opts, silence := &s.srv.opts, s.silence()
	switch {
	case phase == closed:
		return
	case phase == opening:
		s.shut(closing{1000, "Normal closure"}, false)
		return
	case version == versionPre1: // has no heartbeats
		return
	case silence >= opts.SilenceTimeout:
		s.srv.stats.silent.Add(1)
		s.shut(closing{1000, "Normal closure"}, true)
		return
	}
	next := opts.PingAfter - silence
	if next <= 0 {
		s.sendFirst([]byte(`{"msg":"ping"}`))
		next = min(opts.PingAfter, opts.SilenceTimeout-silence)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != closed {
		s.timer.Reset(next)
	}
}

// protect calls f and turns a panic into an error.
func (s *Session) protect(what, name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.srv.opts.Logger.Error("ddp: panic", "in", what, "name", name, "session", s.id,
				"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	return f()
}

// hide returns the public part of err, and logs the rest of it.
func (s *Session) hide(what, name string, err error) *Error {
	e, hidden := public(err)
	if hidden {
		s.srv.opts.Logger.Error("ddp: internal error", "in", what, "name", name, "session", s.id, "err", err)
	}
	return e
}

// newID makes a session id as Meteor does: 17 characters that no one confuses.
func newID() string {
	const letters = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
	id := make([]byte, 0, 17)
	var random [32]byte
	for len(id) < cap(id) {
		_, _ = rand.Read(random[:]) // never fails
		for _, b := range random {
			// 220 is the last multiple of 55 in a byte: no letter is likelier.
			if b < 220 && len(id) < cap(id) {
				id = append(id, letters[b%55])
			}
		}
	}
	return string(id)
}
