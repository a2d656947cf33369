package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

var golangTable = table{
	typ: "golang",
	paths: map[string]golden{
		"zip":                          {"/golang.org/x/mod/@v/v0.15.0.zip", "pkg:golang/golang.org/x/mod v0.15.0 primary go-zip"},
		"mod":                          {"/golang.org/x/mod/@v/v0.15.0.mod", "pkg:golang/golang.org/x/mod v0.15.0 metadata go-mod"},
		"info":                         {"/golang.org/x/mod/@v/v0.15.0.info", "pkg:golang/golang.org/x/mod v0.15.0 index go-index"},
		"list":                         {"/golang.org/x/mod/@v/list", "pkg:golang/golang.org/x/mod - index go-index"},
		"latest":                       {"/golang.org/x/mod/@latest", "pkg:golang/golang.org/x/mod - index go-index"},
		"info of a branch":             {"/github.com/acme/lib/@v/main.info", "pkg:golang/github.com/acme/lib - index go-index"},
		"info of a branch with slash":  {"/github.com/acme/lib/@v/feature%2Fx.info", "pkg:golang/github.com/acme/lib - index go-index"},
		"info of a commit":             {"/github.com/acme/lib/@v/0123abcd.info", "pkg:golang/github.com/acme/lib - index go-index"},
		"escaped upper case":           {"/github.com/!burnt!sushi/toml/@v/v1.3.2.zip", "pkg:golang/github.com/burntsushi/toml v1.3.2 primary go-zip"},
		"escaped mark":                 {"/github.com/%21burnt%21sushi/toml/@v/v1.3.2.zip", "pkg:golang/github.com/burntsushi/toml v1.3.2 primary go-zip"},
		"escaped version":              {"/github.com/acme/lib/@v/v1.0.0-!r!c1.zip", "pkg:golang/github.com/acme/lib v1.0.0-RC1 primary go-zip"},
		"upper case as it is":          {"/github.com/BurntSushi/toml/@v/v1.3.2.zip", "pkg:golang/github.com/burntsushi/toml v1.3.2 primary go-zip"},
		"major suffix":                 {"/github.com/go-chi/chi/v5/@v/v5.0.11.zip", "pkg:golang/github.com/go-chi/chi/v5 v5.0.11 primary go-zip"},
		"major suffix of gopkg.in":     {"/gopkg.in/yaml.v3/@v/v3.0.1.zip", "pkg:golang/gopkg.in/yaml.v3 v3.0.1 primary go-zip"},
		"pseudo-version":               {"/golang.org/x/net/@v/v0.0.0-20240131235959-0123456789ab.zip", "pkg:golang/golang.org/x/net v0.0.0-20240131235959-0123456789ab primary go-zip"},
		"pseudo-version of prerelease": {"/golang.org/x/net/@v/v1.2.3-pre.0.20240131235959-0123456789ab.mod", "pkg:golang/golang.org/x/net v1.2.3-pre.0.20240131235959-0123456789ab metadata go-mod"},
		"incompatible":                 {"/github.com/docker/docker/@v/v25.0.2+incompatible.zip", "pkg:golang/github.com/docker/docker v25.0.2+incompatible primary go-zip"},
		"incompatible, escaped":        {"/github.com/docker/docker/@v/v25.0.2%2Bincompatible.zip", "pkg:golang/github.com/docker/docker v25.0.2+incompatible primary go-zip"},
		"toolchain":                    {"/golang.org/toolchain/@v/v0.0.1-go1.22.0.linux-amd64.zip", "pkg:golang/golang.org/toolchain v0.0.1-go1.22.0.linux-amd64 primary go-zip"},
		"host alone":                   {"/example.com/@v/v1.0.0.zip", "pkg:golang/example.com v1.0.0 primary go-zip"},
		"submodule":                    {"/cloud.google.com/go/storage/@v/v1.37.0.zip", "pkg:golang/cloud.google.com/go/storage v1.37.0 primary go-zip"},
		"name with a tilde":            {"/git.sr.ht/~acme/lib/@v/v1.0.0.zip", "pkg:golang/git.sr.ht/~acme/lib v1.0.0 primary go-zip"},
		"artifactory":                  {"/artifactory/api/go/go-remote/github.com/acme/lib/@v/v1.0.0.zip", "pkg:golang/github.com/acme/lib v1.0.0 primary go-zip"},
		"gitea":                        {"/api/packages/alice/go/github.com/acme/lib/@v/v1.0.0.zip", "pkg:golang/github.com/acme/lib v1.0.0 primary go-zip"},
		"gitlab":                       {"/api/v4/projects/1/packages/go/gitlab.com/acme/lib/@v/v1.0.0.zip", "pkg:golang/gitlab.com/acme/lib v1.0.0 primary go-zip"},
		"nexus":                        {"/repository/go-proxy/github.com/acme/lib/@v/list", "pkg:golang/github.com/acme/lib - index go-index"},
		"below a directory":            {"/goproxy/github.com/acme/lib/@v/v1.0.0.zip", "pkg:golang/github.com/acme/lib v1.0.0 primary go-zip"},
		"cached only":                  {"/cached-only/github.com/acme/lib/@latest", "pkg:golang/github.com/acme/lib - index go-index"},
		"cache on disk":                {"/pkg/mod/cache/download/github.com/acme/lib/@v/v1.0.0.mod", "pkg:golang/github.com/acme/lib v1.0.0 metadata go-mod"},
		"doubled slashes":              {"//github.com//acme//lib//@v//v1.0.0.zip", "pkg:golang/github.com/acme/lib v1.0.0 primary go-zip"},
	},
	known: map[string]golden{
		"module without host": {"corp/lib/@v/v1.0.0.zip", "pkg:golang/corp/lib v1.0.0 primary go-zip"},
		"last dot is no host": {"corp/lib.v2/@v/v2.0.0.zip", "pkg:golang/corp/lib.v2 v2.0.0 primary go-zip"},
	},
	foreign: []string{
		"corp/lib/@v/v1.0.0.zip",
		"@v/v1.0.0.zip",
		"@latest",
		"corp/@latest",
		"golang.org/x/mod/@v/v0.15.0.tar.gz",
		"golang.org/x/mod/@v/v0.15.zip",
		"golang.org/x/mod/@v/0.15.0.zip",
		"golang.org/x/mod/@v/main.zip",
		"golang.org/x/mod/@v/main.mod",
		"golang.org/x/mod/@v/.info",
		"golang.org/x/mod/@v/.zip",
		"golang.org/x/mod/@v/v0.15.0.zip/",
		"golang.org/x/mod/@v/x/v0.15.0.zip",
		"golang.org/x/mod/@v/list.txt",
		"golang.org/x/mod/@v/v0.15.0.ziphash",
		"golang.org/x/mod/v/v0.15.0.zip",
		"golang.org/x/mod@v0.15.0.zip",
		"golang.org/x/mod/@latest/x",
		"github.com/!/lib/@v/v1.0.0.zip",
		"github.com/!!a/lib/@v/v1.0.0.zip",
		"github.com/!Acme/lib/@v/v1.0.0.zip",
		"github.com/acme!/@v/v1.0.0.zip",
		"github.com/acme/lib/@v/v1.0.0-!.zip",
		"github.com/acme lib/@v/v1.0.0.zip",
		"github.com/.acme/lib/@v/v1.0.0.zip",
		"github.com/acme/lib./@v/v1.0.0.zip",
		"github.com/acme/archive/v1.0.0.zip",
		"sumdb/sum.golang.org/latest",
		"com/acme/app/1.0/app-1.0.jar",
	},
	pieces: []string{"/@v/", "/@latest", "@", "!", "!a", ".zip", ".mod", ".info", "list", "v1.0.0", "+incompatible", "sumdb/", "golang.org/"},
}

func TestGo(t *testing.T) { golangTable.check(t) }

func FuzzGo(f *testing.F) { golangTable.fuzz(f) }

func TestAChecksumDatabaseIsAnIndexOfNothing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/sumdb/sum.golang.org/supported":                             "pkg:generic/sumdb - index go-sumdb",
		"/sumdb/sum.golang.org/latest":                                "pkg:generic/sumdb - index go-sumdb",
		"/sumdb/sum.golang.org/lookup/github.com/acme/lib@v1.0.0":     "pkg:generic/sumdb - index go-sumdb",
		"/goproxy/sumdb/sum.golang.org/tile/8/0/x001/234":             "pkg:generic/sumdb - index go-sumdb",
		"/artifactory/api/go/r/sumdb/sum.golang.org/tile/8/1/005.p/7": "pkg:generic/sumdb - index go-sumdb",
		"/sumdb/sum.golang.org":                                       "pkg:generic/sumdb - primary generic",
		"/sumdb/local/latest":                                         "pkg:generic/sumdb/local - primary generic",
		"/mysumdb/sum.golang.org/latest":                              "pkg:generic/mysumdb/sum.golang.org - primary generic",
	} {
		if got := line(artifact.Parse(path)); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}
