package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

const app = "com/acme/app/1.0/app-1.0.jar"

// sidecars are paths with the file that they describe in the end.
var sidecars = map[string]struct {
	kind artifact.Kind
	of   string
}{
	app + ".md5":                            {artifact.Checksum, app},
	app + ".sha1":                           {artifact.Checksum, app},
	app + ".sha256":                         {artifact.Checksum, app},
	app + ".sha512":                         {artifact.Checksum, app},
	app + ".SHA512":                         {artifact.Checksum, app},
	app + ".asc":                            {artifact.Signature, app},
	app + ".sig":                            {artifact.Signature, app},
	app + ".minisig":                        {artifact.Signature, app},
	app + ".sigstore":                       {artifact.Signature, app},
	app + ".sigstore.json":                  {artifact.Signature, app},
	"chart-1.0.tgz.prov":                    {artifact.Signature, "chart-1.0.tgz"},
	app + ".provenance":                     {artifact.Attestation, app},
	app + ".att":                            {artifact.Attestation, app},
	app + ".sbom":                           {artifact.Attestation, app},
	app + ".sbom.json":                      {artifact.Attestation, app},
	app + ".asc.md5":                        {artifact.Checksum, app},
	app + ".md5.asc":                        {artifact.Signature, app},
	app + ".sigstore.json.sha256":           {artifact.Checksum, app},
	app + ".md5.md5.md5":                    {artifact.Checksum, app},
	app + "%2Emd5":                          {artifact.Checksum, app},
	app + ".%6Dd5":                          {artifact.Checksum, app},
	"/app%2D1.0.jar%2esha1":                 {artifact.Checksum, "app%2D1.0.jar"},
	"50%.jar.md5":                           {artifact.Checksum, "50%.jar"},
	"foo-1.0-py3-none-any.whl.metadata":     {artifact.Metadata, "foo-1.0-py3-none-any.whl"},
	"foo-1.0.tar.gz.metadata":               {artifact.Metadata, "foo-1.0.tar.gz"},
	"foo-1.0-py3-none-any.whl.metadata.asc": {artifact.Signature, "foo-1.0-py3-none-any.whl"},
	"/simple/foo/foo-1.0.zip.metadata":      {artifact.Metadata, "simple/foo/foo-1.0.zip"},
	"com/acme/app/maven-metadata.xml.sha1":  {artifact.Checksum, "com/acme/app/maven-metadata.xml"},
	"tool.bin.sha256":                       {artifact.Checksum, "tool.bin"},
	".asc.md5":                              {artifact.Checksum, ".asc"},
	"a/...md5":                              {artifact.Checksum, "a/.."},
	"a/../b.jar.md5":                        {artifact.Checksum, "a/../b.jar"},
	"/repositories/r/app-1.0.jar.md5":       {artifact.Checksum, "app-1.0.jar"},
	"/repositories/r.md5":                   {artifact.Checksum, "repositories/r"},
	"x/app-1.0-20240131.235959-7.jar.sha1":  {artifact.Checksum, "x/app-1.0-20240131.235959-7.jar"},
	app + ".md5/":                           {artifact.Index, ""},
	app + ".metadata":                       {artifact.Primary, ""},
	"foo.tar.gz.metadata":                   {artifact.Primary, ""},
	app + ".json":                           {artifact.Primary, ""},
	app + ".md":                             {artifact.Primary, ""},
	"md5":                                   {artifact.Primary, ""},
	".md5":                                  {artifact.Primary, ""},
	"a/.md5":                                {artifact.Primary, ""},
	"a%2F.md5":                              {artifact.Primary, ""},
	".sigstore.json":                        {artifact.Primary, ""},
}

func TestASidecarDescribesTheFileBehindAllItsSuffixes(t *testing.T) {
	t.Parallel()
	for path, want := range sidecars {
		a := artifact.Parse(path)
		if a.Kind != want.kind || a.SidecarOf != want.of {
			t.Errorf("Parse(%q) = %s of %q, want %s of %q", path, a.Kind, a.SidecarOf, want.kind, want.of)
		}
		checkContract(t, path)
	}
}

