package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
)

func serve(t *testing.T, dir string) (stop func()) {
	t.Helper()
	s, err := control.Listen(dir, map[string]control.Handler{
		"echo": func(_ context.Context, args json.RawMessage) (any, error) { return args, nil },
		"fail": func(context.Context, json.RawMessage) (any, error) {
			return nil, fmt.Errorf("user: %w", pkgmeter.Errorf(pkgmeter.Conflict, "taken"))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	return func() {
		if err := errors.Join(s.Close(context.WithoutCancel(t.Context())), <-done); err != nil {
			t.Error(err)
		}
	}
}

func TestTheLockIsForOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := control.TryLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := control.TryLock(dir); !errors.Is(err, control.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = control.TryLock(dir)
	if err != nil {
		t.Errorf("after it was let go: %v", err)
	}
	l.Close()
	if _, err := control.TryLock(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

func TestCallsGoThroughTheSocket(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{
		"a short path":                         t.TempDir(),
		"a path that is too long for a socket": filepath.Join(t.TempDir(), strings.Repeat("long/", 40)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := control.Call(t.Context(), dir, "echo", 1); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("before there is a server: %v", err)
			}
			stop := serve(t, dir)
			info, err := os.Stat(filepath.Join(dir, "control.sock"))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("socket %v, %v: want mode 0600", info, err)
			}
			got, err := control.Call(t.Context(), dir, "echo", map[string]string{"a": "b\n"})
			if err != nil || string(got) != `{"a":"b\n"}` {
				t.Errorf("echo %s, %v", got, err)
			}
			if _, err := control.Call(t.Context(), dir, "fail", nil); pkgmeter.CodeOf(err) != pkgmeter.Conflict || err.Error() != "user: taken" {
				t.Errorf("fail %v", err)
			}
			if _, err := control.Call(t.Context(), dir, "nothing", nil); err == nil || !strings.Contains(err.Error(), `does not know the command "nothing"`) {
				t.Errorf("an unknown call: %v", err)
			}
			stop()
			if _, err := control.Call(t.Context(), dir, "echo", 1); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after the server has stopped: %v", err)
			}
		})
	}
}

func TestASocketLeftByADeadProcessIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: filepath.Join(dir, "control.sock")}); err != nil {
		t.Fatal(err)
	}
	syscall.Close(fd)
	if _, err := control.Call(t.Context(), dir, "echo", 1); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("to a dead socket: %v", err)
	}
	stop := serve(t, dir)
	defer stop()
	if _, err := control.Call(t.Context(), dir, "echo", 1); err != nil {
		t.Error(err)
	}
}
