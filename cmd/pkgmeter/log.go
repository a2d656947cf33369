package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// logger makes log lines readable for whoever reads them, and keeps a flood of
// the same line from filling the disk.
func logger(to io.Writer) *slog.Logger {
	var h slog.Handler = slog.NewJSONHandler(to, nil)
	if f, ok := to.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		h = slog.NewTextHandler(to, nil)
	}
	return slog.New(sampler{h, h, &window{now: time.Now}})
}

const (
	burst       = 10 // lines of one message in a second that are written
	maxMessages = 64 // different messages that are told apart in a second
)

// sampler writes the first lines of a message in each second, and once the
// second is over how many more there were.
type sampler struct {
	slog.Handler
	root slog.Handler // without the attributes of any logger
	w    *window
}

// window counts the messages of the present second.
type window struct {
	now func() time.Time

	mu    sync.Mutex
	began time.Time
	seen  map[string]int
}

// Handle implements [slog.Handler].
func (s sampler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "" || s.w.count(r.Message, func(message string, more int) {
		left := slog.NewRecord(s.w.now(), slog.LevelWarn, "lines left out", 0)
		left.AddAttrs(slog.String("message", message), slog.Int("lines", more))
		s.root.Handle(ctx, left) //nolint:errcheck // there is nowhere else to say it
	}) {
		return s.Handler.Handle(ctx, r)
	}
	return nil
}

// count reports whether a line is to be written. When a new second begins,
// left is told what was left out in the one before.
func (w *window) count(message string, left func(string, int)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); w.seen == nil || now.Sub(w.began) >= time.Second {
		for m, n := range w.seen {
			if n > burst {
				left(m, n-burst)
			}
		}
		w.began, w.seen = now, map[string]int{}
	}
	if len(w.seen) >= maxMessages && w.seen[message] == 0 {
		message = "others"
	}
	w.seen[message]++
	return w.seen[message] <= burst
}

// WithAttrs implements [slog.Handler].
func (s sampler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sampler{s.Handler.WithAttrs(attrs), s.root, s.w}
}

// WithGroup implements [slog.Handler].
func (s sampler) WithGroup(name string) slog.Handler {
	return sampler{s.Handler.WithGroup(name), s.root, s.w}
}
