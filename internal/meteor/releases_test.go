package meteor_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// release is a release as the tool describes it.
func release(track, version string, more obj) obj {
	o := obj{
		"track": track, "version": version, "description": "A release", "recommended": false, "tool": "meteor-tool@3.0.4",
		"packages": obj{"meteor": "2.0.2", "ddp": "1.4.2_1"}, "unheardOf": 1,
	}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func TestCase68AReleaseWithoutAnOrder(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice, bob, root := r.publisher("alice"), r.publisher("bob"), r.root()
	alice.must("createReleaseTrack", obj{"name": "alice:TEST-AB12CD"})
	alice.wrong(409, "already", "createReleaseTrack", obj{"name": "alice:TEST-AB12CD"})
	alice.wrong(403, "administrator", "createReleaseTrack", obj{"name": "METEOR"})
	alice.wrong(403, "prefix", "createReleaseTrack", obj{"name": "bob:T"})
	for _, name := range []string{"", "a b", "alice:", "alice:T@1", "alice:T\x00"} {
		root.wrong(400, "Names of release tracks", "createReleaseTrack", obj{"name": name})
	}
	root.must("createReleaseTrack", obj{"name": "METEOR"})
	bob.wrong(401, "not an authorized maintainer", "createReleaseVersion", release("METEOR", "1.0", nil))
	alice.wrong(404, "There is no release track", "createReleaseVersion", release("alice:T", "1.0", nil))

	const key = "0001.0000$"
	before := time.Now().Add(-time.Millisecond)
	alice.must("createReleaseVersion", release("alice:TEST-AB12CD", "0.1", nil))
	alice.must("createReleaseVersion", release("alice:TEST-AB12CD", "1.0", obj{"orderKey": key, "recommended": true, "packages": obj{}}))
	alice.must("createReleaseVersion", release("alice:TEST-AB12CD", "0.2", obj{"orderKey": nil}))
	all := r.catalog(pkgmeter.ReleaseVersions)
	got := all["alice:TEST-AB12CD@0.1"]
	want := obj{
		"_id": got["_id"], "track": "alice:TEST-AB12CD", "version": "0.1", "description": "A release", "recommended": false, "tool": "meteor-tool@3.0.4",
		"packages": obj{"meteor": "2.0.2", "ddp": "1.4.2_1"}, "publishedBy": obj{"username": "alice", "id": "alice"}, "published": got["published"], "lastUpdated": got["lastUpdated"],
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if at := time.UnixMilli(int64(got["published"].(obj)["$date"].(float64))); at.Before(before) || at.After(time.Now()) {
		t.Errorf("published %v", at)
	}
	if _, ok := all["alice:TEST-AB12CD@0.2"]["orderKey"]; ok {
		t.Error("an order of null became one")
	}
	if got := all["alice:TEST-AB12CD@1.0"]; got["orderKey"] != key || got["recommended"] != true || !reflect.DeepEqual(got["packages"], obj{}) {
		t.Errorf("got %v", got)
	}

	r.bumps(pkgmeter.ReleaseVersions, 2, func() {
		alice.wrong(400, "no order key", "recommendVersion", "alice:TEST-AB12CD", "0.1")
		alice.wrong(404, `no version "9.9"`, "recommendVersion", "alice:TEST-AB12CD", "9.9")
		bob.wrong(401, "", "unrecommendVersion", "alice:TEST-AB12CD", "1.0")
		alice.must("unrecommendVersion", "alice:TEST-AB12CD", "0.1")
		alice.must("recommendVersion", "alice:TEST-AB12CD", "1.0") // it is
		alice.must("unrecommendVersion", "alice:TEST-AB12CD", "1.0")
		alice.must("unrecommendVersion", "alice:TEST-AB12CD", "1.0")
		alice.must("recommendVersion", "alice:TEST-AB12CD", "1.0")
	})
	if got := r.catalog(pkgmeter.ReleaseVersions)["alice:TEST-AB12CD@1.0"]; got["recommended"] != true || got["orderKey"] != key {
		t.Errorf("got %v", got)
	}
	for _, args := range [][]any{{}, {"alice:TEST-AB12CD"}, {"alice:TEST-AB12CD", 1}, {"alice:TEST-AB12CD", "1.0", true}} {
		alice.wrong(400, "Match failed", "recommendVersion", args...)
		alice.wrong(400, "Match failed", "unrecommendVersion", args...)
	}
}

// What a release lists and the catalog lacks is no error, and in the log.
func TestUnknownPackagesOfAReleaseAreNoted(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice := r.publisher("alice")
	alice.must("createReleaseTrack", obj{"name": "alice:T"})
	alice.must("createPackage", obj{"name": "alice:foo"})
	alice.publish("1.0.0", nil)
	alice.must("createReleaseVersion", release("alice:T", "1", obj{"packages": obj{"alice:foo": "1.0.0"}}))
	if log := r.log.String(); strings.Contains(log, "lacks") {
		t.Errorf("the log says %s", log)
	}
	alice.must("createReleaseVersion", release("alice:T", "2", obj{"packages": obj{"alice:foo": "1.0.0", "ddp": "1.4.2_1", "alice:x": "1.0.0"}}))
	if log := r.log.String(); !strings.Contains(log, `release=alice:T@2 versions="\"alice:x@1.0.0, ddp@1.4.2_1\""`) {
		t.Errorf("the log says %s", log)
	}
}

func TestReleasesAreChecked(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	root := r.root()
	root.must("createReleaseTrack", obj{"name": "METEOR"})
	root.must("createReleaseVersion", release("METEOR", "1.0", nil))
	for _, method := range []string{"createReleaseVersion", "createPatchReleaseVersion"} {
		wrong := func(code int, words string, more obj) {
			t.Helper()
			args := []any{release("METEOR", "1.1", more)}
			if method == "createPatchReleaseVersion" {
				args = append(args, "1.0")
			}
			root.wrong(code, words, method, args...)
		}
		wrong(409, "METEOR@1.0", obj{"version": "1.0"})
		wrong(400, "needs an order key", obj{"recommended": true})
		wrong(400, "needs an order key", obj{"recommended": true, "orderKey": ""})
		wrong(400, "description", obj{"description": ""})
		wrong(400, "description", obj{"description": strings.Repeat("x", 101)})
		for _, version := range []string{"", "1@2", "1 2", "1\x00", "1\u2028", strings.Repeat("1", 201)} {
			wrong(400, "cannot be the version", obj{"version": version})
		}
		for _, tool := range []string{"", "meteor-tool", "meteor-tool@", "@1.0.0", "Tool@1.0.0", "meteor-tool@1.0", "meteor-tool@1.0.0@1.0.0"} {
			wrong(400, "PACKAGE@VERSION", obj{"tool": tool})
		}
		for _, packages := range []obj{{"$a": "1.0.0"}, {"$date": "1.0.0", "b": "1.0.0"}, {"A": "1.0.0"}, {"": "1.0.0"}, {"a": "1"}, {"a": ""}} {
			wrong(400, "lists versions of packages", obj{"packages": packages})
		}
		wrong(400, "too much", obj{"orderKey": strings.Repeat("x", 150_000)})
		for _, more := range []obj{{"packages": nil}, {"packages": []any{}}, {"packages": obj{"a": 1}}, {"recommended": "yes"}, {"tool": nil}, {"orderKey": 5}, {"track": 5}, {"version": 1.0}} {
			wrong(400, "Match failed", more)
		}
	}
	for _, from := range []any{nil, []any{}} {
		root.wrong(400, "which releases it is for", "createPatchReleaseVersion", release("METEOR", "1.1", nil), from)
	}
	root.wrong(400, "at most 1000 releases", "createPatchReleaseVersion", release("METEOR", "1.1", nil), make([]string, 1001))
	for _, from := range []any{5, obj{}, []any{1}, []any{nil}} {
		root.wrong(400, "Match failed", "createPatchReleaseVersion", release("METEOR", "1.1", nil), from)
	}
	root.wrong(404, `has no version "0.8, 0.9"`, "createPatchReleaseVersion", release("METEOR", "1.1", nil), []string{"0.8", "1.0", "0.9"})
	if n := r.changes(pkgmeter.ReleaseVersions); n != 1 {
		t.Errorf("%d changes", n)
	}
}

func TestCase69APatchTakesThePlaceOfOthers(t *testing.T) {
	t.Parallel()
	for form, from := range map[string]func(string) any{"a list": func(v string) any { return []string{v} }, "a text": func(v string) any { return v }} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			r := openRegistry(t)
			root := r.root()
			root.must("createReleaseTrack", obj{"name": "METEOR"})
			root.must("createReleaseTrack", obj{"name": "METEOR2"})
			for i, v := range []string{"1.0", "1.1", "2.0"} {
				root.must("createReleaseVersion", release("METEOR", v, obj{"orderKey": fmt.Sprint(i), "recommended": true}))
				root.must("createReleaseVersion", release("METEOR2", v, obj{"orderKey": fmt.Sprint(i), "recommended": true}))
			}
			patch := func(version string, from any) {
				t.Helper()
				root.must("createPatchReleaseVersion", release("METEOR", version, obj{"orderKey": "1", "recommended": true}), from)
			}
			check := func(want map[string]string) {
				t.Helper()
				for version, w := range want {
					v := r.catalog(pkgmeter.ReleaseVersions)["METEOR@"+version]
					if got := fmt.Sprint(v["recommended"], " ", v["patchReleaseVersion"]); got != w {
						t.Errorf("%s: %s, want %s", version, got, w)
					}
				}
			}
			r.bumps(pkgmeter.ReleaseVersions, 2, func() { patch("1.0.1", from("1.0")) })
			check(map[string]string{"1.0": "false 1.0.1", "1.0.1": "true <nil>", "1.1": "true <nil>", "2.0": "true <nil>"})
			// A patch of a patch is the one for all that it patches; what they
			// are recommended as is their own.
			root.must("recommendVersion", "METEOR", "1.0")
			r.bumps(pkgmeter.ReleaseVersions, 3, func() { patch("1.0.2", from("1.0.1")) })
			check(map[string]string{"1.0": "true 1.0.2", "1.0.1": "false 1.0.2", "1.0.2": "true <nil>", "1.1": "true <nil>"})
			r.bumps(pkgmeter.ReleaseVersions, 3, func() { patch("3.0", []string{"1.1", "2.0", "1.1"}) })
			check(map[string]string{"1.1": "false 3.0", "2.0": "false 3.0", "3.0": "true <nil>", "1.0": "true 1.0.2"})
			for key, v := range r.catalog(pkgmeter.ReleaseVersions) {
				if v["track"] == "METEOR2" && (v["recommended"] != true || v["patchReleaseVersion"] != nil) {
					t.Errorf("%s of another track: %v", key, v)
				}
			}
		})
	}
}