// prefixes are paths with their repository and the file in it.
var prefixes = map[string]struct{ repository, file, pkg string }{
	"/repositories/libs/" + app:                             {"libs", app, "pkg:maven/com.acme/app"},
	"repositories/libs/" + app:                              {"libs", app, "pkg:maven/com.acme/app"},
	"/public/repositories/libs/" + app:                      {"libs", app, "pkg:maven/com.acme/app"},
	"//repositories//libs//" + app:                          {"libs", app, "pkg:maven/com.acme/app"},
	"/repositories/py/simple/foo/":                          {"py", "simple/foo/", "pkg:pypi/foo"},
	"/repositories/py/foo-1.0.tar.gz":                       {"py", "foo-1.0.tar.gz", "pkg:pypi/foo"},
	"/repositories/my%20libs/app-1.0.jar":                   {"my libs", "app-1.0.jar", "pkg:maven/app"},
	"/repositories/ios/0.4.7/Acme.zip":                      {"ios", "0.4.7/Acme.zip", "pkg:generic/Acme.zip"},
	"/repositories/ios/release/1.0.2/Acme.zip":              {"ios", "release/1.0.2/Acme.zip", "pkg:generic/release"},
	"/repositories/a/repositories/b/x.bin":                  {"a", "x.bin", "pkg:generic/x.bin"},
	"/repositories/libs":                                    {"", "repositories/libs", "pkg:generic/repositories"},
	"/repositories/libs/":                                   {"", "repositories/libs/", "pkg:generic/repositories/libs"},
	"/repositories//":                                       {"", "repositories//", "pkg:generic/repositories"},
	"/repositories/./app-1.0.jar":                           {"", "repositories/./app-1.0.jar", "pkg:generic/repositories"},
	"/repositories/../app-1.0.jar":                          {"", "repositories/../app-1.0.jar", "pkg:generic/app-1.0.jar"},
	"/repositories/%2e%2e/app-1.0.jar":                      {"", "repositories/%2e%2e/app-1.0.jar", "pkg:generic/app-1.0.jar"},
	"/repositories/a/../b/app-1.0.jar":                      {"", "repositories/a/../b/app-1.0.jar", "pkg:generic/app-1.0.jar"},
	"/repositories/a%00/app-1.0.jar":                        {"", "repositories/a%00/app-1.0.jar", "pkg:generic/app-1.0.jar"},
	"/x/repositories/a/app-1.0.jar":                         {"", "x/repositories/a/app-1.0.jar", "pkg:generic/x/repositories/a"},
	"/repository/a/" + app:                                  {"a", app, "pkg:maven/com.acme/app"},
	"/nexus/repository/a/" + app:                            {"a", app, "pkg:maven/com.acme/app"},
	"/nexus/content/repositories/a/" + app:                  {"a", app, "pkg:maven/com.acme/app"},
	"/nexus/content/groups/a/" + app:                        {"a", app, "pkg:maven/com.acme/app"},
	"/content/groups/a/" + app:                              {"a", app, "pkg:maven/com.acme/app"},
	"/nexus/service/rest/x.bin":                             {"", "nexus/service/rest/x.bin", "pkg:generic/nexus/service/rest"},
	"/artifactory/libs-release/" + app:                      {"libs-release", app, "pkg:maven/com.acme/app"},
	"/artifactory/libs/maven-metadata.xml":                  {"libs", "maven-metadata.xml", "pkg:generic/maven-metadata.xml"},
	"/artifactory/api/pypi/py/simple/foo/":                  {"py", "simple/foo/", "pkg:pypi/foo"},
	"/api/pypi/py/packages/foo/1.0/foo-1.0.zip":             {"py", "packages/foo/1.0/foo-1.0.zip", "pkg:pypi/foo"},
	"/artifactory/api/storage/libs/x.bin":                   {"", "artifactory/api/storage/libs/x.bin", "pkg:generic/artifactory-api"},
	"/api/packages/alice/maven/" + app:                      {"alice", app, "pkg:maven/com.acme/app"},
	"/api/packages/alice/pypi/files/foo/1.0/foo-1.0.tar.gz": {"alice", "files/foo/1.0/foo-1.0.tar.gz", "pkg:pypi/foo"},
	"/api/packages/alice/generic/tool/1.2.3/tool-1.2.3.jar": {"alice", "tool/1.2.3/tool-1.2.3.jar", "pkg:generic/tool"},
	"/api/packages/alice/swift/x/y.zip":                     {"alice", "x/y.zip", "pkg:generic/x"},
	"/api/packages/alice":                                   {"", "api/packages/alice", "pkg:generic/api/packages"},
	"/api/v4/projects/team%2Fapp/packages/maven/" + app:     {"team/app", app, "pkg:maven/com.acme/app"},
	"/api/v4/groups/7/-/packages/pypi/simple/foo/":          {"7", "simple/foo/", "pkg:pypi/foo"},
	"/api/v4/projects/7/issues/x.bin":                       {"", "api/v4/projects/7/issues/x.bin", "pkg:generic/api/v4/projects/7/issues"},
	"/api/v1/x/y.bin":                                       {"", "api/v1/x/y.bin", "pkg:generic/api/v1/x"},
}

func TestAPrefixNamesTheRepositoryAndIsNoPartOfTheFile(t *testing.T) {
	t.Parallel()
	for path, want := range prefixes {
		a := artifact.Parse(path)
		if a.Repository != want.repository || a.File != want.file || a.Package != want.pkg {
			t.Errorf("Parse(%q)\n got %q %q %q\nwant %q", path, a.Repository, a.File, a.Package, want)
		}
		checkContract(t, path)
	}
}
