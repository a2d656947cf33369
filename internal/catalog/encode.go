package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// ecRecordFormat is the only value that the member ever had.
const ecRecordFormat = "1.0"

// Document returns the record to be stored.
func (p Package) Document() (pkgmeter.Document, error) {
	p.LastUpdated = 0
	p.Maintainers = full(p.Maintainers)
	return document(pkgmeter.Packages, p)
}

// Document returns the record to be stored, with what follows from its other
// members.
func (v Version) Document() (pkgmeter.Document, error) {
	v.LastUpdated = 0
	v.Source.Hash = v.Source.TarballHash
	v.ECRecordFormat = ecRecordFormat
	if v.EarliestCompatibleVersion == "" {
		n, err := ParseVersion(v.Version)
		if err != nil {
			return pkgmeter.Document{}, err
		}
		v.EarliestCompatibleVersion = n.Major + ".0.0"
	}
	dependencies := make(map[string]Dependency, len(v.Dependencies))
	for name, d := range v.Dependencies {
		if err := nameable(name); err != nil {
			return pkgmeter.Document{}, err
		}
		d.References = full(d.References)
		dependencies[name] = d
	}
	v.Dependencies = dependencies
	v.Exports = full(slices.Clone(v.Exports))
	for i := range v.Exports {
		v.Exports[i].Architectures = full(v.Exports[i].Architectures)
	}
	return document(pkgmeter.Versions, v)
}

// Document returns the record to be stored.
func (b Build) Document() (pkgmeter.Document, error) {
	b.LastUpdated = 0
	b.Build.Hash = ""
	return document(pkgmeter.Builds, b)
}

// Document returns the record to be stored.
func (t ReleaseTrack) Document() (pkgmeter.Document, error) {
	t.LastUpdated = 0
	t.Maintainers = full(t.Maintainers)
	return document(pkgmeter.ReleaseTracks, t)
}

// Document returns the record to be stored.
func (r ReleaseVersion) Document() (pkgmeter.Document, error) {
	r.LastUpdated = 0
	if r.Packages == nil {
		r.Packages = map[string]string{}
	}
	for name := range maps.Keys(r.Packages) {
		if err := nameable(name); err != nil {
			return pkgmeter.Document{}, err
		}
	}
	return document(pkgmeter.ReleaseVersions, r)
}

// full returns list, or an empty one: clients break on null.
func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// nameable reports a name that EJSON would take for a type of value, if it were a
// member of its own.
func nameable(name string) error {
	if strings.HasPrefix(name, "$") {
		return pkgmeter.Errorf(pkgmeter.Invalid, "%q cannot be the name of a package.", name)
	}
	return nil
}

// document writes a record, and finds in what is written what the store wants
// to know, as [Read] does in the records of others.
func document(c pkgmeter.Collection, record any) (pkgmeter.Document, error) {
	body, err := encode(record)
	if err != nil {
		return pkgmeter.Document{}, err
	}
	return Read(c, body)
}

// encode writes JSON with <, > and & as they are: frames stay small.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
