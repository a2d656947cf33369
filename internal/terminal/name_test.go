package terminal_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"golang.org/x/text/width"
)

func TestNamesAreMadeHarmless(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"com/acme/app-1.0.jar":       "com/acme/app-1.0.jar",
		"evil\x1b[31m\r\n.jar":       "evil�[31m��.jar",
		"\u202egpj.exe\u2066":        "�gpj.exe�",
		"zero\u200bwidth\ufeff":      "zero�width�",
		"tab\tnull\x00del\x7fc1\x9b": "tab�null�del�c1�",
		"漢字 été":                     "漢字 été",
		"e\u0301\u0301\u0301":        "e\u0301\u0301\u0301",
		"e\u0301\u0301\u0301\u0301x": "e\u0301\u0301\u0301�x",
		"\u0301start a \u0301":       "�start a �",
		"\u3164filler\u2800blank":    "�filler�blank",
		"❤\ufe0f👩\u200d👩👍🏽":          "❤�👩�👩👍�",
		"bad\xffbyte":                "bad�byte",
	} {
		if got := terminal.Clean(name); got != want {
			t.Errorf("Clean(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLongNamesKeepTheirBeginningAndTheirEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		columns int
		want    string
	}{
		{"pkg:maven/com.acme/acme-core", 28, "pkg:maven/com.acme/acme-core"},
		{"pkg:maven/com.acme/acme-core", 16, "pkg:m…/acme-core"},
		{"漢字漢字漢字漢字", 9, "漢…字漢字"},
		{"漢字漢字漢字漢字", 8, "漢…漢字"}, // half a letter is none
		{"abcdefe\u0301", 4, "a…fe\u0301"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
	} {
		if got := terminal.Fit(tt.name, tt.columns); got != tt.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", tt.name, tt.columns, got, tt.want)
		}
	}
}

func TestJSONForATerminalMeansTheSameAndDoesNothing(t *testing.T) {
	t.Parallel()
	const said = "c1\u009b \u202e\u2800 tag\U000E0041 漢字 e\u0301 \x1b[2J"
	raw, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	shown := terminal.JSON(raw)
	if got, want := string(shown), `"c1\u009b \u202e\u2800 tag\udb40\udc41 漢字 `+"e\u0301"+` \u001b[2J"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var got string
	if err := json.Unmarshal(shown, &got); err != nil || got != said {
		t.Errorf("%s means %q, want %q (%v)", shown, got, said, err)
	}
}

// columnsOf counts the columns of a clean text in a way of its own.
func columnsOf(text string) (n int) {
	for _, r := range text {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.M) && !unicode.In(r, unicode.Mc), 0x1160 <= r && r <= 0x11FF, 0xD7B0 <= r && r <= 0xD7FF:
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// FuzzFit holds the cleaning of names to its contract for any input: nothing that
// moves, turns or hides, no more columns than there are, and clean is clean.
func FuzzFit(f *testing.F) {
	for _, name := range browsertest.EvilNames(f) {
		f.Add(name, uint8(20))
	}
	f.Add("e\u0301\u0301\u0301\u0301\u0301", uint8(1))
	f.Add("각\u1161\u11a8", uint8(3))
	f.Fuzz(func(t *testing.T, name string, columns uint8) {
		clean := terminal.Clean(name)
		if !utf8.ValidString(clean) || terminal.Clean(clean) != clean {
			t.Fatalf("Clean(%q) = %q, which is not clean", name, clean)
		}
		if strings.ContainsFunc(clean, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
		}) {
			t.Fatalf("Clean(%q) = %q", name, clean)
		}
		if utf8.RuneCountInString(clean) != utf8.RuneCountInString(name) {
			t.Errorf("Clean(%q) = %q: letters are missing", name, clean)
		}
		fit := terminal.Fit(name, int(columns))
		if n := columnsOf(fit); n > int(columns) {
			t.Errorf("Fit(%q, %d) = %q, which has %d", name, columns, fit, n)
		}
		if columnsOf(clean) <= int(columns) && fit != clean {
			t.Errorf("Fit(%q, %d) = %q cuts what fits", name, columns, fit)
		}
	})
}
