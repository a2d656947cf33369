package meteor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test. It is reached only by failures.
const patience = 30 * time.Second

var firstStart = time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("east", 3600))

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

// A fixture is a package server on a port of its own.
type fixture struct {
	*meteor.Server
	store catalogStore
	log   *logBuffer
	url   string
	stop  func() // may be called early
}

func newServer(store meteor.Store) (*meteor.Server, *logBuffer) {
	log := &logBuffer{}
	// Without a name, as the program has it: it is gone when nobody uses it.
	pages, err := os.CreateTemp("", "pages-*")
	if err == nil {
		err = os.Remove(pages.Name())
	}
	if err != nil {
		panic(err)
	}
	return meteor.New(meteor.Options{
		Store: store, PageFile: pages, Days: meteor.NewStatsDays(firstStart), Logger: slog.New(slog.NewTextHandler(log, nil)),
	}), log
}

func serve(t testing.TB, store catalogStore) *fixture {
	t.Helper()
	return serveOver(t, store, store)
}

// serveOver serves a store through another one that stands before it.
func serveOver(t testing.TB, front meteor.Store, store catalogStore) *fixture {
	t.Helper()
	f := &fixture{store: store}
	f.Server, f.log = newServer(front)
	hs := httptest.NewServer(f.Handler())
	f.url = hs.URL
	running := start(f.Run)
	f.stop = sync.OnceFunc(func() {
		running()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		hs.Close()
		if n := f.Subscribers(); n != 0 {
			t.Errorf("%d subscribers after the stop", n)
		}
		if s := f.Stats(); s.Sessions != 0 || s.Subscriptions != 0 || s.PageBytes != 0 {
			t.Errorf("after the stop: %+v", s)
		}
	})
	t.Cleanup(f.stop)
	return f
}

