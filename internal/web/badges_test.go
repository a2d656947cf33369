package web_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// maker makes badges as the server does, of what it was asked for.
type maker struct{ everyone bool }

func (m maker) Badge(_ context.Context, purl string, params url.Values, sign bool) (web.Badge, error) {
	if params.Get("color") == "wrong" {
		return web.Badge{}, pkgmeter.Errorf(pkgmeter.Invalid, "color: want six digits")
	}
	path := "/badge/" + url.PathEscape(purl) + ".svg?" + params.Encode()
	if sign && !m.everyone {
		path += "&sig=x"
	}
	label := "downloads"
	if l := params.Get("label"); l != "" {
		label = l
	}
	return web.Badge{URL: "https://stats.example" + path, Image: "/base" + path, Label: label, Known: true, Everyone: m.everyone, Signed: sign && !m.everyone}, nil
}

func badge(t *testing.T, w *web.Web, p pkgmeter.Principal, accept string, query url.Values) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/stats/badges?"+query.Encode(), nil)
	r.Header.Set("Accept", accept)
	if err := w.ServeBadges(rec, r, p); err != nil {
		t.Fatalf("%v: %v", query, err)
	}
	return rec
}

func TestTheBuilderMakesTheAddressOfABadge(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	w.Badges = maker{}
	query := url.Values{"package": {"app"}, "period": {"week"}, "label": {"a]<b>"}, "style": {"flat"}, "color": {"#ff8800"}, "version": {""}}
	var got struct{ URL, Markdown, HTML, Image, Error string }
	if err := json.Unmarshal(badge(t, w, pkgmeter.Principal{}, "application/json", query).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	address := "https://stats.example/badge/pkg:maven%2Fcom.acme%2Fapp.svg?color=ff8800&label=a%5D%3Cb%3E&period=week"
	if got.URL != address || got.Markdown != `![a\]\<b\>](`+address+`)` || got.Error != "" || !strings.HasPrefix(got.Image, "/base/badge/") ||
		got.HTML != `<img alt="a]&lt;b&gt;" src="`+strings.ReplaceAll(address, "&", "&amp;")+`">` {
		t.Errorf("got %+v", got)
	}
	body := badge(t, w, pkgmeter.Principal{}, "text/html", query).Body.String()
	if !strings.Contains(body, `value="app"`) || !strings.Contains(body, `<option value="week" selected>`) || !strings.Contains(body, "data-badge-url") {
		t.Errorf("page: %.2000s", body)
	}
	for query, want := range map[string]string{
		"package=nothing": `there is no package \"nothing\"`, "package=" + app + "&color=wrong": "color: want six digits", "": "",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		body := badge(t, w, pkgmeter.Principal{}, "application/json", values).Body.String()
		if want != "" && !strings.Contains(body, want) || want == "" && strings.Contains(body, "error") {
			t.Errorf("%s: %s", query, body)
		}
	}
}

func TestOnlyAPersonWithASessionSignsBadges(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	query := url.Values{"package": {app}, "sign": {"1"}}
	for name, c := range map[string]struct {
		who      pkgmeter.Principal
		everyone bool
		signed   bool
	}{
		"an admin":                        {admin, false, true},
		"a viewer":                        {pkgmeter.Principal{User: "vic", Role: pkgmeter.Viewer}, false, true},
		"a publisher":                     {pkgmeter.Principal{User: "pub", Role: pkgmeter.Publisher}, false, false},
		"a token":                         {pkgmeter.Principal{User: "ann", Role: pkgmeter.Admin, Scope: pkgmeter.ScopeRead}, false, false},
		"nobody":                          {pkgmeter.Principal{}, false, false},
		"an admin of what everybody sees": {admin, true, false},
	} {
		w.Badges = maker{c.everyone}
		if got := strings.Contains(badge(t, w, c.who, "application/json", query).Body.String(), "sig=x"); got != c.signed {
			t.Errorf("%s: signed is %t", name, got)
		}
	}
}

func TestNamesFromOutsideAddNoElementToTheBuilder(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	w.Badges = maker{}
	of := func(name string) []string {
		query := url.Values{}
		for _, field := range []string{"version", "label", "repository", "color", "period", "style"} {
			query.Set(field, name)
		}
		query.Set("package", app)
		elements, _ := tree(t, badge(t, w, pkgmeter.Principal{}, "text/html", query).Body.String())
		return elements
	}
	want := strings.Join(of("name"), "\n")
	for _, name := range browsertest.EvilNames(t) {
		if got := of(name); strings.Join(got, "\n") != want {
			t.Errorf("%q changes the page", name)
		}
		badge(t, w, pkgmeter.Principal{}, "text/html", url.Values{"package": {name}})
	}
}
