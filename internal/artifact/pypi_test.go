package artifact_test

import (
	"testing"
)

const hash = "1c7cb1f4067183181c33dfd8e2624cc0a62012a824140ff9e0a33754e469"

var pypiPaths = map[string]golden{
	"wheel":                                 {"/simple/foo/foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"wheel of pypi.org":                     {"/packages/1c/7c/" + hash + "/numpy-1.26.4-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "pkg:pypi/numpy 1.26.4 primary pypi-wheel"},
	"wheel of devpi":                        {"/root/pypi/+f/1c7/cb1f4067183181/foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"wheel of gitea":                        {"/api/packages/alice/pypi/files/foo/1.0/foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"wheel of gitlab":                       {"/api/v4/projects/1/packages/pypi/files/" + hash + "/foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"sdist":                                 {"/simple/foo/foo-1.0.tar.gz", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"sdist with another spelling":           {"/simple/foo-bar/Foo_Bar-1.0.tar.gz", "pkg:pypi/foo-bar 1.0 primary pypi-sdist"},
	"sdist with runs of separators":         {"/simple/foo-bar/foo.-_bar-1.0.tar.gz", "pkg:pypi/foo-bar 1.0 primary pypi-sdist"},
	"project that ends like a version":      {"/simple/foo-2/foo-2-1.0.tar.gz", "pkg:pypi/foo-2 1.0 primary pypi-sdist"},
	"nearest project":                       {"/packages/foo/foo-1/foo-1-2.0.zip", "pkg:pypi/foo-1 2.0 primary pypi-sdist"},
	"version with a hyphen":                 {"/simple/foo/foo-1.0-1.tar.gz", "pkg:pypi/foo 1.0-1 primary pypi-sdist"},
	"version that PEP 440 refuses":          {"/simple/pytz/pytz-2004d.zip", "pkg:pypi/pytz 2004d primary pypi-sdist"},
	"old layout":                            {"/packages/source/f/foo/foo-1.0.zip", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"old layout, letter is no project":      {"/packages/source/f/f-utils/f-utils-1.0.tgz", "pkg:pypi/f-utils 1.0 primary pypi-sdist"},
	"hash layout, zip":                      {"/packages/1c/7c/" + hash + "/foo-bar-1.0.zip", "pkg:pypi/foo-bar 1.0 primary pypi-sdist"},
	"pypiserver":                            {"/packages/foo-bar-1.0.tar.gz", "pkg:pypi/foo-bar 1.0 primary pypi-sdist"},
	"files with version, before Maven":      {"/pypi/files/foo/1.0/foo-1.0.tar.gz", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"files, tar.Z":                          {"/pypi/files/foo/1.0/foo-1.0.tar.Z", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"files, tar.xz":                         {"/pypi/files/foo/1.0/foo-1.0.tar.xz", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"other project's file":                  {"/simple/foo/bar-1.0.tar.gz", "pkg:pypi/bar 1.0 primary pypi-sdist"},
	"dumb distribution":                     {"/packages/any/f/foo/foo-1.0.linux-x86_64.tar.gz", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"egg":                                   {"/packages/2.7/f/foo/foo-1.0-py2.7.egg", "pkg:pypi/foo 1.0 primary pypi-egg"},
	"installer":                             {"/packages/2.7/f/foo/foo-1.0.win32-py2.7.exe", "pkg:pypi/foo 1.0 primary pypi-installer"},
	"installer package":                     {"/packages/2.7/f/foo/foo-1.0.win-amd64-py2.7.msi", "pkg:pypi/foo 1.0 primary pypi-installer"},
	"rpm of distutils":                      {"/packages/any/f/foo/foo-1.0-1.noarch.rpm", "pkg:pypi/foo 1.0 primary pypi-installer"},
	"local version, escaped":                {"/simple/torch/torch-2.2.0%2Bcpu-cp311-cp311-linux_x86_64.whl", "pkg:pypi/torch 2.2.0+cpu primary pypi-wheel"},
	"wheel called packages":                 {"/packages/packages-1.0-py3-none-any.whl", "pkg:pypi/packages 1.0 primary pypi-wheel"},
	"sdist of artifactory with two indexes": {"/api/pypi/local/packages/foo/1.0/foo-1.0.tar.gz", "pkg:pypi/foo 1.0 primary pypi-sdist"},
}

var pypiNames = map[string]golden{
	"wheel":                          {"foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"wheel with a build":             {"foo-1.0-1a-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"wheel with an escaped name":     {"Foo_Bar.Baz-1.0-py3-none-any.whl", "pkg:pypi/foo-bar-baz 1.0 primary pypi-wheel"},
	"wheel with an escaped version":  {"foo-1.0_local-py3-none-any.whl", "pkg:pypi/foo 1.0_local primary pypi-wheel"},
	"wheel anywhere":                 {"/downloads/foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"wheel in the layout of Maven":   {"/team/py/foo/1.0/foo-1.0-py3-none-any.whl", "pkg:pypi/foo 1.0 primary pypi-wheel"},
	"sdist":                          {"foo-1.0.tar.gz", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"sdist, bzip2":                   {"foo-1.0.tar.bz2", "pkg:pypi/foo 1.0 primary pypi-sdist"},
	"sdist with hyphens":             {"foo-bar-baz-1.0.post1.tar.gz", "pkg:pypi/foo-bar-baz 1.0.post1 primary pypi-sdist"},
	"number in the name":             {"py-2-1.0.tar.gz", "pkg:pypi/py-2 1.0 primary pypi-sdist"},
	"release candidate and dev":      {"foo-1.0rc1.dev5.tar.gz", "pkg:pypi/foo 1.0rc1.dev5 primary pypi-sdist"},
	"epoch":                          {"foo-1!2.0.tar.gz", "pkg:pypi/foo 1!2.0 primary pypi-sdist"},
	"local version":                  {"foo-1.0+ubuntu.1.tar.gz", "pkg:pypi/foo 1.0+ubuntu.1 primary pypi-sdist"},
	"beta with separators":           {"foo-1.0_beta.2.tar.gz", "pkg:pypi/foo 1.0_beta.2 primary pypi-sdist"},
	"beta behind a hyphen":           {"foo-1.0-beta1.tar.gz", "pkg:pypi/foo 1.0-beta1 primary pypi-sdist"},
	"v before the version":           {"foo-v1.0.tar.gz", "pkg:pypi/foo v1.0 primary pypi-sdist"},
	"last hyphen even in a post one": {"foo-1.0-1.tar.gz", "pkg:pypi/foo-1-0 1 primary pypi-sdist"},
	"egg":                            {"foo-1.0-py3.8.egg", "pkg:pypi/foo 1.0 primary pypi-egg"},
	"egg without python":             {"foo-1.0.egg", "pkg:pypi/foo 1.0 primary pypi-egg"},
	"egg with a platform":            {"foo-1.0-py2.7-macosx-10.9-x86_64.egg", "pkg:pypi/foo 1.0 primary pypi-egg"},
}

var pypiTable = table{
	typ: "pypi", paths: pypiPaths, names: pypiNames,
	known: map[string]golden{
		"archive of any kind":         {"foo-1.0.zip", "pkg:pypi/foo 1.0 primary pypi-sdist"},
		"archive below its project":   {"foo-bar/1.0/foo_bar-1.0.tar.xz", "pkg:pypi/foo-bar 1.0 primary pypi-sdist"},
		"installer below its project": {"foo/foo-1.0.win32.exe", "pkg:pypi/foo 1.0 primary pypi-installer"},
	},
	pieces: []string{".whl", ".egg", "-py3-none-any", "simple/", "packages/", "pypi/", "/json", "files/", "+f/", "+simple/"},
}

func TestPyPI(t *testing.T) { pypiTable.check(t) }

func FuzzPyPI(f *testing.F) { pypiTable.fuzz(f) }
