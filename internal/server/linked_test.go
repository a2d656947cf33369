package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

func TestALinkShowsItsViewAndNothingElse(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, func(srv *server.Server) { srv.Base = "/pm" })
	if _, err := s.store.SetPublic(t.Context(), "open", false); err != nil {
		t.Fatal(err)
	}
	secret := s.link(t, pkgmeter.ShareLink{User: "vera", Path: "/stats", Query: "days=7&repository=open"})
	for address, want := range map[string]int{ // 9 downloads of open, in three days
		"/pm/stats?":        200,
		"/pm/stats?days=1&": 200,
		"/pm/stats?from=2026-03-08&to=2026-03-09&":          200,
		"/pm/stats?days=30&":                                403,
		"/pm/stats?repository=closed&":                      403,
		"/pm/stats?repository=open&repository=closed&":      403,
		"/pm/stats?class=nonsense&":                         400, // and not the usual page
		"/pm/stats?consumer=ann&":                           403,
		"/pm/stats/package?package=pkg:maven/com.acme/app&": 403,
		"/pm/stats/package?":                                403,
		"/pm/stats/rules?":                                  401, "/pm/stats/badges?": 401, "/pm/stats/sources?": 401, "/pm/stats/settings?": 401, "/pm/stats/quarantine?": 401,
		"/pm/stats/settings/account?": 401, "/pm/stats/settings/links?": 401, "/pm/save.json?": 401, "/pm/badge/npm/@scope/x.svg?": 401,
		"/pm/api/v1/totals?":                                          200,
		"/pm/api/v1/totals?repository=closed&":                        403,
		"/pm/api/v1/totals?from=2020-01-01&":                          403,
		"/pm/api/v1/top?by=repository&":                               200,
		"/pm/api/v1/top?by=source&":                                   403,
		"/pm/api/v1/series?split=consumer&":                           403,
		"/pm/api/v1/totals?measure=adds&package=pkg:isobuild/x&":      403,
		"/pm/api/v1/movers?":                                          200,
		"/pm/api/v1/uploads?":                                         400, // they are kept by package only
		"/pm/api/v1/top?by=file&format=csv&package=pkg:npm/@scope/x&": 200,
	} {
		got := s.ask(t, "GET", address+"share="+secret, "")
		if got.status != want {
			t.Errorf("%s: %d, want %d: %.300s", address, got.status, want, got.body)
		}
		if strings.Contains(got.body, "secret-1.0") || strings.Contains(got.body, "com.acme/secret") || strings.Contains(got.body, "closed") && want == 200 {
			t.Errorf("%s tells of another repository", address)
		}
		if want == 200 && (got.header.Get("Cache-Control") != "no-store" || got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("%s: %v", address, got.header)
		}
	}
	for address, want := range map[string]string{
		"/pm/api/v1/totals?":                          `{"downloads":9,"hits":9,`,
		"/pm/api/v1/totals?from=2026-03-10&":          `{"downloads":3,"hits":3,`,
		"/pm/api/v1/totals?package=pkg:npm/@scope/x&": `{"downloads":3,"hits":3,`,
		"/pm/api/v1/top?by=repository&":               `{"items":[{"key":"open","downloads":9,"hits":9,"bytes":0}],"total":{"downloads":9,`,
	} {
		if got := s.ask(t, "GET", address+"share="+secret, ""); !strings.HasPrefix(got.body, want) {
			t.Errorf("%s: %s, want %s", address, got.body, want)
		}
	}
}

func TestALinkToDaysOfAPackageShowsNoTilesOfOtherDays(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	for days, want := range map[string]string{
		"from=2026-03-08&to=2026-03-08": "Total",
		"from=2026-03-03&to=2026-03-09": "Last day, Last 7 days, Total",
		"days=90":                       "Last day, Last 7 days, Last 30 days, Total",
	} {
		secret := s.link(t, pkgmeter.ShareLink{User: "vera", Path: "/stats/package", Query: days + "&package=pkg%3Anpm%2F%40scope%2Fx"})
		page := s.ask(t, "GET", "/stats/package?share="+secret, "", header("Accept", browserAccept))
		var titles []string
		for _, title := range []string{"Last day", "Last 7 days", "Last 30 days", "Total"} {
			if strings.Contains(page.body, ">"+title+"<") {
				titles = append(titles, title)
			}
		}
		if got := strings.Join(titles, ", "); got != want || page.status != 200 {
			t.Errorf("%s: %d, tiles %s; want %s", days, page.status, got, want)
		}
	}
}

