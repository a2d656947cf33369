package web

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"golang.org/x/sync/errgroup"
)

// Bounds of the questions of one page: how many are asked at a time, and how
// long all of them may take.
const (
	atOnce   = 4
	pageTime = 10 * time.Second
)

var errSlowPage = pkgmeter.Errorf(pkgmeter.Unavailable, "the page takes too long: ask for a shorter range, or try again")

// inTime runs f with the deadline of a page.
func inTime(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pageTime, errSlowPage)
	defer cancel()
	err := f(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errSlowPage) {
		return errSlowPage
	}
	return err
}

// A task asks one question of a page and keeps the answer where no other task
// writes.
type task func(ctx context.Context) error

// together runs tasks that do not need each other's answers.
func together(ctx context.Context, tasks ...task) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, t := range tasks {
		g.Go(func() error { return t(ctx) })
	}
	return g.Wait()
}

// totals asks for what q lets pass in all.
func (w *Web) totals(to *pkgmeter.Totals, q pkgmeter.Query) task {
	return func(ctx context.Context) (err error) {
		*to, err = w.Stats.Totals(ctx, q)
		return err
	}
}

func (w *Web) series(to *pkgmeter.Series, q pkgmeter.Query, grain pkgmeter.Grain) task {
	return func(ctx context.Context) (err error) {
		*to, err = w.Stats.Series(ctx, q, grain)
		return err
	}
}

func (w *Web) split(to *pkgmeter.Series, q pkgmeter.Query, grain pkgmeter.Grain, by pkgmeter.Key) task {
	return func(ctx context.Context) (err error) {
		*to, err = w.Stats.Split(ctx, q, grain, by)
		return err
	}
}

func (w *Web) top(to *pkgmeter.TopList, q pkgmeter.Query, by pkgmeter.Key, limit int) task {
	return func(ctx context.Context) (err error) {
		*to, err = w.Stats.Top(ctx, q, by, pkgmeter.Page{Limit: limit})
		return err
	}
}

func (w *Web) uploads(to *pkgmeter.Uploads, q pkgmeter.Query, limit int) task {
	return func(ctx context.Context) (err error) {
		*to, err = w.Stats.Uploads(ctx, q, limit)
		return err
	}
}

// tools are the calls of the API that answer what a panel shows, "" for none.
type tools struct{ CSV, JSON string }

// maxURL is the longest address of a tool: proxies refuse longer ones.
const maxURL = 8000

// newTools returns the calls for a question of the API, such as top, with the
// days and filters of the page.
func (w *Web) newTools(question string, wanted wish, more ...param) tools {
	v := url.Values{}
	if wanted.From != 0 {
		v.Set("from", wanted.From.String())
	}
	if wanted.To != 0 {
		v.Set("to", wanted.To.String())
	}
	wanted.Extra = nil
	for _, p := range append(wanted.kept(), more...) {
		v.Add(p.Name, p.Value)
	}
	call := w.Base + "/api/v1/" + question + "?" + v.Encode()
	if len(call) > maxURL {
		return tools{}
	}
	return tools{CSV: call + "&format=csv", JSON: call}
}
