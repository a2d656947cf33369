package ddp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

const (
	streamBytes = 128 << 10 // after these, a stream ends and the client asks again
	bunchBytes  = 128 << 10 // about the most of one array of messages
	lingering   = 5 * time.Second
)

// A poll is the link of the xhr transports: the client comes and fetches. It
// has no goroutine of its own.
type poll struct {
	srv  *Server
	sess *Session
	id   string
	work chan struct{} // holds a token when the outbox has something

	receiving sync.Mutex // one xhr_send at a time

	taken []parcel // in the frame that is written next; of the request that fetches

	mu    sync.Mutex
	busy  bool        // a request is fetching
	gone  *closing    // the session is over; said to whoever still asks
	leave *time.Timer // ends a session that nobody polls
}

func (p *poll) wake() {
	select {
	case p.work <- struct{}{}:
	default:
	}
}

func (p *poll) pump() { p.wake() }

func (p *poll) streams() bool { return false }

func (p *poll) goingAway() closing { return closing{3000, "Go away!"} }

// cut forgets the session; later requests find none.
func (p *poll) cut() {
	p.mu.Lock()
	if p.leave != nil {
		p.leave.Stop()
	}
	p.mu.Unlock()
	p.srv.mu.Lock()
	if p.srv.polls[p.id] == p {
		delete(p.srv.polls, p.id)
	}
	p.srv.mu.Unlock()
	p.sess.out.discard()
}

// enter finds or makes the session of a polling request. fresh means that the
// client is to be greeted.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, id string) (p *poll, fresh bool) {
	s.mu.RLock()
	p = s.polls[id]
	s.mu.RUnlock()
	if p != nil {
		return p, false
	}
	session, ok := s.open(r)
	if !ok {
		unavailable(w)
		return nil, false
	}
	p = &poll{srv: s, sess: session, id: id, work: make(chan struct{}, 1)}
	s.start(session, p, r)
	p.mu.Lock()
	p.leave = time.AfterFunc(s.opts.PollTimeout, p.abandoned)
	p.mu.Unlock()
	s.mu.Lock()
	other := s.polls[id]
	if other == nil {
		s.polls[id] = p
	}
	s.mu.Unlock()
	if other != nil { // another request was faster
		session.shut(closing{1000, "Normal closure"}, true)
		p.cut()
		return other, false
	}
	return p, true
}

// abandoned ends a session whose client has stopped polling.
func (p *poll) abandoned() {
	p.sess.shut(closing{1000, "Normal closure"}, true)
	p.cut()
}

// seize makes the request the one that fetches. There is at most one.
func (p *poll) seize() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return false
	}
	p.busy = true
	p.leave.Stop()
	p.sess.touch()
	return true
}

func (p *poll) yield() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	wait := p.srv.opts.PollTimeout
	if p.gone != nil {
		wait = lingering
	}
	p.leave.Reset(wait)
}

