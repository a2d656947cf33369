package agent_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/agent"
)

// check holds Parse to what it promises of any agent.
func check(t *testing.T, ua string) agent.Client {
	t.Helper()
	c := agent.Parse(ua)
	fail := func(what string) {
		t.Helper()
		t.Fatalf("Parse(%q): %s\n%s", ua, what, line(c))
	}
	if again := agent.Parse(ua); again != c {
		fail("not the same twice: " + line(again))
	}
	if !slices.Contains(agent.Names(), c.Name) {
		fail("no such name")
	}
	if len(c.Version) > agent.MaxVersion || len(c.Runtime) > 16 || len(c.OS)+len(c.Arch)+len(c.CI) > 48 {
		fail("too long")
	}
	all := c.Version + c.Runtime + c.OS + c.Arch + c.CI
	if strings.ContainsFunc(all, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`<>"'&\`, r) }) {
		fail("not plain")
	}
	if c.OS+c.Arch+c.CI != strings.ToLower(c.OS+c.Arch+c.CI) {
		fail("not in lower case")
	}
	switch named := c.Name != "(other)" && c.Name != "(none)"; {
	case c.Class > agent.Unknown:
		fail("no such class")
	case c.Class == agent.CI && c.CI == "", c.CI != "" && (c.Class == agent.Human || c.Class == agent.Unknown):
		fail("class and CI differ")
	case !named && (c.Version != "" || c.Class != agent.Unknown && c.Class != agent.CI):
		fail("too much is known of what is not listed")
	case c.Name == "(none)" && c != agent.Client{Name: "(none)", Class: agent.Unknown}:
		fail("something is known of nothing")
	}
	return c
}

func TestClassesKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"human", "ci", "mirror", "bot", "unknown"} {
		class, ok := agent.ParseClass(name)
		if !ok || int(class) != i || class.String() != name {
			t.Errorf("ParseClass(%s) = %d, %t; its name is %s", name, class, ok, class)
		}
	}
	for _, name := range []string{"", "Human", "robot", "5", "Class(5)"} {
		if class, ok := agent.ParseClass(name); ok || class != agent.Unknown {
			t.Errorf("ParseClass(%q) = %s, %t", name, class, ok)
		}
	}
	if got := agent.Class(9).String(); got != "Class(9)" {
		t.Errorf("Class(9) is called %s", got)
	}
}

func TestTheTableIsDated(t *testing.T) {
	t.Parallel()
	if _, err := time.Parse(time.DateOnly, agent.Dated); err != nil || agent.Number < 1 {
		t.Errorf("table %d of %s", agent.Number, agent.Dated)
	}
}

func TestNamesAreKeysOfClients(t *testing.T) {
	t.Parallel()
	names := agent.Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("names are not sorted, or not unique")
	}
	for _, name := range names {
		if name == "(other)" || name == "(none)" {
			continue
		}
		if _, err := agent.NewTable([]agent.Rule{{Agent: "*", Name: name}}); err != nil {
			t.Errorf("%s may not be the name of a client: %v", name, err)
		}
		if got := agent.Parse(name + "/1.0").Name; got != name {
			t.Errorf("%s calls itself %s", got, name)
		}
	}
	for _, name := range []string{"browser", "(other)", "(none)", "pip", "maven", "meteor", "go"} {
		if _, found := slices.BinarySearch(names, name); !found {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestADescriptionMayBeCutAnywhere(t *testing.T) {
	t.Parallel()
	for _, ua := range []string{pipLinux, pipCI, uvMac, uvWindows, hatchCI} {
		product, _, _ := strings.Cut(ua, " ")
		name, version, _ := strings.Cut(strings.ToLower(product), "/")
		for end := len(product); end <= len(ua); end++ {
			c := check(t, ua[:end])
			want := agent.Human
			if i := strings.Index(ua, `"ci":true`); i >= 0 && end > i+len(`"ci":true`) {
				want = agent.CI
			}
			if c.Name != name || c.Version != version || c.Class != want {
				t.Errorf("Parse(%q) = %s, want %s %s %s", ua[:end], line(c), name, version, want)
			}
			if i := strings.Index(ua, `"python":"3.1`); end <= i && c.Runtime != "" {
				t.Errorf("Parse(%q) knows a runtime that is not in it: %s", ua[:end], c.Runtime)
			}
		}
	}
}

