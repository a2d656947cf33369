package server_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// form makes a request that of a browser which sends a form of this site.
func form(r *http.Request) {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", browserAccept)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
}

func fields(user, password, next string) string {
	return url.Values{"username": {user}, "password": {password}, "next": {next}}.Encode()
}

// logIn returns the option that sends the cookie of vera's new session.
func (s *site) logIn(t *testing.T) func(*http.Request) {
	t.Helper()
	got := s.ask(t, "POST", "/login", fields("vera", "secret of vera", ""), form)
	cookies := (&http.Response{Header: got.header}).Cookies()
	if got.status != 303 || len(cookies) != 1 {
		t.Fatalf("login: %d, cookies %v\n%s", got.status, cookies, got.body)
	}
	return func(r *http.Request) { r.AddCookie(cookies[0]) }
}

// moving gives a server a hand-moved clock.
func moving(clock *atomic.Int64) func(*server.Server) {
	clock.Store(noon.UnixNano())
	return func(s *server.Server) {
		s.Now = func() time.Time { return time.Unix(0, clock.Load()).UTC() }
		s.Auth = auth.New(s.Store.(auth.Store), s.Now)
	}
}

func TestAPageWithoutCredentialsAsksForThemAsTheClientPrefers(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.Base = "/pm" })
	tests := map[string]struct {
		accept, auth string
		form         bool
	}{
		"a program":                        {"", "", false},
		"one that takes anything":          {"*/*", "", false},
		"a browser":                        {browserAccept, "", true},
		"a browser with a wrong password":  {browserAccept, "Basic eDp5", false},
		"a browser with a wrong token":     {browserAccept, "Bearer x", false},
		"a program with a wrong password":  {"", "Basic eDp5", false},
		"a browser that prefers its JSON":  {"application/json", "", false},
		"a browser with an unknown scheme": {browserAccept, "Digest x", false},
	}
	for name, tt := range tests {
		got := s.ask(t, "GET", "/pm/stats?from=2026-01-01&to=2026-02-01", "", func(r *http.Request) {
			r.Header.Set("Accept", tt.accept)
			if tt.auth != "" {
				r.Header.Set("Authorization", tt.auth)
			}
		})
		kind, challenge := "text/plain; charset=utf-8", `Basic realm="pkgmeter", charset="UTF-8"`
		if tt.form {
			kind, challenge = "text/html; charset=utf-8", ""
		}
		if got.status != 401 || got.header.Get("Content-Type") != kind || got.header.Get("WWW-Authenticate") != challenge || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
		if tt.form && (!strings.Contains(got.body, `action="/pm/login"`) || !strings.Contains(got.body, `name="next" value="/pm/stats?from=2026-01-01&amp;to=2026-02-01"`)) {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

func TestTheLoginFormIsFitForPeopleAndPasswordManagers(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.ask(t, "GET", "/login?next=/stats%3Fx%3D%22%3E%3Cb%3E", "")
	if got.status != 200 || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Security-Policy") == "" || got.header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	for _, want := range []string{
		`<form class="card login" method="post" action="/login">`, `<label for="username">`, `id="username" name="username"`, `autocomplete="username"`, "autofocus",
		`<label for="password">`, `id="password" name="password" type="password"`, `autocomplete="current-password"`, `name="next" value="/stats?x=&#34;&gt;&lt;b&gt;"`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	if strings.Contains(got.body, "<script") || strings.Contains(got.body, "role=\"alert\"") || strings.Contains(got.body, "Log out") {
		t.Error("the form has a script, a message or a way out")
	}
	if got := s.ask(t, "GET", "/login?next=//evil.example", ""); !strings.Contains(got.body, `name="next" value="/stats"`) {
		t.Error("next leads away")
	}
}

func TestARightLoginLeadsOnWithACookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		s := start(t, func(s *server.Server) { s.Secure, s.Base = secure, "/pm" })
		for next, want := range map[string]string{"": "/pm/stats", "/pm/stats?from=2026-01-01": "/pm/stats?from=2026-01-01", "//evil.example/": "/pm/stats", "/stats": "/pm/stats", "https://evil.example/pm/": "/pm/stats"} {
			got := s.ask(t, "POST", "/pm/login", fields("vera", "secret of vera", next), form)
			if got.status != 303 || got.header.Get("Location") != want || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("next %q: %d to %q", next, got.status, got.header.Get("Location"))
			}
			pattern := `^pkgmeter=[A-Za-z0-9_-]{32}; Path=/; HttpOnly; SameSite=Lax$`
			if secure {
				pattern = `^__Host-pkgmeter=[A-Za-z0-9_-]{32}; Path=/; HttpOnly; Secure; SameSite=Lax$`
			}
			if cookie := got.header.Get("Set-Cookie"); !regexp.MustCompile(pattern).MatchString(cookie) {
				t.Errorf("cookie %s", cookie)
			}
		}
	}
}

