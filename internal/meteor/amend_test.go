package meteor_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

// withPackage returns a registry where alice has published alice:foo 1.0.0.
func withPackage(t *testing.T) (r *registry, alice *caller) {
	t.Helper()
	r = openRegistry(t)
	alice = r.publisher("alice")
	alice.must("createPackage", obj{"name": "alice:foo"})
	alice.publish("1.0.0", nil)
	return r, alice
}

// bumps calls f and compares how many records of a collection it changed.
func (r *registry) bumps(c pkgmeter.Collection, n int64, f func()) {
	r.Helper()
	before := r.changes(c)
	f()
	if got := r.changes(c) - before; got != n {
		r.Errorf("%d changes of %s, want %d", got, c, n)
	}
}

func TestCase61WhoIsAuthorized(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	root, bob := r.root(), r.publisher("bob")
	alice.must("createReleaseTrack", obj{"name": "alice:T"})
	for method, name := range map[string]string{"amIAuthorizedPackage": "alice:foo", "amIAuthorizedRelease": "alice:T"} {
		for _, c := range []*caller{alice, root} {
			if got := c.must(method, name); string(got) != "true" {
				t.Errorf("result %s", got)
			}
		}
		bob.wrong(401, "You are not an authorized maintainer", method, name)
		alice.wrong(404, "There is no", method, "alice:bar")
		for _, args := range [][]any{{}, {nil}, {5}, {obj{"name": name}}, {name, name}} {
			alice.wrong(400, "Match failed", method, args...)
		}
	}
}

func TestCase62Maintainers(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	bob, carol := r.publisher("bob"), r.publisher("carol")
	r.join("carol")
	list := func(want string) {
		t.Helper()
		if got := names(r.catalog(pkgmeter.Packages)["alice:foo"]["maintainers"]); got != want {
			t.Errorf("maintainers %s, want %s", got, want)
		}
	}
	bob.wrong(401, "You are not an authorized maintainer", "addMaintainer", "alice:foo", "bob")
	bob.wrong(401, "You are not an authorized maintainer", "addMaintainer", "alice:foo", "nosuch")
	alice.wrong(404, `There is no user or organisation "nosuch".`, "addMaintainer", "alice:foo", "nosuch")
	alice.wrong(404, "There is no package", "addMaintainer", "alice:bar", "bob")
	r.bumps(pkgmeter.Packages, 1, func() {
		alice.must("addMaintainer", "alice:foo", "bob")
		alice.must("addMaintainer", "alice:foo", "bob") // again is no change
		alice.must("removeMaintainer", "alice:foo", "carol")
		alice.must("removeMaintainer", "alice:foo", "nosuch")
	})
	list("alice bob")
	bob.publish("1.0.1", nil)
	bob.wrong(403, "remove the maintainer in the package", "removeMaintainer", "alice:foo", "alice")
	carol.wrong(401, "not an authorized maintainer", "amIAuthorizedPackage", "alice:foo")
	bob.must("addMaintainer", "alice:foo", "acme")
	list("alice bob acme")
	carol.publish("1.0.2", nil)
	alice.must("removeMaintainer", "alice:foo", "bob")
	bob.wrong(401, "not an authorized maintainer", "createPackageVersion", draft("alice:foo", "1.0.3", nil))
	carol.must("removeMaintainer", "alice:foo", "acme")
	carol.wrong(401, "not an authorized maintainer", "createPackageVersion", draft("alice:foo", "1.0.3", nil))
	list("alice")
	alice.wrong(403, "remove the maintainer in the package", "removeMaintainer", "alice:foo", "alice")

	root := r.root()
	root.must("createPackage", obj{"name": "top"})
	root.wrong(403, "last maintainer", "removeMaintainer", "top", "root")
	root.must("addMaintainer", "top", "bob")
	bob.must("removeMaintainer", "top", "root")
	root.must("addMaintainer", "top", "carol") // an administrator needs not be in the list
	carol.must("createPackage", obj{"name": "acme:x"})
	carol.must("removeMaintainer", "acme:x", "carol")
	carol.wrong(403, "remove the maintainer in the package", "removeMaintainer", "acme:x", "acme")
	for _, args := range [][]any{{}, {"alice:foo"}, {"alice:foo", nil}, {"alice:foo", 5}, {5, "bob"}, {"alice:foo", "bob", "bob"}, {obj{"name": "alice:foo"}, "bob"}} {
		for _, method := range []string{"addMaintainer", "removeMaintainer", "addReleaseMaintainer", "removeReleaseMaintainer"} {
			alice.wrong(400, "Match failed", method, args...)
		}
	}
}

