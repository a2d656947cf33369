package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// records are ones of other servers, with what is found in them.
var records = []struct {
	collection pkgmeter.Collection
	body       string
	id, key    string
	brief      string
}{
	{pkgmeter.Packages, `{"_id":"Ew6dnvztFt7pk4BSq","name":"iron:router","maintainers":[{"username":"a"}],"lastUpdated":{"$date":1}}`, "Ew6dnvztFt7pk4BSq", "iron:router", ""},
	{pkgmeter.Packages, "{ \"name\" :\t\"a\" ,\n\"_id\":\"x\" , \"more\":[1,-0.5e+3,true,false,null,{},[],{\"a\":[[\"\\u00e9\"]]}]\r}", "x", "a", ""},
	{pkgmeter.Packages, `{"\u005fid":"x","n\u0061me":"\u0061\/\ud83d\ude00"}`, "x", "a/😀", ""},
	{pkgmeter.Packages, `{"_id":"x","name":"a","NAME":"b","nested":{"_id":"y","name":"c"}}`, "x", "a", ""},
	{pkgmeter.Packages, `{"_id":"x","name":"` + strings.Repeat("a", 1000) + `"}`, "x", strings.Repeat("a", 1000), ""},
	{
		pkgmeter.Versions, `{"_id":"v","packageName":"a","version":"1.0.0","description":"An\ta <b>","published":{"$date":1419604567187},"publishedBy":{"username":"bob","id":"b"}}`,
		"v", "a\x001.0.0", "1419604567187\t\tbob\tAn a <b>",
	},
	{pkgmeter.Versions, `{"_id":"v","packageName":"a","version":"x","unmigrated":true,"published":{"$date":1.4e12},"publishedBy":null,"description":5}`, "v", "a\x00x", "1400000000000\tu\t\t"},
	{pkgmeter.Versions, `{"_id":"v","packageName":"a","version":"x","unmigrated":1,"published":{"$date":-9223372036854775808},"publishedBy":{"username":[]}}`, "v", "a\x00x", "0\t\t\t"},
	{pkgmeter.Versions, `{"_id":"v","packageName":"a","version":"x","published":"2014-12-26","publishedBy":"bob"}`, "v", "a\x00x", "0\t\t\t"},
	{pkgmeter.Builds, `{"_id":"b","versionId":"v","buildArchitectures":"os+web.browser"}`, "b", "v\x00os+web.browser", ""},
	{pkgmeter.ReleaseTracks, `{"_id":"t","name":"METEOR"}`, "t", "METEOR", ""},
	{
		pkgmeter.ReleaseVersions, `{"_id":"r","track":"METEOR","version":"3.0.4","recommended":true,"tool":"meteor-tool@3.0.4","packages":{"a":"1.0.0","b":"2.0.0"},"orderKey":"0003.0000.0004$","description":"Three","published":{"$date":7}}`,
		"r", "METEOR\x003.0.4", "7\tr\t2\tmeteor-tool@3.0.4\t0003.0000.0004$\tThree",
	},
	{pkgmeter.ReleaseVersions, `{"_id":"r","track":"T","version":"x","orderKey":null,"packages":[1]}`, "r", "T\x00x", "0\t\t0\t\t\t"},
}

