package ddp_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// countSent registers methods that count how often the end of their results is
// told: one for each way in which a call can end.
func countSent(f *fixture) *atomic.Int64 {
	var told atomic.Int64
	method := func(name string, answer func(*ddp.Call) (any, error)) {
		f.Method(name, func(_ context.Context, c *ddp.Call) (any, error) {
			c.OnSent(func() { told.Add(1) })
			return answer(c)
		})
	}
	method("told", func(*ddp.Call) (any, error) { return string(make([]byte, 100_000)), nil })
	method("toldSmall", func(*ddp.Call) (any, error) { return 1, nil })
	method("toldNothing", func(*ddp.Call) (any, error) { return nil, nil }) //nolint:nilnil // as it says
	method("toldRefusal", func(*ddp.Call) (any, error) { return nil, ddp.ErrMatchFailed })
	method("toldError", func(*ddp.Call) (any, error) { return nil, errors.New("inside") })
	method("toldPanic", func(*ddp.Call) (any, error) { panic("inside") })
	method("toldUnencodable", func(*ddp.Call) (any, error) { return func() {}, nil })
	method("toldClose", func(c *ddp.Call) (any, error) { c.Session.Close(); return 1, nil })
	method("toldTwice", func(c *ddp.Call) (any, error) {
		c.OnSent(func() { told.Add(100) })
		return 1, nil
	})
	return &told
}

func TestEveryEndOfACallIsToldOnce(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int64{
		"told": 1, "toldSmall": 1, "toldNothing": 1, "toldRefusal": 1, "toldError": 1, "toldPanic": 1, "toldUnencodable": 1, "toldTwice": 101,
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			f := serve(t, ddp.Options{})
			told := countSent(f)
			w := f.connected(t)
			w.send(`{"msg":"method","id":"1","method":"` + method + `"}`)
			w.next()
			w.want(`{"msg":"updated","methods":["1"]}`) // written after the result, by the same goroutine
			if n := told.Load(); n != want {
				t.Errorf("told %d, want %d", n, want)
			}
			w.conn.CloseNow()
			eventually(t, "the session is gone", func() bool { return f.Stats().Sessions == 0 })
			if n := told.Load(); n != want {
				t.Errorf("told %d after the session, want %d", n, want)
			}
		})
	}
}

func TestACallWhoseSessionIsClosedFirstIsToldOnce(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	told := countSent(f)
	w := f.connected(t)
	w.send(`{"msg":"method","id":"1","method":"toldClose"}`)
	w.wantClose(websocket.StatusNormalClosure)
	eventually(t, "told", func() bool { return told.Load() == 1 })
}

func TestAResultIsNotToldBeforeItIsWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, ddp.Options{}, func(t *testing.T, f *fixture, dialWS func(string) *wire) {
		told := countSent(f)
		w := dialWS("/websocket")
		w.send(connect1)
		w.want(`{"msg":"connected","session":"…"}`)
		w.conn.SetReadLimit(1 << 20)
		w.send(`{"msg":"method","id":"1","method":"told"}`)
		synctest.Wait()
		if n := told.Load(); n != 0 {
			t.Errorf("told %d while the client had read nothing", n)
		}
		w.next()
		synctest.Wait()
		if n := told.Load(); n != 1 {
			t.Errorf("told %d after the client had read", n)
		}
		w.want(`{"msg":"updated","methods":["1"]}`)
		_ = w.conn.Close(websocket.StatusNormalClosure, "")
	})
}

// TestResultsThatNobodyReadsAreToldWhenTheSessionEnds has three results wait,
// one of them half written, and ends the session in every way there is.
func TestResultsThatNobodyReadsAreToldWhenTheSessionEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *fixture, w *wire){
		"the client goes":       func(_ *fixture, w *wire) { w.conn.CloseNow() },
		"the write is given up": func(*fixture, *wire) { time.Sleep(3 * time.Minute) },
		"the server closes":     func(f *fixture, _ *wire) { f.Sessions()[0].Close(); time.Sleep(time.Minute) },
		"the server stops": func(f *fixture, _ *wire) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = f.Shutdown(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, ddp.Options{}, func(t *testing.T, f *fixture, dialWS func(string) *wire) {
				told := countSent(f)
				w := dialWS("/websocket")
				w.send(connect1)
				w.want(`{"msg":"connected","session":"…"}`)
				for _, id := range []string{"1", "2", "3"} {
					w.send(`{"msg":"method","id":"` + id + `","method":"told"}`)
				}
				synctest.Wait()
				if n := told.Load(); n != 0 {
					t.Errorf("told %d before", n)
				}
				end(f, w)
				synctest.Wait()
				if n := told.Load(); n != 3 {
					t.Errorf("told %d, want 3", n)
				}
				w.conn.CloseNow()
			})
		})
	}
}

func TestASlowReadersResultsAreToldWhenItIsClosed(t *testing.T) {
	t.Parallel()
	inBubble(t, ddp.Options{MaxUnread: 150_000}, func(t *testing.T, f *fixture, dialWS func(string) *wire) {
		told := countSent(f)
		f.Method("toldAtOnce", func(_ context.Context, c *ddp.Call) (any, error) {
			c.Unblock()
			c.OnSent(func() { told.Add(1) })
			<-f.gate
			return string(make([]byte, 60_000)), nil
		})
		w := dialWS("/websocket")
		w.send(connect1)
		w.want(`{"msg":"connected","session":"…"}`)
		for _, id := range []string{"1", "2", "3", "4"} {
			w.send(`{"msg":"method","id":"` + id + `","method":"toldAtOnce"}`)
		}
		synctest.Wait()
		close(f.gate)
		synctest.Wait()
		if n := f.Stats().Slow; n != 1 {
			t.Fatalf("Stats().Slow = %d", n)
		}
		w.conn.CloseNow()
		synctest.Wait()
		if n := told.Load(); n != 4 {
			t.Errorf("told %d, want 4", n)
		}
	})
}

func TestResultsForAPollAreToldWhenItIsAnswered(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	told := countSent(f)
	p := f.poller(t, "abc")
	p.send(connect1)
	p.want(`{"msg":"connected","session":"…"}`)
	p.send(`{"msg":"method","id":"1","method":"toldSmall"}`, `{"msg":"method","id":"2","method":"toldSmall"}`)
	eventually(t, "both have run", func() bool { return f.Stats().Sent == 5 })
	if n := told.Load(); n != 0 {
		t.Errorf("told %d before the poll", n)
	}
	p.want(`{"msg":"result","id":"1","result":1}`, `{"msg":"updated","methods":["1"]}`,
		`{"msg":"result","id":"2","result":1}`, `{"msg":"updated","methods":["2"]}`)
	eventually(t, "both are told", func() bool { return told.Load() == 2 })
}

func TestResultsThatNobodyPollsAreTold(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *fixture){
		"the session is given up": func(*fixture) {},
		"the server closes it":    func(f *fixture) { f.Sessions()[0].Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(ddp.Options{})
				told := countSent(f)
				connect, _ := json.Marshal([]string{connect1})
				post(t, f, "xhr", "")
				post(t, f, "xhr_send", string(connect))
				post(t, f, "xhr_send", `["{\"msg\":\"method\",\"id\":\"1\",\"method\":\"toldSmall\"}"]`)
				synctest.Wait()
				if n := told.Load(); n != 0 {
					t.Errorf("told %d before", n)
				}
				end(f)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if n := told.Load(); n != 1 {
					t.Errorf("told %d, want 1", n)
				}
				if err := f.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
