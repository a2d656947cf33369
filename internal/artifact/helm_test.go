package artifact_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

// helmTable: where the name of a chart ends, and where an archive is one.
var helmTable = table{
	typ: "helm",
	paths: map[string]golden{
		"below charts":                {"charts/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"below chart":                 {"/stable/chart/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"some way below charts":       {"/charts/team/nginx/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"of Harbor":                   {"/chartrepo/team/charts/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"of Artifactory":              {"/artifactory/api/helm/local/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"of Gitea":                    {"/api/packages/alice/helm/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"of GitLab":                   {"/api/v4/projects/7/packages/helm/stable/charts/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"upper case extension":        {"charts/nginx-1.2.3.TGZ", "pkg:helm/nginx 1.2.3 primary helm-chart"},
		"ChartMuseum, version":        {"/api/charts/nginx/1.2.3", "pkg:helm/nginx 1.2.3 index helm-api"},
		"ChartMuseum, chart":          {"/api/charts/nginx", "pkg:helm/nginx - index helm-api"},
		"ChartMuseum, tenant":         {"/api/org/charts/nginx/v1.2.3-rc.1", "pkg:helm/nginx v1.2.3-rc.1 index helm-api"},
		"ChartMuseum, two tenants":    {"/api/org/repo/charts/nginx/1.2.3", "pkg:helm/nginx 1.2.3 index helm-api"},
		"ChartMuseum, tenant charts":  {"/api/charts/charts/1.2.3", "pkg:helm/charts 1.2.3 index helm-api"},
		"ChartMuseum, escaped plus":   {"/api/charts/nginx/1.2.3%2B5", "pkg:helm/nginx 1.2.3+5 index helm-api"},
		"ChartMuseum of Harbor":       {"/api/chartrepo/team/charts/nginx/1.2.3", "pkg:helm/nginx 1.2.3 index helm-api"},
		"ChartMuseum serves the file": {"/api/charts/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-chart"},
	},
	names: map[string]golden{
		"bare":                           {"nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-name"},
		"leading slash":                  {"/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-name"},
		"v":                              {"cert-manager-v1.13.3.tgz", "pkg:helm/cert-manager v1.13.3 primary helm-name"},
		"in a directory":                 {"/stable/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-name"},
		"in some directory":              {"/releases/download/nginx-1.2.3/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 primary helm-name"},
		"hyphens":                        {"kube-prometheus-stack-55.5.0.tgz", "pkg:helm/kube-prometheus-stack 55.5.0 primary helm-name"},
		"digits":                         {"k8s-at-home-2-1.0.0.tgz", "pkg:helm/k8s-at-home-2 1.0.0 primary helm-name"},
		"two numbers in the name":        {"foo-1.2-3.4.5.tgz", "pkg:helm/foo-1.2 3.4.5 primary helm-name"},
		"four numbers are none":          {"foo-1.2.3.4-5.6.7.tgz", "pkg:helm/foo-1.2.3.4 5.6.7 primary helm-name"},
		"prerelease":                     {"foo-1.2.3-rc.1.tgz", "pkg:helm/foo 1.2.3-rc.1 primary helm-name"},
		"prerelease with hyphens":        {"foo-1.2.3-alpha-2-x.tgz", "pkg:helm/foo 1.2.3-alpha-2-x primary helm-name"},
		"prerelease like a version":      {"foo-1.2.3-2.0.0.tgz", "pkg:helm/foo 1.2.3-2.0.0 primary helm-name"},
		"prerelease and build":           {"foo-1.2.3-rc.1+g0a1b.5.tgz", "pkg:helm/foo 1.2.3-rc.1+g0a1b.5 primary helm-name"},
		"build":                          {"foo-1.2.3+5.tgz", "pkg:helm/foo 1.2.3+5 primary helm-name"},
		"build, escaped":                 {"foo-1.2.3%2B5.tgz", "pkg:helm/foo 1.2.3+5 primary helm-name"},
		"underscore and dot in the name": {"my_chart.io-1.2.3.tgz", "pkg:helm/my_chart.io 1.2.3 primary helm-name"},
		"upper case":                     {"MyChart-1.2.3.tgz", "pkg:helm/MyChart 1.2.3 primary helm-name"},
		"name that ends in a hyphen":     {"foo--1.2.3.tgz", "pkg:helm/foo- 1.2.3 primary helm-name"},
	},
	known: map[string]golden{},
	foreign: []string{
		"foo-1.0.tgz", "foo-1.tgz", "foo.tgz", "foo-latest.tgz", "1.2.3.tgz", "-1.2.3.tgz", "--1.2.3.tgz", "foo1.2.3.tgz", "foo-1.2.3.tgz/",
		"foo-1.2.3-.tgz", "foo-1.2.3+.tgz", "foo-1.2.3+a+b.tgz", "foo-1.2.3..tgz", "foo-1.2.x.tgz", "foo-vv1.2.3.tgz", "foo-1.2.3.tar.gz",
		"foo-1.2.3.zip", "foo-1.2.3", "foo bar-1.2.3.tgz", "f@o-1.2.3.tgz", "ü-1.2.3.tgz", "charts/foo-1.2.tgz", "charts/foo.tgz",
		"left-pad/-/left-pad-1.3.0.tgz", "-/left-pad-1.3.0.tgz", "@babel/core/-/core-7.24.0.tgz", "left-pad/-/1.3.1/left-pad-1.3.0.tgz",
		"charts/../foo-1.2.3.tgz", "/artifactory/api/npm/npm/left-pad/left-pad-1.3.0.tgz", "/artifactory/api/pypi/py/x/foo-1.2.3.tgz",
		"/api/packages/alice/generic/charts/foo-1.2.3.tgz", "index.yaml", "index.yml", "charts/index.yaml",
		"/api/charts", "/api/charts/", "/api/charts/nginx/", "/api/charts/nginx/latest", "/api/charts/nginx/1.2.3/values", "/api/charts/ng%20inx",
		"/api/a/b/c/charts/nginx", "/x/api/charts/nginx", "/api/v1/chart/nginx", "/apis/charts/nginx",
	},
	pieces: []string{"charts/", "chart/", "api/charts/", "index.yaml", ".tgz", ".prov", "-v1.2.3", "-1.2.3-", "+5", "/-/", "api/helm/r/"},
}

func TestHelm(t *testing.T) { helmTable.check(t) }

func FuzzHelm(f *testing.F) { helmTable.fuzz(f) }

func TestTheProvenanceOfAChartIsItsSignature(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct{ file, line string }{
		"/charts/nginx-1.2.3.tgz.prov":        {"charts/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 signature helm-chart"},
		"nginx-1.2.3.tgz.prov":                {"nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 signature helm-name"},
		"/charts/nginx-1.2.3.tgz.prov.sha256": {"charts/nginx-1.2.3.tgz", "pkg:helm/nginx 1.2.3 checksum helm-chart"},
		"/charts/index.yaml.asc":              {"charts/index.yaml", "pkg:generic/charts - signature helm-index"},
	} {
		if a := checkIn(t, path, ""); a.SidecarOf != want.file || line(a) != want.line {
			t.Errorf("Parse(%q) = %s of %q, want %s of %q", path, line(a), a.SidecarOf, want.line, want.file)
		}
	}
}

func TestAnIndexOfChartsIsOfNoChart(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"index.yaml":                                "pkg:generic/index.yaml - index helm-index",
		"/stable/index.yaml":                        "pkg:generic/stable - index helm-index",
		"/charts/1.2.3/index.yaml":                  "pkg:generic/charts 1.2.3 index helm-index",
		"/artifactory/api/helm/local/index.yaml":    "pkg:generic/index.yaml - index helm-index",
		"/api/packages/alice/generic/a/index.yaml":  "pkg:generic/a - primary generic",
		"/artifactory/api/npm/npm/x/y/z/index.yaml": "pkg:generic/x/y/z - primary generic",
		"/api/charts":                               "pkg:generic/charts - index helm-api",
		"/api/org/repo/charts":                      "pkg:generic/charts - index helm-api",
		"/index.yaml/":                              "pkg:generic/index.yaml - index generic",
	} {
		if got := line(checkIn(t, path, "")); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestTheFormatOfARepositoryTellsAChartFromOtherArchives(t *testing.T) {
	t.Parallel()
	const path = "stable/nginx-1.2.3.tgz"
	for format, want := range map[string]artifact.Confidence{
		"": artifact.Likely, "helm": artifact.Certain, "maven": artifact.Guessed, "generic": artifact.Guessed,
	} {
		if a := checkIn(t, path, format); a.Confidence != want || (a.Type == "helm") != (want != artifact.Guessed) {
			t.Errorf("ParseIn(%q, %q) = %s, confidence %d, want %d", path, format, line(a), a.Confidence, want)
		}
	}
}

func TestALongNameOfAChartIsReadInTime(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"-1", "-1.1", "-1.1.1-a", "-1.1.1+", "-v1.2.3.4"} {
		checkContract(t, strings.Repeat(piece, (artifact.MaxPath-9)/len(piece))+"_.tgz")
	}
}
