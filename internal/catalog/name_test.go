package catalog_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

func TestNamesOfPackages(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]string{
		"a": "", "meteor": "", "iron:router": "", "a-b.c": "", "0a": "", "a:b:c": "", "3d": "", "1e5x": "", "a-": "", "e5": "", "1e": "", "0x10": "", "a.0": "",
		strings.Repeat("a", 200): "",
		"":                       "empty", strings.Repeat("a", 201): "longer", "A": "lower-case", "a_b": "lower-case", "a b": "lower-case", "é": "lower-case", "a/b": "lower-case", "a\x00": "lower-case", "\xff": "lower-case", "a@1": "lower-case",
		"1": "have a letter", "1:2": "have a letter", "1.5": "have a letter", "-": "have a letter", ":": "have a letter",
		".a": "begin with a dot", "-a": "begin with a dot", "a.": "end with a dot", "a..b": "two dots", ":a": "colon", "a:": "colon",
		"1e5": "number", "0e0": "number", "1.5e3": "number", "1.e3": "number", "1e-5": "number",
	} {
		checkSentence(t, "ValidName", name, catalog.ValidName(name), why)
	}
	for _, name := range browsertest.EvilNames(t) {
		if catalog.ValidName(name) == nil && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestNamesOfTracks(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]string{
		"METEOR": "", "test:TEST-AB12CD": "", "user_1:x": "", "METEOR.x": "",
		"": "empty", "METEOR@1": "letters, digits", "a b": "letters, digits", "1": "have a letter", "_": "have a letter",
		"1E5": "number", "a..B": "two dots", ":A": "colon", "-A": "begin",
	} {
		checkSentence(t, "ValidTrack", name, catalog.ValidTrack(name), why)
	}
}

func checkSentence(t *testing.T, what, name string, err error, why string) {
	t.Helper()
	switch {
	case why == "" && err != nil:
		t.Errorf("%s(%.20q): %v", what, name, err)
	case why != "" && (pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(pkgmeter.PublicMessage(err), why)):
		t.Errorf("%s(%.20q): %v, want %s", what, name, err, why)
	case why != "":
		if said := pkgmeter.PublicMessage(err); said[0] < 'A' || said[0] > 'Z' || !strings.HasSuffix(said, ".") {
			t.Errorf("%s(%.20q): %q is no sentence", what, name, said)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	letters := map[rune]bool{}
	for range 10_000 {
		id := catalog.NewID()
		if len(id) != 17 || seen[id] || id[0] < 'A' || strings.Trim(id, "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz") != "" {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
		for _, c := range id {
			letters[c] = true
		}
	}
	if len(letters) != 55 {
		t.Errorf("%d different characters, want 55", len(letters))
	}
}
