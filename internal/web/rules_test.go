package web_test

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// rules asks for the page of the rules.
func rules(t *testing.T, w *web.Web, set *rule.Set, query string) (status int, html, text string) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := w.ServeRules(set)(rec, httptest.NewRequest("GET", "/stats/rules"+query, nil), pkgmeter.Principal{}); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return rec.Code, rec.Body.String(), textOf(t, rec.Body.String())
}

func TestThePageOfRulesSaysAllOfThem(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	set, err := rule.New([]rule.ClientRule{{Agent: "acme/*", Class: "ci"}, {Agent: "x", Class: "bot"}})
	if err != nil {
		t.Fatal(err)
	}
	_, html, text := rules(t, w, set, "")
	text = strings.ReplaceAll(text, " ", "")
	says := func(want string) {
		if !strings.Contains(text, strings.NewReplacer(" ", "", "`", "").Replace(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, s := range rule.Text() {
		says(s.Intro)
		for _, term := range s.Terms {
			says(term.Text)
			if strings.Count(html, ` id="`+term.ID+`"`) != 1 {
				t.Errorf("%s cannot be linked to", term.ID)
			}
		}
	}
	for _, e := range rule.Ecosystems() {
		says(e.Type + e.Primary + e.Other + e.Index)
	}
	says("2 rules of the operator's own about clients")
	says("table of clients 1 of " + rule.ClientsDated)
	says("ansible, ant, apk")
}

func TestEveryNumberOfThePageLinksToARuleThatThereIs(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	_, there, _ := rules(t, w, rule.Default(), "")
	_, html, _ := get(t, w, "")
	boxes := what.FindAllString(html, -1)
	if want := 4 + 1 + 12; len(boxes) != want {
		t.Errorf("%d rules on the page, want %d", len(boxes), want)
	}
	for _, box := range boxes {
		m := regexp.MustCompile(`<p>([^<].{20,}) <a href="/base/stats/rules#([\w-]+)">`).FindStringSubmatch(box)
		if m == nil || !strings.Contains(there, ` id="`+m[2]+`"`) {
			t.Errorf("box: %s", box)
		}
	}
}

func TestAPathAndAnAgentAreExplained(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	own, err := rule.New([]rule.ClientRule{{Agent: "acme-fetch/*", Name: "acme-fetch", Class: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		"path=com/acme/app/1.0/app-1.0.jar":                               {"type maven package pkg:maven/com.acme/app version 1.0 repository (unknown) file com/acme/app/1.0/app-1.0.jar kind primary sidecar_of – legacy_type jar confidence high rule maven-path"},
		"path=https://h/repositories/libs/@scope/x/-/x-1.0.0.tgz?a%23b":   {"package pkg:npm/%40scope/x version 1.0.0 repository libs file @scope/x/-/x-1.0.0.tgz"},
		"path=app-1.0.0.tgz&format=npm":                                   {"type npm package pkg:npm/app"},
		"path=app-1.0.0.tgz&format=":                                      {"type helm package pkg:helm/app"},
		"agent=acme-fetch/2.1":                                            {"client acme-fetch class ci version 2.1 runtime – os – arch –"},
		"path=a.jar&agent=pip/24.0+%7B%22ci%22:true,%22cpu%22:%22x%22%7D": {"type maven", "client pip class ci version 24.0"},
	} {
		status, html, text := rules(t, w, own, "?"+query)
		if status != 200 {
			t.Errorf("%s: %d", query, status)
		}
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s: the page lacks %q:\n%.900s", query, s, text)
			}
		}
		if strings.Contains(html, ">sidecar_of<") != strings.Contains(query, "path=") || strings.Contains(html, `<th scope="row">runtime</th>`) != strings.Contains(query, "agent=") {
			t.Errorf("%s: more is said than was asked", query)
		}
	}
}

func TestWhatCannotBeExplainedIsSaid(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	long := strings.Repeat("x", 1025)
	for query, want := range map[string]string{
		"path=" + long:                      "The path is longer than 1,024 bytes: the server refuses events of such files.",
		"path=https://h/%3F" + long:         "This names no file.",
		"path=https://repo.example":         "This names no file.",
		"path=%FF.jar":                      "The path is not UTF-8",
		"path=a.jar&format=rust":            "There is no such type of repository.",
		"path=https://h/a%3F" + long + long: "The path is longer",
	} {
		status, html, text := rules(t, w, rule.Default(), "?"+query)
		if status != 400 || !strings.Contains(text, want) || strings.Contains(text, "confidence") {
			t.Errorf("%.40s: %d, want 400 and %q:\n%.500s", query, status, want, text)
		}
		if strings.Contains(html, long+long) {
			t.Errorf("%.40s is repeated", query)
		}
	}
	for _, query := range []string{"", "?path=&agent=&format=", "?other=x"} {
		if status, _, text := rules(t, w, rule.Default(), query); status != 200 || strings.Contains(text, "confidence") {
			t.Errorf("%s: %d", query, status)
		}
	}
}

func TestWhatIsTriedAddsNoElementToThePage(t *testing.T) {
	t.Parallel()
	w, _ := open(t)
	for _, name := range browsertest.EvilNames(t) {
		if rule.SaidPath(name) == "" || len(name) > pkgmeter.MaxPath {
			continue
		}
		_, html, _ := rules(t, w, rule.Default(), "?"+url.Values{"path": {"x/" + name}, "agent": {name}}.Encode())
		_, harmless, _ := rules(t, w, rule.Default(), "?path=x/y.bin&agent=x")
		got, text := tree(t, html)
		want, _ := tree(t, harmless)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q changes the page:\n%s", name, diff(got, want))
		}
		shown := strings.NewReplacer("\x00", "\uFFFD", "\r\n", "\n", "\r", "\n")
		if path, _, _ := strings.Cut(name, "://"); path == name && !strings.Contains(shown.Replace(text), shown.Replace(name)) && !strings.Contains(text, "not UTF-8") {
			t.Errorf("%q is not shown", name)
		}
	}
}