func TestWhatIsBeyondTheLimitIsNotRead(t *testing.T) {
	t.Parallel()
	for pad, want := range map[int]agent.Class{agent.MaxAgent - 20: agent.CI, agent.MaxAgent: agent.Human} {
		if got := check(t, "npm/10.0.0 "+strings.Repeat("x", pad-len("npm/10.0.0 "))+" ci/jenkins").Class; got != want {
			t.Errorf("ci/jenkins behind %d bytes: %s, want %s", pad, got, want)
		}
	}
}

// TestAHostileAgentIsReadInTime has words of all lengths, and those that make a
// reader look back. The slowest takes some microseconds; the
// bound is for busy machines, and still far below what reading twice over takes.
func TestAHostileAgentIsReadInTime(t *testing.T) {
	t.Parallel()
	const most = 500 * time.Millisecond
	for _, piece := range []string{
		"a", "/", "-", "(", ";", "a ", "a-", "x86_", "1-", "%20", "%", "{", `{"`, `"ci":`, `"ci"`, `\"`, "ci/", "CI ", "Nexus/", "bot ", "ü", "\x00", "\xff", "go/go", "python ",
	} {
		for _, head := range []string{"", "pip/1 {", "Gradle/1 (", "Debian ", "Mozilla/5.0 ("} {
			ua := head + strings.Repeat(piece, 100_000)
			start := time.Now()
			check(t, ua)
			if took := time.Since(start); took > most {
				t.Errorf("%.40q took %s", ua, took)
			}
		}
	}
}

// pieces are what mutations put into agents.
var pieces = []string{
	" ", "/", ";", "(", ")", "{", "}", `"`, `\`, "%20", "%", "%00", "\x00", "\x1b[0m", "\xff", "ü", "<b>", "-", "_", "v1.2.3", "1.8", "99999999999",
	"ci/", " CI ", `"ci":true`, `"python":"3.9`, "Artifactory/", "Nexus/3", "bot", "spider ", "linux", "Android", "x86_64", "java ", "go1.", " Debian ", "Ruby, ",
	strings.Repeat("9", 200), strings.Repeat("a", 600),
}

func mutate(rnd *rand.Rand, seeds []string) string {
	ua := seeds[rnd.IntN(len(seeds))]
	for range 1 + rnd.IntN(4) {
		i := rnd.IntN(len(ua) + 1)
		j := min(len(ua), i+rnd.IntN(8))
		switch rnd.IntN(4) {
		case 0: // insert
			ua = ua[:i] + pieces[rnd.IntN(len(pieces))] + ua[i:]
		case 1: // delete
			ua = ua[:i] + ua[j:]
		case 2: // replace
			ua = ua[:i] + pieces[rnd.IntN(len(pieces))] + ua[j:]
		case 3: // splice
			other := seeds[rnd.IntN(len(seeds))]
			ua = ua[:i] + other[rnd.IntN(len(other)+1):]
		}
	}
	return ua
}

func TestMutatedAgentsKeepTheContract(t *testing.T) {
	t.Parallel()
	seeds := slices.Sorted(maps.Keys(goldens))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		check(t, mutate(rnd, seeds))
	}
}