func TestAWrongLoginCannotBeToldFromAnotherOne(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var first answer
	for i, who := range [][2]string{{"vera", "wrong"}, {"nobody at all", "secret of vera"}, {"gone", "secret of gone"}, {"", ""}, {"vera", ""}, {"<b>", "x"}} {
		got := s.ask(t, "POST", "/login", fields(who[0], who[1], "/stats?x=1"), form)
		if got.status != 401 || got.header.Get("WWW-Authenticate") != "" || got.header.Get("Set-Cookie") != "" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %d %v", who, got.status, got.header)
		}
		if i == 0 {
			first = got
			if !strings.Contains(got.body, `role="alert">Wrong user name or password.`) || !strings.Contains(got.body, `value="/stats?x=1"`) {
				t.Errorf("%s", got.body)
			}
		}
		if got.body != first.body {
			t.Errorf("%q: another page than a wrong password", who)
		}
	}
}

func TestWhatIsNoLoginFormIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	tests := map[string]struct {
		path, body, kind string
		status           int
	}{
		"JSON":                    {"/login", `{"username":"vera","password":"secret of vera"}`, "application/json", 415},
		"no type":                 {"/login", fields("vera", "secret of vera", ""), "", 415},
		"multipart":               {"/login", "--x--", "multipart/form-data; boundary=x", 415},
		"broken":                  {"/login", "username=%zz", "application/x-www-form-urlencoded", 400},
		"too large":               {"/login", "username=" + strings.Repeat("a", 16<<10), "application/x-www-form-urlencoded", 413},
		"a password in the query": {"/login?" + fields("vera", "secret of vera", ""), "", "application/x-www-form-urlencoded", 401},
		"half of it there":        {"/login?password=secret+of+vera", "username=vera", "application/x-www-form-urlencoded", 401},
		"with a charset":          {"/login", fields("vera", "secret of vera", ""), "application/x-www-form-urlencoded; charset=UTF-8", 303},
	}
	for name, tt := range tests {
		got := s.ask(t, "POST", tt.path, tt.body, header("Content-Type", tt.kind))
		if got.status != tt.status || (got.header.Get("Set-Cookie") != "") != (tt.status == 303) {
			t.Errorf("%s: %d, want %d", name, got.status, tt.status)
		}
	}
}

