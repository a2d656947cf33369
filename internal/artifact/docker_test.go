package artifact_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

const (
	imageHex    = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	imageDigest = "sha256:" + imageHex
	longDigest  = "sha512:" + imageHex + imageHex
)

// dockerTable: where the name of an image begins and ends, and what is a tag.
var dockerTable = table{
	typ: "docker",
	paths: map[string]golden{
		"tag":                              {"/v2/library/nginx/manifests/1.25-alpine", "pkg:docker/library/nginx 1.25-alpine primary oci-manifest"},
		"digest":                           {"/v2/library/nginx/manifests/" + imageDigest, "pkg:docker/library/nginx " + imageDigest + " primary oci-manifest"},
		"longer digest":                    {"/v2/library/nginx/manifests/" + longDigest, "pkg:docker/library/nginx " + longDigest + " primary oci-manifest"},
		"digest of another algorithm":      {"/v2/a/manifests/md5-tree:" + imageHex[:40], "pkg:docker/a md5-tree:" + imageHex[:40] + " primary oci-manifest"},
		"digest, escaped":                  {"/v2/a/manifests/sha256%3A" + imageHex, "pkg:docker/a " + imageDigest + " primary oci-manifest"},
		"name of one part":                 {"v2/nginx/manifests/latest", "pkg:docker/nginx latest primary oci-manifest"},
		"name of four parts":               {"/v2/team/sub/group/app/manifests/v1.2.3", "pkg:docker/team/sub/group/app v1.2.3 primary oci-manifest"},
		"name with separators":             {"/v2/a.b/c_d/e__f/g-h---i/manifests/x", "pkg:docker/a.b/c_d/e__f/g-h---i x primary oci-manifest"},
		"tag with all that a tag may have": {"/v2/a/manifests/_A.b-C_9", "pkg:docker/a _A.b-C_9 primary oci-manifest"},
		"tag of 128 bytes":                 {"/v2/a/manifests/" + strings.Repeat("t", 128), "pkg:docker/a " + strings.Repeat("t", 128) + " primary oci-manifest"},
		"tag like a checksum":              {"/v2/a/manifests/1.0.md5", "pkg:docker/a 1.0.md5 primary oci-manifest"},
		"tag like a signature":             {"/v2/a/manifests/1.0.sig", "pkg:docker/a 1.0.sig primary oci-manifest"},
		"tag with a commit":                {"/v2/a/manifests/main-" + imageHex[:40], "pkg:docker/a main-" + imageHex[:40] + " primary oci-manifest"},
		"tag like half a digest":           {"/v2/a/manifests/sha256-" + imageHex[:60] + ".sig", "pkg:docker/a sha256-" + imageHex[:60] + ".sig primary oci-manifest"},
		"signature with another suffix":    {"/v2/a/manifests/sha256-" + imageHex + ".sig.old", "pkg:docker/a sha256-" + imageHex + ".sig.old primary oci-manifest"},
		"name like an endpoint":            {"/v2/a/manifests/b/manifests/1.0", "pkg:docker/a/manifests/b 1.0 primary oci-manifest"},
		"name like the other endpoint":     {"/v2/a/blobs/b/manifests/1.0", "pkg:docker/a/blobs/b 1.0 primary oci-manifest"},
		"name called manifests":            {"/v2/manifests/manifests/manifests", "pkg:docker/manifests manifests primary oci-manifest"},
		"name called v2":                   {"/v2/v2/v2/manifests/v2", "pkg:docker/v2/v2 v2 primary oci-manifest"},
		"name that ends in v2":             {"/v2/api-v2/manifests/1", "pkg:docker/api-v2 1 primary oci-manifest"},
		"below a proxy":                    {"/Proxy/v2/hub/nginx/manifests/1", "pkg:docker/hub/nginx 1 primary oci-manifest"},
		"behind a v2 of a proxy":           {"/v2/UP/v2/hub/nginx/manifests/1", "pkg:docker/hub/nginx 1 primary oci-manifest"},
		"doubled slashes":                  {"//v2//nginx//manifests//1", "pkg:docker/nginx 1 primary oci-manifest"},
		"escaped slashes":                  {"/v2%2Fteam%2Fapp%2fmanifests%2f1.sig", "pkg:docker/team/app 1.sig primary oci-manifest"},
		"blob":                             {"/v2/team/app/blobs/" + imageDigest, "pkg:docker/team/app " + imageDigest + " layer oci-blob"},
		"blob of a name like one":          {"/v2/blobs/blobs/blobs/" + imageDigest, "pkg:docker/blobs/blobs " + imageDigest + " layer oci-blob"},
		"blob coming in":                   {"/v2/team/app/blobs/uploads/", "pkg:docker/team/app - layer oci-upload"},
		"blob coming in, session":          {"/v2/team/app/blobs/uploads/0f0e0d0c-1111-4222-8333-444444444444", "pkg:docker/team/app - layer oci-upload"},
		"list of tags":                     {"/v2/team/app/tags/list", "pkg:docker/team/app - index oci-tags"},
		"list of referrers":                {"/v2/team/app/referrers/" + imageDigest, "pkg:docker/team/app " + imageDigest + " index oci-referrers"},
		"referrers by tag":                 {"/v2/team/app/manifests/sha256-" + imageHex, "pkg:docker/team/app " + imageDigest + " index oci-referrers"},
		"signature":                        {"/v2/team/app/manifests/sha256-" + imageHex + ".sig", "pkg:docker/team/app " + imageDigest + " signature oci-cosign"},
		"attestation":                      {"/v2/team/app/manifests/sha256-" + imageHex + ".att", "pkg:docker/team/app " + imageDigest + " attestation oci-cosign"},
		"bill of materials":                {"/v2/team/app/manifests/sha256-" + imageHex + ".sbom", "pkg:docker/team/app " + imageDigest + " attestation oci-cosign"},
		"signature by a longer digest":     {"/v2/a/manifests/sha512-" + imageHex[:32] + ".sig", "pkg:docker/a sha512-" + imageHex[:32] + ".sig primary oci-manifest"},
		"repository of Artifactory":        {"/artifactory/api/docker/hub/v2/library/nginx/manifests/1", "pkg:docker/library/nginx 1 primary oci-manifest"},
		"repository of Nexus":              {"/repository/hub/v2/library/nginx/manifests/1", "pkg:docker/library/nginx 1 primary oci-manifest"},
		"name of 255 bytes":                {"/v2/" + strings.Repeat("a", 255) + "/manifests/1", "pkg:docker/" + strings.Repeat("a", 255) + " 1 primary oci-manifest"},
	},
	foreign: []string{
		"v2", "/v2/", "/v2/token", "/v2/_catalog", "/v2/_catalog/", "/v1/library/nginx/manifests/1",
		"/v2/manifests/1", "/v2/nginx/manifests/", "/v2/nginx/manifests", "/v2/nginx/manifests/1/", "/v2/nginx/manifests/1/x",
		"/v2/nginx/manifests/.1", "/v2/nginx/manifests/-1", "/v2/nginx/manifests/1+2", "/v2/nginx/manifests/ü",
		"/v2/nginx/manifests/" + strings.Repeat("t", 129),
		"/v2/Nginx/manifests/1", "/v2/ng%20inx/manifests/1", "/v2/-nginx/manifests/1", "/v2/nginx-/manifests/1", "/v2/a..b/manifests/1",
		"/v2/a___b/manifests/1", "/v2/a_-b/manifests/1", "/v2/a@b/manifests/1", "/v2/" + strings.Repeat("a", 256) + "/manifests/1",
		"/v2/../manifests/1", "/v2/a/../manifests/1", "/xv2/nginx/manifests/1", "/v2x/nginx/manifests/1",
		"/v2/nginx/manifests/sha256:" + imageHex[:63], "/v2/nginx/manifests/sha256:" + strings.ToUpper(imageHex),
		"/v2/nginx/manifests/md5:0123", "/v2/nginx/manifests/:" + imageHex, "/v2/nginx/blobs/latest", "/v2/nginx/blobs/" + imageHex,
		"/v2/nginx/blobs/" + imageDigest + "/", "/v2/nginx/blobs/uploads/a/b", "/v2/nginx/tags/list/", "/v2/nginx/tags/all", "/v2/nginx/tags",
		"/v2/nginx/referrers/1.0", "/v2/nginx/referrers/", "/repositories/r/x/v2/nginx", "/api/packages/o/generic/v2/nginx/manifests/1",
	},
	pieces: []string{
		"/v2/", "/manifests/", "/blobs/", "/tags/list", "/referrers/", "uploads/", "_catalog", imageDigest, "sha256-" + imageHex + ".sig", ".att", ".sbom",
		"latest", "__", "--", "A", "api/docker/r/",
	},
}

