// Command bench prints the figures that the program is judged by, one
// "name value goal" a line. Every ratio is one of two things that ran in turn on
// this machine within this run; a goal of - means that the figure stands there
// for reference.
//
// Servers, peers and the load generator run in processes of their own: bench
// starts itself again for the latter two. It does not know why a figure is what
// it is, and makes no claim across machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/load"
)

func main() {
	if code, asked := load.Main(); asked {
		os.Exit(code)
	}
	if code, asked := peerMain(); asked {
		os.Exit(code)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	bin  string // the program to measure
	self string // this program
	dir  string // scratch; on the disk that is measured
	out  io.Writer

	thorough bool // also what takes minutes and prints no figure
}

func run() (err error) {
	bin := flag.String("pkgmeter", "bin/pkgmeter", "the program to measure")
	full := flag.Bool("full", false, "measure large stores as well, which takes long")
	only := flag.String("only", "", "only this part: callback, moving, ledger, logs, sync, use, packages, pages, store, search (of -year), large (of -large) or flat")
	year := flag.String("year", "", "data folder with the 10 million events of an earlier run, kept as it is, instead of filling one")
	large := flag.String("large", "", "the same for the 100 million events of -full")
	into := flag.String("fill", "", "only make a data folder, for -year or with -full for -large")
	where := flag.String("dir", "", "folder for data, on the disk to measure (default: the folder for temporary files)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{out: os.Stdout, thorough: *full || *only == "store"}
	if *into != "" {
		v := million10
		if *full {
			v = million100
		}
		c, err := fill(ctx, *into, v.events)
		if err == nil {
			c.print(b, v.suffix)
		}
		return err
	}
	if b.bin, err = filepath.Abs(*bin); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*where, "pkgmeter-bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()

	fmt.Fprintf(b.out, "# %s, %s/%s, %s, %d cores, %s\n", time.Now().UTC().Format(time.DateOnly),
		runtime.GOOS, runtime.GOARCH, processor(), runtime.NumCPU(), runtime.Version())
	if *only == "" || *only == "callback" {
		if err := b.callback(ctx); err != nil {
			return fmt.Errorf("callback: %w", err)
		}
	}
	if *only == "" || *only == "moving" {
		if err := b.moving(ctx); err != nil {
			return fmt.Errorf("moving: %w", err)
		}
	}
	if *only == "" || *only == "ledger" {
		if err := b.ledger(ctx); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	if *only == "" || *only == "logs" {
		if err := b.logs(ctx); err != nil {
			return fmt.Errorf("logs: %w", err)
		}
	}
	if *only == "" || *only == "sync" {
		if err := b.sync(ctx, *full); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
	}
	if *only == "" || *only == "use" {
		facts := useFacts
		if *full {
			facts = useFactsFull
		}
		if err := b.use(ctx, facts); err != nil {
			return fmt.Errorf("use: %w", err)
		}
	}
	if *only == "" || *only == "packages" {
		if err := b.packages(ctx); err != nil {
			return fmt.Errorf("packages: %w", err)
		}
	}
	if *only == "" || *only == "pages" {
		events := pagesEvents
		if *full {
			events = pagesEventsFull
		}
		if err := b.pages(ctx, events); err != nil {
			return fmt.Errorf("pages: %w", err)
		}
	}
	if *only == "flat" || *only == "" && *full {
		if err := b.flat(ctx, 20); err != nil {
			return fmt.Errorf("flat: %w", err)
		}
	}
	if *only == "" || *only == "store" {
		if err := b.year(ctx, million10, *year); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if *only == "search" {
		if err := b.search(ctx, *year, million10); err != nil {
			return fmt.Errorf("search: %w", err)
		}
	}
	if *full && (*only == "" || *only == "store") || *only == "large" {
		if err := b.year(ctx, million100, *large); err != nil {
			return fmt.Errorf("large store: %w", err)
		}
	}
	return nil
}

func (b *bench) print(name string, value float64, goal string) {
	text := fmt.Sprintf("%.3f", value)
	switch {
	case value >= 1000:
		text = fmt.Sprintf("%.0f", value)
	case value >= 10:
		text = fmt.Sprintf("%.1f", value)
	}
	fmt.Fprintf(b.out, "%-28s %10s %8s\n", name, text, goal)
}

func (b *bench) comment(format string, args ...any) {
	fmt.Fprintf(b.out, "# "+format+"\n", args...)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
