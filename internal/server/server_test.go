package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/server"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// site is a running server over a store of its own.
type site struct {
	url, admin string
	store      *sqlite.Store
	dir        string
	stop       func() error
}

// hashes are made once: that is what takes time in most tests.
var hashes = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{"admin", "vera", "gone"} {
		m[name] = auth.Hash("secret of " + name)
	}
	return m
})

func start(t *testing.T, change func(*server.Server)) *site {
	t.Helper()
	return startOn(t, func(l net.Listener) net.Listener { return l }, change)
}

// startOn is start on a listener that is wrapped.
func startOn(t *testing.T, wrap func(net.Listener) net.Listener, change func(*server.Server)) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	now := func() time.Time { return noon }
	store, err := sqlite.Open(t.Context(), s.dir, sqlite.Options{Now: now, Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	s.store = store
	for _, u := range []pkgmeter.User{{Name: "admin", Role: pkgmeter.Admin}, {Name: "vera", Role: pkgmeter.Viewer}, {Name: "gone", Role: pkgmeter.Viewer, Disabled: true}} {
		u.Hash = hashes()[u.Name]
		if err := store.AddUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, wrap, change)
	return s
}

// restart serves the same folder again after a stop.
func (s *site) restart(t *testing.T, change func(*server.Server)) *site {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	again := &site{dir: s.dir}
	var err error
	if again.store, err = sqlite.Open(t.Context(), s.dir, sqlite.Options{Now: func() time.Time { return noon }, Rule: rule.Number}); err != nil {
		t.Fatal(err)
	}
	again.run(t, func(l net.Listener) net.Listener { return l }, change)
	return again
}

func (s *site) run(t *testing.T, wrap func(net.Listener) net.Listener, change func(*server.Server)) {
	t.Helper()
	now, store := func() time.Time { return noon }, s.store
	rules := rule.Default()
	srv := &server.Server{Rules: rules, Ruled: rule.NewCache(rules, rule.ServerCache), Store: store, Auth: auth.New(store, now), Now: now, Fatal: sqlite.Fatal, Version: "test"}
	if change != nil {
		change(srv)
	}
	main, admin := listen(t), listen(t)
	s.url, s.admin = "http://"+main.Addr().String(), "http://"+admin.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx, wrap(main), admin) }()
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-done
		store.Close()
		return err
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; options change it before it goes.
func (s *site) ask(t *testing.T, method, path, body string, options ...func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		o(req)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func as(user string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, "secret of "+user) }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// counts returns hits and quarantined items.
func (s *site) counts(t *testing.T) (hits, quarantined int64) {
	t.Helper()
	total, err := s.store.Totals(t.Context(), pkgmeter.Query{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.store.Quarantined(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return total.Hits, n
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func zstded(s string) string {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(z.EncodeAll([]byte(s), nil))
}

func TestTheCallbackAnswersByItsContract(t *testing.T) {
	t.Parallel()
	const ok = `{"success": true}`
	one := `{"file-name":"app-1.0.jar","repository-id":"releases"}`
	tests := map[string]struct {
		body        string
		status      int
		hits        int64
		quarantined int64
	}{
		"a file name alone":                 {`{"file-name":"app-1.0.jar"}`, 200, 1, 0},
		"filename alone":                    {`{"filename":"app-1.0.jar"}`, 200, 1, 0},
		"both spellings":                    {`{"file-name":"app-1.0.jar","filename":"app-1.0.jar"}`, 200, 1, 0},
		"a path":                            {`{"path":"/com/acme/app/1.0/app-1.0.jar"}`, 200, 1, 0},
		"a URL":                             {`{"url":"https://acme.mycloudrepo.io/repositories/r/com/acme/app/1.0/app-1.0.jar?x=1"}`, 200, 1, 0},
		"nested":                            {`{"event":{"file":{"name":"x"},"file-name":"app-1.0.jar"}}`, 200, 1, 0},
		"an array":                          {"[" + one + "," + one + "]", 200, 2, 0},
		"lines":                             {one + "\n" + one + "\n", 200, 2, 0},
		"a wrapper":                         {`{"events":[` + one + `]}`, 200, 1, 0},
		"a number is its text":              {`{"file-name":17}`, 200, 1, 0},
		"null":                              {`{"file-name":null}`, 400, 0, 1},
		"an empty name":                     {`{"file-name":""}`, 400, 0, 1},
		"a boolean name":                    {`{"file-name":true}`, 400, 0, 1},
		"no name":                           {`{"repository-id":"r"}`, 400, 0, 1},
		"one readable of two":               {"[" + one + `,{"file-name":null}]`, 200, 1, 1},
		"an upload":                         {`{"file-name":"a.jar","event-type":"upload"}`, 200, 0, 0},
		"a deletion":                        {`{"file-name":"a.jar","event-type":"file-deletion"}`, 200, 0, 0},
		"a form":                            {"payload=" + url.QueryEscape(one), 200, 1, 0},
		"a byte order mark":                 {"\ufeff" + one, 200, 1, 0},
		"gzip":                              {gzipped(one), 200, 1, 0},
		"zstd":                              {zstded(one), 200, 1, 0},
		"broken gzip":                       {gzipped(one)[:25], 400, 0, 1},
		"an empty body":                     {"", 400, 0, 1},
		"one byte":                          {"x", 400, 0, 1},
		"no JSON":                           {"hello", 400, 0, 1},
		"null alone":                        {"null", 400, 0, 1},
		"an empty array":                    {"[]", 400, 0, 1},
		"not UTF-8":                         {"{\"file-name\":\"a\xff.jar\"}", 400, 0, 1},
		"too deep":                          {strings.Repeat("[", 100_000), 400, 0, 1},
		"256 KiB":                           {one + strings.Repeat(" ", 256<<10-len(one)), 200, 1, 0},
		"257 KiB":                           {one + strings.Repeat(" ", 257<<10-len(one)), 413, 0, 0},
		"257 KiB packed into a few":         {gzipped(one + strings.Repeat(" ", 257<<10)), 413, 0, 0},
		"a path of more than 1,024 bytes":   {`{"file-name":"` + strings.Repeat("x", 1025) + `"}`, 400, 0, 1},
		"a time in 25 hours":                {`{"file-name":"a.jar","timestamp":"2026-03-11T13:00:00Z"}`, 400, 0, 1},
		"a time in an hour":                 {`{"file-name":"a.jar","timestamp":"2026-03-10T13:00:00Z"}`, 200, 1, 0},
		"a time before 2000":                {`{"file-name":"a.jar","timestamp":"1999-12-31T23:59:59Z"}`, 400, 0, 1},
		"a file that nothing recognises":    {`{"file-name":"maven-metadata.xml"}`, 200, 1, 0},
		"a wheel, lost by the old program":  {`{"file-name":"foo-1.0-py3-none-any.whl"}`, 200, 1, 0},
		"a war, lost by the old program":    {`{"file-name":"app-1.0.war"}`, 200, 1, 0},
		"shadow.jar, once taken for crypto": {`{"file-name":"shadow.jar"}`, 200, 1, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			got := s.ask(t, "POST", "/callback", tt.body, header("Content-Type", "text/weird"))
			if got.status != tt.status || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %s, want %d", got.status, got.header.Get("Content-Type"), got.body, tt.status)
			}
			if tt.status == 200 {
				if got.body != ok {
					t.Errorf("body %s", got.body)
				}
			} else {
				var body struct {
					Success *bool
					Error   string
				}
				if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Success == nil || *body.Success || body.Error == "" {
					t.Errorf("body %s: want success false and a reason", got.body)
				}
			}
			if hits, quarantined := s.counts(t); hits != tt.hits || quarantined != tt.quarantined {
				t.Errorf("%d hits and %d in quarantine, want %d and %d", hits, quarantined, tt.hits, tt.quarantined)
			}
		})
	}
}

func TestAnIDInTheBodyOrAHeaderCountsOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	post := func(body string, options ...func(*http.Request)) {
		t.Helper()
		if got := s.ask(t, "POST", "/callback", body, options...); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	want := func(n int64, why string) {
		t.Helper()
		if hits, _ := s.counts(t); hits != n {
			t.Errorf("%d hits, want %d: %s", hits, n, why)
		}
	}
	for range 3 {
		post(`{"file-name":"a.jar","event-id":"1"}`)
	}
	want(1, "event-id")
	for range 3 {
		post(`{"file-name":"a.jar"}`, header("X-Acme-Delivery", "2"))
	}
	want(2, "a delivery header")
	for range 3 {
		post(`{"file-name":"a.jar"}`, header("Idempotency-Key", "3"))
	}
	want(3, "Idempotency-Key")
	for range 2 {
		post(`[{"file-name":"a.jar"},{"file-name":"b.jar"}]`, header("Idempotency-Key", "4"))
	}
	want(7, "the header of several events is the id of none")
	for range 2 {
		post(`{"file-name":"a.jar"}`, header("X-Request-Id", "5"))
	}
	want(9, "a request id is no id")
}

func TestTheCallbackTokenIsAskedForInEveryWay(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.CallbackToken = "T/o k" })
	body := `{"file-name":"a.jar"}`
	tests := map[string]struct {
		path   string
		option func(*http.Request)
		status int
	}{
		"path":             {"/callback/" + url.PathEscape("T/o k"), nil, 200},
		"query":            {"/callback?token=" + url.QueryEscape("T/o k"), nil, 200},
		"Basic password":   {"/callback", func(r *http.Request) { r.SetBasicAuth("x", "T/o k") }, 200},
		"Bearer":           {"/callback", header("Authorization", "bearer T/o k"), 200},
		"none":             {"/callback", nil, 401},
		"wrong in path":    {"/callback/wrong", nil, 401},
		"wrong in query":   {"/callback?token=wrong", nil, 401},
		"wrong Basic":      {"/callback", func(r *http.Request) { r.SetBasicAuth("T/o k", "wrong") }, 401},
		"a part of it":     {"/callback?token=T", nil, 401},
		"empty in query":   {"/callback?token=", nil, 401},
		"a user's account": {"/callback", as("admin"), 401},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			option := tt.option
			if option == nil {
				option = func(*http.Request) {}
			}
			if got := s.ask(t, "POST", tt.path, body, option); got.status != tt.status {
				t.Errorf("%d %s, want %d", got.status, got.body, tt.status)
			}
		})
	}
}

