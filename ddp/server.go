package ddp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// Raw is EJSON text; see [ejson.Raw].
type Raw = ejson.Raw

// Options tunes a Server. The zero value is ready for use.
type Options struct {
	// BasePath is what request paths begin with before /websocket and /sockjs,
	// for instance "/base". Default none.
	BasePath string

	// MaxMessage is the most bytes of one message of a client, after
	// decompression. Default 2 MiB.
	MaxMessage int
	// MaxFrame is the most bytes of one message to a client; a larger result
	// is an internal error. Default 8 MiB.
	MaxFrame int
	// MaxQueue is the most messages of one session that wait or run, and
	// MaxQueueBytes the most bytes that wait. A session beyond is closed.
	// Default 1000 and 16 MiB.
	MaxQueue      int
	MaxQueueBytes int
	// MaxUnread is the most bytes that wait for one client to read them. A
	// session beyond is closed. Default 16 MiB.
	MaxUnread int
	// MaxSubscriptions is the most subscriptions of one session. Default 100.
	MaxSubscriptions int
	// MaxSessions is the most sessions; beyond, a handshake is answered 503.
	// Default 10,000.
	MaxSessions int

	// ConnectTimeout is how long a client may take from the handshake to its
	// connect message. Default 45 s.
	ConnectTimeout time.Duration
	// PingAfter is the silence after which the client is pinged. Default 25 s.
	PingAfter time.Duration
	// SilenceTimeout is the silence after which it is given up. Default 120 s:
	// the Meteor tool is mute while it builds packages.
	SilenceTimeout time.Duration
	// StallTimeout is how long a write may make no progress. Default 120 s.
	StallTimeout time.Duration
	// SockJSHeartbeat is the pause between the heartbeats of SockJS itself.
	// Default 45 s.
	SockJSHeartbeat time.Duration
	// PollTimeout is how long an xhr session lives without a poll. Default 60 s.
	PollTimeout time.Duration

	// CompressAbove is the size in bytes from which messages are deflated, for
	// clients that offer it. Negative turns it off. Default 4096.
	CompressAbove int

	// OnOpen is called for each new session before its first message, with the
	// request that opened it. Nil for nothing.
	OnOpen func(s *Session, r *http.Request)

	// Logger receives the errors that clients do not see. Default
	// slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.MaxMessage = cmp.Or(o.MaxMessage, 2<<20)
	o.MaxFrame = cmp.Or(o.MaxFrame, 8<<20)
	o.MaxQueue = cmp.Or(o.MaxQueue, 1000)
	o.MaxQueueBytes = cmp.Or(o.MaxQueueBytes, 16<<20)
	o.MaxUnread = cmp.Or(o.MaxUnread, 16<<20)
	o.MaxSubscriptions = cmp.Or(o.MaxSubscriptions, 100)
	o.MaxSessions = cmp.Or(o.MaxSessions, 10_000)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 45*time.Second)
	o.PingAfter = cmp.Or(o.PingAfter, 25*time.Second)
	o.SilenceTimeout = cmp.Or(o.SilenceTimeout, 120*time.Second)
	o.StallTimeout = cmp.Or(o.StallTimeout, 120*time.Second)
	o.SockJSHeartbeat = cmp.Or(o.SockJSHeartbeat, 45*time.Second)
	o.PollTimeout = cmp.Or(o.PollTimeout, 60*time.Second)
	o.CompressAbove = cmp.Or(o.CompressAbove, 4<<10)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

// A Server answers DDP clients. It is an http.Handler for
//
//	/websocket                            DDP over a bare WebSocket
//	/sockjs/websocket                     the same
//	/sockjs/info
//	/sockjs/<any>/<session>/websocket     in SockJS framing
//	/sockjs/<any>/<session>/xhr           and xhr_streaming, xhr_send
//
// below the base path of its options. Stop it with Shutdown, after or instead
// of that of the http.Server, which does not know of hijacked connections.
type Server struct {
	opts    Options
	epoch   time.Time
	work    group     // every goroutine of the server
	buffers sync.Pool // *bytes.Buffer, for reading
	frames  sync.Pool // *[]byte, for building frames
	stats   counters

	mu           sync.RWMutex
	methods      map[string]MethodFunc
	publications map[string]PublishFunc
	sessions     map[*Session]struct{}
	shaking      int              // handshakes that hold a place for a session
	polls        map[string]*poll // xhr sessions by the id in their path
	stopping     bool
}

type counters struct {
	subscriptions                                                   atomic.Int64
	opened, received, sent, sentBytes, calls, slow, flooded, silent atomic.Uint64
}

// NewServer returns a Server without methods and publications.
func NewServer(opts Options) *Server {
	return &Server{
		opts:         opts.withDefaults(),
		epoch:        time.Now(),
		methods:      map[string]MethodFunc{},
		publications: map[string]PublishFunc{},
		sessions:     map[*Session]struct{}{},
		polls:        map[string]*poll{},
	}
}