func TestCase63AMaintainerOfATrack(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	bob := r.publisher("bob")
	alice.must("createReleaseTrack", obj{"name": "alice:T"})
	alice.must("createReleaseTrack", obj{"name": "alice:foo"}) // as the package is
	list := func(track, want string) {
		t.Helper()
		if got := names(r.catalog(pkgmeter.ReleaseTracks)[track]["maintainers"]); got != want {
			t.Errorf("maintainers of %s: %s, want %s", track, got, want)
		}
	}
	r.bumps(pkgmeter.ReleaseTracks, 1, func() {
		alice.must("addMaintainer", "alice:T", "bob")
		alice.must("addReleaseMaintainer", "alice:T", "bob")
	})
	list("alice:T", "alice bob")
	bob.must("createReleaseVersion", release("alice:T", "1.0", nil))
	bob.wrong(403, "remove the maintainer in the package", "removeMaintainer", "alice:T", "alice")
	alice.must("removeMaintainer", "alice:T", "bob")
	list("alice:T", "alice")
	alice.must("addMaintainer", "alice:foo", "bob") // the package comes first
	list("alice:foo", "alice")
	alice.must("addReleaseMaintainer", "alice:foo", "bob")
	list("alice:foo", "alice bob")
	bob.must("removeReleaseMaintainer", "alice:foo", "bob")
	list("alice:foo", "alice")
	bob.wrong(401, "not an authorized maintainer", "removeReleaseMaintainer", "alice:foo", "bob")
	alice.wrong(404, "There is no release track", "addReleaseMaintainer", "alice:bar", "bob")
}

func TestCase64LengthsAreInUTF16Units(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	for text, ok := range map[string]bool{
		strings.Repeat("é", 100): true, strings.Repeat("é", 101): false, strings.Repeat("😀", 50): true, strings.Repeat("😀", 51): false,
		strings.Repeat("\u2028", 100): true, strings.Repeat("\x00", 100): true, "": false,
	} {
		if !ok {
			alice.wrong(400, "description has 1 to 100 characters", "createPackageVersion", draft("alice:foo", "1.1.0", obj{"description": text}))
			alice.wrong(400, "description has 1 to 100 characters", "changeVersionMetadata", of("alice:foo", "1.0.0", nil), obj{"description": text})
			continue
		}
		alice.must("createPackageVersion", draft("alice:foo", "1.1.0", obj{"description": text}))
		alice.must("changeVersionMetadata", of("alice:foo", "1.0.0", nil), obj{"description": text})
		if got := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]["description"]; got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	alice.must("changeVersionMetadata", of("alice:foo", "1.0.0", nil), obj{"longDescription": strings.Repeat("😀", 750)})
	alice.wrong(400, "this one has 1502", "changeVersionMetadata", of("alice:foo", "1.0.0", nil), obj{"longDescription": strings.Repeat("😀", 751)})
}