func TestAddressesOfASharedPageCarryTheLinkAndLeadNowhereElse(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	for _, l := range []pkgmeter.ShareLink{
		{User: "vera", Path: "/stats", Query: "days=30&repository=open&repository=closed"},
		{User: "vera", Path: "/stats/package", Query: "days=30&package=pkg%3Amaven%2Fcom.acme%2Fapp"},
	} {
		secret := s.link(t, l)
		page := s.ask(t, "GET", l.Path+"?share="+secret, "", header("Accept", browserAccept))
		if page.status != 200 {
			t.Fatalf("%d %s", page.status, page.body)
		}
		followed := 0
		for _, m := range regexp.MustCompile(`<a [^>]*href="([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
			to, err := url.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			if err != nil {
				t.Fatal(err)
			}
			if to.Path == "/" || to.Path == "/stats/rules" || strings.HasPrefix(m[1], "#") {
				continue // what everybody may try
			}
			address := to.String()
			if to.Path == "" {
				address = l.Path + address
			}
			if to.Query().Get("share") != secret {
				t.Errorf("%s: %s does not carry the link", l.Path, address)
				continue
			}
			followed++
			if got := s.ask(t, "GET", address, ""); got.status != 200 {
				t.Errorf("%s leads to %s: %d %.200s", l.Path, address, got.status, got.body)
			}
		}
		if followed < 15 {
			t.Errorf("%s has %d addresses only", l.Path, followed)
		}
		for _, absent := range []string{"Consumers</h2>", ">Sources<", "/stats/settings", "/catalog", "/stats/badges", "Log out", "365 days", "Share this view"} {
			if strings.Contains(page.body, absent) {
				t.Errorf("%s has %q", l.Path, absent)
			}
		}
		if !strings.Contains(page.body, "A shared view, until 2026-03-10") {
			t.Errorf("%s does not say that it is shared", l.Path)
		}
	}
}

func TestAPackageInOneRepositoryTellsNothingOfItsUploadsToOthers(t *testing.T) {
	t.Parallel()
	s := startRepositories(t, nil)
	if got := s.ask(t, "POST", "/callback", `{"repository-id":"closed","path":"com/acme/app/6.66.6/app-6.66.6.jar","event":"upload","timestamp":"2026-03-09T10:00:00Z"}`); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for query, want := range map[string]bool{"": true, "&repository=open": false} {
		secret := s.link(t, pkgmeter.ShareLink{User: "vera", Path: "/stats/package", Query: "days=30&package=pkg%3Amaven%2Fcom.acme%2Fapp" + query})
		got := s.ask(t, "GET", "/stats/package?share="+secret, "")
		if got.status != 200 || strings.Contains(got.body, "6.66.6") != want {
			t.Errorf("%s: %d, the version is there: %t", query, got.status, !want)
		}
	}
}

func TestALinkEndsForEveryReasonThatItCan(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *site, *atomic.Int64) error{
		"it expires":          func(_ *testing.T, _ *site, clock *atomic.Int64) error { clock.Add(int64(time.Hour)); return nil },
		"it is ended":         func(t *testing.T, s *site, _ *atomic.Int64) error { return s.store.EndLink(t.Context(), 1, "vera") },
		"its user is removed": func(t *testing.T, s *site, _ *atomic.Int64) error { return s.store.RemoveUser(t.Context(), "vera") },
		"its user is disabled": func(t *testing.T, s *site, _ *atomic.Int64) error {
			return s.store.SetDisabled(t.Context(), "vera", true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock atomic.Int64
			s := start(t, moving(&clock))
			address := "/stats?share=" + s.link(t, pkgmeter.ShareLink{User: "vera", Path: "/stats", Query: "days=all"})
			if got := s.ask(t, "GET", address, ""); got.status != 200 {
				t.Fatalf("%d", got.status)
			}
			if err := end(t, s, &clock); err != nil {
				t.Fatal(err)
			}
			got := s.ask(t, "GET", address, "", header("Accept", browserAccept))
			if got.status != 401 || !strings.Contains(got.body, "This link has expired, or was ended.") {
				t.Errorf("a browser: %d %.300s", got.status, got.body)
			}
			// A user who may read sees the same: a link is not a user.
			if got := s.ask(t, "GET", address, "", as("admin")); got.status != 401 || got.header.Get("WWW-Authenticate") != "" {
				t.Errorf("an administrator: %d %v", got.status, got.header)
			}
		})
	}
}

func TestTheSecretOfALinkIsNowhereOnDisk(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.ask(t, "POST", "/stats/settings/links", "do=new&view=/stats&days=7", as("vera"), form)
	secret := regexp.MustCompile(`share=([a-z2-7]{40})`).FindStringSubmatch(got.body)
	if got.status != 200 || secret == nil {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := s.ask(t, "GET", "/stats?share="+secret[1], ""); got.status != http.StatusOK {
		t.Fatalf("%d", got.status)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for name, content := range readAll(t, s.dir) {
		if strings.Contains(content, secret[1]) {
			t.Errorf("%s has the secret", name)
		}
	}
}

func TestWhatAPageChangesIsWrittenDownInTheNameOfWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, r := range []struct{ path, body string }{
		{"/stats/settings/users", "do=add&name=bob&role=viewer&password=longenough&again=longenough"},
		{"/stats/settings", "form=repositories&repository=r&public=r"},
		{"/stats/settings", "show=packages"},
		{"/stats/payloads", "file=name"},
	} {
		if got := s.ask(t, "POST", r.path, r.body, as("admin"), form); got.status != 303 {
			t.Fatalf("%s: %d %s", r.path, got.status, got.body)
		}
	}
	got := s.ask(t, "GET", "/stats/settings/audit?format=csv&actor=admin", "", as("admin"))
	for _, want := range []string{",admin,user.add,bob,viewer\n", ",admin,repository.public,r,\n", ",admin,panel.hide,files,\n", ",admin,source.mapping,cloudrepo,"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the log lacks %q:\n%s", want, got.body)
		}
	}
	if strings.Contains(got.body, "longenough") || strings.Contains(got.body, "argon2") {
		t.Error("the log has a secret")
	}
}
