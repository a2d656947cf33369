package counterpart_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// An image is a folder in the layout of OCI. No two images share a blob: what a
// registry has already is looked for instead of sent.
type image struct {
	dir       string
	digest    string            // of what a tag names: the index, or the only manifest
	platforms map[string]string // digests of the manifests, by architecture
	blobs     int64             // bytes of the layer and the configuration of each
	config    int64             // bytes of the configuration alone
}

type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Platform  map[string]string `json:"platform,omitempty"`
}

// newImage makes an image. For several architectures it has an index.
func newImage(t *testing.T, name string, architectures ...string) image {
	t.Helper()
	im := image{dir: filepath.Join(t.TempDir(), "image"), platforms: map[string]string{}}
	var manifests []descriptor
	for _, arch := range architectures {
		d := im.manifest(t, name, arch)
		im.platforms[arch] = d.Digest
		manifests = append(manifests, d)
	}
	top := manifests[0]
	if len(manifests) > 1 {
		top = im.put(t, ociIndex, toJSON(t, map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": manifests}))
	}
	im.digest = top.Digest
	im.write(t, "index.json", toJSON(t, map[string]any{"schemaVersion": 2, "manifests": []descriptor{top}}))
	im.write(t, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return im
}

// manifest makes the image of one platform. Names and architectures of the same
// length give blobs of the same length: nothing in them is compressed.
func (im *image) manifest(t *testing.T, name, arch string) descriptor {
	t.Helper()
	content := fmt.Appendf(nil, "%-16s%-8s", name, arch)
	var files, packed bytes.Buffer
	w := tar.NewWriter(&files)
	w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: int64(len(content))})
	w.Write(content)
	w.Close()
	z, _ := gzip.NewWriterLevel(&packed, gzip.NoCompression) // fails for other levels only
	z.Write(files.Bytes())
	z.Close()
	layer := im.put(t, "application/vnd.oci.image.layer.v1.tar+gzip", packed.Bytes())
	config := im.put(t, "application/vnd.oci.image.config.v1+json", toJSON(t, map[string]any{
		"os": "linux", "architecture": arch, "author": string(content), "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(files.Bytes())}},
	}))
	im.blobs, im.config = layer.Size+config.Size, config.Size
	d := im.put(t, ociManifest, toJSON(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "config": config, "layers": []descriptor{layer},
	}))
	d.Platform = map[string]string{"os": "linux", "architecture": arch}
	return d
}

func (im *image) put(t *testing.T, media string, blob []byte) descriptor {
	t.Helper()
	d := descriptor{MediaType: media, Digest: digestOf(blob), Size: int64(len(blob))}
	im.write(t, "blobs/"+strings.Replace(d.Digest, ":", "/", 1), blob)
	return d
}

