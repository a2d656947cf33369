package meteor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

func TestCase54WhoMayCreateAPackage(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice, bob, root := r.publisher("alice"), r.publisher("bob"), r.root()
	viewer := r.as("vic", r.user("vic", pkgmeter.Viewer))
	r.join("alice")

	alice.must("createPackage", obj{"name": "alice:foo"})
	got := r.catalog(pkgmeter.Packages)["alice:foo"]
	if !reflect.DeepEqual(got["maintainers"], []any{obj{"username": "alice", "id": "alice"}}) || !regexp.MustCompile(`^[A-Za-z]\w{16}$`).MatchString(got["_id"].(string)) {
		t.Errorf("got %v", got)
	}
	before := r.changes(pkgmeter.Packages)
	alice.must("createPackage", obj{"name": "alice:foo"}) // no version yet
	root.must("createPackage", obj{"name": "alice:foo"})
	if n := r.changes(pkgmeter.Packages); n != before {
		t.Errorf("a repetition is a change: %d, %d", before, n)
	}
	alice.publish("1.0.0", nil)
	alice.wrong(409, "already", "createPackage", obj{"name": "alice:foo"})

	for _, name := range []string{"bob:foo", "foo", "nosuch:foo", "acm:foo", "aliceb:foo"} {
		alice.wrong(403, "", "createPackage", obj{"name": name})
	}
	bob.wrong(403, "prefix", "createPackage", obj{"name": "acme:foo"})
	bob.wrong(403, "bob:meteor", "createPackage", obj{"name": "meteor"})
	viewer.wrong(401, "publisher", "createPackage", obj{"name": "vic:foo"})
	for _, name := range []string{"", "Alice:Foo", "alice:Foo", "a..b", "-a", ":a", "alice:", "alice:a.", "alice:ä", "alice:a b", "alice:a\x00b", "alice:<b>", "1e5", "alice:" + strings.Repeat("a", 200)} {
		root.wrong(400, "", "createPackage", obj{"name": name})
	}
	for _, args := range [][]any{{}, {nil}, {"alice:x"}, {obj{"name": 5}}, {obj{"name": nil}}, {obj{"name": obj{}}}, {obj{"name": "alice:x"}, 1}} {
		alice.wrong(400, "Match failed", "createPackage", args...)
	}

	alice.must("createPackage", obj{"name": "acme:foo"})
	root.must("createPackage", obj{"name": "meteor"})
	all := r.catalog(pkgmeter.Packages)
	if got := names(all["acme:foo"]["maintainers"]); got != "alice acme" || all["acme:foo"]["maintainers"].([]any)[1].(obj)["isOrganization"] != true {
		t.Errorf("acme:foo: %s", got)
	}
	if got := names(all["meteor"]["maintainers"]); got != "root" || len(all) != 3 {
		t.Errorf("meteor: %s of %d", got, len(all))
	}
	r.join("bob")
	bob.must("createPackage", obj{"name": "acme:foo"}) // it is the organisation's
}

func TestCase55AVersionThatIsBegunIsInvisible(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice, bob := r.publisher("alice"), r.publisher("bob")
	alice.must("createPackage", obj{"name": "alice:foo"})
	got := members(t, alice.must("createPackageVersion", draft("alice:foo", "1.0.0", nil)))
	token, _ := got["uploadToken"].(string)
	if want := (obj{"uploadToken": token, "uploadUrl": r.url + "/upload/source/" + token, "readmeUrl": r.url + "/upload/readme/" + token}); len(token) < 20 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	bob.wrong(401, "You are not an authorized maintainer", "createPackageVersion", draft("alice:foo", "1.0.1", nil))
	alice.wrong(404, `There is no package "alice:bar".`, "createPackageVersion", draft("alice:bar", "1.0.0", nil))
	if all := r.catalog(pkgmeter.Versions); len(all) != 0 || r.changes(pkgmeter.Versions) != 0 {
		t.Errorf("visible: %v", all)
	}
}

