package load

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// firstPause is the pause after a connection could not be made or died; it
// doubles up to maxPause. Short, as rigs restart their server again and again.
const (
	firstPause = 2 * time.Millisecond
	maxPause   = 50 * time.Millisecond
)

// A sender is one connection that sends one event after another.
type sender struct {
	of     *run
	rng    *rand.Rand
	zipf   *rand.Zipf
	client client
	pace   time.Duration // from the begin of an event to that of the next; 0: none
	next   time.Time     // begin of the next event, where there is a pace
	due    time.Time     // when this event should have begun, in an open loop

	request, line []byte

	seen    [outcomes]int64
	latency histogram
	last    time.Time // end of the last measured request
}

// An event is one that may have to be sent again.
type event struct {
	key   string // names it in the oracle; its id, unless it is plain
	plain bool
	path  string
}

func newSender(r *run, i int) *sender {
	rng := rand.New(rand.NewPCG(r.c.Seed, uint64(i)))
	s := &sender{
		of: r, rng: rng, client: client{address: r.c.Address},
		zipf: rand.NewZipf(rng, zipfS, zipfV, uint64(len(r.paths)-1)),
	}
	if r.c.Rate > 0 {
		s.pace = time.Duration(float64(r.c.Senders) / r.c.Rate * float64(time.Second))
		s.next = time.Now().Add(time.Duration(rng.Int64N(int64(s.pace) + 1)))
	}
	return s
}

// run sends until the load ends, and then a while longer what has an unknown
// outcome. Its error is the oracle's: without an oracle there is no load.
func (s *sender) run(ctx context.Context) error {
	late, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.of.c.GiveUpIn, giveUp) })()
	defer s.client.close()
	for s.wait(ctx) {
		n := s.of.begun.Add(1)
		if n > s.of.c.Count {
			return nil
		}
		e := s.event(n)
		times := 1
		if !e.plain && s.rng.Float64() < s.of.c.Again {
			times = 2
		}
		for range times {
			if err := s.deliver(ctx, late, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait holds the sender to its pace. It returns false at the end of the load.
func (s *sender) wait(ctx context.Context) bool {
	if s.pace > 0 {
		if !sleep(ctx, time.Until(s.next)) {
			return false
		}
		s.due, s.next = s.next, s.next.Add(s.pace)
		if now := time.Now(); !s.of.c.Open && s.next.Before(now) {
			s.next = now
		}
	}
	return ctx.Err() == nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// event makes event number n of this process.
func (s *sender) event(n int64) event {
	e := event{path: s.of.paths[s.zipf.Uint64()]}
	e.plain = s.of.c.Plain > 0 && s.rng.Float64() < s.of.c.Plain
	first := s.of.c.Process
	if e.plain {
		first = plainKey
	}
	s.line = strconv.AppendInt(append(append(s.line[:0], first...), '-'), n, 10)
	e.key = string(s.line)
	return e
}

// deliver sends e: once if it is plain, and else until its outcome is known, or
// late ends. What was never sent is not begun after ctx has ended.
func (s *sender) deliver(ctx, late context.Context, e event) error {
	s.request = appendRequest(s.request[:0], &s.of.c, e)
	pause, connect := firstPause, ctx
	for {
		for s.client.connect(connect) != nil {
			if !sleep(connect, pause) {
				return nil
			}
			pause = min(2*pause, maxPause)
		}
		o, status, err := s.try(e)
		if err != nil || e.plain || o == Acked || o == Refused && !passing(status) {
			return err
		}
		connect = late // from here on the outcome is worth some patience
		if !sleep(late, pause) {
			return nil
		}
		pause = min(2*pause, maxPause)
	}
}

// passing reports whether a refusal may turn into something else.
func passing(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// try sends e once over the connection that stands.
func (s *sender) try(e event) (o Outcome, status int, err error) {
	if err := s.write(intended, e.key, 0); err != nil {
		return Unknown, 0, err
	}
	began := time.Now()
	status, failed := s.client.do(s.request, began)
	ended := time.Now()
	o = outcomeOf(status, failed)
	if ended.After(s.of.from) {
		s.seen[o]++
		s.last = ended
		if o == Acked {
			if s.of.c.Open {
				began = s.due
			}
			s.latency.observe(ended.Sub(began))
		}
	}
	return o, status, s.write(signs[o], e.key, status)
}

func (s *sender) write(sign byte, key string, status int) error {
	if s.of.oracle == nil {
		return nil
	}
	s.line = appendLine(s.line[:0], sign, key, status)
	return s.of.oracle.write(s.line)
}

// outcomeOf returns what an answer says about the event. Only a refusal says
// that nothing was stored; after 500 and the like nobody knows.
func outcomeOf(status int, failed error) Outcome {
	switch {
	case failed != nil:
		return Unknown
	case status >= 200 && status <= 299:
		return Acked
	case status >= 500 && status != http.StatusServiceUnavailable:
		return Unknown
	default:
		return Refused
	}
}
