package meteor_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// A sending is what Served was told.
type sending struct {
	path      string
	status    int
	sent      int64
	fromStart bool
	left      bool // the client had left by then, or so the server thought
}

type sendings struct {
	mu  sync.Mutex
	all []sending
}

func (s *sendings) add(r *http.Request, f pkgmeter.PublishedFile, status int, sent int64, fromStart bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, sending{f.Path, status, sent, fromStart, r.Context().Err() != nil})
}

// next waits for another one.
func (s *sendings) next(t testing.TB) (got sending) {
	t.Helper()
	eventually(t, "a call of Served", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.all) == 0 {
			return false
		}
		got, s.all = s.all[0], s.all[1:]
		return true
	})
	return got
}

// buildPath has what paths of builds have that other software trips over.
const buildPath = "builds/1/a:b-1.0.0-os+web.browser.tgz"

func TestCase60FilesAreServedInParts(t *testing.T) {
	t.Parallel()
	var told sendings
	w := openWarehouse(t, func(w *warehouse) { w.down.Served = told.add })
	content := strings.Repeat("0123456789", 100_000)
	f := w.publish(buildPath, pkgmeter.BuildPart, content)
	tag := `"` + hex.EncodeToString(f.Blob.SHA256[:]) + `"`
	const size = 1_000_000
	ranged := func(from, to int) string { return fmt.Sprintf("bytes %d-%d/%d", from, to, size) }
	for name, tt := range map[string]struct {
		method, path string
		header       map[string]string
		status       int
		contentRange string
		body         string
		fromStart    bool
	}{
		"all":                 {"GET", buildPath, nil, 200, "", content, true},
		"escaped":             {"GET", "builds/1/a%3Ab-1.0.0-os%2Bweb.browser.tgz", nil, 200, "", content, true},
		"only the head":       {"HEAD", buildPath, nil, 200, "", "", true},
		"from the tenth":      {"GET", buildPath, map[string]string{"Range": "bytes=10-"}, 206, ranged(10, size-1), content[10:], false},
		"from the first":      {"GET", buildPath, map[string]string{"Range": "bytes=0-9"}, 206, ranged(0, 9), content[:10], true},
		"the last byte":       {"GET", buildPath, map[string]string{"Range": "bytes=-1"}, 206, ranged(size-1, size-1), "9", false},
		"the head of a range": {"HEAD", buildPath, map[string]string{"Range": "bytes=10-"}, 206, ranged(10, size-1), "", false},
		"if it is the same":   {"GET", buildPath, map[string]string{"Range": "bytes=999990-", "If-Range": tag}, 206, ranged(999_990, size-1), content[:10], false},
		"if it is not":        {"GET", buildPath, map[string]string{"Range": "bytes=10-", "If-Range": `"x"`}, 200, "", content, true},
		"of another unit":     {"GET", buildPath, map[string]string{"Range": "lines=1-"}, 416, "", "", false},
		"behind the end":      {"GET", buildPath, map[string]string{"Range": "bytes=1000000-"}, 416, "bytes */1000000", "", false},
		"as one has it":       {"GET", buildPath, map[string]string{"If-None-Match": tag}, 304, "", "", false},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, w.http.URL+"/files/"+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		for k, v := range tt.header {
			req.Header.Set(k, v)
		}
		res, err := w.http.Client().Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != tt.status || res.Header.Get("Content-Range") != tt.contentRange || res.StatusCode < 300 && string(body) != tt.body {
			t.Errorf("%s: %d, %d bytes, %v, %v", name, res.StatusCode, len(body), res.Header, err)
		}
		checkHead(t, name, res, tag, int64(len(content)))
		want := sending{buildPath, tt.status, int64(len(tt.body)), tt.fromStart, false}
		if got := told.next(t); got != want {
			t.Errorf("%s: Served was told %+v, want %+v", name, got, want)
		}
	}
}

