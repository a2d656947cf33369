package artifact_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

// checkContract holds Parse to what it promises of any path.
func checkContract(t *testing.T, raw string) {
	t.Helper()
	a := artifact.Parse(raw)
	fail := func(what string) {
		t.Helper()
		t.Fatalf("Parse(%q): %s\n%+v", raw, what, a)
	}
	if sent := strings.TrimLeft(raw, "/"); (a.File == "") != (sent == "") || !strings.HasSuffix(sent, a.File) || strings.HasPrefix(a.File, "/") {
		fail("File is not the end of the path")
	}
	if (a.Repository == "") != (a.File == strings.TrimLeft(raw, "/")) {
		fail("a prefix without repository, or the other way round")
	}
	if !slices.Contains(artifact.Kinds(), a.Kind) || a.Rule == "" || a.Confidence > artifact.Certain {
		fail("kind, rule or confidence is none")
	}
	if (a.Type == "generic") != (a.Confidence == artifact.Guessed) {
		fail("generic is what is guessed, and nothing else")
	}
	canonical, typ, err := artifact.CanonicalPackage(a.Package)
	if err != nil || canonical != a.Package || typ != a.Type {
		fail("Package is not canonical: " + canonical)
	}
	if utf8.ValidString(raw) && !utf8.ValidString(a.Version+a.Repository) {
		fail("not UTF-8")
	}
	if strings.ContainsFunc(a.Version+a.Repository, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		fail("control characters")
	}
	if a.SidecarOf != "" {
		checkSidecar(t, a)
	}
	if again := artifact.Parse(a.File); len(raw) <= artifact.MaxPath && line(again) != line(a) {
		fail("its own File means something else: " + line(again))
	}
}

// checkSidecar holds a sidecar to the file that it describes.
func checkSidecar(t *testing.T, a artifact.Artifact) {
	t.Helper()
	parent := artifact.Parse(a.SidecarOf)
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
	f.Fuzz(checkContract)
}

// checkPurl holds CanonicalPackage to what it promises of any purl.
func checkPurl(t *testing.T, purl string) {
	t.Helper()
	canonical, typ, err := artifact.CanonicalPackage(purl)
	if err != nil {
		if canonical != "" || typ != "" || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Fatalf("CanonicalPackage(%q) = %q, %q, %v", purl, canonical, typ, err)
		}
		return
	}
	if !strings.HasPrefix(canonical, "pkg:"+typ+"/") || typ != strings.ToLower(typ) {
		t.Fatalf("CanonicalPackage(%q) = %q of type %q", purl, canonical, typ)
	}
	for _, c := range []byte(canonical) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`@?#"\<>`, c) >= 0 {
			t.Fatalf("CanonicalPackage(%q) = %q holds %q", purl, canonical, c)
		}
	}
	again, typ2, err := artifact.CanonicalPackage(canonical)
	if err != nil || again != canonical || typ2 != typ {
		t.Fatalf("CanonicalPackage(%q) = %q, and of that %q, %v", purl, canonical, again, err)
	}
}

func FuzzCanonicalPackage(f *testing.F) {
	for purl := range equivalent {
		f.Add(purl)
	}
	for purl := range refused {
		f.Add(purl)
	}
	f.Fuzz(checkPurl)
}

// TestMutatedPathsKeepTheContract is fuzzing that every run of the tests does:
// the same 20,000 paths each time.
func TestMutatedPathsKeepTheContract(t *testing.T) {
	t.Parallel()
	paths := goldens()
	slices.Sort(paths)
	pieces := []string{
		"/", "//", "..", ".", "-", "_", "@", "%", "%2F", "%2e", "%00", "%ff", "\x00", "\xff", " ", "+", "?", "#", "ü",
		".md5", ".asc", ".metadata", ".sigstore.json", ".jar", ".whl", ".tar.gz", ".zip", "-1.0", "-SNAPSHOT",
		"-20240131.235959-7", "maven-metadata.xml", "repositories/r/", "simple/", "packages/", "pypi/", "/json", "1.2.3/",
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		path := paths[rnd.IntN(len(paths))]
		for range 1 + rnd.IntN(4) {
			i := rnd.IntN(len(path) + 1)
			j := min(len(path), i+rnd.IntN(6))
			switch rnd.IntN(4) {
			case 0: // insert
				path = path[:i] + pieces[rnd.IntN(len(pieces))] + path[i:]
			case 1: // delete
				path = path[:i] + path[j:]
			case 2: // replace
				path = path[:i] + pieces[rnd.IntN(len(pieces))] + path[j:]
			case 3: // splice
				other := paths[rnd.IntN(len(paths))]
				path = path[:i] + other[rnd.IntN(len(other)+1):]
			}
		}
		checkContract(t, path)
	}
}
