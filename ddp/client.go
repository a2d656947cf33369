package ddp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// ErrDisconnected is what calls of a Client end with when its connection is
// lost or closed. It comes wrapped, together with the cause if that is known.
var ErrDisconnected = errors.New("ddp: disconnected")

// DialOptions tunes a Client. The zero value is ready for use.
type DialOptions struct {
	// HTTPClient makes the handshake. Default http.DefaultClient.
	HTTPClient *http.Client
	// Header is sent with the handshake.
	Header http.Header
	// MaxMessage is the most bytes of one message of the server. Default 64 MiB.
	MaxMessage int64
	// OnData is called with each data message, in their order, before the call
	// or subscription that caused it returns. It must not wait for either.
	OnData func(Data)
}

// Data is a change of one document.
type Data struct {
	Msg        string // added, changed or removed
	Collection string
	ID         string
	Fields     map[string]Raw // of added and changed, without _id
	Cleared    []string       // names of members that went away
}

// A Client is one connection to a DDP server. It answers pings and does not
// reconnect. Its methods may be called from any goroutine.
type Client struct {
	conn    *websocket.Conn
	session string
	onData  func(Data)
	done    chan struct{} // closed when the reader has ended

	mu      sync.Mutex
	last    int // the id given out last
	waiting map[string]*waiter
	lost    error // why there is no connection
}

// A waiter is a call or subscription that waits for the server.
type waiter struct {
	result  Raw
	err     error
	pending int // messages still to come
	done    chan struct{}
}

// Dial connects to the server at address, a URL with scheme http, https, ws or
// wss; "/websocket" is appended unless it ends so.
func Dial(ctx context.Context, address string, opts DialOptions) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	if !strings.HasSuffix(u.Path, "/websocket") {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/websocket"
	}
	conn, _, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{ //nolint:bodyclose // Dial closes it
		HTTPClient: opts.HTTPClient, HTTPHeader: opts.Header, CompressionMode: websocket.CompressionNoContextTakeover,
	})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	conn.SetReadLimit(cmp.Or(opts.MaxMessage, 64<<20))
	c := &Client{conn: conn, onData: opts.OnData, done: make(chan struct{}), waiting: map[string]*waiter{}}
	if err := c.connect(ctx); err != nil {
		_ = conn.CloseNow()
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	go c.read() //nolint:gosec // the connection outlives the context of Dial
	return c, nil
}

// Session returns the id that the server gave.
func (c *Client) Session() string { return c.session }

// Close ends the connection and what waits for it.
func (c *Client) Close() error {
	err := c.conn.Close(websocket.StatusNormalClosure, "")
	<-c.done
	return err
}

// Call invokes a method and waits for its result and for its data. An answer
// of the server that is an error comes as *Error. result is filled as by
// [ejson.Unmarshal]; it may be nil, and stays untouched if the method returns
// nothing.
func (c *Client) Call(ctx context.Context, method string, result any, args ...any) error {
	raw, err := c.ask(ctx, 2, "method", "method", method, args)
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	if result == nil || raw == nil {
		return nil
	}
	if err := ejson.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	return nil
}

// Subscribe subscribes and waits until the server is ready. The returned
// function unsubscribes, and waits for that.
func (c *Client) Subscribe(ctx context.Context, name string, args ...any) (stop func(context.Context) error, err error) {
	id := c.newID()
	if _, err := c.askAs(ctx, id, 1, "sub", "name", name, args); err != nil {
		return nil, fmt.Errorf("subscribe %s: %w", name, err)
	}
	return func(ctx context.Context) error {
		_, err := c.askAs(ctx, id, 1, "unsub", "", "", nil)
		return err
	}, nil
}

func (c *Client) newID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return strconv.Itoa(c.last)
}

func (c *Client) ask(ctx context.Context, answers int, msg, key, name string, args []any) (Raw, error) {
	return c.askAs(ctx, c.newID(), answers, msg, key, name, args)
}

