package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

const (
	sha1Hex   = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	sha256Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var npmTable = table{
	typ: "npm",
	paths: map[string]golden{
		"tarball":                       {"/left-pad/-/left-pad-1.3.0.tgz", "pkg:npm/left-pad 1.3.0 primary npm-tarball"},
		"scope":                         {"/@babel/core/-/core-7.24.0.tgz", "pkg:npm/%40babel/core 7.24.0 primary npm-tarball"},
		"scope, escaped slash":          {"/@babel%2fcore/-/core-7.24.0.tgz", "pkg:npm/%40babel/core 7.24.0 primary npm-tarball"},
		"scope, all escaped":            {"/%40babel%2Fcore/-/core-7.24.0.tgz", "pkg:npm/%40babel/core 7.24.0 primary npm-tarball"},
		"scope repeated":                {"/artifactory/api/npm/npm-local/@babel/core/-/@babel/core-7.24.0.tgz", "pkg:npm/%40babel/core 7.24.0 primary npm-tarball"},
		"scope repeated, gitlab":        {"/api/v4/projects/42/packages/npm/@acme/ui/-/@acme/ui-1.0.0.tgz", "pkg:npm/%40acme/ui 1.0.0 primary npm-tarball"},
		"gitea":                         {"/api/packages/alice/npm/left-pad/-/1.3.0/left-pad-1.3.0.tgz", "pkg:npm/left-pad 1.3.0 primary npm-tarball"},
		"gitea, scope":                  {"/api/packages/alice/npm/@acme%2fui/-/1.0.0-rc.1/ui-1.0.0-rc.1.tgz", "pkg:npm/%40acme/ui 1.0.0-rc.1 primary npm-tarball"},
		"nexus":                         {"/repository/npm-group/@types/node/-/node-20.11.5.tgz", "pkg:npm/%40types/node 20.11.5 primary npm-tarball"},
		"hyphen above the package":      {"/git/api/v4/groups/7/-/packages/npm/left-pad/-/left-pad-1.3.0.tgz", "pkg:npm/left-pad 1.3.0 primary npm-tarball"},
		"verdaccio below a path":        {"/npm/feed/left-pad/-/left-pad-1.3.0.tgz", "pkg:npm/left-pad 1.3.0 primary npm-tarball"},
		"azure":                         {"/acme/_packaging/feed/npm/registry/@acme/ui/-/ui-1.0.0.tgz", "pkg:npm/%40acme/ui 1.0.0 primary npm-tarball"},
		"prerelease with hyphens":       {"/react/-/react-19.0.0-canary-a1-b2-20240131.tgz", "pkg:npm/react 19.0.0-canary-a1-b2-20240131 primary npm-tarball"},
		"prerelease and build":          {"/foo/-/foo-1.0.0-rc.1+build.5.tgz", "pkg:npm/foo 1.0.0-rc.1+build.5 primary npm-tarball"},
		"build, escaped":                {"/foo/-/foo-1.0.0%2Bbuild.tgz", "pkg:npm/foo 1.0.0+build primary npm-tarball"},
		"version of two numbers":        {"/foo/-/foo-1.0.tgz", "pkg:npm/foo 1.0 primary npm-tarball"},
		"name that ends like a version": {"/foo-2/-/foo-2-1.0.0.tgz", "pkg:npm/foo-2 1.0.0 primary npm-tarball"},
		"name that is a version":        {"/1.0.0/-/1.0.0-2.0.0.tgz", "pkg:npm/1.0.0 2.0.0 primary npm-tarball"},
		"name with a dot":               {"/socket.io/-/socket.io-4.7.4.tgz", "pkg:npm/socket.io 4.7.4 primary npm-tarball"},
		"name like an archive":          {"/tar.tgz/-/tar.tgz-1.0.0.tgz", "pkg:npm/tar.tgz 1.0.0 primary npm-tarball"},
		"name in upper case":            {"/JSONStream/-/JSONStream-1.3.5.tgz", "pkg:npm/JSONStream 1.3.5 primary npm-tarball"},
		"package called hyphen":         {"/-/-/--0.0.1.tgz", "pkg:npm/- 0.0.1 primary npm-tarball"},
		"doubled slashes":               {"//@babel//core//-//core-7.24.0.tgz", "pkg:npm/%40babel/core 7.24.0 primary npm-tarball"},
		"github":                        {"/download/@acme/ui/1.0.0/" + sha1Hex, "pkg:npm/%40acme/ui 1.0.0 primary npm-tarball"},
		"github, longer digest":         {"/download/@acme/ui/1.0.0-beta.1/" + sha256Hex, "pkg:npm/%40acme/ui 1.0.0-beta.1 primary npm-tarball"},
		"jsr":                           {"/~/11/@jsr/std__path/1.0.8.tgz", "pkg:npm/%40jsr/std__path 1.0.8 primary npm-tarball"},
		"packument with a scope":        {"/@babel/core", "pkg:npm/%40babel/core - index npm-index"},
		"packument, escaped":            {"/@babel%2fcore", "pkg:npm/%40babel/core - index npm-index"},
		"packument with a dot":          {"/@types/socket.io", "pkg:npm/%40types/socket.io - index npm-index"},
		"tags":                          {"/-/package/left-pad/dist-tags", "pkg:npm/left-pad - index npm-index"},
		"tags of a scope":               {"/-/package/@babel%2fcore/dist-tags", "pkg:npm/%40babel/core - index npm-index"},
		"one tag":                       {"/-/package/@babel/core/dist-tags/next", "pkg:npm/%40babel/core - index npm-index"},
	},
	known: map[string]golden{
		"bare tarball":                  {"left-pad-1.3.0.tgz", "pkg:npm/left-pad 1.3.0 primary npm-tarball"},
		"bare, prerelease with hyphens": {"foo-1.0.0-beta-2.0.0.tgz", "pkg:npm/foo 1.0.0-beta-2.0.0 primary npm-tarball"},
		"bare, name like a version":     {"foo-1-2.0.0.tgz", "pkg:npm/foo-1 2.0.0 primary npm-tarball"},
		"bare below its scope":          {"@acme/ui-1.0.0.tgz", "pkg:npm/%40acme/ui 1.0.0 primary npm-tarball"},
		"below its name":                {"left-pad/left-pad-1.3.tgz", "pkg:npm/left-pad 1.3 primary npm-tarball"},
		"below its scope and name":      {"@acme/ui/ui-1.0.0.tgz", "pkg:npm/%40acme/ui 1.0.0 primary npm-tarball"},
		"cnpm":                          {"left-pad/download/left-pad-1.3.0.tgz", "pkg:npm/left-pad 1.3.0 primary npm-tarball"},
		"cnpm, scope":                   {"@acme/ui/download/@acme/ui-1.0.0.tgz", "pkg:npm/%40acme/ui 1.0.0 primary npm-tarball"},
		"packument":                     {"left-pad", "pkg:npm/left-pad - index npm-index"},
		"packument with a slash":        {"left-pad/", "pkg:npm/left-pad - index npm-index"},
		"packument with a dot":          {"chart.js", "pkg:npm/chart.js - index npm-index"},
		"one version":                   {"left-pad/1.3.0", "pkg:npm/left-pad 1.3.0 index npm-index"},
		"one version of a scope":        {"@babel/core/7.24.0", "pkg:npm/%40babel/core 7.24.0 index npm-index"},
		"latest version":                {"left-pad/latest", "pkg:npm/left-pad - index npm-index"},
	},
	foreign: []string{
		"left-pad",
		"left-pad-1.3.0.tgz",
		"left-pad/left-pad-1.3.0.tgz",
		"left-pad/-/right-pad-1.3.0.tgz",
		"left-pad/-/left-pad.tgz",
		"left-pad/-/left-pad-.tgz",
		"left-pad/-/left-pad-latest.tgz",
		"left-pad/-/left-pad-1.3.0.tgz/",
		"left-pad/-/left-pad-1.3.0.tar.gz",
		"left-pad/-/1.3.1/left-pad-1.3.0.tgz",
		"left-pad/-/a/1.3.0/left-pad-1.3.0.tgz",
		"left pad/-/left pad-1.3.0.tgz",
		"@babel/core/-/@other/core-7.24.0.tgz",
		"@babel/core/-/@babelcore-7.24.0.tgz",
		"-/left-pad-1.3.0.tgz",
		"acme/app/-/archive/v1.0.0/app-v1.0.0.tgz",
		"acme/app/-/archive/1.0.0/app-1.0.0.tgz",
		"acme/app/-/jobs/7/artifacts/raw/dist/app-1.0.0.tgz",
		"-/metrics",
		"-/readiness",
		"@acme/handbook.pdf",
		"@acme/tool.zip",
		"@acme/tool/linux",
		"@/tool",
		"@acme/",
		"@",
		"users/@acme/tool",
		"download/@acme/ui/1.0.0",
		"download/@acme/ui/1.0.0/" + sha1Hex + "0",
		"download/@acme/ui/latest/" + sha1Hex,
		"download/acme/ui/1.0.0/" + sha1Hex,
		"xdownload/@acme/ui/1.0.0/" + sha1Hex,
		"charts/nginx-1.2.3.tgz",
		"@jsr/std__path/latest.tgz",
		"com/acme/app/1.0/app-1.0.jar",
	},
	pieces: []string{"/-/", "-/", "@scope/", "@", "%40", "download/", sha1Hex, "/dist-tags", "-/package/", "@jsr/", "latest"},
}

func TestNPM(t *testing.T) { npmTable.check(t) }

func FuzzNPM(f *testing.F) { npmTable.fuzz(f) }

func TestAServiceOfAnNPMRegistryIsAnIndexOfNothing(t *testing.T) {
	t.Parallel()
	const want = "pkg:generic/- - index npm-service"
	for _, path := range []string{
		"/-/all", "/-/v1/search", "/-/npm/v1/security/advisories/bulk", "/-/npm/v1/keys", "/-/whoami", "/-/user/org.couchdb.user:alice",
		"/-/package/left-pad/access", "/-/verdaccio/data/packages", "/-/all/", "/-/v1/login",
	} {
		if got := line(artifact.Parse(path)); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
	if got := line(artifact.ParseIn("-/anything", "npm")); got != want {
		t.Errorf("any path below -/ in a registry = %s, want %s", got, want)
	}
	if got := line(artifact.Parse("-/anything")); got == want {
		t.Error("any path below -/ is taken for a registry's")
	}
}
