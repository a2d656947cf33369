package settings_test

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/settings"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// who are the users of a test: ann administers, vera looks.
var (
	ann  = pkgmeter.Principal{User: "ann", Role: pkgmeter.Admin}
	vera = pkgmeter.Principal{User: "vera", Role: pkgmeter.Viewer}
)

func TestTemplatesFitTheirViewModels(t *testing.T) {
	t.Parallel()
	if err := open(t).Check(); err != nil {
		t.Error(err)
	}
}

// office is the pages over a store of their own.
type office struct {
	*settings.Pages
	store *sqlite.Store
	now   time.Time
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{now: noon}
	now := func() time.Time { return o.now }
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Now: now, Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	o.store = store
	w := &web.Web{Stats: store, Now: now, Base: "/base", Version: "test", Panels: store, Publicity: store, Settings: true}
	if err := w.Init(); err != nil {
		t.Fatal(err)
	}
	o.Pages = &settings.Pages{Web: w, Auth: auth.New(store, now), Store: store, Now: now, PublicURL: "https://stats.example/base"}
	if err := o.Init(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []pkgmeter.Principal{ann, vera} {
		o.add(t, p.User, p.Role)
	}
	return o
}

func (o *office) add(t *testing.T, name string, role pkgmeter.Role) {
	t.Helper()
	if err := o.store.AddUser(t.Context(), pkgmeter.User{Name: name, Role: role, Hash: auth.Hash("secret of " + name)}); err != nil {
		t.Fatal(err)
	}
}

type pageFunc = func(http.ResponseWriter, *http.Request, pkgmeter.Principal) error

// send asks a page as somebody, and returns the status and the text.
func send(t *testing.T, f pageFunc, p pkgmeter.Principal, method, query string, fields url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://stats.example/base/stats/settings/x?"+query, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r = r.WithContext(pkgmeter.WithActor(r.Context(), p.User))
	rec := httptest.NewRecorder()
	httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return f(w, r, p) }).ServeHTTP(rec, r)
	return rec
}

func look(t *testing.T, f pageFunc, p pkgmeter.Principal, query string) string {
	t.Helper()
	rec := send(t, f, p, "GET", query, nil)
	if rec.Code != 200 || rec.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	return rec.Body.String()
}

// form is fields of a form, which are given in pairs.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func (o *office) user(t *testing.T, name string) pkgmeter.User {
	t.Helper()
	u, err := o.store.User(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// bobLogsIn reports whether a password is bob's.
func (o *office) bobLogsIn(t *testing.T, password string) bool {
	t.Helper()
	err := o.Auth.LogIn(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil), "bob", password)
	if code := pkgmeter.CodeOf(err); code != "" && code != pkgmeter.Unauthenticated {
		t.Fatal(err)
	}
	return err == nil
}

func TestAnAdministratorLooksAfterUsers(t *testing.T) {
	t.Parallel()
	o := open(t)
	for _, step := range []struct {
		fields url.Values
		done   string
		holds  func() bool
	}{
		{form("do", "add", "name", "bob", "role", "viewer", "password", "password of bob", "again", "password of bob"), "added", func() bool { return o.bobLogsIn(t, "password of bob") }},
		{form("do", "role", "name", "bob", "role", "admin"), "role", func() bool { return o.user(t, "bob").Role == pkgmeter.Admin }},
		{form("do", "disable", "name", "bob"), "disabled", func() bool { return !o.bobLogsIn(t, "password of bob") }},
		{form("do", "enable", "name", "bob"), "enabled", func() bool { return o.bobLogsIn(t, "password of bob") }},
		{form("do", "set", "name", "bob", "password", "another one", "again", "another one"), "set", func() bool { return o.bobLogsIn(t, "another one") }},
		{form("do", "remove", "name", "bob", "sure", "yes"), "removed", func() bool { return !strings.Contains(look(t, o.ServeUsers, ann, ""), ">bob<") }},
	} {
		rec := send(t, o.TakeUsers, ann, "POST", "", step.fields)
		if to := rec.Header().Get("Location"); rec.Code != 303 || to != "/base/stats/settings/users?done="+step.done {
			t.Fatalf("%v: %d to %q: %s", step.fields, rec.Code, to, rec.Body)
		}
		if !step.holds() {
			t.Errorf("%v: nothing was done", step.fields)
		}
		if page := look(t, o.ServeUsers, ann, "done="+step.done); !strings.Contains(page, `role="status"`) {
			t.Errorf("%s: nothing says so", step.done)
		}
	}
}

