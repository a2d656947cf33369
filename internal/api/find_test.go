package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/api"
)

// tableOf returns an answer as comma-separated values.
func tableOf(a *api.API, question, params string) string {
	rec := httptest.NewRecorder()
	a.Handler(question).ServeHTTP(rec, httptest.NewRequest("GET", "/x?format=csv&"+params, nil))
	return rec.Body.String()
}

func TestPackagesAreComparedWithTheWhole(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	body := ask(t, a, "compare?package=pkg:maven/com.acme/app&package=pkg:npm/none&package=pkg:maven/com.acme/app&grain=month")
	var c api.Compare
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if len(c.Packages) != 2 || c.Packages[1].Hits != 0 || c.Packages[1].First != nil || len(c.Total) != len(c.Packages[1].Points) {
		t.Errorf("%+v", c)
	}
	var one, all api.Totals
	for _, q := range []struct {
		question string
		to       *api.Totals
	}{{"totals?package=pkg:maven/com.acme/app", &one}, {"totals", &all}} {
		if err := json.Unmarshal([]byte(ask(t, a, q.question)), q.to); err != nil {
			t.Fatal(err)
		}
	}
	if p := c.Packages[0]; p.Measures != one.Measures || p.Downloads == 0 || p.Share != float64(one.Downloads)/float64(all.Downloads) || c.Sum.Downloads != all.Downloads {
		t.Errorf("%+v of %+v, want %+v of %+v", p, c.Sum, one, all)
	}
	var sum int64
	for _, p := range c.Packages[0].Points {
		sum += p.Hits
	}
	if sum != one.Hits {
		t.Errorf("the points have %d hits, want %d", sum, one.Hits)
	}
	csv := tableOf(a, "compare", "package=pkg:maven/com.acme/app&grain=month")
	if !strings.HasPrefix(csv, "key,day,downloads,hits,bytes,total_downloads,total_hits,total_bytes,gap\npkg:maven/com.acme/app,") {
		t.Errorf("as a table: %s", csv)
	}
}

func TestASearchAnswersInGroups(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	var found api.Search
	if err := json.Unmarshal([]byte(ask(t, a, "search?q=APP&limit=5")), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Groups) != 4 || found.Groups[0].By != "package" || len(found.Groups[0].Items) == 0 || found.From == nil {
		t.Fatalf("%+v", found)
	}
	hit := found.Groups[0].Items[0]
	if !strings.Contains(hit.Key, "app") || hit.Hits == 0 || len(hit.Days) != 30 {
		t.Errorf("%+v", hit)
	}
	if csv := tableOf(a, "search", "q=app"); !strings.HasPrefix(csv, "by,key,downloads,hits\npackage,") {
		t.Errorf("as a table: %s", csv)
	}
}

func TestAWrongSearchOrComparisonIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	for question, want := range map[string]string{
		"search":       "q is missing: want 1 to 200 characters",
		"search?q=":    "nothing to search for: want 1 to 200 characters",
		"search?q=%20": "nothing to search for",
		"search?q=" + strings.Repeat("%C3%A4", 201): "201 characters to search for are too many",
		"search?q=a&q=b":                       "q is given more than once",
		"search?q=a&limit=0":                   `limit \"0\": want 1 to 50`,
		"search?q=a&limit=51":                  `limit \"51\": want 1 to 50`,
		"search?q=a&measure=bytes":             `measure \"bytes\": want downloads or hits`,
		"search?q=a&package=pkg:npm/x":         `unknown parameter \"package\"`,
		"search?q=a&measure=adds":              "there is no question",
		"compare":                              "package is missing: name 1 to 8 packages",
		"compare?package=nothing":              "package",
		"compare?grain=hour&package=pkg:npm/x": "grain",
		"compare?" + strings.Repeat("package=pkg:npm/x&", 8) + "package=pkg:npm/a&package=pkg:npm/b&package=pkg:npm/c&package=pkg:npm/d&package=pkg:npm/e&package=pkg:npm/f&package=pkg:npm/g&package=pkg:npm/h": "9 packages are too many to compare: name 1 to 8",
	} {
		name, _, _ := strings.Cut(question, "?")
		rec := httptest.NewRecorder()
		a.Handler(name).ServeHTTP(rec, httptest.NewRequest("GET", "/api/v1/"+question, nil))
		if !strings.Contains(rec.Body.String(), want) || rec.Code < 400 || rec.Code > 404 {
			t.Errorf("%.60s: %d %s, want %q", question, rec.Code, rec.Body, want)
		}
	}
}
