package sqlite_test

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"pgregory.net/rapid"
)

// model is the plain recomputation that every answer must equal.
type model struct{ entries []pkgmeter.Entry }

func (m *model) span(q pkgmeter.Query) pkgmeter.Span {
	var first pkgmeter.Day
	for _, e := range m.entries {
		if d := pkgmeter.DayOf(e.Event.Time); e.Counts.Hits > 0 && (first == 0 || d < first) {
			first = d
		}
	}
	return q.Resolve(first)
}

func passes(f pkgmeter.Filter, e pkgmeter.Entry) bool {
	file := e.File
	in := func(names []string, name string) bool { return names == nil || slices.Contains(names, name) }
	return in(f.Repositories, file.Repository) && in(f.Types, file.Type) && in(f.Packages, file.Package) &&
		in(f.Versions, file.Version) && in(f.Files, file.Name) &&
		(f.Kinds == nil || slices.Contains(f.Kinds, file.Kind)) &&
		(f.LegacyTypes == nil || slices.Contains(f.LegacyTypes, file.Legacy)) &&
		(f.Classes == nil || slices.Contains(f.Classes, e.Client.Class)) && in(f.Clients, e.Client.Name) &&
		in(f.Runtimes, e.Client.Runtime) && in(f.Systems, e.Client.OS) && in(f.Sources, e.Event.Source) && in(f.Consumers, e.Event.Consumer) &&
		in(f.Countries, e.Event.Country)
}

func keyOf(by pkgmeter.Key, e pkgmeter.Entry) string {
	f := e.File
	return []string{
		f.Name, f.Repository, f.Type, f.Package, f.Version, f.Kind.String(), f.Legacy.String(),
		e.Client.Class.String(), e.Client.Name, cmp.Or(e.Event.Country, pkgmeter.UnknownCountry), e.Client.Runtime, e.Client.OS,
		e.Event.Source, e.Event.Consumer,
	}[by]
}

func (m *model) each(q pkgmeter.Query, visit func(pkgmeter.Day, pkgmeter.Entry)) {
	s := m.span(q)
	for _, e := range m.entries {
		if d := pkgmeter.DayOf(e.Event.Time); e.Counts.Hits > 0 && d >= s.From && d <= s.To && passes(q.Filter, e) {
			visit(d, e)
		}
	}
}

func (m *model) totals(q pkgmeter.Query) pkgmeter.Totals {
	t := pkgmeter.Totals{Span: m.span(q), Rules: rule.Number}
	m.each(q, func(_ pkgmeter.Day, e pkgmeter.Entry) { t.Add(e.Counts) })
	return t
}

func (m *model) top(q pkgmeter.Query, by pkgmeter.Key) []pkgmeter.Item {
	sums := map[string]pkgmeter.Measures{}
	m.each(q, func(_ pkgmeter.Day, e pkgmeter.Entry) {
		s := sums[keyOf(by, e)]
		s.Add(e.Counts)
		sums[keyOf(by, e)] = s
	})
	var items []pkgmeter.Item
	for k, s := range sums {
		items = append(items, pkgmeter.Item{Key: k, Measures: s})
	}
	slices.SortFunc(items, func(a, b pkgmeter.Item) int {
		return cmp.Or(cmp.Compare(q.Measure.Of(b.Measures), q.Measure.Of(a.Measures)), strings.Compare(a.Key, b.Key))
	})
	return items
}

func (m *model) line(q pkgmeter.Query, grain pkgmeter.Grain, pass func(pkgmeter.Entry) bool) []pkgmeter.Point {
	s := m.span(q)
	var points []pkgmeter.Point
	index := map[pkgmeter.Day]int{}
	if !s.Empty() {
		for d := s.From; d <= s.To; d++ {
			if _, ok := index[grain.Of(d)]; !ok {
				index[grain.Of(d)] = len(points)
				points = append(points, pkgmeter.Point{Day: grain.Of(d), Gap: true})
			}
			heard := slices.ContainsFunc(m.entries, func(e pkgmeter.Entry) bool { return pkgmeter.DayOf(e.Event.Time) == d })
			if heard || d == pkgmeter.DayOf(q.Now) {
				points[index[grain.Of(d)]].Gap = false
			}
		}
	}
	m.each(q, func(d pkgmeter.Day, e pkgmeter.Entry) {
		if pass(e) {
			points[index[grain.Of(d)]].Add(e.Counts)
		}
	})
	return points
}

