package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/server"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// peerEnv says which peer this process is, peerDir where it may write.
const (
	peerEnv = "PKGMETER_BENCH_PEER"
	peerDir = "PKGMETER_BENCH_DIR"
)

// The peers of /callback.
const (
	noop       = "noop"   // reads the body and answers the same bytes
	decodeOnly = "decode" // reads a batch of events, decodes and checks it, and answers the same bytes
	appendOnly = "append" // the same server, but what it commits is one append and one fdatasync
)

func peerMain() (code int, asked bool) {
	name := os.Getenv(peerEnv)
	if name == "" {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := runPeer(ctx, name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

func runPeer(ctx context.Context, name string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s%s\n", announcement, ln.Addr())
	switch name {
	case noop:
		return servePeer(ctx, ln, answerNoop)
	case decodeOnly:
		return servePeer(ctx, ln, answerDecoded)
	case socketOnly:
		return serveSocket(ctx, ln)
	case fileOnly:
		return serveFile(ctx, ln)
	}
	f, err := os.OpenFile(filepath.Join(os.Getenv(peerDir), "append"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return peerServer(f).Run(ctx, ln, nil)
}

// peerServer is the program's server over the least that a store can be.
func peerServer(f *os.File) *server.Server {
	rules := rule.Default()
	return &server.Server{Store: &appender{f: f}, Rules: rules, Ruled: rule.NewCache(rules, rule.ServerCache), Auth: auth.New(nil, time.Now), Now: time.Now}
}

// answerNoop answers with the bytes of the program, headers included, but
// without routing, metrics or reading.
func answerNoop(w http.ResponseWriter, r *http.Request) error {
	if _, err := httpx.ReadBody(w, r, hook.MaxCallback); err != nil {
		return err
	}
	httpx.Write(w, http.StatusOK, "application/json", []byte(`{"success": true}`))
	return nil
}

// answerDecoded does what a batch of events needs at least.
func answerDecoded(w http.ResponseWriter, r *http.Request) error {
	body, err := httpx.ReadBody(w, r, hook.MaxEventsBody)
	if err != nil {
		return err
	}
	batch, err := source.Events(body, true, "bench", after, hook.MaxEvents, source.People{})
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, map[string]any{"accepted": len(batch.Events), "duplicates": 0, "rejected": []string{}})
	return nil
}

// servePeer serves one answer under the limits that the program sets.
func servePeer(ctx context.Context, ln net.Listener, answer func(http.ResponseWriter, *http.Request) error) error {
	s := &http.Server{
		Handler: httpx.Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := answer(w, r); err != nil {
				httpx.WriteError(w, r, err)
			}
		})),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

// recordBytes is what an appender writes for a delivery: about its body.
const recordBytes = 230

// appender is the least that durable group commit can be: the batch at the end
// of a file, and one sync. It answers no question.
type appender struct {
	server.Store // nil: nobody asks
	f            *os.File
	buf          []byte
}

// Write implements [server.Store].
func (a *appender) Write(_ context.Context, batch []*pkgmeter.Delivery) error {
	if n := len(batch) * recordBytes; n > len(a.buf) {
		a.buf = make([]byte, n)
	}
	for i, d := range batch {
		record := a.buf[i*recordBytes : (i+1)*recordBytes]
		for _, e := range d.Entries {
			copy(record[copy(record, e.Event.ID):], e.Event.Path)
		}
	}
	if _, err := a.f.Write(a.buf[:len(batch)*recordBytes]); err != nil {
		return err
	}
	return datasync(a.f)
}

// Maintain implements [server.Store]: there is nothing to do.
func (a *appender) Maintain(ctx context.Context, _ func(error)) error {
	<-ctx.Done()
	return nil
}

// Mapping implements [server.Store]: none is set.
func (a *appender) Mapping(context.Context, string) (map[string]string, error) { return nil, nil } //nolint:nilnil // an empty map

// CatalogState implements [server.Store]: the catalog stays empty.
func (a *appender) CatalogState() (pkgmeter.CatalogState, <-chan struct{}) {
	return pkgmeter.CatalogState{}, nil
}

// UseDays implements [server.Store]: all of them are published.
func (a *appender) UseDays() (earliest, latest pkgmeter.Day, changed <-chan struct{}) {
	return 0, math.MaxInt32 - 1, nil
}

// LedgerName implements [server.Store].
func (a *appender) LedgerName() string { return "" }

// Secret implements [server.Store].
func (a *appender) Secret(context.Context) ([]byte, error) { return []byte("of nobody"), nil }

// Watches implements [server.Store]: nothing is watched.
func (a *appender) Watches(context.Context) ([]pkgmeter.Watch, error) { return nil, nil }

// Due implements [server.Store]: nothing is to be told.
func (a *appender) Due(context.Context, time.Time, int) ([]pkgmeter.Notice, error) { return nil, nil }

// NextDue implements [server.Store].
func (a *appender) NextDue(context.Context) (time.Time, error) { return time.Time{}, nil }

// Ready implements [server.Store].
func (a *appender) Ready(context.Context) error { return nil }
