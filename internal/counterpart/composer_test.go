package counterpart_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A packagist is a repository of Composer packages: a list, and a zip of each
// version. The list tells Composer where to say what was installed.
type packagist struct {
	*httptest.Server
	notify string // for repositories that come

	mu       sync.Mutex
	versions map[string]map[string]any // the list: names, and then versions
	zips     map[string][]byte         // by path
	fetched  map[string]int64          // zips, by path
}

func newPackagist(t *testing.T, notify string) *packagist {
	t.Helper()
	p := &packagist{notify: notify, versions: map[string]map[string]any{}, zips: map[string][]byte{}, fetched: map[string]int64{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *packagist) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/packages.json" {
		json.NewEncoder(w).Encode(map[string]any{"packages": p.versions, "notify-batch": p.notify})
		return
	}
	zipped, ok := p.zips[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	p.fetched[r.URL.Path]++
	w.Write(zipped)
}

// add publishes a version of a package.
func (p *packagist) add(t *testing.T, name, version string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("composer.json")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(toJSON(t, map[string]string{"name": name, "description": version}))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	file := fmt.Sprintf("/%d.zip", len(p.zips))
	p.zips[file] = b.Bytes()
	if p.versions[name] == nil {
		p.versions[name] = map[string]any{}
	}
	p.versions[name][version] = map[string]any{
		"name": name, "version": version, "dist": map[string]string{"type": "zip", "url": p.URL + file},
	}
}

// downloads returns how often each zip was fetched.
func (p *packagist) downloads() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.fetched)
}

// A project is a folder that needs packages.
type project struct {
	dir string
	env []string
}

// project makes a project. Those with the same home have one cache.
func (p *packagist) project(t *testing.T, home string, packages ...string) project {
	t.Helper()
	require := map[string]string{}
	for _, name := range packages {
		require[name] = "*"
	}
	dir := t.TempDir()
	about := toJSON(t, map[string]any{
		"name": "acme/project", "require": require, "minimum-stability": "dev", "config": map[string]any{"secure-http": false},
		"repositories": []any{map[string]string{"type": "composer", "url": p.URL}, map[string]bool{"packagist.org": false}},
	})
	if err := os.WriteFile(filepath.Join(dir, "composer.json"), about, 0o644); err != nil {
		t.Fatal(err)
	}
	tool(t, "unzip") // what Composer unpacks with; not all of PHP has zip
	return project{dir, []string{
		"HOME=" + home, "COMPOSER_HOME=" + home, "COMPOSER_CACHE_DIR=" + filepath.Join(home, "cache"),
		"COMPOSER_ALLOW_SUPERUSER=1", "TMPDIR=" + home, "no_proxy=*", "CI=",
	}}
}

// composer runs Composer in the project. It tells of what it installed before
// it ends, and waits for the answer.
func (p project) composer(t *testing.T, args ...string) {
	t.Helper()
	run(t, p.dir, p.env, tool(t, "composer"), append(args, "--no-interaction", "--no-progress")...)
}

// with returns the project with more in its environment.
func (p project) with(env ...string) project {
	p.env = append(p.env[:len(p.env):len(p.env)], env...)
	return p
}

func TestAnInstallOfComposerIsADownloadOfEachPackage(t *testing.T) {
	t.Parallel()
	m := startMeter(t)
	p := newPackagist(t, m.url("/hook/composer/")+m.token(t))
	all := []string{"acme/log", "acme/tools", "acme/web"}
	p.add(t, "acme/log", "1.2")
	p.add(t, "acme/tools", "v2.0.0-beta2")
	p.add(t, "acme/web", "dev-feature/x")
	home := t.TempDir()

	one := p.project(t, home, all...)
	one.composer(t, "install")
	const log, tools, web = "pkg:composer/acme/log", "pkg:composer/acme/tools", "pkg:composer/acme/web"
	m.wantDownloads(t, "file", "", map[string]int64{log + "@1.2.0.0": 1, tools + "@2.0.0.0-beta2": 1, web + "@dev-feature%2Fx": 1})

	// What is installed already is not installed again.
	one.composer(t, "install")
	one.composer(t, "update")
	m.wantDownloads(t, "package", "", map[string]int64{log: 1, tools: 1, web: 1})

	// From the cache it is an install like any other, that of a build too.
	p.project(t, home, all...).with("CI=true").composer(t, "install")
	m.wantDownloads(t, "package", "", map[string]int64{log: 2, tools: 2, web: 2})
	m.wantDownloads(t, "package", "class=ci", map[string]int64{log: 1, tools: 1, web: 1})
	if got := p.downloads(); !maps.Equal(got, map[string]int64{"/0.zip": 1, "/1.zip": 1, "/2.zip": 1}) {
		t.Errorf("the second install was not from the cache: %v", got)
	}

	p.add(t, "acme/log", "1.3.0")
	one.composer(t, "update")
	one.composer(t, "remove", "acme/web")
	for by, want := range map[string]map[string]int64{
		"version":    {"1.2.0.0": 2, "1.3.0.0": 1, "2.0.0.0-beta2": 2, "dev-feature/x": 2},
		"type":       {"composer": 7},
		"repository": {"(unknown)": 7},
		"client":     {"composer": 7},
		"class":      {"human": 4, "ci": 3},
	} {
		m.wantDownloads(t, by, "", want)
	}
	// Composer says no sizes but to packagist.org.
	if got, want := m.top(t, "kind", ""), (map[string]counts{"primary": {Downloads: 7, Hits: 7}}); !maps.Equal(got, want) {
		t.Errorf("kinds %+v, want %+v", got, want)
	}
}

func TestComposerCanHaveTheTokenInItsCredentials(t *testing.T) {
	t.Parallel()
	m := startMeter(t)
	token := m.token(t)
	p := newPackagist(t, m.url("/hook/composer"))
	p.add(t, "acme/log", "1.2.0")
	home := t.TempDir()
	for i, auth := range []string{
		fmt.Sprintf(`{"http-basic":{%q:{"username":"any","password":%q}}}`, m.addr, token),
		fmt.Sprintf(`{"bearer":{%q:%q}}`, m.addr, token),
	} {
		one := p.project(t, home, "acme/log").with("COMPOSER_AUTH=" + auth)
		one.composer(t, "install")
		m.wantDownloads(t, "version", "", map[string]int64{"1.2.0.0": int64(i + 1)})
		// The address stands in a file that people commit.
		lock, err := os.ReadFile(filepath.Join(one.dir, "composer.lock"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(lock), m.url("/hook/composer")) || strings.Contains(string(lock), token) {
			t.Errorf("composer.lock:\n%s", lock)
		}
	}
}

func TestComposerInstallsWhileTheProgramIsDown(t *testing.T) {
	t.Parallel()
	m := startMeter(t)
	p := newPackagist(t, m.url("/hook/composer/")+m.token(t))
	p.add(t, "acme/log", "1.2.0")
	home := t.TempDir()
	m.kill()
	p.project(t, home, "acme/log").composer(t, "install")
	m.start(t)
	p.project(t, home, "acme/log").composer(t, "install")
	m.wantDownloads(t, "version", "", map[string]int64{"1.2.0.0": 1}) // it says it once only
}
