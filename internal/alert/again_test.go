package alert_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
)

// A disk that is full for a while does not make a receiver hear the same each minute.
func TestWhatWasAnsweredAndCannotBeStoredIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t)
	s.spike(t, webhook(r.URL))
	s.Look(t.Context())
	disk := &flaky{Store: s.store, tried: errDisk}
	a := s.over(disk, alert.Options{})
	for range 3 {
		if err := a.Send(t.Context()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	}
	if n := s.last(t); len(r.calls()) != 1 || n.State != pkgmeter.NoticeWaiting {
		t.Errorf("%d calls, %+v", len(r.calls()), n.Notice)
	}
	disk.tried = nil
	if err := a.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.last(t); len(r.calls()) != 1 || n.State != pkgmeter.NoticeSent || n.Tries != 1 {
		t.Errorf("%d calls, %+v", len(r.calls()), n.Notice)
	}
}

// save changes a watch, of which the name is another one then.
func (s *site) save(t *testing.T, id int64, kind alert.Kind, ask alert.Ask) {
	t.Helper()
	if _, err := s.Save(t.Context(), alert.Watch{ID: id, Name: "renamed", Kind: kind, Ask: ask, Targets: nowhere}); err != nil {
		t.Fatal(err)
	}
	s.Look(t.Context())
}

func TestASpikeIsToldAgainByAWatchThatAsksSomethingElseOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	ask := alert.Ask{Where: leftPad, Factor: 3, Least: 20}
	id := s.spike(t)
	s.Look(t.Context())
	const told = "50 downloads on 2026-03-10 so far, usually 10"
	s.want(t, told)
	s.save(t, id, alert.Spike, ask)
	for _, paused := range []bool{true, false} { // it looks as if it was new
		if err := s.Pause(t.Context(), id, paused); err != nil {
			t.Fatal(err)
		}
	}
	s.Look(t.Context())
	s.want(t, told)
	ask.Where = map[string][]string{"repository": {"npm"}}
	s.save(t, id, alert.Spike, ask)
	s.Look(t.Context())
	s.want(t, told, told)
}

func TestAConsumerIsToldAgainByAWatchThatAsksSomethingElseOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	of := func(version string) alert.Ask { return alert.Ask{Where: map[string][]string{"version": {version}}} }
	id := s.watch(t, alert.Consumer, of("1.0.0"))
	s.fetch(t, noon, 1, "1.0.0", "bob")
	s.Look(t.Context())
	s.want(t, "a new consumer: bob")
	s.save(t, id, alert.Consumer, of("1.0.0"))
	s.want(t, "a new consumer: bob")
	s.save(t, id, alert.Consumer, of("2.0.0"))
	s.want(t, "a new consumer: bob")
	s.fetch(t, noon, 1, "2.0.0", "bob")
	s.Look(t.Context())
	s.Look(t.Context())
	s.want(t, "a new consumer: bob", "a new consumer: bob")
}

// meanwhile is a store that something happens to before and after a watch is
// changed.
type meanwhile struct {
	alert.Store
	before, after func()
}

func (m meanwhile) ChangeWatch(ctx context.Context, w pkgmeter.Watch) error {
	m.before()
	defer m.after()
	return m.Store.ChangeWatch(ctx, w)
}

func TestALookWhileAWatchIsRenamedIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	ask := alert.Ask{Where: leftPad}
	id := s.watch(t, alert.Consumer, ask)
	a := s.over(meanwhile{s.store, func() {
		s.fetch(t, noon, 1, "1.0.0", "bob")
		s.Look(t.Context())
	}, func() { s.fetch(t, noon, 1, "1.0.0", "carol") }}, alert.Options{})
	if _, err := a.Save(t.Context(), alert.Watch{ID: id, Name: "renamed", Kind: alert.Consumer, Ask: ask, Targets: nowhere}); err != nil {
		t.Fatal(err)
	}
	s.want(t, "a new consumer: bob", "a new consumer: carol")
}

