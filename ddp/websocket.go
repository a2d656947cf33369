package ddp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

const (
	readBuffer  = 512       // bytes; longer payloads bypass it
	writeBuffer = 2 << 10   // bytes; longer frames bypass it
	writeChunk  = 1 << 20   // bytes that must leave within the stall time-out
	keepBuffer  = 256 << 10 // bytes; larger buffers are not kept for the next message
)

// A socket is the link over a WebSocket, bare or in SockJS framing. Idle, it is
// one goroutine that reads.
type socket struct {
	srv    *Server
	sess   *Session
	conn   *websocket.Conn
	wire   *watched // below conn
	framed bool
	packed bool // messages are deflated

	mu   sync.Mutex
	beat *time.Timer // SockJS heartbeats; nil if bare
}

// serveWebSocket upgrades the request and returns; the connection lives on in
// goroutines of the server, so that net/http's own memory for it is freed.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request, framed bool) {
	if !isUpgrade(r) {
		http.Error(w, `Can "Upgrade" only to "WebSocket".`, http.StatusBadRequest)
		return
	}
	session, ok := s.open(r)
	if !ok {
		unavailable(w)
		return
	}
	mode := websocket.CompressionNoContextTakeover
	if s.opts.CompressAbove < 0 {
		mode = websocket.CompressionDisabled
	}
	up := &upgrader{ResponseWriter: w, sess: session}
	conn, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		InsecureSkipVerify:   true, // no cookie authenticates anything here
		CompressionMode:      mode,
		CompressionThreshold: s.opts.CompressAbove,
	})
	if err != nil { // Accept has answered
		s.dismiss(session)
		return
	}
	conn.SetReadLimit(int64(s.opts.MaxMessage))
	k := &socket{srv: s, sess: session, conn: conn, wire: up.wire, framed: framed}
	k.packed = w.Header().Get("Sec-WebSocket-Extensions") != "" // as Accept has agreed
	if framed {
		_ = k.write([]byte("o")) // a failure shows in the first read
		k.beatLater()
	}
	s.start(session, k, r)
	s.work.Go(k.read)
}

func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, "Service unavailable", http.StatusServiceUnavailable)
}

// read hands the client's messages to the session until the connection ends.
func (k *socket) read() {
	for {
		data, how := k.next()
		if how == nil {
			how = k.deliver(data)
		}
		if how != nil {
			k.sess.shut(*how, true)
			return
		}
	}
}

// next reads one message. The connection is over if it returns a closing; the
// session may have closed it for another reason before.
func (k *socket) next() (data []byte, how *closing) {
	kind, r, err := k.conn.Reader(context.Background())
	if err != nil {
		return nil, ended(err)
	}
	if kind != websocket.MessageText {
		return nil, &closing{1003, "Text only"}
	}
	buf, _ := k.srv.buffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = new(bytes.Buffer)
	}
	_, err = buf.ReadFrom(r)
	if err == nil {
		data = bytes.Clone(buf.Bytes())
	}
	if buf.Cap() <= keepBuffer {
		buf.Reset()
		k.srv.buffers.Put(buf)
	}
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		return nil, &closing{1009, "Message too big"}
	case err != nil:
		return nil, ended(err)
	case !utf8.Valid(data):
		return nil, &closing{1007, "Not UTF-8"}
	}
	return data, nil
}

// ended is how a connection closes of which no more can be read. Where the client
// did not say goodbye it is gone, and hears nothing, or its frames are none.
func ended(err error) *closing {
	if websocket.CloseStatus(err) < 0 {
		return &closing{1002, "Protocol error"}
	}
	return &closing{1000, "Normal closure"}
}

// deliver hands a WebSocket message to the session, out of SockJS framing.
func (k *socket) deliver(data []byte) *closing {
	if !k.framed {
		k.sess.receive(data)
		return nil
	}
	if len(data) == 0 {
		return nil
	}
	messages, ok := unframe(data)
	if !ok {
		return &closing{3000, "Broken framing."}
	}
	for _, m := range messages {
		k.sess.receive([]byte(m))
	}
	return nil
}

