package badge_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/badge"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestNumbersAreShortAndRoundedHalfUp(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		-1: "0", 0: "0", 1: "1", 999: "999",
		1000: "1k", 1049: "1k", 1050: "1.1k", 1234: "1.2k", 1950: "2k", 9949: "9.9k", 9950: "10k", 9999: "10k",
		10_000: "10k", 10_499: "10k", 10_500: "11k", 12_345: "12k", 99_499: "99k", 99_500: "100k", 123_456: "123k",
		999_499: "999k", 999_500: "1M", 999_950: "1M", 999_999: "1M",
		1_000_000: "1M", 1_049_999: "1M", 1_050_000: "1.1M", 1_234_567: "1.2M", 999_499_999: "999M", 999_500_000: "1G",
		1_200_000_000: "1.2G", 999_500_000_000: "1T", 1_200_000_000_000: "1.2T", 1_200_000_000_000_000: "1.2P",
		1_200_000_000_000_000_000: "1.2E", math.MaxInt64: "9.2E",
	} {
		if got := badge.Count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// goldens are badges whose SVG is kept in testdata.
var goldens = map[string]badge.Badge{
	"ascii":          {Label: "downloads", Message: "1.2k/month", Color: badge.Blue},
	"square":         {Label: "downloads", Message: "999", Color: badge.Blue, Style: badge.FlatSquare},
	"not-found":      {Label: "downloads", Message: "not found", Color: badge.Grey},
	"light-color":    {Label: "hits", Message: "12k/week", Color: "ffe066"},
	"chinese":        {Label: "下载次数", Message: "1.2M", Color: badge.Blue},
	"korean":         {Label: "다운로드", Message: "1.2M", Color: badge.Blue},
	"arabic":         {Label: "التنزيلات", Message: "12k/year", Color: badge.Blue},
	"hebrew":         {Label: "הורדות npm", Message: "12k/year", Color: badge.Blue},
	"cyrillic":       {Label: "Загрузки", Message: "7", Color: badge.Blue},
	"emoji":          {Label: "📦 👩\u200d👩\u200d👧 👍🏽 🇩🇪", Message: "1G", Color: badge.Blue},
	"combining":      {Label: "e\u0301\u0301\u0301 u\u0308", Message: "1", Color: badge.Blue},
	"script":         {Label: "<script>alert(1)</script>", Message: "1", Color: badge.Blue},
	"title":          {Label: "</title><script>alert(1)</script>", Message: "1", Color: badge.Blue},
	"quotes":         {Label: `" onload="alert(1)' x='`, Message: "1", Color: badge.Blue},
	"cdata":          {Label: `]]><!--&amp;<![CDATA[`, Message: "1", Color: badge.Blue},
	"bidi":           {Label: "a\u202eb\u2066c\u2069\u200f", Message: "1", Color: badge.Blue},
	"controls":       {Label: "a\x00b\x1b[31m\nc\u0085\ufffe \u2028 d\xff", Message: "1", Color: badge.Blue},
	"longest":        {Label: strings.Repeat("W", badge.MaxLabel), Message: "1.2k/month", Color: badge.Blue},
	"evil-message":   {Label: "downloads", Message: "</text><script>", Color: badge.Blue},
	"nothing-at-all": {Label: "", Message: "", Color: badge.Blue},
}

func TestBadgesLookAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	for name, b := range goldens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.SVG()
			golden := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			check(t, b)
		})
	}
}

// elements of a badge, with the attributes that each has.
var elements = map[string][]string{
	"svg":   {"xmlns", "width", "height", "viewBox", "role", "aria-label"},
	"title": {},
	"path":  {"fill", "d"},
	"g":     {"font-family", "font-size", "text-anchor"},
	"text":  {"x", "y", "fill", "textLength", "lengthAdjust", "direction"},
}

// check holds an SVG to its contract: well-formed, no element or attribute but
// those of a badge, two texts that fit in it, and a title that says both.
func check(t *testing.T, b badge.Badge) {
	t.Helper()
	var order []string
	var texts []string
	var title string
	width := 0
	d := xml.NewDecoder(bytes.NewReader(b.SVG()))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%q: %v in %s", b.Label, err, b.SVG())
		}
		switch e := token.(type) {
		case xml.StartElement:
			order = append(order, e.Name.Local)
			for _, a := range e.Attr {
				if !slices.Contains(elements[e.Name.Local], a.Name.Local) {
					t.Errorf("%q: attribute %s of %s", b.Label, a.Name.Local, e.Name.Local)
				}
				if a.Name.Local == "width" {
					width, _ = strconv.Atoi(a.Value)
				}
			}
		case xml.CharData:
			switch last := order[len(order)-1]; {
			case last == "title":
				title += string(e)
			case last == "text" && string(e) != "\n":
				texts = append(texts, string(e))
			case strings.TrimSpace(string(e)) != "":
				t.Errorf("%q: text %q in %s", b.Label, e, last)
			}
		case xml.EndElement:
		default:
			t.Errorf("%q: %T", b.Label, token)
		}
	}
	if got := strings.Join(order, " "); got != "svg title path path g text text" {
		t.Errorf("%q: elements %s", b.Label, got)
	}
	if b.Label != "" && len(texts) == 2 && title != texts[0]+": "+texts[1] {
		t.Errorf("%q: title %q, texts %q", b.Label, title, texts)
	}
	sum := 0.0
	for _, text := range texts {
		sum += badge.Width(text)
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Errorf("%q: %q is shown", b.Label, text)
		}
	}
	if float64(width) < sum+4*6 || float64(width) > sum+4*6+6 {
		t.Errorf("%q: %d pixels for texts of %.1f", b.Label, width, sum)
	}
}

