package purl_test

import (
	"strings"
	"testing"

	"github.com/package-url/packageurl-go"
	"pgregory.net/rapid"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// equivalent are spellings with the canonical one.
var equivalent = map[string]string{
	"pkg:maven/com.acme/app":              "pkg:maven/com.acme/app",
	"PKG:Maven/com.acme/app":              "pkg:maven/com.acme/app",
	"pkg:/maven/com.acme/app":             "pkg:maven/com.acme/app",
	"pkg://maven//com.acme//app":          "pkg:maven/com.acme/app",
	"pkg:maven/com.acme/app/":             "pkg:maven/com.acme/app",
	"pkg:maven/com%2Eacme/%61pp":          "pkg:maven/com.acme/app",
	"pkg:maven/com.acme/app?":             "pkg:maven/com.acme/app",
	"pkg:maven/com.acme/app?type=":        "pkg:maven/com.acme/app",
	"pkg:maven/com.acme/app#":             "pkg:maven/com.acme/app",
	"pkg:maven/com.acme/app@":             "pkg:maven/com.acme/app",
	"pkg:maven/app":                       "pkg:maven/app",
	"pkg:maven/com.Acme/App":              "pkg:maven/com.Acme/App",
	"pkg:maven/com.acme/akka_2.13":        "pkg:maven/com.acme/akka_2.13",
	"pkg:pypi/Foo_Bar":                    "pkg:pypi/foo-bar",
	"pkg:pypi/foo.bar":                    "pkg:pypi/foo-bar",
	"pkg:pypi/FOO-._bar":                  "pkg:pypi/foo-bar",
	"pkg:nuget/Newtonsoft.Json":           "pkg:nuget/newtonsoft.json",
	"pkg:npm/left-pad":                    "pkg:npm/left-pad",
	"pkg:npm/@scope/x":                    "pkg:npm/%40scope/x",
	"pkg:npm/%40scope/x":                  "pkg:npm/%40scope/x",
	"pkg:npm/%40scope%2Fx":                "pkg:npm/%40scope/x",
	"pkg:npm/%40scope%2fx":                "pkg:npm/%40scope/x",
	"pkg:meteor/tracker":                  "pkg:meteor/tracker",
	"pkg:Meteor/alice/foo":                "pkg:meteor/alice/foo",
	"pkg:meteor/alice%3Afoo":              "pkg:meteor/alice:foo",
	"pkg:composer/Laravel/Framework":      "pkg:composer/laravel/framework",
	"pkg:golang/github.com/acme/lib":      "pkg:golang/github.com/acme/lib",
	"pkg:docker/library/alpine":           "pkg:docker/library/alpine",
	"pkg:generic/dir/sub":                 "pkg:generic/dir/sub",
	"pkg:generic/50%25%20%40c%2Bd.bin":    "pkg:generic/50%25%20%40c%2Bd.bin",
	"pkg:generic/a+b (c)":                 "pkg:generic/a%2Bb%20%28c%29",
	"pkg:generic/m\u00fcller":             "pkg:generic/m%C3%BCller",
	"pkg:generic/..":                      "pkg:generic/..",
	"pkg:generic/%2F":                     "pkg:generic/%2F",
	"pkg:gem/Rails":                       "pkg:gem/Rails",
	"pkg:cargo/serde_json":                "pkg:cargo/serde_json",
	"pkg:deb/curl":                        "pkg:deb/curl",
	"pkg:deb/debian/curl":                 "pkg:deb/curl",
	"pkg:DEB/ubuntu/curl":                 "pkg:deb/curl",
	"pkg:rpm/fedora/curl":                 "pkg:rpm/curl",
	"pkg:rpm/opensuse/a/curl":             "pkg:rpm/curl",
	"pkg:apk/alpine/busybox":              "pkg:apk/busybox",
	"pkg:hex/phoenix":                     "pkg:hex/phoenix",
	"pkg:hex/Acme/Phoenix":                "pkg:hex/acme/phoenix",
	"pkg:terraform/acme/network/provider": "pkg:terraform/acme/network/provider",
}

func TestEquivalentPurlsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range equivalent {
		got, typ, err := purl.Canonical(text)
		if err != nil || got != want || !strings.HasPrefix(want, "pkg:"+typ+"/") {
			t.Errorf("Canonical(%q) = %q, %q, %v, want %q", text, got, typ, err, want)
		}
		checkPurl(t, text)
	}
}