func TestDraftsAreChecked(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice := r.publisher("alice")
	alice.must("createPackage", obj{"name": "alice:foo"})
	for _, version := range []string{"", "1", "1.0", "1.0.0+build", "01.0.0", "1.0.0_0", "1.0.0_01", "1.0.0-", "1.0.0-01", "v1.0.0", "1.0.0 ", "1.0.0\x00", strings.Repeat("1", 300) + ".0.0"} {
		alice.wrong(400, "version", "createPackageVersion", draft("alice:foo", version, nil))
	}
	refs := []any{obj{"arch": "os"}}
	for words, more := range map[string]obj{
		"description has 1 to 100":     {"description": ""},
		"this one has 101":             {"description": strings.Repeat("x", 101)},
		"this one has 1501":            {"longDescription": strings.Repeat("x", 1501)},
		"Git address":                  {"git": strings.Repeat("x", 2001)},
		`"~x"`:                         {"dependencies": obj{"a": obj{"constraint": "~x", "references": refs}}},
		`"1.0.0 | 2.0.0"`:              {"dependencies": obj{"a": obj{"constraint": "1.0.0 | 2.0.0", "references": refs}}},
		`dependency on "A b"`:          {"dependencies": obj{"A b": obj{"constraint": nil, "references": refs}}},
		"reference without":            {"dependencies": obj{"a": obj{"constraint": nil, "references": []any{obj{}}}}},
		"1.2.3-rc.1":                   {"earliestCompatibleVersion": "1"},
		"too much for one record":      {"exports": []any{obj{"name": strings.Repeat("x", 130<<10), "architectures": []any{}}}},
		"too much for one record: 130": {"deprecated": true, "deprecatedMessage": strings.Repeat("x", 130_000)},
	} {
		alice.wrong(400, words, "createPackageVersion", draft("alice:foo", "1.0.0", more))
	}
	for _, more := range []obj{
		{"description": nil},
		{"description": 5},
		{"longDescription": 5},
		{"longDescription": obj{}},
		{"releaseName": false},
		{"releaseName": []any{}},
		{"git": 5},
		{"exports": obj{}},
		{"exports": []any{"It"}},
		{"exports": []any{obj{"name": 5}}},
		{"exports": []any{obj{"name": "x", "architectures": "os"}}},
		{"dependencies": []any{}},
		{"dependencies": "a"},
		{"dependencies": obj{"a": nil}},
		{"dependencies": obj{"a": "1.0.0"}},
		{"dependencies": obj{"a": obj{"constraint": 1}}},
		{"dependencies": obj{"a": obj{"references": obj{}}}},
		{"dependencies": obj{"a": obj{"references": []any{obj{"arch": "os", "weak": "yes"}}}}},
		{"containsPlugins": 1},
		{"debugOnly": "true"},
		{"deprecated": "yes"},
		{"version": 1},
		{"packageName": nil},
		{"compilerVersion": 34},
	} {
		alice.wrong(400, "Match failed", "createPackageVersion", draft("alice:foo", "1.0.0", more))
	}
	for _, args := range [][]any{{}, {nil}, {"x"}, {draft("alice:foo", "1.0.0", nil), nil, nil}} {
		alice.wrong(400, "Match failed", "createPackageVersion", args...)
	}
	for _, constraint := range []any{nil, "", "1.0.0", "=1.0.0", "~1.0.0_1", "1.0.0 || 2.0.0-rc.1", "1.0.0||=2.0.0"} {
		alice.must("createPackageVersion", draft("alice:foo", "1.0.0", obj{"dependencies": obj{"isobuild:isopack-2": obj{"constraint": constraint, "references": refs}, "a.b-c": obj{}}}))
	}
}

