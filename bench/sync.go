package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// The contests of the catalog.
const (
	syncRounds   = 7 // after the first client, for whom the pages are made
	syncClients  = 200
	syncUpToDate = 5000 // calls of a client that has everything
	socketOnly   = "socket"
	sizesFile    = "sizes"
)

// catalogSize is how large a catalog is.
type catalogSize struct{ packages, versions, builds int }

var (
	largeCatalog = catalogSize{15_000, 150_000, 200_000}
	smallCatalog = catalogSize{1_500, 15_000, 20_000}
)

// sync measures how fast clients get a whole catalog, and learn that nothing is
// new.
func (b *bench) sync(ctx context.Context, full bool) error {
	if err := b.syncOne(ctx); err != nil {
		return err
	}
	size := smallCatalog // of the large one, 200 clients read 100 GB
	if full {
		size = largeCatalog
	}
	return b.syncMany(ctx, size)
}

// demoCatalog makes a data folder with a catalog.
func (b *bench) demoCatalog(ctx context.Context, size catalogSize) (dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, "catalog"); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, b.bin, "demo", "--data", dir, "--events", "1000", "--catalog", "--packages", strconv.Itoa(size.packages),
		"--versions", strconv.Itoa(size.versions), "--builds", strconv.Itoa(size.builds)).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("demo: %w: %s", err, out)
	}
	return dir, nil
}

