package artifact_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

// A golden is a path and what it means: package, version (- for none), kind
// and rule, in one line.
type golden struct{ path, want string }

func line(a artifact.Artifact) string {
	version := a.Version
	if version == "" {
		version = "-"
	}
	return fmt.Sprintf("%s %s %s %s", a.Package, version, a.Kind, a.Rule)
}

// goldens are the paths of all tables, from which fuzzing and mutation start.
func goldens() []string {
	var paths []string
	for _, table := range []map[string]golden{mavenPaths, mavenNames, pypiPaths, pypiNames, genericPaths, indexes} {
		for _, g := range table {
			paths = append(paths, g.path)
		}
	}
	for _, tb := range []table{
		alpineTable, cargoTable, composerTable, condaTable, debianTable, dockerTable, gemTable, golangTable, helmTable, hexTable,
		npmTable, nugetTable, rpmTable, terraformTable,
	} {
		paths = append(paths, tb.seeds()...)
	}
	for path := range sidecars {
		paths = append(paths, path)
	}
	for path := range prefixes {
		paths = append(paths, path)
	}
	return paths
}

func checkGoldens(t *testing.T, table map[string]golden, confidence artifact.Confidence) {
	t.Helper()
	for name, g := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := artifact.Parse(g.path)
			if got := line(a); got != g.want {
				t.Errorf("Parse(%q)\n got %s\nwant %s", g.path, got, g.want)
			}
			if a.Confidence != confidence {
				t.Errorf("Parse(%q).Confidence = %d, want %d", g.path, a.Confidence, confidence)
			}
			checkContract(t, g.path)
		})
	}
}

func TestTheLastExtensionDecidesTheLegacyType(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"app-1.0.jar":              "jar",
		"com/acme/APP-1.0.JAR":     "jar",
		"app-1.0.pom":              "pom",
		"app-1.0.jar.md5":          "crypto",
		"app-1.0.pom.sha1":         "crypto",
		"app.sha256":               "crypto",
		"app.SHA512":               "crypto",
		"app-1.0.jar.asc":          "other",
		"shadow.jar":               "jar", // the old program saw "sha" in it
		"md5-utils.jar":            "jar",
		"pomodoro-1.jar":           "jar",
		"pomodoro":                 "other",
		"jar":                      "other",
		".jar":                     "jar",
		"app.jar/":                 "other",
		"dir.jar/file":             "other",
		"app.war":                  "other",
		"app.jar.":                 "other",
		"foo-1.0-py3-none-any.whl": "other",
		"":                         "other",
	} {
		if got := artifact.Legacy(file); got != want {
			t.Errorf("Legacy(%q) = %s, want %s", file, got, want)
		}
	}
}

func TestWhatTheOldProgramCountedKeepsItsKind(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]artifact.Kind{
		"shadow-1.0.jar":          artifact.Primary,
		"shapeless_2.13-2.3.jar":  artifact.Primary,
		"app-1.0.war":             artifact.Primary,
		"maven-metadata.xml":      artifact.Index,
		"app-1.0.module":          artifact.Metadata,
		"maven-metadata.xml.sha1": artifact.Checksum,
	} {
		if got := artifact.Parse(path).Kind; got != want {
			t.Errorf("Parse(%q).Kind = %s, want %s", path, got, want)
		}
	}
}

// TestAHostilePathIsReadInTime feeds names that make a reader look back often.
// The slowest takes well under a millisecond; the bound is for busy machines.
func TestAHostilePathIsReadInTime(t *testing.T) {
	t.Parallel()
	const most = 500 * time.Millisecond
	for _, g := range []struct{ head, piece, tail string }{
		{"a", "-1", ".jar"},
		{"a", "-1-a", ".jar"},
		{"a", "-1-m", ".jar"},
		{"a", "-1", "x.tar.gz"},
		{"a", "-1.0", "+.tar.gz"},
		{"a", ".md5", ""},
		{"a", "%2Emd5", ""},
		{"a", ".metadata", ""},
		{"", "pypi/", "x.zip"},
		{"packages/", "a/", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1.zip"},
		{"", "repositories/a/", "x"},
		{"", "./", "x"},
		{"a", ".1.1-x", "_.nupkg"},
		{"a", "-1", "_.gem"},
		{"a", "-1.1.1", "_.tgz"},
		{"a.1/", "a.1/", "b/@v/v1.0.0.zip"},
	} {
		room := artifact.MaxPath - len(g.head) - len(g.tail)
		path := g.head + strings.Repeat(g.piece, room/len(g.piece)) + g.tail
		start := time.Now()
		artifact.Parse(path)
		if took := time.Since(start); took > most {
			t.Errorf("%.40q took %s", path, took)
		}
		checkContract(t, path)
	}
}
