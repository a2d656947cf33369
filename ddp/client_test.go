package ddp_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp"
)

func dialClient(t *testing.T, f *fixture, opts ddp.DialOptions) *ddp.Client {
	t.Helper()
	c, err := ddp.Dial(t.Context(), f.http.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestClientCallsAndGetsValuesAndErrors(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	c := dialClient(t, f, ddp.DialOptions{})
	if len(c.Session()) != 17 {
		t.Errorf("session %q", c.Session())
	}
	at := time.UnixMilli(1_400_000_000_123).UTC()
	var got map[string]time.Time
	if err := c.Call(t.Context(), "echo", &got, map[string]any{"at": at}); err != nil || !got["at"].Equal(at) {
		t.Errorf("echo = %v, %v", got, err)
	}
	if err := c.Call(t.Context(), "nothing", &got); err != nil || !got["at"].Equal(at) {
		t.Errorf("nothing = %v, %v", got, err)
	}
	var wrong []string
	if err := c.Call(t.Context(), "echo", &wrong, 5); err == nil {
		t.Error("a number fits []string")
	}
	err := c.Call(t.Context(), "refuse", nil)
	e, ok := errors.AsType[*ddp.Error](err)
	want := &ddp.Error{Code: 401, Reason: "Not you.", Details: map[string]any{"at": time.UnixMilli(5).UTC()}}
	if !ok || !reflect.DeepEqual(e, want) {
		t.Errorf("refuse: %#v, want %#v", err, want)
	}
	if err := c.Call(t.Context(), "echo", nil, func() {}); err == nil {
		t.Error("a func was sent")
	}
}

func TestClientCallsWaitForTheirData(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	f.Publish("board", func(_ context.Context, s *ddp.Subscription) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.subs["board"] = append(f.subs["board"], s)
		return s.Ready()
	})
	f.Method("write", func(_ context.Context, c *ddp.Call) (any, error) {
		release := c.Hold()
		go func() {
			defer release()
			time.Sleep(20 * time.Millisecond) // for the result to overtake
			_ = f.sub(t, "board", 0).Added("things", "x", nil)
		}()
		return "written", nil
	})
	serveFixture(t, f)
	seen := make(chan ddp.Data, 1)
	c := dialClient(t, f, ddp.DialOptions{OnData: func(d ddp.Data) { seen <- d }})
	if _, err := c.Subscribe(t.Context(), "board"); err != nil {
		t.Fatal(err)
	}
	var result string
	if err := c.Call(t.Context(), "write", &result); err != nil || result != "written" {
		t.Errorf("%q, %v", result, err)
	}
	select {
	case <-seen:
	default:
		t.Error("the call returned before its data came")
	}
}

func TestClientSeesDataBeforeReadyAndUntilUnsubscribed(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	var mu sync.Mutex
	var seen []string
	c := dialClient(t, f, ddp.DialOptions{OnData: func(d ddp.Data) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, d.Msg+" "+d.Collection+" "+d.ID+" "+d.Fields["a"].String()+strings.Join(d.Cleared, ","))
	}})
	stop, err := c.Subscribe(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.sub(t, "one", 0).Changed("things", "x", map[string]any{"a": 5}, "b"); err != nil {
		t.Fatal(err)
	}
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got, want := strings.Join(seen, "; "), "added things x 1; changed things x 5b; removed things x "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err = c.Subscribe(t.Context(), "refuse")
	if e, ok := errors.AsType[*ddp.Error](err); !ok || e.Code != 403 {
		t.Errorf("refuse: %v", err)
	}
}

func TestClientAnswersPings(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{PingAfter: time.Millisecond, SilenceTimeout: time.Hour})
	c := dialClient(t, f, ddp.DialOptions{})
	// connect, then pongs only
	eventually(t, "five messages", func() bool { return f.Stats().Received > 5 })
	if err := c.Call(t.Context(), "nothing", nil); err != nil {
		t.Error(err)
	}
}

func TestClientCallsEndWithTheConnectionOrTheirContext(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	c := dialClient(t, f, ddp.DialOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- c.Call(ctx, "slow", nil) }()
	eventually(t, "the call runs", func() bool { return f.Stats().Calls == 1 })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: %v", err)
	}
	go func() { result <- c.Call(t.Context(), "slow", nil) }()
	eventually(t, "both messages came", func() bool { return f.Stats().Received == 3 })
	for _, s := range f.Sessions() {
		s.Close()
	}
	if err := <-result; !errors.Is(err, ddp.ErrDisconnected) {
		t.Errorf("call on a lost connection: %v", err)
	}
	if err := c.Call(t.Context(), "nothing", nil); !errors.Is(err, ddp.ErrDisconnected) {
		t.Errorf("call after that: %v", err)
	}
}

func TestDialKeepsThePathOfItsURL(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{BasePath: "/base"})
	for _, path := range []string{"/base", "/base/", "/base/websocket"} {
		c, err := ddp.Dial(t.Context(), f.url("ws", path), ddp.DialOptions{Header: http.Header{"User-Agent": {"test"}}})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		_ = c.Close()
	}
	for _, address := range []string{f.http.URL, "http://127.0.0.1:1", ":", "ftp://x"} {
		if _, err := ddp.Dial(t.Context(), address, ddp.DialOptions{}); err == nil {
			t.Errorf("%s: no error", address)
		}
	}
}
