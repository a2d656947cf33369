package source_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

var hashID = regexp.MustCompile(`id=sha256:[0-9a-f]{64}`)

func TestHarborReadsWholePayloads(t *testing.T) {
	t.Parallel()
	robot := fmt.Sprint("flags=", uint8(pkgmeter.Robot))
	const cloudID = "id=/projects/1/webhook/policies/15 66a0a7c4-57d4-4d93-9a44-5f7cbb1e0101"
	want := map[string]string{
		"pull.json":            `get /v2/test/debian/manifests/12.4 HASH at=3Z`,
		"pull-by-digest.json":  `get /v2/test/debian/manifests/DEBIAN HASH at=3Z`,
		"push.json":            `upload /v2/test/debian/manifests/12.4 HASH at=3Z`,
		"delete.json":          `delete /v2/test/base/debian/manifests/12.4 HASH at=3Z`,
		"robot.json":           `get /v2/test/debian/manifests/12.4 HASH ` + robot + ` at=3Z`,
		"chart.json":           `get /chartrepo/library/charts/nginx-1.2.3.tgz repository=library hint=pkg:helm/nginx@1.2.3 HASH at=3Z`,
		"scan.json":            `0: the event is about no download, upload or deletion: it is not counted`,
		"quota.json":           `0: the event is about no download, upload or deletion: it is not counted`,
		"cloudevent-scan.json": `0: the event is about no download, upload or deletion: it is not counted`,
		"cloudevent-pull.json": `get /v2/test/debian/manifests/12.4 ` + cloudID + ` at=3Z`,
		"cloudevent-two.json":  "delete /v2/test/debian/manifests/12.4 HASH " + robot + " at=3Z\ndelete /v2/test/debian/manifests/12.5 HASH " + robot + " at=3Z",
	}
	payloads := harbor.payloads(t)
	if len(payloads) != len(want) {
		t.Errorf("%d payloads, %d wanted", len(payloads), len(want))
	}
	for name, said := range want {
		d := harbor.read(t, payloads[name])
		if got := hashID.ReplaceAllString(spell(d), "HASH"); got != said {
			t.Errorf("%s: said\n%s\nwant\n%s", name, got, said)
		}
		if len(d.Rejects) != 0 || len(d.Refused) != d.Skipped {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestTheIDOfAHarborEventIsMadeOfAllThatTellsItApart(t *testing.T) {
	t.Parallel()
	body := harbor.payloads(t)["pull.json"]
	id := func(body string) string {
		d := harbor.read(t, body)
		if len(d.Events) != 1 {
			t.Fatalf("%s: %+v", body, d)
		}
		return d.Events[0].ID
	}
	first := id(body)
	if id(body) != first || id(strings.ReplaceAll(body, "\n", " ")) != first {
		t.Error("the same event has two ids")
	}
	if id(strings.Replace(body, "private", "public", 1)) != first {
		t.Error("what does not tell it apart is a part of the id")
	}
	for _, change := range [][2]string{
		{"PULL_ARTIFACT", "PUSH_ARTIFACT"},
		{"1772366283", "1772366284"},
		{"ada.lovelace", "bob"},
		{"harbor.example.com/test/debian:12.4", "harbor.example.net/test/debian:12.4"},
		{"81d93757", "91d93757"},
	} {
		if id(strings.Replace(body, change[0], change[1], 1)) == first {
			t.Errorf("%s is no part of the id", change[0])
		}
	}
	two := harbor.read(t, harbor.payloads(t)["cloudevent-two.json"])
	if len(two.Events) != 2 || two.Events[0].ID == two.Events[1].ID {
		t.Errorf("two resources: %+v", two.Events)
	}
}

func TestWhatAHarborEventIs(t *testing.T) {
	t.Parallel()
	digest := `"digest":"` + appDigest + `"`
	const no = "0: the resource is no artifact: want its repository, and a tag or a digest"
	for name, tt := range map[string]struct{ word, resource, repository, want string }{
		"no full name":             {"PULL_ARTIFACT", `"tag":"1"`, `"name":"app","namespace":"acme"`, "get /v2/acme/app/manifests/1"},
		"a URL only":               {"PULL_ARTIFACT", `"resource_url":"harbor.example.com:8443/acme/app:1"`, ``, "get /v2/acme/app/manifests/1"},
		"a URL with a scheme":      {"PULL_ARTIFACT", `"resource_url":"https://harbor.example.com/acme/app:1"`, ``, "get /v2/acme/app/manifests/1"},
		"a URL with a digest":      {"PULL_ARTIFACT", `"resource_url":"h/acme/app@` + appDigest + `"`, ``, "get /v2/acme/app/manifests/APP"},
		"a digest only":            {"PULL_ARTIFACT", digest, `"repo_full_name":"acme/app"`, "get /v2/acme/app/manifests/APP"},
		"a tag that is a digest":   {"PULL_ARTIFACT", `"tag":"` + appDigest + `",` + digest, `"repo_full_name":"acme/app"`, "get /v2/acme/app/manifests/APP"},
		"a proxy cache":            {"PULL_ARTIFACT", `"tag":"1"`, `"repo_full_name":"hub/library/nginx"`, "get /v2/hub/library/nginx/manifests/1"},
		"the old word":             {"pullImage", `"tag":"1"`, `"repo_full_name":"acme/app"`, "get /v2/acme/app/manifests/1"},
		"a chart without a name":   {"DOWNLOAD_CHART", `"tag":"1.0.0"`, `"namespace":"acme"`, no},
		"no resource":              {"PULL_ARTIFACT", ``, `"repo_full_name":"acme/app"`, no},
		"no name":                  {"PULL_ARTIFACT", `"tag":"1"`, ``, no},
		"a name that is none":      {"PULL_ARTIFACT", `"tag":"1"`, `"repo_full_name":"acme/../app"`, no},
		"a URL that is none":       {"PULL_ARTIFACT", `"resource_url":"://@:"`, ``, no},
		"a word of another sender": {"PULL", `"tag":"1"`, `"repo_full_name":"acme/app"`, "0: the type is none of Harbor's"},
		"no word":                  {"", `"tag":"1"`, `"repo_full_name":"acme/app"`, "0: the type is none of Harbor's"},
		"retention":                {"TAG_RETENTION", `"tag":"1"`, ``, "0: the event is about no download, upload or deletion: it is not counted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harbor.read(t, fmt.Sprintf(`{"type":%q,"event_data":{"resources":[{%s}],"repository":{%s}}}`, tt.word, tt.resource, tt.repository))
			if got := strings.TrimSuffix(hashID.ReplaceAllString(spell(d), "HASH"), " HASH"); got != tt.want {
				t.Errorf("said %s, want %s", got, tt.want)
			}
		})
	}
	for body, want := range map[string]string{
		`{"type":"PULL_ARTIFACT"}`:                                                                      "0: no resource is named",
		`{"type":"PULL_ARTIFACT","event_data":{"resources":[]}}`:                                        "0: no resource is named",
		`{"type":"PULL_ARTIFACT","event_data":{"resources":[7]}}`:                                       "0: want an object, got a number",
		`{"type":"PULL_ARTIFACT","event_data":{"resources":{}}}`:                                        "0: no resource is named",
		`{"type":"PULL_ARTIFACT","occur_at":0,"event_data":{"resources":[{"resource_url":"h/a/b:1"}]}}`: "0: time 1970-01-01T00:00:00Z is before 2000-01-01",
		`[]`: "0: want an object, got an array",
	} {
		checkSaid(t, harbor.read(t, body), want)
	}
}

func TestAHarborRejectNamesNobody(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"type":"X","operator":"ada.lovelace"}`,
		`{"type":"PULL_ARTIFACT","operator":"ada.lovelace","event_data":{"resources":[{"x":1},{"tag":"1"}]}}`,
		`{"type":"PULL_ARTIFACT","operator":"ada.lovelace`,
	} {
		d := harbor.read(t, body)
		if len(d.Rejects) == 0 || secretIn(output(d)) != "" {
			t.Errorf("%s: %s", body, output(d))
		}
	}
}
