package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// configure reads the --config file, whose keys are the names of flags. Flags
// win over the environment, and the environment over the file.
func (a *app) configure(parser *kong.Kong, args []string) error {
	path := a.getenv("PKGMETER_CONFIG")
	for i, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--config="); ok {
			path = v
		} else if arg == "--config" && i+1 < len(args) {
			path = args[i+1]
		} else if arg == "--" {
			break
		}
	}
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	values := map[string]any{}
	if err := toml.Unmarshal(text, &values); err != nil {
		if p, ok := errors.AsType[toml.ParseError](err); ok {
			return fmt.Errorf("%s:%d: %s", path, p.Position.Line, p.Message)
		}
		return fmt.Errorf("config %s: %w", path, err)
	}
	own, nth, err := ownRules(values)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", path, lineOfClient(string(text), nth), err)
	}
	a.own = own
	known := flagNames(parser.Model.Node)
	for key := range values {
		if !known[key] {
			return fmt.Errorf("%s:%d: there is no setting %q", path, lineOf(string(text), key), key)
		}
	}
	return kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return nil, nil // kong's way to say: not from here
			}
		}
		return asTyped(values[flag.Name]), nil
	})).Apply(parser)
}

// ownRules takes the operator's rules about clients out of the values of the
// file: [[client]] tables with agent, name and class. Beside an error, nth is
// the table that is wrong, from 0 on.
func ownRules(values map[string]any) (own []rule.ClientRule, nth int, err error) {
	tables, there := values["client"]
	if !there {
		return nil, 0, nil
	}
	delete(values, "client")
	list, ok := tables.([]map[string]any)
	if !ok {
		return nil, 0, errors.New(`client: want tables, as in [[client]] agent = "acme-fetch/*" name = "acme-fetch" class = "ci"`)
	}
	own = make([]rule.ClientRule, len(list))
	for i, table := range list {
		for key, value := range table {
			to := map[string]*string{"agent": &own[i].Agent, "name": &own[i].Name, "class": &own[i].Class}[key]
			text, isText := value.(string)
			if to == nil || !isText {
				return nil, i, fmt.Errorf("[[client]] %d: %s: want agent, name and class, each a text", i+1, key)
			}
			*to = text
		}
	}
	_, err = rule.New(own)
	wrong := func(i int) bool {
		_, err := rule.New(own[:i+1])
		return err != nil
	}
	return own, sort.Search(len(own), wrong), err
}

// asTyped writes a value of the file as it would stand on the command line, so
// that both are read, and refused, alike.
func asTyped(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for i := range v {
			v[i] = asTyped(v[i])
		}
		return v
	default:
		return fmt.Sprint(v)
	}
}

func flagNames(n *kong.Node) map[string]bool {
	names := map[string]bool{}
	for _, f := range n.Flags {
		if f.Name != "help" && f.Name != "config" {
			names[f.Name] = true
		}
	}
	for _, child := range n.Children {
		for name := range flagNames(child) {
			names[name] = true
		}
	}
	return names
}

// clientHeader begins the lines that open a table of [[client]].
var clientHeader = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*["']?client["']?[ \t]*\]\]`)

// lineOfClient returns the line on which the nth table of [[client]] begins, or
// the first word of client where they are written in another way.
func lineOfClient(text string, nth int) int {
	headers := clientHeader.FindAllStringIndex(text, -1)
	if nth >= len(headers) {
		return lineOf(text, "client")
	}
	return 1 + strings.Count(text[:headers[nth][0]], "\n")
}

// lineOf returns the line on which a key or its table stands.
func lineOf(text, key string) int {
	at := regexp.MustCompile(`(?m)^\s*\[*\s*["']?` + regexp.QuoteMeta(key) + `\b`).FindStringIndex(text)
	if at == nil {
		return 1
	}
	lead := text[at[0]:at[1]]
	return 1 + strings.Count(text[:at[0]], "\n") + strings.Count(lead, "\n")
}
