package rule

import "github.com/pkgmeter/pkgmeter/internal/artifact"

// An Explanation is what the rules make of a path, as it is shown.
type Explanation struct {
	Type       string `json:"type"`
	Package    string `json:"package"`
	Version    string `json:"version"`
	Repository string `json:"repository"`
	File       string `json:"file"`
	Kind       string `json:"kind"`
	SidecarOf  string `json:"sidecar_of"`
	LegacyType string `json:"legacy_type"`
	Confidence string `json:"confidence"`
	Rule       string `json:"rule"`
	Rules      int    `json:"rules"` // number of the built-in rules
}

// Explain says what the rules make of a path or the name of a file, in a
// repository of the given format, a purl type, or "" if that is not known.
func Explain(path, format string) Explanation {
	a := artifact.ParseIn(path, format)
	f := fileOf("", a)
	return Explanation{
		Type: f.Type, Package: f.Package, Version: f.Version, Repository: f.Repository, File: f.Name,
		Kind: f.Kind.String(), SidecarOf: f.SidecarOf, LegacyType: f.Legacy.String(),
		Confidence: f.Confidence.String(), Rule: a.Rule, Rules: Number,
	}
}
