package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/web"
	"golang.org/x/net/html"
)

const rel = ` rel="nofollow noopener noreferrer"`

func TestReadmesAreRendered(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"# One\n\n## Two\n\n### Three\n\n#### Four\n\n###### Six": "<h3>One</h3>\n<h4>Two</h4>\n<h5>Three</h5>\n<h6>Four</h6>\n<h6>Six</h6>\n",
		"a *b* **c** ~~d~~ `e<f>`":                                "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e&lt;f&gt;</code></p>\n",
		"```js\nif (a < b) {}\n```":                               "<pre><code>if (a &lt; b) {}\n</code></pre>\n",
		"- [x] done\n- [ ] open":                                  "<ul>\n<li>☑  done</li>\n<li>☐  open</li>\n</ul>\n",
		"3. c\n4. d":                                              "<ol start=\"3\">\n<li>c</li>\n<li>d</li>\n</ol>\n",
		"a|b\n-:|:-:\n1|2":                                        "<table>\n<thead>\n<tr>\n<th align=\"right\">a</th>\n<th align=\"center\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"right\">1</td>\n<td align=\"center\">2</td>\n</tr>\n</tbody>\n</table>\n",
		"[x](https://a.example/b?c=d&e)":                          `<p><a href="https://a.example/b?c=d&amp;e"` + rel + `>x</a></p>` + "\n",
		"https://a.example":                                       `<p><a href="https://a.example"` + rel + `>https://a.example</a></p>` + "\n",
		"<ann@a.example>":                                         `<p><a href="mailto:ann@a.example"` + rel + `>ann@a.example</a></p>` + "\n",
		"[x](docs/y.md) [x](#y) [x](/z) [x](//e.example)":         "<p>x x x x</p>\n",
		"![alt](https://a.example/i.png)":                         `<p><a href="https://a.example/i.png"` + rel + `>alt</a></p>` + "\n",
		"[![alt](https://a.example/i.png)](https://b.example)":    `<p><a href="https://b.example"` + rel + `>alt</a></p>` + "\n",
		"![](https://a.example/i.png) ![x](y.png)":                `<p><a href="https://a.example/i.png"` + rel + `>image</a> x</p>` + "\n",
		"<p align=center id=top style='x' class=y>a</p>":          "<p>a</p>\n",
		"<details><summary>s</summary>\n\n*t*\n</details>":        "<details><summary>s</summary>\n<p><em>t</em></p>\n</details>\n",
		"a<br>b<hr/>":                                             "<p>a<br>b<hr></p>\n",
		"\xffa\x00":                                               "<p>\uFFFDa\uFFFD</p>\n",
		"":                                                        "",
		"<b>a":                                                    "<p><b>a</b></p>\n",
		"</div></section></main></body></html>a":                  "a",
		"<div><p>a</div>b</div></div>c":                           "<div><p>a</p></div>bc",
		"<p>a<b>b<i>c</p>d":                                       "<p>a<b>b<i>c</i></b></p>d",
		"<a href=https://a.example>a<a href=https://b.example>b</a></a>c": `<p><a href="https://a.example"` + rel + `>ab</a>c</p>` + "\n",
	} {
		if got, plain, note := web.Markdown(source); strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") || plain != "" || note != "" {
			t.Errorf("%q:\n got %q\nwant %q (%s)", source, got, want, note)
		}
	}
}