func TestCase57OnlyTheRightBytesArePublished(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice, bob := r.publisher("alice"), r.publisher("bob")
	alice.must("createPackage", obj{"name": "alice:foo"})
	up := alice.beginVersion("alice:foo", "1.2.3", nil)
	hashes := func(source string) obj { return obj{"tarballHash": hashOf(source), "treeHash": emptyHash} }
	publish := func(with obj) []any { return []any{up.UploadToken, with} }

	alice.wrong(409, "was not uploaded", "publishPackageVersion", publish(hashes("source"))...)
	if s := r.upload(up.UploadURL, "source"); s != http.StatusOK {
		t.Fatalf("%d", s)
	}
	alice.wrong(400, "damaged", "publishPackageVersion", publish(hashes("other"))...)
	with := hashes("source")
	with["readmeHash"] = hashOf("# Readme")
	alice.wrong(409, "readme was not uploaded", "publishPackageVersion", publish(with)...)
	if s := r.upload(up.ReadmeURL, "# Readm"); s != http.StatusOK {
		t.Fatalf("%d", s)
	}
	alice.wrong(400, "readme was damaged", "publishPackageVersion", publish(with)...)
	r.upload(up.ReadmeURL, "# Readme")
	with["treeHash"] = strings.Repeat("x", 1000)
	alice.wrong(400, "hash of a tree", "publishPackageVersion", publish(with)...)
	delete(with, "treeHash")
	alice.wrong(400, "Match failed", "publishPackageVersion", publish(with)...)
	with["treeHash"] = emptyHash
	bob.wrong(401, "You are not an authorized maintainer", "publishPackageVersion", publish(with)...)
	r.anybody().wrong(401, "logged in", "publishPackageVersion", publish(with)...)
	for _, token := range []string{"", "x", up.UploadToken + "x"} {
		alice.wrong(404, "begin to publish again", "publishPackageVersion", token, with)
	}
	alice.wrong(404, "something else", "publishPackageBuild", up.UploadToken, "x", "y")
	alice.wrong(404, "something else", "publishReadme", up.UploadToken, obj{"hash": "x"})
	for _, args := range [][]any{{}, {up.UploadToken}, {up.UploadToken, "x"}, {5, with}, {up.UploadToken, obj{"tarballHash": 5}}, {up.UploadToken, with, 1}} {
		alice.wrong(400, "Match failed", "publishPackageVersion", args...)
	}
	if n := r.changes(pkgmeter.Versions); n != 0 || len(r.told) != 0 {
		t.Fatalf("something became visible: %d", n)
	}

	before := time.Now().Add(-time.Millisecond)
	for range 2 { // the second one is a repetition
		if got := alice.must("publishPackageVersion", publish(with)...); string(got) != "true" {
			t.Errorf("result %s", got)
		}
	}
	alice.wrong(400, "damaged", "publishPackageVersion", publish(hashes("other"))...)
	if n := r.changes(pkgmeter.Versions); n != 1 || len(r.told) != 1 {
		t.Errorf("%d changes, told %v", n, r.told)
	}
	v := r.catalog(pkgmeter.Versions)["alice:foo@1.2.3"]
	source, readme := v["source"].(obj), v["readme"].(obj)
	want := obj{
		"_id": v["_id"], "packageName": "alice:foo", "version": "1.2.3", "description": "Does it", "longDescription": "", "git": "", "compilerVersion": "meteor/34",
		"containsPlugins": false, "exports": []any{obj{"name": "It", "architectures": []any{"os", "web.browser"}}}, "releaseName": "METEOR@3.0.4",
		"dependencies":              obj{"meteor": obj{"constraint": "2.0.0", "references": []any{obj{"arch": "os"}, obj{"arch": "web.browser", "weak": true}}}},
		"earliestCompatibleVersion": "1.0.0", "ecRecordFormat": "1.0", "publishedBy": obj{"username": "alice", "id": "alice"},
		"source":    obj{"url": source["url"], "tarballHash": hashOf("source"), "treeHash": emptyHash, "hash": hashOf("source")},
		"readme":    obj{"url": readme["url"], "hash": hashOf("# Readme")},
		"published": v["published"], "lastUpdated": v["lastUpdated"],
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %v\nwant %v", v, want)
	}
	for _, name := range []string{"published", "lastUpdated"} {
		if at := time.UnixMilli(int64(v[name].(obj)["$date"].(float64))); at.Before(before) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("%s %v", name, at)
		}
	}
	if got := r.fetch(source["url"].(string)); got != "source" {
		t.Errorf("the source is %q", got)
	}
	if got := r.fetch(readme["url"].(string)); got != "# Readme" {
		t.Errorf("the readme is %q", got)
	}
	f := r.told[0]
	if f.Package != "pkg:meteor/alice/foo" || f.Version != "1.2.3" || f.Part != pkgmeter.SourcePart || f.Name != "alice:foo-1.2.3-source.tgz" || r.url+"/files/"+f.Path != source["url"] {
		t.Errorf("told %+v", f)
	}
}

