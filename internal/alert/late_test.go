package alert_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
)

// soon is the limit of the tests for whatever may take some time.
const soon = 100 * time.Millisecond

// slow are numbers that nobody waits for.
type slow struct{ alert.Numbers }

func (slow) Series(ctx context.Context, _ pkgmeter.Query, _ pkgmeter.Grain) (pkgmeter.Series, error) {
	<-ctx.Done()
	return pkgmeter.Series{}, ctx.Err()
}

func TestAWatchWhoseNumbersTakeTooLongSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	id := s.watch(t, alert.Drop, alert.Ask{Where: leftPad, Factor: 3, Least: 5})
	for i := range 2 {
		s.fetch(t, day(i), 1, "1.0.0", "")
	}
	s.moveTo(day(2))
	a := alert.New(s.store, slow{s.store}, alert.Options{Now: s.now, Log: slog.New(slog.DiscardHandler)})
	a.Hurry(soon)
	a.Look(t.Context())
	w, err := s.Watch(t.Context(), id)
	if err != nil || w.Problem != "its numbers take longer than 100ms" {
		t.Errorf("the watch says %q, %v", w.Problem, err)
	}
	s.want(t)
	if _, err := a.Preview(t.Context(), alert.Watch{Kind: w.Kind, Ask: w.Ask}); pkgmeter.CodeOf(err) != pkgmeter.Unavailable || !strings.Contains(err.Error(), "the preview takes longer than 100ms: narrow the watch") {
		t.Errorf("a preview says %v", err)
	}
	s.Look(t.Context()) // and with numbers that come it goes on where it was
	s.want(t, "only 1 downloads on 2026-03-10, usually 10", "only 1 downloads on 2026-03-11, usually 10")
}

func TestAReceiverThatTakesTooLongIsTriedAgain(t *testing.T) {
	t.Parallel()
	answers := map[string]http.HandlerFunc{
		"no answer within 100ms": func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"answered 503": func(w http.ResponseWriter, r *http.Request) { // and goes on for ever
			w.WriteHeader(http.StatusServiceUnavailable)
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				http.NewResponseController(w).Flush()
				time.Sleep(soon / 10)
			}
		},
	}
	for want, answer := range answers {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			hooks := httptest.NewServer(answer)
			t.Cleanup(hooks.Close)
			s := newSite(t, alert.Options{})
			s.Hurry(soon)
			s.spike(t, webhook(hooks.URL))
			s.tries(t, want)
		})
	}
}

func TestAMailServerThatTakesTooLongIsTriedAgain(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	m, err := alert.NewMail("smtp://"+ln.Addr().String(), "pkgmeter@example.com")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, alert.Options{Mail: m})
	s.Hurry(soon)
	s.spike(t, alert.Target{To: alert.ToMail, Address: "ann@example.com"})
	s.tries(t, "the mail server takes longer than 100ms")
}

// tries sends what is due, which fails for a reason, and is to be tried again.
func (s *site) tries(t *testing.T, reason string) {
	t.Helper()
	s.Look(t.Context())
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.last(t); n.State != pkgmeter.NoticeWaiting || n.Tries != 1 || !strings.HasPrefix(n.Error, reason) {
		t.Errorf("%+v, want %q", n.Notice, reason)
	}
}
