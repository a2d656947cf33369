package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

func TestAnswersAsTables(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	fill(t, s)
	d := &pkgmeter.Delivery{Received: noon}
	for _, name := range []string{"=cmd|calc", "+1", "-1", "@x", "a,\"b\"\nc"} {
		d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{Source: "s", Repository: name, Path: "x.bin", Time: noon, Status: 200}))
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	get := func(question string) (int, string) {
		t.Helper()
		name, _, _ := strings.Cut(question, "?")
		rec := httptest.NewRecorder()
		err := a.Handler(name)(rec, httptest.NewRequest("GET", "/api/v1/"+question, nil))
		if err != nil {
			return 0, pkgmeter.PublicMessage(err)
		}
		if got := rec.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/csv") || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s", question, got)
		}
		rows, err := csv.NewReader(strings.NewReader(rec.Body.String())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return len(rows), fmt.Sprint(rows)
	}
	for question, want := range map[string]string{
		"totals?format=csv": "[[downloads hits bytes] [14 19 336]]",
		"top?by=repository&format=csv": "[[key downloads hits bytes] [releases 5 10 320] [pypi 2 2 14] [snapshots 2 2 2] ['+1 1 1 0] ['-1 1 1 0]" +
			" ['=cmd|calc 1 1 0] ['@x 1 1 0] [a,\"b\"\nc 1 1 0]]",
		"top?by=type&limit=1&format=csv":      "[[key downloads hits bytes] [maven 7 12 322]]",
		"series?from=2026-03-09&format=csv":   "[[day downloads hits bytes gap] [2026-03-09 4 4 16 false] [2026-03-10 7 7 20 false]]",
		"totals?format=xml":                   `format "xml": want json or csv`,
		"totals?format=csv&format=json":       `format "csv, json": want json or csv`,
		"top?by=type&limit=100001&format=csv": `limit "100001": want 1 to 100000`,
		"top?by=type&limit=1001&format=json":  `limit "1001": want 1 to 1000`,
	} {
		if _, got := get(question); got != want {
			t.Errorf("%s\n got %s\nwant %s", question, got, want)
		}
	}
	if n, got := get("series?split=type&format=csv"); n != 1+3*10 || !strings.HasPrefix(got, "[[key day downloads hits bytes gap] [maven 2026-03-01 3 8 300 false]") {
		t.Errorf("%d rows: %s", n, got)
	}
	if n, got := get("top?by=package&measure=adds&format=csv"); n != 1 || got != "[[key direct total]]" {
		t.Errorf("%d rows: %s", n, got)
	}
}

func TestMoversAndUploads(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	d := &pkgmeter.Delivery{Received: noon}
	add := func(path string, daysAgo, n int, op pkgmeter.Op) {
		for range n {
			d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{Source: "s", Path: path, Time: noon.AddDate(0, 0, -daysAgo), Status: 200, Op: op, Bytes: 1}))
		}
	}
	add("com/acme/app/1.0/app-1.0.jar", 100, 1, pkgmeter.Get)
	add("com/acme/app/1.0/app-1.0.jar", 40, 10, pkgmeter.Get)
	add("com/acme/app/1.0/app-1.0.jar", 4, 20, pkgmeter.Get)
	add("com/acme/app/1.1/app-1.1.jar", 4, 1, pkgmeter.Upload)
	add("com/acme/app/1.0/app-1.0.jar", 3, 1, pkgmeter.Delete)
	add("com/acme/lib/2/lib-2.jar", 3, 2, pkgmeter.Get)
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]string{
		"movers": `{"rising":[{"key":"pkg:maven/com.acme/app","downloads":20,"hits":20,"bytes":20,"before":{"downloads":10,"hits":10,"bytes":10}}],` +
			`"new":[{"key":"pkg:maven/com.acme/lib","downloads":2,"hits":2,"bytes":2,"before":{"downloads":0,"hits":0,"bytes":0}}],"stale":[],"from":"2026-02-09","to":"2026-03-10"}`,
		"movers?type=npm":         `{"rising":[],"new":[],"stale":[],"from":"2026-02-09","to":"2026-03-10"}`,
		"movers?by=package":       `invalid: unknown parameter "by"`,
		"uploads":                 `{"items":[{"day":"2026-03-06","package":"pkg:maven/com.acme/app","version":"1.1","files":1}],"deletions":[{"day":"2026-03-07","package":"pkg:maven/com.acme/app","version":"1.0","files":1}]}`,
		"uploads?to=2026-03-05":   `{"items":[],"deletions":[]}`,
		"uploads?repository=open": `invalid: unknown parameter "repository"`, // uploads are not told apart by it
	} {
		if got := ask(t, a, question); got != want {
			t.Errorf("%s\n got %s\nwant %s", question, got, want)
		}
	}
	for question, want := range map[string]string{
		"movers?format=csv":  "list,key,downloads,hits,bytes,downloads_before,hits_before,bytes_before\nrising,pkg:maven/com.acme/app,20,20,20,10,10,10\nnew,pkg:maven/com.acme/lib,2,2,2,0,0,0\n",
		"uploads?format=csv": "day,package,version,files,op\n2026-03-06,pkg:maven/com.acme/app,1.1,1,upload\n2026-03-07,pkg:maven/com.acme/app,1.0,1,delete\n",
	} {
		name, _, _ := strings.Cut(question, "?")
		rec := httptest.NewRecorder()
		if err := a.Handler(name)(rec, httptest.NewRequest("GET", "/api/v1/"+question, nil)); err != nil || rec.Body.String() != want {
			t.Errorf("%s: %v\n got %s\nwant %s", question, err, rec.Body, want)
		}
	}
}

func TestUploadsBeforeTheFirstHitAreListed(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	say := func(path string, daysAgo int, op pkgmeter.Op) {
		t.Helper()
		e := rule.Default().Apply(pkgmeter.Event{Source: "s", Path: path, Time: noon.AddDate(0, 0, -daysAgo), Status: 200, Op: op})
		if err := s.Write(t.Context(), []*pkgmeter.Delivery{{Received: noon, Entries: []pkgmeter.Entry{e}}}); err != nil {
			t.Fatal(err)
		}
	}
	const want = `{"items":[{"day":"2026-02-28","package":"pkg:maven/com.acme/app","version":"1.1","files":1}],` +
		`"deletions":[{"day":"2026-03-01","package":"pkg:maven/com.acme/app","version":"1.0","files":1}]}`
	say("com/acme/app/1.1/app-1.1.jar", 10, pkgmeter.Upload)
	say("com/acme/app/1.0/app-1.0.jar", 9, pkgmeter.Delete)
	if got := ask(t, a, "uploads"); got != want {
		t.Errorf("of a store without hits\n got %s\nwant %s", got, want)
	}
	say("com/acme/app/1.1/app-1.1.jar", 3, pkgmeter.Get)
	if got := ask(t, a, "uploads"); got != want {
		t.Errorf("before the first hit\n got %s\nwant %s", got, want)
	}
}
