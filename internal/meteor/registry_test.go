package meteor_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A registry is a server that takes publications, with its real store and
// accounts, on a port of its own. Whatever a test leaves in it has to be EJSON.
type registry struct {
	testing.TB
	store *sqlite.Store
	log   *logBuffer
	url   string

	mu   sync.Mutex
	told []pkgmeter.PublishedFile
}

func openRegistry(t testing.TB) *registry {
	t.Helper()
	r := &registry{TB: t, log: &logBuffer{}}
	dir := t.TempDir()
	var err error
	if r.store, err = sqlite.Open(t.Context(), dir, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.store.Close() })
	blobs, err := blob.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	hs := httptest.NewUnstartedServer(nil)
	r.url = "http://" + hs.Listener.Addr().String()
	srv := meteor.New(meteor.Options{
		Store: r.store, Days: meteor.NewStatsDays(firstStart), Logger: slog.New(slog.NewTextHandler(r.log, nil)),
		Publishing: &meteor.Publishing{
			Store: r.store, Accounts: auth.New(r.store, time.Now), PublicURL: r.url, Now: time.Now,
			Published: func(f pkgmeter.PublishedFile, _ string) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.told = append(r.told, f)
			},
		},
	})
	uploads, downloads := &meteor.Uploads{Store: r.store, Blobs: blobs}, &meteor.Downloads{Store: r.store, Blobs: blobs}
	hs.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasPrefix(req.URL.Path, "/upload/"):
			uploads.ServeHTTP(w, req)
		case strings.HasPrefix(req.URL.Path, "/files/"):
			downloads.ServeHTTP(w, req)
		default:
			srv.Handler().ServeHTTP(w, req)
		}
	})
	hs.Start()
	running := start(srv.Run)
	t.Cleanup(func() {
		r.checkStored()
		running()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		hs.Close()
		if strings.Contains(r.log.String(), "level=ERROR") {
			t.Errorf("the log has errors: %.2000s", r.log.String())
		}
	})
	return r
}

// checkStored reads every stored record.
func (r *registry) checkStored() {
	r.Helper()
	for c := range pkgmeter.Collections {
		docs, err := r.store.Documents(context.Background(), c, "", 1_000_000)
		if err != nil {
			r.Error(err)
		}
		for _, d := range docs {
			if err := ejson.Check(d.Body); err != nil {
				r.Errorf("%s %q is no EJSON: %v in %.200s", c, d.Key, err, d.Body)
			}
			if len(d.Body) > 129<<10 {
				r.Errorf("%s %q has %d bytes", c, d.Key, len(d.Body))
			}
		}
	}
}

// user adds a user and returns a token for publishing.
func (r *registry) user(name string, role pkgmeter.Role) (token string) {
	r.Helper()
	if err := r.store.AddUser(r.Context(), pkgmeter.User{Name: name, Role: role}); err != nil {
		r.Fatal(err)
	}
	return r.token(name, pkgmeter.ScopePublish)
}

func (r *registry) token(user string, scope pkgmeter.Scope) string {
	r.Helper()
	text, t := auth.NewToken(user, scope)
	if _, err := r.store.AddToken(r.Context(), t); err != nil {
		r.Fatal(err)
	}
	return text
}

// join makes a user a member of acme, the one organisation.
func (r *registry) join(user string) {
	r.Helper()
	if err := r.store.AddMember(r.Context(), "acme", user); err != nil {
		r.Fatal(err)
	}
}

// A caller is a client of a registry, which may be logged in.
type caller struct {
	*registry
	client *ddp.Client
	name   string
}

func (r *registry) anybody() *caller {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	c, err := ddp.Dial(ctx, r.url, ddp.DialOptions{})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	return &caller{r, c, ""}
}

// publisher returns a new user who is logged in.
func (r *registry) publisher(name string) *caller {
	r.Helper()
	return r.as(name, r.user(name, pkgmeter.Publisher))
}

// root returns the administrator, who is made by this.
func (r *registry) root() *caller {
	r.Helper()
	return r.as("root", r.user("root", pkgmeter.Admin))
}

func (r *registry) as(name, token string) *caller {
	r.Helper()
	c := r.anybody()
	c.name = name
	c.must("login", obj{"resume": token})
	return c
}

type obj = map[string]any

func (c *caller) call(method string, result any, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.client.Call(ctx, method, result, args...)
}

// must calls a method that has to succeed, and returns its result.
func (c *caller) must(method string, args ...any) ejson.Raw {
	c.Helper()
	var result ejson.Raw
	if err := c.call(method, &result, args...); err != nil {
		c.Fatalf("%s: %s %.300v: %v", c.name, method, args, err)
	}
	return result
}

