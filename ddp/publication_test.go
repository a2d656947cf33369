package ddp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pkgmeter/pkgmeter/ddp"
)

const (
	addedOne = `{"msg":"added","collection":"things","id":"x","fields":{"a":1,"b":{"$date":7}}}`
	removedX = `{"msg":"removed","collection":"things","id":"x"}`
)

func sub(id, name string) string {
	return `{"msg":"sub","id":"` + id + `","name":"` + name + `"}`
}

func unsub(id string) string { return `{"msg":"unsub","id":"` + id + `"}` }

func TestMergedDocumentsFollowTheFirstPublisherOfEachMember(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(sub("1", "one"), sub("2", "two"), sub("3", "same"))
	w.want(addedOne, `{"msg":"ready","subs":["1"]}`,
		`{"msg":"changed","collection":"things","id":"x","fields":{"c":3}}`, `{"msg":"ready","subs":["2"]}`,
		`{"msg":"ready","subs":["3"]}`)

	// What a later publisher says of a member that it does not own is kept back.
	if err := f.sub(t, "two", 0).Changed("things", "x", map[string]any{"a": 22, "d": 4}); err != nil {
		t.Fatal(err)
	}
	w.want(`{"msg":"changed","collection":"things","id":"x","fields":{"d":4}}`)
	// The first to say "c" keeps it, though it came second to the document.
	if err := f.sub(t, "one", 0).Changed("things", "x", map[string]any{"c": 33}); err != nil {
		t.Fatal(err)
	}
	w.alive()

	w.send(unsub("1")) // a: to "two", which said 22; b: to "same", unchanged
	w.want(`{"msg":"changed","collection":"things","id":"x","fields":{"a":22}}`, `{"msg":"nosub","id":"1"}`)
	w.send(unsub("2")) // a: to "same"; c and d: nobody
	w.want(`{"msg":"changed","collection":"things","id":"x","fields":{"a":1},"cleared":["c","d"]}`, `{"msg":"nosub","id":"2"}`)
	w.send(unsub("3"))
	w.want(removedX, `{"msg":"nosub","id":"3"}`)
}

func TestSubscriptionsOfDifferentSessionsDoNotMeet(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	a, b := f.connected(t), f.connected(t)
	for _, w := range []*wire{a, b} {
		w.send(sub("1", "one"))
		w.want(addedOne, `{"msg":"ready","subs":["1"]}`)
	}
	a.send(unsub("1"))
	a.want(removedX, `{"msg":"nosub","id":"1"}`)
	b.alive()
}

func TestUnsubscribingTakesBackWhatNobodyElsePublishes(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(sub("1", "five"))
	for i := range 5 {
		w.want(fmt.Sprintf(`{"msg":"added","collection":"counts","id":"c%d","fields":{"n":%d}}`, i, i))
	}
	w.want(`{"msg":"ready","subs":["1"]}`)
	w.send(sub("1", "one"), sub("2", "five"), unsub("1")) // the id is taken: the first is ignored
	w.want(`{"msg":"ready","subs":["2"]}`, `{"msg":"nosub","id":"1"}`)
	w.send(unsub("2"))
	for i := range 5 {
		w.want(fmt.Sprintf(`{"msg":"removed","collection":"counts","id":"c%d"}`, i))
	}
	w.want(`{"msg":"nosub","id":"2"}`)
	w.send(unsub("2"), `{"msg":"unsub"}`, `{"msg":"unsub","id":7}`, sub("2", "empty"))
	w.want(`{"msg":"nosub","id":"2"}`, `{"msg":"nosub"}`, `{"msg":"nosub","id":7}`, `{"msg":"ready","subs":["2"]}`)
}

func TestAPublicationThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	const hidden = `"error":{"isClientSafe":true,"error":500,"reason":"Internal server error","message":"Internal server error [500]","errorType":"Meteor.Error"}}`
	w.send(sub("1", "refuse"), sub("2", "leak"), sub("3", "panic"))
	w.want(`{"msg":"nosub","id":"1","error":{"isClientSafe":true,"error":403,"reason":"Not yours.","message":"Not yours. [403]","errorType":"Meteor.Error"}}`,
		`{"msg":"added","collection":"things","id":"gone","fields":{}}`, `{"msg":"removed","collection":"things","id":"gone"}`,
		`{"msg":"nosub","id":"2",`+hidden, `{"msg":"nosub","id":"3",`+hidden)
	w.alive()
	for _, want := range []string{"secret of the house", "in=publication name=leak", "ddp: panic", "in=publication name=panic"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, f.log)
		}
	}
}

