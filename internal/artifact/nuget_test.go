package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

var nugetTable = table{
	typ: "nuget",
	paths: map[string]golden{
		"flat container":               {"/v3-flatcontainer/newtonsoft.json/13.0.3/newtonsoft.json.13.0.3.nupkg", "pkg:nuget/newtonsoft.json 13.0.3 primary nuget-package"},
		"flat container of a feed":     {"/F/dotnet/api/v3/flatcontainer/castle.core/5.1.1/castle.core.5.1.1.nupkg", "pkg:nuget/castle.core 5.1.1 primary nuget-package"},
		"azure":                        {"/acme/_packaging/feed/nuget/v3/flat2/acme.lib/1.0.0/acme.lib.1.0.0.nupkg", "pkg:nuget/acme.lib 1.0.0 primary nuget-package"},
		"github":                       {"/acme/download/Acme.Lib/1.0.0/Acme.Lib.1.0.0.nupkg", "pkg:nuget/acme.lib 1.0.0 primary nuget-package"},
		"gitlab":                       {"/api/v4/projects/1/packages/nuget/download/MyNuGetPkg/1.3.0.17/mynugetpkg.1.3.0.17.nupkg", "pkg:nuget/mynugetpkg 1.3.0.17 primary nuget-package"},
		"gitea":                        {"/api/packages/alice/nuget/package/acme.lib/1.0.0/acme.lib.1.0.0.nupkg", "pkg:nuget/acme.lib 1.0.0 primary nuget-package"},
		"nexus":                        {"/repository/nuget-proxy/v3/content/serilog/3.1.1/serilog.3.1.1.nupkg", "pkg:nuget/serilog 3.1.1 primary nuget-package"},
		"artifactory":                  {"/artifactory/nuget-local/Acme.Lib/Acme.Lib.1.0.0.nupkg", "pkg:nuget/acme.lib 1.0.0 primary nuget-package"},
		"mixed case":                   {"/packages/Acme.Lib/1.0.0-Beta.1/ACME.LIB.1.0.0-beta.1.NUPKG", "pkg:nuget/acme.lib 1.0.0-beta.1 primary nuget-package"},
		"fourth number zero":           {"/v3-flatcontainer/foo/2.0.0.0/foo.2.0.0.0.nupkg", "pkg:nuget/foo 2.0.0 primary nuget-package"},
		"fourth number":                {"/v3-flatcontainer/foo/2.0.0.1/foo.2.0.0.1.nupkg", "pkg:nuget/foo 2.0.0.1 primary nuget-package"},
		"two numbers":                  {"/v3-flatcontainer/foo/1.0/foo.1.0.nupkg", "pkg:nuget/foo 1.0.0 primary nuget-package"},
		"zeros before a number":        {"/v3-flatcontainer/foo/1.02.003/foo.1.02.003.nupkg", "pkg:nuget/foo 1.2.3 primary nuget-package"},
		"two spellings of one version": {"/v3-flatcontainer/foo/1.0.0/foo.1.0.nupkg", "pkg:nuget/foo 1.0.0 primary nuget-package"},
		"build":                        {"/v3-flatcontainer/foo/1.0.0/foo.1.0.0+abc.def.nupkg", "pkg:nuget/foo 1.0.0 primary nuget-package"},
		"id that ends in numbers":      {"/v3-flatcontainer/foo.1.2/3.0.0/foo.1.2.3.0.0.nupkg", "pkg:nuget/foo.1.2 3.0.0 primary nuget-package"},
		"doubled slashes":              {"/v3-flatcontainer//foo//1.0.0//foo.1.0.0.nupkg", "pkg:nuget/foo 1.0.0 primary nuget-package"},
		"specification":                {"/v3-flatcontainer/foo/1.0.0/foo.nuspec", "pkg:nuget/foo 1.0.0 metadata nuget-spec"},
		"specification with version":   {"/v3-flatcontainer/foo/1.0.0/foo.1.0.0.nuspec", "pkg:nuget/foo 1.0.0 metadata nuget-spec"},
		"symbols":                      {"/packages/foo/1.0.0/foo.1.0.0.snupkg", "pkg:nuget/foo 1.0.0 sources nuget-symbols"},
		"old symbols":                  {"/packages/foo/1.0.0/foo.1.0.0.symbols.nupkg", "pkg:nuget/foo 1.0.0 sources nuget-symbols"},
		"second protocol":              {"/api/v2/package/Newtonsoft.Json/13.0.3", "pkg:nuget/newtonsoft.json 13.0.3 primary nuget-v2"},
		"second protocol, one number":  {"/api/v2/package/foo/7", "pkg:nuget/foo 7.0.0 primary nuget-v2"},
		"second protocol of a feed":    {"/F/dotnet/api/v2/package/foo/1.0.0.0", "pkg:nuget/foo 1.0.0 primary nuget-v2"},
		"second protocol, latest":      {"/api/v2/package/jQuery", "pkg:nuget/jquery - primary nuget-v2"},
		"second protocol, symbols":     {"/api/v2/symbolpackage/foo/1.0.0", "pkg:nuget/foo 1.0.0 sources nuget-symbols"},
		"proget":                       {"/nuget/feed/package/Foo/1.0.0", "pkg:nuget/foo 1.0.0 primary nuget-v2"},
		"entry":                        {"/api/v2/Packages(Id='Foo.Bar',Version='1.0.0')", "pkg:nuget/foo.bar 1.0.0 index nuget-index"},
		"download of an entry":         {"/nuget/Packages(Id='Foo.Bar',Version='1.0')/Download", "pkg:nuget/foo.bar 1.0.0 primary nuget-v2"},
		"versions":                     {"/v3-flatcontainer/Newtonsoft.Json/index.json", "pkg:nuget/newtonsoft.json - index nuget-index"},
		"registration":                 {"/v3/registration5-gz-semver2/newtonsoft.json/index.json", "pkg:nuget/newtonsoft.json - index nuget-index"},
		"registration of a version":    {"/v3/registration3/castle.core/4.2.1.json", "pkg:nuget/castle.core 4.2.1 index nuget-index"},
		"registration, page":           {"/v3/registration5-semver1/foo/page/1.0.0/2.0.0-beta.json", "pkg:nuget/foo - index nuget-index"},
		"baget":                        {"/v3/package/foo/index.json", "pkg:nuget/foo - index nuget-index"},
	},
	names: map[string]golden{
		"package":                 {"Newtonsoft.Json.13.0.3.nupkg", "pkg:nuget/newtonsoft.json 13.0.3 primary nuget-package"},
		"anywhere":                {"/tools/choco/git.install.2.43.0.nupkg", "pkg:nuget/git.install 2.43.0 primary nuget-package"},
		"number in the id":        {"Foo.2.Bar.1.0.0.nupkg", "pkg:nuget/foo.2.bar 1.0.0 primary nuget-package"},
		"five numbers":            {"Foo.4.1.0.0.0.nupkg", "pkg:nuget/foo.4 1.0.0 primary nuget-package"},
		"one number":              {"Foo.7.nupkg", "pkg:nuget/foo.7 - primary nuget-package"},
		"one number and more":     {"Foo.2-bar.1.0.0.nupkg", "pkg:nuget/foo.2-bar 1.0.0 primary nuget-package"},
		"leftmost dot":            {"Foo.2.1.0.0.nupkg", "pkg:nuget/foo 2.1.0 primary nuget-package"},
		"word with a number":      {"Microsoft.Win32.Registry.5.0.0.nupkg", "pkg:nuget/microsoft.win32.registry 5.0.0 primary nuget-package"},
		"prerelease with hyphens": {"Foo.1.0.0-RC-2.final.nupkg", "pkg:nuget/foo 1.0.0-rc-2.final primary nuget-package"},
		"prerelease and build":    {"Foo.1.0.0-beta.1+Build.5.nupkg", "pkg:nuget/foo 1.0.0-beta.1 primary nuget-package"},
		"hyphen and number":       {"Foo-2.1.0.0.nupkg", "pkg:nuget/foo-2 1.0.0 primary nuget-package"},
		"hyphen in the id":        {"foo-bar.1.0.0.nupkg", "pkg:nuget/foo-bar 1.0.0 primary nuget-package"},
		"directory of another":    {"/packages/foo/2.0.0/foo.1.0.0.nupkg", "pkg:nuget/foo 1.0.0 primary nuget-package"},
		"without a version":       {"Foo.nupkg", "pkg:nuget/foo - primary nuget-package"},
		"full is a prerelease":    {"Foo.1.0.0-full.nupkg", "pkg:nuget/foo 1.0.0-full primary nuget-package"},
		"symbols":                 {"Foo.1.0.0.snupkg", "pkg:nuget/foo 1.0.0 sources nuget-symbols"},
		"old symbols":             {"Foo.1.0.0.symbols.nupkg", "pkg:nuget/foo 1.0.0 sources nuget-symbols"},
		"specification":           {"Foo.Bar.nuspec", "pkg:nuget/foo.bar - metadata nuget-spec"},
	},
	known: map[string]golden{
		"nexus":                          {"Foo.Bar/1.0", "pkg:nuget/foo.bar 1.0.0 primary nuget-v2"},
		"artifactory, second protocol":   {"Download/Foo.Bar/1.0.0", "pkg:nuget/foo.bar 1.0.0 primary nuget-v2"},
		"artifactory, third protocol":    {"registration-semver2/Download/foo/1.0.0", "pkg:nuget/foo 1.0.0 primary nuget-v2"},
		"package of the second protocol": {"package/foo/1.0.0", "pkg:nuget/foo 1.0.0 primary nuget-v2"},
		"versions":                       {"foo.bar/index.json", "pkg:nuget/foo.bar - index nuget-index"},
		"versions, gitea":                {"package/foo/index.json", "pkg:nuget/foo - index nuget-index"},
		"versions, gitlab":               {"download/foo/index", "pkg:nuget/foo - index nuget-index"},
		"metadata, gitlab":               {"metadata/foo/index", "pkg:nuget/foo - index nuget-index"},
		"metadata of one, gitlab":        {"metadata/foo/1.0.0", "pkg:nuget/foo 1.0.0 index nuget-index"},
	},
	foreign: []string{
		"app-1.2.3.nupkg",
		"com/acme/app/1.2.3/app-1.2.3.nupkg",
		"v3/packages/foo/index.json",
		"MyApp-1.2.3-full.nupkg",
		"MyApp-1.2.3-delta.nupkg",
		"MyApp-1.2.3-beta1-full.nupkg",
		"releases/win/MyApp-1.2-full.nupkg",
		".nupkg",
		".1.0.0.nupkg",
		"-foo.1.0.0.nupkg",
		"foo bar.1.0.0.nupkg",
		"foo.1.0.0.nupkg/",
		"foo.1.0.0.nupkg.zip",
		"v3/index.json",
		"docs/v3/guide/index.json",
		"foo/index.json",
		"package/foo/1.0.0",
		"v2/package/foo/1.0.0",
		"v3-flatcontainer/foo/page/1.0.0/2.0.0.json",
		"content/foo/index.json",
		"download/foo/1.0.0",
		"foo/1.0.0",
		"api/v2/package/foo/latest",
		"api/v2/package/foo/1.0.0/x",
		"api/v2/packages/foo/1.0.0",
		"xapi/v2/package/foo",
		"api/v3/package/foo/1.0.0",
		"Packages(Id='foo')",
		"Packages(Id='foo',Version='latest')",
		"Packages(Id='foo',Version='1.0.0')/x",
		"Packages(Id='foo bar',Version='1.0.0')",
		"v3-flatcontainer/foo/1.0.0.json",
		"v3-flatcontainer/foo/page/1.0.0/index.json",
		"v3-flatcontainer/index.json",
		"com/acme/app/1.0/app-1.0.jar",
	},
	pieces: []string{
		".nupkg", ".snupkg", ".nuspec", ".symbols", "v3-flatcontainer/", "api/v2/package/", "registration5/", "/page/", "-full",
		"1.0.0.0", "Packages(Id='", "',Version='", "')", "/Download", "00", ".json",
	},
}

func TestNuGet(t *testing.T) { nugetTable.check(t) }

func FuzzNuGet(f *testing.F) { nugetTable.fuzz(f) }

func TestAListingOfANuGetFeedIsAnIndexOfNothing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v3/index.json":              "pkg:generic/index.json - index nuget-index",
		"/api/v3/index.json":          "pkg:generic/index.json - index nuget-index",
		"/api/v2/FindPackagesById()":  "pkg:generic/FindPackagesById%28%29 - index nuget-index",
		"/nuget/GetUpdates()":         "pkg:generic/GetUpdates%28%29 - index nuget-index",
		"/docs/v3/index.json":         "pkg:generic/docs/v3 - primary generic",
		"/api/packages/a/nuget/query": "pkg:generic/query - index nuget-index",
		"/api/packages/a/nuget/symbols/a.pdb/1234567890ABCDEFFFFFFFFF/A.PDB": "pkg:generic/A.PDB - sources nuget-symbols",
		"/symbols/a.pdb/1234/a.pdb":      "pkg:generic/symbols/a.pdb/1234 - primary generic",
		"/artifactory/api/nuget/v3/r/a/": "pkg:generic/a - index generic",
	} {
		if got := line(artifact.Parse(path)); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}
