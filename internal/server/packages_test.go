package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/server"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

const packagesURL = "http://packages.example"

// startPackages starts a server that packages can be published at.
func startPackages(t *testing.T) *site {
	t.Helper()
	return start(t, func(srv *server.Server) {
		blobs, err := blob.Folder(filepath.Join(t.TempDir(), "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { blobs.Close() })
		srv.Blobs, srv.PublicURL = blobs, packagesURL
		srv.Reports = sqlite.UseWriter{Store: srv.Store.(*sqlite.Store)}
	})
}

// publish publishes a package with a source, a readme and a build, and returns
// the paths of the three.
func (s *site) publish(t *testing.T, name string) (source, readme, build string) {
	t.Helper()
	c, err := ddp.Dial(t.Context(), s.url, ddp.DialOptions{Header: http.Header{"User-Agent": {meteorTool}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	call := func(result any, method string, args ...any) {
		t.Helper()
		if err := c.Call(t.Context(), method, result, args...); err != nil {
			t.Fatal(err)
		}
	}
	put := func(url, body string) (hash string) {
		t.Helper()
		got := s.ask(t, "PUT", strings.TrimPrefix(url, packagesURL), body)
		if got.status != 200 {
			t.Fatalf("PUT %s: %d %s", url, got.status, got.body)
		}
		sum := sha256.Sum256([]byte(body))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	var up struct {
		UploadToken string `json:"uploadToken"`
		UploadURL   string `json:"uploadUrl"`
		ReadmeURL   string `json:"readmeUrl"`
	}
	call(nil, "login", map[string]any{"resume": s.token(t, "admin", pkgmeter.ScopePublish)})
	call(nil, "createPackage", map[string]any{"name": name})
	call(&up, "createPackageVersion", map[string]any{
		"packageName": name, "version": "1.0.0", "description": "d", "exports": []any{}, "dependencies": map[string]any{}, "releaseName": nil,
	})
	readmeHash, sourceHash := put(up.ReadmeURL, "# Read <b>me</b>"), put(up.UploadURL, "the source")
	call(nil, "publishPackageVersion", up.UploadToken, map[string]any{"tarballHash": sourceHash, "treeHash": "t", "readmeHash": readmeHash})
	call(&up, "createPackageBuild", map[string]any{"packageName": name, "version": "1.0.0", "buildArchitectures": "os+web.browser"})
	call(nil, "publishPackageBuild", up.UploadToken, put(up.UploadURL, "the build"), "t")
	var page struct {
		Collections struct {
			Versions []struct {
				Source struct {
					URL string `json:"url"`
				} `json:"source"`
				Readme struct {
					URL string `json:"url"`
				} `json:"readme"`
			} `json:"versions"`
			Builds []struct {
				Build struct {
					URL string `json:"url"`
				} `json:"build"`
			} `json:"builds"`
		} `json:"collections"`
	}
	call(&page, "syncNewPackageData", map[string]any{"format": "1.1"})
	v, b := page.Collections.Versions[0], page.Collections.Builds[0]
	for _, p := range []*string{&v.Source.URL, &v.Readme.URL, &b.Build.URL} {
		path, ok := strings.CutPrefix(*p, packagesURL)
		if !ok {
			t.Fatalf("%s is not below the public address", *p)
		}
		*p = path
	}
	return v.Source.URL, v.Readme.URL, b.Build.URL
}

const meteorTool = "Meteor/3.0.4 OS/linux (x; 6.8.0; x86_64;)"

// What is fetched of the server's own packages counts as what others serve does.
func TestOwnPackagesAreCounted(t *testing.T) {
	t.Parallel()
	s := startPackages(t)
	source, readme, build := s.publish(t, "alice:foo")
	agent := header("User-Agent", meteorTool)
	for _, get := range []struct {
		method, path, want string
		status             int
		options            []func(*http.Request)
	}{
		{"GET", source, "the source", 200, nil},
		{"GET", readme, "# Read <b>me</b>", 200, nil},
		{"GET", build, "the build", 200, nil},
		{"HEAD", build, "", 200, nil},
		{"GET", build, "the build", 206, []func(*http.Request){header("Range", "bytes=0-")}},
		{"GET", build, "build", 206, []func(*http.Request){header("Range", "bytes=4-")}},
		{"GET", "/files/builds/none.tgz", "", 404, nil},
		{"GET", "/files/../files" + strings.TrimPrefix(build, "/files"), "", 404, nil},
	} {
		got := s.ask(t, get.method, get.path, "", append(get.options, agent)...)
		if got.status != get.status || get.want != "" && got.body != get.want {
			t.Errorf("%s %s: %d %q", get.method, get.path, got.status, got.body)
		}
	}
	type item struct {
		Key       string
		Downloads int
		Hits      int
	}
	top := func(query string) (items []item) {
		t.Helper()
		got := s.ask(t, "GET", "/api/v1/top?"+query, "", as("admin"))
		var body struct{ Items []item }
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Fatal(err, got.body)
		}
		return body.Items
	}
	for query, want := range map[string]item{
		"by=package":                  {"pkg:meteor/alice/foo", 2, 6},
		"by=client&repository=meteor": {"meteor", 2, 6},
		"by=version&type=meteor":      {"1.0.0", 2, 6},
		"by=kind&kind=sources":        {"sources", 0, 1},
		"by=kind&kind=metadata":       {"metadata", 0, 1},
		"by=file&kind=primary":        {"alice:foo-1.0.0-os+web.browser.tgz", 2, 4},
	} {
		var got []item
		for range 100 { // nobody waits for them to be stored
			if got = top(query); len(got) == 1 && got[0] == want {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
	uploads := 0
	err := s.store.Events(t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		if e.Op == pkgmeter.Upload && e.Source == "server" && e.Repository == "meteor" && e.Agent == meteorTool {
			uploads++
		}
		return nil
	})
	if err != nil || uploads != 2 {
		t.Errorf("%d uploads are in the ledger, want that of the version and that of the build (%v)", uploads, err)
	}
	page := s.ask(t, "GET", "/catalog/alice:foo", "")
	if page.status != 200 || !strings.Contains(page.body, "meteor add alice:foo") || !strings.Contains(page.body, "<b>me</b>") && !strings.Contains(page.body, "Read me") {
		t.Errorf("%d %s", page.status, page.body)
	}
}

// The Meteor tool takes a redirect of an upload for success.
func TestUploadsAreNeverRedirected(t *testing.T) {
	t.Parallel()
	s := startPackages(t)
	for _, path := range []string{"/upload/source/none", "/upload//source/none", "/upload/source/../source/none", "/upload/", "/upload/source/none/"} {
		if got := s.ask(t, "PUT", path, "x"); got.status != 404 || strings.Contains(got.body, "{") {
			t.Errorf("PUT %s: %d %s", path, got.status, got.body)
		}
	}
	if got := s.ask(t, "POST", "/upload/source/none", "x"); got.status != 405 {
		t.Errorf("POST: %d", got.status)
	}
}

// Reports of apps are stored when they are answered, and answered by the API.
func TestReportsOfAppsAreStored(t *testing.T) {
	t.Parallel()
	s := startPackages(t)
	c, err := ddp.Dial(t.Context(), s.url, ddp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	packages := []map[string]any{{"name": "alice:foo", "version": "1.0.0", "direct": true}, {"name": "bar", "version": "2.0.0", "direct": false}}
	for range 3 {
		if err := c.Call(t.Context(), "recordAppPackages", nil, "app", packages, map[string]any{"what": "sdk.run", "sessionId": "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if uses, err := s.store.UseOfDay(t.Context(), pkgmeter.DayOf(noon)); err != nil || len(uses) != 2 {
		t.Errorf("%+v, %v", uses, err)
	}
	for query, want := range map[string]string{
		"top?by=package&measure=adds":                     `{"key":"pkg:meteor/alice/foo","direct":1,"total":1}`,
		"totals?measure=adds&type=meteor":                 `"direct":1,"total":2`,
		"series?measure=adds&package=pkg:meteor%2Fbar":    `"direct":0,"total":1`,
		"top?by=version&measure=adds&package=pkg:npm%2Fx": `"items":[]`,
	} {
		if got := s.ask(t, "GET", "/api/v1/"+query, "", as("admin")); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	if got := s.ask(t, "GET", "/api/v1/top?by=client&measure=adds", "", as("admin")); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