// fetch returns the next SockJS frame, with its line feed. It waits until there
// is one; the error is the request's end.
func (p *poll) fetch(ctx context.Context) (frame []byte, last bool, err error) {
	beat := time.NewTimer(p.srv.opts.SockJSHeartbeat)
	defer beat.Stop()
	for {
		if frame, last := p.bunch(); frame != nil {
			return append(frame, '\n'), last, nil
		}
		select {
		case <-p.work:
		case <-beat.C:
			return []byte("h\n"), false, nil
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// bunch takes what waits in the outbox, in one frame; nil if nothing does.
func (p *poll) bunch() (frame []byte, last bool) {
	p.mu.Lock()
	gone := p.gone
	p.mu.Unlock()
	if gone != nil {
		return closeFrame(*gone), true
	}
	for len(frame) < bunchBytes {
		next, end := p.sess.out.take()
		switch {
		case end != nil:
			p.mu.Lock()
			p.gone = end
			p.mu.Unlock()
			p.sess.gone()
			if frame == nil {
				return closeFrame(*end), true
			}
			return append(frame, ']'), false // the close frame is next
		case next.frame == nil:
			if frame != nil {
				frame = append(frame, ']')
			}
			return frame, false
		case frame == nil:
			frame = []byte("a[")
		default:
			frame = append(frame, ',')
		}
		frame = ejson.AppendString(frame, string(next.frame))
		p.srv.recycle(next.frame)
		if next.sent != nil {
			p.taken = append(p.taken, parcel{sent: next.sent})
		}
	}
	return append(frame, ']'), false
}

func (s *Server) serveXHR(w http.ResponseWriter, r *http.Request, id string) {
	p, fresh := s.enter(w, r, id)
	if p == nil {
		return
	}
	p.prepare(w, r)
	if !p.seize() {
		_, _ = w.Write(append(closeFrame(closing{2010, "Another connection still open"}), '\n'))
		return
	}
	defer p.yield()
	if fresh {
		_ = p.write(w, []byte("o\n"))
		return
	}
	frame, _, err := p.fetch(r.Context())
	if err != nil || p.write(w, frame) != nil {
		p.lost()
	}
}

func (s *Server) serveStreaming(w http.ResponseWriter, r *http.Request, id string) {
	p, fresh := s.enter(w, r, id)
	if p == nil {
		return
	}
	p.prepare(w, r)
	prelude := append(bytes.Repeat([]byte("h"), 2048), '\n')
	if !p.seize() {
		_, _ = w.Write(append(prelude, append(closeFrame(closing{2010, "Another connection still open"}), '\n')...))
		return
	}
	defer p.yield()
	if fresh {
		prelude = append(prelude, "o\n"...)
	}
	err := p.write(w, prelude)
	for sent := 0; err == nil && sent < streamBytes; {
		frame, last, fetchErr := p.fetch(r.Context())
		if err = fetchErr; err != nil {
			break
		}
		err = p.write(w, frame)
		sent += len(frame)
		if last {
			return
		}
	}
	if err != nil {
		p.lost()
	}
}

// prepare makes the request one that may last. Reading all of it lifts the
// server's time-out for reading, and has the request's context end with the
// connection.
func (p *poll) prepare(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/javascript; charset=UTF-8")
	noCache(w)
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxEcho))
}

// write sends and flushes. Other than the server's own time-outs, which suit
// short requests, the one set here is for this write only.
func (p *poll) write(w http.ResponseWriter, frame []byte) error {
	defer func() {
		done(p.taken)
		p.taken = nil
	}()
	c := http.NewResponseController(w)
	deadline := time.Now().Add(p.srv.opts.StallTimeout)
	if err := c.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.Write(frame); err != nil { //nolint:gosec // quoted JSON, and not HTML by its type
		return err
	}
	return c.Flush()
}

// lost ends the session after a request broke off: what it carried is gone.
func (p *poll) lost() {
	p.sess.shut(closing{1000, "Normal closure"}, true)
}

func (s *Server) serveSend(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.RLock()
	p := s.polls[id]
	s.mu.RUnlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.opts.MaxMessage)))
	if err != nil {
		http.Error(w, "Request body too large or cut short", http.StatusRequestEntityTooLarge)
		return
	}
	messages, problem := payload(body)
	if problem != "" {
		http.Error(w, problem, http.StatusInternalServerError)
		return
	}
	p.receiving.Lock()
	defer p.receiving.Unlock()
	p.sess.touch()
	for _, m := range messages {
		p.sess.receive([]byte(m))
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	noCache(w)
	w.WriteHeader(http.StatusNoContent)
}

// payload decodes the body of an xhr_send, in SockJS's own words if it cannot.
func payload(body []byte) (messages []string, problem string) {
	const expected, broken = "Payload expected.", "Broken JSON encoding."
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil, expected
	}
	if !json.Valid(body) {
		return nil, broken
	}
	if json.Unmarshal(body, &messages) != nil || messages == nil {
		return nil, expected
	}
	return messages, ""
}
