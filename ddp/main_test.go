package ddp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/pkgmeter/pkgmeter/ddp"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv("DDP_IDLE_CLIENTS"); addr != "" {
		idleClients(addr) // a child of TestIdleSessions
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of a test. It is reached only by failures.
const patience = 30 * time.Second

// A fixture is a server with the methods and publications that the tests use.
type fixture struct {
	*ddp.Server
	http *httptest.Server
	log  *logBuffer
	gate chan struct{} // "slow" waits for a value or the close

	mu   sync.Mutex
	subs map[string][]*ddp.Subscription // live ones by publication
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newFixture makes a server without a listener.
func newFixture(opts ddp.Options) *fixture {
	f := &fixture{log: &logBuffer{}, gate: make(chan struct{}), subs: map[string][]*ddp.Subscription{}}
	opts.Logger = slog.New(slog.NewTextHandler(f.log, nil))
	f.Server = ddp.NewServer(opts)
	f.methods()
	f.publications()
	return f
}

// serve makes a server on a port of its own, and stops it with the test.
func serve(t testing.TB, opts ddp.Options) *fixture {
	t.Helper()
	f := newFixture(opts)
	serveFixture(t, f)
	return f
}

func serveFixture(t testing.TB, f *fixture) {
	t.Helper()
	f.http = httptest.NewServer(f.Server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		f.http.Close()
		if n := f.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions after Shutdown", n)
		}
		if n := f.Stats().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions after Shutdown", n)
		}
	})
}

func (f *fixture) methods() {
	f.Method("echo", func(_ context.Context, c *ddp.Call) (any, error) {
		var v any
		if err := c.Bind(&v); err != nil {
			return nil, err
		}
		if v == nil {
			return ddp.Raw("null"), nil
		}
		return v, nil
	})
	f.Method("keys", func(_ context.Context, c *ddp.Call) (any, error) {
		var m map[string]float64
		err := c.Bind(&m)
		return m, err
	})
	f.Method("nothing", func(context.Context, *ddp.Call) (any, error) { return nil, nil }) //nolint:nilnil // as it says
	f.Method("slow", func(ctx context.Context, _ *ddp.Call) (any, error) {
		select {
		case <-f.gate:
		case <-ctx.Done():
		}
		return "slept", nil
	})
	f.Method("slowUnblocked", func(ctx context.Context, c *ddp.Call) (any, error) {
		c.Unblock()
		c.Unblock() // once is enough
		select {
		case <-f.gate:
		case <-ctx.Done():
		}
		return "slept", nil
	})
	f.Method("refuse", func(context.Context, *ddp.Call) (any, error) {
		return nil, &ddp.Error{Code: 401, Reason: "Not you.", Details: map[string]any{"at": time.UnixMilli(5)}}
	})
	f.Method("leak", func(context.Context, *ddp.Call) (any, error) { return nil, errors.New("secret of the house") })
	f.Method("panic", func(context.Context, *ddp.Call) (any, error) { panic("secret of the house") })
	f.Method("unencodable", func(context.Context, *ddp.Call) (any, error) { return func() {}, nil })
	f.Method("badDetails", func(context.Context, *ddp.Call) (any, error) {
		return nil, &ddp.Error{Code: 400, Details: func() {}}
	})
	f.Method("badCode", func(context.Context, *ddp.Call) (any, error) {
		return nil, &ddp.Error{Code: []int{1}, Reason: "secret of the house"}
	})
	f.Method("hangUp", func(_ context.Context, c *ddp.Call) (any, error) {
		c.Session.Close()
		return "never seen", nil
	})
	f.Method("size", func(_ context.Context, c *ddp.Call) (any, error) {
		var n int
		err := c.Bind(&n)
		return strings.Repeat("x", n), err
	})
	f.Method("login", func(_ context.Context, c *ddp.Call) (any, error) {
		var user string
		if err := c.Bind(&user); err != nil {
			return nil, err
		}
		c.Session.SetUserID(user)
		return map[string]any{"id": user}, nil
	})
	f.Method("whoami", func(_ context.Context, c *ddp.Call) (any, error) { return c.Session.UserID(), nil })
}