func TestASessionReadsUntilItEnds(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	s := start(t, moving(&clock))
	session := s.logIn(t)
	paths := []string{"/stats", "/api/v1/totals", "/api/v1/top?by=file", "/api/v1/series"}
	expect := func(why string, session func(*http.Request), status int) {
		t.Helper()
		for _, path := range paths {
			if got := s.ask(t, "GET", path, "", session); got.status != status {
				t.Errorf("%s, %s: %d, want %d", why, path, got.status, status)
			}
		}
	}
	expect("begun", session, 200)
	page := s.ask(t, "GET", "/stats", "", session).body
	if !strings.Contains(page, `method="post" action="/logout"`) || !strings.Contains(page, `dir="auto">vera</span>`) {
		t.Error("the page has no name and no way out")
	}
	if strings.Contains(s.ask(t, "GET", "/stats", "", as("vera")).body, "/logout") {
		t.Error("who sends a password with each request cannot log out")
	}
	if got := s.ask(t, "GET", "/stats", "", session, header("Authorization", "Basic eDp5")); got.status != 401 {
		t.Errorf("wrong credentials beside a session: %d", got.status)
	}
	other := s.logIn(t)
	for _, method := range []string{"GET", "HEAD", "PUT"} {
		if got := s.ask(t, method, "/logout", "", session); got.status != 405 || got.header.Get("Allow") != "POST" {
			t.Errorf("%s /logout: %d", method, got.status)
		}
	}
	expect("after a GET of /logout", session, 200)
	got := s.ask(t, "POST", "/logout", "", form, session)
	if got.status != 303 || got.header.Get("Location") != "/" || !strings.HasPrefix(got.header.Get("Set-Cookie"), "pkgmeter=; Path=/; Max-Age=0") {
		t.Errorf("logout: %d %v", got.status, got.header)
	}
	expect("after the logout", session, 401)
	expect("another session", other, 200)
	if got := s.ask(t, "POST", "/logout", "", form, session); got.status != 303 {
		t.Errorf("a second logout: %d", got.status)
	}
	clock.Add(int64(12 * time.Hour))
	expect("after twelve idle hours", other, 401)

	changed := s.logIn(t)
	if err := s.store.SetPassword(t.Context(), "vera", auth.Hash("secret of vera")); err != nil {
		t.Fatal(err)
	}
	expect("after the password was set anew", changed, 401)
	removed := s.logIn(t)
	if err := s.store.RemoveUser(t.Context(), "vera"); err != nil {
		t.Fatal(err)
	}
	expect("after the user was removed", removed, 401)
}

func TestAnEndedSessionOnPublicStatsIsANobody(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *server.Server) { s.PublicStats = true })
	session := s.logIn(t)
	if got := s.ask(t, "GET", "/stats", "", session); got.status != 200 || !strings.Contains(got.body, "vera") {
		t.Errorf("%d, without the name", got.status)
	}
	s.ask(t, "POST", "/logout", "", form, session)
	if got := s.ask(t, "GET", "/stats", "", session); got.status != 200 || strings.Contains(got.body, "Log out") {
		t.Errorf("%d", got.status)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	host := strings.TrimPrefix(s.url, "http://")
	origins := map[string]struct {
		site, origin string
		ok           bool
	}{
		"the same origin":                 {"same-origin", s.url, true},
		"typed or bookmarked":             {"none", "", true},
		"another site":                    {"cross-site", "https://evil.example", false},
		"another site without Origin":     {"cross-site", "", false},
		"another site that claims ours":   {"cross-site", s.url, false},
		"a sibling":                       {"same-site", "http://other." + host, false},
		"a value of the future":           {"same-party", s.url, false},
		"an old browser, the same origin": {"", s.url, true},
		"an old browser, another site":    {"", "https://evil.example", false},
		"an old browser, another port":    {"", "http://127.0.0.1:1", false},
		"an old browser, a sandbox":       {"", "null", false},
		"no browser":                      {"", "", true},
	}
	for name, tt := range origins {
		from := func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range map[string]string{"Sec-Fetch-Site": tt.site, "Origin": tt.origin} {
				if v != "" {
					r.Header.Set(k, v)
				}
			}
		}
		want := 303
		if !tt.ok {
			want = 403
		}
		session := s.logIn(t)
		if got := s.ask(t, "POST", "/login", fields("admin", "secret of admin", ""), from); got.status != want || (got.header.Get("Set-Cookie") != "") != tt.ok {
			t.Errorf("login from %s: %d, want %d", name, got.status, want)
		}
		if got := s.ask(t, "POST", "/logout", "", from, session); got.status != want {
			t.Errorf("logout from %s: %d, want %d", name, got.status, want)
		}
		if got := s.ask(t, "GET", "/stats", "", session); (got.status == 401) != tt.ok {
			t.Errorf("after a logout from %s: %d", name, got.status)
		}
		if got := s.ask(t, "POST", "/callback", `{"file-name":"a.jar"}`, from); got.status != 200 {
			t.Errorf("callback from %s: %d", name, got.status)
		}
		if got := s.ask(t, "GET", "/login", "", from); got.status != 200 {
			t.Errorf("GET from %s: %d", name, got.status)
		}
	}
}

