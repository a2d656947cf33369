package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

// checkUnnamed holds indexes that are of no package to their meaning in a
// repository of a format, or in any.
func checkUnnamed(t *testing.T, format string, indexes map[string]string) {
	t.Helper()
	t.Parallel()
	for path, want := range indexes {
		a := checkIn(t, path, format)
		if got := line(a); got != want || a.Type != "generic" {
			t.Errorf("ParseIn(%q, %q)\n got %s\nwant %s", path, format, got, want)
		}
	}
}

var debianTable = table{
	typ: "deb",
	paths: map[string]golden{
		"pool":                        {"/pool/main/c/curl/curl_7.88.1-10+deb12u5_amd64.deb", "pkg:deb/curl 7.88.1-10+deb12u5 primary deb-pool"},
		"pool below a distribution":   {"/debian/pool/main/n/nano/nano_7.2-1_arm64.deb", "pkg:deb/nano 7.2-1 primary deb-pool"},
		"pool of Gitea":               {"/api/packages/alice/debian/pool/bookworm/main/hello_1.0_amd64.deb", "pkg:deb/hello 1.0 primary deb-pool"},
		"pool of Artifactory":         {"/artifactory/debs/pool/hello_1.0_all.deb", "pkg:deb/hello 1.0 primary deb-pool"},
		"pool of Nexus":               {"/repository/apt/pool/h/hello/hello_1.0_all.deb", "pkg:deb/hello 1.0 primary deb-pool"},
		"packages of Nexus":           {"/repository/apt/packages/h/hello/hello_1.0_all.deb", "pkg:deb/hello 1.0 primary deb-pool"},
		"pool of Cloudsmith":          {"/public/acme/tools/deb/ubuntu/pool/jammy/main/h/he/hello_1.0/hello_1.0_amd64.deb", "pkg:deb/hello 1.0 primary deb-pool"},
		"epoch":                       {"/pool/main/v/vim/vim_2:9.0.1378-2_amd64.deb", "pkg:deb/vim 2:9.0.1378-2 primary deb-pool"},
		"escaped epoch":               {"/pool/main/v/vim/vim_2%3a9.0.1378-2_amd64.deb", "pkg:deb/vim 2:9.0.1378-2 primary deb-pool"},
		"epoch escaped twice":         {"/pool/main/v/vim/vim_2%253A9.0-2_amd64.deb", "pkg:deb/vim 2:9.0-2 primary deb-pool"},
		"tilde":                       {"/pool/main/f/firefox/firefox_115.0~b9+build1-0ubuntu0.22.04.1~mt1_i386.deb", "pkg:deb/firefox 115.0~b9+build1-0ubuntu0.22.04.1~mt1 primary deb-pool"},
		"plus in the name":            {"/pool/main/g/gcc-12/libstdc++6_12.2.0-14_amd64.deb", "pkg:deb/libstdc%2B%2B6 12.2.0-14 primary deb-pool"},
		"escaped plus":                {"/pool/main/g/gcc-12/libstdc%2B%2B6_12.2.0-14_amd64.deb", "pkg:deb/libstdc%2B%2B6 12.2.0-14 primary deb-pool"},
		"name that ends in a version": {"/pool/main/p/python3.11/libpython3.11-minimal_3.11.2-6_amd64.deb", "pkg:deb/libpython3.11-minimal 3.11.2-6 primary deb-pool"},
		"architecture with a hyphen":  {"/pool/main/h/hurd/hurd-libs0.3_1%3a0.9-1_kfreebsd-amd64.deb", "pkg:deb/hurd-libs0.3 1:0.9-1 primary deb-pool"},
		"architecture of Termux":      {"/apt/termux-main/pool/main/v/vim/vim_9.0.2190_x86_64.deb", "pkg:deb/vim 9.0.2190 primary deb-pool"},
		"installer package":           {"/pool/main/b/busybox/busybox-udeb_1.35.0-4+b3_amd64.udeb", "pkg:deb/busybox-udeb 1.35.0-4+b3 primary deb-pool"},
		"debug symbols":               {"/ubuntu/pool/main/c/curl/curl-dbgsym_7.81.0-1ubuntu1_amd64.ddeb", "pkg:deb/curl-dbgsym 7.81.0-1ubuntu1 sources deb-pool"},
		"build of a package":          {"/pool/main/c/curl/curl_7.88.1-10_amd64.buildinfo", "pkg:deb/curl 7.88.1-10 metadata deb-pool"},
		"below dists":                 {"/dists/pool/hello_1.0_amd64.deb", "pkg:deb/hello 1.0 primary deb-pool"},
		"doubled slashes":             {"//debian//pool/main//c/curl/curl_7.88.1-10_amd64.deb", "pkg:deb/curl 7.88.1-10 primary deb-pool"},
		"upper case":                  {"/pool/main/A/Acme/Acme-Tool_1.0RC1_amd64.DEB", "pkg:deb/acme-tool 1.0RC1 primary deb-pool"},
		"source description":          {"/pool/main/c/curl/curl_7.88.1-10+deb12u5.dsc", "pkg:deb/curl 7.88.1-10+deb12u5 sources deb-source"},
		"upstream source":             {"/pool/main/c/curl/curl_7.88.1.orig.tar.gz", "pkg:deb/curl 7.88.1 sources deb-source"},
		"component of a source":       {"/pool/main/n/node-x/node-x_1.2+~cs3.orig-types-y.tar.xz", "pkg:deb/node-x 1.2+~cs3 sources deb-source"},
		"packaging of a source":       {"/pool/main/c/curl/curl_7.88.1-10+deb12u5.debian.tar.xz", "pkg:deb/curl 7.88.1-10+deb12u5 sources deb-source"},
		"old packaging of a source":   {"/pool/main/x/xpad/xpad_4.0-1.diff.gz", "pkg:deb/xpad 4.0-1 sources deb-source"},
		"native source":               {"/pool/main/d/dpkg/dpkg_1.21.22.tar.xz", "pkg:deb/dpkg 1.21.22 sources deb-source"},
	},
	names: map[string]golden{
		"bare":                   {"hello_1.0-1_amd64.deb", "pkg:deb/hello 1.0-1 primary deb-name"},
		"anywhere":               {"/downloads/hello_1.0-1_amd64.deb", "pkg:deb/hello 1.0-1 primary deb-name"},
		"below dists":            {"/dists/stable/main/binary-amd64/hello_1.0-1_amd64.deb", "pkg:deb/hello 1.0-1 primary deb-name"},
		"pool in another word":   {"/spool/hello_1.0-1_amd64.deb", "pkg:deb/hello 1.0-1 primary deb-name"},
		"version that is a word": {"/linux/direct/google-chrome-stable_current_amd64.deb", "pkg:deb/google-chrome-stable current primary deb-name"},
		"number for a revision":  {"code_1.85.1-1702462158_amd64.deb", "pkg:deb/code 1.85.1-1702462158 primary deb-name"},
		"source description":     {"/src/hello_2.10-3.dsc", "pkg:deb/hello 2.10-3 sources deb-source"},
		"upstream source":        {"/src/hello_2.10.orig.tar.gz", "pkg:deb/hello 2.10 sources deb-source"},
	},
	known: map[string]golden{
		"native source":             {"src/hello_1.0.tar.gz", "pkg:deb/hello 1.0 sources deb-source"},
		"native source of no place": {"hello_1.0.tar.zst", "pkg:deb/hello 1.0 sources deb-source"},
	},
	foreign: []string{
		"/pool/main/c/curl/curl.deb",
		"/pool/main/c/curl/curl_7.88.1.deb",
		"/pool/main/c/curl/curl_7.88.1_x86_64",
		"/pool/main/c/curl/_7.88.1_amd64.deb",
		"/pool/main/c/curl/curl__amd64.deb",
		"/pool/main/c/curl/curl_7.88.1_.deb",
		"/pool/main/c/curl/curl_7.88.1_amd64.deb/",
		"/pool/main/c/curl/curl_7.88.1_amd64.deb.txt",
		"app_1.0.0_linux_amd64.deb",
		"app-1.0_x86_64.deb",
		"app_x86_64.deb",
		"app_1.0_linux_x86_64.deb",
		"my app_1.0_amd64.deb",
		"images_2024.tar.gz",
		"/pool/images_2024.tar.gz",
		"/pool/images_2024.dsc/x",
		"config_prod.dsc",
		"/packages/hello/1.0_beta.tar.gz",
		"/dists/stable/InRelease",
		"/dists/",
		"com/acme/app/1.0/app-1.0.deb",
		"app-1.0.deb",
	},
	pieces: []string{"pool/", "dists/", "by-hash/SHA256/", "_1.0_amd64", ".deb", ".dsc", ".orig", ".tar.xz", "%3a", "%253a", "_x86_64", "Packages.gz", "packages/"},
}

