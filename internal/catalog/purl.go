package catalog

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// PackageURL returns the purl of a package: what is before the colon in its name
// is its namespace.
func PackageURL(name string) string {
	namespace, rest, ok := strings.Cut(name, ":")
	if !ok {
		namespace, rest = "", name
	}
	return purl.Of("meteor", namespace, rest)
}

// PackageOf returns the name of the package that has a purl.
func PackageOf(pkg string) (string, error) {
	namespace, name, err := purl.Parts(pkg)
	if err != nil {
		return "", err
	}
	if namespace != "" {
		name = namespace + ":" + name
	}
	return name, nil
}
