package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// shown spells what an event says beside what every one does.
func shown(e pkgmeter.Event) string {
	var parts []string
	add := func(name string, value any, usual any) {
		if value != usual {
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		}
	}
	add("id", e.ID, "")
	add("op", e.Op, pkgmeter.Get)
	add("repository", e.Repository, "")
	add("path", e.Path, "")
	add("hint", e.Hint, "")
	add("agent", e.Agent, "")
	add("consumer", e.Consumer, "")
	add("time", e.Time.Format("2006-01-02T15:04:05.999999999Z07:00"), now.Format(time.RFC3339))
	add("status", e.Status, 200)
	add("bytes", e.Bytes, int64(0))
	add("flags", e.Flags, pkgmeter.Flags(0))
	return strings.Join(parts, " ")
}

// lines are what single events say, or, after a !, a part of why they are none.
var lines = map[string]string{
	// what is required
	`{"path":"a.jar"}`:                             `path=a.jar`,
	` { "path" : "a.jar" } `:                       `path=a.jar`,
	"\t{\"path\":\r\"a.jar\"}\r":                   `path=a.jar`,
	`{"package":"pkg:npm/left-pad"}`:               `hint=pkg:npm/left-pad`,
	`{}`:                                           `!path or package is required`,
	`{"path":""}`:                                  `!path or package is required`,
	`{"path":"  "}`:                                `!path or package is required`,
	`{"path":null}`:                                `!path or package is required`,
	`{"path":"/"}`:                                 `!path or package is required`,
	`{"path":"https://host"}`:                      `!path or package is required`,
	`{"path":"https://host/?x=1"}`:                 `!path or package is required`,
	`{"package":""}`:                               `!path or package is required`,
	`{"path":"","package":""}`:                     `!path or package is required`,
	`{"repository":"r","version":"1"}`:             `!path or package is required`,
	`{"PATH":"a.jar"}`:                             `!path or package is required`,
	`{"path":5}`:                                   `!path: want a string, got a number`,
	`{"path":true}`:                                `!path: want a string, got a boolean`,
	`{"path":["a"]}`:                               `!path: want a string, got an array`,
	`{"path":{"a":1}}`:                             `!path: want a string, got an object`,
	`{"path":"","package":"pkg:npm/x"}`:            `hint=pkg:npm/x`,
	`{"path":"a.jar","package":null}`:              `path=a.jar`,
	`{"path":"` + strings.Repeat("x", 1024) + `"}`: `path=` + strings.Repeat("x", 1024),
	`{"path":"` + strings.Repeat("x", 1025) + `"}`: `!path is longer than 1024 bytes`,

	// paths
	`{"path":"/com/acme/app.jar"}`:                  `path=/com/acme/app.jar`,
	`{"path":"/a.jar?x=1"}`:                         `path=/a.jar`,
	`{"path":"a.jar?x=1"}`:                          `path=a.jar?x=1`,
	`{"path":"https://user:pw@host:1/r/a.jar?q#f"}`: `path=/r/a.jar`,
	`{"path":"HTTP://host/a%20b"}`:                  `path=/a%20b`,
	`{"path":"://host/a"}`:                          `path=://host/a`,
	`{"path":"\u0061\"\\\/\b\f\n\r\t.jar"}`:         "path=a\"\\/\b\f\n\r\t.jar",
	`{"p\u0061th":"a.jar"}`:                         `path=a.jar`,
	`{"path":"` + "\u00fc\u4e16\U0001f600" + `"}`:   "path=\u00fc\u4e16\U0001f600",
	`{"path":"\u00fc\ud83d\ude00\\ud800"}`:          "path=\u00fc\U0001f600\\ud800",
	`{"path":"\ud83d"}`:                             `!path: holds half of a surrogate pair`,
	`{"path":"\ude00"}`:                             `!path: holds half of a surrogate pair`,
	`{"path":"\ud83dx"}`:                            `!path: holds half of a surrogate pair`,
	`{"path":"\ud83d\u0041"}`:                       `!path: holds half of a surrogate pair`,
	`{"path":"\ud83d\ude00\ude00"}`:                 `!path: holds half of a surrogate pair`,
	`{"path":"\ud83d\n1234"}`:                       `!path: holds half of a surrogate pair`,
	`{"path":"a\u0000b"}`:                           `!path: holds a NUL byte`,
	"{\"path\":\"a\x00b\"}":                         `!NUL byte`,
	"{\"path\":\"a\xffb\"}":                         `!invalid UTF-8`,
	"{\"path\":\"a\",\"x\":\"\xc3\"}":               `!invalid UTF-8`,
	"{\"path\":\"a\nb\"}":                           `!not JSON`,
	`{"path":"<script>alert(1)</script>"}`:          `path=<script>alert(1)</script>`,
	`{"path":"a","x":"\ud800\u0000"}`:               `path=a`, // nobody looks at it

	// packages
	`{"package":"pkg:npm/left-pad","version":"1.3.0"}`:                     `hint=pkg:npm/left-pad@1.3.0`,
	`{"package":"pkg:npm/left-pad@1.3.0"}`:                                 `hint=pkg:npm/left-pad@1.3.0`,
	`{"package":"pkg:npm/left-pad@1.3.0","version":"1.3.0"}`:               `hint=pkg:npm/left-pad@1.3.0`,
	`{"package":"pkg:npm/left-pad@1.3.0","version":""}`:                    `hint=pkg:npm/left-pad@1.3.0`,
	`{"package":"pkg:npm/left-pad@1.3.0","version":null}`:                  `hint=pkg:npm/left-pad@1.3.0`,
	`{"package":"pkg:npm/left-pad@1.3.0","version":"1.3.1"}`:               `!version: is "1.3.1", but package says "1.3.0"`,
	`{"package":"pkg:npm/left-pad","version":13}`:                          `!version: want a string, got a number`,
	`{"package":"PKG:PyPI/Foo_Bar","version":"1.0+local"}`:                 `hint=pkg:pypi/foo-bar@1.0%2Blocal`,
	`{"package":"pkg:npm/@acme/app","version":"1 b"}`:                      `hint=pkg:npm/%40acme/app@1%20b`,
	`{"package":"pkg:maven/com.acme/app","version":"1","path":"a.jar"}`:    `path=a.jar hint=pkg:maven/com.acme/app@1`,
	`{"package":"pkg:maven/com.acme/app","path":"/r/app-2.jar"}`:           `path=/r/app-2.jar hint=pkg:maven/com.acme/app`,
	`{"version":"2.0","path":"app-1.0.jar"}`:                               `path=app-1.0.jar`, // the path has its own
	`{"version":2,"path":"app-1.0.jar"}`:                                   `!version: want a string`,
	`{"package":"left-pad"}`:                                               `!package "left-pad" is not a purl`,
	`{"package":"pkg:npm"}`:                                                `!is not a purl`,
	`{"package":"pkg:npm/x?arch=y"}`:                                       `!has qualifiers`,
	`{"package":"pkg:npm/x#sub"}`:                                          `!has a subpath`,
	`{"package":7}`:                                                        `!package: want a string, got a number`,
	`{"package":"pkg:npm/x","version":"` + strings.Repeat("1", 255) + `"}`: `hint=pkg:npm/x@` + strings.Repeat("1", 255),
	`{"package":"pkg:npm/x","version":"` + strings.Repeat("1", 256) + `"}`: `!version: is longer than 255 bytes`,
	`{"package":"pkg:npm/` + strings.Repeat("x", 1017) + `"}`:              `!package is longer than 1024 bytes`,

	// ids
	`{"path":"a","id":"x"}`:                                     `id=x path=a`,
	`{"path":"a","id":""}`:                                      `!id: has 0 bytes, want 1 to 255`,
	`{"path":"a","id":" "}`:                                     `id=  path=a`,
	`{"path":"a","id":"` + strings.Repeat("i", 255) + `"}`:      `id=` + strings.Repeat("i", 255) + ` path=a`,
	`{"path":"a","id":"` + strings.Repeat("i", 256) + `"}`:      `!id: has 256 bytes`,
	`{"path":"a","id":"` + strings.Repeat("\u00fc", 128) + `"}`: `!id: has 256 bytes`,
	`{"path":"a","id":17}`:                                      `id=17 path=a`,
	`{"path":"a","id":0}`:                                       `id=0 path=a`,
	`{"path":"a","id":-17}`:                                     `id=-17 path=a`,
	`{"path":"a","id":12345678901234567890123}`:                 `id=12345678901234567890123 path=a`,
	`{"path":"a","id":` + strings.Repeat("9", 255) + `}`:        `id=` + strings.Repeat("9", 255) + ` path=a`,
	`{"path":"a","id":` + strings.Repeat("9", 256) + `}`:        `!id: has 256 bytes`,
	`{"path":"a","id":1.0}`:                                     `!id: want a string or an integer, got "1.0"`,
	`{"path":"a","id":1e3}`:                                     `!id: want a string or an integer, got "1e3"`,
	`{"path":"a","id":null}`:                                    `!id: want a string or an integer, got null`,
	`{"path":"a","id":true}`:                                    `!id: want a string or an integer, got a boolean`,
	`{"path":"a","id":["x"]}`:                                   `!id: want a string or an integer, got an array`,
	`{"path":"a","id":"\u0000"}`:                                `!id: holds a NUL byte`,
	`{"path":"a","id":"\ud800"}`:                                `!id: holds half of a surrogate pair`,
	`{"path":"a","ID":"x"}`:                                     `path=a`,

	// times
	`{"path":"a","time":"2026-02-28T23:59:59Z"}`:                 `path=a time=2026-02-28T23:59:59Z`,
	`{"path":"a","time":"2026-02-28T23:59:59.123456789Z"}`:       `path=a time=2026-02-28T23:59:59.123456789Z`,
	`{"path":"a","time":"2026-03-01T01:00:00+02:00"}`:            `path=a time=2026-02-28T23:00:00Z`,
	`{"path":"a","time":"2026-02-28t23:59:59z"}`:                 `path=a time=2026-02-28T23:59:59Z`,
	`{"path":"a","time":"2016-12-31T23:59:60Z"}`:                 `path=a time=2016-12-31T23:59:59Z`,
	`{"path":"a","time":"2016-12-31T18:59:60.5-05:00"}`:          `path=a time=2016-12-31T23:59:59.5Z`,
	`{"path":"a","time":"2016-12-31T12:00:60Z"}`:                 `!time: want RFC 3339`,
	`{"path":"a","time":"2026-03-01T13:00:00Z"}`:                 `path=a flags=1`,
	`{"path":"a","time":"2026-03-02T12:00:00Z"}`:                 `path=a flags=1`,
	`{"path":"a","time":"2026-03-02T12:00:01Z"}`:                 `!more than 24 hours in the future`,
	`{"path":"a","time":"2000-01-01T00:00:00Z"}`:                 `path=a time=2000-01-01T00:00:00Z`,
	`{"path":"a","time":"1999-12-31T23:59:59Z"}`:                 `!before 2000-01-01`,
	`{"path":"a","time":"0001-01-01T00:00:00Z"}`:                 `!time: 0001-01-01T00:00:00Z is before 2000-01-01`,
	`{"path":"a","time":"0001-01-01T01:00:00+01:00"}`:            `!before 2000-01-01`,
	`{"path":"a","time":""}`:                                     `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-28"}`:                           `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-28T23:59:59"}`:                  `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-28 23:59:59Z"}`:                 `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-30T23:59:59Z"}`:                 `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-28T5:59:59Z"}`:                  `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-28T23:59:59,5Z"}`:               `!time: want RFC 3339`,
	`{"path":"a","time":"2026-02-28T23:59:59+24:00"}`:            `!time: want RFC 3339`,
	`{"path":"a","time":"` + strings.Repeat("\u017f", 40) + `"}`: `!time: want RFC 3339`,
	`{"path":"a","time":1772280000}`:                             `!time: want a string, got a number`,
	`{"path":"a","time":null}`:                                   `!time: want a string, got null`,

	// bytes and status
	`{"path":"a","bytes":5}`:                     `path=a bytes=5`,
	`{"path":"a","bytes":0}`:                     `path=a`,
	`{"path":"a","bytes":-0}`:                    `path=a`,
	`{"path":"a","bytes":-1}`:                    `!bytes: is negative`,
	`{"path":"a","bytes":-99999999999999999999}`: `!bytes: is negative`,
	`{"path":"a","bytes":1099511627776}`:         `path=a bytes=1099511627776`,
	`{"path":"a","bytes":1099511627777}`:         `!bytes is more than 1099511627776`,
	`{"path":"a","bytes":99999999999999999999}`:  `!bytes is more than 1099511627776`,
	`{"path":"a","bytes":1.5}`:                   `!bytes: want an integer, got "1.5"`,
	`{"path":"a","bytes":1e3}`:                   `!bytes: want an integer, got "1e3"`,
	`{"path":"a","bytes":"5"}`:                   `!bytes: want an integer, got a string`,
	`{"path":"a","bytes":null}`:                  `!bytes: want an integer, got null`,
	`{"path":"a","bytes":{}}`:                    `!bytes: want an integer, got an object`,
	`{"path":"a","bytes":01}`:                    `!not JSON`,
	`{"path":"a","bytes":NaN}`:                   `!not JSON`,
	`{"path":"a","status":404}`:                  `path=a status=404`,
	`{"path":"a","status":206}`:                  `path=a status=206`,
	`{"path":"a","status":null}`:                 `path=a`,
	`{"path":"a","status":100}`:                  `path=a status=100`,
	`{"path":"a","status":999}`:                  `path=a status=999`,
	`{"path":"a","status":0}`:                    `!status: is "0", want 100 to 999`,
	`{"path":"a","status":99}`:                   `!status: is "99"`,
	`{"path":"a","status":1000}`:                 `!status: is "1000"`,
	`{"path":"a","status":-200}`:                 `!status: is "-200"`,
	`{"path":"a","status":"200"}`:                `!status: want an integer, got a string`,
	`{"path":"a","status":200.0}`:                `!status: want an integer, got "200.0"`,

	// what happened
	`{"path":"a","method":"GET"}`:                     `path=a`,
	`{"path":"a","method":"get"}`:                     `path=a`,
	`{"path":"a","method":""}`:                        `path=a`,
	`{"path":"a","method":null}`:                      `path=a`,
	`{"path":"a","method":"HEAD"}`:                    `op=head path=a`,
	`{"path":"a","method":"PUT"}`:                     `op=upload path=a`,
	`{"path":"a","method":"DELETE"}`:                  `op=delete path=a`,
	`{"path":"a","method":"POST"}`:                    `op=other path=a`,
	`{"path":"a","method":"PROPFIND"}`:                `op=other path=a`,
	`{"path":"a","method":1}`:                         `!method: want a string, got a number`,
	`{"path":"a","event":"download"}`:                 `path=a`,
	`{"path":"a","event":"upload"}`:                   `op=upload path=a`,
	`{"path":"a","event":"delete"}`:                   `op=delete path=a`,
	`{"path":"a","event":""}`:                         `path=a`,
	`{"path":"a","event":null}`:                       `path=a`,
	`{"path":"a","event":"Download"}`:                 `!event: want download, upload or delete, got "Download"`,
	`{"path":"a","event":"pull"}`:                     `!event: want download, upload or delete, got "pull"`,
	`{"path":"a","event":{"id":"x"}}`:                 `!event: want a string, got an object`,
	`{"path":"a","event":"download","method":"HEAD"}`: `op=head path=a`,
	`{"path":"a","event":"upload","method":"POST"}`:   `op=upload path=a`,
	`{"path":"a","event":"upload","method":"GET"}`:    `op=upload path=a`,
	`{"path":"a","event":"delete","method":"DELETE"}`: `op=delete path=a`,

	// repository, client, consumer
	`{"path":"a","repository":"releases"}`:                         `repository=releases path=a`,
	`{"path":"a","repository":""}`:                                 `path=a`,
	`{"path":"a","repository":" "}`:                                `path=a`,
	`{"path":"a","repository":{"id":"r"}}`:                         `!repository: want a string, got an object`,
	`{"path":"a","repository":"` + strings.Repeat("r", 255) + `"}`: `repository=` + strings.Repeat("r", 255) + ` path=a`,
	`{"path":"a","repository":"` + strings.Repeat("r", 256) + `"}`: `!repository is longer than 255 bytes`,
	`{"path":"a","client":"pip/24.0"}`:                             `path=a agent=pip/24.0`,
	`{"path":"a","client":null}`:                                   `path=a`,
	`{"path":"a","client":3}`:                                      `!client: want a string, got a number`,
	`{"path":"a","client":"` + strings.Repeat("c", 600) + `"}`:     `path=a agent=` + strings.Repeat("c", 512),
	`{"path":"a","consumer":"ann@example.com"}`:                    `path=a`,
	`{"path":"a","consumer":[1]}`:                                  `path=a`,

	// unknown and repeated members, depth
	`{"path":"a","x":null,"y":[1,{"path":"b"}],"z":{"path":"c"}}`: `path=a`,
	`{"path":"a","path":"b"}`:                                     `path=b`,
	`{"path":5,"path":"b"}`:                                       `path=b`,
	`{"path":"b","path":5}`:                                       `!path: want a string`,
	`{"path":"b","path":null}`:                                    `!path or package is required`,
	`{"id":"x","id":"y","path":"a"}`:                              `id=y path=a`,
	`{"":1,"path":"a"}`:                                           `path=a`,
	`{"path":"a","x":` + nested(63) + `}`:                         `path=a`,
	`{"path":"a","x":` + nested(64) + `}`:                         `!nested deeper than 64 levels`,

	// no objects, no JSON
	``:                         `!it ends`,
	`null`:                     `!want an object, got null`,
	`5`:                        `!want an object, got a number`,
	`"a"`:                      `!want an object, got a string`,
	`true`:                     `!want an object, got a boolean`,
	`[{"path":"a"}]`:           `!want an object, got an array`,
	`{"path":"a"}{"path":"b"}`: `!not JSON: '{' at offset 12 after the value`,
	`{"path":"a"} x`:           `!after the value`,
	`{"path":"a"`:              `!unterminated JSON`,
	`{"path":"a",}`:            `!where a member name should be`,
	`{,"path":"a"}`:            `!where a member name should be`,
	`{"path" "a"}`:             `!where a colon should be`,
	`{"path":"a" "id":"b"}`:    `!where a comma or a closing bracket should be`,
	`{"path":"a"]`:             `!where a comma or a closing bracket should be`,
	`{'path':'a'}`:             `!where a member name should be`,
	`{"path":"a\x"}`:           `!bad escape`,
	`{"path":"a\u12g4"}`:       `!bad escape`,
	`{"path":a}`:               `!where a value should be`,
	`{"path":"a","x":[1,]}`:    `!where a value should be`,
	`{"path":"a","x":[1 2]}`:   `!where a comma`,
	`{"path":"a","x":tru}`:     `!where a value should be`,
	`{"path":"a","x":-}`:       `!inside a number`,
	`hello`:                    `!where a value should be`,
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestEventLines(t *testing.T) {
	t.Parallel()
	for line, want := range lines {
		e, err := source.EventLine([]byte(line), "api:ann", now)
		if reason, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), reason) || shown(e) != shown(pkgmeter.Event{}) {
				t.Errorf("%.200q: %.200s, %v; want no event, and %q", line, shown(e), err, reason)
			}
			continue
		}
		if err != nil || shown(e) != want || e.Source != "api:ann" || e.Time.Location() != time.UTC {
			t.Errorf("%.200q: %.200s, %v; want %.200s", line, shown(e), err, want)
		}
	}
}

func TestAReasonIsOneShortSentence(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x\n", 5000)
	for _, line := range []string{
		`{"path":"a","event":` + string(source.Quote(long)) + `}`,
		`{"path":"a","time":` + string(source.Quote(long)) + `}`,
		`{"package":` + string(source.Quote(long)) + `}`,
		`{"package":"pkg:npm/x@1","version":` + string(source.Quote(long[:250])) + `}`,
		`{"path":"a","bytes":` + strings.Repeat("1.", 1) + strings.Repeat("1", 5000) + `}`,
		`{"path":"a","status":` + strings.Repeat("1", 5000) + `}`,
	} {
		if _, err := source.EventLine([]byte(line), "s", now); err == nil || len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%.100q: %.500q", line, err)
		}
	}
}

// bodies are what bodies say: the paths of their events and the places and
// reasons of what they refuse, or, after a !, the code and a part of the error.
var bodies = map[string]struct {
	body  string
	lines bool
	want  string
}{
	"an object":                     {`{"path":"a"}`, false, `a`},
	"white space around it":         {" \n{\"path\":\"a\"}\r\n\t", false, `a`},
	"a byte order mark":             {"\ufeff{\"path\":\"a\"}", false, `a`},
	"an array":                      {`[{"path":"a"},{"path":"b"}]`, false, `a b`},
	"an array with white space":     {" [ {\"path\":\"a\"} , \n {\"path\":\"b\"} ] ", false, `a b`},
	"an empty array":                {`[]`, false, ``},
	"an empty array with spaces":    {` [ ] `, false, ``},
	"a bad item between good ones":  {`[{"path":"a"},{"path":""},{"path":"b"},5,{"path":"c"}]`, false, `a b c 1:path or package 3:want an object, got a number`},
	"an array in an array":          {`[[{"path":"a"}]]`, false, `0:want an object, got an array`},
	"a bad object":                  {`{"path":""}`, false, `0:path or package`},
	"all bad":                       {`[1,null,"x",[],{}]`, false, `0:want 1:want 2:want 3:want 4:path`},
	"invalid UTF-8 in one item":     {"[{\"path\":\"a\"},{\"path\":\"\xff\"},{\"path\":\"b\"},{\"path\":\"c\xc3\"},{\"path\":\"d\"}]", false, `a b d 1:invalid UTF-8 3:invalid UTF-8`},
	"invalid UTF-8 in an unknown":   {"[{\"path\":\"a\",\"\xff\":1},{\"path\":\"b\"}]", false, `b 0:invalid UTF-8`},
	"invalid UTF-8 in an object":    {"{\"path\":\"\xff\"}", false, `0:invalid UTF-8`},
	"invalid UTF-8 and a good rune": {"[{\"path\":\"\xff\"},{\"path\":\"\u00fc\"}]", false, "\u00fc 0:invalid UTF-8"},
	"invalid UTF-8 and bad JSON":    {"[{\"path\":\"\xff\"},{\"path\":\"\xff\"]", false, `!invalid where a comma`},
	"invalid UTF-8 between items":   {"[{\"path\":\"a\"}\xff,{\"path\":\"b\"}]", false, `!invalid invalid UTF-8`},
	"nothing":                       {``, false, `!invalid the body is empty`},
	"white space":                   {" \n ", false, `!invalid the body is empty`},
	"a byte order mark alone":       {"\ufeff", false, `!invalid the body is empty`},
	"a number":                      {`5`, false, `!invalid want an object or an array`},
	"null":                          {`null`, false, `!invalid want an object or an array`},
	"text":                          {`hello`, false, `!invalid want an object or an array`},
	"an open object":                {`{"path":"a"`, false, `!invalid unterminated`},
	"an open array":                 {`[{"path":"a"},`, false, `!invalid unterminated`},
	"a comma too much":              {`[{"path":"a"},]`, false, `!invalid where a value`},
	"no comma":                      {`[{"path":"a"}{"path":"b"}]`, false, `!invalid where a comma`},
	"lines said to be an object":    {"{\"path\":\"a\"}\n{\"path\":\"b\"}", false, `!invalid application/x-ndjson`},
	"junk behind the array":         {`[] x`, false, `!invalid after the value`},
	"too deep":                      {`[{"path":"a"},` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `]`, false, `!invalid nested deeper`},
	"as deep as it goes":            {`[{"path":"a","x":` + nested(62) + `}]`, false, `a`},
	"very deep":                     {strings.Repeat("[", 100_000), false, `!invalid nested deeper`},
	"five":                          {`[1,2,3,4,5]`, false, `0:want 1:want 2:want 3:want 4:want`},
	"six, which is one too many":    {`[1,2,3,4,5,6]`, false, `!too_large more than 5 events`},
	"too many before bad JSON":      {`[1,2,3,4,5,6`, false, `!too_large more than 5 events`},

	"one line":                   {`{"path":"a"}`, true, `a`},
	"lines":                      {"{\"path\":\"a\"}\n{\"path\":\"b\"}\n", true, `a b`},
	"lines of Windows":           {"{\"path\":\"a\"}\r\n{\"path\":\"b\"}\r\n", true, `a b`},
	"a byte order mark of lines": {"\ufeff{\"path\":\"a\"}\n", true, `a`},
	"blank lines do not count":   {"\n\n{\"path\":\"a\"}\n \t\r\n5\n\n{\"path\":\"b\"}", true, `a b 1:want an object`},
	"a line that is no JSON":     {"{\"path\":\"a\"}\nx\n{\"path\":\"b\"}", true, `a b 1:not JSON`},
	"a line that is cut":         {"{\"path\":\"a\"}\n{\"path\":\n{\"path\":\"b\"}", true, `a b 1:unterminated`},
	"two objects on a line":      {"{\"path\":\"a\"}{\"path\":\"b\"}\n{\"path\":\"c\"}", true, `c 0:after the value`},
	"a line with an array":       {"[{\"path\":\"a\"}]\n{\"path\":\"c\"}", true, `c 0:want an object, got an array`},
	"a line of invalid UTF-8":    {"{\"path\":\"\xff\"}\n{\"path\":\"c\"}", true, `c 0:invalid UTF-8`},
	"a line that is too deep":    {nested(65) + "\n{\"path\":\"c\"}", true, `c 0:nested deeper`},
	"a NUL":                      {"\x00\n{\"path\":\"c\"}", true, `c 0:NUL`},
	"no line":                    {``, true, `!invalid the body is empty`},
	"blank lines alone":          {"\n \n\r\n", true, `!invalid the body is empty`},
	"an object over several":     {"{\n\"path\":\"a\"}", true, `0:unterminated 1:not JSON`},
	"five lines":                 {"1\n2\n3\n4\n5\n\n", true, `0:want 1:want 2:want 3:want 4:want`},
	"six lines":                  {"1\n2\n3\n4\n5\n6", true, `!too_large more than 5 events`},
}

