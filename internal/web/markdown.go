package web

import (
	"bytes"
	"errors"
	"html/template"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/pkgmeter/pkgmeter"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// Limits of a readme, in bytes. Real ones have some 5 KiB.
const (
	maxMarkdown = 256 << 10 // more is shown as it is written
	maxRendered = 1 << 20   // the same, as short links may stand for long ones
	maxPlain    = 64 << 10  // as it is written, cut there
)

// prose is a stranger's text as it is shown: HTML, or Plain.
type prose struct {
	HTML  template.HTML
	Plain string
	Note  string // why it is plain, or that it is cut
}

// markdown renders strangers' Markdown, which may hold HTML.
type markdown struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

func newMarkdown() *markdown {
	table := extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)) // the policy of the pages allows no style
	return &markdown{
		parser: goldmark.New(
			goldmark.WithExtensions(table, extension.Strikethrough, extension.Linkify, extension.TaskList),
			goldmark.WithRendererOptions(html.WithUnsafe()), // HTML passes: what it may be is decided afterwards
		),
		policy: policy(),
	}
}

// policy says once more what [tidy] leaves: a mistake there must not be enough
// to put a script on a page.
func policy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(tidyElements()...)
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("rel").Matching(linkRel).OnElements("a")
	p.AllowAttrs("align").Matching(bluemonday.CellAlign).OnElements("td", "th")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	return p
}

// render shows a readme.
func (m *markdown) render(source []byte) prose {
	text := strings.ToValidUTF8(string(source), "\uFFFD")
	switch {
	case len(text) > maxMarkdown:
		return plainProse(text, "It is too long to be shown with its formatting.")
	case !tame(text):
		return plainProse(text, "Its formatting is too deep to be shown.")
	}
	out := limited{left: maxRendered}
	if m.parser.Convert([]byte(text), &out) != nil {
		return plainProse(text, "It is too long to be shown with its formatting.")
	}
	clean := m.policy.Sanitize(tidy(&out.buf))
	return prose{HTML: template.HTML(clean)} //nolint:gosec // this is what tidy and the policy are for
}

func plainProse(text, note string) prose {
	if len(text) > maxPlain {
		note += " This is its beginning."
	}
	return prose{Plain: pkgmeter.Cut(text, maxPlain), Note: note}
}

var errTooLong = errors.New("the result is too long")

// limited keeps what is written until it is too much.
type limited struct {
	buf  bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errTooLong
	}
	return l.buf.Write(b)
}

// What Markdown may have before its parser takes too long. Its time, measured
// with 64 KiB of one pattern repeated, grows with the square of the brackets and
// signs of emphasis in a paragraph (5 s), of the depth of quotes and lists (3 s)
// and of the definitions of links (0.3 s), and its memory with the cells of a
// table, of which every row has as many as the widest (without end).
const (
	maxSigns       = 100_000_000 // sum of the squares by block: 0.4 s
	maxQuotes      = 50          // at the beginning of a line
	maxDefinitions = 1000
	maxCells       = 100_000
)

// tame reports whether the Markdown is parsed in a short time. Blocks end at
// empty lines, which is coarser than what the parser sees.
func tame(text string) bool {
	var squares, cells, definitions int // of all blocks
	var signs, pipes, lines int         // of this block
	for line := range strings.Lines(text + "\n\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			squares, cells = squares+signs*signs, cells+pipes*lines
			signs, pipes, lines = 0, 0, 0
			continue
		}
		lines++
		pipes = max(pipes, strings.Count(line, "|"))
		for i := range len(line) {
			if strings.IndexByte("[]*_~", line[i]) >= 0 {
				signs++
			}
		}
		definitions += strings.Count(line, "]:")
		if quotes(trimmed) > maxQuotes {
			return false
		}
	}
	return squares <= maxSigns && cells <= maxCells && definitions <= maxDefinitions
}

// quotes counts the signs of quotes and lists with which a line begins.
func quotes(line string) (n int) {
	for i := range len(line) {
		switch c := line[i]; {
		case c == '>':
			n++
		case strings.IndexByte("-*+.)", c) >= 0:
			if i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t') {
				n++
			}
		case strings.IndexByte(" \t0123456789", c) < 0:
			return n
		}
	}
	return n
}
