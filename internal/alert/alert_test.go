package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// noon is a Tuesday's.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// site is a store with alerts, and a clock that tests move.
type site struct {
	*alert.Alerts
	store *sqlite.Store
	mu    sync.Mutex
	at    time.Time
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *site) moveTo(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = at
}

func newSite(t *testing.T, opt alert.Options) *site {
	t.Helper()
	s := &site{at: noon}
	var err error
	if s.store, err = sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Now: s.now, Rule: rule.Number}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	s.Alerts = s.over(s.store, opt)
	return s
}

func (s *site) over(store alert.Store, opt alert.Options) *alert.Alerts {
	opt.PublicURL, opt.Now, opt.Log = "https://stats.example.com/base", s.now, slog.New(slog.DiscardHandler)
	return alert.New(store, s.store, opt)
}

// fetch counts downloads of a version at a time.
func (s *site) fetch(t *testing.T, at time.Time, n int, version, consumer string) {
	t.Helper()
	d := &pkgmeter.Delivery{Received: at}
	addFetches(t, d, at, n, version, consumer)
	s.write(t, d)
}

func addFetches(t *testing.T, d *pkgmeter.Delivery, at time.Time, n int, version, consumer string) {
	t.Helper()
	for range n {
		e := pkgmeter.Event{Source: "log", Repository: "npm", Path: fmt.Sprintf("left-pad/-/left-pad-%s.tgz", version), Time: at, Status: 200, Consumer: consumer}
		if err := e.Settle(at); err != nil {
			t.Fatal(err)
		}
		d.Entries = append(d.Entries, rule.Default().Apply(e))
	}
}

func (s *site) write(t *testing.T, d *pkgmeter.Delivery) {
	t.Helper()
	if err := s.store.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
}

func day(n int) time.Time { return noon.AddDate(0, 0, n) }

// nowhere is a receiver that nothing is sent to.
var nowhere = []alert.Target{{To: alert.ToSlack, URL: "http://127.0.0.1:1/x"}}

func (s *site) watch(t *testing.T, kind alert.Kind, ask alert.Ask, targets ...alert.Target) int64 {
	t.Helper()
	if targets == nil {
		targets = nowhere
	}
	id, err := s.Save(t.Context(), alert.Watch{Name: string(kind), Kind: kind, Ask: ask, Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// told lists the titles of all that was to be told, the oldest first.
func (s *site) told(t *testing.T) (titles []string) {
	t.Helper()
	all, err := s.History(t.Context(), 0, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range slices.Backward(all) {
		titles = append(titles, n.News.Title)
	}
	return titles
}

func (s *site) want(t *testing.T, titles ...string) {
	t.Helper()
	if got := s.told(t); !slices.Equal(got, titles) {
		t.Errorf("told %q, want %q", got, titles)
	}
}

var leftPad = map[string][]string{"package": {"pkg:npm/left-pad"}}

// usualDays are five weeks with ten downloads a day, up to yesterday.
func (s *site) usualDays(t *testing.T) {
	t.Helper()
	d := &pkgmeter.Delivery{Received: day(-1)}
	for i := -35; i < 0; i++ {
		addFetches(t, d, day(i), 10, "1.0.0", "ann")
	}
	s.write(t, d)
}

func TestADayFarAboveTheUsualIsToldOnceAndAsSoonAsItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Spike, alert.Ask{Where: leftPad, Factor: 3, Least: 20})
	s.want(t)
	s.fetch(t, noon, 30, "1.0.0", "")
	s.Look(t.Context())
	s.want(t) // three times is not above three times
	s.fetch(t, noon, 1, "1.0.0", "")
	for range 3 {
		s.Look(t.Context())
	}
	s.want(t, "31 downloads on 2026-03-10 so far, usually 10")
	for i := range 3 {
		s.moveTo(day(i))
		s.Look(t.Context())
	}
	s.want(t, "31 downloads on 2026-03-10 so far, usually 10")
	s.fetch(t, day(3), 40, "1.0.0", "") // while nobody looks
	s.moveTo(day(5))
	s.Look(t.Context())
	s.want(t, "31 downloads on 2026-03-10 so far, usually 10", "40 downloads on 2026-03-13, usually 10")
	all, err := s.History(t.Context(), 0, 0, 1)
	if want := "https://stats.example.com/base/stats?from=2026-02-13&package=pkg%3Anpm%2Fleft-pad&to=2026-03-13"; err != nil || all[0].News.URL != want {
		t.Errorf("it leads to %q, %v; want %q", all[0].News.URL, err, want)
	}
}

func TestADayFarBelowTheUsualIsToldWhenItIsComplete(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Drop, alert.Ask{Where: leftPad, Factor: 2, Least: 5})
	s.fetch(t, noon, 4, "1.0.0", "")
	s.moveTo(pkgmeter.DayOf(noon).End().Add(pkgmeter.Settling - time.Second))
	s.Look(t.Context())
	s.want(t)
	s.moveTo(pkgmeter.DayOf(noon).End().Add(pkgmeter.Settling))
	s.Look(t.Context())
	s.Look(t.Context())
	s.want(t, "only 4 downloads on 2026-03-10, usually 10")
	s.moveTo(day(2)) // nobody reported anything on the day after: nothing is known of it
	s.Look(t.Context())
	s.want(t, "only 4 downloads on 2026-03-10, usually 10")
}

func TestDaysOfNothingAreToldOnceUntilThereIsSomething(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Zero, alert.Ask{Where: leftPad, Days: 3})
	for i := range 10 {
		s.moveTo(day(i))
		s.Look(t.Context())
	}
	s.want(t, "no downloads since 2026-03-10")
	s.fetch(t, day(9), 1, "1.0.0", "")
	for i := 10; i < 14; i++ {
		s.moveTo(day(i))
		s.Look(t.Context())
	}
	s.want(t, "no downloads since 2026-03-10", "no downloads since 2026-03-20")
}

