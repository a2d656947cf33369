package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// searchRounds is how often each search is put, after a first time.
const searchRounds = 5

// search measures searches over HTTP, with the series of what they find: names as
// they are typed, from the first character on, several words, and what is nowhere.
func (b *bench) search(ctx context.Context, dir string, v volume) (err error) {
	p, err := b.serve(ctx, dir, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began := time.Now()
	if err := p.find(ctx, "a"); err != nil {
		return err
	}
	b.comment("the first search, which waits for the counts of names: %s", time.Since(began).Round(time.Millisecond))
	texts := searchTexts()
	var all []float64
	took := map[string][]float64{}
	used := p.used()
	for range searchRounds {
		for _, text := range texts {
			began := time.Now()
			if err := p.find(ctx, text); err != nil {
				return err
			}
			ms := time.Since(began).Seconds() * 1e3
			all, took[text] = append(all, ms), append(took[text], ms)
		}
	}
	slices.Sort(all)
	used = p.used() - used
	slices.SortFunc(texts, func(a, b string) int { return cmp.Compare(median(took[b]), median(took[a])) })
	for _, text := range texts[:5] {
		b.comment("%6.1f ms  %.40q", median(took[text]), text)
	}
	b.comment("%d searches, %d times each, of %.1f ms of processor time; %.0f MB resident", len(texts), searchRounds, used.Seconds()*1e3/float64(len(all)), p.memory())
	b.print("search_p50_ms"+v.suffix, all[len(all)/2], "-")
	b.print("search_p99_ms"+v.suffix, all[len(all)*99/100], "<=30")
	return nil
}

// searchTexts lists what is searched for.
func searchTexts() []string {
	texts := []string{"a", "e", "-", ".", "1.0", "jar", ".jar", "maven", "pypi", "curl", "releases", "com.", "zzzz", "no such name", strings.Repeat("a", 200)}
	f := newFilling().entries
	for _, i := range []int{0, 40, 5_000, 100_000, 199_999} {
		name := path.Base(f[i].File.Name)
		for n := 1; n <= min(len(name), 12); n++ {
			texts = append(texts, name[:n])
		}
		texts = append(texts, f[i].File.Name, f[i].File.Package, strings.ReplaceAll(name, "-", " "))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func (p *process) find(ctx context.Context, text string) error {
	_, err := p.get(ctx, "/api/v1/search?"+url.Values{"q": {text}, "limit": {fmt.Sprint(topSize)}}.Encode())
	return err
}
