package server_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/netip"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

// cell is a request to a method of a route, which door it has to have, and the
// status of who comes in: never 401 or 403, so that it is told from a refusal.
// A new route is a line here.
type cell struct {
	door, method, address, body string
	in                          int
}

// cells has a line for every method of every route of the main listener.
var cells = map[string]cell{
	"GET /{$}":                      {"everyone", "GET", "/", "", 200},
	"POST /callback":                {"hook", "POST", "/callback", `{"file-name":"app-1.0.jar"}`, 200},
	"POST /callback/{token}":        {"hook", "POST", "/callback/wrong", `{"file-name":"app-1.0.jar"}`, 200},
	"POST /hook/{kind}":             {"senders", "POST", "/hook/distribution", `{"events":[]}`, 200},
	"POST /hook/{kind}/{token}":     {"senders", "POST", "/hook/distribution/wrong", `{"events":[]}`, 200},
	"POST /api/v1/events":           {"ingesters", "POST", "/api/v1/events", `{"path":"app-1.0.jar"}`, 200},
	"GET /api/v1/totals":            {"askers or a link", "GET", "/api/v1/totals", "", 200},
	"GET /api/v1/top":               {"askers or a link", "GET", "/api/v1/top?by=package", "", 200},
	"GET /api/v1/series":            {"askers or a link", "GET", "/api/v1/series", "", 200},
	"GET /api/v1/movers":            {"askers or a link", "GET", "/api/v1/movers", "", 200},
	"GET /api/v1/uploads":           {"askers or a link", "GET", "/api/v1/uploads", "", 200},
	"GET /api/v1/compare":           {"askers", "GET", "/api/v1/compare?package=pkg:maven/com.acme/app", "", 200},
	"GET /api/v1/search":            {"askers", "GET", "/api/v1/search?q=app", "", 200},
	"GET /api/v1/live":              {"askers", "GET", "/api/v1/live?nothing=1", "", 400}, // else it would not end
	"GET /badge/{type}/{name...}":   {"pictures", "GET", "/badge/maven/com.acme/app.svg", "", 200},
	"GET /stats":                    {"readers or a link", "GET", "/stats", "", 200},
	"GET /stats/{$}":                {"readers", "GET", "/stats/", "", 200},
	"GET /stats/rules":              {"readers", "GET", "/stats/rules", "", 200},
	"GET /stats/package":            {"readers or a link", "GET", "/stats/package?package=pkg:maven/com.acme/app", "", 200},
	"GET /stats/live":               {"readers", "GET", "/stats/live", "", 200},
	"GET /stats/compare":            {"readers", "GET", "/stats/compare", "", 200},
	"GET /stats/search":             {"readers", "GET", "/stats/search?q=app", "", 200},
	"GET /stats/badges":             {"readers", "GET", "/stats/badges", "", 200},
	"GET /stats/sources":            {"people", "GET", "/stats/sources", "", 200},
	"GET /stats/alerts":             {"people", "GET", "/stats/alerts", "", 200},
	"POST /stats/alerts":            {"admins", "POST", "/stats/alerts", "id=77&do=pause", 404},
	"GET /stats/alerts/edit":        {"admins", "GET", "/stats/alerts/edit?what=zero", "", 200},
	"POST /stats/alerts/edit":       {"admins", "POST", "/stats/alerts/edit", "what=zero", 400},
	"GET /stats/alerts/told":        {"people", "GET", "/stats/alerts/told", "", 200},
	"GET /stats/settings":           {"admins", "GET", "/stats/settings", "", 200},
	"POST /stats/settings":          {"admins", "POST", "/stats/settings", "show=files", 303},
	"GET /stats/quarantine":         {"admins", "GET", "/stats/quarantine", "", 200},
	"POST /stats/quarantine":        {"admins", "POST", "/stats/quarantine", "id=77", 409},
	"GET /stats/payloads":           {"admins", "GET", "/stats/payloads", "", 200},
	"POST /stats/payloads":          {"admins", "POST", "/stats/payloads", "file=name", 303},
	"GET /catalog":                  {"visitors", "GET", "/catalog", "", 200},
	"GET /catalog/{$}":              {"visitors", "GET", "/catalog/", "", 200},
	"GET /catalog/{package}":        {"visitors", "GET", "/catalog/nothing", "", 404},
	"GET /catalog/tracks":           {"visitors", "GET", "/catalog/tracks", "", 200},
	"GET /catalog/tracks/{track}":   {"visitors", "GET", "/catalog/tracks/NOTHING", "", 404},
	"GET /stats/v1/{day}":           {"everyone", "GET", "/stats/v1/2026-03-01", "", 404},
	"GET /stats/v1/{day}/{$}":       {"everyone", "GET", "/stats/v1/2026-03-01/", "", 404},
	"GET /stats/v1":                 {"everyone", "GET", "/stats/v1", "", 200},
	"GET /stats/v1/{$}":             {"everyone", "GET", "/stats/v1/", "", 200},
	"GET /login":                    {"everyone", "GET", "/login", "", 200},
	"POST /login":                   {"own forms", "POST", "/login", fields("vera", "secret of vera", ""), 303},
	"POST /logout":                  {"own forms", "POST", "/logout", "", 303},
	"GET /save.json":                {"admins who ask", "GET", "/save.json", "", 200},
	"GET /static/":                  {"everyone", "GET", "/static/icon.svg", "", 200},
	"GET /healthz":                  {"everyone", "GET", "/healthz", "", 200},
	"GET /readyz":                   {"everyone", "GET", "/readyz", "", 200},
	"* /websocket":                  {"everyone", "GET", "/websocket", "", 400},
	"* /websocket/":                 {"everyone", "GET", "/websocket/", "", 400},
	"* /sockjs":                     {"everyone", "GET", "/sockjs", "", 200},
	"* /sockjs/":                    {"everyone", "GET", "/sockjs/info", "", 200},
	"* /":                           {"everyone", "GET", "/nothing", "", 404},
	"* /upload/":                    {"tickets", "PUT", "/upload/source/wrong", "x", 404},
	"* /files/":                     {"everyone", "GET", "/files/nothing", "", 404},
	"GET /stats/settings/account":   {"people", "GET", "/stats/settings/account", "", 200},
	"POST /stats/settings/account":  {"people", "POST", "/stats/settings/account", "do=revoke&id=77", 404},
	"GET /stats/settings/links":     {"sharers", "GET", "/stats/settings/links", "", 200},
	"POST /stats/settings/links":    {"sharers", "POST", "/stats/settings/links", "do=new&view=/stats&days=999", 400},
	"GET /stats/settings/users":     {"admins", "GET", "/stats/settings/users", "", 200},
	"POST /stats/settings/users":    {"admins", "POST", "/stats/settings/users", "do=role&name=nobody&role=admin", 404},
	"GET /stats/settings/tokens":    {"admins", "GET", "/stats/settings/tokens", "", 200},
	"POST /stats/settings/tokens":   {"admins", "POST", "/stats/settings/tokens", "do=revoke&id=77", 404},
	"GET /stats/settings/sessions":  {"admins", "GET", "/stats/settings/sessions", "", 200},
	"POST /stats/settings/sessions": {"admins", "POST", "/stats/settings/sessions", "do=end&id=77", 400},
	"GET /stats/settings/audit":     {"admins", "GET", "/stats/settings/audit", "", 200},
}

