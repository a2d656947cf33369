package ddp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// A poller is an xhr client.
type poller struct {
	t   testing.TB
	f   *fixture
	url string
}

func (f *fixture) poller(t testing.TB, id string) *poller {
	t.Helper()
	p := &poller{t, f, f.url("http", "/sockjs/000/"+id+"/")}
	if got := p.poll(); got != "o\n" {
		t.Fatalf("first poll: %q", got)
	}
	return p
}

func (p *poller) poll() string {
	p.t.Helper()
	resp, body := request(p.t, http.MethodPost, p.url+"xhr", "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/javascript; charset=UTF-8" {
		p.t.Fatalf("poll: %s %q", resp.Status, body)
	}
	return body
}

func (p *poller) send(frames ...string) {
	p.t.Helper()
	body, _ := json.Marshal(frames)
	resp, text := request(p.t, http.MethodPost, p.url+"xhr_send", string(body))
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Content-Type") != "text/plain; charset=UTF-8" || text != "" {
		p.t.Fatalf("send: %s %q", resp.Status, text)
	}
}

// want polls until it has as many frames as given.
func (p *poller) want(frames ...string) {
	p.t.Helper()
	var got []string
	for len(got) < len(frames) {
		got = append(got, unpack(p.t, p.poll())...)
	}
	compare(p.t, got, frames)
}

func unpack(t testing.TB, body string) (list []string) {
	t.Helper()
	if !strings.HasPrefix(body, "a[") || !strings.HasSuffix(body, "]\n") {
		t.Fatalf("no frame of messages: %.200q", body)
	}
	if err := json.Unmarshal([]byte(body[1:]), &list); err != nil {
		t.Fatalf("%.200q: %v", body, err)
	}
	return list
}

func compare(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q\nwant %q", got, want)
	}
	for i := range want {
		if !sameJSON(t, got[i], want[i]) {
			t.Fatalf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

func TestXHRPollingCarriesASession(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	p := f.poller(t, "abc")
	p.send(connect1)
	p.want(`{"msg":"connected","session":"…"}`)
	p.send(sub("s", "five"), `{"msg":"method","id":"1","method":"echo","params":["\u2028é\u0001"]}`)
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf(`{"msg":"added","collection":"counts","id":"c%d","fields":{"n":%d}}`, i, i))
	}
	p.want(append(want, `{"msg":"ready","subs":["s"]}`, `{"msg":"result","id":"1","result":"\u2028é\u0001"}`, `{"msg":"updated","methods":["1"]}`)...)

	answers := make(chan string, 2)
	for range 2 { // whoever comes second is refused while the first waits
		go func() {
			resp, err := http.Post(p.url+"xhr", "", nil)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			line, _ := bufio.NewReader(resp.Body).ReadString('\n')
			answers <- line
		}()
	}
	if got := <-answers; got != "c[2010,\"Another connection still open\"]\n" {
		t.Fatalf("the second poll got %q", got)
	}
	p.send(`{"msg":"method","id":"2","method":"nothing"}`)
	if got := <-answers; !strings.HasPrefix(got, `a["{\"msg\":\"result\",\"id\":\"2\"}"`) {
		t.Errorf("the waiting poll got %q", got)
	}
}

func TestXHRStreamingGoesOnUntilItsShareIsSent(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	url := f.url("http", "/sockjs/1/stream/")
	p := &poller{t, f, url}
	open := func() (*bufio.Reader, func() error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		t.Cleanup(cancel)
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url+"xhr_streaming", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(resp.Body)
		if line, _ := r.ReadString('\n'); line != strings.Repeat("h", 2048)+"\n" {
			t.Fatalf("prelude %q", line)
		}
		return r, resp.Body.Close
	}
	r, done := open()
	if line, _ := r.ReadString('\n'); line != "o\n" {
		t.Fatalf("greeting %q", line)
	}
	p.send(connect1)
	line, _ := r.ReadString('\n')
	compare(t, unpack(t, line), []string{`{"msg":"connected","session":"…"}`})
	p.send(`{"msg":"method","id":"1","method":"size","params":[140000]}`)
	var got []string
	for len(got) < 1 {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, unpack(t, line)...)
	}
	if rest, err := r.ReadString('\n'); err == nil {
		t.Errorf("after its share the stream goes on: %q", rest)
	}
	done()
	p.send(`{"msg":"method","id":"2","method":"nothing"}`)
	r, done = open()
	defer done()
	if line, _ := r.ReadString('\n'); !strings.HasPrefix(line, "a[") {
		t.Errorf("the next stream begins with %q", line)
	}
}

func TestXHRSendSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	p := f.poller(t, "abc")
	for body, want := range map[string]string{
		"": "500 Payload expected.", " \n": "500 Payload expected.", "{}": "500 Payload expected.", `"x"`: "500 Payload expected.",
		"null": "500 Payload expected.", "[1]": "500 Payload expected.", "[": "500 Broken JSON encoding.", "hello": "500 Broken JSON encoding.",
		`["` + strings.Repeat("x", 2<<20) + `"]`: "413 Request body too large or cut short", "[]": "204 ",
	} {
		resp, text := request(t, http.MethodPost, p.url+"xhr_send", body)
		if got := fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(text)); got != want {
			t.Errorf("%.20q: %s, want %s", body, got, want)
		}
	}
	if resp, _ := request(t, http.MethodPost, f.url("http", "/sockjs/000/nosuch/xhr_send"), `["x"]`); resp.StatusCode != http.StatusNotFound {
		t.Errorf("unknown session: %s", resp.Status)
	}
}

func TestSockJSPathsAndMethods(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	for request, want := range map[string]int{
		"GET /sockjs": 200, "GET /sockjs/": 200, "GET /sockjs/info": 200, "OPTIONS /sockjs/info": 204, "POST /sockjs/info": 405,
		"GET /sockjs/a/b/xhr": 405, "OPTIONS /sockjs/a/b/xhr": 204, "OPTIONS /sockjs/a/b/xhr_streaming": 204, "OPTIONS /sockjs/a/b/xhr_send": 204,
		"GET /sockjs/a/b/websocket": 400, "POST /websocket": 400, "GET /sockjs/a/b/jsonp": 404, "GET /sockjs/a/b": 404, "GET /sockjs/a": 404,
		"POST /sockjs/a.b/c/xhr": 404, "POST /sockjs/a/c.d/xhr": 404, "POST /sockjs//c/xhr": 404, "POST /sockjs/a//xhr": 404,
		"POST /sockjs/a/b/xhr/": 404, "POST /sockjs/a/b/c/xhr": 404, "GET /": 404, "GET /sockjsx": 404, "GET /websocketx": 404,
		"POST /sockjs/a/" + strings.Repeat("x", 201) + "/xhr": 404,
	} {
		method, path, _ := strings.Cut(request, " ")
		rec := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		req.Header.Set("Origin", "https://a.example")
		f.ServeHTTP(rec, req)
		if rec.Code != want {
			t.Errorf("%s: %d, want %d", request, rec.Code, want)
		}
		h := rec.Header()
		switch {
		case want == 204:
			methods := "OPTIONS, POST"
			if path == "/sockjs/info" {
				methods = "OPTIONS, GET"
			}
			if h.Get("Access-Control-Allow-Methods") != methods || h.Get("Access-Control-Allow-Origin") != "https://a.example" || h.Get("Vary") != "Origin" {
				t.Errorf("%s: %v", request, h)
			}
		case path == "/sockjs" && rec.Body.String() != "Welcome to SockJS!\n":
			t.Errorf("%s: %q", request, rec.Body)
		}
	}
}

func TestSockJSWebSocketFraming(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	open := func() *wire {
		w := dial(t, f.url("ws", "/sockjs/000/abc/websocket"), nil)
		if got := w.next(); got != "o" {
			t.Fatalf("got %q", got)
		}
		return w
	}
	quote := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	w := open()
	w.send("", quote(connect1), "[]", quote([]string{`{"msg":"ping","id":"1"}`, `{"msg":"ping","id":"2"}`}))
	for _, want := range []string{`{"msg":"connected","session":"…"}`, `{"msg":"pong","id":"1"}`, `{"msg":"pong","id":"2"}`} {
		compare(t, unpack(t, w.next()+"\n"), []string{want})
	}
	for _, broken := range []string{"hello", "{}", "[1]", "5", "null", `["x"`} {
		w := open()
		w.send(broken)
		if got := w.next(); got != `c[3000,"Broken framing."]` {
			t.Errorf("%s: got %q", broken, got)
		}
		w.wantClose(3000)
	}
	w = open()
	w.send(quote(`{"msg":"connect","version":"9","support":["9"]}`))
	compare(t, unpack(t, w.next()+"\n"), []string{`{"msg":"failed","version":"1"}`})
	if got := w.next(); got != `c[1000,"Normal closure"]` {
		t.Errorf("got %q", got)
	}
	w.wantClose(websocket.StatusNormalClosure)
}

