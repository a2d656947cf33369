package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/load"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A volume is the size of a store: events without ids over 365 days.
type volume struct {
	events int
	suffix string // of the names of its figures
	top    string // goals
	start  string
	rss    string
}

var (
	million10  = volume{10_000_000, "", "<=10", "-", "-"}
	million100 = volume{100_000_000, "_100M", "<=60", "<=1000", "<=300"}
)

// The year lies fixed and across months, as the last 365 days mostly do. Names
// follow Zipf's law such that 10 million events touch about 198,500 files in 4
// million (day, file) cells.
const (
	days  = 365
	files = 200_000
	zipfS = 1.1
	zipfV = 20
	batch = 4096
)

var (
	firstDay = pkgmeter.DayOf(time.Date(2025, 3, 15, 0, 0, 0, 0, time.UTC))
	lastDay  = firstDay + days - 1
	after    = lastDay.End().Add(pkgmeter.Settling + time.Hour) // when every day is closed
)

// filling is the making of a store.
type filling struct {
	store *sqlite.Store
	clock atomic.Int64 // Unix milliseconds
	packs pkgmeter.Day // the first day that is not packed yet

	entries []pkgmeter.Entry // one a file
	agents  []agent
	zipf    *rand.Zipf
	rng     *rand.Rand
}

// fill makes a store of so many events in dir, as a server would in a year:
// events in order of time, days packed as they close. It returns the rate.
func fill(ctx context.Context, dir string, events int) (c filled, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, err
	}
	f := newFilling()
	f.set(firstDay.Start())
	f.store, err = sqlite.Open(ctx, dir, sqlite.Options{Rule: rule.Number, Now: f.now})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.store.Close()) }()
	began := time.Now()
	mark, used := began, usedBy(os.Getpid())
	for at := 0; at < events; at += batch {
		if err := f.write(ctx, at, min(batch, events-at), events); err != nil {
			return c, err
		}
		if (at+batch)%million < batch {
			now, nowUsed := time.Now(), usedBy(os.Getpid())
			c.seconds, c.used = append(c.seconds, now.Sub(mark).Seconds()), append(c.used, (nowUsed-used).Seconds())
			mark, used = now, nowUsed
		}
	}
	f.set(after)
	if err := f.tidy(ctx); err != nil {
		return c, err
	}
	c.perSecond = float64(events) / time.Since(began).Seconds()
	return c, nil
}

const million = 1_000_000

// filled is what filling a store took.
type filled struct {
	perSecond     float64
	seconds, used []float64 // for each million: by the clock, and of processor time
}

// print prints the rate, and what the last ten millions cost beside the second to
// the eleventh: in the first one all names are new.
func (c filled) print(b *bench, suffix string) {
	b.print("fill_events_per_s"+suffix, c.perSecond, "-")
	const some = 10
	n := len(c.seconds)
	if n < 2*some+1 {
		return
	}
	ratio := func(of []float64) float64 { return sum(of[n-some:]) / sum(of[1:1+some]) }
	b.print(fmt.Sprintf("flat_1_to_%dM", n), ratio(c.seconds), "<=1.15")
	b.print(fmt.Sprintf("flat_cpu_1_to_%dM", n), ratio(c.used), "-")
}

func sum(of []float64) (s float64) {
	for _, v := range of {
		s += v
	}
	return s
}

func newFilling() *filling {
	rng := rand.New(rand.NewPCG(1, 2))
	f := &filling{packs: firstDay, rng: rng, zipf: rand.NewZipf(rng, zipfS, zipfV, files-1)}
	repositories := []string{"releases", "snapshots", "mirror", "plugins", "thirdparty"}
	for i, path := range load.Paths(files) {
		f.entries = append(f.entries, rule.Default().Apply(pkgmeter.Event{
			Source: "bench", Repository: repositories[i%len(repositories)], Path: path,
			Time: firstDay.Start(), Status: 200, Bytes: 1_000 + rng.Int64N(5_000_000),
		}))
	}
	f.agents = newAgents()
	return f
}

