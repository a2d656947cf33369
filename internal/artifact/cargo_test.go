package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

var cargoTable = table{
	typ: "cargo",
	paths: map[string]golden{
		"download":                      {"/crates/serde/1.0.196/download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"download by the API":           {"/api/v1/crates/serde_json/1.0.113/download", "pkg:cargo/serde_json 1.0.113 primary cargo-download"},
		"download, artifactory":         {"/artifactory/api/cargo/crates-remote/v1/crates/serde/1.0.196/download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"download, gitea":               {"/api/packages/alice/cargo/api/v1/crates/serde/1.0.196/download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"download, nexus":               {"/repository/cargo-proxy/crates/serde/1.0.196/download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"download, kellnr":              {"/api/v1/cratesio/serde/1.0.196/download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"download, prerelease":          {"/crates/foo/1.0.0-alpha-2.x/download", "pkg:cargo/foo 1.0.0-alpha-2.x primary cargo-download"},
		"download, build":               {"/crates/zstd-sys/2.0.9+zstd.1.5.5/download", "pkg:cargo/zstd-sys 2.0.9+zstd.1.5.5 primary cargo-download"},
		"download, escaped build":       {"/crates/zstd-sys/2.0.9%2Bzstd.1.5.5/download", "pkg:cargo/zstd-sys 2.0.9+zstd.1.5.5 primary cargo-download"},
		"file":                          {"/crates/serde/serde-1.0.196.crate", "pkg:cargo/serde 1.0.196 primary cargo-crate"},
		"file with hyphens":             {"/crates/zstd-sys/zstd-sys-2.0.9+zstd.1.5.5.crate", "pkg:cargo/zstd-sys 2.0.9+zstd.1.5.5 primary cargo-crate"},
		"file, prerelease and build":    {"/crates/foo/foo-1.0.0-rc-1.2+b-3.crate", "pkg:cargo/foo 1.0.0-rc-1.2+b-3 primary cargo-crate"},
		"name that ends like a version": {"/crates/foo-1/foo-1-2.0.0.crate", "pkg:cargo/foo-1 2.0.0 primary cargo-crate"},
		"name in upper case":            {"/crates/Inflector/Inflector-0.11.4.crate", "pkg:cargo/Inflector 0.11.4 primary cargo-crate"},
		"file below its version":        {"/mirror/serde/1.0.196/serde-1.0.196.crate", "pkg:cargo/serde 1.0.196 primary cargo-crate"},
		"version for a file":            {"/mirror/serde/1.0.196.crate", "pkg:cargo/serde 1.0.196 primary cargo-crate"},
		"name of one letter":            {"/crates/a/0.0.1/download", "pkg:cargo/a 0.0.1 primary cargo-download"},
		"doubled slashes":               {"//crates//serde//1.0.196//download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"sparse":                        {"/index/se/rd/serde", "pkg:cargo/serde - index cargo-index"},
		"sparse, artifactory":           {"/artifactory/api/cargo/r/index/se/rd/serde_json", "pkg:cargo/serde_json - index cargo-index"},
		"sparse, one letter":            {"/index/1/a", "pkg:cargo/a - index cargo-index"},
		"sparse, two letters":           {"/index/2/cc", "pkg:cargo/cc - index cargo-index"},
		"sparse, three letters":         {"/index/3/l/log", "pkg:cargo/log - index cargo-index"},
		"sparse, four letters":          {"/index/to/ml/toml", "pkg:cargo/toml - index cargo-index"},
		"sparse, kellnr":                {"/api/v1/crates/se/rd/serde", "pkg:cargo/serde - index cargo-index"},
		"crate of the API":              {"/api/v1/crates/serde", "pkg:cargo/serde - index cargo-index"},
		"version of the API":            {"/api/v1/crates/serde/1.0.196", "pkg:cargo/serde 1.0.196 index cargo-index"},
		"owners":                        {"/api/v1/crates/serde/owners", "pkg:cargo/serde - index cargo-index"},
	},
	names: map[string]golden{
		"file":                          {"serde-1.0.196.crate", "pkg:cargo/serde 1.0.196 primary cargo-crate"},
		"file with hyphens":             {"proc-macro2-1.0.78.crate", "pkg:cargo/proc-macro2 1.0.78 primary cargo-crate"},
		"prerelease with hyphens":       {"foo-1.0.0-beta-2.0.0.crate", "pkg:cargo/foo 1.0.0-beta-2.0.0 primary cargo-crate"},
		"name that ends like a version": {"foo-1-2.0.0.crate", "pkg:cargo/foo-1 2.0.0 primary cargo-crate"},
		"file in another directory":     {"/vendor/files/serde-1.0.196.crate", "pkg:cargo/serde 1.0.196 primary cargo-crate"},
		"upper case":                    {"/vendor/serde-1.0.196.CRATE", "pkg:cargo/serde 1.0.196 primary cargo-crate"},
	},
	known: map[string]golden{
		"download below anything": {"serde/1.0.196/download", "pkg:cargo/serde 1.0.196 primary cargo-download"},
		"sparse":                  {"se/rd/serde", "pkg:cargo/serde - index cargo-index"},
		"sparse, upper case":      {"Se/rd/serDe", "pkg:cargo/serDe - index cargo-index"},
		"sparse, one letter":      {"1/a", "pkg:cargo/a - index cargo-index"},
		"sparse, two letters":     {"2/cc", "pkg:cargo/cc - index cargo-index"},
		"sparse, three letters":   {"3/l/log", "pkg:cargo/log - index cargo-index"},
		"API of artifactory":      {"v1/crates/serde", "pkg:cargo/serde - index cargo-index"},
	},
	foreign: []string{
		"crates/serde/1.0/download",
		"crates/serde/latest/download",
		"crates/1serde/1.0.0/download",
		"crates/ser de/1.0.0/download",
		"crates/serde/1.0.0/download/",
		"crates/serde/1.0.0/downloads",
		"serde/1.0.0/download",
		"v1/modules/acme/vpc/aws/1.0.0/download",
		"crates/serde/serde-1.0.crate",
		"crates/serde/serde-1.0.0-.crate",
		"crates/serde/serde-1.0.0-a..b.crate",
		"crates/serde/serde-1.0.0+.crate",
		"crates/serde/serde.crate",
		"serde-v1.0.0.crate",
		"-1.0.0.crate",
		".crate",
		"1.0.0.crate",
		"index/se/rx/serde",
		"index/s/rd/serde",
		"index/3/x/log",
		"index/2/log",
		"index/4/to/toml",
		"index/4/l/log",
		"myindex/se/rd/serde",
		"index/mirror/se/rd/serde",
		"crates/mirror/se/rd/serde",
		"index/config.json",
		"config.json",
		"se/rd/serde",
		"crates/serde",
		"v1/crates/serde",
		"api/v1/crates/serde/readme",
		"api/v1/crates/7up",
		"com/acme/crates/1.0.0/crates-1.0.0.jar",
	},
	pieces: []string{".crate", "/download", "crates/", "index/", "se/rd/", "1/", "2/", "3/", "config.json", "api/v1/crates/", "+b"},
}

func TestCargo(t *testing.T) { cargoTable.check(t) }

func FuzzCargo(f *testing.F) { cargoTable.fuzz(f) }

func TestAListingOfACargoRegistryIsAnIndexOfNothing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/packages/alice/cargo/config.json":      "pkg:generic/config.json - index cargo-index",
		"/artifactory/api/cargo/r/index/config.json": "pkg:generic/config.json - index cargo-index",
		"/artifactory/api/cargo/r/v1/crates":         "pkg:generic/crates - index cargo-index",
		"/index/config.json":                         "pkg:generic/index - primary generic",
		"/config.json":                               "pkg:generic/config.json - primary generic",
	} {
		if got := line(artifact.Parse(path)); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}