func (im *image) write(t *testing.T, name string, b []byte) {
	t.Helper()
	file := filepath.Join(im.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// A registry is Debian's docker-registry, with skopeo as its client.
type registry struct {
	*process
	addr, home string
	looks      int64 // at the image settled
}

// startRegistry starts a registry that tells address what is asked of it.
func startRegistry(t *testing.T, address, token string) *registry {
	t.Helper()
	r := &registry{addr: freeAddress(t), home: t.TempDir()}
	config := filepath.Join(r.home, "registry.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}
http: {addr: %q}
notifications:
  endpoints:
    - {name: pkgmeter, url: %q, headers: {Authorization: ["Bearer %s"]}, timeout: 10s, threshold: 2, backoff: 100ms}
`, filepath.Join(r.home, "store"), r.addr, address, token), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "skopeo")
	r.process = begin(t, nil, tool(t, "docker-registry"), "serve", config)
	r.answers(t, "http://"+r.addr+"/v2/")
	r.push(t, newImage(t, "settled", "amd64"), "settled:1")
	return r
}

// anybody is how skopeo is run by root. For root it keeps a cache in /var/lib,
// whatever the environment says, and for anybody else below XDG_DATA_HOME: who
// has another number in a user namespace is somebody else. Where there can be
// none, as in some containers, it is nil, and the cache is where root has it.
var anybody = sync.OnceValue(func() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
	}
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = attr
	if cmd.Run() != nil {
		return nil
	}
	return attr
})

// skopeo runs skopeo to a good end.
func (r *registry) skopeo(t *testing.T, args ...string) {
	t.Helper()
	args = append([]string{"--insecure-policy", "--command-timeout", "1m", "--tmpdir", r.home, "--override-os", "linux"}, args...)
	cmd := exec.CommandContext(t.Context(), tool(t, "skopeo"), args...)
	cmd.Env = append(os.Environ(), "HOME="+r.home, "XDG_DATA_HOME="+r.home, "XDG_RUNTIME_DIR="+r.home)
	cmd.SysProcAttr = anybody()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("skopeo %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (r *registry) docker(name string) string { return "docker://" + r.addr + "/" + name }

func (r *registry) push(t *testing.T, im image, name string, flags ...string) {
	t.Helper()
	flags = append([]string{"copy", "--all", "--dest-tls-verify=false"}, flags...)
	r.skopeo(t, append(flags, "oci:"+im.dir, r.docker(name))...)
}

// pull fetches an image for one architecture into a folder of its own.
func (r *registry) pull(t *testing.T, arch, name string, flags ...string) {
	t.Helper()
	flags = append([]string{"--override-arch", arch, "copy", "--src-tls-verify=false"}, flags...)
	r.skopeo(t, append(flags, r.docker(name), "dir:"+t.TempDir())...)
}

// request is what a client without a program in Debian asks for.
func (r *registry) request(t *testing.T, method, path, agent, accept string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.addr+"/v2/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// settle waits until all that the registry was asked for until now is stored:
// its deliveries go one after the other, in the order of the requests.
func (r *registry) settle(t *testing.T, m *meter) {
	t.Helper()
	r.looks++
	r.request(t, http.MethodHead, "settled/manifests/1", "containerd/1.7.2", ociManifest)
	eventually(t, "the registry has told everything", func() bool {
		return m.top(t, "file", "repository=library")["settled:1"].Hits >= r.looks
	})
}

// A tally is what has to be counted until now.
type tally struct {
	m      *meter
	r      *registry
	files  map[string]int64 // downloads
	layers counts
}

func startTally(t *testing.T) *tally {
	t.Helper()
	m := startMeter(t)
	return &tally{m: m, r: startRegistry(t, m.url("/hook/distribution"), m.token(t)), files: map[string]int64{}}
}

// add checks everything, with a download more of each of the files, and with
// so many requests for blobs, and bytes of theirs.
func (c *tally) add(t *testing.T, blobs, bytes int64, files ...string) {
	t.Helper()
	for _, f := range files {
		c.files[f]++
	}
	c.layers.Hits, c.layers.Bytes = c.layers.Hits+blobs, c.layers.Bytes+bytes
	c.r.settle(t, c.m)
	c.m.wantDownloads(t, "file", "", c.files)
	if got := c.m.top(t, "kind", "")["layer"]; got != c.layers {
		t.Fatalf("layers: %+v, want %+v", got, c.layers)
	}
}

func TestOneRealPullOfAnImageIsOneDownload(t *testing.T) {
	t.Parallel()
	c := startTally(t)
	r := c.r
	app, web, deep := newImage(t, "app", "amd64"), newImage(t, "web", "amd64"), newImage(t, "deep", "amd64")
	r.push(t, app, "acme/app:1.4.0")
	r.push(t, web, "web:2.0")
	r.push(t, deep, "acme/team/deep:1")
	c.add(t, 0, 0) // pushes are no downloads, and uploaded layers no hits

	r.pull(t, "amd64", "acme/app:1.4.0")
	c.add(t, 2, app.blobs, "acme/app:1.4.0")
	r.pull(t, "amd64", "acme/app:1.4.0")
	c.add(t, 2, app.blobs, "acme/app:1.4.0")
	r.pull(t, "amd64", "web@"+web.digest)
	c.add(t, 2, web.blobs, "web@"+web.digest)
	r.pull(t, "amd64", "acme/team/deep:1")
	c.add(t, 2, deep.blobs, "acme/team/deep:1")

	for by, want := range map[string]map[string]int64{
		"type":       {"docker": 4},
		"kind":       {"primary": 4},
		"repository": {"acme": 3, "library": 1},
		"package":    {"pkg:docker/acme/app": 2, "pkg:docker/acme/team/deep": 1, "pkg:docker/web": 1},
		"version":    {"1.4.0": 2, "1": 1, web.digest: 1},
		"client":     {"skopeo": 4},
		"class":      {"human": 4},
	} {
		c.m.wantDownloads(t, by, "", want)
	}
}

func TestOneRealPullForSeveralPlatformsIsOneDownload(t *testing.T) {
	t.Parallel()
	c := startTally(t)
	r := c.r
	both := []string{"amd64", "arm64"}
	multi, parts, lone := newImage(t, "multi", both...), newImage(t, "parts", both...), newImage(t, "lone", both...)
	r.push(t, multi, "acme/multi:3.0")
	r.push(t, parts, "acme/parts:1")
	r.push(t, lone, "lone:1")
	r.push(t, newImage(t, "list", both...), "acme/list:1", "--format", "v2s2")
	c.add(t, 0, 0)

	r.pull(t, "arm64", "acme/multi:3.0")
	c.add(t, 2, multi.blobs, "acme/multi:3.0")
	r.pull(t, "amd64", "acme/multi:3.0")
	c.add(t, 2, multi.blobs, "acme/multi:3.0")
	r.pull(t, "amd64", "acme/multi:3.0", "--all")
	c.add(t, 4, 2*multi.blobs, "acme/multi:3.0")
	r.pull(t, "arm64", "acme/parts@"+parts.digest)
	c.add(t, 2, parts.blobs, "acme/parts@"+parts.digest)
	// The manifest of a platform alone is a pull too.
	r.pull(t, "amd64", "lone@"+lone.platforms["amd64"])
	c.add(t, 2, lone.blobs, "lone@"+lone.platforms["amd64"])

	// What containerd asks for: a look at the tag, and then digests.
	r.request(t, http.MethodHead, "acme/parts/manifests/1", "containerd/1.7.2", ociIndex)
	r.request(t, http.MethodGet, "acme/parts/manifests/"+parts.digest, "containerd/1.7.2", ociIndex)
	r.request(t, http.MethodGet, "acme/parts/manifests/"+parts.platforms["arm64"], "containerd/1.7.2", ociManifest)
	c.add(t, 0, 0, "acme/parts@"+parts.digest)
	// For a client that knows no lists the registry looks up the platform by
	// itself, and tells of two pulls.
	r.request(t, http.MethodGet, "acme/list/manifests/1", "docker/1.9.1", dockerManifest)
	c.add(t, 0, 0, "acme/list:1")
	c.m.wantDownloads(t, "client", "", map[string]int64{"skopeo": 5, "containerd": 1, "docker": 1})
}

func TestWhatElseIsAskedOfARegistryCountsByItsRequests(t *testing.T) {
	t.Parallel()
	c := startTally(t)
	r := c.r
	app, multi := newImage(t, "app", "amd64"), newImage(t, "multi", "amd64", "arm64")
	r.push(t, app, "acme/app:1")
	r.push(t, multi, "acme/multi:1")

	// skopeo inspect fetches the manifests with GET, and the configuration.
	r.skopeo(t, "--override-arch", "arm64", "inspect", "--tls-verify=false", r.docker("acme/multi:1"))
	c.add(t, 1, multi.config, "acme/multi:1")
	r.skopeo(t, "inspect", "--raw", "--tls-verify=false", r.docker("acme/app:1"))
	c.add(t, 0, 0, "acme/app:1")
	r.skopeo(t, "list-tags", "--tls-verify=false", r.docker("acme/app"))
	c.add(t, 0, 0)
	// What is pushed again is looked for with HEAD.
	r.push(t, app, "acme/app:2")
	c.add(t, 2, 0)
	// A copy within the registry is one fetch of the manifest and one of the
	// configuration, but the layer is looked for, and mounted.
	r.skopeo(t, "copy", "--src-tls-verify=false", "--dest-tls-verify=false", r.docker("acme/app:1"), r.docker("acme/copy:1"))
	c.add(t, 2, app.config, "acme/app:1")
	// skopeo delete looks the manifest up with GET.
	r.skopeo(t, "delete", "--tls-verify=false", r.docker("acme/copy:1"))
	c.add(t, 0, 0, "acme/copy:1")
}

func TestPullsWhileTheProgramIsDownCountOnceEach(t *testing.T) {
	t.Parallel()
	m := startMeter(t)
	r := startRegistry(t, m.url("/hook/distribution"), m.token(t))
	app, multi := newImage(t, "app", "amd64"), newImage(t, "multi", "amd64", "arm64")
	r.push(t, app, "acme/app:1")
	r.push(t, multi, "acme/multi:1")
	r.pull(t, "amd64", "acme/app:1")
	r.settle(t, m)

	m.kill()
	for _, arch := range []string{"amd64", "arm64", "amd64"} {
		r.pull(t, arch, "acme/multi:1")
		r.pull(t, "amd64", "acme/app:1")
	}
	m.start(t)
	r.settle(t, m)
	m.wantDownloads(t, "file", "", map[string]int64{"acme/app:1": 4, "acme/multi:1": 3})
	if got, want := m.top(t, "kind", "")["layer"], (counts{Hits: 14, Bytes: 4*app.blobs + 3*multi.blobs}); got != want {
		t.Errorf("layers: %+v, want %+v", got, want)
	}
}

// A line is what lies between the registry and the program. It can be told to
// kill the program in the middle of a delivery, and then loses the answer.
type line struct {
	*httptest.Server
	m          *meter
	fault      atomic.Pointer[fault] // that is to come
	duplicates atomic.Int64          // events that the program said it had already
}

// A fault kills the program while it has a delivery in which there is some text.
type fault struct {
	text  string
	after time.Duration // since the delivery was passed on; 0: when there is an answer
	done  chan struct{} // closed when the program is dead
	once  sync.Once
}

func newLine(t *testing.T, m *meter) *line {
	t.Helper()
	to, err := url.Parse(m.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	l := &line{m: m}
	l.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:    l,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // hang up
	})
	t.Cleanup(l.Close)
	return l
}

// RoundTrip passes a delivery on, unless the line breaks.
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	f := l.due(body)
	if f != nil && f.after > 0 {
		timer := time.AfterFunc(f.after, func() { f.strike(l.m) })
		defer timer.Stop()
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if f != nil {
		if err == nil {
			resp.Body.Close()
		}
		f.strike(l.m)
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var said struct{ Duplicates int64 }
	if json.Unmarshal(answer, &said) == nil {
		l.duplicates.Add(said.Duplicates)
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}

// due returns the fault that this delivery meets, if any. It is met once.
func (l *line) due(body []byte) *fault {
	if f := l.fault.Load(); f != nil && bytes.Contains(body, []byte(f.text)) && l.fault.CompareAndSwap(f, nil) {
		return f
	}
	return nil
}

func (f *fault) strike(m *meter) {
	f.once.Do(func() {
		m.kill()
		close(f.done)
	})
}

func TestAPullWhoseAnswerIsLostWithTheProgramCountsOnce(t *testing.T) {
	t.Parallel()
	m := startMeter(t)
	l := newLine(t, m)
	r := startRegistry(t, l.URL+"/hook/distribution", m.token(t))
	r.push(t, newImage(t, "app", "amd64"), "acme/app:1")
	multi := newImage(t, "multi", "amd64", "arm64")
	r.push(t, multi, "acme/multi:1")
	r.settle(t, m)

	want := map[string]int64{}
	// struck pulls an image, with a fault on the way of what is told of it.
	struck := func(name string, f *fault) {
		t.Helper()
		f.done = make(chan struct{})
		l.fault.Store(f)
		r.pull(t, "arm64", name)
		r.pull(t, "arm64", name)
		want[name] += 2
		select {
		case <-f.done:
		case <-time.After(startLimit):
			t.Fatalf("%s: the fault did not come", name)
		}
		m.start(t)
		r.settle(t, m)
		m.wantDownloads(t, "file", "", want)
	}
	// The deliveries are stored, and the registry does not know it.
	for _, text := range []string{ociIndex, multi.platforms["arm64"]} {
		struck("acme/multi:1", &fault{text: text})
	}
	struck("acme/app:1", &fault{text: ociManifest})
	stored := l.duplicates.Load()
	if stored < 3 {
		t.Errorf("%d events came again after they were stored, want 3", stored)
	}
	// Whether these are stored is a matter of luck. The image has one manifest: of
	// several, those that come before and after a restart would be two pulls.
	for range 5 {
		struck("acme/app:1", &fault{text: ociManifest, after: 1 + rand.N(2*time.Millisecond)})
	}
	t.Logf("of 5 events that came while the program was killed, %d were stored", l.duplicates.Load()-stored)
}