// checkHead checks what holds for every answer about a file.
func checkHead(t *testing.T, name string, res *http.Response, tag string, size int64) {
	t.Helper()
	if res.Header.Get("Content-Encoding") != "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: %v", name, res.Header)
	}
	if res.StatusCode < 400 && (res.Header.Get("Etag") != tag || res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable") {
		t.Errorf("%s: %v", name, res.Header)
	}
	if res.StatusCode < 300 && (res.Header.Get("Content-Type") != "application/gzip" || res.Header.Get("Accept-Ranges") != "bytes") {
		t.Errorf("%s: %v", name, res.Header)
	}
	if res.StatusCode == 200 && res.Header.Get("Content-Length") != strconv.FormatInt(size, 10) {
		t.Errorf("%s: Content-Length %s", name, res.Header.Get("Content-Length"))
	}
}

func TestSeveralRangesAreServed(t *testing.T) {
	t.Parallel()
	var told sendings
	w := openWarehouse(t, func(w *warehouse) { w.down.Served = told.add })
	w.publish("a", pkgmeter.SourcePart, "0123456789")
	req, _ := http.NewRequestWithContext(t.Context(), "GET", w.http.URL+"/files/a", nil)
	req.Header.Set("Range", "bytes=0-1,8-9")
	res, err := w.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 206 || !strings.Contains(string(body), "\r\n01\r\n") || !strings.Contains(string(body), "\r\n89\r\n") {
		t.Errorf("%d %q, %v", res.StatusCode, body, err)
	}
	if got := told.next(t); got.status != 206 || got.fromStart {
		t.Errorf("%+v", got)
	}
}

func TestReadmesAreText(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	for path, content := range map[string]string{"readmes/1.md": "<h1>not a page</h1>", "readmes/2.md": ""} {
		w.publish(path, pkgmeter.ReadmePart, content)
		res, err := w.http.Client().Get(w.http.URL + "/files/" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || string(body) != content || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" ||
			res.ContentLength != int64(len(content)) {
			t.Errorf("%d %q, %v, %v", res.StatusCode, body, res.Header, err)
		}
	}
}

func TestPathsThatAreNoFileAreNotFound(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, func(w *warehouse) {
		w.down.Served = func(_ *http.Request, f pkgmeter.PublishedFile, _ int, _ int64, _ bool) { t.Errorf("Served %v", f) }
	})
	w.publish("b/c", pkgmeter.SourcePart, "x")
	for _, path := range []string{
		"", "b", "b/", "b/c/", "/b/c", "b//c", "./b/c", "b/../b/c", "%2e/b/c", "b/%2e%2e/b/c", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "../pkgmeter.db", "b/c%00", "%00",
		"b%5cc", "%ff%fe", "b/c%20", "B/C", strings.Repeat("x", 1025), strings.Repeat("x/", 100_000), "b/c%0d%0aX-Evil:%201", "';--",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			status, _ := w.head(method, "/files/"+path)
			if status != 404 {
				t.Errorf("%s %.60q: %d", method, path, status)
			}
		}
	}
	for _, method := range []string{"PUT", "POST", "DELETE", "OPTIONS"} {
		if status, body := w.do(method, "/files/b/c", nil); status != 405 || body != "the method is "+method+", want GET, HEAD\n" {
			t.Errorf("%s: %d %s", method, status, body)
		}
	}
}