func TestOwnRulesStandAboveTheTable(t *testing.T) {
	t.Parallel()
	table, err := agent.NewTable([]agent.Rule{
		{Agent: "Acme-Deploy/*", Name: "acme-deploy", Class: "ci"},
		{Agent: "*acme*", Name: "acme"},
		{Agent: "curl/*(nightly)*", Class: "bot"},
		{Agent: "curl/*", Name: "curl-too"},
		{Agent: "exact/1.0", Class: "human"},
		{Agent: "a*b*a", Name: "aba"},
		{Agent: "npm/*", Class: "human"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for ua, want := range map[string]string{
		"acme-deploy/2.1 linux":     "acme-deploy | 2.1 | ci | - | linux | - | -",
		"ACME-DEPLOY/v2":            "acme-deploy | 2 | ci | - | - | - | -",
		"the-acme-tool":             "acme | - | unknown | - | - | - | -",
		"curl/8.5.0 (nightly)":      "curl | 8.5.0 | bot | - | - | - | -",
		"curl/8.5.0":                "curl-too | 8.5.0 | human | - | - | - | -",
		"exact/1.0":                 "(other) | - | human | - | - | - | -",
		"exact/1.0.1":               "(other) | - | unknown | - | - | - | -",
		"aba":                       "aba | - | unknown | - | - | - | -",
		"ab":                        "(other) | - | unknown | - | - | - | -",
		"a":                         "(other) | - | unknown | - | - | - | -",
		"a-b-b-a":                   "aba | - | unknown | - | - | - | -",
		"npm/1.0.0 linux ci/travis": "npm | 1.0.0 | human | - | linux | - | travis-ci",
		"pip/24.0":                  "pip | 24.0 | human | - | - | - | -",
		"":                          "(none) | - | unknown | - | - | - | -",
	} {
		if got := line(table.Parse(ua)); got != want {
			t.Errorf("Parse(%q)\n got %s\nwant %s", ua, got, want)
		}
	}
}

func TestATableWithoutRulesIsTheBuiltInOne(t *testing.T) {
	t.Parallel()
	table, err := agent.NewTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	for ua := range goldens {
		if got, want := table.Parse(ua), agent.Parse(ua); got != want {
			t.Errorf("Parse(%q) = %s, want %s", ua, line(got), line(want))
		}
	}
}

func TestStarsMatchAsTheyShould(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, ua string
		want        bool
	}{
		{"*", "anything", true},
		{"*", "", true},
		{"**", "x", true},
		{"x", "x", true},
		{"X", "x", true},
		{"x", "xy", false},
		{"x*", "x", true},
		{"*x", "yx", true},
		{"*x", "xy", false},
		{"x*x", "x", false},
		{"x*x", "xx", true},
		{"x*y*z", "x-y-z", true},
		{"x*y*z", "xzy", false},
		{"*ab*ab*", "ab", false},
		{"*ab*ab*", "abab", true},
		{"?", "x", false},
		{"[a-z]", "x", false},
		{"é*", "É", false}, // only the letters of ASCII have a case here
	} {
		table, err := agent.NewTable([]agent.Rule{{Agent: c.pattern, Class: "mirror"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Parse(c.ua).Class == agent.Mirror; got != c.want {
			t.Errorf("%q has the pattern %q: %t, want %t", c.ua, c.pattern, got, c.want)
		}
	}
}

func TestAWrongRuleIsNamed(t *testing.T) {
	t.Parallel()
	good := agent.Rule{Agent: "x*", Name: "x", Class: "bot"}
	for name, bad := range map[string]agent.Rule{
		`pattern ""`:      {Name: "x"},
		`pattern " "`:     {Agent: " "},
		`pattern "zzz`:    {Agent: strings.Repeat("z", 600)},
		`class "robot"`:   {Agent: "y", Class: "robot"},
		`name "Upper"`:    {Agent: "y", Name: "Upper"},
		`name "(other)"`:  {Agent: "y", Name: "(other)"},
		`name "a b"`:      {Agent: "y", Name: "a b"},
		`name "aaaaaaaaa`: {Agent: "y", Name: strings.Repeat("a", 65)},
	} {
		_, err := agent.NewTable([]agent.Rule{good, bad})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "rule 2") {
			t.Errorf("%+v: got error %v, want one about rule 2 and %s", bad, err, name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for ua := range goldens {
		f.Add(ua)
	}
	table, err := agent.NewTable([]agent.Rule{{Agent: "*bot*", Class: "mirror"}, {Agent: "a*b*c", Name: "abc"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ua string) {
		check(t, ua)
		if got, again := table.Parse(ua), table.Parse(ua); got != again {
			t.Fatalf("Parse(%q) by own rules: %s, then %s", ua, line(got), line(again))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, ua := range []string{
		"npm/10.2.4 node/v20.11.0 linux x64 workspaces/false ci/github-actions",
		"Apache-Maven/3.9.6 (Java 17.0.9; Linux 6.5.0-1016-azure)",
		"curl/8.5.0", "frobnicate/1.2 linux", dockerd, chrome, pipLinux,
	} {
		b.Run(fmt.Sprintf("%.12s", strings.ReplaceAll(ua, "/", "-")), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				agent.Parse(ua)
			}
		})
	}
	table, err := agent.NewTable([]agent.Rule{{Agent: "*acme*", Name: "acme"}, {Agent: "acme/*", Class: "bot"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			table.Parse("npm/10.2.4 node/v20.11.0 linux x64 workspaces/false")
		}
	})
}