// elsewhere is a listener whose clients come from an address of the test's
// choice.
type elsewhere struct {
	net.Listener
	from *atomic.Value
}

type elsewhereConn struct {
	net.Conn
	from net.Addr
}

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return elsewhereConn{c, l.from.Load().(net.Addr)}, nil
}

func (c elsewhereConn) RemoteAddr() net.Addr { return c.from }

func TestFailedLoginsAreAnsweredWithAWaitAndSpareOtherNetworks(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	var from atomic.Value
	move := func(ip string) { from.Store(net.Addr(&net.TCPAddr{IP: net.ParseIP(ip), Port: 4711})) }
	move("203.0.113.5")
	s := startOn(t, func(l net.Listener) net.Listener { return elsewhere{l, &from} }, moving(&clock))
	once := func(r *http.Request) { r.Close = true }
	wrong := func() answer { return s.ask(t, "POST", "/login", fields("vera", "wrong", ""), form, once) }
	session := s.logIn(t)
	for i := range 5 {
		if got := wrong(); got.status != 401 || got.header.Get("Retry-After") != "" {
			t.Fatalf("failure %d: %d %v", i, got.status, got.header)
		}
	}
	limited := map[string]answer{
		"the form":             wrong(),
		"the form, right":      s.ask(t, "POST", "/login", fields("vera", "secret of vera", "/stats?a"), form, once),
		"a page":               s.ask(t, "GET", "/stats", "", as("vera"), once),
		"a page for a browser": s.ask(t, "GET", "/stats", "", as("vera"), header("Accept", browserAccept), once),
		"an answer":            s.ask(t, "GET", "/api/v1/totals", "", as("vera"), once),
	}
	for name, got := range limited {
		if got.status != 429 || got.header.Get("Retry-After") != "1" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Set-Cookie") != "" || got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
	}
	if got := limited["an answer"].body; !strings.HasPrefix(got, `{"error":{"code":"rate_limited","message":"too many failed logins: try again in 1s"}}`) {
		t.Errorf("%s", got)
	}
	if got := limited["the form, right"].body; !strings.Contains(got, `role="alert">Too many failed logins`) || !strings.Contains(got, `value="/stats?a"`) {
		t.Errorf("%s", got)
	}
	if got := s.ask(t, "GET", "/stats", "", session, once); got.status != 200 {
		t.Errorf("a session: %d", got.status)
	}
	if got := s.ask(t, "GET", "/stats", "", as("admin"), once); got.status != 200 {
		t.Errorf("another account: %d", got.status)
	}
	for i := range 15 {
		wait := 32 * time.Second
		if i >= 6 {
			wait = time.Minute
		}
		clock.Add(int64(wait))
		if got := wrong(); got.status != 401 {
			t.Fatalf("failure %d: %d", i+6, got.status)
		}
	}
	clock.Add(int64(time.Second))
	if got := wrong(); got.status != 429 || got.header.Get("Retry-After") != "167" { // of 15 minutes
		t.Errorf("after twenty failures: %d, Retry-After %s", got.status, got.header.Get("Retry-After"))
	}
	if got := s.ask(t, "GET", "/stats", "", func(r *http.Request) { r.SetBasicAuth("admin", "wrong") }, header("X-Forwarded-For", "198.51.100.1"), once); got.status != 429 {
		t.Errorf("another account of a closed network, with a header that claims another: %d", got.status)
	}
	move("203.0.114.5")
	if got := s.ask(t, "POST", "/login", fields("vera", "secret of vera", ""), form, once); got.status != 303 {
		t.Errorf("the right password from another network: %d", got.status)
	}
	if got := s.ask(t, "POST", "/callback", `{"file-name":"a.jar"}`, once); got.status != 200 {
		t.Errorf("a sender: %d", got.status)
	}
}

func TestSecretsOfSessionsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var cookies []string
	for range 20 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		s.logIn(t)(r)
		cookies = append(cookies, r.Cookies()[0].Value)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for name, text := range readAll(t, s.dir) {
		for _, c := range cookies {
			if strings.Contains(text, c) {
				t.Errorf("%s has a cookie", name)
			}
		}
	}
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts[f.Name()] = string(text)
	}
	return texts
}
