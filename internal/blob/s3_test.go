package blob_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/blob"
)

// fakeS3 is as much of S3 as a store asks for, with one bucket.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string][]byte // and parts of some
	times   map[string]time.Time
	parts   int             // that ever came
	ended   map[string]bool // keys whose upload in parts was completed or given up
}

const s3Bucket = "/bucket/"

// openS3 returns a store in a bucket of its own.
func openS3(t *testing.T) (*blob.Store, error) {
	s, _, err := openFakeS3(t)
	return s, err
}

func openFakeS3(t *testing.T) (*blob.Store, *fakeS3, error) {
	fake := &fakeS3{objects: map[string][]byte{}, times: map[string]time.Time{}, ended: map[string]bool{}}
	srv := httptest.NewServer(fake)
	t.Cleanup(srv.Close)
	s, err := blob.Bucket(t.Context(), "s3://bucket?region=eu-central-1&use_path_style=true&prefix=packages/&endpoint="+url.QueryEscape(srv.URL))
	return s, fake, err
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, q := strings.TrimPrefix(r.URL.Path, s3Bucket), r.URL.Query()
	body, err := s3Body(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.Method == "GET" && q.Has("list-type"):
		f.list(w, q.Get("prefix"))
	case r.Method == "GET" || r.Method == "HEAD":
		f.get(w, r, key)
	case r.Method == "POST" && q.Has("uploads"):
		f.ended[key] = false
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>%s</Key><UploadId>1</UploadId></InitiateMultipartUploadResult>", key)
	case r.Method == "POST": // all parts are there
		f.join(key)
		fmt.Fprintf(w, "<CompleteMultipartUploadResult><Key>%s</Key><ETag>x</ETag></CompleteMultipartUploadResult>", key)
	case r.Method == "PUT" && q.Has("partNumber") && f.ended[key]:
		http.Error(w, "<Error><Code>NoSuchUpload</Code><Message>none</Message></Error>", http.StatusNotFound)
	case r.Method == "PUT" && q.Has("partNumber"):
		f.parts++
		n, _ := strconv.Atoi(q.Get("partNumber"))
		f.put(fmt.Sprintf("%s part %05d", key, n), body)
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(body)))
	case r.Method == "PUT" && r.Header.Get("X-Amz-Copy-Source") != "":
		source, _ := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source"))
		f.put(key, f.objects[strings.TrimPrefix("/"+source, s3Bucket)])
		fmt.Fprint(w, "<CopyObjectResult><ETag>x</ETag></CopyObjectResult>")
	case r.Method == "PUT":
		f.put(key, body)
	case r.Method == "DELETE" && q.Has("uploadId"):
		f.join(key)
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == "DELETE":
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "what?", http.StatusNotImplemented)
	}
}

func (f *fakeS3) put(key string, body []byte) { f.objects[key], f.times[key] = body, time.Now() }

func (f *fakeS3) join(key string) {
	f.ended[key] = true
	var all []byte
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		if strings.HasPrefix(name, key+" part ") {
			all = append(all, f.objects[name]...)
			delete(f.objects, name)
		}
	}
	f.put(key, all)
}

func (f *fakeS3) get(w http.ResponseWriter, r *http.Request, key string) {
	body, ok := f.objects[key]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(body)))
	http.ServeContent(w, r, "", f.times[key], bytes.NewReader(body))
}

func (f *fakeS3) list(w http.ResponseWriter, prefix string) {
	type object struct {
		Key          string
		Size         int
		LastModified time.Time
		ETag         string
	}
	var result struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []object
	}
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if strings.HasPrefix(key, prefix) {
			result.Contents = append(result.Contents, object{key, len(f.objects[key]), f.times[key], "x"})
		}
	}
	xml.NewEncoder(w).Encode(result)
}

// s3Body reads a body, out of the pieces in which one of unknown digest comes.
func s3Body(r *http.Request) (body []byte, err error) {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return io.ReadAll(r.Body)
	}
	for in := bufio.NewReader(r.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(strings.Split(line, ";")[0]), 16, 64)
		if err != nil || size == 0 {
			return body, err
		}
		piece := make([]byte, size+2) // and the end of the line
		if _, err := io.ReadFull(in, piece); err != nil {
			return nil, err
		}
		body = append(body, piece[:size]...)
	}
}

func TestLargeObjectsOfS3AreWrittenInParts(t *testing.T) {
	t.Parallel()
	s, fake, err := openFakeS3(t)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	content := strings.Repeat("0123456789abcdef", 1<<21)
	b := put(t, s, content)
	if got := get(t, s, b.SHA256); got != content || fake.parts < 2 || len(fake.objects) != 1 {
		t.Errorf("%d bytes came back, of %d parts and %d objects", len(got), fake.parts, len(fake.objects))
	}
}

func TestWhatBreaksOffLeavesNoObjectInS3(t *testing.T) {
	t.Parallel()
	s, fake, err := openFakeS3(t)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, size := range []int{0, 10, 32 << 20} {
		broken := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(io.ErrNoProgress))
		if _, err := s.Put(t.Context(), broken, 1<<30); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	fake.mu.Lock()
	defer fake.mu.Unlock()
	for name := range fake.objects {
		// A part that was under way when its upload was given up may arrive later.
		// It is no object, and nobody can see it.
		if !strings.Contains(name, " part ") {
			t.Errorf("left: %q", name)
		}
	}
}
