package catalog_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

var one = "1.0.0"

// own are records with all they can have, and with as little as they may.
var own = map[string]struct {
	record interface {
		Document() (pkgmeter.Document, error)
	}
	key, brief, body string
}{
	"package": {
		catalog.Package{ID: "p", Name: "ann:a", Homepage: "www.example.com", Maintainers: []catalog.Maintainer{{Username: "ann", ID: "u", IsOrganization: true}}, LastUpdated: 5},
		"ann:a", "", `{"_id":"p","name":"ann:a","maintainers":[{"username":"ann","id":"u","isOrganization":true}],"homepage":"www.example.com"}`,
	},
	"bare package": {catalog.Package{ID: "p", Name: "a"}, "a", "", `{"_id":"p","name":"a","maintainers":[]}`},
	"version": {
		catalog.Version{
			ID: "v", PackageName: "a", Version: "10.2.0-rc.1_3", Description: "<a> & b", LongDescription: catalog.Text(""), Git: catalog.Text("git@x:y<z>.git"),
			Source: catalog.Tarball{URL: "https://x/s", TarballHash: "th", TreeHash: "tr"}, Readme: &catalog.Readme{URL: "https://x/r", Hash: "h"},
			Dependencies: map[string]catalog.Dependency{"b": {&one, []catalog.Reference{{Arch: "os", Weak: true, Unordered: true, Implied: true}, {Arch: "web.browser"}}}, "c": {}},
			Exports:      []catalog.Export{{"X", []string{"os"}}, {Name: "Y"}}, Unmigrated: true, DebugOnly: true, ProdOnly: true, TestOnly: true, ContainsPlugins: true,
			CompilerVersion: "meteor/34", ReleaseName: catalog.Null(), Deprecated: new(true), DeprecatedMessage: catalog.Text("use b"), EarliestCompatibleVersion: "9.0.0",
			PublishedBy: catalog.User{Username: "ann", ID: "u"}, Published: 1419604567187, LastUpdated: 7,
		},
		"a\x0010.2.0-rc.1_3", "1419604567187\tu\tann\t<a> & b",
		`{"_id":"v","packageName":"a","version":"10.2.0-rc.1_3","description":"<a> & b","longDescription":"","git":"git@x:y<z>.git","source":{"url":"https://x/s","tarballHash":"th","treeHash":"tr","hash":"th"},` +
			`"readme":{"url":"https://x/r","hash":"h"},"dependencies":{"b":{"constraint":"1.0.0","references":[{"arch":"os","weak":true,"unordered":true,"implied":true},{"arch":"web.browser"}]},"c":{"constraint":null,"references":[]}},` +
			`"exports":[{"name":"X","architectures":["os"]},{"name":"Y","architectures":[]}],"unmigrated":true,"debugOnly":true,"prodOnly":true,"testOnly":true,"containsPlugins":true,"compilerVersion":"meteor/34","releaseName":null,` +
			`"deprecated":true,"deprecatedMessage":"use b","earliestCompatibleVersion":"9.0.0","ecRecordFormat":"1.0","publishedBy":{"username":"ann","id":"u"},"published":{"$date":1419604567187}}`,
	},
	"bare version": {
		catalog.Version{ID: "v", PackageName: "a", Version: "12.0.1"},
		"a\x0012.0.1", "0\t\t\t",
		`{"_id":"v","packageName":"a","version":"12.0.1","description":"","source":{"url":"","tarballHash":"","treeHash":""},"dependencies":{},"exports":[],"containsPlugins":false,` +
			`"earliestCompatibleVersion":"12.0.0","ecRecordFormat":"1.0","publishedBy":{"username":"","id":""},"published":{"$date":0}}`,
	},
	"version with texts": {
		catalog.Version{ID: "v", PackageName: "a", Version: "1.0.0", LongDescription: catalog.Null(), ReleaseName: catalog.Text("METEOR@3.0.4")},
		"a\x001.0.0", "0\t\t\t",
		`{"_id":"v","packageName":"a","version":"1.0.0","description":"","longDescription":null,"source":{"url":"","tarballHash":"","treeHash":""},"dependencies":{},"exports":[],"containsPlugins":false,"releaseName":"METEOR@3.0.4",` +
			`"earliestCompatibleVersion":"1.0.0","ecRecordFormat":"1.0","publishedBy":{"username":"","id":""},"published":{"$date":0}}`,
	},
	"build": {
		catalog.Build{ID: "b", VersionID: "v", BuildArchitectures: "os+web.browser", Build: catalog.Tarball{URL: "u", TarballHash: "t", TreeHash: "r", Hash: "t"}, BuiltBy: catalog.User{Username: "ann", ID: "u"}, BuildPublished: 9},
		"v\x00os+web.browser", "", `{"_id":"b","versionId":"v","buildArchitectures":"os+web.browser","build":{"url":"u","tarballHash":"t","treeHash":"r"},"builtBy":{"username":"ann","id":"u"},"buildPublished":{"$date":9}}`,
	},
	"track": {catalog.ReleaseTrack{ID: "t", Name: "METEOR"}, "METEOR", "", `{"_id":"t","name":"METEOR","maintainers":[]}`},
	"release": {
		catalog.ReleaseVersion{
			ID: "r", Track: "METEOR", Version: "3.0.4", Description: "Three", Recommended: true, Tool: "meteor-tool@3.0.4", Packages: map[string]string{"b": "2.0.0", "a": "1.0.0"},
			OrderKey: "0003.0000.0004$", PatchReleaseVersion: "3.0.4.1", Banner: &catalog.Banner{Text: "<new>", LastUpdated: 3}, Upgraders: []string{"x"}, PublishedBy: catalog.User{Username: "ann", ID: "u"}, Published: 4,
		},
		"METEOR\x003.0.4", "4\tr\t2\tmeteor-tool@3.0.4\t0003.0000.0004$\tThree",
		`{"_id":"r","track":"METEOR","version":"3.0.4","description":"Three","recommended":true,"tool":"meteor-tool@3.0.4","packages":{"a":"1.0.0","b":"2.0.0"},"orderKey":"0003.0000.0004$","patchReleaseVersion":"3.0.4.1",` +
			`"banner":{"text":"<new>","lastUpdated":{"$date":3}},"upgraders":["x"],"publishedBy":{"username":"ann","id":"u"},"published":{"$date":4}}`,
	},
	"bare release": {
		catalog.ReleaseVersion{ID: "r", Track: "T", Version: "x"},
		"T\x00x", "0\t\t0\t\t\t",
		`{"_id":"r","track":"T","version":"x","description":"","recommended":false,"tool":"","packages":{},"publishedBy":{"username":"","id":""},"published":{"$date":0}}`,
	},
}