func TestASilentSourceIsToldOncePerSilence(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Silent, alert.Ask{Hours: 30})
	s.want(t)
	s.moveTo(day(-1).Add(30 * time.Hour))
	s.Look(t.Context())
	s.moveTo(day(3))
	s.Look(t.Context())
	s.want(t, "source log is silent since 2026-03-09 12:00 UTC")
	s.fetch(t, day(3), 1, "1.0.0", "")
	s.Look(t.Context())
	s.moveTo(day(5))
	s.Look(t.Context())
	s.want(t, "source log is silent since 2026-03-09 12:00 UTC", "source log is silent since 2026-03-13 12:00 UTC")
}

func TestTheFirstDownloadOfARangeIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Range, alert.Ask{Where: leftPad, Range: "vers:npm/>=2.0.0-rc.1|<3.0.0"})
	s.fetch(t, noon, 1, "1.9.9", "")
	s.fetch(t, noon, 1, "3.0.0", "")
	s.Look(t.Context())
	s.want(t)
	s.fetch(t, noon, 2, "2.0.0-rc.2", "")
	s.Look(t.Context())
	s.fetch(t, noon, 2, "2.0.0", "")
	s.Look(t.Context())
	s.want(t, "first download of pkg:npm/left-pad in vers:npm/>=2.0.0-rc.1|<3.0.0")
	all, err := s.Watches(t.Context())
	if err != nil || !all[0].Done {
		t.Errorf("%+v, %v: it has nothing more to tell", all, err)
	}
}

func TestAConsumerThatWasNeverSeenIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Consumer, alert.Ask{Where: leftPad})
	s.fetch(t, noon, 1, "1.0.0", "ann")
	s.fetch(t, noon, 1, "1.0.0", "")
	s.Look(t.Context())
	s.want(t)
	s.fetch(t, noon, 1, "1.0.0", "bob")
	s.Look(t.Context())
	s.Look(t.Context())
	s.fetch(t, day(-30), 1, "1.0.0", "cid") // late
	s.fetch(t, noon, 1, "1.0.0", "dan")
	s.Look(t.Context())
	s.want(t, "a new consumer: bob", "2 new consumers")
}

func TestADigestIsToldOfEachWeek(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Digest, alert.Ask{})
	s.fetch(t, noon, 10, "1.0.0", "")
	s.moveTo(time.Date(2026, 3, 16, 1, 59, 59, 0, time.UTC))
	s.Look(t.Context())
	s.want(t)
	for _, at := range []time.Duration{0, time.Hour, 72 * time.Hour} {
		s.moveTo(time.Date(2026, 3, 16, 2, 0, 0, 0, time.UTC).Add(at))
		s.Look(t.Context())
	}
	s.want(t, "20 downloads from 2026-03-09 to 2026-03-15 (-71 %)")
	all, err := s.History(t.Context(), 0, 0, 1)
	if err != nil || len(all[0].News.Week.Lists) == 0 || all[0].News.Week.Lists[0].Rows[0].Name != "pkg:npm/left-pad" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestAPausedWatchTellsNothingOfThePause(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	id := s.watch(t, alert.Spike, alert.Ask{Where: leftPad, Factor: 3, Least: 20})
	if err := s.Pause(t.Context(), id, true); err != nil {
		t.Fatal(err)
	}
	s.fetch(t, noon, 50, "1.0.0", "")
	s.Look(t.Context())
	s.moveTo(day(2))
	if err := s.Pause(t.Context(), id, false); err != nil {
		t.Fatal(err)
	}
	s.want(t)
	s.fetch(t, day(2), 50, "1.0.0", "")
	s.Look(t.Context())
	s.want(t, "50 downloads on 2026-03-12 so far, usually 10")
}

