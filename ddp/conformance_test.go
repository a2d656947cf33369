package ddp_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// TestConformance holds the server to the numbered cases of the protocol page.
// Cases 28 to 34 are about what packages publish and not known here.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("negotiation", testNegotiation)
	t.Run("errors", testErrorFrames)
	t.Run("heartbeats", testHeartbeats)
	t.Run("endpoints", testEndpoints)
	t.Run("methods", testMethods)
	t.Run("subscriptions", testSubscriptions)
}

func testNegotiation(t *testing.T) {
	t.Parallel()
	const connected, failed = `{"msg":"connected","session":"…"}`, `{"msg":"failed","version":"1"}`
	tests := map[string]struct {
		connect, want string
		closed        bool
	}{
		"case 01 version 1 is accepted":                   {`{"msg":"connect","version":"1","support":["1"]}`, connected, false},
		"case 02 more support changes nothing":            {`{"msg":"connect","version":"1","support":["1","pre2","pre1"]}`, connected, false},
		"case 03 the client's preference wins":            {`{"msg":"connect","version":"pre2","support":["pre2","pre1"]}`, connected, false},
		"case 04 a better common version is proposed":     {`{"msg":"connect","version":"pre2","support":["1","pre2"]}`, failed, true},
		"case 05 an unknown version fails":                {`{"msg":"connect","version":"9","support":["9"]}`, failed, true},
		"case 06 a version outside its own support fails": {`{"msg":"connect","version":"1","support":["pre1"]}`, failed, true},
		"case 07 connect without support fails":           {`{"msg":"connect","version":"1"}`, failed, true},
		"case 05 a client that likes pre2 best gets it":   {`{"msg":"connect","version":"1","support":["9","pre2","1"]}`, `{"msg":"failed","version":"pre2"}`, true},
		"case 07 support that is no array fails":          {`{"msg":"connect","version":"1","support":"1"}`, failed, true},
		"case 07 support with a number fails":             {`{"msg":"connect","version":"1","support":["1",1]}`, failed, true},
		"case 07 a version that is a number fails":        {`{"msg":"connect","version":1,"support":["1"]}`, failed, true},
	}
	f := serve(t, ddp.Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := f.raw(t)
			w.send(tt.connect)
			w.want(tt.want)
			if tt.closed {
				w.wantClose(websocket.StatusNormalClosure)
				return
			}
			w.alive()
		})
	}
	t.Run("case 01 session ids are 17 unmistakable characters", func(t *testing.T) {
		w := f.raw(t)
		w.send(connect1)
		var m struct{ Session string }
		if err := json.Unmarshal([]byte(w.next()), &m); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^[2-9A-HJ-NP-TW-Za-kmnop-z]{17}$`).MatchString(m.Session) {
			t.Fatalf("session id %q", m.Session)
		}
	})
	t.Run("case 04 after failed nothing else is answered", func(t *testing.T) {
		w := f.raw(t)
		w.send(`{"msg":"connect","version":"9","support":["9"]}`, connect1, `{"msg":"method","id":"1","method":"echo"}`)
		w.want(failed)
		w.wantClose(websocket.StatusNormalClosure)
	})
}

func testErrorFrames(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	t.Run("case 08 anything before connect is refused and the socket stays", func(t *testing.T) {
		w := f.raw(t)
		w.send(`{"msg":"sub","id":"a","name":"one"}`, `{"msg":"ping"}`, connect1)
		w.want(`{"msg":"error","reason":"Must connect first","offendingMessage":{"msg":"sub","id":"a","name":"one"}}`,
			`{"msg":"error","reason":"Must connect first","offendingMessage":{"msg":"ping"}}`,
			`{"msg":"connected","session":"…"}`)
		w.alive()
	})
	t.Run("case 09 a second connect is refused and calls go on", func(t *testing.T) {
		w := f.connected(t)
		w.send(connect1)
		w.want(`{"msg":"error","reason":"Already connected","offendingMessage":` + connect1 + `}`)
		w.alive()
	})
	t.Run("case 10 what is not JSON is not repeated", func(t *testing.T) {
		w := f.raw(t)
		for _, frame := range []string{"hello", "", "{", `{"msg":"ping"`, "\x00", "{}{}"} {
			w.send(frame)
			w.want(`{"msg":"error","reason":"Bad request"}`)
		}
	})
	t.Run("case 11 JSON that is no object is refused, and repeated only if an array", func(t *testing.T) {
		w := f.raw(t)
		for _, frame := range []string{`5`, `"x"`, `null`, `true`, `-1e3`} {
			w.send(frame)
			w.want(`{"msg":"error","reason":"Bad request"}`)
		}
		for _, frame := range []string{`[]`, `{}`, `[{"msg":"connect"}]`, `{"msg":""}`, `{"msg":null}`, `{"msg":0}`, `{"msg":false}`} {
			w.send(frame)
			w.want(`{"msg":"error","reason":"Bad request","offendingMessage":` + frame + `}`)
		}
	})
	t.Run("case 12 an unknown message is refused in its turn", func(t *testing.T) {
		w := f.connected(t)
		w.send(`{"msg":"foo"}`, `{"msg":true}`, `{"msg":{"a":1}}`, `{"msg":"result","id":"1"}`)
		for _, m := range []string{`{"msg":"foo"}`, `{"msg":true}`, `{"msg":{"a":1}}`, `{"msg":"result","id":"1"}`} {
			w.want(`{"msg":"error","reason":"Bad request","offendingMessage":` + m + `}`)
		}
	})
	t.Run("case 12 a login and a long message are not repeated", func(t *testing.T) {
		w := f.connected(t)
		w.send(`{"msg":"method","method":"login","params":[{"password":"p"}]}`)
		w.want(`{"msg":"error","reason":"Malformed method invocation"}`)
		w.send(`{"msg":"` + strings.Repeat("x", 2000) + `"}`)
		w.want(`{"msg":"error","reason":"Bad request"}`)
	})
}

// inBubble runs a test with virtual time, over pipes instead of sockets.
func inBubble(t *testing.T, opts ddp.Options, test func(t *testing.T, f *fixture, dialWS func(path string) *wire)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(opts)
		ln := newPipeListener()
		hs := &http.Server{Handler: f.Server, ReadHeaderTimeout: time.Minute}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = hs.Serve(ln)
		}()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return ln.dial() }}
		client := &http.Client{Transport: transport}
		test(t, f, func(path string) *wire {
			conn, _, err := websocket.Dial(t.Context(), "ws://pipe"+path, &websocket.DialOptions{HTTPClient: client})
			if err != nil {
				t.Fatal(err)
			}
			return &wire{t, conn}
		})
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		_ = hs.Close()
		transport.CloseIdleConnections()
		<-done
	})
}

// A pipeListener accepts the other ends of net.Pipe.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial() (net.Conn, error) {
	here, there := net.Pipe()
	l.conns <- there
	return here, nil
}

// timeline reads frames until the close and notes when each came.
func timeline(w *wire, answer func(frame string) string) (lines []string) {
	start := time.Now()
	for {
		_, data, err := w.conn.Read(context.Background())
		at := time.Since(start).Truncate(time.Second).String()
		if err != nil {
			return append(lines, at+" close")
		}
		lines = append(lines, at+" "+string(data))
		if reply := answer(string(data)); reply != "" {
			w.send(reply)
		}
	}
}

func testHeartbeats(t *testing.T) {
	t.Parallel()
	t.Run("case 13 ping is answered with the same id or none", func(t *testing.T) {
		w := serve(t, ddp.Options{}).connected(t)
		w.send(`{"msg":"ping","id":"a"}`, `{"msg":"ping"}`, `{"msg":"pong"}`, `{"msg":"pong","id":"b"}`)
		w.want(`{"msg":"pong","id":"a"}`, `{"msg":"pong"}`)
		w.alive()
	})
	t.Run("case 14 pong overtakes a slow method", func(t *testing.T) {
		f := serve(t, ddp.Options{})
		w := f.connected(t)
		w.send(`{"msg":"method","id":"1","method":"slow"}`, `{"msg":"method","id":"2","method":"echo"}`, `{"msg":"ping","id":"a"}`)
		w.want(`{"msg":"pong","id":"a"}`)
		close(f.gate)
		w.want(`{"msg":"result","id":"1","result":"slept"}`, `{"msg":"updated","methods":["1"]}`,
			`{"msg":"result","id":"2","result":null}`, `{"msg":"updated","methods":["2"]}`)
	})
	t.Run("case 15 with pre1 there are no heartbeats", func(t *testing.T) {
		inBubble(t, ddp.Options{}, func(t *testing.T, _ *fixture, dialWS func(string) *wire) {
			w := dialWS("/websocket")
			w.send(`{"msg":"connect","version":"pre1","support":["pre1"]}`)
			w.want(`{"msg":"connected","session":"…"}`)
			w.send(`{"msg":"ping","id":"a"}`, `{"msg":"pong"}`)
			w.want(`{"msg":"error","reason":"Bad request","offendingMessage":{"msg":"ping","id":"a"}}`,
				`{"msg":"error","reason":"Bad request","offendingMessage":{"msg":"pong"}}`)
			time.Sleep(time.Hour)
			w.alive()
			w.conn.Close(websocket.StatusNormalClosure, "")
		})
	})
	t.Run("case 16 a silent client is pinged and closed after 120 s", func(t *testing.T) {
		inBubble(t, ddp.Options{}, func(t *testing.T, f *fixture, dialWS func(string) *wire) {
			w := dialWS("/websocket")
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			got := timeline(w, func(string) string { return "" })
			want := []string{
				`25s {"msg":"ping"}`, `50s {"msg":"ping"}`, `1m15s {"msg":"ping"}`, `1m40s {"msg":"ping"}`, `2m0s close`,
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if n := f.Stats().Silent; n != 1 {
				t.Errorf("Stats().Silent = %d", n)
			}
		})
	})
	t.Run("case 16 one that answers pongs stays", func(t *testing.T) {
		inBubble(t, ddp.Options{}, func(t *testing.T, _ *fixture, dialWS func(string) *wire) {
			w := dialWS("/websocket")
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			start := time.Now()
			pings := 0
			for time.Since(start) < 10*time.Minute {
				w.want(`{"msg":"ping"}`)
				pings++
				w.send(`{"msg":"pong"}`)
			}
			if pings != 24 {
				t.Errorf("%d pings in 10 minutes, want one each 25 s", pings)
			}
			w.alive()
			w.conn.Close(websocket.StatusNormalClosure, "")
		})
	})
	t.Run("case 16 any message is a sign of life", func(t *testing.T) {
		inBubble(t, ddp.Options{}, func(t *testing.T, _ *fixture, dialWS func(string) *wire) {
			w := dialWS("/websocket")
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			for range 20 {
				time.Sleep(24 * time.Second)
				w.alive() // fails if a ping came before
			}
			w.conn.Close(websocket.StatusNormalClosure, "")
		})
	})
	t.Run("case 17 without connect the socket is closed after 45 s", func(t *testing.T) {
		inBubble(t, ddp.Options{}, func(t *testing.T, _ *fixture, dialWS func(string) *wire) {
			got := timeline(dialWS("/websocket"), func(string) string { return "" })
			if strings.Join(got, "\n") != "45s close" {
				t.Errorf("got %q", got)
			}
		})
	})
}

func testEndpoints(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	t.Run("case 18 pipelined messages are answered in order", func(t *testing.T) {
		w := f.raw(t)
		w.send(connect1, `{"msg":"sub","id":"s","name":"one"}`, `{"msg":"method","id":"1","method":"echo","params":[1]}`)
		w.want(`{"msg":"connected","session":"…"}`,
			`{"msg":"added","collection":"things","id":"x","fields":{"a":1,"b":{"$date":7}}}`, `{"msg":"ready","subs":["s"]}`,
			`{"msg":"result","id":"1","result":1}`, `{"msg":"updated","methods":["1"]}`)
	})
	t.Run("case 18 also in the segment of the handshake", func(t *testing.T) { testOneSegment(t, f) })
	for _, path := range []string{"/websocket", "/websocket/", "/websocket?x=1", "/sockjs/websocket"} {
		t.Run("case 19 bare DDP at "+path, func(t *testing.T) {
			w := dial(t, f.url("ws", path), nil)
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			resp, body := get(t, f.url("http", path))
			if resp.StatusCode != http.StatusBadRequest || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("without upgrade: %s %q", resp.Status, body)
			}
		})
	}
	t.Run("case 19 below a base path", func(t *testing.T) {
		for _, base := range []string{"/base", "/base/"} {
			f := serve(t, ddp.Options{BasePath: base})
			w := dial(t, f.url("ws", "/base/websocket"), nil)
			w.send(connect1)
			w.want(`{"msg":"connected","session":"…"}`)
			for _, path := range []string{"/websocket", "/basewebsocket", "/", "/base", "/base/x"} {
				if resp, _ := get(t, f.url("http", path)); resp.StatusCode != http.StatusNotFound {
					t.Errorf("%s: %s", path, resp.Status)
				}
			}
		}
	})
	t.Run("case 20 info says WebSocket and no base_url", func(t *testing.T) {
		resp, body := get(t, f.url("http", "/sockjs/info"))
		var info map[string]any
		if err := json.Unmarshal([]byte(body), &info); err != nil {
			t.Fatal(err)
		}
		entropy, ok := info["entropy"].(float64)
		if info["websocket"] != true || info["cookie_needed"] != false || !ok || entropy < 0 || entropy >= 1<<32 || len(info) != 4 {
			t.Errorf("info is %s", body)
		}
		h := resp.Header
		if h.Get("Content-Type") != "application/json; charset=UTF-8" || !strings.Contains(h.Get("Cache-Control"), "no-store") || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("headers are %v", h)
		}
	})
	t.Run("case 20 SockJS framing", func(t *testing.T) {
		w := dial(t, f.url("ws", "/sockjs/000/abc/websocket"), nil)
		if got := w.next(); got != "o" {
			t.Fatalf("first frame %q", got)
		}
		quoted, _ := json.Marshal([]string{connect1})
		w.send(string(quoted))
		got := w.next()
		var list []string
		if !strings.HasPrefix(got, "a[") || json.Unmarshal([]byte(got[1:]), &list) != nil || len(list) != 1 ||
			!sameJSON(t, list[0], `{"msg":"connected","session":"…"}`) {
			t.Fatalf("answer %q", got)
		}
	})
}

// testOneSegment sends handshake, connect, sub and method in a single write.
func testOneSegment(t *testing.T, f *fixture) {
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	request := "GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	for _, frame := range []string{connect1, `{"msg":"sub","id":"s","name":"five"}`, `{"msg":"method","id":"1","method":"echo","params":[1]}`} {
		request += string([]byte{0x81, 0x80 | byte(len(frame)), 0, 0, 0, 0}) + frame // masked with zeros
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	var got string
	buf := make([]byte, 4096)
	for !strings.Contains(got, `{"msg":"updated","methods":["1"]}`) {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got += string(buf[:n])
	}
	order := regexp.MustCompile(`(?s)connected.*added.*added.*added.*added.*added.*ready.*result.*updated`)
	if !order.MatchString(got) {
		t.Errorf("got %q", got)
	}
}

func testMethods(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	t.Run("case 21 an unknown method is 404 and updated", func(t *testing.T) {
		w := f.connected(t)
		w.send(`{"msg":"method","id":"1","method":"nope"}`)
		w.want(`{"msg":"result","id":"1","error":{"isClientSafe":true,"error":404,"reason":"Method 'nope' not found",`+
			`"message":"Method 'nope' not found [404]","errorType":"Meteor.Error"}}`, `{"msg":"updated","methods":["1"]}`)
	})
	for name, frame := range map[string]string{
		"no id":            `{"msg":"method","method":"echo"}`,
		"number as id":     `{"msg":"method","id":1,"method":"echo"}`,
		"no method":        `{"msg":"method","id":"1"}`,
		"number as method": `{"msg":"method","id":"1","method":2}`,
		"params an object": `{"msg":"method","id":"1","method":"echo","params":{}}`,
		"params null":      `{"msg":"method","id":"1","method":"echo","params":null}`,
		"params a date":    `{"msg":"method","id":"1","method":"echo","params":{"$date":1}}`,
		"seed a number":    `{"msg":"method","id":"1","method":"echo","randomSeed":5}`,
		"seed null":        `{"msg":"method","id":"1","method":"echo","randomSeed":null}`,
	} {
		t.Run("case 22 "+name+" is malformed", func(t *testing.T) {
			w := f.connected(t)
			w.send(frame)
			w.want(`{"msg":"error","reason":"Malformed method invocation","offendingMessage":` + frame + `}`)
			w.alive()
		})
	}
	t.Run("case 22 a name or id of 201 bytes is malformed, of 200 not", func(t *testing.T) {
		w := f.connected(t)
		long := strings.Repeat("n", 200)
		w.send(`{"msg":"method","id":"1","method":"` + long + `n"}`)
		w.want(`{"msg":"error","reason":"Malformed method invocation","offendingMessage":{"msg":"method","id":"1","method":"` + long + `n"}}`)
		w.send(`{"msg":"method","id":"` + long + `n","method":"echo"}`)
		w.want(`{"msg":"error","reason":"Malformed method invocation","offendingMessage":{"msg":"method","id":"` + long + `n","method":"echo"}}`)
		w.send(`{"msg":"method","id":"` + long + `","method":"nothing"}`)
		w.want(`{"msg":"result","id":"`+long+`"}`, `{"msg":"updated","methods":["`+long+`"]}`)
	})
	t.Run("case 23 randomSeed and unknown members are ignored", func(t *testing.T) {
		w := f.connected(t)
		w.send(`{"msg":"method","id":"1","method":"echo","params":["a"],"randomSeed":"r","more":{"a":[1]}}`)
		w.want(`{"msg":"result","id":"1","result":"a"}`, `{"msg":"updated","methods":["1"]}`)
	})
	for name, param := range map[string]string{
		"unknown type": `{"$type":"x","$value":1}`, "in an array": `[1,{"$type":"x","$value":1}]`,
		"in an object": `{"a":{"$value":1,"$type":"x"}}`, "date of text": `{"$date":"x"}`, "bad base64": `{"$binary":"%"}`,
		"65 deep": strings.Repeat("[", 64) + strings.Repeat("]", 64), "number beyond float64": `1e999`,
	} {
		t.Run("case 24 "+name+" is a parse error", func(t *testing.T) {
			w := f.connected(t)
			w.send(`{"msg":"method","id":"1","method":"echo","params":[` + param + `]}`)
			w.want(`{"msg":"error","reason":"Parse error"}`)
			w.alive()
		})
	}
	t.Run("case 24 before connect too, and in sub", func(t *testing.T) {
		w := f.raw(t)
		w.send(`{"msg":"sub","id":"1","name":"one","params":[{"$type":"x","$value":1}]}`)
		w.want(`{"msg":"error","reason":"Parse error"}`)
	})
	for name, param := range map[string]string{
		"escaped date": `{"$escape":{"$date":1}}`, "escaped escape": `{"$escape":{"$escape":{"$escape":{"$date":1}}}}`,
		"date": `{"$date":1400000000000}`, "binary": `{"$binary":"AQID"}`, "NaN": `{"$InfNaN":0}`, "infinity": `{"$InfNaN":-1}`,
		"regexp": `{"$regexp":"^a","$flags":"i"}`, "three keys": `{"$date":1,"a":2,"b":3}`, "unknown dollar": `{"$foo":1}`,
		"nested":  `{"a":[{"$date":0},{"b":{"$escape":{"$type":"x","$value":{"$date":5}}}}]}`,
		"64 deep": strings.Repeat("[", 63) + strings.Repeat("]", 63),
		"null":    `null`, "text": `"é\u0000\"\\ <>&"`, "big": `1418309584123`, "fraction": `0.1`,
	} {
		t.Run("case 25 echo of "+name, func(t *testing.T) {
			w := f.connected(t)
			w.send(`{"msg":"method","id":"1","method":"echo","params":[` + param + `]}`)
			w.want(`{"msg":"result","id":"1","result":`+param+`}`, `{"msg":"updated","methods":["1"]}`)
		})
	}
	t.Run("case 25 an escaped date is a map to the method", func(t *testing.T) {
		w := f.connected(t)
		w.send(`{"msg":"method","id":"1","method":"keys","params":[{"$escape":{"$date":1}}]}`)
		w.want(`{"msg":"result","id":"1","result":{"$escape":{"$date":1}}}`, `{"msg":"updated","methods":["1"]}`)
	})
	t.Run("case 26 every call has one result and one updated", func(t *testing.T) {
		w := f.connected(t)
		for _, method := range []string{"echo", "nope", "refuse", "leak", "panic", "unencodable", "badDetails", "badCode", "nothing", "keys"} {
			w.send(`{"msg":"method","id":"` + method + `","method":"` + method + `"}`)
			if got := w.next(); !strings.HasPrefix(got, `{"msg":"result","id":"`+method+`"`) || strings.Contains(got, "secret") {
				t.Errorf("%s: %s", method, got)
			}
			w.want(`{"msg":"updated","methods":["` + method + `"]}`)
		}
		w.alive()
	})
}

func testSubscriptions(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	t.Run("case 27 an unknown subscription is 404", func(t *testing.T) {
		w := f.connected(t)
		w.send(`{"msg":"sub","id":"a","name":"nosuch"}`)
		w.want(`{"msg":"nosub","id":"a","error":{"isClientSafe":true,"error":404,"reason":"Subscription 'nosuch' not found",` +
			`"message":"Subscription 'nosuch' not found [404]","errorType":"Meteor.Error"}}`)
	})
	for name, frame := range map[string]string{
		"number as id":   `{"msg":"sub","id":1,"name":"one"}`,
		"no id":          `{"msg":"sub","name":"one"}`,
		"no name":        `{"msg":"sub","id":"a"}`,
		"name an object": `{"msg":"sub","id":"a","name":{}}`,
		"params text":    `{"msg":"sub","id":"a","name":"one","params":"x"}`,
		"params null":    `{"msg":"sub","id":"a","name":"one","params":null}`,
	} {
		t.Run("case 35 "+name+" is malformed", func(t *testing.T) {
			w := f.connected(t)
			w.send(frame)
			w.want(`{"msg":"error","reason":"Malformed subscription","offendingMessage":` + frame + `}`)
			w.alive()
		})
	}
}
