package artifact_test

import "testing"

var alpineTable = table{
	typ: "apk",
	paths: map[string]golden{
		"mirror":                      {"/alpine/v3.19/main/x86_64/curl-8.5.0-r0.apk", "pkg:apk/curl 8.5.0-r0 primary apk"},
		"community":                   {"/v3.19/community/aarch64/nodejs-current-21.7.3-r0.apk", "pkg:apk/nodejs-current 21.7.3-r0 primary apk"},
		"Gitea":                       {"/api/packages/alice/alpine/v3.19/main/x86_64/hello-1.0-r0.apk", "pkg:apk/hello 1.0-r0 primary apk"},
		"Artifactory":                 {"/artifactory/alpine/v3.19/main/x86_64/hello-1.0-r0.apk", "pkg:apk/hello 1.0-r0 primary apk"},
		"Wolfi":                       {"/os/x86_64/glibc-2.39-r4.apk", "pkg:apk/glibc 2.39-r4 primary apk"},
		"edge":                        {"/edge/testing/riscv64/zig-0.11.0-r1.apk", "pkg:apk/zig 0.11.0-r1 primary apk"},
		"large release":               {"/v3.19/main/x86/busybox-1.36.1-r29.apk", "pkg:apk/busybox 1.36.1-r29 primary apk"},
		"suffix":                      {"/v3.19/main/x86_64/openssh-9.6_p1-r0.apk", "pkg:apk/openssh 9.6_p1-r0 primary apk"},
		"snapshot of a commit":        {"/v3.19/main/x86_64/tool-0.1_git20240101~abc123-r2.apk", "pkg:apk/tool 0.1_git20240101~abc123-r2 primary apk"},
		"letter behind the number":    {"/v3.19/main/x86_64/openssl-1.1.1w-r1.apk", "pkg:apk/openssl 1.1.1w-r1 primary apk"},
		"name that ends in a version": {"/v3.19/main/x86_64/so-1.0-2.0-r3.apk", "pkg:apk/so-1.0 2.0-r3 primary apk"},
		"number in the name":          {"/v3.19/main/x86_64/py3-pip-23.3.1-r0.apk", "pkg:apk/py3-pip 23.3.1-r0 primary apk"},
		"name with a release":         {"/v3.19/main/x86_64/tool-r2-1.0-r0.apk", "pkg:apk/tool-r2 1.0-r0 primary apk"},
		"plus in the name":            {"/v3.19/main/x86_64/libstdc++-13.2.1_git20231014-r0.apk", "pkg:apk/libstdc%2B%2B 13.2.1_git20231014-r0 primary apk"},
		"escaped plus":                {"/v3.19/main/x86_64/gtk%2B3.0-3.24.38-r0.apk", "pkg:apk/gtk%2B3.0 3.24.38-r0 primary apk"},
		"upper case":                  {"/v3.19/community/x86_64/R-4.3.2-r0.apk", "pkg:apk/r 4.3.2-r0 primary apk"},
		"upper case extension":        {"/v3.19/main/x86_64/curl-8.5.0-r0.APK", "pkg:apk/curl 8.5.0-r0 primary apk"},
		"doubled slashes":             {"//v3.19//main/x86_64//curl-8.5.0-r0.apk", "pkg:apk/curl 8.5.0-r0 primary apk"},
		"date for a version":          {"/v3.19/main/noarch/tzdata-2024a-r0.apk", "pkg:apk/tzdata 2024a-r0 primary apk"},
		"subpackage":                  {"/v3.19/main/x86_64/curl-dev-8.5.0-r0.apk", "pkg:apk/curl-dev 8.5.0-r0 primary apk"},
	},
	names: map[string]golden{
		"bare":           {"curl-8.5.0-r0.apk", "pkg:apk/curl 8.5.0-r0 primary apk"},
		"anywhere":       {"/downloads/curl-8.5.0-r0.apk", "pkg:apk/curl 8.5.0-r0 primary apk"},
		"OpenWrt":        {"/packages/mips_24kc/base/luci-base-24.086-r1.apk", "pkg:apk/luci-base 24.086-r1 primary apk"},
		"in Maven's way": {"com/acme/app/1.0/app-1.0-r1.apk", "pkg:apk/app 1.0-r1 primary apk"},
	},
	foreign: []string{
		"app-release.apk",
		"app-1.0.apk",
		"app-1.0-release.apk",
		"app-1.0-r.apk",
		"app-1.0-r1a.apk",
		"app-1.0-R1.apk",
		"app-r1.apk",
		"-1.0-r1.apk",
		"app--r1.apk",
		"app-beta-r1.apk",
		"app-v1.0-r1.apk",
		"my app-1.0-r1.apk",
		"com/acme/app/1.0/app-1.0.apk",
		"com.acme.app_12345.apk",
		"curl-8.5.0-r0.apk/",
		"curl-8.5.0-r0.apk.txt",
		"/v3.19/main/x86_64/APKINDEX.tar.gz",
		"/v3.19/main/x86_64/curl-8.5.0-r0",
	},
	pieces: []string{"x86_64/", ".apk", "-r0", "-r", "_git2024", "APKINDEX.tar.gz", "~abc"},
}

func TestAlpine(t *testing.T) { alpineTable.check(t) }

func FuzzAlpine(f *testing.F) { alpineTable.fuzz(f) }

func TestAnIndexOfAlpineIsOfNoPackage(t *testing.T) {
	checkUnnamed(t, "", map[string]string{
		"/alpine/v3.19/main/x86_64/APKINDEX.tar.gz":                    "pkg:generic/alpine/v3.19/main/x86_64 - index apk-index",
		"/api/packages/alice/alpine/v3.19/main/x86_64/APKINDEX.tar.gz": "pkg:generic/v3.19/main/x86_64 - index apk-index",
		"APKINDEX.tar.gz":                       "pkg:generic/APKINDEX.tar.gz - index apk-index",
		"/packages/mips_24kc/base/packages.adb": "pkg:generic/packages/mips_24kc/base - index apk-index",
		"/v3.19/main/x86_64/apkindex.tar.gz":    "pkg:generic/v3.19/main/x86_64 v3.19 primary generic",
	})
}