func TestTheLeastAndTheMostOfADraft(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice := r.publisher("alice")
	alice.must("createPackage", obj{"name": "alice:foo"})
	publish := func(arg obj) obj {
		up := members(t, alice.must("createPackageVersion", arg))
		r.upload(up["uploadUrl"].(string), "")
		alice.must("publishPackageVersion", up["uploadToken"], obj{"tarballHash": emptyHash, "treeHash": "opaque"})
		return r.catalog(pkgmeter.Versions)["alice:foo@"+arg["version"].(string)]
	}
	least := publish(of("alice:foo", "0.0.1", obj{"description": "x"}))
	for name, want := range map[string]any{
		"dependencies": obj{}, "exports": []any{}, "releaseName": nil, "earliestCompatibleVersion": "0.0.0", "containsPlugins": false, "longDescription": "gone", "git": "gone",
		"readme": "gone", "deprecated": "gone", "debugOnly": "gone", "unmigrated": "gone", "compilerVersion": "gone",
	} {
		got, ok := least[name]
		if want == "gone" && ok || want != "gone" && (!ok || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	said := publish(of("alice:foo", "0.0.2", obj{"description": "x", "deprecated": false, "deprecatedMessage": ""}))
	if deprecated, ok := said["deprecated"]; !ok || deprecated != false || said["deprecatedMessage"] != "" {
		t.Errorf("what was said of deprecation is %v, %v", deprecated, said["deprecatedMessage"])
	}
	most := publish(draft("alice:foo", "2.0.0-rc.1_3", obj{
		"description": strings.Repeat("x", 100), "longDescription": strings.Repeat("é", 1500), "git": strings.Repeat("x", 2000), "prodOnly": true, "testOnly": true, "debugOnly": true,
		"containsPlugins": true, "deprecated": true, "deprecatedMessage": "Use </script> & \u2028 😀", "earliestCompatibleVersion": "1.5.0",
		"dependencies": obj{"constructor": obj{"constraint": "1.0.0 || =2.0.0", "references": []any{obj{"arch": "plugin", "weak": true, "unordered": true, "implied": true}}}},
	}))
	for name, want := range map[string]any{
		"prodOnly": true, "testOnly": true, "debugOnly": true, "containsPlugins": true, "deprecated": true, "deprecatedMessage": "Use </script> & \u2028 😀", "earliestCompatibleVersion": "1.5.0",
		"dependencies": obj{"constructor": obj{"constraint": "1.0.0 || =2.0.0", "references": []any{obj{"arch": "plugin", "weak": true, "unordered": true, "implied": true}}}},
	} {
		if got := most[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestCase58AVersionIsPublishedOnce(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice, root := r.publisher("alice"), r.root()
	alice.must("createPackage", obj{"name": "alice:foo"})
	first := alice.beginVersion("alice:foo", "1.0.0", nil)
	second := root.beginVersion("alice:foo", "1.0.0", obj{"description": "Second"})
	if first.UploadToken == second.UploadToken {
		t.Error("the same token")
	}
	hashes := obj{"tarballHash": hashOf("source"), "treeHash": emptyHash}
	if s := r.upload(first.UploadURL, "source"); s != http.StatusNotFound {
		t.Errorf("the old token takes an upload: %d", s)
	}
	alice.wrong(404, "begin to publish again", "publishPackageVersion", first.UploadToken, hashes)
	r.upload(second.UploadURL, "source")
	alice.must("publishPackageVersion", second.UploadToken, hashes) // of another maintainer
	for _, c := range []*caller{alice, root} {
		c.wrong(409, "publish-for-arch", "createPackageVersion", draft("alice:foo", "1.0.0", nil))
	}
	if s := r.upload(second.UploadURL, "other"); s != http.StatusConflict {
		t.Errorf("what is published takes an upload: %d", s)
	}
	v := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]
	if v["description"] != "Second" || v["publishedBy"].(obj)["username"] != "alice" {
		t.Errorf("got %v", v)
	}
}

func TestCase59ABuildIsOfItsVersion(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	alice, bob := r.publisher("alice"), r.publisher("bob")
	alice.must("createPackage", obj{"name": "alice:foo"})
	const arch = "os+web.browser+web.browser.legacy+web.cordova"
	build := of("alice:foo", "1.0.0", obj{"buildArchitectures": arch})
	alice.beginVersion("alice:foo", "1.0.0", nil)
	alice.wrong(404, `There is no version "1.0.0" of package "alice:foo".`, "createPackageBuild", build)
	alice.publish("1.0.0", nil)
	bob.wrong(401, "You are not an authorized maintainer", "createPackageBuild", build)
	for _, wrong := range []string{"", "os+", "+os", "os++web", "os web", "os\x00", "ä", strings.Repeat("x", 301)} {
		alice.wrong(400, "architectures", "createPackageBuild", of("alice:foo", "1.0.0", obj{"buildArchitectures": wrong}))
	}
	for _, args := range [][]any{{}, {"alice:foo"}, {of("alice:foo", "1.0.0", obj{"buildArchitectures": 5})}, {build, build}} {
		alice.wrong(400, "Match failed", "createPackageBuild", args...)
	}
	old := members(t, alice.must("createPackageBuild", build))
	up := members(t, alice.must("createPackageBuild", build))
	token, _ := up["uploadToken"].(string)
	if want := (obj{"uploadToken": token, "uploadUrl": r.url + "/upload/build/" + token}); !reflect.DeepEqual(up, want) {
		t.Errorf("got %v", up)
	}
	alice.wrong(404, "again", "publishPackageBuild", old["uploadToken"], hashOf("build"), emptyHash)
	alice.wrong(409, "not uploaded", "publishPackageBuild", token, hashOf("build"), emptyHash)
	if s := r.upload(up["uploadUrl"].(string), "build"); s != http.StatusOK {
		t.Errorf("%d", s)
	}
	alice.wrong(400, "damaged", "publishPackageBuild", token, hashOf("other"), emptyHash)
	alice.wrong(400, "hash of a tree", "publishPackageBuild", token, hashOf("build"), strings.Repeat("x", 201))
	bob.wrong(401, "You are not an authorized maintainer", "publishPackageBuild", token, hashOf("build"), emptyHash)
	for _, args := range [][]any{{token}, {token, "x"}, {token, obj{"tarballHash": "x"}}, {token, "x", "y", "z"}, {token, nil, "y"}} {
		alice.wrong(400, "Match failed", "publishPackageBuild", args...)
	}
	for range 2 {
		if got := alice.must("publishPackageBuild", token, hashOf("build"), emptyHash); string(got) != "true" {
			t.Errorf("result %s", got)
		}
	}
	alice.wrong(409, "already", "createPackageBuild", build)
	version := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]
	got := r.catalog(pkgmeter.Builds)[version["_id"].(string)+"@"+arch]
	file := got["build"].(obj)
	want := obj{
		"_id": got["_id"], "versionId": version["_id"], "buildArchitectures": arch, "builtBy": obj{"username": "alice", "id": "alice"},
		"build":          obj{"url": file["url"], "tarballHash": hashOf("build"), "treeHash": emptyHash},
		"buildPublished": got["buildPublished"], "lastUpdated": got["lastUpdated"],
	}
	if !reflect.DeepEqual(got, want) || got["buildPublished"].(obj)["$date"] == nil {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if text := r.fetch(file["url"].(string)); text != "build" {
		t.Errorf("the build is %q", text)
	}
	if n := r.changes(pkgmeter.Builds); n != 1 || len(r.told) != 2 || r.told[1].Part != pkgmeter.BuildPart || r.told[1].Name != "alice:foo-1.0.0-"+arch+".tgz" {
		t.Errorf("%d changes, told %+v", n, r.told)
	}
}

// mirrored puts records as a mirror does.
func (r *registry) mirrored(docs ...pkgmeter.Document) {
	r.Helper()
	for i := range docs {
		docs[i].Mirrored = true
	}
	if _, err := r.store.PutMirrored(context.Background(), pkgmeter.MirrorPage{State: pkgmeter.MirrorState{URL: "http://other"}, Documents: docs, Done: true}); err != nil {
		r.Fatal(err)
	}
}

func TestRecordsOfAnotherServerCannotBeChanged(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	root := r.root()
	maintained := `,"maintainers":[{"username":"root","id":"root"}]`
	r.mirrored(
		record(pkgmeter.Packages, "p1", "copied", maintained), record(pkgmeter.Versions, "v1", "copied\x001.0.0", `,"description":"x","dependencies":{},"exports":[]`),
		record(pkgmeter.ReleaseTracks, "t1", "COPIED", maintained), record(pkgmeter.ReleaseVersions, "r1", "COPIED\x001.0", `,"orderKey":"1"`),
		record(pkgmeter.Versions, "v2", "own\x001.0.0", `,"description":"x"`), record(pkgmeter.ReleaseVersions, "r2", "OWN\x001.0", `,"orderKey":"1","recommended":true`),
		record(pkgmeter.ReleaseVersions, "r3", "OWN\x000.9", `,"patchReleaseVersion":"1.1"`),
	)
	root.must("createPackage", obj{"name": "own"})
	root.must("createReleaseTrack", obj{"name": "OWN"})
	root.must("createReleaseVersion", release("OWN", "1.1", obj{"orderKey": "2"}))
	before, _ := r.store.CatalogState()
	root.wrong(409, "published already", "createPackageVersion", draft("own", "1.0.0", nil))
	const copied = "copied from another server"
	for _, call := range [][]any{
		{"amIAuthorizedPackage", "copied"},
		{"amIAuthorizedRelease", "COPIED"},
		{"createPackage", obj{"name": "copied"}},
		{"createPackageVersion", draft("copied", "1.0.1", nil)},
		{"createPackageBuild", of("copied", "1.0.0", obj{"buildArchitectures": "os"})},
		{"changeVersionMetadata", of("copied", "1.0.0", nil), obj{"git": "x"}},
		{"changeVersionMetadata", of("own", "1.0.0", nil), obj{"git": "x"}},
		{"createPackageBuild", of("own", "1.0.0", obj{"buildArchitectures": "os"})},
		{"createReadme", of("own", "1.0.0", nil)},
		{"createReadme", of("copied", "1.0.0", nil)},
		{"addMaintainer", "copied", "root"},
		{"removeMaintainer", "copied", "root"},
		{"addMaintainer", "COPIED", "root"},
		{"addReleaseMaintainer", "COPIED", "root"},
		{"createReleaseVersion", release("COPIED", "2.0", nil)},
		{"createPatchReleaseVersion", release("COPIED", "2.0", nil), "1.0"},
		{"recommendVersion", "COPIED", "1.0"},
		{"recommendVersion", "OWN", "1.0"},
		{"unrecommendVersion", "OWN", "1.0"},
		{"setBannersOnReleases", "OWN", []any{obj{"versions": []any{"1.1", "1.0"}, "banner": obj{"text": "x"}}}},
		{"createPatchReleaseVersion", release("OWN", "2.0", nil), "1.0"},
		{"createPatchReleaseVersion", release("OWN", "2.0", nil), "1.1"}, // 0.9 would name it
		{"_changePackageHomepage", "copied", "x"},
		{"_changeVersionMigrationStatus", "copied", "1.0.0", true},
		{"_setEarliestCompatibleVersion", of("copied", "1.0.0", nil), "1.0.0"},
	} {
		root.wrong(403, copied, call[0].(string), call[1:]...)
	}
	root.wrong(409, "already", "createReleaseTrack", obj{"name": "COPIED"})
	root.wrong(409, "already", "createReleaseVersion", release("OWN", "1.0", nil))
	if after, _ := r.store.CatalogState(); !reflect.DeepEqual(before, after) {
		t.Errorf("something changed: %+v, then %+v", before, after)
	}
}

// A client that gets the answer of a call has been told before of what it caused.
func TestACallIsAnsweredAfterTheChangesThatItCaused(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	token := r.user("alice", pkgmeter.Publisher)
	var heard atomic.Int64 // changes of packages
	client, err := ddp.Dial(t.Context(), r.url, ddp.DialOptions{OnData: func(d ddp.Data) {
		if d.Collection != "changes" || d.ID != "packages" {
			return
		}
		var n int64
		if err := json.Unmarshal(d.Fields["changes"], &n); err != nil {
			t.Error(err)
		}
		heard.Store(n)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	alice := &caller{r, client, "alice"}
	alice.must("login", obj{"resume": token})
	if _, err := client.Subscribe(t.Context(), "changes"); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if i%2 == 1 {
			time.Sleep(60 * time.Millisecond) // after a time without a change it is told at once
		}
		alice.must("createPackage", obj{"name": fmt.Sprintf("alice:p%d", i)})
		if n, want := heard.Load(), int64(r.changes(pkgmeter.Packages)); n != want {
			t.Errorf("package %d: told of %d changes, there are %d", i, n, want)
		}
		alice.must("createPackage", obj{"name": fmt.Sprintf("alice:p%d", i)}) // which changes nothing, and does not wait
	}
}
