package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"golang.org/x/term"
)

type mirrorCmd struct {
	URL  string `arg:"" help:"The other package server, e.g. https://packages.example.com."`
	Once bool   `help:"End when everything is copied, instead of following what changes there."`
}

type mirrorArgs struct {
	URL  string `json:"url"`
	Once bool   `json:"once"`
}

// mirroring is the one mirror that runs in this process, and how far it is.
type mirroring struct {
	mu    sync.Mutex
	url   string // of the one that runs; empty for none
	state mirrorState
}

// mirrorState is how far a mirror is, as it is told to another process.
type mirrorState struct {
	Records  [pkgmeter.Collections]int `json:"records"` // that came
	Bytes    int64                     `json:"bytes"`
	Skipped  int                       `json:"skipped"` // could not be read
	Sum      pkgmeter.MirrorSum        `json:"sum"`
	UpToDate bool                      `json:"up_to_date"`
	Err      string                    `json:"error,omitempty"` // why it is about to connect again
}

func (s *mirrorState) count() (n int) {
	for _, c := range s.Records {
		n += c
	}
	return n
}

// String says what came, for people.
func (s *mirrorState) String() string {
	text := fmt.Sprintf("%s records, %s new or changed", terminal.Grouped(int64(s.count())), terminal.Grouped(int64(s.Sum.Written)))
	for _, also := range []struct {
		n    int
		text string
	}{
		{s.Sum.Removed, "removed"},
		{s.Sum.Refused, "left alone: their names belong to this server's own"},
		{s.Skipped, "unreadable"},
	} {
		if also.n > 0 {
			text += fmt.Sprintf(", %s %s", terminal.Grouped(int64(also.n)), also.text)
		}
	}
	return text
}

func (m *mirroring) now() mirrorState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// run mirrors until everything is copied, or until ctx ends.
func (m *mirroring) run(ctx context.Context, store *sqlite.Store, args mirrorArgs) (mirrorState, error) {
	mirror, err := meteor.NewMirror(store, args.URL, meteor.MirrorOptions{})
	if err != nil {
		return mirrorState{}, err
	}
	m.mu.Lock()
	busy := m.url
	if busy == "" {
		m.url, m.state = args.URL, mirrorState{}
	}
	m.mu.Unlock()
	if busy != "" {
		return mirrorState{}, pkgmeter.Errorf(pkgmeter.Conflict, "the server mirrors %s already", busy)
	}
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.url = ""
	}()
	const inWAL = 16 // pages
	err = mirror.Run(ctx, args.Once, func(p meteor.Progress) {
		if p.Pages%inWAL == 0 {
			if err := store.Checkpoint(ctx); err != nil && ctx.Err() == nil {
				slog.Error("mirror", "err", err)
			}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.state = mirrorState{Records: p.Records, Bytes: p.Bytes, Skipped: p.Skipped, Sum: p.Sum, UpToDate: p.UpToDate}
		if p.Err != nil {
			m.state.Err = p.Err.Error()
		}
	})
	return m.now(), err
}

// calls are what commands ask of a mirror.
func (m *mirroring) calls(store *sqlite.Store) map[string]control.Handler {
	return map[string]control.Handler{
		"mirror":          call(func(ctx context.Context, args mirrorArgs) (any, error) { return m.run(ctx, store, args) }),
		"mirror-progress": func(context.Context, json.RawMessage) (any, error) { return m.now(), nil },
	}
}

// follow mirrors beside a server until ctx ends, or until that makes no sense.
func (m *mirroring) follow(ctx context.Context, store *sqlite.Store, url string) error {
	_, err := m.run(ctx, store, mirrorArgs{URL: url})
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if errors.Is(err, meteor.ErrOtherMirror) {
		slog.Error("--mirror", "err", err)
		return nil
	}
	return fmt.Errorf("--mirror: %w", err)
}

// Run copies another server's catalog.
func (c *mirrorCmd) Run(a *app) error {
	if _, err := meteor.NewMirror(nil, c.URL, meteor.MirrorOptions{}); err != nil {
		return usage("%s", pkgmeter.PublicMessage(err))
	}
	if err := a.makeData(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(a.ctx)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		a.showMirror(ctx, c.Once)
	}()
	var last mirrorState
	err := a.call("mirror", mirrorArgs{c.URL, c.Once}, &last)
	stop()
	<-shown
	if a.ctx.Err() != nil && !c.Once { // told to stop following
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", &last)
	return err
}

// showMirror says how far the mirror is: on a terminal as a line that changes,
// elsewhere when it has caught up and when something is wrong.
func (a *app) showMirror(ctx context.Context, once bool) {
	f, ok := a.err.(*os.File)
	live := ok && term.IsTerminal(int(f.Fd()))
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			if live && said != "" {
				fmt.Fprint(a.err, "\r\x1b[K")
			}
			return
		case <-tick.C:
		}
		s := a.mirror.now()
		if s.count() == 0 && s.Err == "" { // it runs in the server, perhaps
			if raw, err := control.Call(ctx, a.data, "mirror-progress", struct{}{}); err != nil || json.Unmarshal(raw, &s) != nil {
				continue
			}
		}
		text := s.String()
		switch {
		case s.Err != "":
			text = "trying again: " + terminal.Clean(s.Err)
		case s.UpToDate:
			text += ", up to date"
		case !live:
			continue
		}
		if text == said || once && !live {
			continue
		}
		said = text
		if live {
			fmt.Fprintf(a.err, "\r\x1b[K%s", text)
		} else {
			fmt.Fprintln(a.err, text)
		}
	}
}
