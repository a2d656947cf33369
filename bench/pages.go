package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pkgmeter/pkgmeter/internal/api"
)

// The contest of pages.
const (
	pagesEvents     = 1_000_000 // of the invented year
	pagesEventsFull = 5_000_000
	pageRounds      = 100
	paints          = 9
)

// pages measures how fast the pages of an invented year are made, and when a
// browser has painted the overview.
func (b *bench) pages(ctx context.Context, events int) (err error) {
	dir := filepath.Join(b.dir, "pages")
	began := time.Now()
	out, err := exec.CommandContext(ctx, b.bin, "demo", "--data", dir, "--events", strconv.Itoa(events)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("demo: %w: %s", err, out)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.comment("%d invented events in %s", events, time.Since(began).Round(time.Second))
	p, err := b.serve(ctx, dir, time.Time{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	paths, err := pagePaths(ctx, p)
	if err != nil {
		return err
	}
	var all []float64
	for _, path := range paths {
		var took []float64
		for range pageRounds + 1 {
			began := time.Now()
			if _, err := p.get(ctx, path); err != nil {
				return err
			}
			took = append(took, time.Since(began).Seconds()*1e3)
		}
		b.comment("%6.1f ms, the first time %.1f: %s", median(took[1:]), took[0], path)
		all = append(all, took[1:]...)
	}
	slices.Sort(all)
	b.print("page_p50_ms", all[len(all)/2], "-")
	b.print("page_p99_ms", all[len(all)*99/100], "<=50")
	return b.firstPaint(ctx, p)
}

// pagePaths lists the pages, with ranges and filters that readers use.
func pagePaths(ctx context.Context, p *process) ([]string, error) {
	body, err := p.get(ctx, "/api/v1/top?by=package&limit=1")
	if err != nil {
		return nil, err
	}
	var top api.Top
	if err := json.Unmarshal(body, &top); err != nil || len(top.Items) != 1 {
		return nil, fmt.Errorf("no package in %s: %w", body, err)
	}
	purl := url.QueryEscape(top.Items[0].Key)
	return []string{
		"/", "/stats", "/stats?days=7", "/stats?days=365", "/stats?days=all", "/stats?days=365&class=ci", "/stats?days=365&type=maven&measure=hits",
		"/stats?days=90&client=pip", "/stats?days=365&package=" + purl, "/stats?days=365&os=linux", "/stats?days=365&country=DE", "/stats?days=365&consumer=payments",
		"/stats/package?package=" + purl, "/stats/package?days=365&package=" + purl, "/stats/rules", "/stats/badges",
	}, nil
}

// firstPaint measures when a browser has painted the overview for the first
// time, from the start of the navigation on.
func (b *bench) firstPaint(ctx context.Context, p *process) error {
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.comment("no chromium: the first paint is not measured")
		return nil
	}
	profile, err := os.MkdirTemp(b.dir, "browser")
	if err != nil {
		return err
	}
	ctx, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile), chromedp.Flag("disable-background-networking", true))...)
	defer stop()
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	var took []float64
	for range paints {
		if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate("http://"+p.addr+"/stats")); err != nil {
			return err
		}
		const painted = `(performance.getEntriesByName("first-contentful-paint")[0] || {startTime: 0}).startTime`
		ms, err := chromedp.Run(ctx, chromedp.Poll[float64](painted))
		if err != nil {
			return err
		}
		took = append(took, ms)
	}
	b.print("first_paint_ms", median(took), "<=1000")
	return nil
}