// refused are purls with a word of the sentence that refuses them.
var refused = map[string]string{
	"":                                "not a purl",
	"left-pad":                        "not a purl",
	"npm/left-pad":                    "not a purl",
	"pkg:":                            "not a purl",
	"pkg:npm":                         "not a purl",
	"pkg:npm/":                        "not a purl",
	"pkg:npm/@scope":                  "not a purl",
	"pkg:npm/%zz":                     "not a purl",
	"pkg:n pm/x":                      "not a purl",
	"pkg:1npm/x":                      "not a purl",
	"purl:npm/x":                      "not a purl",
	"pkg:npm/left-pad@1.3.0":          "say version=",
	"pkg:npm/@scope/x@1.3.0":          "say version=",
	"pkg:maven/com.acme/app@1.0":      "say version=",
	"pkg:deb/curl?arch=amd64":         "qualifiers",
	"pkg:golang/github.com/a/b#cmd/x": "subpath",
}

func TestARefusalSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range refused {
		got, typ, err := purl.Canonical(text)
		if err == nil || got != "" || typ != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("Canonical(%q) = %q, %q, %v, want %q", text, got, typ, err, want)
		}
	}
	if _, _, err := purl.Canonical(strings.Repeat("x", 1<<20)); err == nil || len(err.Error()) > 300 {
		t.Error("a long purl makes a long refusal")
	}
}

func TestSplitReturnsTheVersionDecoded(t *testing.T) {
	t.Parallel()
	canonical, typ, version, err := purl.Split("pkg:NPM/@scope/x@1.0%2Bb")
	if err != nil || canonical != "pkg:npm/%40scope/x" || typ != "npm" || version != "1.0+b" {
		t.Errorf("got %q %q %q %v", canonical, typ, version, err)
	}
}

func TestThePartsOfAPackageAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ typ, namespace, name, want string }{
		{"maven", "", "app", "pkg:maven/app"},
		{"maven", "/com.acme", "app", "pkg:maven/com.acme/app"},
		{"maven", "com.acme/", "app", "pkg:maven/com.acme/app"},
		{"generic", "a//b", "c", "pkg:generic/a/b/c"},
		{"generic", "", "a/b", "pkg:generic/a%2Fb"},
		{"generic", "", "%2F", "pkg:generic/%252F"},
		{"npm", "@scope", "x", "pkg:npm/%40scope/x"},
		{"npm", "", "@scope/x", "pkg:npm/%40scope/x"},
		{"pypi", "", "Foo__Bar", "pkg:pypi/foo-bar"},
		{"nuget", "", "Acme.Lib", "pkg:nuget/acme.lib"},
		{"deb", "debian", "curl", "pkg:deb/curl"},
		{"rpm", "fedora", "curl", "pkg:rpm/curl"},
		{"apk", "alpine", "busybox", "pkg:apk/busybox"},
		{"hex", "Acme", "Phoenix", "pkg:hex/acme/phoenix"},
		{"golang", "github.com/Acme", "Lib", "pkg:golang/github.com/acme/lib"},
		{"meteor", "alice", "foo", "pkg:meteor/alice/foo"},
	} {
		if got := purl.Of(tt.typ, tt.namespace, tt.name); got != tt.want {
			t.Errorf("Of(%q, %q, %q) = %q, want %q", tt.typ, tt.namespace, tt.name, got, tt.want)
		}
	}
}

func TestAVersionIsEscapedBehindItsPackage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.StringMatching(`[0-9a-z.]{1,6}|[ -~ü]{1,6}`).Draw(t, "version")
		text := purl.WithVersion("pkg:npm/%40scope/x", version)
		pkg, typ, got, err := purl.Split(text)
		if err != nil || pkg != "pkg:npm/%40scope/x" || typ != "npm" || got != version {
			t.Fatalf("Split(%q) = %q, %q, %q, %v", text, pkg, typ, got, err)
		}
	})
	if got := purl.WithVersion("pkg:npm/x", ""); got != "pkg:npm/x" {
		t.Errorf("got %q for no version", got)
	}
}

// TestTheFastSpellingIsThatOfTheLibrary compares every purl with the one that
// packageurl-go makes of the same parts.
func TestTheFastSpellingIsThatOfTheLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// The types with a rule of their own for names are left to the tables.
		typ := rapid.SampledFrom([]string{
			"maven", "generic", "gem", "cargo", "golang", "conda", "docker", "helm",
			"composer", "terraform", "meteor", "github", "bitbucket", "oci",
		}).Draw(t, "type")
		segment := rapid.StringMatching(`[a-zA-Z0-9._~:-]{1,12}|[ -~]{1,6}|[a-zü%@+/]{1,6}`)
		namespace := strings.Join(rapid.SliceOfN(segment, 0, 3).Draw(t, "namespace"), "/")
		name := segment.Draw(t, "name")

		want := packageurl.NewPackageURL(typ, namespace, name, "", nil, "")
		if err := want.Normalize(); err != nil {
			t.Skip(err)
		}
		got := purl.Of(typ, namespace, name)
		if got != want.ToString() {
			t.Fatalf("Of(%q, %q, %q) = %q, want %q", typ, namespace, name, got, want.ToString())
		}
		again, _, err := purl.Canonical(got)
		if err != nil || again != got {
			t.Fatalf("Canonical(%q) = %q, %v", got, again, err)
		}
	})
}

