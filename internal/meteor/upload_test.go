package meteor_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A warehouse is a server that takes and serves bytes.
type warehouse struct {
	testing.TB
	store *sqlite.Store
	blobs *blob.Store
	up    meteor.Uploads
	down  meteor.Downloads
	tmp   string // where temporary files are
	http  *httptest.Server
	life  time.Duration // of what is pending; 2 hours
	clock atomic.Int64  // how far the clock of the store is ahead, nanoseconds
}

// openWarehouse starts a server; change may change its options before.
func openWarehouse(t testing.TB, change func(w *warehouse)) *warehouse {
	t.Helper()
	dir := t.TempDir()
	w := &warehouse{TB: t, life: 2 * time.Hour, tmp: filepath.Join(dir, "blobs", "tmp")}
	var err error
	w.store, err = sqlite.Open(t.Context(), dir, sqlite.Options{Now: func() time.Time { return time.Now().Add(time.Duration(w.clock.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.blobs, err = blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.blobs.Close() })
	w.http = httptest.NewUnstartedServer(httpx.Secure(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/upload/") {
			w.up.ServeHTTP(rw, r)
			return
		}
		w.down.ServeHTTP(rw, r)
	})))
	w.http.Config.ReadTimeout, w.http.Config.WriteTimeout = 30*time.Second, 60*time.Second
	if change != nil {
		change(w)
	}
	w.up.Store, w.up.Blobs, w.down.Store, w.down.Blobs = w.store, w.blobs, w.store, w.blobs
	w.http.Start()
	t.Cleanup(w.http.Close)
	return w
}

var secrets atomic.Int64

// begin makes something pending and returns the secret for its upload.
func (w *warehouse) begin(part pkgmeter.PublishedPart) (secret string) {
	w.Helper()
	secret = fmt.Sprintf("secret%d", secrets.Add(1))
	err := w.store.AddPending(w.Context(), pkgmeter.Pending{
		Token: sha256.Sum256([]byte(secret)), Part: part, Key: secret, User: "alice", Record: []byte("{}"),
		Expires: time.Now().Add(time.Duration(w.clock.Load()) + w.life),
	})
	if err != nil {
		w.Fatal(err)
	}
	return secret
}

