package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The peer has to keep up with what the server asks of a store.
func TestTheAppendingPeerTakesADelivery(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "append"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- peerServer(f).Run(ctx, ln, nil) }()
	res, err := http.Post("http://"+ln.Addr().String()+"/callback", "application/json", strings.NewReader(`{"file-name":"a.jar"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	stop()
	if err := <-done; err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s, %v", res.Status, err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != recordBytes {
		t.Errorf("%v, %v", info, err)
	}
}