func TestNoNameBecomesAnElement(t *testing.T) {
	t.Parallel()
	for _, name := range browsertest.EvilNames(t) {
		check(t, badge.Badge{Label: name, Message: name, Color: badge.Blue, Style: badge.FlatSquare})
	}
}

func FuzzSVG(f *testing.F) {
	for _, b := range goldens {
		f.Add(b.Label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		parsed, err := badge.ParseLabel(label)
		if err != nil {
			if pkgmeter.CodeOf(err) != pkgmeter.Invalid || parsed != "" {
				t.Fatalf("%q and %v", parsed, err)
			}
			return
		}
		check(t, badge.Badge{Label: parsed, Message: "1", Color: badge.Blue})
	})
}

func TestEveryScriptHasItsWidth(t *testing.T) {
	t.Parallel()
	// As DejaVu Sans has them at 11 pixels; of scripts that it lacks, what fonts
	// agree on.
	for text, want := range map[string]float64{
		"":                                  0,
		"downloads":                         58.9,
		"1.2k/month":                        63.3,
		"下载次数":                              44,
		"다운로드":                              44,
		"ﾀﾞｳﾝ":                              22,
		"ｆｕｌｌ":                              44,
		"é":                                 6.8,
		"e\u0301":                           6.8,
		"📦":                                 13.75,
		"👍🏽":                                13.75,
		"👩\u200d👩\u200d👧\u200d👦":            13.75,
		"🇩🇪":                                13.75,
		"\u1112\u1161\u11ab":                11, // a syllable in its parts
		strings.Repeat("e"+"\u0301", 3):     20.3,
		"→":                                 9.2,
		"שלום":                              28.6,
		"A" + strings.Repeat("\u0301", 1e3): 7.5,
	} {
		if got := badge.Width(text); math.Abs(got-want) > 0.1 {
			t.Errorf("%q: %.2f, want %.2f", text, got, want)
		}
	}
}

func TestLabelsHaveALimitThatIsNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"downloads":                  "downloads",
		" two \t words ":             "two words",
		strings.Repeat("ü", 64):      strings.Repeat("ü", 64),
		strings.Repeat("ü", 65):      "invalid: label has 65 characters, at most 64 are possible",
		"":                           "invalid: label is empty: want 1 to 64 characters that can be seen",
		"\u202e\u200b\x00":           "invalid: label is empty: want 1 to 64 characters that can be seen",
		"می\u200cخواهم":              "می\u200cخواهم",
		strings.Repeat("\x00", 65):   "invalid: label has 65 characters, at most 64 are possible",
		"broken \xff\xfe UTF-8 \xc3": "broken \uFFFD UTF-8 \uFFFD",
	} {
		got, err := badge.ParseLabel(text)
		if err != nil {
			got = fmt.Sprintf("%s: %s", pkgmeter.CodeOf(err), pkgmeter.PublicMessage(err))
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestColorsAreHexadecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1f6fb2": "1f6fb2", "#FFF": "ffffff", "4C1": "44cc11", "": "", "red": "", "12345": "", "1234567": "", "##fff": "",
		"fff\"": "", "url(#x)": "", "ffg": "", "０００": "",
	} {
		got, err := badge.ParseColor(text)
		if got != want || (err == nil) != (want != "") || err != nil && pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestStylesHaveNames(t *testing.T) {
	t.Parallel()
	for _, s := range []badge.Style{badge.Flat, badge.FlatSquare} {
		if got, err := badge.ParseStyle(s.String()); got != s || err != nil {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	if _, err := badge.ParseStyle("plastic"); pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(err.Error(), "flat or flat-square") {
		t.Errorf("plastic: %v", err)
	}
}

// White or black text has a contrast of 4.5 on every color, as WCAG wants it.
func TestEveryColorCanBeReadOn(t *testing.T) {
	t.Parallel()
	least := math.Inf(1)
	for _, c := range []string{badge.Blue, badge.Grey, "4b5563"} {
		least = min(least, badge.Contrast(c))
		if badge.Over(c) != "fff" {
			t.Errorf("%s has black text", c)
		}
	}
	for n := range 1 << 12 {
		least = min(least, badge.Contrast(fmt.Sprintf("%x%[1]x%x%[2]x%x%[3]x", n>>8, n>>4&15, n&15)))
	}
	if least < 4.5 {
		t.Errorf("a contrast of %.2f", least)
	}
}