func TestSockJSHeartbeats(t *testing.T) {
	t.Parallel()
	inBubble(t, ddp.Options{}, func(t *testing.T, _ *fixture, dialWS func(string) *wire) {
		w := dialWS("/sockjs/0/x/websocket")
		if got := w.next(); got != "o" {
			t.Fatalf("got %q", got)
		}
		w.send(`["{\"msg\":\"connect\",\"version\":\"pre1\",\"support\":[\"pre1\"]}"]`)
		w.next()
		start := time.Now()
		for i := range 10 {
			if _, got, err := w.conn.Read(t.Context()); err != nil || string(got) != "h" {
				t.Errorf("got %q, %v", got, err)
			}
			if at := time.Since(start); at != time.Duration(i+1)*45*time.Second {
				t.Errorf("heartbeat %d at %s", i, at)
			}
		}
		w.conn.Close(websocket.StatusNormalClosure, "")
	})
}

// post serves one xhr request in a bubble, without a connection.
func post(t *testing.T, f *fixture, path, body string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sockjs/0/s/"+path, strings.NewReader(body)))
	return rec.Body.String()
}

func TestPollsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(ddp.Options{PingAfter: time.Hour, SilenceTimeout: 2 * time.Hour})
		if got := post(t, f, "xhr", ""); got != "o\n" {
			t.Fatalf("got %q", got)
		}
		connect, _ := json.Marshal([]string{connect1})
		post(t, f, "xhr_send", string(connect))
		compare(t, unpack(t, post(t, f, "xhr", "")), []string{`{"msg":"connected","session":"…"}`})
		start := time.Now()
		if got := post(t, f, "xhr", ""); got != "h\n" || time.Since(start) != 45*time.Second {
			t.Errorf("an empty poll got %q after %s", got, time.Since(start))
		}
		time.Sleep(59 * time.Second)
		if n := f.Stats().Sessions; n != 1 {
			t.Errorf("%d sessions 59 s after the last poll", n)
		}
		post(t, f, "xhr_send", `["{\"msg\":\"ping\"}"]`)
		post(t, f, "xhr", "")
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if n := f.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions 61 s after the last poll", n)
		}
		if got := post(t, f, "xhr_send", `["x"]`); !strings.Contains(got, "not found") {
			t.Errorf("sending to it: %q", got)
		}
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAPollerHearsWhyItsSessionWasClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(ddp.Options{})
		post(t, f, "xhr", "")
		post(t, f, "xhr_send", `["{\"msg\":\"connect\"}"]`)
		compare(t, unpack(t, post(t, f, "xhr", "")), []string{`{"msg":"failed","version":"1"}`})
		for range 2 {
			if got := post(t, f, "xhr", ""); got != "c[1000,\"Normal closure\"]\n" {
				t.Errorf("got %q", got)
			}
		}
		time.Sleep(6 * time.Second)
		if got := post(t, f, "xhr", ""); got != "o\n" {
			t.Errorf("after it is forgotten: %q", got)
		}
		waiting := make(chan string)
		go func() { waiting <- post(t, f, "xhr_streaming", "") }()
		synctest.Wait()
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := <-waiting; got != strings.Repeat("h", 2048)+"\nc[3000,\"Go away!\"]\n" {
			t.Errorf("at the server's stop: %q", got)
		}
		if got := post(t, f, "xhr", ""); got != "c[3000,\"Go away!\"]\n" {
			t.Errorf("the poll after that: %q", got)
		}
		time.Sleep(time.Minute)
		if got := post(t, f, "xhr", ""); got != "Service unavailable\n" {
			t.Errorf("a new session: %q", got)
		}
	})
}

func TestAPollThatBreaksOffEndsItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(ddp.Options{})
		post(t, f, "xhr", "")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/sockjs/0/s/xhr", nil))
		if n := f.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions", n)
		}
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestLongPollsOutliveTheServersTimeouts(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{SockJSHeartbeat: 600 * time.Millisecond})
	f.http = httptest.NewUnstartedServer(f.Server)
	f.http.Config.ReadTimeout, f.http.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	f.http.Start()
	defer f.http.Close()
	p := f.poller(t, "long")
	if got := p.poll(); got != "h\n" {
		t.Errorf("got %q", got)
	}
	if err := f.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
