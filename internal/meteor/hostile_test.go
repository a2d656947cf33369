package meteor_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// sends calls a method with arguments as JSON text, of a kind that no encoder
// writes, and returns the error's code, 0 for none.
func (w *wire) sends(method, params string) (code any, reason string) {
	w.t.Helper()
	w.send(`{"msg":"method","id":"h","method":"` + method + `","params":` + params + `}`)
	for {
		var m struct {
			Msg    string
			Reason string
			Error  *struct {
				Error  any
				Reason string
			}
		}
		if err := json.Unmarshal([]byte(w.next()), &m); err != nil {
			w.t.Fatal(err)
		}
		switch {
		case m.Msg == "error":
			return m.Reason, ""
		case m.Msg == "result" && m.Error != nil:
			w.next() // updated
			return m.Error.Error, m.Error.Reason
		case m.Msg == "result":
			w.next()
			return 0.0, ""
		}
	}
}

// hostile returns a logged-in socket of alice's, who has published alice:foo
// 1.0.0 and the release alice:T@1.0.
func hostile(t *testing.T) (*registry, *caller, *wire) {
	t.Helper()
	r, alice := withPackage(t)
	alice.must("createReleaseTrack", obj{"name": "alice:T"})
	alice.must("createReleaseVersion", release("alice:T", "1.0", nil))
	w := dial(t, r.url+"/websocket", nil)
	if code, reason := w.sends("login", `[{"resume":"`+r.token("alice", pkgmeter.ScopePublish)+`"}]`); code != 0.0 {
		t.Fatalf("login: %v %s", code, reason)
	}
	return r, alice, w
}

