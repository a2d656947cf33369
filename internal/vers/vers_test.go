package vers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/vers"
)

func TestARangeHasTheVersionsBetweenItsBounds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ in, out string }{
		"vers:npm/>=1.0.0|<2.0.0":                     {"1.0.0 1.0.1 1.10.0 2.0.0-rc.1 v1.2.3", "2.0.0 0.9.9 1.0.0-rc.1 latest"},
		"vers:npm/1.2.3":                              {"1.2.3 1.2.3+build", "1.2.4 1.2.3-a"},
		"vers:npm/*":                                  {"1.0.0 anything", ""},
		"vers:npm/!=1.2.3":                            {"1.2.4 0.0.1", "1.2.3"},
		"vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0":       {"0.1.0 2.5.0 5.0.0", "1.5.0 3.5.0 4.0.0"},
		"vers:npm/<3.0.0 | >=2.0.0 | !=2.5.0":         {"2.0.0 2.6.0", "2.5.0 3.0.0 1.0.0"},
		"vers:npm/0.5.0|>=2.0.0":                      {"0.5.0 2.0.0", "0.6.0"},
		"vers:cargo/>1.0.0-alpha.1|<1.0.0-alpha.beta": {"1.0.0-alpha.2 1.0.0-alpha.10", "1.0.0-alpha.beta 1.0.0-alpha.1 1.0.0"},
		"vers:golang/>=v1.2.0|<v2.0.0":                {"v1.2.0 v1.9.9+incompatible v1.3.0-0.20240101000000-abcdef123456", "v2.0.0 v1.2.0-rc1"},
		"vers:nuget/>=1.0.0.1|<1.0.0.5":               {"1.0.0.4", "1.0.0 1.0.0.5"},
		"vers:pypi/>=1.0|<2":                          {"1.0.0 1.0.post1 1.5a1 2.0.dev1 2.0rc1", "1.0.dev1 1.0rc1 2.0 2!1.0"},
		"vers:pypi/>1.0a1|<=1.0":                      {"1.0a2 1.0b1 1.0rc1 1.0", "1.0a1 1.0.post1 1.0+local"},
		"vers:maven/>=1.0|<2.0":                       {"1.0.0 1.0-sp 1.5-SNAPSHOT 2.0-alpha-1 2.0-rc1 1.0.Final", "2.0 2.0.GA 1.0-rc1 1.0-SNAPSHOT"},
		"vers:maven/>1-alpha2|<1-beta1":               {"1-alpha10 1a3", "1-b1 1-alpha-2 1"},
		"vers:gem/>=1.0|<2.0":                         {"1.0 1.0.0 1.9.9 2.0.a 2.0.0.rc1 2.0-beta", "2.0 2.0.0 1.0.a"},
		"vers:deb/>=1:1.0~rc1-1|<1:1.0-2":             {"1:1.0-1 1:1.0~rc2-1 1:1.0-1+b1", "1.0-1 1:1.0-2 1:1.0~beta1-1 2:1.0-1"},
		"vers:intdot/>=10.2|<11":                      {"10.2 10.10 10.2.3", "10.1.9 11.0 10.2a"},
		"vers:npm/>=1.0.0%2Bbuild":                    {"1.0.0", "0.9.0"},
	} {
		r, err := vers.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, v := range strings.Fields(want.in) {
			if !r.Has(v) {
				t.Errorf("%s does not have %s", text, v)
			}
		}
		for _, v := range strings.Fields(want.out) {
			if r.Has(v) {
				t.Errorf("%s has %s", text, v)
			}
		}
	}
}

