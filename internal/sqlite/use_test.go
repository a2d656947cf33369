package sqlite_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"pgregory.net/rapid"
)

func used(name, version string, direct bool) pkgmeter.AppPackage {
	return pkgmeter.AppPackage{Package: "pkg:meteor/" + name, Version: version, Direct: direct}
}

func useOf(t interface {
	Helper()
	Fatal(...any)
}, s *sqlite.Store, day pkgmeter.Day,
) []pkgmeter.DailyUse {
	t.Helper()
	uses, err := s.UseOfDay(ctx, day)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(uses, func(a, b pkgmeter.DailyUse) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version))
	})
	return uses
}

// firstSeen is what the store should do, in the plainest way.
type firstSeen struct {
	upgrades bool
	seen     map[string]bool
	days     map[pkgmeter.Day]map[[2]string]pkgmeter.DailyUse
}

func (m *firstSeen) report(day pkgmeter.Day, r *pkgmeter.AppReport) {
	for _, p := range r.Packages {
		k := r.App + " " + p.Package
		if m.upgrades {
			k += " " + p.Version
		}
		if m.seen[k] {
			continue
		}
		m.seen[k] = true
		if m.days[day] == nil {
			m.days[day] = map[[2]string]pkgmeter.DailyUse{}
		}
		row := [2]string{p.Package, p.Version}
		u := m.days[day][row]
		u.Package, u.Version = p.Package, p.Version
		u.Total++
		if p.Direct {
			u.Direct++
		}
		m.days[day][row] = u
	}
}

func TestAddsAreFirstTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := &clock{noon}
		dir := t.TempDir()
		s := open(t, dir, c)
		m := &firstSeen{upgrades: rapid.Bool().Draw(rt, "upgrades"), seen: map[string]bool{}, days: map[pkgmeter.Day]map[[2]string]pkgmeter.DailyUse{}}
		closed := pkgmeter.DayOf(noon) - 1
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				c.at = c.at.Add(time.Duration(rapid.IntRange(-30, 50).Draw(rt, "hours")) * time.Hour)
			case 1:
				if day := closed + 1; day < pkgmeter.DayOf(c.at) {
					if err := s.CloseUseDay(ctx, day); err != nil {
						rt.Fatal(err)
					}
					closed = day
					if err := s.PublishUseDay(ctx, day, []byte(day.String())); err != nil {
						rt.Fatal(err)
					}
				}
			case 2:
				s.Close()
				s = open(t, dir, c)
			default:
				day := max(pkgmeter.DayOf(c.at), closed+1)
				var batch []*pkgmeter.AppReport
				for range rapid.IntRange(1, 3).Draw(rt, "reports") {
					r := &pkgmeter.AppReport{App: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "app")}
					for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z", "ann/w", "v"}), 0, 5, rapid.ID).Draw(rt, "packages") {
						r.Packages = append(r.Packages, used(name, rapid.SampledFrom([]string{"1.0.0", "1.1.0", "2.0.0"}).Draw(rt, "version"), rapid.Bool().Draw(rt, "direct")))
					}
					m.report(day, r)
					batch = append(batch, r)
				}
				if err := (sqlite.UseWriter{Store: s, Upgrades: m.upgrades}).Write(ctx, batch); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for day, rows := range m.days {
			want := slices.SortedFunc(maps.Values(rows), func(a, b pkgmeter.DailyUse) int {
				return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version))
			})
			if got := useOf(rt, s, day); !slices.Equal(got, want) {
				rt.Fatalf("%s: %v, want %v", day, got, want)
			}
		}
		r, err := s.Doctor(ctx, rule.Default(), func(int64, int64) {})
		healthy(rt, r, err)
		s.Close()
	})
}

