package meteor_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// large is content that nobody has to hold.
func large(size int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{7}), size) }

func TestLargeFilesTakeNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it moves 512 MiB")
	}
	const size, most = 256 << 20, 16 << 20
	w := openWarehouse(t, nil)
	secret := w.begin(pkgmeter.BuildPart)
	grown := heapGrowth(func() {
		if status, body := w.put("build", secret, large(size)); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	})
	w.serve("large.tgz", pkgmeter.BuildPart, secret)
	grownAgain := heapGrowth(func() {
		res, err := http.Get(w.http.URL + "/files/large.tgz")
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		if err := sameBytes(res.Body, large(size)); err != nil || res.ContentLength != size {
			t.Errorf("%d bytes: %v", res.ContentLength, err)
		}
	})
	t.Logf("the heap grew by %d KiB for an upload, by %d KiB for a download", grown>>10, grownAgain>>10)
	if max(grown, grownAgain) > most {
		t.Errorf("the heap grew by %d and %d bytes, want at most %d", grown, grownAgain, most)
	}
	http.DefaultClient.CloseIdleConnections()
}

func sameBytes(a, b io.Reader) error {
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, p)
		m, err2 := io.ReadFull(b, q)
		if !bytes.Equal(p[:n], q[:m]) {
			return errors.New("they differ")
		}
		if err != nil || err2 != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
	}
}

// heapGrowth returns how far the heap has grown at most while f ran, bytes.
func heapGrowth(f func()) int64 {
	used := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	runtime.GC()
	before, most := used(), int64(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for {
		select {
		case <-done:
			return most
		case <-time.After(5 * time.Millisecond):
			most = max(most, used()-before)
		}
	}
}