// start runs f and returns what ends it and waits.
func start(f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// put adds documents.
func (f *fixture) put(t testing.TB, docs ...pkgmeter.Document) {
	t.Helper()
	put(t, f.store, docs...)
}

func put(t testing.TB, s catalogStore, docs ...pkgmeter.Document) {
	t.Helper()
	if err := s.EditCatalog(t.Context(), pkgmeter.CatalogEdit{Put: docs}); err != nil {
		t.Fatal(err)
	}
}

// change replaces the body of a document.
func change(t testing.TB, s catalogStore, c pkgmeter.Collection, key, more string) {
	t.Helper()
	d, err := s.Document(t.Context(), c, key)
	if err != nil {
		t.Fatal(err)
	}
	d.Body = record(c, d.ID, key, more).Body
	put(t, s, d)
}

func remove(t testing.TB, s catalogStore, c pkgmeter.Collection, key string) {
	t.Helper()
	d, err := s.Document(t.Context(), c, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.EditCatalog(t.Context(), pkgmeter.CatalogEdit{Remove: []pkgmeter.Document{d}}); err != nil {
		t.Fatal(err)
	}
}

// record makes a small record of any collection, as another server might write
// it. more is what follows in its body, with a comma before.
func record(c pkgmeter.Collection, id, key, more string) pkgmeter.Document {
	first, second, _ := strings.Cut(key, "\x00")
	names := [pkgmeter.Collections][2]string{{"name"}, {"packageName", "version"}, {"versionId", "buildArchitectures"}, {"name"}, {"track", "version"}}[c]
	body := fmt.Sprintf(`{"_id":%q,%q:%q`, id, names[0], first)
	if names[1] != "" {
		body += fmt.Sprintf(`,%q:%q`, names[1], second)
	}
	d, err := catalog.Read(c, []byte(body+more+"}"))
	if err != nil {
		panic(err)
	}
	return d
}

func packages(from, to int) (docs []pkgmeter.Document) {
	for i := from; i < to; i++ {
		docs = append(docs, record(pkgmeter.Packages, fmt.Sprintf("p%05d", i), fmt.Sprintf("pack%05d", i), ""))
	}
	return docs
}

func (f *fixture) client(t testing.TB) *ddp.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := ddp.Dial(ctx, f.url, ddp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A page is a result of the sync method.
type page struct {
	Collections map[string][]json.RawMessage `json:"collections"`
	Compressed  *string                      `json:"collectionsCompressed"`
	Token       map[string]any               `json:"syncToken"`
	RawToken    string                       `json:"-"`
	UpToDate    *bool                        `json:"upToDate"`
	Reset       *bool                        `json:"resetData"`
}

// five are the names of the collections.
var five = []string{"packages", "versions", "builds", "releaseTracks", "releaseVersions"}

// ask calls the sync method with arguments as JSON, and checks what holds for
// every page.
func ask(t testing.TB, c *ddp.Client, args ...string) page {
	t.Helper()
	raw := make([]any, len(args))
	for i, a := range args {
		raw[i] = ddp.Raw(a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var result ddp.Raw
	if err := c.Call(ctx, "syncNewPackageData", &result, raw...); err != nil {
		t.Fatal(err)
	}
	return readPage(t, result)
}

func readPage(t testing.TB, result []byte) (p page) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(result, &members); err != nil {
		t.Fatalf("%v in %.200s", err, result)
	}
	if err := json.Unmarshal(result, &p); err != nil {
		t.Fatal(err)
	}
	p.RawToken = string(members["syncToken"])
	if p.UpToDate == nil || p.Reset == nil || len(members) != 4 || p.Compressed == nil && len(p.Collections) != 5 {
		t.Fatalf("a page without its members: %.300s", result)
	}
	for _, name := range five {
		if p.Compressed == nil && p.Collections[name] == nil {
			t.Fatalf("%s is no array in %.300s", name, result)
		}
	}
	return p
}

func (p page) count() (n int) {
	for _, list := range p.Collections {
		n += len(list)
	}
	return n
}

func (p page) ids(t testing.TB, collection string) (ids []string) {
	t.Helper()
	for _, r := range p.Collections[collection] {
		ids = append(ids, idOf(t, r))
	}
	return ids
}

func idOf(t testing.TB, body []byte) string {
	t.Helper()
	var m struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(body, &m); err != nil || m.ID == "" {
		t.Fatalf("no record: %.200s (%v)", body, err)
	}
	return m.ID
}

// A wire is a bare WebSocket to a server.
type wire struct {
	t    testing.TB
	conn *websocket.Conn
}

func (f *fixture) wire(t testing.TB) *wire {
	t.Helper()
	return dial(t, f.url+"/websocket", nil)
}

// dial returns a socket with a session.
func dial(t testing.TB, url string, client *http.Client) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	w := &wire{t, conn}
	w.send(`{"msg":"connect","version":"1","support":["1"]}`)
	w.want(`{"msg":"connected","session":"…"}`)
	return w
}

func (w *wire) send(frames ...string) {
	w.t.Helper()
	for _, frame := range frames {
		if err := w.conn.Write(context.Background(), websocket.MessageText, []byte(frame)); err != nil {
			w.t.Fatalf("send %.80s: %v", frame, err)
		}
	}
}

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

// want reads as many frames as given and compares them in order. "…" stands for
// any string.
func (w *wire) want(frames ...string) {
	w.t.Helper()
	for _, want := range frames {
		if got := w.next(); !sameJSON(w.t, got, want) {
			w.t.Fatalf("got  %.400s\nwant %.400s", got, want)
		}
	}
}

// quiet proves that nothing was sent before.
func (w *wire) quiet() {
	w.t.Helper()
	w.send(`{"msg":"ping","id":"quiet"}`)
	w.want(`{"msg":"pong","id":"quiet"}`)
	w.send(`{"msg":"unsub","id":"nosuch"}`) // in turn, while a pong overtakes
	w.want(`{"msg":"nosub","id":"nosuch"}`)
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

// inBubble runs a test with virtual time, over pipes that hold nothing instead
// of sockets.
func inBubble(t *testing.T, test func(t *testing.T, s *meteor.Server, store *fake, dialPipe func() *wire)) {
	inBubbleOver(t, func(f *fake) meteor.Store { return f }, test)
}

func inBubbleOver(t *testing.T, front func(*fake) meteor.Store, test func(t *testing.T, s *meteor.Server, store *fake, dialPipe func() *wire)) {
	synctest.Test(t, func(t *testing.T) {
		store := newFake()
		s, _ := newServer(front(store))
		ln := &pipeListener{make(chan net.Conn), make(chan struct{})}
		hs := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Minute}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = hs.Serve(ln)
		}()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			ln.conns <- there
			return here, nil
		}}
		running := start(s.Run)
		test(t, s, store, func() *wire { return dial(t, "ws://pipe/websocket", &http.Client{Transport: transport}) })
		running()
		if err := s.Shutdown(t.Context()); err != nil {
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