// operatorCells is the same of the listener for operators.
var operatorCells = map[string]cell{
	"GET /metrics":             {"operators", "GET", "/metrics", "", 200},
	"GET /debug/pprof/":        {"operators", "GET", "/debug/pprof/", "", 200},
	"GET /debug/pprof/cmdline": {"operators", "GET", "/debug/pprof/cmdline", "", 200},
	"GET /debug/pprof/profile": {"operators", "GET", "/debug/pprof/profile", "", 500}, // there is one already, which spares the wait
	"GET /debug/pprof/symbol":  {"operators", "GET", "/debug/pprof/symbol", "", 200},
	"GET /debug/pprof/trace":   {"operators", "GET", "/debug/pprof/trace?seconds=0.001", "", 200},
	"GET /healthz":             {"operators", "GET", "/healthz", "", 200},
	"GET /readyz":              {"operators", "GET", "/readyz", "", 200},
}

// roles are who comes, in the order of the columns of doors.
var roles = []string{
	"nobody", "nobody, of a public repository", "a wrong password", "a disabled user", "an expired token", "the secret of the callback",
	"a viewer", "a session", "a publisher", "an admin",
	"a read token", "a read token of an admin", "an ingest token", "a publish token",
	"a link", "a link to a package", "an expired link", "a link of a disabled user", "a wrong link",
}

