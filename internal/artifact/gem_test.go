package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

var gemTable = table{
	typ: "gem",
	paths: map[string]golden{
		"gem":                           {"/gems/rails-7.1.3.gem", "pkg:gem/rails 7.1.3 primary gem"},
		"name with hyphens":             {"/gems/aws-sdk-s3-1.143.0.gem", "pkg:gem/aws-sdk-s3 1.143.0 primary gem"},
		"name with numbers":             {"/gems/net-http2-0.18.5.gem", "pkg:gem/net-http2 0.18.5 primary gem"},
		"name that ends like a version": {"/gems/foo-2-1.0.gem", "pkg:gem/foo-2 1.0 primary gem"},
		"name that ends like two":       {"/gems/foo-1.0-2.0.gem", "pkg:gem/foo-1.0 2.0 primary gem"},
		"name with a platform":          {"/gems/foo-2-java-1.0.gem", "pkg:gem/foo-2-java 1.0 primary gem"},
		"name with a processor":         {"/gems/foo-2-x86-1.0.gem", "pkg:gem/foo-2-x86 1.0 primary gem"},
		"name with a system":            {"/gems/foo-1-2.0-linux.gem", "pkg:gem/foo-1 2.0 primary gem"},
		"name in upper case":            {"/gems/RedCloth-4.3.3.gem", "pkg:gem/RedCloth 4.3.3 primary gem"},
		"prerelease":                    {"/gems/rails-7.2.0.beta1.gem", "pkg:gem/rails 7.2.0.beta1 primary gem"},
		"prerelease of a hyphen":        {"/gems/foo-1.0.0.pre.rc.1.gem", "pkg:gem/foo 1.0.0.pre.rc.1 primary gem"},
		"one number":                    {"/gems/foo-1.gem", "pkg:gem/foo 1 primary gem"},
		"java":                          {"/gems/jruby-openssl-0.14.3-java.gem", "pkg:gem/jruby-openssl 0.14.3 primary gem"},
		"java of a version":             {"/gems/foo-1.0-java-11.gem", "pkg:gem/foo 1.0 primary gem"},
		"linux":                         {"/gems/nokogiri-1.16.2-x86_64-linux.gem", "pkg:gem/nokogiri 1.16.2 primary gem"},
		"linux with musl":               {"/gems/nokogiri-1.16.2-aarch64-linux-musl.gem", "pkg:gem/nokogiri 1.16.2 primary gem"},
		"darwin":                        {"/gems/sorbet-static-0.5.11262-universal-darwin-23.gem", "pkg:gem/sorbet-static 0.5.11262 primary gem"},
		"windows":                       {"/gems/sqlite3-1.7.2-x64-mingw-ucrt.gem", "pkg:gem/sqlite3 1.7.2 primary gem"},
		"old windows":                   {"/gems/win32-api-1.4.8-x86-mswin32-60.gem", "pkg:gem/win32-api 1.4.8 primary gem"},
		"windows without processor":     {"/gems/foo-0.9-mswin32.gem", "pkg:gem/foo 0.9 primary gem"},
		"processor that is new":         {"/gems/foo-1.0-loongarch64-linux.gem", "pkg:gem/foo 1.0 primary gem"},
		"ruby as a platform":            {"/gems/foo-1.0-ruby.gem", "pkg:gem/foo 1.0 primary gem"},
		"artifactory":                   {"/artifactory/api/gems/gems-local/gems/rake-13.1.0.gem", "pkg:gem/rake 13.1.0 primary gem"},
		"gitlab":                        {"/api/v4/projects/1/packages/rubygems/gems/rake-13.1.0.gem", "pkg:gem/rake 13.1.0 primary gem"},
		"gitea":                         {"/api/packages/alice/rubygems/gems/rake-13.1.0.gem", "pkg:gem/rake 13.1.0 primary gem"},
		"github":                        {"/acme/gems/rake-13.1.0.gem", "pkg:gem/rake 13.1.0 primary gem"},
		"doubled slashes":               {"//gems//rake-13.1.0.gem", "pkg:gem/rake 13.1.0 primary gem"},
		"specification":                 {"/quick/Marshal.4.8/nokogiri-1.16.2-x86_64-linux.gemspec.rz", "pkg:gem/nokogiri 1.16.2 metadata gem-spec"},
		"gem of the API":                {"/api/v1/gems/rails.json", "pkg:gem/rails - index gem-index"},
	},
	names: map[string]golden{
		"gem":           {"rails-7.1.3.gem", "pkg:gem/rails 7.1.3 primary gem"},
		"upper case":    {"rails-7.1.3.GEM", "pkg:gem/rails 7.1.3 primary gem"},
		"anywhere":      {"/vendor/cache/rails-7.1.3.gem", "pkg:gem/rails 7.1.3 primary gem"},
		"mirror":        {"/mirror/r/rails-7.1.3-java.gem", "pkg:gem/rails 7.1.3 primary gem"},
		"specification": {"rails-7.1.3.gemspec.rz", "pkg:gem/rails 7.1.3 metadata gem-spec"},
	},
	known: map[string]golden{
		"compact index":   {"info/rails", "pkg:gem/rails - index gem-index"},
		"name with a dot": {"info/foo.bar", "pkg:gem/foo.bar - index gem-index"},
		"versions":        {"api/v1/versions/rails.json", "pkg:gem/rails - index gem-index"},
	},
	foreign: []string{
		"rails.gem",
		"gems/rails.gem",
		"gems/rails-latest.gem",
		"gems/rails-7.1.3.gem/",
		"gems/rails-7.1.3-.gem",
		"gems/rails-7.1.3.-java.gem",
		"gems/rails-7.1.3.gemspec",
		"gems/rails-7_1_3.gem",
		"gems/rails-7.1.3-enterprise.gem",
		"gems/-1.0.gem",
		"gems/.foo-1.0.gem",
		"gems/foo bar-1.0.gem",
		"info/rails",
		"info/rails.txt",
		"versions",
		"names",
		"api/v1/gems/rails/1.0.json",
		"api/v1/gems/.json",
		"api/v1/versions/rails.json",
		"x/api/v1/gems/rails.json",
		"rubies/ruby-3.3.0.tar.bz2",
		"com/acme/gem/1.0/gem-1.0.jar",
	},
	pieces: []string{".gem", ".gemspec.rz", "gems/", "-java", "-x86_64-linux", "quick/Marshal.4.8/", "info/", "-universal-darwin-9", "-2"},
}

func TestGem(t *testing.T) { gemTable.check(t) }

func FuzzGem(f *testing.F) { gemTable.fuzz(f) }

func TestAListingOfAllGemsIsAnIndexOfNothing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/specs.4.8.gz":                           "pkg:generic/specs.4.8.gz - index gem-index",
		"/latest_specs.4.8.gz":                    "pkg:generic/latest_specs.4.8.gz - index gem-index",
		"/prerelease_specs.4.8":                   "pkg:generic/prerelease_specs.4.8 - index gem-index",
		"/geminabox/specs.4.8.gz":                 "pkg:generic/specs.4.8.gz - index gem-index",
		"/api/packages/a/rubygems/versions":       "pkg:generic/versions - index gem-index",
		"/artifactory/api/gems/r/names":           "pkg:generic/names - index gem-index",
		"/api/gems/r/api/v1/dependencies":         "pkg:generic/dependencies - index gem-index",
		"/api/v4/projects/1/packages/rubygems/xy": "pkg:generic/xy - primary generic",
		"/versions":                               "pkg:generic/versions - primary generic",
	} {
		if got := line(artifact.Parse(path)); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}
