package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// report has so many new apps contain a package today, the first of them by
// choice of their maintainers.
func report(t *testing.T, s *sqlite.Store, name, version string, direct, total int) {
	t.Helper()
	var batch []*pkgmeter.AppReport
	for i := range total {
		batch = append(batch, &pkgmeter.AppReport{
			App:      fmt.Sprint(name, version, i),
			Packages: []pkgmeter.AppPackage{{Package: "pkg:meteor/" + name, Version: version, Direct: i < direct}},
		})
	}
	if err := (sqlite.UseWriter{Store: s}).Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// someAdds are three of today, and four of another server nine days ago.
func someAdds(t *testing.T, s *sqlite.Store) {
	t.Helper()
	report(t, s, "alice/foo", "1.0.0", 1, 2)
	report(t, s, "tracker", "1.1.0", 0, 1)
	_, err := s.ImportUse(t.Context(), []sqlite.ForeignUse{{Day: pkgmeter.DayOf(noon) - 9, Body: []byte("…\n"), Uses: []pkgmeter.DailyUse{
		{Package: "pkg:meteor/alice/foo", Version: "1.0.0", Direct: 1, Total: 3},
		{Package: "pkg:meteor/tracker", Version: "1.0.0", Total: 1},
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAddsOfAnEmptyStoreHaveNoDays(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s) // downloads are none
	const none = `"from":null,"to":null,"complete":true,"rules":4}`
	for question, want := range map[string]string{
		"totals?measure=adds":                 `{"direct":0,"total":0,"opening":0,` + none,
		"totals?measure=adds&to=2026-01-01":   `{"direct":0,"total":0,"opening":0,` + none,
		"top?measure=adds&by=package":         `{"items":[],"total":{"direct":0,"total":0,"opening":0,` + none + `,"next":null}`,
		"series?measure=adds":                 `{"points":[],"markers":[],` + none,
		"series?measure=adds&split=version":   `{"series":[],"markers":[],` + none,
		"series?measure=adds&from=2026-03-01": `{"points":[],"markers":[],` + none,
	} {
		if got := ask(t, a, question); got != want {
			t.Errorf("%s\n got %s\nwant %s", question, got, want)
		}
	}
}

func TestAnswersAboutAdds(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	someAdds(t, s)
	const all = `"from":"2026-03-01","to":"2026-03-10","complete":false,"rules":4`
	const nothing = `"direct":0,"total":0`
	var between strings.Builder
	for day := 2; day < 10; day++ {
		fmt.Fprintf(&between, `,{"day":"2026-03-%02d",%s}`, day, nothing)
	}
	for question, want := range map[string]string{
		"totals":                              `{"direct":2,"total":7,"opening":0,` + all + `}`,
		"totals?type=meteor":                  `{"direct":2,"total":7,"opening":0,` + all + `}`,
		"totals?package=pkg:meteor/alice/foo": `{"direct":2,"total":5,"opening":0,` + all + `}`,
		"totals?package=pkg:Meteor/tracker&version=1.0.0":                `{"direct":0,"total":1,"opening":0,` + all + `}`,
		"totals?package=pkg:meteor/tracker&package=pkg:meteor/alice/foo": `{"direct":2,"total":7,"opening":0,` + all + `}`,
		"totals?package=pkg:meteor/unknown":                              `{` + nothing + `,"opening":0,` + all + `}`,
		"totals?package=pkg:maven/com.acme/app":                          `{` + nothing + `,"opening":0,` + all + `}`,
		"totals?version=9.9.9":                                           `{` + nothing + `,"opening":0,` + all + `}`,
		"totals?from=2026-03-02&to=2026-03-09":                           `{` + nothing + `,"opening":0,"from":"2026-03-02","to":"2026-03-09","complete":true,"rules":4}`,
		"totals?from=2026-03-10&to=2027-01-01":                           `{"direct":1,"total":3,"opening":0,"from":"2026-03-10","to":"2026-03-10","complete":false,"rules":4}`,
		"totals?from=2026-04-01":                                         `{` + nothing + `,"opening":0,"from":"2026-04-01","to":"2026-03-10","complete":false,"rules":4}`,
		"top?by=package": `{"items":[{"key":"pkg:meteor/alice/foo","direct":2,"total":5},{"key":"pkg:meteor/tracker","direct":0,"total":2}],` +
			`"total":{"direct":2,"total":7,"opening":0,` + all + `},"next":null}`,
		"top?by=version": `{"items":[{"key":"1.0.0","direct":2,"total":6},{"key":"1.1.0","direct":0,"total":1}],"total":{"direct":2,"total":7,"opening":0,` + all + `},"next":null}`,
		"top?by=version&to=2026-03-01&limit=1": `{"items":[{"key":"1.0.0","direct":1,"total":4}],` +
			`"total":{"direct":1,"total":4,"opening":0,"from":"2026-03-01","to":"2026-03-01","complete":true,"rules":4},"next":null}`,
		"top?by=package&version=9.9.9": `{"items":[],"total":{` + nothing + `,"opening":0,` + all + `},"next":null}`,
		"series":                       `{"points":[{"day":"2026-03-01","direct":1,"total":4}` + between.String() + `,{"day":"2026-03-10","direct":1,"total":3}],"markers":[],` + all + `}`,
		"series?grain=week":            `{"points":[{"day":"2026-02-23","direct":1,"total":4},{"day":"2026-03-02",` + nothing + `},{"day":"2026-03-09","direct":1,"total":3}],"markers":[],` + all + `}`,
		"series?grain=month&package=pkg:meteor/tracker":                 `{"points":[{"day":"2026-03-01","direct":0,"total":2}],"markers":[],` + all + `}`,
		"series?from=2026-03-09&version=9.9.9":                          `{"points":[{"day":"2026-03-09",` + nothing + `},{"day":"2026-03-10",` + nothing + `}],"markers":[],"from":"2026-03-09","to":"2026-03-10","complete":false,"rules":4}`,
		"series?grain=month&split=package&version=9.9.9":                `{"series":[],"markers":[],` + all + `}`,
		"series?grain=month&split=version&package=pkg:meteor/alice/foo": `{"series":[{"key":"1.0.0","points":[{"day":"2026-03-01","direct":2,"total":5}]}],"markers":[],` + all + `}`,
		"series?grain=week&split=version": `{"series":[{"key":"1.0.0","points":[{"day":"2026-02-23","direct":1,"total":4},{"day":"2026-03-02",` + nothing + `},{"day":"2026-03-09","direct":1,"total":2}]},` +
			`{"key":"1.1.0","points":[{"day":"2026-02-23",` + nothing + `},{"day":"2026-03-02",` + nothing + `},{"day":"2026-03-09","direct":0,"total":1}]}],"markers":[],` + all + `}`,
	} {
		sign := "?"
		if strings.Contains(question, "?") {
			sign = "&"
		}
		if got := ask(t, a, question+sign+"measure=adds"); got != want {
			t.Errorf("%s\n got %s\nwant %s", question, got, want)
		}
	}
	if got := ask(t, a, "top?by=type"); strings.Contains(got, "meteor") {
		t.Errorf("adds are among the downloads: %s", got)
	}
}

func TestAWrongQuestionAboutAddsIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	someAdds(t, s)
	for question, want := range map[string]string{
		"totals?repository=x":                  "the filter repository does not go with measure=adds",
		"totals?file=x":                        "the filter file does not",
		"totals?kind=primary":                  "the filter kind does not",
		"totals?legacy_type=jar":               "the filter legacy_type does not",
		"totals?class=ci":                      "the filter class does not",
		"totals?client=meteor":                 "the filter client does not",
		"totals?country=DE":                    "the filter country does not",
		"totals?type=npm":                      `type "npm": only packages of the type meteor have adds`,
		"totals?type=meteor&type=npm":          `type "npm"`,
		"totals?package=tracker":               `package "tracker"`,
		"totals?package=pkg:meteor/tracker@1":  "version",
		"totals?frm=2026-01-01":                `unknown parameter "frm"`,
		"totals?by=package":                    `unknown parameter "by"`,
		"totals?from=2026-01-02&to=2026-01-01": "from 2026-01-02 is after to 2026-01-01",
		"totals?from=x":                        `from: "x" is not a day`,
		"totals?measure=hits":                  "measure is given more than once",
		"top":                                  "by is missing: want package or version",
		"top?by=type":                          `by "type": want package or version with measure=adds`,
		"top?by=":                              `by "": want package or version`,
		"top?by=country":                       `by "country": want package or version`,
		"top?by=package&limit=0":               `limit "0": want 1 to 1000`,
		"top?by=package&cursor=x":              "cursor: want the next of an earlier answer",
		"series?grain=hour":                    `grain "hour": want day, week or month`,
		"series?split=file":                    `split "file": want package or version with measure=adds`,
		"series?split=package&split=version":   "split is given more than once",
	} {
		sign := "?"
		if strings.Contains(question, "?") {
			sign = "&"
		}
		if got := ask(t, a, question+sign+"measure=adds"); !strings.HasPrefix(got, "invalid: ") || !strings.Contains(got, want) {
			t.Errorf("%.60s\n got %s\nwant %s", question, got, want)
		}
	}
	if got := ask(t, a, "totals?measure=hits&measure=adds"); !strings.Contains(got, "measure is given more than once") {
		t.Error(got)
	}
	if got := ask(t, a, "nothing?measure=adds"); !strings.HasPrefix(got, "not_found: ") {
		t.Error(got)
	}
}

// Ties are many: nearly every package has few adds.
func TestPagesOfAddsAreTheWholeList(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	for i := range 95 {
		report(t, s, fmt.Sprintf("p%02d", (i*37)%95), "1.0.0", 0, 1+i%3)
	}
	var whole, paged api.AddsTop
	if err := json.Unmarshal([]byte(ask(t, a, "top?measure=adds&by=package&limit=1000")), &whole); err != nil || len(whole.Items) != 95 || whole.Next != nil {
		t.Fatalf("%d items, %v", len(whole.Items), err)
	}
	next := ""
	for {
		var page api.AddsTop
		if err := json.Unmarshal([]byte(ask(t, a, "top?measure=adds&by=package&limit=10"+next)), &page); err != nil {
			t.Fatal(err)
		}
		paged.Items = append(paged.Items, page.Items...)
		if page.Total.Total != whole.Total.Total {
			t.Errorf("the total of a page is %d", page.Total.Total)
		}
		if page.Next == nil {
			break
		}
		next = "&cursor=" + url.QueryEscape(*page.Next)
	}
	if fmt.Sprint(paged.Items) != fmt.Sprint(whole.Items) {
		t.Errorf("pages %v\nwhole %v", paged.Items, whole.Items)
	}
	for i := 1; i < len(whole.Items); i++ {
		if a, b := whole.Items[i-1], whole.Items[i]; a.Total < b.Total || a.Total == b.Total && a.Key >= b.Key {
			t.Errorf("%v before %v", a, b)
		}
	}
	var split api.AddsSplit
	if err := json.Unmarshal([]byte(ask(t, a, "series?measure=adds&split=package")), &split); err != nil || len(split.Series) != pkgmeter.SplitLines+1 {
		t.Fatalf("%d lines, %v", len(split.Series), err)
	}
	var sum int64
	for i, line := range split.Series {
		for _, p := range line.Points {
			sum += p.Total
		}
		if want := whole.Items[i].Key; i < pkgmeter.SplitLines && line.Key != want {
			t.Errorf("line %d is %s, want %s", i, line.Key, want)
		}
	}
	if last := split.Series[pkgmeter.SplitLines].Key; last != pkgmeter.OtherKey || sum != whole.Total.Total {
		t.Errorf("the last line is %s, all come to %d", last, sum)
	}
}
