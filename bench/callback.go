package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
)

const (
	rounds   = 3
	measured = 4 * time.Second
	settle   = 500 * time.Millisecond // before each measurement

	// primed is how long a server gets events before anything is measured:
	// nearly all names are known then, as they are to a server that has run for
	// a day.
	primed = 3 * time.Second
)

// mainConnections is where the goal for durable rates is set. With fewer, a
// commit has fewer events, and the disk decides.
const mainConnections = 256

// ours is the program, among the peers.
const ours = "callback"

// contest is one comparison of the program with its peers.
type contest struct {
	connections int
	vsAppend    string // goals of the ratios to the peers
	vsNoop      string
}

// callback measures the rate of durable webhooks beside its peers.
func (b *bench) callback(ctx context.Context) error {
	for _, c := range []contest{
		{mainConnections, ">=0.85", ">=0.75"},
		{64, "-", ">=0.60"},
		{16, "-", ">=0.35"},
	} {
		if err := b.contest(ctx, c); err != nil {
			return fmt.Errorf("%d connections: %w", c.connections, err)
		}
	}
	return b.acks(ctx)
}

// acks measures how long senders wait for an answer when 1,000 events come each
// second, whatever became of those before.
func (b *bench) acks(ctx context.Context) (err error) {
	p, stop, err := b.variant(ctx, ours)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := b.prime(ctx, p, mainConnections); err != nil {
		return err
	}
	r, err := b.load(ctx, load.Config{Address: p.addr, Senders: 64, Rate: 1000, Open: true, Warm: settle, Duration: 5 * measured, Seed: 2})
	if err != nil {
		return err
	}
	b.comment("1,000 events/s, open loop, for %v", 5*measured)
	b.print("ack_p99_ms_1000", float64(r.P99us)/1000, "<=5")
	b.print("ack_p50_ms_1000", float64(r.P50us)/1000, "-")
	return nil
}

// contest lets the variants run in turn. Each round gives a ratio of what was
// seconds apart, and the median of the rounds counts.
func (b *bench) contest(ctx context.Context, c contest) (err error) {
	variants := []string{ours, noop, appendOnly}
	servers := map[string]*process{}
	for _, v := range variants {
		p, stop, err := b.variant(ctx, v)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		servers[v] = p
		if err := b.prime(ctx, p, c.connections); err != nil {
			return err
		}
	}
	rates, ratios, costs := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range rounds {
		for _, v := range variants {
			before := servers[v].used()
			r, err := b.load(ctx, load.Config{Address: servers[v].addr, Senders: c.connections, Warm: settle, Duration: measured, Seed: 1})
			if err != nil {
				return fmt.Errorf("%s: %w", v, err)
			}
			rate := r.Rate
			// Of the warm-up too: it has the same rate.
			costs[v] = append(costs[v], (servers[v].used()-before).Seconds()/(rate*(settle+measured).Seconds()))
			rates[v] = append(rates[v], rate)
			ratios[v] = append(ratios[v], rates[ours][len(rates[ours])-1]/rate)
		}
	}
	name := "callback_vs_append"
	if c.connections != mainConnections {
		name = fmt.Sprintf("%s_%d", name, c.connections)
	}
	b.print(name, median(ratios[appendOnly]), c.vsAppend)
	b.print(fmt.Sprintf("callback_vs_noop_%d", c.connections), median(ratios[noop]), c.vsNoop)
	if c.connections == mainConnections {
		b.print("callback_cpu_vs_noop", median(costs[noop])/median(costs[ours]), ">=0.70")
	}
	for _, v := range variants {
		b.print(fmt.Sprintf("%s_events_per_s_%d", v, c.connections), median(rates[v]), "-")
	}
	return nil
}

// variant starts the program or a peer on an empty folder.
func (b *bench) variant(ctx context.Context, name string) (p *process, stop func() error, err error) {
	dir, err := os.MkdirTemp(b.dir, name)
	if err != nil {
		return nil, nil, err
	}
	if name == ours {
		p, err = b.serve(ctx, dir, time.Time{})
	} else {
		p, err = launch(ctx, []string{peerEnv + "=" + name, peerDir + "=" + dir}, b.self)
	}
	if err != nil {
		return nil, nil, err
	}
	return p, func() error { return errors.Join(p.stop(), os.RemoveAll(dir)) }, nil
}

// prime lets a server get to know the names.
func (b *bench) prime(ctx context.Context, p *process, connections int) error {
	_, err := b.load(ctx, load.Config{Address: p.addr, Senders: connections, Warm: settle, Duration: primed, Seed: 1})
	return err
}

// load runs a load in another process. Every request has to be acknowledged.
func (b *bench) load(ctx context.Context, c load.Config) (r load.Result, err error) {
	cmd, err := load.Command(ctx, b.self, c)
	if err != nil {
		return r, err
	}
	text, err := cmd.Output()
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if r.Refused > 0 || r.Broken > 0 || r.Acked == 0 {
		return r, fmt.Errorf("not every request was acknowledged: %+v", r)
	}
	return r, nil
}
