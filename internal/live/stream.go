package live

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"
)

// How often a stream is given a sign of life, and how soon its reader should
// come back.
const (
	heartbeat = 15 * time.Second
	retry     = "retry: 2000\n\n"
)

// chunk is about how much is sent at once, bytes: what takes none of it within
// the limit does not read.
const chunk = 64 << 10

// cutAfter is how long a stream that the hub ends may take to end well.
const cutAfter = 200 * time.Millisecond

// Serve streams events until the reader leaves, cannot keep up, or may not read
// any more: still is asked now and then. An error says that nothing was
// written.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, q Question, still func() error) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	rc := http.NewResponseController(w)
	reader, err := h.join(q, func() {
		cancel()
		_ = rc.SetWriteDeadline(time.Now().Add(cutAfter)) // what cannot be cut ends by its own limit
	})
	if err != nil {
		return err
	}
	defer h.leave(reader)
	history, err := h.history(ctx, &q, reader.from)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold messages back
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{hub: h, w: w, rc: rc}
	if s.begin(ctx, history, reader.from) == nil {
		s.run(ctx, reader, still)
	}
	return nil // whoever it was has left, or is to come back
}

// stream writes to one reader. The limits of the server are of whole requests
// and answers; here each write has its own.
type stream struct {
	hub *Hub
	w   http.ResponseWriter
	rc  *http.ResponseController
	buf bytes.Buffer
}

// begin writes what was before, and up to where that is.
func (s *stream) begin(ctx context.Context, history []message, from int64) error {
	s.w.WriteHeader(http.StatusOK)
	s.buf.WriteString(retry)
	for _, m := range history {
		if err := s.add(ctx, m); err != nil {
			return err
		}
	}
	s.mark(from)
	return s.flush(ctx)
}

func (s *stream) run(ctx context.Context, r *reader, still func() error) {
	beat, check := time.NewTicker(heartbeat), time.NewTicker(s.hub.opt.CheckEvery)
	defer beat.Stop()
	defer check.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-check.C:
			err = still()
		case <-beat.C:
			err = s.beat(ctx, r)
		case m := <-r.messages:
			err = s.some(ctx, m, r.messages)
		}
		if err != nil {
			return
		}
	}
}

// some writes a message, and those that wait behind it.
func (s *stream) some(ctx context.Context, m message, more <-chan message) error {
	if err := s.add(ctx, m); err != nil {
		return err
	}
	for range len(more) {
		if err := s.add(ctx, <-more); err != nil {
			return err
		}
	}
	return s.flush(ctx)
}

// beat says that the stream is alive, and how far it is: a reader whose filter
// lets little pass need not be told again that it missed nothing. Messages that
// wait are before that, so it is said only where there are none.
func (s *stream) beat(ctx context.Context, r *reader) error {
	at := r.at.Load()
	s.buf.WriteString(": nothing new\n\n")
	if len(r.messages) == 0 {
		s.mark(at)
	}
	return s.flush(ctx)
}

// mark says how far the stream is, where no event does.
func (s *stream) mark(number int64) {
	s.buf.WriteString("event: " + kindAt + "\nid: " + s.hub.ids.seal(number) + "\ndata: {}\n\n")
}

func (s *stream) add(ctx context.Context, m message) error {
	if m.kind != "" {
		s.buf.WriteString("event: " + m.kind + "\n")
	}
	if m.kind != kindReset {
		s.buf.WriteString("id: " + s.hub.ids.seal(m.number) + "\n")
	}
	s.buf.WriteString("data: ")
	s.buf.Write(m.data) // JSON has no line breaks
	s.buf.WriteString("\n\n")
	if s.buf.Len() < chunk {
		return nil
	}
	return s.flush(ctx)
}

// flush sends what was added, within the time that a reader may take nothing.
func (s *stream) flush(ctx context.Context) error {
	err := s.rc.SetWriteDeadline(time.Now().Add(s.hub.opt.WriteLimit))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := ctx.Err(); err != nil {
		// The hub may have ended the stream before the limit was set; the server
		// still writes the end of the answer.
		_ = s.rc.SetWriteDeadline(time.Now().Add(cutAfter))
		return err
	}
	_, err = s.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if err == nil {
		err = s.rc.Flush()
	}
	return err
}