func TestCase65ChangedMetadataIsNews(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	bob := r.publisher("bob")
	reader := r.anybody()
	token := ask(t, reader.client, "{}").RawToken
	before := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]
	this := of("alice:foo", "1.0.0", nil)

	alice.must("changeVersionMetadata", this, obj{"git": "https://git.example/foo", "description": "Else", "longDescription": "Long"})
	p := ask(t, reader.client, token)
	if p.count() != 1 || len(p.Collections["versions"]) != 1 {
		t.Fatalf("news: %v", p)
	}
	got := members(t, p.Collections["versions"][0])
	want := before
	for name, v := range (obj{"git": "https://git.example/foo", "description": "Else", "longDescription": "Long", "lastUpdated": got["lastUpdated"]}) {
		want[name] = v
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	r.bumps(pkgmeter.Versions, 0, func() {
		alice.must("changeVersionMetadata", this, obj{"git": "https://git.example/foo", "description": "Else", "longDescription": "Long"})
		alice.must("changeVersionMetadata", this, obj{})
		alice.must("changeVersionMetadata", this, obj{"description": nil, "git": nil, "dependencies": obj{}})
		alice.wrong(400, "", "changeVersionMetadata", this, obj{"description": ""})
		bob.wrong(401, "not an authorized maintainer", "changeVersionMetadata", this, obj{"description": "x"})
		alice.wrong(404, "no version", "changeVersionMetadata", of("alice:foo", "1.0.1", nil), obj{"description": "x"})
		for _, args := range [][]any{{}, {this}, {this, nil}, {this, "x"}, {this, obj{"description": 5}}, {this, obj{"longDescription": 5}}, {"alice:foo", "1.0.0", obj{}}} {
			alice.wrong(400, "Match failed", "changeVersionMetadata", args...)
		}
	})
	alice.must("changeVersionMetadata", this, obj{"git": "", "longDescription": ""})
	got = r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]
	if got["git"] != "" || got["longDescription"] != "" || got["description"] != "Else" {
		t.Errorf("empty texts: %v", got)
	}

	at := got["lastUpdated"]
	alice.must("_setEarliestCompatibleVersion", this, "0.9.0")
	alice.wrong(400, "", "_setEarliestCompatibleVersion", this, "0.9")
	bob.wrong(401, "", "_setEarliestCompatibleVersion", this, "0.8.0")
	got = r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]
	if got["earliestCompatibleVersion"] != "0.9.0" || reflect.DeepEqual(got["lastUpdated"], at) {
		t.Errorf("got %v", got)
	}
}

func TestAHomepageIsFreeText(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	for _, text := range []string{"www.meteor.com", "https://a.example/?x=<y>", "ä b", ""} {
		r.bumps(pkgmeter.Packages, 1, func() {
			alice.must("_changePackageHomepage", "alice:foo", text)
			alice.must("_changePackageHomepage", "alice:foo", text)
		})
		got, ok := r.catalog(pkgmeter.Packages)["alice:foo"]["homepage"]
		if ok != (text != "") || ok && got != text {
			t.Errorf("%q became %v", text, got)
		}
	}
	alice.wrong(404, "There is no package", "_changePackageHomepage", "alice:bar", "x")
	alice.wrong(400, "homepage", "_changePackageHomepage", "alice:foo", strings.Repeat("x", 2001))
	r.publisher("bob").wrong(401, "not an authorized maintainer", "_changePackageHomepage", "alice:foo", "x")
	for _, args := range [][]any{{}, {"alice:foo"}, {"alice:foo", nil}, {"alice:foo", 5}} {
		alice.wrong(400, "Match failed", "_changePackageHomepage", args...)
	}
}

