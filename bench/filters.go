package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// askings is how often each question is put, after a first time.
const askings = 7

// A filtered is a question with a filter, and what was answered.
type filtered struct {
	path   string // of the interface, behind /api/v1/
	params url.Values
	set    url.Values // those of params that filter
	by     string
	span   int
	total  pkgmeter.Measures
	items  map[string]pkgmeter.Measures
	points map[string]pkgmeter.Measures // by the key of a line, "" where it is not split
	took   []float64                    // ms
}

// filters measures every filter of the interface, alone and with others, in
// every form of question, and compares the answers with a plain sum over the
// ledger.
func (b *bench) filters(ctx context.Context, dir string, v volume) error {
	all := filterQuestions()
	p, err := b.serve(ctx, dir, after)
	if err != nil {
		return err
	}
	if err = p.ready(ctx); err == nil {
		err = askAll(ctx, p, all)
	}
	if err := errors.Join(err, p.stop()); err != nil {
		return err
	}
	var times []float64
	for _, q := range all {
		times = append(times, q.took...)
	}
	slices.Sort(times)
	slices.SortFunc(all, func(a, b *filtered) int { return cmp.Compare(median(b.took), median(a.took)) })
	for _, q := range all[:8] {
		b.comment("%6.1f ms  %s?%s", median(q.took), q.path, q.params.Encode())
	}
	b.comment("%d questions, %d times each", len(all), askings)
	b.print("filters_p50_ms"+v.suffix, times[len(times)/2], "-")
	b.print("filters_p99_ms"+v.suffix, times[len(times)*99/100], "<=50")
	if !b.thorough {
		b.comment("their answers are compared with a plain sum over the ledger by -only store and -full")
		return nil
	}
	began := time.Now()
	if err := recompute(ctx, dir, all); err != nil {
		return err
	}
	b.comment("all answers equal a plain sum over the ledger, which took %s", time.Since(began).Round(time.Second))
	return nil
}

// spans are all time, all but a day, and a month across two.
var spans = [...][2]pkgmeter.Day{{firstDay, lastDay}, {firstDay + 1, lastDay}, {lastDay - 40, lastDay - 11}}

// filterQuestions puts each filter, with values of many and of few events, to
// each form of question, over each span.
func filterQuestions() []*filtered {
	sets := []url.Values{
		{"repository": {"releases"}},
		{"type": {"maven"}},
		{"type": {"generic", "pypi"}},
		{"kind": {"primary"}},
		{"kind": {"metadata", "checksum"}},
		{"legacy_type": {"jar"}},
		{"class": {"ci"}},
		{"class": {"human", "unknown"}},
		{"class": {"human", "ci", "mirror", "bot", "unknown"}},
		{"client": {"maven"}},
		{"client": {"pip"}},
		{"client": {"curl", "(none)", "(other)"}},
		{"class": {"ci"}, "client": {"pip", "npm"}},
		{"repository": {"releases"}, "class": {"mirror"}},
		{"type": {"maven"}, "kind": {"primary"}, "client": {"gradle"}},
	}
	f := newFilling().entries
	for _, i := range []int{0, 40, 5_000} {
		sets = append(sets, url.Values{"package": {f[i].File.Package}}, url.Values{"file": {f[i].File.Name}}, url.Values{"version": {f[i].File.Version}})
	}
	sets = append(sets,
		url.Values{"package": {f[0].File.Package}, "class": {"human"}},
		url.Values{"package": {f[0].File.Package, f[40].File.Package}, "client": {"pip"}})
	var all []*filtered
	for _, set := range sets {
		for i, span := range spans {
			add := func(path, by string, more ...string) {
				q := &filtered{path: path, set: set, by: by, span: i, params: url.Values{"from": {span[0].String()}, "to": {span[1].String()}}}
				for k, v := range set {
					q.params[k] = v
				}
				for i := 0; i < len(more); i += 2 {
					q.params.Set(more[i], more[i+1])
				}
				all = append(all, q)
			}
			add("totals", "")
			add("series", "")
			add("series", "class", "split", "class")
			for _, by := range pkgmeter.KeyNames() {
				if !slices.Contains(undivided, by) {
					add("top", by, "by", by)
				}
			}
		}
	}
	return all
}

// undivided are keys by which no event here is told from another; most filters do
// not go with them.
var undivided = []string{pkgmeter.ByCountry.String(), pkgmeter.BySource.String(), pkgmeter.ByConsumer.String()}

func askAll(ctx context.Context, p *process, all []*filtered) error {
	for round := range askings + 1 {
		for _, q := range all {
			began := time.Now()
			body, err := p.get(ctx, "/api/v1/"+q.path+"?"+q.params.Encode())
			if err != nil {
				return err
			}
			if round == 0 {
				if err := q.keep(body); err != nil {
					return fmt.Errorf("%s?%s: %w", q.path, q.params.Encode(), err)
				}
				continue
			}
			q.took = append(q.took, time.Since(began).Seconds()*1e3)
		}
	}
	return nil
}

// keep reads an answer.
func (q *filtered) keep(body []byte) error {
	type point struct {
		Day string `json:"day"`
		pkgmeter.Measures
	}
	var a struct {
		pkgmeter.Measures
		Total *pkgmeter.Measures `json:"total"`
		Items []struct {
			Key string `json:"key"`
			pkgmeter.Measures
		} `json:"items"`
		Points []point `json:"points"`
		Series []struct {
			Key    string  `json:"key"`
			Points []point `json:"points"`
		} `json:"series"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return err
	}
	q.items, q.points = map[string]pkgmeter.Measures{}, map[string]pkgmeter.Measures{}
	q.total = a.Measures
	if a.Total != nil {
		q.total = *a.Total
	}
	for _, it := range a.Items {
		q.items[it.Key] = it.Measures
	}
	for _, p := range a.Points {
		q.point("", p.Day, p.Measures)
	}
	for _, l := range a.Series {
		for _, p := range l.Points {
			q.point(l.Key, p.Day, p.Measures)
		}
	}
	return nil
}

// point keeps a point that is not zero, and sums the points up.
func (q *filtered) point(key, day string, m pkgmeter.Measures) {
	if m.Hits > 0 {
		q.points[key+" "+day] = m
		q.total.Add(m)
	}
}
