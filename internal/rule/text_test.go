package rule_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

var update = flag.Bool("update", false, "write the words of the rules into docs/counting.md")

// docs is the page that repeats the words of the rules: between a line
// "<!-- rules: ID -->" and the next "<!-- end -->" stands what is made here.
const docs = "../../docs/counting.md"

func TestTheDocsSayTheRulesInTheWordsOfTheProgram(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for id, block := range blocks() {
		begin, end := fmt.Sprintf("<!-- rules: %s -->\n", id), "<!-- end -->"
		before, rest, ok := strings.Cut(want, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no part %q", docs, id)
		}
		want = before + begin + "\n" + block + "\n" + end + after
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the program says: go test ./internal/rule -update", docs)
	}
	if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// blocks are the parts of the docs, by ID.
func blocks() map[string]string {
	all := map[string]string{
		"numbers": fmt.Sprintf("Built-in rule set %d; table of clients %d of %s.\n", rule.Number, rule.ClientsNumber, rule.ClientsDated),
	}
	for _, s := range rule.Text() {
		rows := [][]string{{"name", "is"}}
		for _, term := range s.Terms {
			rows = append(rows, []string{"`" + term.Name + "`", term.Text})
		}
		all[s.ID] = s.Intro + "\n\n" + table(rows)
	}
	types := [][]string{{"type", "primary", "metadata, sources, layers", "index"}}
	for _, e := range rule.Ecosystems() {
		types = append(types, []string{"`" + e.Type + "`", e.Primary, e.Other, e.Index})
	}
	all["types"] = table(types)
	clients := [][]string{{"class", "clients"}}
	for i, class := range pkgmeter.ClassNames() {
		clients = append(clients, []string{"`" + class + "`", strings.Join(rule.ClientsOf(pkgmeter.Class(i)), ", ")})
	}
	all["clients"] = table(clients)
	return all
}

func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}

func TestEveryKindClassAndMeasureHasItsWords(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, name := range pkgmeter.KindNames() {
		ids = append(ids, "kind-"+name)
	}
	for _, name := range pkgmeter.ClassNames() {
		ids = append(ids, "class-"+name)
	}
	for _, id := range append(ids, "downloads", "hits", "bytes") {
		term, ok := rule.TermOf(id)
		if !ok || term.Text == "" || !strings.HasSuffix(id, term.Name) {
			t.Errorf("%s: %+v", id, term)
		}
	}
	seen := map[string]bool{}
	for _, s := range rule.Text() {
		for _, id := range append([]string{s.ID}, termIDs(s)...) {
			if seen[id] {
				t.Errorf("%s is said twice", id)
			}
			seen[id] = true
		}
	}
}

func termIDs(s rule.Section) (ids []string) {
	for _, t := range s.Terms {
		ids = append(ids, t.ID)
		if strings.Count(t.Text, "`")%2 != 0 || strings.Contains(t.Text, "|") {
			ids = append(ids, s.ID) // a text that cannot be shown fails as one that is said twice
		}
	}
	return ids
}

func TestExamplesOfEcosystemsAreWhatTheyShow(t *testing.T) {
	t.Parallel()
	var types []string
	for _, e := range rule.Ecosystems() {
		types = append(types, e.Type)
		a := artifact.Parse(e.Example)
		if a.Type != e.Type || a.Kind != artifact.Primary || a.Version == "" || a.Confidence == artifact.Guessed && e.Type != "generic" {
			t.Errorf("%s: %+v", e.Example, a)
		}
	}
	known := artifact.Types()
	slices.Sort(known)
	slices.Sort(types)
	if !slices.Equal(types, known) {
		t.Errorf("types %v, want %v", types, known)
	}
}

func TestEveryClientOfTheTableIsListedOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i := range pkgmeter.ClassNames() {
		for _, name := range rule.ClientsOf(pkgmeter.Class(i)) {
			seen[name]++
		}
	}
	for _, name := range []string{"pip", "maven", "github-actions", "bandersnatch", "googlebot", "(none)", "(other)", "browser"} {
		if seen[name] != 1 {
			t.Errorf("%s is listed %d times", name, seen[name])
		}
	}
}

func TestSaidPathIsReadAsOfASender(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"com/acme/app/1.0/app-1.0.jar":               "com/acme/app/1.0/app-1.0.jar",
		"/a/b.jar?x=1":                               "/a/b.jar",
		"/a/b#c.jar":                                 "/a/b#c.jar",
		"https://h.example/a/b.jar":                  "/a/b.jar",
		"HTTPS://u:p@h.example:8443/a/b.jar?x=1#top": "/a/b.jar",
		"s3+x.y://h/a#b":                             "/a",
		"what?.jar":                                  "what?.jar",
		"1a://h/b":                                   "1a://h/b",
		"a b://h/c":                                  "a b://h/c",
		"https://h.example":                          "",
		"https://h.example/?x=/a":                    "",
		"https://h.example?x=/a":                     "",
		"//":                                         "", "": "", " \t": "",
		"a%2Fb%3F.jar": "a%2Fb%3F.jar",
	} {
		if got := rule.SaidPath(text); got != want {
			t.Errorf("%q is %q, want %q", cmp.Or(text, "(empty)"), got, want)
		}
	}
}
