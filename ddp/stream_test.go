package ddp_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// A told is a stream that may say one thing and do another.
type told struct {
	text   string
	more   int64 // added to the size that it says
	err    error
	panics bool
}

func (s told) Size() int64 { return int64(len(s.text)) + s.more }

func (s told) WriteTo(w io.Writer) (n int64, err error) {
	for text := s.text; text != "" && err == nil; { // in pieces of odd sizes
		k := min(len(text), 100_001)
		var m int
		m, err = io.WriteString(w, text[:k])
		n, text = n+int64(m), text[k:]
	}
	if s.panics {
		panic("the stream broke")
	}
	return n, errors.Join(err, s.err)
}

// streaming serves a method that answers with streams, by name, and counts what
// was sent.
func streaming(t *testing.T, opts ddp.Options, streams map[string]told) (f *fixture, sent *atomic.Int64) {
	t.Helper()
	f, sent = newFixture(opts), new(atomic.Int64)
	f.Method("stream", func(_ context.Context, c *ddp.Call) (any, error) {
		var name string
		if err := c.Bind(&name); err != nil {
			return nil, err
		}
		c.OnSent(func() { sent.Add(1) })
		return streams[name], nil
	})
	serveFixture(t, f)
	return f, sent
}

func quoted(n int) string { return `"` + strings.Repeat("ä", n/2) + `"` }

// Sizes that each take another form of a frame's header, and more than a piece.
var streams = map[string]told{"small": {text: `[1]`}, "medium": {text: quoted(5_000)}, "large": {text: quoted(3_000_000)}}

func TestAStreamIsAResultLikeAnyOther(t *testing.T) {
	t.Parallel()
	f, sent := streaming(t, ddp.Options{}, streams)
	for name, opts := range map[string]*websocket.DialOptions{
		"bare":     {CompressionMode: websocket.CompressionDisabled},
		"deflated": {CompressionMode: websocket.CompressionContextTakeover},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, f.url("ws", "/websocket"), opts)
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			for stream, s := range streams {
				before := sent.Load()
				w.send(fmt.Sprintf(`{"msg":"method","id":"1","method":"stream","params":[%q]}`, stream), `{"msg":"method","id":"2","method":"echo","params":["b"]}`)
				if got, want := w.next(), `{"msg":"result","id":"1","result":`+s.text+`}`; got != want {
					t.Fatalf("%s: %d bytes %.60s, want %d", stream, len(got), got, len(want))
				}
				w.want(`{"msg":"updated","methods":["1"]}`, `{"msg":"result","id":"2","result":"b"}`, `{"msg":"updated","methods":["2"]}`)
				eventually(t, "that it was sent", func() bool { return sent.Load() == before+1 })
			}
		})
	}
	p := f.poller(t, "streams")
	p.send(connect1)
	p.want(`{"msg":"connected","session":"…"}`)
	p.send(`{"msg":"method","id":"1","method":"stream","params":["medium"]}`)
	p.want(`{"msg":"result","id":"1","result":`+streams["medium"].text+`}`, `{"msg":"updated","methods":["1"]}`)
}

// Other people's clients get one frame, as they do of everything else.
func TestAStreamIsOneFrame(t *testing.T) {
	t.Parallel()
	f, _ := streaming(t, ddp.Options{}, streams)
	for name, s := range streams {
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.http.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		r := bufio.NewReader(conn)
		for line := "x"; line != "\r\n"; {
			if line, err = r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range []string{connect1, fmt.Sprintf(`{"msg":"method","id":"1","method":"stream","params":[%q]}`, name)} {
			conn.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)) // masked with zeros
		}
		readFrame(t, r) // connected
		if got, want := readFrame(t, r), `{"msg":"result","id":"1","result":`+s.text+`}`; got != want {
			t.Errorf("%s: a frame of %d bytes, want %d", name, len(got), len(want))
		}
		if got := readFrame(t, r); got != `{"msg":"updated","methods":["1"]}` {
			t.Errorf("then %s", got)
		}
	}
}

func readFrame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil || head[0] != 0x81 {
		t.Fatalf("a frame that begins with %x, want a whole text: %v", head, err)
	}
	size, extra := uint64(head[1]), map[byte]int{126: 2, 127: 8}[head[1]]
	if extra > 0 {
		long := make([]byte, 8)
		if _, err := io.ReadFull(r, long[8-extra:]); err != nil {
			t.Fatal(err)
		}
		size = binary.BigEndian.Uint64(long)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A client cannot be told that half a message was wrong: it has to ask again.
func TestABrokenStreamEndsTheConnection(t *testing.T) {
	t.Parallel()
	broken := map[string]told{
		"too short": {text: quoted(300_000), more: 5}, "too long": {text: quoted(300_000), more: -5},
		"failed": {text: quoted(300_000), more: 9, err: errors.New("the disk is gone")}, "panicked": {text: quoted(300_000), more: 9, panics: true},
	}
	f, sent := streaming(t, ddp.Options{}, broken)
	for name := range broken {
		for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover} {
			before := sent.Load()
			w := dial(t, f.url("ws", "/websocket"), &websocket.DialOptions{CompressionMode: mode})
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			w.send(fmt.Sprintf(`{"msg":"method","id":"1","method":"stream","params":[%q]}`, name))
			for {
				got, err := w.read()
				if err != nil {
					break
				}
				if strings.Contains(got, `"updated"`) || strings.Contains(got, `"result"`) {
					t.Errorf("%s: the client was told %.80s … %s", name, got, got[max(0, len(got)-20):])
				}
			}
			eventually(t, "that it is let go", func() bool { return sent.Load() == before+1 })
		}
	}
	if log := f.log.String(); strings.Count(log, "was broken off") < len(broken)*2 {
		t.Errorf("the log says\n%s", log)
	}
	f.connected(t).alive()
}

func TestAStreamThatIsNoTextIsAnError(t *testing.T) {
	t.Parallel()
	f, sent := streaming(t, ddp.Options{MaxFrame: 100_000}, map[string]told{"empty": {}, "too large": {text: quoted(100_000)}})
	w := f.connected(t)
	for _, name := range []string{"empty", "too large"} {
		w.send(fmt.Sprintf(`{"msg":"method","id":"1","method":"stream","params":[%q]}`, name))
		if got := w.next(); !strings.Contains(got, `"error":500`) {
			t.Errorf("%s: %.200s", name, got)
		}
		w.want(`{"msg":"updated","methods":["1"]}`)
	}
	eventually(t, "that both are let go", func() bool { return sent.Load() == 2 })
	w.alive()
}