func TestDocker(t *testing.T) { dockerTable.check(t) }

func FuzzDocker(f *testing.F) { dockerTable.fuzz(f) }

func TestAFileOfAnImageIsNamedByTagOrDigest(t *testing.T) {
	t.Parallel()
	cosign := "sha256-" + imageHex
	for path, want := range map[string]struct{ repository, file, of string }{
		"/v2/nginx/manifests/1.25":                                   {"library", "nginx:1.25", ""},
		"/v2/library/nginx/manifests/1.25":                           {"library", "library/nginx:1.25", ""},
		"/v2/team/sub/app/manifests/1.25":                            {"team", "team/sub/app:1.25", ""},
		"/v2/team/app/manifests/" + imageDigest:                      {"team", "team/app@" + imageDigest, ""},
		"/v2/team/app/manifests/sha256%3A" + imageHex:                {"team", "team/app@" + imageDigest, ""},
		"/v2/team/app/manifests/1.0.sig":                             {"team", "team/app:1.0.sig", ""},
		"/v2/team/app/manifests/" + cosign + ".sig":                  {"team", "team/app:" + cosign + ".sig", "team/app@" + imageDigest},
		"/v2/app/manifests/" + cosign + ".att":                       {"library", "app:" + cosign + ".att", "app@" + imageDigest},
		"/v2/app/manifests/" + cosign + ".sbom":                      {"library", "app:" + cosign + ".sbom", "app@" + imageDigest},
		"/v2/app/manifests/" + cosign:                                {"library", "app:" + cosign, ""},
		"/v2/team/app/blobs/" + imageDigest:                          {"team", "team/app@" + imageDigest, ""},
		"/v2/team/app/blobs/uploads/":                                {"team", "v2/team/app/blobs/uploads/", ""},
		"/v2/team/app/tags/list":                                     {"team", "v2/team/app/tags/list", ""},
		"/v2/app/referrers/" + imageDigest:                           {"library", "v2/app/referrers/" + imageDigest, ""},
		"/proxy/v2/team/app/manifests/1":                             {"team", "team/app:1", ""},
		"/artifactory/api/docker/hub/v2/team/app/manifests/1":        {"hub", "team/app:1", ""},
		"/repository/hub/v2/team/app/manifests/" + cosign + ".sig":   {"hub", "team/app:" + cosign + ".sig", "team/app@" + imageDigest},
		"/repositories/hub/v2/team/app/tags/list":                    {"hub", "v2/team/app/tags/list", ""},
		"/api/packages/alice/container/v2/alice/app/manifests/1.0.0": {"alice", "alice/app:1.0.0", ""},
	} {
		a := artifact.Parse(path)
		if a.Type != "docker" || a.Repository != want.repository || a.File != want.file || a.SidecarOf != want.of {
			t.Errorf("Parse(%q)\n got %q %q of %q\nwant %q", path, a.Repository, a.File, a.SidecarOf, want)
		}
	}
}