func TestOwnRecordsAreWrittenAsClientsReadThem(t *testing.T) {
	t.Parallel()
	for name, want := range own {
		d, err := want.record.Document()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(d.Body) != want.body || d.Key != want.key || d.Brief != want.brief || d.ID == "" {
			t.Errorf("%s:\n got %q %q %s\nwant %q %q %s", name, d.Key, d.Brief, d.Body, want.key, want.brief, want.body)
		}
		again := reflect.New(reflect.TypeOf(want.record))
		if err := json.Unmarshal(d.Body, again.Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		twice, err := again.Elem().Interface().(interface {
			Document() (pkgmeter.Document, error)
		}).Document()
		if err != nil || string(twice.Body) != want.body {
			t.Errorf("%s is another one when it is read and written again: %s, %v", name, twice.Body, err)
		}
	}
}

func TestWritingARecordDoesNotChangeIt(t *testing.T) {
	t.Parallel()
	v := catalog.Version{ID: "v", PackageName: "a", Version: "1.0.0", Dependencies: map[string]catalog.Dependency{"b": {}}, Exports: []catalog.Export{{Name: "X"}}}
	if _, err := v.Document(); err != nil || v.Dependencies["b"].References != nil || v.Exports[0].Architectures != nil {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestRecordsThatCannotBeFoundAreNotWritten(t *testing.T) {
	t.Parallel()
	for why, r := range map[string]interface {
		Document() (pkgmeter.Document, error)
	}{
		"an empty _id":        catalog.Package{Name: "a"},
		"an empty name":       catalog.Package{ID: "p"},
		"an empty version":    catalog.ReleaseVersion{ID: "r", Track: "T"},
		"not of the form":     catalog.Version{ID: "v", PackageName: "a", Version: "1.0"},
		`"$date" cannot be`:   catalog.Version{ID: "v", PackageName: "a", Version: "1.0.0", Dependencies: map[string]catalog.Dependency{"$date": {}}},
		`"$escape" cannot be`: catalog.ReleaseVersion{ID: "r", Track: "T", Version: "1", Packages: map[string]string{"$escape": "1.0.0"}},
		"NUL":                 catalog.Build{ID: "b", VersionID: "v\x00", BuildArchitectures: "os"},
	} {
		if _, err := r.Document(); pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestStrangeMembersAreEmptyAndTheRestIsRead(t *testing.T) {
	t.Parallel()
	var v catalog.Version
	body := `{"_id":"v","packageName":7,"version":"1.0.0","git":[5],"longDescription":{"x":1},"releaseName":false,"published":"now","publishedBy":"ann","dependencies":{"a":{"constraint":5,"references":{}},"b":{"constraint":null,"references":[{"arch":"os"}]}},"exports":5,"readme":true,"description":"d"}`
	if err := catalog.Decode([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	if v.ID != "v" || v.PackageName != "" || v.Git.Set || v.LongDescription.Set || v.ReleaseName.Set || v.Published != 0 || v.Description != "d" || len(v.Dependencies["b"].References) != 1 {
		t.Errorf("%+v", v)
	}
	if err := catalog.Decode([]byte(`{"_id":`), &v); err == nil {
		t.Error("half a record is read")
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]catalog.Date{
		`{"$date":1419604567187}`: 1419604567187, `{"$date":-1}`: -1, `{"$date":1.4e12}`: 1400000000000, `{"$date":8.64e15}`: 8.64e15,
		`{"$date":8.65e15}`: 0, `{"$date":"2014"}`: 0, `{}`: 0, `null`: 0, `5`: 0, `"2014-12-26"`: 0, `[{"$date":1}]`: 0,
	} {
		d := catalog.Date(3)
		if err := json.Unmarshal([]byte(text), &d); err != nil || d != want {
			t.Errorf("%s: %d, %v", text, d, err)
		}
	}
	at := time.Date(2014, 12, 26, 14, 36, 7, 187_900_000, time.UTC)
	d := catalog.DateOf(at)
	if text, err := json.Marshal(d); string(text) != `{"$date":1419604567187}` || err != nil || !d.Time().Equal(at.Truncate(time.Millisecond)) || d.Time().Location() != time.UTC {
		t.Errorf("%s, %v, %v", text, err, d.Time())
	}
}