func TestHostileDraftsAreRefused(t *testing.T) {
	t.Parallel()
	r, _, w := hostile(t)
	huge := 1 << 20
	if raceDetector {
		huge = 1 << 18
	}
	before, _ := r.store.CatalogState()
	var many, exports strings.Builder
	for i := 0; many.Len() < huge; i++ {
		fmt.Fprintf(&many, `,"some:package-%d":{"constraint":"1.0.0","references":[{"arch":"os"}]}`, i)
	}
	for i := range 5000 {
		fmt.Fprintf(&exports, `,{"name":"Export%d","architectures":["os","web.browser"]}`, i)
	}
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	for what, member := range map[string]string{
		"a megabyte of dependencies":     `"dependencies":{` + many.String()[1:] + `}`,
		"5,000 exports":                  `"exports":[` + exports.String()[1:] + `]`,
		"a dependency like a date":       `"dependencies":{"$date":5}`,
		"an escaped one":                 `"dependencies":{"$escape":{"$date":{"constraint":null,"references":[]}}}`,
		"two like a pattern":             `"dependencies":{"$escape":{"$regexp":{},"$flags":{}}}`,
		"a type that is known":           `"dependencies":{"$type":"oid","$value":"x"}`,
		"one of three names":             `"dependencies":{"a":{},"b":{},"$c":{}}`,
		"an escaped name":                `"dependencies":{"\u0024c":{}}`,
		"a member of all objects":        `"dependencies":{"__proto__":{}}`,
		"a NUL in a dependency":          `"dependencies":{"a\u0000b":{}}`,
		"a lone surrogate in it":         `"dependencies":{"a\ud800":{}}`,
		"no name of a dependency":        `"dependencies":{"":{}}`,
		"an empty object in a reference": `"dependencies":{"a":{"references":[{"arch":{}}]}}`,
		"nested lists":                   `"exports":` + deep,
		"a huge number":                  `"description":1e308`,
		"a tiny number":                  `"description":-1e-320`,
		"a number for a flag":            `"debugOnly":1e308`,
		"a date":                         `"description":{"$date":8640000000000000}`,
		"bytes":                          `"description":{"$binary":"AAAA"}`,
		"not a number":                   `"containsPlugins":{"$InfNaN":0}`,
		"a name with a NUL":              `"version":"1.0.1\u0000"`,
		"a version of a million digits":  `"version":"` + strings.Repeat("1", huge) + `.0.0"`,
		"a constraint that does not end": `"dependencies":{"a":{"constraint":"1.0.0` + strings.Repeat("||1.0.0", 100_000) + `","references":[]}}`,
		"a constraint of blanks":         `"dependencies":{"a":{"constraint":"` + strings.Repeat(" ", huge) + `","references":[]}}`,
		"a long description":             `"description":"` + strings.Repeat("x", huge) + `"`,
		"a long compiler":                `"compilerVersion":"` + strings.Repeat("x", huge) + `"`,
		"a long release":                 `"releaseName":"` + strings.Repeat("\x7f", huge) + `"`,
		"long architectures":             `"exports":[{"name":"x","architectures":["` + strings.Repeat("x", huge) + `"]}]`,
		"a long message":                 `"deprecatedMessage":"` + strings.Repeat(`\u0001`, 200_000) + `"`,
	} {
		code, reason := w.sends("createPackageVersion", `[{"packageName":"alice:foo","version":"1.0.1","description":"x",`+member+`}]`)
		if code != 400.0 || len(reason) > 1000 || reason != "Match failed" && !strings.HasSuffix(reason, ".") {
			t.Errorf("%s: %v %.300q", what, code, reason)
		}
	}
	if after, _ := r.store.CatalogState(); after != before {
		t.Errorf("the catalog changed: %+v", after)
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	r, _, w := hostile(t)
	before, _ := r.store.CatalogState()
	names := []string{
		`""`, `"\u0000"`, `"alice:foo\u0000"`, `"alice:foo\u00001.0.0"`, `"alice:\ud83d"`, `"\udc00\ud800"`, `"alice:T\u0000"`, `"$date"`, `"__proto__$"`,
		`"alice:foo'; DROP TABLE doc; --"`, `"alice:foo%"`, `"alice:fo%_"`, `"*"`, `"ALICE:FOO"`, `"alice:foo "`, `"` + strings.Repeat("a", 1<<16) + `"`, `"\n\u202ealice:foo"`,
	}
	others := []string{`1e308`, `-0`, `null`, `true`, `[]`, `{}`, `{"$date":0}`, `{"$InfNaN":1}`, `[["alice:foo"]]`, `{"$escape":{"$date":0}}`, `{"$binary":""}`}
	for _, shape := range []struct{ method, params string }{
		{"amIAuthorizedPackage", `[NAME]`},
		{"amIAuthorizedRelease", `[NAME]`},
		{"createPackage", `[{"name":NAME}]`},
		{"createPackageVersion", `[{"packageName":NAME,"version":"1.0.0","description":"x"}]`},
		{"createPackageVersion", `[{"packageName":"alice:foo","version":NAME,"description":"x"}]`},
		{"publishPackageVersion", `[NAME,{"tarballHash":"x","treeHash":"y"}]`},
		{"createPackageBuild", `[{"packageName":NAME,"version":"1.0.0","buildArchitectures":"os"}]`},
		{"createPackageBuild", `[{"packageName":"alice:foo","version":NAME,"buildArchitectures":"os"}]`},
		{"createPackageBuild", `[{"packageName":"alice:foo","version":"1.0.0","buildArchitectures":NAME}]`},
		{"publishPackageBuild", `[NAME,"x","y"]`},
		{"changeVersionMetadata", `[{"packageName":NAME,"version":"1.0.0"},{"description":"y"}]`},
		{"changeVersionMetadata", `[{"packageName":"alice:foo","version":NAME},{"description":"y"}]`},
		{"createReadme", `[{"packageName":NAME,"version":"1.0.0"}]`},
		{"createReadme", `[{"packageName":"alice:foo","version":NAME}]`},
		{"publishReadme", `[NAME,{"hash":"x"}]`},
		{"addMaintainer", `[NAME,"alice"]`},
		{"addMaintainer", `["alice:foo",NAME]`},
		{"removeMaintainer", `[NAME,"alice"]`},
		{"addReleaseMaintainer", `[NAME,"alice"]`},
		{"addReleaseMaintainer", `["alice:T",NAME]`},
		{"removeReleaseMaintainer", `[NAME,"alice"]`},
		{"createReleaseTrack", `[{"name":NAME}]`},
		{"createReleaseVersion", `[{"track":NAME,"version":"1.1","description":"x","tool":"a@1.0.0","packages":{}}]`},
		{"createReleaseVersion", `[{"track":"alice:T","version":"1.1","description":"x","tool":NAME,"packages":{}}]`},
		{"createReleaseVersion", `[{"track":"alice:T","version":"1.1","description":"x","tool":"a@1.0.0","packages":{"a":NAME}}]`},
		{"createReleaseVersion", `[{"track":"alice:T","version":"1.1","description":"x","tool":"a@1.0.0","packages":NAME}]`},
		{"createPatchReleaseVersion", `[{"track":"alice:T","version":"1.1","description":"x","tool":"a@1.0.0","packages":{}},NAME]`},
		{"createPatchReleaseVersion", `[{"track":"alice:T","version":"1.1","description":"x","tool":"a@1.0.0","packages":{}},["1.0",NAME]]`},
		{"recommendVersion", `[NAME,"1.0"]`},
		{"unrecommendVersion", `["alice:T",NAME]`},
		{"setBannersOnReleases", `[NAME,[{"versions":["1.0"],"banner":{"text":"x"}}]]`},
		{"setBannersOnReleases", `["alice:T",[{"versions":["1.0",NAME],"banner":{"text":"x"}}]]`},
		{"_changePackageHomepage", `[NAME,"x"]`},
		{"_changeVersionMigrationStatus", `[NAME,"1.0.0",true]`},
		{"_changeVersionMigrationStatus", `["alice:foo",NAME,true]`},
		{"_setEarliestCompatibleVersion", `[{"packageName":NAME,"version":"1.0.0"},"1.1.0"]`},
		{"_setEarliestCompatibleVersion", `[{"packageName":"alice:foo","version":"1.0.0"},NAME]`},
	} {
		for i, name := range append(names, others...) {
			if shape.method == "createReleaseVersion" && strings.HasSuffix(shape.params, `"packages":NAME}]`) && (name == `{}` || name == `{"$escape":{"$date":0}}`) {
				continue // a list of packages
			}
			code, reason := w.sends(shape.method, strings.Replace(shape.params, "NAME", name, 1))
			switch {
			case i >= len(names) && code == 400.0:
			case i < len(names) && (code == 400.0 || code == 403.0 || code == 404.0) && (reason == "Match failed" || strings.HasSuffix(reason, ".")) && len(reason) <= 2000:
			default:
				t.Errorf("%s %.100s with %.100s: %v %.300q", shape.method, shape.params, name, code, reason)
			}
		}
	}
	if after, _ := r.store.CatalogState(); after != before {
		t.Errorf("the catalog changed: %+v", after)
	}
}

// TestOddTextsStayText publishes texts that are allowed and look like anything
// but text. The fixture reads all that is stored.
func TestOddTextsStayText(t *testing.T) {
	t.Parallel()
	r, alice, w := hostile(t)
	for text, want := range map[string]string{
		`\ud800`: "\ufffd", `x\udc00\ud800y`: "x\ufffd\ufffdy", `\u0000`: "\x00", `{\"$date\":5}`: `{"$date":5}`, `\u2028</script>&`: "\u2028</script>&",
		`\ud83d\ude00`: "😀", `,\"lastUpdated\":{\"$date\":1}}`: `,"lastUpdated":{"$date":1}}`, `\\`: `\`, "é\x7f": "é\x7f",
	} {
		for _, call := range [][2]string{
			{"changeVersionMetadata", `[{"packageName":"alice:foo","version":"1.0.0"},{"description":"TEXT","longDescription":"TEXT","git":"TEXT"}]`},
			{"_changePackageHomepage", `["alice:foo","TEXT"]`},
			{"setBannersOnReleases", `["alice:T",[{"versions":["1.0"],"banner":{"text":"TEXT"}}]]`},
			{"createPackageVersion", `[{"packageName":"alice:foo","version":"1.0.1","description":"TEXT","exports":[{"name":"TEXT","architectures":["TEXT"]}],` +
				`"dependencies":{"a":{"constraint":null,"references":[{"arch":"TEXT"}]}},"compilerVersion":"TEXT","releaseName":"TEXT","deprecatedMessage":"TEXT"}]`},
		} {
			if code, reason := w.sends(call[0], strings.ReplaceAll(call[1], "TEXT", text)); code != 0.0 {
				t.Errorf("%s %s: %v %s", call[0], text, code, reason)
			}
		}
		v := r.catalog(pkgmeter.Versions)["alice:foo@1.0.0"]
		for what, got := range map[string]any{
			"description": v["description"], "longDescription": v["longDescription"], "git": v["git"], "homepage": r.catalog(pkgmeter.Packages)["alice:foo"]["homepage"],
			"banner": r.catalog(pkgmeter.ReleaseVersions)["alice:T@1.0"]["banner"].(obj)["text"],
		} {
			if got != want {
				t.Errorf("%s %s became %q, want %q", what, text, got, want)
			}
		}
		r.checkStored()
	}
	up := members(t, alice.must("createPackageVersion", ejson.Raw(`{"packageName":"alice:foo","version":"1.0.2","description":"\ud800",
		"exports":[{"name":"$date","architectures":["\u0000"]}],"deprecatedMessage":"{\"$escape\":{}}","deprecated":true,"releaseName":""}`)))
	r.upload(up["uploadUrl"].(string), "x")
	alice.must("publishPackageVersion", up["uploadToken"], obj{"tarballHash": hashOf("x"), "treeHash": "\u2028$date"})
	v := r.catalog(pkgmeter.Versions)["alice:foo@1.0.2"]
	if v["description"] != "\ufffd" || v["releaseName"] != "" || v["deprecatedMessage"] != `{"$escape":{}}` || v["source"].(obj)["treeHash"] != "\u2028$date" {
		t.Errorf("got %v", v)
	}
}

// TestARecordGrowsToItsLimitOnly changes records until they are refused.
func TestARecordGrowsToItsLimitOnly(t *testing.T) {
	t.Parallel()
	r, alice := withPackage(t)
	packages := obj{}
	for i := 0; ; i++ {
		packages[fmt.Sprintf("some:package-with-a-long-name-%d", i)] = "100.200.300-rc.1"
		if i%500 < 499 {
			continue
		}
		if i == 499 {
			alice.must("createReleaseTrack", obj{"name": "alice:T"})
		}
		err := alice.call("createReleaseVersion", nil, release("alice:T", fmt.Sprint(i), obj{"packages": packages}))
		if err == nil && i < 10_000 {
			continue
		}
		if problem := misbehaved(err); problem != "" || i > 4000 || i < 1500 || err == nil || !strings.Contains(err.Error(), "too much for one record") {
			t.Errorf("%d packages: %v %s", i, err, problem)
		}
		break
	}
	begin := time.Now()
	wide := make([]string, 1000)
	for i := range wide {
		wide[i] = fmt.Sprint(i)
	}
	alice.wrong(404, "no version", "setBannersOnReleases", "alice:T", []any{obj{"versions": wide, "banner": obj{"text": "x"}}})
	alice.wrong(400, "at most 1000", "setBannersOnReleases", "alice:T", []any{obj{"versions": append(wide, "x"), "banner": obj{"text": "x"}}})
	if d := time.Since(begin); d > patience/3 {
		t.Errorf("it took %v", d)
	}
	r.checkStored()
}