// wrong calls a method that has to fail with a code, and with a sentence that
// has some words.
func (c *caller) wrong(code int, words, method string, args ...any) {
	c.Helper()
	err := c.call(method, nil, args...)
	if problem := misbehaved(err); problem != "" || err == nil {
		c.Errorf("%s: %s %.300v: %v: %s", c.name, method, args, err, problem)
		return
	}
	e, _ := errors.AsType[*ddp.Error](err)
	if e.Code != code || !strings.Contains(e.Reason, words) {
		c.Errorf("%s: %s %.300v: %v, want code %d with %q", c.name, method, args, err, code, words)
	}
}

// misbehaved says what is wrong with an error that a client sees: codes are
// numbers that clients know, reasons are sentences but for the two that are
// Meteor's own words, and nothing is internal.
func misbehaved(err error) string {
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*ddp.Error](err)
	if !ok {
		return "not an error of the server"
	}
	switch e.Code {
	case 400, 401, 403, 404, 409, "too-many-requests":
	default:
		return "an unknown code"
	}
	if e.Reason == "Match failed" || e.Reason == "Unrecognized options for login request" {
		return ""
	}
	if !strings.HasSuffix(e.Reason, ".") || len(e.Reason) > 1000 || !strings.Contains(e.Reason, " ") || strings.ToUpper(e.Reason[:1]) != e.Reason[:1] {
		return "no sentence"
	}
	return ""
}

func members(t testing.TB, raw []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	return m
}

// upload sends bytes as the tool does, and returns the status.
func (r *registry) upload(url, content string) int {
	r.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPut, url, strings.NewReader(content))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("X-Amz-Acl", "public-read")
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Errorf("PUT %s: %v", url, err)
		return 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || len(text) < 3 || strings.Count(string(text), "\n") != 1 || res.StatusCode >= 300 && res.StatusCode < 400 {
		r.Errorf("PUT %s: %d %q %v", url, res.StatusCode, text, err)
	}
	return res.StatusCode
}

func (r *registry) fetch(url string) string {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		r.Fatalf("GET %s: %d %v", url, res.StatusCode, err)
	}
	return string(body)
}

func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// emptyHash is the tree hash that recent tools send for any tree.
const emptyHash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// of returns the least that names a version, with what more is said.
func of(pkg, version string, more obj) obj {
	o := obj{"packageName": pkg, "version": version}
	for k, v := range more {
		o[k] = v
	}
	return o
}

// draft is a version as the tool describes it.
func draft(pkg, version string, more obj) obj {
	o := obj{
		"description": "Does it", "longDescription": "", "git": "", "compilerVersion": "meteor/34", "containsPlugins": false, "debugOnly": false,
		"exports": []any{obj{"name": "It", "architectures": []string{"os", "web.browser"}}}, "releaseName": "METEOR@3.0.4",
		"dependencies": obj{"meteor": obj{"constraint": "2.0.0", "references": []any{obj{"arch": "os"}, obj{"arch": "web.browser", "weak": true}}}},
		"unheardOf":    obj{"of": []int{1}},
	}
	for k, v := range more {
		o[k] = v
	}
	return of(pkg, version, o)
}

type versionUpload struct{ UploadToken, UploadURL, ReadmeURL string }

// beginVersion takes the first step of a publication.
func (c *caller) beginVersion(pkg, version string, more obj) versionUpload {
	c.Helper()
	m := members(c, c.must("createPackageVersion", draft(pkg, version, more)))
	return versionUpload{m["uploadToken"].(string), m["uploadUrl"].(string), m["readmeUrl"].(string)}
}

// publish publishes a version of alice:foo whose source is about itself, and no
// readme.
func (c *caller) publish(version string, more obj) {
	c.Helper()
	up := c.beginVersion("alice:foo", version, more)
	source := "source of " + version
	if status := c.upload(up.UploadURL, source); status != http.StatusOK {
		c.Fatalf("upload: %d", status)
	}
	c.must("publishPackageVersion", up.UploadToken, obj{"tarballHash": hashOf(source), "treeHash": emptyHash})
}

// catalog returns what a new client syncs: the records of a collection by their
// keys, with @ between.
func (r *registry) catalog(c pkgmeter.Collection) map[string]obj {
	r.Helper()
	found := map[string]obj{}
	token := "{}"
	who := r.anybody()
	defer who.client.Close()
	for {
		p := ask(r, who.client, token)
		for _, raw := range p.Collections[c.String()] {
			m := members(r, raw)
			key := ""
			for _, name := range [][]string{{"name"}, {"packageName", "version"}, {"versionId", "buildArchitectures"}, {"name"}, {"track", "version"}}[c] {
				key += "@" + m[name].(string)
			}
			found[key[1:]] = m
		}
		if token = p.RawToken; *p.UpToDate {
			return found
		}
	}
}

// changes returns how many records of a collection were ever changed.
func (r *registry) changes(c pkgmeter.Collection) int64 {
	state, _ := r.store.CatalogState()
	return state.Changes[c]
}

// names returns the user names in a list of maintainers.
func names(maintainers any) (names string) {
	for _, m := range maintainers.([]any) {
		names += " " + m.(map[string]any)["username"].(string)
	}
	return strings.TrimSpace(names)
}
