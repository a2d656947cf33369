package web

import (
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// keptElements are what HTML of strangers may have. Headings stand below those
// of the page, so that there are no others.
var keptElements = []string{
	"h3", "h4", "h5", "h6", "p", "div", "span", "blockquote", "pre", "ul", "ol", "li", "dl", "dt", "dd", "details", "summary",
	"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption",
	"a", "b", "strong", "i", "em", "s", "del", "ins", "u", "code", "kbd", "samp", "var", "sub", "sup", "small", "mark", "q", "cite", "abbr",
}

// voidElements have no end.
var voidElements = []string{"br", "hr"}

func tidyElements() []string { return append(slices.Clone(keptElements), voidElements...) }

// unshown elements hold what is no text for a reader.
var unshown = []string{"script", "style", "iframe", "noembed", "noframes", "noscript", "title", "textarea", "xmp", "plaintext"}

// maxOpen is how deep elements are nested; what is deeper is shown without.
const maxOpen = 100

const rel = "nofollow noopener noreferrer"

var linkRel = regexp.MustCompile("^" + rel + "$")

// tidier writes HTML of strangers anew, in one pass whatever it is: with
// elements that are kept only, each one closed, and none that was not opened. So
// it stays inside the element of the page that holds it.
type tidier struct {
	out  strings.Builder
	open []string
	skip bool // the text is that of an unshown element
}

func tidy(r io.Reader) string {
	var t tidier
	z := html.NewTokenizer(r)
	for {
		switch z.Next() {
		case html.ErrorToken: // the end: there are no other errors in memory
			t.close(0)
			return t.out.String()
		case html.TextToken:
			if !t.skip {
				t.text(z.Token().Data)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			t.skip = slices.Contains(unshown, token.Data)
			t.start(token)
		case html.EndTagToken:
			t.skip = false
			name := shifted(z.Token().Data)
			for i := len(t.open) - 1; i >= 0; i-- {
				if t.open[i] == name {
					t.close(i)
					break
				}
			}
		}
	}
}

func (t *tidier) text(s string) { t.out.WriteString(html.EscapeString(s)) }

// close ends the elements that were opened after the first n.
func (t *tidier) close(n int) {
	for len(t.open) > n {
		last := len(t.open) - 1
		t.out.WriteString("</" + t.open[last] + ">")
		t.open = t.open[:last]
	}
}

func (t *tidier) start(token html.Token) {
	name := shifted(token.Data)
	switch {
	case name == "img":
		t.image(token)
	case name == "input" && attribute(token, "type") == "checkbox":
		t.out.WriteString(map[bool]string{true: "☑ ", false: "☐ "}[slices.ContainsFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "checked" })])
	case slices.Contains(voidElements, name):
		t.out.WriteString("<" + name + ">")
	case !slices.Contains(keptElements, name) || len(t.open) == maxOpen:
	case name == "a":
		t.link(attribute(token, "href"))
	case name == "td" || name == "th":
		t.push(name, align(attribute(token, "align")))
	case name == "ol":
		t.push(name, start(attribute(token, "start")))
	default:
		t.push(name, "")
	}
}

func (t *tidier) push(name, attributes string) {
	t.out.WriteString("<" + name + attributes + ">")
	t.open = append(t.open, name)
}

// link opens a link to somewhere else. Others are shown as their text: what is
// relative would be a page of this server.
func (t *tidier) link(to string) bool {
	to = strings.TrimSpace(to)
	if slices.Contains(t.open, "a") || len(t.open) == maxOpen || outside(to) == "" && !strings.HasPrefix(strings.ToLower(to), "mailto:") {
		return false
	}
	t.push("a", ` href="`+html.EscapeString(to)+`" rel="`+rel+`"`)
	return true
}

// image shows the text of an image, as a link to it: pages load nothing from
// elsewhere.
func (t *tidier) image(token html.Token) {
	text := strings.TrimSpace(attribute(token, "alt"))
	if text == "" {
		text = "image"
	}
	opened := outside(attribute(token, "src")) != "" && t.link(attribute(token, "src"))
	t.text(text)
	if opened {
		t.close(len(t.open) - 1)
	}
}

// shifted returns the name of the element that stands for one of strangers.
func shifted(name string) string {
	switch name {
	case "h1":
		return "h3"
	case "h2":
		return "h4"
	case "h3":
		return "h5"
	case "h4", "h5":
		return "h6"
	}
	return name
}

func attribute(token html.Token, name string) string {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func align(to string) string {
	if to == "left" || to == "center" || to == "right" {
		return ` align="` + to + `"`
	}
	return ""
}

// start returns the number with which a list begins.
func start(at string) string {
	if at == "" || len(at) > 9 || strings.Trim(at, "0123456789") != "" {
		return ""
	}
	return ` start="` + at + `"`
}

// outside returns a URL of the web as it is, and "" for everything else.
func outside(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return ""
	}
	return text
}
