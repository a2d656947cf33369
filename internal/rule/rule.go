// Package rule derives from an event what the counts are made of: the facts of
// its file and its measures. The rules are numbered as one set, so that every
// number the server shows can be traced to the rules behind it, and counted
// again by others.
//
// It is pure, and does not know what else happened: whether an event is part
// of a pull that counts already stands in the event. Nor does it know repeats,
// limits of length or the clock.
package rule

import (
	"cmp"
	"net/http"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// Number is the number of the rule set. Any change of a rule, here or in
// package artifact, raises it.
const Number = 1

// Apply returns an event beside what follows from it.
func Apply(e pkgmeter.Event) pkgmeter.Entry {
	f := FileOf(e.Repository, e.Path, e.Hint)
	return pkgmeter.Entry{Event: e, File: f, Counts: MeasuresOf(e, f)}
}

// FileOf returns the facts of a file. What the sender said of the repository
// wins over the path. A hint that is a purl gives the coordinates, and the
// path the file and its kind; any other hint is ignored unless it is all there
// is.
func FileOf(repositorySaid, path, hint string) pkgmeter.File {
	if path == "" && hint != "" {
		return packageFile(repositorySaid, hint)
	}
	a := artifact.Parse(path)
	kind, _ := pkgmeter.ParseKind(string(a.Kind))
	f := pkgmeter.File{
		Repository: cmp.Or(repositorySaid, a.Repository, pkgmeter.Unknown),
		Name:       cmp.Or(a.File, "/"), // the root has no name of its own
		Type:       a.Type,
		Package:    a.Package,
		Version:    a.Version,
		Kind:       kind,
		SidecarOf:  a.SidecarOf,
		Legacy:     legacyOf(a.File),
		Confidence: pkgmeter.Confidence(a.Confidence),
	}
	if hint != "" {
		if pkg, typ, version, err := purl.Split(hint); err == nil {
			f.Package, f.Type, f.Confidence = pkg, typ, pkgmeter.Certain
			f.Version = cmp.Or(version, f.Version)
		}
	}
	return f
}

// packageFile is the file of an event that names no path: the purl stands for
// it, spelled canonically, so that all events of a version are of one file.
func packageFile(repositorySaid, hint string) pkgmeter.File {
	f := pkgmeter.File{
		Repository: cmp.Or(repositorySaid, pkgmeter.Unknown),
		Name:       hint,
		Type:       "generic",
		Kind:       pkgmeter.Primary,
	}
	pkg, typ, version, err := purl.Split(hint)
	if err != nil {
		f.Package = purl.Of(f.Type, "", hint)
	} else {
		f.Name = purl.WithVersion(pkg, version)
		f.Type, f.Package, f.Version, f.Confidence = typ, pkg, version, pkgmeter.Certain
	}
	f.Legacy = legacyOf(f.Name)
	return f
}

func legacyOf(name string) pkgmeter.LegacyType {
	legacy, ok := pkgmeter.ParseLegacyType(artifact.Legacy(name))
	if !ok {
		return pkgmeter.LegacyOther
	}
	return legacy
}

// MeasuresOf returns what an event of a file adds to the counts: nothing,
// unless it is a finished GET or HEAD.
func MeasuresOf(e pkgmeter.Event, f pkgmeter.File) pkgmeter.Measures {
	status := cmp.Or(e.Status, http.StatusOK) // a sender that says none means success
	if !isHit(e.Op, status) {
		return pkgmeter.Measures{}
	}
	m := pkgmeter.Measures{Hits: 1, Bytes: max(e.Bytes, 0)}
	if e.Op == pkgmeter.Get && isWhole(status, e.Flags) && f.Kind == pkgmeter.Primary && e.Flags&pkgmeter.Collapsed == 0 {
		m.Downloads = 1
	}
	return m
}

// isHit reports whether a request got its answer; "not modified" is one too.
func isHit(op pkgmeter.Op, status int) bool {
	if op != pkgmeter.Get && op != pkgmeter.Head {
		return false
	}
	return (status >= 200 && status <= 299) || status == http.StatusNotModified
}

// isWhole reports whether an answer began a file: later ranges count no more.
func isWhole(status int, flags pkgmeter.Flags) bool {
	return status == http.StatusOK || (status == http.StatusPartialContent && flags&pkgmeter.FromZero != 0)
}

// CanonicalPackage returns the canonical spelling of the purl of a package. The
// error has the code [pkgmeter.Invalid].
func CanonicalPackage(text string) (string, error) {
	canonical, _, err := purl.Canonical(text)
	if err != nil {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "%s", err)
	}
	return canonical, nil
}
