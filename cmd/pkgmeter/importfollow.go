package main

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/intake"
)

// follow imports the files and what is written to them, until the command is
// interrupted. It has the store only while it stores, so that a server may start
// and stop beside it.
func (im *importer) follow() error {
	until := im.a.ctx
	im.a.ctx = context.WithoutCancel(until) // what is begun is brought to its end
	bar := newProgress(im.a.err, "following")
	defer bar.end()
	format := im.c.Format
	if format == "auto" {
		format = ""
	}
	var err error
	im.sum, err = intake.Follow(until, im.c.Files, intake.FollowOptions{
		Options: intake.Options{
			Source: im.c.Source, Repository: im.c.Repository,
			Progress: func(lines int64) { bar.add(lines, 0, -1) },
		},
		Format: format,
		Open: func() (intake.Taker, func() error, error) {
			s, err := im.a.session()
			if err != nil {
				return nil, nil, err
			}
			return s, s.close, nil
		},
		Passes: passes,
		Note: func(text string) {
			bar.end()
			im.note(text)
		},
	})
	return err
}

// passes reports whether what is in the way of the store may go by itself: a
// server that stops or starts, or another command that has the data folder or
// imports the same file.
func passes(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	code := pkgmeter.CodeOf(err)
	return code == pkgmeter.Conflict || code == pkgmeter.Unavailable ||
		errors.Is(err, control.ErrLocked) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
