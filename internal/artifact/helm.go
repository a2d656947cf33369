package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeHelm = "helm"

// helm knows charts by the version in their name, the index of a classic
// repository, and the listings of ChartMuseum. A repository of another format
// has none of them. Charts in a registry of OCI are images.
//
// Any archive may be called like a chart, and a package of npm is: those lie in
// a directory called -, where none is looked for.
func helm(at location) (Artifact, bool) {
	if at.listing || (at.format != "" && at.format != typeHelm) {
		return Artifact{}, false
	}
	if stem, ok := cutSuffix(at.name, ".tgz"); ok {
		return helmChart(at, stem)
	}
	if at.name == "index.yaml" {
		a := generic(at) // it lists the charts of a whole repository
		a.Kind, a.Rule = Index, "helm-index"
		return a, true
	}
	return chartMuseum(at.path)
}

// helmChart is sure of charts where they are wont to be.
func helmChart(at location, stem string) (Artifact, bool) {
	name, version, ok := splitChart(stem)
	if !ok || strings.Contains("/"+at.dir+"/", "/-/") {
		return Artifact{}, false
	}
	a := Artifact{
		Type: typeHelm, Package: purl.Of(typeHelm, "", name), Version: version,
		Kind: Primary, Confidence: Likely, Rule: "helm-name",
	}
	if at.format == typeHelm || belowCharts(at.dir) {
		a.Confidence, a.Rule = Certain, "helm-chart"
	}
	return a, true
}

// belowCharts reports whether one of the directories is for charts.
func belowCharts(dir string) bool {
	for segment := range strings.SplitSeq(dir, "/") {
		if segment == "charts" || segment == "chart" {
			return true
		}
	}
	return false
}

// splitChart splits at the first hyphen that is followed by a version. Names
// have hyphens and digits, and so have the ends of versions.
func splitChart(stem string) (name, version string, ok bool) {
	for i := 1; i < len(stem); i++ {
		if stem[i] == '-' && isChartVersion(stem[i+1:]) {
			return stem[:i], stem[i+1:], isChartName(stem[:i])
		}
	}
	return "", "", false
}

// isChartVersion reports whether s is three numbers and what may follow them.
// Helm lets a v stand before them.
func isChartVersion(s string) bool { return isSemver(strings.TrimPrefix(s, "v")) }

// isChartName is laxer than Helm's own advice, by which many charts are not
// called.
func isChartName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && (i == 0 || strings.IndexByte("._-", c) < 0) {
			return false
		}
	}
	return s != ""
}

// chartMuseum is api/charts, or api/{tenant}/charts of up to two levels, and
// behind it nothing, {name} or {name}/{version}.
func chartMuseum(path string) (Artifact, bool) {
	rest, ok := belowAPI(path)
	if !ok {
		return Artifact{}, false
	}
	if rest == "" {
		return indexOfNone("charts", "helm-api"), true
	}
	name, version := cutFirst(rest)
	if !isChartName(name) || (version != "" && !isChartVersion(version)) {
		return Artifact{}, false
	}
	return Artifact{
		Type: typeHelm, Package: purl.Of(typeHelm, "", name), Version: version,
		Kind: Index, Confidence: Certain, Rule: "helm-api",
	}, true
}

// belowAPI cuts all up to the charts off a path that begins with the api of a
// ChartMuseum, or of a Harbor that has one inside.
func belowAPI(path string) (rest string, ok bool) {
	const most = 2 // organisation and repository
	rest, ok = strings.CutPrefix(path, "api/")
	for range most + 1 {
		var segment string
		segment, rest = cutFirst(rest)
		if segment == "charts" {
			return rest, ok
		}
	}
	return "", false
}
