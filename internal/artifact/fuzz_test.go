package artifact_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// checkContract holds Parse to what it promises of any path.
func checkContract(t *testing.T, raw string) { t.Helper(); checkIn(t, raw, "") }

// checkIn is checkContract for a path in a repository of a known format.
func checkIn(t *testing.T, raw, format string) artifact.Artifact {
	t.Helper()
	a := artifact.ParseIn(raw, format)
	fail := func(what string) {
		t.Helper()
		t.Fatalf("Parse(%q): %s\n%+v", raw, what, a)
	}
	sent := strings.TrimLeft(raw, "/")
	named := a.Type == "docker" && !strings.HasSuffix(sent, a.File) // name:tag or name@digest
	if !named && ((a.File == "") != (sent == "") || !strings.HasSuffix(sent, a.File) || strings.HasPrefix(a.File, "/")) {
		fail("File is not the end of the path")
	}
	if a.Type != "docker" && (a.Repository == "") != (a.File == sent) {
		fail("a prefix without repository, or the other way round")
	}
	if !slices.Contains(artifact.Kinds(), a.Kind) || a.Rule == "" || a.Confidence > artifact.Certain {
		fail("kind, rule or confidence is none")
	}
	if (a.Type == "generic") != (a.Confidence == artifact.Guessed) {
		fail("generic is what is guessed, and nothing else")
	}
	canonical, typ, err := purl.Canonical(a.Package)
	if err != nil || canonical != a.Package || typ != a.Type {
		fail("Package is not canonical: " + canonical)
	}
	if utf8.ValidString(raw) && !utf8.ValidString(a.Version+a.Repository) {
		fail("not UTF-8")
	}
	if strings.ContainsFunc(a.Version+a.Repository, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		fail("control characters")
	}
	if format = cmp.Or(a.Format, format); a.SidecarOf != "" && a.Type != "docker" {
		checkSidecar(t, a, format)
	}
	if again := artifact.ParseIn(a.File, format); !named && len(raw) <= artifact.MaxPath && line(again) != line(a) {
		fail("its own File means something else: " + line(again))
	}
	return a
}

// checkSidecar holds a sidecar to the file that it describes.
func checkSidecar(t *testing.T, a artifact.Artifact, format string) {
	t.Helper()
	parent := artifact.ParseIn(a.SidecarOf, format)
	if parent.SidecarOf != "" || parent.File != a.SidecarOf {
		t.Fatalf("%q is a sidecar of %q, which is one of %q", a.File, a.SidecarOf, parent.SidecarOf)
	}
	if parent.Package != a.Package || parent.Version != a.Version || parent.Type != a.Type {
		t.Fatalf("%q is of %s %q, but %q of %s %q", a.File, a.Package, a.Version, a.SidecarOf, parent.Package, parent.Version)
	}
	switch a.Kind {
	case artifact.Checksum, artifact.Signature, artifact.Attestation, artifact.Metadata:
	default:
		t.Fatalf("%q is a sidecar of kind %s", a.File, a.Kind)
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range goldens() {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) { checkContract(t, path) })
}