func (w *warehouse) head(method, path string) (int, string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	res, err := w.http.Client().Transport.RoundTrip(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func TestFilesThatAreDamagedAreTheServersFailure(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	f := w.publish("a", pkgmeter.SourcePart, "content")
	sum := hex.EncodeToString(f.Blob.SHA256[:])
	file := filepath.Join(filepath.Dir(w.tmp), sum[:2], sum[2:4], sum)
	for name, harm := range map[string]func() error{
		"cut":  func() error { return os.Truncate(file, 3) },
		"gone": func() error { return os.Remove(file) },
	} {
		if err := harm(); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if status, body := w.do("GET", "/files/a", nil); status != 500 || body != "internal error\n" {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestADownloadThatBreaksOffIsToldWithWhatWasSent(t *testing.T) {
	t.Parallel()
	var told sendings
	w := openWarehouse(t, func(w *warehouse) { w.down.Served = told.add })
	const size = 64 << 20 // more than sockets hold
	secret := w.begin(pkgmeter.BuildPart)
	if status, body := w.put("build", secret, large(size)); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	w.serve("large", pkgmeter.BuildPart, secret)
	res, err := w.http.Client().Get(w.http.URL + "/files/large")
	if err != nil {
		t.Fatal(err)
	}
	io.CopyN(io.Discard, res.Body, 1<<20)
	res.Body.Close() // which closes the connection
	if got := told.next(t); got.sent < 1<<20 || got.sent >= size || got.status != 200 || !got.fromStart {
		t.Errorf("%+v", got)
	}
}

// The server's limits are for whole requests, and shorter than a download may
// take. An object of a bucket ends with its request, which must not end either.
func TestADownloadMayBeSlowButMustGoOn(t *testing.T) {
	t.Parallel()
	bucket, err := blob.Bucket(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	for name, blobs := range map[string]*blob.Store{"folder": nil, "bucket": bucket} {
		var told sendings
		w := openWarehouse(t, func(w *warehouse) {
			w.down.Served = told.add
			w.down.Stall = time.Second
			w.http.Config.ReadTimeout, w.http.Config.WriteTimeout = 150*time.Millisecond, 150*time.Millisecond
			if blobs != nil {
				w.blobs = blobs
			}
		})
		const size = 24 << 20
		secret := w.begin(pkgmeter.BuildPart)
		if status, body := w.put("build", secret, large(size)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		w.serve("large", pkgmeter.BuildPart, secret)
		res, err := w.http.Client().Get(w.http.URL + "/files/large")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, slow{res.Body, 20 * time.Millisecond}); n != size || err != nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		res.Body.Close()
		if got := told.next(t); got.sent != size || got.left {
			t.Errorf("%s: %+v", name, got)
		}
		// One that takes nothing is left.
		res, err = w.http.Client().Get(w.http.URL + "/files/large")
		if err != nil {
			t.Fatal(err)
		}
		if got := told.next(t); got.sent >= size || got.status != 200 {
			t.Errorf("%s: stuck: %+v", name, got)
		}
		res.Body.Close()
	}
}

// slow takes half a MiB at a time, with a pause before.
type slow struct {
	r     io.Reader
	pause time.Duration
}

func (s slow) Read(p []byte) (int, error) { time.Sleep(s.pause); return io.ReadAtLeast(s.r, p[:1], 1) }

func (s slow) WriteTo(w io.Writer) (n int64, err error) {
	for err == nil {
		time.Sleep(s.pause)
		var m int64
		m, err = io.CopyN(w, s.r, 1<<19)
		n += m
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// The kernel can send a file only if the server's connection gets it as it is.
func TestTheConnectionGetsTheFileItself(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	w.publish("a", pkgmeter.SourcePart, strings.Repeat("x", 1<<20))
	rec := &fileTaker{ResponseRecorder: httptest.NewRecorder()}
	w.down.ServeHTTP(rec, httptest.NewRequest("GET", "/files/a", nil))
	if rec.files == 0 || rec.others != 0 || rec.Body.Len() != 1<<20 {
		t.Errorf("%d files, %d others, %d bytes", rec.files, rec.others, rec.Body.Len())
	}
}

type fileTaker struct {
	*httptest.ResponseRecorder
	files, others int
}

func (f *fileTaker) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			f.files++
			return io.Copy(f.Body, r)
		}
	}
	f.others++
	return io.Copy(f.Body, r)
}

// A download against the same file served by nothing but the library.
func BenchmarkDownload(b *testing.B) {
	const size = 64 << 20
	w := openWarehouse(b, func(w *warehouse) { w.down.Served = (&sendings{}).add })
	secret := w.begin(pkgmeter.BuildPart)
	if status, body := w.put("build", secret, large(size)); status != 200 {
		b.Fatalf("%d %s", status, body)
	}
	f := w.serve("large", pkgmeter.BuildPart, secret)
	sum := hex.EncodeToString(f.Blob.SHA256[:])
	file := filepath.Join(filepath.Dir(w.tmp), sum[:2], sum[2:4], sum)
	bare := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		content, err := os.Open(file)
		if err != nil {
			b.Error(err)
			return
		}
		defer content.Close()
		rw.Header().Set("Content-Type", "application/gzip")
		http.ServeContent(rw, r, "", time.Time{}, content)
	}))
	defer bare.Close()
	for name, url := range map[string]string{"bare": bare.URL, "files": w.http.URL + "/files/large"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			buf := make([]byte, 1<<20)
			for b.Loop() {
				res, err := http.Get(url)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{res.Body}, buf)
				res.Body.Close()
				if n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}
