package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

func TestComposerReadsWholePayloads(t *testing.T) {
	t.Parallel()
	composer.checkPayloads(t, map[string]string{
		"install.json": `
			get  hint=pkg:composer/monolog/monolog@3.5.0.0 agent=Composer
			get  hint=pkg:composer/acme/tools@9999999-dev agent=Composer
			get  hint=pkg:composer/acme/web@dev-feature%2Fx agent=Composer`,
		"sizes.json": `
			get  hint=pkg:composer/monolog/monolog@3.5.0.0 agent=Composer bytes=83104
			get  hint=pkg:composer/psr/log@3.0.0.0 agent=Composer
			get  hint=pkg:composer/acme/web@1.0.0.0-beta2 agent=Composer
			get  hint=pkg:composer/acme/web@1.0.0.0-beta2 agent=Composer`,
		"empty.json": "",
	})
}

func TestWhatAComposerPackageIs(t *testing.T) {
	t.Parallel()
	const no = "0: the name or the version is none of a package: want vendor/name"
	for item, want := range map[string]string{
		`{"name":"a/b","version":"1"}`:                                "get  hint=pkg:composer/a/b@1",
		`{"name":"a/b"}`:                                              "get  hint=pkg:composer/a/b",
		`{"name":"a/b","version":"1","downloaded":-5}`:                "get  hint=pkg:composer/a/b@1",
		`{"name":"a/b","version":"1","downloaded":1.5}`:               "get  hint=pkg:composer/a/b@1",
		`{"name":"a/b","version":"dev-x@y"}`:                          "get  hint=pkg:composer/a/b@dev-x%40y",
		`{"name":"b","version":"1"}`:                                  no,
		`{"name":"a/b/c","version":"1"}`:                              no,
		`{"name":"/b","version":"1"}`:                                 no,
		`{"name":"a/","version":"1"}`:                                 no,
		`{"name":"","version":"1"}`:                                   no,
		`{"name":"a/b c","version":"1"}`:                              no,
		`{"name":"a/b@1","version":"1"}`:                              no,
		`{"name":"a/b?x","version":"1"}`:                              no,
		`{"name":7,"version":"1"}`:                                    no,
		`{"version":"1"}`:                                             no,
		`{"name":"a/b","version":"1\n2"}`:                             no,
		`{"name":"a/b","version":"` + strings.Repeat("1", 256) + `"}`: no,
		`"a/b"`: "0: want an object, got a string",
	} {
		checkSaid(t, composer.read(t, fmt.Sprintf(`{"downloads":[%s]}`, item)), want)
	}
	for body, want := range map[string]string{
		`{}`:                    "0: there is no list of downloads",
		`{"downloads":null}`:    "0: there is no list of downloads",
		`{"downloads":{}}`:      "0: there is no list of downloads",
		`[{"name":"a/b"}]`:      "0: want an object, got an array",
		`package=a/b&version=1`: "0: not JSON: 'p' at offset 0 where a value should be",
	} {
		checkSaid(t, composer.read(t, body), want)
	}
}

func TestAnInstallOfComposerIsADownload(t *testing.T) {
	t.Parallel()
	d := composer.read(t, composer.payloads(t)["install.json"], "User-Agent", "Composer/2.7.1 (Linux; 5.15; PHP 8.3.1; cURL 8.5.0; Platform-PHP 8.2; CI)")
	entries := rule.Default().ApplyAll(d.Events)
	f, c := entries[0].File, entries[0].Client
	if f.Type != "composer" || f.Package != "pkg:composer/monolog/monolog" || f.Version != "3.5.0.0" || f.Name != "pkg:composer/monolog/monolog@3.5.0.0" ||
		c.Name != "composer" || c.Class != pkgmeter.CI || entries[0].Counts.Downloads != 1 || entries[0].Event.ID != "" {
		t.Errorf("%+v", entries[0])
	}
	if entries[2].File.Version != "dev-feature/x" {
		t.Errorf("%+v", entries[2].File)
	}
}
