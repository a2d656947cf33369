package rule_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

const app = "com/acme/app/1.0/app-1.0.jar"

// Events of 7 bytes, of a primary file unless kind says otherwise.
func TestMeasures(t *testing.T) {
	t.Parallel()
	type measures = pkgmeter.Measures
	download, hit, nothing := measures{Downloads: 1, Hits: 1, Bytes: 7}, measures{Hits: 1, Bytes: 7}, measures{}
	for name, tt := range map[string]struct {
		op     pkgmeter.Op
		status int
		flags  pkgmeter.Flags
		kind   pkgmeter.Kind
		want   measures
	}{
		"a GET with 200 is a download":             {status: 200, want: download},
		"a missing status is 200":                  {want: download},
		"a robot's GET is a download":              {status: 200, flags: pkgmeter.Robot, want: download},
		"a GET dated by its receipt is a download": {status: 200, flags: pkgmeter.Clamped, want: download},
		"a 206 from byte 0 is a download":          {status: 206, flags: pkgmeter.FromZero, want: download},
		"a 206 whose start is unknown is a hit":    {status: 206, want: hit},
		"a 304 is a hit":                           {status: 304, want: hit},
		"a 304 never begins a file":                {status: 304, flags: pkgmeter.FromZero, want: hit},
		"another 2xx is a hit":                     {status: 204, want: hit},
		"the last 2xx is a hit":                    {status: 299, want: hit},
		"a redirect is nothing":                    {status: 302, want: nothing},
		"the first 3xx is nothing":                 {status: 300, want: nothing},
		"not found is nothing":                     {status: 404, want: nothing},
		"an error of the server is nothing":        {status: 503, want: nothing},
		"an answer that is none is nothing":        {status: 199, want: nothing},
		"a HEAD with 200 is a hit":                 {op: pkgmeter.Head, status: 200, want: hit},
		"a HEAD with 304 is a hit":                 {op: pkgmeter.Head, status: 304, want: hit},
		"a HEAD with 404 is nothing":               {op: pkgmeter.Head, status: 404, want: nothing},
		"an upload is nothing":                     {op: pkgmeter.Upload, status: 200, want: nothing},
		"a deletion is nothing":                    {op: pkgmeter.Delete, status: 200, want: nothing},
		"another method is nothing":                {op: pkgmeter.Other, status: 200, want: nothing},
		"part of a pull that is counted is a hit":  {status: 200, flags: pkgmeter.Collapsed, want: hit},
		"part of a pull, from byte 0, is a hit":    {status: 206, flags: pkgmeter.Collapsed | pkgmeter.FromZero, want: hit},
		"a GET of sources is a hit":                {status: 200, kind: pkgmeter.Sources, want: hit},
		"a GET of metadata is a hit":               {status: 200, kind: pkgmeter.Metadata, want: hit},
		"a GET of an index is a hit":               {status: 200, kind: pkgmeter.Index, want: hit},
		"a GET of a checksum is a hit":             {status: 200, kind: pkgmeter.Checksum, want: hit},
		"a GET of a signature is a hit":            {status: 200, kind: pkgmeter.Signature, want: hit},
		"a GET of an attestation is a hit":         {status: 200, kind: pkgmeter.Attestation, want: hit},
		"a GET of a layer is a hit":                {status: 200, kind: pkgmeter.Layer, want: hit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := pkgmeter.Event{Op: tt.op, Status: tt.status, Flags: tt.flags, Bytes: 7}
			if got := rule.Default().Measures(e, tt.kind); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestUnknownBytesAreZero(t *testing.T) {
	t.Parallel()
	for _, bytes := range []int64{0, -1} {
		if got := rule.Default().Measures(pkgmeter.Event{Status: 200, Bytes: bytes}, 0); got.Bytes != 0 || got.Hits != 1 {
			t.Errorf("%d bytes: got %+v", bytes, got)
		}
	}
}

func TestFileOf(t *testing.T) {
	t.Parallel()
	file := func(repository, name, typ, pkg, version string, kind pkgmeter.Kind, of string, legacy pkgmeter.LegacyType, c pkgmeter.Confidence) pkgmeter.File {
		return pkgmeter.File{
			Repository: repository, Name: name, Type: typ, Package: pkg, Version: version,
			Kind: kind, SidecarOf: of, Legacy: legacy, Confidence: c,
		}
	}
	for name, tt := range map[string]struct {
		said, path, hint string
		want             pkgmeter.File
	}{
		"a missing repository is unknown": {
			"", app, "",
			file("(unknown)", app, "maven", "pkg:maven/com.acme/app", "1.0", pkgmeter.Primary, "", pkgmeter.LegacyJar, pkgmeter.Certain),
		},
		"a prefix names the repository": {
			"", "/repositories/libs/" + app, "",
			file("libs", app, "maven", "pkg:maven/com.acme/app", "1.0", pkgmeter.Primary, "", pkgmeter.LegacyJar, pkgmeter.Certain),
		},
		"what is said of the repository wins": {
			"said", "/repositories/libs/" + app, "",
			file("said", app, "maven", "pkg:maven/com.acme/app", "1.0", pkgmeter.Primary, "", pkgmeter.LegacyJar, pkgmeter.Certain),
		},
		"a sidecar is of its parent's version": {
			"r", app + ".sha1", "",
			file("r", app+".sha1", "maven", "pkg:maven/com.acme/app", "1.0", pkgmeter.Checksum, app, pkgmeter.LegacyCrypto, pkgmeter.Certain),
		},
		"a bare name has no group": {
			"r", "app-1.0.pom", "",
			file("r", "app-1.0.pom", "maven", "pkg:maven/app", "1.0", pkgmeter.Metadata, "", pkgmeter.LegacyPom, pkgmeter.Likely),
		},
		"what is not recognised is generic and primary": {
			"r", "/tools/x.bin", "",
			file("r", "tools/x.bin", "generic", "pkg:generic/tools", "", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Guessed),
		},
		"the root is a listing": {
			"r", "/", "",
			file("r", "/", "generic", "pkg:generic/%2F", "", pkgmeter.Index, "", pkgmeter.LegacyOther, pkgmeter.Guessed),
		},
		"a package stands for its file": {
			"r", "", "pkg:npm/left-pad@1.3.0",
			file("r", "pkg:npm/left-pad@1.3.0", "npm", "pkg:npm/left-pad", "1.3.0", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"a package is spelled canonically": {
			"", "", "pkg:NPM/@scope/x@1.0+b",
			file("(unknown)", "pkg:npm/%40scope/x@1.0%2Bb", "npm", "pkg:npm/%40scope/x", "1.0+b", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"a package without version": {
			"r", "", "pkg:meteor/alice/foo",
			file("r", "pkg:meteor/alice/foo", "meteor", "pkg:meteor/alice/foo", "", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"a name that is a URL is of the file behind the host": {
			path: "https://acme.mycloudrepo.io/repositories/rels/com/acme/app/1.0/app-1.0.jar?x#y",
			want: rule.Default().File("", "/repositories/rels/com/acme/app/1.0/app-1.0.jar", ""),
		},
		"a host alone stays what it is": {
			path: "https://acme.mycloudrepo.io",
			want: pkgmeter.File{Repository: pkgmeter.Unknown, Name: "https://acme.mycloudrepo.io", Type: "generic", Package: "pkg:generic/https:", Legacy: pkgmeter.LegacyOther},
		},
		"a hint has no distribution": {
			hint: "pkg:deb/debian/curl@8.0",
			want: rule.Default().File("", "", "pkg:deb/curl@8.0"),
		},
		"a hint that is no purl is generic": {
			"r", "", "left pad",
			file("r", "left pad", "generic", "pkg:generic/left%20pad", "", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Guessed),
		},
		"the package gives the coordinates, the path the file": {
			"r", "dl/x-sources.jar.md5", "pkg:maven/com.acme/x@2.0",
			file("r", "dl/x-sources.jar.md5", "maven", "pkg:maven/com.acme/x", "2.0", pkgmeter.Checksum, "dl/x-sources.jar", pkgmeter.LegacyCrypto, pkgmeter.Certain),
		},
		"a package without version leaves that of the path": {
			"r", "tool/1.2.3/x.bin", "pkg:cargo/x",
			file("r", "tool/1.2.3/x.bin", "cargo", "pkg:cargo/x", "1.2.3", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"a build of a Meteor package": {
			"meteor", "alice:foo-1.2.0-os+web.browser.tgz", "pkg:meteor/alice/foo@1.2.0",
			file("meteor", "alice:foo-1.2.0-os+web.browser.tgz", "meteor", "pkg:meteor/alice/foo", "1.2.0", pkgmeter.Primary, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"its source": {
			"meteor", "alice:foo-1.2.0-source.tgz", "pkg:meteor/alice/foo@1.2.0",
			file("meteor", "alice:foo-1.2.0-source.tgz", "meteor", "pkg:meteor/alice/foo", "1.2.0", pkgmeter.Sources, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"its readme": {
			"meteor", "alice:foo-1.2.0-README.md", "pkg:meteor/alice/foo@1.2.0",
			file("meteor", "alice:foo-1.2.0-README.md", "meteor", "pkg:meteor/alice/foo", "1.2.0", pkgmeter.Metadata, "", pkgmeter.LegacyOther, pkgmeter.Certain),
		},
		"a media type beside a path says nothing": {
			"r", app, "application/java-archive",
			file("r", app, "maven", "pkg:maven/com.acme/app", "1.0", pkgmeter.Primary, "", pkgmeter.LegacyJar, pkgmeter.Certain),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := rule.Default().File(tt.said, tt.path, tt.hint); got != tt.want {
				t.Errorf("\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestApplyKeepsTheEvent(t *testing.T) {
	t.Parallel()
	e := pkgmeter.Event{Source: "s", ID: "1", Repository: "r", Path: app, Status: 200, Bytes: 7, Hint: "pkg:maven/com.acme/app@1.0"}
	got := rule.Default().Apply(e)
	if got.Event != e {
		t.Errorf("the event became %+v", got.Event)
	}
	if want := rule.Default().File(e.Repository, e.Path, e.Hint); got.File != want {
		t.Errorf("file %+v, want %+v", got.File, want)
	}
	if want := (pkgmeter.Measures{Downloads: 1, Hits: 1, Bytes: 7}); got.Counts != want {
		t.Errorf("counts %+v, want %+v", got.Counts, want)
	}
}

func TestCanonicalPackageRefusesAsInvalid(t *testing.T) {
	t.Parallel()
	got, err := rule.CanonicalPackage("pkg:PyPI/Foo_Bar")
	if err != nil || got != "pkg:pypi/foo-bar" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, purl := range []string{"", "left-pad", "pkg:npm/left-pad@1.0", "pkg:npm/left-pad?a=b", "pkg:npm/left-pad#a"} {
		_, err := rule.CanonicalPackage(purl)
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(pkgmeter.PublicMessage(err), "package ") {
			t.Errorf("CanonicalPackage(%q): %v, want an invalid that says so", purl, err)
		}
	}
}

func TestNamesOfArtifactAndRootAgree(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, k := range artifact.Kinds() {
		kinds = append(kinds, string(k))
	}
	if want := pkgmeter.KindNames(); !slices.Equal(kinds, want) {
		t.Errorf("kinds %v, want %v", kinds, want)
	}
	var legacy []string
	for _, file := range []string{"a.jar", "a.pom", "a.md5", "a.zip"} {
		legacy = append(legacy, artifact.Legacy(file))
	}
	if want := pkgmeter.LegacyTypeNames(); !slices.Equal(legacy, want) {
		t.Errorf("legacy types %v, want %v", legacy, want)
	}
	for a, want := range map[artifact.Confidence]pkgmeter.Confidence{
		artifact.Guessed: pkgmeter.Guessed, artifact.Likely: pkgmeter.Likely, artifact.Certain: pkgmeter.Certain,
	} {
		if got := pkgmeter.Confidence(a); got != want {
			t.Errorf("confidence %d is %s, want %s", a, got, want)
		}
	}
	if artifact.MaxPath != pkgmeter.MaxPath {
		t.Errorf("the longest path is %d bytes here and %d there", artifact.MaxPath, pkgmeter.MaxPath)
	}
}
