package catalog_test

import (
	"cmp"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// ordered are versions from the first to the last.
var ordered = []string{
	"0.0.0-0", "0.0.0-0.0", "0.0.0", "0.0.0_1", "0.0.1", "0.1.0", "0.9.9", "0.10.0",
	"1.0.0--", "1.0.0--_2",
	"1.0.0-alpha", "1.0.0-alpha_1", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0-rc.1_2", "1.0.0-rc.1_10", "1.0.0-rc.1.0", "1.0.0-rc.x", "1.0.0-rc10", "1.0.0-rc9", "1.0.0-x0a",
	"1.0.0", "1.0.0_1", "1.0.0_2", "1.0.0_10", "1.0.0_99999999999999999999", "1.0.1-0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
	"9007199254740991.0.0", "9007199254740992.0.0", "9007199254740993.0.0", "18446744073709551615.0.0", "18446744073709551616.0.0", "99999999999999999999999999999999.0.0",
}

// none are texts that are no versions.
var none = []string{
	"", " ", "1", "1.2", "1.2.3.4", "v1.2.3", "=1.2.3", " 1.2.3", "1.2.3 ", "01.2.3", "1.02.3", "1.2.03", "-1.2.3", "1.2.-3", "1..3", ".1.2", "1.2.", "a.b.c", "1.2.x",
	"1.2.3-", "1.2.3-.", "1.2.3-a.", "1.2.3-a..b", "1.2.3-01", "1.2.3-rc.00", "1.2.3-é", "1.2.3-a b", "1.2.3-a!", "1.2.3-a\x00",
	"1.2.3_", "1.2.3_0", "1.2.3_01", "1.2.3_a", "1.2.3_1_2", "1.2.3_1-rc", "1.2.3_-1", "1.2.3-a_b", "1.2.3-_1", "_1", "-",
	"1.2.3+build", "1.2.3-rc.1+b", "1.2.3_1+b", "1.2.3+", "１.2.3", "1.2.3\n",
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for i, a := range ordered {
		checkVersion(t, a)
		for j, b := range ordered {
			if got := catalog.CompareVersions(a, b); got != cmp.Compare(i, j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
	for _, s := range none {
		if _, err := catalog.ParseVersion(s); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("ParseVersion(%q): %v", s, err)
		}
		checkVersion(t, s)
		if catalog.CompareVersions(s, "0.0.0-0") != -1 || catalog.CompareVersions("0.0.0-0", s) != 1 || catalog.CompareVersions(s, s) != 0 {
			t.Errorf("%q does not come before all versions", s)
		}
	}
	if catalog.CompareVersions("b", "a") != 1 {
		t.Error("what is no version is not sorted")
	}
	n, err := catalog.ParseVersion("10.20.30-rc.1_4")
	if want := (catalog.Number{Major: "10", Minor: "20", Patch: "30", Pre: "rc.1", Wrap: "4"}); n != want || err != nil {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := catalog.ParseVersion("1.2.3+b"); !strings.Contains(err.Error(), "build number") {
		t.Error(err)
	}
	if _, err := catalog.ParseVersion("1.2.3-" + strings.Repeat("a", 251)); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Error(err)
	}
}

// grammar is the form of versions as their rules have it.
var grammar = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)` +
	`(?:-((?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?(?:_([1-9][0-9]*))?$`)

// checkVersion holds ParseVersion to the grammar for any text.
func checkVersion(t *testing.T, s string) {
	t.Helper()
	n, err := catalog.ParseVersion(s)
	m := grammar.FindStringSubmatch(s)
	switch {
	case (err == nil) != (m != nil && len(s) <= 256):
		t.Fatalf("ParseVersion(%q): %v", s, err)
	case err != nil:
	case n != catalog.Number{Major: m[1], Minor: m[2], Patch: m[3], Pre: m[4], Wrap: m[5]}:
		t.Fatalf("ParseVersion(%q) = %+v", s, n)
	case n.String() != s:
		t.Fatalf("ParseVersion(%q).String() = %q", s, n)
	case n.Compare(n) != 0:
		t.Fatalf("%q is not equal to itself", s)
	}
}

// precedence compares versions that there are in the plainest way.
func precedence(a, b string) int {
	x, y := grammar.FindStringSubmatch(a), grammar.FindStringSubmatch(b)
	numeral := func(s string) *big.Int {
		n, _ := new(big.Int).SetString("0"+s, 10)
		return n
	}
	for i := 1; i <= 3; i++ {
		if c := numeral(x[i]).Cmp(numeral(y[i])); c != 0 {
			return c
		}
	}
	digits := regexp.MustCompile(`^[0-9]+$`)
	words := func(a, b string) int {
		switch m, n := digits.MatchString(a), digits.MatchString(b); {
		case m && n:
			return numeral(a).Cmp(numeral(b))
		case m != n && m:
			return -1
		case m != n:
			return 1
		}
		return strings.Compare(a, b)
	}
	switch {
	case x[4] == y[4]:
	case x[4] == "":
		return 1
	case y[4] == "":
		return -1
	default:
		return slices.CompareFunc(strings.Split(x[4], "."), strings.Split(y[4], "."), words)
	}
	return numeral(x[5]).Cmp(numeral(y[5]))
}

// mutated calls check with 20,000 texts near to the given ones, the same ones
// each time.
func mutated(seeds, pieces []string, check func(string)) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		s := seeds[rnd.IntN(len(seeds))]
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(s) + 1)
			j := min(len(s), i+rnd.IntN(4))
			switch rnd.IntN(4) {
			case 0:
				s = s[:i] + pieces[rnd.IntN(len(pieces))] + s[i:]
			case 1:
				s = s[:i] + s[j:]
			case 2:
				s = s[:i] + pieces[rnd.IntN(len(pieces))] + s[j:]
			case 3:
				other := seeds[rnd.IntN(len(seeds))]
				s = s[:i] + other[rnd.IntN(len(other)+1):]
			}
		}
		check(s)
	}
}

var versionPieces = []string{".", "-", "_", "+", "0", "1", "10", "00", "a", "Z", "rc", " ", "\x00", "é", "\xff", "..", "1.2.3", "_2", "99999999999999999999"}

func TestVersionsNearToVersions(t *testing.T) {
	t.Parallel()
	valid := slices.Clone(ordered)
	mutated(slices.Concat(ordered, none), versionPieces, func(s string) {
		checkVersion(t, s)
		if _, err := catalog.ParseVersion(s); err == nil {
			valid = append(valid, s)
		}
	})
	if len(valid) < 2000 {
		t.Errorf("only %d of the versions were ones", len(valid))
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		a, b := valid[rnd.IntN(len(valid))], valid[rnd.IntN(len(valid))]
		if got, want := catalog.CompareVersions(a, b), precedence(a, b); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
	}
}

func FuzzVersion(f *testing.F) {
	for _, s := range slices.Concat(ordered, none) {
		f.Add(s, "1.2.3-rc.1_4")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		checkVersion(t, a)
		got, back := catalog.CompareVersions(a, b), catalog.CompareVersions(b, a)
		if got != -back || got == 0 && a != b {
			t.Fatalf("%q and %q: %d, the other way round %d", a, b, got, back)
		}
		if grammar.MatchString(a) && grammar.MatchString(b) && got != precedence(a, b) {
			t.Fatalf("%q and %q: %d", a, b, got)
		}
	})
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": true, "1.2.3": true, "=1.2.3": true, "~1.2.3-rc.1_2": true, "1.0.0 || 2.0.0": true, "1.0.0||=2.0.0": true, "1.0.0   ||~2.0.0 || 3.0.0": true,
		" ": false, " 1.0.0": false, "1.0.0 ": false, "1.0": false, "1.0.0+b": false, ">=1.0.0": false, "^1.0.0": false, "==1.0.0": false, "= 1.0.0": false,
		"||": false, "1.0.0 ||": false, "|| 1.0.0": false, "1.0.0 | 2.0.0": false, "1.0.0 2.0.0": false, "1.0.0 |||| 2.0.0": false, "@1.0.0": false, "1.0.0\t|| 2.0.0": false,
	} {
		if err := catalog.ValidConstraint(s); (err == nil) != want || err != nil && pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("ValidConstraint(%q): %v", s, err)
		}
	}
}
