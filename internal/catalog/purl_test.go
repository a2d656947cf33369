package catalog_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

func TestNamesGoToPurlsAndBack(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"tracker": "pkg:meteor/tracker", "alice:foo": "pkg:meteor/alice/foo", "a:b:c": "pkg:meteor/a/b:c", "a.b-c:d.1": "pkg:meteor/a.b-c/d.1",
	} {
		got := catalog.PackageURL(name)
		back, err := catalog.PackageOf(got)
		if got != want || err != nil || back != name {
			t.Errorf("%s: %s, back %s, %v; want %s", name, got, back, err, want)
		}
	}
}
