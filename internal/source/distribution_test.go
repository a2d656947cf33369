package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

func TestDistributionReadsWholePayloads(t *testing.T) {
	t.Parallel()
	distribution.checkPayloads(t, map[string]string{
		"pull-by-tag.json":    `get /v2/acme/app/manifests/1.4.0 id=#000000000001 agent=docker bytes=1573 at=3Z`,
		"pull-by-digest.json": `get /v2/library-of/deep/app/manifests/APP id=#000000000002 agent=docker bytes=1573 at=3Z`,
		"head.json":           `head /v2/app/manifests/latest id=#000000000003 agent=containerd at=3Z`,
		"multi-arch.json": `
			get /v2/acme/app/manifests/AMD64 id=#000000000004 agent=docker bytes=1573 at=4Z
			get /v2/acme/app/manifests/1.4.0 id=#000000000005 agent=docker bytes=743 at=3Z`,
		"layer.json": `get /v2/acme/app/blobs/LAYER id=#000000000006 agent=docker bytes=27091819 at=5Z`,
		"push.json": `
			upload /v2/acme/app/blobs/LAYER id=#000000000007 agent=docker bytes=27091819 at=6Z
			other /v2/acme/web/blobs/LAYER id=#000000000008 agent=docker bytes=27091819 at=6Z
			upload /v2/acme/app/manifests/1.5.0 id=#000000000009 agent=docker bytes=743 at=7Z`,
		"delete.json": `
			delete /v2/acme/app/manifests/APP id=#000000000010 agent=docker at=8Z
			delete /v2/acme/app/manifests/1.4.0 id=#000000000011 agent=docker at=8Z
			delete  hint=pkg:docker/acme/app id=#000000000012 agent=docker at=8Z`,
		"robot.json":     fmt.Sprintf(`get /v2/acme/app/manifests/1.4.0 id=#000000000013 agent=docker bytes=1573 flags=%d at=9Z`, pkgmeter.Robot),
		"anonymous.json": `get /v2/acme/app/manifests/1.4.0 id=#000000000014 agent=docker bytes=1573 at=2026-03-01T11:58:10Z`,
		"empty.json":     "",
		"one-alone.json": `upload /v2/acme/app/manifests/1.4.0 id=#000000000015 agent=docker bytes=1573 at=2026-03-01T11:58:11Z`,
	})
}

// appDigest is a digest as registries write it.
const appDigest = "sha256:a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"

