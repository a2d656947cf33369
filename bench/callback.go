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
		if _, err := b.rate(ctx, p, c.connections, primed); err != nil {
			return err
		}
	}
	rates, ratios := map[string][]float64{}, map[string][]float64{}
	for range rounds {
		for _, v := range variants {
			rate, err := b.rate(ctx, servers[v], c.connections, measured)
			if err != nil {
				return fmt.Errorf("%s: %w", v, err)
			}
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

// rate returns how many events a second a server acknowledges.
func (b *bench) rate(ctx context.Context, p *process, connections int, d time.Duration) (float64, error) {
	cmd, err := load.Command(ctx, b.self, load.Config{
		Address: p.addr, Senders: connections, Warm: settle, Duration: d, Seed: 1,
	})
	if err != nil {
		return 0, err
	}
	text, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	var r load.Result
	if err := json.Unmarshal(text, &r); err != nil {
		return 0, err
	}
	if r.Refused > 0 || r.Broken > 0 || r.Acked == 0 {
		return 0, fmt.Errorf("not every request was acknowledged: %+v", r)
	}
	return r.Rate, nil
}
