package meteor_test

import (
	"slices"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

// Clients that are given pages that were kept for others end with the catalog
// as it is, whatever was changed or removed since.
func TestKeptPagesAreAsGoodAsNewOnes(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, open(t))
			f.put(t, packages(0, 1201)...)
			check := func(when string, want int) {
				t.Helper()
				_, all := walk(t, f, `{}`, nil)
				slices.Sort(all)
				if all = slices.Compact(all); len(all) != want {
					t.Errorf("%s: %d records, want %d", when, len(all), want)
				}
			}
			check("first", 1201)
			check("kept", 1201)
			change(t, f.store, pkgmeter.Packages, "pack00001", `,"homepage":"new"`)
			f.put(t, packages(1201, 1203)...)
			check("changed", 1203)
			var last page
			_, all := walk(t, f, `{}`, func(_ int, p page) { last = p })
			if n := len(all); n != 1204 { // the changed one as it was, and as it is
				t.Errorf("%d records came from kept pages, want 1204: are none kept?", n)
			}
			if p := last; len(p.Collections["packages"]) == 0 {
				t.Error("the last page is empty")
			}
			remove(t, f.store, pkgmeter.Packages, "pack00002")
			check("removed", 1202)
			_, all = walk(t, f, `{}`, nil)
			if len(all) != 1202 {
				t.Errorf("%d records after a deletion, want 1202: a page from before it was given", len(all))
			}
		})
	}
}
