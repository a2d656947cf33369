package alert_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver takes webhooks, and notes what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer []int // of the next calls; then 204
	got    []call
}

type call struct {
	id, at, signature string
	body              []byte
}

func receive(t *testing.T, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answer: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		h := req.Header
		r.got = append(r.got, call{h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"), body})
		code := http.StatusNoContent
		if len(r.answer) > 0 {
			code, r.answer = r.answer[0], r.answer[1:]
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
		if code >= 300 {
			fmt.Fprint(w, strings.Repeat("because ", 100_000))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) calls() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.got...)
}

// signed checks a call as Standard Webhooks tells receivers to, by nothing of ours.
func (c call) signed(t *testing.T) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(c.id + "." + c.at + "."))
	mac.Write(c.body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); c.signature != want || c.id == "" {
		t.Errorf("signature %q of %q, want %q", c.signature, c.id, want)
	}
}

// spike makes a watch of spikes with the given receivers, and one.
func (s *site) spike(t *testing.T, targets ...alert.Target) (id int64) {
	t.Helper()
	s.usualDays(t)
	id = s.watch(t, alert.Spike, alert.Ask{Where: leftPad, Factor: 3, Least: 20}, targets...)
	s.fetch(t, noon, 50, "1.0.0", "")
	return id
}