func TestAFormThatCannotBeTakenSaysWhyAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	o := open(t)
	token := form("do", "new", "user", "nobody", "scope", "ingest", "expires", "2027-01-31")
	for name, tt := range map[string]struct {
		take   pageFunc
		fields url.Values
		status int
		says   string
		kept   string
	}{
		"a name that is taken":    {o.TakeUsers, form("do", "add", "name", "vera", "role", "publisher", "password", "longenough", "again", "longenough"), 409, "There is a user or an organisation", `value="vera"`},
		"a publisher's name":      {o.TakeUsers, form("do", "add", "name", "Bob B", "role", "publisher", "password", "longenough", "again", "longenough"), 400, "A publisher", `value="Bob B"`},
		"a role that is kept":     {o.TakeUsers, form("do", "add", "name", "vera", "role", "publisher", "password", "x", "again", "x"), 400, "8 characters", `<option selected>publisher</option>`},
		"two passwords":           {o.TakeUsers, form("do", "add", "name", "<b>", "role", "viewer", "password", "longenough", "again", "longenougH"), 400, "differ", `value="&lt;b&gt;"`},
		"the last administrator":  {o.TakeUsers, form("do", "role", "name", "ann", "role", "viewer"), 409, "yourself", ">ann</b>"},
		"oneself":                 {o.TakeUsers, form("do", "remove", "name", "ann", "sure", "yes"), 409, "yourself", ""},
		"not sure":                {o.TakeUsers, form("do", "remove", "name", "vera"), 400, "sure", ""},
		"one's own password":      {o.TakeUsers, form("do", "set", "name", "ann", "password", "longenough", "again", "longenough"), 409, "your account", ""},
		"nobody":                  {o.TakeUsers, form("do", "disable", "name", "nobody"), 404, "There is no user", ""},
		"a token of nobody":       {o.TakeTokens, token, 404, "There is no user", `value="2027-01-31"`},
		"a token of no scope":     {o.TakeTokens, form("do", "new", "user", "vera", "scope", "all"), 400, "Scope", `value="vera"`},
		"a token that is over":    {o.TakeTokens, form("do", "new", "user", "vera", "scope", "read", "expires", "2026-03-09"), 400, "is over", ""},
		"a token of no day":       {o.TakeTokens, form("do", "new", "user", "vera", "scope", "read", "expires", "soon"), 400, "want a day", ""},
		"no token":                {o.TakeTokens, form("do", "revoke", "id", "77"), 404, "There is no token", ""},
		"no session":              {o.TakeSessions, form("do", "end", "user", "vera", "id", strings.Repeat("ab", 32)), 404, "has ended", ""},
		"nonsense":                {o.TakeSessions, form("do", "end", "user", "vera", "id", "x"), 400, "Which session", ""},
		"a wrong password":        {o.TakeAccount, form("do", "password", "present", "wrong", "password", "longenough", "again", "longenough"), 400, "present password", ""},
		"another's token":         {o.TakeAccount, form("do", "revoke", "id", "77"), 404, "revoked already", ""},
		"a view that is none":     {o.TakeLinks, form("do", "new", "view", "/stats/settings", "days", "7"), 400, "can be shared", ""},
		"a link for ever":         {o.TakeLinks, form("do", "new", "view", "/stats?days=7", "days", "9999"), 400, "1 to 365 days", `name="view" value="/stats?days=7"`},
		"no link":                 {o.TakeLinks, form("do", "end", "id", "77"), 404, "no such link", ""},
		"no such form":            {o.TakeUsers, form("do", "crown"), 400, "", ""},
		"a body that is too long": {o.TakeUsers, form("do", strings.Repeat("x", 17<<10)), 413, "", ""},
	} {
		rec := send(t, tt.take, ann, "POST", "", tt.fields)
		page := html.UnescapeString(rec.Body.String())
		if rec.Code != tt.status || tt.says != "" && (!strings.Contains(rec.Body.String(), `role="alert"`) || !strings.Contains(page, tt.says)) {
			t.Errorf("%s: %d, want %d and %q: %s", name, rec.Code, tt.status, tt.says, regexp.MustCompile(`(?s)role="alert".{0,200}`).FindString(page))
		}
		if !strings.Contains(rec.Body.String(), tt.kept) {
			t.Errorf("%s: what was typed is gone: want %s", name, tt.kept)
		}
		if strings.Contains(page, `value="longenough"`) || strings.Contains(page, "wrong\"") {
			t.Errorf("%s: the page has the password", name)
		}
	}
}

