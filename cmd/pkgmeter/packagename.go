package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// packageNamed returns the canonical purl of what the user typed.
func (a *app) packageNamed(name string) (string, error) {
	if purl, err := asPurl(name); purl != "" || err != nil {
		return purl, err
	}
	purls, err := a.packagesNamed(spellings(name)...)
	if err != nil {
		return "", err
	}
	return onlyOne(name, purls)
}

// meteorPackage is packageNamed among the packages of Meteor. What a package of
// it is called in full is no other's name.
func (a *app) meteorPackage(name string) (string, error) {
	if purl, err := asPurl(name); purl != "" || err != nil {
		return purl, err
	}
	const meteor = "pkg:meteor/"
	whole := catalog.PackageURL(name)
	purls, err := a.packagesNamed(strings.TrimPrefix(whole, "pkg:"), strings.TrimPrefix(whole, meteor))
	if err != nil {
		return "", err
	}
	if slices.Contains(purls, whole) {
		return whole, nil
	}
	return onlyOne(name, slices.DeleteFunc(purls, func(purl string) bool { return !strings.HasPrefix(purl, meteor) }))
}

// asPurl returns the canonical spelling of a purl, "" for what is none.
func asPurl(name string) (string, error) {
	if !strings.HasPrefix(name, "pkg:") {
		return "", nil
	}
	purl, err := rule.CanonicalPackage(name)
	if err != nil {
		return "", usage("%s: %s", name, pkgmeter.PublicMessage(err))
	}
	return purl, nil
}

// packagesNamed returns the packages that have one of some names.
func (a *app) packagesNamed(spellings ...string) (purls []string, err error) {
	for _, spelling := range spellings {
		var found []string
		if err := a.call("packages-named", spelling, &found); err != nil {
			return nil, err
		}
		purls = append(purls, found...)
	}
	slices.Sort(purls)
	return slices.Compact(purls), nil
}

func onlyOne(name string, purls []string) (string, error) {
	switch len(purls) {
	case 0:
		return "", fmt.Errorf("no package is named %s", terminal.Clean(name))
	case 1:
		return purls[0], nil
	}
	return "", fmt.Errorf("%s may be one of: %s", terminal.Clean(name), strings.Join(purls, " "))
}

// spellings returns how a name may stand in a canonical purl: as typed, and as
// the types write it that have rules for names.
func spellings(name string) []string {
	all := []string{name}
	if s := strings.TrimPrefix(catalog.PackageURL(name), "pkg:meteor/"); s != name {
		all = append(all, s) // alice:foo
	}
	for _, typ := range []string{"generic", "pypi", "npm"} {
		purl, err := rule.CanonicalPackage("pkg:" + typ + "/" + strings.ReplaceAll(url.PathEscape(name), "%2F", "/"))
		if s := strings.TrimPrefix(purl, "pkg:"+typ+"/"); err == nil && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
