package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// searchView is what the page of a search shows: the same as the dialog that the
// script opens.
type searchView struct {
	page
	Asked   string
	Problem string
	Groups  []hitGroup
	None    bool // nothing was found
	Days    int
}

type hitGroup struct {
	Name, Title string
	Rows        []hitRow
	More        bool
	Part        bool
}

type hitRow struct {
	URL             string
	Name            []passage
	Downloads, Hits int64
	Spark           string // path of a drawing of 100 by 20
}

// A passage is a part of a name: one that was searched for, or what lies between
// such.
type passage struct {
	Text string
	Hit  bool
}

// searchRows is how many hits of each group the page shows.
const searchRows = 20

// hitTitles are the headings of groups.
func hitTitle(by pkgmeter.Key) string {
	return map[pkgmeter.Key]string{
		pkgmeter.ByPackage: "Packages", pkgmeter.ByFile: "Files", pkgmeter.ByRepository: "Repositories", pkgmeter.ByClient: "Clients",
	}[by]
}

// ServeSearch shows what is found by the parameter q.
func (w *Web) ServeSearch(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if w.Searcher == nil {
		return pkgmeter.Errorf(pkgmeter.NotFound, "this server has no search")
	}
	rw.Header().Set("Cache-Control", "no-store")
	asked := strings.TrimSpace(r.URL.Query().Get("q"))
	view := &searchView{page: w.page(r, "Search", p), Asked: pkgmeter.Cut(asked, maxText), Days: pkgmeter.SparkDays}
	if asked == "" {
		return w.render(rw, "search", view)
	}
	var found pkgmeter.Found
	err := inTime(r.Context(), func(ctx context.Context) (err error) {
		found, err = w.Searcher.Search(ctx, pkgmeter.Search{Text: asked, Limit: searchRows, Now: w.Now().UTC()})
		return err
	})
	if pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		view.Problem = pkgmeter.PublicMessage(err)
		return w.renderStatus(rw, httpx.Status(pkgmeter.Invalid), "search", view)
	}
	if err != nil {
		return err
	}
	words := foldedWords(asked)
	view.None = true
	for _, g := range found.Groups {
		group := hitGroup{Name: g.By.String(), Title: hitTitle(g.By), More: g.More, Part: g.Part}
		for _, h := range g.Hits {
			group.Rows = append(group.Rows, hitRow{
				URL: w.hitURL(g.By, h), Name: passages(hitName(g.By, h.Key), words), Downloads: h.Downloads, Hits: h.Hits, Spark: sparkPath(h.Days, found.Gaps),
			})
		}
		if len(g.Hits) > 0 || g.Part {
			view.Groups, view.None = append(view.Groups, group), view.None && len(g.Hits) == 0
		}
	}
	return w.render(rw, "search", view)
}

func hitName(by pkgmeter.Key, key string) string {
	if by == pkgmeter.ByPackage && strings.HasPrefix(key, "pkg:") {
		return longName(key)
	}
	return keyLabel(by, key)
}

// hitURL returns where a hit leads: to the page of a package, or to the overview
// of what it is. What was never downloaded is shown by hits.
func (w *Web) hitURL(by pkgmeter.Key, h pkgmeter.Hit) string {
	if by == pkgmeter.ByPackage {
		return w.Base + "/stats/package?" + url.Values{"package": {h.Key}}.Encode()
	}
	v := url.Values{by.String(): {h.Key}}
	if h.Downloads == 0 {
		v.Set("measure", "hits")
	}
	return w.Base + "/stats?" + v.Encode()
}

// foldedWords returns the words of a search as names of any kind may have them.
func foldedWords(asked string) (words [][]rune) {
	for _, word := range strings.Fields(asked) {
		if typ, rest, ok := strings.Cut(word, ":"); ok && strings.EqualFold(typ, "pkg") {
			word, _, _ = strings.Cut(rest, "?")
			if at := strings.LastIndexByte(word, '@'); at > strings.LastIndexByte(word, '/')+1 {
				word = word[:at]
			}
		}
		for _, w := range []string{word, strings.ReplaceAll(word, ":", "/")} {
			if plain, err := url.PathUnescape(w); err == nil {
				w = plain
			}
			if folded := fold([]rune(w)); len(folded) > 0 && !slices.ContainsFunc(words, func(have []rune) bool { return slices.Equal(have, folded) }) {
				words = append(words, folded)
			}
		}
	}
	return words
}

// fold lowers each rune by itself, so that places stay what they are.
func fold(runes []rune) []rune {
	folded := make([]rune, len(runes))
	for i, r := range runes {
		folded[i] = unicode.ToLower(r)
	}
	return folded
}

// passages cuts a name where words are in it.
func passages(name string, words [][]rune) (all []passage) {
	runes := []rune(pkgmeter.Cut(name, maxText))
	folded, hit := fold(runes), make([]bool, len(runes))
	for _, word := range words {
		for i := 0; i+len(word) <= len(folded); i++ {
			if slices.Equal(folded[i:i+len(word)], word) {
				for j := range word {
					hit[i+j] = true
				}
			}
		}
	}
	for from := 0; from < len(runes); {
		to := from + 1
		for to < len(runes) && hit[to] == hit[from] {
			to++
		}
		all = append(all, passage{string(runes[from:to]), hit[from]})
		from = to
	}
	return all
}

// Size of the drawing of the last days.
const (
	sparkWidth  = 100
	sparkHeight = 20
)

// sparkPath draws the days of a hit: a line that is broken where no source
// reported.
func sparkPath(days []int64, gaps []bool) string {
	if len(days) < 2 {
		return ""
	}
	most := max(1, slices.Max(days))
	var path []byte
	drawn := false
	for i, v := range days {
		if i < len(gaps) && gaps[i] {
			drawn = false
			continue
		}
		path = append(path, map[bool]byte{true: 'L', false: 'M'}[drawn])
		path = strconv.AppendFloat(path, float64(i)*sparkWidth/float64(len(days)-1), 'f', 1, 64)
		path = append(path, ' ')
		path = strconv.AppendFloat(path, sparkHeight-1-float64(v)*(sparkHeight-2)/float64(most), 'f', 1, 64)
		if !drawn {
			path = append(path, 'h', '0')
		}
		drawn = true
	}
	return string(path)
}
