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
