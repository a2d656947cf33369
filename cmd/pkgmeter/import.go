package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

type importCmd struct {
	Files       []string `arg:"" name:"file" help:"What to import, as it is or packed with gzip or zstd; - is standard input."`
	Format      string   `placeholder:"FORMAT" default:"auto" help:"ndjson (an event on each line), savejson (the old program's save.json), meteor-stats (a package server's days of use, all at once), an access log: combined, common, nginx-json, caddy, traefik, s3, cloudfront, fastly, w3c (IIS), artifactory, nexus; or auto, by content (default ${default})."`
	Source      string   `placeholder:"NAME" help:"Under which name the events count (default: the name of the format). A newer save.json of the same source counts its increase."`
	Repository  string   `placeholder:"NAME" help:"The repository of lines that name none."`
	peopleFlags `embed:""`

	Follow bool `help:"Keep reading what is written to the files, past their rotation, until interrupted."`
}

// Run imports the files one after another.
func (c *importCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.use(a); err != nil {
		return err
	}
	if err := a.makeData(); err != nil {
		return err
	}
	if c.Format == intake.MeteorStats {
		return c.importStats(a)
	}
	// The process ends soon: memory is cheaper than collecting it.
	debug.SetGCPercent(400)
	im := &importer{a: a, c: c}
	read := im.files
	if c.Follow {
		read = im.follow
	}
	err := read()
	if im.s != nil {
		err = errors.Join(err, im.s.close())
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, im.outcome())
	return err
}

func (c *importCmd) check() error {
	if names := append([]string{"auto"}, intake.FormatNames()...); !slices.Contains(names, c.Format) {
		return usage("--format %s: want one of %s", terminal.Clean(c.Format), strings.Join(names, ", "))
	}
	if c.Follow && (slices.Contains(c.Files, "-") || c.Format == intake.MeteorStats || c.Format == "savejson") {
		return usage("--follow: want files of lines that grow, not standard input, save.json or statistics of days")
	}
	for flag, value := range map[string]string{"--source": c.Source, "--repository": c.Repository} {
		if len(value) > pkgmeter.MaxName || !utf8.ValidString(value) {
			return usage("%s: want at most %d bytes of UTF-8", flag, pkgmeter.MaxName)
		}
	}
	return nil
}

// importer is one run of the command.
type importer struct {
	a   *app
	c   *importCmd
	s   *session // nil until it is needed: a file that cannot be read makes no store
	sum intake.Report

	unattended bool // it is no command of somebody's
}

// outcome is the line that tells what came of all files.
func (im *importer) outcome() string {
	return fmt.Sprintf("%d new, %d known, %d rejected", im.sum.New, im.sum.Known, im.sum.Rejected)
}

func (im *importer) open() (*session, error) {
	var err error
	if im.s == nil {
		im.s, err = im.a.session()
		if err == nil && im.s.calls == nil && (im.c.Geo != "" || im.c.Consumers != "off") {
			im.note("the server takes the lines: the country and the consumers are those that it was started for")
		}
	}
	return im.s, err
}

func (im *importer) note(text string) { fmt.Fprintf(im.a.err, "note: %s\n", terminal.Clean(text)) }

func (im *importer) files() error {
	for _, name := range im.c.Files {
		err := im.file(name)
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("interrupted after %d new events: run the same command again, and it goes on from here", im.sum.New)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) file(name string) error {
	src, shown := im.a.in, "standard input"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		src, shown = f, name
	}
	format := im.c.Format
	if format == "auto" {
		format = ""
	}
	f, err := intake.Open(src, format)
	if err != nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	defer f.Close()
	done, err := im.content(f, shown)
	im.sum.New += done.New
	im.sum.Known += done.Known
	im.sum.Rejected += done.Rejected
	for _, note := range done.Notes {
		im.note(shown + ": " + note)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	return nil
}

// content imports what is in f, whatever its format.
func (im *importer) content(f *intake.File, name string) (done intake.Report, err error) {
	switch {
	case f.Format.Name == "": // none was named, and nothing tells
		done.Notes = append(done.Notes, "it is empty")
		return done, nil
	case f.Format.Name == intake.MeteorStats:
		return done, errors.New("it has a package server's statistics of a day: import all days at once, with --format " + intake.MeteorStats)
	case !f.Format.Lines():
		text, err := f.All()
		if err != nil {
			return done, err
		}
		if im.c.Repository != "" {
			done.Notes = append(done.Notes, "--repository says nothing here: the file has repositories of its own")
		}
		moved, err := im.saveJSON(text)
		done.New, done.Known = moved.New, moved.Known
		return done, err
	}
	s, err := im.open()
	if err != nil {
		return done, err
	}
	bar := newProgress(im.a.err, name)
	defer bar.end()
	return f.Import(im.a.ctx, s, intake.Options{
		Source: im.c.Source, Repository: im.c.Repository,
		Progress: func(lines int64) { bar.add(lines, f.Done(), f.Size) },
	})
}