func TestBodiesOfEvents(t *testing.T) {
	t.Parallel()
	for name, tt := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := source.Events([]byte(tt.body), tt.lines, "api:ann", now, 5, source.People{})
			if want, bad := strings.CutPrefix(tt.want, "!"); bad {
				code, text, _ := strings.Cut(want, " ")
				if err == nil || string(pkgmeter.CodeOf(err)) != code || !strings.Contains(pkgmeter.PublicMessage(err), text) || b.Events != nil || b.Refused != nil {
					t.Errorf("%+v, %v; want %s", b, err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Fields(tt.want); !fits(b, tt.want) {
				t.Errorf("%+v; want %q", b, want)
			}
		})
	}
}

// fits reports whether a batch is the one that bodies describe.
func fits(b source.Batch, want string) bool {
	var paths []string
	for _, e := range b.Events {
		paths = append(paths, e.Path)
	}
	rest, ok := strings.CutPrefix(want, strings.Join(paths, " "))
	for i, r := range b.Refused {
		var place string
		place, rest, ok = cutPlace(rest, ok)
		reason := rest
		if i+1 < len(b.Refused) {
			next := fmt.Sprintf(" %d:", b.Refused[i+1].Index)
			at := strings.Index(rest, next)
			if at < 0 {
				return false
			}
			reason, rest = rest[:at], rest[at:]
		} else {
			rest = ""
		}
		if !ok || place != fmt.Sprint(r.Index) || !strings.Contains(r.Error, reason) {
			return false
		}
	}
	return ok && rest == ""
}