// A watch that is removed takes along what could not be stored of it.
func TestATryThatCouldNotBeStoredIsForgottenWithItsWatch(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t)
	id := s.spike(t, webhook(r.URL))
	s.Look(t.Context())
	a := s.over(&flaky{Store: s.store, tried: errDisk}, alert.Options{})
	if err := a.Send(t.Context()); !errors.Is(err, errDisk) || a.Unstored() != 1 {
		t.Fatal(err, a.Unstored())
	}
	if err := a.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(t.Context()); err != nil || a.Unstored() != 0 {
		t.Errorf("%v, %d are kept", err, a.Unstored())
	}
}

// ahead has the clock a year ahead for one look and one round of sending.
func (s *site) ahead(t *testing.T) {
	t.Helper()
	at := s.now()
	s.moveTo(at.AddDate(1, 0, 0))
	s.Look(t.Context())
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.moveTo(at)
}

func TestAClockThatWasAheadSilencesNoDay(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Drop, alert.Ask{Where: leftPad, Factor: 3, Least: 5})
	s.ahead(t)
	var want []string
	for i := range 3 {
		s.fetch(t, day(i), 1, "1.0.0", "")
		s.moveTo(day(i + 1))
		s.Look(t.Context())
		want = append(want, fmt.Sprintf("only 1 downloads on %s, usually 10", pkgmeter.DayOf(day(i))))
		s.want(t, want...)
		s.ahead(t) // and nothing is told twice
		s.Look(t.Context())
		s.want(t, want...)
	}
}

func TestAClockThatWasAheadSilencesNoWeek(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Digest, alert.Ask{})
	s.fetch(t, noon, 10, "1.0.0", "")
	s.moveTo(noon.AddDate(1, 0, 0))
	s.Look(t.Context())
	ahead := s.told(t) // of a week that was none
	for i := range 20 {
		s.moveTo(day(i))
		s.Look(t.Context())
	}
	got := s.told(t)[len(ahead):]
	if i := slices.Index(got, "20 downloads from 2026-03-09 to 2026-03-15 (-71 %)"); i < 0 || len(got) != 3 {
		t.Errorf("told %q", got)
	}
}

func TestAClockThatWasAheadHoldsNoNoticeBack(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t, 500)
	s.spike(t, webhook(r.URL))
	s.Look(t.Context())
	s.ahead(t) // it fails, and is to be tried again in a year
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.last(t); len(r.calls()) != 2 || n.State != pkgmeter.NoticeSent {
		t.Errorf("%d calls, %+v", len(r.calls()), n.Notice)
	}
}

// Many servers say to what address nothing belongs, and that of Slack is a secret.
func TestWhatIsSecretInAnAddressIsNotInTheHistoryThoughTheReceiverSaysIt(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "Cannot POST %s for %s at %s", r.URL.Path, r.URL.Query().Get("key"), r.RequestURI)
	}))
	t.Cleanup(srv.Close)
	s := newSite(t, alert.Options{})
	s.spike(t, alert.Target{To: alert.ToSlack, URL: srv.URL + "/services/T0/HIDDEN%21PART?key=HIDDENKEY"})
	s.Look(t.Context())
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := s.last(t)
	if shown := n.Error + n.To + n.Target; strings.Contains(shown, "HIDDEN") || !strings.HasPrefix(n.Error, "answered 404: Cannot POST /") {
		t.Errorf("%q", shown)
	}
}

func TestAWatchThatIsResumedThoughItRunsForgetsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	id := s.watch(t, alert.Consumer, alert.Ask{Where: leftPad})
	s.fetch(t, noon, 1, "1.0.0", "bob")
	if err := s.Pause(t.Context(), id, false); err != nil {
		t.Fatal(err)
	}
	s.Look(t.Context())
	s.want(t, "a new consumer: bob")
}

func TestASourceThatWasSilentAlreadyIsToldWhenItIsSilentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.moveTo(day(3))
	s.watch(t, alert.Silent, alert.Ask{Hours: 24})
	s.Look(t.Context())
	s.want(t)
	s.fetch(t, day(3), 1, "1.0.0", "")
	s.Look(t.Context())
	s.moveTo(day(5))
	s.Look(t.Context())
	s.want(t, "source log is silent since 2026-03-13 12:00 UTC")
}