func (w *warehouse) pending(secret string) pkgmeter.Pending {
	w.Helper()
	p, err := w.store.Pending(w.Context(), sha256.Sum256([]byte(secret)))
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// publish serves bytes at a path.
func (w *warehouse) publish(path string, part pkgmeter.PublishedPart, content string) pkgmeter.PublishedFile {
	w.Helper()
	secret := w.begin(part)
	name := map[pkgmeter.PublishedPart]string{pkgmeter.SourcePart: "source", pkgmeter.BuildPart: "build", pkgmeter.ReadmePart: "readme"}[part]
	if status, body := w.put(name, secret, strings.NewReader(content)); status != 200 {
		w.Fatalf("%d %s", status, body)
	}
	return w.serve(path, part, secret)
}

func (w *warehouse) serve(path string, part pkgmeter.PublishedPart, secret string) pkgmeter.PublishedFile {
	w.Helper()
	p := w.pending(secret)
	f := pkgmeter.PublishedFile{Path: path, Blob: p.Source, Package: "pkg:meteor/a", Version: "1.0.0", Part: part}
	if part == pkgmeter.ReadmePart {
		f.Blob = p.Readme
	}
	if err := w.store.EditCatalog(w.Context(), pkgmeter.CatalogEdit{Publish: p.Token, Files: []pkgmeter.PublishedFile{f}}); err != nil {
		w.Fatal(err)
	}
	return f
}

func (w *warehouse) put(part, secret string, body io.Reader) (status int, answer string) {
	w.Helper()
	return w.do(http.MethodPut, "/upload/"+part+"/"+secret, body)
}

// do sends a request. Any redirect is a failure: the tool takes one for success.
func (w *warehouse) do(method, path string, body io.Reader) (status int, answer string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.http.URL+path, body)
	if err != nil {
		w.Fatal(err)
	}
	res, err := w.http.Client().Transport.RoundTrip(req)
	if err != nil {
		w.Errorf("%s %s: %v", method, path, err)
		return 0, ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 == 3 {
		w.Errorf("%s %s: %d, %v", method, path, res.StatusCode, err)
	}
	if res.StatusCode >= 400 && strings.Count(string(text), "\n") != 1 || res.Header.Get("Content-Encoding") != "" {
		w.Errorf("%s %s: %d, header %v, %q is not one line", method, path, res.StatusCode, res.Header, text)
	}
	return res.StatusCode, string(text)
}

// kept returns how many bytes there are by their content, of which all must be
// right, and fails if there are others.
func (w *warehouse) kept() (n int) {
	w.Helper()
	eventually(w, "an empty folder of temporary files", func() bool {
		left, err := os.ReadDir(w.tmp)
		return err == nil && len(left) == 0
	})
	err := w.blobs.Each(w.Context(), func(b pkgmeter.Blob, _ time.Time) error {
		n++
		return w.blobs.Check(w.Context(), b.SHA256)
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func TestCase56UploadsAreTaken(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, func(w *warehouse) { w.up.MaxTarball, w.up.MaxReadme = 2<<20, 1000 })
	version, build, readme := w.begin(pkgmeter.SourcePart), w.begin(pkgmeter.BuildPart), w.begin(pkgmeter.ReadmePart)
	published := w.begin(pkgmeter.BuildPart)
	w.put("build", published, strings.NewReader("published"))
	w.serve("p", pkgmeter.BuildPart, published)
	long := strings.Repeat("x", 3<<20)
	chunked := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) } // of unknown length
	for name, tt := range map[string]struct {
		method, part, secret string
		body                 io.Reader
		status               int
		answer               string
	}{
		"a source":              {"PUT", "source", version, strings.NewReader("s"), 200, "ok\n"},
		"a readme of nothing":   {"PUT", "readme", version, http.NoBody, 200, "ok\n"},
		"a build of no length":  {"PUT", "build", build, chunked("b"), 200, "ok\n"},
		"another readme":        {"PUT", "readme", readme, strings.NewReader("r"), 200, "ok\n"},
		"a build of a version":  {"PUT", "build", version, strings.NewReader("x"), 404, "there is nothing to upload here: begin to publish again\n"},
		"a source of a build":   {"PUT", "source", build, strings.NewReader("x"), 404, ""},
		"a readme of a build":   {"PUT", "readme", build, strings.NewReader("x"), 404, ""},
		"a source of a readme":  {"PUT", "source", readme, strings.NewReader("x"), 404, ""},
		"an unknown token":      {"PUT", "source", "nosuch", strings.NewReader("x"), 404, "this upload is unknown or has expired: begin to publish again\n"},
		"a large unwanted body": {"PUT", "source", "nosuch", strings.NewReader(long), 404, ""},
		"no token":              {"PUT", "source", "", strings.NewReader("x"), 404, ""},
		"an unknown part":       {"PUT", "sources", version, strings.NewReader("x"), 404, ""},
		"no part":               {"PUT", "", version, strings.NewReader("x"), 404, ""},
		"a token and more":      {"PUT", "source", version + "/x", strings.NewReader("x"), 404, ""},
		"a long token":          {"PUT", "source", strings.Repeat("x", 100_000), strings.NewReader("x"), 404, ""},
		"dots":                  {"PUT", "source", "../source/" + version, strings.NewReader("x"), 404, ""},
		"hidden dots":           {"PUT", "source", "%2e%2e/source/" + version, strings.NewReader("x"), 404, ""},
		"two slashes":           {"PUT", "source", "/" + version, strings.NewReader("x"), 404, ""},
		"NUL":                   {"PUT", "source", version + "%00", strings.NewReader("x"), 404, ""},
		"a large tarball":       {"PUT", "source", version, strings.NewReader(long), 413, "the tarball is larger than 2097152 bytes, which is the most that this server takes\n"},
		"one that does not say": {"PUT", "build", build, chunked(long), 413, "the tarball is larger than 2097152 bytes, which is the most that this server takes\n"},
		"a large readme":        {"PUT", "readme", version, strings.NewReader(long[:1001]), 413, "the readme is larger than 1000 bytes, which is the most that this server takes\n"},
		"what is published":     {"PUT", "build", published, strings.NewReader("other"), 409, "this is published already and cannot be replaced\n"},
		"GET":                   {"GET", "source", version, nil, 405, "the method is GET, want PUT\n"},
		"POST":                  {"POST", "source", version, strings.NewReader("x"), 405, ""},
		"DELETE":                {"DELETE", "source", version, nil, 405, ""},
		"what is not a method":  {"GEH", "source", version, nil, 405, ""},
	} {
		status, answer := w.do(tt.method, "/upload/"+tt.part+"/"+tt.secret, tt.body)
		if status != tt.status || tt.answer != "" && answer != tt.answer {
			t.Errorf("%s: %d %q", name, status, answer)
		}
	}
	v := w.pending(version)
	if v.Source != blobOf("s") || v.Readme != blobOf("") || w.pending(build).Source != blobOf("b") || w.pending(readme).Readme != blobOf("r") {
		t.Errorf("uploaded: %+v, %+v, %+v", v, w.pending(build), w.pending(readme))
	}
	if n := w.kept(); n != 5 {
		t.Errorf("%d are kept", n)
	}
}

func blobOf(content string) pkgmeter.Blob {
	return pkgmeter.Blob{SHA256: sha256.Sum256([]byte(content)), Size: int64(len(content))}
}

func TestTokensForUploadsExpire(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	secret := w.begin(pkgmeter.BuildPart)
	w.clock.Add(int64(2*time.Hour + time.Second))
	if status, body := w.put("build", secret, strings.NewReader("x")); status != 404 || w.kept() != 0 {
		t.Errorf("%d %s", status, body)
	}
}

func TestAnotherUploadReplacesTheFirst(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, func(w *warehouse) { w.life = 48 * time.Hour })
	secret := w.begin(pkgmeter.SourcePart)
	for _, content := range []string{"first", "second"} {
		if status, body := w.put("source", secret, strings.NewReader(content)); status != 200 || w.pending(secret).Source != blobOf(content) {
			t.Errorf("%d %s, %+v", status, body, w.pending(secret))
		}
	}
	// A day later, nothing needs the first any more.
	w.sweep(23 * time.Hour)
	if n := w.kept(); n != 2 {
		t.Errorf("%d are kept after 23 hours", n)
	}
	w.sweep(2 * time.Hour)
	if n := w.kept(); n != 1 || w.pending(secret).Source != blobOf("second") {
		t.Errorf("%d are kept after 25 hours", n)
	}
	w.sweep(24 * time.Hour)
	if n := w.kept(); n != 0 {
		t.Errorf("%d are kept of what expired", n)
	}
}

