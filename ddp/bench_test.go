package ddp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// page returns 500 stored documents of about 1,200 bytes each.
func page() []ddp.Raw {
	docs := make([]ddp.Raw, 500)
	for i := range docs {
		docs[i] = ddp.Raw(fmt.Sprintf(`{"_id":"d%d","lastUpdated":{"$date":14000000%05d},"text":"%s"}`, i, i, strings.Repeat("word ", 228)))
	}
	return docs
}

// BenchmarkPage sends pages of 500 spliced documents as results.
func BenchmarkPage(b *testing.B) {
	docs := page()
	f := newFixture(ddp.Options{CompressAbove: -1})
	f.Method("page", func(context.Context, *ddp.Call) (any, error) {
		return map[string]any{"collections": map[string]any{"versions": docs}, "upToDate": false}, nil
	})
	serveFixture(b, f)
	fetch(b, func() *wire { return f.connected(b) })
}

// fetch asks for pages over two connections at a time for each processor.
func fetch(b *testing.B, open func() *wire) {
	call := []byte(`{"msg":"method","id":"1","method":"page"}`)
	b.ReportAllocs()
	b.SetParallelism(2)
	b.RunParallel(func(pb *testing.PB) {
		w := open()
		buf := make([]byte, 64<<10)
		for pb.Next() {
			if err := w.conn.Write(context.Background(), websocket.MessageText, call); err != nil {
				b.Error(err)
				return
			}
			b.SetBytes(int64(drain(b, w.conn, buf)))
			drain(b, w.conn, buf) // updated
		}
	})
}

// BenchmarkPageBare sends the same bytes over a bare WebSocket: "ready" has
// them in one piece, "joined" puts them together each time, in one buffer.
func BenchmarkPageBare(b *testing.B) {
	docs := page()
	join := func(frame []byte) []byte {
		frame = append(frame[:0], `{"msg":"result","id":"1","result":{"collections":{"versions":[`...)
		for i, doc := range docs {
			if i > 0 {
				frame = append(frame, ',')
			}
			frame = append(frame, doc...)
		}
		return append(frame, `]},"upToDate":false}}`...)
	}
	for name, again := range map[string]bool{"ready": false, "joined": true} {
		b.Run(name, func(b *testing.B) {
			ready := join(nil)
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				defer conn.CloseNow()
				frame := bytes.Clone(ready)
				for {
					if _, _, err := conn.Read(context.Background()); err != nil {
						return
					}
					if again {
						frame = join(frame)
					}
					for _, f := range [][]byte{frame, []byte(`{"msg":"updated","methods":["1"]}`)} {
						if err := conn.Write(context.Background(), websocket.MessageText, f); err != nil {
							return
						}
					}
				}
			}))
			defer web.Close()
			fetch(b, func() *wire { return dial(b, "ws"+strings.TrimPrefix(web.URL, "http"), nil) })
		})
	}
}

// drain reads one message without keeping it.
func drain(b *testing.B, conn *websocket.Conn, buf []byte) (n int) {
	_, r, err := conn.Reader(context.Background())
	for err == nil {
		var k int
		k, err = r.Read(buf)
		n += k
	}
	if !errors.Is(err, io.EOF) {
		b.Error(err)
	}
	return n
}