func TestCase66AReadmeIsReplaced(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	bob := r.publisher("bob")
	this := of("alice:foo", "1.0.0", nil)
	bob.wrong(401, "not an authorized maintainer", "createReadme", this)
	alice.wrong(404, "no version", "createReadme", of("alice:foo", "1.0.1", nil))
	for _, args := range [][]any{{}, {"alice:foo"}, {this, 5}, {of("alice:foo", "1.0.0", obj{"version": 1})}} {
		alice.wrong(400, "Match failed", "createReadme", args...)
	}
	var urls []string
	for _, text := range []string{"first", "second", ""} {
		abandoned := members(t, alice.must("createReadme", this))
		up := members(t, alice.must("createReadme", this))
		token, _ := up["uploadToken"].(string)
		if want := (obj{"uploadToken": token, "url": r.url + "/upload/readme/" + token}); !reflect.DeepEqual(up, want) {
			t.Fatalf("got %v", up)
		}
		alice.wrong(404, "again", "publishReadme", abandoned["uploadToken"], obj{"hash": hashOf(text)})
		alice.wrong(409, "not uploaded", "publishReadme", token, obj{"hash": hashOf(text)})
		if s := r.upload(up["url"].(string), text); s != http.StatusOK {
			t.Fatalf("%d", s)
		}
		r.bumps(pkgmeter.Versions, 1, func() {
			alice.wrong(400, "damaged", "publishReadme", token, obj{"hash": hashOf("other")})
			bob.wrong(401, "not an authorized maintainer", "publishReadme", token, obj{"hash": hashOf(text)})
			for _, args := range [][]any{{token}, {token, hashOf(text)}, {token, obj{"hash": nil}}} {
				alice.wrong(400, "Match failed", "publishReadme", args...)
			}
			for range 2 {
				if got := alice.must("publishReadme", token, obj{"hash": hashOf(text)}); string(got) != "true" {
					t.Errorf("result %s", got)
				}
			}
		})
		readme := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]["readme"].(obj)
		if got := r.fetch(readme["url"].(string)); got != text || readme["hash"] != hashOf(text) {
			t.Errorf("%q with %v, want %q", got, readme, text)
		}
		urls = append(urls, readme["url"].(string))
	}
	if urls[0] == urls[1] || urls[1] == urls[2] || r.fetch(urls[0]) != "first" {
		t.Errorf("addresses %v", urls)
	}
	if len(r.told) != 1 {
		t.Errorf("readmes were told: %+v", r.told)
	}
}

func TestCase67TheThirdArgumentIsTheValue(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	for _, unmigrated := range []bool{true, false} {
		r.bumps(pkgmeter.Versions, 1, func() {
			alice.must("_changeVersionMigrationStatus", "alice:foo", "1.0.0", unmigrated)
			alice.must("_changeVersionMigrationStatus", "alice:foo", "1.0.0", unmigrated)
		})
		if got, _ := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]["unmigrated"].(bool); got != unmigrated {
			t.Errorf("%v became %v", unmigrated, got)
		}
	}
	r.publisher("bob").wrong(401, "", "_changeVersionMigrationStatus", "alice:foo", "1.0.0", true)
	alice.wrong(404, "", "_changeVersionMigrationStatus", "alice:foo", "1.0.1", true)
	for _, args := range [][]any{{"alice:foo", "1.0.0"}, {"alice:foo", "1.0.0", nil}, {"alice:foo", "1.0.0", "true"}, {of("alice:foo", "1.0.0", nil), true}} {
		alice.wrong(400, "Match failed", "_changeVersionMigrationStatus", args...)
	}
}

func TestCase71ANullStaysNull(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	alice.publish("1.1.0", obj{"releaseName": nil, "longDescription": nil})
	check := func(what string) {
		t.Helper()
		for version, want := range map[string]any{"1.0.0": "METEOR@3.0.4", "1.1.0": nil} {
			got, ok := r.catalog(pkgmeter.Versions)["alice:foo@"+version]["releaseName"]
			if !ok || got != want {
				t.Errorf("%s: releaseName of %s is %v (%v)", what, version, got, ok)
			}
		}
		if got, ok := r.catalog(pkgmeter.Versions)["alice:foo@1.1.0"]["longDescription"]; !ok || got != nil {
			t.Errorf("%s: longDescription is %v (%v)", what, got, ok)
		}
	}
	check("published")
	alice.must("changeVersionMetadata", of("alice:foo", "1.1.0", nil), obj{"description": "Else"})
	alice.must("_changeVersionMigrationStatus", "alice:foo", "1.0.0", true)
	check("changed")
}