// refused are records that no client should be sent.
var refused = []struct{ body, why string }{
	{"", "is not a JSON object"},
	{"{", "is not a JSON object"},
	{"[]", "is not a JSON object"},
	{"null", "is not a JSON object"},
	{`"x"`, "is not a JSON object"},
	{"5", "is not a JSON object"},
	{` {"_id":"x","name":"a"}`, "is not a JSON object"},
	{`{"_id":"x","name":"a"} `, "is not a JSON object"},
	{`{"_id":"x","name":"a"}{}`, "is not a JSON object"},
	{`{"_id":"x","name":"a"}x`, "is not a JSON object"},
	{`{"_id":"x","name":"a",}`, "is not a JSON object"},
	{`{"_id":"x" "name":"a"}`, "is not a JSON object"},
	{`{"_id":"x","name":"a\q"}`, "is not a JSON object"},
	{`{"_id":"x","name":"a\u00g0"}`, "is not a JSON object"},
	{"{\"_id\":\"x\",\"name\":\"a\n\"}", "is not a JSON object"},
	{`{"_id":"x","name":"a","n":01}`, "is not a JSON object"},
	{`{"_id":"x","name":"a","n":1.}`, "is not a JSON object"},
	{`{"_id":"x","name":"a","n":+1}`, "is not a JSON object"},
	{`{"_id":"x","name":"a","n":tru}`, "is not a JSON object"},
	{`{"_id":"x","name":"a","n":NaN}`, "is not a JSON object"},
	{`{"_id":"x","name":"a","n":[}]}`, "is not a JSON object"},
	{`{_id:"x"}`, "is not a JSON object"},
	{`{"_id":"x","name":"a","n":` + strings.Repeat("[", 100_000), "is not a JSON object"},
	{`{"_id":"x","name":"a","n":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "is not a JSON object"},
	{"{\"_id\":\"x\",\"name\":\"a\xff\"}", "is not UTF-8"},
	{`{}`, "has no _id"},
	{`{"name":"a"}`, "has no _id"},
	{`{"_id":"","name":"a"}`, "an empty _id"},
	{`{"_id":5,"name":"a"}`, "an empty _id"},
	{`{"_id":null,"name":"a"}`, "an empty _id"},
	{`{"_id":"` + strings.Repeat("x", 201) + `","name":"a"}`, "too long"},
	{`{"_id":"x\u0000","name":"a"}`, "NUL"},
	{`{"_id":"x","name":"a\u0000b"}`, "NUL"},
	{`{"_id":"x","_id":"y","name":"a"}`, "_id twice"},
	{`{"_id":"x","name":"a","n\u0061me":"b"}`, "name twice"},
	{`{"_id":"x"}`, "has no name"},
	{`{"_id":"x","name":""}`, "an empty name"},
	{`{"_id":"x","name":["a"]}`, "an empty name"},
	{`{"_id":"x","NAME":"a"}`, "has no name"},
	{`{"_id":"x","name":"` + strings.Repeat("a", 1001) + `"}`, "too long"},
}

func TestRecordsOfOtherServersAreFoundByWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, r := range records {
		d, err := catalog.Read(r.collection, []byte(r.body))
		if err != nil {
			t.Errorf("%s: %v", r.body, err)
			continue
		}
		if d.ID != r.id || d.Key != r.key || d.Brief != r.brief || string(d.Body) != r.body || d.Collection != r.collection || d.At != 0 || d.Mirrored {
			t.Errorf("%s:\n got %q %q %q\nwant %q %q %q", r.body, d.ID, d.Key, d.Brief, r.id, r.key, r.brief)
		}
	}
}

func TestRecordsThatBreakClientsAreRefused(t *testing.T) {
	t.Parallel()
	for _, r := range refused {
		_, err := catalog.Read(pkgmeter.Packages, []byte(r.body))
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(err.Error(), r.why) {
			t.Errorf("%.80s: %v, want %s", r.body, err, r.why)
		}
	}
	for c, members := range map[pkgmeter.Collection][]string{
		pkgmeter.Versions: {"packageName", "version"}, pkgmeter.Builds: {"versionId", "buildArchitectures"}, pkgmeter.ReleaseVersions: {"track", "version"},
	} {
		for i, m := range members {
			if _, err := catalog.Read(c, fmt.Appendf(nil, `{"_id":"x",%q:"a"}`, members[1-i])); err == nil || !strings.Contains(err.Error(), "has no "+m) {
				t.Errorf("%s without %s: %v", c, m, err)
			}
		}
	}
	if _, err := catalog.Read(pkgmeter.Versions, fmt.Appendf(nil, `{"_id":"x","packageName":%q,"version":"1.0.0"}`, strings.Repeat("a", 996))); err == nil || !strings.Contains(err.Error(), "more than 1,000 bytes") {
		t.Error(err)
	}
}

// checkRead holds Read to the decoder of the standard library for any text.
func checkRead(t *testing.T, c pkgmeter.Collection, body []byte) {
	t.Helper()
	before := bytes.Clone(body)
	d, err := catalog.Read(c, body)
	if !bytes.Equal(before, body) {
		t.Fatalf("%q: the body was changed", before)
	}
	if err != nil {
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Fatalf("%q: %v", body, err)
		}
		return
	}
	var m map[string]any
	if json.Unmarshal(body, &m) != nil || !utf8.Valid(body) {
		t.Fatalf("%q is not JSON", body)
	}
	key := []string{}
	for _, name := range map[pkgmeter.Collection][]string{
		pkgmeter.Packages: {"name"}, pkgmeter.Versions: {"packageName", "version"}, pkgmeter.Builds: {"versionId", "buildArchitectures"},
		pkgmeter.ReleaseTracks: {"name"}, pkgmeter.ReleaseVersions: {"track", "version"},
	}[c] {
		key = append(key, m[name].(string))
	}
	if d.ID != m["_id"] || d.Key != strings.Join(key, "\x00") || d.ID == "" || len(d.ID) > 200 || len(d.Key) > 1000 || !utf8.ValidString(d.Key+d.Brief) {
		t.Fatalf("%q: id %q, key %q", body, d.ID, d.Key)
	}
	if len(d.Brief) > 1000 || strings.ContainsAny(d.Brief, "\x00\n\r\x1b") {
		t.Fatalf("%q: brief %q", body, d.Brief)
	}
	if strings.Count(d.Brief, "\t") != map[pkgmeter.Collection]int{pkgmeter.Versions: 3, pkgmeter.ReleaseVersions: 5}[c] {
		t.Fatalf("%q: brief %q", body, d.Brief)
	}
}

var jsonPieces = []string{`"`, `\`, `\u0000`, `\ud800`, `{`, `}`, `[`, `]`, `,`, `:`, `"_id":"y"`, `"name":"b",`, "null", "-", "1e9", "0", ".", "\x00", "\xff", "é", " ", "\n", `"version":"2",`, `{"$date":5}`}

func TestRecordsNearToRecords(t *testing.T) {
	t.Parallel()
	var seeds []string
	for _, r := range records {
		seeds = append(seeds, r.body)
	}
	for _, r := range refused {
		if len(r.body) < 1000 {
			seeds = append(seeds, r.body)
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	mutated(seeds, jsonPieces, func(s string) {
		checkRead(t, pkgmeter.Collection(rnd.IntN(int(pkgmeter.Collections))), []byte(s))
	})
}

func FuzzRead(f *testing.F) {
	for _, r := range records {
		f.Add(uint8(r.collection), []byte(r.body))
	}
	for _, r := range refused {
		f.Add(uint8(0), []byte(r.body))
	}
	f.Fuzz(func(t *testing.T, c uint8, body []byte) {
		checkRead(t, pkgmeter.Collection(c%uint8(pkgmeter.Collections)), body)
	})
}

// What is well-formed is decided twice: here, and by the standard library.
func TestWellFormedRecordsAreTaken(t *testing.T) {
	t.Parallel()
	seeds := []string{`{"a":[1,2.5e-3,"x\u00e9\n",true,null,{"b":{}}],"c":""}`, `[0,-0,1E+5,"\ud800"]`, `"\\\"\/\b\f\n\r\t"`, `{}`, `[[[]]]`, `-1.5`}
	mutated(seeds, jsonPieces, func(s string) {
		if !utf8.ValidString(s) {
			return
		}
		body := []byte(`{"_id":"x","name":"a","more":` + s + `}`)
		if _, err := catalog.Read(pkgmeter.Packages, body); (err == nil) != json.Valid(body) && !strings.Contains(err.Error(), "twice") {
			t.Fatalf("%s: %v", body, err)
		}
	})
}

func TestBriefsShowHostileTextsAsOneLine(t *testing.T) {
	t.Parallel()
	for _, name := range append(browsertest.EvilNames(t), strings.Repeat("é", 1000)) {
		v := catalog.Version{ID: "v", PackageName: "a", Version: "1.0.0", Description: name, PublishedBy: catalog.User{Username: name}}
		d, err := v.Document()
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		checkRead(t, pkgmeter.Versions, d.Body)
		r := catalog.ReleaseVersion{ID: "r", Track: "T", Version: "1", Tool: name, OrderKey: name, Description: name}
		if d, err = r.Document(); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		checkRead(t, pkgmeter.ReleaseVersions, d.Body)
		if got := catalog.ReleaseOf(d); got.Version != "1" || got.Recommended || got.Packages != 0 {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	body := []byte(`{"_id":"Ew6dnvztFt7pk4BSq","packageName":"iron:router","version":"1.0.0","description":"Routing specifically designed for Meteor","published":{"$date":1419604567187},"publishedBy":{"username":"cmather","id":"abc"},"exports":[`)
	for i := range 16 {
		body = fmt.Appendf(body, `{"name":"Symbol%d","architectures":["os","web.browser","web.cordova"]},`, i)
	}
	body = append(bytes.TrimSuffix(body, []byte(",")), `],"dependencies":{`...)
	for i := range 8 {
		body = fmt.Appendf(body, `"package-%d":{"constraint":"1.0.%d","references":[{"arch":"os"},{"arch":"web.browser","weak":true}]},`, i, i)
	}
	body = append(bytes.TrimSuffix(body, []byte(",")), `},"lastUpdated":{"$date":1419604567187}}`...)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := catalog.Read(pkgmeter.Versions, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