// askAs sends a message and waits for so many answers to it.
func (c *Client) askAs(ctx context.Context, id string, answers int, msg, key, name string, args []any) (Raw, error) {
	m := map[string]any{"msg": msg, "id": id}
	if key != "" {
		m[key] = name
	}
	if len(args) > 0 {
		m["params"] = args
	}
	frame, err := ejson.Marshal(m)
	if err != nil {
		return nil, err
	}
	w := &waiter{pending: answers, done: make(chan struct{})}
	c.mu.Lock()
	if c.lost != nil {
		defer c.mu.Unlock()
		return nil, c.lost
	}
	c.waiting[id] = w
	c.mu.Unlock()
	defer c.forget(id)
	if err := c.write(frame); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	select {
	case <-w.done:
		return w.result, w.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write does not take the caller's context: its end would cut the connection.
func (c *Client) write(frame []byte) error {
	return c.conn.Write(context.Background(), websocket.MessageText, frame)
}

func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// An answer is any message of the server.
type answer struct {
	Msg        string         `json:"msg"`
	ID         Raw            `json:"id"`
	Session    string         `json:"session"`
	Version    string         `json:"version"`
	Methods    []string       `json:"methods"`
	Subs       []string       `json:"subs"`
	Result     Raw            `json:"result"`
	Error      *answerError   `json:"error"`
	Collection string         `json:"collection"`
	Fields     map[string]Raw `json:"fields"`
	Cleared    []string       `json:"cleared"`
}

type answerError struct {
	Code    any    `json:"error"`
	Reason  string `json:"reason"`
	Details any    `json:"details"`
}

func (e *answerError) public() error {
	if e == nil {
		return nil
	}
	code := e.Code
	if f, ok := code.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
		code = int(f)
	}
	return &Error{Code: code, Reason: e.Reason, Details: e.Details}
}

// connect opens the session. The server may send other things first.
func (c *Client) connect(ctx context.Context) error {
	if err := c.write([]byte(`{"msg":"connect","version":"1","support":["1"]}`)); err != nil {
		return err
	}
	for {
		_, data, err := c.conn.Read(ctx)
		if err != nil {
			return err
		}
		var a answer
		if ejson.Unmarshal(data, &a) != nil {
			continue
		}
		switch a.Msg {
		case "connected":
			c.session = a.Session
			return nil
		case "failed":
			return fmt.Errorf("ddp: the server speaks version %q", a.Version)
		}
	}
}

func (c *Client) read() {
	defer close(c.done)
	for {
		_, data, err := c.conn.Read(context.Background())
		if err != nil {
			c.lose(fmt.Errorf("%w: %w", ErrDisconnected, err))
			return
		}
		var a answer
		if ejson.Unmarshal(data, &a) == nil { // others are not for us
			c.handle(&a)
		}
	}
}

func (c *Client) lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = err
	for _, w := range c.waiting {
		w.settle(err)
	}
}

func (c *Client) handle(a *answer) {
	id, _ := stringOf(a.ID)
	switch a.Msg {
	case "added", "changed", "removed":
		if c.onData != nil {
			c.onData(Data{Msg: a.Msg, Collection: a.Collection, ID: id, Fields: a.Fields, Cleared: a.Cleared})
		}
	case "ping":
		_ = c.write(pongFrame(a.ID)) // a failure shows in the next read
	case "result":
		c.answered(id, a.Result, a.Error.public())
	case "nosub":
		c.answered(id, nil, a.Error.public())
	case "updated":
		for _, id := range a.Methods {
			c.answered(id, nil, nil)
		}
	case "ready":
		for _, id := range a.Subs {
			c.answered(id, nil, nil)
		}
	}
}

func (c *Client) answered(id string, result Raw, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[id]
	if w == nil {
		return
	}
	if result != nil {
		w.result = result
	}
	w.err = cmp.Or(w.err, err)
	if w.pending--; w.pending <= 0 {
		w.settle(w.err)
	}
}

// settle ends the waiting; the client's mutex is held.
func (w *waiter) settle(err error) {
	select {
	case <-w.done:
	default:
		w.err = err
		close(w.done)
	}
}