// in stands for who comes in.
const in = 0

// doors says for each role what each door answers, on a server whose numbers
// are not public.
var doors = map[string][]int{
	//                 nobody pub   wrong disab expir secret  view session publ admin   read adm's ingest publish  link, to a package, expired, of a disabled user, wrong
	"everyone":          {in, in, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in, in},
	"own forms":         {in, in, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in, in},
	"tickets":           {in, in, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in, in},
	"operators":         {in, in, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in /**/, in, in, in, in, in},
	"visitors":          {in, in, 401, 401, 401, 401 /**/, in, in, in, in /**/, in, in, 403, 403 /**/, in, in, in, in, in},
	"readers":           {401, 401, 401, 401, 401, 401 /**/, in, in, in, in /**/, in, in, 403, 403 /**/, 401, 401, 401, 401, 401},
	"askers":            {401, in, 401, 401, 401, 401 /**/, in, in, in, in /**/, in, in, 403, 403 /**/, 401, 401, 401, 401, 401},
	"pictures":          {401, in, 401, 401, 401, 401 /**/, in, in, in, in /**/, in, in, 403, 403 /**/, 401, 401, 401, 401, 401},
	"readers or a link": {401, 401, 401, 401, 401, 401 /**/, in, in, in, in /**/, in, in, 403, 403 /**/, in, 403, 401, 401, 401},
	"askers or a link":  {401, in, 401, 401, 401, 401 /**/, in, in, in, in /**/, in, in, 403, 403 /**/, in, in, 401, 401, 401},
	"sharers":           {401, 401, 401, 401, 401, 401 /**/, in, in, 403, in /**/, 403, 403, 403, 403 /**/, 401, 401, 401, 401, 401},
	"people":            {401, 401, 401, 401, 401, 401 /**/, in, in, in, in /**/, 403, 403, 403, 403 /**/, 401, 401, 401, 401, 401},
	"admins":            {401, 401, 401, 401, 401, 401 /**/, 403, 403, 403, in /**/, 403, 403, 403, 403 /**/, 401, 401, 401, 401, 401},
	"admins who ask":    {401, 401, 401, 401, 401, 401 /**/, 403, 403, 403, in /**/, 403, 403, 403, 403 /**/, 401, 401, 401, 401, 401},
	"ingesters":         {401, 401, 401, 401, 401, 401 /**/, 403, 403, 403, 403 /**/, 403, 403, in, 403 /**/, 401, 401, 401, 401, 401},
	"senders":           {401, 401, 401, 401, 401, 401 /**/, 401, 401, 401, 401 /**/, 401, 401, in, 401 /**/, 401, 401, 401, 401, 401},
	"hook":              {401, 401, 401, 401, 401, in /**/, 401, 401, 401, 401 /**/, 401, 401, 401, 401 /**/, 401, 401, 401, 401, 401},
}

// opened says whom --public-stats opens doors for, beside those in doors: data
// for all, whatever they bring; pages for who brings nothing.
var opened = map[string][]string{
	"askers": roles, "askers or a link": roles[:14], "pictures": roles,
	"readers": append(slices.Clone(roles[:2]), roles[14:]...), "readers or a link": roles[:2],
}

// guarded are the doors that refuse forms of other sites, whoever sends them.
var guarded = []string{"own forms", "visitors", "readers", "readers or a link", "people", "sharers", "admins"}

// building is a server with somebody of every role.
type building struct {
	*site
	server *server.Server
	tokens map[string]string
	links  map[string]string
	guests atomic.Uint32
}