func (m *model) split(q pkgmeter.Query, grain pkgmeter.Grain, by pkgmeter.Key) []pkgmeter.Line {
	var lines []pkgmeter.Line
	items := m.top(q, by)
	named := map[string]bool{}
	for _, it := range items[:min(pkgmeter.SplitLines, len(items))] {
		named[it.Key] = true
		lines = append(lines, pkgmeter.Line{Key: it.Key, Points: m.line(q, grain, func(f pkgmeter.Entry) bool { return keyOf(by, f) == it.Key })})
	}
	if len(items) > pkgmeter.SplitLines {
		lines = append(lines, pkgmeter.Line{Key: pkgmeter.OtherKey, Points: m.line(q, grain, func(f pkgmeter.Entry) bool { return !named[keyOf(by, f)] })})
	}
	return lines
}

// userAgents have clients of every class, pip with two of them.
var userAgents = []string{
	"", "no such program/1.0", "curl/8.5.0", "Nexus/3.60.0-02 (OSS)", "Googlebot/2.1 (+http://www.google.com/bot.html)",
	`pip/24.0 {"ci":true,"python":"3.12.1"}`, `pip/24.0 {"ci":null,"python":"3.12.1"}`, "Apache-Maven/3.9.6 (Java 17.0.9; Linux 6.1.0)",
}

var (
	repos = []string{"", "releases", "snapshots"}
	paths = func() (all []string) {
		for i := range 12 {
			all = append(all, fmt.Sprintf("com/acme/app%d/1.%d/app%d-1.%d.jar", i%5, i%3, i%5, i%3),
				fmt.Sprintf("com/acme/app%d/1.%d/app%d-1.%d.pom", i%5, i%3, i%5, i%3), fmt.Sprintf("left_pad-%d.0-py3-none-any.whl", i), fmt.Sprintf("tool/%d.0/tool.bin", i))
		}
		return append(all, "com/acme/app0/1.0/app0-1.0.jar.sha1", "/repositories/other/x.jar")
	}()
)

// world is a store beside its model, and the clock of both.
type world struct {
	t     *rapid.T
	store *sqlite.Store
	dir   string
	clock *clock
	model *model
	ids   map[string]bool
}

func (w *world) write(t *rapid.T) {
	d := &pkgmeter.Delivery{Received: w.clock.at}
	var fresh []pkgmeter.Entry
	known := 0
	for range rapid.IntRange(1, 30).Draw(t, "events") {
		back := time.Duration(rapid.IntRange(0, 24*70).Draw(t, "hours back")) * time.Hour
		if rapid.Bool().Draw(t, "now") {
			back = 0
		}
		e := rule.Default().Apply(pkgmeter.Event{
			Source: rapid.SampledFrom([]string{"s", "s", "log:web"}).Draw(t, "source"), Repository: rapid.SampledFrom(repos).Draw(t, "repo"), Path: rapid.SampledFrom(paths).Draw(t, "path"),
			Time: w.clock.at.Add(-back), Op: rapid.SampledFrom([]pkgmeter.Op{pkgmeter.Get, pkgmeter.Get, pkgmeter.Head, pkgmeter.Upload}).Draw(t, "op"),
			Status: 200, Bytes: rapid.Int64Range(0, 1<<30).Draw(t, "bytes"),
			Agent: rapid.SampledFrom(userAgents).Draw(t, "agent"), Flags: rapid.SampledFrom([]pkgmeter.Flags{0, 0, 0, pkgmeter.Robot}).Draw(t, "flags"),
			Country:  rapid.SampledFrom([]string{"", "", "DE", "AA", "US", "ZY"}).Draw(t, "country"),
			Consumer: rapid.SampledFrom([]string{"", "", "team-a", "team-b"}).Draw(t, "consumer"),
		})
		if rapid.IntRange(0, 3).Draw(t, "with id") == 0 {
			e.Event.ID = fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "id"))
		}
		d.Entries = append(d.Entries, e)
		key := e.Event.Source + " " + e.Event.ID
		if e.Event.ID != "" && w.ids[key] {
			known++
			continue
		}
		if e.Event.ID != "" {
			w.ids[key] = true
		}
		fresh = append(fresh, e)
	}
	if err := w.store.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	if d.New != len(fresh) || d.Known != known {
		t.Fatalf("%d new, %d known, want %d, %d", d.New, d.Known, len(fresh), known)
	}
	w.model.entries = append(w.model.entries, fresh...)
}

func (w *world) later(t *rapid.T) {
	if w.clock.at.Sub(noon) > 350*24*time.Hour {
		return // ids are forgotten after 400 days, which the model does not know
	}
	w.clock.at = w.clock.at.Add(time.Duration(rapid.IntRange(1, 24*40).Draw(t, "hours")) * time.Hour)
}

func (w *world) pack(t *rapid.T) {
	if err := w.store.Pack(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) rebuild(t *rapid.T) {
	if err := w.store.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) doctor(t *rapid.T) {
	r, err := w.store.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
	healthy(t, r, err)
}

func (w *world) reopen(t *rapid.T) {
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), w.dir, sqlite.Options{Now: w.clock.now, Rule: rule.Number})
	if err != nil {
		t.Fatal(err)
	}
	w.store = s
}

func (w *world) query(t *rapid.T) pkgmeter.Query {
	q := pkgmeter.Query{Now: w.clock.at, Measure: pkgmeter.Measure(rapid.IntRange(0, 2).Draw(t, "measure"))}
	today := pkgmeter.DayOf(w.clock.at)
	if rapid.Bool().Draw(t, "has from") {
		q.From = today - pkgmeter.Day(rapid.IntRange(0, 120).Draw(t, "from"))
	}
	if rapid.Bool().Draw(t, "has to") {
		q.To = max(q.From, today-pkgmeter.Day(rapid.IntRange(-2, 100).Draw(t, "to")))
	}
	some := func(label string, all ...string) []string {
		if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom(append(all, "no such name")), 1, 3).Draw(t, label)
	}
	q.Filter = pkgmeter.Filter{
		Repositories: some("repositories", "releases", "snapshots", "other", pkgmeter.Unknown),
		Types:        some("types", "maven", "pypi", "generic"),
		Packages:     some("packages", "pkg:maven/com.acme/app0", "pkg:maven/com.acme/app1", "pkg:pypi/left-pad"),
		Versions:     some("versions", "1.0", "1.1", "3.0"),
		Files:        some("files", paths...),
	}
	if rapid.IntRange(0, 5).Draw(t, "kinds?") == 0 {
		q.Filter.Kinds = []pkgmeter.Kind{pkgmeter.Primary, pkgmeter.Checksum}
	}
	q.Filter.Clients = some("clients", "pip", "curl", "(none)", "(other)", "nexus")
	switch rapid.IntRange(0, 9).Draw(t, "details?") {
	case 0:
		q.Filter.Runtimes = some("runtimes", "", "python 3.12", "java 17")
	case 1:
		q.Filter.Systems = some("systems", "", "linux")
	case 2, 3:
		q.Filter = pkgmeter.Filter{Sources: some("sources", "s", "log:web"), Files: q.Filter.Files, Packages: q.Filter.Packages, Kinds: q.Filter.Kinds}
	case 4, 5:
		q.Filter = pkgmeter.Filter{Consumers: some("consumers", "team-a", "team-b"), Versions: q.Filter.Versions, Types: q.Filter.Types}
	case 6:
		q.Filter = pkgmeter.Filter{Countries: some("countries", "DE", "US", "FR"), Repositories: q.Filter.Repositories}
	}
	if rapid.IntRange(0, 4).Draw(t, "classes?") == 0 {
		q.Filter.Classes = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 4), func(c int) pkgmeter.Class { return pkgmeter.Class(c) }), 1, 3).Draw(t, "classes")
	}
	if rapid.IntRange(0, 5).Draw(t, "legacy?") == 0 {
		q.Filter.LegacyTypes = []pkgmeter.LegacyType{pkgmeter.LegacyJar}
	}
	return q
}

func (w *world) ask(t *rapid.T) {
	q := w.query(t)
	grain := pkgmeter.Grain(rapid.IntRange(0, 2).Draw(t, "grain"))
	by := pkgmeter.Key(rapid.IntRange(0, len(pkgmeter.KeyNames())-1).Draw(t, "by"))
	if _, err := pkgmeter.BasisOf(q.Filter, nil); err != nil {
		_, err2 := w.store.Totals(t.Context(), q)
		_, err3 := w.store.Series(t.Context(), q, grain)
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid || pkgmeter.CodeOf(err2) != pkgmeter.Invalid || pkgmeter.CodeOf(err3) != pkgmeter.Invalid {
			t.Fatalf("%+v: %v, %v, %v", q.Filter, err, err2, err3)
		}
		return
	}
	if _, err := pkgmeter.BasisOf(q.Filter, &by); err != nil {
		_, err2 := w.store.Top(t.Context(), q, by, pkgmeter.Page{Limit: 1})
		_, err3 := w.store.Split(t.Context(), q, grain, by)
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid || pkgmeter.CodeOf(err2) != pkgmeter.Invalid || pkgmeter.CodeOf(err3) != pkgmeter.Invalid {
			t.Fatalf("%s of %+v: %v, %v, %v", by, q.Filter, err, err2, err3)
		}
		by = pkgmeter.ByType // all bases tell it
	}
	total, err := w.store.Totals(t.Context(), q)
	same(t, "totals", total, w.model.totals(q), err)

	series, err := w.store.Series(t.Context(), q, grain)
	same(t, "series", series.Lines[0].Points, w.model.line(q, grain, func(pkgmeter.Entry) bool { return true }), err)

	lines, err := w.store.Split(t.Context(), q, grain, by)
	same(t, "split by "+by.String(), lines.Lines, w.model.split(q, grain, by), err)

	limit := rapid.IntRange(1, 20).Draw(t, "limit")
	var items []pkgmeter.Item
	page := pkgmeter.Page{Limit: limit}
	for {
		list, err := w.store.Top(t.Context(), q, by, page)
		same(t, "total of top", list.Total, total, err)
		items = append(items, list.Items...)
		if list.Next == nil {
			break
		}
		if len(list.Items) != limit {
			t.Fatalf("a page of %d items of %d has a next one", len(list.Items), limit)
		}
		page.After = list.Next
	}
	same(t, "top by "+by.String(), items, w.model.top(q, by), nil)
}

func same(t *rapid.T, what string, got, want any, err error) {
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if g, v := reflect.ValueOf(got), reflect.ValueOf(want); g.Kind() == reflect.Slice && g.Len() == 0 && v.Len() == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\n got %+v\nwant %+v", what, got, want)
	}
}

func TestEveryAnswerEqualsAPlainRecomputation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir := tempDir(t)
		c := &clock{noon}
		s, err := sqlite.Open(t.Context(), dir, sqlite.Options{Now: c.now, Rule: rule.Number})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, store: s, dir: dir, clock: c, model: &model{}, ids: map[string]bool{}}
		defer func() { w.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"write": w.write, "write more": w.write, "later": w.later, "pack": w.pack, "reopen": w.reopen, "rebuild": w.rebuild, "doctor": w.doctor, "": w.ask,
		})
	})
}

func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "pkgmeter")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
