package ddp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

func TestAnUnblockedMethodLetsTheNextPass(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"slowUnblocked"}`, `{"msg":"method","id":"2","method":"slowUnblocked"}`)
	w.alive()
	f.gate <- struct{}{}
	f.gate <- struct{}{}
	got := map[string]bool{}
	for range 4 {
		got[w.next()] = true
	}
	for _, frame := range []string{`{"msg":"result","id":"1","result":"slept"}`, `{"msg":"updated","methods":["2"]}`} {
		if !got[frame] {
			t.Errorf("%s is not among %v", frame, got)
		}
	}
	w.alive()
}

func TestOneMessageAtATimeAlsoAfterOneHasUnblocked(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	first, second := make(chan struct{}), make(chan struct{})
	f.Method("first", func(_ context.Context, c *ddp.Call) (any, error) {
		c.Unblock()
		<-first
		return nil, nil //nolint:nilnil // it returns nothing
	})
	f.Method("second", func(context.Context, *ddp.Call) (any, error) {
		<-second
		return nil, nil //nolint:nilnil // it returns nothing
	})
	serveFixture(t, f)
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"first"}`, `{"msg":"method","id":"2","method":"second"}`, `{"msg":"method","id":"3","method":"nothing"}`)
	eventually(t, "both run", func() bool { return f.Stats().Calls == 2 })
	close(first)
	w.want(`{"msg":"result","id":"1"}`, `{"msg":"updated","methods":["1"]}`)
	// Were the queue open now, the third would answer before this ping does
	// twice.
	for range 2 {
		time.Sleep(10 * time.Millisecond)
		w.send(`{"msg":"ping"}`)
		w.want(`{"msg":"pong"}`)
	}
	close(second)
	w.want(`{"msg":"result","id":"2"}`, `{"msg":"updated","methods":["2"]}`, `{"msg":"result","id":"3"}`, `{"msg":"updated","methods":["3"]}`)
}

func TestSessionsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	a, b := f.connected(t), f.connected(t)
	a.send(`{"msg":"method","id":"1","method":"slow"}`)
	eventually(t, "it runs", func() bool { return f.Stats().Calls == 1 })
	b.alive()
	close(f.gate)
	a.want(`{"msg":"result","id":"1","result":"slept"}`, `{"msg":"updated","methods":["1"]}`)
}

func TestMessageIDsMayBeUsedAgainAndComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	for _, id := range []string{`"1"`, `"1"`, `""`, `"\ud800"`, `"é\u0000\""`, `"😀"`} {
		w.send(`{"msg":"method","id":` + id + `,"method":"nothing"}`)
		if got := w.next(); got != `{"msg":"result","id":`+id+`}` {
			t.Errorf("got %s", got)
		}
		if got := w.next(); got != `{"msg":"updated","methods":[`+id+`]}` {
			t.Errorf("got %s", got)
		}
	}
}

func TestHoldDelaysUpdatedButNotTheResult(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	release := make(chan func(), 1)
	f.Method("hold", func(_ context.Context, c *ddp.Call) (any, error) {
		c.Hold()() // held and released at once: no matter
		release <- c.Hold()
		return 1, nil
	})
	serveFixture(t, f)
	w := f.connected(t)
	w.send(`{"msg":"method","id":"h","method":"hold"}`)
	w.want(`{"msg":"result","id":"h","result":1}`)
	w.alive()
	done := <-release
	done()
	done() // once is enough
	w.want(`{"msg":"updated","methods":["h"]}`)
	w.alive()
}

func TestSessionsKnowTheirUserAndValues(t *testing.T) {
	t.Parallel()
	type agentKey struct{}
	f := serve(t, ddp.Options{OnOpen: func(s *ddp.Session, r *http.Request) { s.SetValue(agentKey{}, r.UserAgent()) }})
	before := time.Now().Add(-time.Minute)
	w := dial(t, f.url("ws", "/websocket"), &websocket.DialOptions{HTTPHeader: http.Header{"User-Agent": {"Meteor/1.2"}}})
	w.send(connect1)
	w.want(`{"msg":"connected","session":"…"}`)
	other := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"whoami"}`, `{"msg":"method","id":"2","method":"login","params":["alice"]}`,
		`{"msg":"method","id":"3","method":"whoami"}`)
	w.want(`{"msg":"result","id":"1","result":""}`, `{"msg":"updated","methods":["1"]}`,
		`{"msg":"result","id":"2","result":{"id":"alice"}}`, `{"msg":"updated","methods":["2"]}`,
		`{"msg":"result","id":"3","result":"alice"}`, `{"msg":"updated","methods":["3"]}`)
	other.send(`{"msg":"method","id":"1","method":"whoami"}`)
	other.want(`{"msg":"result","id":"1","result":""}`, `{"msg":"updated","methods":["1"]}`)
	found := 0
	for _, s := range f.Sessions() {
		if s.UserID() != "alice" {
			continue
		}
		found++
		if s.Value(agentKey{}) != "Meteor/1.2" || s.Value("x") != nil {
			t.Errorf("values: %v, %v", s.Value(agentKey{}), s.Value("x"))
		}
		if !strings.HasPrefix(s.RemoteAddr(), "127.0.0.1:") || s.Started().Before(before) || len(s.ID()) != 17 {
			t.Errorf("address %s, started %s, id %s", s.RemoteAddr(), s.Started(), s.ID())
		}
	}
	if found != 1 || len(f.Sessions()) != 2 {
		t.Errorf("%d of %d sessions are alice's", found, len(f.Sessions()))
	}
}

func TestASessionThatAMethodClosesGivesNoAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"nothing"}`, `{"msg":"method","id":"2","method":"hangUp"}`, `{"msg":"method","id":"3","method":"nothing"}`)
	w.want(`{"msg":"result","id":"1"}`, `{"msg":"updated","methods":["1"]}`)
	w.wantClose(websocket.StatusNormalClosure)
	if n := f.Stats().Calls; n != 2 {
		t.Errorf("%d calls: what came after the close was run", n)
	}
}

