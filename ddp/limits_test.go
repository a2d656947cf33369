package ddp_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

func TestAMessageBeyondTheLimitClosesWith1009(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	const room = 2 << 20
	fill := func(size int) string {
		frame := `{"msg":"method","id":"1","method":"nothing","params":[""]}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	w := f.connected(t)
	w.send(fill(room))
	w.want(`{"msg":"result","id":"1"}`, `{"msg":"updated","methods":["1"]}`)
	w.send(fill(room + 1))
	w.wantClose(websocket.StatusMessageTooBig)

	w = dial(t, f.url("ws", "/sockjs/0/big/websocket"), nil)
	w.send(fill(room + 1))
	if got := w.next(); got != "o" {
		t.Fatalf("got %q", got)
	}
	eventually(t, "the SockJS session is closed", func() bool { return f.Stats().Sessions == 0 })
}

// A rawSocket speaks WebSocket by hand, to say what libraries do not.
type rawSocket struct {
	t testing.TB
	net.Conn
}

func (f *fixture) rawSocket(t testing.TB, headers string) *rawSocket {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, "GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"+headers+"\r\n")
	if err != nil {
		t.Fatal(err)
	}
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			t.Fatalf("%v after %q", err, head)
		}
		head = append(head, b[0])
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		t.Fatalf("handshake: %s", head)
	}
	return &rawSocket{t, conn}
}

// rawFrame builds a frame masked with zeros.
func rawFrame(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

// closeCode reads frames of the server until the close, and returns its code
// and the text of those before.
func (c *rawSocket) closeCode() (code int, before string) {
	c.t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			c.t.Fatalf("%v after %q", err, before)
		}
		n := int(head[1])
		if n == 126 {
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				c.t.Fatal(err)
			}
			n = int(binary.BigEndian.Uint16(size[:]))
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(c, payload); err != nil {
			c.t.Fatal(err)
		}
		if head[0] == 0x88 {
			if len(payload) < 2 {
				return 1005, before
			}
			return int(binary.BigEndian.Uint16(payload)), before
		}
		before += string(payload)
	}
}

func TestBrokenWebSocketUseClosesWithItsCode(t *testing.T) {
	t.Parallel()
	const deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	var bomb bytes.Buffer
	z, _ := flate.NewWriter(&bomb, flate.BestCompression)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 16<<20))
	_ = z.Flush()
	tests := map[string]struct {
		headers string
		frames  [][]byte
		code    int
	}{
		"a binary message":                {"", [][]byte{rawFrame(0x82, []byte("{}"))}, 1003},
		"text that is not UTF-8":          {"", [][]byte{rawFrame(0x81, []byte("\"\xff\""))}, 1007},
		"half a rune at the end":          {"", [][]byte{rawFrame(0x81, []byte("\"é\"")[:2])}, 1007},
		"a frame without a mask":          {"", [][]byte{append([]byte{0x81, 2}, "{}"...)}, 1002},
		"one within a message":            {"", [][]byte{rawFrame(0x01, []byte("{")), append([]byte{0x80, 1}, "}"...)}, 1002},
		"reserved bits":                   {"", [][]byte{rawFrame(0xF1, []byte("{}"))}, 1002},
		"an unknown opcode":               {"", [][]byte{rawFrame(0x83, []byte("{}"))}, 1002},
		"a continuation of nothing":       {"", [][]byte{rawFrame(0x80, []byte("{}"))}, 1002},
		"a long control frame":            {"", [][]byte{rawFrame(0x89, make([]byte, 126))}, 1002},
		"a fragmented ping":               {"", [][]byte{rawFrame(0x09, nil)}, 1002},
		"a message inside a message":      {"", [][]byte{rawFrame(0x01, []byte("{")), rawFrame(0x81, []byte("}"))}, 1002},
		"an announced giant":              {"", [][]byte{append([]byte{0x81, 0xFF, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0}, make([]byte, 3<<20)...)}, 1009},
		"a flood of continuations":        {"", append([][]byte{rawFrame(0x01, []byte("{"))}, manyFrames(3000, rawFrame(0x00, make([]byte, 1000)))...), 1009},
		"a bomb: 16 MiB in 16 KiB":        {deflate, [][]byte{rawFrame(0xC1, bytes.TrimSuffix(bomb.Bytes(), []byte{0, 0, 255, 255}))}, 1009},
		"deflate that was not negotiated": {"", [][]byte{rawFrame(0xC1, []byte("{}"))}, 1002},
	}
	f := serve(t, ddp.Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := f.rawSocket(t, tt.headers)
			go func() {
				for _, frame := range tt.frames {
					if _, err := c.Write(frame); err != nil {
						return // closed before the end, as it should be
					}
				}
			}()
			if code, before := c.closeCode(); code != tt.code || before != "" {
				t.Errorf("closed with %d after %q, want %d", code, before, tt.code)
			}
		})
	}
}

func manyFrames(n int, frame []byte) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = frame
	}
	return list
}

func TestOneMessageTooManyInTheQueueClosesWith1008(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	other := f.connected(t)
	w := f.connected(t)
	for i := range 1000 {
		w.send(fmt.Sprintf(`{"msg":"method","id":"%d","method":"slow"}`, i))
	}
	w.send(`{"msg":"ping"}`) // goes past the queue
	w.want(`{"msg":"pong"}`)
	other.alive()
	w.send(`{"msg":"method","id":"x","method":"slow"}`)
	w.wantClose(websocket.StatusPolicyViolation)
	other.alive()
	if n := f.Stats().Flooded; n != 1 {
		t.Errorf("Stats().Flooded = %d", n)
	}
}

func TestTooManyBytesInTheQueueCloseWith1008(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{MaxQueueBytes: 1000})
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"slow"}`)
	eventually(t, "the method runs", func() bool { return f.Stats().Calls == 1 })
	w.send(`{"msg":"method","id":"2","method":"slow","params":["` + strings.Repeat("x", 900) + `"]}`)
	w.send(`{"msg":"method","id":"3","method":"slow","params":["` + strings.Repeat("x", 900) + `"]}`)
	w.wantClose(websocket.StatusPolicyViolation)
}