func TestCase70Banners(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	root, bob := r.root(), r.publisher("bob")
	root.must("createReleaseTrack", obj{"name": "METEOR"})
	for _, v := range []string{"1.0", "1.1", "1.2"} {
		root.must("createReleaseVersion", release("METEOR", v, nil))
	}
	banner := func(text string, versions ...any) obj { return obj{"versions": versions, "banner": obj{"text": text}} }
	before := time.Now().Add(-time.Millisecond)
	r.bumps(pkgmeter.ReleaseVersions, 2, func() {
		root.must("setBannersOnReleases", "METEOR", []any{banner("Update to <1.2>!", "1.0", "1.0"), banner("Soon", "1.1")})
		root.must("setBannersOnReleases", "METEOR", []any{})
		root.wrong(404, `has no version "1.9, 2.0"`, "setBannersOnReleases", "METEOR", []any{banner("x", "1.9", "1.2", "2.0")})
		many := make([]any, 60)
		for i := range many {
			many[i] = fmt.Sprintf("3.0.%d", i)
		}
		root.wrong(404, `3.0.58, 3.0.59".`, "setBannersOnReleases", "METEOR", []any{banner("x", many...)})
		root.wrong(400, "banner", "setBannersOnReleases", "METEOR", []any{banner(strings.Repeat("x", 2001), "1.0")})
		bob.wrong(401, "", "setBannersOnReleases", "METEOR", []any{banner("x", "1.0")})
		for _, args := range [][]any{
			{},
			{"METEOR"},
			{"METEOR", nil},
			{"METEOR", obj{}},
			{"METEOR", []any{"1.0"}},
			{"METEOR", []any{obj{}}},
			{"METEOR", []any{obj{"versions": []any{"1.0"}}}},
			{"METEOR", []any{obj{"versions": []any{"1.0"}, "banner": "x"}}},
			{"METEOR", []any{obj{"versions": []any{"1.0"}, "banner": obj{}}}},
			{"METEOR", []any{banner("x", 1)}},
			{"METEOR", []any{obj{"banner": obj{"text": "x"}}}},
			{"METEOR", []any{}, 1},
		} {
			root.wrong(400, "Match failed", "setBannersOnReleases", args...)
		}
	})
	all := r.catalog(pkgmeter.ReleaseVersions)
	for version, want := range map[string]string{"1.0": "Update to <1.2>!", "1.1": "Soon"} {
		got := all["METEOR@"+version]["banner"].(obj)
		at := time.UnixMilli(int64(got["lastUpdated"].(obj)["$date"].(float64)))
		if got["text"] != want || at.Before(before) || at.After(time.Now()) {
			t.Errorf("%s: %v", version, got)
		}
	}
	if all["METEOR@1.2"]["banner"] != nil {
		t.Error("a banner on another release")
	}
}
