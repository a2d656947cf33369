package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

type explainCmd struct {
	Path   []string `arg:"" optional:"" name:"path" help:"A path, URL or name of a file, as a sender says it."`
	Format string   `placeholder:"TYPE" help:"Read it as a file of a repository of this package type, e.g. npm."`
	Agent  *string  `placeholder:"UA" help:"Say what the client table makes of this User-Agent."`
	JSON   bool     `name:"json" help:"Print an object a line."`
}

// Run says what the rules make of paths and an agent. It needs no data folder.
func (c *explainCmd) Run(a *app) error {
	parts, err := c.explain(a.own)
	if err != nil {
		return err
	}
	for i, part := range parts {
		switch {
		case c.JSON:
			raw, err := json.Marshal(part)
			if err == nil {
				err = a.print(raw)
			}
			if err != nil {
				return err
			}
			continue
		case i > 0:
			fmt.Fprintln(a.out)
		}
		fmt.Fprint(a.out, part.lines())
	}
	return nil
}

// explanation is what is said of one path or agent.
type explanation interface{ lines() string }

// explain reads all paths before the first is printed: the mistake of one is
// that of the whole command.
func (c *explainCmd) explain(own []rule.ClientRule) ([]explanation, error) {
	types := artifact.Types()
	switch {
	case len(c.Path) == 0 && c.Agent == nil:
		return nil, usage("explain what? Want a PATH, or --agent with a User-Agent, or both")
	case c.Format != "" && !slices.Contains(types, c.Format):
		return nil, usage("--format %s: want one of %s", printable(c.Format), strings.Join(types, ", "))
	}
	var parts []explanation
	for _, said := range c.Path {
		path := rule.SaidPath(said)
		switch {
		case path == "":
			return nil, usage("%q names no file", said)
		case len(path) > pkgmeter.MaxPath:
			return nil, usage("a path of %d bytes: events of paths longer than %d are refused", len(path), pkgmeter.MaxPath)
		}
		parts = append(parts, fileExplanation(rule.Explain(path, c.Format)))
	}
	if c.Agent != nil {
		rules, err := rule.New(own)
		if err != nil {
			return nil, err
		}
		k := rules.Client(pkgmeter.Cut(*c.Agent, pkgmeter.MaxAgent), 0)
		parts = append(parts, clientExplanation{k.Name, k.Class.String(), k.Version, k.Runtime, k.OS, k.Arch})
	}
	return parts, nil
}

// fileExplanation is what is said of a path.
type fileExplanation rule.Explanation

func (e fileExplanation) lines() string {
	return aligned([][2]string{
		{"type", e.Type},
		{"package", e.Package},
		{"version", e.Version},
		{"repository", e.Repository},
		{"file", e.File},
		{"kind", e.Kind},
		{"sidecar_of", e.SidecarOf},
		{"legacy_type", e.LegacyType},
		{"confidence", e.Confidence},
		{"rule", e.Rule},
		{"rules", strconv.Itoa(e.Rules)},
	})
}

// clientExplanation is what is said of an agent.
type clientExplanation struct {
	Client  string `json:"client"`
	Class   string `json:"class"`
	Version string `json:"version"`
	Runtime string `json:"runtime"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (e clientExplanation) lines() string {
	return aligned([][2]string{
		{"client", e.Client},
		{"class", e.Class},
		{"version", e.Version},
		{"runtime", e.Runtime},
		{"os", e.OS},
		{"arch", e.Arch},
	})
}

// aligned writes a name and a value a line. Values come from outside.
func aligned(pairs [][2]string) string {
	width := 0
	for _, p := range pairs {
		width = max(width, len(p[0]))
	}
	var b strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&b, "%-*s %s\n", width+1, p[0]+":", cmp.Or(printable(p[1]), "-"))
	}
	return b.String()
}
