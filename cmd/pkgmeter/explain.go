package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type explainCmd struct {
	Path   []string `arg:"" optional:"" name:"path" help:"A path, URL or name of a file, as a sender says it."`
	Format string   `placeholder:"TYPE" help:"Read it as a file of a repository of this package type, e.g. npm."`
	Agent  *string  `placeholder:"UA" help:"Say what the client table makes of this User-Agent."`
	JSON   bool     `name:"json" xor:"shown" help:"Print an object a line."`
	shown
}

// Run says what the rules make of paths and an agent. It needs no data folder.
func (c *explainCmd) Run(a *app) error {
	parts, err := c.explain(a.own)
	if err != nil {
		return err
	}
	if c.CSV {
		return c.writeRows(a, parts)
	}
	for i, part := range parts {
		if err := c.writePart(a, part, i > 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *explainCmd) writePart(a *app, part explanation, next bool) error {
	if c.JSON {
		raw, err := json.Marshal(part)
		if err != nil {
			return err
		}
		return a.print(raw)
	}
	if next {
		fmt.Fprintln(a.out)
	}
	if c.Markdown {
		return part.pairs().WriteMarkdown(a.out)
	}
	return part.pairs().Write(a.out, c.screen(a))
}

// writeRows writes a row a part. They have the same columns, or there is no table.
func (c *explainCmd) writeRows(a *app, parts []explanation) error {
	if len(c.Path) > 0 && c.Agent != nil {
		return usage("--csv has room for paths or for a User-Agent: ask for one after the other")
	}
	var rows [][]string
	for _, part := range parts {
		var heads, cells []string
		for _, p := range part.pairs() {
			heads, cells = append(heads, p[0]), append(cells, p[1])
		}
		if rows == nil {
			rows = append(rows, heads)
		}
		rows = append(rows, cells)
	}
	return c.writeCSV(a, rows)
}

// explanation is what is said of one path or agent.
type explanation interface{ pairs() terminal.Pairs }

// explain reads all paths before the first is printed: the mistake of one is
// that of the whole command.
func (c *explainCmd) explain(own []rule.ClientRule) ([]explanation, error) {
	types := artifact.Types()
	switch {
	case len(c.Path) == 0 && c.Agent == nil:
		return nil, usage("explain what? Want a PATH, or --agent with a User-Agent, or both")
	case c.Format != "" && !slices.Contains(types, c.Format):
		return nil, usage("--format %s: want one of %s", terminal.Clean(c.Format), strings.Join(types, ", "))
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

func (e fileExplanation) pairs() terminal.Pairs {
	return terminal.Pairs{
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
	}
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

func (e clientExplanation) pairs() terminal.Pairs {
	return terminal.Pairs{
		{"client", e.Client},
		{"class", e.Class},
		{"version", e.Version},
		{"runtime", e.Runtime},
		{"os", e.OS},
		{"arch", e.Arch},
	}
}
