package demo

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// A request is one event in the making.
type request struct {
	atMS    int64 // since the day began
	file    int32
	op      pkgmeter.Op
	flags   pkgmeter.Flags
	status  int
	bytes   int64
	agent   string
	country string

	consumer string
}

// traffic draws the requests of one day after the other. What it returns is
// valid until the next day.
type traffic struct {
	rng      *rand.Rand
	registry *registry
	clients  [len(clients)][]float64 // running sums of their weights

	quota    int           // of the day that is drawn
	until    time.Duration // time of day of the last event that may be
	share    float64       // of the day that lies before until
	requests []request
	lines    []float64   // running sums of popularity
	adoption [][]float64 // of each line, running sums; nil before its first release
}

func newTraffic(rng *rand.Rand, c *registry) *traffic {
	t := &traffic{rng: rng, registry: c, adoption: make([][]float64, len(c.lines))}
	for layout, list := range clients {
		sum := 0.0
		for _, c := range list {
			sum += c.weight
			t.clients[layout] = append(t.clients[layout], sum)
		}
	}
	return t
}

// day draws exactly quota requests of a day, in the order of their time.
func (t *traffic) day(day, quota int, until time.Duration) []request {
	t.quota, t.until, t.share = quota, until, shareBefore(until)
	t.requests = t.requests[:0]
	if quota == 0 {
		return nil
	}
	t.weigh(day)
	t.uploads(day)
	for len(t.requests) < quota {
		t.session(day)
	}
	slices.SortStableFunc(t.requests, func(a, b request) int { return int(a.atMS - b.atMS) })
	return t.requests
}

// weigh brings popularity and adoption up to a day.
func (t *traffic) weigh(day int) {
	t.lines = t.lines[:0]
	sum := 0.0
	for rank := range t.registry.lines {
		l := &t.registry.lines[rank]
		sums, any := l.adoption(day, t.adoption[rank])
		t.adoption[rank] = sums
		if any {
			sum += l.popularity(rank, day)
		}
		t.lines = append(t.lines, sum)
	}
}

// uploads publishes the releases of a day. Of a day with few requests they
// take at most a quarter: a small demo is about downloads nevertheless.
func (t *traffic) uploads(day int) {
	for _, l := range t.registry.lines {
		for _, r := range l.releases {
			if r.day != day || len(t.requests)+len(r.files) > t.quota/4 {
				continue
			}
			at := t.moment()
			agent := choose(t.rng, publishers[l.layout])
			for _, id := range r.files {
				t.add(request{file: id, op: pkgmeter.Upload, status: http.StatusCreated, bytes: t.registry.files[id].bytes, agent: agent, country: "DE"}, at)
				at += 300 * time.Millisecond
			}
		}
	}
}

// session is one client that fetches one release.
func (t *traffic) session(day int) {
	rank := pick(t.rng, t.lines)
	burst := isBurst(day) && t.rng.Float64() < 0.7
	if burst {
		rank = 0
	}
	l := &t.registry.lines[rank]
	r := l.releases[pick(t.rng, t.adoption[rank])]
	c := &flood
	if !burst {
		c = &clients[l.layout][pick(t.rng, t.clients[l.layout])]
	}
	agent, country := choose(t.rng, c.agents), choose(t.rng, c.countries)
	consumer := t.consumer(rank, c)
	at := t.moment()
	for _, s := range c.steps {
		if t.rng.Float64() >= s.chance {
			continue
		}
		t.fetch(request{file: r.files[s.part], op: s.op, agent: agent, country: country, consumer: consumer}, at)
		at += time.Duration(20+t.rng.IntN(400)) * time.Millisecond
	}
}

// consumer is the team of a session. Each package has a few teams that use it;
// mirrors, bots and scripts belong to nobody.
func (t *traffic) consumer(rank int, c *client) string {
	const named, users = 0.8, 4
	if !c.team || t.rng.Float64() > named {
		return ""
	}
	return teams[(rank*5+t.rng.IntN(users)*t.rng.IntN(users))%len(teams)]
}

// fetch gives a request its answer. Most succeed; listings are often not
// modified, some large files come in two parts, and a few requests fail.
func (t *traffic) fetch(r request, at time.Duration) {
	const large = 10_000_000
	f := &t.registry.files[r.file]
	r.status, r.bytes = http.StatusOK, f.bytes
	u := t.rng.Float64()
	switch {
	case u < 0.003:
		r.status, r.bytes = http.StatusForbidden, 0
	case u < 0.004:
		r.status, r.bytes = http.StatusServiceUnavailable, 0
	case r.op == pkgmeter.Head:
		r.bytes = 0
	case f.facts.Kind == pkgmeter.Index && u < 0.4:
		r.status, r.bytes = http.StatusNotModified, 0
	case f.bytes > large && u < 0.03:
		first := r.bytes / 10 * int64(1+t.rng.IntN(9))
		rest := r
		rest.status, rest.bytes = http.StatusPartialContent, r.bytes-first
		r.status, r.bytes, r.flags = http.StatusPartialContent, first, pkgmeter.FromZero
		t.add(r, at)
		t.add(rest, at+3*time.Second)
		return
	}
	t.add(r, at)
}

// add keeps a request, if there is room for it.
func (t *traffic) add(r request, at time.Duration) {
	if len(t.requests) < t.quota {
		r.atMS = min(at, t.until).Milliseconds()
		t.requests = append(t.requests, r)
	}
}

// moment draws a time of day.
func (t *traffic) moment() time.Duration { return timeOfShare(t.rng.Float64() * t.share) }

func choose(rng *rand.Rand, list []string) string { return list[rng.IntN(len(list))] }