func TestTheContextOfAMethodEndsWithItsSession(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"slow"}`, `{"msg":"method","id":"2","method":"nothing"}`)
	eventually(t, "it runs", func() bool { return f.Stats().Calls == 1 })
	w.conn.CloseNow() // Shutdown, in the cleanup, would wait for ever
	eventually(t, "the session ends", func() bool { return f.Stats().Sessions == 0 })
}

func TestErrorsOfMethodsReachTheClientOnlyIfMeantFor(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	const hidden = `"error":{"isClientSafe":true,"error":500,"reason":"Internal server error","message":"Internal server error [500]","errorType":"Meteor.Error"}}`
	for method, want := range map[string]string{
		"refuse": `"error":{"isClientSafe":true,"error":401,"reason":"Not you.","details":{"at":{"$date":5}},"message":"Not you. [401]","errorType":"Meteor.Error"}}`,
		"keys":   `"result":null}`, "leak": hidden, "panic": hidden, "unencodable": hidden, "badDetails": hidden, "badCode": hidden,
	} {
		w.send(`{"msg":"method","id":"1","method":"` + method + `"}`)
		w.want(`{"msg":"result","id":"1",`+want, `{"msg":"updated","methods":["1"]}`)
	}
	for _, params := range []string{`[1]`, `["a"]`, `[{},{}]`, `[{"a":"b"}]`, `[[]]`, `[{"$date":1}]`} {
		w.send(`{"msg":"method","id":"1","method":"keys","params":` + params + `}`)
		w.want(`{"msg":"result","id":"1","error":{"isClientSafe":true,"error":400,"reason":"Match failed","message":"Match failed [400]","errorType":"Meteor.Error"}}`,
			`{"msg":"updated","methods":["1"]}`)
	}
	for _, want := range []string{"secret of the house", "name=leak", "name=panic", "name=unencodable", "name=badDetails", "name=badCode"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if strings.Contains(f.log.String(), "refuse") {
		t.Error("an error that was meant for the client is in the log")
	}
}

func TestShutdownLetsRunningMethodsAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	idle, busy, opening, framed := f.connected(t), f.connected(t), f.raw(t), dial(t, f.url("ws", "/sockjs/0/x/websocket"), nil)
	if got := framed.next(); got != "o" {
		t.Fatalf("got %q", got)
	}
	busy.send(sub("s", "unblocked"), `{"msg":"method","id":"1","method":"slow"}`, `{"msg":"method","id":"2","method":"slow"}`)
	busy.want(`{"msg":"ready","subs":["s"]}`)
	eventually(t, "it runs", func() bool { return f.Stats().Calls == 1 && f.Stats().Sessions == 4 })
	done := make(chan error)
	go func() { done <- f.Shutdown(t.Context()) }()
	idle.wantClose(websocket.StatusGoingAway)
	opening.wantClose(websocket.StatusGoingAway)
	if got := framed.next(); got != `c[3000,"Go away!"]` {
		t.Errorf("SockJS got %q", got)
	}
	framed.wantClose(3000)
	if _, resp, err := websocket.Dial(t.Context(), f.url("ws", "/websocket"), nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new session: %v", err)
	}
	select {
	case err := <-done:
		t.Fatalf("Shutdown returned %v before the method", err)
	default:
	}
	close(f.gate)
	busy.want(`{"msg":"result","id":"1","result":"slept"}`, `{"msg":"updated","methods":["1"]}`)
	busy.wantClose(websocket.StatusGoingAway)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.Stats().Calls; n != 1 {
		t.Errorf("%d calls: a waiting one was begun", n)
	}
}

func TestShutdownCutsWhatDoesNotEndInTime(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"slow"}`)
	eventually(t, "it runs", func() bool { return f.Stats().Calls == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v", err)
	}
	if _, err := w.read(); err == nil {
		t.Error("the connection is still there")
	}
}

func TestRegisteringANameTwiceOrNoneOrALongOnePanics(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	for _, name := range []string{"echo", "", strings.Repeat("x", 201)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Method(%q) did not panic", name)
				}
			}()
			f.Method(name, nil)
		}()
	}
}

func TestOneClientMayComeFromAnyOrigin(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := dial(t, f.url("ws", "/websocket"), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}})
	w.send(connect1)
	w.want(`{"msg":"connected","session":"…"}`)
}