func TestDebian(t *testing.T) { debianTable.check(t) }

func FuzzDebian(f *testing.F) { debianTable.fuzz(f) }

func TestAnIndexOfDebianIsOfNoPackage(t *testing.T) {
	checkUnnamed(t, "", map[string]string{
		"/debian/dists/bookworm/InRelease":                                          "pkg:generic/debian/dists/bookworm - index deb-index",
		"/dists/bookworm/Release.gpg":                                               "pkg:generic/dists/bookworm - index deb-index",
		"/dists/12.5/main/binary-amd64/Packages.xz":                                 "pkg:generic/dists/12.5/main/binary-amd64 - index deb-index",
		"/dists/bookworm/main/source/Sources":                                       "pkg:generic/dists/bookworm/main/source - index deb-index",
		"/dists/bookworm/main/Contents-amd64.gz":                                    "pkg:generic/dists/bookworm/main - index deb-index",
		"/dists/bookworm/main/i18n/Translation-en.bz2":                              "pkg:generic/dists/bookworm/main/i18n - index deb-index",
		"/dists/bookworm/main/dep11/icons-64x64.tar.gz":                             "pkg:generic/dists/bookworm/main/dep11 - index deb-index",
		"/dists/bookworm/main/binary-amd64/by-hash/SHA256/" + hash:                  "pkg:generic/dists/bookworm/main/binary-amd64 - index deb-index",
		"/dists/bookworm/main/binary-amd64/Packages.diff/T-2024-01-01-0200.11-F.gz": "pkg:generic/dists/bookworm/main/binary-amd64 - index deb-index",
		"/dists/bookworm/":                                                          "pkg:generic/dists/bookworm - index deb-index",
		"/dists/bookworm/readme.txt":                                                "pkg:generic/dists/bookworm - primary generic",
		"/dists/bookworm/main/installer-amd64/current/images/netboot/mini.iso":      "pkg:generic/dists/bookworm/main/installer-amd64/current/images/netboot - primary generic",
		"/apt/Packages.gz":                                                          "pkg:generic/apt - primary generic",
		"Release":                                                                   "pkg:generic/Release - primary generic",
	})
}

func TestAFlatIndexOfDebianNeedsTheFormat(t *testing.T) {
	checkUnnamed(t, "deb", map[string]string{
		"/apt/Packages.gz":       "pkg:generic/apt - index deb-index",
		"Release":                "pkg:generic/Release - index deb-index",
		"by-hash/SHA256/" + hash: "pkg:generic/by-hash - index deb-index",
		"/pool/":                 "pkg:generic/pool - index deb-index",
		"key.gpg":                "pkg:generic/key.gpg - primary generic",
	})
}

func TestASignatureOfASourceIsOfTheSource(t *testing.T) {
	t.Parallel()
	a := artifact.Parse("/pool/main/c/curl/curl_7.88.1.orig.tar.gz.asc")
	if want := "pkg:deb/curl 7.88.1 signature deb-source"; line(a) != want {
		t.Errorf("got %s, want %s", line(a), want)
	}
}