func (b *bench) syncOne(ctx context.Context) (err error) {
	dir, err := b.demoCatalog(ctx, largeCatalog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := b.serve(ctx, dir, time.Time{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began := time.Now()
	sizes, _, err := syncAll(ctx, p)
	if err != nil {
		return err
	}
	first := megabytes(sizes) / time.Since(began).Seconds()
	var ours, socket []float64
	for range syncRounds {
		began := time.Now()
		if sizes, _, err = syncAll(ctx, p); err != nil {
			return err
		}
		ours = append(ours, megabytes(sizes)/time.Since(began).Seconds())
		rate, err := b.socketRound(ctx, dir, sizes)
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		socket = append(socket, rate)
	}
	b.comment("%d packages, %d versions, %d builds: %d pages, %.0f MB", largeCatalog.packages, largeCatalog.versions, largeCatalog.builds, len(sizes), megabytes(sizes))
	b.print("sync_first_mb_per_s", first, "-")
	b.print("sync_mb_per_s", median(ours), "-")
	b.print("socket_mb_per_s", median(socket), "-")
	b.print("sync_vs_socket", median(ours)/median(socket), ">=0.9")
	return b.upToDate(ctx, p)
}

func megabytes(sizes []int) float64 {
	sum := 0
	for _, n := range sizes {
		sum += n
	}
	return float64(sum) / 1e6
}

// upToDate measures the answer to a client that has everything.
func (b *bench) upToDate(ctx context.Context, p *process) error {
	_, c, err := syncAll(ctx, p)
	if err != nil {
		return err
	}
	if c, err = dialSync(ctx, p.addr, c.token); err != nil {
		return err
	}
	defer c.conn.CloseNow() //nolint:errcheck // it only lets go
	var took []float64
	for range syncUpToDate {
		began := time.Now()
		if _, upToDate, err := c.page(ctx); err != nil || !upToDate {
			return fmt.Errorf("up to date: %t, %w", upToDate, err)
		}
		took = append(took, time.Since(began).Seconds()*1000)
	}
	slices.Sort(took)
	b.print("sync_uptodate_p99_ms", took[len(took)*99/100], "<=2")
	return nil
}

// syncMany lets many clients fetch everything at once.
func (b *bench) syncMany(ctx context.Context, size catalogSize) (err error) {
	dir, err := b.demoCatalog(ctx, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := b.serve(ctx, dir, time.Time{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began := time.Now()
	errs := make([]error, syncClients)
	sizes := make([]int, syncClients)
	var wg sync.WaitGroup
	for i := range syncClients {
		wg.Go(func() {
			var pages []int
			pages, _, errs[i] = syncAll(ctx, p)
			for _, n := range pages {
				sizes[i] += n
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var most float64
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(50 * time.Millisecond):
			most = max(most, p.memory())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	b.comment("%d clients at once, %d versions, %.0f MB each", syncClients, size.versions, float64(sizes[0])/1e6)
	b.print("sync_200_s", time.Since(began).Seconds(), "-")
	b.print("sync_200_rss_mb", most, "<=250")
	return nil
}

// syncAll fetches the catalog as a client does that has nothing, and returns
// the sizes of the pages.
func syncAll(ctx context.Context, p *process) (sizes []int, c *syncClient, err error) {
	if c, err = dialSync(ctx, p.addr, `{"format":"1.1"}`); err != nil {
		return nil, nil, err
	}
	defer c.conn.CloseNow() //nolint:errcheck // it only lets go
	for {
		n, upToDate, err := c.page(ctx)
		if err != nil {
			return nil, nil, err
		}
		sizes = append(sizes, n)
		if upToDate {
			return sizes, c, nil
		}
	}
}

// syncClient is a client of the catalog that reads no record.
type syncClient struct {
	conn  *websocket.Conn
	token string
	calls int
	buf   bytes.Buffer
}

func dialSync(ctx context.Context, addr, token string) (*syncClient, error) {
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/websocket", &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled}) //nolint:bodyclose // it has none
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(64 << 20)
	c := &syncClient{conn: conn, token: token}
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"msg":"connect","version":"1","support":["1"]}`)); err != nil {
		return nil, err
	}
	return c, c.read(ctx)
}

func (c *syncClient) read(ctx context.Context) error {
	_, r, err := c.conn.Reader(ctx)
	if err != nil {
		return err
	}
	c.buf.Reset()
	_, err = c.buf.ReadFrom(r)
	return err
}

// page fetches a page, and returns its size.
func (c *syncClient) page(ctx context.Context) (size int, upToDate bool, err error) {
	c.calls++
	call := fmt.Sprintf(`{"msg":"method","id":"%d","method":"syncNewPackageData","params":[%s]}`, c.calls, c.token)
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(call)); err != nil {
		return 0, false, err
	}
	for answered, updated := false, false; !answered || !updated; {
		if err := c.read(ctx); err != nil {
			return 0, false, err
		}
		m := c.buf.Bytes()
		switch head := m[:min(len(m), 40)]; {
		case bytes.Contains(head, []byte(`"updated"`)):
			updated = true
		case bytes.Contains(head, []byte(`"result"`)):
			answered, size = true, len(m)
			if upToDate, err = c.take(m); err != nil {
				return 0, false, err
			}
		}
	}
	return size, upToDate, nil
}

// take finds the token behind the records.
func (c *syncClient) take(m []byte) (upToDate bool, err error) {
	tail := m[bytes.LastIndex(m, []byte(`"syncToken":{`))+1:]
	token, _, ok := bytes.Cut(tail, []byte("}"))
	token = bytes.TrimPrefix(token, []byte(`syncToken":`))
	if !ok || !json.Valid(append(token, '}')) {
		return false, fmt.Errorf("no token in %.300s", m)
	}
	c.token = string(token) + "}"
	return bytes.Contains(tail, []byte(`"upToDate":true`)), nil
}

// socketRound measures a bare WebSocket that answers with as many bytes.
func (b *bench) socketRound(ctx context.Context, dir string, sizes []int) (rate float64, err error) {
	text := strings.Trim(fmt.Sprint(sizes), "[]")
	if err := os.WriteFile(filepath.Join(dir, sizesFile), []byte(text), 0o600); err != nil {
		return 0, err
	}
	p, err := launch(ctx, []string{peerEnv + "=" + socketOnly, peerDir + "=" + dir}, b.self)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began := time.Now()
	c, err := dialSync(ctx, p.addr, `{"format":"1.1"}`)
	if err != nil {
		return 0, err
	}
	defer c.conn.CloseNow() //nolint:errcheck // it only lets go
	for _, n := range sizes {
		if err := c.conn.Write(ctx, websocket.MessageText, []byte(c.token)); err != nil {
			return 0, err
		}
		if err := c.read(ctx); err != nil || c.buf.Len() != n {
			return 0, fmt.Errorf("%d bytes of %d: %w", c.buf.Len(), n, err)
		}
	}
	return megabytes(sizes) / time.Since(began).Seconds(), nil
}

// serveSocket is the peer: it answers each message with bytes that are ready.
func serveSocket(ctx context.Context, ln net.Listener) error {
	text, err := os.ReadFile(filepath.Join(os.Getenv(peerDir), sizesFile))
	if err != nil {
		return err
	}
	sizes := []int{2} // of the answer to connect
	for _, f := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(f)
		if err != nil {
			return err
		}
		sizes = append(sizes, n)
	}
	ready := bytes.Repeat([]byte("x"), slices.Max(sizes))
	s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow() //nolint:errcheck // it only lets go
		for _, n := range sizes {
			_, m, err := conn.Reader(r.Context())
			if err == nil {
				_, err = io.Copy(io.Discard, m)
			}
			if err == nil {
				err = conn.Write(r.Context(), websocket.MessageText, ready[:n])
			}
			if err != nil {
				return
			}
		}
		_, _, _ = conn.Reader(r.Context()) // until the client goes
	})}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}
