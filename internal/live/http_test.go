package live_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/live"
)

// served is a hub behind a real server, whose limits of whole requests are far
// shorter than its streams, and whose connections hold little.
func served(t *testing.T, l *ledger, opt live.Options) (*live.Hub, *httptest.Server) {
	t.Helper()
	h, stop := run(t, l, opt)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Serve(w, r, live.Question{}, allowed); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	s.Config.ReadTimeout, s.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		c.(*observedConn).Conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
		return ctx
	}
	s.Listener = &observed{Listener: s.Listener}
	s.Start()
	t.Cleanup(func() {
		stop()
		s.Close()
	})
	return h, s
}

// observed is a listener that knows whether a write to a connection waits.
type observed struct {
	net.Listener
	since atomic.Int64 // of the write that goes on, Unix nanoseconds; 0 for none
}

type observedConn struct {
	net.Conn
	of *observed
}

func (o *observed) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	return &observedConn{c, o}, err
}

func (c *observedConn) Write(b []byte) (int, error) {
	c.of.since.Store(time.Now().UnixNano())
	defer c.of.since.Store(0)
	return c.Conn.Write(b)
}

func (o *observed) waits() bool {
	since := o.since.Load()
	return since != 0 && time.Since(time.Unix(0, since)) > 100*time.Millisecond
}

// dial opens a stream by hand: it is read only if the caller does.
func dial(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestAStreamOutlivesTheLimitsOfRequests(t *testing.T) {
	t.Parallel()
	l := newLedger()
	h, s := served(t, l, live.Options{})
	c := dial(t, s)
	eventually(t, "the reader is there", func() bool { return h.Readers() == 1 })
	// The limits are of 300 ms; nothing but time shows that they do not hold.
	began := time.Now()
	lines := bufio.NewScanner(c)
	for n := int64(1); n <= 6; n++ {
		l.add(1, "app")
		for found := false; !found; {
			if !lines.Scan() {
				t.Fatalf("it ended after %v, before event %d: %v", time.Since(began), n, lines.Err())
			}
			id, ok := strings.CutPrefix(lines.Text(), "id: ")
			found = ok && numberOf(t, id) == n
		}
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it took %v only: the hub does not rest", took)
	}
	c.Close()
	eventually(t, "who left is gone", func() bool { return h.Readers() == 0 })
}

func TestAReaderThatTakesNothingIsDropped(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]live.Options{
		"as too much waits":            {Buffer: 16, Rate: 1000, WriteLimit: time.Hour},
		"as it takes nothing for long": {Buffer: 1 << 20, Rate: 1 << 20, WriteLimit: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			h, s := served(t, l, opt)
			dial(t, s)
			eventually(t, "the reader is there", func() bool { return h.Readers() == 1 })
			eventually(t, "it is dropped", func() bool {
				l.add(10, strings.Repeat("long", 250))
				return h.Readers() == 0
			})
		})
	}
}

func TestAReaderThatTakesNothingDoesNotHoldUpTheStop(t *testing.T) {
	t.Parallel()
	for name, waits := range map[string]bool{"while a write waits": true, "while it is written to": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			h, s := served(t, l, live.Options{Buffer: 1 << 20, Rate: 1 << 20, WriteLimit: time.Hour})
			dial(t, s)
			eventually(t, "the reader is there", func() bool { return h.Readers() == 1 })
			before := l.readCount()
			eventually(t, "it is written to", func() bool {
				l.add(500, strings.Repeat("long", 250))
				return waits && s.Listener.(*observed).waits() || !waits && l.readCount() > before
			})
			began := time.Now()
			h.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := s.Config.Shutdown(ctx); err != nil || time.Since(began) > 5*time.Second {
				t.Errorf("the stop took %v, %v", time.Since(began), err)
			}
		})
	}
}

func TestAHeadIsAnsweredWithoutAStream(t *testing.T) {
	t.Parallel()
	l := newLedger()
	h, s := served(t, l, live.Options{})
	res, err := http.Head(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.Header.Get("Content-Type") != "text/event-stream" || h.Readers() != 0 {
		t.Errorf("%v, %d readers", res.Header, h.Readers())
	}
}
