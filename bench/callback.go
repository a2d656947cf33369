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
	warm     = time.Second
	measured = 4 * time.Second
)

// ours is the program, among the peers.
const ours = "callback"

// callback measures the rate of durable webhooks beside its peers. What the
// variants are compared in lies seconds apart: each round gives a ratio, and
// the median of the rounds counts.
func (b *bench) callback(ctx context.Context) error {
	for _, at := range []struct {
		connections int
		peers       []string
		goal        string // of the ratio to noop
	}{
		{256, []string{noop, appendOnly}, ">=0.75"},
		{64, []string{noop}, ">=0.60"},
		{16, []string{noop}, ">=0.35"},
	} {
		rates := map[string][]float64{}
		ratios := map[string][]float64{}
		for range rounds {
			mine, err := b.rate(ctx, ours, at.connections)
			if err != nil {
				return err
			}
			rates[ours] = append(rates[ours], mine)
			for _, peer := range at.peers {
				rate, err := b.rate(ctx, peer, at.connections)
				if err != nil {
					return err
				}
				rates[peer] = append(rates[peer], rate)
				ratios[peer] = append(ratios[peer], mine/rate)
			}
		}
		if r := ratios[appendOnly]; r != nil {
			b.print("callback_vs_append", median(r), ">=0.85")
		}
		b.print(fmt.Sprintf("callback_vs_noop_%d", at.connections), median(ratios[noop]), at.goal)
		for _, variant := range append([]string{ours}, at.peers...) {
			b.print(fmt.Sprintf("%s_events_per_s_%d", variant, at.connections), median(rates[variant]), "-")
		}
	}
	return nil
}

// rate starts a variant on an empty folder and returns how many events a second
// it acknowledges.
func (b *bench) rate(ctx context.Context, variant string, connections int) (rate float64, err error) {
	dir, err := os.MkdirTemp(b.dir, variant)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var p *process
	if variant == ours {
		p, err = b.serve(ctx, dir, time.Time{})
	} else {
		p, err = launch(ctx, []string{peerEnv + "=" + variant, peerDir + "=" + dir}, b.self)
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	cmd, err := load.Command(ctx, b.self, load.Config{
		Address: p.addr, Senders: connections, Warm: warm, Duration: measured, Seed: 1,
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
		return 0, fmt.Errorf("%s at %d connections: %+v", variant, connections, r)
	}
	return r.Rate, nil
}