// TestATypeWithNamesOfItsOwnStaysCanonical covers the types that the library
// alone does not spell as their ecosystems do.
func TestATypeWithNamesOfItsOwnStaysCanonical(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]string{"pypi", "nuget", "npm"}).Draw(t, "type")
		name := rapid.StringMatching(`[a-zA-Z0-9._-]{1,12}|@[a-z]{1,3}/[a-z]{1,3}|[ -~]{1,8}`).Draw(t, "name")
		got := purl.Of(typ, "", name)
		again, gotType, err := purl.Canonical(got)
		if err != nil || again != got || gotType != typ {
			t.Fatalf("Canonical(%q) = %q, %q, %v", got, again, gotType, err)
		}
		p, err := packageurl.FromString(got)
		if err != nil || p.ToString() != got {
			t.Fatalf("the library spells %q as %q, %v", got, p.ToString(), err)
		}
	})
}

func TestAMavenGroupIsSpelledWithDots(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		segment := rapid.StringMatching(`[a-zA-Z0-9._~:-]{0,5}[a-zA-Z0-9]|[a-z ü@+-]{0,6}[a-z]`)
		dirs := rapid.SliceOfN(segment, 1, 5).Draw(t, "group")
		name := segment.Draw(t, "artifact")
		if got, want := purl.Maven(strings.Join(dirs, "/"), name), purl.Of("maven", strings.Join(dirs, "."), name); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// checkShortCut compares the reading of plain purls with that of all.
func checkShortCut(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, text string,
) {
	t.Helper()
	canonical, typ, version, err := purl.Split(text)
	canonical2, typ2, version2, err2 := purl.SplitAny(text)
	if canonical != canonical2 || typ != typ2 || version != version2 || (err == nil) != (err2 == nil) {
		t.Fatalf("Split(%q) = %q, %q, %q, %v; the long way %q, %q, %q, %v", text, canonical, typ, version, err, canonical2, typ2, version2, err2)
	}
}

func TestPlainPurlsAreReadAsAllAre(t *testing.T) {
	t.Parallel()
	for text := range equivalent {
		checkShortCut(t, text)
		checkShortCut(t, text+"@1.0")
	}
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]string{
			"maven", "pypi", "npm", "nuget", "gem", "cargo", "golang", "deb", "rpm", "apk", "conda", "docker", "helm", "hex",
			"composer", "terraform", "generic", "meteor", "swift", "cpan", "Npm", "",
		}).Draw(t, "type")
		path := rapid.StringMatching(`([a-zA-Z._~:@%/-]{0,3}[a-z0-9]{1,3}/){0,3}[a-zA-Z._~:@%+-]{0,3}[a-z0-9]{0,2}/?`).Draw(t, "path")
		version := rapid.StringMatching(`(@[a-zA-Z0-9._~:+@%/-]{0,6}([?#][a-z=]{0,3})?)?`).Draw(t, "version")
		checkShortCut(t, "pkg:"+typ+"/"+path+version)
	})
}

// checkPurl holds Canonical to what it promises of any purl.
func checkPurl(t *testing.T, text string) {
	t.Helper()
	checkShortCut(t, text)
	canonical, typ, err := purl.Canonical(text)
	if err != nil {
		if canonical != "" || typ != "" || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Fatalf("Canonical(%q) = %q, %q, %v", text, canonical, typ, err)
		}
		return
	}
	if !strings.HasPrefix(canonical, "pkg:"+typ+"/") || typ != strings.ToLower(typ) {
		t.Fatalf("Canonical(%q) = %q of type %q", text, canonical, typ)
	}
	for _, c := range []byte(canonical) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`@?#"\<>`, c) >= 0 {
			t.Fatalf("Canonical(%q) = %q holds %q", text, canonical, c)
		}
	}
	again, typ2, err := purl.Canonical(canonical)
	if err != nil || again != canonical || typ2 != typ {
		t.Fatalf("Canonical(%q) = %q, and of that %q, %v", text, canonical, again, err)
	}
}

func FuzzCanonical(f *testing.F) {
	for text := range equivalent {
		f.Add(text)
	}
	for text := range refused {
		f.Add(text)
	}
	f.Fuzz(checkPurl)
}