func TestWithoutATokenAPathBelowTheCallbackIsUnknown(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	if got := s.ask(t, "POST", "/callback/x", `{"file-name":"a.jar"}`); got.status != 404 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		got := s.ask(t, method, "/callback", "")
		if got.status != 405 || got.header.Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
	}
}

func TestWhoMayRead(t *testing.T) {
	t.Parallel()
	public := start(t, func(s *server.Server) { s.PublicStats = true })
	tokens, stored := map[pkgmeter.Scope]string{}, []pkgmeter.Token{}
	for _, scope := range []pkgmeter.Scope{pkgmeter.ScopeRead, pkgmeter.ScopeIngest, pkgmeter.ScopePublish} {
		text, token := auth.NewToken("vera", scope)
		tokens[scope], stored = text, append(stored, token)
	}
	bearer := func(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }
	tests := map[string]struct {
		option func(*http.Request)
		status int
	}{
		"nobody":               {func(*http.Request) {}, 401},
		"an admin":             {as("admin"), 200},
		"a viewer":             {as("vera"), 200},
		"a disabled user":      {as("gone"), 401},
		"an unknown user":      {as("nobody"), 401},
		"a wrong password":     {func(r *http.Request) { r.SetBasicAuth("admin", "wrong") }, 401},
		"an empty password":    {func(r *http.Request) { r.SetBasicAuth("admin", "") }, 401},
		"a read token":         {bearer(tokens[pkgmeter.ScopeRead]), 200},
		"a read token, Basic":  {func(r *http.Request) { r.SetBasicAuth("any", tokens[pkgmeter.ScopeRead]) }, 200},
		"an ingest token":      {bearer(tokens[pkgmeter.ScopeIngest]), 403},
		"a publish token":      {bearer(tokens[pkgmeter.ScopePublish]), 403},
		"a forged token":       {bearer(tokens[pkgmeter.ScopeRead] + "x"), 401},
		"no token":             {bearer("hello"), 401},
		"a scheme not offered": {header("Authorization", "Digest x"), 401},
	}
	for name, tt := range tests {
		s := start(t, nil) // its own: failures are counted
		for _, token := range stored {
			if _, err := s.store.AddToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range []string{"/stats", "/stats/rules", "/api/v1/totals", "/api/v1/top?by=file", "/api/v1/series"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				got := s.ask(t, "GET", path, "", tt.option)
				if got.status != tt.status {
					t.Errorf("%d %s, want %d", got.status, got.body, tt.status)
				}
				if (got.header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
					t.Errorf("%d with WWW-Authenticate %q", got.status, got.header.Get("WWW-Authenticate"))
				}
			})
		}
	}
	for _, path := range []string{"/stats", "/api/v1/totals", "/api/v1/top?by=file", "/api/v1/series"} {
		if got := public.ask(t, "GET", path, ""); got.status != 200 {
			t.Errorf("public %s: %d %s", path, got.status, got.body)
		}
	}
}

