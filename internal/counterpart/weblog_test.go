package counterpart_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// An errand is a run of an installer in a folder of its own.
type errand struct {
	client string
	ask    []string // of the installer
	ci     bool     // in a build
	want   []string // what is installed then, with what it depends on
}

// env is all that the installer knows of where it runs: what the machine of the
// test is would be in its agent otherwise.
func (e *errand) env(dir string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "MAVEN_OPTS=-XX:TieredStopAtLevel=1", "MAVEN_SKIP_RC=1"}
	if e.ci {
		env = append(env, "CI=true", "GITHUB_ACTIONS=true")
	}
	return env
}

// class is what the installer's agent tells: Maven's says nothing of a CI.
func (e *errand) class() string {
	if e.ci && e.client != "maven" {
		return "ci"
	}
	return "human"
}

// command is what runs the installer.
func (e *errand) command(t *testing.T, s *site, dir string) *exec.Cmd {
	t.Helper()
	switch e.client {
	case "maven":
		settings := "<settings><mirrors><mirror><id>site</id><url>" + s.url("releases") + "</url><mirrorOf>*</mirrorOf></mirror></mirrors></settings>"
		// Central has no snapshots, so there is a repository that may.
		project := pom("test:test:1", "<packaging>pom</packaging><repositories><repository><id>own</id><url>http://own.invalid</url></repository></repositories>"+dependencies(e.ask...))
		for name, content := range map[string][]byte{"settings.xml": []byte(settings), "pom.xml": project} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return exec.CommandContext(t.Context(), tool(t, "mvn"), "-B", "-s", "settings.xml", "-Dmaven.repo.local="+filepath.Join(dir, "repository"),
			"org.example:fetch-maven-plugin:1.0:fetch")
	case "pip":
		tool(t, "pip3") // Debian's package has it besides the module
		args := []string{
			"-m", "pip", "install", "--isolated", "--disable-pip-version-check", "--no-compile",
			"--index-url", s.url("pypi/simple/"), "--target", filepath.Join(dir, "target"),
			// By http, it keeps nothing of other hosts than trusted ones, and pip 23.0 fetches
			// twice what it does not keep: each wheel that has metadata beside it.
			"--cache-dir", filepath.Join(dir, "cache"), "--trusted-host", "127.0.0.1",
		}
		return exec.CommandContext(t.Context(), tool(t, "python3"), append(args, e.ask...)...)
	}
	npm, err := exec.LookPath("npm") // it comes with Node
	if err != nil {
		npm = tool(t, "npm")
	}
	args := []string{"install", "--registry", s.url("npm/"), "--cache", filepath.Join(dir, "cache"), "--userconfig", filepath.Join(dir, "npmrc")}
	return exec.CommandContext(t.Context(), npm, append(args, e.ask...)...)
}

// prepare returns what does the errand.
func (e *errand) prepare(t *testing.T, s *site) func() error {
	t.Helper()
	dir := t.TempDir()
	cmd := e.command(t, s, dir)
	cmd.Dir, cmd.Env = dir, e.env(dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return func() error {
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
		got, err := installed(dir)
		if err == nil && !slices.Equal(got, e.want) {
			err = fmt.Errorf("%s installed %q, want %q\n%s", cmd, got, e.want, out)
		}
		return err
	}
}

var (
	mavenJar    = regexp.MustCompile(`^repository/(.+)/([^/]+)/([^/]+)/[^/]+\.jar$`)
	pythonInfo  = regexp.MustCompile(`^target/([^/]+)-([^/]+)\.dist-info/METADATA$`)
	nodePackage = regexp.MustCompile(`^node_modules/(?:(@[^/]+)/)?([^/]+)/package\.json$`)
)

// installed returns the packages that installers have put into a folder.
func installed(dir string) ([]string, error) {
	all := map[string]bool{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if p := mavenJar.FindStringSubmatch(name); p != nil {
			all["pkg:maven/"+strings.ReplaceAll(p[1], "/", ".")+"/"+p[2]+"@"+p[3]] = true
		} else if p := pythonInfo.FindStringSubmatch(name); p != nil {
			all["pkg:pypi/"+strings.ReplaceAll(p[1], "_", "-")+"@"+p[2]] = true
		} else if p := nodePackage.FindStringSubmatch(name); p != nil {
			var about struct{ Name, Version string }
			text, err := fs.ReadFile(root, name)
			if err == nil {
				err = json.Unmarshal(text, &about)
			}
			if err != nil {
				return err
			}
			all["pkg:npm/"+strings.Replace(about.Name, "@", "%40", 1)+"@"+about.Version] = true
		}
		return err
	})
	return slices.Sorted(maps.Keys(all)), err
}