func TestATokenIsShownOnceAndWorks(t *testing.T) {
	t.Parallel()
	o := open(t)
	rec := send(t, o.TakeTokens, ann, "POST", "", form("do", "new", "user", "vera", "scope", "read", "expires", "2026-03-10"))
	text := regexp.MustCompile(`pkgm_[a-z2-7]{8}_[a-z2-7]{40}`).FindString(rec.Body.String())
	if rec.Code != 200 || text == "" || rec.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	if p, err := o.Auth.Reader(r); err != nil || p.User != "vera" {
		t.Errorf("%+v, %v", p, err)
	}
	page := look(t, o.ServeTokens, ann, "")
	for _, want := range []string{">vera<", text[:13], "2026-03-11 00:00", "2026-03-10 12:00"} { // its last day is whole; it was used just now
		if !strings.Contains(page, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	if strings.Contains(page, text) {
		t.Error("the token is shown again")
	}
	o.now = time.Date(2026, 3, 11, 0, 0, 0, 0, time.UTC)
	if _, err := o.Auth.Reader(r); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
		t.Errorf("after its last day: %v", err)
	}
	if !strings.Contains(look(t, o.ServeTokens, ann, ""), "(over)") {
		t.Error("nothing says that it is over")
	}
	if got := send(t, o.TakeAccount, ann, "POST", "", form("do", "revoke", "id", "1")); got.Code != 404 {
		t.Errorf("ann revokes vera's token as her own: %d", got.Code)
	}
	if got := send(t, o.TakeAccount, vera, "POST", "", form("do", "revoke", "id", "1")); got.Code != 303 || strings.Contains(look(t, o.ServeTokens, ann, ""), ">vera<") {
		t.Errorf("vera revokes her own: %d", got.Code)
	}
}

func TestSessionsEndOneByOneAndNobodyEndsThoseOfOthersAsTheirOwn(t *testing.T) {
	t.Parallel()
	o := open(t)
	for i, name := range []string{"vera", "vera", "ann"} {
		if err := o.store.AddSession(t.Context(), o.user(t, name), [32]byte{byte(i)}, noon.Add(time.Duration(i)*time.Minute), 20); err != nil {
			t.Fatal(err)
		}
	}
	id := func(i byte) string { sum := [32]byte{i}; return hex.EncodeToString(sum[:]) }
	if page := look(t, o.ServeAccount, vera, ""); strings.Count(page, "12:0") < 2 || strings.Contains(page, id(2)) {
		t.Errorf("vera does not see her two sessions alone: %s", page)
	}
	if got := send(t, o.TakeAccount, vera, "POST", "", form("do", "end", "user", "ann", "id", id(2))); got.Code != 404 {
		t.Errorf("vera ends ann's: %d", got.Code)
	}
	if got := send(t, o.TakeAccount, vera, "POST", "", form("do", "end", "id", id(0))); got.Code != 303 {
		t.Errorf("%d", got.Code)
	}
	if got := send(t, o.TakeSessions, ann, "POST", "", form("do", "end", "user", "vera", "id", id(1))); got.Code != 303 {
		t.Errorf("%d", got.Code)
	}
	o.now = noon.Add(12*time.Hour + 2*time.Minute) // ann's is over, and kept until the next login
	if page := look(t, o.ServeSessions, ann, ""); !strings.Contains(page, "Nobody is logged in") {
		t.Error("a session that is over is listed")
	}
	left, err := o.store.Sessions(t.Context(), "")
	if err != nil || len(left) != 1 || left[0].User != "ann" {
		t.Errorf("%v, %v", left, err)
	}
}

func TestALinkIsMadeOfAViewAndShownOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	page := look(t, o.ServeLinks, vera, url.Values{"view": {"/stats?days=7&repository=open"}}.Encode())
	if !strings.Contains(page, `name="view" value="/stats?days=7&amp;repository=open"`) {
		t.Fatalf("%s", page)
	}
	rec := send(t, o.TakeLinks, vera, "POST", "", form("do", "new", "view", "/stats?days=7&repository=open", "days", "30"))
	secret := regexp.MustCompile(`https://stats\.example/base/stats\?share=([a-z2-7]{40})"`).FindStringSubmatch(rec.Body.String())
	if rec.Code != 200 || secret == nil {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	view, err := o.Auth.Link(t.Context(), auth.Client(httptest.NewRequest("GET", "/", nil)), secret[1])
	if err != nil || view.Path != "/stats" || view.Query != "days=7&repository=open" || !view.Expires.Equal(noon.AddDate(0, 0, 30)) {
		t.Errorf("%+v, %v", view, err)
	}
	if page := look(t, o.ServeLinks, ann, ""); !strings.Contains(page, ">vera<") || strings.Contains(page, secret[1]) {
		t.Error("the administrator sees no link of vera's, or its secret")
	}
	rec = send(t, o.TakeLinks, ann, "POST", "", form("do", "new", "view", "/stats/package?package=pkg:npm/a", "days", "1"))
	if rec.Code != 200 {
		t.Fatalf("%d", rec.Code)
	}
	if page := look(t, o.ServeLinks, vera, ""); strings.Contains(page, "pkg:npm/a") {
		t.Error("vera sees a link of ann's")
	}
	if got := send(t, o.TakeLinks, vera, "POST", "", form("do", "end", "id", "2")); got.Code != 404 {
		t.Errorf("vera ends a link of ann's: %d", got.Code)
	}
	if got := send(t, o.TakeLinks, ann, "POST", "", form("do", "end", "id", "1")); got.Code != 303 {
		t.Errorf("ann ends a link of vera's: %d", got.Code)
	}
	if got := send(t, o.ServeLinks, vera, "GET", url.Values{"view": {"/stats?days=3"}}.Encode(), nil); got.Code != 400 || !strings.Contains(got.Body.String(), `role="alert"`) {
		t.Errorf("a view that cannot be: %d", got.Code)
	}
}

func TestTheAuditLogIsPagedNarrowedAndTakenAlong(t *testing.T) {
	t.Parallel()
	o := open(t)
	for i := range 60 {
		if _, err := o.store.SetPublic(pkgmeter.WithActor(t.Context(), "ann"), fmt.Sprintf("=repo%d", i), true); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(query string) int { return strings.Count(look(t, o.ServeAudit, ann, query), `data-head="when"`) }
	page := look(t, o.ServeAudit, ann, "")
	on := regexp.MustCompile(`rel="next" href="\?([^"]*)"`).FindStringSubmatch(page)
	if on == nil || rows("") != 50 || rows(html.UnescapeString(on[1])) != 12 {
		t.Errorf("pages: %v", on)
	}
	for query, want := range map[string]int{"actor=ann": 50, "actor=command+line": 2, "action=user": 2, "action=user&actor=ann": 0, "before=nonsense": 50} {
		if got := rows(query); got != want {
			t.Errorf("%s: %d lines, want %d", query, got, want)
		}
	}
	table, err := csv.NewReader(send(t, o.ServeAudit, ann, "GET", "format=csv&actor=ann", nil).Body).ReadAll()
	if err != nil || len(table) != 61 || table[1][4] != "'=repo59" || table[1][2] != "ann" {
		t.Errorf("%d rows, %v", len(table), err)
	}
}

func TestAListHas500RowsAndSaysThatThereAreMore(t *testing.T) {
	t.Parallel()
	o := open(t)
	for i := range 501 {
		u := pkgmeter.User{Name: fmt.Sprintf("user%03d", i), Role: pkgmeter.Viewer}
		if i >= 499 { // with ann and vera there are 501
			u.Name = "ann"
		} else if err := o.store.AddUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		_, token := auth.NewToken("ann", pkgmeter.ScopeRead)
		if _, err := o.store.AddToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]pageFunc{"users": o.ServeUsers, "tokens": o.ServeTokens} {
		if page := look(t, f, ann, ""); strings.Count(page, `<th scope="row"`) != 500 || !strings.Contains(page, "500: <code>pkgmeter ") {
			t.Errorf("%s: %d rows", name, strings.Count(page, `<th scope="row"`))
		}
	}
	// Who is not listed can be changed all the same.
	if page := look(t, o.ServeUsers, ann, "user=vera"); !strings.Contains(page, `id="user"`) {
		t.Error("there are no forms for the 501st user")
	}
}