func TestARevokedTokenAndAChangedPasswordCountAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	text, token := auth.NewToken("vera", pkgmeter.ScopeRead)
	id, err := s.store.AddToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	status := func(o func(*http.Request)) int { return s.ask(t, "GET", "/api/v1/totals", "", o).status }
	bearer := header("Authorization", "Bearer "+text)
	if status(bearer) != 200 || status(as("vera")) != 200 {
		t.Fatal("token and password do not work")
	}
	if err := s.store.RevokeToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := s.store.SetPassword(t.Context(), "vera", auth.Hash("new")); err != nil {
		t.Fatal(err)
	}
	if got := status(bearer); got != 401 {
		t.Errorf("a revoked token: %d", got)
	}
	if got := status(as("vera")); got != 401 {
		t.Errorf("the old password: %d", got)
	}
	if got := status(func(r *http.Request) { r.SetBasicAuth("vera", "new") }); got != 200 {
		t.Errorf("the new password: %d", got)
	}
	if err := s.store.RemoveUser(t.Context(), "vera"); err != nil {
		t.Fatal(err)
	}
	if got := status(func(r *http.Request) { r.SetBasicAuth("vera", "new") }); got != 401 {
		t.Errorf("a removed user: %d", got)
	}
}

func TestTheGreetingSuitsTheClient(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for accept, want := range map[string]string{
		"":    "text/plain; charset=utf-8",
		"*/*": "text/plain; charset=utf-8",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8",
		"text/plain, text/html;q=0.5":                                     "text/plain; charset=utf-8",
	} {
		got := s.ask(t, "GET", "/", "", header("Accept", accept))
		if got.status != 200 || got.header.Get("Content-Type") != want || !strings.Contains(got.body, "/stats") {
			t.Errorf("Accept %q: %d %s %q", accept, got.status, got.header.Get("Content-Type"), got.body)
		}
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, path := range []string{"/", "/stats", "/nope", "/callback", "/api/v1/top", "/static/pkgmeter.css", "/healthz"} {
		got := s.ask(t, "GET", path, "")
		if csp := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", path)
		}
	}
}

