package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) // a Tuesday

func open(t *testing.T) (*api.API, *sqlite.Store) {
	t.Helper()
	now := func() time.Time { return noon }
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Now: now, Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &api.API{Stats: s, Searcher: s, Use: s, Packages: s, Now: now}, s
}

func fill(t *testing.T, s *sqlite.Store) {
	t.Helper()
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	d := &pkgmeter.Delivery{Received: noon}
	add := func(n int, repo, path string, at time.Time, bytes int64) {
		for range n {
			d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{Source: "s", Repository: repo, Path: path, Time: at, Status: 200, Bytes: bytes}))
		}
	}
	add(3, "releases", "com/acme/app/1.0/app-1.0.jar", day(-9), 100)
	add(2, "releases", "com/acme/app/1.1/app-1.1.jar", day(0), 10)
	add(2, "snapshots", "com/acme/app/1.0/app-1.0.jar", day(-1), 1)
	add(5, "releases", "com/acme/app/1.0/app-1.0.pom", day(-9), 0)
	add(2, "pypi", "foo_bar-2.0-py3-none-any.whl", day(-1), 7)
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, a *api.API, question string) string {
	t.Helper()
	name, query, _ := strings.Cut(question, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	v, err := a.Answer(t.Context(), name, params)
	if err != nil {
		return fmt.Sprintf("%s: %s", pkgmeter.CodeOf(err), pkgmeter.PublicMessage(err))
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnEmptyStoreAnswersWithNulls(t *testing.T) {
	t.Parallel()
	a, _ := open(t)
	for question, want := range map[string]string{
		"totals":                 `{"downloads":0,"hits":0,"bytes":0,"opening":0,"from":null,"to":null,"complete":true,"rules":4}`,
		"totals?from=2026-01-01": `{"downloads":0,"hits":0,"bytes":0,"opening":0,"from":null,"to":null,"complete":true,"rules":4}`,
		"top?by=file":            `{"items":[],"total":{"downloads":0,"hits":0,"bytes":0,"opening":0,"from":null,"to":null,"complete":true,"rules":4},"next":null}`,
		"series":                 `{"points":[],"markers":[],"from":null,"to":null,"complete":true,"rules":4}`,
		"series?split=file":      `{"series":[],"markers":[],"from":null,"to":null,"complete":true,"rules":4}`,
	} {
		if got := ask(t, a, question); got != want {
			t.Errorf("%s\n got %s\nwant %s", question, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	const all = `"from":"2026-03-01","to":"2026-03-10","complete":false,"rules":4`
	for question, want := range map[string]string{
		"totals":                     `{"downloads":9,"hits":14,"bytes":336,"opening":0,` + all + `}`,
		"totals?repository=releases": `{"downloads":5,"hits":10,"bytes":320,"opening":0,` + all + `}`,
		"totals?repository=releases&repository=pypi":              `{"downloads":7,"hits":12,"bytes":334,"opening":0,` + all + `}`,
		"totals?type=maven&kind=primary":                          `{"downloads":7,"hits":7,"bytes":322,"opening":0,` + all + `}`,
		"totals?package=pkg:PyPI/Foo_Bar":                         `{"downloads":2,"hits":2,"bytes":14,"opening":0,` + all + `}`,
		"totals?package=pkg%3Amaven%2Fcom.acme%2Fapp&version=1.1": `{"downloads":2,"hits":2,"bytes":20,"opening":0,` + all + `}`,
		"totals?repository=nowhere":                               `{"downloads":0,"hits":0,"bytes":0,"opening":0,` + all + `}`,
		"totals?file=nothing":                                     `{"downloads":0,"hits":0,"bytes":0,"opening":0,` + all + `}`,
		"totals?legacy_type=pom":                                  `{"downloads":0,"hits":5,"bytes":0,"opening":0,` + all + `}`,
		"totals?from=2026-03-05&to=2026-03-09":                    `{"downloads":4,"hits":4,"bytes":16,"opening":0,"from":"2026-03-05","to":"2026-03-09","complete":true,"rules":4}`,
		"totals?to=2027-01-01":                                    `{"downloads":9,"hits":14,"bytes":336,"opening":0,` + all + `}`,
		"totals?from=2026-04-01":                                  `{"downloads":0,"hits":0,"bytes":0,"opening":0,"from":"2026-04-01","to":"2026-03-10","complete":false,"rules":4}`,
		"top?by=repository": `{"items":[{"key":"releases","downloads":5,"hits":10,"bytes":320},{"key":"pypi","downloads":2,"hits":2,"bytes":14},` +
			`{"key":"snapshots","downloads":2,"hits":2,"bytes":2}],"total":{"downloads":9,"hits":14,"bytes":336,"opening":0,` + all + `},"next":null}`,
		"top?by=file&kind=primary": `{"items":[{"key":"com/acme/app/1.0/app-1.0.jar","downloads":5,"hits":5,"bytes":302},{"key":"com/acme/app/1.1/app-1.1.jar","downloads":2,"hits":2,"bytes":20},` +
			`{"key":"foo_bar-2.0-py3-none-any.whl","downloads":2,"hits":2,"bytes":14}],"total":{"downloads":9,"hits":9,"bytes":336,"opening":0,` + all + `},"next":null}`,
		"top?by=kind&measure=hits&limit=1&to=2026-03-01": `{"items":[{"key":"metadata","downloads":0,"hits":5,"bytes":0}],"total":{"downloads":3,"hits":8,"bytes":300,"opening":0,` +
			`"from":"2026-03-01","to":"2026-03-01","complete":true,"rules":4},"next":"eyJ2Ijo1LCJrIjoibWV0YWRhdGEifQ"}`,
		"series?from=2026-03-08&package=pkg:maven/com.acme/app": `{"points":[{"day":"2026-03-08","downloads":0,"hits":0,"bytes":0,"gap":true},{"day":"2026-03-09","downloads":2,"hits":2,"bytes":2},` +
			`{"day":"2026-03-10","downloads":2,"hits":2,"bytes":20}],"markers":[],"from":"2026-03-08","to":"2026-03-10","complete":false,"rules":4}`,
		"series?grain=week":  `{"points":[{"day":"2026-02-23","downloads":3,"hits":8,"bytes":300},{"day":"2026-03-02","downloads":0,"hits":0,"bytes":0,"gap":true},{"day":"2026-03-09","downloads":6,"hits":6,"bytes":36}],"markers":[],` + all + `}`,
		"series?grain=month": `{"points":[{"day":"2026-03-01","downloads":9,"hits":14,"bytes":336}],"markers":[],` + all + `}`,
		"series?grain=month&split=repository": `{"series":[{"key":"releases","points":[{"day":"2026-03-01","downloads":5,"hits":10,"bytes":320}]},` +
			`{"key":"pypi","points":[{"day":"2026-03-01","downloads":2,"hits":2,"bytes":14}]},{"key":"snapshots","points":[{"day":"2026-03-01","downloads":2,"hits":2,"bytes":2}]}],"markers":[],` + all + `}`,
	} {
		if got := ask(t, a, question); got != want {
			t.Errorf("%s\n got %s\nwant %s", question, got, want)
		}
	}
}

func TestAChangeOfRulesIsAMarkerUntilARecount(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	rules, err := rule.New([]rule.ClientRule{{Agent: "curl/*", Class: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetRules(t.Context(), rules, rule.Number, rules.Own()); err != nil {
		t.Fatal(err)
	}
	expect := func(want map[string]string) {
		t.Helper()
		for question, markers := range want {
			if got := ask(t, a, question); !strings.Contains(got, `"markers":`+markers+`,"from":`) {
				t.Errorf("%s: want markers %s in %s", question, markers, got)
			}
		}
	}
	const marked = `[{"day":"2026-03-10","rules":5}]`
	expect(map[string]string{"series": marked, "series?grain=month": marked, "series?split=class": marked, "series?split=class&file=nothing": marked, "series?to=2026-03-09": "[]"})
	if err := s.Rebuild(t.Context(), rules, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	expect(map[string]string{"series": "[]", "series?split=class": "[]"})
}

func TestAWrongQuestionIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	a, _ := open(t)
	many := "top?by=file" + strings.Repeat("&file=x", 1001)
	for question, want := range map[string]string{
		"totals?frm=2026-01-01":                  `unknown parameter "frm"`,
		"totals?by=file":                         `unknown parameter "by"`,
		"totals?from=2026-1-1":                   `from: "2026-1-1" is not a day`,
		"totals?to=2026-02-30":                   `to: "2026-02-30" is not a day`,
		"totals?from=":                           `from: "" is not a day`,
		"totals?from=2026-01-02&to=2026-01-01":   "from 2026-01-02 is after to 2026-01-01",
		"totals?from=2026-01-02&from=2026-01-01": "from is given more than once",
		"totals?kind=jar":                        `kind "jar": want one of primary`,
		"totals?legacy_type=zip":                 `legacy_type "zip": want one of jar`,
		"totals?package=left-pad":                `package "left-pad"`,
		"totals?package=pkg:npm/left-pad@1.3.0":  "version",
		"totals?class=people":                    "class \"people\": want one of human, ci, mirror, bot, unknown",
		"totals?country=ZZ":                      "there is no filter for unknown countries",
		"totals?country=DE&client=pip":           "counts by country are kept by repository, type, package and class only, not by client",
		"top?by=source&os=linux":                 "counts by source are kept by file, repository, type, package, version, kind, legacy_type and class only, not by os",
		"top?by=package&consumer=a&source=b":     "not by consumer",
		"totals?measure=x":                       `measure "x": want downloads, hits, bytes or adds`,
		"top":                                    "by is missing",
		"top?by=country&kind=primary":            "counts by country are kept by repository, type, package and class only, not by kind",
		"top?by=x":                               `by "x": want one of file`,
		"top?by=file&limit=0":                    `limit "0": want 1 to 1000`,
		"top?by=file&limit=1001":                 `limit "1001": want 1 to 1000`,
		"top?by=file&limit=ten":                  `limit "ten": want 1 to 1000`,
		"top?by=file&cursor=x":                   "cursor: want the next of an earlier answer",
		"series?grain=hour":                      `grain "hour": want day, week or month`,
		"series?split=x":                         `split "x": want one of file`,
		"series?split=country&client=pip":        "counts by country are kept by repository, type, package and class only, not by client",
		many:                                     "file is given more than 1000 times",
	} {
		if got := ask(t, a, question); !strings.HasPrefix(got, "invalid: ") || !strings.Contains(got, want) {
			t.Errorf("%.60s\n got %s\nwant %s", question, got, want)
		}
	}
}

func TestPagesOfATopListAreTheWholeList(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	d := &pkgmeter.Delivery{Received: noon}
	for i := range 95 {
		for range 1 + i%3 {
			d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{Source: "s", Path: fmt.Sprintf("f%02d.bin", i), Time: noon, Status: 200}))
		}
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	var whole, paged api.Top
	if err := json.Unmarshal([]byte(ask(t, a, "top?by=file&limit=1000")), &whole); err != nil || len(whole.Items) != 95 {
		t.Fatalf("%d items, %v", len(whole.Items), err)
	}
	next := ""
	for {
		var page api.Top
		if err := json.Unmarshal([]byte(ask(t, a, "top?by=file&limit=10"+next)), &page); err != nil {
			t.Fatal(err)
		}
		paged.Items = append(paged.Items, page.Items...)
		if page.Next == nil {
			break
		}
		next = "&cursor=" + url.QueryEscape(*page.Next)
	}
	if fmt.Sprint(paged.Items) != fmt.Sprint(whole.Items) {
		t.Errorf("pages %v\nwhole %v", paged.Items, whole.Items)
	}
}
