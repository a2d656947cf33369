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
	"github.com/pkgmeter/pkgmeter/internal/badge"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// shown returns what a badge shows, or the error.
func shown(t *testing.T, a *api.API, address string) string {
	t.Helper()
	said, query, _ := strings.Cut(address, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	typ, name, _ := strings.Cut(said, "/")
	path, err := api.ParseBadgePath(typ, name)
	if err != nil {
		return string(pkgmeter.CodeOf(err))
	}
	b, known, err := a.Badge(t.Context(), path, params)
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %s", pkgmeter.CodeOf(err), pkgmeter.PublicMessage(err))
	case !known:
		return fmt.Sprintf("unknown: %s: %s %s", b.Label, b.Message, b.Color)
	}
	return b.Label + ": " + b.Message
}

func TestABadgeIsOfAPackageHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	a, s := open(t)
	d := &pkgmeter.Delivery{Received: noon}
	add := func(n int, path, hint string) {
		for range n {
			d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{Source: "s", Repository: "r", Path: path, Hint: hint, Time: noon, Status: 200}))
		}
	}
	add(1, "left-pad/-/left-pad-1.3.0.tgz", "")
	add(2, "@scope/x/-/x-1.0.0.tgz", "")
	add(3, "com/acme/app/1.0/app-1.0.jar", "")
	add(4, "Foo_Bar-2.0-py3-none-any.whl", "")
	add(5, "v2/acme/team/api/manifests/1.0", "")
	add(6, "golang.org/x/text/@v/v0.3.0.zip", "")
	add(7, "github.com/!burnt!sushi/toml/@v/v1.0.0.zip", "")
	add(8, "", "pkg:meteor/alice/foo@1.0.0")
	add(9, "", "pkg:generic/logo.svg@1")
	add(10, "", "pkg:generic/a%2Fb@1")
	add(11, "", "pkg:generic/%2F@1")
	add(12, "", "pkg:nuget/Newtonsoft.Json@1")
	add(13, "", "pkg:generic/%E6%97%A5%E6%9C%AC@1")
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"npm/left-pad.svg":                          "downloads: 1",
		"NPM/left-pad.json":                         "downloads: 1",
		"npm/@scope/x.svg":                          "downloads: 2",
		"maven/com.acme/app.svg":                    "downloads: 3",
		"pypi/foo-bar.svg":                          "downloads: 4",
		"pypi/FOO..bar.svg":                         "downloads: 4",
		"docker/acme/team/api.svg":                  "downloads: 5",
		"golang/golang.org/x/text.svg":              "downloads: 6",
		"golang/github.com/BurntSushi/toml.svg":     "downloads: 7",
		"meteor/alice:foo.svg":                      "downloads: 8",
		"meteor/alice/foo.svg":                      "downloads: 8",
		"generic/logo.svg.svg":                      "downloads: 9",
		"generic/logo.svg.json":                     "downloads: 9",
		"generic/a/b.svg":                           "downloads: 10",
		"generic//.svg":                             "downloads: 11",
		"nuget/newtonsoft.JSON.svg":                 "downloads: 12",
		"generic/日本.svg":                            "downloads: 13",
		"generic/logo.svg":                          "unknown: downloads: not found " + badge.Grey,
		"npm/scope/x.svg":                           "unknown: downloads: not found " + badge.Grey,
		"maven/app.svg":                             "unknown: downloads: not found " + badge.Grey,
		"nonsense/x.svg":                            "unknown: downloads: not found " + badge.Grey,
		"npm/\xff.svg":                              "unknown: downloads: not found " + badge.Grey,
		"npm/left-pad":                              "not_found",
		"npm/left-pad.png":                          "not_found",
		"npm/.svg":                                  "not_found",
		"npm/a/.svg":                                "not_found",
		"n!pm/x.svg":                                "not_found",
		"/x.svg":                                    "not_found",
		"npm/" + strings.Repeat("x", 1024) + ".svg": "unknown: downloads: not found " + badge.Grey,
		"npm/" + strings.Repeat("x", 1025) + ".svg": "not_found",
	} {
		if got := shown(t, a, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestTheAddressOfABadgeLeadsBackToThePackage(t *testing.T) {
	t.Parallel()
	for purl, want := range map[string]string{
		"pkg:npm/left-pad":             "/badge/npm/left-pad.svg",
		"pkg:npm/%40scope/x":           "/badge/npm/@scope/x.svg",
		"pkg:golang/golang.org/x/text": "/badge/golang/golang.org/x/text.svg",
		"pkg:generic/logo.svg":         "/badge/generic/logo.svg.svg",
		"pkg:generic/%2F":              "/badge/generic/%2F.svg",
		"pkg:generic/a%2F%2Fb":         "/badge/generic/a%2F%2Fb.svg",
		"pkg:generic/100%25%20%3F%23":  "/badge/generic/100%25%20%3F%23.svg",
	} {
		path, err := api.BadgePathOf(purl, api.SVG)
		if err != nil || path.Escaped() != want {
			t.Errorf("%s: %s, %v, want %s", purl, path.Escaped(), err, want)
			continue
		}
		unescaped, err := url.PathUnescape(path.Escaped())
		if err != nil || unescaped != path.String() {
			t.Errorf("%s: %s and %s, %v", purl, unescaped, path, err)
		}
	}
	if _, err := api.BadgePathOf("left-pad", api.SVG); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("no purl: %v", err)
	}
}

// clockedBadges is an API whose clock the test moves, over a package with a
// download at noon of each day back from the 10th, and in two repositories.
func clockedBadges(t *testing.T) (*api.API, *time.Time) {
	t.Helper()
	a, s := open(t)
	d := &pkgmeter.Delivery{Received: noon}
	for day := range 400 {
		repo := []string{"even", "odd"}[day%2]
		for _, file := range []string{"app-1.0.jar", "app-1.0.pom"} {
			d.Entries = append(d.Entries, rule.Default().Apply(pkgmeter.Event{
				Source: "s", Repository: repo, Path: "com/acme/app/1.0/" + file, Time: noon.AddDate(0, 0, -day), Status: 200,
			}))
		}
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	now := noon
	a.Now = func() time.Time { return now }
	return a, &now
}

func TestPeriodsAreOfCompleteDays(t *testing.T) {
	t.Parallel()
	a, now := clockedBadges(t)
	for params, want := range map[string]string{
		"":                                  "downloads: 400",
		"?period=total":                     "downloads: 400",
		"?period=day":                       "downloads: 1/day",
		"?period=week":                      "downloads: 7/week",
		"?period=month":                     "downloads: 30/month",
		"?period=year":                      "downloads: 365/year",
		"?period=week&repository=even":      "downloads: 3/week",
		"?period=week&repository=odd":       "downloads: 4/week",
		"?repository=odd&repository=even":   "downloads: 400",
		"?measure=hits":                     "hits: 800",
		"?measure=hits&label=all":           "all: 800",
		"?measure=downloads":                "downloads: 400",
		"?version=1.0&period=day":           "downloads: 1/day",
		"?version=2.0":                      "downloads: 0",
		"?version=2.0&period=week":          "downloads: 0/week",
		"?repository=nowhere":               "unknown: downloads: not found " + badge.Grey,
		"?repository=nowhere&color=fff":     "unknown: downloads: not found " + badge.Grey,
		"?label=%E4%B8%8B%E8%BD%BD&sig=any": "下载: 400",
	} {
		if got := shown(t, a, "maven/com.acme/app.svg"+params); got != want {
			t.Errorf("%s: %s, want %s", params, got, want)
		}
	}
	// At noon of the 10th the last complete day is the 9th. A day is complete two
	// hours after its end.
	for at, want := range map[string]string{
		"2026-03-11T00:30:00Z": "downloads: 1/day", // the 9th
		"2026-03-11T02:00:00Z": "downloads: 1/day", // the 10th
		"2026-03-12T01:59:59Z": "downloads: 1/day", // the 10th
		"2026-03-12T02:00:00Z": "downloads: 0/day", // the 11th
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		*now = moment
		if got := shown(t, a, "maven/com.acme/app.svg?period=day"); got != want {
			t.Errorf("at %s: %s, want %s", at, got, want)
		}
	}
}

func TestAWrongParameterOfABadgeIsNamed(t *testing.T) {
	t.Parallel()
	a, _ := clockedBadges(t)
	for params, want := range map[string]string{
		"period=hour":                         `invalid: period "hour": want day, week, month, year or total`,
		"period=":                             `invalid: period "": want day, week, month, year or total`,
		"period=day&period=week":              `invalid: period is given more than once`,
		"style=plastic":                       `invalid: style "plastic": want flat or flat-square`,
		"measure=bytes":                       `invalid: measure "bytes": want downloads or hits`,
		"color=red":                           `invalid: color "red": want three or six hexadecimal digits, such as 1f6fb2`,
		"label=":                              `invalid: label is empty: want 1 to 64 characters that can be seen`,
		"label=" + strings.Repeat("x", 65):    `invalid: label has 65 characters, at most 64 are possible`,
		"from=2026-01-01":                     `invalid: unknown parameter "from"`,
		"package=pkg:npm/x":                   `invalid: unknown parameter "package"`,
		"sig=a&sig=b":                         `invalid: sig is given more than once`,
		"version=1&version=2":                 `invalid: version is given more than once`,
		strings.Repeat("repository=x&", 1001): `invalid: repository is given more than 1000 times`,
	} {
		// It is wrong whether or not there is such a package.
		for _, path := range []string{"maven/com.acme/app.svg?", "npm/nothing.json?"} {
			if got := shown(t, a, path+params); got != want {
				t.Errorf("%s: %s, want %s", params, got, want)
			}
		}
	}
}

func TestTheBodyOfABadgeIsWhatShieldsReads(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]badge.Badge{
		`{"schemaVersion":1,"label":"downloads","message":"1k","color":"1f6fb2"}`:               {Label: "downloads", Message: "1k", Color: badge.Blue},
		`{"schemaVersion":1,"label":"x","message":"1k","color":"ffffff","style":"flat-square"}`: {Label: "x", Message: "1k", Color: "ffffff", Style: badge.FlatSquare},
	} {
		got, err := json.Marshal(api.Endpoint(b))
		if err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
