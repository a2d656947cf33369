package artifact_test

import "testing"

const commit = "c5f61d0f3a6b2b1f4e7a9c8d7e6f5a4b3c2d1e0f"

var composerTable = table{
	typ: "composer",
	paths: map[string]golden{
		"metadata":                   {"/p2/monolog/monolog.json", "pkg:composer/monolog/monolog - index composer-metadata"},
		"metadata of branches":       {"/p2/monolog/monolog~dev.json", "pkg:composer/monolog/monolog - index composer-metadata"},
		"escaped tilde":              {"/p2/monolog/monolog%7Edev.json", "pkg:composer/monolog/monolog - index composer-metadata"},
		"metadata of Private P.":     {"/acme/p2/acme/foo-bar.json", "pkg:composer/acme/foo-bar - index composer-metadata"},
		"metadata of GitLab":         {"/api/v4/group/1/-/packages/composer/p2/acme/foo.json", "pkg:composer/acme/foo - index composer-metadata"},
		"metadata of Gitea":          {"/api/packages/alice/composer/p2/acme/foo.json", "pkg:composer/acme/foo - index composer-metadata"},
		"metadata of Nexus":          {"/repository/php/p2/acme/foo.json", "pkg:composer/acme/foo - index composer-metadata"},
		"metadata of Artifactory":    {"/artifactory/api/composer/php/p2/acme/foo.json", "pkg:composer/acme/foo - index composer-metadata"},
		"metadata of Composer 1":     {"/p/monolog/monolog$" + hash + ".json", "pkg:composer/monolog/monolog - index composer-metadata"},
		"escaped dollar":             {"/p/monolog/monolog%24" + hash + ".json", "pkg:composer/monolog/monolog - index composer-metadata"},
		"upper case":                 {"/p2/Acme/Foo.json", "pkg:composer/acme/foo - index composer-metadata"},
		"dots and underscores":       {"/p2/acme.io/foo_bar.baz.json", "pkg:composer/acme.io/foo_bar.baz - index composer-metadata"},
		"doubled slashes":            {"//p2//monolog//monolog.json", "pkg:composer/monolog/monolog - index composer-metadata"},
		"Satis":                      {"/dist/monolog/monolog/monolog-monolog-1.0.0-c5f61d.zip", "pkg:composer/monolog/monolog 1.0.0 primary composer-archive"},
		"Satis, tag alone":           {"/dist/acme/foo-bar/acme-foo-bar-v2.1.0.zip", "pkg:composer/acme/foo-bar v2.1.0 primary composer-archive"},
		"Satis, commit":              {"/dist/acme/foo/acme-foo-" + commit + "-zip-c5f61d.zip", "pkg:composer/acme/foo - primary composer-archive"},
		"Satis, version and commit":  {"/dist/acme/foo/acme-foo-1.2.3-" + commit + "-c5f61d.zip", "pkg:composer/acme/foo 1.2.3 primary composer-archive"},
		"Satis, branch":              {"/dist/acme/foo/acme-foo-dev-master-c5f61d.zip", "pkg:composer/acme/foo dev-master primary composer-archive"},
		"Satis, branch like a hash":  {"/dist/acme/foo/acme-foo-dev-decade.zip", "pkg:composer/acme/foo dev-decade primary composer-archive"},
		"Satis, tar":                 {"/php/dist/acme/foo/acme-foo-1.2.3-c5f61d.tar", "pkg:composer/acme/foo 1.2.3 primary composer-archive"},
		"Satis, beta":                {"/dist/acme/foo/acme-foo-1.2.3-beta1-c5f61d.zip", "pkg:composer/acme/foo 1.2.3-beta1 primary composer-archive"},
		"name that ends in a number": {"/dist/acme/foo-2/acme-foo-2-1.0.zip", "pkg:composer/acme/foo-2 1.0 primary composer-archive"},
		"Private Packagist":          {"/acme/dists/acme/foo/1.2.3.0/r" + commit + ".zip", "pkg:composer/acme/foo 1.2.3.0 primary composer-archive"},
		"Private Packagist, plain":   {"/acme/dists/acme/foo/dev-master/" + commit + ".zip", "pkg:composer/acme/foo dev-master primary composer-archive"},
		"Gitea":                      {"/api/packages/alice/composer/files/acme%2Ffoo/1.0.0/acme-foo.1.0.0.zip", "pkg:composer/acme/foo 1.0.0 primary composer-archive"},
		"Gitea without its prefix":   {"/files/acme/foo/1.0.0/acme-foo.1.0.0.zip", "pkg:composer/acme/foo 1.0.0 primary composer-archive"},
		"GitLab":                     {"/api/v4/projects/1/packages/composer/archives/acme/foo.zip", "pkg:composer/acme/foo - primary composer-archive"},
		"GitLab behind a proxy":      {"/gitlab/api/v4/projects/1/packages/composer/archives/acme/foo.zip", "pkg:composer/acme/foo - primary composer-archive"},
	},
	known: map[string]golden{
		"archive":             {"acme/foo/1.0.0/acme-foo-1.0.0.zip", "pkg:composer/acme/foo 1.0.0 primary composer-archive"},
		"archive, no version": {"acme/foo/acme-foo-1.0.0.zip", "pkg:composer/acme/foo 1.0.0 primary composer-archive"},
		"archive, no vendor":  {"acme/foo/foo-1.0.0.zip", "pkg:composer/acme/foo 1.0.0 primary composer-archive"},
		"archive by commit":   {"dists/acme/foo/" + commit + ".zip", "pkg:composer/acme/foo - primary composer-archive"},
		"archive of anything": {"acme/foo/1.0.0/source.tar.gz", "pkg:composer/acme/foo 1.0.0 primary composer-archive"},
		"metadata, no p":      {"acme/foo$" + hash + ".json", "pkg:composer/acme/foo - index composer-metadata"},
		"metadata, no hash":   {"p/acme/foo.json", "pkg:composer/acme/foo - index composer-metadata"},
		"archives":            {"archives/acme/foo.zip", "pkg:composer/acme/foo - primary composer-archive"},
	},
	foreign: []string{
		"monolog-1.0.0.zip",
		"/monolog/monolog/1.0.0/monolog-monolog-1.0.0.zip",
		"/dist/tool-1.0.zip",
		"/dist/acme/acme-tool-1.0.zip",
		"/dist/acme/foo/bar-1.0.zip",
		"/dist/acme/foo/acme-foo.zip",
		"/dist/acme/foo/acme-foobar-1.0.zip",
		"/dist/acme/foo/x/y/acme-foo-1.0.zip",
		"/dist/acme/foo/acme-foo-1.0.zip/",
		"/dists/acme/foo/" + commit + ".zip",
		"/dists/acme/foo/1.0/abc.zip",
		"/archives/acme/foo.zip",
		"/pypi/files/foo/1.0/foo-1.0-1.zip",
		"/p2/foo.json",
		"/p2/a/b/c.json",
		"/p2/acme/.json",
		"/p2/acme/foo$" + hash + ".json",
		"/xp2/acme/foo.json",
		"/p/acme/foo.json",
		"/p/acme/foo$master.json",
		"packages.json",
		"composer.json",
		"com/acme/app/1.0/app-1.0.zip",
	},
	pieces: []string{"p2/", "p/", "dist/", "dists/", "files/", "archives/", "~dev", "$" + hash, ".json", "-c5f61d", commit, "acme-foo"},
}

func TestComposer(t *testing.T) { composerTable.check(t) }

func FuzzComposer(f *testing.F) { composerTable.fuzz(f) }

func TestTheListsOfComposerNeedTheFormat(t *testing.T) {
	checkUnnamed(t, "composer", map[string]string{
		"packages.json":                            "pkg:generic/packages.json - index composer-index",
		"/php/packages.json":                       "pkg:generic/php - index composer-index",
		"include/all$" + commit + ".json":          "pkg:generic/include - index composer-index",
		"p/" + hash + ".json":                      "pkg:generic/p - index composer-index",
		"/api/packages/alice/composer/search.json": "pkg:generic/search.json - index composer-index",
		"other.json":                               "pkg:generic/other.json - primary generic",
	})
	checkNotIndex(t, "packages.json", "include/all$"+commit+".json", "/p/other.json", "/p2/x.json")
}

func TestTheProvidersOfComposerAreAnIndex(t *testing.T) {
	checkUnnamed(t, "", map[string]string{
		"/p/provider-latest$" + hash + ".json": "pkg:generic/p - index composer-index",
	})
}