func TestWhatIsNoRangeIsRefusedAndSaysWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "want one such as",
		"npm/>=1.0.0":                           "want one such as",
		"vers:npm":                              "want one such as",
		"vers:rpm/>=1.0":                        `"rpm" is not known: want one of cargo, deb,`,
		"vers:npm/>=one":                        "not a version of npm",
		"vers:npm/":                             "not a version of npm",
		"vers:npm/>=1.0.0|*":                    "stands alone",
		"vers:npm/>=1.0.0|>=2.0.0":              "do not go together",
		"vers:npm/<1.0.0|<=2.0.0":               "do not go together",
		"vers:npm/>=1.0.0|<1.0.0":               "named twice",
		"vers:npm/1.0.0|!=1.0.0":                "named twice",
		"vers:npm/1.0.0%zz":                     "%2B",
		"vers:npm/" + strings.Repeat("1|", 600): "at most 1024 bytes",
		"vers:intdot/" + strings.Repeat("1|", 101) + "1.1": "at most 100 constraints",
	} {
		if _, err := vers.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The orders are those of the examples in each ecosystem's own specification.
func TestVersionsComeInTheOrderOfTheirEcosystem(t *testing.T) {
	t.Parallel()
	for scheme, sorted := range map[string]string{
		"semver": "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.1.0 2.0.0",
		"pypi":   "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.1.dev1 1!0.1",
		"maven":  "1-alpha-1 1-alpha2 1-beta-2 1-milestone-1 1-rc-1 1-SNAPSHOT 1 1-sp 1-sp-1 1-abc 1-1 1.1 1.2.alpha1 1.2 1.10",
		"deb":    "1.0~~ 1.0~~a 1.0~ 1.0 1.0-1~ 1.0-1 1.0a 1.0+ 1:0.1",
		"gem":    "1.0.a 1.0.a.2 1.0.b1 1.0 1.0.1.a 1.0.1 1.0.10 2",
	} {
		versions := strings.Fields(sorted)
		for i, v := range versions {
			r, err := vers.Parse("vers:" + scheme + "/<" + strings.ReplaceAll(v, "+", "%2B"))
			if err != nil {
				t.Errorf("%s %s: %v", scheme, v, err)
				continue
			}
			for j, other := range versions {
				if got := r.Has(other); got != (j < i) {
					t.Errorf("%s: %s < %s is %v", scheme, other, v, got)
				}
			}
		}
	}
}

func TestTheTextOfARangeIsSorted(t *testing.T) {
	t.Parallel()
	r, err := vers.Parse("vers:npm/ <2.0.0 | !=1.5.0 | >=1.0.0+x | 0.1.0 ")
	if want := "vers:npm/0.1.0|>=1.0.0%2Bx|!=1.5.0|<2.0.0"; err != nil || r.String() != want || r.Scheme() != "npm" {
		t.Errorf("%s, %v, want %s", r, err, want)
	}
	if !slices.IsSorted(vers.Schemes()) {
		t.Error("schemes are not sorted")
	}
	if (vers.Range{}).Has("1.0.0") {
		t.Error("the zero range has a version")
	}
}

// What parses has a canonical text that parses to the same; a version that a range
// names lies in it exactly if its comparator says so; and orders are antisymmetric.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"vers:npm/>=1.0.0|<2.0.0", "vers:pypi/>=1.0a1.post2.dev3|!=1.0+x.1", "vers:maven/>1-alpha2|<1..-b", "vers:deb/>=1:1.0~rc1-1", "vers:gem/1.0.a|<3", "vers:npm/*", "vers:nuget/1.0.0.0|<1.0.0.0-A"} {
		f.Add(s, "1.0.0", "1.0.0-rc.1")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		r, err := vers.Parse(text)
		if err != nil {
			return
		}
		again, err := vers.Parse(r.String())
		if err != nil {
			if len(r.String()) > vers.MaxText {
				return // escapes have made it longer
			}
			t.Fatalf("%q: %q: %v", text, r.String(), err)
		}
		if again.String() != r.String() {
			t.Fatalf("%q, then %q", r.String(), again.String())
		}
		for _, v := range []string{a, b} {
			if r.Has(v) != again.Has(v) {
				t.Fatalf("%q and %q do not agree about %q", text, r.String(), v)
			}
			for _, scheme := range vers.Schemes() {
				below, err := vers.Parse("vers:" + scheme + "/<" + escape(v))
				if err != nil {
					continue
				}
				above, _ := vers.Parse("vers:" + scheme + "/>" + escape(v))
				if below.Has(v) || above.Has(v) || below.Has(a) && above.Has(a) || below.Has(b) && above.Has(b) {
					t.Fatalf("%s: the order of %q, %q and %q", scheme, v, a, b)
				}
			}
		}
	})
}

func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
