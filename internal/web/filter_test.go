package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// fewClients has 4 downloads by pip in a CI, 3 by a person's pip and 2 by
// Maven, one by a mirror, one by nobody, and 5 hits of checksums by Maven.
func fewClients(t *testing.T, s *sqlite.Store) {
	t.Helper()
	const maven = "Apache-Maven/3.9.6 (Java 17.0.9; Linux 6.1)"
	var events []pkgmeter.Event
	for agent, n := range map[string]int{`pip/24.0 {"ci":true}`: 4, "pip/24.0": 3, maven: 2, "Artifactory/7.77": 1, "": 1} {
		for range n {
			e := day(0)
			e.Agent = agent
			events = append(events, e)
		}
	}
	for range 5 {
		e := day(-1)
		e.Path, e.Agent = e.Path+".sha1", maven
		events = append(events, e)
	}
	write(t, s, events...)
}

func TestAFilterNarrowsEveryNumberOfThePage(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	for query, want := range map[string][]string{
		"":                        {"Downloads in all 11", "Hits 16 in", "people 5 10", "CI 4 4", "mirrors 1 1", "unknown 1 1", "pip 7 7", "maven 2 7", "primary 11 11", "checksum 0 5", "releases 11 16"},
		"?class=ci":               {"Only class ci ✕ Show everything", "Downloads in all 4", "Hits 4 in", "CI 4 4", "pip 4 4", "primary 4 4", "releases 4 4"},
		"?class=ci&class=mirror":  {"class ci ✕ class mirror ✕", "Downloads in all 5", "CI 4 4 mirrors 1 1"},
		"?class=human&client=pip": {"class human ✕ client pip ✕", "Downloads in all 3", "people 3 3", "releases 3 3"},
		"?kind=checksum":          {"Downloads in all 0", "Hits 5 in", "people 0 5", "maven 0 5", "releases 0 5"},
		"?client=(none)":          {"Downloads in all 1", "unknown 1 1"},
		"?client=nothing":         {"Downloads in all 0", "Hits 0 in", "Nothing in this range."},
		"?class=&client=&kind=":   {"Downloads in all 11"},
		"?class=ci&class=ci":      {"Only class ci ✕ Show everything", "Downloads in all 4"},
		"?class=ci&days=all":      {"Downloads in all 4", "Hits 4 in all", "Everything, from 2026-03-09"},
	} {
		status, _, text := get(t, w, query)
		if status != http.StatusOK {
			t.Errorf("%s: %d", query, status)
		}
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s: the page lacks %q:\n%.1500s", query, s, text)
			}
		}
		if query == "" && strings.Contains(text, "Only ") {
			t.Error("a filter is shown that nobody asked for")
		}
	}
}

func TestAFilterThatCannotBeIsSaid(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	for query, want := range map[string]string{
		"?class=people":                       `class "people": want one of human, ci, mirror, bot, unknown.`,
		"?kind=jar&days=7":                    `kind "jar": want one of primary, sources,`,
		"?class=ci&kind=%3Cb%3E":              `kind "<b>": want one of`,
		"?" + strings.Repeat("client=x&", 19): "",
		"?" + manyClients(21):                 "client is given more than 20 times.",
	} {
		status, _, text := get(t, w, query)
		if want == "" {
			if status != http.StatusOK {
				t.Errorf("%s: %d", query, status)
			}
			continue
		}
		if status != http.StatusBadRequest || !strings.Contains(text, want) || !strings.Contains(text, "Downloads in all 11") || strings.Contains(text, "Only ") {
			t.Errorf("%s: %d, want 400 and %q:\n%.900s", query, status, want, text)
		}
	}
}

func manyClients(n int) string {
	v := url.Values{}
	for i := range n {
		v.Add("client", strings.Repeat("x", i+1))
	}
	return v.Encode()
}

func TestEveryLinkKeepsTheFilters(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	_, html, _ := get(t, w, "?class=ci&client=pip&days=7&measure=hits")
	all := links(html)
	for _, want := range []string{
		"?class=ci&client=pip&days=all&measure=hits",            // a range
		"?class=ci&client=pip&days=7",                           // the other measure
		"?client=pip&days=7&measure=hits",                       // without the class
		"?class=ci&days=7&measure=hits",                         // without the client
		"?days=7&measure=hits",                                  // without both
		"?class=ci&client=pip&days=7&kind=primary&measure=hits", // a kind
	} {
		if !all[want] {
			t.Errorf("there is no link to %s: %v", want, all)
		}
	}
	for l := range all {
		if status, _, _ := get(t, w, l); status != http.StatusOK {
			t.Errorf("%s: %d", l, status)
		}
	}
	for _, field := range []string{`name="class" value="ci"`, `name="client" value="pip"`, `name="measure" value="hits"`} {
		if !strings.Contains(html, `<input type="hidden" `+field+`>`) {
			t.Errorf("the form of the range lacks %s", field)
		}
	}
	// The range, the measure and the bars that are shown link to themselves, and no row does.
	if n := strings.Count(html, `href="?class=ci&amp;client=pip&amp;days=7&amp;measure=hits"`); n != 3 {
		t.Errorf("%d links to the page that is shown, want 3", n)
	}
}

func TestWhatIsNoDownloadIsShownByHits(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	_, html, _ := get(t, w, "")
	if all := links(html); !all["?days=30&kind=checksum&measure=hits"] || !all["?days=30&kind=primary"] || !all["?class=human&days=30"] || !all["?client=pip&days=30"] {
		t.Errorf("links: %v", all)
	}
}

func TestTheChartOfClassesAddsUpToTheOther(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	_, html, text := get(t, w, "?measure=hits")
	for _, want := range []string{
		"Hits by day Downloads Hits By class Plain", "The days as a table Hits by day, hits by Classes of clients Day Downloads Hits Sent people CI mirrors unknown",
		"2026-03-08 no source reported 2026-03-09 0 5 0 B 5 0 0 0 2026-03-10 (not over) 11 11 0 B 5 4 1 1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%.2500s", want, text)
		}
	}
	// The scale ends at 20, which is 166 high: people reach from 0 to 5, and CI from 5 to 9.
	paths := regexp.MustCompile(`<path class="c(\d+)" d="([^"]*)"><title>(\w+)`).FindAllStringSubmatch(html, -1)
	if len(paths) != 4 || strings.Count(paths[0][2], "M") != 2 || strings.Count(paths[1][2], "M") != 1 {
		t.Fatalf("paths: %q", paths)
	}
	if people, ci := paths[0][2], paths[1][2]; !strings.Contains(people, " 176.0h17.9v-41.5h-17.9z") || !strings.Contains(ci, " 134.5h17.9v-33.2h-17.9z") {
		t.Errorf("people %s, CI %s", people, ci)
	}
}

func TestPanelsOfClientsCanBeHidden(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewClients(t, s)
	titles := map[string]string{"classes": "Classes of clients", "clients": "Clients", "kinds": "Kinds of files"}
	for name, title := range titles {
		w.Panels = panels{name: true}
		_, html, _ := get(t, w, "")
		for n, other := range titles {
			if got := strings.Contains(html, ">"+other+"</h2>"); got != (n != name) {
				t.Errorf("%s is hidden, and %s is shown: %t", title, other, got)
			}
		}
	}
}
