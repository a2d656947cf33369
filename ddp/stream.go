package ddp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A Stream is a result that is not in memory: EJSON text whose size is known
// before the first byte is read. A method returns it as any other result; it is
// asked for its text when the messages before it are written, and then goes out
// piece by piece, as one message.
//
// A client cannot be told that half a message was wrong. A Stream that fails,
// or writes another number of bytes than it said, therefore ends the session,
// and the client asks again over a new connection. Whoever has to let go of
// something uses [Call.OnSent]: WriteTo may never be called.
type Stream interface {
	// Size returns how many bytes the text has.
	Size() int64
	// WriteTo writes the text. Pieces of 64 KiB to 1 MiB are best. It is called
	// once at most, and w keeps nothing of what it is given.
	io.WriterTo
}

// streamCost is what a stream that waits counts for among the bytes that wait:
// its text is elsewhere, but a client must not collect them without end.
const streamCost = 64 << 10

var errStreamSize = errors.New("ddp: a stream has another size than it said")

// Streams reports whether a [Stream] leaves piece by piece. It does not over
// SockJS, whose frames quote it, nor to a client that wants it deflated: there
// the text is read as soon as the method returns, and lies in memory like any
// other result until it is sent.
func (c *Call) Streams() bool { return c.Session.link.streams() }

// answerStream sends a stream as a call's result. The error is for the client;
// none is left to it once the text is being read.
func (s *Session) answerStream(call *Call, frame []byte, body Stream) error {
	frame = append(frame, `"result":`...)
	switch size := body.Size(); {
	case size <= 0:
		return fmt.Errorf("%w: %d bytes are no text", errStreamSize, size)
	case int64(len(frame))+size >= int64(s.srv.opts.MaxFrame):
		return fmt.Errorf("%w: %d bytes", errTooLarge, int64(len(frame))+size)
	}
	if call.Streams() {
		p := call.parcel(frame)
		p.body = body
		if call.released() { // one call of the system less, for both sides
			p.after = updatedFrame(call.id)
			s.srv.stats.sent.Add(1)
		}
		call.put(p)
		return nil
	}
	joined := bytes.NewBuffer(frame)
	joined.Grow(int(body.Size()) + 1)
	if err := s.copyStream(body, joined); err != nil {
		s.brokenOff(err) // nobody gets what there is
	}
	joined.WriteByte('}')
	call.put(call.parcel(joined.Bytes()))
	call.release()
	return nil
}

// copyStream has the stream write itself, all of it and no more.
func (s *Session) copyStream(body Stream, w io.Writer) error {
	var n int64
	err := s.protect("stream", fmt.Sprintf("%T", body), func() (err error) {
		n, err = body.WriteTo(w)
		return err
	})
	if err == nil && n != body.Size() {
		err = fmt.Errorf("%w: %d bytes, not %d", errStreamSize, n, body.Size())
	}
	return err
}

// brokenOff ends a session whose client waits for the rest of a message.
func (s *Session) brokenOff(err error) {
	s.srv.opts.Logger.Error("ddp: a result was broken off", "session", s.id, "err", err)
	s.shut(closing{1000, "Normal closure"}, true)
}

// stream writes a parcel whose text is a stream. An error means that the
// connection is of no more use.
func (k *socket) stream(p parcel) error {
	out := newSink(k.wire, p)
	k.wire.writing.Lock()
	err := k.sess.copyStream(p.body, out)
	k.wire.writing.Unlock()
	if out.err != nil { // the client is gone, which is nobody's fault
		return out.err
	}
	if err != nil {
		k.cut() // no close frame fits inside another one
		k.sess.brokenOff(err)
	}
	return err
}

// A sink writes one frame of a WebSocket in pieces. The library could not: it
// wants the whole message at once, or makes a frame of every piece.
type sink struct {
	conn *watched
	head []byte // goes out with the first piece
	left int64  // bytes of the stream
	tail []byte // goes out with the last piece
	err  error  // of the connection
}

func newSink(conn *watched, p parcel) *sink {
	head := appendHeader(nil, int64(len(p.frame))+p.body.Size()+1)
	tail := []byte{'}'}
	if p.after != nil {
		tail = append(appendHeader(tail, int64(len(p.after))), p.after...)
	}
	return &sink{conn: conn, head: append(head, p.frame...), left: p.body.Size(), tail: tail}
}

// appendHeader appends the header of a WebSocket frame that is a whole message
// of a server.
func appendHeader(dst []byte, size int64) []byte {
	const text, two, eight = 0x81, 126, 127 // the last two say how many bytes the size has
	switch {
	case size < two:
		return append(dst, text, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, text, two), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, text, eight), uint64(size))
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (n int, err error) {
	if int64(len(p)) > s.left {
		return 0, errStreamSize
	}
	for n < len(p) && s.err == nil {
		piece := p[n:min(len(p), n+writeChunk)]
		s.left -= int64(len(piece))
		if s.err = s.put(piece); s.err == nil {
			n += len(piece)
		}
	}
	return n, s.err
}

// put writes a piece and what goes with it, in one call of the system.
func (s *sink) put(piece []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.conn.sess.srv.opts.StallTimeout)); err != nil {
		return err
	}
	parts := net.Buffers{s.head, piece}
	s.head = nil
	if s.left == 0 {
		parts = append(parts, s.tail)
	}
	_, err := parts.WriteTo(s.conn.Conn)
	return err
}