func cutPlace(s string, before bool) (place, rest string, ok bool) {
	place, rest, ok = strings.Cut(strings.TrimSpace(s), ":")
	return place, rest, ok && before
}

func TestEventsHoldNoPartOfTheBody(t *testing.T) {
	t.Parallel()
	body := []byte(`[{"path":"a/b.jar","id":"x","repository":"r","client":"c","time":"2026-01-01T00:00:00Z"},{"package":"pkg:npm/x","version":"1"}]`)
	b, err := source.Events(body, false, "s", now, 5, source.People{})
	if err != nil {
		t.Fatal(err)
	}
	before := []string{shown(b.Events[0]), shown(b.Events[1])}
	for i := range body {
		body[i] = '#'
	}
	if after := []string{shown(b.Events[0]), shown(b.Events[1])}; !slices.Equal(before, after) {
		t.Errorf("%q became %q", before, after)
	}
}

func TestAReaderForgetsTheEventBefore(t *testing.T) {
	t.Parallel()
	r := source.EventReader{Source: "s", Received: now}
	full := `{"id":1,"time":"2026-01-01T00:00:00Z","repository":"r","path":"p","package":"pkg:npm/x","version":"1","bytes":1,"client":"c","method":"HEAD","status":404,"event":"upload"}`
	if _, err := r.Line([]byte(full)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Line([]byte(`{"path":5}`)); err == nil {
		t.Fatal("a number is taken for a path")
	}
	if e, err := r.Line([]byte(`{"path":"q"}`)); err != nil || shown(e) != "path=q" {
		t.Errorf("%s, %v", shown(e), err)
	}
}