// hostile are readmes of people who want something.
var hostile = []string{
	"<script>alert(1)</script>", "<SCRIPT SRC=//e.example/x.js></SCRIPT>", "<scr<script>ipt>alert(1)</script>", "<script/x>alert(1)", "<script>alert(1)", "<style>*{display:none}</style>", "<style>@import '//e.example'",
	"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](vbscript:x)", "[x](data:text/html,<script>alert(1)</script>)", "![x](javascript:alert(1))", "![x](data:image/svg+xml,<svg onload=alert(1)>)",
	"[x](https://a.example\" onmouseover=\"alert(1))", "[x]: javascript:alert(1)\n\n[x]", "<javascript:alert(1)>", "<a href=\" javascript:alert(1)\">x</a>", "<a href='jav&#x0A;ascript:alert(1)'>x</a>", "<a href=//e.example>x</a>", "<a href=https://user:pass@e.example>x</a>",
	"<img src=x onerror=alert(1)>", "<img src='https://e.example/p.gif' onload=alert(1) alt='\"><script>alert(1)</script>'>", "<p onclick=alert(1)>x</p>", "<b/onmouseover=alert(1)>x", "<a href=https://a.example onclick=alert(1) target=_self rel=opener>x</a>",
	"<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>", "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
	"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">", "<math><annotation-xml encoding='text/html'><svg onload=alert(1)></annotation-xml></math>",
	"<iframe src=javascript:alert(1)></iframe>", "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=javascript:alert(1)></object>", "<embed src=//e.example>", "<form action=//e.example><input name=q><button>x</button></form>", "<button formaction=javascript:alert(1)>x",
	"<base href=//e.example/>", "<meta http-equiv=refresh content='0;url=//e.example'>", "<link rel=stylesheet href=//e.example/x.css>", "<title>x</title>", "<textarea>", "</textarea><script>alert(1)</script>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
	"<template><script>alert(1)</script></template>", "<plaintext>", "<xmp><script>alert(1)</script></xmp>", "<!--", "<!--><script>alert(1)</script>-->", "<!-- --!><img src=x onerror=alert(1)> -->", "<![CDATA[<script>alert(1)</script>]]>", "<?php alert(1) ?>", "<!DOCTYPE html><html><body onload=alert(1)>",
	"<video src=//e.example autoplay><source onerror=alert(1)>", "<audio src=x onerror=alert(1)>", "<input type=checkbox checked onfocus=alert(1) autofocus>", "<details open ontoggle=alert(1)>x", "<marquee onstart=alert(1)>x", "<x-y onclick=alert(1)>", "<a name=stats id=data>x</a>", "<div id=data class=card>x",
	"<table><tr><td>", "<table><div></table></div></div>", "<li></ul></div>", "<select><option></select>", "<h1></h2></h1>", "<p><p><p></p></p></p>", "<h3><h4></h3>", strings.Repeat("<b><i>", 5000), strings.Repeat("<div>", 5000) + "x", strings.Repeat("</div>", 5000),
	"<p>" + strings.Repeat("<b x=1>", 400) + strings.Repeat("</p><p>x", 3000), strings.Repeat("<table><tr><td>", 200), "<a href=\"https://a.example/\u202e\">\u202egnp.exe</a>", "\x1b[31m", "`` <script> ``", "    <script>alert(1)</script>",
}

// checkProse holds rendered HTML to what it may be: it stays in the element
// that holds it, and has nothing that does anything but links to elsewhere.
func checkProse(t *testing.T, source, got string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(`<main><div id="holder">` + got + `</div><i id="after"></i></main>`))
	if err != nil {
		t.Fatalf("%.200q: %v", source, err)
	}
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.CommentNode:
			t.Fatalf("%.200q: there is a comment: %.300s", source, got)
		case n.Type != html.ElementNode:
			continue
		}
		id := ""
		for _, a := range n.Attr {
			if a.Key == "id" {
				id = a.Val
			}
		}
		if id == "after" && (n.Parent.Data != "main" || n.PrevSibling.Attr == nil || n.PrevSibling.Attr[0].Val != "holder") {
			t.Fatalf("%.200q: it leaves the element that holds it: %.300s", source, got)
		}
		if id == "holder" || id == "after" || slices.Contains([]string{"html", "head", "body", "main"}, n.Data) {
			continue
		}
		allowed := strings.Fields("h3 h4 h5 h6 p div span blockquote pre ul ol li dl dt dd details summary table thead tbody tfoot tr th td caption a b strong i em s del ins u code kbd samp var sub sup small mark q cite abbr br hr")
		if !slices.Contains(allowed, n.Data) || n.Namespace != "" {
			t.Fatalf("%.200q: there is <%s>: %.300s", source, n.Data, got)
		}
		checkAttributes(t, source, n)
	}
}

func checkAttributes(t *testing.T, source string, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		ok := false
		switch n.Data + " " + a.Key {
		case "a href":
			u, err := url.Parse(a.Val)
			ok = err == nil && (u.Scheme == "mailto" || (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil)
		case "a rel":
			ok = a.Val == "nofollow noopener noreferrer"
		case "td align", "th align":
			ok = slices.Contains([]string{"left", "right", "center"}, a.Val)
		case "ol start":
			ok = strings.Trim(a.Val, "0123456789") == ""
		}
		if !ok {
			t.Fatalf("%.200q: <%s> has %s=%q", source, n.Data, a.Key, a.Val)
		}
	}
	if n.Data == "a" && len(n.Attr) != 2 {
		t.Fatalf("%.200q: a link has %v", source, n.Attr)
	}
}

