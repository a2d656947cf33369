package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/api"
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
	if _, err := p.find(ctx, "a"); err != nil {
		return err
	}
	b.comment("the first search, which waits for the counts of names: %s", time.Since(began).Round(time.Millisecond))
	texts := searchTexts()
	var all []float64
	slowest := map[string]float64{}
	for range searchRounds {
		for _, text := range texts {
			began := time.Now()
			if _, err := p.find(ctx, text); err != nil {
				return err
			}
			ms := time.Since(began).Seconds() * 1e3
			all, slowest[text] = append(all, ms), max(slowest[text], ms)
		}
	}
	slices.Sort(all)
	slices.SortFunc(texts, func(a, b string) int { return int(1e3 * (slowest[b] - slowest[a])) })
	for _, text := range texts[:5] {
		b.comment("%6.1f ms at most: %q", slowest[text], text)
	}
	b.comment("%d searches, %d times each; %.0f MB resident", len(texts), searchRounds, p.memory())
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

func (p *process) find(ctx context.Context, text string) (found api.Search, err error) {
	body, err := p.get(ctx, "/api/v1/search?"+url.Values{"q": {text}, "limit": {fmt.Sprint(topSize)}}.Encode())
	if err == nil {
		err = json.Unmarshal(body, &found)
	}
	return found, err
}
