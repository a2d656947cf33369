package terminal_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	table "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

var measures = []string{"downloads", "hits", "bytes"}

func day(t testing.TB, s string) pkgmeter.Day {
	t.Helper()
	d, err := pkgmeter.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func values(n ...float64) []terminal.Value {
	all := make([]terminal.Value, len(n))
	for i, v := range n {
		all[i] = terminal.Value{N: max(v, 0), Gap: v < 0}
	}
	return all
}

// list has a name of each kind that has ever broken a table.
func list(t testing.TB) *terminal.List {
	l := &terminal.List{
		By: "package", Measures: measures, Total: []int64{1_234_567, 3_000_000, 1 << 50}, More: true,
		Span:   pkgmeter.Span{From: day(t, "2025-12-01"), To: day(t, "2026-03-10")},
		Recent: pkgmeter.Span{From: day(t, "2026-03-01"), To: day(t, "2026-03-10")},
	}
	recent := values(0, 1, 2, 3, -1, 5, 6, 7, 0, 9)
	for i, name := range []string{"pkg:maven/com.acme/app", "漢字-パッケージ", "z\u0335\u0336\u0337\u0338a", "\x1b[2J\u202e", "", "a|b`c\\", strings.Repeat("long-", 60)} {
		l.Items = append(l.Items, terminal.Item{Name: name, N: []int64{600_000 >> (3 * i), 1_000_000, 1 << 40}, Recent: recent})
	}
	l.Items[2].Recent = nil
	return l
}

func history(t testing.TB, days int) *terminal.History {
	h := &terminal.History{Name: "pkg:npm/" + strings.Repeat("left-", 12) + "pad", Measures: measures}
	first := day(t, "2025-12-01")
	for i := range days {
		h.Points = append(h.Points, terminal.Point{
			Day: first + pkgmeter.Day(i), N: []int64{int64(i*i%97) * 100, int64(i), 1 << 30}, Gap: i > 1 && i%40 < 6,
		})
	}
	before := int64(2_000_000)
	h.Before = &before
	h.Span = pkgmeter.Span{From: first, To: first + pkgmeter.Day(days-1)}
	change := first + pkgmeter.Day(days/2)
	h.Markers = []pkgmeter.Marker{{Day: change, Rules: 3}, {Day: change, Rules: 4}}
	return h
}

func comparison(t testing.TB, scale terminal.Scale) *terminal.Comparison {
	c := &terminal.Comparison{Measure: "hits", Scale: scale, All: values(20, 40, 60, 80, -1, 100), Total: 300}
	c.Span = pkgmeter.Span{From: day(t, "2026-03-01"), To: day(t, "2026-03-06")}
	for d := c.Span.From; d <= c.Span.To; d++ {
		c.Days = append(c.Days, d)
	}
	before := int64(100)
	c.Lines = []terminal.Line{
		{Name: "pkg:npm/large", Values: values(10, 20, 30, 40, -1, 50), Total: 150, Before: &before},
		{Name: "pkg:npm/漢字", Values: values(0, 1, 2, 4, -1, 8), Total: 15},
		{Name: "pkg:npm/none", Values: values(0, 0, 0, 0, -1, 0)},
	}
	return c
}

type drawable interface {
	Draw(w io.Writer, s terminal.Screen) error
}

// drawings are all that is drawn, with the widths that it is drawn at.
func drawings(t testing.TB) map[string]drawable {
	return map[string]drawable{
		"list": list(t), "history": history(t, 100), "days": history(t, 9), "linear": comparison(t, terminal.Linear),
		"log": comparison(t, terminal.Log), "index": comparison(t, terminal.Index), "share": comparison(t, terminal.Share),
	}
}

func drawnAt(t testing.TB, d drawable, columns int, color bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Draw(&b, terminal.Screen{Columns: columns, Drawn: true, Color: color}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	for name, d := range drawings(t) {
		for _, columns := range []int{40, 80, 200} {
			golden(t, fmt.Sprintf("%s-%d", name, columns), drawnAt(t, d, columns, false))
		}
		golden(t, name+"-color", drawnAt(t, d, 80, true))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

var colors = regexp.MustCompile("\x1b\\[[0-9]+m")

func TestDrawingsFitEveryScreenAndColoursOnlyColour(t *testing.T) {
	t.Parallel()
	for name, d := range drawings(t) {
		for columns := 40; columns <= 240; columns++ {
			drawing := drawnAt(t, d, columns, false)
			for line := range strings.Lines(drawing) {
				line = strings.TrimSuffix(line, "\n")
				if n := columnsOf(line); n > columns {
					t.Errorf("%s at %d columns has a line of %d: %q", name, columns, n, line)
				}
				if strings.TrimRight(line, " ") != line || terminal.Clean(line) != line {
					t.Errorf("%s at %d columns: %q", name, columns, line)
				}
			}
			if colored := colors.ReplaceAllString(drawnAt(t, d, columns, true), ""); colored != drawing {
				t.Errorf("%s at %d columns without its colours:\n%s\nwant\n%s", name, columns, colored, drawing)
			}
		}
	}
}

func TestWhatDoesNotFitIsDrawnAllTheSame(t *testing.T) {
	t.Parallel()
	h := history(t, 100)
	h.Chosen = 2
	for i := range h.Points {
		h.Points[i].N[2] = 1 << 62
	}
	all := drawings(t)
	all["bytes"] = h
	for name, d := range all {
		for columns := 20; columns < 40; columns++ {
			if drawing := drawnAt(t, d, columns, false); strings.Count(drawing, "\n") < 5 {
				t.Errorf("%s at %d columns:\n%s", name, columns, drawing)
			}
		}
	}
}

func TestAGapLooksLikeNoNumberAndOnlyZeroLikeZero(t *testing.T) {
	t.Parallel()
	c := comparison(t, terminal.Linear)
	c.Lines = c.Lines[:1]
	c.Lines[0].Values = values(0, 0.001, 50, 100, -1, 0)
	if got := drawnAt(t, c, 80, false); !strings.Contains(got, "  ▁▂▅█·▁  ") {
		t.Errorf("got %s", got)
	}
}

func TestTheLastColumnStandsForAsManyDaysAsTheOthers(t *testing.T) {
	t.Parallel()
	l := list(t)
	l.Items = l.Items[:1]
	n := make([]float64, 29)
	for i := range n {
		n[i] = 1
	}
	n[28], n[27], n[0] = 0, -1, 9 // of two days in the last column one is known; the first has a day of its own
	l.Items[0].Recent = values(n...)
	l.Recent = pkgmeter.Span{From: day(t, "2026-02-10"), To: day(t, "2026-03-10")}
	if got := drawnAt(t, l, 80, false); !strings.Contains(got, "█▂▂▂▂▂▂▂▂▂▂▂▂▂▁") {
		t.Errorf("got %s", got)
	}
}

func TestTheLastPointIsPartialWhereItGoesOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		grain    pkgmeter.Grain
		to       string
		complete bool
		want     string
	}{
		{pkgmeter.Daily, "2026-03-08", true, ""},
		{pkgmeter.Daily, "2026-03-08", false, "2026-03-08 is partial"},
		{pkgmeter.Weekly, "2026-03-08", true, ""}, // a Sunday
		{pkgmeter.Weekly, "2026-03-08", false, "the week of 2026-03-02 is partial"},
		{pkgmeter.Weekly, "2026-03-07", true, "the week of 2026-03-02 is partial"},
		{pkgmeter.Monthly, "2026-02-28", true, ""},
		{pkgmeter.Monthly, "2026-03-01", true, "2026-03 is partial"},
	} {
		to := day(t, tt.to)
		h := &terminal.History{Name: "p", Grain: tt.grain, Measures: measures, Span: pkgmeter.Span{From: to.Month(), To: to, Complete: tt.complete}}
		h.Points = []terminal.Point{{Day: tt.grain.Of(to), N: []int64{1, 1, 1}}}
		got := drawnAt(t, h, 80, false)
		if said := strings.Contains(got, "partial"); said != (tt.want != "") || !strings.Contains(got, tt.want) || strings.Contains(got, "░") != said {
			t.Errorf("grain %d to %s: want %q in\n%s", tt.grain, tt.to, tt.want, got)
		}
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -999: "-999", -1000: "-1,000"} {
		if got := terminal.Grouped(n); got != want {
			t.Errorf("Grouped(%d) = %s, want %s", n, got, want)
		}
	}
}

// FuzzMarkdown has a Markdown parser read what was written: a name is one cell,
// and its text is the name.
func FuzzMarkdown(f *testing.F) {
	for _, name := range []string{"a|b", "`", "a``b`", `a\|b`, `a\`, "<b>&amp;", "@you #1", "~~x~~", " x ", "*a*|_b_", `\\|` + "`"} {
		f.Add(name)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	f.Fuzz(func(t *testing.T, name string) {
		l := list(t)
		l.Items = []terminal.Item{{Name: name, N: []int64{1, 2, 3}}}
		var b bytes.Buffer
		if err := l.WriteMarkdown(&b); err != nil {
			t.Fatal(err)
		}
		source := b.Bytes()
		doc := md.Parser().Parse(text.NewReader(source))
		tab, ok := doc.FirstChild().(*table.Table)
		if !ok || tab.NextSibling() != nil || tab.ChildCount() != 3 {
			t.Fatalf("%q is no table of three rows:\n%s", name, source)
		}
		row := tab.FirstChild().NextSibling()
		if row.ChildCount() != 5 {
			t.Fatalf("%q has %d cells:\n%s", name, row.ChildCount(), source)
		}
		want := strings.TrimSpace(terminal.Clean(name))
		if name == "" {
			want = "(not said)"
		}
		if got := strings.TrimSpace(shownText(row.FirstChild(), source)); got != want {
			t.Errorf("%q is shown as %q, want %q:\n%s", name, got, want, source)
		}
	})
}

// shownText returns the text of a cell.
func shownText(n ast.Node, source []byte) (s string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			s += unescape(c.Segment.Value(source), c.Parent().Kind() == ast.KindCodeSpan)
		case *ast.String:
			s += string(c.Value)
		default:
			s += shownText(c, source)
		}
	}
	return s
}

// unescape takes the backslashes away that a renderer takes away.
func unescape(b []byte, code bool) string {
	if code {
		return strings.ReplaceAll(string(b), `\|`, "|")
	}
	return regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])").ReplaceAllString(string(b), "$1")
}