func (f *fixture) publications() {
	docs := func(name string, send func(sub *ddp.Subscription) error) {
		f.Publish(name, func(_ context.Context, sub *ddp.Subscription) error {
			f.mu.Lock()
			f.subs[name] = append(f.subs[name], sub)
			f.mu.Unlock()
			if err := send(sub); err != nil {
				return err
			}
			return sub.Ready()
		})
	}
	docs("one", func(sub *ddp.Subscription) error {
		return sub.Added("things", "x", map[string]any{"_id": "x", "a": 1, "b": time.UnixMilli(7)})
	})
	docs("two", func(sub *ddp.Subscription) error {
		return sub.Added("things", "x", map[string]any{"a": 2, "c": 3})
	})
	docs("same", func(sub *ddp.Subscription) error {
		return sub.Added("things", "x", ddp.Raw(`{"_id":"x","b":{"$date":7},"a":1}`))
	})
	docs("five", func(sub *ddp.Subscription) error {
		for i := range 5 {
			if err := sub.Added("counts", fmt.Sprint("c", i), struct {
				N int `json:"n"`
			}{i}); err != nil {
				return err
			}
		}
		return nil
	})
	docs("empty", func(*ddp.Subscription) error { return nil })
	f.Publish("refuse", func(context.Context, *ddp.Subscription) error {
		return &ddp.Error{Code: 403, Reason: "Not yours."}
	})
	f.Publish("leak", func(_ context.Context, sub *ddp.Subscription) error {
		if err := sub.Added("things", "gone", nil); err != nil {
			return err
		}
		return errors.New("secret of the house")
	})
	f.Publish("panic", func(context.Context, *ddp.Subscription) error { panic("secret of the house") })
	f.Publish("slow", func(ctx context.Context, sub *ddp.Subscription) error {
		select {
		case <-f.gate:
		case <-ctx.Done():
		}
		return sub.Ready()
	})
	f.Publish("unblocked", func(ctx context.Context, sub *ddp.Subscription) error {
		sub.Unblock()
		if err := sub.Ready(); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

// sub returns the n-th subscription to a publication, counted from its first.
func (f *fixture) sub(t testing.TB, name string, n int) *ddp.Subscription {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if n >= len(f.subs[name]) {
		t.Fatalf("only %d subscriptions to %s", len(f.subs[name]), name)
	}
	return f.subs[name][n]
}

// url returns the address of a path in ws or http scheme.
func (f *fixture) url(scheme, path string) string {
	return scheme + strings.TrimPrefix(f.http.URL, "http") + path
}

// A wire is a bare WebSocket to a server.
type wire struct {
	t    testing.TB
	conn *websocket.Conn
}

func dial(t testing.TB, url string, opts *websocket.DialOptions) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, url, opts)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		resp.Body.Close()
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return &wire{t, conn}
}

// raw returns a socket on which nothing has been said.
func (f *fixture) raw(t testing.TB) *wire {
	t.Helper()
	return dial(t, f.url("ws", "/websocket"), nil)
}

const connect1 = `{"msg":"connect","version":"1","support":["1"]}`

// connected returns a socket with a session.
func (f *fixture) connected(t testing.TB) *wire {
	t.Helper()
	w := f.raw(t)
	w.send(connect1)
	w.want(`{"msg":"connected","session":"…"}`)
	return w
}

func (w *wire) send(frames ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, frame := range frames {
		if err := w.conn.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
			w.t.Fatalf("send %.80s: %v", frame, err)
		}
	}
}

// read returns the next frame; the server's own pings are left out.
func (w *wire) read() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, data, err := w.conn.Read(ctx)
	return string(data), err
}

func (w *wire) next() string {
	w.t.Helper()
	frame, err := w.read()
	if err != nil {
		w.t.Fatalf("read: %v", err)
	}
	return frame
}

// want reads as many frames as given and compares them in order. "…" stands
// for any string.
func (w *wire) want(frames ...string) {
	w.t.Helper()
	for _, want := range frames {
		if got := w.next(); !sameJSON(w.t, got, want) {
			w.t.Fatalf("got  %.300s\nwant %.300s", got, want)
		}
	}
}

// wantClose reads the close frame, and nothing before it.
func (w *wire) wantClose(code websocket.StatusCode) {
	w.t.Helper()
	frame, err := w.read()
	if err == nil {
		w.t.Fatalf("got %.200s, want close %d", frame, code)
	}
	if got := websocket.CloseStatus(err); got != code {
		w.t.Fatalf("closed with %d (%v), want %d", got, err, code)
	}
}

// alive proves that the session answers, and that nothing was sent before.
func (w *wire) alive() {
	w.t.Helper()
	w.send(`{"msg":"method","id":"alive","method":"echo","params":["a"]}`)
	w.want(`{"msg":"result","id":"alive","result":"a"}`, `{"msg":"updated","methods":["alive"]}`)
}

func sameJSON(t testing.TB, got, want string) bool {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("the test's own frame %s: %v", want, err)
	}
	return json.Unmarshal([]byte(got), &g) == nil && same(g, w)
}

func same(got, want any) bool {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		return ok && (w == "…" || g == w)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !same(g[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if v, ok := g[k]; !ok || !same(v, w[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func get(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	return request(t, http.MethodGet, url, "")
}

func request(t testing.TB, method, url, body string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp, b.String()
}
