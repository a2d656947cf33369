// Package load sends webhook deliveries to a server and writes down, in a file
// of its own, what it was about to send and what it was answered. The file is
// an oracle: whoever tests the server compares the store with it.
//
// It is meant to run in another process than the server (see [Command] and
// [Main]) and to be cheap, as the two share a machine. The loop is closed, unless
// [Config.Open] is set: each sender waits for its answer before it sends again,
// so latencies say how long an answer took, not how long a client of a busy
// server would have waited.
//
// It does not know the server's code, where or how events are stored, nor
// whether an answer was right. It speaks just enough HTTP/1.1 for answers with
// a Content-Length.
package load

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what to send. It travels to another process as JSON.
type Config struct {
	Address string // host:port of the server
	Path    string // default /callback
	Senders int    // connections, each with one request at a time; default 1

	// The load ends after Duration, or when Count events were begun, whichever
	// comes first of those that are set. With neither it ends with the context.
	Duration time.Duration
	Count    int64

	// Rate bounds the events per second of all senders together; what a slow
	// answer made late is not caught up. 0: as fast as answers come.
	Rate float64

	// Open makes a load of a Rate an open one: what a slow answer made late is
	// caught up, and latencies count from when an event was due. There have to be
	// so many senders that some are free while others wait.
	Open bool

	// Warm is how long the load runs before anything is measured, beside
	// Duration.
	Warm time.Duration

	// Plain is the share of events that go without an id, 0 to 1. Such an event
	// is never sent twice. One with an id is sent until it is answered.
	Plain float64

	// Again is the share of answered events with an id that are sent once more.
	Again float64

	Names   int    // how many file names there are; default 10,000
	NoTime  bool   // send no timestamps
	Seed    uint64 // of all choices
	Process string // first part of all ids; default random
	Oracle  string // path of the oracle file, which is appended to; "" writes none

	// GiveUpIn is how long after the end of the load events with an id are
	// still sent if their outcome is unknown. Default 10 seconds.
	GiveUpIn time.Duration
}

func (c Config) withDefaults() Config {
	c.Path = cmp.Or(c.Path, "/callback")
	c.Senders = cmp.Or(c.Senders, 1)
	c.Names = cmp.Or(c.Names, 10_000)
	c.GiveUpIn = cmp.Or(c.GiveUpIn, 10*time.Second)
	if c.Process == "" {
		c.Process = strings.ToLower(rand.Text()[:10])
	}
	if c.Count == 0 {
		c.Count = math.MaxInt64
	}
	return c
}

// Result is what a load achieved after its warm-up.
type Result struct {
	Requests int64 `json:"requests"` // that had an answer, or a broken connection
	Acked    int64 `json:"acked"`    // answered 2xx
	Refused  int64 `json:"refused"`  // answered anything else
	Broken   int64 `json:"broken"`   // whose connection died before the answer

	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"`   // acked per second
	P50us   int64   `json:"p50_us"` // of acked requests, microseconds
	P99us   int64   `json:"p99_us"`
}

// A run is one load under way.
type run struct {
	c      Config
	paths  []string
	oracle *oracle
	begun  atomic.Int64 // events that senders began

	from time.Time // nothing that ended before is measured
}

// Run sends until c says that it is enough or ctx ends; then requests under way
// are waited for. The error says what kept the load from being meaningful: a
// dead server is none.
func Run(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults()
	if c.Address == "" || c.Plain < 0 || c.Plain > 1 {
		return Result{}, errors.New("load: want an address, and a share of plain events from 0 to 1")
	}
	r := &run{c: c, paths: Paths(c.Names)}
	if c.Oracle != "" {
		var err error
		if r.oracle, err = openOracle(c.Oracle); err != nil {
			return Result{}, err
		}
	}
	r.from = time.Now().Add(c.Warm)
	if c.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Warm+c.Duration)
		defer cancel()
	}
	result, err := r.all(ctx)
	return result, errors.Join(err, r.oracle.close())
}

// all runs the senders and sums up what they saw.
func (r *run) all(ctx context.Context) (Result, error) {
	senders := make([]*sender, r.c.Senders)
	errs := make([]error, len(senders))
	var wg sync.WaitGroup
	for i := range senders {
		s := newSender(r, i)
		senders[i] = s
		wg.Go(func() { errs[i] = s.run(ctx) })
	}
	wg.Wait()
	var sum Result
	var h histogram
	last := r.from
	for _, s := range senders {
		sum.Acked += s.seen[Acked]
		sum.Refused += s.seen[Refused]
		sum.Broken += s.seen[Unknown]
		h.add(&s.latency)
		if s.last.After(last) {
			last = s.last
		}
	}
	sum.Requests = sum.Acked + sum.Refused + sum.Broken
	if sum.Seconds = last.Sub(r.from).Seconds(); sum.Seconds > 0 {
		sum.Rate = float64(sum.Acked) / sum.Seconds
	}
	sum.P50us, sum.P99us = h.quantile(0.50), h.quantile(0.99)
	if err := errors.Join(errs...); err != nil {
		return sum, fmt.Errorf("load: %w", err)
	}
	return sum, nil
}
