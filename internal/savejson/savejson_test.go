package savejson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/savejson"
)

func TestFilesOfEveryVersionAreRead(t *testing.T) {
	t.Parallel()
	counts := func(f *savejson.File) string {
		return fmt.Sprintf("all %d, downloads %v, repos %v, types %+v, users %v, display %v, extra %s, notes %q",
			f.All, f.Downloads, f.Repos, f.Types, f.Users, f.Display, f.Extra, f.Notes)
	}
	tests := map[string]struct{ text, want string }{
		"the first day": {
			`{"all": 3}`,
			"all 3, downloads map[], repos map[], types {Jar:0 Pom:0 Crypto:0 Other:0}, users [], display map[], extra map[], notes []",
		},
		"1.0.0": {
			`{"all": 3, "downloads": {"a.jar": 2, "b.pom": 1}, "repos": {"releases": 3}, "users": {"admin": "admin123"}}`,
			"all 3, downloads map[a.jar:2 b.pom:1], repos map[releases:3], types {Jar:0 Pom:0 Crypto:0 Other:0}, users [{admin admin123}], display map[], extra map[], notes []",
		},
		"September 2019, with jarfile and display": {
			`{"all": 3, "downloads": {}, "repos": {}, "users": {}, "types": {"jarfile": 1, "pom": 2, "crypto": 3, "other": 4}, "display": {"by-file-name": true, "by-repo-name": false, "by-file-type": true}}`,
			"all 3, downloads map[], repos map[], types {Jar:1 Pom:2 Crypto:3 Other:4}, users [], display map[by-file-name:true by-file-type:true by-repo-name:false], extra map[], notes []",
		},
		"2.0.0, with other added by hand": {
			`{"all": 9, "other": 4, "types": {"jar": 1, "jarfile": 5, "pom": 2, "crypto": 3, "other": 1, "war": 2}}`,
			"all 9, downloads map[], repos map[], types {Jar:6 Pom:2 Crypto:3 Other:7}, users [], display map[], extra map[], notes [\"types: \\\"war\\\" counts as other\"]",
		},
		"a mark, many lines, text behind": {
			"\ufeff{\n  \"all\": 1\n}\ntext {that is} \xff ignored",
			"all 1, downloads map[], repos map[], types {Jar:0 Pom:0 Crypto:0 Other:0}, users [], display map[], extra map[], notes []",
		},
		"repeated names": {
			`{"all": 3, "downloads": {"null": 1, "a": 1, "null": 1, "null": 1}, "repos": {"null": 1, "null": 1}}`,
			"all 3, downloads map[a:1 null:3], repos map[null:2], types {Jar:0 Pom:0 Crypto:0 Other:0}, users [], display map[], extra map[], notes [\"downloads: \\\"null\\\" stands there more than once\" \"downloads: \\\"null\\\" stands there more than once\" \"repos: \\\"null\\\" stands there more than once\"]",
		},
		"members of one's own": {
			`{"all": 3, "note": {"b": [1,  2], "a": "x"}, "users": {"ann": 1234, "bob": null, "ann": "new"}}`,
			`all 3, downloads map[], repos map[], types {Jar:0 Pom:0 Crypto:0 Other:0}, users [{bob } {ann new}], display map[], extra map[note:{"b": [1,  2], "a": "x"}], notes ["users: \"ann\" stands there more than once"]`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := savejson.Decode([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := counts(f); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			out, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Count(out, []byte("\n")) != 1 || !json.Valid(out) {
				t.Errorf("export %s", out)
			}
			again, err := savejson.Decode(out)
			if err != nil {
				t.Fatal(err)
			}
			if again.All != f.All || !reflect.DeepEqual(again.Downloads, f.Downloads) || !reflect.DeepEqual(again.Repos, f.Repos) ||
				again.Types != f.Types || !reflect.DeepEqual(again.Display, f.Display) || len(again.Users) != len(f.Users) || len(again.Extra) != len(f.Extra) {
				t.Errorf("export %s\nis %s", out, counts(again))
			}
		})
	}
}

func TestAWrongFileIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                                       "ends too early, after 0 bytes",
		`{"all": 1, "downloads": {"a"`:           "ends too early",
		`{"all": 1,,}`:                           "no JSON at byte",
		`[1]`:                                    "want an object",
		`"x"`:                                    "want an object",
		`{"all": -1}`:                            "all: want a count, have -1",
		`{"all": 1.5}`:                           "all: want a count, have 1.5",
		`{"all": "1"}`:                           `all: want a count, have "1"`,
		`{"downloads": {"a.jar": null}}`:         "downloads: a.jar: want a count, have null",
		`{"downloads": 5}`:                       "downloads: want an object, have 5",
		`{"users": {"ann": ["x"]}}`:              "users: ann: want a password",
		`{"display": {"by-file-name": "x"}}`:     "display: by-file-name: want true or false",
		`{"all": 9223372036854775807, "all": 1}`: "too many",
		`{"all": 99999999999999999999}`:          "all: want a count",
	} {
		if _, err := savejson.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestNoPasswordLeaves(t *testing.T) {
	t.Parallel()
	f := &savejson.File{Users: []savejson.User{{Name: "ann", Password: "s3cret"}}, Ledger: "L"}
	out, err := f.Encode()
	if err != nil || strings.Contains(string(out), "s3cret") || !strings.Contains(string(out), `"users": {"ann":null}`) || !strings.Contains(string(out), `"pkgmeter": "L"`) {
		t.Errorf("%s, %v", out, err)
	}
}

// FuzzDecode: an error or counts that survive a way out and in.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"all": 9, "other": 4, "types": {"jar": 1}, "users": {"a": "b"}, "display": {"x": true}, "y": [1]}`))
	f.Add([]byte("\ufeff{} x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := savejson.Decode(text)
		if err != nil {
			if file != nil {
				t.Fatal("a file and an error")
			}
			return
		}
		out, err := file.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := savejson.Decode(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if again.All != file.All || again.Types != file.Types || !reflect.DeepEqual(again.Downloads, file.Downloads) ||
			!reflect.DeepEqual(again.Repos, file.Repos) || len(again.Users) != len(file.Users) {
			t.Fatalf("%s\n%+v\n%+v", out, file, again)
		}
	})
}