// Method registers f under name. It panics if name is taken, empty or longer
// than 200 bytes.
func (s *Server) Method(name string, f MethodFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	register("method", s.methods, name, f)
}

// Publish registers f under name. It panics if name is taken, empty or longer
// than 200 bytes.
func (s *Server) Publish(name string, f PublishFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	register("publication", s.publications, name, f)
}

func register[F any](what string, table map[string]F, name string, f F) {
	if _, taken := table[name]; taken || name == "" || len(name) > maxName {
		panic(fmt.Sprintf("ddp: cannot register %s %q", what, name))
	}
	table[name] = f
}

func (s *Server) methodNamed(name string) (MethodFunc, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.methods[name]
	return f, ok
}

func (s *Server) publicationNamed(name string) (PublishFunc, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.publications[name]
	return f, ok
}

// Stats are a server's figures since its start.
type Stats struct {
	Sessions      int    // now
	Subscriptions int    // now, of all sessions
	Opened        uint64 // sessions ever
	Calls         uint64 // of known methods
	Received      uint64 // messages
	Sent          uint64 // messages
	SentBytes     uint64 // before framing and compression
	Slow          uint64 // sessions closed because they did not read
	Flooded       uint64 // sessions closed because they sent too much
	Silent        uint64 // sessions closed because nothing came from them
}

// Stats returns the server's figures.
func (s *Server) Stats() Stats {
	s.mu.RLock()
	n := len(s.sessions)
	s.mu.RUnlock()
	c := &s.stats
	return Stats{
		Sessions: n, Subscriptions: int(c.subscriptions.Load()), Opened: c.opened.Load(),
		Calls: c.calls.Load(), Received: c.received.Load(), Sent: c.sent.Load(), SentBytes: c.sentBytes.Load(),
		Slow: c.slow.Load(), Flooded: c.flooded.Load(), Silent: c.silent.Load(),
	}
}

// Sessions returns the sessions of this moment, in no order.
func (s *Server) Sessions() []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*Session, 0, len(s.sessions))
	for session := range s.sessions {
		list = append(list, session)
	}
	return list
}

// Shutdown refuses new sessions and closes those there are, with 1001 or the
// SockJS frame for it. Methods that run may finish and answer first; what waits
// behind them is dropped. It returns when every goroutine of the server has
// ended, or cuts all connections when ctx ends, and then returns its error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	sessions := s.Sessions()
	for _, session := range sessions {
		session.leave()
	}
	err := s.work.wait(ctx)
	for _, session := range sessions {
		if err != nil {
			session.shut(session.link.goingAway(), true)
			session.link.cut()
		}
	}
	return err
}

// open makes a session, to be started or dismissed. It fails when the server is
// stopping or full.
func (s *Server) open(r *http.Request) (*Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || len(s.sessions)+s.shaking >= s.opts.MaxSessions {
		return nil, false
	}
	s.shaking++
	session := &Session{id: newID(), remote: r.RemoteAddr, started: time.Now().UTC(), srv: s}
	session.ctx, session.cancel = context.WithCancel(context.Background())
	session.touch()
	return session, true
}

// dismiss gives up a session whose handshake failed.
func (s *Server) dismiss(session *Session) {
	session.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shaking--
}

// start puts the session to work over its link.
func (s *Server) start(session *Session, l link, r *http.Request) {
	session.link = l
	session.out.init(s.opts.MaxUnread, l.wake)
	session.mu.Lock()
	session.timer = time.AfterFunc(s.opts.ConnectTimeout, session.tick)
	session.mu.Unlock()

	s.mu.Lock()
	s.shaking--
	s.sessions[session] = struct{}{}
	stopping := s.stopping
	s.mu.Unlock()
	s.stats.opened.Add(1)
	if s.opts.OnOpen != nil {
		s.opts.OnOpen(session, r)
	}
	if stopping {
		session.leave()
	}
}

func (s *Server) forget(session *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session)
}

// Frames of this size are built anew; larger buffers are used again, because
// clearing and collecting them costs more than filling them.
const (
	minReuse = 32 << 10
	maxReuse = 2 << 20
)

// scratch returns an empty buffer to build a frame in.
func (s *Server) scratch() []byte {
	if b, ok := s.frames.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 512)
}

// seal makes what was built in a scratch buffer a frame to keep: a small one
// gets memory of its own size, so that the buffer is free again.
func (s *Server) seal(frame []byte) []byte {
	if len(frame) >= minReuse || cap(frame) < minReuse {
		return frame
	}
	small := bytes.Clone(frame)
	s.recycle(frame)
	return small
}

// recycle takes a frame that nobody uses any more.
func (s *Server) recycle(frame []byte) {
	if cap(frame) >= minReuse && cap(frame) <= maxReuse {
		s.frames.Put(&frame)
	}
}
