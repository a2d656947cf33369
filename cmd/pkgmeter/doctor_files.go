package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// filesArgs is the call that lists bytes that the database refers to.
type filesArgs struct {
	From  []byte `json:"from"` // digest
	Limit int    `json:"limit"`
}

const (
	filesPage     = 1000 // that a call lists; more than one
	mostOfProblem = 50   // problems that a report lists
)

// files checks the bytes of packages. The command reads them itself, and not the
// server, of which it takes the list only: a check of all bytes may take hours,
// ends at once with its command, and leaves the server's memory and connections
// to those who fetch packages.
type files struct {
	app   *app
	blobs *blob.Reader
	found *diagnosis

	missing int
}

const bytesMissing = "its bytes are missing"

func (f *files) check() error {
	all, size, err := f.list(filesPage)
	if err != nil {
		return err
	}
	show := newShare(f.app.err, "doctor")
	defer show.end()
	for _, b := range all {
		if err := f.one(b); err != nil {
			return err
		}
		show.add(b.Size, size)
	}
	return nil
}

// list returns what the database refers to, and how many bytes that is. The data
// folder is free again before they are read.
func (f *files) list(perCall int) (all []pkgmeter.Blob, size int64, err error) {
	s, err := f.app.session()
	if err != nil {
		return nil, 0, err
	}
	args := filesArgs{Limit: perCall}
	for more := true; more && err == nil; {
		var page []sqlite.Needed
		if err = s.call("files", args, &page); err != nil {
			break
		}
		for _, n := range page {
			if !bytes.Equal(n.SHA256, args.From) { // the first one is the last one of the page before
				all = append(all, pkgmeter.Blob{SHA256: [32]byte(n.SHA256), Size: n.Size})
				size += n.Size
			}
		}
		if more = len(page) == perCall; more {
			args.From = page[len(page)-1].SHA256
		}
	}
	return all, size, errors.Join(err, s.close())
}

// one checks one file.
func (f *files) one(b pkgmeter.Blob) error {
	wrong := f.wrong(f.app.ctx, b)
	if f.app.ctx.Err() != nil {
		return f.app.ctx.Err()
	}
	if wrong != "" && len(f.found.Problems) < mostOfProblem {
		// Since it was listed it may have been published or removed, and swept.
		var now []sqlite.Needed
		if err := f.app.call("files", filesArgs{b.SHA256[:], 1}, &now); err != nil {
			return err
		}
		if len(now) == 0 || !bytes.Equal(now[0].SHA256, b.SHA256[:]) {
			return nil
		}
		what := fmt.Sprintf("an upload that is not published yet (SHA-256 %x)", b.SHA256)
		if now[0].Path != "" {
			what = "/files/" + now[0].Path
		}
		f.found.Problems = append(f.found.Problems, what+": "+wrong)
	} else if wrong != "" {
		f.found.More++
	}
	if wrong == bytesMissing {
		f.missing++
	}
	f.found.Files++
	return nil
}

// wrong says what is wrong with bytes, if anything is.
func (f *files) wrong(ctx context.Context, b pkgmeter.Blob) string {
	content, size, err := f.blobs.Open(ctx, b.SHA256)
	if err == nil {
		err = content.Close()
	}
	if err == nil && size != b.Size {
		return fmt.Sprintf("there are %d bytes, and the database says %d", size, b.Size)
	}
	if err == nil {
		err = f.blobs.Check(ctx, b.SHA256)
	}
	switch {
	case err == nil:
		return ""
	case pkgmeter.CodeOf(err) == pkgmeter.NotFound:
		return bytesMissing
	case errors.Is(err, blob.ErrDamaged):
		return "its bytes are damaged: they have another SHA-256"
	default:
		return fmt.Sprintf("its bytes cannot be read: %v", err)
	}
}