// A preview says what looks on those days would have told, and of nothing else.
func TestAPreviewAgreesWithWhatLooksTell(t *testing.T) {
	t.Parallel()
	for kind, ask := range map[alert.Kind]alert.Ask{
		alert.Spike:    {Where: leftPad, Factor: 3, Least: 20},
		alert.Drop:     {Where: leftPad, Factor: 3, Least: 5},
		alert.Zero:     {Where: leftPad, Days: 2},
		alert.Silent:   {Hours: 48},
		alert.Range:    {Where: leftPad, Range: "vers:npm/>=2.0.0"},
		alert.Consumer: {Where: leftPad},
		alert.Digest:   {},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, alert.Options{})
			s.usualDays(t)
			s.watch(t, kind, ask)
			for i := range 30 {
				switch at := day(i); {
				case i == 7:
					s.fetch(t, at, 50, "2.0.0", "eve")
				case i == 9:
					s.fetch(t, at, 1, "1.0.0", "ann")
				case i < 12 || i > 16:
					s.fetch(t, at, 10, "1.0.0", "ann")
				}
				// The end of the day is when all of it is known.
				s.moveTo(pkgmeter.DayOf(day(i)).End().Add(pkgmeter.Settling))
				s.Look(t.Context())
			}
			p, err := s.Preview(t.Context(), alert.Watch{Kind: kind, Ask: ask})
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, in := range p.Days {
				if in.Day >= pkgmeter.DayOf(noon) {
					seen++
				}
			}
			if got := len(s.told(t)); got != seen || got == 0 {
				t.Errorf("told %q, and the preview says %+v", s.told(t), p.Days)
			}
		})
	}
}

// flaky is a store that fails when it is told to.
type flaky struct {
	alert.Store
	tried error // what Tried answers, where it does nothing
}

func (f *flaky) Tried(ctx context.Context, n pkgmeter.Notice) error {
	if f.tried != nil {
		return f.tried
	}
	return f.Store.Tried(ctx, n)
}

func TestWhatIsWrongWithAWatchIsSaid(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	good := func() alert.Watch {
		return alert.Watch{Name: "n", Kind: alert.Spike, Ask: alert.Ask{Factor: 3, Least: 20}, Targets: slices.Clone(nowhere)}
	}
	for want, spoil := range map[string]func(w *alert.Watch){
		"name: want 1 to 100 bytes": func(w *alert.Watch) { w.Name = strings.Repeat("x", 101) },
		"without control":           func(w *alert.Watch) { w.Name = "a\nb" },
		`kind "x": want one of`:     func(w *alert.Watch) { w.Kind = "x" },
		"factor: want a number":     func(w *alert.Watch) { w.Ask.Factor = 1 },
		"least: want a number":      func(w *alert.Watch) { w.Ask.Least = -1 },
		"days: want a number":       func(w *alert.Watch) { w.Kind, w.Ask.Days = alert.Zero, 29 },
		"hours: want a number":      func(w *alert.Watch) { w.Kind, w.Ask.Hours = alert.Silent, 0 },
		"leave the filter package":  func(w *alert.Watch) { w.Kind, w.Ask = alert.Silent, alert.Ask{Hours: 5, Where: leftPad} },
		"one of a package":          func(w *alert.Watch) { w.Kind, w.Ask.Range = alert.Range, "vers:npm/1" },
		"want one of cargo":         func(w *alert.Watch) { w.Kind, w.Ask = alert.Range, alert.Ask{Where: leftPad, Range: "vers:rpm/1"} },
		"write vers:npm/":           func(w *alert.Watch) { w.Kind, w.Ask = alert.Range, alert.Ask{Where: leftPad, Range: "vers:pypi/1"} },
		"filter colour":             func(w *alert.Watch) { w.Ask.Where = map[string][]string{"colour": {"red"}} },
		"filter class":              func(w *alert.Watch) { w.Ask.Where = map[string][]string{"class": {"red"}} },
		"counts by country":         func(w *alert.Watch) { w.Ask.Where = map[string][]string{"country": {"DE"}, "client": {"pip"}} },
		"measure":                   func(w *alert.Watch) { w.Ask.Measure = "bytes" },
		"at least one receiver":     func(w *alert.Watch) { w.Targets = nil },
		"at most 10 receivers":      func(w *alert.Watch) { w.Targets = slices.Repeat(nowhere, 11) },
		"is given twice":            func(w *alert.Watch) { w.Targets = slices.Repeat(nowhere, 2) },
		"address of the Slack":      func(w *alert.Watch) { w.Targets[0].URL = "ftp://x/" },
		"secret of the webhook": func(w *alert.Watch) {
			w.Targets[0] = alert.Target{To: alert.ToWebhook, URL: "http://x/", Secret: "whsec_c2hvcnQ="}
		},
		"without --smtp-url": func(w *alert.Watch) { w.Targets[0] = alert.Target{To: alert.ToMail, Address: "a@b"} },
	} {
		w := good()
		spoil(&w)
		if _, err := s.Save(t.Context(), w); pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(pkgmeter.PublicMessage(err), want) {
			t.Errorf("%+v: %v, want %q", w, err, want)
		}
	}
	for i := range alert.MaxWatches {
		w := good()
		w.Name = fmt.Sprint(i)
		if _, err := s.Save(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"one more": "there are 100 watches already", "7": "there are 100 watches already"} {
		w := good()
		w.Name = name
		if _, err := s.Save(t.Context(), w); pkgmeter.CodeOf(err) != pkgmeter.Conflict || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

var errDisk = errors.New("the disk is gone")
