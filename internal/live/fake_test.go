package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/live"
)

// ledger is in memory. It counts how often it is read.
type ledger struct {
	mu      sync.Mutex
	name    string
	all     []pkgmeter.Recorded
	changed chan struct{}
	reads   int
	broken  bool
	held    chan struct{} // what is being read waits until it is closed, nil for nothing
}

func newLedger() *ledger {
	return &ledger{name: "0123456789abcdef", changed: make(chan struct{})}
}

// add stores n events, all of the package pkg:npm/NAME.
func (l *ledger) add(n int, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file := &pkgmeter.File{Repository: "releases", Name: name + "-1.0.tgz", Type: "npm", Package: "pkg:npm/" + name, Version: "1.0"}
	for range n {
		e := pkgmeter.Event{Source: "sender", Consumer: "team", Agent: "npm/10 node/v20", Country: "DE", Time: time.UnixMilli(0).UTC(), Status: 200, Bytes: 10}
		l.all = append(l.all, pkgmeter.Recorded{Number: int64(len(l.all) + 1), Event: e, File: file})
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *ledger) LedgerName() string { return l.name }

func (l *ledger) LedgerEnd() (int64, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.all)), l.changed
}

func (l *ledger) Recorded(_ context.Context, after, upTo int64, visit func(pkgmeter.Recorded) error) error {
	l.mu.Lock()
	l.reads++
	all, broken, held := slices.Clone(l.all[after:upTo]), l.broken, l.held
	l.mu.Unlock()
	if held != nil {
		<-held
	}
	if broken {
		return errors.New("broken")
	}
	for _, r := range all {
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) setBroken(broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = broken
}

func (l *ledger) hold(held chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = held
}

func (l *ledger) readCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// rules know one client.
type rules struct{ pkgmeter.Rules }

func (rules) Client(agent string, _ pkgmeter.Flags) pkgmeter.Client {
	name, _, _ := strings.Cut(agent, "/")
	return pkgmeter.Client{Name: name}
}

func (rules) Measures(e pkgmeter.Event, k pkgmeter.Kind) pkgmeter.Measures {
	if e.Status != 200 || e.Op != pkgmeter.Get {
		return pkgmeter.Measures{}
	}
	if k != pkgmeter.Primary {
		return pkgmeter.Measures{Hits: 1}
	}
	return pkgmeter.Measures{Downloads: 1, Hits: 1}
}

// browser is a client that remembers what it was told, over many connections.
type browser struct {
	t   *testing.T
	hub *live.Hub
	q   live.Question

	mu      sync.Mutex
	cond    *sync.Cond
	text    strings.Builder
	blocked bool // it takes nothing
	done    chan error
	leave   context.CancelFunc
}

func newBrowser(t *testing.T, hub *live.Hub, q live.Question) *browser {
	b := &browser{t: t, hub: hub, q: q}
	b.cond = sync.NewCond(&b.mu)
	return b
}

// connect opens a stream, which goes on where the last one ended.
func (b *browser) connect(still func() error) *browser {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.leave, b.done = cancel, make(chan error, 1)
	q := b.q
	if id := b.last(); id != "" {
		q.After = id
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	done := b.done
	go func() { done <- b.hub.Serve(b, r, q, still) }()
	return b
}

func allowed() error { return nil }

func (*browser) Header() http.Header { return http.Header{} }
func (*browser) WriteHeader(int)     {}
func (*browser) Flush()              {}

func (b *browser) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.blocked {
		b.cond.Wait()
	}
	return b.text.Write(p)
}

func (b *browser) block(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blocked = on
	b.cond.Broadcast()
}

func (b *browser) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// told is one message.
type told struct {
	kind, id string
	number   int64
	live.Event
	Events int64
}

func (b *browser) messages() (all []told) {
	b.t.Helper()
	m := told{kind: "message"}
	has := false
	for line := range strings.Lines(b.said()) {
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			m.kind = value
		case "id":
			m.id = value
			m.number = numberOf(b.t, value)
		case "data":
			has = true
			if err := json.NewDecoder(bufio.NewReader(strings.NewReader(value))).Decode(&m); err != nil {
				b.t.Fatalf("%s: %v", value, err)
			}
		case "":
			if has {
				all = append(all, m)
			}
			m, has = told{kind: "message"}, false
		}
	}
	return all
}

// last returns the id of the last message.
func (b *browser) last() string {
	said := b.said()
	end := strings.LastIndex(said, "\n\n") // what was cut is no message
	if end < 0 {
		return ""
	}
	at := strings.LastIndex(said[:end], "\nid: ")
	if at < 0 {
		return ""
	}
	id, _, _ := strings.Cut(said[at+len("\nid: "):], "\n")
	return id
}

// shown returns the numbers of the events that were shown, and how many others
// were told of.
func (b *browser) shown() (numbers []int64, skipped int64) {
	b.t.Helper()
	last := told{}
	for _, m := range b.messages() {
		switch same := m.number == last.number && m.kind == "at"; {
		case m.number < last.number, m.number == last.number && !same && last.number > 0 && last.kind != "at":
			b.t.Errorf("%s %s comes after %s %s", m.kind, m.id, last.kind, last.id)
		}
		last = m
		switch m.kind {
		case "message":
			numbers = append(numbers, m.number)
		case "skipped":
			skipped += m.Events
		}
	}
	return numbers, skipped
}

func upTo(from, to int64) (all []int64) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// secret is the installation's.
var secret = []byte("0123456789abcdef0123456789abcdef")

func id(n int64) string { return live.SealID("0123456789abcdef", secret, n) }

func numberOf(t *testing.T, id string) int64 {
	t.Helper()
	n, err := live.OpenID("0123456789abcdef", secret, id)
	if err != nil {
		t.Errorf("the id %q: %v", id, err)
	}
	return n
}
