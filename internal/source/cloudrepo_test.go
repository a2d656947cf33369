package source_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// now is when everything is received.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func decode(body string) source.Decoded {
	return source.CloudRepo("cloudrepo", []byte(body), "", now)
}

// paths returns the events as path, or repository:path, joined by spaces.
func paths(d source.Decoded) string {
	var list []string
	for _, e := range d.Events {
		s := e.Path
		if e.Repository != "" {
			s = e.Repository + ":" + s
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

// one returns the only event of a body.
func one(t *testing.T, body string) pkgmeter.Event {
	t.Helper()
	d := decode(body)
	if len(d.Events) != 1 || len(d.Rejects) != 0 {
		t.Fatalf("%s: %d events, rejects %q", body, len(d.Events), d.Rejects)
	}
	return d.Events[0]
}

func corpus(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/cloudrepo/*")
	if err != nil || len(files) == 0 {
		tb.Fatal("no payloads", err)
	}
	var list []string
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, string(b))
	}
	return list
}

func TestCloudRepoReadsWholePayloads(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 11, 58, 3, 0, time.UTC)
	event := func(repository, path string) pkgmeter.Event {
		return pkgmeter.Event{Source: "cloudrepo", Repository: repository, Path: path, Time: now, Status: 200}
	}
	with := func(e pkgmeter.Event, change func(*pkgmeter.Event)) pkgmeter.Event {
		change(&e)
		return e
	}
	tests := map[string]struct {
		want    []pkgmeter.Event
		rejects []string // their bodies
	}{
		"usual.json": {want: []pkgmeter.Event{with(event("releases", "com/acme/app/1.0/app-1.0.jar"), func(e *pkgmeter.Event) {
			e.ID, e.Time = "7c9e6679-7425-40de-944b-e07fc1f90ae7", at
		})}},
		"oldest.json":     {want: []pkgmeter.Event{event("releases", "app-1.0.jar")}},
		"both-names.json": {want: []pkgmeter.Event{event("releases", "com/acme/app/1.0/app-1.0.pom")}},
		"nested.json": {want: []pkgmeter.Event{with(event("snapshots", "/acme/1.0/acme-1.0-py3-none-any.whl"), func(e *pkgmeter.Event) {
			e.ID, e.Time, e.Bytes, e.Agent = "e-1", at.Add(123*time.Millisecond), 20480, "pip/25.0"
		})}},
		"url.json": {want: []pkgmeter.Event{event("", "/repositories/releases/com/acme/app/1.0/app-1.0.war")}},
		"array.json": {
			want: []pkgmeter.Event{
				with(event("", "a-1.0.jar"), func(e *pkgmeter.Event) { e.ID = "1" }),
				with(event("", "b-1.0.jar"), func(e *pkgmeter.Event) { e.ID = "2" }),
			},
			rejects: []string{`{"filename":null,"user":"***"}`, `"c-1.0.jar"`},
		},
		"lines.ndjson": {
			want:    []pkgmeter.Event{event("r1", "a-1.0.jar"), event("r3", "c-1.0.jar")},
			rejects: []string{`{"file_name":"b-1.0.jar",`},
		},
		"wrapped.json": {want: []pkgmeter.Event{
			with(event("releases", "a.jar"), func(e *pkgmeter.Event) { e.ID, e.Time = "1", at }),
			with(event("other", "b.jar"), func(e *pkgmeter.Event) { e.Op, e.Time = pkgmeter.Upload, at }),
		}},
		"payload.form": {want: []pkgmeter.Event{event("releases", "lib+x-1.0.jar")}},
		"plain.form":   {want: []pkgmeter.Event{event("r", "com/acme/a.jar")}},
		"packed.json":  {want: []pkgmeter.Event{with(event("r", "a.jar"), func(e *pkgmeter.Event) { e.ID = "in" })}},
		"cut.json":     {rejects: []string{`{"file-name":"com/acme/app/1.0/app-1.0.jar","repository-id":"releases","user-id":"***`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(filepath.Join("testdata/cloudrepo", name))
			if err != nil {
				t.Fatal(err)
			}
			d := source.CloudRepo("cloudrepo", body, "", now)
			if len(d.Events) != len(tt.want) || len(d.Rejects) != len(tt.rejects) {
				t.Fatalf("got events %+v, rejects %q", d.Events, d.Rejects)
			}
			for i, want := range tt.want {
				if d.Events[i] != want {
					t.Errorf("event %d is\n%+v, want\n%+v", i, d.Events[i], want)
				}
			}
			for i, want := range tt.rejects {
				if got := d.Rejects[i]; string(got.Body) != want || got.Source != "cloudrepo" || got.Kind != "callback" || got.Reason == "" {
					t.Errorf("reject %d is %+v (%s), want %s", i, got, got.Body, want)
				}
			}
		})
	}
	if got := len(corpus(t)); got != len(tests) {
		t.Errorf("%d payloads in testdata, %d tested", got, len(tests))
	}
}

// TestOldFaultsAreMended has one case for each fault of the old program that
// this package mends.
func TestOldFaultsAreMended(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body, want string
		rejects    int
	}{
		"a payload with only file-name is read":                       {`{"file-name":"a-1.0.jar","repository-id":"r"}`, "r:a-1.0.jar", 0},
		"a payload with only filename is read":                        {`{"filename":"a-1.0.jar","repository-id":"r"}`, "r:a-1.0.jar", 0},
		"a payload with both names is one event":                      {`{"file-name":"a-1.0.jar","filename":"a-1.0.jar","repository-id":"r"}`, "r:a-1.0.jar", 0},
		"a payload without a repository is read":                      {`{"file-name":"a-1.0.jar"}`, "a-1.0.jar", 0},
		"a wheel is not lost":                                         {`{"file-name":"acme-1.0-py3-none-any.whl"}`, "acme-1.0-py3-none-any.whl", 0},
		"an sdist is not lost":                                        {`{"file-name":"acme-1.0.tar.gz"}`, "acme-1.0.tar.gz", 0},
		"a file of no known type is not lost":                         {`{"file-name":"maven-metadata.xml"}`, "maven-metadata.xml", 0},
		"a file named like a checksum is not touched":                 {`{"file-name":"shadow-md5-pom.jar"}`, "shadow-md5-pom.jar", 0},
		"a null name is refused, not counted under null":              {`{"file-name":null,"repository-id":"r"}`, "", 1},
		"a null name beside a good one is passed over":                {`{"file-name":null,"filename":"a.jar"}`, "a.jar", 0},
		"a null repository is none, not one called null":              {`{"file-name":"a.jar","repository-id":null}`, "a.jar", 0},
		"a number as name counts as its text":                         {`{"file-name":1e400,"repository-id":7}`, "7:1e400", 0},
		"a boolean name is refused":                                   {`{"file-name":true}`, "", 1},
		"bad JSON is a reject with a reason, not a server error":      {`{"file-name":"a.jar"`, "", 1},
		"an empty body is a reject with a reason, not a server error": {``, "", 1},
		"an array is read, not a server error":                        {`[{"file-name":"a.jar"}]`, "a.jar", 0},
		"a form is read, not a server error":                          {`file-name=a.jar&repository-id=r`, "r:a.jar", 0},
		"a name with quotes and a trailing backslash stays as it is":  {`{"file-name":"it's\\"}`, `it's\`, 0},
		"a missing file name is a reject, not a server error":         {`{"repository-id":"r"}`, "", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decode(tt.body)
			if got := paths(d); got != tt.want || len(d.Rejects) != tt.rejects {
				t.Errorf("%s: got %q and rejects %q", tt.body, got, d.Rejects)
			}
		})
	}
}

func TestAnUploadOrADeletionIsNotADownload(t *testing.T) {
	t.Parallel()
	tests := map[pkgmeter.Op][]string{
		pkgmeter.Upload: {"upload", "FILE_UPLOADED", "artifact.deployed", "PutObject", "push", "created", "create", "Published", "upload-download", "pushed.read"},
		pkgmeter.Delete: {"delete", "file-deleted", "REMOVED", "deletion-delete", "deployment-removed", "download_deleted"},
		pkgmeter.Get:    {"download", "DOWNLOADED", "s3:ObjectAccessed:GetObject", "pull", "fetch", "read", "cached", "", " ", "日本"},
	}
	for want, words := range tests {
		for _, word := range words {
			for _, key := range []string{"event-type", "event", "action", "type", "trigger", "operation"} {
				if e := one(t, fmt.Sprintf(`{"file-name":"a","%s":%q}`, key, word)); e.Op != want {
					t.Errorf("%s %q is %v, want %v", key, word, e.Op, want)
				}
			}
		}
	}
	for body, want := range map[string]pkgmeter.Op{
		`{"file-name":"a","event-type":"file","action":"upload"}`:              pkgmeter.Upload,
		`{"file-name":"a","event-type":7,"event":null,"type":"delete"}`:        pkgmeter.Delete,
		`{"file-name":"a","action":"download","data":{"event-type":"upload"}}`: pkgmeter.Upload,
		`{"file-name":"a","type":"maven","file":{"type":"upload"}}`:            pkgmeter.Upload,
		`{"file-name":"a","event":{"type":"delete"}}`:                          pkgmeter.Delete,
		`{"file-name":"a","event":{"type":"delete"},"action":"download"}`:      pkgmeter.Get, // action ranks before type
		`{"file-name":"a","repository":{"type":"upload"}}`:                     pkgmeter.Get,
		`{"file-name":"a","user":{"type":"upload"}}`:                           pkgmeter.Get,
		`{"file-name":"a"}`: pkgmeter.Get,
	} {
		if e := one(t, body); e.Op != want {
			t.Errorf("%s is %v, want %v", body, e.Op, want)
		}
	}
}

func TestWhichFileAnItemNames(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // body → what paths returns; "" is a reject
		`{"fileName":"a"}`: "a", `{"FILE_NAME":"a"}`: "a", `{"file.name":"a"}`: "a", `{"file name":"a"}`: "a", `{"f-i-l-e__n.a.m.e":"a"}`: "a", `{"\u0066ile":"a"}`: "a",
		`{"file":"a"}`: "a", `{"name":"a"}`: "a", `{"artifact":"a"}`: "a", `{"filenames":"a"}`: "", `{"фile":"a"}`: "",
		`{"file-path":"x/a"}`: "x/a", `{"path":"x/a"}`: "x/a", `{"full-path":"x/a"}`: "x/a", `{"key":"x/a"}`: "x/a", `{"object-key":"x/a"}`: "x/a", `{"uri":"x/a"}`: "x/a",
		// Paths before names, then the order of keys, levels, document.
		`{"file-name":"n","path":"p"}`: "p", `{"download-url":"d","url":"u","path":"p"}`: "p", `{"name":"n","file":"f"}`: "f",
		`{"file-name":"top","data":{"file-name":"in"}}`: "top", `{"data":{"file-name":"in"},"file-name":"top"}`: "top",
		`{"file-name":"top","data":{"path":"in"}}`:                                      "in",
		`{"payload":{"name":"6"},"artifact":{"name":"4"},"data":{"name":"2"}}`:          "2",
		`{"artifact":{"name":"4"},"file":{"name":"3"},"event":{"name":"1"}}`:            "1",
		`{"data":{"x":1},"data":{"name":"second"}}`:                                     "second",
		`{"file-name":"first","fileName":"second"}`:                                     "first",
		`{"file-name":"first","file-name":"second"}`:                                    "first",
		`{"file-name":" ","file-name":"second"}`:                                        "second",
		`{"data":{"data":{"file-name":"too deep"}}}`:                                    "",
		`{"other":{"file-name":"elsewhere"}}`:                                           "",
		`{"repository":{"name":"releases"},"file-name":"a.jar"}`:                        "releases:a.jar",
		`{"repository":{"name":"releases","path":"r/","file-name":"x"},"file":"a.jar"}`: "releases:a.jar",
		`{"repository":{"name":"releases","key":"k","url":"https://h/r"}}`:              "",
		`{"repository":{"file-name":"a.jar"}}`:                                          "a.jar",
		`{"repository":{"name":"releases","file-path":"x/a.jar","file":"b"}}`:           "releases:x/a.jar",
		`{"repository":{"file-name":"x"},"data":{"artifact":"a.jar"}}`:                  "a.jar",
		`{"repository":{"name":"releases","artifact":"x","path":"y"}}`:                  "",
		// What is no name.
		`{"file-name":""}`: "", `{"file-name":" \t\u00a0"}`: "", `{"file-name":false}`: "", `{"file-name":["a"]}`: "", `{"file-name":{"x":"a"}}`: "",
		`{"file":{"name":"a"}}`: "a", `{"artifact":{"path":"x/a"}}`: "x/a", `{"file":["a"]}`: "", `{"file-name":-0.50}`: "-0.50", `{"path":5}`: "5",
		`{"file-name":"a\u0000b"}`: "", `{"file-name":" a "}`: " a ", `{"file-name":"\ud83d\ude00"}`: "😀",
		// URLs and queries.
		`{"url":"https://h/x/a.jar?q=1#f"}`: "/x/a.jar", `{"url":"https://h?x=/y","name":"n"}`: "n", `{"url":"HTTP://h:8080/a%20b"}`: "/a%20b",
		`{"url":"https://h","name":"n"}`: "n", `{"url":"https://h/","name":"n"}`: "n", `{"url":"https://h/"}`: "", `{"url":"https://h//?x"}`: "",
		`{"url":"file:///x/a.jar"}`: "/x/a.jar", `{"url":"s3+x.y-z://b/a"}`: "/a", `{"name":"https://h/a.jar?x"}`: "/a.jar",
		`{"path":"/x/a.jar?q=1"}`: "/x/a.jar", `{"path":"/x/a#1.jar"}`: "/x/a#1.jar", `{"name":"a?b#c%20.jar"}`: "a?b#c%20.jar", `{"path":"x/a?b"}`: "x/a?b",
		`{"path":"//h/x?y"}`: "//h/x", `{"name":"://x/y"}`: "://x/y", `{"name":"1http://x/y"}`: "1http://x/y", `{"name":"a:b"}`: "a:b",
		// A folder and a name.
		`{"path":"com/acme/","name":"a.jar"}`: "com/acme/a.jar", `{"path":"com/acme/"}`: "com/acme/", `{"path":"com/acme","name":"a.jar"}`: "com/acme",
		`{"url":"https://h/x/?y","file-name":"a.jar"}`: "/x/a.jar", `{"path":"x/","name":"/a.jar"}`: "x/a.jar", `{"path":"/","name":"a.jar"}`: "a.jar", `{"path":"/"}`: "",
	}
	for body, want := range tests {
		d := decode(body)
		if got := paths(d); got != want || (want == "") != (len(d.Rejects) == 1) {
			t.Errorf("%s: got %q, want %q; rejects %q", body, got, want, d.Rejects)
		}
	}
}

func TestWhichRepositoryAnItemNames(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"repository-id":"r"`: "r", `"repository":"r"`: "r", `"repositoryName":"r"`: "r", `"repo":"r"`: "r", `"repo_name":"r"`: "r", `"repo-key":"r"`: "r", `"repo":12`: "12",
		`"repository":{"id":"i","name":"n"}`: "i", `"repository":{"name":"n","key":"k"}`: "n", `"repository":{"key":"k"}`: "k", `"repo":{"ID":4}`: "4",
		`"repository":{"id":null,"name":"n"}`: "n", `"repository":{"repository-id":"x","id":"i"}`: "x", `"repository":{}`: "", `"repository":[]`: "", `"repo":true`: "", `"repo":" "`: "",
		`"data":{"repository":{"name":"n"}}`: "n", `"data":{"repo":"d"},"repo":"t"`: "t", `"repo":"x","repository-id":"r"`: "r", `"id":"no","name":"no"`: "",
	} {
		if e := one(t, `{"file-name":"a",`+members+`}`); e.Repository != want {
			t.Errorf("%s: repository %q, want %q", members, e.Repository, want)
		}
	}
}

func TestWhichIDAnItemNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	sum := sha256.Sum256([]byte(long))
	for members, want := range map[string]string{
		`"event-id":"e"`: "e", `"deliveryId":"e"`: "e", `"message_id":"e"`: "e", `"uuid":"e"`: "e", `"id":"e"`: "e", `"event":{"id":"e"}`: "e", `"event":{"uuid":"e"}`: "e",
		`"data":{"event-id":"e"}`: "e", `"file":{"uuid":"e"}`: "e", `"id":17`: "17", `"id":1e3`: "1e3", `"id":"x","event-id":"e"`: "e", `"id":"t","event":{"id":"e"}`: "t",
		// Not the id of an event.
		`"data":{"id":"e"}`: "", `"file":{"id":"e"}`: "", `"artifact":{"id":"e"}`: "", `"payload":{"id":"e"}`: "", `"repository":{"id":"e"}`: "", `"repository":{"uuid":"e"}`: "",
		`"user":{"id":"e"}`: "", `"user-id":"e"`: "", `"request-id":"e"`: "", `"x-request-id":"e"`: "", `"file-id":"e"`: "",
		`"id":""`: "", `"id":"  "`: "", `"id":null`: "", `"id":false`: "", `"id":["e"]`: "", `"id":{"x":"e"}`: "",
		`"id":"` + long + `"`:     "sha256:" + hex.EncodeToString(sum[:]),
		`"id":"` + long[1:] + `"`: long[1:],
	} {
		e := one(t, `{"file-name":"a",`+members+`}`)
		if e.ID != want {
			t.Errorf("%s: id %q, want %q", members, e.ID, want)
		}
	}
}

func TestTheIDOfADeliveryIsForASingleEventWithoutOne(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"one event":                    {`{"file":"a"}`, "header"},
		"an array of one":              {`[{"file":"a"}]`, "header"},
		"a form":                       {`file=a`, "header"},
		"one that names its own":       {`{"file":"a","id":"own"}`, "own"},
		"two in an array":              {`[{"file":"a"},{"file":"b"}]`, " "},
		"two lines":                    {"{\"file\":\"a\"}\n{\"file\":\"b\"}", " "},
		"one beside an unreadable one": {`[{"file":"a"},5]`, ""},
		"one around it has an id":      {`{"id":"batch","events":[{"file":"a"}]}`, "header"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			for _, e := range source.CloudRepo("cloudrepo", []byte(tt.body), "header", now).Events {
				ids = append(ids, e.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("ids %q, want %q", got, tt.want)
			}
		})
	}
	for id, want := range map[string]int{"": 0, " ": 0, strings.Repeat("x", 300): 71, "\xff": 71, strings.Repeat("x", 255): 255} {
		if d := source.CloudRepo("cloudrepo", []byte(`{"file":"a"}`), id, now); len(d.Events) != 1 || len(d.Events[0].ID) != want {
			t.Errorf("id %.10q is stored as %+v", id, d.Events)
		}
	}
}

func TestTimesOfEveryForm(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	ms, us := at.Add(789*time.Millisecond), at.Add(789012*time.Microsecond)
	for value, want := range map[string]time.Time{
		`"2026-02-03T04:05:06Z"`: at, `"2026-02-03T06:05:06+02:00"`: at, `"2026-02-03t04:05:06z"`: at, `"2026-02-03T04:05:06.789Z"`: ms, `"2026-02-03T06:05:06.789+0200"`: ms,
		`"2026-02-03T06:05:06+02"`: at, `"2026-02-03 04:05:06"`: at, `"2026-02-03T04:05:06"`: at, `"2026-02-03 04:05:06.789Z"`: ms, `"2026-02-03 04:05:06 +0000"`: at,
		`"2026-02-03 04:05:06 UTC"`: at, `" 2026-02-03T04:05:06Z "`: at, `"2026-02-03T04:05:06,789Z"`: ms,
		`"2026-02-03"`: at.Truncate(24 * time.Hour), `"2026-02-03T04:05Z"`: at.Truncate(time.Minute), `"2026-02-03 04:05"`: at.Truncate(time.Minute),
		`"Tue, 03 Feb 2026 04:05:06 GMT"`: at, `"Tuesday, 03-Feb-26 04:05:06 GMT"`: at, `"Tue Feb  3 04:05:06 2026"`: at,
		`1770091506`: at, `"1770091506"`: at, `1770091506.789`: ms, `"1770091506.789012"`: us, `1770091506789`: ms, `1770091506789.0`: ms,
		`1770091506789012`: us, `1770091506789012000`: us, `"1770091506789012345"`: us.Add(345), `1.770091506e9`: at, `1.770091506789e12`: ms,
		`950000000000000000`: time.Unix(950000000, 0),
		// What is no time is passed over, and no time is the time of receipt.
		`null`: now, `""`: now, `"yesterday"`: now, `true`: now, `{"x":1}`: now, `1e400`: now, `"1e300"`: now, `"0x10"`: now, `"inf"`: now, `"NaN"`: now, `"2026-13-01"`: now, `"-"`: now, `"e"`: now,
		`"0001-01-01T00:00:00Z"`: now, `"` + strings.Repeat("1", 300) + `"`: now, `99999999999999999999`: now,
	} {
		if e := one(t, `{"file":"a","timestamp":`+value+`}`); !e.Time.Equal(want) || e.Time.Location() != time.UTC {
			t.Errorf("%s is %v, want %v", value, e.Time, want)
		}
	}
	for members, want := range map[string]time.Time{
		`"date":"2026-02-03T04:05:06Z"`: at, `"event-time":1770091506`: at, `"occurredAt":1770091506`: at, `"created_at":1770091506`: at, `"time":1770091506`: at,
		`"timestamp":"never","date":1770091506`: at, `"time":1,"timestamp":1770091506`: at, `"event":{"time":1770091506}`: at, `"repository":{"created-at":1}`: now,
	} {
		if e := one(t, `{"file":"a",`+members+`}`); !e.Time.Equal(want) {
			t.Errorf("%s is %v, want %v", members, e.Time, want)
		}
	}
}

func TestTimesThatCannotBe(t *testing.T) {
	t.Parallel()
	e := one(t, `{"file":"a","time":"2026-03-02T11:59:59Z"}`)
	if !e.Time.Equal(now) || e.Flags&pkgmeter.Clamped == 0 {
		t.Errorf("less than a day ahead gives %+v, want the time of receipt and a flag", e)
	}
	for _, value := range []string{`"2026-03-02T12:00:01Z"`, `"1999-12-31T23:59:59Z"`, `0`, `-1`, `-5e10`, `99999999999`, `"9999-12-31"`, `9223372036854775807`, `-9223372036854775808`} {
		d := decode(`{"file":"a","time":` + value + `}`)
		if len(d.Events) != 0 || len(d.Rejects) != 1 || !strings.HasPrefix(d.Rejects[0].Reason, "time ") {
			t.Errorf("%s gives %+v, %q", value, d.Events, d.Rejects)
		}
	}
	// Milliseconds reach as far as seconds do: this is a year far ahead, not 1971.
	if d := decode(`{"file":"a","time":50000000000000}`); len(d.Rejects) != 1 || !strings.HasSuffix(d.Rejects[0].Reason, "in the future") {
		t.Errorf("5e13 gives %+v, %q", d.Events, d.Rejects)
	}
}

func TestSizesAndAgents(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]int64{
		`"size":5`: 5, `"file-size":"5"`: 5, `"bytes":0`: 0, `"Content-Length":5`: 5, `"length":5`: 5, `"size":-1`: 0, `"size":1.5`: 0, `"size":"x"`: 0, `"size":null`: 0, `"size":1e3`: 0,
		`"size":1099511627776`: 1 << 40, `"size":1099511627777`: 0, `"size":9223372036854775808`: 0, `"size":"?","length":5`: 5, `"file":{"size":5}`: 5, `"size":[5]`: 0,
	} {
		if e := one(t, `{"file-name":"a",`+members+`}`); e.Bytes != want {
			t.Errorf("%s: %d bytes, want %d", members, e.Bytes, want)
		}
	}
	long := strings.Repeat("x", 600)
	if e := one(t, `{"file":"a","User-Agent":"`+long+`"}`); e.Agent != long[:512] {
		t.Errorf("the agent is %q", e.Agent)
	}
	e := one(t, `{"file":"a","user-id":"ada","ip":"192.0.2.1","email":"ada@example.com","actor":{"name":"ada"}}`)
	if e != (pkgmeter.Event{Source: "cloudrepo", Path: "a", Time: now, Status: 200}) {
		t.Errorf("something about the user is kept: %+v", e)
	}
}

func TestBodiesOfEveryForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body, want string
		rejects    int
	}{
		"BOM":                           {"\ufeff{\"file\":\"a\"}", "a", 0},
		"BOM and an array":              {"\ufeff \n[{\"file\":\"a\"}]", "a", 0},
		"white space around":            {"\r\n\t {\"file\":\"a\"}\n\n", "a", 0},
		"array":                         {`[{"file":"a"},{"file":"b"}]`, "a b", 0},
		"array of texts":                {`["a","b"]`, "", 2},
		"array of numbers":              {`[1,2,3]`, "", 3},
		"array of arrays":               {`[[{"file":"a"}]]`, "", 1},
		"array, some good":              {`[null,{"file":"a"},{}]`, "a", 2},
		"lines":                         {"{\"file\":\"a\"}\r\n{\"file\":\"b\"}\n", "a b", 0},
		"objects on one line":           {`{"file":"a"} {"file":"b"}`, "a b", 0},
		"objects over many lines":       {"{\n\"file\":\n\"a\"}\n{\n\"file\":\"b\"\n}", "a b", 0},
		"lines, a bad one first":        {"junk\n{\"file\":\"b\"}", "b", 1},
		"lines, a bad one last":         {"{\"file\":\"a\"}\n{\"file\":", "a", 1},
		"lines, several bad ones":       {"x\n{\"file\":\"a\"}\n{\"file\":\n\"b\"}\n{\"file\":\"c\"}", "a c", 3},
		"lines of other things":         {"5\n{\"file\":\"a\"}\n\"x\"\nnull", "a", 3},
		"lines of arrays":               {"[{\"file\":\"a\"}]\n[{\"file\":\"b\"}]", "a b", 0},
		"objects without a space":       {`{"file":"a"}{"file":"b"}`, "", 1},
		"an object and junk":            {`{"file":"a"}x`, "", 1},
		"a damaged object is one":       {"{\n\"file\": \"a\",\n\"size\":\n}\n", "", 1},
		"a list cut short is one":       {"[{\"file\":\"a\"},\n{\"file\":\"b\"},\n{\"file\":\"c\"}\n", "", 1},
		"events":                        {`{"events":[{"file":"a"},{"file":"b"}]}`, "a b", 0},
		"records":                       {`{"Records":[{"key":"a"}]}`, "a", 0},
		"data":                          {`{"data":[{"file":"a"}]}`, "a", 0},
		"payload":                       {`{"payload":[{"file":"a"}]}`, "a", 0},
		"list of texts":                 {`{"events":["a","b"]}`, "", 2},
		"list, some bad":                {`{"events":[5,{"file":"a"},{"x":1}]}`, "a", 2},
		"one event, no list":            {`{"events":{"file-name":"a.jar"}}`, "a.jar", 0},
		"one record, no list":           {`{"repo":"r","Records":{"file":{"key":"a"}}}`, "r:a", 0},
		"one event beside a file":       {`{"file":"a","events":{"file":"b"}}`, "a", 0},
		"one event of no file":          {`{"events":{"x":1}}`, "", 1},
		"one event in an event":         {`{"events":{"events":{"file":"a"}}}`, "", 1},
		"two that are none and one":     {`{"events":{"x":1},"records":{"file":"a"}}`, "a", 0},
		"two that are one each":         {`{"id":"7","events":{"file":"a"},"records":{"file":"b"}}`, "a", 0},
		"one event, and a repository's": {`{"repository":{"file-name":"x"},"events":{"file":"b"}}`, "b", 0},
		"a text, and a repository's":    {`{"repository":{"file-name":"x"},"payload":"{\"file\":\"b\"}"}`, "b", 0},
		"an empty list":                 {`{"events":[]}`, "", 1},
		"lists in array":                {`[{"events":[{"file":"a"}]},{"events":[{"file":"b"}]}]`, "a b", 0},
		"a list in a list":              {`{"events":[{"events":[{"file":"a"}]}]}`, "", 1},
		"two lists":                     {`{"events":[{"file":"a"}],"records":["x"],"data":[{"file":"b"}]}`, "a b", 0},
		"an item beside a list":         {`{"file":"a","events":["download"],"data":[]}`, "a", 0},
		"a named list":                  {`{"name":"batch","events":[{"file":"a"}]}`, "a", 0},
		"what holds for all":            {`{"repo":"r","events":[{"file":"a"},{"file":"b","repo":"s"}]}`, "r:a s:b", 0},
		"repository object for all":     {`{"repository":{"name":"r"},"events":[{"file":"a"}]}`, "r:a", 0},
		"packed object":                 {`{"payload":" {\"file\":\"a\"}"}`, "a", 0},
		"packed array":                  {`{"repo":"r","payload":"[{\"file\":\"a\"},{\"file\":\"b\"},1]"}`, "r:a r:b", 1},
		"packed list":                   {`{"payload":"{\"events\":[{\"file\":\"a\"}]}"}`, "a", 0},
		"packed twice":                  {`{"payload":"{\"payload\":\"{\\\"file\\\":\\\"a\\\"}\"}"}`, "", 1},
		"packed and damaged":            {`{"payload":"{\"file\":\"a\""}`, "", 1},
		"packed text":                   {`{"payload":"hello"}`, "", 1},
		"an item beside packed text":    {`{"file":"a","payload":"{\"file\":\"b\"}"}`, "a", 0},
		"form with payload":             {`payload=%7B%22file%22%3A%22a%22%7D`, "a", 0},
		"form with payload last":        {`a=b&repo=r&payload={"file":"a+b"}`, "r:a b", 0},
		"form with an array":            {`payload=[{"file":"a"},{"file":"b"}]`, "a b", 0},
		"plain form":                    {`file-name=x%2Fa.jar&repository-id=r`, "r:x/a.jar", 0},
		"plain form, coded key":         {"file%2Dname=a+b&x\n", "a b", 0},
		"plain form, stray percent":     {`file=100%.jar`, "100%.jar", 0},
		"form, invalid UTF-8":           {`file=%ff`, "", 1},
		"form, NUL":                     {`file=a%00`, "", 1},
		"form without a file":           {`a=b`, "", 1},
		"empty":                         {"", "", 1},
		"white space only":              {" \r\n\t", "", 1},
		"BOM only":                      {"\ufeff", "", 1},
		"text":                          {"hello, world", "", 1},
		"path too long":                 {`{"file":"` + strings.Repeat("a", 1025) + `"}`, "", 1},
		"path just not too long":        {`{"file":"` + strings.Repeat("a", 1024) + `"}`, strings.Repeat("a", 1024), 0},
		"repository too long":           {`{"file":"a","repo":"` + strings.Repeat("a", 256) + `"}`, "", 1},
		"64 levels":                     {`{"file":"a","x":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, "a", 0},
		"65 levels":                     {`{"file":"a","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "", 1},
		"a line with invalid UTF-8":     {"{\"file\":\"a\"}\n{\"file\":\"\xff\"}\n{\"file\":\"c\"}", "a c", 1},
		"an escape that is half a rune": {`{"file":"a\ud800"}`, "a\uFFFD", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decode(tt.body)
			if got := paths(d); got != tt.want || len(d.Rejects) != tt.rejects {
				t.Errorf("%s: got %q and rejects %q", tt.body, got, d.Rejects)
			}
			checkContract(t, []byte(tt.body))
		})
	}
}

func TestReasonsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	wide := func(order binary.AppendByteOrder, s string) (b string) {
		var out []byte
		for _, u := range utf16.Encode([]rune(s)) {
			out = order.AppendUint16(out, u)
		}
		return string(out)
	}
	for body, want := range map[string]string{
		``:                     "the body is empty",
		"\n":                   "the body is empty",
		`[]`:                   "the array is empty",
		`{}`:                   "the object is empty: no file is named",
		`{"a":1}`:              "no file is named",
		`null`:                 "want an object, got null",
		`5`:                    "want an object, got a number",
		`"x"`:                  "want an object, got a string",
		`false`:                "want an object, got a boolean",
		`[[]]`:                 "want an object, got an array",
		`{"file":"a"`:          "unterminated JSON: it ends at offset 11 where a comma or a closing bracket should be",
		`{"file":"a`:           "unterminated JSON: it ends at offset 10 inside a string",
		`{"file":"a",}`:        `not JSON: '}' at offset 12 where a member name should be`,
		"\ufeff{x}":            `not JSON: 'x' at offset 4 where a member name should be`,
		"{\"file\":\"a\xff\"}": "invalid UTF-8 at offset 10",
		"\xffabc":              "invalid UTF-8 at offset 0",
		"{\"file\":\"a\x00\"}": "NUL byte at offset 10",
		"\x00":                 "NUL byte at offset 0",
		`{"file":"\x"}`:        "not JSON: bad escape at offset 9",
		"{\"file\":\"a\nb\"}":  `not JSON: '\n' at offset 10 inside a string`,
		`{"file":"a\u0000"}`:   "a name, id or agent holds a NUL byte",
		`file=%ff`:             "invalid UTF-8 in a field of the form",
		wide(binary.LittleEndian, `{"file":"a"}`):                "the body is UTF-16 or UTF-32, want UTF-8",
		wide(binary.BigEndian, `{"file":"a"}`):                   "the body is UTF-16 or UTF-32, want UTF-8",
		wide(binary.LittleEndian, "\ufeff{\"file\":1}"):          "the body is UTF-16 or UTF-32, want UTF-8",
		strings.Repeat("[", 65):                                  "nested deeper than 64 levels at offset 64",
		`{"file":"` + strings.Repeat("x", 1025) + `"}`:           "path is longer than 1024 bytes",
		`{"file":"a","repo":"` + strings.Repeat("x", 256) + `"}`: "repository is longer than 255 bytes",
	} {
		d := decode(body)
		if len(d.Rejects) != 1 || d.Rejects[0].Reason != want {
			t.Errorf("%.40q: %q, want %q", body, d.Rejects, want)
		}
	}
}

func TestRejectsOfOneBodyAreBoundedAndLoseNothing(t *testing.T) {
	t.Parallel()
	d := decode("[" + strings.Repeat("7,", 129) + `{"file":"a"},8]`)
	if len(d.Events) != 1 || len(d.Rejects) != 100 {
		t.Fatalf("%d events and %d rejects", len(d.Events), len(d.Rejects))
	}
	last := d.Rejects[99]
	if got := bytes.Count(last.Body, []byte("\n")) + 1; got != 31 || !bytes.HasSuffix(last.Body, []byte("\n8")) {
		t.Errorf("the last reject holds %d items: %q", got, last.Body)
	}
	if want := "want an object, got a number; 30 more items could not be read"; last.Reason != want {
		t.Errorf("its reason is %q, want %q", last.Reason, want)
	}
}

func TestEventsKeepNothingOfTheBody(t *testing.T) {
	t.Parallel()
	body := []byte(usual)
	d := source.CloudRepo("cloudrepo", body, "", now)
	before := fmt.Sprintf("%+v", d)
	for i := range body {
		body[i] = 'x'
	}
	if after := fmt.Sprintf("%+v", d); after != before {
		t.Errorf("the body was reused and the event became %s", after)
	}
}