func TestTheHundredAndFirstSubscriptionIsRefused(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	for i := range 100 {
		w.send(sub(fmt.Sprint(i), "empty"))
		w.want(fmt.Sprintf(`{"msg":"ready","subs":["%d"]}`, i))
	}
	w.send(sub("100", "empty"), unsub("5"), sub("101", "empty"))
	w.want(`{"msg":"nosub","id":"100","error":{"isClientSafe":true,"error":"too-many-requests","reason":"Too many subscriptions",`+
		`"message":"Too many subscriptions [too-many-requests]","errorType":"Meteor.Error"}}`,
		`{"msg":"nosub","id":"5"}`, `{"msg":"ready","subs":["101"]}`)
}

func TestTenThousandSubscriptionsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	f.Publish("forgettable", func(_ context.Context, s *ddp.Subscription) error {
		if err := s.Added("things", "x", nil); err != nil {
			return err
		}
		return s.Ready()
	})
	serveFixture(t, f)
	w := f.connected(t)
	for range 10_000 {
		w.send(sub("1", "forgettable"), unsub("1"))
		for range 4 {
			w.next()
		}
	}
	w.alive()
	if s := f.Stats(); s.Subscriptions != 0 || s.Sent != 1+4*10_000+2 {
		t.Errorf("%+v", s)
	}
}

func TestASlowReaderIsClosedAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	slow := f.rawSocket(t, "") // never reads
	if _, err := slow.Write(append(rawFrame(0x81, []byte(connect1)), rawFrame(0x81, []byte(sub("1", "one")))...)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has subscribed", func() bool { return f.Stats().Subscriptions == 1 })
	w := f.connected(t)
	w.send(sub("1", "one"))
	w.want(addedOne, `{"msg":"ready","subs":["1"]}`)
	closed := false
	for i := 0; !closed; i++ {
		if i == 100 {
			t.Fatal("100 MiB and the slow reader is still there")
		}
		document := map[string]any{"s": strings.Repeat("xy"[i%2:i%2+1], 1<<20)}
		for n := range 2 { // neither call may wait for a reader
			if err := f.sub(t, "one", n).Changed("things", "x", document); err != nil {
				if !errors.Is(err, ddp.ErrStopped) || n == 1 {
					t.Fatal(err)
				}
				closed = true
			}
		}
		if got := w.next(); !strings.HasPrefix(got, `{"msg":"changed"`) {
			t.Fatalf("the other reader got %.100s", got)
		}
	}
	if s := f.Stats(); s.Slow == 0 || s.Sessions != 1 {
		t.Errorf("%+v", s)
	}
	w.alive()
}

func TestAReaderThatIsSlowToStartGetsAllItsAnswers(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	for i := range 64 {
		w.send(fmt.Sprintf(`{"msg":"method","id":"%d","method":"size","params":[1000000]}`, i))
	}
	for i := range 64 { // 64 MB, four times what may wait unread
		if got := w.next(); !strings.HasPrefix(got, fmt.Sprintf(`{"msg":"result","id":"%d","result":"xxx`, i)) || len(got) < 1e6 {
			t.Fatalf("got %.100s", got)
		}
		w.want(fmt.Sprintf(`{"msg":"updated","methods":["%d"]}`, i))
	}
}

