package artifact_test

import "testing"

var hexTable = table{
	typ: "hex",
	paths: map[string]golden{
		"tarball":                    {"/tarballs/phoenix-1.7.10.tar", "pkg:hex/phoenix 1.7.10 primary hex-tarball"},
		"tarball of an organisation": {"/repos/acme/tarballs/secrets-0.1.0.tar", "pkg:hex/acme/secrets 0.1.0 primary hex-tarball"},
		"organisation of a mirror":   {"/hexpm/repos/acme/tarballs/secrets-0.1.0.tar", "pkg:hex/acme/secrets 0.1.0 primary hex-tarball"},
		"organisation in upper case": {"/repos/Acme/tarballs/secrets-0.1.0.tar", "pkg:hex/secrets 0.1.0 primary hex-tarball"},
		"mirror":                     {"/mirrors/hex/tarballs/jason-1.4.1.tar", "pkg:hex/jason 1.4.1 primary hex-tarball"},
		"Artifactory":                {"/artifactory/api/hex/hex-remote/tarballs/jason-1.4.1.tar", "pkg:hex/jason 1.4.1 primary hex-tarball"},
		"underscores":                {"/tarballs/phoenix_live_view-0.20.1.tar", "pkg:hex/phoenix_live_view 0.20.1 primary hex-tarball"},
		"number in the name":         {"/tarballs/base64url-1.0.1.tar", "pkg:hex/base64url 1.0.1 primary hex-tarball"},
		"name like a version":        {"/tarballs/v1_0-1.0.1.tar", "pkg:hex/v1_0 1.0.1 primary hex-tarball"},
		"release candidate":          {"/tarballs/phoenix-1.7.0-rc.2.tar", "pkg:hex/phoenix 1.7.0-rc.2 primary hex-tarball"},
		"hyphens in the version":     {"/tarballs/tool-1.0.0-beta-2.tar", "pkg:hex/tool 1.0.0-beta-2 primary hex-tarball"},
		"build":                      {"/tarballs/tool-1.0.0+build.5.tar", "pkg:hex/tool 1.0.0+build.5 primary hex-tarball"},
		"escaped build":              {"/tarballs/tool-1.0.0%2Bbuild.5.tar", "pkg:hex/tool 1.0.0+build.5 primary hex-tarball"},
		"doubled slashes":            {"/repos//acme//tarballs/secrets-0.1.0.tar", "pkg:hex/acme/secrets 0.1.0 primary hex-tarball"},
		"escaped slash":              {"/tarballs%2Fphoenix-1.7.10.tar", "pkg:hex/phoenix 1.7.10 primary hex-tarball"},
		"upper case extension":       {"/tarballs/phoenix-1.7.10.TAR", "pkg:hex/phoenix 1.7.10 primary hex-tarball"},
		"docs of an organisation":    {"/repos/acme/docs/secrets-0.1.0.tar.gz", "pkg:hex/acme/secrets 0.1.0 sources hex-docs"},
		"index of an organisation":   {"/repos/acme/packages/secrets", "pkg:hex/acme/secrets - index hex-index"},
		"index in Artifactory":       {"/artifactory/api/hex/hex-remote/packages/phoenix", "pkg:hex/phoenix - index hex-index"},
	},
	known: map[string]golden{
		"docs":                      {"docs/phoenix-1.7.10.tar.gz", "pkg:hex/phoenix 1.7.10 sources hex-docs"},
		"index":                     {"packages/phoenix", "pkg:hex/phoenix - index hex-index"},
		"index of a mirror's owner": {"hexpm/repos/acme/packages/secrets", "pkg:hex/acme/secrets - index hex-index"},
	},
	foreign: []string{
		"phoenix-1.7.10.tar",
		"/downloads/phoenix-1.7.10.tar",
		"/tarballs/phoenix.tar",
		"/tarballs/phoenix-1.7.tar",
		"/tarballs/phoenix-v1.7.10.tar",
		"/tarballs/phoenix-1.7.10.1.tar",
		"/tarballs/phoenix-1.7.10-.tar",
		"/tarballs/phoenix-live-1.7.10.tar",
		"/tarballs/Phoenix-1.7.10.tar",
		"/tarballs/7zip-1.7.10.tar",
		"/tarballs/-1.7.10.tar",
		"/tarballs/phoenix-1.7.10.tar/",
		"/tarballs/phoenix-1.7.10.tar.gz",
		"/tarballs/1.0/phoenix-1.7.10.tar",
		"/mytarballs/phoenix-1.7.10.tar",
		"/docs/manual-1.0.0.tar.gz",
		"/repos/acme/packages/secrets-0.1.0.zip",
		"/repos/acme/packages/Secrets",
		"/x/repos/acme/packages/secrets",
		"/repos/x/repos/acme/packages/secrets",
		"/packages/phoenix",
		"/repos/acme/versions",
	},
	pieces: []string{"tarballs/", "docs/", "packages/", "repos/acme/", ".tar", "-1.0.0", "-rc.1", "+b", "names", "versions"},
}

func TestHex(t *testing.T) { hexTable.check(t) }

func FuzzHex(f *testing.F) { hexTable.fuzz(f) }

func TestTheListsOfHexNeedTheFormat(t *testing.T) {
	checkUnnamed(t, "hex", map[string]string{
		"names":                "pkg:generic/names - index hex-index",
		"/versions":            "pkg:generic/versions - index hex-index",
		"/repos/acme/versions": "pkg:generic/repos/acme - index hex-index",
		"/public_key":          "pkg:generic/public_key - primary generic",
	})
	checkNotIndex(t, "names", "versions", "/repos/acme/versions")
}

// checkNotIndex holds paths to be primary where the format is not known.
func checkNotIndex(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if a := checkIn(t, path, ""); a.Kind != "primary" {
			t.Errorf("Parse(%q) = %s, want it primary", path, line(a))
		}
	}
}
