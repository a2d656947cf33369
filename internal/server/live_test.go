package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/live"
	"github.com/pkgmeter/pkgmeter/internal/server"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// stream is an open live view.
type stream struct {
	t     *testing.T
	res   *http.Response
	lines *bufio.Scanner
	id    string // of the last message
}

// shownEvent is a message of a stream.
type shownEvent struct {
	live.Event
	kind   string
	Events int64
}

func (s *site) watch(t *testing.T, query string, options ...func(*http.Request)) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/live"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		o(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: %d %v", query, res.StatusCode, res.Header)
	}
	return &stream{t: t, res: res, lines: bufio.NewScanner(res.Body)}
}

// next returns the next message, of those that say where the stream is too.
func (w *stream) next() (m shownEvent, ok bool) {
	for w.lines.Scan() {
		field, value, _ := strings.Cut(w.lines.Text(), ": ")
		switch field {
		case "event":
			m.kind = value
		case "id":
			w.id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &m); err != nil {
				w.t.Fatal(err)
			}
			return m, true
		}
	}
	return m, false
}

// upTo returns the files of the events up to the one of the given file.
func (w *stream) upTo(file string) (files []string) {
	w.t.Helper()
	for {
		m, ok := w.next()
		if !ok {
			w.t.Fatalf("the stream ended before %s, after %v", file, files)
		}
		if m.kind == "" {
			files = append(files, m.File)
		}
		if m.File == file {
			return files
		}
	}
}

// begun waits until all that was before is told.
func (w *stream) begun() (before []shownEvent) {
	w.t.Helper()
	for {
		m, ok := w.next()
		switch {
		case !ok:
			w.t.Fatal("the stream ended")
		case m.kind == "at":
			return before
		}
		before = append(before, m)
	}
}

func (w *stream) ended() bool {
	for {
		if _, ok := w.next(); !ok {
			return !errors.Is(w.lines.Err(), context.DeadlineExceeded)
		}
	}
}

