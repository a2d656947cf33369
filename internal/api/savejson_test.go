package api_test

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/savejson"
)

func TestFilesOfEveryVersionGoInAndOutWithEqualNumbers(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"the first day":            `{"all": 3}`,
		"the second day":           `{"all": 3, "downloads": {"a.jar": 2, "b.pom": 1}, "repos": {"releases": 3}}`,
		"1.0.0":                    `{"all": 3, "downloads": {"a.jar": 2, "b.pom": 1}, "repos": {"releases": 2}, "users": {"admin": "admin123"}}`,
		"September 2019":           `{"all": 9, "downloads": {"a.jar": 9}, "repos": {"r": 9}, "users": {}, "types": {"jarfile": 1, "pom": 2, "crypto": 6, "other": 0}}`,
		"with display":             `{"all": 9, "downloads": {}, "repos": {}, "types": {"jarfile": 9, "pom": 0, "crypto": 0, "other": 0}, "display": {"by-file-name": true, "by-repo-name": false, "by-file-type": true}}`,
		"2.0.0":                    `{"all": 4, "downloads": {"shadow.jar": 3, "x.war": 1}, "repos": {"r": 4}, "types": {"jar": 0, "pom": 0, "crypto": 4, "other": 0}, "users": {"ann": "x"}}`,
		"other added by hand":      `{"all": 5, "other": 4, "downloads": {"w.whl": 5}, "types": {"jar": 0, "jarfile": 0, "pom": 0, "crypto": 0, "other": 1}, "repos": {}}`,
		"repeated and odd names":   `{"all": 5, "downloads": {"null": 1, "null": 1, "7": 3, "a b/ü.jar": 1}, "repos": {"null": 1, "null": 2}}`,
		"marginals that disagree":  `{"all": 100, "downloads": {"a.jar": 7}, "repos": {"r": 3}, "types": {"jar": 1, "pom": 1, "crypto": 1, "other": 1}}`,
		"names with hosts":         `{"all": 10, "downloads": {"https://acme.mycloudrepo.io/repositories/rels/com/acme/app/1.0/app-1.0.jar": 4, "com/acme/app/1.0/app-1.0.jar": 3, "/repositories/rels/x/y.jar": 1, "https://acme.mycloudrepo.io": 2}, "repos": {"rels": 10}}`,
		"pretty, with text behind": "\ufeff{\n \"all\": 2,\n \"downloads\": {\"a.jar\": 2},\n \"note\": [1, 2]\n}\n-- a comment",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, store := open(t)
			in, err := savejson.Decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			o := pkgmeter.Opening{
				Source: "savejson", SHA256: sha256.Sum256([]byte(text)), Extra: "{}",
				Counters: pkgmeter.Counters{All: in.All, Files: in.Downloads, Repositories: in.Repos},
				Derive:   func(name string) pkgmeter.File { return rule.Default().File("", name, "") },
			}
			o.Counters.Types = [4]int64{in.Types.Jar, in.Types.Pom, in.Types.Crypto, in.Types.Other}
			if _, err := store.MoveIn(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			rec := httptest.NewRecorder()
			if err := api.SaveJSON(store)(rec, httptest.NewRequest("GET", "/save.json", nil)); err != nil {
				t.Fatal(err)
			}
			out, err := savejson.Decode(rec.Body.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			numbers := func(f *savejson.File) string { return fmt.Sprint(f.All, f.Downloads, f.Repos, f.Types) }
			if numbers(out) != numbers(in) {
				t.Errorf("in  %s\nout %s", numbers(in), numbers(out))
			}
		})
	}
}
