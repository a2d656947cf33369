package meteor

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// sendChunk is how many bytes have to go out in the time of a stall: 4 KB/s.
// The kernel sends them without a sign of how far it has come.
const sendChunk = 256 << 10

// A FileStore knows which files there are.
type FileStore interface {
	// PublishedFile returns the bytes under a path, which begins after /files/;
	// [pkgmeter.NotFound] if there are none.
	PublishedFile(ctx context.Context, path string) (pkgmeter.PublishedFile, error)
}

// Downloads serves what is published, at GET /files/PATH, to everybody. Parts of
// a file are served as clients ask for them; nothing is packed or redirected,
// which Meteor's tool does not undo or follow.
//
// It reads the path by itself, and should not stand behind a [http.ServeMux],
// which redirects unclean paths. To be fast it needs a ResponseWriter that is an
// [io.ReaderFrom], as the server's own is. Store and Blobs are required.
type Downloads struct {
	Store FileStore
	Blobs *blob.Store

	// Served is called after the last byte of an answer about a file that there
	// is, be it cut off: with its status, how many bytes of the file were handed
	// to the kernel, and whether they began with the first one. Optional.
	Served func(r *http.Request, f pkgmeter.PublishedFile, status int, sent int64, fromStart bool)

	// Stall is how long a client may take nothing. Default one minute.
	Stall time.Duration
}

// ServeHTTP implements [http.Handler].
func (d *Downloads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := d.serve(w, r); err != nil {
		plainError(w, r, err)
	}
}

func (d *Downloads) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return wrongMethod(w, r, "GET, HEAD")
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/files/")
	if !ok || path == "" || len(path) > maxTarget {
		return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such file")
	}
	f, err := d.Store.PublishedFile(r.Context(), path)
	if err != nil {
		return err
	}
	content, size, err := d.Blobs.Open(r.Context(), f.Blob.SHA256)
	if err != nil {
		return damaged(f, err)
	}
	defer content.Close()
	if size != f.Blob.Size {
		return damaged(f, fmt.Errorf("it has %d bytes, not %d", size, f.Blob.Size))
	}
	setHeader(w.Header(), f)
	s := &sender{ResponseWriter: w, deadline: deadline{set: http.NewResponseController(w).SetWriteDeadline, stall: cmp.Or(d.Stall, defaultStall)}}
	http.ServeContent(s, r, "", time.Time{}, content)
	if d.Served != nil {
		d.Served(r, f, s.status, s.sent, s.fromStart)
	}
	return nil
}

// damaged is the error for a file that was published and is not there: it is
// the operator who has to hear of it.
func damaged(f pkgmeter.PublishedFile, err error) error {
	return &pkgmeter.Error{Code: pkgmeter.Internal, Msg: "internal error", Err: fmt.Errorf("published file %s: %w", f.Path, err)}
}

func setHeader(h http.Header, f pkgmeter.PublishedFile) {
	contentType := "application/gzip"
	if f.Part == pkgmeter.ReadmePart {
		contentType = plainText
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", `"`+hex.EncodeToString(f.Blob.SHA256[:])+`"`)
}

// A sender counts what is sent, and gives it time as long as it goes on.
type sender struct {
	http.ResponseWriter
	deadline  deadline
	status    int   // 0 before
	sent      int64 // bytes of the file
	fromStart bool
}

// WriteHeader implements [http.ResponseWriter].
func (s *sender) WriteHeader(status int) {
	s.status = status
	s.fromStart = status == http.StatusOK ||
		status == http.StatusPartialContent && strings.HasPrefix(s.Header().Get("Content-Range"), "bytes 0-")
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (s *sender) Write(p []byte) (int, error) {
	s.deadline.extend()
	n, err := s.ResponseWriter.Write(p)
	s.count(int64(n))
	return n, err
}

func (s *sender) count(n int64) {
	if s.status == http.StatusOK || s.status == http.StatusPartialContent {
		s.sent += n
	}
}

// ReadFrom implements [io.ReaderFrom], in pieces that the kernel copies from
// file to socket by itself.
func (s *sender) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := s.ResponseWriter.(io.ReaderFrom)
	from, limited := src.(*io.LimitedReader)
	if !ok || !limited || !isFile(from.R) {
		return io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{src}, make([]byte, 64<<10))
	}
	for from.N > 0 && err == nil {
		s.deadline.extend()
		piece := &io.LimitedReader{R: from.R, N: min(from.N, sendChunk)}
		var moved int64
		moved, err = to.ReadFrom(piece)
		s.count(moved)
		from.N -= moved
		n += moved
		if piece.N > 0 {
			break // the file ends early, or the client has left
		}
	}
	return n, err
}

// isFile reports whether the kernel can send what r reads.
func isFile(r io.Reader) bool {
	_, ok := r.(syscall.Conn)
	return ok
}

// Unwrap lets [http.ResponseController] reach the connection.
func (s *sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }
