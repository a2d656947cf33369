package sqlite_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"pgregory.net/rapid"
)

// plainAdds answers a question about adds in the plainest way.
type plainAdds []addsDay

type addsDay struct {
	day pkgmeter.Day
	pkgmeter.DailyUse
}

func (all plainAdds) pass(q pkgmeter.AddsQuery, span pkgmeter.Span) (passed plainAdds) {
	for _, u := range all {
		if u.day >= span.From && u.day <= span.To && (q.Packages == nil || slices.Contains(q.Packages, u.Package)) && (q.Versions == nil || slices.Contains(q.Versions, u.Version)) {
			passed = append(passed, u)
		}
	}
	return passed
}

// rows sums by key, or by what key makes of it together with the day.
func (all plainAdds) rows(key func(pkgmeter.DailyUse) string, byDay bool) (rows []pkgmeter.AddsRow) {
	for _, u := range all {
		r := pkgmeter.AddsRow{Key: key(u.DailyUse), Adds: pkgmeter.Adds{Direct: u.Direct, Total: u.Total}}
		if byDay {
			r.Day = u.day
		}
		if i := slices.IndexFunc(rows, func(o pkgmeter.AddsRow) bool { return o.Key == r.Key && o.Day == r.Day }); i >= 0 {
			rows[i].Add(r.Adds)
		} else {
			rows = append(rows, r)
		}
	}
	rows = slices.DeleteFunc(rows, func(r pkgmeter.AddsRow) bool { return r.Total == 0 })
	slices.SortFunc(rows, func(a, b pkgmeter.AddsRow) int {
		if byDay {
			return cmp.Compare(a.Day, b.Day)
		}
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Key, b.Key))
	})
	return rows
}

func (all plainAdds) split(key func(pkgmeter.DailyUse) string) (rows []pkgmeter.AddsRow) {
	largest := all.rows(key, false)
	rest := slices.Clone(all)
	for _, k := range largest[:min(len(largest), pkgmeter.SplitLines)] {
		var own plainAdds
		for _, u := range all {
			if key(u.DailyUse) == k.Key {
				own = append(own, u)
			}
		}
		rows = append(rows, own.rows(key, true)...)
		rest = slices.DeleteFunc(rest, func(u addsDay) bool { return key(u.DailyUse) == k.Key })
	}
	return append(rows, rest.rows(func(pkgmeter.DailyUse) string { return pkgmeter.OtherKey }, true)...)
}

// Adds of apps and of another server's days are asked for in every way.
func TestAddsAreSummedAsTheyWereReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := &clock{noon}
		s := open(t, t.TempDir(), c)
		defer s.Close()
		names := make([]string, 13) // more than a split series has lines
		for i := range names {
			names[i] = fmt.Sprint("p", i)
		}
		versions := []string{"1.0.0", "1.1.0", "2.0.0"}
		var model plainAdds
		add := func(day pkgmeter.Day, u pkgmeter.DailyUse) { model = append(model, addsDay{day, u}) }
		today := pkgmeter.DayOf(noon)
		if rapid.Bool().Draw(rt, "foreign") {
			var uses []pkgmeter.DailyUse
			for _, name := range names[:rapid.IntRange(0, 12).Draw(rt, "uses")] {
				total := rapid.Int64Range(0, 5).Draw(rt, "total")
				uses = append(uses, pkgmeter.DailyUse{Package: "pkg:meteor/" + name, Version: "1.0.0", Direct: total / 2, Total: total})
				add(today-20, uses[len(uses)-1])
			}
			if _, err := s.ImportUse(ctx, []sqlite.ForeignUse{{Day: today - 20, Body: []byte("x\n"), Uses: uses}}); err != nil {
				rt.Fatal(err)
			}
		}
		for app := range rapid.IntRange(0, 12).Draw(rt, "apps") {
			c.at = noon.AddDate(0, 0, app/2)
			r := &pkgmeter.AppReport{App: fmt.Sprint(app)}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 13, rapid.ID).Draw(rt, "packages") {
				p := used(name, rapid.SampledFrom(versions).Draw(rt, "version"), rapid.Bool().Draw(rt, "direct"))
				r.Packages = append(r.Packages, p)
				u := pkgmeter.DailyUse{Package: p.Package, Version: p.Version, Total: 1}
				if p.Direct {
					u.Direct = 1
				}
				add(pkgmeter.DayOf(c.at), u)
			}
			if err := (sqlite.UseWriter{Store: s}).Write(ctx, []*pkgmeter.AppReport{r}); err != nil {
				rt.Fatal(err)
			}
		}
		for range 5 {
			q := pkgmeter.AddsQuery{Now: c.at}
			if rapid.Bool().Draw(rt, "range") {
				q.From = today + pkgmeter.Day(rapid.IntRange(-22, 3).Draw(rt, "from"))
				q.To = q.From + pkgmeter.Day(rapid.IntRange(0, 25).Draw(rt, "days"))
			}
			if rapid.Bool().Draw(rt, "by package") {
				q.Packages = rapid.SliceOfN(rapid.Map(rapid.SampledFrom(append(names, "unknown")), func(n string) string { return "pkg:meteor/" + n }), 0, 4).Draw(rt, "names")
			}
			if rapid.Bool().Draw(rt, "by version") {
				q.Versions = rapid.SliceOfN(rapid.SampledFrom(append(versions, "9.9.9")), 0, 3).Draw(rt, "versions")
			}
			model.check(rt, s, q)
		}
	})
}

func (all plainAdds) check(t *rapid.T, s *sqlite.Store, q pkgmeter.AddsQuery) {
	t.Helper()
	first := pkgmeter.Day(0)
	for _, u := range all {
		if u.Total > 0 && (first == 0 || u.day < first) {
			first = u.day
		}
	}
	span := pkgmeter.Query{From: q.From, To: q.To, Now: q.Now}.Resolve(first)
	passed := all.pass(q, span)
	expect := func(name string, got pkgmeter.AddsList, err error, want []pkgmeter.AddsRow) {
		t.Helper()
		if err != nil || got.Span != span || !slices.Equal(got.Rows, want) {
			t.Fatalf("%s of %+v\n got %v %v %v\nwant %v %v", name, q, got.Span, got.Rows, err, span, want)
		}
	}
	keys := map[pkgmeter.AddsKey]func(pkgmeter.DailyUse) string{
		pkgmeter.AddsInAll:     func(pkgmeter.DailyUse) string { return "" },
		pkgmeter.AddsByPackage: func(u pkgmeter.DailyUse) string { return u.Package },
		pkgmeter.AddsByVersion: func(u pkgmeter.DailyUse) string { return u.Version },
	}
	for by, key := range keys {
		got, err := s.Adds(ctx, q, by)
		expect(fmt.Sprint("key ", by), got, err, passed.rows(key, false))
		if by != pkgmeter.AddsInAll {
			got, err = s.SplitAdds(ctx, q, by)
			expect(fmt.Sprint("split ", by), got, err, passed.split(key))
		}
	}
	got, err := s.Adds(ctx, q, pkgmeter.AddsByDay)
	expect("days", got, err, passed.rows(keys[pkgmeter.AddsInAll], true))
}