// unframe decodes what a SockJS client sends: an array of strings, or one.
func unframe(data []byte) ([]string, bool) {
	var list []string
	if json.Unmarshal(data, &list) == nil && list != nil {
		return list, true
	}
	var one string
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' && json.Unmarshal(data, &one) == nil {
		return []string{one}, true
	}
	return nil, false
}

// beatLater sends the next SockJS heartbeat when it is time.
func (k *socket) beatLater() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.beat = time.AfterFunc(k.srv.opts.SockJSHeartbeat, func() {
		k.srv.work.Go(func() {
			if k.write([]byte("h")) == nil {
				k.beatLater()
			}
		})
	})
}

func (k *socket) wake() { k.srv.work.Go(k.pump) }

func (k *socket) cut() { _ = k.conn.CloseNow() }

func (k *socket) streams() bool { return !k.framed && !k.packed }

func (k *socket) goingAway() closing {
	if k.framed {
		return closing{3000, "Go away!"}
	}
	return closing{1001, "Going away"}
}

// pump writes what waits in the outbox, and leaves when there is nothing.
func (k *socket) pump() {
	for {
		p, end := k.sess.out.take()
		switch {
		case end != nil:
			k.close(*end)
			return
		case p.frame == nil:
			return
		}
		if err := k.send(p); err != nil { // as it will be for all the others
			k.sess.shut(closing{1000, "Normal closure"}, true)
		}
		p.done()
	}
}

func (k *socket) send(p parcel) error {
	if p.body != nil {
		return k.stream(p)
	}
	frame := p.frame
	if k.framed {
		frame = appendSockJS(nil, p.frame)
		k.srv.recycle(p.frame)
	}
	defer k.srv.recycle(frame)
	return k.write(frame)
}

func (k *socket) write(frame []byte) error {
	return k.conn.Write(context.Background(), websocket.MessageText, frame)
}

// close says goodbye and waits for the peer to do so. If the peer was first,
// or is gone, this ends at once.
func (k *socket) close(how closing) {
	if k.framed {
		k.mu.Lock()
		k.beat.Stop()
		k.mu.Unlock()
		_ = k.write(closeFrame(how))
	}
	_ = k.conn.Close(websocket.StatusCode(how.code), how.reason)
	_ = k.conn.CloseNow()
	k.sess.gone()
}

// An upgrader is a ResponseWriter that hands out its connection with small
// buffers and with an eye on progress.
type upgrader struct {
	http.ResponseWriter
	sess *Session
	wire *watched // nil before Hijack
}

// Hijack implements http.Hijacker.
func (u *upgrader) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := rw.Peek(rw.Reader.Buffered())
	u.wire = &watched{Conn: conn, sess: u.sess, early: bytes.Clone(early)}
	return u.wire, bufio.NewReadWriter(bufio.NewReaderSize(u.wire, readBuffer), bufio.NewWriterSize(u.wire, writeBuffer)), nil
}

// A watched connection counts every byte that comes as a sign of life, and
// gives up a write that makes no progress.
type watched struct {
	net.Conn
	sess  *Session
	early []byte // read ahead by net/http

	// writing is held while a stream is written, past the library. What the
	// library writes meanwhile is control frames, each in one Write; messages
	// come from the goroutine that writes the stream.
	writing sync.Mutex
}

// Read implements net.Conn.
func (c *watched) Read(p []byte) (n int, err error) {
	if len(c.early) > 0 {
		n = copy(p, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil
		}
	} else {
		n, err = c.Conn.Read(p)
	}
	if n > 0 {
		c.sess.touch()
	}
	return n, err
}

// Write implements net.Conn.
func (c *watched) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for first := true; first || n < len(p); first = false {
		if err := c.SetWriteDeadline(time.Now().Add(c.sess.srv.opts.StallTimeout)); err != nil {
			return n, err
		}
		k, err := c.Conn.Write(p[n:min(len(p), n+writeChunk)])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// appendSockJS wraps a message in the frame of the server.
func appendSockJS(dst []byte, message []byte) []byte {
	return append(ejson.AppendString(append(dst, "a["...), string(message)), ']')
}