func (s *site) last(t *testing.T) alert.Told {
	t.Helper()
	all, err := s.History(t.Context(), 0, 0, 1)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

func webhook(url string) alert.Target {
	return alert.Target{To: alert.ToWebhook, URL: url, Secret: secret}
}

func TestAWebhookIsSignedAndSentOnce(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t)
	s.spike(t, webhook(r.URL+"/in?x=1"))
	for range 3 {
		s.Look(t.Context())
		if err := s.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := r.calls()
	if len(got) != 1 {
		t.Fatalf("%d calls", len(got))
	}
	got[0].signed(t)
	var body struct {
		Type string
		Data struct {
			Title, URL string
			Value      int
			Usual      float64
		}
	}
	if err := json.Unmarshal(got[0].body, &body); err != nil || body.Type != "alert.spike" || body.Data.Value != 50 || body.Data.Usual != 10 {
		t.Errorf("%s, %v", got[0].body, err)
	}
	if n := s.last(t); n.State != pkgmeter.NoticeSent || n.Tries != 1 || n.Sent.IsZero() {
		t.Errorf("%+v", n)
	}
}

func TestWhatFailsIsTriedAgainLaterWithTheSameIDUntilItIsGivenUp(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t, 500, 302, 404)
	s.spike(t, webhook(r.URL))
	s.Look(t.Context())
	at := noon
	for i, want := range []string{"answered 500: because because", "answered 302: redirects are not followed", "answered 404: because"} {
		for range 2 { // the second is too early
			if err := s.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		n := s.last(t)
		if n.State != pkgmeter.NoticeWaiting || n.Tries != i+1 || !strings.HasPrefix(n.Error, want) || len(n.Error) > 300 {
			t.Errorf("try %d: %s %d %q", i, n.State, n.Tries, n.Error)
		}
		usual := []time.Duration{10, 30, 90}[i] * time.Second
		if wait := n.Next.Sub(at); wait < usual*8/10-time.Millisecond || wait > usual*12/10 {
			t.Errorf("try %d: waits %v, want %v and a fifth more or less", i, wait, usual)
		}
		at = n.Next.Add(time.Millisecond)
		s.moveTo(at)
	}
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.calls()
	if n := s.last(t); len(got) != 4 || n.State != pkgmeter.NoticeSent || n.Tries != 4 {
		t.Errorf("%d calls, %+v", len(got), n)
	}
	for _, c := range got {
		if c.signed(t); c.id != got[0].id {
			t.Errorf("ids %q and %q", c.id, got[0].id)
		}
	}
}

func TestWhatNobodyTakesIsGivenUp(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t)
	s.spike(t, webhook("http://127.0.0.1:1/nobody?key=hidden"))
	s.Look(t.Context())
	for range alert.MaxTries + 3 {
		if err := s.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.moveTo(s.now().Add(8 * time.Hour))
	}
	n := s.last(t)
	if n.State != pkgmeter.NoticeFailed || n.Tries != alert.MaxTries || !strings.Contains(n.Error, "refused") || strings.Contains(n.Error, "hidden") {
		t.Errorf("%+v", n.Notice)
	}
	r.answer = []int{http.StatusGone}
	id := n.WatchID
	w, err := s.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w.Targets = []alert.Target{webhook(r.URL)}
	if _, err := s.Save(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := s.Test(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.last(t); n.State != pkgmeter.NoticeFailed || n.Tries != 1 || !strings.Contains(n.Error, "wants no more") || n.News.Title != "this is a test" {
		t.Errorf("%+v", n.Notice)
	}
}

// The process dies after the decision and before anything is sent, or after the
// answer and before that is on disk.
func TestACrashNeitherLosesNorInvents(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{}), receive(t)
	s.spike(t, webhook(r.URL))
	s.Look(t.Context()) // and dies
	broken := &flaky{Store: s.store, tried: errDisk}
	second := s.over(broken, alert.Options{})
	second.Look(t.Context())
	if err := second.Send(t.Context()); !errors.Is(err, errDisk) {
		t.Fatal(err) // it was answered, and dies
	}
	third := s.over(s.store, alert.Options{})
	for range 3 {
		third.Look(t.Context())
		if err := third.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := r.calls()
	if len(got) != 2 || got[0].id != got[1].id || string(got[0].body) != string(got[1].body) {
		t.Fatalf("%d calls, %+v", len(got), got)
	}
	for _, c := range got {
		c.signed(t)
	}
}

// A watch that is changed while it is looked at is looked at again.
func TestADecisionOfAnOldWatchIsNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	id := s.spike(t)
	seen, err := s.store.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	notice := pkgmeter.Notice{Key: "k", Target: "slack", UID: "u", At: noon, Body: "{}"}
	for name, change := range map[string]func(w *pkgmeter.Watch){
		"state": func(w *pkgmeter.Watch) { w.State += " " }, "ask": func(w *pkgmeter.Watch) { w.Ask += " " }, "receivers": func(w *pkgmeter.Watch) { w.Send += " " },
	} {
		old := seen
		change(&old)
		if ok, err := s.store.Decide(t.Context(), old, "{}", []pkgmeter.Notice{notice}, 10); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	s.want(t)
	if ok, err := s.store.Decide(t.Context(), seen, "{}", []pkgmeter.Notice{notice, notice}, 10); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if n, err := s.store.Notices(t.Context(), id, 0, 10); err != nil || len(n) != 1 {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestTheHistoryOfAWatchIsBoundedAndKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	id := s.watch(t, alert.Digest, alert.Ask{})
	for i := range 10 {
		n := pkgmeter.Notice{Key: fmt.Sprint(i), Target: "slack", UID: fmt.Sprint(i), At: noon, Body: "{}"}
		if err := s.store.AddNotices(t.Context(), id, []pkgmeter.Notice{n}, 3); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue // it waits
		}
		all, err := s.store.Notices(t.Context(), id, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		all[0].State = pkgmeter.NoticeSent
		if err := s.store.Tried(t.Context(), all[0]); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.store.Notices(t.Context(), id, 0, 100)
	if err != nil || len(all) != 5 || all[4].Key != "0" || all[3].Key != "6" {
		t.Errorf("%+v, %v", all, err)
	}
	var waiting []pkgmeter.Notice
	for i := range 10 {
		waiting = append(waiting, pkgmeter.Notice{Key: "waits " + fmt.Sprint(i), Target: "slack", UID: fmt.Sprint("w", i), At: noon, Body: "{}"})
	}
	if err := s.store.AddNotices(t.Context(), id, waiting, 3); err != nil {
		t.Fatal(err)
	}
	// What waits pushes nothing out that was sent.
	if all, err := s.store.Notices(t.Context(), id, 0, 100); err != nil || len(all) != 14 || all[10].Key != "9" || all[12].Key != "7" || all[13].Key != "0" {
		t.Errorf("%+v, %v", all, err)
	}
}

// Run sends what is due without waiting for the next look, and ends with its context.
func TestRunLooksSendsAndEnds(t *testing.T) {
	t.Parallel()
	s, r := newSite(t, alert.Options{Every: time.Hour}), receive(t, 500)
	id := s.spike(t, webhook(r.URL))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	await(t, func() bool { return len(r.calls()) == 1 && s.last(t).Tries == 1 })
	s.moveTo(noon.Add(time.Minute))
	if err := s.Test(t.Context(), id); err != nil { // wakes it
		t.Fatal(err)
	}
	await(t, func() bool { return len(r.calls()) == 3 })
	cancel()
	<-done
}

// What is broken off at the stop is no try, and made after the next start.
func TestATryThatIsBrokenOffIsNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	called := make(chan struct{})
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		called <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(hooks.Close)
	s.spike(t, webhook(hooks.URL))
	s.Look(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-called
		cancel()
	}()
	if err := s.Send(ctx); err != nil {
		t.Fatal(err)
	}
	if n := s.last(t); n.State != pkgmeter.NoticeWaiting || n.Tries != 0 || n.Error != "" {
		t.Errorf("%+v", n.Notice)
	}
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to that")
		}
	}
}