func TestAWriteWithoutProgressIsGivenUp(t *testing.T) {
	t.Parallel()
	inBubble(t, ddp.Options{StallTimeout: 20 * time.Second, SilenceTimeout: time.Hour}, func(t *testing.T, f *fixture, dialWS func(string) *wire) {
		w := dialWS("/websocket")
		w.send(connect1)
		w.want(`{"msg":"connected","session":"…"}`)
		w.send(`{"msg":"method","id":"1","method":"size","params":[1000]}`) // the pipe holds nothing
		time.Sleep(19 * time.Second)
		synctest.Wait()
		if n := f.Stats().Sessions; n != 1 {
			t.Errorf("%d sessions after 19 s", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := f.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions after 21 s", n)
		}
		w.conn.CloseNow()
	})
}

func TestAClosedSessionThatDoesNotReadIsCutAfterTenSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, ddp.Options{}, func(t *testing.T, f *fixture, dialWS func(string) *wire) {
		w := dialWS("/websocket")
		w.send(connect1)
		w.want(`{"msg":"connected","session":"…"}`)
		w.send(`{"msg":"method","id":"1","method":"size","params":[1000]}`) // the pipe holds nothing
		synctest.Wait()
		start := time.Now()
		f.Sessions()[0].Close()
		if err := f.Shutdown(t.Context()); err != nil { // waits for the goroutine that writes
			t.Error(err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		w.conn.CloseNow()
	})
}

func TestOnlyLongMessagesAreDeflatedAndOnlyIfOffered(t *testing.T) {
	t.Parallel()
	f, plain := serve(t, ddp.Options{}), serve(t, ddp.Options{CompressAbove: -1})
	const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	for name, tt := range map[string]struct {
		f       *fixture
		headers string
		size    int
		first   byte
	}{
		"short": {f, offer, 1000, 0x81}, "long": {f, offer, 5000, 0xC1}, "not offered": {f, "", 5000, 0x81}, "turned off": {plain, offer, 5000, 0x81},
	} {
		c := tt.f.rawSocket(t, tt.headers)
		for _, frame := range []string{connect1, fmt.Sprintf(`{"msg":"method","id":"1","method":"size","params":[%d]}`, tt.size)} {
			if _, err := c.Write(rawFrame(0x81, []byte(frame))); err != nil {
				t.Fatal(err)
			}
		}
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil { // connected
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, c, int64(head[1])); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, head[:]); err != nil || head[0] != tt.first {
			t.Errorf("%s: the frame begins with %x, %v", name, head[0], err)
		}
	}
}

func TestAResultBeyondTheLimitIsAnInternalError(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	envelope := len(`{"msg":"result","id":"1","result":""}`)
	w.send(fmt.Sprintf(`{"msg":"method","id":"1","method":"size","params":[%d]}`, 8<<20-envelope))
	if got := w.next(); len(got) != 8<<20 {
		t.Errorf("%d bytes: %.100s", len(got), got)
	}
	w.want(`{"msg":"updated","methods":["1"]}`)
	w.send(fmt.Sprintf(`{"msg":"method","id":"1","method":"size","params":[%d]}`, 8<<20-envelope+1))
	w.want(`{"msg":"result","id":"1","error":{"isClientSafe":true,"error":500,"reason":"Internal server error",`+
		`"message":"Internal server error [500]","errorType":"Meteor.Error"}}`, `{"msg":"updated","methods":["1"]}`)
}

func TestSessionsBeyondTheLimitAreAnswered503(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{MaxSessions: 2})
	first := f.connected(t)
	request(t, http.MethodPost, f.url("http", "/sockjs/0/s/xhr"), "")
	_, resp, err := websocket.Dial(t.Context(), f.url("ws", "/websocket"), nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the third: %v %v", resp, err)
	}
	if resp, _ := request(t, http.MethodPost, f.url("http", "/sockjs/0/t/xhr"), ""); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("by xhr: %s", resp.Status)
	}
	first.conn.Close(websocket.StatusNormalClosure, "")
	eventually(t, "the first is gone", func() bool { return f.Stats().Sessions == 1 })
	f.connected(t).alive()
}

func TestFailedHandshakesTakeNoPlace(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{MaxSessions: 1})
	for range 3 {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url("http", "/websocket"), nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		req.Header.Set("Sec-WebSocket-Version", "12")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("version 12: %s", resp.Status)
		}
	}
	f.connected(t).alive()
}
