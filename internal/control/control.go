// Package control keeps a data folder to one writer: a lock that one process
// holds, and a socket by which the other commands work through it.
//
// It carries named calls with JSON arguments, and does not know what they do.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"golang.org/x/sys/unix"
)

const (
	lockName   = "lock"
	socketName = "control.sock"
	maxCall    = 256 << 20 // bytes of arguments or results; who calls may read the whole folder anyway
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("another process works on the data folder")

// A Lock is held until it is closed or the process ends.
type Lock struct{ f *os.File }

// TryLock takes the lock of folder dir, or fails with [ErrLocked] at once.
func TryLock(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errors.Join(ErrLocked, f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return &Lock{f}, nil
}

// Close lets the lock go. The file stays: removing it would let two processes
// hold a lock of that name.
func (l *Lock) Close() error { return l.f.Close() }

// A Handler does one named call. The result is sent as JSON.
type Handler func(ctx context.Context, args json.RawMessage) (any, error)

// A Server answers calls on the socket of a folder.
type Server struct {
	ln net.Listener
	fd *os.File // of the folder: the socket is named through it
	hs *http.Server
}

// Listen makes the socket. The caller holds the lock, so that one that is
// there already is left over from a process that died.
//
// A socket's path may have 107 bytes at most; the folder's may be longer.
// Both ends therefore name it through a descriptor of the folder.
func Listen(dir string, calls map[string]Handler) (*Server, error) {
	fd, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	path := through(fd)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, fd.Close())
	}
	ln, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), fd.Close())
	}
	mux := http.NewServeMux()
	for name, h := range calls {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) { answer(w, r, h) })
	}
	return &Server{ln, fd, &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}, nil
}

func through(dir *os.File) string {
	if runtime.GOOS != "linux" { // there, a long path is an error of the system's
		return filepath.Join(dir.Name(), socketName)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName)
}

// Serve answers until Close.
func (s *Server) Serve() error {
	if err := s.hs.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Close waits for the calls that are being answered, until ctx ends, and
// removes the socket.
func (s *Server) Close(ctx context.Context) error {
	return errors.Join(s.hs.Shutdown(ctx), s.fd.Close())
}

type outcome struct {
	Result json.RawMessage `json:"result,omitempty"`
	Code   pkgmeter.Code   `json:"code,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func answer(w http.ResponseWriter, r *http.Request, h Handler) {
	var out outcome
	args, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
	if err == nil {
		var v any
		if v, err = h(r.Context(), args); err == nil {
			out.Result, err = json.Marshal(v)
		}
	}
	if err != nil {
		// Who can open the socket may read the data folder: nothing is hidden.
		out = outcome{Code: pkgmeter.CodeOf(err), Error: err.Error()}
		slog.DebugContext(r.Context(), "command failed", "call", r.URL.Path, "err", err)
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		slog.DebugContext(r.Context(), "command left", "call", r.URL.Path, "err", err)
	}
}

// Call does a named call in the process that serves folder dir. An error with
// [os.ErrNotExist] or a refused connection in its tree means that none does.
func Call(ctx context.Context, dir, name string, args any) (json.RawMessage, error) {
	body, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the running server does not know the command %q: is it of another version?", name)
	}
	var out outcome
	if err := json.NewDecoder(io.LimitReader(res.Body, maxCall)).Decode(&out); err != nil {
		return nil, fmt.Errorf("the running server's answer: %w", err)
	}
	if out.Error != "" {
		return nil, &pkgmeter.Error{Code: out.Code, Msg: out.Error}
	}
	return out.Result, nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	fd, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	var d net.Dialer
	return d.DialContext(ctx, "unix", through(fd))
}