// sweep lets time go by first.
func (w *warehouse) sweep(later time.Duration) {
	w.Helper()
	now := time.Now().Add(time.Duration(w.clock.Add(int64(later))))
	if err := blob.Sweep(w.Context(), w.store, w.blobs, now); err != nil {
		w.Error(err)
	}
}

// raw sends the head of an upload and as much of the body as given.
func (w *warehouse) raw(secret string, announced int, body []byte) *net.TCPConn {
	w.Helper()
	conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "PUT /upload/source/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", secret, announced)
	if _, err := conn.Write(body); err != nil {
		w.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answer reads what comes back.
func (w *warehouse) answer(conn net.Conn) (status int, body string) {
	w.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestFewerBytesThanAnnouncedAreRefused(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	secret := w.begin(pkgmeter.SourcePart)
	conn := w.raw(secret, 10, []byte("1234"))
	conn.CloseWrite()
	if status, body := w.answer(conn); status != 400 || body != "the upload was cut short: 4 of 10 bytes came\n" {
		t.Errorf("%d %q", status, body)
	}
	if w.kept() != 0 || w.pending(secret).Source.Uploaded() {
		t.Errorf("it is there: %+v", w.pending(secret))
	}
}

func TestUploadsThatAreCutAnywhereLeaveNothing(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	content := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{1}).Read(content)
	secret := w.begin(pkgmeter.SourcePart)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { w.raw(secret, len(content), content[:len(content)*i/100]).Close() })
		if i%10 == 9 {
			wg.Wait()
		}
	}
	if n := w.kept(); n != 0 || w.pending(secret).Source.Uploaded() {
		t.Errorf("%d are kept, %+v", n, w.pending(secret))
	}
	if status, body := w.put("source", secret, bytes.NewReader(content)); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	w.sweep(0)
	if w.kept() != 1 {
		t.Error("a sweep took what is pending")
	}
	w.sweep(25 * time.Hour)
	if w.kept() != 0 {
		t.Error("a sweep left what expired")
	}
}

func TestTheSameBytesMayBeUploadedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	content := strings.Repeat("the same ", 100_000)
	var wg sync.WaitGroup
	for range 8 {
		secret := w.begin(pkgmeter.BuildPart)
		wg.Go(func() {
			if status, body := w.put("build", secret, strings.NewReader(content)); status != 200 || w.pending(secret).Source != blobOf(content) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	wg.Wait()
	if n := w.kept(); n != 1 {
		t.Errorf("%d are kept", n)
	}
}

// Sweeps that take everything for old run beside uploads that replace each other
// with bytes that were there a moment ago.
func TestASweepLeavesWhatIsBeingUploaded(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var uploads, sweeps sync.WaitGroup
	sweeps.Go(func() {
		for ctx.Err() == nil {
			if err := blob.Sweep(t.Context(), w.store, w.blobs, time.Now().Add(100*time.Hour)); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		secret := w.begin(pkgmeter.SourcePart)
		uploads.Go(func() {
			for i := range 60 {
				if status, body := w.put("source", secret, strings.NewReader([]string{"a", "b"}[i%2])); status != 200 {
					t.Errorf("%d %s", status, body)
				}
				if err := w.blobs.Check(t.Context(), w.pending(secret).Source.SHA256); err != nil {
					t.Errorf("upload %d: %v", i, err)
				}
			}
		})
	}
	uploads.Wait()
	cancel()
	sweeps.Wait()
}

func TestAnUploadMayBeSlowButMustGoOn(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, func(w *warehouse) {
		w.up.Stall = 300 * time.Millisecond
		w.http.Config.ReadTimeout, w.http.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	})
	slow, stuck := w.begin(pkgmeter.SourcePart), w.begin(pkgmeter.SourcePart)
	conn := w.raw(slow, 10, nil)
	for range 10 {
		time.Sleep(60 * time.Millisecond) // three times as long as the server's limits, all in all
		conn.Write([]byte("x"))
	}
	if status, body := w.answer(conn); status != 200 {
		t.Errorf("slow: %d %s", status, body)
	}
	start := time.Now()
	status, body := w.answer(w.raw(stuck, 10, []byte("xx")))
	if took := time.Since(start); status != 400 || body != "the upload was cut short: 2 of 10 bytes came\n" || took < w.up.Stall {
		t.Errorf("stuck: %d %s after %v", status, body, took)
	}
}

// The time for reading ends while bytes are put into their place, and has to end
// nothing else.
func TestAnUploadOutlivesTheTimeForReading(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, func(w *warehouse) { w.up.Stall = 50 * time.Millisecond })
	watched := &watchedStore{PendingStore: w.store}
	w.up.Store = watched
	secret := w.begin(pkgmeter.SourcePart)
	done := w.blobs.Sweeping() // holds the upload where it has all bytes
	conn := w.raw(secret, 4, []byte("1234"))
	time.Sleep(4 * w.up.Stall)
	done()
	if status, body := w.answer(conn); status != 200 || watched.left != nil {
		t.Errorf("%d %s, the client has left: %v", status, body, watched.left)
	}
}

// A watchedStore notes whether the request had ended when its bytes were there.
type watchedStore struct {
	meteor.PendingStore
	left error
}

func (s *watchedStore) SetUpload(ctx context.Context, token [32]byte, part pkgmeter.PublishedPart, b pkgmeter.Blob) error {
	s.left = ctx.Err()
	return s.PendingStore.SetUpload(ctx, token, part, b)
}

func TestTooManyAnnouncedBytesAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	if status, body := w.answer(w.raw(w.begin(pkgmeter.SourcePart), 1<<30+1, nil)); status != 413 {
		t.Errorf("%d %s", status, body)
	}
}

// A disk that is full, or anything else that is not the publisher's fault.
func TestWhatTheServerCannotStoreIsItsOwnFailure(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, nil)
	secret := w.begin(pkgmeter.SourcePart)
	if err := os.RemoveAll(w.tmp); err != nil {
		t.Fatal(err)
	}
	if status, body := w.put("source", secret, strings.NewReader("x")); status != 500 || body != "internal error\n" {
		t.Errorf("%d %s", status, body)
	}
}