func (s *site) fetched(t *testing.T, repository string, files ...string) {
	t.Helper()
	var events []string
	for _, f := range files {
		events = append(events, fmt.Sprintf(`{"repository-id":%q,"path":%q,"user":"ann"}`, repository, f))
	}
	if got := s.ask(t, "POST", "/callback", "["+strings.Join(events, ",")+"]"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
}

func TestTheLiveViewGoesOnOverARestart(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.fetched(t, "releases", "a-1.jar", "a-2.jar")
	w := s.watch(t, "", as("vera"))
	if got := w.begun(); len(got) != 2 || got[0].File != "a-1.jar" {
		t.Fatalf("%+v", got)
	}
	s.fetched(t, "releases", "a-3.jar")
	if got := w.upTo("a-3.jar"); len(got) != 1 {
		t.Fatal(got)
	}
	began := time.Now()
	again := s.restart(t, nil)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop and the start took %v", took)
	}
	if !w.ended() {
		t.Error("the stream goes on without a server")
	}
	again.fetched(t, "releases", "a-4.jar", "a-5.jar")
	last := w.id
	for name, w := range map[string]*stream{
		"the header":    again.watch(t, "?after="+url.QueryEscape("0123456789abcdef-1"), as("vera"), header("Last-Event-ID", last)),
		"the parameter": again.watch(t, "?after="+last, as("vera")),
	} {
		again.fetched(t, "releases", name+".jar")
		if got := w.upTo(name + ".jar"); !slices.Equal(got[:2], []string{"a-4.jar", "a-5.jar"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheLiveViewHasTheFiltersOfOtherQuestions(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.fetched(t, "releases", "com/acme/app/1.0/app-1.0.jar", "com/acme/app/1.1/app-1.1.jar", "com/acme/app/1.1/app-1.1.pom", "com/acme/lib/1.0/lib-1.0.jar")
	s.fetched(t, "npm", "left-pad/-/left-pad-1.3.0.tgz")
	for query, want := range map[string]int{
		"": 5, "?repository=npm": 1, "?repository=npm&repository=releases": 5, "?type=maven": 4, "?package=pkg:maven/com.acme/app": 3,
		"?package=pkg:maven/com.acme/app&version=1.1": 2, "?kind=primary": 4, "?class=unknown": 5, "?class=ci": 0, "?client=(none)": 5, "?client=pip": 0,
		"?legacy_type=pom": 1, "?source=cloudrepo": 5, "?source=other": 0, "?file=left-pad/-/left-pad-1.3.0.tgz": 1, "?country=DE": 0, "?os=linux": 0,
	} {
		if got := s.watch(t, query, as("vera")).begun(); len(got) != want {
			t.Errorf("%s: %d events, want %d", query, len(got), want)
		}
	}
	for query, want := range map[string]string{
		"?kind=x": `kind \"x\"`, "?class=x": "class", "?package=x": "package", "?from=2026-01-01": `unknown parameter \"from\"`, "?measure=hits": "unknown parameter", "?x=1": "unknown parameter",
		"?after=x": "after", "?after=a&after=b": "after is given more than once", "?%zz": "malformed", "?country=ZZ": "country",
	} {
		if got := s.ask(t, "GET", "/api/v1/live"+query, "", as("vera")); got.status != 400 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestWhoSeesWhatOfTheLiveView(t *testing.T) {
	t.Parallel()
	people := func(srv *server.Server) {
		srv.People = source.People{Consumer: func(name string) string { return name }}
	}
	s := start(t, people)
	s.fetched(t, "open", "a-1.0.jar")
	s.fetched(t, "closed", "secret-1.0.jar")
	if _, err := s.store.SetPublic(t.Context(), "open", true); err != nil {
		t.Fatal(err)
	}
	for query, status := range map[string]int{
		"": 401, "?repository=closed": 401, "?repository=open&repository=closed": 401, "?repository=": 401, "?repository=open&source=cloudrepo": 401, "?repository=open&consumer=ann": 401, "?repository=open&country=DE": 401,
	} {
		if got := s.ask(t, "GET", "/api/v1/live"+query, ""); got.status != status {
			t.Errorf("nobody, %s: %d, want %d", query, got.status, status)
		}
	}
	if got := s.ask(t, "GET", "/api/v1/live", "", bearer(s.token(t, "vera", pkgmeter.ScopeIngest))); got.status != 403 {
		t.Errorf("a token for sending: %d", got.status)
	}
	w := s.watch(t, "?repository=open")
	got := w.begun()
	if len(got) != 1 || got[0].Repository != "open" || got[0].Source != "" || got[0].Consumer != "" || w.res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("nobody: %+v", got)
	}
	if _, sealed, _ := strings.Cut(w.id, "-"); len(sealed) != 32 {
		t.Errorf("the id %q shows how many events there are", w.id)
	}
	s.fetched(t, "closed", "secret-2.0.jar")
	s.fetched(t, "open", "a-2.0.jar")
	if files := w.upTo("a-2.0.jar"); len(files) != 1 {
		t.Errorf("nobody is shown %v", files)
	}
	for name, option := range map[string]func(*http.Request){
		"a user": as("vera"), "a token": bearer(s.token(t, "vera", pkgmeter.ScopeRead)), "a session": s.logIn(t),
	} {
		if got := s.watch(t, "", option).begun(); len(got) != 4 || got[0].Source != "cloudrepo" || got[0].Consumer != "ann" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	everyone := start(t, func(srv *server.Server) { people(srv); srv.PublicStats = true })
	everyone.fetched(t, "closed", "a-1.0.jar")
	if got := everyone.watch(t, "").begun(); len(got) != 1 || got[0].Consumer != "ann" {
		t.Errorf("where all is public: %+v", got)
	}
}

func TestALiveViewEndsWithTheRightToRead(t *testing.T) {
	t.Parallel()
	s := start(t, func(srv *server.Server) { srv.Live = live.Options{CheckEvery: 20 * time.Millisecond} })
	s.fetched(t, "open", "a-1.0.jar")
	if _, err := s.store.SetPublic(t.Context(), "open", true); err != nil {
		t.Fatal(err)
	}
	text := s.token(t, "vera", pkgmeter.ScopeRead)
	session := s.logIn(t)
	other := s.watch(t, "", as("admin"))
	for name, tt := range map[string]struct {
		w   *stream
		end func() error
	}{
		"a token that is revoked": {s.watch(t, "", bearer(text)), func() error {
			tokens, err := s.store.Tokens(t.Context())
			if err != nil {
				return err
			}
			return s.store.RevokeToken(t.Context(), tokens[len(tokens)-1].ID)
		}},
		"a session that ends": {s.watch(t, "?type=maven", session), func() error {
			s.ask(t, "POST", "/logout", "", session)
			return nil
		}},
		"a repository that is private again": {s.watch(t, "?repository=open"), func() error {
			_, err := s.store.SetPublic(t.Context(), "open", false)
			return err
		}},
	} {
		tt.w.begun()
		if err := tt.end(); err != nil {
			t.Fatal(err)
		}
		if !tt.w.ended() {
			t.Errorf("%s does not end the view", name)
		}
	}
	s.fetched(t, "open", "a-2.0.jar")
	other.upTo("a-2.0.jar")
}

func TestLiveViewsAreLimited(t *testing.T) {
	t.Parallel()
	s := start(t, func(srv *server.Server) { srv.Live = live.Options{Readers: 2} })
	for range 2 {
		s.watch(t, "", as("vera")).begun()
	}
	got := s.ask(t, "GET", "/api/v1/live", "", as("vera"))
	if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "there are 2 live views open already") {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	admin := *s
	admin.url = s.admin
	if got := admin.ask(t, "GET", "/metrics", ""); !strings.Contains(got.body, "\npkgmeter_live_readers 2\n") {
		t.Error("the metrics do not tell of two readers")
	}
}

func TestThePageOfEventsIsForWhoMayRead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.fetched(t, "releases", "com/acme/app/1.0/app-1.0.jar")
	if got := s.ask(t, "GET", "/stats/live", ""); got.status != 401 {
		t.Errorf("nobody: %d", got.status)
	}
	if got := s.ask(t, "GET", "/stats/live", "", as("vera")); got.status != 200 || !strings.Contains(got.body, ">com.acme/app</a>") || !strings.Contains(got.body, `<a href="/stats/live">Live</a>`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
