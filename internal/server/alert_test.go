package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAlertsAreSeenByUsersAndChangedByAdministrators(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	crossSite := header("Sec-Fetch-Site", "cross-site")
	for path, viewer := range map[string]int{"/stats/alerts": 200, "/stats/alerts/told": 200, "/stats/alerts/edit?what=spike": 403} {
		for name, tt := range map[string]struct {
			option func(*http.Request)
			want   int
		}{"nobody": {func(*http.Request) {}, 401}, "a viewer": {as("vera"), viewer}, "an admin": {as("admin"), 200}} {
			if got := s.ask(t, "GET", path, "", tt.option); got.status != tt.want {
				t.Errorf("GET %s by %s: %d, want %d", path, name, got.status, tt.want)
			}
		}
	}
	for _, path := range []string{"/stats/alerts", "/stats/alerts/edit"} {
		const body = "id=1&do=pause"
		for name, tt := range map[string]struct {
			option func(*http.Request)
			want   int
		}{"nobody": {func(*http.Request) {}, 401}, "a viewer": {as("vera"), 403}, "an admin, of no watch": {as("admin"), 404}} {
			if got := s.ask(t, "POST", path, body, tt.option, form); got.status != tt.want {
				t.Errorf("POST %s by %s: %d, want %d", path, name, got.status, tt.want)
			}
		}
		if got := s.ask(t, "POST", path, body, as("admin"), form, crossSite); got.status != 403 {
			t.Errorf("POST %s from another site: %d", path, got.status)
		}
	}
}

// The server looks and sends by itself, and ends while a receiver keeps it waiting.
func TestTheServerTellsAndEndsWhileAReceiverIsSilent(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	gone := make(chan struct{})
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then it is noticed that the caller has gone
		calls.Add(1)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(hooks.Close)
	s := start(t, nil)
	watch := url.Values{"what": {"digest"}, "name": {"week"}, "slack": {hooks.URL}}
	if got := s.ask(t, "POST", "/stats/alerts/edit", watch.Encode(), as("admin"), form); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := s.ask(t, "POST", "/stats/alerts", "id=1&do=test", as("admin"), form); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for end := time.Now().Add(20 * time.Second); calls.Load() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the receiver is not called")
		}
	}
	if told := s.ask(t, "GET", "/stats/alerts/told", "", as("vera")); !strings.Contains(told.body, "Waits to be sent.") {
		t.Errorf("%s", told.body)
	}
	began := time.Now()
	if err := s.stop(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	<-gone
}