func TestTheCatalogOfARegistryIsOfNoImage(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v2/_catalog":         "pkg:generic/_catalog - index oci-catalog",
		"/hub/v2/_catalog":     "pkg:generic/_catalog - index oci-catalog",
		"/v2/_catalog/":        "pkg:generic/v2/_catalog - index generic",
		"/v2/_catalog/x":       "pkg:generic/v2/_catalog - primary generic",
		"/v2x/_catalog":        "pkg:generic/v2x - primary generic",
		"/v2/team/_catalog":    "pkg:generic/v2/team - primary generic",
		"/v2/_catalog/v2/x.go": "pkg:generic/v2/_catalog/v2 - primary generic",
	} {
		if got := line(checkIn(t, path, "")); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestARepositoryOfAnotherFormatHasNoImages(t *testing.T) {
	t.Parallel()
	const path = "g/v2/app/manifests/app-manifests.jar"
	for format, want := range map[string]string{
		"":        "pkg:docker/app app-manifests.jar primary oci-manifest",
		"docker":  "pkg:docker/app app-manifests.jar primary oci-manifest",
		"maven":   "pkg:maven/g.v2/app manifests primary maven-path",
		"generic": "pkg:generic/g/v2/app/manifests - primary generic",
	} {
		if got := line(checkIn(t, path, format)); got != want {
			t.Errorf("ParseIn(%q, %q) = %s, want %s", path, format, got, want)
		}
	}
}