// passing are requests of other kinds than an installer's: most are downloads
// in no log.
var passing = []struct {
	method, header, value, path string
	status                      int
}{
	{"GET", "", "", tools, 200},
	{"HEAD", "", "", tools, 200},
	{"GET", "Range", "bytes=0-99", tools, 206},
	{"GET", "Range", "bytes=100-", tools, 206},
	{"GET", "If-None-Match", "*", tools, 304},
	{"GET", "", "", "raw/tools/2.0/none.zip", 404},
}

// A passerBy goes round these requests until it is stopped.
type passerBy struct {
	rounds atomic.Int64
	stop   chan struct{}
}

func (p *passerBy) walk(ctx context.Context, s *site) error {
	pace := time.NewTicker(50 * time.Millisecond) // the installers want the processors too
	defer pace.Stop()
	for {
		for _, r := range passing {
			// A log is known by its beginning. Without the query, one that is emptied in its
			// first second could begin again with the same lines, and be taken for what was read.
			req, err := http.NewRequestWithContext(ctx, r.method, fmt.Sprintf("%s?%d", s.url(r.path), p.rounds.Load()), nil)
			if err != nil {
				return err
			}
			if r.header != "" {
				req.Header.Set(r.header, r.value)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != r.status {
				err = fmt.Errorf("%v: %s", r, resp.Status)
			}
			if err != nil {
				return err
			}
		}
		p.rounds.Add(1)
		select {
		case <-p.stop:
			return nil
		case <-pace.C:
		}
	}
}

// logs are the names of the logs that are followed, each into a meter of its own.
var logs = []string{"access.log", "access.json"}

// A reader is a meter that follows a log.
type reader struct {
	*meter
	log    string
	follow *process
}

func (r *reader) begin(t *testing.T) {
	t.Helper()
	r.follow = begin(t, nil, r.bin, "import", "--follow", "--data", r.data, r.log)
}

// hits are all of them so far.
func (r *reader) hits(t *testing.T) int64 {
	t.Helper()
	var all counts
	r.ask(t, "/api/v1/totals", &all)
	return all.Hits
}

// more waits until both meters have counted some more requests: what is done to
// them next is done while they read.
func more(t *testing.T, readers []*reader) {
	t.Helper()
	for _, r := range readers {
		const some = 20
		from := r.hits(t)
		eventually(t, r.log+" is followed", func() bool { return r.hits(t) >= from+some })
	}
}

// The errands of people, and then of builds. npm asks for the scoped package
// first, whose name tells that the repository is one of npm: the packument of
// left-pad would be a file of any kind before.
var (
	people = []errand{
		{client: "npm", ask: []string{"@acme/widget@1.0.0"}, want: []string{"pkg:npm/%40acme/widget@1.0.0", "pkg:npm/left-pad@1.3.0"}},
		{client: "pip", ask: []string{"acme-tool==1.0"}, want: []string{"pkg:pypi/acme-lib@0.9", "pkg:pypi/acme-tool@1.0"}},
		{client: "maven", ask: []string{"com.acme:app:1.0"}, want: []string{
			"pkg:maven/com.acme/app@1.0", "pkg:maven/com.acme/lib@2.0",
			"pkg:maven/org.codehaus.plexus/plexus-utils@1.1",
			"pkg:maven/org.example/fetch-maven-plugin@1.0",
		}},
	}
	builds = []errand{
		{client: "npm", ci: true, ask: []string{"left-pad@1.2.0"}, want: []string{"pkg:npm/left-pad@1.2.0"}},
		{client: "pip", ci: true, ask: []string{"acme-tool==2.0", "acme-source"}, want: []string{
			"pkg:pypi/acme-lib@0.9", "pkg:pypi/acme-source@0.5", "pkg:pypi/acme-tool@2.0",
		}},
		{client: "maven", ci: true, ask: []string{"com.acme:app:1.1", "com.acme:early:0.1-SNAPSHOT"}, want: []string{
			"pkg:maven/com.acme/app@1.1", "pkg:maven/com.acme/early@0.1-SNAPSHOT", "pkg:maven/com.acme/lib@2.0",
			"pkg:maven/org.codehaus.plexus/plexus-utils@1.1",
			"pkg:maven/org.example/fetch-maven-plugin@1.0",
		}},
	}
)

func TestAFollowedNginxLogCountsWhatInstallersInstalled(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	var readers []*reader
	for _, log := range logs {
		r := &reader{meter: startMeter(t), log: filepath.Join(s.dir, log)}
		r.begin(t)
		readers = append(readers, r)
	}
	passer := &passerBy{stop: make(chan struct{})}
	var running, passes errgroup.Group
	t.Cleanup(func() { // they end with the context of the test
		running.Wait()
		passes.Wait()
	})
	passes.Go(func() error { return passer.walk(t.Context(), s) })

	send(t, s, &running, people)
	more(t, readers)
	s.rename(t, 1, func() { more(t, readers) })
	more(t, readers)
	for _, r := range readers {
		r.follow.kill()
	}
	passer.wait(t, 5)
	s.copyTruncate(t, 2) // while nobody reads
	passer.wait(t, 5)
	for _, r := range readers {
		r.begin(t)
	}
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	send(t, s, &running, builds)
	more(t, readers)
	s.copyTruncate(t, 3)
	more(t, readers)
	s.rename(t, 4, func() { more(t, readers) })
	if err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	close(passer.stop)
	if err := passes.Wait(); err != nil {
		t.Fatal(err)
	}

	for _, r := range readers {
		r.check(t, s, passer.rounds.Load())
		r.again(t)
		r.check(t, s, passer.rounds.Load())
	}
}

// send sends installers on their errands, all at once.
func send(t *testing.T, s *site, running *errgroup.Group, errands []errand) {
	t.Helper()
	for _, e := range errands {
		running.Go(e.prepare(t, s))
	}
}

func (p *passerBy) wait(t *testing.T, rounds int64) {
	t.Helper()
	from := p.rounds.Load()
	eventually(t, "requests go on", func() bool { return p.rounds.Load() >= from+rounds })
}

// check compares the numbers with what was installed, what the passer-by did,
// and the log of the test.
func (r *reader) check(t *testing.T, s *site, rounds int64) {
	t.Helper()
	packages, clients := map[string]int64{}, map[string]int64{}
	for _, e := range slices.Concat(people, builds) {
		for _, p := range e.want {
			packages[p]++
			clients[e.client+" "+e.class()]++
		}
	}
	if strings.HasSuffix(r.log, ".json") {
		rounds *= 2 // it has the range too: a part from the first byte on is a download
	}
	packages["pkg:generic/tools@2.0"], clients["go human"] = rounds, rounds

	want := s.witnessed(t)
	eventually(t, "all of "+r.log+" is read", func() bool { return r.hits(t) >= total(want.hits) })
	hits, bytes := measures(r.top(t, "file", ""))
	wantSame(t, r.log+": hits by file", hits, want.hits)
	wantSame(t, r.log+": bytes by file", bytes, want.bytes)
	hits, _ = measures(r.top(t, "kind", ""))
	wantSame(t, r.log+": hits by kind", hits, want.kinds)
	wantSame(t, r.log+": downloads", r.both(t, "package", "version", "@"), packages)
	wantSame(t, r.log+": downloads by client", r.both(t, "client", "class", " "), clients)
}

func total(all map[string]int64) (n int64) {
	for _, m := range all {
		n += m
	}
	return n
}

// both returns the downloads by two keys at once.
func (r *reader) both(t *testing.T, one, two, between string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	for a := range downloads(r.top(t, one, "")) {
		for b, n := range downloads(r.top(t, two, one+"="+url.QueryEscape(a))) {
			all[a+between+b] = n
		}
	}
	return all
}

func measures(all map[string]counts) (hits, bytes map[string]int64) {
	hits, bytes = map[string]int64{}, map[string]int64{}
	for k, c := range all {
		hits[k], bytes[k] = c.Hits, c.Bytes
	}
	return hits, bytes
}

func wantSame(t *testing.T, what string, got, want map[string]int64) {
	t.Helper()
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("%s: %s: got %d, want %d", what, k, got[k], want[k])
		}
	}
	for k, n := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: %s: got %d, want none", what, k, n)
		}
	}
}

// again ends the follower, and imports what it has read once more: each rotated
// log, under another name and packed.
func (r *reader) again(t *testing.T) {
	t.Helper()
	r.follow.stop(t)
	if said := r.follow.log.String(); !strings.HasSuffix(said, " 0 rejected\n") {
		t.Errorf("the follower of %s said: %s", r.log, said)
	}
	rotated, err := filepath.Glob(r.log + ".[0-9]")
	if err != nil || len(rotated) != 4 {
		t.Fatalf("rotated: %q (%v)", rotated, err)
	}
	for _, name := range rotated {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text, []byte("\n"))
		packed := filepath.Join(t.TempDir(), "kept")
		if err := os.WriteFile(packed, gzipped(t, text), 0o600); err != nil {
			t.Fatal(err)
		}
		said := r.command(t, "import", packed)
		if want := fmt.Sprintf("0 new, %d known, 0 rejected\n", lines); !strings.HasSuffix(said, want) {
			t.Errorf("%s once more: %s, want %s", name, said, want)
		}
	}
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