func TestHostileReadmesDoNothing(t *testing.T) {
	t.Parallel()
	all := append(slices.Clone(hostile), browsertest.EvilNames(t)...)
	for i, source := range all {
		other := all[(i*7+3)%len(all)]
		for _, s := range []string{source, "a " + source + " b", "> - " + source, "[x](" + source + ")", "![" + source + "](https://a.example)", "<div title='" + source + "'>", "|" + source + "|\n|-|\n", "`" + source + "`", "<p>" + source + other, "<table>" + source, "<b>" + other + "\n\n" + source} {
			got, _, _ := web.Markdown(s)
			checkProse(t, s, got)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, source := range hostile {
		if len(source) < 1000 {
			f.Add(source)
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, _, _ := web.Markdown(source)
		checkProse(t, source, got)
	})
}

func TestLongReadmesAreShownAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é# <b> ", 50_000)
	got, plain, note := web.Markdown(long)
	if got != "" || plain != long[:64<<10] && plain != long[:64<<10-1] || note != "It is too long to be shown with its formatting. This is its beginning." {
		t.Errorf("%d, %d, %s", len(got), len(plain), note)
	}
	short := strings.Repeat("[a] ", 15_000) + "\n\n[a]: https://a.example/" + strings.Repeat("x", 1000)
	if got, plain, note := web.Markdown(short); got != "" || plain == "" || note == "" {
		t.Errorf("%d, %d, %s", len(got), len(plain), note)
	}
	usual := strings.Repeat("# Title\n\nSome [text](https://a.example) with `code` and **more**.\n\n- one\n- two\n  - three\n\n|a|b|\n|-|-|\n|1|2|\n\n```js\nvar a = [1, 2];\n```\n\n", 1000)
	if got, plain, note := web.Markdown(usual); got == "" || plain != "" || note != "" {
		t.Errorf("%d, %d, %s", len(got), len(plain), note)
	}
}

// patterns are Markdown that takes parsers long, to be repeated.
func patterns(n int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) }
	halves := func(a, b string) string { return strings.Repeat(a, n/2/len(a)) + strings.Repeat(b, n/2/len(b)) }
	lines := func(unit string, next func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < n-2000; i++ {
			b.WriteString(next(i) + unit)
		}
		return b.String()
	}
	all := map[string]string{
		"brackets": fill("["), "closed": halves("[", "]"), "links in links": halves("[", "](u)"), "quotes and lists": fill("> - "), "runs of `": lines(" ", func(i int) string { return strings.Repeat("`", i%1000) }), "runs of *": lines(" ", func(i int) string { return strings.Repeat("*", i%1000) }),
		"nested list": lines("- a\n", func(i int) string { return strings.Repeat(" ", i*2%1900) }), "definitions": lines("", func(i int) string { return fmt.Sprintf("[a%d]: b\n", i) }), "definitions apart": lines("", func(i int) string { return fmt.Sprintf("[a%d]: b\n\n", i) }),
		"wide table": "|" + strings.Repeat("a|", n/6) + "\n|" + strings.Repeat("-|", n/6) + "\n" + strings.Repeat("|\n", n/6), "wide table of words": "|" + strings.Repeat("a|", n/8) + "\n|" + strings.Repeat("-|", n/8) + "\n" + strings.Repeat("a\n", n/4),
		"long link": "[a]: " + strings.Repeat("x", n/4) + "\n\n" + strings.Repeat("[a] ", n/8), "emphasis both ways": halves("_a *a ", "a_ "), "tall table": "|a|\n|-|\n" + fill("a\n"), "99 columns": "|" + strings.Repeat("a|", 99) + "\n|" + strings.Repeat("-|", 99) + "\n" + strings.Repeat("a\n", n/4),
		"49 quotes": strings.Repeat(strings.Repeat(">", 49)+" a\n", n/52), "49 lists": strings.Repeat(strings.Repeat("- ", 49)+" a\n", n/101), "bold paragraphs": "<p>" + strings.Repeat("<b x=1>", 400) + strings.Repeat("</p><p>x", n/10),
	}
	for _, s := range []string{"]", "[](", "[a](", "![", "![[]()", "[a][", "[x](y)", "<", "<a", "<!--", "<?", "<![CDATA[", "<a b='", "<p>", "<b>\n\n", "<div>\n\n", "*", "*a ", "*a_ ", "a**b", "**a *a ", "~a ", ">", "> ", "> a\n", "- ", "-\n", "1. ", "1)\t", "+ ", "http://a.b ", "http://a.b((", "www.", "a@b.", "a@", "|a", "a|b\n-|-\n", "[a]: b\n", "[a]:", "\\", "&", "&amp;", "\n", "# ", "#\n", "```\n", "\t", "a\n=", "a\n", "\x00", "\xff", "[\\", "[<", "[`", "!", "(", "[a](((", "*[", "**x [a ", "<b x=1>", "- [ ] ", "a  \n", "[^a]: b\n"} {
		all[fmt.Sprintf("%q", s)] = fill(s)
	}
	return all
}

func TestNoReadmeTakesLong(t *testing.T) {
	t.Parallel()
	for name, source := range patterns(256 << 10) {
		start := time.Now()
		got, plain, _ := web.Markdown(source)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s takes %s", name, took)
		} else if testing.Verbose() && took > 200*time.Millisecond {
			t.Logf("%s takes %s: %d, %d", name, took, len(got), len(plain))
		}
		if len(got) > 3<<20 || len(plain) > 64<<10 {
			t.Errorf("%s becomes %d and %d bytes", name, len(got), len(plain))
		}
	}
}