func TestDaysOfUseAreAChainThatStartsYesterday(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	today := pkgmeter.DayOf(noon)
	earliest, latest, changed := s.UseDays()
	if earliest != today-1 || latest != today-1 {
		t.Fatalf("from %s to %s", earliest, latest)
	}
	if err := s.PublishUseDay(ctx, today, nil); err == nil {
		t.Error("a day was published that is not closed")
	}
	if err := s.CloseUseDay(ctx, today+1); err == nil {
		t.Error("a day was left out")
	}
	if err := s.CloseUseDay(ctx, today); err != nil {
		t.Fatal(err)
	}
	if err := (sqlite.UseWriter{Store: s}).Write(ctx, []*pkgmeter.AppReport{{App: "a", Packages: []pkgmeter.AppPackage{used("x", "1.0.0", true)}}}); err != nil {
		t.Fatal(err)
	}
	if got := useOf(t, s, today); len(got) != 0 {
		t.Errorf("a closed day has %v", got)
	}
	if got := useOf(t, s, today+1); len(got) != 1 {
		t.Errorf("the next day has %v", got)
	}
	if err := s.PublishUseDay(ctx, today, []byte("body\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	if err := s.PublishUseDay(ctx, today, []byte("other\n")); err == nil {
		t.Error("a day was published twice")
	}
	s.Close()
	s = open(t, dir, c)
	before := fmt.Sprintf("%064d", 0)
	n := 0
	err := s.EachUseDay(ctx, func(d pkgmeter.UseDay) error {
		full, err := s.PublishedUse(ctx, d.Day)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(full.Body)
		link := sha256.Sum256(fmt.Appendf(nil, "%s %s %x\n", before, d.Day, sum))
		if d.SHA256 != sum || d.Chain != link || d.Foreign {
			t.Errorf("%s: %x %x, want %x %x", d.Day, d.SHA256, d.Chain, sum, link)
		}
		before = hex.EncodeToString(link[:])
		n++
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d days, %v", n, err)
	}
	if _, err := s.PublishedUse(ctx, today+1); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("a day that is not published: %v", err)
	}
}

func TestForeignDaysComeBeforeAndOutsideTheChain(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	today := pkgmeter.DayOf(noon)
	own, err := s.PublishedUse(ctx, today-1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ImportUse(ctx, []sqlite.ForeignUse{{Day: today - 1}})
	if pkgmeter.CodeOf(err) != pkgmeter.Conflict {
		t.Errorf("a day that is here already: %v", err)
	}
	day := sqlite.ForeignUse{Day: today - 5, Body: []byte("x\n"), Uses: []pkgmeter.DailyUse{{Package: "pkg:meteor/x", Version: "1.0.0", Direct: 3, Total: 7}}}
	for _, want := range []sqlite.ImportedUse{{New: 1}, {Known: 1}} {
		if sum, err := s.ImportUse(ctx, []sqlite.ForeignUse{day}); err != nil || sum != want {
			t.Fatalf("%+v, %v, want %+v", sum, err, want)
		}
	}
	// The file as it came, which was once kept so, is known though it is tidied now.
	tidied := day
	tidied.Given, tidied.Body = sha256.Sum256(day.Body), []byte("y\n")
	if sum, err := s.ImportUse(ctx, []sqlite.ForeignUse{tidied}); err != nil || sum != (sqlite.ImportedUse{Known: 1}) {
		t.Fatalf("%+v, %v", sum, err)
	}
	if earliest, latest, _ := s.UseDays(); earliest != today-5 || latest != today-1 {
		t.Errorf("from %s to %s", earliest, latest)
	}
	var days []string
	err = s.EachUseDay(ctx, func(d pkgmeter.UseDay) error {
		days = append(days, fmt.Sprint(int(d.Day-today), d.Foreign))
		return nil
	})
	if want := []string{"-5 true", "-4 true", "-3 true", "-2 true", "-1 false"}; err != nil || !slices.Equal(days, want) {
		t.Errorf("%v, %v, want %v", days, err, want)
	}
	if again, err := s.PublishedUse(ctx, today-1); err != nil || again.Chain != own.Chain {
		t.Error("the chain has changed")
	}
	if got := useOf(t, s, today-5); len(got) != 1 || got[0].Total != 7 || got[0].Direct != 3 {
		t.Errorf("its adds: %v", got)
	}
	r, err := s.Doctor(ctx, rule.Default(), func(int64, int64) {})
	healthy(t, r, err)
}
