package artifact_test

import "testing"

var rpmTable = table{
	typ: "rpm",
	paths: map[string]golden{
		"by initial":                  {"/9/Everything/x86_64/Packages/c/curl-7.76.1-29.el9_4.x86_64.rpm", "pkg:rpm/curl 7.76.1-29.el9_4 primary rpm"},
		"packages":                    {"/centos/7/os/x86_64/Packages/bash-4.2.46-34.el7.x86_64.rpm", "pkg:rpm/bash 4.2.46-34.el7 primary rpm"},
		"architecture":                {"/rpm/stable/x86_64/hello-1.0-1.x86_64.rpm", "pkg:rpm/hello 1.0-1 primary rpm"},
		"noarch beside others":        {"/rpm/stable/x86_64/hello-data-1.0-1.noarch.rpm", "pkg:rpm/hello-data 1.0-1 primary rpm"},
		"yum of Nexus":                {"/repository/yum/Packages/hello-1.0-1.aarch64.rpm", "pkg:rpm/hello 1.0-1 primary rpm"},
		"Gitea":                       {"/api/packages/alice/rpm/package/hello/1.0-1/x86_64/hello-1.0-1.x86_64.rpm", "pkg:rpm/hello 1.0-1 primary rpm"},
		"Gitea, no file":              {"/api/packages/alice/rpm/el9/package/hello/1.0-1/x86_64", "pkg:rpm/hello 1.0-1 primary rpm"},
		"ALT":                         {"/Sisyphus/x86_64/RPMS.classic/curl-8.5.0-alt1.x86_64.rpm", "pkg:rpm/curl 8.5.0-alt1 primary rpm"},
		"source":                      {"/9/BaseOS/source/tree/Packages/b/bash-5.1.8-9.el9.src.rpm", "pkg:rpm/bash 5.1.8-9.el9 sources rpm"},
		"source without its sources":  {"/SRPMS/acroread-9.5.5-1.nosrc.rpm", "pkg:rpm/acroread 9.5.5-1 sources rpm"},
		"delta":                       {"/x86_64/drpms/bash-4.2.45-3.fc19_4.2.45-4.fc19.x86_64.drpm", "pkg:rpm/bash 4.2.45-4.fc19 primary rpm"},
		"delta with a hyphen in it":   {"/x86_64/drpms/perl-CPAN-Meta-2.1-1.el7_9_2.2-1.el7_9.noarch.drpm", "pkg:rpm/perl-CPAN-Meta 2.2-1.el7_9 primary rpm"},
		"delta of one version":        {"/x86_64/drpms/bash-4.2-1.x86_64.drpm", "pkg:rpm/bash 4.2-1 primary rpm"},
		"tilde and caret":             {"/Packages/g/glibc-2.39~pre1^git5-0.1.fc40.i686.rpm", "pkg:rpm/glibc 2.39~pre1^git5-0.1.fc40 primary rpm"},
		"plus signs":                  {"/Packages/l/libstdc++-11.4.1-2.1.el9.x86_64.rpm", "pkg:rpm/libstdc%2B%2B 11.4.1-2.1.el9 primary rpm"},
		"escaped plus signs":          {"/Packages/l/libsigc%2B%2B20-2.10.7-2.el9.x86_64.rpm", "pkg:rpm/libsigc%2B%2B20 2.10.7-2.el9 primary rpm"},
		"epoch":                       {"/Packages/v/vim-common-2:8.2.2637-20.el9.x86_64.rpm", "pkg:rpm/vim-common 2:8.2.2637-20.el9 primary rpm"},
		"name that ends in a version": {"/Packages/j/java-1.8.0-openjdk-1.8.0.412.b08-2.el9.x86_64.rpm", "pkg:rpm/java-1.8.0-openjdk 1.8.0.412.b08-2.el9 primary rpm"},
		"name that ends in a number":  {"/Packages/g/gtk3-3-1.0-1.noarch.rpm", "pkg:rpm/gtk3-3 1.0-1 primary rpm"},
		"upper case":                  {"/Packages/i/ImageMagick-6.9.13.10-1.el9.x86_64.RPM", "pkg:rpm/ImageMagick 6.9.13.10-1.el9 primary rpm"},
		"doubled slashes":             {"/centos//7/os/Packages//bash-4.2.46-34.el7.x86_64.rpm", "pkg:rpm/bash 4.2.46-34.el7 primary rpm"},
		"escaped slash":               {"/Packages%2Fbash-4.2.46-34.el7.x86_64.rpm", "pkg:rpm/bash 4.2.46-34.el7 primary rpm"},
		"v before the version":        {"/x86_64/tool-v1.2.3-1.x86_64.rpm", "pkg:rpm/tool v1.2.3-1 primary rpm"},
	},
	names: map[string]golden{
		"bare":     {"hello-1.0-1.x86_64.rpm", "pkg:rpm/hello 1.0-1 primary rpm"},
		"anywhere": {"/downloads/slack-4.35.126-0.1.el8.x86_64.rpm", "pkg:rpm/slack 4.35.126-0.1.el8 primary rpm"},
		"source":   {"hello-1.0-1.src.rpm", "pkg:rpm/hello 1.0-1 sources rpm"},
		"in the layout of Maven": {
			"com/acme/app/1.0/app-1.0-1.noarch.rpm",
			"pkg:rpm/app 1.0-1 primary rpm",
		},
	},
	known: map[string]golden{
		"architecture that is not known": {"hello-1.0-1.elbrus_4.rpm", "pkg:rpm/hello 1.0-1 primary rpm"},
		"version with letters":           {"hello-svn1234-1.x86_64.rpm", "pkg:rpm/hello svn1234-1 primary rpm"},
		"coordinates":                    {"package/hello/1.0-1/x86_64", "pkg:rpm/hello 1.0-1 primary rpm"},
	},
	foreign: []string{
		"hello.rpm",
		"hello-1.0.rpm",
		"hello-1.0.x86_64.rpm",
		"hello-1.0-1.rpm",
		"hello-1.0-1.x86_64.rpm/",
		"hello-1.0-1.x86_64.rpm.txt",
		"-1.0-1.x86_64.rpm",
		"hello--1.x86_64.rpm",
		"hello-1.0-.x86_64.rpm",
		"my-app-1.0.noarch.rpm",
		"zoom_x86_64.rpm",
		"google-chrome-stable_current_x86_64.rpm",
		"app_1.0.0_linux_amd64.rpm",
		"my-cool-app_1.0.0_linux_amd64.rpm",
		"com/acme/app/1.0/app-1.0.rpm",
		"com/acme/app/1.0/app-1.0-x86_64.rpm",
		"/packages/any/f/foo/foo-1.0-1.noarch.rpm",
		"/package/hello/1.0-1/x86_64",
		"/repodata/repomd.xml",
		"apache-maven-3.9.6-1.i586.delta.rpm",
	},
	pieces: []string{"Packages/", "repodata/", "package/", ".rpm", ".drpm", ".src", ".x86_64", "-1.el9", "_2.0", "^", "2:"},
}

func TestRPM(t *testing.T) { rpmTable.check(t) }

func FuzzRPM(f *testing.F) { rpmTable.fuzz(f) }

func TestAnIndexOfRPMIsOfNoPackage(t *testing.T) {
	checkUnnamed(t, "", map[string]string{
		"/repodata/repomd.xml":                                "pkg:generic/repodata - index rpm-index",
		"/repodata/repomd.xml.asc":                            "pkg:generic/repodata - signature rpm-index",
		"/9/BaseOS/x86_64/os/repodata/abc123-primary.xml.zst": "pkg:generic/9/BaseOS/x86_64/os/repodata - index rpm-index",
		"/9.4/x86_64/os/repodata/abc123-filelists.sqlite.bz2": "pkg:generic/9.4/x86_64/os/repodata - index rpm-index",
		"/api/packages/alice/rpm/repodata/other.xml.gz":       "pkg:generic/repodata - index rpm-index",
		"/9/x86_64/repodata/":                                 "pkg:generic/9/x86_64/repodata - index rpm-index",
		"/9/x86_64/myrepodata/x.xml":                          "pkg:generic/9/x86_64/myrepodata - primary generic",
		"/9/x86_64/repodata":                                  "pkg:generic/9/x86_64 - primary generic",
	})
}
