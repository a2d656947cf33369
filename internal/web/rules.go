package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// rulesView is what the page of the rules shows.
type rulesView struct {
	page
	Number   int // of the rule set in force
	Table    int // number of the table of clients
	Dated    string
	Own      int // the operator's own rules about clients
	Sections []rule.Section
	Types    []ecosystem
	Classes  []classNames
	Try      tryView
}

type ecosystem struct {
	rule.Ecosystem
	TryURL string // of the page that explains the example
}

// classNames are the clients of the table that are of a class.
type classNames struct {
	Name    string
	Clients string
}

// tryView is the form that explains a path and an agent, and its answer.
type tryView struct {
	Path, Agent, Format string
	Formats             []string // that a repository can be said to be of
	MaxPath, MaxAgent   int      // bytes
	Problem             string
	File, Client        []fact // empty where nothing was asked
}

// fact is one thing that the rules say. To names the rule about it on the
// page, "" for none.
type fact struct{ Name, Value, To string }

// ServeRules serves the page that says what is counted, and what the given
// rules make of a path and an agent that a reader tries.
func (w *Web) ServeRules(rules *rule.Set) func(http.ResponseWriter, *http.Request, pkgmeter.Principal) error {
	return func(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
		all, err := w.Stats.Totals(r.Context(), pkgmeter.Query{Now: w.Now().UTC()})
		if err != nil {
			return err
		}
		view := &rulesView{
			page: w.page(r, "What is counted?", p), Number: all.Rules,
			Table: rule.ClientsNumber, Dated: rule.ClientsDated, Own: rules.OwnClients(),
			Sections: rule.Text(), Types: ecosystems(), Classes: clientNames(), Try: try(rules, r.URL.Query()),
		}
		status := http.StatusOK
		if view.Try.Problem != "" {
			status = httpx.Status(pkgmeter.Invalid)
		}
		rw.Header().Set("Cache-Control", "no-store")
		return w.renderStatus(rw, status, "rules", view)
	}
}

func ecosystems() (all []ecosystem) {
	for _, e := range rule.Ecosystems() {
		all = append(all, ecosystem{e, "?" + url.Values{"path": {e.Example}}.Encode() + "#try"})
	}
	return all
}

func clientNames() (all []classNames) {
	for i, name := range pkgmeter.ClassNames() {
		all = append(all, classNames{name, strings.Join(rule.ClientsOf(pkgmeter.Class(i)), ", ")})
	}
	return all
}

// try answers the form. A form sends empty fields too: they count as not given.
func try(rules *rule.Set, values url.Values) tryView {
	v := tryView{
		Path: values.Get("path"), Agent: values.Get("agent"), Format: values.Get("format"),
		Formats: artifact.Types(), MaxPath: pkgmeter.MaxPath, MaxAgent: pkgmeter.MaxAgent,
	}
	slices.Sort(v.Formats)
	path := rule.SaidPath(v.Path)
	switch {
	case v.Format != "" && !slices.Contains(v.Formats, v.Format):
		v.Problem = "There is no such type of repository"
	case len(path) > pkgmeter.MaxPath || len(v.Path) > 2*pkgmeter.MaxPath:
		v.Problem = "The path is longer than 1,024 bytes: the server refuses events of such files"
		v.Path = ""
	case !utf8.ValidString(path):
		v.Problem = "The path is not UTF-8: the server refuses events of such files"
	case v.Path != "" && path == "":
		v.Problem = "This names no file"
	}
	if v.Problem != "" {
		return v
	}
	if path != "" {
		v.File = fileFacts(rule.Explain(path, v.Format))
	}
	if v.Agent != "" {
		v.Client = clientFacts(rules.Client(pkgmeter.Cut(v.Agent, pkgmeter.MaxAgent), 0))
	}
	return v
}

func fileFacts(e rule.Explanation) []fact {
	return []fact{
		{"type", e.Type, "types"},
		{"package", e.Package, "package"},
		{"version", e.Version, ""},
		{"repository", e.Repository, "repository"},
		{"file", e.File, "file"},
		{"kind", e.Kind, "kind-" + e.Kind},
		{"sidecar_of", e.SidecarOf, ""},
		{"legacy_type", e.LegacyType, "legacy_type"},
		{"confidence", e.Confidence, ""},
		{"rule", e.Rule, ""},
	}
}

func clientFacts(k pkgmeter.Client) []fact {
	return []fact{
		{"client", k.Name, "client"},
		{"class", k.Class.String(), "class-" + k.Class.String()},
		{"version", k.Version, ""},
		{"runtime", k.Runtime, ""},
		{"os", k.OS, ""},
		{"arch", k.Arch, ""},
	}
}

// what returns the rule about a number, for templates. An ID that there is not
// is a mistake of the program, and shows as an empty text in its tests.
func what(id string) rule.Term {
	t, _ := rule.TermOf(id)
	return t
}

// A piece is a part of a text of the rules.
type piece struct {
	Text string
	Code bool
}

// pieces splits a text of the rules at its backquotes.
func pieces(text string) (all []piece) {
	for i, s := range strings.Split(text, "`") {
		if s != "" {
			all = append(all, piece{s, i%2 == 1})
		}
	}
	return all
}