func TestPublishersAreToldOfTheirMistakesAndClientsAreNot(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{MaxFrame: 10_000})
	w := f.connected(t)
	w.send(sub("1", "one"))
	w.want(addedOne, `{"msg":"ready","subs":["1"]}`)
	s := f.sub(t, "one", 0)
	for name, err := range map[string]error{
		"added twice":         s.Added("things", "x", nil),
		"empty id":            s.Added("things", "", nil),
		"empty collection":    s.Added("", "y", nil),
		"fields no object":    s.Added("things", "y", []int{1}),
		"a name with dollar":  s.Added("things", "y", map[string]any{"$set": 1}),
		"fields like a date":  s.Added("things", "y", map[string]any{"$date": 1}),
		"unencodable":         s.Added("things", "y", map[string]any{"f": func() {}}),
		"too large":           s.Added("things", "y", map[string]any{"s": strings.Repeat("x", 10_000)}),
		"too large in all":    s.Added("things", "y", map[string]any{"s": strings.Repeat("x", 9_500)}),
		"changed not added":   s.Changed("things", "y", map[string]any{"a": 1}),
		"removed not added":   s.Removed("things", "y"),
		"changed, bad fields": s.Changed("things", "x", 5),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := s.Ready(); err != nil { // the second time
		t.Error(err)
	}
	// Nothing changes: nothing is sent.
	if err := s.Changed("things", "x", map[string]any{"a": 1, "_id": "z"}, "nosuch"); err != nil {
		t.Error(err)
	}
	w.alive()
	if err := s.Changed("things", "x", ddp.Raw(` {"a":1, "n":{"a":[1,"}"]}, "a":2 } `), "b", "n"); err != nil {
		t.Error(err)
	}
	w.want(`{"msg":"changed","collection":"things","id":"x","fields":{"a":2,"n":{"a":[1,"}"]}},"cleared":["b"]}`)
	if err := s.Removed("things", "x"); err != nil {
		t.Error(err)
	}
	w.want(removedX)
}