// An agent is a client in one of its versions.
type agent struct {
	text   string
	client pkgmeter.Client
}

// newAgents returns a hundred agents, one a part of a hundred: clients of every
// class, and of some 20 names, on every file.
func newAgents() []agent {
	var all []agent
	for _, c := range []struct {
		parts  int
		format string // of one number
	}{
		{22, "Apache-Maven/3.9.%d (Java 21.0.5; Linux 6.8.0)"},
		{10, "Gradle/8.%d (Linux;6.8.0;amd64) (Eclipse Adoptium;21.0.5;21.0.5+11-LTS)"},
		{12, `pip/24.%d {"ci":true,"cpu":"x86_64","python":"3.12.7","system":{"name":"Linux"}}`},
		{8, `pip/24.%d {"ci":null,"cpu":"arm64","python":"3.12.7","system":{"name":"Darwin"}}`},
		{5, `uv/0.5.%d {"installer":{"name":"uv"},"python":"3.12.7","ci":true}`},
		{5, "npm/10.9.%d node/v22.12.0 linux x64 workspaces/false ci/github-actions"},
		{4, "npm/10.8.%d node/v20.18.0 darwin arm64 workspaces/false"},
		{3, "curl/8.%d.0"},
		{2, "Wget/1.21.%d"},
		{3, "Mozilla/5.0 (X11; Linux x86_64; rv:13%d.0) Gecko/20100101 Firefox/133.0"},
		{4, "Artifactory/7.98.%d"},
		{3, "Nexus/3.74.%d-05 (PRO; Linux; 5.15.0; amd64; 17.0.13)"},
		{2, "bandersnatch/6.6.%d (cpython 3.12.7-final0, Linux x86_64)"},
		{2, "renovate/39.42.%d"},
		{2, "Trivy/0.58.%d"},
		{3, "docker/27.%d.0 go/go1.22.7 git-commit/1 kernel/6.8.0 os/linux arch/amd64"},
		{2, "Composer/2.8.%d (Linux; 6.8.0; PHP 8.3.14; cURL 8.5.0; CI)"},
		{3, "no-such-program/1.%d"},
		{5, ""},
	} {
		for i := range c.parts {
			text := c.format
			if text != "" {
				text = fmt.Sprintf(text, i)
			}
			all = append(all, agent{text, rule.Default().Client(text, 0)})
		}
	}
	return all
}

func (f *filling) now() time.Time       { return time.UnixMilli(f.clock.Load()).UTC() }
func (f *filling) set(moment time.Time) { f.clock.Store(moment.UnixMilli()) }

// write stores n events from number at on, out of so many in the year.
func (f *filling) write(ctx context.Context, at, n, events int) error {
	year := lastDay.End().Sub(firstDay.Start())
	d := &pkgmeter.Delivery{Entries: make([]pkgmeter.Entry, n)}
	for i := range d.Entries {
		e := &d.Entries[i]
		*e = f.entries[f.zipf.Uint64()]
		who := &f.agents[f.rng.IntN(len(f.agents))]
		e.Event.Agent, e.Client = who.text, who.client
		share := float64(at+i) / float64(events)
		e.Event.Time = firstDay.Start().Add(time.Duration(share * float64(year))).Truncate(time.Millisecond)
	}
	d.Received = d.Entries[n-1].Event.Time
	f.set(d.Received)
	if err := f.store.Write(ctx, []*pkgmeter.Delivery{d}); err != nil {
		return err
	}
	if d.New != n {
		return fmt.Errorf("%d of %d events are new", d.New, n)
	}
	if f.now().Before(f.packs.End().Add(pkgmeter.Settling)) {
		return nil
	}
	f.packs = pkgmeter.DayOf(f.now().Add(-pkgmeter.Settling))
	return f.tidy(ctx)
}

// tidy does what a server does beside its commits.
func (f *filling) tidy(ctx context.Context) error {
	return errors.Join(f.store.Pack(ctx), f.store.Checkpoint(ctx))
}