func build(t *testing.T, public bool) *building {
	t.Helper()
	b := &building{tokens: map[string]string{}, links: map[string]string{}}
	b.site = start(t, func(srv *server.Server) {
		b.server = srv
		blobs, err := blob.Folder(filepath.Join(t.TempDir(), "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { blobs.Close() })
		srv.Blobs, srv.PublicStats, srv.CallbackToken = blobs, public, "secret of the callback"
		later := func() time.Time { return noon.Add(time.Minute) } // than what is over
		srv.Now, srv.Auth = later, auth.New(srv.Store.(auth.Store), later)
		srv.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	if err := b.store.AddUser(t.Context(), pkgmeter.User{Name: "paul", Role: pkgmeter.Publisher, Hash: auth.Hash("secret of paul")}); err != nil {
		t.Fatal(err)
	}
	const events = `[{"repository-id":"open","path":"com/acme/app/1.0/app-1.0.jar"},{"repository-id":"closed","path":"com/acme/app/1.0/app-1.0.jar"}]`
	if got := b.ask(t, "POST", "/callback", events, bearer("secret of the callback")); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if _, err := b.store.SetPublic(t.Context(), "open", true); err != nil {
		t.Fatal(err)
	}
	for role, of := range map[string]struct {
		user  string
		scope pkgmeter.Scope
	}{
		"a read token": {"vera", pkgmeter.ScopeRead}, "a read token of an admin": {"admin", pkgmeter.ScopeRead},
		"an ingest token": {"vera", pkgmeter.ScopeIngest}, "a publish token": {"paul", pkgmeter.ScopePublish},
	} {
		b.tokens[role] = b.token(t, of.user, of.scope)
	}
	text, expired := auth.NewToken("vera", pkgmeter.ScopeRead)
	expired.Expires = noon
	if _, err := b.store.AddToken(t.Context(), expired); err != nil {
		t.Fatal(err)
	}
	for role, l := range map[string]pkgmeter.ShareLink{
		"a link": {User: "vera", Path: "/stats"}, "a link to a package": {User: "vera", Path: "/stats/package", Query: "package=pkg:maven/com.acme/app"},
		"an expired link": {User: "vera", Path: "/stats", Expires: noon.Add(time.Second)}, "a link of a disabled user": {User: "gone", Path: "/stats"},
	} {
		b.links[role] = b.link(t, l)
	}
	b.links["a wrong link"] = "wrong"
	b.tokens["an expired token"], b.tokens["the secret of the callback"] = text, "secret of the callback"
	return b
}

// link stores a link, which lasts an hour if it does not say how long, and
// returns its secret.
func (s *site) link(t *testing.T, l pkgmeter.ShareLink) string {
	t.Helper()
	secret, sum := auth.NewLink()
	l.SHA256 = sum
	if l.Expires.IsZero() {
		l.Expires = noon.Add(time.Hour)
	}
	if _, err := s.store.AddLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return secret
}

// withQuery adds a parameter to a request.
func withQuery(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		q.Set(name, value)
		r.URL.RawQuery = q.Encode()
	}
}

// comesAs makes a request one of a role.
func (b *building) comesAs(t *testing.T, role string) func(*http.Request) {
	t.Helper()
	switch role {
	case "nobody":
		return func(*http.Request) {}
	case "nobody, of a public repository":
		return withQuery("repository", "open")
	case "a wrong password":
		return func(r *http.Request) { r.SetBasicAuth("vera", "wrong") }
	case "a disabled user":
		return as("gone")
	case "a viewer":
		return as("vera")
	case "a publisher":
		return as("paul")
	case "an admin":
		return as("admin")
	case "a session":
		return b.session(t, "vera")
	}
	if b.links[role] != "" {
		return withQuery("share", b.links[role])
	}
	if b.tokens[role] == "" {
		t.Fatalf("nobody knows how %s comes", role)
	}
	return bearer(b.tokens[role])
}

// session begins one, past the login and what it costs.
func (b *building) session(t *testing.T, user string) func(*http.Request) {
	t.Helper()
	u, err := b.store.User(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%024d", b.guests.Add(1)))
	if err := b.store.AddSession(t.Context(), u, sha256.Sum256([]byte(text)), noon, 20); err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "pkgmeter", Value: text}) }
}

// knock sends a cell's request as a role. Who may be refused comes from a
// network of its own, so that no limit of guesses answers in the place of the door.
func (b *building) knock(t *testing.T, c cell, role string, options ...func(*http.Request)) answer {
	t.Helper()
	from := "192.0.2.1"
	if role == "a wrong password" || role == "a disabled user" || b.tokens[role] != "" || b.links[role] != "" || c.door == "senders" {
		n := b.guests.Add(1)
		from = fmt.Sprintf("10.%d.%d.1", n>>8, n&255)
	}
	kind := "application/json"
	if slices.Contains(guarded, c.door) {
		kind = "application/x-www-form-urlencoded"
	}
	options = append([]func(*http.Request){header("Content-Type", kind), header("X-Forwarded-For", from), b.comesAs(t, role)}, options...)
	return b.ask(t, c.method, c.address, c.body, options...)
}

// want is what a door answers a role.
func (c cell) want(role string, public bool) int {
	if path, _, _ := strings.Cut(c.address, "?"); path == "/stats/package" { // a link opens one page
		role = cmp.Or(map[string]string{"a link": "a link to a package", "a link to a package": "a link"}[role], role)
	}
	if public && slices.Contains(opened[c.door], role) {
		return c.in
	}
	if status := doors[c.door][slices.Index(roles, role)]; status != in {
		return status
	}
	return c.in
}

func TestEveryRoleOnEveryRoute(t *testing.T) {
	t.Parallel()
	if err := pprof.StartCPUProfile(io.Discard); err == nil {
		t.Cleanup(pprof.StopCPUProfile)
	}
	for _, public := range []bool{false, true} {
		t.Run(fmt.Sprintf("public %v", public), func(t *testing.T) {
			t.Parallel()
			b := build(t, public)
			b.ask(t, "GET", "/healthz", "")
			main, operators, err := b.server.Routes()
			if err != nil {
				t.Fatal(err)
			}
			tried := b.tryAll(t, main, cells, public)
			if !public { // once: only one trace is taken at a time, and what is public is nothing to operators
				b.url = b.admin
				tried += b.tryAll(t, operators, operatorCells, public)
			}
			t.Logf("%d cells: %d roles and %d routes", tried, len(roles), len(main)+len(operators))
		})
	}
}

// tryAll tries every role on every route of a table.
func (b *building) tryAll(t *testing.T, routes map[string]string, cells map[string]cell, public bool) (tried int) {
	t.Helper()
	for name := range cells {
		if routes[name] == "" {
			t.Errorf("%s: there is a cell and no route", name)
		}
	}
	for name, access := range routes {
		c, known := cells[name]
		switch {
		case !known:
			t.Errorf("%s: the route has no cell: say in the table whom it is for", name)
			continue
		case c.door != access:
			t.Errorf("%s: is for %s, want %s", name, access, c.door)
			continue
		case len(doors[c.door]) != len(roles):
			t.Errorf("%s: the door %q says nothing of some roles", name, c.door)
			continue
		}
		for _, role := range roles {
			tried++
			got, want := b.knock(t, c, role), c.want(role, public)
			if got.status == 400 && strings.Contains(got.body, "unknown parameter") && want == c.in {
				continue // it came in, and asked what has no repository, or knows no links
			}
			if got.status != want {
				t.Errorf("%s, %s: %d, want %d: %.200s", name, role, got.status, want, got.body)
			}
		}
		b.tryElse(t, name, c)
	}
	return tried
}

// tryElse tries what no role may: a form from another site, and other methods.
func (b *building) tryElse(t *testing.T, name string, c cell) {
	t.Helper()
	if c.method == "POST" && slices.Contains(guarded, c.door) {
		if got := b.knock(t, c, "an admin", header("Sec-Fetch-Site", "cross-site")); got.status != 403 {
			t.Errorf("%s, from another site: %d", name, got.status)
		}
	}
	if !strings.HasPrefix(name, "* ") {
		c.method = "DELETE"
		if got := b.knock(t, c, "an admin"); got.status != 405 {
			t.Errorf("%s with DELETE: %d", name, got.status)
		}
	}
}

func TestEveryPathIsInATable(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("../*/*.go")
	if err != nil || len(sources) < 100 {
		t.Fatalf("%d files, %v", len(sources), err)
	}
	muxes, patterns := []string{}, []string{}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "../control/") { // its socket is the owner's alone
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch s.Sel.Name {
			case "NewServeMux", "ServeMux", "DefaultServeMux":
				muxes = append(muxes, set.Position(n.Pos()).Filename)
			case "Handle", "HandleFunc":
				patterns = append(patterns, set.Position(n.Pos()).Filename)
			}
			return true
		})
	}
	// The type that mount returns, and the mux that it makes.
	if want := []string{"../server/routes.go", "../server/routes.go"}; !slices.Equal(muxes, want) {
		t.Errorf("muxes in %q, want only that of mount", muxes)
	}
	if want := []string{"../server/routes.go"}; !slices.Equal(patterns, want) {
		t.Errorf("patterns are given to a mux in %q, want only what mount takes from a table", patterns)
	}
}