func TestAStoppedSubscriptionIsSilent(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(sub("1", "one"))
	w.want(addedOne, `{"msg":"ready","subs":["1"]}`)
	s := f.sub(t, "one", 0)
	var stops int
	s.OnStop(func() { stops++ })
	s.Stop(&ddp.Error{Code: "over", Reason: "Enough."})
	w.want(removedX, `{"msg":"nosub","id":"1","error":{"isClientSafe":true,"error":"over","reason":"Enough.","message":"Enough. [over]","errorType":"Meteor.Error"}}`)
	s.Stop(nil)
	for _, err := range []error{s.Added("things", "y", nil), s.Changed("things", "x", nil), s.Removed("things", "x"), s.Ready()} {
		if !errors.Is(err, ddp.ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
	}
	late := 0
	s.OnStop(func() { late++ })
	if stops != 1 || late != 1 {
		t.Errorf("OnStop ran %d and %d times", stops, late)
	}
	w.send(sub("1", "one")) // the id is free again
	w.want(addedOne, `{"msg":"ready","subs":["1"]}`)
}

func TestASessionsEndStopsItsSubscriptions(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(sub("1", "one"), sub("2", "unblocked"))
	w.want(addedOne, `{"msg":"ready","subs":["1"]}`, `{"msg":"ready","subs":["2"]}`)
	stopped, closed := make(chan struct{}), make(chan struct{})
	s := f.sub(t, "one", 0)
	s.OnStop(func() { close(stopped) })
	s.Session.OnClose(func() { close(closed) })
	w.conn.CloseNow()
	<-stopped
	<-closed
	now := false
	s.Session.OnClose(func() { now = true })
	if !now {
		t.Error("OnClose after the end did not run")
	}
	if err := s.Added("things", "y", nil); !errors.Is(err, ddp.ErrStopped) {
		t.Errorf("Added after the end: %v", err)
	}
	eventually(t, "no subscription is left", func() bool { return f.Stats().Subscriptions == 0 && f.Stats().Sessions == 0 })
}

func TestPublicationsMayWaitAndMayUnblock(t *testing.T) {
	t.Parallel()
	f := serve(t, ddp.Options{})
	w := f.connected(t)
	w.send(sub("1", "unblocked"))
	w.want(`{"msg":"ready","subs":["1"]}`)
	w.send(sub("2", "slow"), `{"msg":"ping"}`)
	w.want(`{"msg":"pong"}`)
	w.send(unsub("1")) // waits behind "slow"
	f.gate <- struct{}{}
	w.want(`{"msg":"ready","subs":["2"]}`, `{"msg":"nosub","id":"1"}`)
}

func TestUnsubscribingEndsTheContextOfAPublication(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	ended := make(chan struct{})
	f.Publish("lasting", func(ctx context.Context, s *ddp.Subscription) error {
		context.AfterFunc(ctx, func() { close(ended) })
		return s.Ready()
	})
	serveFixture(t, f)
	w := f.connected(t)
	w.send(sub("1", "lasting"), unsub("1"))
	w.want(`{"msg":"ready","subs":["1"]}`, `{"msg":"nosub","id":"1"}`)
	<-ended
	w.alive()
}

// TestEveryClientOfAPublicationSeesOneHistory lets goroutines change documents
// while subscriptions come and go, and replays the frames in a model of the
// client, which must never be told what it cannot apply.
func TestEveryClientOfAPublicationSeesOneHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(ddp.Options{})
	var mu sync.Mutex // one history: publisher state and the sends of it
	live := map[*ddp.Subscription]bool{}
	state := map[string]int{}
	f.Publish("board", func(_ context.Context, s *ddp.Subscription) error {
		mu.Lock()
		defer mu.Unlock()
		for id, n := range state {
			if err := s.Added("board", id, map[string]any{"n": n}); err != nil {
				return err
			}
		}
		live[s] = true
		s.OnStop(func() {
			mu.Lock()
			defer mu.Unlock()
			delete(live, s)
		})
		return s.Ready()
	})
	write := func(id string, n int) {
		mu.Lock()
		defer mu.Unlock()
		_, known := state[id]
		for s := range live {
			var err error
			switch {
			case n == 0 && known:
				err = s.Removed("board", id)
			case n != 0 && known:
				err = s.Changed("board", id, map[string]any{"n": n})
			case n != 0:
				err = s.Added("board", id, map[string]any{"n": n})
			}
			if err != nil && !errors.Is(err, ddp.ErrStopped) {
				t.Errorf("publish: %v", err)
			}
		}
		if state[id] = n; n == 0 {
			delete(state, id)
		}
	}
	serveFixture(t, f)
	var writers sync.WaitGroup
	for g := range 4 {
		writers.Go(func() {
			for i := range 300 {
				write(fmt.Sprint("d", (g+i*7)%9), i%5)
			}
		})
	}
	var wires []*wire
	for range 5 {
		wires = append(wires, f.connected(t))
	}
	var clients sync.WaitGroup
	models := make([]map[string]string, len(wires))
	for i, w := range wires {
		clients.Go(func() {
			for k := range 20 {
				w.send(sub(fmt.Sprint("a", k), "board"), sub(fmt.Sprint("b", k), "board"), unsub(fmt.Sprint("a", k)))
				if k < 19 {
					w.send(unsub(fmt.Sprint("b", k)))
				}
			}
			writers.Wait()
			w.send(`{"msg":"method","id":"end","method":"nothing"}`)
			models[i] = replay(t, w)
		})
	}
	clients.Wait()
	for i, model := range models {
		if len(model) != len(state) {
			t.Errorf("client %d ends with %v, want %v", i, model, state)
		}
		for id, n := range state {
			if model[id] != fmt.Sprintf(`{"n":%d}`, n) {
				t.Errorf("client %d: %s is %s, want n %d", i, id, model[id], n)
			}
		}
	}
}

// replay reads to the result of the call "end" and applies what comes, as a
// client does that throws at anything impossible.
func replay(t *testing.T, w *wire) map[string]string {
	docs := map[string]string{}
	for {
		frame, err := w.read()
		if err != nil {
			t.Errorf("replay: %v", err)
			return docs
		}
		var m struct {
			Msg, ID string
			Fields  json.RawMessage
			Cleared []string
		}
		if err := json.Unmarshal([]byte(frame), &m); err != nil {
			t.Errorf("replay %s: %v", frame, err)
			return docs
		}
		_, known := docs[m.ID]
		switch m.Msg {
		case "added":
			if known {
				t.Errorf("added twice: %s", m.ID)
			}
			docs[m.ID] = string(m.Fields)
		case "changed":
			if !known || m.Cleared != nil {
				t.Errorf("impossible: %s", frame)
			}
			docs[m.ID] = string(m.Fields)
		case "removed":
			if !known {
				t.Errorf("removed, not there: %s", m.ID)
			}
			delete(docs, m.ID)
		case "result":
			return docs
		case "error":
			t.Errorf("%s", frame)
		}
	}
}