func TestTheBasePathIsThatOfThePublicURL(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.Base = "/pm" })
	if got := s.ask(t, "POST", "/pm/callback", `{"file-name":"a.jar"}`); got.status != 200 {
		t.Errorf("callback: %d %s", got.status, got.body)
	}
	got := s.ask(t, "GET", "/pm/stats", "", as("admin"))
	if got.status != 200 || !strings.Contains(got.body, `href="/pm/static/pkgmeter.css`) || strings.Contains(got.body, `href="/static`) {
		t.Errorf("page: %d, links without the base path", got.status)
	}
	if got := s.ask(t, "GET", "/pm/static/pkgmeter.css", ""); got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %s", got.status, got.header.Get("Content-Type"))
	}
	if got := s.ask(t, "GET", "/pm", ""); got.status != 308 || got.header.Get("Location") != "/pm/" {
		t.Errorf("/pm: %d to %q", got.status, got.header.Get("Location"))
	}
	if got := s.ask(t, "GET", "/stats", "", as("admin")); got.status != 200 {
		t.Errorf("behind a proxy that takes the base path off: %d", got.status)
	}
}

func TestErrorsHaveTheFormOfTheInterface(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for request, want := range map[string]string{
		"GET /nope":          `404 {"error":{"code":"not_found","message":"there is no such page"}}`,
		"POST /api/v1/top":   `405 {"error":{"code":"method_not_allowed","message":"the method is POST, want GET"}}`,
		"GET /api/v1/totals": `401 {"error":{"code":"unauthenticated","message":"log in, or send a token"}}`,
		"GET /static/":       "404 404 page not found",
	} {
		method, path, _ := strings.Cut(request, " ")
		got := s.ask(t, method, path, "")
		if have := fmt.Sprintf("%d %s", got.status, strings.TrimSpace(got.body)); have != want {
			t.Errorf("%s: %s, want %s", request, have, want)
		}
	}
}

func TestOperatorsHaveAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.ask(t, "POST", "/callback", `[{"file-name":"a.jar","event-id":"1"},{"file-name":"a.jar","event-id":"1"},{"file-name":null}]`)
	admin := &site{url: s.admin}
	metrics := admin.ask(t, "GET", "/metrics", "").body
	for _, want := range []string{
		`pkgmeter_events_total{outcome="stored"} 1`, `pkgmeter_events_total{outcome="known"} 1`, `pkgmeter_events_total{outcome="rejected"} 1`,
		`pkgmeter_http_requests_total{route="/callback",status="200"} 1`, "pkgmeter_queue_deliveries 0", "pkgmeter_ack_seconds_count 1", "go_goroutines",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/debug/pprof/"} {
		if got := admin.ask(t, "GET", path, ""); got.status != 200 {
			t.Errorf("admin %s: %d", path, got.status)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if got := s.ask(t, "GET", path, "", as("admin")); got.status != 404 {
			t.Errorf("main %s: %d, want 404", path, got.status)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := s.ask(t, "GET", path, ""); got.status != 200 {
			t.Errorf("main %s: %d", path, got.status)
		}
	}
}

func TestAHeaderOfAMebibyteIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	if got := s.ask(t, "GET", "/healthz", "", header("X-Big", strings.Repeat("x", 8<<10))); got.status != 200 {
		t.Errorf("8 KiB: %d", got.status)
	}
	if got := s.ask(t, "GET", "/healthz", "", header("X-Big", strings.Repeat("x", 1<<20))); got.status != 431 {
		t.Errorf("1 MiB: %d, want 431", got.status)
	}
}