func TestWhatADistributionEventIs(t *testing.T) {
	t.Parallel()
	const manifest = `"mediaType":"application/vnd.oci.image.manifest.v1+json"`
	const blob = `"mediaType":"application/octet-stream"`
	digest := `"digest":"` + appDigest + `"`
	for name, tt := range map[string]struct{ action, target, more, want string }{
		"no method":                  {"pull", `"repository":"app","tag":"1"`, "", "get /v2/app/manifests/1"},
		"a method in lower case":     {"pull", `"repository":"app","tag":"1"`, `"request":{"method":"head"}`, "head /v2/app/manifests/1"},
		"a pull while pushing":       {"pull", `"repository":"app","tag":"1"`, `"request":{"method":"PUT"}`, "other /v2/app/manifests/1"},
		"a tag without a type":       {"pull", `"repository":"app","tag":"1",` + digest, "", "get /v2/app/manifests/1"},
		"a digest, nothing else":     {"pull", `"repository":"app",` + digest, "", "get /v2/app/manifests/APP"},
		"a manifest by type":         {"pull", `"repository":"app",` + manifest + "," + digest, "", "get /v2/app/manifests/APP"},
		"a blob by type":             {"pull", `"repository":"app",` + blob + "," + digest, "", "get /v2/app/blobs/APP"},
		"a manifest as a blob":       {"pull", `"repository":"app","url":"https://r/v2/app/blobs/x",` + manifest + "," + digest, "", "get /v2/app/blobs/APP"},
		"an unknown type":            {"pull", `"repository":"app","url":"https://r/v2/app/manifests/x?ns=a/blobs/b","mediaType":"application/json",` + digest, "", "get /v2/app/manifests/APP"},
		"an image called blobs":      {"pull", `"repository":"a/blobs/b","url":"https://r/v2/a/blobs/b/manifests/1","tag":"1"`, "", "get /v2/a/blobs/b/manifests/1"},
		"an image called manifests":  {"pull", `"repository":"a/manifests/b","url":"https://r/v2/a/manifests/b/blobs/x",` + digest, "", "get /v2/a/manifests/b/blobs/APP"},
		"an unknown type with a tag": {"pull", `"repository":"app","mediaType":"application/json","tag":"1"`, "", "get /v2/app/manifests/1"},
		"an image called v2":         {"pull", `"repository":"v2/v2","tag":"1"`, "", "get /v2/v2/v2/manifests/1"},
		"a tag that is none":         {"pull", `"repository":"app","tag":"a/b",` + digest, "", "get /v2/app/manifests/APP"},
		"a signature":                {"pull", `"repository":"app","tag":"` + strings.Replace(appDigest, ":", "-", 1) + `.sig"`, "", "get /v2/app/manifests/" + strings.Replace(appDigest, ":", "-", 1) + ".sig"},
		"an odd size":                {"pull", `"repository":"app","tag":"1","size":-1,"length":7`, "", "get /v2/app/manifests/1 bytes=7"},
		"a size beyond all files":    {"pull", `"repository":"app","tag":"1","size":1e99`, "", "get /v2/app/manifests/1"},
		"a number as the id":         {"pull", `"repository":"app","tag":"1"`, `"id":7`, "get /v2/app/manifests/1"},
		"a member that is twice":     {"pull", `"repository":"x","repository":"app","tag":"1"`, "", "get /v2/app/manifests/1"},
		"an unreadable time":         {"pull", `"repository":"app","tag":"1"`, `"timestamp":"yesterday"`, "get /v2/app/manifests/1"},
		"a time of zero":             {"pull", `"repository":"app","tag":"1"`, `"timestamp":"0001-01-01T00:00:00Z"`, "get /v2/app/manifests/1"},
		"a clock that is ahead":      {"pull", `"repository":"app","tag":"1"`, `"timestamp":"2026-03-01T13:00:00Z"`, fmt.Sprintf("get /v2/app/manifests/1 flags=%d", pkgmeter.Clamped)},

		"a clock far ahead":          {"pull", `"repository":"app","tag":"1"`, `"timestamp":"2026-04-01T13:00:00Z"`, "0: time 2026-04-01T13:00:00Z is more than 24 hours in the future"},
		"an old time":                {"pull", `"repository":"app","tag":"1"`, `"timestamp":"1999-04-01T13:00:00Z"`, "0: time 1999-04-01T13:00:00Z is before 2000-01-01"},
		"an unknown action":          {"scan", `"repository":"app","tag":"1"`, "", "0: the action is none of pull, push, mount and delete"},
		"no action":                  {"", `"repository":"app","tag":"1"`, "", "0: the action is none of pull, push, mount and delete"},
		"no image":                   {"pull", `"tag":"1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"no tag and no digest":       {"pull", `"repository":"app"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"no name of an image":        {"pull", `"repository":"App","tag":"1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"a name that ends in one":    {"pull", `"repository":"App/v2/app","tag":"1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"a way out":                  {"pull", `"repository":"../app","tag":"1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"a name with a NUL":          {"pull", `"repository":"app\u0000","tag":"1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"half a character":           {"pull", `"repository":"app","tag":"\ud800"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"an image that is an object": {"pull", `"repository":{},"tag":"1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"a digest that is none":      {"pull", `"repository":"app","digest":"sha256:1"`, "", "0: the target is no part of an image: want repository and tag or digest"},
		"a deletion of nothing":      {"delete", "", "", "0: the target is no part of an image: want repository and tag or digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"events":[{"action":%q,"target":{%s}`, tt.action, tt.target)
			if tt.more != "" {
				body += "," + tt.more
			}
			checkSaid(t, distribution.read(t, body+"}]}"), tt.want)
		})
	}
}

func TestAnEnvelopeIsTakenItemByItem(t *testing.T) {
	t.Parallel()
	const good = `{"action":"pull","target":{"repository":"app","tag":"1"}}`
	for body, want := range map[string]string{
		`{"events":[` + good + `,7,{},` + good + `]}`: `
			get /v2/app/manifests/1
			get /v2/app/manifests/1
			1: want an object, got a number
			2: the action is none of pull, push, mount and delete`,
		`{"events":[]}`: "", `{"events":null}`: "", `{"events":[],"events":[` + good + `]}`: "get /v2/app/manifests/1",
		good:                        "get /v2/app/manifests/1",
		`{}`:                        "0: there is no list of events",
		`{"events":{}}`:             "0: there is no list of events",
		`{"events":"x","target":0}`: "0: there is no list of events",
		`[` + good + `]`:            "0: want an object, got an array",
	} {
		checkSaid(t, distribution.read(t, body), want)
	}
}

func TestWhatAPullCanBeAPartOf(t *testing.T) {
	t.Parallel()
	event := func(action, method, media, ref, addr, actor string) string {
		return fmt.Sprintf(`{"action":%q,"target":{"repository":"app","mediaType":%q,%s},"request":{"method":%q,"addr":%q,"useragent":"docker"},"actor":{"name":%q}}`, action, media, ref, method, addr, actor)
	}
	const index, list, manifest = "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json; x=1", "application/vnd.oci.image.manifest.v1+json"
	tag, digest := `"tag":"1"`, `"digest":"`+appDigest+`"`
	for name, tt := range map[string]struct{ body, want string }{
		"an index by tag":        {event("pull", "GET", index, tag, "192.0.2.7:1", ""), "index"},
		"an index by digest":     {event("pull", "GET", index, digest, "192.0.2.7:1", ""), "index"},
		"a list":                 {event("pull", "GET", list, tag, "192.0.2.7:1", ""), "index"},
		"a manifest by digest":   {event("pull", "GET", manifest, digest, "192.0.2.7:1", ""), "child"},
		"a manifest by tag":      {event("pull", "GET", manifest, tag, "192.0.2.7:1", ""), ""},
		"a look at an index":     {event("pull", "HEAD", index, tag, "192.0.2.7:1", ""), ""},
		"a push of an index":     {event("push", "PUT", index, tag, "192.0.2.7:1", ""), ""},
		"a layer":                {event("pull", "GET", "application/octet-stream", digest, "192.0.2.7:1", ""), ""},
		"nobody known":           {event("pull", "GET", index, tag, "", ""), ""},
		"an account, no address": {event("pull", "GET", index, tag, "", "ada.lovelace"), "index"},
	} {
		d := distribution.read(t, tt.body)
		got := ""
		if len(d.Pulls) > 0 {
			got = map[bool]string{true: "index", false: "child"}[d.Pulls[0].Index]
		}
		if got != tt.want || len(d.Events) != 1 {
			t.Errorf("%s: %q, %+v", name, got, d)
		}
	}
	client := func(addr, actor string) [16]byte {
		return distribution.read(t, event("pull", "GET", index, tag, addr, actor)).Pulls[0].Client
	}
	one := client("192.0.2.7:1", "ada")
	for _, same := range []string{"192.0.2.7:2", "192.0.2.7", "[::ffff:192.0.2.7]:3"} {
		if client(same, "ada") != one {
			t.Errorf("%s is another client", same)
		}
	}
	if client("192.0.2.8:1", "ada") == one || client("192.0.2.7:1", "bob") == one || client("[2001:db8::7]:1", "") != client("2001:db8::7", "") || client("host.example:1", "") != client("host.example", "") {
		t.Error("clients are told apart wrongly")
	}
}

func TestTheRulesFindTheImage(t *testing.T) {
	t.Parallel()
	d := distribution.read(t, distribution.payloads(t)["push.json"])
	entries := rule.Default().ApplyAll(append(d.Events, distribution.read(t, distribution.payloads(t)["pull-by-digest.json"]).Events...))
	for i, want := range []string{
		"docker acme acme/app@LAYER pkg:docker/acme/app LAYER layer",
		"docker acme acme/web@LAYER pkg:docker/acme/web LAYER layer",
		"docker acme acme/app:1.5.0 pkg:docker/acme/app 1.5.0 primary",
		"docker library-of library-of/deep/app@APP pkg:docker/library-of/deep/app APP primary",
	} {
		f := entries[i].File
		if got := digests.Replace(fmt.Sprint(f.Type, " ", f.Repository, " ", f.Name, " ", f.Package, " ", f.Version, " ", f.Kind)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if entries[3].Counts.Downloads != 1 || entries[0].Counts.Hits != 0 {
		t.Errorf("%+v", entries)
	}
}
