// Package arch_test holds the module to its import map and to its list of
// direct dependencies. It knows nothing of what the packages do.
package arch_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pkgmeter/pkgmeter"

const root = "."

// may lists the module's own packages that each package may import. A package
// that is missing here fails the test: a new package is a decision.
var may = map[string][]string{
	// level 0
	root:                {},
	"internal/ingest":   {},
	"internal/purl":     {},
	"internal/artifact": {"internal/purl"},
	"internal/agent":    {},
	"internal/cells":    {},
	"internal/load":     {},
	"internal/vers":     {},
	"internal/savejson": {},
	"ddp":               {"ddp/ejson"},
	"ddp/ejson":         {},
	// level 1
	"internal/rule":     {root, "internal/artifact", "internal/purl", "internal/agent"},
	"internal/source":   {root, "internal/artifact", "internal/purl"},
	"internal/auth":     {root},
	"internal/httpx":    {root},
	"internal/badge":    {root},
	"internal/control":  {root},
	"internal/geo":      {root},
	"internal/terminal": {root},
	"internal/blob":     {root},
	"internal/catalog":  {root, "internal/purl"},
	"internal/sqlite":   {root, "internal/cells"},
	"internal/demo":     {root, "internal/rule", "internal/catalog"},
	"internal/alert":    {root, "internal/vers"},
	"internal/backup":   {root, "internal/control", "internal/blob"},
	// level 2
	"internal/pull":      {root, "internal/source"},
	"internal/hook":      {root, "internal/source", "internal/pull", "internal/artifact", "internal/rule", "internal/auth", "internal/httpx", "internal/ingest"},
	"internal/intake":    {root, "internal/source", "internal/pull", "internal/rule"},
	"internal/sharelink": {root, "internal/rule"},
	"internal/live":      {root},
	"internal/web":       {root, "internal/live", "internal/httpx", "internal/auth", "internal/artifact", "internal/rule", "internal/catalog", "internal/alert", "internal/sharelink"},
	"internal/settings":  {root, "internal/httpx", "internal/auth", "internal/web", "internal/sharelink", "internal/rule"},
	"internal/daily":     {root, "internal/catalog", "internal/httpx"},
	"internal/meteor":    {root, "ddp", "ddp/ejson", "internal/catalog", "internal/purl", "internal/blob", "internal/httpx", "internal/auth"},
	"internal/api":       {root, "internal/httpx", "internal/auth", "internal/rule", "internal/savejson", "internal/badge", "internal/purl"},
	// level 3: everything below, but no store
	"internal/server": {
		root, "internal/ingest", "internal/artifact", "internal/cells", "internal/rule", "internal/source", "internal/auth",
		"internal/httpx", "internal/control", "internal/savejson", "internal/hook", "internal/web", "internal/api",
		"internal/settings", "internal/sharelink", "internal/meteor", "internal/catalog", "internal/daily", "internal/blob", "internal/purl", "internal/badge", "internal/live", "internal/alert",
	},
	// level 4
	"cmd/pkgmeter": anything,
	// tests
	"bench":                anything,
	"internal/arch":        anything,
	"internal/crashtest":   anything,
	"internal/counterpart": anything,
	"internal/browsertest": anything,
}

var anything = []string{"*"}

func TestPackagesImportOnlyWhatTheMapAllows(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := relative(fields[0])
		allowed, known := may[pkg]
		if !known {
			t.Errorf("%s is not on the map", pkg)
			continue
		}
		seen++
		for _, imported := range fields[1:] {
			own := imported == module || strings.HasPrefix(imported, module+"/")
			if own && !slices.Contains(allowed, "*") && !slices.Contains(allowed, relative(imported)) {
				t.Errorf("%s must not import %s", pkg, relative(imported))
			}
			if pkg == root && strings.Contains(imported, ".") {
				t.Errorf("the domain must not import %s: standard library only", imported)
			}
		}
	}
	if seen < 10 {
		t.Fatalf("only %d packages were checked", seen)
	}
}

func relative(path string) string {
	if path == module {
		return root
	}
	return strings.TrimPrefix(path, module+"/")
}

// direct lists the modules that the program and its tests may require. What
// they bring along is theirs to decide.
var direct = []string{
	"github.com/BurntSushi/toml",
	"github.com/alecthomas/kong",
	"github.com/chromedp/cdproto",
	"github.com/chromedp/chromedp",
	"github.com/coder/websocket",
	"github.com/jba/templatecheck",
	"github.com/klauspost/compress",
	"github.com/maxmind/mmdbwriter",
	"github.com/microcosm-cc/bluemonday",
	"github.com/oschwald/maxminddb-golang/v2",
	"github.com/package-url/packageurl-go",
	"github.com/prometheus/client_golang",
	"github.com/rogpeppe/go-internal",
	"github.com/wneessen/go-mail",
	"github.com/yuin/goldmark",
	"go.uber.org/goleak",
	"gocloud.dev",
	"golang.org/x/crypto",
	"golang.org/x/net",
	"golang.org/x/sync",
	"golang.org/x/sys",
	"golang.org/x/term",
	"golang.org/x/text", // how many columns a letter takes on a terminal
	"modernc.org/sqlite",
	"pgregory.net/rapid",
}

func TestDirectDependenciesAreTheListedOnes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:require )?([a-z][^\s]+\.[^\s]+/?[^\s]*) v\S+$`).FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(direct, m[1]) {
			t.Errorf("%s is not a dependency that was decided on", m[1])
		}
	}
}

func TestNoPackageHasANameThatSaysNothing(t *testing.T) {
	t.Parallel()
	for pkg := range may {
		parts := strings.Split(pkg, "/")
		if slices.Contains([]string{"util", "common", "helpers", "models", "services", "repository", "mock", "types"}, parts[len(parts)-1]) {
			t.Errorf("%s: name what it is about", pkg)
		}
	}
}
